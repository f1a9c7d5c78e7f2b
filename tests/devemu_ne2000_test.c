/* devemu_ne2000_test.c: NE2000 on PCI and ISA: identification, remote DMA, the receive ring, filters, loopback,
 * nonsense. */
#include "devemu/ne2000.h"
#include "devemu_fake_net.h"

enum { IO = 0xC000, ISA = 0x300, CR = 0, PSTART = 1, PSTOP = 2, BNRY = 3, TPSR = 4, TBCR = 5, ISR = 7, RSAR = 8 };
enum { RBCR = 10, RCR = 12, TCR = 13, DCR = 14, IMR = 15, PAR = 1, CURR = 7, MAR = 8, DATA = 16, RESET = 0x1F };
enum { STOP = 0x21, START = 0x22, DMA_READ = 0x0A, DMA_WRITE = 0x12, TRANSMIT = 0x26, PAGE1 = 0x40, PAGE2 = 0x80 };
enum { PRX = 1, PTX = 2, OVW = 0x10, RDC = 0x40, RST = 0x80 };
enum { FIRST = 0x46, END = 0x80, TX = 0x40 };

static void out(struct fake_nic *n, unsigned reg, uint8_t v) { pout(n->f, (uint16_t)(IO + reg), v); }
static uint8_t in(struct fake_nic *n, unsigned reg) { return pin(n->f, (uint16_t)(IO + reg)); }
static void out16(struct fake_nic *n, unsigned reg, unsigned v) {
    out(n, reg, (uint8_t)v);
    out(n, reg + 1, (uint8_t)(v >> 8));
}

static struct fake_nic *card(void) {
    struct fake_nic *n = fake_nic_create();
    struct nic_pci_config c = {.bus = n->bus, .devfn = FAKE_NET_DEVFN, .net = &n->net.net};
    memcpy(c.mac, fake_mac, 6);
    n->dev = fake_dev(n->f, &ne2000_pci_class, &c);
    fake_nic_config(n, PCI_BAR0, 4, IO);
    fake_nic_enable(n);
    return n;
}

/* As drivers do it. */
static struct fake_nic *started(uint8_t rcr) {
    struct fake_nic *n = card();
    out(n, CR, STOP);
    out(n, DCR, 0x49);
    out16(n, RBCR, 0);
    out(n, RCR, rcr);
    out(n, PSTART, FIRST);
    out(n, PSTOP, END);
    out(n, BNRY, FIRST);
    out(n, ISR, 0xFF);
    out(n, IMR, 0x3F);
    out(n, CR, STOP | PAGE1);
    for (unsigned i = 0; i < 6; i++) out(n, PAR + i, fake_mac[i]);
    out(n, CURR, FIRST + 1);
    out(n, CR, START);
    out(n, TCR, 0);
    return n;
}

static uint8_t page1(struct fake_nic *n, unsigned reg) {
    out(n, CR, START | PAGE1);
    uint8_t v = in(n, reg);
    out(n, CR, START);
    return v;
}

static void dma(struct fake_nic *n, uint8_t command, unsigned at, unsigned len) {
    out16(n, RSAR, at);
    out16(n, RBCR, len);
    out(n, CR, command);
}

static void fetch(struct fake_nic *n, unsigned at, uint8_t *buf, unsigned len) {
    dma(n, DMA_READ, at, len);
    for (unsigned i = 0; i < len; i += 2) put_le16(buf + i, (uint16_t)dev_io_read(n->f->host.io, IO + DATA, 2));
}

static void store(struct fake_nic *n, unsigned at, const uint8_t *buf, unsigned len) {
    dma(n, DMA_WRITE, at, len);
    for (unsigned i = 0; i < len; i += 2) dev_io_write(n->f->host.io, IO + DATA, 2, get_le16(buf + i));
}

static void identifies(void **state) {
    (void)state;
    struct fake_nic *n = card();
    uint8_t prom[32];
    assert_int_equal(pci_bus_config_read(n->bus, FAKE_NET_DEVFN, 0, 4), 0x802910EC);
    assert_int_equal(pci_bus_config_read(n->bus, FAKE_NET_DEVFN, 8, 4) >> 8, 0x020000);
    assert_int_equal(in(n, CR), 0x21);
    assert_true(in(n, ISR) & RST);
    assert_int_equal(in(n, 10), 'P');
    assert_int_equal(in(n, 11), 'C');
    out(n, CR, START); /* bytes: each is there twice */
    out(n, DCR, 0);
    dma(n, DMA_READ, 0, 32);
    for (int i = 0; i < 32; i++) prom[i] = in(n, DATA);
    for (int i = 0; i < 6; i++) assert_true(prom[2 * i] == fake_mac[i] && prom[2 * i + 1] == fake_mac[i]);
    assert_int_equal(prom[28], 0x57);
    assert_int_equal(prom[31], 0x57);
    assert_true(in(n, ISR) & RDC);
    assert_false(in(n, ISR) & RST);
    out(n, DCR, 1); /* words: the same, in the low bytes */
    dma(n, DMA_READ, 0, 12);
    for (int i = 0; i < 6; i++) assert_int_equal(in(n, DATA), fake_mac[i]);
    in(n, RESET);
    assert_int_equal(in(n, CR), 0x21);
    assert_true(in(n, ISR) & RST);
    out(n, ISR, 0xFF);
    assert_int_equal(in(n, ISR), RST);
    fake_nic_destroy(n);
}

static void registers_read_back(void **state) {
    (void)state;
    struct fake_nic *n = started(0x04);
    out(n, CR, START | PAGE2);
    assert_int_equal(in(n, PSTART), FIRST);
    assert_int_equal(in(n, PSTOP), END);
    assert_int_equal(in(n, RCR), 0xC4);
    assert_int_equal(in(n, DCR), 0xC9);
    assert_int_equal(in(n, IMR), 0xBF);
    out(n, CR, START | PAGE1);
    for (unsigned i = 0; i < 6; i++) assert_int_equal(in(n, PAR + i), fake_mac[i]);
    fake_nic_destroy(n);
}

static void remote_dma_wraps_at_the_rings_end(void **state) {
    (void)state;
    struct fake_nic *n = started(0);
    uint8_t a[8] = {1, 2, 3, 4, 5, 6, 7, 8}, b[8];
    store(n, (END << 8) - 4, a, 8);
    fetch(n, (END << 8) - 4, b, 8);
    assert_memory_equal(a, b, 8);
    fetch(n, FIRST << 8, b, 4);
    assert_memory_equal(a + 4, b, 4);
    fetch(n, 0x9000, b, 4); /* nothing is there */
    assert_int_equal(get_le32(b), 0xFFFFFFFF);
    fake_nic_destroy(n);
}

static void sends(void **state) {
    (void)state;
    struct fake_nic *n = started(0);
    uint8_t frame[200];
    fake_frame(frame, sizeof frame, fake_peer, 9);
    store(n, TX << 8, frame, sizeof frame);
    out(n, ISR, 0xFF);
    out(n, TPSR, TX);
    out16(n, TBCR, sizeof frame);
    out(n, CR, TRANSMIT);
    assert_int_equal(n->net.sent, 1);
    assert_int_equal(n->net.frame[0].len, sizeof frame);
    assert_memory_equal(n->net.frame[0].data, frame, sizeof frame);
    assert_int_equal(in(n, TPSR), 1); /* TSR */
    assert_true(in(n, ISR) & PTX);
    assert_true(fake_nic_irq(n));
    out(n, ISR, PTX);
    assert_false(fake_nic_irq(n));
    out16(n, TBCR, 60000); /* no wire carries it */
    out(n, CR, TRANSMIT);
    assert_int_equal(n->net.sent, 1);
    fake_nic_destroy(n);
}

/* Takes the frame at *page out of the ring as drivers do. */
static void take(struct fake_nic *n, uint8_t *page, size_t len, uint8_t seed) {
    uint8_t header[4], got[1600], want[1600] = {0};
    size_t padded = len < 60 ? 60 : len;
    fake_frame(want, len, fake_mac, seed);
    put_le32(want + padded, ~net_crc32(want, padded));
    fetch(n, (unsigned)*page << 8, header, 4);
    assert_int_equal(header[0], 1);
    assert_int_equal(get_le16(header + 2), padded + 4);
    fetch(n, ((unsigned)*page << 8) + 4, got, (unsigned)(padded + 5) & ~1u);
    assert_memory_equal(got, want, padded + 4);
    *page = header[1];
    out(n, BNRY, (uint8_t)(*page == FIRST ? END - 1 : *page - 1));
}

static void receives_around_the_ring(void **state) {
    (void)state;
    struct fake_nic *n = started(0x04);
    uint8_t page = FIRST + 1;
    for (int i = 0; i < 100; i++) {
        size_t len = i % 3 == 0 ? 40 : i % 3 == 1 ? 1514 : 508;
        assert_true(fake_can_receive(&n->net));
        fake_arrives(&n->net, fake_mac, len, (uint8_t)i);
        assert_true(in(n, ISR) & PRX);
        take(n, &page, len, (uint8_t)i);
        assert_int_equal(page, page1(n, CURR));
        out(n, ISR, PRX);
    }
    fake_nic_destroy(n);
}

static void full_ring_waits_and_says_when_ready(void **state) {
    (void)state;
    struct fake_nic *n = started(0x04);
    uint8_t page = FIRST + 1, count = 0;
    while (fake_can_receive(&n->net)) fake_arrives(&n->net, fake_mac, 1514, count++);
    assert_in_range(count, 8, 9); /* 58 pages, six a frame */
    uint8_t curr = page1(n, CURR);
    for (int i = 0; i < 3; i++) fake_arrives(&n->net, fake_mac, 1514, 0); /* forced: the ring is kept */
    assert_int_not_equal(page1(n, CURR), FIRST);
    assert_int_equal(page1(n, CURR), curr);
    assert_true(in(n, ISR) & OVW);
    assert_int_equal(in(n, 0x0F), 3); /* CNTR2: missed, cleared by reading */
    assert_int_equal(in(n, 0x0F), 0);
    int ready = n->net.ready;
    out(n, CR, 0x20); /* a page turn with neither STA nor STP */
    take(n, &page, 1514, 0);
    assert_int_equal(n->net.ready, ready); /* not before it has acknowledged the others */
    out(n, ISR, PRX);
    assert_int_equal(n->net.ready, ready + 1);
    out(n, CR, 0x20);
    assert_true(fake_can_receive(&n->net));
    fake_arrives(&n->net, fake_mac, 1514, 77);
    assert_int_not_equal(page1(n, CURR), curr);
    fake_nic_destroy(n);
}

/* Frames come in bunches: what fits, then nothing until the guest has acknowledged them. */
static void bunches(void **state) {
    (void)state;
    struct fake_nic *n = started(0x04);
    uint8_t page = FIRST + 1;
    for (uint8_t i = 0; i < 3; i++) {
        assert_true(fake_can_receive(&n->net));
        fake_arrives(&n->net, fake_mac, 1000, i);
    }
    assert_true(in(n, ISR) & PRX);
    assert_false(fake_can_receive(&n->net));
    int ready = n->net.ready;
    take(n, &page, 1000, 0);
    assert_int_equal(n->net.ready, ready);
    out(n, ISR, PRX); /* a driver that leaves two of them in the ring */
    assert_int_equal(n->net.ready, ready + 1);
    assert_true(fake_can_receive(&n->net));
    fake_arrives(&n->net, fake_mac, 1000, 3);
    in(n, ISR);
    for (uint8_t i = 1; i <= 3; i++) {
        assert_false(fake_can_receive(&n->net));
        take(n, &page, 1000, i);
    }
    assert_true(in(n, ISR) & PRX);
    /* Has it looked for another frame already? One that came now would have its interrupt acknowledged unseen. */
    assert_int_equal(page1(n, CURR), page);
    assert_false(fake_can_receive(&n->net));
    assert_int_equal(n->net.ready, ready + 1);
    out(n, ISR, PRX);
    assert_int_equal(n->net.ready, ready + 2);
    assert_true(fake_can_receive(&n->net));
    fake_nic_destroy(n);
}

/* A driver without interrupts need not acknowledge anything: it has read all. */
static void bunches_for_a_poller(void **state) {
    (void)state;
    struct fake_nic *n = started(0x04);
    uint8_t page = FIRST + 1;
    out(n, IMR, 0);
    for (uint8_t i = 0; i < 2; i++) fake_arrives(&n->net, fake_mac, 1000, i);
    int ready = n->net.ready;
    for (uint8_t i = 0; i < 2; i++) {
        in(n, ISR);
        assert_false(fake_can_receive(&n->net));
        take(n, &page, 1000, i);
    }
    assert_true(in(n, ISR) & PRX);
    assert_int_equal(n->net.ready, ready + 1);
    assert_true(fake_can_receive(&n->net));
    fake_nic_destroy(n);
}

/* Linux: BNRY is one less than the page that is read next, even if that is the first. No frame is written over. */
static void boundary_before_the_ring(void **state) {
    (void)state;
    struct fake_nic *n = started(0x04);
    out(n, BNRY, FIRST - 1);
    out(n, CR, START | PAGE1);
    out(n, CURR, FIRST);
    out(n, CR, START);
    uint8_t page = FIRST, count = 0;
    assert_true(fake_can_receive(&n->net));
    while (fake_can_receive(&n->net) && count < 20) fake_arrives(&n->net, fake_mac, 1514, count++);
    assert_in_range(count, 8, 9);
    out(n, ISR, 0xFF);
    for (uint8_t i = 0; i < count; i++) {
        assert_false(fake_can_receive(&n->net) && !i);
        take(n, &page, 1514, i);
    }
    assert_true(fake_can_receive(&n->net));
    fake_nic_destroy(n);
}

static bool hears(struct fake_nic *n, const uint8_t *to) {
    out(n, ISR, 0xFF);
    uint8_t curr = page1(n, CURR);
    fake_arrives(&n->net, to, 60, 0);
    uint8_t now = page1(n, CURR);
    assert_int_equal(now != curr, (in(n, ISR) & PRX) != 0);
    out(n, BNRY, (uint8_t)(now == FIRST ? END - 1 : now - 1));
    return now != curr;
}

static void filters(void **state) {
    static const uint8_t group[6] = {1, 0, 0x5E, 0, 0, 1};
    struct fake_nic *n = started(0);
    (void)state;
    assert_true(hears(n, fake_mac));
    assert_false(hears(n, fake_peer));
    assert_false(hears(n, fake_broadcast));
    out(n, RCR, 0x04);
    assert_true(hears(n, fake_broadcast));
    out(n, RCR, 0x08);
    assert_false(hears(n, group));
    unsigned bit = net_hash_high_first(group);
    out(n, CR, START | PAGE1);
    out(n, MAR + bit / 8, (uint8_t)(1u << bit % 8));
    out(n, CR, START);
    assert_true(hears(n, group));
    out(n, RCR, 0x10);
    assert_true(hears(n, fake_peer));
    out(n, RCR, 0x30); /* monitor: counted only */
    assert_false(hears(n, fake_mac));
    assert_int_equal(in(n, 0x0F), 1);
    out(n, RCR, 0);
    out(n, CR, STOP); /* nobody listens: nothing waits for later */
    assert_true(fake_can_receive(&n->net));
    fake_arrives(&n->net, fake_mac, 60, 0);
    assert_false(in(n, ISR) & PRX);
    fake_nic_destroy(n);
}

/* The values are the data sheet's table of loopback results. */
static void loops_back(void **state) {
    static const uint8_t tsr[] = {0, 0x51, 0x41, 0x01};
    uint8_t frame[64], fifo[8];
    struct fake_nic *n = started(0x1F);
    (void)state;
    fake_frame(frame, sizeof frame, fake_mac, 3);
    for (unsigned mode = 1; mode <= 3; mode++) {
        store(n, TX << 8, frame, sizeof frame);
        out(n, TCR, (uint8_t)(mode << 1));
        out(n, ISR, 0xFF);
        out(n, TPSR, TX);
        out16(n, TBCR, sizeof frame);
        out(n, CR, TRANSMIT);
        assert_int_equal(in(n, TPSR), tsr[mode]);
        assert_int_equal(in(n, RCR), 2); /* RSR: the check sequence looks wrong */
        assert_int_equal(in(n, ISR), PTX);
        for (int i = 0; i < 8; i++) fifo[i] = in(n, 6);
        assert_int_equal(fifo[0], sizeof frame + 4);
        assert_int_equal(fifo[3], frame[63]);
        assert_int_equal(get_le32(fifo + 4), ~net_crc32(frame, sizeof frame));
    }
    put_le32(frame + 60, ~net_crc32(frame, 60)); /* with a check sequence of the host's own */
    store(n, TX << 8, frame, sizeof frame);
    out(n, TCR, 0x03);
    out16(n, TBCR, sizeof frame);
    out(n, CR, TRANSMIT);
    assert_int_equal(in(n, RCR), 1);
    assert_int_equal(n->net.sent, 0);
    fake_nic_destroy(n);
}

static void isa_card_has_a_line(void **state) {
    struct fake *f = fake_create();
    struct fake_net net = {.net = {.opaque = &net, .send = fake_net_send, .ready = fake_net_ready}};
    struct ne2000_isa_config c = {.base = ISA, .irq = fake_line(f, 9), .net = &net.net};
    struct dev *d = fake_dev(f, &ne2000_isa_class, &c);
    (void)state;
    assert_int_equal(pin(f, ISA), 0x21);
    assert_int_equal(pin(f, ISA + 10), 0xFF); /* not RealTek's */
    pout(f, ISA + IMR, RDC);
    pout(f, ISA, DMA_READ); /* of nothing: it has ended */
    assert_true(f->line[9]);
    pout(f, ISA + ISR, RDC);
    assert_false(f->line[9]);
    fake_roundtrip(d);
    fake_hammer_ports(f, 1, ISA, ISA + 31, 20000);
    fake_garbage_state(f, d, 2, ISA, ISA + 31);
    dev_destroy(d);
    fake_destroy(f);
}

/* Every register at random, and frames in between. */
static void survives_nonsense(void **state) {
    struct fake_nic *n = started(0x1C);
    uint32_t x = 12345;
    (void)state;
    for (int i = 0; i < 300; i++) {
        fake_hammer_ports(n->f, fake_random(&x), IO, IO + 23, 300);
        out(n, CR, (uint8_t)(fake_random(&x) % 4 ? START : fake_random(&x)));
        for (int k = 0; k < 20; k++) {
            size_t len = 14 + fake_random(&x) % 1501;
            if (fake_can_receive(&n->net) || k % 4 == 0) fake_arrives(&n->net, fake_broadcast, len, (uint8_t)k);
        }
    }
    fake_roundtrip(n->dev);
    fake_garbage_state(n->f, n->dev, 77, IO, IO + 31);
    fake_nic_destroy(n);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifies),
        cmocka_unit_test(registers_read_back),
        cmocka_unit_test(remote_dma_wraps_at_the_rings_end),
        cmocka_unit_test(sends),
        cmocka_unit_test(receives_around_the_ring),
        cmocka_unit_test(full_ring_waits_and_says_when_ready),
        cmocka_unit_test(bunches),
        cmocka_unit_test(bunches_for_a_poller),
        cmocka_unit_test(boundary_before_the_ring),
        cmocka_unit_test(filters),
        cmocka_unit_test(loops_back),
        cmocka_unit_test(isa_card_has_a_line),
        cmocka_unit_test(survives_nonsense),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
