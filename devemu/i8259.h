/*
 * i8259.h: the PC's two cascaded interrupt controllers.
 *
 * Data sheet: Intel 8259A Programmable Interrupt Controller; the edge/level
 * registers 4D0h/4D1h are those of the Intel 82371SB (PIIX3).
 * Inputs are levels: irq 0-7 are the master's, 8-15 the slave's; irq 2 is the cascade.
 */
#ifndef NOVT_DEVEMU_I8259_H
#define NOVT_DEVEMU_I8259_H

#include "devemu/dev.h"

struct i8259_config {
    struct dev_line intr; /* the master's INT output */
    /* Told after each interrupt acknowledge of a real (not spurious) request; may be NULL. */
    void (*acked)(void *opaque, int irq);
    void *acked_opaque;
};

extern const struct dev_class i8259_class;

/* Input line irq (0..15); dev is the struct dev, so that it fits struct dev_line. */
void i8259_set_irq(void *dev, int irq, bool level);
/* INT output: the CPU should run an acknowledge cycle when it takes interrupts. */
bool i8259_pending(struct dev *d);
/* The two INTA cycles: returns the vector, 0..255. If the request is gone, the spurious vector (input 7). */
int i8259_ack(struct dev *d);

/* Registers for the console. */
struct i8259_view {
    uint8_t irr, isr, imr, elcr, base;
};
struct i8259_view i8259_inspect(struct dev *d, int chip /* 0 master, 1 slave */);

/* Of input irq (0..15): how often it was acknowledged, and its service ended by a command. */
void i8259_counts(struct dev *d, int irq, uint64_t *acks, uint64_t *eois);

#endif
