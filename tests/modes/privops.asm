; privops.asm: privileged operations that a translator likes to shorten, each often enough to get its short form, and
; then with the one thing changed that the short form depends on: the local APIC's priority, a page table, a divisor, a
; descriptor, a gate, a TSS, an MSR. 32-bit protected mode with paging. The numbers are the manual's (SDM vol. 2 and 3).
%include "guest.inc"

KCODE   equ 0x08
KDATA   equ 0x10
UCODE   equ 0x18 | 3
UDATA   equ 0x20 | 3
TSS_SEL equ 0x28
TSS_AT  equ 0x6000
OTHER   equ 0x30                        ; data of ring 3, for what changes
PAGE_DIR equ 0x100000
PAGE_TAB equ 0x101000                   ; of the 4 MiB that the APICs are in
ELSEWHERE equ 0x200000                  ; memory that takes the local APIC's place
LAPIC   equ 0xFEE00000
TPR     equ LAPIC + 0x80
EOI     equ LAPIC + 0xB0
ICR     equ LAPIC + 0x300
SELF_31 equ 0x44031                     ; fixed, asserted, to itself
SELF_51 equ 0x44051
STACK   equ 0x70000
STACK0  equ 0x68000                     ; for ring 0 from ring 3
STACK3  equ 0x60000
ROUNDS   equ 60
ARITH   equ 0x8D5

; A fault in the rest of this subroutine ends it; [caught] is its vector, -1 if there was none.
%macro TRY 0
    mov dword [caught], -1
    mov [try_esp], esp
    mov dword [try_eip], %%out
    jmp %%in
%%out:
    ret
%%in:
%endmacro

main:
    TO_32_BITS KCODE
    mov ax, KDATA
    mov ss, ax
    mov esp, STACK
    mov ax, UDATA
    mov ds, ax
    mov es, ax
    mov fs, ax
    mov gs, ax
    call set_up_paging
    mov edi, TSS_AT
    mov ecx, 104 / 4
    xor eax, eax
    rep stosd
    mov dword [TSS_AT + 4], STACK0
    mov dword [TSS_AT + 8], KDATA
    mov ax, TSS_SEL
    ltr ax
    mov dword [LAPIC + 0xF0], 0x1FF     ; software enable
    mov dword [LAPIC + 0x350], 0x10000  ; LINT0 masked
    mov dword [TPR], 0
    call priority
    call own_interrupts
    call moved_page
    call divisions
    call tables
    call system_calls
    call fast_system_calls
    call devices_keep_fpu
    FINISH

set_up_paging:
    mov edi, PAGE_DIR
    mov ecx, 1024
    xor eax, eax
    rep stosd
    mov dword [PAGE_DIR], 0x000087      ; 8 MiB by large pages, for ring 3 too
    mov dword [PAGE_DIR + 4], 0x400087
    mov dword [PAGE_DIR + (LAPIC >> 22) * 4], PAGE_TAB | 7
    mov edi, PAGE_TAB
    mov eax, 0xFEC00000 | 0x1F
.next:
    stosd
    add eax, 0x1000
    cmp edi, PAGE_TAB + 4096
    jb .next
    mov eax, cr4
    or eax, 0x10                        ; PSE
    mov cr4, eax
    mov eax, PAGE_DIR
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80010000                  ; PG, WP
    mov cr0, eax
    jmp .flush
.flush:
    ret

; Where a pending interrupt is surely taken: backward branches.
wait_a_little:
    push ecx
    mov ecx, 4
.next:
    dec ecx
    jnz .next
    pop ecx
    ret

; ---- The local APIC's task priority ----

priority:
    mov ecx, ROUNDS
.write:
    mov dword [TPR], 0x20
    mov dword [TPR], ecx
    dec ecx
    jnz .write
    EXPECT [TPR], 1, "TPR: the last store shows"
    mov dword [TPR], 0x40
    EXPECT [LAPIC + 0xA0], 0x40, "TPR: PPR follows"
    mov dword [interrupts], 0
    sti
    mov dword [TPR], 0x40
    mov dword [ICR], SELF_31
    call wait_a_little
    EXPECT [interrupts], 0, "TPR: holds a less important interrupt back"
    EXPECT [LAPIC + 0x210], 1 << 17, "TPR: which waits in IRR"
    mov dword [TPR], 0x50
    call wait_a_little
    EXPECT [interrupts], 0, "TPR: raised while it waits"
    mov dword [ICR], SELF_51
    call wait_a_little
    EXPECT [interrupts], 0, "TPR: the same class waits too"
    mov dword [TPR], 0x4F
    call wait_a_little
    EXPECT [interrupts], 1, "TPR: lowered, the more important one comes"
    EXPECT [LAPIC + 0x210], 1 << 17, "TPR: alone"
    mov ecx, 0x2F
    mov [TPR], ecx
    call wait_a_little
    EXPECT [interrupts], 2, "TPR: lowered again, the other comes"
    EXPECT [LAPIC + 0x210], 0, "TPR: nothing waits"
    mov dword [TPR], 0
    cli
    ret

; ---- Interrupts that a store asks for ----

own_interrupts:
    mov dword [interrupts], 0
    mov ecx, ROUNDS
    mov ebx, 0
    sti
.next:
    push 0x11111111
    push 0x22222222
    stc
    mov dword [ICR], SELF_31
    pop edx
    pop eax
    adc ebx, 0                          ; the carry has survived
    add eax, edx
    cmp eax, 0x33333333
    jne .lost
    dec ecx
    jnz .next
.lost:
    cli
    EXPECT [interrupts], ROUNDS, "ICR: an interrupt for every store"
    EXPECT ebx, ROUNDS, "ICR: flags are kept"
    EXPECT ecx, 0, "ICR: the stack is in order"
    EXPECT esp, STACK - 4, "ICR: and ends where it began"
    mov dword [interrupts], 0
    mov ecx, ROUNDS
    mov eax, SELF_31
    sti
.popped:
    push eax
    pop dword [ICR]
    xor dword [LAPIC + 0x380], 0        ; reads and writes
    dec ecx
    jnz .popped
    cli
    EXPECT [interrupts], ROUNDS, "ICR: by POP"
    mov dword [interrupts], 0
    mov dword [ICR], SELF_31
    call wait_a_little
    EXPECT [interrupts], 0, "ICR: not while IF is clear"
    sti
    nop
    nop
    cli
    EXPECT [interrupts], 1, "ICR: but after STI"
    mov dword [interrupts], 0
    mov ecx, 3
    sti
.shadow:
    mov edx, KDATA
    mov ss, edx
    mov dword [ICR], SELF_31            ; in the shadow of MOV SS
    nop
    dec ecx
    jnz .shadow
    cli
    EXPECT [interrupts], 3, "ICR: in the shadow of MOV SS"
    ret

; ---- The page of the local APIC shows memory ----

%macro TPR_LOOP 1
    mov ecx, ROUNDS
%%next:
    mov dword [TPR], %1
    dec ecx
    jnz %%next
%endmacro
PTE equ PAGE_TAB + (LAPIC >> 12 & 1023) * 4

moved_page:
    mov dword [ELSEWHERE + 0x80], 0
    TPR_LOOP 0x20
    mov dword [PTE], ELSEWHERE | 7
    invlpg [LAPIC]
    TPR_LOOP 0x30
    EXPECT [ELSEWHERE + 0x80], 0x30, "page: memory after INVLPG"
    mov dword [PTE], LAPIC | 0x1F
    mov eax, cr3
    mov cr3, eax
    EXPECT [TPR], 0x20, "page: the device has not seen it"
    TPR_LOOP 0x40
    EXPECT [TPR], 0x40, "page: the device again"
    mov dword [PTE], ELSEWHERE | 7
    mov eax, cr3
    mov cr3, eax
    TPR_LOOP 0x50
    EXPECT [ELSEWHERE + 0x80], 0x50, "page: memory after a write of CR3"
    mov dword [PTE], LAPIC | 0x1D       ; not writable, WP set
    invlpg [LAPIC]
    EXPECT [TPR], 0x40, "page: read only"
    call .denied
    EXPECT [caught], 14, "page: a store to it faults"
    EXPECT [TPR], 0x40, "page: and does nothing"
    mov dword [PTE], LAPIC | 0x1F
    invlpg [LAPIC]
    TPR_LOOP 0
    mov ecx, 0x1B                       ; IA32_APIC_BASE: the registers somewhere else
    rdmsr
    mov ebx, eax
    and eax, 0xFFF
    or eax, 0xFEC80000
    wrmsr
    TPR_LOOP 0x60
    EXPECT [0xFEC80080], 0, "page: stores to the old address do not reach TPR"
    mov dword [0xFEC80080], 0x10
    EXPECT [0xFEC80080], 0x10, "page: stores to the new one do"
    mov eax, ebx
    xor edx, edx
    mov ecx, 0x1B
    wrmsr
    EXPECT [TPR], 0x10, "page: back"
    TPR_LOOP 0
    ret
.denied:
    TRY
    mov dword [TPR], 0x70
    ret

; ---- Divisions by zero ----

divisions:
    call .reg
    call .mem
    call .small
    ret
.reg:
    mov edi, .div_ebx
    call .run
    EXPECT [divides], ROUNDS / 2, "DIV EBX: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "DIV EBX: the other quotients are right"
    EXPECT [wrong], 0, "DIV EBX: the state at the faults"
    mov edi, .div_ecx
    call .run
    EXPECT [divides], ROUNDS / 2, "DIV ECX: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "DIV ECX: the other quotients are right"
    EXPECT [wrong], 0, "DIV ECX: the state at the faults"
    mov edi, .idiv_ebx
    call .run
    EXPECT [divides], ROUNDS / 2, "IDIV EBX: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "IDIV EBX: the other quotients are right"
    EXPECT [wrong], 0, "IDIV EBX: the state at the faults"
    mov dword [divides], 0              ; an overflow where zero is looked for
    mov edx, 7
    mov ebx, 7
    mov eax, 7 * 5
    mov dword [expected_edx], 7
    mov edi, .div_ebx
    stc
    call edi
    EXPECT [divides], 1, "DIV EBX: overflow"
    EXPECT [wrong], 0, "DIV EBX: the state at it"
    ret
.mem:
    mov edi, .div_mem
    call .run
    EXPECT [divides], ROUNDS / 2, "DIV memory: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "DIV memory: the other quotients are right"
    EXPECT [wrong], 0, "DIV memory: the state at the faults"
    mov edi, .div_stack
    call .run
    EXPECT [divides], ROUNDS / 2, "DIV [ESP]: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "DIV [ESP]: the other quotients are right"
    EXPECT [wrong], 0, "DIV [ESP]: the state at the faults"
    ret
.small:
    mov edi, .div_bl
    call .run
    EXPECT [divides], ROUNDS / 2, "DIV BL: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "DIV BL: the other quotients are right"
    EXPECT [wrong], 0, "DIV BL: the state at the faults"
    mov edi, .div_ch
    call .run
    EXPECT [divides], ROUNDS / 2, "DIV CH: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "DIV CH: the other quotients are right"
    EXPECT [wrong], 0, "DIV CH: the state at the faults"
    mov edi, .idiv_bx
    call .run
    EXPECT [divides], ROUNDS / 2, "IDIV BX: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "IDIV BX: the other quotients are right"
    EXPECT [wrong], 0, "IDIV BX: the state at the faults"
    mov edi, .idiv_mem8
    call .run
    EXPECT [divides], ROUNDS / 2, "IDIV byte: a fault for every zero"
    EXPECT esi, ROUNDS / 2 * 5, "IDIV byte: the other quotients are right"
    EXPECT [wrong], 0, "IDIV byte: the state at the faults"
    ret

; EDI is the place to divide EAX by EBX, ECX, CH, [divisor] or the top of the stack, which all are 0 or 7 in turns.
.run:
    mov dword [divides], 0
    mov dword [wrong], 0
    mov dword [expected_edx], 0
    mov ebp, ROUNDS
    xor esi, esi
.next:
    mov ebx, ebp
    and ebx, 1
    imul ebx, ebx, 7
    mov ecx, ebx
    shl ecx, 8
    or ecx, ebx
    cmp edi, .div_ch
    je .both
    mov ecx, ebx
.both:
    mov [divisor], ebx
    mov eax, 7 * 5
    xor edx, edx
    stc
    call edi
    test ebp, 1
    jz .no_quotient
    movzx eax, al
    add esi, eax
.no_quotient:
    dec ebp
    jnz .next
    ret

%macro PLACE 2
.%1:
    mov dword [divide_want], %%at
    mov dword [divide_resume], %%behind
    mov [divide_esp], esp
%%at:
    %2
%%behind:
    ret
%endmacro
    PLACE div_ebx, div ebx
    PLACE div_ecx, div ecx
    PLACE idiv_ebx, idiv ebx
    PLACE div_mem, div dword [divisor]
    PLACE div_bl, div bl
    PLACE div_ch, div ch
    PLACE idiv_bx, idiv bx
    PLACE idiv_mem8, idiv byte [divisor]
.div_stack:
    mov dword [divide_want], .stack_at
    mov dword [divide_resume], .stack_behind
    push ebx
    mov [divide_esp], esp
    push eax
    pop eax
.stack_at:
    div dword [esp]
.stack_behind:
    pop ebx
    ret

; ---- Table registers, CPUID ----

tables:
    mov ecx, ROUNDS
.same:
    lgdt [gdt_ptr]
    lidt [idt_ptr]
    dec ecx
    jnz .same
    mov ax, [gdt_ptr]
    mov [other_ptr], ax
    mov eax, [gdt_ptr + 2]
    mov [other_ptr + 2], eax
    mov ecx, ROUNDS
.other:                                 ; the same instruction, every second time with another limit
    mov ax, OTHER - 1
    test ecx, 1
    jnz .short
    mov ax, OTHER + 7
.short:
    mov [other_ptr], ax
    lgdt [other_ptr]
    sgdt [stored]
    cmp ax, [stored]
    jne .lost
    dec ecx
    jnz .other
.lost:
    EXPECT ecx, 0, "LGDT: every limit shows"
    mov word [other_ptr], OTHER - 1
    lgdt [other_ptr]
    call .load
    EXPECT [caught], 13, "LGDT: a selector beyond the limit"
    lgdt [gdt_ptr]
    call .load
    EXPECT [caught], -1, "LGDT: within"
    mov esi, 0x300000                   ; another table, alike but for one base
    push esi
    mov edi, esi
    mov esi, gdt
    mov ecx, (gdt_end - gdt) / 4
    rep movsd
    pop esi
    mov byte [esi + OTHER + 4], 0x20    ; base 200000h
    mov [other_ptr + 2], esi
    mov word [other_ptr], gdt_end - gdt - 1
    mov dword [ELSEWHERE], 0x12345678
    mov ecx, ROUNDS
.bases:
    lgdt [gdt_ptr]
    mov eax, OTHER | 3
    mov fs, eax
    lgdt [other_ptr]
    mov fs, eax
    dec ecx
    jnz .bases
    EXPECT [fs:0], 0x12345678, "LGDT: another table, another descriptor"
    lgdt [gdt_ptr]
    mov eax, UDATA
    mov fs, eax
    mov esi, 0
    mov ecx, ROUNDS
.cpuid:
    push ecx
    mov eax, 0
    cpuid
    mov edi, eax                        ; highest leaf
    mov eax, 1
    cpuid
    mov [stored], edx
    mov eax, 0
    cpuid
    xor edi, eax
    or esi, edi
    mov eax, 1
    xor ecx, ecx
    cpuid
    xor edx, [stored]
    or esi, edx
    pop ecx
    dec ecx
    jnz .cpuid
    EXPECT esi, 0, "CPUID: the same every time"
    mov eax, 1
    stc
    cpuid
    EXPECT_CC c, "CPUID: flags are kept"
    xor eax, eax
    cpuid
    cmp eax, 4
    jb .no_subleaves
    mov ebp, ROUNDS
    xor esi, esi                        ; sums of the types of caches 1 and 2: 1 (data) and 2 (code), again and again
.subleaf:
    mov eax, 4
    mov ecx, ebp
    and ecx, 1
    cpuid
    and eax, 31
    add esi, eax
    dec ebp
    jnz .subleaf
    EXPECT esi, ROUNDS / 2 * 3, "CPUID: sub-leaves"
.no_subleaves:
    mov ecx, 0x1B
    rdmsr
    mov [stored], eax
    and eax, ~0x800                     ; the local APIC is switched off
    wrmsr
    mov eax, 1
    cpuid
    and edx, 1 << 9
    EXPECT edx, 0, "CPUID: no APIC"
    mov ecx, 0x1B
    mov eax, [stored]
    xor edx, edx
    wrmsr
    mov eax, 1
    cpuid
    and edx, 1 << 9
    EXPECT edx, 1 << 9, "CPUID: an APIC"
    mov dword [LAPIC + 0xF0], 0x1FF
    ret
.load:
    TRY
    mov eax, OTHER | 3
    mov fs, eax
    ret

; ---- INT n and IRET between rings ----

; USER code: runs it in ring 3, which ends with INT 81h; faults in it end it as well.
%macro USER 1
    mov dword [caught], -1
    mov [try_esp], esp
    mov dword [try_eip], %%out
    push UDATA
    push STACK3
    push 0x3002                         ; IOPL 3
    push UCODE
    push %1
    iret
%%out:
%endmacro

user_loop:
    mov ecx, ROUNDS
.next:
    int 0x80
    dec ecx
    jnz .next
    mov [user_esp], esp
    mov [user_cs], cs
    mov [user_ss], ss
    int 0x81

system_calls:
    mov dword [calls], 0
    USER user_loop
    EXPECT [calls], ROUNDS, "INT 80h: every call arrives"
    EXPECT [call_esp], STACK0 - 20, "INT 80h: on the TSS's stack"
    EXPECT [user_esp], STACK3, "IRET: the outer stack"
    EXPECTW [user_cs], UCODE, "IRET: CS"
    EXPECTW [user_ss], UDATA, "IRET: SS"
    mov dword [TSS_AT + 4], STACK0 - 0x1000
    USER user_loop
    EXPECT [call_esp], STACK0 - 0x1000 - 20, "INT 80h: the TSS's stack has moved"
    mov dword [TSS_AT + 4], STACK0
    mov dword [calls], 0
    mov word [idt + 0x80 * 8], other_call
    USER user_loop
    EXPECT [calls], 0, "INT 80h: the gate leads elsewhere"
    EXPECT [other_calls], ROUNDS, "INT 80h: namely there"
    mov word [idt + 0x80 * 8], on_call
    mov byte [idt + 0x80 * 8 + 5], 0x8E ; DPL 0
    USER user_loop
    EXPECT [caught], 13, "INT 80h: the gate is for ring 0"
    EXPECT [caught_error], 0x80 * 8 + 2, "INT 80h: its number"
    mov byte [idt + 0x80 * 8 + 5], 0x6E ; not present
    USER user_loop
    EXPECT [caught], 11, "INT 80h: the gate is absent"
    mov byte [idt + 0x80 * 8 + 5], 0xEE
    USER user_loop
    EXPECT [caught], -1, "INT 80h: and is back"
    and byte [gdt + (UDATA & ~7) + 5], 0x7F
    USER user_loop
    EXPECT [caught], 12, "IRET: the outer stack's segment is absent"
    or byte [gdt + (UDATA & ~7) + 5], 0x80
    mov word [gdt + (UCODE & ~7)], 0x10 ; limit 10FFFh: a code segment that ends behind the user's code
    mov byte [gdt + (UCODE & ~7) + 6], 0xC0
    USER user_limit
    EXPECT [user_limit_got], 0x10FFF, "IRET: a new limit of CS"
    call .beyond
    EXPECT [caught], 13, "IRET: EIP beyond it"
    mov word [gdt + (UCODE & ~7)], 0xFFFF
    mov byte [gdt + (UCODE & ~7) + 6], 0xCF
    mov byte [gdt + (UCODE & ~7) + 4], 0x01 ; base 10000h
    mov edx, 0x10000
    USER user_loop - 0x10000
    EXPECT [caught], -1, "IRET: a new base of CS"
    mov byte [gdt + (UCODE & ~7) + 4], 0
    and byte [gdt + (UCODE & ~7) + 5], 0xFE ; Accessed is set again by the load
    USER user_loop
    mov al, [gdt + (UCODE & ~7) + 5]
    and eax, 1
    EXPECT eax, 1, "IRET: sets Accessed"
    mov dword [calls], 0                ; the flags that a call leaves and gets back
    USER user_flags
    EXPECT [calls], ROUNDS, "INT 80h: with flags"
    EXPECT [user_flags_bad], 0, "IRET: brings them back"
    ret
.beyond:
    TRY
    push UDATA
    push STACK3
    push 0x3002
    push UCODE
    push 0x11000
    iret

user_limit:
    mov eax, UCODE
    lsl eax, eax
    mov [user_limit_got], eax
    int 0x81

user_flags:
    mov dword [user_flags_bad], 0
    mov ecx, ROUNDS
.next:
    mov eax, ecx
    and eax, ARITH | 0x400
    or eax, 0x3202                      ; IF
    push eax
    popf
    int 0x80
    pushf
    cld
    pop edx
    xor edx, eax
    or [user_flags_bad], edx
    dec ecx
    jnz .next
    cli
    int 0x81

; ---- SYSENTER and SYSEXIT ----

%macro MSR 2
    mov ecx, %1
    mov eax, %2
    xor edx, edx
    wrmsr
%endmacro

user_fast:
    mov ebp, ROUNDS
.next:
    mov ecx, esp
    mov edx, .back
    sysenter
.back:
    dec ebp
    jnz .next
    mov [user_esp], esp
    mov [user_cs], cs
    mov [user_ss], ss
    pushf
    pop dword [stored]
    int 0x81

user_unaligned:
    mov ebp, ROUNDS
    mov dword [user_flags_bad], 0
    push 0x43002                        ; AC, IOPL 3
    popf
.next:
    mov ecx, esp
    mov edx, .back
    sysenter
.back:
    db 0xA1                             ; mov eax, [calls + 1]: 5 bytes, which the handler skips
    dd calls + 1
    pushf
    pop eax
    and eax, 0x40000
    xor eax, 0x40000
    or [user_flags_bad], eax
    dec ebp
    jnz .next
    push 0x3002
    popf
    int 0x81

fast_system_calls:
    mov eax, 1
    cpuid
    test edx, 1 << 11
    jz .none
    MSR 0x174, KCODE
    MSR 0x175, STACK0
    MSR 0x176, fast_entry
    mov dword [calls], 0
    USER user_fast
    EXPECT [calls], ROUNDS, "SYSENTER: every call arrives"
    EXPECT [call_esp], STACK0, "SYSENTER: ESP"
    EXPECT [call_flags], 0, "SYSENTER: IF is clear"
    EXPECT [user_esp], STACK3, "SYSEXIT: ESP"
    EXPECTW [user_cs], UCODE, "SYSEXIT: CS"
    EXPECTW [user_ss], UDATA, "SYSEXIT: SS"
    MSR 0x175, STACK0 - 0x100
    MSR 0x176, other_fast_entry
    mov dword [other_calls], 0
    USER user_fast
    EXPECT [other_calls], ROUNDS, "SYSENTER: another entry"
    EXPECT [call_esp], STACK0 - 0x100, "SYSENTER: another stack"
    MSR 0x174, 0
    USER user_fast
    EXPECT [caught], 13, "SYSENTER: no code segment"
    EXPECT [other_calls], ROUNDS, "SYSENTER: and no call"
    MSR 0x174, KCODE
    USER user_fast
    EXPECT [other_calls], ROUNDS * 2, "SYSENTER: back"
    MSR 0x176, toggling_entry           ; alignment checks for every second piece of the user's code
    mov dword [aligned_faults], 0
    USER user_unaligned
    mov eax, cr0
    and eax, ~0x40000
    mov cr0, eax
    EXPECT [aligned_faults], ROUNDS / 2, "AC: after SYSEXIT with CR0.AM set, and not without"
    EXPECT [user_flags_bad], 0, "AC: SYSENTER and SYSEXIT keep the flag"
    MSR 0x176, other_fast_entry
    mov word [gdt + KDATA], 0x1000      ; descriptors are not looked at
    mov word [gdt + (UDATA & ~7)], 0x1000
    USER user_fast
    mov word [gdt + KDATA], 0xFFFF
    mov word [gdt + (UDATA & ~7)], 0xFFFF
    EXPECT [other_calls], ROUNDS * 3, "SYSENTER: segments are flat"
.none:
    ret

toggling_entry:
    mov eax, cr0
    xor eax, 0x40000                    ; AM
    mov cr0, eax
    sysexit
fast_entry:
    mov [call_esp], esp
    inc dword [calls]
    pushf
    pop eax
    and eax, 0x200
    or [call_flags], eax
    sysexit
other_fast_entry:
    mov [call_esp], esp
    inc dword [other_calls]
    sysexit

; ---- Device accesses while the x87, MMX and SSE state is live ----

devices_keep_fpu:
    mov eax, cr4
    or eax, 0x200                       ; OSFXSR
    mov cr4, eax
    mov eax, cr0
    and eax, ~0x0C                      ; EM, TS
    mov cr0, eax
    mov edi, pattern
    mov ecx, 128 / 4
    mov eax, 0x12345678
.fill:
    stosd
    imul eax, eax, 69069
    inc eax
    dec ecx
    jnz .fill
    fninit
    fldpi
    fldl2e
    fldlg2
    fld1
%assign n 0
%rep 8
    movups xmm %+ n, [pattern + n * 16]
  %assign n n + 1
%endrep
    fxsave [state_before]
    xor edx, edx
    mov ecx, 3
.again:
    push ecx
    in al, 0x21
    out 0x21, al
    in al, 0xA1
    out 0xA1, al
    mov al, 0x0B                        ; ISR
    out 0x20, al
    in al, 0x20
    xor al, al                          ; latch counter 0
    out 0x43, al
    in al, 0x40
    in al, 0x40
    mov al, 0x34
    out 0x43, al
    mov al, 0xFF
    out 0x40, al
    out 0x40, al
    in al, 0x61
    out 0x61, al
    mov esi, 0                          ; every register of the clock
.rtc:
    mov eax, esi
    out 0x70, al
    in al, 0x71
    inc esi
    cmp esi, 0x10
    jb .rtc
    mov al, 0x0B
    out 0x70, al
    mov al, 0x02
    out 0x71, al
    in al, 0x80
    out 0x80, al
    mov dx, 0x3D4
    mov al, 0x0F
    out dx, al
    inc dx
    in al, dx
    out dx, al
    mov dx, 0x3DA
    in al, dx
    mov dx, 0x3C4
    mov ax, 0x0F02
    out dx, ax
    mov dx, 0x4D0
    in al, dx
    out dx, al
    mov dx, 0x5555                      ; nobody
    in eax, dx
    out dx, eax
    mov dx, 0xCF8
    mov eax, 0x80000000
    out dx, eax
    mov dx, 0xCFC
    in eax, dx
    mov dx, 0xCF8
    mov eax, 0x80000004
    out dx, eax
    mov dx, 0xCFC
    in eax, dx
    out dx, eax
    mov dx, 0xB008                      ; the PM timer, where SeaBIOS puts it
    in eax, dx
    mov eax, [LAPIC + 0x390]
    mov dword [LAPIC + 0x3E0], 3
    mov dword [LAPIC + 0x320], 0x10031  ; masked
    mov dword [LAPIC + 0x380], 100000
    mov dword [LAPIC + 0x380], 0
    mov dword [EOI], 0
    mov dword [0xFEC00000], 1
    mov eax, [0xFEC00010]
    pop ecx
    dec ecx
    jnz .again
    fxsave [state_after]
    mov esi, state_before
    mov edi, state_after
    mov ecx, (32 + 16 * 16) / 4
    repe cmpsd
    EXPECT ecx, 0, "FPU: device accesses leave it alone"
    EXPECT_CC e, "FPU: all of it"
    fstp st0
    fstp st0
    fstp st0
    fldpi
    fcompp
    fnstsw ax
    and eax, 0x4500
    EXPECT eax, 0x4000, "FPU: and it works"
    ret

; ---- Handlers ----

on_call:
    mov [call_esp], esp
    inc dword [calls]
    iret
other_call:
    inc dword [other_calls]
    iret
on_leave_ring3:
    mov esp, [try_esp]
    jmp [try_eip]
on_interrupt:
    inc dword [interrupts]
    mov dword [EOI], 0
    iret
on_divide:
    push eax
    push edx
    cmp eax, 7 * 5
    jne .bad
    cmp edx, [expected_edx]
    jne .bad
    mov edx, [esp + 8]
    cmp edx, [divide_want]
    jne .bad
    lea edx, [esp + 20]
    cmp edx, [divide_esp]
    jne .bad
    mov edx, [esp + 16]
    and edx, 1                          ; CF by STC
    jnz .good
.bad:
    inc dword [wrong]
.good:
    inc dword [divides]
    mov edx, [divide_resume]
    mov [esp + 8], edx
    pop edx
    pop eax
    iret
on_unaligned:
    add esp, 4
    inc dword [aligned_faults]
    add dword [esp], 5
    iret
%macro FAULT 1
on_fault_%1:
    mov dword [caught], %1
    jmp on_fault
%endmacro
    FAULT 10
    FAULT 11
    FAULT 12
    FAULT 13
    FAULT 14
on_fault:
    pop dword [caught_error]
    mov esp, [try_esp]
    jmp [try_eip]

; ---- Data ----

align 8
gdt:
    dq 0
    DESC 0, 0xFFFFF, 0x9B, 0xC
    DESC 0, 0xFFFFF, 0x93, 0xC
    DESC 0, 0xFFFFF, 0xFB, 0xC
    DESC 0, 0xFFFFF, 0xF3, 0xC
    DESC TSS_AT, 103, 0x89, 0
    DESC 0, 0xFFFFF, 0xF3, 0xC
gdt_end:
gdt_ptr: dw gdt_end - gdt - 1
    dd gdt
idt_ptr: dw 0x82 * 8 - 1
    dd idt
other_ptr: dw 0
    dd 0
stored: dd 0, 0
align 8
idt:
    GATE KCODE, on_divide, 0x8E
    times 9 dq 0
    GATE KCODE, on_fault_10, 0x8E
    GATE KCODE, on_fault_11, 0x8E
    GATE KCODE, on_fault_12, 0x8E
    GATE KCODE, on_fault_13, 0x8E
    GATE KCODE, on_fault_14, 0x8E
    dq 0, 0
    GATE KCODE, on_unaligned, 0x8E
    times 0x31 - 18 dq 0
    GATE KCODE, on_interrupt, 0x8E
    times 0x51 - 0x32 dq 0
    GATE KCODE, on_interrupt, 0x8E
    times 0x80 - 0x52 dq 0
    GATE KCODE, on_call, 0xEE
    GATE KCODE, on_leave_ring3, 0xEE
align 4
interrupts: dd 0
caught: dd 0
caught_error: dd 0
try_esp: dd 0
try_eip: dd 0
divisor: dd 0
divides: dd 0
wrong: dd 0
divide_want: dd 0
divide_resume: dd 0
divide_esp: dd 0
expected_edx: dd 0
aligned_faults: dd 0
pattern equ 0x210000
state_before equ 0x210100
state_after  equ 0x210400
align 4
calls: dd 0
other_calls: dd 0
call_esp: dd 0
call_flags: dd 0
user_esp: dd 0
user_cs: dd 0
user_ss: dd 0
user_limit_got: dd 0
user_flags_bad: dd 0
GUEST_END equ $
