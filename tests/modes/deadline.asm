; deadline.asm: the TSC-deadline mode of the local APIC's timer, as SDM vol. 3 "TSC-Deadline Mode" has it. Awake and
; asleep, the interrupt never comes before RDTSC has reached the deadline.
%include "guest.inc"

KCODE    equ 0x08
KDATA    equ 0x10
STACK    equ 0x70000
LAPIC    equ 0xFEE00000
EOI      equ LAPIC + 0xB0
LVT      equ LAPIC + 0x320
INITIAL  equ LAPIC + 0x380
CURRENT  equ LAPIC + 0x390
IRR_5X   equ LAPIC + 0x220              ; bit 17: vector 51h
PERIODIC equ 1 << 17
DEADLINE equ 1 << 18
MASKED   equ 1 << 16
TSC      equ 0x10
MSR_DEADLINE equ 0x6E0
ROUNDS   equ 400

; EDX:EAX = deadline; [deadline]: kept for the handler
%macro ARM 0
    mov [deadline], eax
    mov [deadline + 4], edx
    mov ecx, MSR_DEADLINE
    wrmsr
%endmacro
; In so many ticks, of up to 32 bits
%macro ARM_IN 1
    rdtsc
    add eax, %1
    adc edx, 0
    ARM
%endmacro
; EAX, EDX: what the register says
%macro READ 0
    mov ecx, MSR_DEADLINE
    rdmsr
%endmacro
; Longer than any test
%macro ARM_FAR 0
    rdtsc
    add edx, 0x1000
    ARM
%endmacro

main:
    TO_32_BITS KCODE
    LOAD_SEGMENTS KDATA
    mov esp, STACK
    mov eax, 1
    cpuid
    test ecx, 1 << 24
    jz .none
    mov dword [LAPIC + 0xF0], 0x1FF     ; software enable
    mov dword [LAPIC + 0x350], MASKED   ; LINT0
    mov dword [LAPIC + 0x80], 0
    mov dword [LAPIC + 0x3E0], 0xB
    call other_modes
    call rounds
    call past
    call disarmed
    call written_tsc
.none:
    FINISH

other_modes:
    mov dword [LVT], 0x51
    ARM_IN 0
    READ
    EXPECT eax, 0, "one-shot: the register is 0"
    EXPECT [IRR_5X], 0, "one-shot: a write of it is ignored"
    mov dword [LVT], PERIODIC | 0x51
    ARM_IN 0
    EXPECT [IRR_5X], 0, "periodic: as well"
    mov dword [LVT], DEADLINE | MASKED | 0x51
    EXPECT [LVT], DEADLINE | MASKED | 0x51, "the mode is there"
    mov dword [INITIAL], 1000
    EXPECT [CURRENT], 0, "deadline: no count"
    ARM_FAR
    READ
    xor eax, [deadline]
    xor edx, [deadline + 4]
    EXPECT eax, 0, "deadline: the register, low half"
    EXPECT edx, 0, "deadline: high half"
    mov dword [LVT], MASKED | 0x51
    READ
    EXPECT eax, 0, "one-shot again: disarmed"
    mov dword [LVT], DEADLINE | MASKED | 0x51
    READ
    EXPECT eax, 0, "deadline again: still"
    ret

; Deadlines of all lengths, waited for in a loop and by HLT
rounds:
    mov dword [LVT], DEADLINE | 0x51
    mov dword [interrupts], 0
    mov dword [early], 0
    mov dword [left], 0
    mov ebx, ROUNDS
.next:
    mov esi, ebx                        ; up to 32,000 ticks awake, 800,000 asleep
    imul esi, 80
    test ebx, 1
    jz .short
    imul esi, 25
.short:
    cli
    mov edi, [interrupts]
    ARM_IN esi
    test ebx, 1
    jz .awake
.sleep:
    sti
    hlt
    cli
    cmp edi, [interrupts]
    je .sleep
    jmp .done
.awake:
    sti
.wait:
    cmp edi, [interrupts]
    je .wait
.done:
    dec ebx
    jnz .next
    cli
    EXPECT [interrupts], ROUNDS, "rounds: one interrupt each"
    EXPECT [early], 0, "rounds: none of them early"
    EXPECT [left], 0, "rounds: the register is 0 then"
    ret

past:
    mov dword [interrupts], 0
    ARM_IN 0
    EXPECT [IRR_5X], 1 << 17, "past: at once"
    READ
    EXPECT eax, 0, "past: the register is 0"
    sti
    nop
    nop
    cli
    EXPECT [interrupts], 1, "past: taken"
    mov esi, ROUNDS
    sti
.next:                                  ; each with the flags and registers in order
    mov eax, 1
    xor edx, edx
    mov ecx, MSR_DEADLINE
    stc
    wrmsr
    adc ebx, 0
    dec esi
    jnz .next
    cli
    EXPECT ebx, ROUNDS, "past: flags are kept"
    EXPECT [interrupts], ROUNDS + 1, "past: an interrupt for every write"
    mov dword [LVT], DEADLINE | MASKED | 0x51
    ARM_IN 0
    READ
    EXPECT eax, 0, "masked: passes"
    mov dword [LVT], DEADLINE | 0x51
    EXPECT [IRR_5X], 0, "masked: unheard"
    ret

disarmed:
    mov dword [interrupts], 0
    ARM_FAR
    xor eax, eax
    xor edx, edx
    mov ecx, MSR_DEADLINE
    wrmsr
    READ
    EXPECT eax, 0, "disarmed: the register is 0"
    ARM_FAR
    ARM_IN 100000                       ; the second counts
    sti
.wait:
    cmp dword [interrupts], 0
    je .wait
    cli
    EXPECT [interrupts], 1, "replaced: one interrupt"
    EXPECT [early], 0, "replaced: not early"
    or eax, -1                          ; never, for some
    or edx, -1
    mov ecx, MSR_DEADLINE
    wrmsr
    READ
    EXPECT edx, -1, "never: stays"
    EXPECT [IRR_5X], 0, "never: nothing comes"
    ret

; The TSC is written: what counts is what it says
written_tsc:
    mov dword [interrupts], 0
    ARM_FAR
    EXPECT [IRR_5X], 0, "written TSC: far away"
    mov eax, [deadline]
    mov edx, [deadline + 4]
    mov ecx, TSC
    wrmsr
    EXPECT [IRR_5X], 1 << 17, "written TSC: there"
    sti
    nop
    nop
    cli
    EXPECT [interrupts], 1, "written TSC: once"
    xor eax, eax                        ; back to 0
    xor edx, edx
    mov ecx, TSC
    wrmsr
    ARM_IN 0x40000000                   ; so far that no pause of the host's reaches it ...
    mov eax, [deadline]
    mov edx, [deadline + 4]
    sub eax, 200000                     ; ... before it comes near
    sbb edx, 0
    mov ecx, TSC
    wrmsr
    sti
.wait:
    hlt
    cmp dword [interrupts], 2
    jb .wait
    cli
    EXPECT [early], 0, "written TSC: not early"
    ret

on_timer:
    push eax
    push ecx
    push edx
    rdtsc
    cmp edx, [deadline + 4]
    ja .late
    jb .early
    cmp eax, [deadline]
    jae .late
.early:
    inc dword [early]
.late:
    READ
    or [left], eax
    or [left], edx
    inc dword [interrupts]
    mov dword [EOI], 0
    pop edx
    pop ecx
    pop eax
    iret

    FLAT_GDT
align 8
idt:
    times 0x51 dq 0
    GATE KCODE, on_timer, 0x8E
idt_ptr: dw 0x52 * 8 - 1
    dd idt
align 8
deadline:   dd 0, 0
interrupts: dd 0
early:      dd 0
left:       dd 0
GUEST_END equ $
