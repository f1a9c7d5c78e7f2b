; work.asm: a fixed amount of work of several kinds, then the end (exit code 33): to compare what options of a machine cost.
;
; A Multiboot kernel with explicit addresses; the processor is as Multiboot leaves it: flat, no paging.
bits 32
org 0x100000
load:
    align 4
header:
    dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
    dd header, load, load_end, load_end, start

STACK  equ 0x208000
DATA   equ 0x300000
ROUNDS equ 32000
WORDS  equ 16384

start:
    mov esp, STACK
    mov ebp, ROUNDS
round:
    mov esi, DATA
    mov ecx, WORDS
    xor eax, eax
.sum:
    add eax, [esi]
    imul eax, eax, 69069
    mov [esi], eax
    add esi, 4
    dec ecx
    jnz .sum
    mov ecx, WORDS / 16
.calls:
    mov eax, ecx
    and eax, 3
    call [table + eax * 4]
    call f0
    dec ecx
    jnz .calls
    in al, 0x61                         ; a device
    xor eax, eax
    cpuid                               ; a sensitive instruction
    dec ebp
    jnz round
    mov al, 0x10
    out 0xF4, al
    hlt
f0: ret
    align 16
f1: ret
    align 16
f2: ret
    align 16
f3: ret
    align 4
table: dd f0, f1, f2, f3
    times 8192 - ($ - load) db 0
load_end:
