; mode: ring0
; faults: yes
; undefined: OF SF AF PF ZF
; covers: INT INT3 INTO IRETD IRET SYSENTER SYSEXIT CALL_FAR_PTR RET_FAR RET_FAR_IMM LTR
; Transfers between rings: interrupt and trap gates, IRET to ring 3 and back, call gates, SYSENTER, v8086 mode, task switches.
; expect to_user: fault=13 error=0x10a
; expect user_int: ebx=0x1b01 fault=6
; expect call_gate: eax=0x600d ecx=0x77
; expect sysenter: eax=0x5e ebx=0x1b edx=8 ecx=0x30001800
; expect sysenter_null: fault=13 error=0
; expect v86: fault=13 error=0 eip=2 esp=0x7ffe
; expect task_call: eax=0x88 ebx=0x7a5c
; expect double_fault: fault=8 error=0
; expect int_not_present: fault=11 error=0x13a
; expect int_dpl: fault=13 error=0x10a
%macro GATE 3 ; vector, label, type
    mov dword [IDT + (%1) * 8], 0x80000 | (%2 - $$)
    mov dword [IDT + (%1) * 8 + 4], CODE_BASE | (%3) << 8
%endmacro
%macro GO_USER 1
    push dword USER_DS
    push dword STACK + 0x1000
    push dword 0x2
    push dword USER_CS
    push dword %1
    iret
%endmacro
CASE "to_user"              ; INT 21h from ring 3 through a DPL-0 gate
    GO_USER .user
.user:
    int 0x21
ENDCASE
CASE "user_int"
    GATE 0x30, .handler, 0xee
    GATE 0x31, .second, 0xef
    GO_USER .user
.user:
    mov ebx, 0x1b00
    stc
    int 0x30
    int 0x31
    int 0x21
.handler:
    inc ebx
    mov eax, [esp + 4]
    mov ecx, [esp + 8]
    mov edx, [esp + 16]
    iret
.second:
    pushf
    pop esi
    ud2
ENDCASE
CASE "int_dpl"
    GO_USER .user
.user:
    int 0x21
ENDCASE
CASE "int_not_present"
    GATE 0x27, .h, 0x0e
    int 0x27
.h: nop
ENDCASE
CASE "call_gate"
    mov dword [GDT + 0x98], 0x80000 | (.gate - $$)
    mov dword [GDT + 0x9c], CODE_BASE | 0xec01  ; one parameter
    GO_USER .user
.user:
    push dword 0x77
    call 0x9b:0
    mov ebx, cs
    ud2
.gate:
    mov eax, 0x600d
    mov ecx, [esp + 8]
    mov edx, [esp + 16]
    retf 4
ENDCASE
CASE "sysenter"
    mov ecx, 0x174
    mov eax, KERNEL_CS
    xor edx, edx
    wrmsr
    inc ecx
    mov eax, STACK + 0x1800
    wrmsr
    inc ecx
    mov eax, .kernel
    wrmsr
    ; ring-3 selectors follow the kernel's: CS + 16, CS + 24
    mov esi, GDT + 0x20
    mov edi, GDT + 0x18
    movsd
    movsd
    mov esi, GDT + 0x28
    mov edi, GDT + 0x20
    movsd
    movsd
    mov edx, .user
    mov ecx, STACK + 0x1000
    sysexit
.user:
    mov eax, 0x5d
    mov ebx, cs
    sysenter
.kernel:
    inc eax
    mov edx, cs
    mov ecx, esp
    ud2
ENDCASE
CASE "sysenter_null"
    mov ecx, 0x174
    xor eax, eax
    xor edx, edx
    wrmsr
    sysenter
ENDCASE
CASE "v86"
    mov dword [LOW_FREE], 0x90f41e90    ; nop; push ds; hlt
    or dword [PAGE_DIR], 4  ; low memory for ring 3
    mov eax, cr3
    mov cr3, eax
    push dword 0            ; GS FS DS ES
    push dword 0
    push dword LOW_FREE >> 4
    push dword 0
    push dword LOW_FREE >> 4
    push dword 0x8000
    push dword 0x20002
    push dword LOW_FREE >> 4
    push dword 0
    iret
ENDCASE
CASE "task_call"
    mov edi, LOW_FREE
    mov ecx, 0x40
    xor eax, eax
    rep stosd
    mov dword [GDT + 0x88], (LOW_FREE & 0xffff) << 16 | 0x67
    mov dword [GDT + 0x8c], 0x00008900 | LOW_FREE >> 16
    mov eax, cr3
    mov [LOW_FREE + 28], eax
    mov [TSS + 28], eax
    mov dword [LOW_FREE + 32], .task
    mov dword [LOW_FREE + 36], 2
    mov dword [LOW_FREE + 56], STACK + 0x1000
    mov dword [LOW_FREE + 72], KERNEL_DS
    mov dword [LOW_FREE + 76], KERNEL_CS
    mov dword [LOW_FREE + 80], KERNEL_DS
    mov dword [LOW_FREE + 84], KERNEL_DS
    xor ebx, ebx
    call 0x88:0
    mov ebx, [DATA]
    mov eax, [DATA + 4]
    xor ecx, ecx
    jmp .out
.task:
    mov dword [DATA], 0x7a5c
    str [DATA + 4]
    pushf
    pop dword [DATA + 8]
    and dword [DATA + 8], 0x4000    ; NT
    mov dword [esp - 4], 0
    iret
.out:
ENDCASE
CASE "double_fault"         ; #PF without a handler that is present
    and dword [IDT + 14 * 8 + 4], ~0x8000
    and dword [IDT + 11 * 8 + 4], ~0x8000
    mov eax, [DATA_END + 0x1000]
ENDCASE
