/*
 * ne2000_isa.c: the NE2000 in an ISA slot: 32 ports and a line, set by jumpers.
 */
#include "devemu/ne2000_internal.h"

struct ne2000_isa {
    struct dev dev;
    struct ne2000 core;
    struct dev_line irq;
    uint16_t base; /* 0: not mapped */
};

static struct ne2000_isa *to_isa(struct dev *d) { return (struct ne2000_isa *)d; }

static void set_irq(void *opaque, bool level) { dev_line_set(&((struct ne2000_isa *)opaque)->irq, level); }

static uint32_t port_read(void *opaque, uint16_t port, unsigned size) {
    struct ne2000_isa *s = opaque;
    return ne2000_read(&s->core, (unsigned)port - s->base, size);
}

static void port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct ne2000_isa *s = opaque;
    ne2000_write(&s->core, (unsigned)port - s->base, size, value);
}

static const struct dev_io_ops ops = {.name = "ne2000", .read = port_read, .write = port_write};

static enum dev_status init(struct dev *d, const void *cfg) {
    struct ne2000_isa *s = to_isa(d);
    const struct ne2000_isa_config *c = cfg;
    if (!c || !c->net || !c->base) return DEV_BAD_CONFIG;
    s->irq = c->irq;
    s->core.set_irq = set_irq;
    s->core.opaque = s;
    enum dev_status st = dev_io_map(d->host->io, c->base, NE2000_PORTS, &ops, s);
    if (st != DEV_OK) return st;
    s->base = c->base;
    ne2000_init(&s->core, c->net, c->mac);
    return DEV_OK;
}

static void reset(struct dev *d) { ne2000_reset(&to_isa(d)->core); }
static void state(struct dev *d, struct dev_state *st) { ne2000_state(&to_isa(d)->core, st); }

static void destroy(struct dev *d) {
    if (to_isa(d)->base) dev_io_unmap(d->host->io, to_isa(d)->base, NE2000_PORTS);
    ne2000_fini(&to_isa(d)->core);
}

const struct dev_class ne2000_isa_class = {
    .name = "ne2000",
    .instance_size = sizeof(struct ne2000_isa),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
