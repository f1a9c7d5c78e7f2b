/*
 * devemu_virtio_driver.h: a virtio driver for device tests: finds the device by its capabilities or its I/O BAR,
 * sets queues up, posts chains. One device, one machine per test.
 */
#ifndef NOVT_TESTS_DEVEMU_VIRTIO_DRIVER_H
#define NOVT_TESTS_DEVEMU_VIRTIO_DRIVER_H

#include "devemu_fake_blk.h"
#include "devemu/bytes.h"
#include "devemu/virtio.h"

enum { VD_RAM = 4 << 20, VD_IO = 0xC000, VD_MMIO = 0xE0000000, VD_RINGS = 0x100000, VD_RING_BYTES = 0x10000 };
enum { VD_DATA = 0x200000 };
enum { VD_DEVFN = PCI_DEVFN(7, 0) };
enum { D_NEXT = 1, D_WRITE = 2, D_INDIRECT = 4 };
enum { LEG_FEATURES = 0, LEG_ACCEPT = 4, LEG_PFN = 8, LEG_SIZE = 12, LEG_SELECT = 14, LEG_NOTIFY = 16 };
enum { LEG_STATUS = 18, LEG_ISR = 19, LEG_CONFIG = 20 };
enum { COM_DEV_SEL = 0, COM_DEV = 4, COM_DRV_SEL = 8, COM_DRV = 12, COM_QUEUES = 18, COM_STATUS = 20, COM_QSEL = 22 };
enum { COM_QSIZE = 24, COM_QENABLE = 28, COM_QNOTIFY = 30, COM_DESC = 32, COM_AVAIL = 40, COM_USED = 48 };

static struct fake *f;
static struct dev *bus, *d;
static bool modern;
static uint32_t com, isr_at, dev_at, notify_at, notify_step; /* of the capabilities */
static uint8_t window;                                       /* offset of the configuration access capability */

struct ring {
    uint64_t desc, avail, used;
    uint16_t size, next, posted, seen;
};
static struct ring ring[VIRTIO_QUEUES];
struct part {
    uint64_t addr;
    uint32_t len;
    bool write;
};

/* ---- Access ---- */
static inline uint32_t cfg_read(unsigned reg, unsigned size) { return pci_bus_config_read(bus, VD_DEVFN, reg, size); }
static inline void cfg_write(unsigned reg, unsigned size, uint32_t v) {
    pci_bus_config_write(bus, VD_DEVFN, reg, size, v);
}
static inline void ram_write(uint64_t at, const void *p, size_t n) { smmu_mem_write(f->host.mem, gpa(at), p, n); }
static inline void ram_read(uint64_t at, void *p, size_t n) { smmu_mem_read(f->host.mem, gpa(at), p, n); }
static inline void put(uint64_t at, unsigned size, uint64_t v) {
    uint8_t raw[8];
    for (unsigned i = 0; i < size; i++) raw[i] = (uint8_t)(v >> (8 * i));
    ram_write(at, raw, size);
}
static inline uint32_t get(uint64_t at, unsigned size) {
    uint8_t raw[4] = {0};
    ram_read(at, raw, size);
    return get_le32(raw);
}
static inline uint32_t io_get(unsigned reg, unsigned size) {
    return dev_io_read(f->host.io, (uint16_t)(VD_IO + reg), size);
}
static inline void io_put(unsigned reg, unsigned size, uint32_t v) {
    dev_io_write(f->host.io, (uint16_t)(VD_IO + reg), size, v);
}

/* ---- Machine ---- */
static inline void vd_machine(void) {
    f = fake_create();
    assert_int_equal(smmu_mem_create(VD_RAM, 65536, &f->host.mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(f->host.mem, gpa(0), VD_RAM, 0, 0), SMMU_OK);
    struct pci_bus_cfg pc = {.mmio_low = VD_RAM};
    bus = fake_dev(f, &pci_bus_class, &pc);
    memset(ring, 0, sizeof ring);
}
static inline void vd_machine_end(void) {
    dev_destroy(d);
    dev_destroy(bus);
    smmu_mem_destroy(f->host.mem);
    fake_destroy(f);
}
static inline void vd_find_caps(void) {
    com = isr_at = dev_at = notify_at = window = 0;
    assert_true(cfg_read(PCI_STATUS, 2) & 0x10);
    int n = 0;
    for (unsigned at = cfg_read(PCI_CAP_POINTER, 1); at; at = cfg_read(at + 1, 1)) {
        assert_true(++n <= 5);
        assert_int_equal(cfg_read(at, 1), 9);
        uint32_t where = VD_MMIO + cfg_read(at + 8, 4);
        switch (cfg_read(at + 3, 1)) {
        case 1: com = where; break;
        case 2: notify_at = where, notify_step = cfg_read(at + 16, 4); break;
        case 3: isr_at = where; break;
        case 4: dev_at = where; break;
        case 5: window = (uint8_t)at; break;
        default: fail();
        }
    }
    assert_int_equal(n, 5);
}
static inline void vd_enable(void) {
    cfg_write(PCI_BAR0, 4, VD_IO);
    cfg_write(PCI_BAR0 + 4, 4, VD_MMIO);
    cfg_write(PCI_COMMAND, 2, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
    if (modern) vd_find_caps();
}

/* ---- Driver ---- */
static inline uint8_t vd_status(void) { return (uint8_t)(modern ? get(com + COM_STATUS, 1) : io_get(LEG_STATUS, 1)); }
static inline void vd_set_status(uint8_t v) {
    if (modern)
        put(com + COM_STATUS, 1, v);
    else
        io_put(LEG_STATUS, 1, v);
}
static inline uint64_t vd_offered(void) {
    if (!modern) return io_get(LEG_FEATURES, 4);
    put(com + COM_DEV_SEL, 4, 0);
    uint64_t low = get(com + COM_DEV, 4);
    put(com + COM_DEV_SEL, 4, 1);
    return low | (uint64_t)get(com + COM_DEV, 4) << 32;
}
static inline void vd_accept(uint64_t features) {
    if (!modern) {
        io_put(LEG_ACCEPT, 4, (uint32_t)features);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        put(com + COM_DRV_SEL, 4, i);
        put(com + COM_DRV, 4, (uint32_t)(features >> (32 * i)));
    }
    vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
}
static inline void vd_queue(unsigned q) {
    struct ring *r = &ring[q];
    uint64_t base = VD_RINGS + q * VD_RING_BYTES;
    uint8_t zero[VD_RING_BYTES] = {0};
    ram_write(base, zero, sizeof zero);
    if (modern)
        put(com + COM_QSEL, 2, q);
    else
        io_put(LEG_SELECT, 2, q);
    uint16_t size = (uint16_t)(modern ? get(com + COM_QSIZE, 2) : io_get(LEG_SIZE, 2));
    *r = (struct ring){base, base + 16u * size, (base + 18u * size + 6 + 4095) & ~4095ull, size, 0, 0, 0};
    if (!modern) {
        io_put(LEG_PFN, 4, (uint32_t)(base >> 12));
        return;
    }
    put(com + COM_DESC, 8, r->desc);
    put(com + COM_AVAIL, 8, r->avail);
    put(com + COM_USED, 8, r->used);
    put(com + COM_QENABLE, 2, 1);
}
static inline void vd_start(uint64_t features, unsigned queues) {
    vd_set_status(0);
    assert_int_equal(vd_status(), 0);
    vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    vd_accept(modern ? features | VIRTIO_F_VERSION_1 : features);
    if (modern) assert_true(vd_status() & VIRTIO_FEATURES_OK);
    for (unsigned q = 0; q < queues; q++) vd_queue(q);
    vd_set_status((uint8_t)(vd_status() | VIRTIO_DRIVER_OK));
}
static inline void vd_notify(unsigned q) {
    if (modern)
        put(notify_at + q * notify_step, 2, q);
    else
        io_put(LEG_NOTIFY, 2, q);
}
static inline uint8_t vd_isr(void) { return (uint8_t)(modern ? get(isr_at, 1) : io_get(LEG_ISR, 1)); }
static inline void vd_desc(uint64_t table, unsigned i, uint64_t addr, uint32_t len, unsigned flags, unsigned next) {
    uint64_t at = table + 16 * i;
    put(at, 8, addr);
    put(at + 8, 4, len);
    put(at + 12, 2, flags);
    put(at + 14, 2, next);
}
static inline void vd_offer(unsigned q, uint16_t head) {
    struct ring *r = &ring[q];
    put(r->avail + 4 + 2u * (r->posted % r->size), 2, head);
    put(r->avail + 2, 2, ++r->posted);
}
/* Posts a chain of descriptors; the table is used round and round. */
static inline uint16_t vd_post(unsigned q, const struct part *p, unsigned n) {
    struct ring *r = &ring[q];
    uint16_t head = r->next;
    for (unsigned i = 0; i < n; i++) {
        uint16_t at = r->next, next = (uint16_t)((at + 1) % r->size);
        vd_desc(r->desc, at, p[i].addr, p[i].len, (p[i].write ? D_WRITE : 0u) | (i + 1 < n ? D_NEXT : 0u), next);
        r->next = next;
    }
    vd_offer(q, head);
    return head;
}
static inline uint16_t vd_used(unsigned q) { return (uint16_t)get(ring[q].used + 2, 2); }
/* The next used element: its length; the head in *head. */
static inline uint32_t vd_take_used(unsigned q, uint32_t *head) {
    struct ring *r = &ring[q];
    assert_int_not_equal(vd_used(q), r->seen);
    uint64_t at = r->used + 4 + 8u * (r->seen++ % r->size);
    if (head) *head = get(at, 4);
    return get(at + 4, 4);
}
#endif
