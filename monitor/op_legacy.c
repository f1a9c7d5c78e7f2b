/*
 * op_legacy.c: unprivileged instructions that 64-bit mode lacks, and those with
 * implicit addresses: decimal adjustment, BOUND, XLAT, SALC, MASKMOVQ/MASKMOVDQU.
 *
 * Undefined flags: OF is cleared, others as noted. Manual: SDM vol. 2 pages of the instructions.
 */
#include "monitor/fpu_image.h"
#include "monitor/ops.h"

static uint32_t al(const struct bt_cpu *c) { return c->gpr[DEC_EAX] & 0xFF; }
static uint32_t ah(const struct bt_cpu *c) { return c->gpr[DEC_EAX] >> 8 & 0xFF; }
static void set_al(struct bt_cpu *c, uint32_t value) { mon_set_reg(vcpu_of(c), DEC_EAX, 1, value); }
static void set_ax(struct bt_cpu *c, uint32_t value) { mon_set_reg(vcpu_of(c), DEC_EAX, 2, value); }

static bool even_parity(uint32_t byte) {
    byte ^= byte >> 4;
    return !(0x6996u >> (byte & 15) & 1);
}

static uint32_t result_flags(uint32_t byte) {
    return (byte & 0x80 ? DEC_SF : 0) | (byte & 0xFF ? 0 : DEC_ZF) | (even_parity(byte & 0xFF) ? DEC_PF : 0);
}

static void set_arith(struct bt_cpu *c, uint32_t flags) {
    c->flags_host = (c->flags_host & ~(uint32_t)DEC_ARITH) | flags;
}

static bool low_digit_adjusts(const struct bt_cpu *c) { return (al(c) & 15) > 9 || c->flags_host & DEC_AF; }

enum bt_next mon_op_daa(struct bt_cpu *cpu, const struct insn *insn) {
    uint32_t value = al(cpu), flags = 0;
    bool high = value > 0x99 || cpu->flags_host & DEC_CF;
    (void)insn;
    if (low_digit_adjusts(cpu)) value += 6, flags |= DEC_AF;
    if (high) value += 0x60, flags |= DEC_CF;
    set_al(cpu, value);
    set_arith(cpu, flags | result_flags(value));
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_das(struct bt_cpu *cpu, const struct insn *insn) {
    uint32_t old = al(cpu), value = old, flags = 0;
    bool high = old > 0x99 || cpu->flags_host & DEC_CF;
    (void)insn;
    if (low_digit_adjusts(cpu)) {
        value -= 6;
        flags |= DEC_AF | (old < 6 ? DEC_CF : 0);
    }
    if (high) value -= 0x60, flags |= DEC_CF;
    set_al(cpu, value);
    set_arith(cpu, flags | result_flags(value));
    return BT_NEXT_CONTINUE;
}

/* AAA and AAS: SF, ZF, PF are undefined; they follow AL. */
static enum bt_next ascii_adjust(struct bt_cpu *cpu, uint32_t delta) {
    uint32_t flags = 0;
    if (low_digit_adjusts(cpu)) {
        set_ax(cpu, cpu->gpr[DEC_EAX] + delta);
        flags = DEC_AF | DEC_CF;
    }
    set_al(cpu, al(cpu) & 15);
    set_arith(cpu, flags | result_flags(al(cpu)));
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_aaa(struct bt_cpu *cpu, const struct insn *insn) {
    (void)insn;
    return ascii_adjust(cpu, 0x106);
}
enum bt_next mon_op_aas(struct bt_cpu *cpu, const struct insn *insn) {
    (void)insn;
    return ascii_adjust(cpu, -0x106u); /* AX - 6, then AH - 1 */
}

enum bt_next mon_op_aam(struct bt_cpu *cpu, const struct insn *insn) {
    uint32_t base = insn->imm & 0xFF, value = al(cpu);
    if (!base) return mon_raise(vcpu_of(cpu), VEC_DE, 0);
    set_ax(cpu, value / base << 8 | value % base);
    set_arith(cpu, result_flags(value % base));
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_aad(struct bt_cpu *cpu, const struct insn *insn) {
    uint32_t value = (al(cpu) + ah(cpu) * (insn->imm & 0xFF)) & 0xFF;
    set_ax(cpu, value);
    set_arith(cpu, result_flags(value));
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_salc(struct bt_cpu *cpu, const struct insn *insn) {
    (void)insn;
    set_al(cpu, cpu->flags_host & DEC_CF ? 0xFF : 0);
    return BT_NEXT_CONTINUE;
}

static int32_t signed_word(uint32_t value, unsigned size) { return size == 2 ? (int16_t)value : (int32_t)value; }

enum bt_next mon_op_bound(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t bounds[8];
    uint32_t low = 0, high = 0;
    unsigned size = insn->op_size;
    if (!insn->mem.present) return mon_raise(v, VEC_UD, 0);
    if (!mon_seg_read_as(v, insn->mem.seg, mon_ea(v, insn), bounds, 2 * size, size, &f)) return mon_raise_fault(v, &f);
    memcpy(&low, bounds, size);
    memcpy(&high, bounds + size, size);
    int32_t index = signed_word(mon_get_reg(v, insn->reg, size), size);
    bool inside = index >= signed_word(low, size) && index <= signed_word(high, size);
    return inside ? BT_NEXT_CONTINUE : mon_raise(v, VEC_BR, 0);
}

enum bt_next mon_op_xlat(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t value;
    uint32_t off = cpu->gpr[DEC_EBX] + al(cpu);
    if (insn->addr_size == 2) off &= 0xFFFF;
    if (!mon_seg_read(v, insn->mem.seg, off, &value, 1, &f)) return mon_raise_fault(v, &f);
    set_al(cpu, value);
    return BT_NEXT_CONTINUE;
}

/* ---- MASKMOVQ, MASKMOVDQU: selected bytes to DS:(E)DI ---- */

static bool store_masked(struct vcpu *v, const struct insn *insn, const uint8_t *data, const uint8_t *mask, unsigned n,
                         struct guest_fault *f) {
    uint32_t off = mon_get_reg(v, DEC_EDI, insn->addr_size), wrap = insn->addr_size == 2 ? 0xFFFF : UINT32_MAX;
    unsigned access = SMMU_WRITE | (v->cpu.cpl == 3 ? SMMU_USER : 0);
    struct gva lin;
    for (unsigned i = 0; i < n; i++) {
        if (!(mask[i] & 0x80)) continue;
        if (!mon_seg_check(v, insn->mem.seg, (off + i) & wrap, 1, true, &lin, f)) return false;
        if (!smmu_probe_write(v->cpu.smmu, lin, 1, access, f)) return false;
    }
    for (unsigned i = 0; i < n; i++)
        if (mask[i] & 0x80 && !mon_seg_write(v, insn->mem.seg, (off + i) & wrap, &data[i], 1, f)) return false;
    return true;
}

enum bt_next mon_op_maskmov(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    bool xmm = insn->mnemonic == ZYDIS_MNEMONIC_MASKMOVDQU;
    if (cpu->cr0 & CR0_EM || (xmm && !(cpu->cr4 & CR4_OSFXSR))) return mon_raise(v, VEC_UD, 0);
    if (cpu->cr0 & CR0_TS) return mon_raise(v, VEC_NM, 0);
    bt_fpu_park(cpu);
    if (!xmm && fpu_error_pending(cpu->fpu_area)) return mon_raise(v, VEC_MF, 0);
    if (!xmm) fpu_enter_mmx(cpu->fpu_area);
    const uint8_t *data = xmm ? fpu_xmm(cpu->fpu_area, insn->reg) : fpu_mm(cpu->fpu_area, insn->reg);
    const uint8_t *mask = xmm ? fpu_xmm(cpu->fpu_area, insn->rm) : fpu_mm(cpu->fpu_area, insn->rm);
    if (!store_masked(v, insn, data, mask, xmm ? 16 : 8, &f)) return mon_raise_fault(v, &f);
    return BT_NEXT_CONTINUE;
}
