/* devemu_virtio_net_test.c: virtio-net: frames in and out, the receive filters, the control queue. */
#include "devemu_fake_net.h"
#include "devemu_virtio_driver.h"
#include "devemu/virtio_net.h"

enum { RX, TX, CONTROL, QUEUES };
enum { NET_RX_BUF = 0x210000, NET_TX_BUF = 0x220000, NET_CMD = 0x230000, NET_ANSWER = 0x23F000, NET_BUF_BYTES = 2048 };
enum { CMD_RX = 0, CMD_MAC = 1, CMD_VLAN = 2, PROMISC = 0, ALLMULTI = 1, TABLE_SET = 0, ADDR_SET = 1 };
enum { CMD_OK = 0, CMD_ERR = 1, TABLE_LIMIT = 32 };
#define NF_CTRL (VIRTIO_F(17) | VIRTIO_F(18) | VIRTIO_F(23))

static struct fake_net cable;
static const uint8_t other[6] = {0x52, 0x54, 0x00, 0xAA, 0xBB, 0xCC}, group[6] = {0x01, 0x00, 0x5E, 0x01, 0x02, 0x03};
static const uint8_t group2[6] = {0x33, 0x33, 0x00, 0x00, 0x00, 0x01};
static unsigned expected, posted; /* frames the driver got; buffers it gave */

static uint32_t head_bytes(void) { return modern ? 12 : 10; }

static void give_buffer(void) {
    struct part p = {NET_RX_BUF + (uint64_t)(posted++ % 16) * NET_BUF_BYTES, NET_BUF_BYTES, true};
    vd_post(RX, &p, 1);
}
static void start(void) {
    vd_start(NF_CTRL, QUEUES);
    expected = posted = 0;
    for (int i = 0; i < 16; i++) give_buffer();
    vd_notify(RX);
}
static void open_nic(bool is_modern, const void *rom, size_t rom_size) {
    modern = is_modern;
    vd_machine();
    memset(&cable, 0, sizeof cable);
    cable.net = (struct dev_net){.opaque = &cable, .send = fake_net_send, .ready = fake_net_ready};
    struct nic_pci_config c = {.bus = bus, .devfn = VD_DEVFN, .net = &cable.net, .rom = rom, .rom_size = rom_size};
    memcpy(c.mac, fake_mac, sizeof c.mac);
    d = fake_dev(f, &virtio_net_class, &c);
    vd_enable();
    start();
}
static int open_modern(void **state) { return (void)state, open_nic(true, NULL, 0), 0; }
static int open_legacy(void **state) { return (void)state, open_nic(false, NULL, 0), 0; }
static int close_nic(void **state) { return (void)state, vd_machine_end(), 0; }

/* Was a frame to this address given to the driver, whole? */
static bool gets_long(const uint8_t *to, size_t len) {
    uint8_t want[NET_FRAME_MAX], got[NET_FRAME_MAX + 12];
    fake_frame(want, len, to, (uint8_t)expected);
    fake_arrives(&cable, to, len, (uint8_t)expected);
    if (vd_used(RX) == (uint16_t)expected) return false;
    assert_int_equal(vd_take_used(RX, NULL), head_bytes() + len);
    ram_read(NET_RX_BUF + (uint64_t)(expected % 16) * NET_BUF_BYTES, got, head_bytes() + len);
    for (uint32_t i = 0; i < head_bytes(); i++) assert_int_equal(got[i], modern && i == 10 ? 1 : 0);
    assert_memory_equal(got + head_bytes(), want, len);
    expected++;
    give_buffer();
    return true;
}
static bool gets(const uint8_t *to) { return gets_long(to, 100); }

/* One command, the data in two pieces; its answer. */
static uint8_t command(uint8_t class, uint8_t cmd, const void *data, uint32_t len) {
    uint32_t half = len / 2;
    struct part p[] = {{NET_CMD, 2, false},
                       {NET_CMD + 2, half, false},
                       {NET_CMD + 2 + half, len - half, false},
                       {NET_ANSWER, 1, true}};
    struct part bare[] = {p[0], p[3]};
    put(NET_CMD, 1, class);
    put(NET_CMD + 1, 1, cmd);
    ram_write(NET_CMD + 2, data, len);
    put(NET_ANSWER, 1, 0xEE);
    uint16_t before = vd_used(CONTROL);
    if (len)
        vd_post(CONTROL, p, 4);
    else
        vd_post(CONTROL, bare, 2);
    vd_notify(CONTROL);
    assert_int_equal(vd_used(CONTROL), (uint16_t)(before + 1));
    assert_int_equal(vd_take_used(CONTROL, NULL), 1);
    return (uint8_t)get(NET_ANSWER, 1);
}
static uint8_t mode(uint8_t which, bool on) { return command(CMD_RX, which, &(uint8_t){on}, 1); }

/* The table of `n` unicast and `m` multicast addresses; those beyond the first are made up. */
static uint32_t table(uint8_t *raw, unsigned n, const uint8_t *first, unsigned m, const uint8_t *first_group) {
    uint8_t *at = raw;
    for (int part = 0; part < 2; part++) {
        unsigned count = part ? m : n;
        put_le32(at, count);
        at += 4;
        for (unsigned i = 0; i < count; i++, at += 6) {
            memcpy(at, part ? group : other, 6);
            at[4] = (uint8_t)(0x80 + i);
            if (!i) memcpy(at, part ? first_group : first, 6);
        }
    }
    return (uint32_t)(at - raw);
}
static uint8_t set_tables(unsigned n, const uint8_t *first, unsigned m, const uint8_t *first_group) {
    static uint8_t raw[2048];
    uint32_t len = table(raw, n, first, m, first_group);
    return command(CMD_MAC, TABLE_SET, raw, len);
}

/* ---- Tests ---- */

static void identity(void **state) {
    (void)state;
    assert_int_equal(cfg_read(0, 4), 0x10001AF4);
    assert_int_equal(cfg_read(PCI_SUBSYS_VENDOR, 4), 0x11AF4);
    assert_int_equal(cfg_read(PCI_CLASS_PROG + 1, 2), 0x0200);
    uint64_t offered = vd_offered();
    assert_int_equal(offered & NF_CTRL, NF_CTRL);
    assert_true(offered & VIRTIO_F(5));
    for (unsigned i = 0; i < 6; i++)
        assert_int_equal(modern ? get(dev_at + i, 1) : io_get(LEG_CONFIG + i, 1), fake_mac[i]);
    assert_int_equal(modern ? get(dev_at + 6, 2) : io_get(LEG_CONFIG + 6, 2), 1); /* the link is up */
}

/* A ROM that names no device, or a sister of this one, names it after all; its checksum stays. */
static void rom_identity(void **state) {
    enum { PCIR = 0x20, ROM_AT = 0xF0000000 };
    static const uint32_t named[][2] = {{0, 0x10001AF4}, {0x10411AF4, 0x10001AF4}, {0x100E8086, 0x100E8086}};
    for (size_t i = 0; i < sizeof named / sizeof *named; i++) {
        uint8_t rom[512] = {0x55, 0xAA, 1, [0x18] = PCIR, [PCIR] = 'P', 'C', 'I', 'R'}, seen[512], sum = 0, want = 0;
        put_le32(rom + PCIR + 4, named[i][0]);
        for (size_t j = 0; j < sizeof rom; j++) want = (uint8_t)(want + rom[j]);
        open_nic(true, rom, sizeof rom);
        cfg_write(PCI_ROM_ADDRESS, 4, ROM_AT | 1);
        assert_int_equal(get(ROM_AT + PCIR + 4, 4), named[i][1]);
        ram_read(ROM_AT, seen, sizeof seen);
        for (size_t j = 0; j < sizeof seen; j++) sum = (uint8_t)(sum + seen[j]);
        assert_int_equal(sum, want);
        close_nic(state);
    }
}

/* A driver that never says a word to the control queue gets everything. */
static void promiscuous_at_first(void **state) {
    (void)state;
    assert_true(gets(fake_mac));
    assert_true(gets(other));
    assert_true(gets(group));
    assert_true(gets(fake_broadcast));
    assert_true(gets_long(fake_mac, NET_FRAME_MIN));
    assert_true(gets_long(fake_mac, NET_FRAME_MAX));
    assert_true(vd_isr() & 1);
}

static void filters(void **state) {
    (void)state;
    assert_int_equal(mode(PROMISC, false), CMD_OK);
    assert_true(gets(fake_mac));
    assert_true(gets(fake_broadcast));
    assert_false(gets(other));
    assert_false(gets(group));
    assert_int_equal(mode(ALLMULTI, true), CMD_OK);
    assert_true(gets(group));
    assert_false(gets(other));
    assert_int_equal(mode(ALLMULTI, false), CMD_OK);
    assert_false(gets(group));
    assert_int_equal(mode(PROMISC, true), CMD_OK);
    assert_true(gets(other));
    assert_true(gets(group));
    start(); /* a reset forgets */
    assert_true(gets(other));
}

static void tables(void **state) {
    (void)state;
    static const uint8_t made[6] = {0x52, 0x54, 0x00, 0xAA, 0x81, 0xCC}, made_group[6] = {1, 0, 0x5E, 1, 0x81, 3};
    mode(PROMISC, false);
    assert_int_equal(set_tables(2, other, 2, group2), CMD_OK);
    assert_true(gets(other));
    assert_true(gets(made));
    assert_true(gets(group2));
    assert_true(gets(made_group));
    assert_true(gets(fake_mac)); /* its own always */
    assert_false(gets(group));
    assert_int_equal(set_tables(1, made, 0, group), CMD_OK); /* replaces both */
    assert_false(gets(other));
    assert_true(gets(made));
    assert_false(gets(group2));
    assert_int_equal(set_tables(TABLE_LIMIT, other, TABLE_LIMIT, group), CMD_OK);
    assert_false(gets(fake_peer));
    assert_false(gets(group2));
    assert_int_equal(set_tables(0, other, TABLE_LIMIT + 1, group), CMD_OK); /* too many: all of the kind */
    assert_true(gets(group2));
    assert_false(gets(other));
    assert_int_equal(set_tables(TABLE_LIMIT + 1, other, 0, group), CMD_OK);
    assert_true(gets(fake_peer));
    assert_false(gets(group2));
    assert_int_equal(set_tables(0, other, 0, group), CMD_OK);
    assert_false(gets(other));
    assert_false(gets(fake_peer));
}

static void own_address(void **state) {
    (void)state;
    mode(PROMISC, false);
    assert_int_equal(command(CMD_MAC, ADDR_SET, other, 6), CMD_OK);
    assert_true(gets(other));
    assert_false(gets(fake_mac));
    assert_int_equal(modern ? get(dev_at + 5, 1) : io_get(LEG_CONFIG + 5, 1), other[5]);
    start(); /* and a reset gives its own back */
    mode(PROMISC, false);
    assert_true(gets(fake_mac));
    assert_false(gets(other));
    /* By the configuration space: drivers of the legacy interface only. */
    for (unsigned i = 0; i < 6; i++) {
        if (modern)
            put(dev_at + i, 1, other[i]);
        else
            io_put(LEG_CONFIG + i, 1, other[i]);
    }
    assert_int_equal(gets(other), !modern);
    assert_int_equal(gets(fake_mac), modern);
}

/* Commands that are not there, too short or contradict themselves change nothing. */
static void bad_commands(void **state) {
    (void)state;
    uint8_t raw[128] = {0};
    mode(PROMISC, false);
    assert_int_equal(set_tables(1, other, 1, group), CMD_OK);
    assert_int_equal(command(CMD_RX, 2, raw, 1), CMD_ERR);
    assert_int_equal(command(CMD_VLAN, 0, raw, 2), CMD_ERR);
    assert_int_equal(command(0xFF, 0xFF, raw, 64), CMD_ERR);
    assert_int_equal(command(CMD_RX, PROMISC, raw, 0), CMD_ERR);
    assert_int_equal(command(CMD_MAC, ADDR_SET, raw, 5), CMD_ERR);
    assert_int_equal(command(CMD_MAC, TABLE_SET, raw, 3), CMD_ERR);
    assert_int_equal(command(CMD_MAC, TABLE_SET, raw, 4), CMD_ERR); /* no multicast part */
    for (uint32_t count = 1; count; count = count == 1 ? 0x2AAAAAAB : count == 0x2AAAAAAB ? UINT32_MAX : 0) {
        put_le32(raw, count);
        assert_int_equal(command(CMD_MAC, TABLE_SET, raw, 9), CMD_ERR);
    }
    table(raw, 1, fake_peer, 9, group2); /* the first half is good */
    assert_int_equal(command(CMD_MAC, TABLE_SET, raw, 20), CMD_ERR);
    assert_true(gets(other));
    assert_true(gets(group));
    assert_true(gets(fake_mac));
    assert_false(gets(fake_peer));
    assert_false(gets(group2));
    /* Without room for an answer the device stops. */
    struct part p = {NET_CMD, 2, false};
    vd_post(CONTROL, &p, 1);
    vd_notify(CONTROL);
    if (modern) assert_true(vd_status() & VIRTIO_NEEDS_RESET);
    assert_false(fake_can_receive(&cable));
    start();
    assert_true(gets(fake_mac));
}

static void transmission(void **state) {
    (void)state;
    static const size_t len[] = {13, 14, 60, 100, 1514, 1515, 0};
    static const size_t seen[] = {0, 60, 60, 100, 1514, 0, 0};
    uint8_t frame[1600], zero[60] = {0};
    for (unsigned i = 0; i < sizeof len / sizeof *len; i++) {
        int before = cable.sent;
        fake_frame(frame, 1515, fake_peer, (uint8_t)i);
        ram_write(NET_TX_BUF, zero, head_bytes());
        ram_write(NET_TX_BUF + 64, frame, len[i]);
        struct part p[] = {{NET_TX_BUF, head_bytes(), false}, {NET_TX_BUF + 64, (uint32_t)len[i], false}};
        vd_post(TX, p, len[i] ? 2 : 1);
        vd_notify(TX);
        assert_int_equal(vd_take_used(TX, NULL), 0); /* given back whatever became of it */
        assert_int_equal(cable.sent - before, seen[i] != 0);
        if (!seen[i]) continue;
        size_t at = (size_t)before % FAKE_NET_KEEP;
        assert_int_equal(cable.frame[at].len, seen[i]);
        assert_memory_equal(cable.frame[at].data, frame, len[i]);
        if (len[i] < seen[i]) assert_memory_equal(cable.frame[at].data + len[i], zero, seen[i] - len[i]);
    }
}

/* Frames wait while the driver has given no buffer, and go on when it has. */
static void no_buffers(void **state) {
    (void)state;
    vd_start(NF_CTRL, QUEUES);
    expected = posted = 0;
    assert_false(fake_can_receive(&cable));
    fake_arrives(&cable, fake_mac, 100, 0); /* lost, as on a wire */
    int before = cable.ready;
    give_buffer();
    vd_notify(RX);
    assert_int_equal(cable.ready, before + 1);
    assert_true(fake_can_receive(&cable));
    assert_true(gets(fake_mac));
    /* A buffer too small for any frame is the driver's fault. */
    vd_start(NF_CTRL, QUEUES);
    struct part p = {NET_RX_BUF, 64, true};
    vd_post(RX, &p, 1);
    fake_arrives(&cable, fake_mac, 1000, 0);
    assert_false(fake_can_receive(&cable));
    if (modern) assert_true(vd_status() & VIRTIO_NEEDS_RESET);
}

static void saved_filters(void **state) {
    (void)state;
    mode(PROMISC, false);
    set_tables(1, other, 1, group2);
    fake_roundtrip(d);
    assert_true(gets(other));
    assert_true(gets(group2));
    assert_false(gets(group));
    fake_garbage_state(f, d, 5, VD_IO, VD_IO + 63);
    fake_arrives(&cable, other, 100, 0);
}

#define BOTH(fn)                                                                                                       \
    {"modern " #fn, fn, open_modern, close_nic, NULL}, { "legacy " #fn, fn, open_legacy, close_nic, NULL }
int main(void) {
    const struct CMUnitTest tests[] = {
        BOTH(identity),      BOTH(promiscuous_at_first),
        BOTH(filters),       BOTH(tables),
        BOTH(own_address),   BOTH(bad_commands),
        BOTH(transmission),  BOTH(no_buffers),
        BOTH(saved_filters), cmocka_unit_test(rom_identity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
