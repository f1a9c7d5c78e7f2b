; mode: native
; Moves, extensions, exchanges, conditional moves and sets.
CASE "extend"
    mov eax, 0x8081f0ff
    mov [DATA], eax
    movzx ecx, al
    push ecx
    movzx ecx, ah
    push ecx
    movsx edx, al
    push edx
    movsx dx, ah
    push edx
    movzx si, byte [DATA + 3]
    push esi
    movsx edi, word [DATA + 2]
    push edi
    movzx ebp, word [DATA + 1]
    push ebp
    movsx bx, byte [DATA]
    push ebx
    db 0x66, 0x0f, 0xb7, 0xd8 ; movzx bx, ax
    push ebx
ENDCASE
CASE "convert"
    mov eax, 0xffff8080
    cbw
    push eax
    cwde
    push eax
    cwd
    push edx
    cdq
    push edx
    mov eax, 0x7f7f
    cbw
    cwde
    cdq
    push eax
    push edx
ENDCASE
%macro CC 1
    cmov%1 eax, ebx
    set%1 cl
    set%1 dh
    set%1 byte [DATA + 3]
    cmov%1 si, [DATA]
    push ecx
    push edx
    push esi
    push eax
    mov eax, 0x01010101
%endmacro
%macro CCS 2
    CASE %1
    mov ebx, 0x99887766
    FLAGS %2
    CC o
    CC no
    CC b
    CC ae
    CC z
    CC nz
    CC be
    CC a
    CC s
    CC ns
    CC p
    CC np
    CC l
    CC ge
    CC le
    CC g
    ENDCASE
%endmacro
CCS "cc_none", 0
CCS "cc_all", ARITH
CCS "cc_cf", CF
CCS "cc_zf", ZF
CCS "cc_sf", SF
CCS "cc_of", OF
CCS "cc_pf", PF
CCS "cc_sfof", SF | OF
CASE "exchange"
    xchg eax, ebx
    xchg cl, ch
    xchg [DATA], edx
    xchg dl, [DATA + 1]
    xchg ax, si
    xchg eax, esp
    xchg eax, esp
    lock xchg [DATA + 4], edi
    nop
    xchg eax, eax
    xadd eax, ebx
    pushf
    xadd [DATA], ecx
    pushf
    lock xadd [DATA + 8], dx
    pushf
    xadd ah, al
    pushf
ENDCASE
CASE "cmpxchg"
    mov eax, 5
    mov ebx, 5
    mov ecx, 7
    cmpxchg ebx, ecx
    pushf
    cmpxchg ebx, ecx
    pushf
    push eax
    mov dword [DATA], 7
    mov edx, 0x12345678
    cmpxchg [DATA], edx
    pushf
    cmpxchg [DATA], ecx
    pushf
    lock cmpxchg [DATA], cx
    pushf
    cmpxchg [DATA + 1], dh
    pushf
    push eax
ENDCASE
CASE "cmpxchg8b"
    mov dword [DATA], 1
    mov dword [DATA + 4], 2
    mov eax, 1
    mov edx, 2
    mov ebx, 0x11111111
    mov ecx, 0x22222222
    FLAGS CF | OF
    cmpxchg8b [DATA]
    pushf
    lock cmpxchg8b [DATA]
    pushf
    push eax
    push edx
    cmpxchg8b [DATA + 0x0ffc] ; across a page
    pushf
ENDCASE
CASE "moffs"
    mov eax, 0x12345678
    mov [DATA + 5], al
    mov [DATA + 8], ax
    mov [DATA + 0xffe], eax
    mov al, [DATA + 9]
    mov ax, [DATA + 5]
    db 0xa1
    dd DATA + 0xfff
    push eax
ENDCASE
CASE "lahf_sahf"
    mov ah, 0xff
    sahf
    pushf
    lahf
    push eax
    xor ah, ah
    sahf
    pushf
    stc
    lahf
    push eax
    cmc
    pushf
    clc
    cmc
    pushf
    std
    pushf
    cld
    pushf
ENDCASE
CASE "xlat"
    ; covered below in its own file too: AL indexes bytes from EBX
    mov dword [DATA + 0xf0], 0x44332211
    mov ebx, DATA + 0x10
    mov al, 0xe2
    xlatb
    push eax
    mov ebx, DATA + 0x100
    mov al, 0xf2
    sub ebx, 0x100
    xlatb
    push eax
ENDCASE
