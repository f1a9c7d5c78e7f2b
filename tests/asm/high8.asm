; mode: native
; data: 4
; 8-bit high registers together with ESP-based and any other memory operands.
%macro HIGH 1 ; ah ch dh bh
    mov %1, [esp + 4]
    add %1, [esp + 5]
    mov [esp + 6], %1
    adc [esp + 7], %1
    sub %1, [DATA + 3]
    xor [DATA + 9], %1
    cmp %1, [esp + edi]
    pushf
    test [esp + 8], %1
    pushf
    xchg %1, [esp + 12]
    xadd [esp + 13], %1
    mov esi, DATA + 0x40
    or %1, [esi + 5]
    sbb [esi + 6], %1
    cmpxchg [esi + 7], %1
    movzx ebp, %1
    push ebp
    movsx ebp, %1
    push ebp
    shl %1, 3
    rcr %1, cl
    not %1
    neg %1
    inc %1
    setb %1
    mov %1, 0x5c
    imul %1
    pushf
    push eax
%endmacro
CASE "ah"
    mov edi, 9
    HIGH ah
ENDCASE
CASE "ch"
    mov edi, 9
    HIGH ch
ENDCASE
CASE "dh"
    mov edi, 9
    HIGH dh
ENDCASE
CASE "bh"
    mov edi, 9
    HIGH bh
ENDCASE
CASE "pairs"
    mov ah, ch
    mov dh, ah
    xchg bh, dl
    add ah, al
    adc bl, bh
    sub cl, ch
    sbb dh, dl
    xor al, dh
    cmp bh, ah
    pushf
    test ch, dh
    pushf
    xadd ah, bh
    cmpxchg ch, dh
    mov al, 0x12
    mov ah, 3
    mov dl, 9
    div dl
    aam
    mul dh
    push eax
ENDCASE
