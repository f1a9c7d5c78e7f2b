/*
 * op_int.c: software interrupts and fast system calls.
 *
 * Manual: SDM vol. 2 "INT n/INTO/INT3/INT1", "SYSENTER", "SYSEXIT"; vol. 3
 * "Class 3 - Software Interrupt Handling in Virtual-8086 Mode".
 */
#include "monitor/intgate.h"
#include "monitor/ops.h"

/* v8086 mode: the VME redirection bitmap first, then IOPL. */
static enum bt_next int_n_v86(struct vcpu *v, uint8_t vector, uint32_t next) {
    struct guest_fault f;
    bool redirect;
    if (!mon_vme_redirects(v, vector, &redirect, &f)) return mon_raise_fault(v, &f);
    if (redirect) return mon_deliver_vme(v, vector, next, &f) ? BT_NEXT_EXIT : mon_raise_fault(v, &f);
    return op_iopl(v) < 3 ? op_gp0(v) : mon_software_interrupt(v, vector, next);
}

enum bt_next mon_op_int_n(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    uint8_t vector = (uint8_t)insn->imm;
    if (vcpu_v86(v)) return int_n_v86(v, vector, op_next(v, insn));
    return mon_software_interrupt(v, vector, op_next(v, insn));
}

enum bt_next mon_op_int3(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    return mon_software_interrupt(v, VEC_BP, op_next(v, insn));
}

enum bt_next mon_op_int1(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    return mon_icebp(v, op_next(v, insn));
}

enum bt_next mon_op_into(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    if (!(cpu->flags_host & DEC_OF)) return BT_NEXT_CONTINUE;
    return mon_software_interrupt(v, VEC_OF, op_next(v, insn));
}

/* ---- SYSENTER, SYSEXIT: flat segments derived from IA32_SYSENTER_CS, no descriptor is read ---- */

enum { FLAT_CODE = 0xC09B, FLAT_DATA = 0xC093, DPL3 = 3u << BT_ATTR_DPL_SHIFT };

static void set_flat(struct vcpu *v, int seg, uint32_t selector, unsigned attr) {
    v->cpu.seg[seg] = (struct bt_seg){.limit = UINT32_MAX, .selector = (uint16_t)selector, .attr = (uint16_t)attr};
    bt_seg_loaded(&v->cpu, seg);
}

static void load_flat(struct vcpu *v, uint32_t cs, unsigned cpl) {
    unsigned dpl = cpl == 3 ? DPL3 : 0;
    v->cpu.cpl = (uint8_t)cpl;
    set_flat(v, DEC_CS, cs | cpl, FLAT_CODE | dpl);
    set_flat(v, DEC_SS, (cs + 8) | cpl, FLAT_DATA | dpl);
    mon_crossing_note_flat(v, (uint16_t)cs, cpl);
}

static enum bt_next enter_flat(struct vcpu *v, uint32_t cs, unsigned cpl, uint32_t eip, uint32_t esp) {
    if (!mon_crossing_flat(v, (uint16_t)cs, cpl)) load_flat(v, cs, cpl);
    v->cpu.gpr[DEC_ESP] = esp;
    return op_exit_at(v, eip);
}

enum bt_next mon_op_sysenter(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    (void)insn;
    if (!vcpu_protected(v) || sel_null((uint16_t)v->sysenter_cs)) return op_gp0(v);
    bt_syscall_begins(cpu, false);
    op_merge_eflags(v, 0, EFL_VM | EFL_IF | EFL_RF);
    return enter_flat(v, v->sysenter_cs & 0xFFFC, 0, v->sysenter_eip, v->sysenter_esp);
}

enum bt_next mon_op_sysexit(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    (void)insn;
    if (!vcpu_protected(v) || cpu->cpl != 0 || sel_null((uint16_t)v->sysenter_cs)) return op_gp0(v);
    bt_syscall_begins(cpu, true);
    return enter_flat(v, (v->sysenter_cs & 0xFFFC) + 16, 3, cpu->gpr[DEC_EDX], cpu->gpr[DEC_ECX]);
}
