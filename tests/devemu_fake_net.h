/*
 * devemu_fake_net.h: a cable for tests of network adapters: what the adapter sends is kept, frames for it are made
 * here. And a machine with RAM and a PCI bus around one adapter in slot 3.
 */
#ifndef NOVT_TESTS_DEVEMU_FAKE_NET_H
#define NOVT_TESTS_DEVEMU_FAKE_NET_H

#include "devemu_fake.h"
#include "devemu/bytes.h"
#include "devemu/net_filter.h"
#include "devemu/pci.h"

enum { FAKE_NET_RAM = 4 << 20, FAKE_NET_KEEP = 128, FAKE_NET_PIRQ = 2 /* slot 3, INTA */ };
#define FAKE_NET_DEVFN PCI_DEVFN(3, 0)

struct fake_net {
    struct dev_net net;
    int sent, ready;
    struct {
        uint8_t data[2048];
        size_t len;
    } frame[FAKE_NET_KEEP]; /* frame[i % FAKE_NET_KEEP]: what was sent as number i */
};

static const uint8_t fake_mac[6] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static const uint8_t fake_peer[6] = {0x52, 0x55, 0x0A, 0x00, 0x02, 0x02};
static const uint8_t fake_broadcast[6] = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF};

static inline void fake_net_send(void *o, const uint8_t *frame, size_t len) {
    struct fake_net *n = o;
    assert_in_range(len, NET_FRAME_MIN, NET_FRAME_MAX);
    memcpy(n->frame[n->sent % FAKE_NET_KEEP].data, frame, len);
    n->frame[n->sent % FAKE_NET_KEEP].len = len;
    n->sent++;
}
static inline void fake_net_ready(void *o) { ((struct fake_net *)o)->ready++; }

/* A frame whose bytes after the header count from `seed`. */
static inline void fake_frame(uint8_t *frame, size_t len, const uint8_t *to, uint8_t seed) {
    memcpy(frame, to, 6);
    memcpy(frame + 6, fake_peer, 6);
    put_be16(frame + 12, 0x88B5); /* local experiments */
    for (size_t i = 14; i < len; i++) frame[i] = (uint8_t)(seed + i);
}
static inline bool fake_can_receive(struct fake_net *n) { return n->net.can_receive(n->net.dev_opaque); }
/* One made frame comes in; a copy in `frame`, if given. */
static inline void fake_arrives(struct fake_net *n, const uint8_t *to, size_t len, uint8_t seed) {
    uint8_t frame[NET_FRAME_MAX];
    fake_frame(frame, len, to, seed);
    n->net.receive(n->net.dev_opaque, frame, len);
}

/* ---- The machine ---- */

struct fake_nic {
    struct fake *f;
    struct dev *bus, *dev;
    struct fake_net net;
};

static inline void fake_pirq(void *o, int pirq, bool level) { fake_line_set(o, pirq, level); }

static inline struct fake_nic *fake_nic_create(void) {
    struct fake_nic *n = calloc(1, sizeof *n);
    assert_non_null(n);
    n->f = fake_create();
    assert_int_equal(smmu_mem_create(FAKE_NET_RAM, 1 << 20, &n->f->host.mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(n->f->host.mem, gpa(0), FAKE_NET_RAM, 0, 0), SMMU_OK);
    n->bus = fake_dev(n->f, &pci_bus_class, &(struct pci_bus_cfg){.mmio_low = FAKE_NET_RAM});
    pci_bus_on_pirq(n->bus, fake_pirq, n->f);
    n->net.net = (struct dev_net){.opaque = &n->net, .send = fake_net_send, .ready = fake_net_ready};
    return n;
}
static inline void fake_nic_destroy(struct fake_nic *n) {
    dev_destroy(n->dev);
    dev_destroy(n->bus);
    smmu_mem_destroy(n->f->host.mem);
    fake_destroy(n->f);
    free(n);
}
static inline void fake_nic_config(struct fake_nic *n, unsigned reg, unsigned size, uint32_t v) {
    pci_bus_config_write(n->bus, FAKE_NET_DEVFN, reg, size, v);
}
static inline void fake_nic_enable(struct fake_nic *n) {
    fake_nic_config(n, PCI_COMMAND, 2, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
}
static inline bool fake_nic_irq(struct fake_nic *n) { return n->f->line[FAKE_NET_PIRQ]; }

/* ---- Guest memory ---- */

static inline void mem_put(struct fake_nic *n, uint64_t at, const void *p, size_t len) {
    smmu_mem_write(n->f->host.mem, gpa(at), p, len);
}
static inline void mem_get(struct fake_nic *n, uint64_t at, void *p, size_t len) {
    smmu_mem_read(n->f->host.mem, gpa(at), p, len);
}
static inline uint32_t mem32(struct fake_nic *n, uint64_t at) {
    uint8_t b[4];
    mem_get(n, at, b, 4);
    return get_le32(b);
}
static inline uint16_t mem16(struct fake_nic *n, uint64_t at) { return (uint16_t)mem32(n, at); }
static inline void set_mem32(struct fake_nic *n, uint64_t at, uint32_t v) {
    uint8_t b[4];
    put_le32(b, v);
    mem_put(n, at, b, 4);
}
static inline void set_mem16(struct fake_nic *n, uint64_t at, uint16_t v) {
    uint8_t b[2];
    put_le16(b, v);
    mem_put(n, at, b, 2);
}
/* Memory at `at` is the made frame, padded with zeros to 60 bytes, and its check sequence if `fcs`. */
static inline void expect_frame(struct fake_nic *n, uint64_t at, const uint8_t *to, size_t len, uint8_t seed,
                                bool fcs) {
    uint8_t want[2048] = {0}, got[2048];
    size_t padded = len < NET_PADDED_MIN ? NET_PADDED_MIN : len;
    fake_frame(want, len, to, seed);
    if (fcs) put_le32(want + padded, ~net_crc32(want, padded));
    if (fcs) padded += 4;
    mem_get(n, at, got, padded);
    assert_memory_equal(got, want, padded);
}

/* ---- Reference checksums, by other means than the devices' ---- */

static inline uint16_t ref_sum(const uint8_t *p, size_t len, uint32_t start) {
    uint64_t sum = start;
    for (size_t i = 0; i < len; i++) sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
    return (uint16_t)(sum % 0xFFFF ? sum % 0xFFFF : sum ? 0xFFFF : 0);
}
/* Both checksums of an IPv4 TCP or UDP frame are right. */
static inline void expect_good_ipv4(const uint8_t *frame) {
    const uint8_t *ip = frame + 14;
    size_t head = (ip[0] & 15) * 4u, total = get_be16(ip + 2);
    assert_int_equal(ref_sum(ip, head, 0), 0xFFFF);
    uint32_t pseudo = get_be16(ip + 12) + get_be16(ip + 14) + get_be16(ip + 16) + get_be16(ip + 18) + ip[9];
    assert_int_equal(ref_sum(ip + head, total - head, pseudo + (uint32_t)(total - head)), 0xFFFF);
}
#endif
