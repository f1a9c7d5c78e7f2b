/*
 * port61.h: system control port B (61h): speaker, timer 2, refresh, NMI status.
 *
 * Data sheet: Intel 82371SB (PIIX3), "NMI Status and Control".
 */
#ifndef NOVT_DEVEMU_PORT61_H
#define NOVT_DEVEMU_PORT61_H

#include "devemu/dev.h"

struct port61_config {
    struct dev *pit; /* i8254 instance */
};

extern const struct dev_class port61_class;

/* Raises an NMI with its cause latched in bit 6 (IOCHK#) or bit 7 (SERR#), unless masked there. */
void port61_iochk(struct dev *d);
void port61_serr(struct dev *d);

#endif
