/*
 * irq_router.h: one interrupt line to both controllers.
 *
 * A board line (GSI) 0..23 reaches PIC input n (below 16) and I/O APIC pin n;
 * line 0, the PIT, reaches pin 2, as PC boards wire it. Several sources may
 * share a line: each takes a handle of its own and the router ORs them.
 */
#ifndef NOVT_DEVEMU_IRQ_ROUTER_H
#define NOVT_DEVEMU_IRQ_ROUTER_H

#include "devemu/dev.h"

enum { IRQ_ROUTER_LINES = 24, IRQ_ROUTER_SOURCES = 16 /* a line */ };

struct irq_router_cfg {
    /* Setters of the two controllers: i8259_set_irq, ioapic_set_pin. Either may be NULL. */
    void (*pic_set)(void *pic, int irq, bool level);
    void *pic;
    void (*ioapic_set)(void *ioapic, int pin, bool level);
    void *ioapic;
};
extern const struct dev_class irq_router_class;

/* A new source of a line. Beyond IRQ_ROUTER_SOURCES the last one is shared. */
struct dev_line irq_router_line(struct dev *d, int gsi);
/* How often a line was raised; its level: for the console. */
uint64_t irq_router_raised(struct dev *d, int gsi);
bool irq_router_level(struct dev *d, int gsi);
#endif
