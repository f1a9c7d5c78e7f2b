; exit.asm: a Multiboot kernel with explicit addresses whose first instructions end the machine (exit code 33).
bits 32
org 0x100000
load:
header:
    dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
    dd header, load, load_end, load_end, start
start:
    mov al, 0x10
    out 0xF4, al
    hlt
    times 8192 - ($ - load) db 0        ; the header is looked for in that many bytes
load_end:
