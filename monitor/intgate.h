/*
 * intgate.h: one delivery through the IVT or IDT, without the rules for faults on the way.
 */
#ifndef NOVT_MONITOR_INTGATE_H
#define NOVT_MONITOR_INTGATE_H

#include "monitor/tss.h"

enum mon_event_kind {
    EVENT_EXCEPTION, /* raised by the processor, INT1 included */
    EVENT_EXTERNAL,  /* INTR or NMI */
    EVENT_SOFTWARE,  /* INT n, INT3, INTO: the gate's DPL counts, no EXT bit */
};
struct mon_event {
    enum mon_event_kind kind;
    int vector;
    bool has_error;
    uint32_t error;
    uint32_t eip;    /* to be saved */
    uint32_t eflags; /* to be saved */
};

/* false: *f with the EXT bit set where it belongs; state as before unless a task switch was committed. */
bool mon_deliver(struct vcpu *v, const struct mon_event *ev, struct guest_fault *f);
/* INT n in v8086 mode with VME, redirected to the task's own interrupt vector table. */
bool mon_deliver_vme(struct vcpu *v, uint8_t vector, uint32_t next, struct guest_fault *f);
#endif
