; mode: native
; data: 8
; covers: CALL_NEAR RET_NEAR
; Near transfers: all conditions, loops, nests of calls, mismatched and forged returns, jump tables.
%macro JS 1
    mov edx, %1
    push edx
    popf
    jo %%a
    or eax, 1
%%a: jno %%b
    or eax, 2
%%b: jb %%c
    or eax, 4
%%c: jae near %%d
    or eax, 8
%%d: jz %%e
    or eax, 0x10
%%e: jnz near %%f
    or eax, 0x20
%%f: push edx
    popf
    jbe %%g
    lea eax, [eax + 0x40]
%%g: ja %%h
    lea eax, [eax + 0x80]
%%h: js near %%i
    lea eax, [eax + 0x100]
%%i: jns %%j
    lea eax, [eax + 0x200]
%%j: jp %%k
    lea eax, [eax + 0x400]
%%k: jnp %%l
    lea eax, [eax + 0x800]
%%l: jl %%m
    lea eax, [eax + 0x1000]
%%m: jge %%n
    lea eax, [eax + 0x2000]
%%n: jle %%o
    lea eax, [eax + 0x4000]
%%o: jg %%p
    lea eax, [eax + 0x8000]
%%p: push eax
    xor eax, eax
%endmacro
CASE "jcc"
    xor eax, eax
    JS 0
    JS CF
    JS ZF
    JS SF
    JS OF
    JS PF
    JS SF | OF
    JS ZF | SF
    JS ZF | OF | SF | PF | CF
ENDCASE
CASE "loops"
    mov ecx, 5
.a: inc eax
    loop .a
    mov ecx, 5
.b: dec ebx
    cmp ecx, 3
    loopne .b
    pushf
    mov ecx, 5
.c: cmp ecx, 9
    loope .c
    push ecx
    jecxz .d
    inc eax
.d: xor ecx, ecx
    jecxz .e
    inc eax
.e: push ecx
    mov ecx, 2
    jecxz .f
    dec ecx
    jmp .f
.f: loop .f
ENDCASE
CASE "nest"
    call .f1
    jmp .out
.f1: call .f2
    call .f2
    inc eax
    ret
.f2: call .f3
    call .f3
    add eax, 2
    ret
.f3: add ebx, eax
    ret 0
.out:
ENDCASE
CASE "recursion"
    mov ecx, 700
    xor eax, eax
    call .f
    jmp .out
.f: add eax, ecx
    dec ecx
    jz .r
    call .f
.r: rol eax, 1
    ret
.out:
ENDCASE
CASE "ret_imm"
    push ebx
    push ecx
    push edx
    call .f
    jmp .out
.f: mov eax, [esp + 8]
    ret 12
.out:
ENDCASE
CASE "forged_return"
    push dword .target
    ret
    inc eax
.target:
    inc ebx
ENDCASE
CASE "mismatched"
    call .f
    inc eax             ; skipped
    jmp .out
.f: inc dword [esp]     ; over the one-byte INC
    call .g
    ret
.g: pop edx             ; drops one level
    push edx
    ret
.after:
.out:
ENDCASE
CASE "skip_levels"
    call .a
    jmp .out
.a: call .b
    inc eax             ; never
    ret
.b: call .c
    inc eax             ; never
    ret
.c: add esp, 8          ; returns to the caller of .a
    inc ebx
    ret
.out:
ENDCASE
CASE "retpoline"
    mov edx, .target
    call .thunk
    jmp .out
.target:
    inc eax
    ret
.thunk:
    call .set
.capture:
    pause
    jmp .capture
.set:
    mov [esp], edx
    ret
.out:
ENDCASE
CASE "stack_switch"
    mov ebx, esp
    mov esp, STACK + 0x800
    call .f
    mov esp, ebx
    sub ebx, 0x400
    call .f
    jmp .out
.f: xchg esp, ebx
    push eax
    pop ecx
    xchg esp, ebx
    inc eax
    ret
.out:
ENDCASE
CASE "call_pop"
    call .here
.here:
    pop eax
    mov ecx, 20
.again:
    call $ + 5
    pop edx
    sub edx, eax
    loop .again
ENDCASE
CASE "table"
    mov ecx, 64
    xor eax, eax
.top:
    mov edx, ecx
    and edx, 3
    jmp [edx * 4 + .t]
.c0: add eax, 1
    jmp .n
.c1: add eax, 0x100
    jmp .n
.c2: add eax, 0x10000
    jmp .n
.c3: add eax, 0x1000000
.n: loop .top
    jmp .out
    align 4
.t: dd .c0, .c1, .c2, .c3
.out:
ENDCASE
CASE "indirect"
    mov ecx, 30
    mov dword [DATA], .f
    mov dword [DATA + 4], .g
.top:
    mov edx, ecx
    and edx, 1
    call [DATA + edx * 4]
    mov esi, [DATA + edx * 4]
    call esi
    push esi
    call [esp]
    pop edi
    loop .top
    jmp .out
.f: inc eax
    ret
.g: add ebx, eax
    ret
.out:
ENDCASE
CASE "call_esp_based"
    push dword .f
    call [esp]
    jmp .out
.f: inc eax
    ret 4
.out:
ENDCASE
CASE "push_ret_many"
    mov ecx, 200
.top:
    push dword .back
    ret
.back:
    add eax, ecx
    loop .top
ENDCASE
CASE "flags_across"
    mov ecx, 3
    stc
.top:
    adc eax, 0x7ffffff0
    pushf
    call .f
    pushf
    jmp .g
.f: ret
.g: mov edx, .h
    jmp edx
.h: pushf
    loop .top
ENDCASE
