; screen.asm: sets a video mode by its registers, draws, says "ready" on the serial port and halts.
; nasm -f bin -DMODE=n: 0 mode 13h, 1 mode X 320x240, 2 mode 12h with every write mode, 3 CGA mode 4,
; 4 VBE 800x600x16 through the banked window, 5 mode 12h with start address and line compare.
; A Multiboot kernel with explicit addresses (Multiboot Specification 0.6.96, "The address fields").
%ifndef MODE
%define MODE 0
%endif
bits 32
org 0x100000
load:
    align 4
header:
    dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
    dd header, load, load_end, load_end, start

%macro outb 2
    mov dx, %1
    mov al, %2
    out dx, al
%endmacro
%macro outw 2
    mov dx, %1
    mov ax, %2
    out dx, ax
%endmacro
%macro gcw 2                    ; graphics controller register
    outw 0x3CE, %1 | (%2) << 8
%endmacro
%macro seqw 2
    outw 0x3C4, %1 | (%2) << 8
%endmacro
%macro crtcw 2
    outw 0x3D4, %1 | (%2) << 8
%endmacro

start:
    mov esp, stack_top
    cld
    call set_mode
    call set_palette
    call draw
    mov dx, 0x3DA               ; a new start address counts from the next vertical retrace on
.shown:
    in al, dx
    test al, 8
    jnz .shown
.beam:
    in al, dx
    test al, 8
    jz .beam
    mov esi, message
.next:
    lodsb
    test al, al
    jz .halt
    mov dx, 0x3F8
    out dx, al
    jmp .next
.halt:
    hlt
    jmp .halt
message: db "ready", 10, 0

; ---- Mode tables: misc, 5 sequencer, 25 CRTC, 9 graphics, 21 attribute ----
set_mode:
    mov esi, table
    mov dx, 0x3C2
    lodsb
    out dx, al
    mov dx, 0x3C4
    mov ecx, 5
    call indexed
    outw 0x3D4, 0x0011          ; lift the protection
    mov dx, 0x3D4
    mov ecx, 25
    call indexed
    mov dx, 0x3CE
    mov ecx, 9
    call indexed
    mov dx, 0x3DA
    in al, dx
    mov dx, 0x3C0
    xor ebx, ebx
.attr:
    mov al, bl
    out dx, al
    lodsb
    out dx, al
    inc ebx
    cmp ebx, 21
    jb .attr
    mov al, 0x20
    out dx, al
    ret

indexed:                        ; ecx registers from 0 at index port dx
    xor ebx, ebx
.next:
    mov al, bl
    out dx, al
    inc dx
    lodsb
    out dx, al
    dec dx
    inc ebx
    loop .next
    ret

set_palette:                    ; entry i: i, 2i, 3i
    outb 0x3C6, 0xFF
    outb 0x3C8, 0
    mov dx, 0x3C9
    xor ebx, ebx
.next:
    mov al, bl
    and al, 63
    out dx, al
    lea eax, [ebx + ebx]
    and al, 63
    out dx, al
    lea eax, [ebx + ebx * 2]
    and al, 63
    out dx, al
    inc ebx
    cmp ebx, 256
    jb .next
    ret

%if MODE == 0
draw:
    mov edi, 0xA0000
    xor ebx, ebx
.next:
    imul eax, ebx, 31
    mov edx, ebx
    shr edx, 8
    add al, dl
    stosb
    inc ebx
    cmp ebx, 64000
    jb .next
    ret
table:
    db 0x63
    db 0x03, 0x01, 0x0F, 0x00, 0x0E
    db 0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0x41, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
    db 0x9C, 0x0E, 0x8F, 0x28, 0x40, 0x96, 0xB9, 0xA3, 0xFF
    db 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0F, 0xFF
    db 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0x00, 0x0F, 0x00, 0x00
%elif MODE == 1
draw:
    xor ecx, ecx                ; plane
.plane:
    mov ah, 1
    shl ah, cl
    mov al, 2
    mov dx, 0x3C4
    out dx, ax
    mov edi, 0xA0000
    xor ebx, ebx
.next:
    imul eax, ebx, 5
    shl ecx, 6
    add al, cl
    shr ecx, 6
    stosb
    inc ebx
    cmp ebx, 80 * 240
    jb .next
    inc ecx
    cmp ecx, 4
    jb .plane
    seqw 2, 0x0F                ; latches: copy 40 lines to the second page's top, four pixels at a time
    gcw 5, 0x41
    mov esi, 0xA0000 + 80 * 100
    mov edi, 0xA0000 + 80 * 240
    mov ecx, 80 * 40
    rep movsb
    gcw 5, 0x40
    crtcw 0x0C, (80 * 20) >> 8
    crtcw 0x0D, (80 * 20) & 0xFF
    ret
table:
    db 0xE3
    db 0x03, 0x01, 0x0F, 0x00, 0x06
    db 0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0x0D, 0x3E, 0x00, 0x41, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
    db 0xEA, 0x0C, 0xDF, 0x28, 0x00, 0xE7, 0x06, 0xE3, 0xFF
    db 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0F, 0xFF
    db 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0x00, 0x0F, 0x00, 0x00
%elif MODE == 2 || MODE == 5
draw:
    xor ecx, ecx
.plane:                         ; write mode 0, plane by plane
    mov ah, 1
    shl ah, cl
    mov al, 2
    mov dx, 0x3C4
    out dx, ax
    mov edi, 0xA0000
    xor ebx, ebx
.next:
    lea eax, [ecx * 2 + 3]
    imul eax, ebx
    mov edx, ebx
    shr edx, 7
    xor al, dl
    stosb
    inc ebx
    cmp ebx, 80 * 480
    jb .next
    inc ecx
    cmp ecx, 4
    jb .plane
    seqw 2, 0x0F
%if MODE == 5
    crtcw 0x0C, 0x01            ; down and right by whole bytes
    crtcw 0x0D, 0x43
    crtcw 0x18, 0x2B            ; the lines from 300 on come from address 0
    crtcw 0x07, 0x3E
    crtcw 0x09, 0x00
    ret
%else
%macro block 2                  ; 60 lines from line %1, each byte read and written with %2 and its address
    mov edi, 0xA0000 + 80 * %1
    mov ecx, 80 * 60
%%next:
    mov al, [edi]
    mov eax, edi
    xor al, %2
    mov [edi], al
    inc edi
    loop %%next
%endmacro
    gcw 0, 0x05                 ; set/reset in planes 0, 1, 3
    gcw 1, 0x0B
    gcw 8, 0x3C
    block 60, 0x5A
    gcw 1, 0
    gcw 3, 0x1B                 ; XOR, rotated by 3
    gcw 8, 0xFF
    block 120, 0xC3
    gcw 3, 0x08                 ; AND
    block 180, 0x0F
    gcw 3, 0x12                 ; OR, rotated by 2
    block 240, 0x81
    gcw 3, 0
    gcw 5, 2                    ; write mode 2
    gcw 8, 0xE7
    block 300, 0x06
    gcw 5, 3                    ; write mode 3
    gcw 0, 0x09
    gcw 3, 1
    block 360, 0x99
    gcw 5, 1                    ; write mode 1
    mov esi, 0xA0000
    mov edi, 0xA0000 + 80 * 420
    mov ecx, 80 * 30
    rep movsb
    gcw 5, 8                    ; read mode 1
    gcw 2, 0x06
    gcw 7, 0x0D
    gcw 8, 0xFF
    mov esi, 0xA0000 + 80 * 100
    mov edi, 0xA0000 + 80 * 450
    mov ecx, 80 * 30
    rep movsb
    gcw 5, 0
    ret
%endif
table:
    db 0xE3
    db 0x03, 0x01, 0x0F, 0x00, 0x06
    db 0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0x0B, 0x3E, 0x00, 0x40, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
    db 0xEA, 0x0C, 0xDF, 0x28, 0x00, 0xE7, 0x04, 0xE3, 0xFF
    db 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x05, 0x0F, 0xFF
    db 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3A, 0x3B, 0x3C, 0x3D, 0x3E, 0x3F, 0x01, 0x00, 0x0F, 0x00, 0x00
%elif MODE == 3
draw:
    mov edi, 0xB8000
    xor ebx, ebx
.next:
    imul eax, ebx, 13
    mov edx, ebx
    shr edx, 6
    xor al, dl
    stosb
    inc ebx
    cmp ebx, 0x4000
    jb .next
    ret
table:
    db 0x63
    db 0x03, 0x09, 0x03, 0x00, 0x02
    db 0x2D, 0x27, 0x28, 0x90, 0x2B, 0x80, 0xBF, 0x1F, 0x00, 0xC1, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
    db 0x9C, 0x0E, 0x8F, 0x14, 0x00, 0x96, 0xB9, 0xA2, 0xFF
    db 0x00, 0x00, 0x00, 0x00, 0x00, 0x30, 0x0F, 0x00, 0xFF
    db 0x00, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 0x01, 0x00, 0x03, 0x00, 0x00
%elif MODE == 4
%macro vbew 2
    outw 0x1CE, %1
    outw 0x1CF, %2
%endmacro
draw:
    vbew 4, 0
    vbew 1, 800
    vbew 2, 600
    vbew 3, 16
    vbew 4, 0x41
    xor ebx, ebx                ; pixel
.bank:
    mov ecx, ebx
    shr ecx, 15
    outw 0x1CE, 5
    mov dx, 0x1CF
    mov eax, ecx
    out dx, ax
    mov edi, 0xA0000
.next:
    imul eax, ebx, 0x9E37
    shr eax, 7
    stosw
    inc ebx
    test ebx, 0x7FFF
    jnz .next
    cmp ebx, 800 * 600
    jb .bank
    ret
table:                          ; mode 13h first: VBE needs the screen on and its memory
    db 0x63
    db 0x03, 0x01, 0x0F, 0x00, 0x0E
    db 0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0x00, 0x41, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00
    db 0x9C, 0x0E, 0x8F, 0x28, 0x40, 0x96, 0xB9, 0xA3, 0xFF
    db 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x05, 0x0F, 0xFF
    db 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0x00, 0x0F, 0x00, 0x00
%endif
    align 16
    times 1024 db 0
stack_top:
load_end:
