/*
 * crossing.h: gates, IRET and SYSENTER as they went last time.
 *
 * A transfer through the same gate to the same descriptors has the same outcome, so it is remembered: where each
 * descriptor lies, its bytes, and the segment registers that came of them. Callers: delivery and return, before
 * they begin, and after they succeeded. Nothing is invalidated: every table register and every byte is compared at
 * each use, and what does not match, or is not plain memory that the TLB knows, goes the long way.
 */
#ifndef NOVT_MONITOR_CROSSING_H
#define NOVT_MONITOR_CROSSING_H

#include "bt/bt.h"

struct vcpu;
struct mon_event;
struct mon_desc;

struct vcpu_table {
    uint32_t base;
    uint16_t limit;
}; /* GDTR, IDTR */

/* A descriptor that has been loaded. */
struct crossing_seg {
    uint32_t lin;
    uint16_t selector;
    uint64_t bytes;
    struct bt_seg_state state;
};

/* To CPL 0 by an interrupt or trap gate of 32 bits, onto a flat stack. */
struct crossing_in {
    bool valid, software, inner;
    uint8_t vector, cpl; /* CPL before */
    struct vcpu_table gdt, idt;
    struct bt_seg tr;
    uint64_t gate;
    uint32_t eip, cleared; /* EFLAGS bits */
    struct crossing_seg code, stack;
};

/* IRET at CPL 0. */
struct crossing_out {
    bool valid;
    struct vcpu_table gdt;
    struct crossing_seg code, stack; /* stack: to an outer ring only */
};

struct crossing_flat {
    bool valid;
    uint16_t selector;
    struct bt_seg_state code, stack;
};

enum { CROSSING_VECTORS = 16 };
struct crossings {
    bool off;
    struct crossing_in in[CROSSING_VECTORS]; /* direct-mapped */
    struct crossing_out out[2];              /* to CPL 0, to an outer ring */
    struct crossing_flat flat[2];            /* SYSENTER, SYSEXIT */
};

/* Delivers the event if that is known to work. */
bool mon_crossing_in(struct vcpu *v, const struct mon_event *ev);
/* It has just been delivered through this gate, from `cpl`. */
void mon_crossing_note_in(struct vcpu *v, const struct mon_event *ev, const struct mon_desc *gate,
                          const struct mon_desc *code, unsigned cpl);

/* Does an IRET of 32 bits but for the flags, which it gives. */
bool mon_crossing_out(struct vcpu *v, uint32_t *flags);
/* A return from CPL 0 has loaded CS, and SS if it was to an outer ring. stack: NULL if not. */
void mon_crossing_note_out(struct vcpu *v, uint16_t cs, const struct mon_desc *code, uint16_t ss,
                           const struct mon_desc *stack);

/* Loads CS and SS with the flat segments of SYSENTER (cpl 0) or SYSEXIT (3) if it was this selector last time. */
bool mon_crossing_flat(struct vcpu *v, uint16_t selector, unsigned cpl);
void mon_crossing_note_flat(struct vcpu *v, uint16_t selector, unsigned cpl);
#endif
