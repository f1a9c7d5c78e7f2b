/*
 * op_far.c: far JMP and CALL: code segments, call gates with parameter copy,
 * task gates and TSSs.
 *
 * Each step of the manual's pseudo-code is a function; a false result carries
 * the fault, and nothing has changed. Manual: SDM vol. 2 "CALL - Call
 * Procedure", "JMP - Jump"; vol. 3 "Privilege Level Checking When Transferring
 * Program Control Between Code Segments".
 */
#include "monitor/ops.h"
#include "monitor/tss.h"

/* One far JMP or CALL under way. */
struct far {
    uint16_t selector;
    uint32_t offset;
    uint32_t next; /* saved by CALL and by a task switch */
    unsigned unit; /* size of pushed items: operand's or gate's */
    bool call;
};

static bool read_far_operand(struct vcpu *v, const struct insn *insn, struct far *t, struct guest_fault *f) {
    if (insn->opcode != 0xFF) {
        t->offset = insn->op_size == 2 ? insn->imm & 0xFFFF : insn->imm;
        t->selector = insn->imm2;
        return true;
    }
    uint8_t ptr[6];
    if (!insn->mem.present) return mon_fail(f, VEC_UD, 0);
    if (!mon_seg_read_as(v, insn->mem.seg, mon_ea(v, insn), ptr, insn->op_size + 2u, insn->op_size, f)) return false;
    t->offset = 0;
    memcpy(&t->offset, ptr, insn->op_size);
    memcpy(&t->selector, ptr + insn->op_size, 2);
    return true;
}

/* Pushes CS and the return address on the current stack where this is a CALL. */
static bool push_return(struct vcpu *v, const struct far *t, struct guest_fault *f) {
    struct mon_stack st = mon_stack_current(v);
    struct mon_pushes p;
    mon_push_begin(&p, t->unit);
    if (!t->call) return true;
    mon_push(&p, v->cpu.seg[DEC_CS].selector);
    mon_push(&p, t->next);
    if (!mon_push_commit(v, &st, &p, f)) return false;
    mon_stack_set_esp(v, &st);
    return true;
}

static bool far_real(struct vcpu *v, const struct far *t, struct guest_fault *f) {
    if (t->offset > v->cpu.seg[DEC_CS].limit) return mon_fail(f, VEC_GP, 0);
    if (!push_return(v, t, f)) return false;
    if (vcpu_v86(v))
        mon_set_seg_v86(v, DEC_CS, t->selector);
    else
        mon_set_seg_real(v, DEC_CS, t->selector);
    v->cpu.eip = t->offset;
    return true;
}

/* ---- Code segments at the current privilege ---- */

/* Marks the segment accessed, checks EIP, pushes and goes. */
static bool enter_same_level(struct vcpu *v, const struct far *t, uint16_t cs, struct mon_desc *d,
                             struct guest_fault *f) {
    if (t->offset > desc_limit(d)) return mon_fail(f, VEC_GP, 0);
    if (!mon_desc_accessed(v, cs, d, f) || !push_return(v, t, f)) return false;
    mon_set_cs(v, cs, d, v->cpu.cpl);
    v->cpu.eip = t->offset;
    return true;
}

static bool far_code(struct vcpu *v, const struct far *t, struct mon_desc *d, struct guest_fault *f) {
    uint16_t cs = t->selector;
    unsigned dpl = desc_dpl(d), cpl = v->cpu.cpl;
    bool allowed = attr_conforming(desc_attr(d)) ? dpl <= cpl : dpl == cpl && sel_rpl(cs) <= cpl;
    if (!allowed) return mon_fail(f, VEC_GP, sel_error(cs));
    if (!desc_present(d)) return mon_fail(f, VEC_NP, sel_error(cs));
    return enter_same_level(v, t, cs, d, f);
}

/* ---- Call gates ---- */

static bool gate_usable(const struct vcpu *v, const struct far *t, const struct mon_desc *gate, struct guest_fault *f) {
    unsigned dpl = desc_dpl(gate);
    if (dpl < v->cpu.cpl || dpl < sel_rpl(t->selector)) return mon_fail(f, VEC_GP, sel_error(t->selector));
    if (!desc_present(gate)) return mon_fail(f, VEC_NP, sel_error(t->selector));
    return true;
}

/* A JMP may not change the privilege; a CALL may raise it. */
static bool fetch_gate_code(struct vcpu *v, const struct far *t, uint16_t cs, struct mon_desc *d,
                            struct guest_fault *f) {
    if (sel_null(cs)) return mon_fail(f, VEC_GP, 0);
    if (!mon_desc_fetch(v, cs, VEC_GP, d, f)) return false;
    uint16_t attr = desc_attr(d);
    unsigned dpl = desc_dpl(d), cpl = v->cpu.cpl;
    bool allowed = t->call || attr_conforming(attr) ? dpl <= cpl : dpl == cpl;
    if (!attr_code(attr) || !allowed) return mon_fail(f, VEC_GP, sel_error(cs));
    if (!desc_present(d)) return mon_fail(f, VEC_NP, sel_error(cs));
    return true;
}

static bool build_gate_frame(struct vcpu *v, const struct far *t, unsigned params, struct mon_pushes *p,
                             struct guest_fault *f) {
    uint32_t items[31];
    struct mon_stack old = mon_stack_current(v);
    if (!mon_stack_peek(v, &old, 0, t->unit, items, params, f)) return false;
    mon_push(p, v->cpu.seg[DEC_SS].selector);
    mon_push(p, v->cpu.gpr[DEC_ESP]);
    while (params) mon_push(p, items[--params]);
    mon_push(p, v->cpu.seg[DEC_CS].selector);
    mon_push(p, t->next);
    return true;
}

static bool call_inner_level(struct vcpu *v, const struct far *t, const struct mon_desc *gate, uint16_t cs,
                             struct mon_desc *d, struct guest_fault *f) {
    struct mon_stack st;
    struct mon_pushes p;
    mon_push_begin(&p, t->unit);
    unsigned cpl = desc_dpl(d);
    if (!mon_inner_stack(v, cpl, &st, f) || !build_gate_frame(v, t, gate_params(gate), &p, f)) return false;
    if (t->offset > desc_limit(d)) return mon_fail(f, VEC_GP, 0);
    if (!mon_desc_accessed(v, cs, d, f) || !mon_push_commit(v, &st, &p, f)) return false;
    mon_set_cs(v, cs, d, cpl);
    v->cpu.seg[DEC_SS] = st.ss;
    bt_seg_loaded(&v->cpu, DEC_SS);
    v->cpu.gpr[DEC_ESP] = st.esp;
    v->cpu.eip = t->offset;
    return true;
}

static bool far_call_gate(struct vcpu *v, struct far *t, const struct mon_desc *gate, struct guest_fault *f) {
    struct mon_desc code;
    uint16_t cs = gate_selector(gate);
    if (!gate_usable(v, t, gate, f) || !fetch_gate_code(v, t, cs, &code, f)) return false;
    t->offset = gate_offset(gate);
    t->unit = gate_is32(gate) ? 4 : 2;
    if (t->call && !attr_conforming(desc_attr(&code)) && desc_dpl(&code) < v->cpu.cpl)
        return call_inner_level(v, t, gate, cs, &code, f);
    return enter_same_level(v, t, cs, &code, f);
}

/* ---- Tasks ---- */

static bool far_task(struct vcpu *v, const struct far *t, uint16_t tss, struct guest_fault *f) {
    return mon_task_switch(v, tss, t->call ? TASK_CALL : TASK_JMP, t->next, bt_eflags(&v->cpu), NULL, f);
}

static bool far_system(struct vcpu *v, struct far *t, const struct mon_desc *d, struct guest_fault *f) {
    switch (desc_type(d)) {
    case SYS_CALL16:
    case SYS_CALL32: return far_call_gate(v, t, d, f);
    case SYS_TASK_GATE: return gate_usable(v, t, d, f) && far_task(v, t, gate_selector(d), f);
    case SYS_TSS16:
    case SYS_TSS32: return gate_usable(v, t, d, f) && far_task(v, t, t->selector, f);
    default: return mon_fail(f, VEC_GP, sel_error(t->selector));
    }
}

static bool far_protected(struct vcpu *v, struct far *t, struct guest_fault *f) {
    struct mon_desc d;
    if (sel_null(t->selector)) return mon_fail(f, VEC_GP, 0);
    if (!mon_desc_fetch(v, t->selector, VEC_GP, &d, f)) return false;
    if (desc_system(&d)) return far_system(v, t, &d, f);
    if (!attr_code(desc_attr(&d))) return mon_fail(f, VEC_GP, sel_error(t->selector));
    return far_code(v, t, &d, f);
}

static enum bt_next transfer(struct bt_cpu *cpu, const struct insn *insn, bool call) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct far t = {.next = op_next(v, insn), .unit = insn->op_size, .call = call};
    bool ok = read_far_operand(v, insn, &t, &f);
    if (ok) ok = op_pure_protected(v) ? far_protected(v, &t, &f) : far_real(v, &t, &f);
    return ok ? BT_NEXT_EXIT : mon_raise_fault(v, &f);
}

enum bt_next mon_op_jmp_far(struct bt_cpu *cpu, const struct insn *insn) { return transfer(cpu, insn, false); }
enum bt_next mon_op_call_far(struct bt_cpu *cpu, const struct insn *insn) { return transfer(cpu, insn, true); }
