/* cf9.c: bit 1 chooses hard reset, bit 2 rising resets. Both kinds reset the machine. */
#include "devemu/cf9.h"

enum { HARD = 2, RESET_CPU = 4, WRITABLE = HARD | RESET_CPU };

struct cf9 {
    struct dev dev;
    uint8_t value;
};

uint8_t cf9_read(struct dev *d) { return ((struct cf9 *)d)->value; }

void cf9_write(struct dev *d, uint8_t value) {
    struct cf9 *s = (struct cf9 *)d;
    bool rises = (value & ~s->value) & RESET_CPU;
    s->value = value & WRITABLE;
    if (rises) d->host->request(d->host->opaque, DEV_REQ_RESET, 0);
}

static void reset(struct dev *d) { ((struct cf9 *)d)->value = 0; }

static enum dev_status init(struct dev *d, const void *cfg) {
    (void)cfg;
    reset(d);
    return DEV_OK;
}

static void state(struct dev *d, struct dev_state *st) { DEV_STATE(st, ((struct cf9 *)d)->value); }

const struct dev_class cf9_class = {
    .name = "cf9",
    .instance_size = sizeof(struct cf9),
    .init = init,
    .reset = reset,
    .state = state,
};
