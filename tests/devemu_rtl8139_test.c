/* devemu_rtl8139_test.c: the RTL8139C as drivers see it: registers in any width, EEPROM, ring, timer, and abuse. */
#include "devemu_fake_net.h"
#include "devemu/rtl8139.h"

enum { IO = 0xC000, RING = 0x100000, TX_BUF = 0x40000 };
#define BAR 0xE0000000u
enum { IDR = 0, MAR = 8, TSD = 0x10, TSAD = 0x20, RBSTART = 0x30, CR = 0x37, CAPR = 0x38, CBR = 0x3A, IMR = 0x3C };
enum { ISR = 0x3E, TCR = 0x40, RCR = 0x44, TCTR = 0x48, MPC = 0x4C, C9346 = 0x50, CONFIG1 = 0x52, TIMER_INT = 0x54 };
enum { BMCR = 0x62, BMSR = 0x64, BUFE = 1, TE = 4, RE = 8, RST = 16, OWN = 0x2000, TOK = 0x8000, WRAP = 0x80 };
enum { AAP = 1, APM = 2, AM = 4, AB = 8, RXOVW = 0x10, TIMEOUT = 0x4000 };

static struct fake_nic *n;

static uint32_t in8(unsigned reg) { return dev_io_read(n->f->host.io, (uint16_t)(IO + reg), 1); }
static uint32_t in16(unsigned reg) { return dev_io_read(n->f->host.io, (uint16_t)(IO + reg), 2); }
static uint32_t in32(unsigned reg) { return dev_io_read(n->f->host.io, (uint16_t)(IO + reg), 4); }
static void out8(unsigned reg, uint32_t v) { dev_io_write(n->f->host.io, (uint16_t)(IO + reg), 1, v); }
static void out16(unsigned reg, uint32_t v) { dev_io_write(n->f->host.io, (uint16_t)(IO + reg), 2, v); }
static void out32(unsigned reg, uint32_t v) { dev_io_write(n->f->host.io, (uint16_t)(IO + reg), 4, v); }

static int open_rtl(void **state) {
    (void)state;
    n = fake_nic_create();
    struct nic_pci_config c = {.bus = n->bus, .devfn = FAKE_NET_DEVFN, .net = &n->net.net};
    memcpy(c.mac, fake_mac, 6);
    n->dev = fake_dev(n->f, &rtl8139_class, &c);
    fake_nic_config(n, PCI_BAR0, 4, IO);
    fake_nic_config(n, PCI_BAR0 + 4, 4, BAR);
    fake_nic_enable(n);
    return 0;
}
static int close_rtl(void **state) {
    (void)state;
    fake_nic_destroy(n);
    return 0;
}
static void start(uint32_t rcr) {
    out8(CR, RST);
    assert_int_equal(in8(CR), BUFE);
    out32(RBSTART, RING);
    out8(CR, TE | RE);
    out32(RCR, rcr);
    out16(IMR, 0xFFFF);
}

static void identity(void **state) {
    (void)state;
    assert_int_equal(pci_bus_config_read(n->bus, FAKE_NET_DEVFN, 0, 4), 0x813910EC);
    assert_int_equal(pci_bus_config_read(n->bus, FAKE_NET_DEVFN, 8, 1), 0x10);
    for (unsigned i = 0; i < 6; i++) assert_int_equal(in8(IDR + i), fake_mac[i]);
    assert_int_equal(in32(TCR) & 0x7CC00000, 0x74000000);
    assert_int_equal(mem32(n, BAR), 0x12005452);
    assert_int_equal(mem32(n, BAR + 0x100), 0xFFFFFFFFu);
    assert_int_equal(in16(BMSR) & 0x24, 0x24);
    /* Any width, any offset. */
    out32(MAR + 2, 0x44332211);
    assert_int_equal(in32(MAR), 0x22110000);
    assert_int_equal(in32(MAR + 4), 0x4433);
    assert_int_equal(in16(MAR + 3), 0x3322);
    /* Configuration behind its lock. */
    out8(CONFIG1, 0xFF);
    assert_int_equal(in8(CONFIG1), 0x0C);
    out8(C9346, 0xC0), out8(CONFIG1, 0xFF);
    assert_int_equal(in8(CONFIG1), 0xFF);
    out16(BMCR, 0x0100);
    assert_int_equal(in16(BMCR), 0x0100);
    out16(BMCR, 0x8000);
    assert_int_equal(in16(BMCR), 0x3100);
    assert_true(in16(ISR) & 0x20);
}

static uint32_t pins(unsigned in) {
    out8(C9346, 0x88 | in << 1);
    out8(C9346, 0x8C | in << 1);
    return in8(C9346) & 1;
}
static void eeprom(void **state) {
    (void)state;
    for (unsigned word = 0; word < 10; word++) {
        unsigned v = 0;
        out8(C9346, 0x80);
        for (int bit = 8; bit >= 0; bit--) pins((0x180 | word) >> bit & 1);
        for (int i = 0; i < 16; i++) v = v << 1 | pins(0);
        if (word == 0) assert_int_equal(v, 0x8129);
        if (word >= 7) assert_int_equal(v, get_le16(fake_mac + 2 * (word - 7)));
    }
    out32(IDR, 0);
    out8(C9346, 0x40); /* loads it again */
    assert_int_equal(in32(IDR), 0x12005452);
    assert_int_equal(in8(C9346), 0);
}

static void send(void **state) {
    (void)state;
    uint8_t f[1514];
    start(0);
    assert_int_equal(in32(TSD), OWN);
    fake_frame(f, sizeof f, fake_broadcast, 1);
    mem_put(n, TX_BUF, f, sizeof f);
    out32(TSAD + 4, TX_BUF), out32(TSD + 4, 100); /* not its turn yet */
    assert_int_equal(n->net.sent, 0);
    out32(TSAD, TX_BUF), out32(TSD, 0x00080000 | 1514);
    assert_int_equal(n->net.sent, 2);
    assert_int_equal(n->net.frame[0].len, 1514);
    assert_memory_equal(n->net.frame[0].data, f, 1514);
    assert_int_equal(n->net.frame[1].len, 100);
    assert_int_equal(in32(TSD), 0x00080000 | 1514 | OWN | TOK);
    assert_int_equal(in16(0x60), 0x300F);
    assert_true(fake_nic_irq(n));
    assert_int_equal(in16(ISR), 4);
    out16(ISR, 4);
    assert_false(fake_nic_irq(n));
    for (unsigned i = 2; i < 42; i++) out32(TSAD + 4 * (i % 4), TX_BUF), out32(TSD + 4 * (i % 4), 30);
    assert_int_equal(n->net.sent, 42);
    assert_int_equal(n->net.frame[41].len, 60);
    out8(CR, RE), out32(TSD + 8, 60);
    assert_int_equal(n->net.sent, 42);
    out32(TSD, 60), out8(CR, RE | TE); /* starts with the first again */
    assert_int_equal(n->net.sent, 43);
    /* Nothing without bus mastering; then what waits. */
    fake_nic_config(n, PCI_COMMAND, 2, PCI_CMD_IO);
    out32(TSD + 4, 60);
    assert_int_equal(n->net.sent, 43);
    fake_nic_enable(n);
    assert_int_equal(n->net.sent, 45);
}

static void receive(void **state) {
    (void)state;
    assert_false(fake_can_receive(&n->net));
    start(APM | AB);
    assert_int_equal(n->net.ready, 1);
    fake_arrives(&n->net, fake_mac, 1001, 1);
    assert_int_equal(in8(CR), TE | RE);
    assert_int_equal(mem32(n, RING), 1005u << 16 | 0x4001);
    expect_frame(n, RING + 4, fake_mac, 1001, 1, true);
    assert_int_equal(in16(CBR), 1012);
    fake_arrives(&n->net, fake_broadcast, 20, 2);
    assert_int_equal(mem32(n, RING + 1012), 64u << 16 | 0x2001);
    expect_frame(n, RING + 1016, fake_broadcast, 20, 2, true);
    assert_true(fake_nic_irq(n));
    assert_int_equal(in16(ISR), 1);
    out16(CAPR, in16(CBR) - 16u);
    assert_int_equal(in8(CR), TE | RE | BUFE);
}

/* Fills the ring to `at` and reads all of it. */
static void move_to(unsigned at) {
    while (in16(CBR) < at) {
        unsigned left = at - in16(CBR);
        fake_arrives(&n->net, fake_mac, left > 1000 ? 500 : left - 8, 0);
        out16(CAPR, in16(CBR) - 16u);
    }
    assert_int_equal(in16(CBR), at);
}

static void ring_end(void **state) {
    (void)state;
    start(APM);
    move_to(8192 - 100);
    fake_arrives(&n->net, fake_mac, 300, 5);
    uint8_t f[304];
    fake_frame(f, 300, fake_mac, 5);
    uint8_t got[300];
    mem_get(n, RING + 8192 - 96, got, 96);
    mem_get(n, RING, got + 96, 204);
    assert_memory_equal(got, f, 300);
    assert_int_equal(in16(CBR), 308 - 100);
    start(APM | WRAP);
    move_to(8192 - 100);
    fake_arrives(&n->net, fake_mac, 300, 6);
    expect_frame(n, RING + 8192 - 96, fake_mac, 300, 6, true);
    assert_int_equal(in16(CBR), 308 - 100);
    /* 64 KiB goes round in any case. */
    start(APM | WRAP | 3 << 11);
    move_to(65536 - 100);
    fake_arrives(&n->net, fake_mac, 300, 5);
    mem_get(n, RING, got, 204);
    assert_memory_equal(got, f + 96, 204);
}

static void overflow(void **state) {
    (void)state;
    start(APM);
    while (fake_can_receive(&n->net)) fake_arrives(&n->net, fake_mac, 1000, 1);
    out16(ISR, 0xFFFF);
    unsigned cbr = in16(CBR);
    fake_arrives(&n->net, fake_mac, 1514, 1);
    assert_int_equal(in16(ISR), RXOVW);
    assert_int_equal(in32(MPC), 1);
    assert_int_equal(in16(CBR), cbr);
    out8(MPC, 0);
    assert_int_equal(in32(MPC), 0);
    int ready = n->net.ready;
    out16(CAPR, 2024 - 16);
    assert_int_equal(n->net.ready, ready + 1);
    assert_true(fake_can_receive(&n->net));
}

static bool accepted(const uint8_t *to) {
    unsigned cbr = in16(CBR);
    fake_arrives(&n->net, to, 64, 0);
    bool got = cbr != in16(CBR);
    out16(CAPR, in16(CBR) - 16u);
    return got;
}
static void filters(void **state) {
    (void)state;
    static const uint8_t other[6] = {0x52, 0x54, 0, 0, 0, 9}, group[6] = {0x01, 0x00, 0x5E, 0x00, 0x00, 0xFB};
    start(0);
    assert_false(accepted(fake_mac));
    assert_false(accepted(fake_broadcast));
    out32(RCR, APM);
    assert_true(accepted(fake_mac));
    assert_false(accepted(other));
    out32(RCR, AAP);
    assert_true(accepted(other));
    assert_true(accepted(fake_mac));
    assert_false(accepted(group));
    out32(RCR, AM);
    assert_false(accepted(group));
    unsigned hash = net_hash_high_first(group);
    out8(MAR + hash / 8, 1u << (hash % 8));
    assert_true(accepted(group));
    out32(RCR, AB);
    assert_false(accepted(group));
    assert_true(accepted(fake_broadcast));
}

static void timer(void **state) {
    (void)state;
    start(0);
    out32(TCTR, 0);
    fake_advance(n->f, 1000000);
    assert_int_equal(in32(TCTR), 33000);
    out32(TIMER_INT, 66000);
    fake_advance(n->f, 999999);
    assert_int_equal(in16(ISR), 0);
    fake_advance(n->f, 1);
    assert_int_equal(in16(ISR), TIMEOUT);
    assert_true(fake_nic_irq(n));
    out16(ISR, TIMEOUT);
    fake_advance(n->f, 1000000000);
    assert_int_equal(in16(ISR), 0);
    out32(TCTR, 0);
    fake_advance(n->f, 2000000);
    assert_int_equal(in16(ISR), TIMEOUT);
    out32(TIMER_INT, 0);
}

static void loopback(void **state) {
    (void)state;
    uint8_t f[200];
    start(APM);
    fake_frame(f, sizeof f, fake_mac, 7);
    mem_put(n, TX_BUF, f, sizeof f);
    out32(TCR, 3 << 17);
    out32(TSAD, TX_BUF), out32(TSD, 200);
    assert_int_equal(n->net.sent, 0);
    expect_frame(n, RING + 4, fake_mac, 200, 7, true);
    fake_arrives(&n->net, fake_mac, 100, 1); /* the wire is cut off */
    assert_int_equal(in16(CBR), 208);
}

static void hostile(void **state) {
    (void)state;
    start(APM | AAP | AB);
    for (unsigned i = 0; i < 4; i++) out32(TSAD + 4 * i, 0xFFFFFFF0u), out32(TSD + 4 * i, 1514 - i);
    out32(TSD, 0), out32(TSD + 4, 13), out32(TSD + 8, 0x1FFF); /* nothing to send, or too much */
    assert_int_equal(n->net.sent, 4);
    assert_int_equal(in32(TSD + 8) & (OWN | TOK), OWN | TOK);
    out32(RBSTART, 0xFFFFFFF0u), fake_arrives(&n->net, fake_mac, 1514, 0);
    out32(RBSTART, BAR), fake_arrives(&n->net, fake_mac, 200, 0xFF); /* the adapter does not answer itself */
    out32(TSAD + 12, BAR + TSD), out32(TSD + 12, 60);
    assert_int_equal(n->net.frame[4].data[0], 0xFF);
    uint32_t x = 3;
    for (int i = 0; i < 30000; i++) {
        uint32_t r = fake_random(&x), v = fake_random(&x);
        unsigned reg = r >> 8 & 0xFF;
        if (i % 64 == 0) start(v);
        if (reg != CR || !(v & RST)) dev_io_write(n->f->host.io, (uint16_t)(IO + reg), 1u << r % 3, v);
        dev_io_read(n->f->host.io, (uint16_t)(IO + (v & 0xFF)), 1u << r % 3);
        if (r & 0x10000) fake_arrives(&n->net, r & 0x20000 ? fake_mac : fake_broadcast, 14 + v % 1500, 0);
        if (!(r & 0x700000)) fake_stall(n->f, v);
    }
}

static void saved_state(void **state) {
    (void)state;
    start(APM);
    out32(TIMER_INT, 5000000);
    fake_advance(n->f, 1000000);
    fake_roundtrip(n->dev);
    assert_int_equal(in32(TCTR), 33000);
    fake_advance(n->f, 200000000);
    assert_int_equal(in16(ISR), TIMEOUT);
    fake_garbage_state(n->f, n->dev, 5, IO, IO + 255);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, open_rtl, close_rtl)
    const struct CMUnitTest tests[] = {
        T(identity), T(eeprom), T(send),     T(receive), T(ring_end),    T(overflow),
        T(filters),  T(timer),  T(loopback), T(hostile), T(saved_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
