/*
 * i8259.c: two 8259A in cascade, with the chipset's ELCR.
 *
 * Invariants: lines[] holds the level of every input; an edge input's request
 * is latched until acknowledged, a level input's request is the line itself.
 * SDM-DEVIATION (8259A data sheet, "Interrupt Sequence"): an edge request stays
 * latched when its line falls before the acknowledge; the chip would give the
 * spurious vector. Drivers cannot rely on that, and pulses must not be lost.
 * The cascade input follows the slave's INT without a latch.
 * SDM-DEVIATION: MCS-80 mode (ICW4.uPM=0) answers as 8086 mode does.
 */
#include "devemu/i8259.h"

enum { MASTER, SLAVE, CHIPS };
enum { CASCADE_IRQ = 2, SPURIOUS_IRQ = 7, NONE = 8 };

/* ICW1 (A0 = 0, D4 = 1), ICW4 */
enum { ICW1_IC4 = 0x01, ICW1_SNGL = 0x02, ICW1_LTIM = 0x08, ICW1_SELECT = 0x10 };
enum { ICW4_AEOI = 0x02, ICW4_SFNM = 0x10 };
/* OCW3 (D4 = 0, D3 = 1) */
enum { OCW3_RIS = 0x01, OCW3_RR = 0x02, OCW3_P = 0x04, OCW3_SELECT = 0x08, OCW3_SMM = 0x20, OCW3_ESMM = 0x40 };
/* OCW2: R SL EOI in bits 7..5 */
enum ocw2 {
    OCW2_ROTATE_AEOI_CLEAR = 0,
    OCW2_EOI = 1,
    OCW2_NOP = 2,
    OCW2_SPECIFIC_EOI = 3,
    OCW2_ROTATE_AEOI_SET = 4,
    OCW2_ROTATE_EOI = 5,
    OCW2_SET_PRIORITY = 6,
    OCW2_ROTATE_SPECIFIC_EOI = 7,
};
/* What the next write to the odd port is. */
enum init_step { READY, WAIT_ICW2, WAIT_ICW3, WAIT_ICW4 };

struct chip {
    uint8_t lines; /* input levels */
    uint8_t edges; /* latched requests of edge inputs */
    uint8_t isr, imr;
    uint8_t elcr; /* 1: level input */
    uint8_t base; /* ICW2: vector of input 0 */
    uint8_t icw1, icw3, icw4;
    uint8_t lowest; /* the input with the lowest priority */
    uint8_t step;   /* enum init_step */
    uint8_t read_isr, poll, special_mask, rotate_aeoi;
};

struct i8259 {
    struct dev dev;
    struct i8259_config cfg;
    struct chip chip[CHIPS];
    struct counts {
        uint64_t acks[8], eois[8];
    } counts[CHIPS]; /* statistics: not saved */
    bool intr;
};

/* PIIX3: IRQ 0, 1, 2, 8 and 13 are always edge. */
static const uint8_t elcr_writable[CHIPS] = {0xF8, 0xDE};

static uint8_t bit(unsigned n) { return (uint8_t)(1u << (n & 7)); }

/* ---- Priority ---- */

static uint8_t level_inputs(const struct chip *c) { return c->icw1 & ICW1_LTIM ? 0xFF : c->elcr; }

static uint8_t requests(const struct chip *c) {
    uint8_t level = level_inputs(c);
    return (uint8_t)((c->edges & ~level) | (c->lines & level));
}

/* Rank of the best set bit in mask, 0 the highest priority; NONE if mask is 0. */
static unsigned best_rank(const struct chip *c, uint8_t mask) {
    unsigned rank = 0;
    while (rank < NONE && !(mask & bit(c->lowest + 1u + rank))) rank++;
    return rank;
}

static unsigned rank_to_input(const struct chip *c, unsigned rank) { return (c->lowest + 1u + rank) & 7; }

/* The input the chip would interrupt for now, or NONE. */
static unsigned pending_input(const struct chip *c, bool is_master) {
    uint8_t blocking = c->isr;
    if (c->special_mask) blocking = (uint8_t)(blocking & ~c->imr);
    /* Special fully nested: a slave in service lets better slave requests through. */
    if (is_master && (c->icw4 & ICW4_SFNM)) blocking = (uint8_t)(blocking & ~bit(CASCADE_IRQ));
    unsigned rank = best_rank(c, (uint8_t)(requests(c) & ~c->imr));
    if (rank == NONE || rank >= best_rank(c, blocking)) return NONE;
    return rank_to_input(c, rank);
}

/* ---- Lines ---- */

static void set_line(struct chip *c, unsigned input, bool level) {
    uint8_t b = bit(input);
    if (level) {
        if (!(c->lines & b)) c->edges |= b;
        c->lines |= b;
    } else {
        c->lines = (uint8_t)(c->lines & ~b);
    }
}

static void update(struct i8259 *s) {
    struct chip *m = &s->chip[MASTER];
    bool slave_int = pending_input(&s->chip[SLAVE], false) != NONE;
    set_line(m, CASCADE_IRQ, slave_int);
    if (slave_int)
        m->edges |= bit(CASCADE_IRQ);
    else
        m->edges = (uint8_t)(m->edges & ~bit(CASCADE_IRQ));
    bool intr = pending_input(m, true) != NONE;
    if (intr != s->intr) {
        s->intr = intr;
        dev_line_set(&s->cfg.intr, intr);
    }
}

void i8259_set_irq(void *dev, int irq, bool level) {
    struct i8259 *s = dev;
    if (irq < 0 || irq > 15 || irq == CASCADE_IRQ) return;
    set_line(&s->chip[irq >> 3], (unsigned)irq, level);
    update(s);
}

bool i8259_pending(struct dev *d) { return ((struct i8259 *)d)->intr; }

/* ---- Acknowledge ---- */

static void acknowledge(struct i8259 *s, struct chip *c, unsigned input) {
    s->counts[c - s->chip].acks[input]++;
    c->edges = (uint8_t)(c->edges & ~bit(input));
    if (!(c->icw4 & ICW4_AEOI))
        c->isr |= bit(input);
    else if (c->rotate_aeoi)
        c->lowest = (uint8_t)input;
}

static void tell_acked(struct i8259 *s, unsigned irq) {
    if (s->cfg.acked) s->cfg.acked(s->cfg.acked_opaque, (int)irq);
}

/* The master said "slave": the slave's half of the acknowledge cycle. */
static int ack_slave(struct i8259 *s) {
    struct chip *c = &s->chip[SLAVE];
    unsigned input = pending_input(c, false);
    if (input != NONE) acknowledge(s, c, input);
    acknowledge(s, &s->chip[MASTER], CASCADE_IRQ);
    update(s);
    if (input == NONE) return c->base + SPURIOUS_IRQ;
    tell_acked(s, 8 + input);
    return c->base + (int)input;
}

int i8259_ack(struct dev *d) {
    struct i8259 *s = (struct i8259 *)d;
    struct chip *m = &s->chip[MASTER];
    unsigned input = pending_input(m, true);
    if (input == NONE) return m->base + SPURIOUS_IRQ;
    if (input == CASCADE_IRQ && !(m->icw1 & ICW1_SNGL)) return ack_slave(s);
    acknowledge(s, m, input);
    update(s);
    tell_acked(s, input);
    return m->base + (int)input;
}

/* Poll command: the read is the acknowledge (data sheet, "Poll Command"). */
static uint8_t poll_read(struct i8259 *s, struct chip *c) {
    bool is_master = c == &s->chip[MASTER];
    unsigned input = pending_input(c, is_master);
    c->poll = 0;
    if (input == NONE) return SPURIOUS_IRQ;
    acknowledge(s, c, input);
    update(s);
    if (!is_master || input != CASCADE_IRQ) tell_acked(s, input + (is_master ? 0 : 8));
    return (uint8_t)(0x80 | input);
}

/* ---- Commands ---- */

/* Power-on and ICW1: everything but the wiring (lines, ELCR). */
static void chip_init(struct chip *c, uint8_t icw1) {
    c->icw1 = icw1;
    c->edges = c->isr = c->imr = 0;
    c->lowest = 7;
    c->read_isr = c->poll = c->special_mask = c->rotate_aeoi = 0;
    if (!(icw1 & ICW1_IC4)) c->icw4 = 0;
}

static void write_ocw2(struct i8259 *s, struct chip *c, uint8_t v) {
    struct counts *n = &s->counts[c - s->chip];
    enum ocw2 op = (enum ocw2)(v >> 5);
    unsigned level = v & 7u;
    uint8_t in_service = c->isr;
    if (c->special_mask) /* a masked in-service bit needs a specific EOI */
        in_service = (uint8_t)(in_service & ~c->imr);
    unsigned rank = best_rank(c, in_service);

    switch (op) {
    case OCW2_EOI:
    case OCW2_ROTATE_EOI:
        if (rank == NONE) break;
        level = rank_to_input(c, rank);
        n->eois[level & 7]++;
        c->isr = (uint8_t)(c->isr & ~bit(level));
        if (op == OCW2_ROTATE_EOI) c->lowest = (uint8_t)level;
        break;
    case OCW2_SPECIFIC_EOI:
    case OCW2_ROTATE_SPECIFIC_EOI:
        n->eois[level] += (c->isr & bit(level)) != 0;
        c->isr = (uint8_t)(c->isr & ~bit(level));
        if (op == OCW2_ROTATE_SPECIFIC_EOI) c->lowest = (uint8_t)level;
        break;
    case OCW2_SET_PRIORITY: c->lowest = (uint8_t)level; break;
    case OCW2_ROTATE_AEOI_SET:
    case OCW2_ROTATE_AEOI_CLEAR: c->rotate_aeoi = op == OCW2_ROTATE_AEOI_SET; break;
    case OCW2_NOP: break;
    }
}

static void write_ocw3(struct chip *c, uint8_t v) {
    if (v & OCW3_P)
        c->poll = 1;
    else if (v & OCW3_RR)
        c->read_isr = v & OCW3_RIS;
    if (v & OCW3_ESMM) c->special_mask = (v & OCW3_SMM) != 0;
}

static void write_even(struct i8259 *s, struct chip *c, uint8_t v) {
    if (v & ICW1_SELECT) {
        chip_init(c, v);
        c->step = WAIT_ICW2;
    } else if (v & OCW3_SELECT) {
        write_ocw3(c, v);
    } else {
        write_ocw2(s, c, v);
    }
}

static void write_odd(struct chip *c, uint8_t v) {
    bool wants_icw4 = c->icw1 & ICW1_IC4;
    switch ((enum init_step)c->step) {
    case READY: c->imr = v; break;
    case WAIT_ICW2:
        c->base = v & 0xF8;
        c->step = !(c->icw1 & ICW1_SNGL) ? WAIT_ICW3 : wants_icw4 ? WAIT_ICW4 : READY;
        break;
    case WAIT_ICW3: /* the wiring is fixed; kept for inspection */
        c->icw3 = v;
        c->step = wants_icw4 ? WAIT_ICW4 : READY;
        break;
    case WAIT_ICW4:
        c->icw4 = v;
        c->step = READY;
        break;
    }
}

/* ---- Ports ---- */

static struct chip *chip_at(struct i8259 *s, uint16_t port) { return &s->chip[port & 0x80 ? SLAVE : MASTER]; }

static uint32_t pic_read(void *opaque, uint16_t port, unsigned size) {
    struct i8259 *s = opaque;
    struct chip *c = chip_at(s, port);
    (void)size;
    if (c->poll) return poll_read(s, c);
    if (port & 1) return c->imr;
    return c->read_isr ? c->isr : requests(c);
}

static void pic_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct i8259 *s = opaque;
    (void)size;
    if (port & 1)
        write_odd(chip_at(s, port), (uint8_t)value);
    else
        write_even(s, chip_at(s, port), (uint8_t)value);
    update(s);
}

static uint32_t elcr_read(void *opaque, uint16_t port, unsigned size) {
    struct i8259 *s = opaque;
    (void)size;
    return s->chip[port & 1].elcr;
}

static void elcr_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct i8259 *s = opaque;
    (void)size;
    s->chip[port & 1].elcr = (uint8_t)(value & elcr_writable[port & 1]);
    update(s);
}

static const struct dev_io_ops pic_ops = {
    .name = "i8259", .read = pic_read, .write = pic_write, .byte_only = true, .keeps_fpu = true};
static const struct dev_io_ops elcr_ops = {
    .name = "i8259-elcr", .read = elcr_read, .write = elcr_write, .byte_only = true, .keeps_fpu = true};

/* ---- Class ---- */

static void i8259_reset(struct dev *d) {
    struct i8259 *s = (struct i8259 *)d;
    for (int i = 0; i < CHIPS; i++) {
        struct chip *c = &s->chip[i];
        uint8_t lines = c->lines;
        *c = (struct chip){.lines = lines};
        chip_init(c, 0);
    }
    update(s);
}

static enum dev_status i8259_init(struct dev *d, const void *cfg) {
    struct i8259 *s = (struct i8259 *)d;
    if (cfg) s->cfg = *(const struct i8259_config *)cfg;
    static const struct {
        uint16_t base;
        const struct dev_io_ops *ops;
    } map[] = {
        {0x20, &pic_ops},
        {0xA0, &pic_ops},
        {0x4D0, &elcr_ops},
    };
    for (size_t i = 0; i < sizeof map / sizeof *map; i++) {
        enum dev_status st = dev_io_map(d->host->io, map[i].base, 2, map[i].ops, s);
        if (st != DEV_OK) return st;
    }
    i8259_reset(d);
    return DEV_OK;
}

static void i8259_state(struct dev *d, struct dev_state *st) {
    struct i8259 *s = (struct i8259 *)d;
    DEV_STATE(st, s->chip);
    if (st->saving) return;
    for (int i = 0; i < CHIPS; i++) {
        s->chip[i].step &= 3;
        s->chip[i].lowest &= 7;
    }
    s->intr = false;
    dev_line_set(&s->cfg.intr, false);
    update(s);
}

void i8259_counts(struct dev *d, int irq, uint64_t *acks, uint64_t *eois) {
    const struct counts *n = &((struct i8259 *)d)->counts[irq >> 3 & 1];
    *acks = n->acks[irq & 7];
    *eois = n->eois[irq & 7];
}

struct i8259_view i8259_inspect(struct dev *d, int chip) {
    const struct chip *c = &((struct i8259 *)d)->chip[chip & 1];
    return (struct i8259_view){requests(c), c->isr, c->imr, c->elcr, c->base};
}

const struct dev_class i8259_class = {
    .name = "i8259",
    .instance_size = sizeof(struct i8259),
    .init = i8259_init,
    .reset = i8259_reset,
    .state = i8259_state,
};
