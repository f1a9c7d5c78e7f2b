/*
 * uhci.h: USB host controller of the PIIX3 (function 2), two ports.
 *
 * Source: Universal Host Controller Interface (UHCI) Design Guide 1.1; Intel 82371SB datasheet (290550),
 * 2.5 "USB Host Controller". Legacy keyboard emulation by SMM does not exist: LEGSUP is storage.
 */
#ifndef NOVT_DEVEMU_UHCI_H
#define NOVT_DEVEMU_UHCI_H

#include "devemu/pci.h"
#include "devemu/usb.h"

enum { UHCI_PORTS = 2 };

struct uhci_config {
    struct dev *bus;
    struct usb_device *device[UHCI_PORTS]; /* NULL: nothing is plugged in */
};
extern const struct dev_class uhci_class;
#endif
