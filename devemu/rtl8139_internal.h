/*
 * rtl8139_internal.h: registers and state of the RTL8139C, shared by rtl8139*.c.
 *
 * Source: RealTek RTL8139C(L) data sheet, "Register Descriptions". While the adapter moves data (`in_dma`) its own
 * registers do not answer: a PCI master is not its own target, and no buffer address can restart the engine.
 */
#ifndef NOVT_DEVEMU_RTL8139_INTERNAL_H
#define NOVT_DEVEMU_RTL8139_INTERNAL_H

#include "devemu/eeprom93c46.h"
#include "devemu/rtl8139.h"

enum { RTL_TX = 4, RTL_MAR = 8 };

enum { /* CR */
       CR_BUFE = 1 << 0,
       CR_TE = 1 << 2,
       CR_RE = 1 << 3,
       CR_RST = 1 << 4,
};
enum { /* ISR, IMR */
       INT_ROK = 1 << 0,
       INT_TOK = 1 << 2,
       INT_RXOVW = 1 << 4,
       INT_LINK = 1 << 5,
       INT_TIMEOUT = 1 << 14,
       INT_ALL = 0xE07F
};
enum { /* RCR */
       RCR_AAP = 1 << 0,
       RCR_APM = 1 << 1,
       RCR_AM = 1 << 2,
       RCR_AB = 1 << 3,
       RCR_WRAP = 1 << 7,
};
enum { TSD_SIZE = 0x1FFF, TSD_OWN = 1 << 13, TSD_TUN = 1 << 14, TSD_TOK = 1 << 15, TSD_THRESHOLD = 0x3F << 16 };
enum { TCR_LOOPBACK = 3 << 17 };

struct rtl8139 {
    struct pci_dev pci; /* first */
    struct dev_net *net;
    uint8_t mac[NET_MAC_BYTES];
    uint8_t idr[8], mar[RTL_MAR];
    uint32_t tsd[RTL_TX], tsad[RTL_TX];
    uint32_t tx_next; /* whose turn it is */
    uint32_t rbstart, tcr, rcr, mpc, timer_int;
    uint16_t capr, cbr, imr, isr;
    uint8_t cr, cfg9346, config[6];
    uint16_t bmcr, anar, mulint, nwaytr, cscr, parm[4];
    uint64_t tctr_zero_ns; /* when TCTR was 0 */
    struct eeprom93c46 eeprom;
    struct dev_timer timer;
    bool in_dma;
};

/* ---- rtl8139.c ---- */
void rtl8139_raise(struct rtl8139 *s, uint16_t causes);

/* ---- rtl8139_data.c ---- */
/* Sends the descriptors that are ready, in turn. */
void rtl8139_transmit(struct rtl8139 *s);
bool rtl8139_ring_empty(const struct rtl8139 *s);
bool rtl8139_can_receive(void *opaque);
/* From the wire. */
void rtl8139_receive(void *opaque, const uint8_t *frame, size_t len);
#endif
