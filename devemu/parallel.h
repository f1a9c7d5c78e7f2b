/*
 * parallel.h: parallel port with a printer that is always ready.
 *
 * Sources: IBM PC/AT Technical Reference, "Parallel Printer Adapter"; IBM PS/2
 * "Parallel Port Controller" (direction bit, interrupt status); IEEE 1284-1994,
 * compatibility mode. The printer knows no other mode: it leaves a 1284
 * negotiation unanswered, as printers older than the standard do.
 */
#ifndef NOVT_DEVEMU_PARALLEL_H
#define NOVT_DEVEMU_PARALLEL_H

#include "devemu/dev.h"

struct parallel_config {
    uint16_t base; /* 0: 378h; 3 ports */
    struct dev_line irq;
    struct dev_chr *chr; /* what is printed; NULL: no printer is connected. Must outlive the device. */
};

extern const struct dev_class parallel_class;
#endif
