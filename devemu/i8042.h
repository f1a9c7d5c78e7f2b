/*
 * i8042.h: keyboard controller with keyboard and PS/2 mouse, ports 60h and 64h.
 *
 * Data sheet: Intel 8042 (UPI-41) with the PS/2 firmware of the IBM PS/2
 * Technical Reference, "Keyboard/Auxiliary Device Controller".
 */
#ifndef NOVT_DEVEMU_I8042_H
#define NOVT_DEVEMU_I8042_H

#include "devemu/a20.h"

struct i8042_config {
    struct dev_line irq1, irq12;
    struct a20_gate *a20; /* output port bit 1; must outlive the device; may be NULL */
};

extern const struct dev_class i8042_class;

/* A key: its bytes in scan code set 2 (make, or F0-prefixed break, with E0/E1 as they come),
 * translated as the guest asked. All or nothing: false means no room now, try later. */
bool i8042_key(struct dev *d, const uint8_t *set2_codes, size_t n);
/* Relative movement: x to the right, y down, wheel toward the user. buttons: bits left, right, middle, side, side. */
void i8042_mouse(struct dev *d, int dx, int dy, int dz, unsigned buttons);
/* Whether the guest's driver has turned the mouse on. */
bool i8042_mouse_enabled(struct dev *d);
uint8_t i8042_leds(struct dev *d); /* bit 0 scroll, 1 num, 2 caps */

#endif
