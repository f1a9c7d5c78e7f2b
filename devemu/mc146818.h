/*
 * mc146818.h: real-time clock and CMOS memory, ports 70h-73h.
 *
 * Data sheet: Motorola MC146818A; the century byte (32h) and the upper 128
 * bytes behind 72h/73h as in the Intel 82371SB (PIIX3) and PC BIOSes.
 * Time follows the host's wall clock plus what the guest has set it off by.
 * Contents and clock survive reset; only interrupts are reset.
 */
#ifndef NOVT_DEVEMU_MC146818_H
#define NOVT_DEVEMU_MC146818_H

#include "devemu/dev.h"

struct mc146818_config {
    struct dev_line irq8;
    int64_t offset_seconds; /* RTC time - UTC at power-on, e.g. for a guest that keeps local time */
};

extern const struct dev_class mc146818_class;

/* Plain CMOS contents (index 0..255) for the board; registers 0-Dh are not touched by this. */
void mc146818_set(struct dev *d, uint8_t index, uint8_t value);
uint8_t mc146818_get(struct dev *d, uint8_t index);

#endif
