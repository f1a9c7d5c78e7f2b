/* port61.c: system control port B; gate, OUT and refresh are the timer's, asked when read. */
#include "devemu/port61.h"
#include "devemu/i8254.h"

enum { GATE2 = 1, SPEAKER = 2, SERR_OFF = 4, IOCHK_OFF = 8, WRITABLE = 0x0F };
enum { REFRESH = 0x10, OUT2 = 0x20, IOCHK = 0x40, SERR = 0x80 };

struct port61 {
    struct dev dev;
    struct port61_config cfg;
    uint8_t control; /* the writable bits */
    uint8_t causes;  /* IOCHK, SERR */
};

static uint32_t p61_read(void *opaque, uint16_t port, unsigned size) {
    struct port61 *s = opaque;
    uint32_t v = s->control | s->causes;
    (void)port, (void)size;
    if (s->cfg.pit) {
        v |= i8254_refresh_toggle(s->cfg.pit) ? REFRESH : 0;
        v |= i8254_out(s->cfg.pit, 2) ? OUT2 : 0;
    }
    return v;
}

static void set_control(struct port61 *s, uint8_t v) {
    s->control = v & WRITABLE;
    if (v & IOCHK_OFF) s->causes &= (uint8_t)~IOCHK;
    if (v & SERR_OFF) s->causes &= (uint8_t)~SERR;
    if (s->cfg.pit) i8254_set_gate(s->cfg.pit, 2, v & GATE2);
}

static void p61_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)port, (void)size;
    set_control(opaque, (uint8_t)value);
}

static const struct dev_io_ops p61_ops = {
    .name = "port61", .read = p61_read, .write = p61_write, .byte_only = true, .keeps_fpu = true};

static void raise_nmi(struct port61 *s, uint8_t mask, uint8_t cause) {
    struct dev_host *h = s->dev.host;
    if (s->control & mask) return;
    s->causes |= cause;
    h->request(h->opaque, DEV_REQ_NMI, 0);
}

void port61_iochk(struct dev *d) { raise_nmi((struct port61 *)d, IOCHK_OFF, IOCHK); }
void port61_serr(struct dev *d) { raise_nmi((struct port61 *)d, SERR_OFF, SERR); }

static void p61_reset(struct dev *d) {
    struct port61 *s = (struct port61 *)d;
    s->causes = 0;
    set_control(s, 0);
}

static enum dev_status p61_init(struct dev *d, const void *cfg) {
    struct port61 *s = (struct port61 *)d;
    if (cfg) s->cfg = *(const struct port61_config *)cfg;
    return dev_io_map(d->host->io, 0x61, 1, &p61_ops, s);
}

static void p61_state(struct dev *d, struct dev_state *st) {
    struct port61 *s = (struct port61 *)d;
    DEV_STATE(st, s->control);
    DEV_STATE(st, s->causes);
    if (!st->saving) /* the gate itself is the timer's state */
        s->control &= WRITABLE;
}

const struct dev_class port61_class = {
    .name = "port61",
    .instance_size = sizeof(struct port61),
    .init = p61_init,
    .reset = p61_reset,
    .state = p61_state,
};
