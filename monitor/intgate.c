/*
 * intgate.c: delivery of one event through the real-mode vector table or a
 * protected-mode gate.
 *
 * Everything is checked, then the frame is written at once, then registers
 * change, so that a fault on the way finds the old state. Manual: SDM vol. 2
 * "INT n/INTO/INT3/INT1"; vol. 3 "Exception- and Interrupt-Handler Procedures".
 */
#include "monitor/intgate.h"
#include "monitor/ops.h"

enum { ERR_EXT = 1, ERR_IDT = 2 };

/* ---- Real mode and VME: a 4-byte vector ---- */

static bool read_vector(struct vcpu *v, uint32_t lin, uint16_t *ip, uint16_t *cs, struct guest_fault *f) {
    uint16_t vector[2];
    if (!mon_sys_read(v, lin, vector, sizeof vector, f)) return false;
    *ip = vector[0], *cs = vector[1];
    return true;
}

static bool push_frame16(struct vcpu *v, uint32_t flags, uint32_t ip, struct guest_fault *f) {
    struct mon_stack st = mon_stack_current(v);
    struct mon_pushes p;
    mon_push_begin(&p, 2);
    mon_push(&p, flags);
    mon_push(&p, v->cpu.seg[DEC_CS].selector);
    mon_push(&p, ip);
    if (!mon_push_commit(v, &st, &p, f)) return false;
    mon_stack_set_esp(v, &st);
    return true;
}

static bool deliver_real(struct vcpu *v, const struct mon_event *ev, struct guest_fault *f) {
    uint16_t ip, cs;
    uint32_t off = (uint32_t)ev->vector * 4;
    if (off + 3 > v->idt.limit) return mon_fail(f, VEC_GP, (uint32_t)ev->vector * 8 + ERR_IDT);
    if (!read_vector(v, v->idt.base + off, &ip, &cs, f) || !push_frame16(v, ev->eflags, ev->eip, f)) return false;
    op_merge_eflags(v, 0, EFL_IF | EFL_TF | EFL_AC | EFL_RF);
    mon_set_seg_real(v, DEC_CS, cs);
    v->cpu.eip = ip;
    return true;
}

bool mon_deliver_vme(struct vcpu *v, uint8_t vector, uint32_t next, struct guest_fault *f) {
    uint16_t ip, cs;
    uint32_t flags = bt_eflags(&v->cpu), cleared = EFL_TF | EFL_RF;
    struct gva lin = gva(vector * 4u);
    uint16_t pair[2];
    if (!smmu_read(v->cpu.smmu, lin, pair, sizeof pair, SMMU_USER, f)) return false;
    ip = pair[0], cs = pair[1];
    if (op_iopl(v) == 3) {
        cleared |= EFL_IF;
    } else { /* the task sees VIF as IF, and IOPL 3 */
        flags = (flags & ~(uint32_t)EFL_IF) | (flags & EFL_VIF ? EFL_IF : 0) | EFL_IOPL;
        cleared |= EFL_VIF;
    }
    if (!push_frame16(v, flags, next, f)) return false;
    op_merge_eflags(v, 0, cleared);
    mon_set_seg_v86(v, DEC_CS, cs);
    v->cpu.eip = ip;
    return true;
}

/* ---- Protected mode: interrupt and trap gates ---- */

static bool check_handler_code(struct vcpu *v, uint16_t cs, struct mon_desc *d, struct guest_fault *f) {
    if (sel_null(cs)) return mon_fail(f, VEC_GP, 0);
    if (!mon_desc_fetch(v, cs, VEC_GP, d, f)) return false;
    uint16_t attr = desc_attr(d);
    bool inner = !attr_conforming(attr) && desc_dpl(d) < v->cpu.cpl;
    if (!attr_code(attr) || desc_dpl(d) > v->cpu.cpl) return mon_fail(f, VEC_GP, sel_error(cs));
    if (!desc_present(d)) return mon_fail(f, VEC_NP, sel_error(cs));
    /* v8086 mode may only be left for ring 0. */
    if (vcpu_v86(v) && (!inner || desc_dpl(d) != 0)) return mon_fail(f, VEC_GP, sel_error(cs));
    return true;
}

static void push_v86_segs(const struct vcpu *v, struct mon_pushes *p) {
    static const uint8_t order[] = {DEC_GS, DEC_FS, DEC_DS, DEC_ES};
    for (unsigned i = 0; i < sizeof order; i++) mon_push(p, v->cpu.seg[order[i]].selector);
}

static void build_frame(const struct vcpu *v, const struct mon_event *ev, bool inner, struct mon_pushes *p) {
    if (vcpu_v86(v)) push_v86_segs(v, p);
    if (inner) {
        mon_push(p, v->cpu.seg[DEC_SS].selector);
        mon_push(p, v->cpu.gpr[DEC_ESP]);
    }
    mon_push(p, ev->eflags);
    mon_push(p, v->cpu.seg[DEC_CS].selector);
    mon_push(p, ev->eip);
    if (ev->has_error) mon_push(p, ev->error);
}

static void null_v86_segs(struct vcpu *v) {
    static const uint8_t segs[] = {DEC_GS, DEC_FS, DEC_DS, DEC_ES};
    for (unsigned i = 0; i < sizeof segs; i++) mon_set_seg_null(v, segs[i], 0);
}

static void enter_handler(struct vcpu *v, const struct mon_desc *gate, const struct mon_desc *code, unsigned cpl,
                          const struct mon_stack *st, bool inner) {
    bool interrupt_gate = !(desc_type(gate) & 1), v86 = vcpu_v86(v);
    op_merge_eflags(v, 0, EFL_TF | EFL_NT | EFL_RF | EFL_VM | (interrupt_gate ? EFL_IF : 0));
    if (v86) null_v86_segs(v);
    mon_set_cs(v, gate_selector(gate), code, cpl);
    if (inner) {
        v->cpu.seg[DEC_SS] = st->ss;
        bt_seg_loaded(&v->cpu, DEC_SS);
    }
    v->cpu.gpr[DEC_ESP] = st->esp;
    v->cpu.eip = gate_offset(gate);
}

static bool through_gate(struct vcpu *v, const struct mon_event *ev, const struct mon_desc *gate,
                         struct guest_fault *f) {
    struct mon_desc code;
    uint16_t cs = gate_selector(gate);
    if (!check_handler_code(v, cs, &code, f)) return false;
    bool inner = !attr_conforming(desc_attr(&code)) && desc_dpl(&code) < v->cpu.cpl;
    unsigned cpl = inner ? desc_dpl(&code) : v->cpu.cpl;
    struct mon_stack st = mon_stack_current(v);
    if (inner && !mon_inner_stack(v, cpl, &st, f)) return false;
    if (!mon_desc_accessed(v, cs, &code, f)) return false;
    if (gate_offset(gate) > desc_limit(&code)) return mon_fail(f, VEC_GP, 0);
    struct mon_pushes p;
    mon_push_begin(&p, gate_is32(gate) ? 4 : 2);
    build_frame(v, ev, inner, &p);
    if (!mon_push_commit(v, &st, &p, f)) return false;
    bool v86 = vcpu_v86(v);
    unsigned before = v->cpu.cpl;
    enter_handler(v, gate, &code, cpl, &st, inner);
    if (!v86) mon_crossing_note_in(v, ev, gate, &code, before);
    return true;
}

static bool valid_idt_type(const struct mon_desc *gate) {
    if (!desc_system(gate)) return false;
    switch (desc_type(gate)) {
    case SYS_TASK_GATE:
    case SYS_INT16:
    case SYS_TRAP16:
    case SYS_INT32:
    case SYS_TRAP32: return true;
    default: return false;
    }
}

static bool fetch_gate(struct vcpu *v, const struct mon_event *ev, struct mon_desc *gate, struct guest_fault *f) {
    uint32_t off = (uint32_t)ev->vector * 8, error = off + ERR_IDT;
    if (off + 7 > v->idt.limit) return mon_fail(f, VEC_GP, error);
    if (!mon_sys_read(v, v->idt.base + off, gate, sizeof *gate, f)) return false;
    if (!valid_idt_type(gate)) return mon_fail(f, VEC_GP, error);
    if (ev->kind == EVENT_SOFTWARE && desc_dpl(gate) < v->cpu.cpl) return mon_fail(f, VEC_GP, error);
    if (!desc_present(gate)) return mon_fail(f, VEC_NP, error);
    return true;
}

static bool deliver_protected(struct vcpu *v, const struct mon_event *ev, struct guest_fault *f) {
    struct mon_desc gate;
    if (!fetch_gate(v, ev, &gate, f)) return false;
    if (desc_type(&gate) != SYS_TASK_GATE) return through_gate(v, ev, &gate, f);
    return mon_task_switch(v, gate_selector(&gate), TASK_INT, ev->eip, ev->eflags, ev->has_error ? &ev->error : NULL,
                           f);
}

static bool error_names_selector(int vector) { return vector >= VEC_TS && vector <= VEC_GP; }

bool mon_deliver(struct vcpu *v, const struct mon_event *ev, struct guest_fault *f) {
    if (mon_crossing_in(v, ev)) return true;
    bool ok = vcpu_protected(v) ? deliver_protected(v, ev, f) : deliver_real(v, ev, f);
    if (!ok && ev->kind != EVENT_SOFTWARE && error_names_selector(f->vector)) f->error |= ERR_EXT;
    return ok;
}
