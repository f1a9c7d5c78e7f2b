; pxe.asm: a network bootstrap program: says so on the serial port and ends the run by the debug exit port.
bits 16
org 0x7C00
    jmp 0:start
start:
    xor ax, ax
    mov ds, ax
    mov si, text
.next:
    lodsb
    test al, al
    jz .end
    mov bl, al
    mov dx, 0x3FD ; line status: transmitter empty
.wait:
    in al, dx
    test al, 0x20
    jz .wait
    mov al, bl
    mov dx, 0x3F8
    out dx, al
    jmp .next
.end:
    mov al, 0x21
    out 0xF4, al
    hlt
    jmp .end
text: db "booted from the network", 10, 0
