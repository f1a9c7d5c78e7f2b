; mode: native
; Shifts and rotates of all sizes by 0, 1 and counts above 31, by 1, imm8 and CL, on registers and memory.
%macro ONE 4 ; op, value, count, flags
    mov eax, %2
    mov [DATA], eax
    mov cl, %3
    FLAGS %4
    %1 al, cl
    pushf
    %1 ah, %3
    pushf
    %1 ax, cl
    pushf
    %1 eax, %3
    pushf
    %1 eax, cl
    pushf
    %1 byte [DATA], cl
    pushf
    %1 word [DATA], %3
    pushf
    %1 dword [DATA], cl
    pushf
    %1 dword [DATA + 1], %3
    pushf
    %1 eax, 1
    pushf
    %1 byte [DATA + 2], 1
    pushf
    push eax
    push dword [DATA]
%endmacro
%macro COUNTS 1
    %defstr n %1
    %strcat m n, "_low"
    CASE m
        ONE %1, 0x81234567, 0, CF
        ONE %1, 0x81234567, 0, ZF | SF | OF
        ONE %1, 0x81234567, 1, 0
        ONE %1, 0xfedcba98, 2, CF
        ONE %1, 0x80000001, 7, CF
        ONE %1, 0x80000001, 8, 0
        ONE %1, 0x7fff8001, 9, CF
        ONE %1, 0x00000000, 3, ARITH
    ENDCASE
    %strcat m n, "_high"
    CASE m
        ONE %1, 0x81234567, 15, CF
        ONE %1, 0x81234567, 16, 0
        ONE %1, 0x81234567, 17, CF
        ONE %1, 0xfedcba98, 18, 0
        ONE %1, 0x80000001, 31, CF
        ONE %1, 0x80000001, 32, CF | OF
        ONE %1, 0x7fff8001, 33, 0
        ONE %1, 0xffffffff, 255, ARITH
    ENDCASE
%endmacro
COUNTS rol
COUNTS ror
COUNTS rcl
COUNTS rcr
COUNTS shl
COUNTS shr
COUNTS sar
CASE "sal_alias"
    mov eax, 0xc0000001
    db 0xd1, 0xf0 ; SAL, the alias with reg 6
    pushf
    db 0xc0, 0xf0, 0x04
    pushf
    mov cl, 33
    db 0xd3, 0xf0
    pushf
ENDCASE
%macro DOUBLE 4 ; op, a, b, count
    mov eax, %2
    mov ebx, %3
    mov [DATA], eax
    mov cl, %4
    FLAGS CF | ZF
    %1 eax, ebx, cl
    pushf
    push eax
    %1 eax, ebx, %4
    pushf
    push eax
    %1 [DATA], ebx, cl
    pushf
    %1 [DATA], ebx, %4
    pushf
    push dword [DATA]
    %if %4 < 17
    %1 ax, bx, cl
    pushf
    %1 [DATA + 1], bx, %4
    pushf
    push eax
    %endif
%endmacro
%macro DOUBLES 1
    %defstr n %1
    CASE n
        DOUBLE %1, 0x12345678, 0x9abcdef0, 0
        DOUBLE %1, 0x12345678, 0x9abcdef0, 1
        DOUBLE %1, 0x80000000, 0x7fffffff, 1
        DOUBLE %1, 0x12345678, 0x9abcdef0, 8
        DOUBLE %1, 0x12345678, 0x9abcdef0, 16
        DOUBLE %1, 0x12345678, 0x9abcdef0, 31
        DOUBLE %1, 0x12345678, 0x9abcdef0, 32
        DOUBLE %1, 0x12345678, 0x9abcdef0, 33
        DOUBLE %1, 0xffffffff, 0, 255
    ENDCASE
%endmacro
DOUBLES shld
DOUBLES shrd
