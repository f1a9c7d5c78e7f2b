; v86.asm: a monitor in the manner of EMM386: 32-bit protected mode with paging runs real-mode code in a v8086 task,
; with IOPL 0 (everything sensitive traps and is emulated), IOPL 3, and with VME; reflects interrupts, runs the BIOS.
; SDM vol. 3 "8086 Emulation"; the numbers are the manual's.
%include "guest.inc"

KCODE   equ 0x08
KDATA   equ 0x10
TSS_SEL equ 0x18
PAGE_DIR equ 0x100000
PAGE_TAB equ 0x101000
TSS     equ 0x110000
IO_MAP  equ 104 + 32                    ; behind the interrupt redirection bitmap
KSTACK  equ 0x6F000
V86_SS  equ 0x5000
V86_SP  equ 0x8000
V_EXIT   equ 0xFE                        ; INT that ends a piece of v8086 code
MAP_AT  equ 0x103                       ; page of the HMA that shows other memory
EFL_TF  equ 0x100
EFL_IF  equ 0x200
EFL_NT  equ 0x4000
EFL_VM  equ 0x20000
EFL_VIF equ 0x80000
EFL_VIP equ 0x100000

main:
    call enable_a20
    cli
    mov al, 0xFE                        ; the timer alone
    out 0x21, al
    mov al, 0xFF
    out 0xA1, al
    lgdt [gdt_ptr]
    lidt [idt_ptr]
    mov eax, cr0
    or al, 1
    mov cr0, eax
    jmp dword KCODE:start32

; ---- Pieces of v8086 code: entered with CS = DS = ES = 0 ----

%macro V86_END 0
    int V_EXIT
%endmacro

v_flags:                                ; all that depends on IOPL
    pushf
    pop word [out0]
    cli
    pushf
    pop word [out1]
    sti
    pushf
    pop word [out2]
    push word [out1]
    popf
    pushf
    pop word [out3]
    int 0x60
    V86_END
v_int60:                                ; its handler in the task's own vector table
    inc word [int_count]
    pushf
    pop word [out4]
    mov bp, sp
    push word [bp + 4]
    pop word [out5]                     ; the image of FLAGS that INT pushed
    iret

v_io:
    in al, 0x61                         ; allowed
    in al, 0x64                         ; allowed
    mov dx, 0x80
    out dx, al                          ; trapped
    in ax, 0x61                         ; its second byte is not allowed
    V86_END

v_privileged:                           ; each traps; the monitor skips three bytes
    mov eax, cr0
    mov dr7, eax
    lgdt [si]
    invlpg [bx]
    lmsw ax
    clts
    nop
    lldt ax                             ; #UD from here on
    str ax
    arpl ax, bx
    nop
    lar ax, bx
    V86_END
v_hlt:
    hlt
    V86_END

v_int3:  int3
    V86_END
v_into:
    mov al, 0x7F
    inc al
    into
    V86_END
v_bound:
    mov ax, 5
    bound ax, [.limits]
    V86_END
.limits: dw 1, 4
v_div:
    xor cx, cx
    div cx
    V86_END
v_ud:
    ud2
    V86_END
v_lock:
    lock mov ax, bx
    V86_END
v_limit:                                ; a word at FFFFh
    mov bx, 0xFFFF
    mov ax, [bx]
    V86_END
v_limit32:                              ; an offset beyond 64 KiB
    mov ebx, 0x10000
    mov al, [ebx]
    V86_END
v_stack:                                ; a push with SP = 1
    mov bp, sp
    mov sp, 1
    push ax
    V86_END
v_wrap:                                 ; SP = 0 wraps to FFFEh
    mov bp, sp
    xor sp, sp
    push word 0x1234
    mov [out0], sp
    pop ax
    mov [out1], ax
    mov sp, bp
    V86_END
v_wrap32:                               ; the upper half of ESP does not take part and stays
    mov ebp, esp
    mov esp, 0xABCD8000
    push word 0x4321
    mov [out0], esp
    pop ax
    mov [out4], ax
    mov esp, ebp
    V86_END
v_page:                                 ; FFFF:3010 is 103000h
    mov ax, 0xFFFF
    mov es, ax
    mov eax, [es:0x3010]
    mov [out0], eax
    V86_END
v_page_code:                            ; the same page as code
    call 0xFFFF:0x3014
    mov [out0], ax
    V86_END
v_step:
    mov cx, 3
.loop:
    inc ax
    loop .loop
    V86_END
v_ticks:                                ; until two ticks have come through INT 8
    sti
    mov ax, [ticks]
    add ax, 2
.wait:                                  ; a busy host brings several at once: at least so many
    mov bx, [ticks]
    sub bx, ax
    js .wait
    V86_END
v_int8:
    push ax
    inc word [ticks]
    mov al, 0x20
    out 0x20, al
    pop ax
    iret
v_held:                                 ; with IF clear a tick waits
    cli
    mov ax, [ticks]
    mov [out0], ax
    mov cx, 0x40
.spin:
    push cx
    mov cx, 0x8000
.spin2:
    loop .spin2
    pop cx
    cmp word [irqs_held], 0
    jne .seen
    loop .spin
.seen:
    mov ax, [ticks]
    mov [out1], ax
    sti
    nop
    mov ax, [ticks]
    mov [out2], ax
    V86_END
v_bios:                                 ; the firmware's memory size
    int 0x12
    mov [out0], ax
    V86_END
v_popf_tf:                              ; VME: TF in the image is refused
    push word EFL_TF
    popf
    V86_END
v_pushfd:
    pushfd
    V86_END
v_iretd:
    iretd
    V86_END
v_sti:
    sti
    V86_END
v_fpu:
    fld1
    V86_END
v_smc:                                  ; writes the instruction after the next
    mov byte [.patch + 1], 0x42
    nop
.patch:
    mov al, 0
    movzx ax, al
    mov [out0], ax
    V86_END

out0: dd 0
out1: dd 0
out2: dd 0
out3: dd 0
out4: dd 0
out5: dd 0
int_count: dw 0
ticks: dw 0

; ---- The monitor ----
bits 32
start32:
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    mov ss, ax
    mov esp, KSTACK
    xor eax, eax
    mov fs, ax
    mov gs, ax
    call build_tss
    call build_paging
    call remap_pic
    mov dword [0x60 * 4], v_int60       ; the task's vectors, segment 0
    mov dword [8 * 4], v_int8
    mov ax, TSS_SEL
    ltr ax

    call iopl0_tests
    call iopl3_tests
    call fault_tests
    call paging_tests
    call irq_tests
    call vme_tests
    FINISH

build_tss:
    mov edi, TSS
    mov ecx, 0x3000 / 4
    xor eax, eax
    rep stosd
    mov dword [TSS + 4], KSTACK - 0x1000
    mov dword [TSS + 8], KDATA
    mov dword [TSS + 100], IO_MAP << 16
    mov edi, TSS + IO_MAP               ; nothing allowed but 61h and 64h
    mov ecx, 8192 / 4 + 1
    or eax, -1
    rep stosd
    and byte [TSS + IO_MAP + 0x61 / 8], ~(1 << (0x61 & 7)) & ~(1 << (0x64 & 7))
    ret

; The first 4 MiB show themselves, for ring 3 too, but that 103000h is not present at first.
build_paging:
    mov edi, PAGE_TAB
    mov eax, 7
.next:
    stosd
    add eax, 0x1000
    cmp eax, 0x400007
    jb .next
    mov edi, PAGE_DIR
    mov ecx, 1024
    xor eax, eax
    rep stosd
    mov dword [PAGE_DIR], PAGE_TAB + 7
    mov dword [PAGE_TAB + MAP_AT * 4], 0
    mov eax, PAGE_DIR
    mov cr3, eax
    mov eax, cr0
    or eax, 0x80010000
    mov cr0, eax
    jmp $ + 2
    ret

; IRQ 0 to vector 50h; the BIOS's handlers expect 8, which irq0 reflects to.
remap_pic:
    PIC_AT_50H
    mov al, 0xFF
    out 0x21, al
    ret

; A tick's handler does port I/O, which traps: ticks come only where a test is about them.
timer_on:
    mov al, 0xFE
    out 0x21, al
    ret
; What came and was held is forgotten, and ended at the PIC.
timer_off:
    mov al, 0xFF
    out 0x21, al
    mov al, 0x20
    out 0x20, al
    mov dword [irqs_held], 0
    ret

; RUN code, flags: until it leaves, or an exception that is not emulated ends it. Then ex_* tell.
%macro RUN 2
    mov dword [ex_vector], -1
    mov dword [trap_count], 0
    mov edi, trap_log
    mov ecx, 8
    xor eax, eax
    rep stosd
    mov dword [run_flags], %2
    mov dword [run_eip], %1
    call run_v86
%endmacro
run_v86:
    pushad
    mov [run_esp], esp
    mov eax, [run_flags]
    and eax, EFL_IF                     ; the virtual one is the image's
    mov [vif], eax
    push dword 0                        ; GS FS DS ES
    push dword 0
    push dword 0
    push dword 0
    push dword V86_SS
    push dword V86_SP
    push dword [run_flags]
    or dword [esp], EFL_VM | 2
    push dword 0
    push dword [run_eip]
    mov eax, 0x11223344
    iret
; Back to RUN's end from a handler.
leave_v86:
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    mov esp, [run_esp]
    popad
    ret

; ---- Exceptions. Frame: [error] EIP CS EFLAGS ESP SS ES DS FS GS ----
%macro STUB 2                           ; vector, 1 if it has an error code
stub%1:
  %if %2 == 0
    push dword 0
  %endif
    pushad
    mov edx, %1
    jmp exception
%endmacro
    STUB 0, 0
    STUB 1, 0
    STUB 3, 0
    STUB 4, 0
    STUB 5, 0
    STUB 6, 0
    STUB 7, 0
    STUB 8, 1
    STUB 10, 1
    STUB 11, 1
    STUB 12, 1
    STUB 13, 1
    STUB 14, 1
    STUB 16, 0
    STUB 17, 1
FRAME_ERROR equ 32
FRAME_EIP   equ 36
FRAME_CS    equ 40
FRAME_FLAGS equ 44
FRAME_ESP   equ 48
FRAME_SS    equ 52

exception:
    mov ebp, esp
    mov ax, ds                          ; v8086 mode is left with null selectors
    mov [ss:left_ds], ax
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    test dword [ebp + FRAME_FLAGS], EFL_VM
    jz .kernel
    cmp edx, 13
    je general_protection
    cmp edx, 6
    je .undefined
    cmp edx, 1
    je .step
.end:
    mov [ex_vector], edx
    mov eax, [ebp + FRAME_ERROR]
    mov [ex_error], eax
    mov eax, [ebp + FRAME_EIP]
    mov [ex_eip], eax
    mov eax, [ebp + FRAME_FLAGS]
    mov [ex_flags], eax
    mov eax, [ebp + FRAME_ESP]
    mov [ex_esp], eax
    mov eax, cr2
    mov [ex_cr2], eax
    jmp leave_v86
.undefined:                             ; 0F 00, ARPL, LAR: counted and skipped while the test asks for it
    cmp dword [skip_privileged], 0
    je .end
    inc dword [ud_count]
    add dword [ebp + FRAME_EIP], 3
    jmp resume
.step:
    inc dword [step_count]
    mov eax, dr6
    mov [ex_dr6], eax
    jmp resume
.kernel:
    mov [report_got], edx
    mov dword [report_want], -1
    call report32
    db "an exception of the monitor itself", 0
    mov eax, [ebp + FRAME_EIP]
    mov [report_got], eax
    call report32
    db "its EIP", 0
    FINISH
resume:
    popad
    add esp, 4
    iret

; ---- #GP: what EMM386 emulates. ESI: linear address of the instruction ----
general_protection:
    movzx esi, word [ebp + FRAME_CS]
    shl esi, 4
    add esi, [ebp + FRAME_EIP]
    movzx eax, byte [esi]
    mov ecx, [trap_count]
    cmp ecx, 32
    jae .logged
    mov [trap_log + ecx], al
    inc dword [trap_count]
.logged:
    cmp al, 0xFA
    je .cli
    cmp al, 0xFB
    je .sti
    cmp al, 0x9C
    je .pushf
    cmp al, 0x9D
    je .popf
    cmp al, 0xCD
    je .int
    cmp al, 0xCF
    je .iret
    cmp al, 0xE4
    je .in_imm
    cmp al, 0xE5
    je .in_word
    cmp al, 0xE6
    je .out_imm
    cmp al, 0xEC
    je .in
    cmp al, 0xEE
    je .out
    cmp dword [skip_privileged], 0
    jne .skip
    mov edx, 13
    jmp exception.end
.skip:
    inc dword [gp_count]
    mov eax, 3
    cmp byte [esi], 0xF4
    jne advance
    mov eax, 1
    jmp advance
.cli:
    mov dword [vif], 0
    mov eax, 1
    jmp advance
.sti:
    mov eax, 1
    add [ebp + FRAME_EIP], ax
    jmp set_virtual_if
.pushf:
    call flags_image
    call push_v86
    mov eax, 1
    jmp advance
.popf:
    call pop_v86
    inc word [ebp + FRAME_EIP]
    jmp load_flags
.int:
    movzx ebx, byte [esi + 1]
    cmp ebx, V_EXIT
    je leave_v86
    add word [ebp + FRAME_EIP], 2
    jmp reflect
.iret:
    call pop_v86
    mov [ebp + FRAME_EIP], ax
    call pop_v86
    mov [ebp + FRAME_CS], ax
    call pop_v86
    jmp load_flags
.in_imm:
    movzx edx, byte [esi + 1]
    in al, dx
    mov [ebp + 28], al
    mov eax, 2
    jmp advance
.in_word:
    mov word [ebp + 28], 0x7E57
    mov eax, 2
    jmp advance
.out_imm:
    movzx edx, byte [esi + 1]
    mov al, [ebp + 28]
    out dx, al
    mov eax, 2
    jmp advance
.in:
    mov edx, [ebp + 20]
    in al, dx
    mov [ebp + 28], al
    mov eax, 1
    jmp advance
.out:
    mov edx, [ebp + 20]
    mov al, [ebp + 28]
    out dx, al
    mov eax, 1
advance:
    add [ebp + FRAME_EIP], ax
    jmp resume

; FLAGS as the task sees them: its own IF, IOPL 3.
flags_image:
    mov eax, [ebp + FRAME_FLAGS]
    and eax, ~EFL_IF
    or eax, [vif]
    or eax, 0x3000
    ret
load_flags:                             ; AX: arithmetic flags, TF, DF; IF becomes the virtual one
    and dword [ebp + FRAME_FLAGS], ~0x4DD5
    mov ecx, eax
    and ecx, 0x4DD5
    or [ebp + FRAME_FLAGS], ecx
    test ah, 2
    jnz set_virtual_if
    mov dword [vif], 0
    and dword [ebp + FRAME_FLAGS], ~EFL_VIF
    jmp resume
set_virtual_if:
    mov dword [vif], EFL_IF
    and dword [ebp + FRAME_FLAGS], ~EFL_VIP
    or dword [ebp + FRAME_FLAGS], EFL_VIF   ; counts with VME only
    cmp dword [irqs_held], 0
    je resume
    dec dword [irqs_held]
    mov ebx, 8
    jmp reflect

; Vector EBX through the task's own table.
reflect:
    call flags_image
    mov dword [vif], 0
    mov edx, EFL_TF | EFL_VIF
; The task goes on at its vector EBX. AX: the flags that it finds on its stack; EDX: those that are clear from here on.
enter_handler:
    call push_v86
    mov ax, [ebp + FRAME_CS]
    call push_v86
    mov ax, [ebp + FRAME_EIP]
    call push_v86
    not edx
    and [ebp + FRAME_FLAGS], edx
    movzx eax, word [ebx * 4]
    mov [ebp + FRAME_EIP], eax
    movzx eax, word [ebx * 4 + 2]
    mov [ebp + FRAME_CS], eax
    jmp resume
push_v86:
    sub word [ebp + FRAME_ESP], 2
    movzx ecx, word [ebp + FRAME_SS]
    shl ecx, 4
    movzx edi, word [ebp + FRAME_ESP]
    mov [ecx + edi], ax
    ret
pop_v86:
    movzx ecx, word [ebp + FRAME_SS]
    shl ecx, 4
    movzx edi, word [ebp + FRAME_ESP]
    movzx eax, word [ecx + edi]
    add word [ebp + FRAME_ESP], 2
    ret

; ---- Interrupts of the v8086 task through the IDT ----
int_leave:                              ; IOPL 3: INT FEh comes here
    jmp leave_v86
int_60:                                 ; IOPL 3: every INT n may go through the IDT
    push dword 0
    pushad
    mov ebp, esp
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    inc dword [idt_int_count]
    mov ebx, 0x60
    jmp reflect3
int_bios:
    push dword 0
    pushad
    mov ebp, esp
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    mov ebx, 0x12
    jmp reflect3
irq0:
    push dword 0
    pushad
    mov ebp, esp
    mov ax, KDATA
    mov ds, ax
    mov es, ax
    inc dword [irq_count]
    mov ebx, 8
    test dword [ebp + FRAME_FLAGS], 0x3000
    jnz reflect3
    cmp dword [vme_on], 0
    je .virtual
    test dword [ebp + FRAME_FLAGS], EFL_VIF
    jnz reflect_vme
    or dword [ebp + FRAME_FLAGS], EFL_VIP
    inc dword [irqs_held]
    jmp .mask
.virtual:
    cmp dword [vif], 0
    jne reflect
    inc dword [irqs_held]
.mask:                                  ; the task's handler ends the interrupt later
    jmp resume
; IOPL 3: the task has the real IF.
reflect3:
    mov eax, [ebp + FRAME_FLAGS]
    mov edx, EFL_TF | EFL_IF
    jmp enter_handler
reflect_vme:
    mov eax, [ebp + FRAME_FLAGS]
    or eax, 0x3000 | EFL_IF
    mov edx, EFL_TF | EFL_VIF
    jmp enter_handler

; ---- The tests ----
iopl0_tests:
    RUN v_flags, 0
    EXPECT [ex_vector], -1, "iopl 0: no exception is left over"
    EXPECT [trap_log], 0xFB9CFA9C, "iopl 0: PUSHF CLI PUSHF STI trap"
    EXPECT [trap_log + 4], 0xCD9C9D9C, "iopl 0: PUSHF POPF PUSHF INT trap"
    EXPECT [trap_log + 8], 0xCDCF9C, "iopl 0: PUSHF IRET and the last INT trap"
    EXPECT [trap_count], 11, "iopl 0: nothing else traps"
    EXPECTW [out1], 0x3002, "iopl 0: the task sees IF clear after CLI"
    EXPECTW [out2], 0x3202, "iopl 0: the task sees IF set after STI"
    EXPECTW [int_count], 1, "iopl 0: the task's handler ran"
    cmp word [left_ds], 0
    EXPECT_CC e, "iopl 0: the monitor is entered with a null DS"
    RUN v_io, 0
    EXPECT [trap_log], 0xCDE5EE, "i/o bitmap: two ports are free, others trap, a word needs both bits"
    RUN v_io, 0x3000
    EXPECT [trap_log], 0xE5EE, "i/o bitmap: counts at iopl 3 too"
    mov dword [skip_privileged], 1
    RUN v_privileged, 0x3000
    EXPECT [gp_count], 6, "privileged instructions are #GP at iopl 3"
    EXPECT [ud_count], 4, "LLDT STR ARPL LAR are #UD"
    RUN v_hlt, 0x3000
    EXPECT [gp_count], 7, "HLT is #GP"
    mov dword [skip_privileged], 0
    mov dword [step_count], 0
    RUN v_step, EFL_TF
    EXPECT [step_count], 7, "single step: after each instruction"
    mov eax, [ex_dr6]
    and eax, 0x400F
    EXPECT eax, 0x4000, "single step: DR6.BS"
    RUN v_smc, 0
    EXPECTW [out0], 0x42, "code that writes itself"
    ret

iopl3_tests:
    mov word [int_count], 0
    RUN v_flags, 0x3000 | EFL_NT
    EXPECT [trap_count], 0, "iopl 3: nothing traps"
    EXPECTW [out0], 0x7002, "iopl 3: PUSHF shows IOPL and NT"
    EXPECTW [out1], 0x7002, "iopl 3: CLI clears IF"
    EXPECTW [out2], 0x7202, "iopl 3: STI sets IF"
    EXPECTW [out3], 0x7002, "iopl 3: POPF loads IF"
    EXPECT [idt_int_count], 1, "iopl 3: INT goes through the IDT"
    EXPECTW [int_count], 1, "iopl 3: and the monitor reflects it"
    ret

; FAULT code, vector, error, offset in the code, text
%macro FAULT 5
    RUN %1, 0x3000
    EXPECT [ex_vector], %2, {%5, ": vector"}
    EXPECT [ex_error], %3, {%5, ": error code"}
    EXPECT [ex_eip], %1 + %4, {%5, ": EIP"}
%endmacro
fault_tests:
    FAULT v_int3, 3, 0, 1, "INT3"
    FAULT v_into, 4, 0, 5, "INTO"
    FAULT v_bound, 5, 0, 3, "BOUND"
    FAULT v_div, 0, 0, 2, "DIV by 0"
    FAULT v_ud, 6, 0, 0, "UD2"
    FAULT v_lock, 6, 0, 0, "LOCK MOV"
    mov eax, cr0
    or al, 8                            ; TS
    mov cr0, eax
    FAULT v_fpu, 7, 0, 0, "x87 with TS"
    clts
    RUN v_wrap, 0
    EXPECTW [out0], 0xFFFE, "PUSH with SP = 0 wraps"
    EXPECTW [out1], 0x1234, "and POP wraps back"
    RUN v_wrap32, 0
    EXPECT [out0], 0xABCD7FFE, "PUSH leaves the upper half of ESP alone"
    EXPECTW [out4], 0x4321, "and so does POP"
    FAULT v_limit, 13, 0, 3, "limit: a word at FFFFh"
    FAULT v_limit32, 13, 0, 6, "limit: an offset beyond 64 KiB"
    FAULT v_stack, 12, 0, 5, "limit: a push with SP = 1"
    ret

paging_tests:
    RUN v_page, 0
    EXPECT [ex_vector], 14, "a page that is not present"
    EXPECT [ex_error], 4, "and its error code: user, read"
    EXPECT [ex_cr2], 0x103000, "and CR2"
    mov dword [0x200000], 0xCAFE1234    ; EMM: another frame shows at 103000h
    mov dword [0x200004], 0xCB5678B8    ; mov ax, 5678h; retf
    mov dword [PAGE_TAB + MAP_AT * 4], 0x200007
    invlpg [0x103000]
    RUN v_page, 0
    EXPECT [out0], 0xCAFE1234, "after mapping it shows the frame"
    RUN v_page_code, 0
    EXPECTW [out0], 0x5678, "code runs from there"
    mov dword [0x201004], 0xCB9ABCB8
    mov dword [PAGE_TAB + MAP_AT * 4], 0x201007
    mov eax, cr3
    mov cr3, eax
    RUN v_page_code, 0
    EXPECTW [out0], 0x9ABC, "and other code after another mapping"
    ret

irq_tests:
    TIMER_1KHZ
    call timer_on
    RUN v_ticks, EFL_IF
    EXPECT [ex_vector], -1, "ticks are reflected at iopl 0"
    RUN v_ticks, 0x3000 | EFL_IF
    EXPECT [ex_vector], -1, "ticks are reflected at iopl 3"
    RUN v_held, EFL_IF
    movzx eax, word [out0]
    EXPECTW [out1], eax, "a tick waits while the virtual IF is clear"
    cmp [out2], ax                      ; a slow host may have brought more than one
    EXPECT_CC a, "and comes with STI"
    call timer_off
    RUN v_bios, 0x3000 | EFL_IF
    EXPECTW [out0], 639, "the BIOS answers INT 12h at iopl 3"
    RUN v_bios, EFL_IF
    EXPECTW [out0], 639, "the BIOS answers INT 12h at iopl 0"
    ret

; ---- VME: SDM vol. 3 "Interrupt and Exception Handling in Virtual-8086 Mode" ----
vme_tests:
    mov eax, 1
    cpuid
    test dl, 2
    jnz .have
    SAY "no VME"
    ret
.have:
    mov eax, cr4
    or al, 1
    mov cr4, eax
    mov dword [vme_on], 1
    or byte [TSS + 104 + V_EXIT / 8], 1 << (V_EXIT & 7)
    mov word [int_count], 0
    RUN v_flags, EFL_VIF
    EXPECT [trap_log], 0xCD, "VME: only the INT that the bitmap redirects traps"
    EXPECT [trap_count], 1, "VME: once"
    EXPECTW [out0], 0x3202, "VME: PUSHF shows VIF and IOPL 3"
    EXPECTW [out1], 0x3002, "VME: CLI clears VIF"
    EXPECTW [out2], 0x3202, "VME: STI sets VIF"
    EXPECTW [out3], 0x3002, "VME: POPF loads VIF"
    EXPECTW [out5], 0x3002, "VME: INT pushes VIF as IF"
    EXPECTW [out4], 0x3002, "VME: and clears it"
    EXPECTW [int_count], 1, "VME: INT n goes to the task's own table"
    or byte [TSS + 104 + 0x60 / 8], 1 << (0x60 & 7)
    mov dword [idt_int_count], 0
    RUN v_flags, EFL_VIF
    EXPECT [trap_log], 0xCDCD, "VME: a set bit makes INT n trap at iopl 0"
    RUN v_flags, 0x3000
    EXPECT [idt_int_count], 1, "VME: and go through the IDT at iopl 3"
    and byte [TSS + 104 + 0x60 / 8], ~(1 << (0x60 & 7))
    RUN v_flags, 0x3000
    EXPECT [idt_int_count], 1, "VME: a clear bit keeps it in the task at iopl 3"
    RUN v_popf_tf, 0
    EXPECT [trap_log], 0xCD9D, "VME: POPF of TF traps"
    RUN v_pushfd, 0
    EXPECT [ex_vector], 13, "VME: PUSHFD is #GP"
    EXPECT [ex_eip], v_pushfd, "VME: at its first byte"
    RUN v_iretd, 0
    EXPECT [ex_vector], 13, "VME: IRETD is #GP"
    RUN v_sti, EFL_VIP
    EXPECT [trap_log], 0xCDFB, "VME: STI with VIP traps"
    call timer_on
    RUN v_ticks, EFL_VIF | EFL_IF
    EXPECT [ex_vector], -1, "VME: ticks are reflected"
    RUN v_held, EFL_VIF | EFL_IF
    movzx eax, word [out0]
    EXPECTW [out1], eax, "VME: a tick waits while VIF is clear"
    cmp [out2], ax                      ; a slow host may have brought more than one
    EXPECT_CC a, "VME: and comes with STI"
    call timer_off
    mov eax, cr4
    and al, ~1
    mov cr4, eax
    mov dword [vme_on], 0
    ret

; ---- Data ----
align 8
gdt:
    dq 0
    DESC 0, 0xFFFFF, 0x9B, 12
    DESC 0, 0xFFFFF, 0x93, 12
    DESC TSS, IO_MAP + 8192, 0x89, 0
gdt_ptr:
    dw $ - gdt - 1
    dd gdt
idt:
%macro EXC 1
    GATE KCODE, stub%1, 0x8E
%endmacro
    EXC 0
    EXC 1
    dq 0
    GATE KCODE, stub3, 0xEE
    GATE KCODE, stub4, 0xEE
    EXC 5
    EXC 6
    EXC 7
    EXC 8
    dq 0
    EXC 10
    EXC 11
    EXC 12
    EXC 13
    EXC 14
    dq 0
    EXC 16
    EXC 17
    times 0x12 - 18 dq 0
    GATE KCODE, int_bios, 0xEE
    times 0x50 - 0x13 dq 0
    GATE KCODE, irq0, 0x8E
    times 0x60 - 0x51 dq 0
    GATE KCODE, int_60, 0xEE
    times V_EXIT - 0x61 dq 0
    GATE KCODE, int_leave, 0xEE
idt_ptr:
    dw $ - idt - 1
    dd idt

run_flags:  dd 0
run_eip:    dd 0
run_esp:    dd 0
vif:        dd 0
vme_on:     dd 0
left_ds:    dd 0
ex_vector:  dd 0
ex_error:   dd 0
ex_eip:     dd 0
ex_esp:     dd 0
ex_flags:   dd 0
ex_cr2:     dd 0
ex_dr6:     dd 0
skip_privileged: dd 0
gp_count:   dd 0
ud_count:   dd 0
step_count: dd 0
irq_count:  dd 0
irqs_held:  dd 0
idt_int_count: dd 0
trap_count: dd 0
trap_log:   times 8 dd 0
GUEST_END:
