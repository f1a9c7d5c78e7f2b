/*
 * uart16550.h: serial port.
 *
 * Data sheet: National Semiconductor PC16550D UART with FIFOs. The PC's OUT2
 * gate on the interrupt line is there. Bytes leave at once; the divisor only
 * sets the length of the receive timeout.
 */
#ifndef NOVT_DEVEMU_UART16550_H
#define NOVT_DEVEMU_UART16550_H

#include "devemu/dev.h"

struct uart16550_config {
    uint16_t base; /* 0: 3F8h */
    struct dev_line irq;
    struct dev_chr *chr; /* NULL: nothing is connected (no carrier, output dropped). Must outlive the device. */
};

extern const struct dev_class uart16550_class;

#endif
