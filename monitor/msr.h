/*
 * msr.h: model-specific registers.
 */
#ifndef NOVT_MONITOR_MSR_H
#define NOVT_MONITOR_MSR_H

#include "monitor/vcpu.h"

/* Power-up values of the MSRs in struct vcpu. */
void mon_msr_reset(struct vcpu *v);
/* false: #GP(0): no such register in this model, or a value it refuses. */
bool mon_msr_read(struct vcpu *v, uint32_t index, uint64_t *value);
bool mon_msr_write(struct vcpu *v, uint32_t index, uint64_t value);
#endif
