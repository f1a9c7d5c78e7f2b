/*
 * devemu_fake.h: a machine for device tests: time moves when the test says so,
 * timers fire in order, requests and lines are recorded. One per test.
 */
#ifndef NOVT_TESTS_DEVEMU_FAKE_H
#define NOVT_TESTS_DEVEMU_FAKE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "devemu/dev.h"

enum { FAKE_TIMERS = 16 };

struct fake {
    struct dev_host host;
    uint64_t now;
    uint64_t tsc_base;  /* the TSC, 3 ticks a ns, is this at now == 0 */
    uint64_t tsc_hasty; /* so many ns too early the host believes that the TSC gets anywhere */
    int64_t wall;       /* wall clock at now == 0 */
    int64_t wall_extra; /* seconds the VM was stopped */
    struct dev_timer *timers[FAKE_TIMERS];
    uint64_t fired;
    int requests, last_request, last_value;
    int a20; /* -1: never told */
    bool line[32];
    int rises[32];
    uint8_t out[4096];
    size_t out_len;
    int room_grew;
    struct dev_chr chr;
};

static inline uint64_t fake_now(void *o) { return ((struct fake *)o)->now; }
static inline uint64_t fake_tsc(void *o) {
    struct fake *f = o;
    return f->tsc_base + 3 * f->now;
}
static inline uint64_t fake_tsc_due(void *o, uint64_t tsc) {
    struct fake *f = o;
    if (tsc <= fake_tsc(f)) return f->now;
    uint64_t left = (tsc - fake_tsc(f) - 1) / 3 + 1;
    return f->now + (left > f->tsc_hasty ? left - f->tsc_hasty : 1);
}
static inline int64_t fake_wall(void *o) {
    struct fake *f = o;
    return f->wall + f->wall_extra + (int64_t)(f->now / 1000000000u);
}
static inline void fake_cancel(void *o, struct dev_timer *t) {
    if (t->slot) ((struct fake *)o)->timers[t->slot - 1] = NULL;
    t->slot = 0;
}
static inline void fake_arm(void *o, struct dev_timer *t, uint64_t deadline) {
    struct fake *f = o;
    assert_non_null(t->fn);
    if (!t->slot)
        for (uint32_t i = 0; i < FAKE_TIMERS && !t->slot; i++)
            if (!f->timers[i]) t->slot = i + 1;
    assert_true(t->slot > 0);
    f->timers[t->slot - 1] = t;
    t->deadline_ns = deadline;
}
static inline void fake_request(void *o, enum dev_request what, int value) {
    struct fake *f = o;
    f->requests++;
    f->last_request = (int)what;
    f->last_value = value;
}
static inline void fake_a20(void *o, bool on) { ((struct fake *)o)->a20 = on; }
static inline void fake_log(void *o, const char *d, const char *fmt, ...) { (void)o, (void)d, (void)fmt; }
static inline void fake_line_set(void *o, int n, bool level) {
    struct fake *f = o;
    f->rises[n] += level && !f->line[n];
    f->line[n] = level;
}
static inline struct dev_line fake_line(struct fake *f, int n) { return (struct dev_line){fake_line_set, f, n}; }
static inline void fake_write(void *o, const uint8_t *buf, size_t len) {
    struct fake *f = o;
    for (size_t i = 0; i < len; i++) f->out[f->out_len++ % sizeof f->out] = buf[i];
}
static inline void fake_room_grew(void *o) { ((struct fake *)o)->room_grew++; }

static inline struct fake *fake_create(void) {
    struct fake *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->now = 1000000000u;
    f->wall = 946684800; /* 2000-01-01 00:00:00 */
    f->a20 = -1;
    f->host = (struct dev_host){.opaque = f,
                                .now_ns = fake_now,
                                .tsc = fake_tsc,
                                .tsc_due_ns = fake_tsc_due,
                                .wall_seconds = fake_wall,
                                .timer_arm = fake_arm,
                                .timer_cancel = fake_cancel,
                                .request = fake_request,
                                .set_a20 = fake_a20,
                                .log = fake_log};
    f->host.io = dev_io_create();
    assert_non_null(f->host.io);
    f->chr = (struct dev_chr){.opaque = f, .write = fake_write, .room_grew = fake_room_grew};
    return f;
}
static inline void fake_destroy(struct fake *f) {
    for (int i = 0; i < FAKE_TIMERS; i++) assert_null(f->timers[i]); /* a destroyed device leaves no timer behind */
    dev_io_destroy(f->host.io);
    free(f);
}
static inline struct dev *fake_dev(struct fake *f, const struct dev_class *cls, const void *cfg) {
    enum dev_status st;
    struct dev *d = dev_create(cls, &f->host, cfg, &st);
    assert_int_equal(st, DEV_OK);
    assert_non_null(d);
    cls->reset(d);
    return d;
}

static inline void fake_fire(struct fake *f, struct dev_timer *t) {
    fake_cancel(f, t);
    f->fired++;
    t->fn(t->opaque, f->now);
}
static inline struct dev_timer *fake_next(struct fake *f) {
    struct dev_timer *best = NULL;
    for (int i = 0; i < FAKE_TIMERS; i++)
        if (f->timers[i] && (!best || f->timers[i]->deadline_ns < best->deadline_ns)) best = f->timers[i];
    return best;
}
/* Time passes; every timer fires exactly at its deadline. */
static inline void fake_advance(struct fake *f, uint64_t ns) {
    uint64_t end = f->now + ns;
    for (struct dev_timer *t; (t = fake_next(f)) && t->deadline_ns <= end;) {
        if (t->deadline_ns > f->now) f->now = t->deadline_ns;
        fake_fire(f, t);
    }
    f->now = end;
}
/* The host was busy: time passes first, then the timers that came due fire once, late. */
static inline void fake_stall(struct fake *f, uint64_t ns) {
    f->now += ns;
    struct dev_timer *due[FAKE_TIMERS];
    int n = 0;
    for (int i = 0; i < FAKE_TIMERS; i++)
        if (f->timers[i] && f->timers[i]->deadline_ns <= f->now) due[n++] = f->timers[i];
    for (int i = 0; i < n; i++)
        if (due[i]->slot) fake_fire(f, due[i]);
}

static inline uint8_t pin(struct fake *f, uint16_t port) { return (uint8_t)dev_io_read(f->host.io, port, 1); }
static inline void pout(struct fake *f, uint16_t port, uint8_t v) { dev_io_write(f->host.io, port, 1, v); }

/* Saves, loads into the same instance after a reset, saves again: both images must be equal. */
static inline void fake_roundtrip(struct dev *d) {
    static uint8_t a[65536], b[65536];
    struct dev_state m = {.saving = true};
    d->cls->state(d, &m);
    assert_true(m.pos <= sizeof a);
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    struct dev_state st = {.buf = a, .cap = sizeof a, .saving = true};
    d->cls->state(d, &st);
    assert_false(st.failed);
    assert_int_equal(st.pos, m.pos);
    d->cls->reset(d);
    struct dev_state ld = {.buf = a, .cap = st.pos};
    d->cls->state(d, &ld);
    assert_false(ld.failed);
    assert_int_equal(ld.pos, st.pos);
    struct dev_state again = {.buf = b, .cap = sizeof b, .saving = true};
    d->cls->state(d, &again);
    assert_memory_equal(a, b, st.pos);
}

/* Random accesses at ports lo..hi, all sizes, time moving; then garbage as saved state. Must not crash or hang. */
static inline uint32_t fake_random(uint32_t *x) {
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}
static inline void fake_hammer_ports(struct fake *f, uint32_t seed, uint16_t lo, uint16_t hi, int n) {
    uint32_t x = seed;
    for (int i = 0; i < n; i++) {
        uint32_t r = fake_random(&x);
        uint16_t port = (uint16_t)(lo + (r >> 8) % (hi - lo + 1u));
        unsigned size = 1u << (r & 3) % 3;
        if (r & 0x10)
            dev_io_write(f->host.io, port, size, fake_random(&x));
        else
            dev_io_read(f->host.io, port, size);
        if (!(r & 0xE0)) fake_stall(f, fake_random(&x) % 3000000);
    }
}
static inline void fake_garbage_state(struct fake *f, struct dev *d, uint32_t seed, uint16_t lo, uint16_t hi) {
    static uint8_t buf[65536];
    uint32_t x = seed;
    for (int round = 0; round < 50; round++) {
        for (size_t i = 0; i < sizeof buf; i++) buf[i] = (uint8_t)fake_random(&x);
        struct dev_state st = {.buf = buf, .cap = sizeof buf};
        d->cls->state(d, &st);
        fake_hammer_ports(f, x, lo, hi, 200);
    }
    struct dev_state tiny = {.buf = buf, .cap = 1};
    d->cls->state(d, &tiny);
    d->cls->reset(d);
}

#endif
