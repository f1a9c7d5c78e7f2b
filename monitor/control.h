/*
 * control.h: control-register writes shared by MOV CR, LMSW, CLTS and task switches.
 */
#ifndef NOVT_MONITOR_CONTROL_H
#define NOVT_MONITOR_CONTROL_H

#include "monitor/segment.h"

/* CR3 and, under PAE, the PDPTEs; false: *f (#GP(0), reserved bits in a PDPTE), nothing changed. */
bool mon_load_cr3(struct vcpu *v, uint32_t value, struct guest_fault *f);
/* Checked writes of a guest MOV; false: *f. CR0 and CR4 install the new paging state. */
bool mon_set_cr0(struct vcpu *v, uint32_t value, struct guest_fault *f);
bool mon_set_cr4(struct vcpu *v, uint32_t value, struct guest_fault *f);
#endif
