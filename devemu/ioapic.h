/*
 * ioapic.h: Intel 82093AA I/O APIC, 24 pins, registers at FEC00000h.
 *
 * Source: Intel 82093AA datasheet (290566). Pins carry "asserted", not a
 * voltage: the polarity bits are stored and have no effect, as the board's
 * lines mean the same to every controller.
 */
#ifndef NOVT_DEVEMU_IOAPIC_H
#define NOVT_DEVEMU_IOAPIC_H

#include "devemu/lapic.h"

enum { IOAPIC_PINS = 24 };
#define IOAPIC_BASE 0xFEC00000u

struct ioapic_cfg {
    struct apic_bus *bus;
};
extern const struct dev_class ioapic_class;

/* dev_line.set: level of a pin. d is the struct dev. */
void ioapic_set_pin(void *d, int pin, bool level);
/* For the console: a redirection entry. */
uint64_t ioapic_entry(struct dev *d, int pin);
#endif
