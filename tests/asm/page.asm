; mode: native
; data: 2
; Code and data across page boundaries.
CASE "insn_cross"
    jmp near .a
    align 4096
    times 4096 - 2 nop
.a: mov eax, 0x12345678
    add eax, [DATA + 0xffe]
ENDCASE
CASE "modrm_cross"
    jmp near .a
    align 4096
    times 4096 - 1 nop
.a: add dword [DATA + 0x1ffe], 0x55667788
    pushf
ENDCASE
CASE "prefix_cross"
    jmp near .a
    align 4096
    times 4096 - 3 nop
.a: db 0x66, 0x2e, 0x3e, 0x66
    add ax, bx
    pushf
ENDCASE
CASE "jcc_cross"
    jmp near .a
    align 4096
    times 4096 - 4 nop
.a: stc
    jnc near .b
    inc eax
.b: dec ebx
ENDCASE
CASE "call_cross"
    jmp near .a
    align 4096
    times 4096 - 5 nop
.a: call .f
    jmp short .c
.f: inc eax
    ret
.c:
ENDCASE
CASE "loop_cross"
    mov ecx, 40
    jmp near .a
    align 4096
    times 4096 - 3 nop
.a: add eax, ecx
    add ebx, eax
    loop .a
ENDCASE
CASE "fall_through"
    jmp near .a
    align 4096
    times 4096 - 2 nop
.a: inc eax
    inc ebx
    inc ecx
    inc edx
ENDCASE
%assign i 0
%rep 8
%defstr number i
%strcat n "data_", number
CASE n
    mov ebx, DATA + 0x1000 - i
    mov eax, [ebx]
    add [ebx], eax
    xchg eax, [ebx]
    mov cx, [ebx]
    adc [ebx], cx
    inc dword [ebx]
    push dword [ebx]
    pop dword [ebx + 0x1000]
    fld qword [ebx]
    fstp tword [ebx + 0x1000]
    movups xmm0, [ebx]
    movups [ebx + 0x1000], xmm0
    movq mm0, [ebx - 0x800]
    movq [ebx], mm0
    cmpxchg8b [ebx]
    mov esp, STACK + 0x1000 + 8 - i
    pusha
    push ax
    push ebx
    call $ + 5
    popa
    mov esp, STACK + 0x1f00
ENDCASE
%assign i i + 1
%endrep
