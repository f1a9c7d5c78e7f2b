; boot.asm: a boot sector that works its drive through INT 13h and says on the first serial port what it saw.
;
; Defines: CD (one 2048-byte sector, El Torito without emulation), else floppy or disk. Reads unit 1 (21 on a CD),
; which is text that ends in 0, and prints it; on a floppy or disk writes it, first byte 'W', to sector 3;
; on a disk reads the last sector by LBA and prints that too. Ends with debug exit 21h, or 22h on an error.
        bits 16
        org 0x7C00
COM1    equ 0x3F8
BUFFER  equ 0x8000

start:  xor ax, ax
        mov ds, ax
        mov es, ax
        mov ss, ax
        mov sp, 0x7000
        cld
%ifdef CD
        mov ah, 0x42
        mov si, packet
        int 0x13
        jc failed
        call print
%else
        push dx
        mov ax, 0x0201                  ; one sector
        mov cx, 0x0002                  ; cylinder 0, sector 2
        mov dh, 0
        mov bx, BUFFER
        int 0x13
        jc failed
        call print
        pop dx
        mov byte [BUFFER], 'W'
        push dx
        mov ax, 0x0301
        mov cx, 0x0004
        mov dh, 0
        mov bx, BUFFER
        int 0x13
        jc failed
        pop dx
        test dl, 0x80
        jz passed
        mov ah, 0x42
        mov si, packet
        int 0x13
        jc failed
        call print
%endif
passed: mov al, 0x21
        out 0xF4, al
failed: mov al, 0x22
        out 0xF4, al
        hlt

print:  mov si, BUFFER
.next:  lodsb
        test al, al
        jz .done
        mov bl, al
        mov dx, COM1 + 5
.wait:  in al, dx
        test al, 0x20
        jz .wait
        mov dx, COM1
        mov al, bl
        out dx, al
        jmp .next
.done:  ret

        align 4
packet: db 16, 0
        dw 1                            ; sectors
        dw BUFFER, 0
%ifdef CD
        dq 21
%else
        dq LAST
%endif
        times 510 - ($ - $$) db 0
        dw 0xAA55
%ifdef CD
        times 2048 - ($ - $$) db 0
%endif
