/*
 * op_flags.c: CLI, STI, PUSHF, POPF, with IOPL, v8086 mode and its extensions
 * (VME, PVI).
 *
 * Manual: SDM vol. 2 pages of the instructions; vol. 3 "Interrupt and
 * Exception Handling in Virtual-8086 Mode", "Protected-Mode Virtual Interrupts".
 */
#include "monitor/ops.h"

/* Who may touch which interrupt flag. */
enum if_access { IF_REAL, IF_VIRTUAL, IF_DENIED };

static enum if_access interrupt_flag_access(const struct vcpu *v) {
    if (!vcpu_protected(v)) return IF_REAL;
    if (op_iopl(v) >= v->cpu.cpl) return IF_REAL; /* v8086 mode has CPL 3 */
    if (vcpu_v86(v)) return v->cpu.cr4 & CR4_VME ? IF_VIRTUAL : IF_DENIED;
    return v->cpu.cpl == 3 && v->cpu.cr4 & CR4_PVI ? IF_VIRTUAL : IF_DENIED;
}

enum bt_next mon_op_cli(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    (void)insn;
    switch (interrupt_flag_access(v)) {
    case IF_REAL: cpu->flags_if = 0; return BT_NEXT_CONTINUE;
    case IF_VIRTUAL: cpu->flags_sys &= ~(uint32_t)EFL_VIF; return BT_NEXT_CONTINUE;
    default: return op_gp0(v);
    }
}

/* Also while nothing waits yet: code that calls here has STI at the end of its block, and an interrupt may come before
 * the next block begins. */
static enum bt_next set_if(struct vcpu *v, const struct insn *insn) {
    bool was_set = v->cpu.flags_if != 0;
    v->cpu.flags_if = EFL_IF;
    if (was_set) return BT_NEXT_CONTINUE;
    v->cpu.irq_shadow = true;
    return op_exit_at(v, op_next(v, insn));
}

enum bt_next mon_op_sti(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    switch (interrupt_flag_access(v)) {
    case IF_REAL: return set_if(v, insn);
    case IF_VIRTUAL:
        if (cpu->flags_sys & EFL_VIP) return op_gp0(v);
        cpu->flags_sys |= EFL_VIF;
        return BT_NEXT_CONTINUE;
    default: return op_gp0(v);
    }
}

/* ---- PUSHF ---- */

/* VME at IOPL < 3: the task sees VIF in IF's place, and IOPL 3. */
static uint32_t vme_image(uint32_t flags) {
    return (flags & ~(uint32_t)EFL_IF) | (flags & EFL_VIF ? EFL_IF : 0) | EFL_IOPL;
}

enum bt_next mon_op_pushf(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t flags = bt_eflags(cpu) & ~(uint32_t)(EFL_VM | EFL_RF);
    if (vcpu_v86(v) && op_iopl(v) < 3) {
        if (!(cpu->cr4 & CR4_VME) || insn->op_size == 4) return op_gp0(v);
        flags = vme_image(flags);
    }
    if (!mon_push_one(v, insn->op_size, flags, &f)) return mon_raise_fault(v, &f);
    return BT_NEXT_CONTINUE;
}

/* ---- POPF ---- */

/* Bits a POPF may change outside v8086 mode. VIF and VIP read as 0 after POPFD at CPL 0 only where CPL allows. */
static uint32_t popf_mask(const struct vcpu *v, unsigned size) {
    uint32_t mask = EFL_HOST | EFL_TF | EFL_NT;
    if (size == 4) mask |= EFL_AC | EFL_ID;
    if (vcpu_v86(v)) return mask | EFL_IF; /* IOPL is 3 here */
    if (v->cpu.cpl == 0) mask |= EFL_IOPL;
    if (v->cpu.cpl <= op_iopl(v)) mask |= EFL_IF;
    if (v->cpu.cpl == 0 && size == 4) mask |= EFL_VIF | EFL_VIP;
    return mask;
}

static enum bt_next flags_changed(struct vcpu *v, const struct insn *insn, uint32_t old_mode, bool if_was_set) {
    if (!if_was_set && v->cpu.flags_if && op_event_waits(v)) return op_exit_at(v, op_next(v, insn));
    return mon_continue_or_exit(v, old_mode, op_next(v, insn));
}

/* VME, IOPL < 3, 16-bit operand: IF goes to VIF; IOPL and the real IF are out of reach. */
static bool popf_vme(struct vcpu *v, uint32_t image) {
    bool want_if = (image & EFL_IF) != 0;
    if ((want_if && v->cpu.flags_sys & EFL_VIP) || image & EFL_TF) return false;
    op_merge_eflags(v, image, EFL_HOST | EFL_NT);
    op_merge_eflags(v, want_if ? EFL_VIF : 0, EFL_VIF);
    return true;
}

enum bt_next mon_op_popf(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t image, mode = bt_mode(cpu);
    bool if_was_set = cpu->flags_if != 0, restricted = vcpu_v86(v) && op_iopl(v) < 3;
    if (restricted && (!(cpu->cr4 & CR4_VME) || insn->op_size == 4)) return op_gp0(v);
    if (!mon_peek_one(v, insn->op_size, &image, &f)) return mon_raise_fault(v, &f);
    if (restricted) {
        if (!popf_vme(v, image)) return op_gp0(v);
    } else {
        /* SDM vol. 2 "POPF": at CPL 0 POPFD clears VIF and VIP. */
        op_merge_eflags(v, image & ~(uint32_t)(EFL_VIF | EFL_VIP), popf_mask(v, insn->op_size));
    }
    struct mon_stack st = mon_stack_current(v);
    mon_stack_drop(&st, insn->op_size);
    mon_stack_set_esp(v, &st);
    return flags_changed(v, insn, mode, if_was_set);
}
