/*
 * segment.h: descriptors in memory and segment registers, shared by the
 * far-transfer, exception and task-switch code of monitor.
 *
 * Functions that return bool fill *f and change nothing when they return
 * false, except for Accessed bits. Selector error codes carry no EXT bit;
 * exception delivery adds it.
 */
#ifndef NOVT_MONITOR_SEGMENT_H
#define NOVT_MONITOR_SEGMENT_H

#include <string.h>

#include "monitor/desc.h"
#include "monitor/vcpu.h"

static inline bool mon_fail(struct guest_fault *f, int vector, uint32_t error) {
    *f = (struct guest_fault){.vector = vector, .error = error};
    return false;
}

/* Implicit supervisor accesses to tables, whatever the CPL. */
static inline bool mon_sys_read(struct vcpu *vcpu, uint32_t lin, void *buf, uint32_t size, struct guest_fault *f) {
    const void *hit = smmu_tlb_hit(vcpu->cpu.smmu, gva(lin), size, false, false);
    if (!hit) return smmu_read(vcpu->cpu.smmu, gva(lin), buf, size, SMMU_READ, f);
    memcpy(buf, hit, size);
    return true;
}
bool mon_sys_write(struct vcpu *v, uint32_t lin, const void *buf, uint32_t size, struct guest_fault *f);

/* Is [off, off+size) inside the segment, expand-down included? No type check. */
bool mon_in_limit(const struct bt_seg *s, uint32_t off, uint32_t size);

/* Linear address of a selector's descriptor; false if outside the GDT or LDT. */
bool mon_desc_address(const struct vcpu *v, uint16_t selector, uint32_t *lin);
/* Reads the descriptor; outside the table: `vector` with the selector as error code. */
bool mon_desc_fetch(struct vcpu *v, uint16_t selector, int vector, struct mon_desc *d, struct guest_fault *f);
/* Sets the Accessed bit in memory and in *d if it is clear. */
bool mon_desc_accessed(struct vcpu *v, uint16_t selector, struct mon_desc *d, struct guest_fault *f);
/* Sets or clears the Busy bit of a TSS descriptor in the GDT. */
bool mon_desc_busy(struct vcpu *v, uint16_t selector, bool busy, struct guest_fault *f);

/* Commits: fill the register and tell bt. */
void mon_set_seg(struct vcpu *v, int seg, uint16_t selector, const struct mon_desc *d);
void mon_set_seg_null(struct vcpu *v, int seg, uint16_t selector);
void mon_set_seg_real(struct vcpu *v, int seg, uint16_t selector);
void mon_set_seg_v86(struct vcpu *v, int seg, uint16_t selector);
/* CS with its RPL set to cpl, and the CPL itself. */
void mon_set_cs(struct vcpu *v, uint16_t selector, const struct mon_desc *d, unsigned cpl);
struct bt_seg mon_seg_from_desc(uint16_t selector, const struct mon_desc *d);

/* Checks of a stack segment for a ring; faults: `vector` (#GP for loads, #TS for inner stacks) and #SS if absent. */
bool mon_check_stack_desc(struct vcpu *v, uint16_t selector, unsigned cpl, int vector, struct mon_desc *d,
                          struct guest_fault *f);

/* After a return to an outer ring: data segments that the outer ring may not use become null. */
void mon_drop_inner_segs(struct vcpu *v);
#endif
