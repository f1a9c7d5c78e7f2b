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

/* Configuration: struct nic_pci_config. */

extern const struct dev_class e1000_class;
#endif
