/*
 * exception.c: which event the guest sees: faults of instructions, software
 * and external interrupts, and what becomes of a fault during a delivery.
 *
 * Manual: SDM vol. 3 "Interrupt 8 - Double Fault Exception (#DF)", "Exception
 * and Interrupt Vectors", "RF (resume) flag".
 */
#include "monitor/debug.h"
#include "monitor/ferr.h"
#include "monitor/intgate.h"
#include "monitor/ops.h"

enum fault_class { BENIGN, CONTRIBUTORY, PAGE_FAULT };

static enum fault_class classify(const struct mon_event *ev) {
    if (ev->kind != EVENT_EXCEPTION) return BENIGN;
    switch (ev->vector) {
    case VEC_DE:
    case VEC_TS:
    case VEC_NP:
    case VEC_SS:
    case VEC_GP: return CONTRIBUTORY;
    case VEC_PF: return PAGE_FAULT;
    default: return BENIGN;
    }
}

/* SDM vol. 3 table "Conditions for Generating a Double Fault". */
static bool doubles(enum fault_class first, enum fault_class second) {
    return (first == CONTRIBUTORY && second == CONTRIBUTORY) || (first == PAGE_FAULT && second != BENIGN);
}

static bool pushes_error(int vector) {
    return vector == VEC_DF || (vector >= VEC_TS && vector <= VEC_PF) || vector == VEC_AC;
}

/* A fault-class exception at cpu.eip. Its saved image has RF set so that the restarted instruction does not hit its
 * breakpoint again. */
static struct mon_event fault_event(struct vcpu *v, const struct guest_fault *f) {
    if (f->vector == VEC_PF) v->cr2 = f->cr2;
    bool restarts = f->vector != VEC_DF && f->vector != VEC_MC;
    return (struct mon_event){.kind = EVENT_EXCEPTION,
                              .vector = f->vector,
                              .has_error = pushes_error(f->vector),
                              .error = f->vector == VEC_DF ? 0 : f->error,
                              .eip = v->cpu.eip,
                              .eflags = bt_eflags(&v->cpu) | (restarts ? EFL_RF : 0)};
}

static struct mon_event plain_event(const struct vcpu *v, enum mon_event_kind kind, int vector, uint32_t eip) {
    return (struct mon_event){.kind = kind, .vector = vector, .eip = eip, .eflags = bt_eflags(&v->cpu)};
}

/* The event that follows from fault f during the delivery of ev. */
static struct mon_event next_event(struct vcpu *v, const struct mon_event *ev, const struct guest_fault *f) {
    struct mon_event second = fault_event(v, f);
    if (!doubles(classify(ev), classify(&second))) return second;
    struct guest_fault df = {.vector = VEC_DF};
    return fault_event(v, &df);
}

/* *ev changes. By reference: a copy of what has just been written word by word would wait for the words. */
static enum bt_next deliver_chain(struct vcpu *v, struct mon_event *ev) {
    struct guest_fault f = {.vector = -1};
    v->cpu.irq_shadow = false;
    v->events++;
    while (!mon_deliver(v, ev, &f)) {
        /* Any fault while calling the double-fault handler: shutdown. */
        if (ev->kind == EVENT_EXCEPTION && ev->vector == VEC_DF && f.vector != VEC_DB) {
            v->triple_fault = v->cpu.leave = true;
            break;
        }
        *ev = next_event(v, ev, &f);
    }
    return BT_NEXT_EXIT;
}

enum bt_next mon_raise_fault(struct vcpu *v, const struct guest_fault *f) {
    struct guest_fault raised = *f;
    /* With CR0.NE clear an x87 error goes out as FERR# and comes back as IRQ 13; the instruction waits for it. */
    if (f->vector == VEC_MF && !(v->cpu.cr0 & CR0_NE)) return mon_ferr_raise(v);
    /* SDM vol. 3 "Control Registers", OSXMMEXCPT: an operating system that does not know #XM gets #UD. */
    if (f->vector == VEC_XM && !(v->cpu.cr4 & CR4_OSXMMEXCPT)) raised.vector = VEC_UD;
    mon_note_fault(v, &raised);
    struct mon_event ev = fault_event(v, &raised);
    return deliver_chain(v, &ev);
}

enum bt_next mon_raise(struct vcpu *v, int vector, uint32_t error) {
    struct guest_fault f = {.vector = vector, .error = error};
    return mon_raise_fault(v, &f);
}

void mon_interrupt(struct vcpu *v, int vector) {
    v->halted = false;
    struct mon_event ev = plain_event(v, EVENT_EXTERNAL, vector, v->cpu.eip);
    deliver_chain(v, &ev);
}

enum bt_next mon_software_interrupt(struct vcpu *v, int vector, uint32_t next) {
    struct mon_event ev = plain_event(v, EVENT_SOFTWARE, vector, next);
    return deliver_chain(v, &ev);
}

enum bt_next mon_icebp(struct vcpu *v, uint32_t next) {
    struct mon_event ev = plain_event(v, EVENT_EXCEPTION, VEC_DB, next);
    return deliver_chain(v, &ev);
}

void mon_debug_trap(struct vcpu *v, uint32_t dr6) {
    v->dr[6] |= dr6;
    v->dr[7] &= ~(uint32_t)DR7_GD;
    v->halted = false;
    struct mon_event ev = plain_event(v, EVENT_EXCEPTION, VEC_DB, v->cpu.eip);
    deliver_chain(v, &ev);
}

/* The one fault whose image has RF as it is, which is clear: the handler decides whether the breakpoint stays. */
void mon_debug_fault(struct vcpu *v, uint32_t dr6) { mon_debug_trap(v, dr6); }
