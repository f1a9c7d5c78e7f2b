; mode: native
; INC, DEC, NEG, NOT in all sizes; INC and DEC keep CF.
%macro EACH 2 ; op, value
    %assign c 0
    %rep 2
    mov eax, %2
    mov [DATA + 8], eax
    FLAGS c * ARITH
    %1 al
    pushf
    %1 ah
    pushf
    %1 ax
    pushf
    %1 eax
    pushf
    %1 byte [DATA + 8]
    pushf
    %1 word [DATA + 8]
    pushf
    %1 dword [DATA + 8]
    pushf
    push eax
    push dword [DATA + 8]
    %assign c 1
    %endrep
%endmacro
%macro ALL 1
    %defstr n %1
    CASE n
    EACH %1, 0
    EACH %1, 1
    EACH %1, 0x7f7f7f7f
    EACH %1, 0x7fffffff
    EACH %1, 0x80000000
    EACH %1, 0x8000ffff
    EACH %1, 0xffffffff
    ENDCASE
%endmacro
ALL inc
ALL dec
ALL neg
ALL not
CASE "long_forms"
    FLAGS CF | ZF
    db 0xff, 0xc0 ; inc eax
    pushf
    db 0xff, 0xcc ; dec esp
    inc esp
    db 0x66, 0x4b ; dec bx
    pushf
    lock inc dword [DATA]
    lock not byte [DATA + 1]
    lock neg word [DATA + 2]
    pushf
ENDCASE
