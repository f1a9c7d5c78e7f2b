/*
 * cf9.h: the reset control register behind port CF9h.
 *
 * Data sheet: Intel 82371SB (PIIX3), "Reset Control Register". The port lies
 * inside PCI's CONFADD dword, so this device claims nothing: the PCI host
 * bridge hands byte accesses at exactly CF9h to these functions.
 */
#ifndef NOVT_DEVEMU_CF9_H
#define NOVT_DEVEMU_CF9_H

#include "devemu/dev.h"

extern const struct dev_class cf9_class; /* no config */

uint8_t cf9_read(struct dev *d);
void cf9_write(struct dev *d, uint8_t value);

#endif
