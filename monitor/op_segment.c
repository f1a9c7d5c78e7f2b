/*
 * op_segment.c: moves, pushes and pops of segment registers, full pointer loads.
 *
 * Manual: SDM vol. 2 "MOV - Move", "PUSH", "POP", "LDS/LES/LFS/LGS/LSS".
 */
#include "monitor/ops.h"

/* The translation mode depends on DS, ES, SS; on FS and GS it does not. A load of SS also holds interrupts off until
 * the next instruction has ended. */
static enum bt_next loaded(struct vcpu *v, const struct insn *insn, int seg, uint32_t old_mode) {
    if (seg != DEC_SS) return mon_continue_or_exit(v, old_mode, op_next(v, insn));
    v->cpu.irq_shadow = v->ss_loaded = true;
    return op_exit_at(v, op_next(v, insn));
}

enum bt_next mon_op_mov_r_sreg(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    if (insn->reg >= DEC_SEG_COUNT) return mon_raise(v, VEC_UD, 0);
    /* A register takes the zero-extended selector, memory always 16 bits. */
    unsigned size = insn->mem.present ? 2 : insn->op_size;
    if (!op_write_rm(v, insn, size, cpu->seg[insn->reg].selector, &f)) return mon_raise_fault(v, &f);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_mov_sreg_r(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t selector, mode = bt_mode(cpu);
    if (insn->reg >= DEC_SEG_COUNT || insn->reg == DEC_CS) return mon_raise(v, VEC_UD, 0);
    if (!op_read_rm(v, insn, 2, &selector, &f)) return mon_raise_fault(v, &f);
    if (!mon_load_seg(v, insn->reg, (uint16_t)selector, &f)) return mon_raise_fault(v, &f);
    return loaded(v, insn, insn->reg, mode);
}

/* Segment register of a one- or two-byte PUSH/POP: bits 3-5 of the opcode. */
static int implied_seg(const struct insn *insn) { return insn->opcode >> 3 & 7; }

enum bt_next mon_op_push_sreg(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    /* SDM-DEVIATION: a 32-bit push writes zeros above the selector; P6 and later write the low word only. */
    if (!mon_push_one(v, insn->op_size, cpu->seg[implied_seg(insn)].selector, &f)) return mon_raise_fault(v, &f);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_pop_sreg(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t selector, mode = bt_mode(cpu);
    int seg = implied_seg(insn);
    struct mon_stack st = mon_stack_current(v);
    if (!mon_peek_one(v, insn->op_size, &selector, &f)) return mon_raise_fault(v, &f);
    if (!mon_load_seg(v, seg, (uint16_t)selector, &f)) return mon_raise_fault(v, &f);
    /* The old SS.B decides how far the pointer wraps. */
    mon_stack_drop(&st, insn->op_size);
    cpu->gpr[DEC_ESP] = st.esp;
    return loaded(v, insn, seg, mode);
}

static int pointer_seg(const struct insn *insn) {
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_LDS: return DEC_DS;
    case ZYDIS_MNEMONIC_LES: return DEC_ES;
    case ZYDIS_MNEMONIC_LFS: return DEC_FS;
    case ZYDIS_MNEMONIC_LGS: return DEC_GS;
    default: return DEC_SS;
    }
}

enum bt_next mon_op_load_far_ptr(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t ptr[6];
    uint16_t selector;
    uint32_t offset = 0, mode = bt_mode(cpu);
    int seg = pointer_seg(insn);
    if (!insn->mem.present) return mon_raise(v, VEC_UD, 0);
    if (!mon_seg_read_as(v, insn->mem.seg, mon_ea(v, insn), ptr, insn->op_size + 2u, insn->op_size, &f))
        return mon_raise_fault(v, &f);
    memcpy(&offset, ptr, insn->op_size);
    memcpy(&selector, ptr + insn->op_size, 2);
    if (!mon_load_seg(v, seg, selector, &f)) return mon_raise_fault(v, &f);
    mon_set_reg(v, insn->reg, insn->op_size, offset);
    /* Unlike MOV SS, LSS holds no interrupt off. */
    return mon_continue_or_exit(v, mode, op_next(v, insn));
}
