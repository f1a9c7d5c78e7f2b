/*
 * stack.h: pushes and pops on any stack segment, current or about to be.
 *
 * A frame is collected in a `struct mon_pushes` and written at once, so a fault
 * leaves memory and registers as they were. Manual: SDM vol. 1 "Stacks".
 */
#ifndef NOVT_MONITOR_STACK_H
#define NOVT_MONITOR_STACK_H

#include "monitor/segment.h"

struct mon_stack {
    struct bt_seg ss;
    uint32_t esp;
    unsigned access; /* 0 or SMMU_USER */
    uint32_t error;  /* error code of #SS: 0 on the current stack, the selector on a new one */
};

enum { MON_PUSH_BYTES = 160 }; /* 31 parameters and four words of a call gate are the largest frame */

struct mon_pushes {
    unsigned unit; /* 2 or 4: every item of a frame has the same size */
    unsigned used; /* bytes, at the end of buf */
    uint8_t buf[MON_PUSH_BYTES];
};

/* The stack SS:ESP describes now, at the current CPL. */
struct mon_stack mon_stack_current(const struct vcpu *v);
/* Makes st the current stack pointer (ESP or SP by SS.B). SS itself is the caller's. */
void mon_stack_set_esp(struct vcpu *v, const struct mon_stack *st);

static inline void mon_push_begin(struct mon_pushes *p, unsigned unit) {
    p->unit = unit;
    p->used = 0; /* buf is large and stays as it is */
}
static inline void mon_push(struct mon_pushes *p, uint32_t value) {
    uint16_t low = (uint16_t)value;
    p->used += p->unit;
    if (p->unit == 4)
        memcpy(&p->buf[MON_PUSH_BYTES - p->used], &value, 4);
    else
        memcpy(&p->buf[MON_PUSH_BYTES - p->used], &low, 2);
}
/* Writes the frame below st->esp and moves st->esp; false: nothing written. */
bool mon_push_commit(struct vcpu *v, struct mon_stack *st, const struct mon_pushes *p, struct guest_fault *f);

/* Reads count (at most 40) items of unit bytes from st->esp + skip upwards, zero-extended. Moves nothing. */
bool mon_stack_peek(struct vcpu *v, const struct mon_stack *st, uint32_t skip, unsigned unit, uint32_t *items,
                    unsigned count, struct guest_fault *f);
/* Adds n to the stack pointer, wrapping at its size. */
void mon_stack_drop(struct mon_stack *st, uint32_t n);

/* One value on the current stack, registers included. */
bool mon_push_one(struct vcpu *v, unsigned unit, uint32_t value, struct guest_fault *f);
bool mon_peek_one(struct vcpu *v, unsigned unit, uint32_t *value, struct guest_fault *f);
#endif
