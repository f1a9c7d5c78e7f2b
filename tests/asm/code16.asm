; mode: native
; data: 6
; A 16-bit code segment: default sizes reversed, prefixes, IP wrap, 16-bit transfers.
CASE "sizes"
    mov ax, SEL_DATA
    mov gs, ax
    IN16 SEL_CODE16
    mov eax, 0x12345678
    mov ax, 0x9abc
    add ax, 0x7000
    pushf
    add eax, 0x80000000
    pushfd
    mov ebx, DATA
    mov ecx, [ebx + 4]
    mov dx, [ebx + 8]
    mov bx, 0x40
    mov si, 0x3
    mov edi, [gs:bx + si + 5]
    mov [gs:0x120], di
    inc ax
    dec ecx
    push ax
    push eax
    push word 0x1234
    push dword 0x12345678
    push byte -1
    pusha
    popa
    pushad
    popad
    imul ax, cx, 0x55
    movzx edx, ax
    movsx ebp, al
    cwd
    cbw
    cwde
    xchg ax, cx
    bswap edx
    shl ax, 4
    rcl eax, 3
    mul cx
    mov ebp, STACK + 0x1800
    OUT16
ENDCASE
CASE "control"
    IN16 SEL_CODE16
    mov cx, 5
    xor ax, ax
.a: inc ax
    loop .a
    mov ecx, 0x10002
.b: dec bx
    a32 loop .c
.c: jcxz .d
    jmp short .d
.d: call .f
    call .f
    mov dx, .f - CODE_BASE
    call dx
    jmp near .e
.f: add ax, 0x100
    ret
.e: cmp ax, 5
    ja .g
    inc bx
.g: push word .h - CODE_BASE
    ret
.h: mov dword [dword DATA], 0x600d
    OUT16
ENDCASE
CASE "far"
    IN16 SEL_CODE16
    push cs
    call .f
    mov ax, cs
    call SEL_CODE16:.g - CODE_BASE
    jmp .out
.f: retf
.g: mov bx, cs
    retf
.out:
    OUT16
ENDCASE
CASE "strings"
    mov ax, SEL_DATA
    mov es, ax
    mov gs, ax
    IN16 SEL_CODE16
    mov esi, 0x11110100
    mov edi, 0x22220200
    mov ecx, 0x33330004
    gs rep movsw
    stosb
    gs lodsd
    mov ecx, 3
    mov esi, DATA
    mov edi, 0x300
    a32 rep movsd
    OUT16
ENDCASE
CASE "frames"
    IN16 SEL_CODE16
    enter 8, 0
    push ax
    leave
    o32 enter 16, 1
    o32 leave
    pushf
    popf
    pushfd
    popfd
    push ds
    pop ds
    OUT16
ENDCASE
CASE "data_tables"
    IN16 SEL_CODE16
    mov bx, 2
    cs mov ax, [bx + .t - CODE_BASE]
    mov si, 4
    cs jmp [si + .t - CODE_BASE]
.t: dw 0x1111, 0x2222, .there - CODE_BASE
.there:
    inc dx
    OUT16
ENDCASE
