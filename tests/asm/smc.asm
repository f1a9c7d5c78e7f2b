; mode: native
; smc: yes
; Self-modifying code without a serializing jump: the very next instruction, another page, code built in data memory.
; expect next: eax=0x11
; expect loop: eax=6
; expect data_code: eax=0x55
; expect data_code_twice: eax=0x99
CASE "next"
    mov byte [.patch + 1], 0x11
.patch:
    mov al, 0x22
    movzx eax, al
ENDCASE
CASE "loop"
    xor eax, eax
    mov ecx, 3
.again:
.patch2:
    add eax, 1
    inc byte [.patch2 + 2]
    dec ecx
    jnz .again
ENDCASE
CASE "opcode"
    mov ecx, 5
    mov eax, 100
.top:
.op:
    add eax, 3
    xor byte [.op + 1], 0xc0 ^ 0xe8 ; add eax <-> sub eax
    loop .top
ENDCASE
CASE "other_page"
    call .far
    mov byte [.far + 1], 0x77
    call .far
    push eax
    mov dword [.far + 1], 0x12345678
    call .far
    jmp .out
    align 4096, db 0x90
    times 64 nop
.far:
    mov eax, 0x33
    ret
.out:
ENDCASE
CASE "ahead_in_block"
    nop
    mov dword [.late + 1], 0xcafef00d
    mov ebx, 1
    mov ecx, 2
    mov edx, 3
.late:
    mov eax, 0
    add eax, ebx
ENDCASE
CASE "rep_movs_over_code"
    mov esi, .new
    mov edi, .old
    mov ecx, .new_end - .new
    rep movsb
.old:
    mov eax, 1
    mov ebx, 2
    jmp .out
.new:
    mov ebx, 7
    mov eax, 8
    jmp $ + (.out - .old) - 10
.new_end:
.out:
ENDCASE
CASE "behind_rep"
    mov edi, .stos
    mov ecx, 4
    mov al, 0x90
    ; overwrites what follows while repeating
.stos:
    add edi, .behind - .stos
    rep stosb
.behind:
    inc ebx
    inc ebx
    inc ebx
    inc ebx
ENDCASE
CASE "call_patched"
    mov ecx, 4
    xor eax, eax
.again:
    call .sub
    add dword [.sub + 1], 0x1000
    loop .again
    jmp .out
.sub:
    add eax, 0x10
    ret
.out:
ENDCASE
CASE "branch_target"
    mov ecx, 3
    xor eax, eax
.top:
    inc eax
.jump:
    jmp short .a
.a: add eax, 0x100
.b: add eax, 0x10000
    mov byte [.jump + 1], .b - .a
    loop .top
ENDCASE
CASE "data_code"
    mov byte [DATA], 0xb0
    mov byte [DATA + 1], 0x55
    mov byte [DATA + 2], 0xc3
    xor eax, eax
    mov ebx, DATA
    call ebx
ENDCASE
CASE "data_code_twice"
    mov byte [DATA + 0xfff], 0xb0      ; the instruction crosses a page
    mov byte [DATA + 0x1000], 0x55
    mov byte [DATA + 0x1001], 0xc3
    xor eax, eax
    mov ebx, DATA + 0xfff
    call ebx
    mov byte [DATA + 0x1000], 0x99
    call ebx
ENDCASE
CASE "stack_code"
    push dword 0xc3c3c340              ; inc eax; ret
    mov eax, 5
    call esp
    mov byte [esp], 0x48               ; dec eax
    call esp
    call esp
ENDCASE
CASE "code_and_data_page"
    mov ecx, 300
    xor eax, eax
.top:
    add dword [.counter], ecx
    add eax, [.counter]
    loop .top
    jmp .out
    align 4
.counter: dd 0
.out:
ENDCASE
