/*
 * e1000.c: registers of the 82540EM, interrupts, statistics, and its life as a PCI device.
 *
 * Source: SDM ch. 13 "Register Descriptions", 3.2.7 "Receive Interrupts", 13.4.17-13.4.22 interrupt registers, 14
 * "General Initialization and Reset". Registers are 32 bits wide; narrower writes are ignored. Interrupt causes
 * accumulate in ICR, which is cleared by reading. ITR is a least distance between two rises of the line.
 */
#include "devemu/e1000_internal.h"
#include <string.h>
#include "devemu/bytes.h"
#include "devemu/net_filter.h"

enum {
    REG_CTRL_COPY = 0x0004,
    REG_STATUS = 0x0008,
    REG_EECD = 0x0010,
    REG_EERD = 0x0014,
    REG_MDIC = 0x0020,
    REG_ICR = 0x00C0,
    REG_ICS = 0x00C8,
    REG_IMS = 0x00D0,
    REG_IMC = 0x00D8,
    REG_STATS = 0x4000,
    REG_MTA = 0x5200,
    REG_RA = 0x5400,
    REG_VFTA = 0x5600,
};
enum { MMIO_BYTES = 128 << 10, IO_BYTES = 64, IO_ADDRESS = 0, IO_DATA = 4, ITR_UNIT_NS = 256 };
enum { STATUS_FULL_DUPLEX = 1, STATUS_LINK = 2, STATUS_1000 = 0x280 };
enum { RDTR_FLUSH_SHIFT = 31 };

static struct e1000 *to_e1000(struct dev *d) { return (struct e1000 *)d; }
uint64_t e1000_now(struct e1000 *s) { return s->pci.dev.host->now_ns(s->pci.dev.host->opaque); }

bool e1000_read_memory(struct e1000 *s, uint64_t at, void *buf, size_t len) {
    s->in_dma = true;
    bool ok = smmu_mem_read(s->pci.dev.host->mem, gpa(at), buf, len);
    s->in_dma = false;
    return ok;
}
void e1000_write_memory(struct e1000 *s, uint64_t at, const void *buf, size_t len) {
    s->in_dma = true;
    (void)smmu_mem_write(s->pci.dev.host->mem, gpa(at), buf, len);
    s->in_dma = false;
}

/* ---- Interrupts ---- */

static void update_irq(struct e1000 *s) {
    struct dev_host *h = s->pci.dev.host;
    bool wanted = s->icr & s->ims;
    if (wanted && !s->pci.int_level) {
        uint64_t now = e1000_now(s);
        if (now < s->itr_next_ns) {
            h->timer_arm(h->opaque, &s->itr_timer, s->itr_next_ns);
            return;
        }
        s->itr_next_ns = now + (uint64_t)s->reg[E1000_ITR] * ITR_UNIT_NS;
    }
    pci_set_intx(&s->pci, wanted);
}

void e1000_cause(struct e1000 *s, uint32_t causes) {
    s->icr |= causes & INT_ALL;
    update_irq(s);
}

static void itr_timer_fired(void *opaque, uint64_t now_ns) {
    (void)now_ns;
    update_irq(opaque);
}

static uint32_t read_icr(struct e1000 *s) {
    uint32_t v = s->icr;
    s->icr = 0;
    update_irq(s);
    return v;
}

/* ---- Statistics: 32 bits, they stay at their end; four pairs of 64 bits, cleared by reading the upper half ---- */

void e1000_count(struct e1000 *s, enum e1000_stat which) {
    if (s->stat[which] != UINT32_MAX) s->stat[which]++;
}

void e1000_count_bytes(struct e1000 *s, enum e1000_stat low, uint32_t bytes) {
    uint64_t v = s->stat[low] | (uint64_t)s->stat[low + 1] << 32;
    if (__builtin_add_overflow(v, (uint64_t)bytes, &v)) v = UINT64_MAX;
    s->stat[low] = (uint32_t)v;
    s->stat[low + 1] = (uint32_t)(v >> 32);
}

void e1000_count_size(struct e1000 *s, enum e1000_stat first, uint32_t len) {
    static const uint16_t up_to[] = {64, 127, 255, 511, 1023, 0xFFFF};
    unsigned class = 0;
    while (len > up_to[class]) class ++;
    e1000_count(s, (enum e1000_stat)(first + class));
}

static bool is_low_half(unsigned i) { return i == STAT_GORC || i == STAT_GOTC || i == STAT_TOR || i == STAT_TOT; }

static uint32_t read_stat(struct e1000 *s, unsigned i) {
    uint32_t v = s->stat[i];
    if (is_low_half(i)) return v;
    s->stat[i] = 0;
    if (i && is_low_half(i - 1)) s->stat[i - 1] = 0;
    return v;
}

/* ---- Resets ---- */

static void load_address(struct e1000 *s) {
    const uint16_t *w = s->eeprom.word;
    s->ra[0] = w[0] | (uint32_t)w[1] << 16;
    s->ra[1] = w[2] | 0x80000000u;
}

static void mac_reset(struct e1000 *s) {
    static const uint32_t reset_value[] = {
#define X(name, offset, mask, reset) [E1000_##name] = reset,
        E1000_REGISTERS(X)
#undef X
    };
    struct dev_host *h = s->pci.dev.host;
    h->timer_cancel(h->opaque, &s->rx_timer);
    h->timer_cancel(h->opaque, &s->itr_timer);
    memcpy(s->reg, reset_value, sizeof s->reg);
    memset(s->stat, 0, sizeof s->stat);
    memset(s->mta, 0, sizeof s->mta);
    memset(s->vfta, 0, sizeof s->vfta);
    memset(s->ra, 0, sizeof s->ra);
    s->icr = s->ims = s->mdic = s->eerd = s->eecd = 0;
    s->rx_first_ns = s->itr_next_ns = 0;
    eeprom93c46_reset(&s->eeprom);
    load_address(s);
    e1000_tx_reset(s);
    update_irq(s);
}

/* ---- Registers ---- */

static const struct {
    uint32_t offset, mask;
} rows[] = {
#define X(name, offset, mask, reset) {offset, mask},
    E1000_REGISTERS(X)
#undef X
};

static int find_row(uint32_t offset) {
    for (int i = 0; i < E1000_REGISTER_COUNT; i++)
        if (rows[i].offset == offset) return i;
    return -1;
}

/* The table that answers at offset, or NULL. */
static uint32_t *find_table(struct e1000 *s, uint32_t offset) {
    if (offset - REG_MTA < sizeof s->mta) return &s->mta[(offset - REG_MTA) / 4];
    if (offset - REG_RA < sizeof s->ra) return &s->ra[(offset - REG_RA) / 4];
    if (offset - REG_VFTA < sizeof s->vfta) return &s->vfta[(offset - REG_VFTA) / 4];
    return NULL;
}

static uint32_t read_status(const struct e1000 *s) {
    return (uint32_t)STATUS_FULL_DUPLEX | STATUS_1000 | (e1000_link_up(s) ? STATUS_LINK : 0);
}

static uint32_t read_other(struct e1000 *s, uint32_t offset) {
    if (offset - REG_STATS < sizeof s->stat) return read_stat(s, (offset - REG_STATS) / 4);
    const uint32_t *cell = find_table(s, offset);
    int row = cell ? -1 : find_row(offset);
    if (row >= 0) return s->reg[row];
    return cell ? *cell : 0;
}

static uint32_t read_register(struct e1000 *s, uint32_t offset) {
    switch (offset) {
    case REG_ICR: return read_icr(s);
    case REG_IMS: return s->ims;
    case REG_ICS:
    case REG_IMC: return 0; /* write-only */
    case REG_STATUS: return read_status(s);
    case REG_CTRL_COPY: return s->reg[E1000_CTRL];
    case REG_EECD: return e1000_read_eecd(s);
    case REG_EERD: return s->eerd;
    case REG_MDIC: return s->mdic;
    default: return read_other(s, offset);
    }
}

static void write_ctrl(struct e1000 *s, uint32_t v) {
    bool link_set = (v & CTRL_SLU) && !(s->reg[E1000_CTRL] & CTRL_SLU);
    if (v & CTRL_RST) {
        mac_reset(s);
        return;
    }
    s->reg[E1000_CTRL] = v & ~CTRL_PHY_RST;
    if (v & CTRL_PHY_RST) e1000_phy_reset(s);
    if (link_set || (v & CTRL_PHY_RST)) e1000_cause(s, INT_LSC);
}

/* RDTR's top bit asks for what is delayed at once. */
static void write_rdtr(struct e1000 *s, uint32_t v) {
    struct dev_host *h = s->pci.dev.host;
    if (!(v >> RDTR_FLUSH_SHIFT) || !s->rx_timer.slot) return;
    h->timer_cancel(h->opaque, &s->rx_timer);
    e1000_rx_timer_fired(s, e1000_now(s));
}

static void write_row(struct e1000 *s, int row, uint32_t v) {
    if (row == E1000_CTRL) {
        write_ctrl(s, v);
        return;
    }
    s->reg[row] = (s->reg[row] & ~rows[row].mask) | (v & rows[row].mask);
    switch (row) {
    case E1000_TDT:
    case E1000_TCTL: e1000_transmit(s); break;
    case E1000_RDTR: write_rdtr(s, v); break;
    default: break;
    }
}

static void write_other(struct e1000 *s, uint32_t offset, uint32_t v) {
    uint32_t *cell = find_table(s, offset);
    int row = cell ? -1 : find_row(offset);
    if (cell)
        *cell = v;
    else if (row >= 0)
        write_row(s, row, v);
}

static void write_register(struct e1000 *s, uint32_t offset, uint32_t v) {
    switch (offset) {
    case REG_IMS:
        s->ims |= v & INT_ALL;
        update_irq(s);
        break;
    case REG_IMC:
        s->ims &= ~v;
        update_irq(s);
        break;
    case REG_ICS: e1000_cause(s, v); break;
    case REG_ICR:
        s->icr &= ~v;
        update_irq(s);
        break;
    case REG_CTRL_COPY: write_ctrl(s, v); break;
    case REG_EECD: e1000_write_eecd(s, v); break;
    case REG_EERD: e1000_write_eerd(s, v); break;
    case REG_MDIC: e1000_write_mdic(s, v); break;
    default: write_other(s, offset, v);
    }
}

/* Anything may have made the receiver ready. */
static void write_and_notice(struct e1000 *s, uint32_t offset, uint32_t v) {
    bool before = e1000_can_receive(s);
    write_register(s, offset, v);
    if (!before) net_tell_ready(s->net);
}

/* ---- BARs ---- */

static uint64_t mmio_read(void *opaque, uint32_t offset, unsigned size) {
    struct e1000 *s = opaque;
    if (s->in_dma) return UINT64_MAX;
    if (size == 8) {
        uint32_t low = read_register(s, offset & ~3u);
        return low | (uint64_t)read_register(s, (offset & ~3u) + 4) << 32;
    }
    return read_register(s, offset & ~3u) >> (8 * (offset & 3));
}

static void mmio_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    struct e1000 *s = opaque;
    if (s->in_dma || size < 4 || (offset & 3)) return;
    write_and_notice(s, offset, (uint32_t)value);
    if (size == 8) write_and_notice(s, offset + 4, (uint32_t)(value >> 32));
}

static unsigned io_offset(const struct e1000 *s, uint16_t port) {
    return (port - pci_bar_base(&s->pci, 2)) & (IO_BYTES - 1);
}

static uint32_t io_read(void *opaque, uint16_t port, unsigned size) {
    struct e1000 *s = opaque;
    unsigned at = io_offset(s, port), shift = 8 * (at & 3);
    if (s->in_dma || size > 4 - (at & 3)) return 0xFFFFFFFFu;
    if ((at & ~3u) == IO_ADDRESS) return s->ioaddr >> shift;
    if ((at & ~3u) == IO_DATA && s->ioaddr < MMIO_BYTES) return read_register(s, s->ioaddr & ~3u) >> shift;
    return 0;
}

static void io_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct e1000 *s = opaque;
    unsigned at = io_offset(s, port);
    if (s->in_dma || size != 4) return;
    if (at == IO_ADDRESS)
        s->ioaddr = value;
    else if (at == IO_DATA && s->ioaddr < MMIO_BYTES && !(s->ioaddr & 3))
        write_and_notice(s, s->ioaddr, value);
}

static const struct dev_io_ops io_ops = {.name = "e1000", .read = io_read, .write = io_write};

/* ---- Life ---- */

static void tx_timer_fired(void *opaque, uint64_t now_ns) {
    (void)now_ns;
    e1000_transmit(opaque);
}

/* Bus mastering was switched on: descriptors may wait. */
static void config_written(struct pci_dev *pd, unsigned offset, unsigned size) {
    struct e1000 *s = (struct e1000 *)pd;
    (void)size;
    if (offset > PCI_COMMAND + 1) return;
    e1000_transmit(s);
    net_tell_ready(s->net);
}

static enum dev_status init_bars(struct e1000 *s, const struct nic_pci_config *c) {
    const struct smmu_mmio mmio = {.name = "e1000", .opaque = s, .read = mmio_read, .write = mmio_write};
    enum dev_status st = pci_bar_mmio(&s->pci, 0, MMIO_BYTES, &mmio);
    if (st == DEV_OK) st = pci_bar_io(&s->pci, 2, IO_BYTES, &io_ops, s);
    if (st == DEV_OK && c->rom) st = pci_bar_rom(&s->pci, c->rom, c->rom_size);
    return st;
}

/* In loopback the wire is cut off. */
static void receive_from_wire(void *opaque, const uint8_t *frame, size_t len) {
    if (!e1000_loopback(opaque)) e1000_receive(opaque, frame, len);
}

static void connect(struct e1000 *s, const struct nic_pci_config *c) {
    s->net = c->net;
    memcpy(s->mac, c->mac, sizeof s->mac);
    net_connect(s->net, s, e1000_can_receive, receive_from_wire);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    static const struct pci_id id = {
        .vendor = 0x8086,
        .device = 0x100E,
        .subsys_vendor = 0x8086,
        .subsys = 0x001E, /* PRO/1000 MT Desktop Adapter */
        .class_code = 0x020000,
        .revision = 2,
        .int_pin = 1,
    };
    struct e1000 *s = to_e1000(d);
    const struct nic_pci_config *c = cfg;
    if (!c) return DEV_BAD_CONFIG;
    enum dev_status st = pci_dev_init(&s->pci, c->bus, c->devfn, &id);
    if (st == DEV_OK) st = init_bars(s, c);
    if (st != DEV_OK) {
        pci_dev_fini(&s->pci);
        return st;
    }
    s->tx_timer = (struct dev_timer){.fn = tx_timer_fired, .opaque = s};
    s->rx_timer = (struct dev_timer){.fn = e1000_rx_timer_fired, .opaque = s};
    s->itr_timer = (struct dev_timer){.fn = itr_timer_fired, .opaque = s};
    connect(s, c);
    e1000_eeprom_fill(s);
    s->pci.config_written = config_written;
    pci_dev_ready(&s->pci);
    return DEV_OK;
}

static void reset(struct dev *d) {
    struct e1000 *s = to_e1000(d);
    pci_dev_reset(&s->pci);
    mac_reset(s);
    e1000_phy_reset(s);
    s->ioaddr = 0;
}

/* Timers are not saved: what they would have done is done at once. */
static void after_load(struct e1000 *s) {
    struct dev_host *h = s->pci.dev.host;
    s->icr &= INT_ALL;
    s->ims &= INT_ALL;
    h->timer_cancel(h->opaque, &s->rx_timer);
    s->rx_first_ns = s->itr_next_ns = 0;
    h->timer_arm(h->opaque, &s->tx_timer, e1000_now(s));
    h->timer_arm(h->opaque, &s->itr_timer, e1000_now(s));
}

static void state(struct dev *d, struct dev_state *st) {
    struct e1000 *s = to_e1000(d);
    pci_dev_state(&s->pci, st);
    DEV_STATE(st, s->reg);
    DEV_STATE(st, s->icr);
    DEV_STATE(st, s->ims);
    DEV_STATE(st, s->mdic);
    DEV_STATE(st, s->eerd);
    DEV_STATE(st, s->eecd);
    DEV_STATE(st, s->ioaddr);
    DEV_STATE(st, s->stat);
    DEV_STATE(st, s->mta);
    DEV_STATE(st, s->vfta);
    DEV_STATE(st, s->ra);
    DEV_STATE(st, s->phy.reg);
    eeprom93c46_state(&s->eeprom, st);
    e1000_tx_state(s, st);
    if (!st->saving && !st->failed) after_load(s);
}

static void destroy(struct dev *d) {
    struct e1000 *s = to_e1000(d);
    struct dev_host *h = d->host;
    h->timer_cancel(h->opaque, &s->tx_timer);
    h->timer_cancel(h->opaque, &s->rx_timer);
    h->timer_cancel(h->opaque, &s->itr_timer);
    net_disconnect(s->net);
    pci_dev_fini(&s->pci);
}

const struct dev_class e1000_class = {
    .name = "e1000",
    .instance_size = sizeof(struct e1000),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
