/*
 * virtio_modern.c: the interface of VIRTIO 1.0 and later: registers in a
 * memory BAR, capabilities that say where, and a window to them in PCI
 * configuration space.
 *
 * Source: VIRTIO 1.1, 4.1.4 "Virtio Structure PCI Capabilities". Fields are
 * accessed in their width, those of 64 bits in halves as well; other accesses
 * read right and write nothing.
 */
#include "devemu/bytes.h"
#include "devemu/virtio_internal.h"

enum { BAR = 1, REGION = 0x1000, BAR_BYTES = 4 * REGION };
enum { AT_COMMON = 0, AT_ISR = REGION, AT_DEVICE = 2 * REGION, AT_NOTIFY = 3 * REGION, NOTIFY_STEP = 4 };

/* Common configuration. */
enum {
    OFFERED_SELECT = 0x00,
    OFFERED = 0x04,
    WRITTEN_SELECT = 0x08,
    WRITTEN = 0x0C,
    CONFIG_VECTOR = 0x10, /* 16 bits; with the number of queues above */
    STATUS = 0x14,        /* 8 bits; then the configuration's generation, and the queue select */
    QUEUE_SELECT = 0x16,
    QUEUE_SIZE = 0x18, /* 16 bits; with the queue's vector above */
    QUEUE_ENABLE = 0x1C,
    QUEUE_DESC = 0x20, /* low and high halves */
    QUEUE_AVAIL = 0x28,
    QUEUE_USED = 0x30,
    COMMON_BYTES = 0x38
};
enum { NO_VECTOR = 0xFFFF };

/* ---- Common configuration: reading ---- */

static uint32_t half(uint64_t value, uint32_t select) { return select > 1 ? 0 : (uint32_t)(value >> (32 * select)); }

static uint32_t read_queue(const struct virtio_dev *v, const struct virtqueue *vq, unsigned reg) {
    switch (reg) {
    case QUEUE_SIZE: return vq->size | (uint32_t)NO_VECTOR << 16;
    case QUEUE_ENABLE: return (uint32_t)vq->enabled | (uint32_t)v->queue_select << 16;
    case QUEUE_DESC: return (uint32_t)vq->desc;
    case QUEUE_DESC + 4: return (uint32_t)(vq->desc >> 32);
    case QUEUE_AVAIL: return (uint32_t)vq->avail;
    case QUEUE_AVAIL + 4: return (uint32_t)(vq->avail >> 32);
    case QUEUE_USED: return (uint32_t)vq->used;
    case QUEUE_USED + 4: return (uint32_t)(vq->used >> 32);
    default: return 0;
    }
}

static uint32_t read_common(struct virtio_dev *v, unsigned reg) {
    const struct virtqueue *vq = virtio_selected(v);
    switch (reg) {
    case OFFERED_SELECT: return v->offered_select;
    case OFFERED: return half(v->offered, v->offered_select);
    case WRITTEN_SELECT: return v->written_select;
    case WRITTEN: return half(v->written, v->written_select);
    case CONFIG_VECTOR: return NO_VECTOR | v->type->queues << 16;
    case STATUS: return v->status | (uint32_t)v->queue_select << 16; /* the configuration never changes: generation 0 */
    default: return vq ? read_queue(v, vq, reg) : 0;
    }
}

/* ---- Common configuration: writing ---- */

static void set_half(uint64_t *field, unsigned high, uint32_t value) {
    uint64_t mask = 0xFFFFFFFFull << (32 * high);
    *field = (*field & ~mask) | (uint64_t)value << (32 * high);
}

static void write_queue_address(struct virtqueue *vq, unsigned reg, uint32_t value) {
    uint64_t *const field[] = {&vq->desc, &vq->avail, &vq->used};
    set_half(field[(reg - QUEUE_DESC) / 8], reg / 4 & 1, value);
}

/* What a queue is made of is fixed once it is enabled, until the device is reset. */
static void write_queue(struct virtio_dev *v, unsigned reg, unsigned size, uint32_t value) {
    struct virtqueue *vq = virtio_selected(v);
    if (!vq || vq->enabled) return;
    if (reg >= QUEUE_DESC && size == 4)
        write_queue_address(vq, reg, value);
    else if (reg == QUEUE_SIZE && size == 2 && virtio_queue_size_fits(value, v->type->queue_size[v->queue_select]))
        vq->size = (uint16_t)value;
    else if (reg == QUEUE_ENABLE && size == 2)
        vq->enabled = value == 1;
}

static void write_common(struct virtio_dev *v, unsigned reg, unsigned size, uint32_t value) {
    if (reg == STATUS && size == 1)
        virtio_set_status(v, (uint8_t)value);
    else if (reg == QUEUE_SELECT && size == 2)
        v->queue_select = (uint16_t)value;
    else if (reg >= QUEUE_SIZE)
        write_queue(v, reg, size, value);
    else if (size != 4)
        return;
    else if (reg == OFFERED_SELECT)
        v->offered_select = value;
    else if (reg == WRITTEN_SELECT)
        v->written_select = value;
    else if (reg == WRITTEN && v->written_select <= 1 && !(v->status & VIRTIO_FEATURES_OK))
        set_half(&v->written, v->written_select, value);
}

/* ---- The BAR ---- */

static uint32_t bar_read4(struct virtio_dev *v, uint32_t offset, unsigned size) {
    uint32_t in_region = offset % REGION;
    switch (offset - in_region) {
    case AT_COMMON:
        return in_region + size > COMMON_BYTES ? 0 : read_common(v, in_region & ~3u) >> (8 * (in_region & 3));
    case AT_ISR: return in_region ? 0 : virtio_take_isr(v);
    case AT_DEVICE: return virtio_config_read(v, in_region, size);
    default: return 0;
    }
}

static uint64_t bar_read(void *opaque, uint32_t offset, unsigned size) {
    uint64_t mask = UINT64_MAX >> (64 - 8 * size);
    if (size < 8) return bar_read4(opaque, offset, size) & mask;
    uint64_t low = bar_read4(opaque, offset, 4);
    return low | (uint64_t)bar_read4(opaque, offset + 4, 4) << 32;
}

static void bar_write4(struct virtio_dev *v, uint32_t offset, unsigned size, uint32_t value) {
    uint32_t in_region = offset % REGION;
    switch (offset - in_region) {
    case AT_COMMON:
        if (in_region % size == 0 && in_region + size <= COMMON_BYTES) write_common(v, in_region, size, value);
        break;
    case AT_DEVICE: virtio_config_write(v, in_region, size, value); break;
    case AT_NOTIFY: virtio_ring(v, in_region / NOTIFY_STEP); break;
    default: break;
    }
}

static void bar_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    bar_write4(opaque, offset, size > 4 ? 4 : size, (uint32_t)value);
    if (size > 4) bar_write4(opaque, offset + 4, 4, (uint32_t)(value >> 32));
}

/* ---- Capabilities ---- */

enum { CAP_VENDOR = 9, CAP_COMMON = 1, CAP_NOTIFY = 2, CAP_ISR = 3, CAP_DEVICE = 4, CAP_PCI = 5 };
enum {
    CAP_LENGTH = 2,
    CAP_TYPE = 3,
    CAP_BAR = 4,
    CAP_OFFSET = 8,
    CAP_SIZE = 12,
    CAP_BYTES = 16,
    CAP_NOTIFY_STEP = 16,
    CAP_DATA = 16,
    CAP_LONG = 20
};

static uint8_t add_capability(struct virtio_dev *v, uint8_t type, uint8_t length, uint32_t offset, uint32_t size) {
    uint8_t at = pci_add_capability(&v->pci, CAP_VENDOR, length);
    if (!at) return 0;
    pci_set8(&v->pci, at + CAP_LENGTH, length);
    pci_set8(&v->pci, at + CAP_TYPE, type);
    pci_set8(&v->pci, at + CAP_BAR, BAR);
    pci_set32(&v->pci, at + CAP_OFFSET, offset);
    pci_set32(&v->pci, at + CAP_SIZE, size);
    return at;
}

static bool add_capabilities(struct virtio_dev *v) {
    uint8_t notify = add_capability(v, CAP_NOTIFY, CAP_LONG, AT_NOTIFY, REGION);
    if (!notify || !add_capability(v, CAP_COMMON, CAP_BYTES, AT_COMMON, COMMON_BYTES)) return false;
    if (!add_capability(v, CAP_ISR, CAP_BYTES, AT_ISR, 1)) return false;
    if (!add_capability(v, CAP_DEVICE, CAP_BYTES, AT_DEVICE, v->type->config_len)) return false;
    pci_set32(&v->pci, notify + CAP_NOTIFY_STEP, NOTIFY_STEP);
    v->window = add_capability(v, CAP_PCI, CAP_LONG, 0, 0);
    if (!v->window) return false;
    pci_wmask(&v->pci, v->window + CAP_BAR, 1, 0xFF);
    pci_wmask(&v->pci, v->window + CAP_OFFSET, 4, 0xFFFFFFFF);
    pci_wmask(&v->pci, v->window + CAP_SIZE, 4, 0xFFFFFFFF);
    pci_wmask(&v->pci, v->window + CAP_DATA, 4, 0xFFFFFFFF);
    return true;
}

/* ---- The window ---- */

/* Do these bytes hold the window's data, and does it look at a register? Fills in where. */
static bool window_open(const struct virtio_dev *v, unsigned offset, unsigned size, uint32_t *at, uint32_t *len) {
    unsigned data = v->window + CAP_DATA;
    if (!v->window || offset + size <= data || offset >= data + 4) return false;
    *at = pci_get32(&v->pci, v->window + CAP_OFFSET);
    *len = pci_get32(&v->pci, v->window + CAP_SIZE);
    if (*len != 1 && *len != 2 && *len != 4) return false;
    return v->pci.config[v->window + CAP_BAR] == BAR && *at < BAR_BYTES && *at % *len == 0;
}

void virtio_window_written(struct virtio_dev *v, unsigned offset, unsigned size) {
    uint32_t at, len;
    if (window_open(v, offset, size, &at, &len)) bar_write4(v, at, len, pci_get32(&v->pci, v->window + CAP_DATA));
}

void virtio_window_read(struct virtio_dev *v, unsigned offset, unsigned size) {
    uint32_t at, len;
    if (window_open(v, offset, size, &at, &len))
        pci_set32(&v->pci, v->window + CAP_DATA, (uint32_t)bar_read(v, at, len));
}

enum dev_status virtio_modern_init(struct virtio_dev *v) {
    const struct smmu_mmio bar = {.name = "virtio", .opaque = v, .read = bar_read, .write = bar_write};
    enum dev_status st = pci_bar_mmio(&v->pci, BAR, BAR_BYTES, &bar);
    if (st != DEV_OK) return st;
    return add_capabilities(v) ? DEV_OK : DEV_NO_MEMORY;
}
