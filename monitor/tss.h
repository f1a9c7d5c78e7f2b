/*
 * tss.h: the current TSS (inner stacks, I/O bitmap, VME redirection) and task switches.
 *
 * Manual: SDM vol. 3 "Task Management".
 */
#ifndef NOVT_MONITOR_TSS_H
#define NOVT_MONITOR_TSS_H

#include "monitor/stack.h"

static inline bool tss_is32(uint16_t attr) { return (attr & 8) != 0; }

/* The stack that the current TSS names for ring `level` (0..2), checked; faults are #TS and #SS. */
bool mon_inner_stack(struct vcpu *v, unsigned level, struct mon_stack *out, struct guest_fault *f);

/* IN, OUT, INS, OUTS: IOPL and the I/O permission bitmap. false: *f (#GP(0), or #PF from reading the bitmap). */
bool mon_io_allowed(struct vcpu *v, uint16_t port, unsigned size, struct guest_fault *f);

/* VME: is INT n to stay in v8086 mode (redirection bit clear)? false: *f is a fault from reading the bitmap. */
bool mon_vme_redirects(struct vcpu *v, uint8_t vector, bool *redirect, struct guest_fault *f);

enum mon_task_source { TASK_JMP, TASK_CALL, TASK_INT, TASK_IRET };
/*
 * Switches to the task of a TSS selector (the caller has checked its descriptor's DPL). next and
 * eflags are saved in the old TSS (a fault's with RF set). error: pushed on the new task's stack, or NULL. false: *f to
 * be raised at the current cpu.eip, which is the old task's instruction before the commit point and the new task's
 * first one after it.
 */
bool mon_task_switch(struct vcpu *v, uint16_t selector, enum mon_task_source why, uint32_t next, uint32_t eflags,
                     const uint32_t *error, struct guest_fault *f);
#endif
