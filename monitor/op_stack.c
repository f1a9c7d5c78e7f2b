/*
 * op_stack.c: the ordinary stack instructions on any stack: 16-bit, expand-down,
 * with a limit, on a device page.
 *
 * The translator's own code handles flat stacks; these are its slow paths.
 * Manual: SDM vol. 2 "PUSH", "POP", "PUSHA", "POPA", "ENTER", "LEAVE", "CALL", "RET".
 */
#include "monitor/ops.h"

/* Value of PUSH reg, PUSH imm or PUSH r/m. */
static bool push_operand(struct vcpu *v, const struct insn *insn, uint32_t *value, struct guest_fault *f) {
    if (insn->opcode == 0xFF) return op_read_rm(v, insn, insn->op_size, value, f);
    *value =
        insn->opcode == 0x68 || insn->opcode == 0x6A ? insn->imm : mon_get_reg(v, insn->opcode & 7u, insn->op_size);
    return true;
}

enum bt_next mon_op_push(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t value;
    if (!push_operand(v, insn, &value, &f) || !mon_push_one(v, insn->op_size, value, &f)) return mon_raise_fault(v, &f);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_pop(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t value, old_esp = cpu->gpr[DEC_ESP];
    struct mon_stack st = mon_stack_current(v);
    if (!mon_peek_one(v, insn->op_size, &value, &f)) return mon_raise_fault(v, &f);
    mon_stack_drop(&st, insn->op_size);
    /* ESP moves before the destination's address is computed and before POP ESP writes it. */
    cpu->gpr[DEC_ESP] = st.esp;
    if (insn->opcode != 0x8F) {
        mon_set_reg(v, insn->opcode & 7u, insn->op_size, value);
    } else if (!op_write_rm(v, insn, insn->op_size, value, &f)) {
        cpu->gpr[DEC_ESP] = old_esp;
        return mon_raise_fault(v, &f);
    }
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_pusha(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct mon_stack st = mon_stack_current(v);
    struct mon_pushes p;
    mon_push_begin(&p, insn->op_size);
    for (unsigned r = DEC_EAX; r <= DEC_EDI; r++) mon_push(&p, cpu->gpr[r]);
    if (!mon_push_commit(v, &st, &p, &f)) return mon_raise_fault(v, &f);
    cpu->gpr[DEC_ESP] = st.esp;
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_popa(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t items[8];
    struct mon_stack st = mon_stack_current(v);
    if (!mon_stack_peek(v, &st, 0, insn->op_size, items, 8, &f)) return mon_raise_fault(v, &f);
    for (unsigned r = DEC_EAX; r <= DEC_EDI; r++)
        if (r != DEC_ESP) mon_set_reg(v, r, insn->op_size, items[7 - r]);
    mon_stack_drop(&st, 8u * insn->op_size);
    cpu->gpr[DEC_ESP] = st.esp;
    return BT_NEXT_CONTINUE;
}

/* ---- ENTER, LEAVE ---- */

static uint32_t stack_mask(const struct vcpu *v) { return v->cpu.seg[DEC_SS].attr & BT_ATTR_DB ? UINT32_MAX : 0xFFFF; }

/* Copies the enclosing frames' pointers, which EBP names. */
static bool copy_display(struct vcpu *v, struct mon_pushes *p, unsigned level, struct guest_fault *f) {
    for (unsigned i = 1; i < level; i++) {
        uint32_t value = 0, at = (v->cpu.gpr[DEC_EBP] - i * p->unit) & stack_mask(v);
        if (!mon_seg_read(v, DEC_SS, at, &value, p->unit, f)) return false;
        mon_push(p, value);
    }
    return true;
}

enum bt_next mon_op_enter(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct mon_stack st = mon_stack_current(v);
    struct mon_pushes p;
    mon_push_begin(&p, insn->op_size);
    unsigned level = insn->imm2 & 31u;
    mon_push(&p, cpu->gpr[DEC_EBP]);
    struct mon_stack frame = st;
    mon_stack_drop(&frame, -(uint32_t)insn->op_size);
    if (level && !copy_display(v, &p, level, &f)) return mon_raise_fault(v, &f);
    if (level) mon_push(&p, frame.esp);
    if (!mon_push_commit(v, &st, &p, &f)) return mon_raise_fault(v, &f);
    mon_stack_drop(&st, -(insn->imm & 0xFFFFu));
    /* The new top must be writable, or ENTER faults before it changes a register. */
    struct gva lin;
    if (!mon_seg_check(v, DEC_SS, st.esp & stack_mask(v), insn->op_size, true, &lin, &f) ||
        !smmu_probe_write(cpu->smmu, lin, insn->op_size, SMMU_WRITE | st.access, &f))
        return mon_raise_fault(v, &f);
    mon_set_reg(v, DEC_EBP, insn->op_size, frame.esp);
    cpu->gpr[DEC_ESP] = st.esp;
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_leave(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t value, mask = stack_mask(v);
    struct mon_stack st = mon_stack_current(v);
    st.esp = (st.esp & ~mask) | (cpu->gpr[DEC_EBP] & mask);
    if (!mon_stack_peek(v, &st, 0, insn->op_size, &value, 1, &f)) return mon_raise_fault(v, &f);
    mon_stack_drop(&st, insn->op_size);
    cpu->gpr[DEC_ESP] = st.esp;
    mon_set_reg(v, DEC_EBP, insn->op_size, value);
    return BT_NEXT_CONTINUE;
}

/* ---- Near CALL and RET ---- */

static uint32_t cut(uint32_t eip, unsigned op_size) { return op_size == 2 ? eip & 0xFFFF : eip; }

static bool call_target(struct vcpu *v, const struct insn *insn, uint32_t *target, struct guest_fault *f) {
    if (insn->opcode == 0xFF) return op_read_rm(v, insn, insn->op_size, target, f);
    *target = cut(op_next(v, insn) + insn->imm, insn->op_size);
    return true;
}

static bool target_in_cs(const struct vcpu *v, uint32_t eip) { return eip <= v->cpu.seg[DEC_CS].limit; }

enum bt_next mon_op_call_near(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t target;
    if (!call_target(v, insn, &target, &f)) return mon_raise_fault(v, &f);
    if (!target_in_cs(v, target)) return op_gp0(v);
    if (!mon_push_one(v, insn->op_size, op_next(v, insn), &f)) return mon_raise_fault(v, &f);
    return op_exit_at(v, target);
}

enum bt_next mon_op_ret_near(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t target;
    struct mon_stack st = mon_stack_current(v);
    if (!mon_peek_one(v, insn->op_size, &target, &f)) return mon_raise_fault(v, &f);
    if (!target_in_cs(v, target)) return op_gp0(v);
    mon_stack_drop(&st, insn->op_size + (insn->imm_size ? insn->imm & 0xFFFFu : 0));
    cpu->gpr[DEC_ESP] = st.esp;
    return op_exit_at(v, target);
}
