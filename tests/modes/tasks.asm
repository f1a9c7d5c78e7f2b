; tasks.asm: hardware task switching in 32-bit protected mode with paging: JMP, CALL and IRET between TSSs, nesting, the
; timer through a task gate, faults handled by tasks (#TS, #DF, #PF), a 286 TSS, a v8086 task, the T bit, #NM after a switch.
; SDM vol. 3 "Task Management"; the numbers are the manual's.
%include "guest.inc"

KCODE   equ 0x08
KDATA   equ 0x10
MAIN    equ 0x18                        ; TSS selectors
A_SEL   equ 0x20
B_SEL   equ 0x28
TIMER   equ 0x30
TS_SEL  equ 0x38
DF_SEL  equ 0x40
V86_SEL equ 0x48
T286    equ 0x50
SMALL   equ 0x58                        ; a TSS descriptor that is too short
GATE_B  equ 0x60                        ; a task gate
CODE16  equ 0x68
STEP    equ 0x70                        ; a task with the T bit
PF_SEL  equ 0x78
CODE3   equ 0x80 | 3
DATA3   equ 0x88 | 3
USER    equ 0x90                        ; a ring-3 task
LDT_A   equ 0x98
PAGE_DIR equ 0x100000
PAGE_DIR2 equ 0x101000                  ; task B's: 400000h shows other memory
PAGE_TAB equ 0x102000
EFL_NT  equ 0x4000
EFL_VM  equ 0x20000
; struct of a 386 TSS
TSS_LINK equ 0
TSS_CR3  equ 28
TSS_EIP  equ 32
TSS_FLAGS equ 36
TSS_EAX  equ 40
TSS_ESP  equ 56
TSS_ES   equ 72
TSS_CS   equ 76
TSS_SS   equ 80
TSS_DS   equ 84
TSS_LDT  equ 96
TSS_TRAP equ 100
TSS_SIZE equ 104

main:
    TO_32_BITS KCODE
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, 0x70000
    xor eax, eax
    mov fs, ax
    mov gs, ax
    mov edi, PAGE_DIR                   ; 4 MiB as they are; B sees 200000h at 400000h, the others 300000h
    mov ecx, 0x3000 / 4
    rep stosd
    mov edi, PAGE_TAB
    mov eax, 7
.next:
    stosd
    add eax, 0x1000
    cmp eax, 0x400007
    jb .next
    mov dword [PAGE_DIR], PAGE_TAB + 7
    mov dword [PAGE_DIR2], PAGE_TAB + 7
    mov dword [0x103000], 0x300007
    mov dword [0x104000], 0x200007
    mov dword [PAGE_DIR + 4], 0x103007
    mov dword [PAGE_DIR2 + 4], 0x104007
    mov dword [0x300000], 0xAAAAAAAA
    mov dword [0x200000], 0xBBBBBBBB
    mov eax, PAGE_DIR
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80010000
    mov cr0, eax
    mov ax, MAIN
    ltr ax
    call call_tests
    call jump_tests
    call fault_tests
    call other_tests
    call timer_tests
    FINISH

; BUSY selector, value, name
%macro BUSY 3
    movzx eax, byte [gdt + %1 + 5]
    shr eax, 1
    and eax, 1
    EXPECT eax, %2, %3
%endmacro

call_tests:
    mov dword [count], 0
    clts
    mov esi, 0x51515151
    call A_SEL:0
    EXPECT [count], 1, "CALL: the task ran"
    EXPECT [seen_tr], A_SEL, "CALL: with its own TR"
    EXPECT [seen_link], MAIN, "CALL: the back link names the caller"
    mov eax, [seen_flags]
    and eax, EFL_NT
    EXPECT eax, EFL_NT, "CALL: NT is set"
    EXPECT [seen_busy], 1, "CALL: the caller stays busy"
    EXPECT [seen_ldt], LDT_A, "CALL: the LDT is the task's"
    EXPECT [seen_ldt_data], 0xAAAAAAAA, "CALL: and a segment of it loads"
    EXPECT esi, 0x51515151, "IRET: the caller's registers are back"
    BUSY A_SEL, 0, "IRET: the callee is free"
    BUSY MAIN, 1, "IRET: the caller is busy"
    mov eax, cr0
    and eax, 8
    EXPECT eax, 8, "a switch sets TS"
    mov eax, [tss_a + TSS_FLAGS]
    and eax, EFL_NT
    EXPECT eax, 0, "IRET: NT is cleared in the saved image"
    pushf
    pop eax
    and eax, EFL_NT
    EXPECT eax, 0, "IRET: and clear in the caller"
    call A_SEL:0                        ; goes on behind its IRET
    EXPECT [count], 2, "CALL again: the task goes on behind its IRET"
    mov dword [nest], 1
    call A_SEL:0                        ; A calls B through the task gate
    EXPECT [count], 3, "nested CALL"
    EXPECT [b_count], 1, "nested CALL: through a task gate"
    EXPECT [b_link], A_SEL, "nested CALL: the link"
    EXPECT [b_page], 0xBBBBBBBB, "nested CALL: with its own CR3"
    EXPECT [0x400000], 0xAAAAAAAA, "and the caller's is back"
    mov dword [nest], 0
    ret

jump_tests:
    mov dword [tss_b + TSS_EIP], task_b_jump
    mov word [tss_b + TSS_LINK], 0x1234
    jmp B_SEL:0
    EXPECT [b_count], 2, "JMP: there and back"
    movzx eax, word [tss_b + TSS_LINK]
    EXPECT eax, 0x1234, "JMP: no link is written"
    EXPECT [seen_busy], 0, "JMP: the old task is free"
    mov eax, [seen_flags]
    and eax, EFL_NT
    EXPECT eax, 0, "JMP: NT stays clear"
    mov dword [ex_vector], -1
    mov dword [resume], .busy
    jmp MAIN:0
.busy:
    EXPECT [ex_vector], 13, "JMP to a busy task: vector"
    EXPECT [ex_error], MAIN, "JMP to a busy task: error code"
    mov dword [ex_vector], -1
    mov dword [resume], .small
    call SMALL:0
.small:
    EXPECT [ts_error], SMALL, "a TSS that is too short is #TS, handled by a task"
    ret

; #TS goes through a task gate: TS_SEL's handler notes what it finds.
fault_tests:
    mov word [tss_b + TSS_SS], KCODE    ; a stack in code
    mov dword [tss_b + TSS_EIP], task_b_jump
    mov dword [ts_error], -1
    mov dword [repair], 1
    jmp B_SEL:0
    EXPECT [ts_error], KCODE, "a bad SS in the new task is #TS"
    EXPECT [ts_link], B_SEL, "raised in the new task"
    EXPECT [b_count], 3, "which goes on once repaired"
    mov word [tss_b + TSS_DS], 0x1F8    ; outside the GDT
    mov dword [tss_b + TSS_EIP], task_b_jump
    mov dword [ts_error], -1
    jmp B_SEL:0
    EXPECT [ts_error], 0x1F8, "a bad DS in the new task is #TS"
    mov word [tss_b + TSS_CS], KDATA
    mov dword [tss_b + TSS_EIP], task_b_jump
    mov dword [ts_error], -1
    jmp B_SEL:0
    EXPECT [ts_error], KDATA, "a bad CS in the new task is #TS"
    mov word [tss_b + TSS_LDT], KDATA
    mov dword [tss_b + TSS_EIP], task_b_jump
    mov dword [ts_error], -1
    jmp B_SEL:0
    EXPECT [ts_error], KDATA, "a bad LDT in the new task is #TS"
    mov word [tss + TSS_LINK], 0        ; IRET to a TSS that is not busy
    mov dword [ts_error], -1
    mov dword [repair], 2
    mov word [tss + TSS_LINK], A_SEL
    pushf
    or dword [esp], EFL_NT
    popf
    iret
back_from_iret:
    EXPECT [ts_error], A_SEL, "IRET to a task that is not busy is #TS"
    mov dword [df_count], 0
    mov dword [resume], .df
    mov dword [bad_esp], esp
    mov esp, 0x800000                   ; no page: #PF, whose delivery faults too
    push eax
.df:
    EXPECT [df_count], 1, "#PF on a bad stack: the double fault's task runs"
    EXPECT [df_error], 0, "its error code"
    EXPECT [df_cr2], 0x7FFFFC, "CR2"
    mov eax, 0x800000                   ; a #PF by a task: the handler maps nothing but skips
    mov dword [pf_error], -1
    mov byte [idt + 14 * 8 + 5], 0x85
    mov dword [idt + 14 * 8], PF_SEL << 16
    mov dword [resume], .pf
    mov [eax], eax
.pf:
    EXPECT [pf_error], 2, "#PF through a task gate: the error code is on its stack"
    ret

other_tests:
    clts
    fninit
    call A_SEL:0
    mov dword [ex_vector], -1
    mov dword [resume], .nm
    fld1
.nm:
    EXPECT [ex_vector], 7, "x87 after a switch is #NM"
    clts
    mov dword [step_dr6], 0
    call STEP:0
    mov eax, [step_dr6]
    and eax, 0xE00F
    EXPECT eax, 0x8000, "the T bit: #DB with DR6.BT"
    EXPECT [step_eip], task_step, "the T bit: before the task's first instruction"
    EXPECT [step_count], 1, "and the task ran"
    call T286:0
    EXPECT [t286_count], 1, "a 286 TSS: there and back"
    movzx eax, word [t286_sp]
    EXPECT eax, 0x6800, "a 286 TSS: SP"
    call V86_SEL:0                      ; ends by INT 40h, which is a task gate back here
    EXPECT [v86_seen], 0x00068086, "a v8086 task: its code ran"
    mov eax, [tss_v86 + TSS_FLAGS]
    and eax, EFL_VM
    EXPECT eax, EFL_VM, "a v8086 task: VM is saved"
    mov dword [user_cs], 0
    call USER:0
    EXPECT [user_cs], CODE3, "a task of ring 3: CS"
    ret

; Three tasks take turns, switched by the timer's task, which changes its own back link.
timer_tests:
    PIC_AT_50H
    TIMER_1KHZ
    mov dword [tss_a + TSS_EIP], spin_a
    mov dword [tss_a + TSS_ESP], 0x6E000
    mov dword [tss_a + TSS_FLAGS], 0x202
    mov dword [tss_b + TSS_EIP], spin_b
    mov dword [tss_b + TSS_ESP], 0x6C000
    mov dword [tss_b + TSS_FLAGS], 0x202
    mov word [tss_b + TSS_DS], KDATA
    mov al, 0xFE
    out 0x21, al
    sti
.wait:
    inc dword [spins]
    cmp dword [rounds], 5
    jb .wait
    cmp dword [spins_a], 100            ; on a busy host a turn may be short
    jbe .wait
    cmp dword [spins_b], 100
    jbe .wait
    cli
    mov al, 0xFF
    out 0x21, al
    cmp dword [spins_a], 100
    EXPECT_CC a, "round robin: task A had its turns"
    cmp dword [spins_b], 100
    EXPECT_CC a, "round robin: task B had its turns"
    EXPECT [spin_bad], 0, "round robin: nobody lost a register"
    ret

; ---- Tasks ----
task_a:
    inc dword [count]
    xor eax, eax
    str ax
    mov [seen_tr], eax
    sldt ax
    mov [seen_ldt], eax
    movzx eax, word [tss_a + TSS_LINK]
    mov [seen_link], eax
    pushf
    pop dword [seen_flags]
    movzx eax, byte [gdt + MAIN + 5]
    shr eax, 1
    and eax, 1
    mov [seen_busy], eax
    mov ax, 4                           ; of its LDT: 400000h
    mov es, ax
    mov eax, [es:0]
    mov [seen_ldt_data], eax
    mov esi, -1
    cmp dword [nest], 0
    je .out
    call GATE_B:0
.out:
    iret
    jmp task_a
task_b:
    inc dword [b_count]
    movzx eax, word [tss_b + TSS_LINK]
    mov [b_link], eax
    mov eax, [0x400000]
    mov [b_page], eax
    iret
    jmp task_b
task_b_jump:
    inc dword [b_count]
    pushf
    pop dword [seen_flags]
    movzx eax, byte [gdt + MAIN + 5]
    shr eax, 1
    and eax, 1
    mov [seen_busy], eax
    jmp MAIN:0
    jmp task_b_jump
ts_task:                                ; repairs task B, or leaves a test
    pop dword [ts_error]
    movzx eax, word [tss_ts + TSS_LINK]
    mov [ts_link], eax
    cmp eax, MAIN
    je .main
    mov word [tss_b + TSS_SS], KDATA
    mov word [tss_b + TSS_DS], KDATA
    mov word [tss_b + TSS_CS], KCODE
    mov word [tss_b + TSS_LDT], 0
    mov dword [tss_b + TSS_EIP], task_b_jump
    iret
    jmp ts_task
.main:
    mov eax, [resume]
    cmp dword [repair], 2
    jne .set
    mov eax, back_from_iret
.set:
    mov [tss + TSS_EIP], eax
    and dword [tss + TSS_FLAGS], ~EFL_NT
    iret
    jmp ts_task
df_task:
    pop dword [df_error]
    inc dword [df_count]
    mov eax, cr2
    mov [df_cr2], eax
    mov eax, [resume]
    mov [tss + TSS_EIP], eax
    mov eax, [bad_esp]
    mov [tss + TSS_ESP], eax
    iret
    jmp df_task
pf_task:
    pop dword [pf_error]
    mov eax, [resume]
    mov [tss + TSS_EIP], eax
    iret
    jmp pf_task
task_step:
    inc dword [step_count]
    iret
    jmp task_step
user_task:
    mov [user_cs], cs
    int 0x41                            ; a task gate of ring 3 back to the test
    jmp user_task
back_task:                              ; INT 40h and 41h: from a task that cannot IRET by itself
    mov eax, MAIN
    and byte [gdt + MAIN + 5], ~2       ; free it for the jump
    jmp MAIN:0
    jmp back_task
timer_task:
    mov al, 0x20
    out 0x20, al
    movzx eax, word [tss_timer + TSS_LINK]
    mov ebx, A_SEL
    cmp eax, MAIN
    je .next
    mov ebx, B_SEL
    cmp eax, A_SEL
    je .next
    mov ebx, MAIN
    inc dword [rounds]
.next:
    and byte [gdt + eax + 5], ~2        ; the interrupted one waits, the next one is what IRET returns to
    or byte [gdt + ebx + 5], 2
    mov [tss_timer + TSS_LINK], bx
    iret
    jmp timer_task
%macro SPINNER 2
spin_%1:
    mov ecx, %2
    mov esi, %2
.loop:
    inc dword [spins_%1]
    cmp ecx, esi
    jne .bad
    cmp esi, %2
    je .loop
.bad:
    inc dword [spin_bad]
    jmp .loop
%endmacro
    SPINNER a, 0xA1A1A1A1
    SPINNER b, 0xB2B2B2B2
bits 16
task_286:
    inc dword [t286_count]
    mov [t286_sp], sp
    iret
    jmp task_286
task_v86:                               ; CS = DS = 0
    mov word [v86_seen], 0x8086
    pushf
    pop ax
    mov word [v86_seen + 2], 6
    int 0x40
    jmp task_v86
bits 32

; ---- Exceptions in the tests' own task ----
%macro STUB 2
stub%1:
  %if %2 == 0
    push dword 0
  %endif
    push dword %1
    jmp caught
%endmacro
    STUB 6, 0
    STUB 7, 0
    STUB 13, 1
    STUB 14, 1
caught:
    pop dword [ex_vector]
    pop dword [ex_error]
    mov eax, [resume]
    mov [esp], eax
    iret
debug_stub:
    push eax
    mov eax, [esp + 4]
    mov [step_eip], eax
    mov eax, dr6
    mov [step_dr6], eax
    pop eax
    iret

; ---- Tables ----
; TSS eip, esp, eflags, cr3, ldt, trap
%macro TSS 6
    dd 0, 0x6F000, KDATA, 0, 0, 0, 0, %4, %1, %3
    dd 0, 0, 0, 0, %2, 0, 0, 0
    dd KDATA, KCODE, KDATA, KDATA, 0, 0, %5
    dw %6, TSS_SIZE
%endmacro
align 8
gdt:
    dq 0
    DESC 0, 0xFFFFF, 0x9B, 12
    DESC 0, 0xFFFFF, 0x93, 12
%macro TSS_DESC 1-2 TSS_SIZE - 1
    dw %2, %1, 0x8900, 0
%endmacro
    TSS_DESC tss
    TSS_DESC tss_a
    TSS_DESC tss_b
    TSS_DESC tss_timer
    TSS_DESC tss_ts
    TSS_DESC tss_df
    TSS_DESC tss_v86
    dw 0x2B, tss_286, 0x8100, 0
    TSS_DESC tss_b, 0x66
    dw 0, B_SEL, 0xE500, 0              ; GATE_B
    DESC 0, 0xFFFF, 0x9B, 0
    TSS_DESC tss_step
    TSS_DESC tss_pf
    DESC 0, 0xFFFFF, 0xFB, 12
    DESC 0, 0xFFFFF, 0xF3, 12
    TSS_DESC tss_user
    dw 15, ldt_a, 0x8200, 0             ; LDT_A
    TSS_DESC tss_back                   ; A0
gdt_ptr:
    dw $ - gdt - 1
    dd gdt
ldt_a:
    DESC 0x400000, 0xFFF, 0x93, 4
    dq 0
idt:
    dq 0
    GATE KCODE, debug_stub, 0x8E
    times 4 dq 0
    GATE KCODE, stub6, 0x8E
    GATE KCODE, stub7, 0x8E
    GATE DF_SEL, 0, 0x85
    dq 0
    GATE TS_SEL, 0, 0x85
    dq 0, 0
    GATE KCODE, stub13, 0x8E
    GATE KCODE, stub14, 0x8E
    times 0x40 - 15 dq 0
    GATE 0xA0, 0, 0xE5
    GATE 0xA0, 0, 0xE5
    times 0x50 - 0x42 dq 0
    GATE TIMER, 0, 0x85
idt_ptr:
    dw $ - idt - 1
    dd idt
tss:        TSS 0, 0, 2, PAGE_DIR, 0, 0
tss_a:      TSS task_a, 0x6E000, 2, PAGE_DIR, LDT_A, 0
tss_b:      TSS task_b, 0x6C000, 2, PAGE_DIR2, 0, 0
tss_timer:  TSS timer_task, 0x6A000, 2, PAGE_DIR, 0, 0
tss_ts:     TSS ts_task, 0x68000, 2, PAGE_DIR, 0, 0
tss_df:     TSS df_task, 0x66000, 2, PAGE_DIR, 0, 0
tss_pf:     TSS pf_task, 0x64000, 2, PAGE_DIR, 0, 0
tss_step:   TSS task_step, 0x62000, 2, PAGE_DIR, 0, 1
tss_back:   TSS back_task, 0x60000, 2, PAGE_DIR, 0, 0
tss_v86:
    dd 0, 0x5F000, KDATA, 0, 0, 0, 0, PAGE_DIR, task_v86, EFL_VM | 0x3002
    dd 0, 0, 0, 0, 0x7000, 0, 0, 0
    dd 0, 0, 0, 0, 0, 0, 0
    dw 0, TSS_SIZE
tss_user:
    dd 0, 0x5E000, KDATA, 0, 0, 0, 0, PAGE_DIR, user_task, 2
    dd 0, 0, 0, 0, 0x5D000, 0, 0, 0
    dd DATA3, CODE3, DATA3, DATA3, 0, 0, 0
    dw 0, TSS_SIZE
tss_286:
    dw 0, 0, 0, 0, 0, 0, 0
    dw task_286, 2, 0, 0, 0, 0, 0x6800, 0, 0, 0
    dw KDATA, CODE16, KDATA, KDATA, 0

%macro VARS 1-*
  %rep %0
%1: dd 0
  %rotate 1
  %endrep
%endmacro
    VARS count, nest, seen_tr, seen_link, seen_flags, seen_busy, seen_ldt, seen_ldt_data, b_count, b_link, b_page
    VARS ex_vector, ex_error, resume, repair, ts_error, ts_link, df_count, df_error, df_cr2, bad_esp, pf_error
    VARS step_dr6, step_eip, step_count, t286_count, t286_sp, v86_seen, user_cs
    VARS spins, spins_a, spins_b, spin_bad, rounds
GUEST_END:
