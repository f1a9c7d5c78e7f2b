/*
 * lapic_internal.h: the state of a local APIC, shared by lapic.c and its timer, lapic_timer.c.
 */
#ifndef NOVT_DEVEMU_LAPIC_INTERNAL_H
#define NOVT_DEVEMU_LAPIC_INTERNAL_H

#include "devemu/lapic.h"

enum { LVT_TIMER, LVT_THERMAL, LVT_PERF, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };
enum {
    LVT_MASKED = 1 << 16,
    LVT_LEVEL = 1 << 15,
    LVT_REMOTE_IRR = 1 << 14,
};
/* Bits 18:17 of the timer's entry. A CPU without the TSC-deadline mode has no bit 18. */
enum lapic_timer_mode { TIMER_ONE_SHOT, TIMER_PERIODIC, TIMER_TSC_DEADLINE, TIMER_RESERVED };
enum { LVT_TIMER_MODE_SHIFT = 17, LVT_TIMER_MODE_HIGH = 1 << 18 };

struct lapic {
    struct dev dev;
    struct apic_bus *bus;
    int cpu;
    struct dev_line intr;
    int (*pic_ack)(void *opaque);
    void *pic_opaque;
    bool tsc_deadline; /* the CPU has that mode */
    struct dev_timer timer;
    struct smmu_mmio page; /* guest memory keeps a pointer to it */
    struct smmu_quick quick;

    uint64_t base;
    struct smmu_backing under; /* what the register page covers */
    uint32_t mapped;           /* where the register page is; 0: nowhere */
    uint32_t id, tpr, ldr, dfr, svr, esr, esr_pending, icr_low, icr_high;
    uint32_t lvt[LVT_COUNT];
    uint32_t isr[8], tmr[8], irr[8];
    uint32_t waiting; /* 0: no bit of irr is set, so the task priority decides about nothing */
    uint32_t initial, divide_reg, divide;
    uint64_t expiry;   /* guest ns; 0: stopped. Only in the modes that count */
    uint64_t deadline; /* the guest's TSC; 0: none. Only in TSC-deadline mode */
    uint32_t lost_ticks;
    bool lint[2];
    bool intr_level;
    uint64_t eois[256]; /* a statistic: not saved */
};

static inline struct lapic *to_lapic(struct dev *d) { return (struct lapic *)d; }
static inline bool lapic_test_bit(const uint32_t *set, uint8_t v) { return set[v >> 5] >> (v & 31) & 1; }

/* ---- lapic.c ---- */
/* An unmasked LVT entry fires once. */
void lapic_fire_lvt(struct lapic *s, int n, bool level);

/* ---- lapic_timer.c ---- */
void lapic_timer_init(struct lapic *s);
void lapic_timer_reset(struct lapic *s);
/* After the timer's LVT entry was masked: the host need not wake us. */
void lapic_timer_arm(struct lapic *s);
void lapic_timer_write_lvt(struct lapic *s, uint32_t v);
void lapic_timer_write_initial(struct lapic *s, uint32_t v);
void lapic_timer_write_divide(struct lapic *s, uint32_t v);
uint32_t lapic_timer_count(const struct lapic *s);
/* The service of vector v has ended. */
void lapic_timer_eoi(struct lapic *s, int v);
void lapic_timer_state(struct lapic *s, struct dev_state *st);
/* What was loaded, whatever it was, becomes a possible state. */
void lapic_timer_loaded(struct lapic *s);
#endif
