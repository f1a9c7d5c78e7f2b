/* port92.c: system control port A; bit 0 rising resets the CPU, bit 1 is the fast A20 gate. */
#include "devemu/port92.h"

enum { FAST_RESET = 1, FAST_A20 = 2 };

struct port92 {
    struct dev dev;
    struct port92_config cfg;
    uint8_t value;
};

static uint32_t p92_read(void *opaque, uint16_t port, unsigned size) {
    (void)port, (void)size;
    return ((struct port92 *)opaque)->value;
}

static void p92_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct port92 *s = opaque;
    struct dev_host *h = s->dev.host;
    bool rises = (value & ~s->value) & FAST_RESET;
    (void)port, (void)size;
    s->value = (uint8_t)value;
    a20_set(s->cfg.a20, h, A20_PORT92, value & FAST_A20);
    if (rises) h->request(h->opaque, DEV_REQ_RESET, 0);
}

static const struct dev_io_ops p92_ops = {.name = "port92", .read = p92_read, .write = p92_write, .byte_only = true};

static void p92_reset(struct dev *d) {
    struct port92 *s = (struct port92 *)d;
    s->value = 0;
    a20_set(s->cfg.a20, d->host, A20_PORT92, false);
}

static enum dev_status p92_init(struct dev *d, const void *cfg) {
    struct port92 *s = (struct port92 *)d;
    if (cfg) s->cfg = *(const struct port92_config *)cfg;
    return dev_io_map(d->host->io, 0x92, 1, &p92_ops, s);
}

static void p92_state(struct dev *d, struct dev_state *st) {
    struct port92 *s = (struct port92 *)d;
    DEV_STATE(st, s->value);
    if (!st->saving) a20_set(s->cfg.a20, d->host, A20_PORT92, s->value & FAST_A20);
}

const struct dev_class port92_class = {
    .name = "port92",
    .instance_size = sizeof(struct port92),
    .init = p92_init,
    .reset = p92_reset,
    .state = p92_state,
};
