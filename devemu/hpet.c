/*
 * hpet.c: see its header.
 *
 * The counter is computed from guest time when it is looked at. A comparator that can match has an armed deadline; what
 * fires late fires once, and a periodic one goes on with the next period that lies ahead, never closer than MIN_NS.
 */
#include "devemu/hpet.h"

#include <stdlib.h>

enum { WINDOW = 4096, NS_PER_TICK = 10, MIN_NS = 20000 };
#define BASE      0xFED00000u
#define PERIOD_FS UINT64_C(10000000)
#define NEVER     UINT64_MAX
#define ROUTES    (UINT64_C(0x00F00000) << 32) /* pins 20 to 23 */
#define FAR_TICKS (UINT64_C(1) << 56)          /* some twenty years: not before the machine ends */
enum {
    REG_ID = 0x00,
    REG_CONFIG = 0x10,
    REG_STATUS = 0x20,
    REG_COUNTER = 0xF0,
    REG_TIMERS = 0x100,
    TIMER_BYTES = 0x20
};
enum { ID_LOW = 0x8086A201 /* vendor; legacy, 64 bits, three timers, revision 1 */ };
enum { ENABLE = 1, LEGACY = 2 };
enum { T_LEVEL = 0x02, T_INTERRUPT = 0x04, T_PERIODIC = 0x08, T_CAN = 0x30 /* periodic, 64 bits */, T_SET = 0x40 };
enum { T_32BIT = 0x100, T_ROUTE = 0x3E00, T_ROUTE_SHIFT = 9 };
enum { T_WRITABLE = T_LEVEL | T_INTERRUPT | T_PERIODIC | T_SET | T_32BIT | T_ROUTE };

struct comparator {
    struct hpet *owner;
    struct dev_timer timer;
    uint32_t config;
    uint64_t value, period;
    bool asserted; /* a level interrupt is on its line */
};

struct hpet {
    struct dev dev;
    struct hpet_config cfg;
    struct smmu_mmio mmio;
    bool mapped;
    uint32_t config;
    uint8_t status;
    uint64_t count, since_ns; /* the counter at since_ns, or where it stands */
    struct comparator comparator[HPET_TIMERS];
};

static uint64_t now_ns(const struct hpet *s) { return s->dev.host->now_ns(s->dev.host->opaque); }
static uint64_t counter(const struct hpet *s) {
    return s->config & ENABLE ? s->count + (now_ns(s) - s->since_ns) / NS_PER_TICK : s->count;
}
static unsigned number(const struct comparator *t) { return (unsigned)(t - t->owner->comparator); }

/* ---- Lines ---- */

/* Where its interrupts go; NULL: nowhere. */
static const struct dev_line *line_of(const struct comparator *t) {
    const struct hpet *s = t->owner;
    unsigned n = number(t), pin = (t->config & T_ROUTE) >> T_ROUTE_SHIFT;
    if ((s->config & LEGACY) && n < HPET_LEGACY_LINES) return &s->cfg.legacy[n];
    return pin >= HPET_PIN_FIRST && pin < HPET_PIN_FIRST + HPET_PINS ? &s->cfg.pin[pin - HPET_PIN_FIRST] : NULL;
}

static void set_line(const struct comparator *t, bool level) {
    const struct dev_line *line = line_of(t);
    if (line) dev_line_set(line, level);
}

static void release(struct comparator *t) {
    if (t->asserted) set_line(t, false);
    t->asserted = false;
}

static void interrupt(struct comparator *t) {
    struct hpet *s = t->owner;
    if (t->config & T_LEVEL) s->status |= (uint8_t)(1u << number(t));
    if (!(t->config & T_INTERRUPT)) return;
    set_line(t, true);
    t->asserted = t->config & T_LEVEL;
    if (!t->asserted) set_line(t, false);
}

/* ---- Matches ---- */

/* Ticks until the counter equals the comparator; a whole round if it does now. */
static uint64_t ticks_ahead(const struct comparator *t) {
    uint64_t ahead = t->value - counter(t->owner);
    if (t->config & T_32BIT) ahead = (uint32_t)ahead ? (uint32_t)ahead : UINT64_C(1) << 32;
    return ahead;
}

static void arm(struct comparator *t, uint64_t least_ns) {
    struct dev_host *h = t->owner->dev.host;
    uint64_t ahead = ticks_ahead(t);
    h->timer_cancel(h->opaque, &t->timer);
    if (!(t->owner->config & ENABLE) || !ahead || ahead > FAR_TICKS) return;
    uint64_t ns = ahead * NS_PER_TICK;
    h->timer_arm(h->opaque, &t->timer, now_ns(t->owner) + (ns < least_ns ? least_ns : ns));
}

static uint64_t period_of(const struct comparator *t) { return t->config & T_32BIT ? (uint32_t)t->period : t->period; }

/* The first match of a periodic comparator that lies ahead. */
static void next_period(struct comparator *t) {
    uint64_t period = period_of(t), behind = counter(t->owner) - t->value;
    if (t->config & T_32BIT) behind = (uint32_t)behind;
    t->value += (behind / period + 1) * period;
    if (t->config & T_32BIT) t->value = (uint32_t)t->value;
}

static void matched(void *opaque, uint64_t now) {
    struct comparator *t = opaque;
    (void)now;
    interrupt(t);
    bool again = (t->config & T_PERIODIC) && period_of(t);
    if (again) next_period(t);
    if (again || (t->config & T_32BIT)) arm(t, MIN_NS);
}

/* ---- Registers ---- */

static uint64_t timer_register(const struct comparator *t, unsigned reg) {
    switch (reg) {
    case 0x00: return t->config | T_CAN | ROUTES;
    case 0x08: return t->config & T_32BIT ? (uint32_t)t->value : t->value;
    default: return 0;
    }
}

static uint64_t read_register(struct hpet *s, uint32_t reg) {
    if (reg >= REG_TIMERS && reg < REG_TIMERS + HPET_TIMERS * TIMER_BYTES)
        return timer_register(&s->comparator[(reg - REG_TIMERS) / TIMER_BYTES], reg % TIMER_BYTES);
    switch (reg) {
    case REG_ID: return PERIOD_FS << 32 | (uint32_t)ID_LOW;
    case REG_CONFIG: return s->config;
    case REG_STATUS: return s->status;
    case REG_COUNTER: return counter(s);
    default: return 0;
    }
}

static void write_config(struct hpet *s, uint32_t v) {
    uint64_t count = counter(s);
    for (int i = 0; i < HPET_TIMERS; i++) release(&s->comparator[i]);
    s->config = v & (ENABLE | LEGACY);
    s->count = count;
    s->since_ns = now_ns(s);
    dev_line_set(&s->cfg.replace, v & LEGACY);
    for (int i = 0; i < HPET_TIMERS; i++) arm(&s->comparator[i], 0);
}

static void write_status(struct hpet *s, uint8_t v) {
    for (unsigned i = 0; i < HPET_TIMERS; i++)
        if (v >> i & 1) release(&s->comparator[i]);
    s->status &= (uint8_t)~v;
}

static void write_counter(struct hpet *s, uint64_t v) {
    if (s->config & ENABLE) return; /* only while it stands */
    s->count = v;
}

static void write_timer_config(struct comparator *t, uint32_t v) {
    release(t);
    t->config = v & T_WRITABLE;
    if (t->config & T_32BIT) t->value = (uint32_t)t->value, t->period = (uint32_t)t->period;
    arm(t, 0);
}

/* Of a periodic comparator it is the period, and with T_SET, which one write uses up, the value too. */
static void write_comparator(struct comparator *t, uint64_t v, uint64_t mask) {
    bool periodic = t->config & T_PERIODIC;
    uint64_t last = t->config & T_32BIT ? 1 : UINT64_C(1) << 32;
    if (!periodic || (t->config & T_SET)) t->value = (t->value & ~mask) | (v & mask);
    if (periodic) t->period = (t->period & ~mask) | (v & mask);
    if (mask & last) t->config &= ~(uint32_t)T_SET;
    arm(t, 0);
}

static void write_register(struct hpet *s, uint32_t reg, uint64_t v, uint64_t mask) {
    uint64_t whole = (read_register(s, reg) & ~mask) | (v & mask);
    if (reg >= REG_TIMERS && reg < REG_TIMERS + HPET_TIMERS * TIMER_BYTES) {
        struct comparator *t = &s->comparator[(reg - REG_TIMERS) / TIMER_BYTES];
        if (reg % TIMER_BYTES == 0x00) write_timer_config(t, (uint32_t)whole);
        if (reg % TIMER_BYTES == 0x08) write_comparator(t, v, mask);
    } else if (reg == REG_CONFIG) {
        write_config(s, (uint32_t)whole);
    } else if (reg == REG_STATUS) {
        write_status(s, (uint8_t)(v & mask));
    } else if (reg == REG_COUNTER) {
        write_counter(s, whole);
    }
}

/* ---- Accesses: within one register of 64 bits ---- */

static uint64_t mmio_read(void *opaque, uint32_t offset, unsigned size) {
    (void)size;
    return read_register(opaque, offset & ~7u) >> (8 * (offset & 7));
}

static void mmio_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    unsigned shift = 8 * (offset & 7);
    uint64_t mask = size < 8 ? (UINT64_C(1) << (8 * size)) - 1 : UINT64_MAX;
    write_register(opaque, offset & ~7u, value << shift, mask << shift);
}

/* ---- Life ---- */

static void reset(struct dev *d) {
    struct hpet *s = (struct hpet *)d;
    for (int i = 0; i < HPET_TIMERS; i++) {
        struct comparator *t = &s->comparator[i];
        release(t);
        d->host->timer_cancel(d->host->opaque, &t->timer);
        t->config = 0;
        t->value = NEVER;
        t->period = 0;
    }
    s->config = 0;
    dev_line_set(&s->cfg.replace, false);
    s->status = 0;
    s->count = 0;
    s->since_ns = now_ns(s);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct hpet *s = (struct hpet *)d;
    if (cfg) s->cfg = *(const struct hpet_config *)cfg;
    for (int i = 0; i < HPET_TIMERS; i++) {
        struct comparator *t = &s->comparator[i];
        t->owner = s;
        t->timer.fn = matched;
        t->timer.opaque = t;
    }
    s->mmio = (struct smmu_mmio){.name = "hpet", .opaque = s, .read = mmio_read, .write = mmio_write};
    s->mapped = smmu_mem_map_mmio(d->host->mem, gpa(BASE), WINDOW, &s->mmio) == SMMU_OK;
    if (!s->mapped) return DEV_NO_MEMORY;
    reset(d);
    return DEV_OK;
}

static void destroy(struct dev *d) {
    struct hpet *s = (struct hpet *)d;
    for (int i = 0; i < HPET_TIMERS; i++) d->host->timer_cancel(d->host->opaque, &s->comparator[i].timer);
    if (s->mapped) (void)smmu_mem_unmap(d->host->mem, gpa(BASE), WINDOW);
}

static void state(struct dev *d, struct dev_state *st) {
    struct hpet *s = (struct hpet *)d;
    DEV_STATE(st, s->config);
    DEV_STATE(st, s->status);
    DEV_STATE(st, s->count);
    DEV_STATE(st, s->since_ns);
    for (int i = 0; i < HPET_TIMERS; i++) {
        struct comparator *t = &s->comparator[i];
        DEV_STATE(st, t->config);
        DEV_STATE(st, t->value);
        DEV_STATE(st, t->period);
        dev_state_bool(st, &t->asserted);
    }
    if (st->saving) return;
    s->config &= ENABLE | LEGACY;
    dev_line_set(&s->cfg.replace, s->config & LEGACY);
    s->since_ns = s->since_ns < now_ns(s) ? s->since_ns : now_ns(s);
    for (int i = 0; i < HPET_TIMERS; i++) {
        s->comparator[i].config &= T_WRITABLE;
        arm(&s->comparator[i], 0);
    }
}

const struct dev_class hpet_class = {
    .name = "hpet",
    .instance_size = sizeof(struct hpet),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
