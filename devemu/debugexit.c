/* debugexit.c: see debugexit.h. No state. */
#include "devemu/debugexit.h"

struct debugexit {
    struct dev dev;
};

static uint32_t exit_read(void *opaque, uint16_t port, unsigned size) {
    (void)opaque, (void)port, (void)size;
    return 0;
}

static void exit_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct dev_host *h = ((struct debugexit *)opaque)->dev.host;
    (void)port, (void)size;
    h->request(h->opaque, DEV_REQ_EXIT, (int)(value << 1 | 1));
}

static const struct dev_io_ops exit_ops = {.name = "debugexit", .read = exit_read, .write = exit_write};

static enum dev_status init(struct dev *d, const void *cfg) {
    const struct debugexit_config *c = cfg;
    uint16_t base = c && c->iobase ? c->iobase : 0xF4, size = c && c->iosize ? c->iosize : 4;
    return dev_io_map(d->host->io, base, size, &exit_ops, d);
}

static void reset(struct dev *d) { (void)d; }
static void state(struct dev *d, struct dev_state *st) { (void)d, (void)st; }

const struct dev_class debugexit_class = {
    .name = "debugexit",
    .instance_size = sizeof(struct debugexit),
    .init = init,
    .reset = reset,
    .state = state,
};
