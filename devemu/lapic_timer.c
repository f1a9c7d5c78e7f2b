/*
 * lapic_timer.c: the local APIC's timer.
 *
 * Source: Intel SDM vol. 3, "APIC Timer" and "TSC-Deadline Mode". One-shot and periodic: `expiry` is the guest time at
 * which the count reaches 0, the current count is derived from it. TSC-deadline: `deadline` is a value of the guest's
 * TSC; the host is asked for the time at which it should be reached, and what decides then is the TSC, so that the
 * guest never reads less than the deadline after its interrupt. The host's timer is armed only while the LVT entry is
 * unmasked. Ticks of a periodic timer that find their vector still waiting are counted and delivered after the guest's
 * EOI, so that a late host loses none.
 */
#include "devemu/lapic_internal.h"

enum { LOST_TICKS_MAX = 256 };
#define TIMER_LEAST_NS 20000ull /* shortest period the host is asked for */

static uint64_t now(const struct lapic *s) { return s->dev.host->now_ns(s->dev.host->opaque); }

static enum lapic_timer_mode mode_of(uint32_t lvt) { return (enum lapic_timer_mode)(lvt >> LVT_TIMER_MODE_SHIFT & 3); }
static enum lapic_timer_mode mode(const struct lapic *s) { return mode_of(s->lvt[LVT_TIMER]); }
static bool counts(enum lapic_timer_mode m) { return m == TIMER_ONE_SHOT || m == TIMER_PERIODIC; }
static bool periodic(const struct lapic *s) { return mode(s) == TIMER_PERIODIC; }
static uint64_t period(const struct lapic *s) { return (uint64_t)s->initial * s->divide; }

uint32_t lapic_timer_count(const struct lapic *s) {
    uint64_t t = now(s);
    if (!s->expiry) return 0;
    if (t < s->expiry) return (uint32_t)((s->expiry - t + s->divide - 1) / s->divide);
    if (!periodic(s)) return 0;
    uint64_t into = (t - s->expiry) % period(s);
    return (uint32_t)((period(s) - into + s->divide - 1) / s->divide);
}

void lapic_timer_arm(struct lapic *s) {
    struct dev_host *h = s->dev.host;
    uint64_t at = s->expiry;
    if (s->lvt[LVT_TIMER] & LVT_MASKED)
        at = 0;
    else if (s->deadline)
        at = h->tsc_due_ns(h->opaque, s->deadline);
    if (at)
        h->timer_arm(h->opaque, &s->timer, at);
    else
        h->timer_cancel(h->opaque, &s->timer);
}

/* ---- One-shot and periodic ---- */

static void tick(struct lapic *s) {
    uint8_t v = (uint8_t)s->lvt[LVT_TIMER];
    if (periodic(s) && lapic_test_bit(s->irr, v)) {
        if (s->lost_ticks < LOST_TICKS_MAX) s->lost_ticks++;
        return;
    }
    lapic_fire_lvt(s, LVT_TIMER, false);
}

void lapic_timer_eoi(struct lapic *s, int v) {
    if (!s->lost_ticks || v != (int)(s->lvt[LVT_TIMER] & 0xFF)) return;
    s->lost_ticks--;
    tick(s);
}

/* Moves a periodic expiry behind t; returns how many periods have ended. */
static uint64_t advance(struct lapic *s, uint64_t t) {
    if (!s->expiry || t < s->expiry) return 0;
    if (!periodic(s)) {
        s->expiry = 0;
        return 1;
    }
    uint64_t n = (t - s->expiry) / period(s) + 1;
    s->expiry += n * period(s);
    if (s->expiry < t + TIMER_LEAST_NS && period(s) < TIMER_LEAST_NS)
        s->expiry += TIMER_LEAST_NS / period(s) * period(s);
    return n;
}

static void count_ended(struct lapic *s, uint64_t now_ns) {
    uint64_t n = advance(s, now_ns);
    lapic_timer_arm(s);
    if (n > LOST_TICKS_MAX || (n > 1 && period(s) < TIMER_LEAST_NS)) n = 1;
    for (; n; n--) tick(s);
}

void lapic_timer_write_initial(struct lapic *s, uint32_t v) {
    if (!counts(mode(s))) return;
    s->initial = v;
    s->lost_ticks = 0;
    s->expiry = v ? now(s) + period(s) : 0;
    lapic_timer_arm(s);
}

/* The divide configuration register holds a 3-bit code in bits 0, 1 and 3; 7 means 1. */
static uint32_t divisor(uint32_t reg) {
    uint32_t code = (reg & 3) | (reg >> 1 & 4);
    return code == 7 ? 1 : 2u << code;
}

/* A new divisor applies to what is left of the count. */
void lapic_timer_write_divide(struct lapic *s, uint32_t v) {
    uint32_t left = lapic_timer_count(s);
    s->divide_reg = v & 0xB;
    s->divide = divisor(s->divide_reg);
    s->expiry = left ? now(s) + (uint64_t)left * s->divide : 0;
    lapic_timer_arm(s);
}

/* ---- TSC-deadline ---- */

static bool deadline_passed(const struct lapic *s) {
    const struct dev_host *h = s->dev.host;
    return s->deadline && h->tsc(h->opaque) >= s->deadline;
}

/* The interrupt of a deadline that has passed, lost if the entry is masked; else its time is worked out anew. */
static void look_at_deadline(struct lapic *s) {
    bool passed = deadline_passed(s);
    if (passed) s->deadline = 0;
    lapic_timer_arm(s);
    if (passed) lapic_fire_lvt(s, LVT_TIMER, false);
}

uint64_t lapic_tsc_deadline(struct dev *d) {
    struct lapic *s = to_lapic(d);
    if (deadline_passed(s)) look_at_deadline(s);
    return s->deadline;
}

void lapic_set_tsc_deadline(struct dev *d, uint64_t tsc) {
    struct lapic *s = to_lapic(d);
    if (mode(s) != TIMER_TSC_DEADLINE) return;
    s->deadline = tsc;
    look_at_deadline(s);
}

void lapic_tsc_changed(struct dev *d) {
    if (to_lapic(d)->deadline) look_at_deadline(to_lapic(d));
}

/* ---- All modes ---- */

static void timer_fired(void *opaque, uint64_t now_ns) {
    struct lapic *s = opaque;
    if (s->deadline)
        look_at_deadline(s);
    else
        count_ended(s, now_ns);
}

static void stop(struct lapic *s) {
    s->initial = s->lost_ticks = 0;
    s->expiry = s->deadline = 0;
}

/* To and from TSC-deadline mode the timer is disarmed. The reserved mode stands still. */
void lapic_timer_write_lvt(struct lapic *s, uint32_t v) {
    enum lapic_timer_mode was = mode(s), is = mode_of(v);
    if (deadline_passed(s)) look_at_deadline(s);
    (void)advance(s, now(s)); /* under the old mode */
    s->lvt[LVT_TIMER] = v;
    if (was != is && !(counts(was) && counts(is))) stop(s);
    if (v & LVT_MASKED) s->lost_ticks = 0;
    lapic_timer_arm(s);
}

void lapic_timer_init(struct lapic *s) {
    s->timer.fn = timer_fired;
    s->timer.opaque = s;
}

void lapic_timer_reset(struct lapic *s) {
    stop(s);
    s->divide_reg = 0;
    s->divide = divisor(0);
    lapic_timer_arm(s);
}

void lapic_timer_state(struct lapic *s, struct dev_state *st) {
    DEV_STATE(st, s->initial);
    DEV_STATE(st, s->divide_reg);
    DEV_STATE(st, s->expiry);
    DEV_STATE(st, s->deadline);
    DEV_STATE(st, s->lost_ticks);
}

void lapic_timer_loaded(struct lapic *s) {
    s->divide = divisor(s->divide_reg);
    if (!s->tsc_deadline) s->lvt[LVT_TIMER] &= ~(uint32_t)LVT_TIMER_MODE_HIGH;
    if (!counts(mode(s))) s->initial = 0;
    if (!s->initial) s->expiry = 0;
    if (mode(s) != TIMER_TSC_DEADLINE) s->deadline = 0;
    lapic_timer_arm(s);
}
