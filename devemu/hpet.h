/*
 * hpet.h: a High Precision Event Timer: a 64-bit counter at 100 MHz and three comparators, at FED00000h.
 *
 * Specification: IA-PC HPET 1.0a. All comparators can be periodic; no FSB interrupts. In legacy replacement mode
 * comparators 0 and 1 take the places of the PIT (IRQ 0) and the RTC (IRQ 8), whose lines the board then holds off.
 */
#ifndef NOVT_DEVEMU_HPET_H
#define NOVT_DEVEMU_HPET_H

#include "devemu/dev.h"

enum { HPET_TIMERS = 3, HPET_LEGACY_LINES = 2, HPET_PIN_FIRST = 20, HPET_PINS = 4 };

struct hpet_config {
    struct dev_line legacy[HPET_LEGACY_LINES]; /* IRQ 0, IRQ 8 */
    struct dev_line pin[HPET_PINS];            /* I/O APIC pins 20 to 23 */
    struct dev_line replace;                   /* high while legacy replacement is on */
};
extern const struct dev_class hpet_class;
#endif
