/* debugcon.c: see debugcon.h. No state: bytes pass through. */
#include "devemu/debugcon.h"

enum { PRESENT = 0xE9 };

struct debugcon {
    struct dev dev;
    struct debugcon_config cfg;
};

static uint32_t con_read(void *opaque, uint16_t port, unsigned size) {
    (void)opaque, (void)port, (void)size;
    return PRESENT;
}

static void con_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct dev_chr *chr = ((struct debugcon *)opaque)->cfg.chr;
    uint8_t byte = (uint8_t)value;
    (void)port, (void)size;
    if (chr && chr->write) chr->write(chr->opaque, &byte, 1);
}

static const struct dev_io_ops con_ops = {.name = "debugcon", .read = con_read, .write = con_write, .byte_only = true};

static enum dev_status init(struct dev *d, const void *cfg) {
    struct debugcon *s = (struct debugcon *)d;
    if (cfg) s->cfg = *(const struct debugcon_config *)cfg;
    if (!s->cfg.port) s->cfg.port = PRESENT;
    return dev_io_map(d->host->io, s->cfg.port, 1, &con_ops, s);
}

static void reset(struct dev *d) { (void)d; }
static void state(struct dev *d, struct dev_state *st) { (void)d, (void)st; }

const struct dev_class debugcon_class = {
    .name = "debugcon",
    .instance_size = sizeof(struct debugcon),
    .init = init,
    .reset = reset,
    .state = state,
};
