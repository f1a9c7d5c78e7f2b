/* devemu_e1000_test.c: the 82540EM as drivers see it: registers, EEPROM, PHY, both rings, offloads, and abuse. */
#include "devemu_fake_net.h"
#include "devemu/e1000.h"

enum { IO = 0xC000 };
#define BAR 0xE0000000u
enum { TX_RING = 0x10000, RX_RING = 0x20000, TX_BUF = 0x30000, RX_BUF = 0x100000, RING = 16 };
enum { CTRL = 0, STATUS = 8, EECD = 0x10, EERD = 0x14, MDIC = 0x20, VET = 0x38, ICR = 0xC0, ITR = 0xC4, ICS = 0xC8 };
enum { IMS = 0xD0, IMC = 0xD8, RCTL = 0x100, TCTL = 0x400, RDBAL = 0x2800, RDBAH = 0x2804, RDLEN = 0x2808 };
enum { RDH = 0x2810, RDT = 0x2818, RDTR = 0x2820, RADV = 0x282C, TDBAL = 0x3800, TDLEN = 0x3808, TDH = 0x3810 };
enum { TDT = 0x3818, MTA = 0x5200, RAL = 0x5400, RAH = 0x5404, VFTA = 0x5600 };
enum { MPC = 0x4010, GPRC = 0x4074, BPRC = 0x4078, GPTC = 0x4080, GOTCL = 0x4090, TORL = 0x40C0, TORH = 0x40C4 };
enum { EOP = 1 << 24, IFCS = 1 << 25, IC = 1 << 26, TSE = 1 << 26, RS = 1 << 27, DEXT = 1 << 29, VLE = 1 << 30 };
enum { TCP4 = 3 << 24, DATA = 1 << 20, RXT0 = 0x80, TXDW = 1, LSC = 4, RXDMT0 = 0x10, RXO = 0x40 };

static struct fake_nic *n;
static int tail; /* of the transmit ring */

static uint32_t rd(uint32_t reg) { return mem32(n, BAR + reg); }
static void wr(uint32_t reg, uint32_t v) { set_mem32(n, BAR + reg, v); }

static int open_e1000(void **state) {
    (void)state;
    static const uint8_t rom[3000] = {0x55, 0xAA, 6};
    n = fake_nic_create();
    struct nic_pci_config c = {
        .bus = n->bus, .devfn = FAKE_NET_DEVFN, .net = &n->net.net, .rom = rom, .rom_size = sizeof rom};
    memcpy(c.mac, fake_mac, 6);
    n->dev = fake_dev(n->f, &e1000_class, &c);
    fake_nic_config(n, PCI_BAR0, 4, BAR);
    fake_nic_config(n, PCI_BAR0 + 8, 4, IO);
    fake_nic_enable(n);
    tail = 0;
    return 0;
}
static int close_e1000(void **state) {
    (void)state;
    fake_nic_destroy(n);
    return 0;
}

/* As a driver: both rings on, all interrupts allowed. rctl on top of enable and broadcast. */
static void start(uint32_t rctl) {
    wr(TDBAL, TX_RING), wr(TDLEN, RING * 16), wr(TDH, 0), wr(TDT, 0), wr(TCTL, 0x0103F0FA);
    for (unsigned i = 0; i < RING; i++) {
        set_mem32(n, RX_RING + 16 * i, RX_BUF + 0x1000 * i), set_mem32(n, RX_RING + 16 * i + 4, 0);
        set_mem32(n, RX_RING + 16 * i + 12, 0);
    }
    wr(RDBAL, RX_RING), wr(RDLEN, RING * 16), wr(RDH, 0), wr(RDT, RING - 1);
    wr(RCTL, 1 << 1 | 1 << 15 | rctl);
    wr(IMS, 0xFFFFFFFF);
    rd(ICR);
}
static void queue(uint64_t address, uint32_t w2, uint32_t w3) {
    uint64_t at = TX_RING + 16u * (unsigned)tail;
    set_mem32(n, at, (uint32_t)address), set_mem32(n, at + 4, (uint32_t)(address >> 32));
    set_mem32(n, at + 8, w2), set_mem32(n, at + 12, w3);
    tail = (tail + 1) % RING;
}
static void go(void) { wr(TDT, (uint32_t)tail); }
static uint32_t rx_word(unsigned i, unsigned at) { return mem32(n, RX_RING + 16 * i + at); }

/* ---- Identity, EEPROM, PHY ---- */

static void identity(void **state) {
    (void)state;
    assert_int_equal(pci_bus_config_read(n->bus, FAKE_NET_DEVFN, 0, 4), 0x100E8086);
    assert_int_equal(pci_bus_config_read(n->bus, FAKE_NET_DEVFN, 8, 4) >> 8, 0x020000);
    fake_nic_config(n, PCI_BAR0, 4, 0xFFFFFFFF);
    assert_int_equal(pci_bus_config_read(n->bus, FAKE_NET_DEVFN, PCI_BAR0, 4), 0xFFFE0000);
    assert_int_equal(pci_bus_config_read(n->bus, FAKE_NET_DEVFN, PCI_BAR0 + 4, 4), 0);
    fake_nic_config(n, PCI_BAR0, 4, BAR);
    fake_nic_config(n, PCI_ROM_ADDRESS, 4, BAR + 0x100001);
    assert_int_equal(mem16(n, BAR + 0x100000), 0xAA55);
    assert_int_equal(rd(STATUS) & 0x83, 0x83); /* 1000 Mbit/s, link, full duplex */
    assert_int_equal(rd(RAL), 0x12005452);
    assert_int_equal(rd(RAH), 0x80005634);
    /* The same registers by ports; narrow writes do nothing. */
    dev_io_write(n->f->host.io, IO, 4, VET);
    dev_io_write(n->f->host.io, IO + 4, 4, 0x88A8);
    assert_int_equal(rd(VET), 0x88A8);
    assert_int_equal(dev_io_read(n->f->host.io, IO + 4, 4), 0x88A8);
    smmu_mem_write(n->f->host.mem, gpa(BAR + VET), "\0", 1);
    assert_int_equal(rd(VET), 0x88A8);
    dev_io_write(n->f->host.io, IO, 4, 0xFFFFFFFC);
    dev_io_write(n->f->host.io, IO + 4, 4, 0);
    assert_int_equal(dev_io_read(n->f->host.io, IO + 4, 4), 0);
}

static uint16_t eerd(unsigned word) {
    wr(EERD, word << 8 | 1);
    assert_true(rd(EERD) & 0x10);
    return (uint16_t)(rd(EERD) >> 16);
}
static uint32_t eecd_bit(uint32_t in) {
    wr(EECD, 0x42 | in << 2);
    wr(EECD, 0x43 | in << 2);
    return rd(EECD) >> 3 & 1;
}

static void eeprom(void **state) {
    (void)state;
    uint16_t sum = 0;
    for (unsigned i = 0; i < 64; i++) sum = (uint16_t)(sum + eerd(i));
    assert_int_equal(sum, 0xBABA);
    assert_int_equal(eerd(0), 0x5452);
    assert_int_equal(eerd(2), 0x5634);
    wr(EECD, 0x40);
    assert_int_equal(rd(EECD) & 0x180, 0x180); /* granted, present */
    wr(EERD, 1);
    assert_false(rd(EERD) & 0x10); /* the pins are taken */
    for (int bit = 8; bit >= 0; bit--) eecd_bit(0x181u >> bit & 1);
    unsigned v = 0;
    for (int i = 0; i < 16; i++) v = v << 1 | eecd_bit(0);
    assert_int_equal(v, 0x1200);
}

static uint16_t phy(unsigned reg) {
    wr(MDIC, 2u << 26 | 1 << 21 | reg << 16);
    assert_int_equal(rd(MDIC) >> 28, 1);
    return (uint16_t)rd(MDIC);
}
static void phy_set(unsigned reg, uint16_t v) { wr(MDIC, 1u << 26 | 1 << 21 | reg << 16 | v); }

static void phy_registers(void **state) {
    (void)state;
    assert_int_equal(phy(2), 0x0141);
    assert_int_equal(phy(3) & 0xFFF0, 0x0C20);
    assert_int_equal(phy(1) & 0x24, 0x24);
    assert_int_equal(phy(17) >> 14, 2);
    wr(IMS, LSC);
    phy_set(0, 0x1340); /* negotiate again */
    assert_true(fake_nic_irq(n));
    assert_int_equal(rd(ICR), LSC);
    assert_false(fake_nic_irq(n));
    assert_int_equal(phy(0), 0x1140);
    phy_set(0, 0x1940);
    assert_false(rd(STATUS) & 2);
    assert_false(phy(1) & 4);
    phy_set(0, 0x8000);
    assert_true(rd(STATUS) & 2);
    wr(MDIC, 2u << 26 | 2 << 21); /* no such PHY */
    assert_true(rd(MDIC) >> 30 & 1);
    wr(CTRL, 0x40);
    assert_true(rd(ICR) & LSC);
}

static void interrupt_registers(void **state) {
    (void)state;
    wr(ICS, 0x5);
    assert_false(fake_nic_irq(n));
    wr(IMS, 0x4);
    assert_true(fake_nic_irq(n));
    wr(IMC, 0x4);
    assert_false(fake_nic_irq(n));
    assert_int_equal(rd(IMS), 0);
    wr(ICR, 1);
    wr(IMS, 0x5);
    assert_int_equal(rd(ICR), 4);
    assert_int_equal(rd(ICR), 0);
    /* Throttled: 256 us between two rises. */
    wr(ITR, 1000);
    wr(ICS, 1);
    assert_true(fake_nic_irq(n));
    rd(ICR);
    wr(ICS, 1);
    assert_false(fake_nic_irq(n));
    fake_advance(n->f, 255000);
    assert_false(fake_nic_irq(n));
    fake_advance(n->f, 1000);
    assert_true(fake_nic_irq(n));
    wr(CTRL, 1 << 26); /* reset */
    assert_false(fake_nic_irq(n));
    assert_int_equal(rd(IMS), 0);
    assert_int_equal(rd(ITR), 0);
}

/* ---- Sending ---- */

static void send_legacy(void **state) {
    (void)state;
    uint8_t frame[1514];
    start(0);
    fake_frame(frame, sizeof frame, fake_broadcast, 3);
    mem_put(n, TX_BUF, frame, sizeof frame);
    queue(TX_BUF, 1000, 0);
    queue(TX_BUF + 1000, 514 | EOP | IFCS | RS, 0);
    queue(TX_BUF, 20 | EOP | IFCS, 0); /* padded, not reported */
    go();
    assert_int_equal(n->net.sent, 2);
    assert_int_equal(n->net.frame[0].len, 1514);
    assert_memory_equal(n->net.frame[0].data, frame, 1514);
    assert_int_equal(n->net.frame[1].len, 60);
    assert_memory_equal(n->net.frame[1].data, frame, 20);
    for (int i = 20; i < 60; i++) assert_int_equal(n->net.frame[1].data[i], 0);
    assert_int_equal(mem32(n, TX_RING + 12), 0);
    assert_int_equal(mem32(n, TX_RING + 16 + 12), 1); /* DD */
    assert_int_equal(mem32(n, TX_RING + 32 + 12), 0);
    assert_int_equal(rd(TDH), 3);
    assert_true(fake_nic_irq(n));
    assert_int_equal(rd(ICR), TXDW | 2);
    assert_int_equal(rd(GPTC), 2);
    assert_int_equal(rd(GPTC), 0);
    assert_int_equal(rd(GOTCL), 1518 + 64);
    for (int i = 0; i < 3 * RING; i++) queue(TX_BUF, 60 | EOP | RS, 0), go(); /* round and round */
    assert_int_equal(n->net.sent, 2 + 3 * RING);
    /* Nothing is sent without bus mastering, or while the transmitter is off; then what waits is. */
    fake_nic_config(n, PCI_COMMAND, 2, PCI_CMD_MEM);
    queue(TX_BUF, 60 | EOP | RS, 0), go();
    assert_int_equal(n->net.sent, 2 + 3 * RING);
    fake_nic_enable(n);
    assert_int_equal(n->net.sent, 3 + 3 * RING);
    wr(TCTL, 0), queue(TX_BUF, 60 | EOP | RS, 0), go();
    assert_int_equal(n->net.sent, 3 + 3 * RING);
    wr(TCTL, 2);
    assert_int_equal(n->net.sent, 4 + 3 * RING);
}

/* IPv4 with TCP or UDP and `payload` bytes; checksum fields as the driver leaves them: 0 and the pseudo header. */
static size_t make_ipv4(uint8_t *f, bool tcp, size_t payload, bool with_length) {
    size_t head = 14 + 20 + (tcp ? 20 : 8);
    fake_frame(f, head + payload, fake_peer, 9);
    memset(f + 14, 0, head - 14);
    put_be16(f + 12, 0x0800);
    uint8_t *ip = f + 14, *l4 = ip + 20;
    ip[0] = 0x45, ip[8] = 64, ip[9] = tcp ? 6 : 17;
    put_be16(ip + 2, (uint16_t)(head - 14 + payload)), put_be16(ip + 4, 0xFFFE);
    put_be32(ip + 12, 0x0A00020F), put_be32(ip + 16, 0xC0A8FFFE);
    put_be16(l4, 1234), put_be16(l4 + 2, 80);
    if (tcp) put_be32(l4 + 4, 0xFFFFFF00), l4[12] = 0x50, l4[13] = 0x19; /* ACK PSH FIN */
    if (!tcp) put_be16(l4 + 4, (uint16_t)(8 + payload));
    uint32_t pseudo = 0x0A00 + 0x020F + 0xC0A8 + 0xFFFE + ip[9];
    if (with_length) pseudo += (uint32_t)(head - 34 + payload);
    put_be16(l4 + (tcp ? 16 : 6), ref_sum(NULL, 0, pseudo));
    return head + payload;
}
static void queue_context(bool tcp, uint32_t command, uint32_t payload, unsigned header, unsigned mss) {
    queue((14u | 24u << 8 | 33u << 16) + ((uint64_t)(34u | (tcp ? 50u : 40u) << 8) << 32), payload | command | DEXT,
          header << 8 | mss << 16);
}

static void checksum_offload(void **state) {
    (void)state;
    uint8_t f[1514];
    start(0);
    for (int tcp = 0; tcp < 2; tcp++) {
        for (size_t payload = 0; payload < 1400; payload += 133) {
            size_t len = make_ipv4(f, tcp, payload, true);
            mem_put(n, TX_BUF, f, len);
            queue_context(tcp, 1 << 25 | (tcp ? 1 << 24 : 0), 0, 0, 0);
            queue(TX_BUF, 40 | DATA | DEXT, 0x300);
            queue(TX_BUF + 40, (uint32_t)(len - 40) | DATA | DEXT | EOP | RS, 0);
            int before = n->net.sent;
            go();
            assert_int_equal(n->net.sent, before + 1);
            expect_good_ipv4(n->net.frame[before % FAKE_NET_KEEP].data);
        }
    }
    /* By a legacy descriptor: only what CSS and CSO say. */
    size_t len = make_ipv4(f, false, 100, true);
    put_be16(f + 24, 0);
    mem_put(n, TX_BUF, f, len);
    queue(TX_BUF, (uint32_t)len | 40u << 16 | EOP | IC, 34 << 8);
    int before = n->net.sent;
    go();
    const uint8_t *got = n->net.frame[before % FAKE_NET_KEEP].data;
    uint32_t pseudo = 0x0A00 + 0x020F + 0xC0A8 + 0xFFFE + 17 + 108;
    assert_int_equal(ref_sum(got + 34, 108, pseudo), 0xFFFF);
    assert_int_equal(get_be16(got + 24), 0);
}

static void segmentation(void **state) {
    (void)state;
    enum { PAYLOAD = 5000, MSS = 1460, HEADER = 54 };
    static uint8_t f[HEADER + PAYLOAD];
    start(0);
    make_ipv4(f, true, PAYLOAD, false);
    mem_put(n, TX_BUF, f, sizeof f);
    queue_context(true, TSE | TCP4, PAYLOAD, HEADER, MSS);
    queue(TX_BUF, 30 | DATA | DEXT | TSE, 0x300); /* the header itself in two parts */
    queue(TX_BUF + 30, 100 | DATA | DEXT | TSE, 0);
    queue(TX_BUF + 130, (uint32_t)(sizeof f - 130) | DATA | DEXT | TSE | EOP | RS, 0);
    go();
    assert_int_equal(n->net.sent, 4);
    size_t done = 0;
    for (int i = 0; i < 4; i++) {
        const uint8_t *g = n->net.frame[i].data;
        size_t part = i < 3 ? MSS : PAYLOAD - 3 * MSS;
        assert_int_equal(n->net.frame[i].len, HEADER + part);
        assert_memory_equal(g, f, 14);
        assert_int_equal(get_be16(g + 16), 40 + part);
        assert_int_equal(get_be16(g + 18), (0xFFFE + i) & 0xFFFF);
        assert_int_equal(get_be32(g + 38), 0xFFFFFF00u + (uint32_t)done);
        assert_int_equal(g[47], i == 3 ? 0x19 : 0x10);
        expect_good_ipv4(g);
        assert_memory_equal(g + HEADER, f + HEADER + done, part);
        done += part;
    }
    assert_int_equal(rd(TDH), 4);
    assert_int_equal(rd(0x40F8), 1); /* TSCTC */
    /* Exactly two segments: no empty third. */
    make_ipv4(f, true, 2 * MSS, false);
    mem_put(n, TX_BUF, f, HEADER + 2 * MSS);
    queue_context(true, TSE | TCP4, 2 * MSS, HEADER, MSS);
    queue(TX_BUF, (HEADER + 2 * MSS) | DATA | DEXT | TSE | EOP | RS, 0x300);
    go();
    assert_int_equal(n->net.sent, 6);
    assert_int_equal(n->net.frame[4].data[47], 0x10);
    assert_int_equal(n->net.frame[5].data[47], 0x19);
}

static void vlan(void **state) {
    (void)state;
    uint8_t f[100], tagged[104];
    start(0);
    wr(CTRL, 1 << 30 | 1 << 6);
    fake_frame(f, sizeof f, fake_mac, 1);
    mem_put(n, TX_BUF, f, sizeof f);
    queue(TX_BUF, 100 | EOP | VLE, 0x60070000u);
    go();
    memcpy(tagged, f, 12), memcpy(tagged + 12, "\x81\x00\x60\x07", 4), memcpy(tagged + 16, f + 12, 88);
    assert_int_equal(n->net.frame[0].len, 104);
    assert_memory_equal(n->net.frame[0].data, tagged, 104);
    /* And back. */
    n->net.net.receive(n->net.net.dev_opaque, tagged, 104);
    assert_int_equal(rx_word(0, 8) & 0xFFFF, 104); /* 100 and the check sequence */
    assert_int_equal(rx_word(0, 12), 0x60070000u | 0xF);
    uint8_t got[100];
    mem_get(n, RX_BUF, got, 100);
    assert_memory_equal(got, f, 100);
    wr(RCTL, rd(RCTL) | 1 << 18); /* filter: 7 is not in the table */
    n->net.net.receive(n->net.net.dev_opaque, tagged, 104);
    assert_int_equal(rd(RDH), 1);
    wr(VFTA, 1 << 7);
    n->net.net.receive(n->net.net.dev_opaque, tagged, 104);
    assert_int_equal(rd(RDH), 2);
}

/* ---- Receiving ---- */

static void receive(void **state) {
    (void)state;
    assert_false(fake_can_receive(&n->net));
    start(0);
    assert_int_equal(n->net.ready, 1);
    fake_arrives(&n->net, fake_mac, 1514, 1);
    fake_arrives(&n->net, fake_mac, 20, 2);
    assert_int_equal(rx_word(0, 8), 1518);
    assert_int_equal(rx_word(0, 12), 7);
    expect_frame(n, RX_BUF, fake_mac, 1514, 1, true);
    assert_int_equal(rx_word(1, 8), 64);
    expect_frame(n, RX_BUF + 0x1000, fake_mac, 20, 2, true);
    assert_int_equal(rd(RDH), 2);
    assert_true(fake_nic_irq(n));
    assert_int_equal(rd(ICR) & RXT0, RXT0);
    assert_int_equal(rd(GPRC), 2);
    assert_int_equal(rd(TORL), 1518 + 64);
    assert_int_equal(rd(TORL), 1518 + 64); /* the low half stays until the high one is read */
    rd(TORH);
    assert_int_equal(rd(TORL), 0);
    wr(RCTL, rd(RCTL) | 1 << 26); /* without check sequence */
    fake_arrives(&n->net, fake_mac, 100, 3);
    assert_int_equal(rx_word(2, 8), 100);
    expect_frame(n, RX_BUF + 0x2000, fake_mac, 100, 3, false);
}

static void small_buffers_and_full_ring(void **state) {
    (void)state;
    start(3 << 16 | 1 << 26); /* 256 bytes */
    fake_arrives(&n->net, fake_mac, 700, 5);
    assert_int_equal(rd(RDH), 3);
    assert_int_equal(rx_word(0, 8), 256);
    assert_int_equal(rx_word(0, 12) & 3, 1);
    assert_int_equal(rx_word(2, 8), 188);
    assert_int_equal(rx_word(2, 12) & 3, 3);
    rd(ICR);
    fake_arrives(&n->net, fake_mac, 1500, 6); /* crosses the threshold of one half */
    assert_true(rd(ICR) & RXDMT0);
    assert_int_equal(rd(RDH), 9);
    assert_true(fake_can_receive(&n->net)); /* six descriptors hold the longest frame */
    fake_arrives(&n->net, fake_mac, 1514, 7);
    assert_false(fake_can_receive(&n->net));
    assert_int_equal(rd(RDH), 15);
    rd(ICR);
    fake_arrives(&n->net, fake_mac, 60, 7);
    assert_int_equal(rd(RDH), 15);
    assert_int_equal(rd(ICR), RXO);
    assert_int_equal(rd(MPC), 1);
    int ready = n->net.ready;
    wr(RDT, 9);
    assert_int_equal(n->net.ready, ready + 1);
    fake_arrives(&n->net, fake_mac, 700, 8); /* over the ring's end */
    assert_int_equal(rd(RDH), 2);
    assert_int_equal(rx_word(0, 8), 256);
    /* BSEX: 4,096 bytes and more. */
    wr(RCTL, 1 << 1 | 3 << 16 | 1 << 25);
    fake_arrives(&n->net, fake_mac, 1514, 9);
    assert_int_equal(rd(RDH), 3);
}

static int accepted(const uint8_t *to) {
    uint32_t head = rd(RDH);
    fake_arrives(&n->net, to, 64, 0);
    wr(RDT, (rd(RDH) + RING - 1) % RING);
    return head != rd(RDH);
}

static void filters(void **state) {
    (void)state;
    static const uint8_t other[6] = {0x52, 0x54, 0, 0, 0, 9}, group[6] = {0x01, 0x00, 0x5E, 0x00, 0x00, 0xFB};
    start(0);
    assert_true(accepted(fake_mac));
    assert_true(accepted(fake_broadcast));
    assert_false(accepted(other));
    assert_false(accepted(group));
    wr(RCTL, 2);
    assert_false(accepted(fake_broadcast));
    wr(RCTL, 2 | 1 << 3);
    assert_true(accepted(other));
    assert_false(accepted(group));
    wr(RCTL, 2 | 1 << 4);
    assert_true(accepted(group));
    assert_false(accepted(other));
    wr(RAL + 8 * 15, 0x5452), wr(RAH + 8 * 15, 0x80000900);
    assert_true(accepted(other));
    wr(RAH + 8 * 15, 0x900);
    assert_false(accepted(other));
    for (uint32_t mo = 0; mo < 4; mo++) { /* bits 47:36, 46:35, 45:34, 43:32 of the address */
        static const unsigned shift[4] = {4, 3, 2, 0};
        unsigned hash = (0xFB00u >> shift[mo]) & 0xFFF;
        wr(RCTL, 2 | mo << 12);
        assert_false(accepted(group));
        wr(MTA + 4 * (hash >> 5), 1u << (hash & 31));
        assert_true(accepted(group));
        wr(MTA + 4 * (hash >> 5), 0);
    }
}

static void delayed_interrupts(void **state) {
    (void)state;
    start(0);
    wr(RDTR, 100), wr(RADV, 150);
    fake_arrives(&n->net, fake_mac, 1000, 0);
    assert_false(fake_nic_irq(n));
    fake_advance(n->f, 90 * 1024);
    fake_arrives(&n->net, fake_mac, 1000, 0);
    fake_advance(n->f, 59 * 1024);
    assert_false(fake_nic_irq(n));
    fake_advance(n->f, 1024);
    assert_true(fake_nic_irq(n)); /* RADV after the first */
    rd(ICR);
    fake_arrives(&n->net, fake_mac, 1000, 0);
    wr(RDTR, 0x80000000u | 100);
    assert_true(fake_nic_irq(n)); /* flushed */
}

static void loopback(void **state) {
    (void)state;
    uint8_t f[200];
    start(3 << 6);
    fake_frame(f, sizeof f, fake_mac, 77);
    mem_put(n, TX_BUF, f, sizeof f);
    queue(TX_BUF, 200 | EOP | RS, 0), go();
    assert_int_equal(n->net.sent, 0);
    expect_frame(n, RX_BUF, fake_mac, 200, 77, true);
    fake_arrives(&n->net, fake_mac, 100, 1); /* the wire is cut off */
    assert_int_equal(rd(RDH), 1);
}

/* ---- Abuse ---- */

static void hostile_rings(void **state) {
    (void)state;
    start(0);
    wr(TDLEN, 0), wr(TDT, 5), wr(RDLEN, 0);
    assert_false(fake_can_receive(&n->net));
    fake_arrives(&n->net, fake_mac, 100, 1);
    start(0);
    wr(TDH, 0xFFFF), wr(TDT, 3), wr(TDH, 3), wr(TDT, 0xFFFF); /* outside the ring */
    wr(RDH, 500), wr(RDT, 1);
    fake_arrives(&n->net, fake_mac, 100, 1);
    wr(RDH, 0), wr(RDT, 500);
    fake_arrives(&n->net, fake_mac, 100, 1);
    assert_int_equal(n->net.sent, 0);
    /* Rings and buffers where no memory is, and above 4 GiB. */
    start(0);
    wr(RDBAL, 0xD0000000u), wr(RDT, 5);
    fake_arrives(&n->net, fake_mac, 100, 1);
    wr(RDBAH, 0xFFFFFFFF), wr(RDBAL, 0xFFFFFFF0u);
    fake_arrives(&n->net, fake_mac, 100, 1);
    queue(0xFFFFFFFFFFFFFFF0u, 100 | EOP, 0), queue(0xD0000000u, 100 | EOP, 0), go();
    assert_int_equal(n->net.sent, 2);
    for (int i = 0; i < 100; i++) assert_int_equal(n->net.frame[1].data[i], 0xFF);
    /* The adapter's own registers as ring and buffer: it does not answer itself. */
    start(0);
    tail = 0;
    wr(TDBAL, BAR), wr(TDT, 10);
    wr(TDBAL, TX_RING), wr(TDH, 0), wr(TDT, 0);
    for (int i = 0; i < 8; i++) queue(BAR + TDT, 4 | RS, 0);
    go();
    set_mem32(n, RX_RING, BAR + CTRL), wr(RDH, 0);
    fake_arrives(&n->net, fake_mac, 1000, 0xFF);
    assert_int_equal(rd(TDLEN), RING * 16);
}

/* A ring as long as can be, of descriptors that are all as expensive as can be: each kick ends soon. */
static void bounded_work(void **state) {
    (void)state;
    start(0);
    enum { COUNT = 4096 };
    tail = 0;
    uint8_t d[16] = {0};
    put_le32(d, TX_BUF), put_le32(d + 8, 1514 | EOP | RS);
    for (unsigned i = 0; i < COUNT; i++) mem_put(n, 0x200000 + 16 * i, d, 16);
    wr(TDBAL, 0x200000), wr(TDLEN, COUNT * 16), wr(TDH, 0), wr(TDT, COUNT - 1);
    assert_in_range(n->net.sent, 100, 1000);
    for (int last = 0; last != n->net.sent;) last = n->net.sent, fake_advance(n->f, 100000);
    assert_int_equal(n->net.sent, COUNT - 1);
    assert_int_equal(rd(TDH), COUNT - 1);
    /* A megabyte in segments of one byte goes on where it stopped. */
    start(0);
    tail = 0;
    n->net.sent = 0;
    queue_context(true, TSE | TCP4, 0xFFFFF, 54, 1);
    queue(0, 3000 | DATA | DEXT | TSE | EOP | RS, 0x300);
    go();
    assert_in_range(n->net.sent, 100, 600);
    assert_int_equal(rd(TDH), 1);
    for (int last = 0; last != n->net.sent;) last = n->net.sent, fake_advance(n->f, 100000);
    assert_int_equal(n->net.sent, 3000 - 54);
    assert_int_equal(rd(TDH), 2);
    /* Segments that no frame can hold, a header that never comes, lengths beyond everything. */
    n->net.sent = 0;
    queue_context(true, TSE | TCP4, 5000, 54, 0), queue(0, 5000 | DATA | DEXT | TSE | EOP, 0x300);
    queue_context(true, TSE | TCP4, 5000, 255, 0xFFFF), queue(0, 5000 | DATA | DEXT | TSE | EOP, 0x300);
    queue_context(true, TSE | TCP4, 5000, 255, 100), queue(0, 200 | DATA | DEXT | TSE | EOP, 0x300);
    queue(0, 0xFFFFF | DATA | DEXT | EOP, 0x300), queue(0, 0xFFFF | EOP, 0), queue(0, 0 | EOP, 0);
    go();
    assert_int_equal(n->net.sent, 0);
    assert_int_equal(rd(TDH), (uint32_t)tail);
    /* Checksums that lie outside the frame. */
    queue(0xFFFFFFFFu, 0xFFFFFFFFu & (DEXT | 3 << 24), 0), queue(TX_BUF, 60 | DATA | DEXT | EOP, 0x300);
    queue(TX_BUF, 60 | 0xFFu << 16 | EOP | IC, 0xFF00), queue(TX_BUF, 60 | 59u << 16 | EOP | IC, 0);
    go();
    assert_int_equal(n->net.sent, 3);
}

static void random_abuse(void **state) {
    (void)state;
    static const uint16_t regs[] = {CTRL,  EECD, EERD, MDIC, ICR,  ITR,   ICS,   IMS, IMC, RCTL, TCTL, RDBAL,  RDBAH,
                                    RDLEN, RDH,  RDT,  RDTR, RADV, TDBAL, TDLEN, TDH, TDT, RAL,  MTA,  0x3804, 0x4000};
    uint32_t x = 99;
    for (int i = 0; i < 20000; i++) {
        uint32_t r = fake_random(&x), reg = r & 7 ? regs[r % (sizeof regs / sizeof *regs)] : r >> 8 & 0x1FFFC;
        uint32_t v = fake_random(&x);
        if (i % 16 == 0) start(v & 0x07FF0000);
        if (reg == TDH || reg == TDT || reg == RDH || reg == RDT) v &= 15;
        if (reg == CTRL) v &= ~(1u << 26);
        if (r & 0x10000)
            wr(reg, v);
        else
            rd(reg);
        if (r & 0x20000)
            for (unsigned k = 0; k < 256; k += 4) set_mem32(n, TX_RING + k, k % 16 == 4 ? 0 : fake_random(&x));
        if (r & 0x40000) fake_arrives(&n->net, fake_mac, 14 + v % 1500, 0);
        if (!(r & 0x780000)) fake_stall(n->f, v % 300000);
    }
}

static void saved_state(void **state) {
    (void)state;
    start(0);
    wr(VET, 0x1234), wr(ICS, 4);
    queue(TX_BUF, 700, 0), go(); /* half a packet */
    fake_roundtrip(n->dev);
    assert_int_equal(rd(VET), 0x1234);
    queue(TX_BUF, 700 | EOP, 0), go();
    assert_int_equal(n->net.sent, 1);
    assert_int_equal(n->net.frame[0].len, 1400);
    fake_garbage_state(n->f, n->dev, 5, IO, IO + 63);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, open_e1000, close_e1000)
    const struct CMUnitTest tests[] = {
        T(identity),      T(eeprom),
        T(phy_registers), T(interrupt_registers),
        T(send_legacy),   T(checksum_offload),
        T(segmentation),  T(vlan),
        T(receive),       T(small_buffers_and_full_ring),
        T(filters),       T(delayed_interrupts),
        T(loopback),      T(hostile_rings),
        T(bounded_work),  T(random_abuse),
        T(saved_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
