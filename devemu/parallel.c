/*
 * parallel.c: see parallel.h.
 *
 * The leading edge of STROBE hands the data byte to the printer. Its answer, busy and a pulse on ACK, is over after
 * the next look at the status register: who polls sees either, and nobody waits. The interrupt stays requested
 * until then, as on a PS/2, so that it is not lost as a spurious one.
 */
#include "devemu/parallel.h"

enum { DATA, STATUS, CONTROL, PORTS };
enum {
    ST_IRQ = 1 << 2, /* low while an interrupt is requested */
    ST_ERROR = 1 << 3,
    ST_SELECT = 1 << 4,
    ST_PAPER_OUT = 1 << 5,
    ST_ACK = 1 << 6,  /* low: the pulse */
    ST_BUSY = 1 << 7, /* inverted: high when the printer is ready */
    ST_UNUSED = 3,
    ST_READY = ST_BUSY | ST_ACK | ST_SELECT | ST_ERROR,
    ST_NO_PRINTER = ST_BUSY | ST_ACK | ST_PAPER_OUT | ST_SELECT | ST_ERROR, /* inputs are pulled up; BUSY is inverted */
};
enum {
    CTL_STROBE = 1 << 0,
    CTL_INIT = 1 << 2, /* low: the printer is reset */
    CTL_IRQ_ENABLE = 1 << 4,
    CTL_INPUT = 1 << 5,
    CTL_BITS = 0x3F,
    CTL_UNUSED = 0xC0,
};

struct parallel {
    struct dev dev;
    struct parallel_config cfg;
    uint8_t data, control;
    bool acking;  /* the printer's answer has not been seen yet */
    bool request; /* interrupt */
};

static void update_irq(struct parallel *s) { dev_line_set(&s->cfg.irq, s->request && s->control & CTL_IRQ_ENABLE); }

static uint8_t read_status(struct parallel *s) {
    uint8_t v = (uint8_t)(ST_UNUSED | (s->request ? 0 : ST_IRQ) | (s->cfg.chr ? ST_READY : ST_NO_PRINTER & ~ST_BUSY));
    if (s->acking) v &= (uint8_t) ~(ST_ACK | ST_BUSY);
    s->acking = s->request = false;
    update_irq(s);
    return v;
}

static uint32_t parallel_read(void *opaque, uint16_t port, unsigned size) {
    struct parallel *s = opaque;
    (void)size;
    switch (port - s->cfg.base) {
    case DATA: return s->control & CTL_INPUT ? 0xFF : s->data; /* the printer drives no data */
    case STATUS: return read_status(s);
    default: return s->control | CTL_UNUSED;
    }
}

static void print_byte(struct parallel *s) {
    if (!s->cfg.chr) return;
    if (s->cfg.chr->write) s->cfg.chr->write(s->cfg.chr->opaque, &s->data, 1);
    s->acking = s->request = true;
}

static void write_control(struct parallel *s, uint8_t v) {
    bool strobe = (v & CTL_STROBE) && !(s->control & CTL_STROBE);
    s->control = v & CTL_BITS;
    if (strobe && (v & CTL_INIT) && !(v & CTL_INPUT)) print_byte(s);
    if (!(v & CTL_IRQ_ENABLE)) s->request = false;
    update_irq(s);
}

static void parallel_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct parallel *s = opaque;
    (void)size;
    switch (port - s->cfg.base) {
    case DATA: s->data = (uint8_t)value; break;
    case CONTROL: write_control(s, (uint8_t)value); break;
    default: break; /* the status is the printer's */
    }
}

static const struct dev_io_ops parallel_ops = {
    .name = "parallel", .read = parallel_read, .write = parallel_write, .byte_only = true};

static void reset(struct dev *d) {
    struct parallel *s = (struct parallel *)d;
    s->data = s->control = 0;
    s->acking = s->request = false;
    update_irq(s);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct parallel *s = (struct parallel *)d;
    if (cfg) s->cfg = *(const struct parallel_config *)cfg;
    if (!s->cfg.base) s->cfg.base = 0x378;
    return dev_io_map(d->host->io, s->cfg.base, PORTS, &parallel_ops, s);
}

static void state(struct dev *d, struct dev_state *st) {
    struct parallel *s = (struct parallel *)d;
    DEV_STATE(st, s->data);
    DEV_STATE(st, s->control);
    dev_state_bool(st, &s->acking);
    dev_state_bool(st, &s->request);
    if (st->saving) return;
    s->control &= CTL_BITS;
    update_irq(s);
}

const struct dev_class parallel_class = {
    .name = "parallel",
    .instance_size = sizeof(struct parallel),
    .init = init,
    .reset = reset,
    .state = state,
};
