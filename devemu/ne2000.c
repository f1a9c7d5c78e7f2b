/*
 * ne2000.c: registers of the DP8390, remote DMA, the NE2000's memory.
 *
 * Source: DP8390D data sheet, "Internal Registers", "Remote DMA", "Initialization Procedures". The memory map is
 * Novell's: PROM at 0, RAM at 4000h. Every address and count register may hold anything: memory is reached through
 * ne2000_mem_read and ne2000_mem_write only.
 */
#include <string.h>
#include "devemu/ne2000_internal.h"

/* Offsets. Page 0 reads and writes different registers. */
enum { REG_CR = 0x00, REG_DATA = 0x10, REG_RESET = 0x18 };
enum {
    P0R_CLDA0 = 0x01,
    P0R_CLDA1 = 0x02,
    P0_BNRY = 0x03,
    P0R_TSR = 0x04,
    P0R_NCR = 0x05,
    P0R_FIFO = 0x06,
    P0_ISR = 0x07,
    P0R_CRDA0 = 0x08,
    P0R_CRDA1 = 0x09,
    P0R_ID0 = 0x0A,
    P0R_ID1 = 0x0B,
    P0R_RSR = 0x0C,
    P0R_CNTR0 = 0x0D,
    P0W_PSTART = 0x01,
    P0W_PSTOP = 0x02,
    P0W_TPSR = 0x04,
    P0W_TBCR0 = 0x05,
    P0W_TBCR1 = 0x06,
    P0W_RSAR0 = 0x08,
    P0W_RSAR1 = 0x09,
    P0W_RBCR0 = 0x0A,
    P0W_RBCR1 = 0x0B,
    P0W_RCR = 0x0C,
    P0W_TCR = 0x0D,
    P0W_DCR = 0x0E,
    P0W_IMR = 0x0F,
    P1_PAR0 = 0x01,
    P1_CURR = 0x07,
    P1_MAR0 = 0x08,
    P3_CONFIG3 = 0x06,
};
enum { CONFIG3_FULL_DUPLEX = 0x40 };
enum { PAGE_BYTES = 256 };
enum { PROM_MARK = 0x57 /* 'W': a card with a 16-bit slot */, PROM_MARK_AT = 28 };

static uint16_t with_low(uint16_t v, uint8_t b) { return (uint16_t)((v & 0xFF00) | b); }
static uint16_t with_high(uint16_t v, uint8_t b) { return (uint16_t)((v & 0xFF) | b << 8); }

/* ---- Interrupt ---- */

static void update_irq(struct ne2000 *n) { n->set_irq(n->opaque, (n->isr & n->imr & ~ISR_RST) != 0); }

void ne2000_raise(struct ne2000 *n, uint8_t isr) {
    n->isr |= isr;
    update_irq(n);
}

/* ---- Memory and remote DMA ---- */

/* The PROM repeats below the RAM. */
uint8_t ne2000_mem_read(const struct ne2000 *n, uint16_t address) {
    if (address < NE2000_RAM_START) return n->prom[address % NE2000_PROM_BYTES];
    return address < NE2000_RAM_START + NE2000_RAM_BYTES ? n->ram[address - NE2000_RAM_START] : 0xFF;
}

void ne2000_mem_write(struct ne2000 *n, uint16_t address, uint8_t value) {
    if (address >= NE2000_RAM_START && address < NE2000_RAM_START + NE2000_RAM_BYTES)
        n->ram[address - NE2000_RAM_START] = value;
}

static void remote_done(struct ne2000 *n) {
    if ((n->cr & CR_RD) == CR_RD_SEND) n->bnry = n->send_next;
    n->cr = (uint8_t)((n->cr & ~CR_RD) | CR_RD_ABORT);
    ne2000_raise(n, ISR_RDC);
}

/* One transfer of a byte or, with WTS, a word has been made. The ring is a ring for remote DMA as well. */
static void remote_advance(struct ne2000 *n) {
    unsigned width = n->dcr & DCR_WTS ? 2 : 1;
    n->rsar = (uint16_t)(n->rsar + width);
    if (n->rsar == n->pstop * PAGE_BYTES) n->rsar = (uint16_t)(n->pstart * PAGE_BYTES);
    n->rbcr = n->rbcr > width ? (uint16_t)(n->rbcr - width) : 0;
    if (!n->rbcr) remote_done(n);
}

static bool remote_reads(const struct ne2000 *n) {
    return (n->cr & CR_RD) == CR_RD_READ || (n->cr & CR_RD) == CR_RD_SEND;
}

/* What the data port gives in one bus cycle: in word mode a byte access sees the low byte, and the high one is lost. */
static uint16_t remote_read(struct ne2000 *n) {
    if (!remote_reads(n)) return 0xFFFF;
    uint16_t v;
    if (n->dcr & DCR_WTS) {
        uint16_t even = n->rsar & 0xFFFE;
        v = (uint16_t)(ne2000_mem_read(n, even) | ne2000_mem_read(n, even + 1) << 8);
    } else {
        v = ne2000_mem_read(n, n->rsar);
    }
    remote_advance(n);
    return v;
}

static void remote_write(struct ne2000 *n, uint16_t v) {
    if ((n->cr & CR_RD) != CR_RD_WRITE) return;
    if (n->dcr & DCR_WTS) {
        uint16_t even = n->rsar & 0xFFFE;
        ne2000_mem_write(n, even, (uint8_t)v);
        ne2000_mem_write(n, even + 1, (uint8_t)(v >> 8));
    } else {
        ne2000_mem_write(n, n->rsar, (uint8_t)v);
    }
    remote_advance(n);
}

/* Bytes that one cycle of the data port carries. */
static unsigned cycle_bytes(const struct ne2000 *n, unsigned left) { return n->dcr & DCR_WTS && left >= 2 ? 2 : 1; }

static uint32_t data_read(struct ne2000 *n, unsigned size) {
    uint32_t v = 0;
    for (unsigned at = 0, step; at < size; at += step) {
        step = cycle_bytes(n, size - at);
        v |= (remote_read(n) & (step == 2 ? 0xFFFFu : 0xFFu)) << (8 * at); /* NOLINT: size is 4 at most */
    }
    return v;
}

static void data_write(struct ne2000 *n, unsigned size, uint32_t value) {
    for (unsigned at = 0, step; at < size; at += step) {
        step = cycle_bytes(n, size - at);
        remote_write(n, (uint16_t)(value >> (8 * at)));
    }
}

/* Send packet: the next packet of the ring goes to the host, its length is in its header. */
static void start_send(struct ne2000 *n) {
    n->rsar = (uint16_t)(n->bnry * PAGE_BYTES);
    n->send_next = ne2000_mem_read(n, n->rsar + 1);
    n->rbcr = with_high(ne2000_mem_read(n, n->rsar + 2), ne2000_mem_read(n, n->rsar + 3));
}

static void start_remote(struct ne2000 *n) {
    if ((n->cr & CR_RD) == CR_RD_SEND) start_send(n);
    bool active = (n->cr & CR_RD) && !(n->cr & CR_RD_ABORT);
    if (active && !n->rbcr) remote_done(n);
}

/* ---- Command register ---- */

/* Software reset: activity ends, registers stay. */
static void stop(struct ne2000 *n) {
    n->started = false;
    n->isr |= ISR_RST;
}

static void start(struct ne2000 *n) {
    n->started = true;
    n->isr &= (uint8_t)~ISR_RST;
}

/* With neither STP nor STA the controller goes on as it was: drivers turn pages so. */
static void write_cr(struct ne2000 *n, uint8_t v) {
    n->cr = (uint8_t)(v & ~CR_TXP);
    if (v & CR_STP) {
        stop(n);
        return;
    }
    if (v & CR_STA) start(n);
    start_remote(n);
    if ((v & CR_TXP) && n->started) ne2000_transmit(n);
}

/* ---- Registers by page ---- */

static uint8_t read_tally(struct ne2000 *n, unsigned i) {
    uint8_t v = n->tally[i];
    n->tally[i] = 0;
    return v;
}

static uint8_t read_fifo(struct ne2000 *n) { return n->fifo[n->fifo_at++ % NE2000_FIFO_BYTES]; }

static uint8_t read_page0(struct ne2000 *n, unsigned reg) {
    switch (reg) {
    case P0R_CLDA0: return 0;
    case P0R_CLDA1: return n->curr;
    case P0_BNRY: return n->bnry;
    case P0R_TSR: return n->tsr;
    case P0R_NCR: return 0;
    case P0R_FIFO: return read_fifo(n);
    case P0_ISR: return n->isr;
    case P0R_CRDA0: return (uint8_t)n->rsar;
    case P0R_CRDA1: return (uint8_t)(n->rsar >> 8);
    case P0R_ID0: return n->rtl8029 ? 'P' : 0xFF;
    case P0R_ID1: return n->rtl8029 ? 'C' : 0xFF;
    case P0R_RSR: return n->rsr;
    default: return read_tally(n, reg - P0R_CNTR0);
    }
}

static uint8_t read_page1(const struct ne2000 *n, unsigned reg) {
    if (reg < P1_CURR) return n->par[reg - P1_PAR0];
    return reg == P1_CURR ? n->curr : n->mar[reg - P1_MAR0];
}

/* Page 2 reads back what page 0 wrote, for diagnostics; bits that do not exist read as ones. */
static uint8_t read_page2(const struct ne2000 *n, unsigned reg) {
    switch (reg) {
    case P0W_PSTART: return n->pstart;
    case P0W_PSTOP: return n->pstop;
    case P0W_TPSR: return n->tpsr;
    case P0W_RCR: return n->rcr | 0xC0;
    case P0W_TCR: return n->tcr | 0xE0;
    case P0W_DCR: return n->dcr | 0x80;
    case P0W_IMR: return n->imr | 0x80;
    default: return 0xFF;
    }
}

/* RealTek's: twisted pair, full duplex, no EEPROM cycle running. */
static uint8_t read_page3(const struct ne2000 *n, unsigned reg) {
    if (!n->rtl8029) return 0xFF;
    return reg == P3_CONFIG3 ? CONFIG3_FULL_DUPLEX : 0;
}

static uint8_t read_register(struct ne2000 *n, unsigned reg) {
    if (reg == REG_CR) return n->cr;
    switch (n->cr >> CR_PAGE_SHIFT) {
    case 0: return read_page0(n, reg);
    case 1: return read_page1(n, reg);
    case 2: return read_page2(n, reg);
    default: return read_page3(n, reg);
    }
}

static void write_page0(struct ne2000 *n, unsigned reg, uint8_t v) {
    switch (reg) {
    case P0W_PSTART: n->pstart = v; break;
    case P0W_PSTOP: n->pstop = v; break;
    case P0_BNRY: n->bnry = v; break;
    case P0W_TPSR: n->tpsr = v; break;
    case P0W_TBCR0: n->tbcr = with_low(n->tbcr, v); break;
    case P0W_TBCR1: n->tbcr = with_high(n->tbcr, v); break;
    case P0_ISR: n->isr &= (uint8_t) ~(v & ~ISR_RST); break;
    case P0W_RSAR0: n->rsar = with_low(n->rsar, v); break;
    case P0W_RSAR1: n->rsar = with_high(n->rsar, v); break;
    case P0W_RBCR0: n->rbcr = with_low(n->rbcr, v); break;
    case P0W_RBCR1: n->rbcr = with_high(n->rbcr, v); break;
    case P0W_RCR: n->rcr = v & 0x3F; break;
    case P0W_TCR: n->tcr = v & 0x1F; break;
    case P0W_DCR: n->dcr = v & 0x7F; break;
    case P0W_IMR: n->imr = v & 0x7F; break;
    default: break;
    }
    update_irq(n);
}

static void write_page1(struct ne2000 *n, unsigned reg, uint8_t v) {
    if (reg < P1_CURR)
        n->par[reg - P1_PAR0] = v;
    else if (reg == P1_CURR)
        n->curr = v;
    else
        n->mar[reg - P1_MAR0] = v;
}

/* Pages 2 and 3 are for the factory and the EEPROM. */
static void write_register(struct ne2000 *n, unsigned reg, uint8_t v) {
    unsigned page = n->cr >> CR_PAGE_SHIFT;
    if (reg == REG_CR)
        write_cr(n, v);
    else if (page == 0)
        write_page0(n, reg, v);
    else if (page == 1)
        write_page1(n, reg, v);
}

/* ---- Ports ---- */

/* Reading or writing the reset ports pulls the controller's reset pin. */
static void reset_chip(struct ne2000 *n) {
    n->cr = CR_RD_ABORT | CR_STP;
    n->started = false;
    n->isr = ISR_RST;
    n->imr = 0;
    n->dcr &= (uint8_t)~DCR_AR;
    n->tcr &= (uint8_t)~TCR_LB;
    update_irq(n);
}

/* The receiver may have become ready: by room in the ring, or because it stops and takes what it then forgets. */
static void tell_ready(struct ne2000 *n) {
    if (!n->waiting || !ne2000_can_receive(n)) return;
    n->waiting = false;
    n->net->ready(n->net->opaque);
}

static uint8_t read_byte(struct ne2000 *n, unsigned offset) {
    if (offset < REG_DATA) return read_register(n, offset);
    reset_chip(n);
    return 0xFF;
}

static void write_byte(struct ne2000 *n, unsigned offset, uint8_t v) {
    if (offset < REG_DATA)
        write_register(n, offset, v);
    else
        reset_chip(n);
}

static bool is_data(unsigned offset) { return offset >= REG_DATA && offset < REG_RESET; }

uint32_t ne2000_read(struct ne2000 *n, unsigned offset, unsigned size) {
    uint32_t v = 0;
    n->bunch = false;
    if (is_data(offset)) {
        v = data_read(n, size);
    } else {
        for (unsigned i = 0; i < size; i++) v |= (uint32_t)read_byte(n, (offset + i) % NE2000_PORTS) << (8 * i);
    }
    tell_ready(n);
    return v;
}

void ne2000_write(struct ne2000 *n, unsigned offset, unsigned size, uint32_t value) {
    n->bunch = false;
    if (is_data(offset)) {
        data_write(n, size, value);
    } else {
        for (unsigned i = 0; i < size; i++) write_byte(n, (offset + i) % NE2000_PORTS, (uint8_t)(value >> (8 * i)));
    }
    tell_ready(n);
}

/* ---- Life ---- */

void ne2000_init(struct ne2000 *n, struct dev_net *net, const uint8_t mac[NET_MAC_BYTES]) {
    n->net = net;
    net_connect(net, n, ne2000_can_receive, ne2000_receive);
    /* Byte i of the PROM answers on both bytes of word i. */
    for (int i = 0; i < NET_MAC_BYTES; i++) n->prom[2 * i] = n->prom[2 * i + 1] = mac[i];
    memset(n->prom + PROM_MARK_AT, PROM_MARK, NE2000_PROM_BYTES - PROM_MARK_AT);
}

void ne2000_reset(struct ne2000 *n) {
    n->dcr = n->tcr = n->rcr = n->tsr = n->rsr = 0;
    n->pstart = n->pstop = n->bnry = n->curr = n->tpsr = 0;
    n->tbcr = n->rsar = n->rbcr = 0;
    memset(n->par, 0, sizeof n->par);
    memset(n->mar, 0, sizeof n->mar);
    memset(n->tally, 0, sizeof n->tally);
    memset(n->fifo, 0, sizeof n->fifo);
    n->fifo_at = n->send_next = 0;
    memset(n->ram, 0, sizeof n->ram);
    reset_chip(n);
    tell_ready(n);
}

/* The line's level is in the state of what it leads to. */
void ne2000_state(struct ne2000 *n, struct dev_state *st) {
    uint8_t *const bytes[] = {&n->cr,     &n->isr,   &n->imr,  &n->dcr,  &n->tcr,  &n->rcr,     &n->tsr,      &n->rsr,
                              &n->pstart, &n->pstop, &n->bnry, &n->curr, &n->tpsr, &n->fifo_at, &n->send_next};
    for (size_t i = 0; i < sizeof bytes / sizeof bytes[0]; i++) dev_state_bytes(st, bytes[i], 1);
    DEV_STATE(st, n->tbcr);
    DEV_STATE(st, n->rsar);
    DEV_STATE(st, n->rbcr);
    DEV_STATE(st, n->par);
    DEV_STATE(st, n->mar);
    DEV_STATE(st, n->tally);
    DEV_STATE(st, n->fifo);
    DEV_STATE(st, n->ram);
    dev_state_bool(st, &n->started);
    dev_state_bool(st, &n->bunch);
    n->waiting |= !st->saving; /* whatever the backend was told last */
}

void ne2000_fini(struct ne2000 *n) { net_disconnect(n->net); }
