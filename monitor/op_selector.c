/*
 * op_selector.c: questions about selectors: LAR, LSL, VERR, VERW, ARPL. The
 * answer is in ZF; no selector makes them fault.
 *
 * Manual: SDM vol. 2 pages of the instructions; vol. 3 "Pointer Validation".
 */
#include "monitor/ops.h"

enum { LAR_MASK = 0x00F0FF00 };

/* Bit i set: system type i has access rights (LAR), a limit (LSL). */
enum {
    LAR_TYPES = 1u << SYS_TSS16 | 1u << SYS_LDT | 1u << SYS_TSS16_BUSY | 1u << SYS_CALL16 | 1u << SYS_TASK_GATE |
                1u << SYS_TSS32 | 1u << SYS_TSS32_BUSY | 1u << SYS_CALL32,
    LSL_TYPES = 1u << SYS_TSS16 | 1u << SYS_LDT | 1u << SYS_TSS16_BUSY | 1u << SYS_TSS32 | 1u << SYS_TSS32_BUSY,
};

static bool visible(const struct vcpu *v, uint16_t selector, const struct mon_desc *d) {
    return attr_conforming(desc_attr(d)) || (desc_dpl(d) >= v->cpu.cpl && desc_dpl(d) >= sel_rpl(selector));
}

/* Operand selector and its descriptor. *found is false for a null or out-of-table selector. false: *f. */
static bool examine(struct vcpu *v, const struct insn *insn, uint16_t *selector, struct mon_desc *d, bool *found,
                    struct guest_fault *f) {
    uint32_t value, lin;
    if (!op_pure_protected(v)) return mon_fail(f, VEC_UD, 0);
    if (!op_read_rm(v, insn, 2, &value, f)) return false;
    *selector = (uint16_t)value;
    *found = !sel_null(*selector) && mon_desc_address(v, *selector, &lin);
    return !*found || mon_sys_read(v, lin, d, sizeof *d, f);
}

static enum bt_next access_query(struct bt_cpu *cpu, const struct insn *insn, uint32_t system_types, bool limit) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct mon_desc d;
    uint16_t selector;
    bool found;
    if (!examine(v, insn, &selector, &d, &found, &f)) return mon_raise_fault(v, &f);
    bool ok = found && visible(v, selector, &d) && (!desc_system(&d) || system_types >> desc_type(&d) & 1);
    op_set_flag(v, DEC_ZF, ok);
    if (ok) mon_set_reg(v, insn->reg, insn->op_size, limit ? desc_limit(&d) : d.hi & LAR_MASK);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_lar(struct bt_cpu *cpu, const struct insn *insn) {
    return access_query(cpu, insn, LAR_TYPES, false);
}
enum bt_next mon_op_lsl(struct bt_cpu *cpu, const struct insn *insn) {
    return access_query(cpu, insn, LSL_TYPES, true);
}

static enum bt_next verify(struct bt_cpu *cpu, const struct insn *insn, bool write) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct mon_desc d;
    uint16_t selector;
    bool found;
    if (!examine(v, insn, &selector, &d, &found, &f)) return mon_raise_fault(v, &f);
    bool ok =
        found && visible(v, selector, &d) && (write ? attr_writable(desc_attr(&d)) : attr_readable(desc_attr(&d)));
    op_set_flag(v, DEC_ZF, ok);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_verr(struct bt_cpu *cpu, const struct insn *insn) { return verify(cpu, insn, false); }
enum bt_next mon_op_verw(struct bt_cpu *cpu, const struct insn *insn) { return verify(cpu, insn, true); }

enum bt_next mon_op_arpl(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t dest, rpl = mon_get_reg(v, insn->reg, 2) & 3;
    if (!op_pure_protected(v)) return mon_raise(v, VEC_UD, 0);
    if (!op_read_rm(v, insn, 2, &dest, &f)) return mon_raise_fault(v, &f);
    bool raise = (dest & 3) < rpl;
    if (raise && !op_write_rm(v, insn, 2, (dest & ~3u) | rpl, &f)) return mon_raise_fault(v, &f);
    op_set_flag(v, DEC_ZF, raise);
    return BT_NEXT_CONTINUE;
}
