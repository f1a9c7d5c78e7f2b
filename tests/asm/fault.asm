; mode: native
; data: 5
; faults: yes
; Faults in the middle of instructions: nothing but what the manual allows may have changed.
; expect rmw_end: fault=14 error=6 cr2=0x20004000
; expect push_ro: fault=14 error=7
; loose pusha_partial: cr2 stack (the order of the pushes is the CPU's own)
; loose popa_partial: edi esi ebp ebx (so is how many registers it has loaded)
; loose repe_cmps: eflags (AMD's have the flags of the iterations done, Intel's those from before)
; loose repne_scas: eflags (the same)
; loose cmps_both: cr2 (and which operand is read first)
; expect rep_movs: fault=14 cr2=0x20004000 error=6 ecx=12
; expect call_stack: fault=14 error=6 cr2=0x2ffffffc esp=0x30000000
; expect jump_out: fault=14 error=4 eip=0x20004000
; expect ret_out: fault=14 error=4 eip=0x20005000
; expect fetch_cross: fault=14 eip=0x20003fff cr2=0x20004000
%macro F 2+ ; name, instruction(s)
CASE %1
    FLAGS CF | SF | PF
    %2
ENDCASE
%endmacro
%define BAD DATA_END
%define EDGE (DATA_END - 2)
F "rmw_end", add [EDGE], eax
%macro RMW 1
    %defstr n %1
    %strcat m n, "_edge"
    F m, %1 dword [EDGE]
    %strcat m n, "_ro"
    F m, %1 dword [RODATA + 8]
    %strcat m n, "_bad8"
    F m, %1 byte [BAD]
%endmacro
RMW inc
RMW dec
RMW neg
RMW not
%macro RMW2 2
    %defstr n %1
    %strcat m n, "_e"
    F m, %1 [EDGE], %2
    %strcat m n, "_r"
    F m, %1 [RODATA + 12], %2
    %strcat m n, "_b"
    F m, %1 [BAD + 0x100], %2
%endmacro
RMW2 add, edx
RMW2 adc, edx
RMW2 sub, dx
RMW2 sbb, edx
RMW2 and, dl
RMW2 or, edx
RMW2 xor, dh
RMW2 xchg, edx
RMW2 xadd, edx
RMW2 cmpxchg, edx
RMW2 bts, edx
RMW2 btr, ecx
RMW2 btc, ecx
RMW2 mov, edx
F "cmp_ro", cmp [RODATA], edx
F "test_ro", test [RODATA], edx
F "cmp_bad", cmp [BAD], edx
%macro SHIFT 1
    %defstr n %1
    %strcat m n, "_cl"
    F m, %1 dword [EDGE], cl
    %strcat m n, "_1"
    F m, %1 byte [BAD], 1
    %strcat m n, "_i"
    F m, %1 word [RODATA], 5
    %strcat m n, "_zero"
    F m, %1 dword [RODATA], 0
%endmacro
SHIFT rol
SHIFT rcl
SHIFT shl
SHIFT sar
F "shld_edge", shld [EDGE], edx, 4
F "mul_bad", mul dword [BAD]
F "div_bad", div dword [BAD]
F "imul_bad", imul edx, [BAD], 5
F "cmpxchg8b_edge", cmpxchg8b [DATA_END - 4]
F "cmpxchg8b_ro", cmpxchg8b [RODATA]
CASE "bt_far_fault"
    mov ecx, 0x20000
    bts [DATA], ecx
ENDCASE
CASE "bt_negative"
    mov ecx, -8
    btr [DATA], ecx
ENDCASE
F "load_bad", mov eax, [BAD]
F "movzx_edge", movzx eax, word [DATA_END - 1]
F "cmov_bad", cmovnc eax, [BAD]
F "setcc_ro", setc [RODATA]
CASE "xlat_fault"
    mov ebx, DATA_END - 0x10
    mov al, 0x20
    xlatb
ENDCASE
CASE "push_ro"
    mov esp, RODATA + 0x100
    push eax
ENDCASE
CASE "push_mem_bad"
    push dword [BAD]
ENDCASE
CASE "push_bad"
    mov esp, STACK
    push eax
ENDCASE
CASE "push_cross"
    mov esp, STACK + 2
    push eax
ENDCASE
CASE "pop_bad"
    mov esp, STACK_END
    pop eax
ENDCASE
CASE "pop_mem_ro"
    pop dword [RODATA]
ENDCASE
CASE "pop_mem_esp"
    mov esp, STACK_END - 4
    pop dword [esp]
ENDCASE
CASE "pusha_partial"
    mov esp, STACK + 16
    pusha
ENDCASE
CASE "popa_partial"
    mov esp, STACK_END - 16
    popa
ENDCASE
CASE "pushf_bad"
    mov esp, STACK
    pushf
ENDCASE
CASE "popf_bad"
    mov esp, STACK_END
    popf
ENDCASE
CASE "enter_bad"
    mov esp, STACK + 2
    enter 16, 0
ENDCASE
CASE "enter_level_bad"
    mov ebp, BAD
    enter 16, 3
ENDCASE
CASE "leave_bad"
    mov ebp, BAD
    leave
ENDCASE
CASE "call_stack"
    mov esp, STACK
    call eax
ENDCASE
CASE "call_mem_bad"
    call [BAD]
ENDCASE
CASE "ret_stack"
    mov esp, STACK_END
    ret
ENDCASE
CASE "jump_out"
    mov eax, BAD
    jmp eax
ENDCASE
CASE "ret_out"
    push dword BAD + 0x1000
    ret
ENDCASE
CASE "fetch_cross"
    mov byte [DATA_END - 1], 0x05
    mov eax, DATA_END - 1
    jmp eax
ENDCASE
CASE "rep_movs"
    mov esi, DATA
    mov edi, DATA_END - 32
    mov ecx, 20
    rep movsd
ENDCASE
CASE "rep_movs_down"
    mov esi, DATA + 0x100
    mov edi, DATA + 20
    mov ecx, 20
    std
    rep movsd
ENDCASE
CASE "rep_movs_source"
    mov esi, DATA_END - 7
    mov edi, DATA
    mov ecx, 20
    rep movsd
ENDCASE
CASE "rep_stos"
    mov edi, DATA_END - 5
    mov ecx, 20
    rep stosw
ENDCASE
CASE "rep_lods"
    mov esi, DATA_END - 5
    mov ecx, 20
    rep lodsb
ENDCASE
CASE "repe_cmps"
    mov esi, DATA + 0x1000
    mov edi, DATA_END - 16
    mov ecx, 4
    rep movsd
    mov esi, DATA + 0x1000
    mov edi, DATA_END - 16
    mov ecx, 40
    repe cmpsb
ENDCASE
CASE "repne_scas"
    mov edi, DATA_END - 6
    mov ecx, 40
    mov eax, 0x12345678
    repne scasb
ENDCASE
CASE "rep_stos_ro"
    mov edi, RODATA
    mov ecx, 4
    rep stosd
ENDCASE
CASE "movs_dest_first"
    mov esi, BAD
    mov edi, RODATA
    movsd
ENDCASE
CASE "cmps_both"
    mov esi, BAD
    mov edi, BAD + 0x1000
    cmpsb
ENDCASE
CASE "x87_store_ro"
    fld1
    fstp qword [RODATA]
ENDCASE
CASE "x87_load_edge"
    fld qword [DATA_END - 4]
ENDCASE
CASE "x87_store_edge"
    fldpi
    fstp tword [DATA_END - 4]
ENDCASE
CASE "sse_load_bad"
    movups xmm0, [DATA_END - 8]
ENDCASE
CASE "sse_store_ro"
    movaps [RODATA], xmm1
ENDCASE
CASE "sse_unaligned"
    movaps xmm0, [DATA + 4]
ENDCASE
CASE "sse_unaligned_op"
    mov ebx, DATA + 8
    addps xmm0, [ebx]
ENDCASE
CASE "mmx_store_edge"
    movq [DATA_END - 4], mm0
ENDCASE
CASE "null"
    xor eax, eax
    mov eax, [eax]
ENDCASE
; Flags that the next instruction overwrites still count when this one faults.
CASE "pop_mem_dead_flags"
    FLAGS CF | SF | OF | PF
    pop dword [DATA - 2]
    add eax, edx
ENDCASE
CASE "push_mem_dead_flags"
    FLAGS CF | SF | OF | PF
    push dword [DATA_END - 2]
    add eax, edx
ENDCASE
CASE "movs_dead_flags"
    FLAGS CF | SF | OF | PF
    mov edi, DATA_END - 2
    movsd
    add eax, edx
ENDCASE
CASE "call_mem_dead_flags"
    FLAGS CF | SF | OF | PF
    mov esp, STACK
    call [DATA]
ENDCASE
CASE "load_dead_flags"
    FLAGS CF | SF | OF | PF
    mov ecx, [DATA_END - 1]
    xor eax, eax
ENDCASE
CASE "store_dead_flags"
    FLAGS CF | SF | OF | PF
    mov [RODATA], ecx
    cmp eax, edx
ENDCASE
