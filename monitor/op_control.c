/*
 * op_control.c: control and debug registers, machine status word, INVLPG, HLT and the cache instructions.
 *
 * Manual: SDM vol. 2 "MOV - Move to/from Control Registers", "MOV - Move
 * to/from Debug Registers", "LMSW", "SMSW", "CLTS", "INVLPG", "HLT".
 */
#include "monitor/control.h"
#include "monitor/debug.h"
#include "monitor/ops.h"

enum { MSW_LOADABLE = CR0_PE | CR0_MP | CR0_EM | CR0_TS };
enum { DR6_FIXED = 0xFFFF0FF0u, DR6_WRITABLE = 0xE00F, DR7_FIXED = 0x400, DR7_WRITABLE = 0xFFFF23FFu };

enum bt_next mon_op_mov_r_cr(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    uint32_t value;
    switch (insn->reg) {
    case 0: value = cpu->cr0; break;
    case 2: value = v->cr2; break;
    case 3: value = v->cr3; break;
    case 4: value = cpu->cr4; break;
    default: return mon_raise(v, VEC_UD, 0);
    }
    if (cpu->cpl != 0) return op_gp0(v);
    cpu->gpr[insn->rm] = value;
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_mov_cr_r(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t value = cpu->gpr[insn->rm];
    bool ok = true;
    if (insn->reg == 1 || insn->reg > 4) return mon_raise(v, VEC_UD, 0);
    if (cpu->cpl != 0) return op_gp0(v);
    switch (insn->reg) {
    case 0: ok = mon_set_cr0(v, value, &f); break;
    case 2: v->cr2 = value; return BT_NEXT_CONTINUE;
    case 3: ok = mon_load_cr3(v, value, &f); break;
    default:
        ok = mon_set_cr4(v, value, &f);
        mon_debug_update(v); /* DE gives I/O breakpoints their meaning */
        break;
    }
    return ok ? op_exit_at(v, op_next(v, insn)) : mon_raise_fault(v, &f);
}

enum bt_next mon_op_lmsw(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t value;
    if (cpu->cpl != 0) return op_gp0(v);
    if (!op_read_rm(v, insn, 2, &value, &f)) return mon_raise_fault(v, &f);
    /* PE can be set but not cleared. */
    uint32_t cr0 = (cpu->cr0 & ~(uint32_t)(MSW_LOADABLE & ~CR0_PE)) | (value & MSW_LOADABLE);
    return mon_set_cr0(v, cr0, &f) ? op_exit_at(v, op_next(v, insn)) : mon_raise_fault(v, &f);
}

enum bt_next mon_op_smsw(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    unsigned size = insn->mem.present ? 2 : insn->op_size;
    return op_write_rm(v, insn, size, cpu->cr0, &f) ? BT_NEXT_CONTINUE : mon_raise_fault(v, &f);
}

enum bt_next mon_op_clts(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    uint32_t mode = bt_mode(cpu);
    if (cpu->cpl != 0) return op_gp0(v);
    cpu->cr0 &= ~(uint32_t)CR0_TS;
    return mon_continue_or_exit(v, mode, op_next(v, insn));
}

/* ---- Debug registers; debug.c matches them ---- */

/* DR4 and DR5 are DR6 and DR7, or undefined with CR4.DE. With DR7.GD any access is a fault: SDM vol. 3 "General-Detect
 * Exception Condition". false: *f. */
static bool select_dr(struct vcpu *v, const struct insn *insn, unsigned *dr, struct guest_fault *f) {
    *dr = insn->reg;
    if (*dr == 4 || *dr == 5) {
        if (v->cpu.cr4 & CR4_DE) return mon_fail(f, VEC_UD, 0);
        *dr += 2;
    }
    if (v->cpu.cpl != 0) return mon_fail(f, VEC_GP, 0);
    if (!(v->dr[7] & DR7_GD)) return true;
    v->dr[7] &= ~(uint32_t)DR7_GD;
    v->dr[6] |= DR6_BD;
    return mon_fail(f, VEC_DB, 0);
}

enum bt_next mon_op_mov_r_dr(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    unsigned dr;
    if (!select_dr(v, insn, &dr, &f)) return mon_raise_fault(v, &f);
    cpu->gpr[insn->rm] = v->dr[dr];
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_mov_dr_r(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    unsigned dr;
    uint32_t value = cpu->gpr[insn->rm], mode = bt_mode(cpu);
    if (!select_dr(v, insn, &dr, &f)) return mon_raise_fault(v, &f);
    if (dr == 6) value = (value & DR6_WRITABLE) | DR6_FIXED;
    if (dr == 7) value = (value & DR7_WRITABLE) | DR7_FIXED;
    v->dr[dr] = value;
    mon_debug_update(v);
    return mon_continue_or_exit(v, mode, op_next(v, insn));
}

/* ---- Address translation, caches, halt ---- */

enum bt_next mon_op_invlpg(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    if (!insn->mem.present) return mon_raise(v, VEC_UD, 0);
    if (cpu->cpl != 0) return op_gp0(v);
    smmu_invlpg(cpu->smmu, gva(cpu->seg[insn->mem.seg].base + mon_ea(v, insn)));
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_invd(struct bt_cpu *cpu, const struct insn *insn) {
    (void)insn;
    return cpu->cpl != 0 ? op_gp0(vcpu_of(cpu)) : BT_NEXT_CONTINUE;
}

enum bt_next mon_op_hlt(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    if (cpu->cpl != 0) return op_gp0(v);
    v->halted = v->cpu.leave = true;
    return op_exit_at(v, op_next(v, insn));
}

/* There is no system-management mode to return from. */
enum bt_next mon_op_rsm(struct bt_cpu *cpu, const struct insn *insn) {
    (void)insn;
    return mon_raise(vcpu_of(cpu), VEC_UD, 0);
}
