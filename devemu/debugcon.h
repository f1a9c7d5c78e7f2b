/*
 * debugcon.h: a write-only text port for firmware and test guests (E9h by
 * custom of the Bochs emulator, 402h for SeaBIOS). No data sheet: a write sends
 * one byte, a read gives E9h so that software can detect it.
 */
#ifndef NOVT_DEVEMU_DEBUGCON_H
#define NOVT_DEVEMU_DEBUGCON_H

#include "devemu/dev.h"

struct debugcon_config {
    uint16_t port;       /* 0: E9h */
    struct dev_chr *chr; /* NULL: output is dropped. Must outlive the device. */
};

extern const struct dev_class debugcon_class;

#endif
