/*
 * ferr.h: x87 errors by way of the interrupt controllers (CR0.NE clear): FERR# and IGNNE#.
 */
#ifndef NOVT_MONITOR_FERR_H
#define NOVT_MONITOR_FERR_H

#include "monitor/vcpu.h"

/* The current instruction has met a pending error: IRQ 13, or with IGNNE# it is done all the same. */
enum bt_next mon_ferr_raise(struct vcpu *v);
/* A write to port F0h: drops IRQ 13 and asserts IGNNE# while the error is pending. */
void mon_ferr_acknowledge(struct vcpu *v);
/* With IGNNE#: one instruction was run, or an event delivered. `ignored`: v->ignne_masked before it. */
void mon_ferr_after(struct vcpu *v, bool ignored);
#endif
