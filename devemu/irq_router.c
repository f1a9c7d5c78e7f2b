/*
 * irq_router.c: one interrupt line to both controllers, shared by OR.
 *
 * Handles are given out in board order, so that saved state means the same in
 * every machine of one configuration. A source's repeated level is dropped; an
 * edge of the line's OR is what the controllers see.
 */
#include "devemu/irq_router.h"

enum { SOURCE_SHIFT = 8, PIC_LINES = 16, PIT_LINE = 0, PIT_PIN = 2 };

struct irq_router {
    struct dev dev;
    struct irq_router_cfg cfg;
    uint16_t sources[IRQ_ROUTER_LINES]; /* handles given out */
    uint16_t level[IRQ_ROUTER_LINES];   /* bit n: source n asserts */
    uint64_t raised[IRQ_ROUTER_LINES];  /* a statistic: not saved */
};

static struct irq_router *to_router(struct dev *d) { return (struct irq_router *)d; }

static void drive(struct irq_router *s, int gsi, bool level) {
    if (gsi < PIC_LINES && s->cfg.pic_set) s->cfg.pic_set(s->cfg.pic, gsi, level);
    if (s->cfg.ioapic_set) s->cfg.ioapic_set(s->cfg.ioapic, gsi == PIT_LINE ? PIT_PIN : gsi, level);
}

static void set(void *opaque, int n, bool level) {
    struct irq_router *s = opaque;
    int gsi = n & ((1 << SOURCE_SHIFT) - 1);
    uint16_t bit = (uint16_t)(1u << (n >> SOURCE_SHIFT));
    uint16_t before = s->level[gsi];
    s->level[gsi] = (uint16_t)(level ? before | bit : before & ~bit);
    s->raised[gsi] += !before && s->level[gsi];
    if (!before != !s->level[gsi]) drive(s, gsi, level);
}

struct dev_line irq_router_line(struct dev *d, int gsi) {
    struct irq_router *s = to_router(d);
    int source = s->sources[gsi] < IRQ_ROUTER_SOURCES ? s->sources[gsi]++ : IRQ_ROUTER_SOURCES - 1;
    return (struct dev_line){.set = set, .opaque = s, .n = gsi | source << SOURCE_SHIFT};
}

bool irq_router_level(struct dev *d, int gsi) { return to_router(d)->level[gsi]; }

uint64_t irq_router_raised(struct dev *d, int gsi) { return to_router(d)->raised[gsi]; }

static enum dev_status init(struct dev *d, const void *cfg) {
    if (!cfg) return DEV_BAD_CONFIG;
    to_router(d)->cfg = *(const struct irq_router_cfg *)cfg;
    return DEV_OK;
}
/* Levels belong to the devices: those that are reset lower theirs themselves. */
static void reset(struct dev *d) { (void)d; }
static void state(struct dev *d, struct dev_state *st) { DEV_STATE(st, to_router(d)->level); }

const struct dev_class irq_router_class = {
    .name = "irq-router",
    .instance_size = sizeof(struct irq_router),
    .init = init,
    .reset = reset,
    .state = state,
};
