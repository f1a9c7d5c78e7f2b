/*
 * op_ret.c: far RET and IRET: real mode, v8086 mode, same ring, outer ring,
 * nested task.
 *
 * Manual: SDM vol. 2 "RET - Return From Procedure", "IRET/IRETD/IRETQ".
 */
#include "monitor/ops.h"
#include "monitor/tss.h"

/* A far return under way. */
struct far_ret {
    uint32_t eip;
    uint16_t cs;
    uint32_t popped;  /* bytes of the frame read so far */
    uint32_t release; /* RET's immediate: parameters to drop, on both stacks */
    unsigned unit;
};

static void release_stack(struct vcpu *v, uint32_t bytes) {
    struct mon_stack st = mon_stack_current(v);
    mon_stack_drop(&st, bytes);
    v->cpu.gpr[DEC_ESP] = st.esp;
}

static bool peek_frame(struct vcpu *v, struct far_ret *r, uint32_t *items, unsigned count, struct guest_fault *f) {
    struct mon_stack st = mon_stack_current(v);
    if (!mon_stack_peek(v, &st, r->popped, r->unit, items, count, f)) return false;
    r->popped += r->unit * count;
    return true;
}

static bool check_return_code(struct vcpu *v, const struct far_ret *r, struct mon_desc *d, struct guest_fault *f) {
    if (sel_null(r->cs)) return mon_fail(f, VEC_GP, 0);
    if (!mon_desc_fetch(v, r->cs, VEC_GP, d, f)) return false;
    uint16_t attr = desc_attr(d);
    unsigned rpl = sel_rpl(r->cs), dpl = desc_dpl(d);
    bool allowed = attr_code(attr) && rpl >= v->cpu.cpl && (attr_conforming(attr) ? dpl <= rpl : dpl == rpl);
    if (!allowed) return mon_fail(f, VEC_GP, sel_error(r->cs));
    if (!desc_present(d)) return mon_fail(f, VEC_NP, sel_error(r->cs));
    return true;
}

static bool return_same_level(struct vcpu *v, const struct far_ret *r, struct mon_desc *code, struct guest_fault *f) {
    if (r->eip > desc_limit(code)) return mon_fail(f, VEC_GP, 0);
    if (!mon_desc_accessed(v, r->cs, code, f)) return false;
    mon_set_cs(v, r->cs, code, v->cpu.cpl);
    v->cpu.eip = r->eip;
    release_stack(v, r->popped + r->release);
    if (v->cpu.cpl == 0) mon_crossing_note_out(v, r->cs, code, 0, NULL);
    return true;
}

/* Only SP of a 16-bit stack is loaded: the upper half of ESP shows through, as in hardware. */
static void load_outer_stack(struct vcpu *v, uint16_t ss, const struct mon_desc *d, uint32_t esp) {
    mon_set_seg(v, DEC_SS, ss, d);
    struct mon_stack st = mon_stack_current(v);
    st.esp = esp;
    mon_stack_set_esp(v, &st);
}

static bool return_outer_level(struct vcpu *v, struct far_ret *r, struct mon_desc *code, struct guest_fault *f) {
    uint32_t pointer[2]; /* ESP, SS */
    struct mon_desc stack;
    unsigned cpl = sel_rpl(r->cs);
    r->popped += r->release;
    if (!peek_frame(v, r, pointer, 2, f)) return false;
    uint16_t ss = (uint16_t)pointer[1];
    if (!mon_check_stack_desc(v, ss, cpl, VEC_GP, &stack, f)) return false;
    if (r->eip > desc_limit(code)) return mon_fail(f, VEC_GP, 0);
    if (!mon_desc_accessed(v, r->cs, code, f) || !mon_desc_accessed(v, ss, &stack, f)) return false;
    bool from0 = v->cpu.cpl == 0;
    mon_set_cs(v, r->cs, code, cpl);
    v->cpu.eip = r->eip;
    load_outer_stack(v, ss, &stack, pointer[0] + r->release);
    if (from0) mon_crossing_note_out(v, r->cs, code, ss, &stack);
    mon_drop_inner_segs(v);
    return true;
}

static bool return_protected(struct vcpu *v, struct far_ret *r, struct guest_fault *f) {
    struct mon_desc code;
    if (!check_return_code(v, r, &code, f)) return false;
    return sel_rpl(r->cs) == v->cpu.cpl ? return_same_level(v, r, &code, f) : return_outer_level(v, r, &code, f);
}

static bool return_real(struct vcpu *v, const struct far_ret *r, struct guest_fault *f) {
    if (r->eip > v->cpu.seg[DEC_CS].limit) return mon_fail(f, VEC_GP, 0);
    if (vcpu_v86(v))
        mon_set_seg_v86(v, DEC_CS, r->cs);
    else
        mon_set_seg_real(v, DEC_CS, r->cs);
    v->cpu.eip = r->eip;
    release_stack(v, r->popped + r->release);
    return true;
}

enum bt_next mon_op_ret_far(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint32_t items[2];
    struct far_ret r = {.unit = insn->op_size, .release = insn->imm_size ? insn->imm & 0xFFFFu : 0};
    if (!peek_frame(v, &r, items, 2, &f)) return mon_raise_fault(v, &f);
    r.eip = items[0], r.cs = (uint16_t)items[1];
    bool ok = op_pure_protected(v) ? return_protected(v, &r, &f) : return_real(v, &r, &f);
    return ok ? BT_NEXT_EXIT : mon_raise_fault(v, &f);
}

/* ---- IRET ---- */

/* RF only suppresses the next instruction's execution breakpoints: nobody would clear it where none is armed. */
static uint32_t rf_mask(const struct vcpu *v) { return v->cpu.debug_step ? EFL_RF : 0; }

/* EFLAGS bits that IRET loads, from the CPL and IOPL before it. */
static uint32_t iret_mask(const struct vcpu *v, unsigned unit) {
    uint32_t mask = EFL_HOST | EFL_TF | EFL_NT;
    if (unit == 4) mask |= EFL_AC | EFL_ID | rf_mask(v);
    if (vcpu_v86(v)) return mask | EFL_IF;
    if (v->cpu.cpl == 0) mask |= EFL_IOPL | (unit == 4 ? EFL_VIF | EFL_VIP : 0);
    if (v->cpu.cpl <= op_iopl(v)) mask |= EFL_IF;
    return mask;
}

/* Real mode never loads VIF and VIP: SDM vol. 2 "IRET", the mask 257FD5H. */
static bool iret_real(struct vcpu *v, struct far_ret *r, uint32_t flags, struct guest_fault *f) {
    uint32_t mask = iret_mask(v, r->unit) & ~(uint32_t)(EFL_VIF | EFL_VIP);
    if (!return_real(v, r, f)) return false;
    op_merge_eflags(v, flags, mask);
    return true;
}

/* v8086 mode with VME at IOPL < 3: IF goes to VIF. */
static bool iret_vme(struct vcpu *v, struct far_ret *r, uint32_t flags, struct guest_fault *f) {
    bool want_if = (flags & EFL_IF) != 0;
    if ((want_if && v->cpu.flags_sys & EFL_VIP) || flags & EFL_TF) return mon_fail(f, VEC_GP, 0);
    if (!return_real(v, r, f)) return false;
    op_merge_eflags(v, flags, EFL_HOST | EFL_NT);
    op_merge_eflags(v, want_if ? EFL_VIF : 0, EFL_VIF);
    return true;
}

static bool iret_to_v86(struct vcpu *v, struct far_ret *r, uint32_t flags, struct guest_fault *f) {
    uint32_t items[6]; /* ESP SS ES DS FS GS */
    static const uint8_t order[] = {DEC_SS, DEC_ES, DEC_DS, DEC_FS, DEC_GS};
    if (!peek_frame(v, r, items, 6, f)) return false;
    if (r->eip > 0xFFFF) return mon_fail(f, VEC_GP, 0);
    bt_set_eflags(&v->cpu, flags & ~(EFL_RF & ~rf_mask(v)));
    v->cpu.cpl = 3;
    mon_set_seg_v86(v, DEC_CS, r->cs);
    for (unsigned i = 0; i < sizeof order; i++) mon_set_seg_v86(v, order[i], (uint16_t)items[1 + i]);
    v->cpu.gpr[DEC_ESP] = items[0];
    v->cpu.eip = r->eip;
    return true;
}

static bool iret_protected(struct vcpu *v, struct far_ret *r, uint32_t flags, struct guest_fault *f) {
    if (r->unit == 4 && flags & EFL_VM && v->cpu.cpl == 0) return iret_to_v86(v, r, flags, f);
    uint32_t mask = iret_mask(v, r->unit);
    if (!return_protected(v, r, f)) return false;
    op_merge_eflags(v, flags, mask);
    return true;
}

static bool iret_task(struct vcpu *v, uint32_t next, struct guest_fault *f) {
    uint16_t link;
    return mon_sys_read(v, v->tr.base, &link, 2, f) &&
           mon_task_switch(v, link, TASK_IRET, next, bt_eflags(&v->cpu), NULL, f);
}

static bool iret(struct vcpu *v, const struct insn *insn, struct guest_fault *f) {
    uint32_t items[3], flags, mask = iret_mask(v, insn->op_size);
    if (insn->op_size == 4 && mon_crossing_out(v, &flags)) {
        op_merge_eflags(v, flags, mask);
        return true;
    }
    struct far_ret r = {.unit = insn->op_size};
    bool v86 = vcpu_v86(v), vme = v86 && op_iopl(v) < 3;
    if (vme && (!(v->cpu.cr4 & CR4_VME) || insn->op_size == 4)) return mon_fail(f, VEC_GP, 0);
    if (op_pure_protected(v) && v->cpu.flags_sys & EFL_NT) return iret_task(v, op_next(v, insn), f);
    if (!peek_frame(v, &r, items, 3, f)) return false;
    r.eip = items[0], r.cs = (uint16_t)items[1];
    if (vme) return iret_vme(v, &r, items[2], f);
    if (!op_pure_protected(v)) return iret_real(v, &r, items[2], f);
    return iret_protected(v, &r, items[2], f);
}

enum bt_next mon_op_iret(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    if (v->nmi_blocked) v->nmi_blocked = false; /* no store that the next load would wait for */
    if (v->nmi_pending || v->init_pending) cpu->leave = true;
    return iret(v, insn, &f) ? BT_NEXT_EXIT : mon_raise_fault(v, &f);
}
