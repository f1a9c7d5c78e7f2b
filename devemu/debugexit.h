/*
 * debugexit.h: a port with which a test guest ends the run: writing v asks for
 * exit with code (v << 1) | 1, as QEMU's isa-debug-exit does. No data sheet.
 */
#ifndef NOVT_DEVEMU_DEBUGEXIT_H
#define NOVT_DEVEMU_DEBUGEXIT_H

#include "devemu/dev.h"

struct debugexit_config {
    uint16_t iobase; /* 0: F4h */
    uint16_t iosize; /* ports; 0: 4 */
};

extern const struct dev_class debugexit_class;

#endif
