; pictures.asm: a boot floppy that sets one video mode after the other through the VGA BIOS (INT 10h) or the registers and
; draws in it. After each it says "picture NN" on the serial port and waits for a key; "end" after the last.
; nasm -f bin. The names that tests/pictures_test.py gives the pictures are in the order of `pictures` below.
; Sources: IBM VGA Technical Reference; VESA BIOS Extensions 2.0; Abrash, "Graphics Programming Black Book" (mode X).
bits 16
org 0x7C00
SECTORS equ 17
MODE_INFO equ 0x5000            ; 256 bytes: VBE mode, then controller information at 5200h
CONTROLLER equ 0x5200

    jmp 0:start
start:
    cli
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov sp, 0x7C00
    sti
    cld
    mov ax, 0x0200 + SECTORS
    mov bx, 0x7E00
    mov cx, 2
    mov dh, 0
    int 0x13
    jc $
    jmp main
    times 510 - ($ - $$) db 0
    dw 0xAA55

%macro bios 1-4                 ; AX, BX, CX, DX
    mov ax, %1
%if %0 > 1
    mov bx, %2
%endif
%if %0 > 2
    mov cx, %3
%endif
%if %0 > 3
    mov dx, %4
%endif
    int 0x10
%endmacro
%macro outw 2
    mov dx, %1
    mov ax, %2
    out dx, ax
%endmacro
%macro outb 2
    mov dx, %1
    mov al, %2
    out dx, al
%endmacro
%macro crtc 2
    outw 0x3D4, %1 | (%2) << 8
%endmacro
%macro seq 2
    outw 0x3C4, %1 | (%2) << 8
%endmacro
%macro gc 2
    outw 0x3CE, %1 | (%2) << 8
%endmacro
%macro attr 2                   ; index, value; the screen stays on
    mov dx, 0x3DA
    in al, dx
    outb 0x3C0, %1 | 0x20
    outb 0x3C0, %2
%endmacro

main:
    xor bx, bx
.next:
    mov [current], bx
    add bx, bx
    mov ax, [pictures + bx]
    test ax, ax
    jz .end
    mov [stack], sp
    push ax
    outb 0x3C2, 0x67            ; the BIOS programs the CRTC where it will be, before it moves it there
    pop ax
    call ax
    call retrace                ; a new start address counts from there on
    xor ax, ax
    mov ds, ax
    mov es, ax
    mov ax, [current]
    mov bl, 10
    div bl
    add ax, '00'
    mov [number], ax
    mov si, message
    call say
    xor ah, ah
    int 0x16
    mov bx, [current]
    inc bx
    jmp .next
.end:
    mov si, last
    call say
    hlt
    jmp $ - 1

retrace:                        ; waits for the beginning of a vertical retrace
    mov dx, 0x3CC
    in al, dx
    mov dx, 0x3BA
    test al, 1
    jz .shown
    mov dl, 0xDA
.shown:
    in al, dx
    test al, 8
    jnz .shown
.next:
    in al, dx
    test al, 8
    jz .next
    ret
say:                            ; [si] to the serial port; in one piece: the firmware's console sends from the timer tick
    cli
.next:
    lodsb
    test al, al
    jz .done
    mov dx, 0x3F8
    out dx, al
    jmp .next
.done:
    sti
    ret
fail:                           ; the mode is not there: an empty picture, and word of it
    mov sp, [stack]
    mov si, failed
    call say
    ret

current: dw 0
stack: dw 0
message: db "picture "
number: db "00", 10, 0
failed: db "no mode ", 0
last: db "end", 10, 0

pictures:
    dw text80, mono, text40, text50, text_panned
    dw cga4, cga5, cga6, ega_d, ega_e, ega_f, ega_10, vga_11, vga_12, vga_13
    dw mode_x, x_400, planar_start, planar_split, planar_panned, palette, write_modes
    dw vbe_4, vbe_8, vbe_8_scrolled, vbe_15, vbe_16, vbe_24, vbe_32, vbe_full
    dw 0

; ---- Text ----
hide_cursor:
    mov ah, 1
    mov cx, 0x2000
    int 0x10
    bios 0x1003, 0              ; attribute bit 7: bright background
    ret

text80:
    bios 3
    call hide_cursor
    mov ax, 0xB800
    mov cx, 80 * 25
fill_text:                      ; every character, every attribute
    mov es, ax
    xor di, di
    xor bx, bx
.next:
    mov al, bl
    mov ah, bl
    add ah, bh
    rol ah, 3
    cmp al, 0xB0                ; QEMU draws B0h..BFh nine dots wide, the hardware C0h..DFh only
    jb .put
    cmp al, 0xBF
    ja .put
    mov al, 'x'
.put:
    stosw
    inc bx
    loop .next
    ret
text40:
    bios 1
    call hide_cursor
    mov ax, 0xB800
    mov cx, 40 * 25
    jmp fill_text
mono:
    bios 7
    call hide_cursor
    mov ax, 0xB000
    mov es, ax
    xor di, di
    mov cx, 80 * 25
    mov ax, 0x0700
.next:
    stosw
    inc al
    cmp al, 0xB0
    jne .plain
    mov al, 0xC0
.plain:
    test al, 15
    jnz .same
    xor ah, 0x77                ; normal and reverse, bright and not
    test al, 16
    jz .same
    xor ah, 0x08
.same:
    loop .next
    ret
text50:                         ; 8x8 font in block 0, the same upside down in block 1 for bright characters
    bios 3
    bios 0x1112, 0
    call hide_cursor
    bios 0x1130, 0x0300
    mov ax, es
    mov ds, ax
    mov si, bp
    mov ax, 0x6000
    mov es, ax
    mov cx, 128
    mov di, 7
.glyph:
    mov dx, 8
.line:
    lodsb
    stosb
    sub di, 2
    dec dx
    jnz .line
    add di, 16
    loop .glyph
    xor ax, ax
    mov ds, ax
    xor bp, bp
    mov bx, 0x0801              ; 8 lines, block 1
    mov cx, 128
    xor dx, dx
    mov ax, 0x1100
    int 0x10
    mov bl, 0x04                ; block 1 where attribute bit 3 is set
    mov ax, 0x1103
    int 0x10
    mov ax, 0xB800
    mov cx, 80 * 50
    jmp fill_text
text_panned:                    ; down by a row and a half, right by 3 characters
    call text80
    mov ax, 0xB800
    mov es, ax
    mov di, 80 * 25 * 2
    mov ax, 0x1E02
    mov cx, 320
    rep stosw
    crtc 0x0C, 0
    crtc 0x0D, 83
    ret

; ---- Graphics through the BIOS: text, lines, bars ----
cga4:
    mov ax, 4
    call draw_bios
    bios 0x0B00, 0x0001         ; background blue
    ret
cga5:
    mov ax, 4
    call draw_bios
    bios 0x0B00, 0x0100         ; the other palette
    ret
cga6:
    mov ax, 6
    jmp draw_bios
ega_d:
    mov ax, 0x0D
    jmp draw_bios
ega_e:
    mov ax, 0x0E
    jmp draw_bios
ega_f:
    mov ax, 0x0F
    jmp draw_bios
ega_10:
    mov ax, 0x10
    jmp draw_bios
vga_11:
    mov ax, 0x11
    jmp draw_bios
vga_12:
    mov ax, 0x12
    jmp draw_bios
vga_13:
    mov ax, 0x13
draw_bios:
    int 0x10
    mov bp, 0x0E00 + ' '        ; all printable characters, in changing colours
.type:
    mov ax, bp
    mov bx, bp
    and bx, 15
    int 0x10
    inc bp
    cmp bp, 0x0E7F
    jb .type
    mov cx, 60
.line:
    mov dx, cx                  ; a diagonal
    add dx, 70
    mov al, cl
    mov ah, 0x0C
    xor bh, bh
    int 0x10
    push cx
    mov dx, 190                 ; a horizontal line
    mov ax, 0x0C02
    int 0x10
    mov dx, 189
    mov ax, 0x0C83              ; XOR
    int 0x10
    mov ax, cx
    shl cx, 1
    mov dx, 180
    sub dx, ax
    mov ah, 0x0C
    int 0x10
    pop cx
    inc cx
    cmp cx, 160
    jb .line
    ret

; ---- Registers ----
; Mode 0Dh's memory of two screens side by side (offset 40 words), drawn with write mode 2.
planar:
    bios 0x0D
    crtc 0x13, 40
    gc 5, 2
    mov ax, 0xA000
    mov es, ax
    xor di, di
.next:
    mov ax, di
    xor dx, dx
    mov bx, 80
    div bx                      ; ax row, dx column
    xor ax, dx
    mov bl, al
    mov ah, bl
    mov al, 8
    mov dx, 0x3CE
    out dx, ax                  ; the bits of bl in colour bl
    mov al, [es:di]
    mov [es:di], bl
    mov ah, bl
    not ah
    mov al, 8
    out dx, ax                  ; the others in that of the address
    mov al, [es:di]
    mov ax, di
    shr ax, 3
    stosb
    cmp di, 32000
    jb .next
    gc 8, 0xFF
    gc 5, 0
    ret
planar_start:
    call planar
    crtc 0x0C, (80 * 30 + 13) >> 8
    crtc 0x0D, (80 * 30 + 13) & 0xFF
    ret
planar_split:                   ; the lower part, from line 240 of 400 on, begins at address 0
    call planar_start
    crtc 0x18, 239
    crtc 0x07, 0x0F
    crtc 0x09, 0x80
    ret
planar_panned:                  ; the same, the upper part 3 dots to the left, the lower one not
    call planar_split
    attr 0x10, 0x21
    attr 0x13, 3
    ret
palette:                        ; another palette, a quarter of the DAC chosen by P5..P4 and colour select
    bios 0x12
    mov cx, 16
.set:
    mov bx, cx
    dec bx
    mov bh, bl
    xor bh, 5
    mov ax, 0x1000
    int 0x10
    loop .set
    outb 0x3C8, 0
    mov dx, 0x3C9
    xor bx, bx
.dac:
    mov al, bl
    out dx, al
    rol al, 3
    out dx, al
    rol al, 3
    out dx, al
    inc bl
    jnz .dac
    attr 0x10, 0x81
    attr 0x14, 0x09
    outb 0x3C6, 0xDF
    jmp bars
bars:                           ; 16 vertical bars of 40 dots, with set/reset
    mov ax, 0xA000
    mov es, ax
    xor di, di
    gc 1, 0x0F
    mov bx, 480
.row:
    xor cx, cx
.bar:
    mov ah, cl
    mov al, 0
    mov dx, 0x3CE
    out dx, ax
    times 5 stosb
    inc cx
    cmp cx, 16
    jb .bar
    dec bx
    jnz .row
    gc 1, 0
    ret
write_modes:                    ; bands of every write mode and function over bars, and read mode 1
    bios 0x12
    call bars
    gc 3, 0x1B                  ; XOR, rotated by 3
    mov di, 80 * 30
    call band
    gc 3, 0x08                  ; AND
    mov di, 80 * 90
    call band
    gc 3, 0x12                  ; OR, rotated by 2
    mov di, 80 * 150
    call band
    gc 3, 0
    gc 8, 0x5A
    mov di, 80 * 210
    call band
    gc 5, 2
    mov di, 80 * 270
    call band
    gc 5, 3
    gc 0, 6
    mov di, 80 * 330
    call band
    gc 8, 0xFF
    gc 5, 1                     ; latches: copy upwards
    mov ax, 0xA000
    mov ds, ax
    mov si, 80 * 60
    mov di, 80 * 390
    mov cx, 80 * 30
    rep movsb
    gc 2, 5
    gc 7, 7
    gc 5, 8                     ; read mode 1, write mode 0
    mov si, 80 * 60
    mov di, 80 * 430
    mov cx, 80 * 30
    rep movsb
    gc 5, 0
    ret
band:
    mov cx, 80 * 40
.next:
    mov al, [es:di]
    mov ax, di
    stosb
    loop .next
    ret

unchain:                        ; 256 colours, four planes: chain 4 off, byte addresses
    bios 0x13
    seq 4, 0x06
    crtc 0x14, 0x00
    crtc 0x17, 0xE3
    ret
fill_planes:                    ; cx bytes in each plane: concentric, in all 256 colours
    mov ax, 0xA000
    mov es, ax
    mov [size], cx
    mov byte [plane], 1
.plane:
    mov al, 2
    mov ah, [plane]
    mov dx, 0x3C4
    out dx, ax
    xor di, di
.next:
    mov ax, di
    xor dx, dx
    mov bx, 80
    div bx
    sub dx, 40
    sub ax, 100
    imul ax, ax
    imul dx, dx
    shl dx, 4
    add ax, dx
    shr ax, 6
    add al, [plane]
    stosb
    cmp di, [size]
    jb .next
    shl byte [plane], 1
    cmp byte [plane], 16
    jb .plane
    seq 2, 0x0F
    ret
plane: db 0
size: dw 0
mode_x:                         ; 320x240
    call unchain
    outb 0x3C2, 0xE3
    crtc 0x11, 0x0C
    crtc 0x06, 0x0D
    crtc 0x07, 0x3E
    crtc 0x09, 0x41
    crtc 0x10, 0xEA
    crtc 0x11, 0xAC
    crtc 0x12, 0xDF
    crtc 0x15, 0xE7
    crtc 0x16, 0x06
    mov cx, 80 * 240
    jmp fill_planes
x_400:                          ; 320x400, and its upper half copied to the lower through the latches
    call unchain
    crtc 0x09, 0x40
    mov cx, 80 * 200
    call fill_planes
    gc 5, 0x41
    mov ax, 0xA000
    mov ds, ax
    xor si, si
    mov cx, 80 * 200
    rep movsb
    gc 5, 0x40
    ret

; ---- VESA ----
%macro vbe 3                    ; width, height, bits a pixel: sets the mode with its linear frame buffer; EBX: its address
    mov si, %1
    mov di, %2
    mov bp, %3
    call set_vbe
%endmacro
set_vbe:
    mov word [wanted], si
    mov word [wanted + 2], di
    mov di, CONTROLLER
    mov dword [di], 'VBE2'
    bios 0x4F00
    les si, [CONTROLLER + 14]
.next:
    mov cx, [es:si]
    add si, 2
    cmp cx, -1
    je fail
    push es
    xor ax, ax
    mov es, ax
    mov di, MODE_INFO
    mov ax, 0x4F01
    int 0x10
    pop es
    mov eax, [MODE_INFO + 18]
    cmp eax, [wanted]
    jne .next
    mov al, [MODE_INFO + 25]
    xor ah, ah
    cmp ax, bp
    jne .next
    mov bx, cx
    cmp bp, 8
    jbe .banked
    or bx, 0x4000
.banked:
    mov ax, 0x4F02
    int 0x10
    cmp ax, 0x004F
    jne fail
    mov ebx, [MODE_INFO + 40]
    ret
    align 4
wanted: dd 0

unreal:                         ; FS: all of memory
    cli
    lgdt [gdt]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    mov cx, 8
    mov fs, cx
    and al, 0xFE
    mov cr0, eax
    xor cx, cx
    mov fs, cx
    sti
    ret
    align 8
gdt:
    dw 15
    dd gdt
    dw 0
    dw 0xFFFF, 0x0000, 0x9200, 0x00CF

; The wanted size, in the linear frame buffer: red grows to the right, green down, blue with both
linear:
    call unreal
    mov edi, ebx
    xor ecx, ecx                ; y
.row:
    xor ebx, ebx                ; x
.dot:
    mov al, bl
    xor al, cl
    mov ah, cl
    shl eax, 8
    mov al, bl
    ror eax, 8                  ; al blue, ah green, then red in the top byte
    mov dl, al
    shr eax, 8
    mov dh, al                  ; dl blue, dh green
    shr eax, 16                 ; al red
    cmp bp, 16
    ja .true
    call pack
    mov [fs:edi], ax
    add edi, 2
    jmp .same
.true:
    mov [fs:edi], dx
    mov [fs:edi + 2], al
    add edi, 3
    cmp bp, 24
    je .same
    mov byte [fs:edi], 0xA5     ; nobody shows it
    inc edi
.same:
    inc ebx
    cmp bx, [wanted]
    jb .dot
    inc ecx
    cmp cx, [wanted + 2]
    jb .row
    ret
pack:                           ; red al, green dh, blue dl to 5:6:5 or 5:5:5 in ax
    movzx ax, al
    shr ax, 3
    movzx si, dh
    cmp bp, 15
    je .five
    shl ax, 6
    shr si, 2
    jmp .blue
.five:
    shl ax, 5
    shr si, 3
.blue:
    or ax, si
    shl ax, 5
    movzx si, dl
    shr si, 3
    or ax, si
    ret

vbe_15:
    vbe 800, 600, 15
    jmp linear
vbe_16:
    vbe 640, 480, 16
    jmp linear
vbe_24:
    vbe 640, 480, 24
    jmp linear
vbe_32:
    vbe 1024, 768, 32
    jmp linear
vbe_full:
    vbe 1920, 1080, 32
    jmp linear
vbe_8:                          ; eight bits a colour, through the window, bank by bank
    vbe 1024, 768, 8
    bios 0x4F08, 0x0800
    outb 0x3C8, 0
    mov dx, 0x3C9
    xor bx, bx
.dac:
    mov al, bl
    out dx, al
    add al, 85
    out dx, al
    neg al
    out dx, al
    inc bl
    jnz .dac
    mov ax, 0xA000
    mov es, ax
    xor bp, bp
.bank:
    bios 0x4F05, 0, 0, bp
    xor di, di
.next:
    mov ax, di
    shr ax, 10
    shl bp, 6
    add ax, bp                  ; y
    shr bp, 6
    mov dx, di
    and dx, 1023
    imul ax, dx
    shr ax, 6
    stosb
    test di, di
    jnz .next
    inc bp
    cmp bp, 12
    jb .bank
    ret
vbe_8_scrolled:                 ; lines of 1280 dots, of which those from (100,37) on show
    vbe 640, 480, 8
    bios 0x4F06, 0, 1280
    mov ax, 0xA000
    mov es, ax
    xor bp, bp
.bank:
    bios 0x4F05, 0, 0, bp
    xor di, di
    xor ax, ax
.next:
    stosb
    add ax, 0x0107
    add al, ah
    test di, di
    jnz .next
    inc bp
    cmp bp, 10
    jb .bank
    bios 0x4F07, 0, 100, 37
    ret
vbe_4:
    vbe 800, 600, 4
    gc 5, 2
    mov ax, 0xA000
    mov es, ax
    xor di, di
.next:
    mov ax, di
    xor al, ah
    mov bl, al
    mov ah, [es:di]
    mov al, bl
    stosb
    cmp di, 60000
    jb .next
    gc 5, 0
    ret
    times 512 * (SECTORS + 1) - ($ - $$) db 0
    times 1474560 - 512 * (SECTORS + 1) db 0
