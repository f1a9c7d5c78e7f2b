; mode: ring3
; covers: RDRAND RDSEED
; RDRAND and RDSEED: every register in both sizes, the flags after them, where they are #UD. No value is kept, since
; it differs each time; and hardware may have none at hand (CF is 0), so each is tried until it has.
; expect lock_rdrand: fault=6
; expect lock_rdseed: fault=6
; expect lock_rdrand16: fault=6
; expect memory_rdrand: fault=6
; expect memory_rdseed: fault=6
; expect rep_rdrand: fault=6
; expect rep_rdseed: fault=6
; expect code16: eax=1 ebx=0xabcd ecx=1 edx=0xabcd
; expect changing: eax=1 ebx=1
%assign REGS 8
%define FLAGS_AT DATA                   ; one dword a register: of the 32-bit form, of the 16-bit form
%define HIGH_AT (DATA + 2 * 4 * REGS)   ; the upper half that the 16-bit form keeps
%define ESP_AT (DATA + 0x1000)
%define ESP_DROP (DATA + 0x1004)

%macro SET_ARITH 0
    push dword ARITH | DF
    popfd
%endmacro
; where to try again while there was none, what tells the flags apart at FLAGS_AT
%macro KEEP_FLAGS 2
    jnc %1
    pushfd
    pop dword [FLAGS_AT + 4 * (%2)]
    and dword [FLAGS_AT + 4 * (%2)], ARITH | DF
    cld
%endmacro
; instruction, register, what tells them apart at FLAGS_AT
%macro TRY 3
%%again:
    SET_ARITH
    %1 %2
    KEEP_FLAGS %%again, %3
%endmacro
; instruction, 32-bit register, 16-bit register, number
%macro BOTH 4
    TRY %1, %2, %4
    mov %2, 0xabcd1234
    TRY %1, %3, REGS + %4
    shr %2, 16
    mov [HIGH_AT + 4 * %4], %2
%endmacro
%macro TRY_ESP 3
%%again:
    mov esp, [ESP_AT]
    SET_ARITH
    mov esp, 0xabcd1234
    %1 %2
    mov [ESP_DROP], esp
    mov esp, [ESP_AT]
    KEEP_FLAGS %%again, %3
%endmacro
%macro ALL_REGS 1
    BOTH %1, eax, ax, 0
    BOTH %1, ecx, cx, 1
    BOTH %1, edx, dx, 2
    BOTH %1, ebx, bx, 3
    BOTH %1, ebp, bp, 5
    BOTH %1, esi, si, 6
    BOTH %1, edi, di, 7
    mov [ESP_AT], esp
    TRY_ESP %1, esp, 4
    TRY_ESP %1, sp, REGS + 4
    shr dword [ESP_DROP], 16
    mov eax, [ESP_DROP]
    mov [HIGH_AT + 4 * 4], eax
    cmp eax, eax
%endmacro
; Four words in a row are not all equal; register that says so
%macro CHANGES 2
    SET_ARITH
    xor edi, edi
    mov ecx, 4
%%next:
    %1 edx
    jnc %%next
    mov ebp, edx
%%again:
    %1 edx
    jnc %%again
    xor edx, ebp
    or edi, edx
    loop %%next
    neg edi
    sbb %2, %2
    neg %2
    cld
%endmacro

CASE "rdrand"
    ALL_REGS rdrand
ENDCASE
CASE "rdseed"
    ALL_REGS rdseed
ENDCASE
CASE "others_kept"
    rdrand ecx
    mov ecx, 0
    rdseed dx
    mov edx, 0
    test edx, edx
ENDCASE
CASE "changing"
    CHANGES rdrand, eax
    CHANGES rdseed, ebx
    mov edx, 0
    mov edi, 0
    mov ebp, 0
    test eax, eax
ENDCASE
CASE "code16"
    mov ebx, 0xabcd0000
    mov edx, 0xabcd0000
    IN16 SEL_CODE16
.a: rdrand bx
    jnc .a
    setc al
    movzx eax, al
.b: rdseed dx
    jnc .b
    setc cl
    movzx ecx, cl
    shr ebx, 16
    shr edx, 16
.c: rdrand esi
    jnc .c
.d: rdseed ebp
    jnc .d
    mov esi, 0
    mov ebp, 0
    OUT16
ENDCASE
CASE "lock_rdrand"
    db 0xf0, 0x0f, 0xc7, 0xf0
ENDCASE
CASE "lock_rdrand16"
    db 0xf0, 0x66, 0x0f, 0xc7, 0xf0
ENDCASE
CASE "lock_rdseed"
    db 0xf0, 0x0f, 0xc7, 0xf8
ENDCASE
CASE "memory_rdrand"                    ; VMPTRLD, VMPTRST
    db 0x0f, 0xc7, 0x33
ENDCASE
CASE "memory_rdseed"
    db 0x0f, 0xc7, 0x3b
ENDCASE
CASE "rep_rdrand"
    db 0xf2, 0x0f, 0xc7, 0xf0
ENDCASE
CASE "rep_rdseed"
    db 0xf2, 0x0f, 0xc7, 0xf8
ENDCASE
