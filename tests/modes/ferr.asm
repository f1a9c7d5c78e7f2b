; ferr.asm: x87 errors with CR0.NE clear: FERR# at IRQ 13, and IGNNE# by port F0h, in real mode.
; SDM vol. 1 "MS-DOS Compatibility Sub-mode".
%include "guest.inc"

main:
    cli
    mov al, 0xFB                        ; the cascade alone, and IRQ 13
    out 0x21, al
    mov al, 0xDF
    out 0xA1, al
    mov word [0x75 * 4], irq13
    mov word [0x75 * 4 + 2], 0
    mov eax, cr0
    and eax, ~0x2E                      ; EM TS MP NE clear
    mov cr0, eax
    fninit
    sti

    SAY "a handler that clears the error"
    mov word [handler], clearing
    call divide
    EXPECTW [irqs], 0, "no interrupt by the instruction that failed"
    fwait
    EXPECTW [irqs], 1, "one by the next waiting instruction"
    fwait
    fld1
    EXPECTW [irqs], 1, "and no more"
    fnstsw [out0]
    EXPECTW [out0], 0x3000, "the error is gone, two registers are in use" ; 3.0 by FLD, 1.0: TOP is 6
    fninit

    SAY "the same instruction again"
    mov word [irqs], 0
    mov cx, 3
.again:
    call divide
    fwait
    fninit
    loop .again
    EXPECTW [irqs], 3, "an interrupt each time"

    SAY "a handler that leaves the error"
    mov word [irqs], 0
    mov word [handler], leaving
    call divide
    fwait
    EXPECTW [irqs], 1, "FWAIT goes on"
    fld1
    fadd st0, st0
    fistp dword [out0]
    EXPECTW [irqs], 1, "so do other instructions"
    EXPECT [out0], 2, "and compute"
    fnstcw [out1]
    EXPECTW [out1], 0x37B, "the control word is the guest's"
    fnstsw [out0]
    and word [out0], 0x80BF
    EXPECTW [out0], 0x8084, "the error still waits"
    fldcw [cw_masked]
    fnstcw [out1]
    EXPECTW [out1], 0x37F, "FLDCW loads"
    fld1
    fldcw [cw_unmasked]                 ; FERR# has fallen and rises again
    fwait
    EXPECTW [irqs], 2, "FERR# anew: interrupt"
    fnclex

    SAY "after FNCLEX"
    mov word [irqs], 0
    mov word [handler], clearing
    fninit
    call divide
    fwait
    EXPECTW [irqs], 1, "the next error is an interrupt again"

    SAY "FNSAVE in the handler"
    mov word [irqs], 0
    mov word [handler], saving
    fninit
    call divide
    fwait
    EXPECTW [irqs], 1, "one interrupt"
    EXPECTW [state], 0x37B, "saved control word"
    mov ax, [state + 4]
    and ax, 0x80BF
    mov [out0], ax
    EXPECTW [out0], 0x8084, "saved error"
    fnstsw [out0]
    EXPECTW [out0], 0, "and none is left"

    SAY "FRSTOR with the error pending"
    mov word [irqs], 0
    mov word [handler], leaving
    call divide
    fwait
    mov word [state], 0x37F
    o32 frstor [state]
    fnstcw [out0]
    EXPECTW [out0], 0x37F, "goes on"
    EXPECTW [irqs], 1, "one interrupt"
    fninit
    FINISH

; ST(0) = 3.0 / 0.0 with zero divide unmasked.
divide:
    fldcw [cw_unmasked]
    fld dword [three]
    fdiv dword [zero]
    ret

irq13:
    push ax
    inc word [irqs]
    call word [handler]
    mov al, 0x20
    out 0xA0, al
    out 0x20, al
    pop ax
    iret
clearing:
    xor al, al
    out 0xF0, al
    fnclex
    ret
leaving:
    xor al, al
    out 0xF0, al
    ret
saving:
    xor al, al
    out 0xF0, al
    o32 fnsave [state]
    ret

align 4
three:       dd 3.0
zero:        dd 0.0
cw_masked:   dw 0x37F
cw_unmasked: dw 0x37B
irqs:        dw 0
handler:     dw 0
out0:        dd 0
out1:        dd 0
state:       times 108 db 0
GUEST_END:
