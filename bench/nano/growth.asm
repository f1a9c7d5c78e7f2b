; growth.asm: what translating costs as the amount of code grows: makes N MiB of different functions and calls each, in
; four passes. N is the first number of the kernel's command line.
;
; A Multiboot kernel with explicit addresses. A line per pass goes to the first serial port: "passN", hundredths of a
; cycle per instruction, instructions in a pass. "end" is the last line; then the debug exit port (exit code 33).
; The processor is as Multiboot leaves it: flat, no paging.
bits 32
org 0x100000
load:
    align 4
header:
    dd 0x1BADB002, 0x00010000, -(0x1BADB002 + 0x00010000)
    dd header, load, load_end, load_end, start

VARS   equ 0x200000                     ; all that is written lies apart from code
STACK  equ 0x208000
DATA   equ 0x300000
CODE   equ 0x1000000
PASSES equ 4
FUNCTION_BYTES equ 64
FUNCTION_INSNS equ 14 + 4               ; those of the loop that calls it too
FUNCTIONS_IN_MIB equ (1 << 20) / FUNCTION_BYTES

struc var
.functions: resd 1
.start:     resd 2
.pass:      resd 1
endstruc
%define V(name) VARS + var. %+ name

start:
    cli
    cld
    mov esp, STACK
    mov esi, [ebx + 16]                 ; Multiboot information: the command line
    call number
    mov ecx, FUNCTIONS_IN_MIB
    mul ecx
    mov [V(functions)], eax
    call make_functions
    mov dword [V(pass)], 1
.pass:
    call run_pass
    inc dword [V(pass)]
    cmp dword [V(pass)], PASSES
    jbe .pass
    mov edi, end_text
    call print
    mov dx, 0xF4
    mov al, 0x10
    out dx, al
.stay:
    hlt
    jmp .stay
end_text: db "end", 10, 0
pass_text: db "pass", 0

; ESI text: EAX = its first number; a file name before it may hold digits only if it has no space.
number:
    xor eax, eax
    xor edx, edx
.skip:
    lodsb
    test al, al
    jz .none
    cmp al, ' '
    je .skip
    cmp al, '0'
    jb .skip
    cmp al, '9'
    ja .word
.digit:
    sub al, '0'
    movzx eax, al
    imul edx, 10
    add edx, eax
    lodsb
    cmp al, '0'
    jb .end
    cmp al, '9'
    jbe .digit
.end:
    mov eax, edx
    ret
.word:                                  ; the name of the kernel
    lodsb
    test al, al
    jz .none
    cmp al, ' '
    jne .word
    jmp .skip
.none:
    mov eax, 1
    ret

; The template with other constants in each copy.
make_functions:
    mov edi, CODE
    mov ecx, [V(functions)]
    mov ebx, 12345
.next:
    push ecx
    mov esi, template
    mov ecx, FUNCTION_BYTES / 4
    rep movsd
    call random
    mov [edi - FUNCTION_BYTES + (template.c1 - template) - 4], eax
    call random
    mov [edi - FUNCTION_BYTES + (template.c2 - template) - 4], eax
    call random
    and eax, 0xFFC
    add eax, DATA
    mov [edi - FUNCTION_BYTES + (template.a1 - template) - 4], eax
    call random
    and eax, 0xFFC
    add eax, DATA
    mov [edi - FUNCTION_BYTES + (template.a2 - template) - 4], eax
    pop ecx
    dec ecx
    jnz .next
    ret
random:
    imul eax, ebx, 1103515245
    add eax, 12345
    mov ebx, eax
    ret

; 14 instructions on every path.
template:
    mov eax, [DATA]
.a1:
    push ebx
    add eax, 0x12345678
.c1:
    lea edx, [eax + eax * 2 + 4]
    xor edx, 0x12345678
.c2:
    mov ebx, edx
    shr ebx, 5
    cmp eax, edx
    jb .below
    sub eax, ebx
    jmp .join
.below:
    add eax, ebx
    nop
.join:
    mov [DATA], eax
.a2:
    pop ebx
    ret
    times FUNCTION_BYTES - ($ - template) db 0xCC

run_pass:
    mov ebp, CODE
    mov esi, [V(functions)]
    rdtsc
    mov [V(start)], eax
    mov [V(start) + 4], edx
.next:
    call ebp
    add ebp, FUNCTION_BYTES
    dec esi
    jnz .next
    rdtsc
    sub eax, [V(start)]
    sbb edx, [V(start) + 4]
    ; cycles * 100 / (functions * instructions), without leaving 64 bits: first by functions
    mov ecx, [V(functions)]
    push eax
    mov eax, edx
    xor edx, edx
    div ecx
    pop eax
    div ecx                             ; EAX cycles a function (32 bits are plenty)
    mov ecx, 100
    mul ecx
    mov ecx, FUNCTION_INSNS
    div ecx
    push eax
    mov edi, pass_text
    call print
    mov eax, [V(pass)]
    call print_number
    mov al, ' '
    call print_char
    pop eax
    call print_number
    mov al, ' '
    call print_char
    mov eax, [V(functions)]
    mov ecx, FUNCTION_INSNS
    mul ecx
    call print_number
    mov al, 10
    jmp print_char

%include "print.inc"
load_end:
