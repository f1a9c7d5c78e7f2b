/*
 * ops.c: the dispatch table that bt calls through, and shared operand access.
 */
#include "monitor/ops.h"

bt_op_fn *const mon_ops[BT_OP_COUNT] = {
#define SENSITIVE(name, mnemonic, map, opcode, reason, handling, helper, title) [BT_OP_##name] = mon_op_##helper,
#include "bt/sensitive.def"
#undef SENSITIVE
};

bool op_read_rm(struct vcpu *v, const struct insn *insn, unsigned size, uint32_t *value, struct guest_fault *f) {
    *value = 0;
    if (insn->mem.present) return mon_seg_read(v, insn->mem.seg, mon_ea(v, insn), value, size, f);
    *value = mon_get_reg(v, insn->rm, size);
    return true;
}

bool op_write_rm(struct vcpu *v, const struct insn *insn, unsigned size, uint32_t value, struct guest_fault *f) {
    if (insn->mem.present) return mon_seg_write(v, insn->mem.seg, mon_ea(v, insn), &value, size, f);
    mon_set_reg(v, insn->rm, size, value);
    return true;
}

void op_merge_eflags(struct vcpu *v, uint32_t value, uint32_t mask) {
    bt_set_eflags(&v->cpu, (bt_eflags(&v->cpu) & ~mask) | (value & mask));
}
