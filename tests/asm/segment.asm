; mode: native
; data: 4
; faults: yes
; covers: MOV_R_SREG MOV_SREG_R PUSH_ES PUSH_CS PUSH_SS PUSH_DS PUSH_FS PUSH_GS POP_ES POP_SS POP_DS POP_FS POP_GS
; covers: LDS LES LFS LGS LSS LAR LSL VERR VERW ARPL CALL_FAR_PTR CALL_FAR_MEM JMP_FAR_PTR JMP_FAR_MEM RET_FAR RET_FAR_IMM IRETD IRET
; Segment registers at ring 3 with LDT segments: bases, limits, types, far transfers.
; A 32-bit push of a segment register may leave the upper half of its place alone: make that zero first.
%macro CLEAR_STACK 0
    mov edi, STACK + 0x1e00
    mov ecx, 0x40
    xor eax, eax
    rep stosd
%endmacro
CASE "read"
    CLEAR_STACK
    mov eax, -1
    mov ax, ds
    mov ebx, cs
    mov ecx, -1
    mov cx, es
    mov [DATA], ss
    mov [DATA + 8], gs
    mov edx, -1
    mov edx, fs
    push cs
    push ds
    push es
    push ss
    push fs
    push gs
    db 0x66
    push cs
    db 0x66
    push fs
ENDCASE
CASE "load"
    CLEAR_STACK
    mov eax, SEL_DATA
    mov es, ax
    mov fs, ax
    mov gs, eax
    mov eax, [es:0x10]
    add eax, [fs:0x14]
    sub [gs:0x18], eax
    mov ebx, 0x20
    mov ecx, [es:ebx + 4]
    mov esi, 4
    mov edx, [fs:ebx + esi * 2]
    push es
    push dword SEL_BASE
    pop fs
    mov edx, [fs:0x1010]
    mov eax, 0
    mov es, ax
    push es
    mov eax, 3
    mov gs, ax
    push gs
    push dword USER_DS
    pop es
ENDCASE
CASE "ds_base"
    mov eax, SEL_DATA
    mov ds, ax
    mov eax, [0x100]
    mov ebx, 0x200
    add [ebx], eax
    lea ecx, [ebx + 8]
    movsx edx, byte [ebx + ecx]
    push dword [0x30]
    pop dword [0x34]
    xlatb
    mov esi, 0x40
    lodsd
    fld dword [0x50]
    fstp qword [0x58]
    movups xmm0, [0x60]
    cmpxchg8b [0x70]
    bts [0x80], ecx
    inc byte [ss:esp]
    cs mov eax, [$]
    es mov eax, [DATA + 0x44]
    mov ecx, 4
    es rep lodsb
ENDCASE
CASE "ss_base"
    mov ax, SEL_STK32
    mov ebx, esp
    mov ss, ax
    mov esp, 0x1000
    push eax
    push ebx
    mov ebp, esp
    mov eax, [ebp + 4]
    mov ecx, [esp]
    call $ + 5
    pop edx
    pusha
    popa
    pushf
    popf
    enter 8, 0
    leave
    push dword USER_DS
    pop ss
    mov esp, ebx
ENDCASE
CASE "ss_16bit"
    mov ax, SEL_STK16
    mov ebx, esp
    mov ss, ax
    mov esp, 0x00001000
    push eax
    push bx
    call $ + 5
    pop edx
    pusha
    popa
    enter 8, 1
    leave
    pop cx
    mov ecx, esp
    mov ax, USER_DS
    mov ss, ax
    mov esp, ebx
ENDCASE
CASE "pointers"
    CLEAR_STACK
    mov dword [DATA], 0x12345678
    mov dword [DATA + 4], SEL_DATA | 0x9990000
    les eax, [DATA]
    push es
    lfs ebx, [DATA]
    lgs ecx, [DATA]
    push gs
    mov word [DATA + 0x12], SEL_BASE
    db 0x66
    lgs edx, [DATA + 0x10]
    push gs
    mov dword [DATA + 0x24], USER_DS
    mov [DATA + 0x20], esp
    lss esp, [DATA + 0x20]
    lds esi, [DATA + 0x20]
    push ds
    push dword USER_DS
    pop es
ENDCASE
%macro BADLOAD 2 ; name, selector
    %strcat n "load_", %1
    CASE n
        mov eax, %2
        mov fs, ax
    ENDCASE
    %strcat n "load_ss_", %1
    CASE n
        mov eax, %2
        mov ss, ax
    ENDCASE
    %strcat n "pop_", %1
    CASE n
        push dword %2
        pop es
    ENDCASE
    %strcat n "jmp_", %1
    CASE n
        jmp %2:0x1000
    ENDCASE
    %strcat n "call_", %1
    CASE n
        call %2:0x1000
    ENDCASE
    %strcat n "retf_", %1
    CASE n
        push dword %2
        push dword 0
        retf
    ENDCASE
    %strcat n "iret_", %1
    CASE n
        push dword 0x202
        push dword %2
        push dword 0
        iret
    ENDCASE
    %strcat n "lgs_", %1
    CASE n
        mov dword [DATA + 4], %2
        lgs eax, [DATA]
    ENDCASE
%endmacro
BADLOAD "null", 0
BADLOAD "null3", 3
BADLOAD "kernel_data", 0x18
BADLOAD "beyond_ldt", 0xff
BADLOAD "beyond_gdt", 0xfff8
BADLOAD "not_present", SEL_NP
BADLOAD "readonly", SEL_RO
BADLOAD "rpl0", SEL_DATA & ~3
BADLOAD "tss", 0x40
CASE "load_exec_only"
    mov eax, SEL_EXEC
    mov es, ax
ENDCASE
CASE "load_code"
    mov eax, SEL_CODE32
    mov es, ax
    mov eax, [es:0]
ENDCASE
%macro ACCESS 3+ ; name, selector, instruction
CASE %1
    mov eax, %2
    mov fs, ax
    %3
ENDCASE
%endmacro
ACCESS "limit_ok", SEL_DATA, mov edx, [fs:0x3ffc]
ACCESS "limit_over", SEL_DATA, mov edx, [fs:0x3ffd]
ACCESS "limit_far", SEL_DATA, mov [fs:0x12345678], edx
ACCESS "limit_negative", SEL_DATA, mov dl, [fs:-1]
ACCESS "limit_rmw", SEL_DATA, add [fs:0x3ffe], edx
ACCESS "down_ok", SEL_DOWN, mov edx, [fs:0x2000]
ACCESS "down_low", SEL_DOWN, mov edx, [fs:0x1fff]
ACCESS "down_cross", SEL_DOWN, mov edx, [fs:0x1ffe]
ACCESS "readonly_read", SEL_RO, mov edx, [fs:0x100]
ACCESS "readonly_write", SEL_RO, mov [fs:0x100], edx
ACCESS "readonly_rmw", SEL_RO, or [fs:0x100], edx
ACCESS "code_write", SEL_CODE32, mov [fs:0x100], edx
ACCESS "base_wrap", SEL_BASE, mov edx, [fs:0x1ffc]
ACCESS "null_use", 0, mov edx, [fs:0]
ACCESS "string_limit", SEL_DATA, fs lodsd
ACCESS "x87_limit", SEL_DATA, fld tword [fs:0x3ff8]
ACCESS "sse_limit", SEL_DATA, movups xmm0, [fs:0x3ff4]
ACCESS "lea_no_check", 0, lea edx, [fs:0x1234]
CASE "es_limit_string"
    mov ax, SEL_DATA
    mov es, ax
    mov edi, 0x3ff0
    mov ecx, 10
    rep stosd
ENDCASE
CASE "ss_limit"
    mov ax, SEL_STK32
    mov ss, ax
    mov esp, 0x2000
    pop eax
ENDCASE
CASE "ss16_wrap"
    mov ax, SEL_STK16
    mov ss, ax
    mov esp, 0x10002
    push eax
ENDCASE
CASE "exec_read"
    jmp SEL_EXEC:.in - CODE_BASE
.in:
    cs mov eax, [.in - CODE_BASE]
ENDCASE
CASE "far_jump"
    jmp SEL_CODE32:.a - CODE_BASE
.a: mov eax, cs
    call .f
    push cs
    jmp USER_CS:.b
.f: inc ebx
    ret
.b: mov edx, cs
ENDCASE
CASE "far_mem"
    mov dword [DATA], .a - CODE_BASE
    mov word [DATA + 4], SEL_CODE32
    jmp far [DATA]
.a: mov ecx, cs
    mov dword [DATA + 8], .b
    mov word [DATA + 12], USER_CS
    call far [DATA + 8]
.b: pop eax
    pop ebx
    mov edx, cs
ENDCASE
CASE "far_call_ret"
    call SEL_CODE32:.f - CODE_BASE
    mov edx, cs
    push eax
    push eax
    call SEL_CODE32:.g - CODE_BASE
    mov esi, cs
    jmp .out
.f: mov eax, cs
    mov ecx, [esp]
    mov ebx, [esp + 4]
    retf
.g: retf 8
.out:
ENDCASE
CASE "far_call_16"
    call SEL_CODE16:.f - CODE_BASE
    jmp .out
    bits 16
.f: mov ax, cs
    mov bx, 0x1234
    add ecx, 5
    push bx
    pop si
    push dword 0x12345678
    pop edi
    db 0x66
    retf
    bits 32
.out:
    mov edx, cs
ENDCASE
CASE "jmp_limit"
    jmp SEL_CODE16:0x10000
ENDCASE
CASE "limit_fall"
    mov byte [DATA], 0x90
    jmp SEL_EXEC:0xffff
ENDCASE
CASE "retf_user"
    CLEAR_STACK
    push dword USER_CS
    push dword .a
    retf
.a: inc eax
    push eax
    push eax
    push cs
    push dword .b
    retf 8
.b: push cs
    push .c
    db 0x66
    push cs
    pop ax
.c: inc ebx
ENDCASE
CASE "iret"
    CLEAR_STACK
    push dword 0x8d7
    push dword USER_CS
    push dword .a
    iret
.a: pushf
    push dword 0x3ed7
    push dword USER_CS
    push dword .b
    iret
.b: pushf
    cld
ENDCASE
%macro SELECTOR 1
    mov ebx, %1
    mov ecx, 0x5555
    lar ecx, bx
    pushf
    and ecx, 0xf0ff00       ; the rest is undefined
    push ecx
    mov ecx, 0x6666
    lsl ecx, bx
    pushf
    push ecx
    verr bx
    pushf
    verw bx
    pushf
    mov [DATA], ebx
    lar dx, [DATA]
    pushf
    lsl dx, [DATA]
    push edx
    verr [DATA]
    pushf
    verw [DATA]
    pushf
%endmacro
CASE "describe"
    SELECTOR 0
    SELECTOR 3
    SELECTOR USER_CS
    SELECTOR USER_DS
    SELECTOR USER_DS & ~3
    SELECTOR SEL_DATA
    SELECTOR SEL_CODE32
    SELECTOR SEL_CODE16
    SELECTOR SEL_DOWN
    SELECTOR SEL_RO
    SELECTOR SEL_BASE
    SELECTOR SEL_NP
    SELECTOR SEL_EXEC
    SELECTOR 0x40
    SELECTOR 0xfff8
    SELECTOR 0xff
ENDCASE
CASE "arpl"
    mov eax, 0x10
    mov ebx, 0x3
    arpl ax, bx
    pushf
    push eax
    arpl ax, bx
    pushf
    mov dword [DATA], 0x12345670
    mov cx, 2
    arpl [DATA], cx
    pushf
    mov ecx, -1
    stc
    arpl cx, ax
    pushf
ENDCASE
