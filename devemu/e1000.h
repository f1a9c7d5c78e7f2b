/*
 * e1000.h: Intel 82540EM Gigabit Ethernet controller (8086:100E).
 *
 * Source: Intel, "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual" (317453), called
 * SDM below in the .c files. BAR 0: registers in memory; BAR 2: the same through IOADDR and IODATA; no flash.
 */
#ifndef NOVT_DEVEMU_E1000_H
#define NOVT_DEVEMU_E1000_H

#include "devemu/net.h"
#include "devemu/pci.h"

struct e1000_config {
    struct dev *bus;
    uint8_t devfn;
    uint8_t mac[NET_MAC_BYTES];
    struct dev_net *net; /* NULL: no cable's other end; what is sent is lost */
    const void *rom;     /* option ROM, copied; NULL: none */
    size_t rom_size;
};

extern const struct dev_class e1000_class;
#endif
