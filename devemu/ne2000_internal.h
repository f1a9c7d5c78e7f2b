/*
 * ne2000_internal.h: the DP8390 core that the ISA and the PCI card share.
 *
 * Private to the ne2000*.c files.
 */
#ifndef NOVT_DEVEMU_NE2000_INTERNAL_H
#define NOVT_DEVEMU_NE2000_INTERNAL_H

#include "devemu/ne2000.h"

enum { NE2000_PORTS = 32, NE2000_RAM_START = 0x4000, NE2000_RAM_BYTES = 0x4000, NE2000_PROM_BYTES = 32 };
enum { NE2000_TALLIES = 3, NE2000_FIFO_BYTES = 8, NE2000_HASH_BYTES = 8 };

struct ne2000 {
    /* The card's. */
    void (*set_irq)(void *opaque, bool level);
    void *opaque;
    struct dev_net *net;
    bool rtl8029; /* registers that RealTek added */
    uint8_t prom[NE2000_PROM_BYTES];
    /* Registers, by the data sheet's names. */
    uint8_t cr, isr, imr, dcr, tcr, rcr, tsr, rsr;
    uint8_t pstart, pstop, bnry, curr, tpsr;
    uint16_t tbcr, rsar, rbcr;
    uint8_t par[NET_MAC_BYTES], mar[NE2000_HASH_BYTES];
    uint8_t tally[NE2000_TALLIES]; /* CNTR0 frame alignment errors, CNTR1 CRC errors, CNTR2 missed packets */
    uint8_t fifo[NE2000_FIFO_BYTES], fifo_at;
    uint8_t send_next; /* where BNRY goes when a send-packet command has ended */
    bool started;      /* STA was written after STP */
    bool waiting;      /* can_receive said no, and `ready` is owed */
    bool bunch;        /* frames came and the guest has not touched a register since */
    uint8_t ram[NE2000_RAM_BYTES];
};

/* The core without its card: fills what never changes and becomes net's adapter. */
void ne2000_init(struct ne2000 *n, struct dev_net *net, const uint8_t mac[NET_MAC_BYTES]);
void ne2000_reset(struct ne2000 *n);
void ne2000_state(struct ne2000 *n, struct dev_state *st);
void ne2000_fini(struct ne2000 *n);
/* Ports by their offset 0..31 from the card's base. */
uint32_t ne2000_read(struct ne2000 *n, unsigned offset, unsigned size);
void ne2000_write(struct ne2000 *n, unsigned offset, unsigned size, uint32_t value);

/* ---- Between ne2000.c and ne2000_frame.c ---- */
enum { CR_STP = 1, CR_STA = 2, CR_TXP = 4, CR_RD_READ = 8, CR_RD_WRITE = 0x10, CR_RD_SEND = 0x18, CR_RD_ABORT = 0x20 };
enum { CR_RD = 0x38, CR_PAGE_SHIFT = 6 };
enum {
    ISR_PRX = 1,
    ISR_PTX = 2,
    ISR_RXE = 4,
    ISR_TXE = 8,
    ISR_OVW = 0x10,
    ISR_CNT = 0x20,
    ISR_RDC = 0x40,
    ISR_RST = 0x80
};
enum { DCR_WTS = 1, DCR_LS = 8, DCR_AR = 0x10 };
enum { TCR_CRC = 1, TCR_LB = 6, TCR_LB_SHIFT = 1 };
enum { RCR_SEP = 1, RCR_AR = 2, RCR_AB = 4, RCR_AM = 8, RCR_PRO = 0x10, RCR_MON = 0x20 };
enum { TSR_PTX = 1, TSR_CRS = 0x10, TSR_CDH = 0x40 };
enum { RSR_PRX = 1, RSR_CRC = 2, RSR_MPA = 0x10, RSR_PHY = 0x20, RSR_DIS = 0x40 };

/* A byte of the packet memory or PROM; addresses of nothing read FFh and ignore writes. */
uint8_t ne2000_mem_read(const struct ne2000 *n, uint16_t address);
void ne2000_mem_write(struct ne2000 *n, uint16_t address, uint8_t value);
/* Sets bits of ISR. */
void ne2000_raise(struct ne2000 *n, uint8_t isr);
/* What the transmit command does. */
void ne2000_transmit(struct ne2000 *n);
/* struct dev_net's. */
bool ne2000_can_receive(void *opaque);
void ne2000_receive(void *opaque, const uint8_t *frame, size_t len);
#endif
