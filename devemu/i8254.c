/*
 * i8254.c: three counters computed from guest time; nothing ticks.
 *
 * A running counter is (start, count): it loaded `count` at clock tick `start`,
 * and everything a guest can see is a function of now - start. Ticks are
 * absolute (guest time * 1193182 Hz), so no error accumulates. Only channel 0
 * owns a timer, armed for the next rising edge of its OUT.
 * Counters start one tick after the write, as the data sheet's CLK pulse does.
 */
#include "devemu/i8254.h"
#include "devemu/clock.h"

enum { CHANNELS = 3 };
enum rw { RW_LATCH = 0, RW_LSB = 1, RW_MSB = 2, RW_WORD = 3 };
enum { READ_BACK = 3 };                           /* control word SC field */
enum { RB_NO_COUNT = 0x20, RB_NO_STATUS = 0x10 }; /* read-back command, active low */
enum { STATUS_OUT = 0x80, STATUS_NULL = 0x40 };

/* The tick at guest time 0: a counter's start may lie up to one period before it. */
#define TICK_EPOCH (1ull << 17)
/* A callback never comes sooner than this after the last; faster edges wait in the backlog. */
enum { MIN_REARM_NS = 10000 };
/* An edge not taken for this long: the guest does not listen, and missed ticks are forgotten. */
#define DEAF_NS (DEV_NS_PER_S / 2)

struct channel {
    uint64_t start;      /* tick at which count was loaded; may be one tick in the future */
    uint64_t frozen;     /* now - start while !counting */
    uint32_t count;      /* 1..65536 (BCD: ..10000); 0: none written yet */
    uint32_t next_count; /* modes 2, 3: loads at next_start; 0: none */
    uint64_t next_start;
    uint8_t mode, rw, bcd;
    uint8_t gate;
    uint8_t counting;  /* 0: stopped by gate, half-written count or control word */
    uint8_t armed;     /* modes 1, 5: triggered at least once */
    uint8_t write_msb; /* RW_WORD: the next write is the high byte */
    uint8_t read_msb;
    uint8_t low_byte; /* first half of a written count */
    uint8_t latched;  /* bytes of latch still to be read, 0..2 */
    uint8_t status_latched, status;
    uint16_t latch;
};

struct i8254 {
    struct dev dev;
    struct i8254_config cfg;
    struct channel ch[CHANNELS];
    struct dev_timer timer;
    /* IRQ 0 delivery */
    uint64_t edges_seen; /* of channel 0 since start */
    uint64_t raised_ns;
    uint64_t backlog;
    uint8_t in_flight;  /* an edge was raised and not taken yet */
    uint8_t acks_known; /* the machine tells when the guest takes IRQ 0 */
};

static uint64_t now_ns(const struct i8254 *s) { return s->dev.host->now_ns(s->dev.host->opaque); }
static uint64_t now_tick(const struct i8254 *s) { return dev_ns_to_ticks(now_ns(s), I8254_HZ) + TICK_EPOCH; }
static uint64_t tick_ns(uint64_t tick) { return dev_ticks_to_ns(tick - TICK_EPOCH, I8254_HZ); }

static bool is_periodic(const struct channel *c) { return c->mode == 2 || c->mode == 3; }
static bool is_hw_triggered(const struct channel *c) { return c->mode == 1 || c->mode == 5; }

/* ---- Counter arithmetic ---- */

static uint32_t from_bcd(uint32_t v) {
    return (v & 15) + (v >> 4 & 15) * 10 + (v >> 8 & 15) * 100 + (v >> 12 & 15) * 1000;
}

static uint16_t to_bcd(uint32_t v) {
    return (uint16_t)(v % 10 | v / 10 % 10 << 4 | v / 100 % 10 << 8 | v / 1000 % 10 << 12);
}

static uint32_t modulus(const struct channel *c) { return c->bcd ? 10000 : 65536; }

static uint32_t written_count(const struct channel *c, uint32_t v) {
    if (c->bcd) v = from_bcd(v);
    return v ? v : modulus(c);
}

/* Modes 2 and 3 need two ticks at least; 1 is illegal there. */
static uint32_t period(const struct channel *c) { return c->count < 2 ? 2 : c->count; }

/* Ticks since the load; 0 in the tick before it. */
static uint64_t elapsed(const struct channel *c, uint64_t tick) {
    if (!c->counting) return c->frozen;
    return tick > c->start ? tick - c->start : 0;
}

/* A count written to a running periodic counter takes over at the end of the (half) period. */
static void take_next_count(struct channel *c, uint64_t tick) {
    if (!c->next_count || tick < c->next_start) return;
    uint64_t into = c->next_start - c->start;
    bool ends_high_half = c->mode == 3 && into % period(c) != 0;
    c->count = c->next_count;
    c->next_count = 0;
    /* The new count's low half begins here: pretend its high half came before. */
    c->start = c->next_start - (ends_high_half ? (period(c) + 1) / 2 : 0);
}

static uint16_t counter_value(const struct channel *c, uint64_t tick) {
    if (!c->count) return 0;
    uint64_t d = elapsed(c, tick);
    uint32_t value;
    if (c->mode == 2) {
        value = c->count - (uint32_t)(d % period(c));
    } else if (c->mode == 3) {
        uint32_t p = period(c), high = (p + 1) / 2, at = (uint32_t)(d % p);
        value = (p & ~1u) - 2 * (at < high ? at : at - high);
    } else if (is_hw_triggered(c) && !c->armed) {
        value = c->count;
    } else {
        uint32_t m = modulus(c);
        value = (uint32_t)((c->count + (uint64_t)m - d % m) % m);
    }
    value %= modulus(c);
    return c->bcd ? to_bcd(value) : (uint16_t)value;
}

static bool out_level(const struct channel *c, uint64_t tick) {
    if (!c->count) return c->mode != 0;
    uint64_t d = elapsed(c, tick);
    bool loaded = !c->counting || tick >= c->start;
    switch (c->mode) {
    case 0: return loaded && d >= c->count;
    case 1: return !c->armed || !loaded || d >= c->count;
    case 2: return !c->counting || d % period(c) != period(c) - 1;
    case 3: return !c->counting || d % period(c) < (period(c) + 1) / 2;
    case 4: return d != c->count;
    default: return !c->armed || d != c->count;
    }
}

/* ---- IRQ 0 ---- */

/* Rising edges of channel 0's OUT since start. */
static uint64_t edges_at(const struct channel *c, uint64_t tick) {
    if (!c->count || !c->counting) return 0;
    uint64_t d = elapsed(c, tick);
    if (is_periodic(c)) return d / period(c);
    return (c->mode == 0 && d >= c->count) || (c->mode == 4 && d >= c->count + 1u);
}

/* The tick of edge number n (from 0), or 0 if it never comes. */
static uint64_t edge_tick(const struct channel *c, uint64_t n) {
    if (!c->count || !c->counting || is_hw_triggered(c)) return 0;
    if (is_periodic(c)) return c->start + (n + 1) * period(c);
    return n ? 0 : c->start + c->count + (c->mode == 4);
}

static void raise_edge(struct i8254 *s) {
    dev_line_set(&s->cfg.irq0, false);
    dev_line_set(&s->cfg.irq0, true);
}

static void arm(struct i8254 *s) {
    struct dev_host *h = s->dev.host;
    struct channel *c = &s->ch[0];
    uint64_t now = now_ns(s), tick = edge_tick(c, s->edges_seen), at = 0;
    if (c->next_count && (!tick || c->next_start < tick)) tick = c->next_start;
    if (tick) at = tick_ns(tick);
    if (is_periodic(c) && tick) {
        if (s->backlog && !s->acks_known) {
            uint64_t soon = now + dev_ticks_to_ns(period(c) / 8, I8254_HZ);
            at = soon < at ? soon : at;
        }
        at = at < now + MIN_REARM_NS ? now + MIN_REARM_NS : at;
    }
    if (at)
        h->timer_arm(h->opaque, &s->timer, at);
    else
        h->timer_cancel(h->opaque, &s->timer);
}

/* n edges came due at once. */
static void deliver(struct i8254 *s, uint64_t n) {
    uint64_t now = now_ns(s);
    if (s->in_flight && now - s->raised_ns > DEAF_NS) {
        s->in_flight = s->acks_known = 0;
        s->backlog = 0;
    }
    bool waiting = s->in_flight && s->acks_known;
    /* The edge before may have found its input masked and be lost: it must not hold back the next one. */
    if (waiting && n) raise_edge(s);
    if (!waiting && n + s->backlog) {
        if (n)
            n--;
        else
            s->backlog--;
        if (!s->in_flight || !s->acks_known) s->raised_ns = now;
        s->in_flight = 1;
        raise_edge(s);
    }
    uint64_t most = I8254_HZ / period(&s->ch[0]);
    s->backlog = s->backlog + n < most ? s->backlog + n : most;
}

static void catch_up(struct i8254 *s) {
    struct channel *c = &s->ch[0];
    uint64_t tick = now_tick(s), edges = 0;
    if (c->next_count && tick >= c->next_start) {
        edges = edges_at(c, c->next_start) - s->edges_seen;
        take_next_count(c, tick);
        s->edges_seen = 0;
    }
    uint64_t total = edges_at(c, tick);
    edges += total - s->edges_seen;
    s->edges_seen = total;
    if (is_periodic(c)) {
        if (edges || s->backlog) deliver(s, edges);
    } else if (edges) {
        raise_edge(s);
    }
}

static void timer_fired(void *opaque, uint64_t now) {
    struct i8254 *s = opaque;
    (void)now;
    catch_up(s);
    arm(s);
}

void i8254_irq_acked(struct dev *d) {
    struct i8254 *s = (struct i8254 *)d;
    s->acks_known = 1;
    if (!s->in_flight) return;
    s->in_flight = 0;
    if (now_ns(s) - s->raised_ns > DEAF_NS) s->backlog = 0;
    if (s->backlog && is_periodic(&s->ch[0])) deliver(s, 0);
}

/* Channel 0 was loaded or stopped: edges count anew. */
static void restart_irq(struct i8254 *s) {
    s->edges_seen = 0;
    dev_line_set(&s->cfg.irq0, out_level(&s->ch[0], now_tick(s)));
    arm(s);
}

/* ---- Writes ---- */

static void load_count(struct i8254 *s, int n, uint32_t raw) {
    struct channel *c = &s->ch[n];
    uint64_t tick = now_tick(s);
    uint32_t count = written_count(c, raw);

    take_next_count(c, tick);
    if (is_periodic(c) && c->count && c->counting && tick >= c->start) {
        uint32_t p = period(c), high = c->mode == 3 ? (p + 1) / 2 : p;
        uint64_t into = (tick - c->start) % p, base = tick - into;
        c->next_count = count;
        c->next_start = into < high ? base + high : base + p;
    } else if (is_hw_triggered(c)) {
        c->count = count; /* used from the next trigger on */
        if (!c->armed) c->counting = 0, c->frozen = 0;
    } else {
        c->count = count;
        c->next_count = 0;
        c->start = tick + 1;
        c->counting = c->gate;
        c->frozen = 0;
        if (n == 0) restart_irq(s);
        return;
    }
    if (n == 0) arm(s);
}

static void write_count(struct i8254 *s, int n, uint8_t v) {
    struct channel *c = &s->ch[n];
    if (c->rw == RW_LSB) {
        load_count(s, n, v);
    } else if (c->rw == RW_MSB) {
        load_count(s, n, (uint32_t)v << 8);
    } else if (c->write_msb) {
        c->write_msb = 0;
        load_count(s, n, (uint32_t)v << 8 | c->low_byte);
    } else {
        c->write_msb = 1;
        c->low_byte = v;
        if (c->mode == 0) { /* the first byte disables counting and drops OUT */
            c->frozen = 0;
            c->counting = 0;
            if (n == 0) restart_irq(s);
        }
    }
}

static void latch_count(struct channel *c, uint64_t tick) {
    if (c->latched) return;
    c->latch = counter_value(c, tick);
    c->latched = c->rw == RW_WORD ? 2 : 1;
}

static void latch_status(struct channel *c, uint64_t tick) {
    if (c->status_latched) return;
    bool null = !c->count || c->next_count || (c->counting && tick < c->start);
    c->status = (uint8_t)((out_level(c, tick) ? STATUS_OUT : 0) | (null ? STATUS_NULL : 0) | c->rw << 4 | c->mode << 1 |
                          c->bcd);
    c->status_latched = 1;
}

static void read_back(struct i8254 *s, uint8_t v) {
    uint64_t tick = now_tick(s);
    for (int n = 0; n < CHANNELS; n++) {
        if (!(v & 2u << n)) continue;
        take_next_count(&s->ch[n], tick);
        if (!(v & RB_NO_COUNT)) latch_count(&s->ch[n], tick);
        if (!(v & RB_NO_STATUS)) latch_status(&s->ch[n], tick);
    }
}

static void write_control(struct i8254 *s, uint8_t v) {
    int n = v >> 6;
    if (n == READ_BACK) {
        if (s->ch[0].next_count) catch_up(s);
        read_back(s, v);
        return;
    }
    struct channel *c = &s->ch[n];
    if (n == 0 && c->count) catch_up(s);
    if ((v >> 4 & 3) == RW_LATCH) {
        take_next_count(c, now_tick(s));
        latch_count(c, now_tick(s));
        return;
    }
    uint8_t gate = c->gate, mode = v >> 1 & 7;
    *c = (struct channel){
        .gate = gate,
        .rw = v >> 4 & 3,
        .mode = mode > 5 ? (uint8_t)(mode - 4) : mode,
        .bcd = v & 1,
    };
    if (n == 0) {
        s->backlog = 0;
        s->in_flight = 0;
        restart_irq(s);
    }
}

static void pit_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct i8254 *s = opaque;
    (void)size;
    if ((port & 3) == 3) {
        write_control(s, (uint8_t)value);
        return;
    }
    if ((port & 3) == 0) catch_up(s);
    write_count(s, port & 3, (uint8_t)value);
}

/* ---- Reads ---- */

static uint8_t read_latch(struct channel *c) {
    bool high = c->rw == RW_MSB || (c->rw == RW_WORD && c->latched == 1);
    c->latched--;
    return (uint8_t)(high ? c->latch >> 8 : c->latch);
}

static uint32_t pit_read(void *opaque, uint16_t port, unsigned size) {
    struct i8254 *s = opaque;
    (void)size;
    if ((port & 3) == 3) return 0xFF; /* write only */
    struct channel *c = &s->ch[port & 3];
    if (c->status_latched) {
        c->status_latched = 0;
        return c->status;
    }
    if (c->latched) return read_latch(c);
    if (c == &s->ch[0] && c->next_count) catch_up(s);
    take_next_count(c, now_tick(s));
    uint16_t value = counter_value(c, now_tick(s));
    if (c->rw == RW_LSB) return value & 0xFF;
    if (c->rw == RW_MSB) return value >> 8;
    bool high = c->read_msb;
    c->read_msb = !high;
    return high ? value >> 8 : value & 0xFF;
}

static const struct dev_io_ops pit_ops = {
    .name = "i8254", .read = pit_read, .write = pit_write, .byte_only = true, .keeps_fpu = true};

/* ---- Gate, OUT, refresh ---- */

static void gate_fell(struct channel *c, uint64_t tick) {
    if (is_hw_triggered(c)) return;
    take_next_count(c, tick);
    c->frozen = is_periodic(c) ? 0 : elapsed(c, tick);
    c->counting = 0;
}

static void gate_rose(struct channel *c, uint64_t tick) {
    if (!c->count) return;
    if (is_hw_triggered(c)) {
        c->armed = 1;
        c->start = tick + 1;
    } else if (is_periodic(c)) {
        if (c->next_count) c->count = c->next_count;
        c->next_count = 0;
        c->start = tick + 1;
    } else if (!c->write_msb || c->mode != 0) {
        c->start = tick - (c->frozen < tick ? c->frozen : tick);
    } else {
        return; /* mode 0 with half a count: waits for the other half */
    }
    c->counting = 1;
}

void i8254_set_gate(struct dev *d, int channel, bool level) {
    struct i8254 *s = (struct i8254 *)d;
    if (channel != 2 || s->ch[2].gate == level) return;
    s->ch[2].gate = level;
    if (level)
        gate_rose(&s->ch[2], now_tick(s));
    else
        gate_fell(&s->ch[2], now_tick(s));
}

bool i8254_out(struct dev *d, int channel) {
    struct i8254 *s = (struct i8254 *)d;
    if (channel < 0 || channel >= CHANNELS) return false;
    if (channel == 0) catch_up(s);
    take_next_count(&s->ch[channel], now_tick(s));
    return out_level(&s->ch[channel], now_tick(s));
}

bool i8254_refresh_toggle(struct dev *d) {
    return now_tick((struct i8254 *)d) / 18 & 1; /* channel 1 as every BIOS programs it: 18 ticks */
}

/* ---- Class ---- */

static void i8254_reset(struct dev *d) {
    struct i8254 *s = (struct i8254 *)d;
    for (int n = 0; n < CHANNELS; n++) s->ch[n] = (struct channel){.mode = 3, .rw = RW_WORD, .gate = n != 2};
    s->edges_seen = s->backlog = 0;
    s->in_flight = s->acks_known = 0;
    restart_irq(s);
}

static enum dev_status i8254_init(struct dev *d, const void *cfg) {
    struct i8254 *s = (struct i8254 *)d;
    if (cfg) s->cfg = *(const struct i8254_config *)cfg;
    s->timer.fn = timer_fired;
    s->timer.opaque = s;
    enum dev_status st = dev_io_map(d->host->io, 0x40, 4, &pit_ops, s);
    if (st == DEV_OK) i8254_reset(d);
    return st;
}

static void i8254_destroy(struct dev *d) {
    struct i8254 *s = (struct i8254 *)d;
    d->host->timer_cancel(d->host->opaque, &s->timer);
}

static void i8254_state(struct dev *d, struct dev_state *st) {
    struct i8254 *s = (struct i8254 *)d;
    DEV_STATE(st, s->ch);
    DEV_STATE(st, s->edges_seen);
    DEV_STATE(st, s->raised_ns);
    DEV_STATE(st, s->backlog);
    DEV_STATE(st, s->in_flight);
    DEV_STATE(st, s->acks_known);
    if (st->saving) return;
    for (int n = 0; n < CHANNELS; n++) {
        struct channel *c = &s->ch[n];
        c->mode = c->mode > 5 ? 3 : c->mode;
        c->rw = (c->rw & 3) == RW_LATCH ? RW_WORD : c->rw & 3;
        c->latched = c->latched > 2 ? 2 : c->latched;
        c->bcd &= 1;
        c->count = c->count > 65536 ? 65536 : c->count;
        c->next_count = c->next_count > 65536 ? 65536 : c->next_count;
    }
    arm(s);
}

const struct dev_class i8254_class = {
    .name = "i8254",
    .instance_size = sizeof(struct i8254),
    .init = i8254_init,
    .reset = i8254_reset,
    .state = i8254_state,
    .destroy = i8254_destroy,
};
