; mode: native
; data: 3
; covers: MOVSB MOVSW MOVSD STOSB STOSW STOSD LODSB LODSW LODSD SCASB SCASW SCASD CMPSB CMPSW CMPSD
; String instructions of all sizes with every repeat prefix, both directions, counts 0 and more, overlapping, across pages.
%macro STATE 0
    pushf
    push eax
    push ecx
    push esi
    push edi
    cld
%endmacro
%macro RUN 4 ; instruction with prefix, count, esi, edi
    mov eax, 0x81726354
    mov ecx, %2
    mov esi, %3
    mov edi, %4
    FLAGS ARITH
    %1
    STATE
    mov ecx, %2
    mov esi, %3
    mov edi, %4
    FLAGS DF
    %1
    STATE
%endmacro
%macro SIZES 2 ; name, instruction stem
    %strcat n %1, "_once"
    CASE n
        RUN %2b, 5, DATA + 0x100, DATA + 0x200
        RUN %2w, 5, DATA + 0x101, DATA + 0x203
        RUN %2d, 5, DATA + 0x102, DATA + 0x205
        RUN %2d, 0, DATA + 0xffe, DATA + 0x1ffd
    ENDCASE
    %strcat n %1, "_rep"
    CASE n
        RUN rep %2b, 17, DATA + 0x100, DATA + 0x200
        RUN rep %2w, 17, DATA + 0x101, DATA + 0x203
        RUN rep %2d, 17, DATA + 0x102, DATA + 0x205
        RUN rep %2d, 0, 0, 0
        RUN rep %2d, 9, DATA + 0xff6, DATA + 0x1ff5
        RUN rep %2b, 1, DATA + 0xfff, DATA + 0x2000
    ENDCASE
    %strcat n %1, "_repne"
    CASE n
        RUN repne %2b, 17, DATA + 0x100, DATA + 0x200
        RUN repne %2w, 17, DATA + 0x101, DATA + 0x203
        RUN repne %2d, 17, DATA + 0x102, DATA + 0x205
        RUN repne %2d, 0, DATA + 0x102, DATA + 0x205
    ENDCASE
%endmacro
SIZES "movs", movs
SIZES "stos", stos
SIZES "lods", lods
SIZES "scas", scas
SIZES "cmps", cmps
%macro UP 4
    mov ecx, %2
    mov esi, %3
    mov edi, %4
    %1
    STATE
%endmacro
CASE "compare_equal"
    mov esi, DATA
    mov edi, DATA + 0x400
    mov ecx, 0x40
    rep movsd
    mov dword [DATA + 0x4c0], 0
    UP repe cmpsb, 0x200, DATA, DATA + 0x400
    UP repe cmpsw, 0x200, DATA, DATA + 0x400
    UP repe cmpsd, 0x80, DATA, DATA + 0x400
    UP repe cmpsd, 0x20, DATA, DATA + 0x400
    UP repne cmpsb, 0x20, DATA + 1, DATA + 0x400
ENDCASE
CASE "scan"
    mov edi, DATA + 0x800
    mov ecx, 0x100
    xor eax, eax
    rep stosb
    mov byte [DATA + 0x880], 0x54
    RUN repne scasb, 0x100, 0, DATA + 0x800
    mov eax, 0
    mov ecx, 0x100
    mov edi, DATA + 0x800
    repe scasb
    STATE
    mov eax, 0
    mov ecx, 0x40
    mov edi, DATA + 0x8fc
    std
    repe scasd
    STATE
    mov ecx, -1
    mov edi, DATA + 0x880
    mov al, 0x54
    repne scasb
    STATE
ENDCASE
CASE "overlap"
    RUN rep movsb, 40, DATA + 0x100, DATA + 0x101
    RUN rep movsb, 40, DATA + 0x101, DATA + 0x100
    RUN rep movsd, 40, DATA + 0x300, DATA + 0x302
    RUN rep movsd, 400, DATA + 0xe00, DATA + 0xe04
    RUN rep movsw, 300, DATA + 0x1003, DATA + 0x1000
ENDCASE
CASE "big"
    mov esi, DATA
    mov edi, DATA + 0x2000
    mov ecx, 0x800
    rep movsd
    STATE
    mov edi, DATA + 0x1800
    mov ecx, 0x2000
    mov al, 0x5a
    rep stosb
    STATE
ENDCASE
CASE "segment"
    mov ax, SEL_DATA
    mov gs, ax
    mov esi, 0x100
    mov edi, DATA + 0x200
    mov ecx, 5
    gs rep movsd
    mov esi, 0x180
    gs lodsd
    push eax
    mov esi, 0x190
    gs lodsb
    push eax
    gs cmpsd
    pushf
    ; the destination's segment cannot be overridden
    gs stosd
    gs scasb
    pushf
ENDCASE
CASE "es_base"
    mov ax, SEL_DATA
    mov es, ax
    mov esi, DATA
    mov edi, 0x300
    mov ecx, 9
    rep movsd
    mov al, 0x33
    stosb
    scasd
    pushf
    push ds
    pop es
    push edi
ENDCASE
CASE "addr16"
    mov ax, SEL_DATA
    mov es, ax
    mov gs, ax
    mov esi, 0x77770100
    mov edi, 0x66660200
    mov ecx, 0x55550007
    db 0x67, 0x65
    rep movsd
    push ecx
    push esi
    push edi
    mov ecx, 0x55550000
    db 0x67
    rep stosb
    push ecx
    push edi
    db 0x67, 0x65
    lodsw
    push eax
    push esi
    std
    mov esi, 0x11110001
    db 0x67, 0x65
    lodsb
    db 0x67, 0x65
    lodsb
    push esi
    cld
    mov edi, 0x12340300
    mov ecx, 0x10003
    db 0x67
    repne scasd
    pushf
    push edi
    push ecx
ENDCASE
