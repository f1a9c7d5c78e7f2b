/*
 * ne2000.h: NE2000 network adapters: DP8390D controller, 16 KiB of packet
 * memory and an address PROM; on ISA as Novell's card, on PCI as RealTek's RTL8029.
 *
 * Sources: National DP8390D/NS32490D data sheet; RealTek RTL8029AS data sheet.
 */
#ifndef NOVT_DEVEMU_NE2000_H
#define NOVT_DEVEMU_NE2000_H

#include "devemu/dev.h"
#include "devemu/net.h"

struct ne2000_isa_config {
    uint16_t base; /* first of 32 ports */
    struct dev_line irq;
    uint8_t mac[NET_MAC_BYTES];
    struct dev_net *net; /* outlives the adapter; never NULL */
};
extern const struct dev_class ne2000_isa_class;
/* Configuration: struct nic_pci_config. */
extern const struct dev_class ne2000_pci_class;
#endif
