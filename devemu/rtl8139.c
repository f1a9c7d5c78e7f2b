/*
 * rtl8139.c: registers of the RTL8139C, EEPROM, timer, and its life as a PCI device.
 *
 * Source: RealTek RTL8139C(L) data sheet, "Register Descriptions". Registers may be accessed in any width: an access
 * is taken apart into cells of 32 bits, and a cell's handler gets the value with a mask of the bits that were
 * written. The cable is always plugged in, at 100 Mbit/s full duplex.
 */
#include "devemu/rtl8139_internal.h"
#include <string.h>
#include "devemu/bytes.h"
#include "devemu/clock.h"

enum { /* cells */
       CELL_IDR = 0x00,
       CELL_MAR = 0x08,
       CELL_TSD = 0x10,
       CELL_TSAD = 0x20,
       CELL_RBSTART = 0x30,
       CELL_CR = 0x34, /* with ERBCR, ERSR */
       CELL_CAPR = 0x38,
       CELL_IMR = 0x3C,
       CELL_TCR = 0x40,
       CELL_RCR = 0x44,
       CELL_TCTR = 0x48,
       CELL_MPC = 0x4C,
       CELL_9346 = 0x50, /* with CONFIG0, CONFIG1 */
       CELL_TIMER_INT = 0x54,
       CELL_MSR = 0x58, /* with CONFIG3, CONFIG4 */
       CELL_MULINT = 0x5C,
       CELL_BMCR = 0x60, /* with TSAD */
       CELL_BMSR = 0x64,
       CELL_ANLPAR = 0x68,
       CELL_NWAYTR = 0x70,
       CELL_CSCR = 0x74,
       CELL_PARM = 0x78, /* and 7Ch: PHY parameters */
       CELL_CONFIG5 = 0xD8,
       REGISTERS = 256,
       CLOCK_HZ = 33000000,
};
enum { CR_WRITABLE = CR_TE | CR_RE, ALL_ONES = 0xFF };
enum {
    EE_DO = 1,
    EE_DI = 2,
    EE_SK = 4,
    EE_CS = 8,
    EE_MODE = 0xC0,
    EE_AUTOLOAD = 0x40,
    EE_PINS = 0x80,
    EE_CONFIG = 0xC0
};
enum { BMCR_DEFAULT = 0x3100, BMCR_WRITABLE = 0x3100, BMCR_RESTART = 1 << 9, BMCR_RESET = 1 << 15 };
enum { BMSR = 0x782D, ANAR_DEFAULT = 0x01E1, ANLPAR = 0x41E1, ANER = 0x0001, REVISION = 0x10 };
enum { TCR_WRITABLE = 0x030707F0 | TCR_LOOPBACK, TCR_VERSION_C = 0x74000000, RCR_WRITABLE = 0x0F03FFBF };
#define TCTR_TURN (1ull << 32)

static struct rtl8139 *to_rtl(struct dev *d) { return (struct rtl8139 *)d; }
static uint64_t now(struct rtl8139 *s) { return s->pci.dev.host->now_ns(s->pci.dev.host->opaque); }

/* ---- Interrupts ---- */

static void update_irq(struct rtl8139 *s) { pci_set_intx(&s->pci, s->isr & s->imr & INT_ALL); }

void rtl8139_raise(struct rtl8139 *s, uint16_t causes) {
    s->isr |= causes;
    update_irq(s);
}

/* ---- Timer: TCTR counts PCI clocks and goes round after two minutes ---- */

static uint32_t read_tctr(struct rtl8139 *s) { return (uint32_t)dev_ns_to_ticks(now(s) - s->tctr_zero_ns, CLOCK_HZ); }

/* The next time, after this moment, at which TCTR equals TimerInt. */
static void arm_timer(struct rtl8139 *s) {
    struct dev_host *h = s->pci.dev.host;
    h->timer_cancel(h->opaque, &s->timer);
    if (!s->timer_int) return;
    uint64_t ticks = dev_ns_to_ticks(now(s) - s->tctr_zero_ns, CLOCK_HZ);
    uint64_t due = (ticks & ~(TCTR_TURN - 1)) | s->timer_int;
    if (due <= ticks) due += TCTR_TURN;
    h->timer_arm(h->opaque, &s->timer, s->tctr_zero_ns + dev_ticks_to_ns(due, CLOCK_HZ));
}

static void timer_fired(void *opaque, uint64_t now_ns) {
    struct rtl8139 *s = opaque;
    (void)now_ns;
    rtl8139_raise(s, INT_TIMEOUT);
    arm_timer(s);
}

/* ---- EEPROM ---- */

static void fill_eeprom(struct rtl8139 *s) {
    static const uint16_t start[] = {0x8129, 0x10EC, 0x8139, 0x10EC, 0x8139, 0x4020, 0xE512};
    uint16_t *w = s->eeprom.word;
    memset(w, 0, sizeof s->eeprom.word);
    memcpy(w, start, sizeof start);
    for (int i = 0; i < 3; i++) w[7 + i] = get_le16(s->mac + 2 * i);
    w[10] = 0x4D10;
}

/* What the chip reads from its EEPROM at power-on and by EEM = 01. */
static void autoload(struct rtl8139 *s) {
    for (int i = 0; i < 3; i++) put_le16(s->idr + 2 * i, s->eeprom.word[7 + i]);
    memset(s->config, 0, sizeof s->config);
    s->config[1] = 0x0C; /* ports and memory are mapped */
}

static void write_9346(struct rtl8139 *s, uint8_t v) {
    s->cfg9346 = v & (EE_MODE | EE_CS | EE_SK | EE_DI);
    if ((v & EE_MODE) == EE_AUTOLOAD) {
        autoload(s);
        s->cfg9346 = 0;
    }
    bool pins = (v & EE_MODE) == EE_PINS;
    eeprom93c46_pins(&s->eeprom, pins && (v & EE_CS), pins && (v & EE_SK), pins && (v & EE_DI));
}

static uint8_t read_9346(const struct rtl8139 *s) {
    bool pins = (s->cfg9346 & EE_MODE) == EE_PINS;
    return s->cfg9346 | (pins && eeprom93c46_out(&s->eeprom) ? EE_DO : 0);
}

static bool config_open(const struct rtl8139 *s) { return (s->cfg9346 & EE_MODE) == EE_CONFIG; }

static void write_config(struct rtl8139 *s, unsigned n, uint8_t v) {
    static const uint8_t writable[6] = {0x00, 0xF3, 0x00, 0x70, 0xFF, 0x7F};
    if (config_open(s)) s->config[n] = (uint8_t)((s->config[n] & ~writable[n]) | (v & writable[n]));
}

/* ---- Resets ---- */

/* By CR.RST: addresses and configuration stay. */
static void soft_reset(struct rtl8139 *s) {
    for (int i = 0; i < RTL_TX; i++) {
        s->tsd[i] = TSD_OWN;
        s->tsad[i] = 0;
    }
    s->tx_next = s->rbstart = s->mpc = s->timer_int = 0;
    s->tcr = s->rcr = 0;
    s->cr = 0;
    s->cbr = s->imr = s->isr = s->mulint = 0;
    s->capr = 0xFFF0;
    s->tctr_zero_ns = now(s);
    arm_timer(s);
    update_irq(s);
}

static void phy_reset(struct rtl8139 *s) {
    s->bmcr = BMCR_DEFAULT;
    s->anar = ANAR_DEFAULT;
}

/* ---- Cells ---- */

/* OWN, TABT, TUN, TOK of all descriptors, four bits each. TABT never is. */
static uint32_t read_all_status(const struct rtl8139 *s) {
    uint32_t v = 0;
    for (int i = 0; i < RTL_TX; i++) {
        if (s->tsd[i] & TSD_OWN) v |= 1u << i;
        if (s->tsd[i] & TSD_TUN) v |= 1u << (8 + i);
        if (s->tsd[i] & TSD_TOK) v |= 1u << (12 + i);
    }
    return v;
}

static uint32_t pair(unsigned low, unsigned high) { return low | (uint32_t)high << 16; }

static uint32_t read_phy_cell(const struct rtl8139 *s, unsigned cell) {
    switch (cell) {
    case CELL_BMCR: return pair(read_all_status(s), s->bmcr);
    case CELL_BMSR: return pair(BMSR, s->anar);
    case CELL_ANLPAR: return pair(ANLPAR, ANER);
    case CELL_NWAYTR: return s->nwaytr;
    case CELL_CSCR: return s->cscr;
    case CELL_PARM:
    case CELL_PARM + 4: return get_le32((const uint8_t *)&s->parm[(cell - CELL_PARM) / 2]);
    case CELL_CONFIG5: return s->config[5];
    default: return 0;
    }
}

static uint32_t read_cell(struct rtl8139 *s, unsigned cell) {
    switch (cell) {
    case CELL_IDR:
    case CELL_IDR + 4: return get_le32(s->idr + (cell - CELL_IDR));
    case CELL_MAR:
    case CELL_MAR + 4: return get_le32(s->mar + (cell - CELL_MAR));
    case CELL_RBSTART: return s->rbstart;
    case CELL_CR: return (uint32_t)(s->cr | (rtl8139_ring_empty(s) ? CR_BUFE : 0)) << 24;
    case CELL_CAPR: return pair(s->capr, s->cbr);
    case CELL_IMR: return pair(s->imr, s->isr);
    case CELL_TCR: return s->tcr | TCR_VERSION_C;
    case CELL_RCR: return s->rcr;
    case CELL_TCTR: return read_tctr(s);
    case CELL_MPC: return s->mpc;
    case CELL_9346: return (uint32_t)(read_9346(s) | s->config[0] << 8 | s->config[1] << 16);
    case CELL_TIMER_INT: return s->timer_int;
    case CELL_MSR: return (uint32_t)(s->config[3] << 8 | s->config[4] << 16); /* MSR 0: link, 100 Mbit/s */
    case CELL_MULINT: return pair(s->mulint, REVISION);
    default: break;
    }
    if (cell >= CELL_TSD && cell < CELL_TSAD) return s->tsd[(cell - CELL_TSD) / 4];
    if (cell >= CELL_TSAD && cell < CELL_RBSTART) return s->tsad[(cell - CELL_TSAD) / 4];
    return read_phy_cell(s, cell);
}

static uint32_t merge(uint32_t old, uint32_t v, uint32_t mask) { return (old & ~mask) | (v & mask); }
static uint16_t merge16(uint16_t old, uint32_t v, uint32_t mask) { return (uint16_t)merge(old, v, mask & 0xFFFF); }

/* Writing hands the descriptor to the chip if OWN is written 0. */
static void write_tsd(struct rtl8139 *s, unsigned n, uint32_t v, uint32_t mask) {
    s->tsd[n] = merge(s->tsd[n], v, mask) & (TSD_SIZE | TSD_OWN | TSD_THRESHOLD);
    rtl8139_transmit(s);
}

static void write_cr(struct rtl8139 *s, uint8_t v) {
    if (v & CR_RST) {
        soft_reset(s);
        return;
    }
    bool starts = (v & CR_TE) && !(s->cr & CR_TE);
    s->cr = v & CR_WRITABLE;
    if (!starts) return;
    s->tx_next = 0;
    rtl8139_transmit(s);
}

static void write_imr_isr(struct rtl8139 *s, uint32_t v, uint32_t mask) {
    s->imr = merge16(s->imr, v, mask) & INT_ALL;
    s->isr &= (uint16_t) ~((v & mask) >> 16);
    update_irq(s);
}

static void write_bmcr(struct rtl8139 *s, uint16_t v) {
    if (v & BMCR_RESET)
        phy_reset(s);
    else if (config_open(s))
        s->bmcr = v & BMCR_WRITABLE;
    if (v & (BMCR_RESET | BMCR_RESTART)) rtl8139_raise(s, INT_LINK);
}

static void write_phy_cell(struct rtl8139 *s, unsigned cell, uint32_t v, uint32_t mask) {
    uint8_t *parm = (uint8_t *)s->parm;
    switch (cell) {
    case CELL_BMCR:
        if (mask >> 16 == 0xFFFF) write_bmcr(s, (uint16_t)(v >> 16));
        break;
    case CELL_BMSR: s->anar = (uint16_t)(merge(pair(0, s->anar), v, mask) >> 16); break;
    case CELL_NWAYTR: s->nwaytr = merge16(s->nwaytr, v, mask) & 0xFF; break;
    case CELL_CSCR: s->cscr = merge16(s->cscr, v, mask); break;
    case CELL_PARM:
    case CELL_PARM + 4: put_le32(parm + cell - CELL_PARM, merge(get_le32(parm + cell - CELL_PARM), v, mask)); break;
    case CELL_CONFIG5:
        if (mask & 0xFF) write_config(s, 5, (uint8_t)v);
        break;
    default: break;
    }
}

static void write_9346_cell(struct rtl8139 *s, uint32_t v, uint32_t mask) {
    if (mask & 0xFF) write_9346(s, (uint8_t)v);
    if (mask & 0xFF0000) write_config(s, 1, (uint8_t)(v >> 16));
}

static void write_msr_cell(struct rtl8139 *s, uint32_t v, uint32_t mask) {
    if (mask & 0xFF00) write_config(s, 3, (uint8_t)(v >> 8));
    if (mask & 0xFF0000) write_config(s, 4, (uint8_t)(v >> 16));
}

static void write_timer(struct rtl8139 *s, unsigned cell, uint32_t v, uint32_t mask) {
    if (cell == CELL_TCTR)
        s->tctr_zero_ns = now(s); /* whatever is written */
    else
        s->timer_int = merge(s->timer_int, v, mask);
    arm_timer(s);
}

static void write_data_cell(struct rtl8139 *s, unsigned cell, uint32_t v, uint32_t mask) {
    unsigned n = cell / 4 % RTL_TX;
    if (cell < CELL_MAR)
        put_le32(s->idr + (cell - CELL_IDR),
                 merge(get_le32(s->idr + (cell - CELL_IDR)), v, mask & (cell ? 0xFFFFu : 0xFFFFFFFFu)));
    else if (cell < CELL_TSD)
        put_le32(s->mar + (cell - CELL_MAR), merge(get_le32(s->mar + (cell - CELL_MAR)), v, mask));
    else if (cell < CELL_TSAD)
        write_tsd(s, n, v, mask);
    else
        s->tsad[n] = merge(s->tsad[n], v, mask);
}

static void write_cell(struct rtl8139 *s, unsigned cell, uint32_t v, uint32_t mask) {
    switch (cell) {
    case CELL_RBSTART:
        s->rbstart = merge(s->rbstart, v, mask);
        s->cbr = 0;
        break;
    case CELL_CR:
        if (mask >> 24) write_cr(s, (uint8_t)(v >> 24));
        break;
    case CELL_CAPR: s->capr = merge16(s->capr, v, mask); break;
    case CELL_IMR: write_imr_isr(s, v, mask); break;
    case CELL_TCR: s->tcr = merge(s->tcr, v, mask) & TCR_WRITABLE; break;
    case CELL_RCR: s->rcr = merge(s->rcr, v, mask) & RCR_WRITABLE; break;
    case CELL_TCTR:
    case CELL_TIMER_INT: write_timer(s, cell, v, mask); break;
    case CELL_MPC: s->mpc = 0; break;
    case CELL_9346: write_9346_cell(s, v, mask); break;
    case CELL_MSR: write_msr_cell(s, v, mask); break;
    case CELL_MULINT: s->mulint = merge16(s->mulint, v, mask) & 0x0FFF; break;
    default:
        if (cell < CELL_RBSTART)
            write_data_cell(s, cell, v, mask);
        else
            write_phy_cell(s, cell, v, mask);
    }
}

/* ---- Accesses: any offset and width, taken apart ---- */

static uint32_t read_any(struct rtl8139 *s, uint32_t offset, unsigned size) {
    uint32_t v = 0;
    if (s->in_dma || offset + size > REGISTERS) return 0xFFFFFFFFu;
    for (unsigned i = 0; i < size;) {
        unsigned at = offset + i, lane = at & 3, n = 4 - lane < size - i ? 4 - lane : size - i;
        v |= read_cell(s, at & ~3u) >> (8 * lane) << (8 * i);
        i += n;
    }
    return size < 4 ? v & ((1u << (8 * size)) - 1) : v;
}

static void write_any(struct rtl8139 *s, uint32_t offset, unsigned size, uint32_t value) {
    if (s->in_dma || offset + size > REGISTERS) return;
    bool before = rtl8139_can_receive(s);
    for (unsigned i = 0; i < size;) {
        unsigned at = offset + i, lane = at & 3, n = 4 - lane < size - i ? 4 - lane : size - i;
        write_cell(s, at & ~3u, value >> (8 * i) << (8 * lane), 0xFFFFFFFFu >> (32 - 8 * n) << (8 * lane));
        i += n;
    }
    if (!before) net_tell_ready(s->net);
}

static uint32_t io_read(void *opaque, uint16_t port, unsigned size) {
    struct rtl8139 *s = opaque;
    return read_any(s, (port - pci_bar_base(&s->pci, 0)) & (REGISTERS - 1), size);
}
static void io_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct rtl8139 *s = opaque;
    write_any(s, (port - pci_bar_base(&s->pci, 0)) & (REGISTERS - 1), size, value);
}
static const struct dev_io_ops io_ops = {.name = "rtl8139", .read = io_read, .write = io_write};

static uint64_t mmio_read(void *opaque, uint32_t offset, unsigned size) {
    if (size < 8) return read_any(opaque, offset, size);
    uint32_t low = read_any(opaque, offset, 4);
    return low | (uint64_t)read_any(opaque, offset + 4, 4) << 32;
}
static void mmio_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    write_any(opaque, offset, size < 8 ? size : 4, (uint32_t)value);
    if (size == 8) write_any(opaque, offset + 4, 4, (uint32_t)(value >> 32));
}

/* ---- Life ---- */

static void config_written(struct pci_dev *pd, unsigned offset, unsigned size) {
    struct rtl8139 *s = (struct rtl8139 *)pd;
    (void)size;
    if (offset > PCI_COMMAND + 1) return;
    rtl8139_transmit(s);
    net_tell_ready(s->net);
}

static enum dev_status init_bars(struct rtl8139 *s, const struct nic_pci_config *c) {
    const struct smmu_mmio mmio = {.name = "rtl8139", .opaque = s, .read = mmio_read, .write = mmio_write};
    enum dev_status st = pci_bar_io(&s->pci, 0, REGISTERS, &io_ops, s);
    if (st == DEV_OK) st = pci_bar_mmio(&s->pci, 1, SMMU_PAGE_SIZE, &mmio);
    if (st == DEV_OK && c->rom) st = pci_bar_rom(&s->pci, c->rom, c->rom_size);
    return st;
}

static void connect(struct rtl8139 *s, const struct nic_pci_config *c) {
    s->net = c->net;
    memcpy(s->mac, c->mac, sizeof s->mac);
    net_connect(s->net, s, rtl8139_can_receive, rtl8139_receive);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    static const struct pci_id id = {
        .vendor = 0x10EC,
        .device = 0x8139,
        .subsys_vendor = 0x10EC,
        .subsys = 0x8139,
        .class_code = 0x020000,
        .revision = REVISION,
        .int_pin = 1,
    };
    struct rtl8139 *s = to_rtl(d);
    const struct nic_pci_config *c = cfg;
    if (!c) return DEV_BAD_CONFIG;
    enum dev_status st = pci_dev_init(&s->pci, c->bus, c->devfn, &id);
    if (st == DEV_OK) st = init_bars(s, c);
    if (st != DEV_OK) {
        pci_dev_fini(&s->pci);
        return st;
    }
    s->timer = (struct dev_timer){.fn = timer_fired, .opaque = s};
    connect(s, c);
    fill_eeprom(s);
    s->pci.config_written = config_written;
    pci_dev_ready(&s->pci);
    return DEV_OK;
}

static void reset(struct dev *d) {
    struct rtl8139 *s = to_rtl(d);
    pci_dev_reset(&s->pci);
    eeprom93c46_reset(&s->eeprom);
    autoload(s);
    memset(s->mar, 0, sizeof s->mar);
    memset(s->parm, 0, sizeof s->parm);
    s->cfg9346 = 0;
    s->nwaytr = 0;
    s->cscr = 0x03C8;
    phy_reset(s);
    soft_reset(s);
}

static void state(struct dev *d, struct dev_state *st) {
    struct rtl8139 *s = to_rtl(d);
    uint64_t age = now(s) - s->tctr_zero_ns;
    pci_dev_state(&s->pci, st);
    dev_state_bytes(st, s->idr, offsetof(struct rtl8139, tctr_zero_ns) - offsetof(struct rtl8139, idr));
    DEV_STATE(st, age);
    eeprom93c46_state(&s->eeprom, st);
    if (st->saving || st->failed) return;
    s->tx_next %= RTL_TX;
    s->tctr_zero_ns = age <= now(s) ? now(s) - age : 0;
    arm_timer(s);
}

static void destroy(struct dev *d) {
    d->host->timer_cancel(d->host->opaque, &to_rtl(d)->timer);
    net_disconnect(to_rtl(d)->net);
    pci_dev_fini(&to_rtl(d)->pci);
}

const struct dev_class rtl8139_class = {
    .name = "rtl8139",
    .instance_size = sizeof(struct rtl8139),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
