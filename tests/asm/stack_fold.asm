; mode: native
; data: 5
; faults: yes
; Runs of pushes and pops: ESP is right at every fault in them and for every instruction that names it.
; expect third_push_faults: fault=14 error=6 cr2=0x2ffffffc esp=0x30000000
; expect pop_past_the_end: fault=14 error=4 esp=0x30002000
; expect return_address_gone: fault=14 error=4 esp=0x30002000
CASE "third_push_faults"
    mov esp, STACK + 8
    push eax
    push ebx
    push ecx
    push edx
ENDCASE
CASE "push_memory_faults"
    push eax
    push ebx
    mov edx, RODATA + 0x1000
    push dword [edx]
    push ecx
ENDCASE
CASE "pop_past_the_end"
    mov esp, STACK_END - 8
    pop eax
    pop ebx
    pop ecx
    pop edx
ENDCASE
CASE "store_between_pushes_faults"
    push eax
    push ebx
    mov [RODATA], ebx
    push ecx
ENDCASE
CASE "divide_between_pushes"
    push eax
    xor ecx, ecx
    push ebx
    div ecx
    push edx
ENDCASE
CASE "relative_to_esp"
    push dword 1
    push dword 2
    mov eax, [esp]
    mov ebx, [esp + 4]
    push dword [esp + 4]
    mov [esp + 8], ebx
    lea esi, [esp + 12]
    lea edi, [esp + esi]
    pop ecx
    add [esp], ecx
    pop edx
    pop ebp
ENDCASE
CASE "push_and_pop_esp"
    push eax
    push ebx
    push esp
    mov eax, esp
    pop ecx
    push ecx
    push dword [esp]
    pop dword [esp + 4]
    sub ecx, 8
    push ecx
    pop esp
    push eax
ENDCASE
CASE "arithmetic_on_esp"
    push eax
    push ebx
    sub esp, 12
    pushfd
    push ecx
    add esp, byte 8
    pushfd
    pop eax
    push ebx
    cmp esp, eax
    pushfd
    pop ebx
    push edx
    inc esp
    dec esp
    xchg eax, esp
    xchg eax, esp
    mov ecx, esp
    bswap ecx
ENDCASE
CASE "conditional_in_the_middle"
    mov ecx, 3
.again:
    push ecx
    push eax
    dec ecx
    jz .out
    push edx
    test ecx, ecx
    jnz .again
.out:
    pop eax
    pop ebx
ENDCASE
CASE "calls_with_arguments"
    push dword 5
    push dword 7
    call .sum
    push eax
    push dword [esp]
    call .sum
    add esp, 16
    mov edx, .drop
    push dword 9
    push dword 11
    call edx
    push eax
    jmp .done
.sum:
    push ebx
    push esi
    mov eax, [esp + 12]
    add eax, [esp + 16]
    pop esi
    pop ebx
    ret
.drop:
    push ebp
    mov ebp, esp
    push ebx
    push edi
    mov eax, [ebp + 8]
    sub eax, [ebp + 12]
    pop edi
    pop ebx
    leave
    ret 8
.done:
ENDCASE
CASE "call_through_the_stack"
    push dword .there
    push eax
    call [esp + 4]
    pop eax
    pop ebx
    jmp .done
.there:
    push ecx
    pop edx
    ret
.done:
ENDCASE
CASE "many_pushes"
%rep 40
    push eax
    push ebx
%endrep
    mov ecx, [esp + 40]
%rep 39
    pop edx
    pop edi
%endrep
    pop esi
ENDCASE
CASE "sixteen_bits"
    push ax
    push ebx
    push cx
    pop dx
    pop esi
    push sp
    pop di
    sub di, sp
    pop bx
    push word [esp + 2]
    pop word [esp]
ENDCASE
CASE "return_address_gone"
    push eax
    push ebx
    mov esp, STACK_END
    ret
ENDCASE
CASE "string_after_pushes"
    mov edi, DATA_END - 6
    mov ecx, 8
    push ecx
    push edi
    cld
    rep stosb
    push eax
ENDCASE
