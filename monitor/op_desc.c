/*
 * op_desc.c: descriptor-table registers, LDTR and TR.
 *
 * Manual: SDM vol. 2 "SGDT", "SIDT", "LGDT/LIDT", "SLDT", "LLDT", "STR", "LTR".
 */
#include "monitor/ops.h"

/* Memory image of a table register. */
struct pseudo_desc {
    uint16_t limit;
    uint32_t base;
} __attribute__((packed));

static enum bt_next store_table(struct vcpu *v, const struct insn *insn, const struct vcpu_table *t) {
    struct guest_fault f;
    /* SDM-DEVIATION: with a 16-bit operand the whole base is stored, as processors do, not 24 bits of it. */
    struct pseudo_desc image = {.limit = t->limit, .base = t->base};
    if (!insn->mem.present) return mon_raise(v, VEC_UD, 0);
    if (!mon_seg_write(v, insn->mem.seg, mon_ea(v, insn), &image, sizeof image, &f)) return mon_raise_fault(v, &f);
    return BT_NEXT_CONTINUE;
}

static enum bt_next load_table(struct vcpu *v, const struct insn *insn, struct vcpu_table *t, enum bt_table which) {
    struct guest_fault f;
    struct pseudo_desc image;
    if (!insn->mem.present) return mon_raise(v, VEC_UD, 0);
    if (v->cpu.cpl != 0) return op_gp0(v);
    if (!mon_seg_read(v, insn->mem.seg, mon_ea(v, insn), &image, sizeof image, &f)) return mon_raise_fault(v, &f);
    *t = (struct vcpu_table){.base = insn->op_size == 2 ? image.base & 0xFFFFFFu : image.base, .limit = image.limit};
    bt_table_loaded(&v->cpu, which, t->base, t->limit);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_sgdt(struct bt_cpu *cpu, const struct insn *insn) {
    return store_table(vcpu_of(cpu), insn, &vcpu_of(cpu)->gdt);
}
enum bt_next mon_op_sidt(struct bt_cpu *cpu, const struct insn *insn) {
    return store_table(vcpu_of(cpu), insn, &vcpu_of(cpu)->idt);
}
enum bt_next mon_op_lgdt(struct bt_cpu *cpu, const struct insn *insn) {
    bt_tables_changed(cpu);
    return load_table(vcpu_of(cpu), insn, &vcpu_of(cpu)->gdt, BT_GDTR);
}
enum bt_next mon_op_lidt(struct bt_cpu *cpu, const struct insn *insn) {
    return load_table(vcpu_of(cpu), insn, &vcpu_of(cpu)->idt, BT_IDTR);
}

/* ---- LDTR and TR: only in protected mode ---- */

static enum bt_next store_selector(struct vcpu *v, const struct insn *insn, uint16_t selector) {
    struct guest_fault f;
    if (!op_pure_protected(v)) return mon_raise(v, VEC_UD, 0);
    unsigned size = insn->mem.present ? 2 : insn->op_size;
    return op_write_rm(v, insn, size, selector, &f) ? BT_NEXT_CONTINUE : mon_raise_fault(v, &f);
}

enum bt_next mon_op_sldt(struct bt_cpu *cpu, const struct insn *insn) {
    return store_selector(vcpu_of(cpu), insn, vcpu_of(cpu)->ldtr.selector);
}
enum bt_next mon_op_str(struct bt_cpu *cpu, const struct insn *insn) {
    return store_selector(vcpu_of(cpu), insn, vcpu_of(cpu)->tr.selector);
}

/* The selector of a system descriptor in the GDT, and that descriptor. */
static bool fetch_system(struct vcpu *v, uint16_t selector, struct mon_desc *d, struct guest_fault *f) {
    if (sel_ldt(selector)) return mon_fail(f, VEC_GP, sel_error(selector));
    if (!mon_desc_fetch(v, selector, VEC_GP, d, f)) return false;
    return desc_system(d) || mon_fail(f, VEC_GP, sel_error(selector));
}

static bool load_ldtr(struct vcpu *v, uint16_t selector, struct guest_fault *f) {
    struct mon_desc d;
    if (sel_null(selector)) {
        v->ldtr = (struct bt_seg){.selector = selector};
        return true;
    }
    if (!fetch_system(v, selector, &d, f)) return false;
    if (desc_type(&d) != SYS_LDT) return mon_fail(f, VEC_GP, sel_error(selector));
    if (!desc_present(&d)) return mon_fail(f, VEC_NP, sel_error(selector));
    v->ldtr = mon_seg_from_desc(selector, &d);
    return true;
}

static bool load_tr(struct vcpu *v, uint16_t selector, struct guest_fault *f) {
    struct mon_desc d;
    if (sel_null(selector)) return mon_fail(f, VEC_GP, 0);
    if (!fetch_system(v, selector, &d, f)) return false;
    if (desc_type(&d) != SYS_TSS16 && desc_type(&d) != SYS_TSS32) return mon_fail(f, VEC_GP, sel_error(selector));
    if (!desc_present(&d)) return mon_fail(f, VEC_NP, sel_error(selector));
    if (!mon_desc_busy(v, selector, true, f)) return false;
    v->tr = mon_seg_from_desc(selector, &d);
    v->tr.attr |= SYS_BUSY_BIT;
    return true;
}

static enum bt_next load_system(struct vcpu *v, const struct insn *insn,
                                bool (*load)(struct vcpu *, uint16_t, struct guest_fault *)) {
    struct guest_fault f;
    uint32_t selector;
    if (!op_pure_protected(v)) return mon_raise(v, VEC_UD, 0);
    if (v->cpu.cpl != 0) return op_gp0(v);
    if (!op_read_rm(v, insn, 2, &selector, &f) || !load(v, (uint16_t)selector, &f)) return mon_raise_fault(v, &f);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_lldt(struct bt_cpu *cpu, const struct insn *insn) {
    bt_tables_changed(cpu);
    return load_system(vcpu_of(cpu), insn, load_ldtr);
}
enum bt_next mon_op_ltr(struct bt_cpu *cpu, const struct insn *insn) {
    return load_system(vcpu_of(cpu), insn, load_tr);
}
