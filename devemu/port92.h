/*
 * port92.h: system control port A (92h): fast A20 and fast reset.
 *
 * Data sheet: Intel 82371SB (PIIX3) / IBM PS/2 Technical Reference, "System Control Port A".
 */
#ifndef NOVT_DEVEMU_PORT92_H
#define NOVT_DEVEMU_PORT92_H

#include "devemu/a20.h"

struct port92_config {
    struct a20_gate *a20; /* must outlive the device */
};

extern const struct dev_class port92_class;

#endif
