; mode: native
; Bit instructions: register and memory operands, bit offsets far outside the operand in both directions.
%macro BITS 2 ; op, offset
    mov eax, 0x12345678
    mov ecx, %2
    %1 eax, ecx
    pushf
    %1 ax, cx
    pushf
    push eax
    mov ebx, DATA + 0x1800
    %1 [ebx], ecx
    pushf
    %1 [ebx + 3], cx
    pushf
    %1 eax, (%2) & 0xff
    pushf
    %1 dword [ebx + 8], (%2) & 0xff
    pushf
    %1 word [ebx + 12], (%2) & 0xff
    pushf
%endmacro
%macro ALL 1
    %defstr n %1
    CASE n
        BITS %1, 0
        BITS %1, 1
        BITS %1, 15
        BITS %1, 16
        BITS %1, 31
        BITS %1, 32
        BITS %1, 100
        BITS %1, -1
        BITS %1, -33
        BITS %1, 0x7fff
        BITS %1, -0x8000
        BITS %1, 0x10001
    ENDCASE
%endmacro
ALL bt
ALL bts
ALL btr
ALL btc
CASE "lock"
    mov ecx, 70
    mov ebx, DATA
    lock bts [ebx], ecx
    pushf
    lock btr [ebx + 8], ecx
    pushf
    lock btc dword [ebx + 16], 5
    pushf
ENDCASE
%macro SCANS 1
    mov edx, 0x77777777
    mov ecx, %1
    mov [DATA], ecx
    bsf edx, ecx
    pushf
    push edx
    bsr edx, ecx
    pushf
    push edx
    bsf dx, cx
    pushf
    push edx
    bsr edx, [DATA]
    pushf
    push edx
%endmacro
CASE "scan", PF | AF | SF | OF | CF
    SCANS 1
    SCANS 0x80000000
    SCANS 0x00010000
    SCANS 0xffffffff
    SCANS 0x00008000
    SCANS 0
ENDCASE
CASE "bswap"
    mov eax, 0x12345678
    bswap eax
    mov esp, 0x10203040
    bswap esp
    mov ecx, esp
    mov esp, STACK + 0x1f00
    bswap ebp
    bswap edi
ENDCASE
