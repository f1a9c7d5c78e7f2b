/*
 * rtl8139.h: RealTek RTL8139C Fast Ethernet controller (10EC:8139, revision 10h).
 *
 * Source: RealTek, "RTL8139C(L)+ data sheet" 1.6 and "RTL8139(A/B) Programming guide"; descriptor ("C+") mode, which
 * revision 20h announces, is not there. BAR 0: registers by ports; BAR 1: the same in memory.
 */
#ifndef NOVT_DEVEMU_RTL8139_H
#define NOVT_DEVEMU_RTL8139_H

#include "devemu/net.h"
#include "devemu/pci.h"

/* Configuration: struct nic_pci_config. */

extern const struct dev_class rtl8139_class;
#endif
