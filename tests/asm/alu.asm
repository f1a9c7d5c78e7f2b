; mode: native
; Every form of the eight two-operand ALU instructions, in all sizes, on registers and memory, with and without carry in.
; Flags and results of each go to the stack, so the final state holds them all.
%macro SAVE 0
    pushf
    push eax
    push dword [DATA]
%endmacro
%macro START 3 ; a, b, flags
    FLAGS %3
    mov eax, %1
    mov ebx, %2
    mov [DATA], eax
    mov [DATA + 4], ebx
    mov esi, DATA
%endmacro
%macro FORMS 4 ; op, a, b, flags
    START %2, %3, %4
    %1 al, bl
    SAVE
    START %2, %3, %4
    %1 ah, bh
    SAVE
    START %2, %3, %4
    %1 [esi], bl
    SAVE
    START %2, %3, %4
    %1 bh, [esi + 4]
    SAVE
    START %2, %3, %4
    %1 al, (%3) & 0xff
    SAVE
    START %2, %3, %4
    %1 byte [esi + 1], (%3) & 0xff
    SAVE
    START %2, %3, %4
    %1 ax, bx
    SAVE
    START %2, %3, %4
    %1 [esi], bx
    SAVE
    START %2, %3, %4
    %1 ax, [esi + 4]
    SAVE
    START %2, %3, %4
    %1 ax, strict word (%3) & 0xffff
    SAVE
    START %2, %3, %4
    %1 word [esi], strict byte -5
    SAVE
    START %2, %3, %4
    %1 eax, ebx
    SAVE
    START %2, %3, %4
    %1 [esi], ebx
    SAVE
    START %2, %3, %4
    %1 eax, [esi + 4]
    SAVE
    START %2, %3, %4
    %1 eax, strict dword %3
    SAVE
    START %2, %3, %4
    %1 dword [esi], strict dword %3
    SAVE
    START %2, %3, %4
    %1 dword [esi], strict byte 0x7f
    SAVE
    START %2, %3, %4
    %1 edi, strict byte -128
    SAVE
%endmacro
%macro PAIRS 1
    %defstr %%name %1
    %assign %%i 0
    %rep 2
        %defstr %%number %%i
        %strcat %%case %%name, "_a", %%number
        CASE %%case
            FORMS %1, 0, 0, %%i * (CF | ZF | OF)
            FORMS %1, 0x7fffffff, 1, %%i * (CF | SF | AF)
            FORMS %1, 0x80008080, 0x80008080, %%i * CF
        ENDCASE
        %strcat %%case %%name, "_b", %%number
        CASE %%case
            FORMS %1, 0xffffffff, 0xffffffff, %%i * (CF | PF)
            FORMS %1, 0x12345678, 0x9abcdef0, %%i * (CF | ZF | OF)
            FORMS %1, 0x0f0f0f0f, 0x01010101, %%i * CF
        ENDCASE
        %assign %%i 1
    %endrep
%endmacro
PAIRS add
PAIRS or
PAIRS adc
PAIRS sbb
PAIRS and
PAIRS sub
PAIRS xor
PAIRS cmp

; TEST has fewer forms
%macro TESTS 2
    START %1, %2, ARITH
    test al, bl
    SAVE
    START %1, %2, ARITH
    test [esi], bh
    SAVE
    START %1, %2, ARITH
    test al, (%2) & 0xff
    SAVE
    START %1, %2, ARITH
    test byte [esi + 3], (%2) & 0xff
    SAVE
    START %1, %2, ARITH
    test ax, bx
    SAVE
    START %1, %2, ARITH
    test word [esi], (%2) & 0xffff
    SAVE
    START %1, %2, ARITH
    test eax, ebx
    SAVE
    START %1, %2, ARITH
    test eax, %2
    SAVE
    START %1, %2, ARITH
    test [esi], ebx
    SAVE
    START %1, %2, ARITH
    test dword [esi], %2
    SAVE
    START %1, %2, ARITH
    db 0xf6, 0xc8, 0x81 ; TEST AL, imm8, the alias with reg 1
    SAVE
%endmacro
CASE "test"
    TESTS 0, 0xffffffff
    TESTS 0x80008080, 0x80008080
    TESTS 0x12345678, 0x0f0f0f0f
ENDCASE
CASE "alias_82" ; 82 is 80
    mov eax, 0x12345678
    db 0x82, 0xc0, 0x90
    pushf
    db 0x82, 0xf8, 0x08
    pushf
ENDCASE
