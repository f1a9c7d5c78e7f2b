/*
 * virtio_legacy.c: the interface of drivers before VIRTIO 1.0: one I/O BAR.
 *
 * Source: VIRTIO 1.1, 4.1.4.8 "Legacy Interfaces: A Note on PCI Device Layout"
 * and 2.6.2 "Legacy Interfaces: A Note on Virtqueue Layout".
 */
#include "devemu/virtio_internal.h"

enum { BAR = 0, BAR_PORTS = 64 };
enum {
    OFFERED = 0,
    ACCEPTED = 4,
    QUEUE_PAGE = 8,
    QUEUE_SIZE = 12,
    QUEUE_SELECT = 14,
    QUEUE_NOTIFY = 16,
    STATUS = 18,
    ISR = 19,
    CONFIG = 20
};
enum { PAGE = 4096 };

/* ---- A queue: one run of pages, its parts at places that follow from its size ---- */

static uint32_t queue_page(const struct virtqueue *vq) { return vq->enabled ? (uint32_t)(vq->desc / PAGE) : 0; }

static void place_queue(struct virtio_dev *v, struct virtqueue *vq, uint32_t page) {
    virtio_stop(v); /* nothing taken from it before is in use after */
    vq->enabled = page != 0;
    vq->next_avail = vq->next_used = 0;
    vq->desc = (uint64_t)page * PAGE;
    vq->avail = vq->desc + 16u * vq->size;
    vq->used = (vq->avail + 6u + 2u * vq->size + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* ---- Registers ---- */

static uint32_t read_dword(const struct virtio_dev *v, struct virtqueue *vq, unsigned reg) {
    switch (reg) {
    case OFFERED: return (uint32_t)v->offered;
    case ACCEPTED: return (uint32_t)v->accepted;
    case QUEUE_PAGE: return vq ? queue_page(vq) : 0;
    case QUEUE_SIZE: return (vq ? vq->size : 0u) | (uint32_t)v->queue_select << 16;
    default: return 0;
    }
}

static uint32_t legacy_read(void *opaque, uint16_t port, unsigned size) {
    struct virtio_dev *v = opaque;
    unsigned reg = (port - pci_bar_base(&v->pci, BAR)) & (BAR_PORTS - 1);
    uint32_t mask = 0xFFFFFFFFu >> (32 - 8 * size);
    if (reg >= CONFIG) return virtio_config_read(v, reg - CONFIG, size);
    if (reg == STATUS) return v->status & mask;
    if (reg == ISR) return virtio_take_isr(v);
    return read_dword(v, virtio_selected(v), reg & ~3u) >> (8 * (reg & 3)) & mask;
}

static void legacy_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct virtio_dev *v = opaque;
    unsigned reg = (port - pci_bar_base(&v->pci, BAR)) & (BAR_PORTS - 1);
    struct virtqueue *vq = virtio_selected(v);
    if (reg >= CONFIG) {
        virtio_config_write(v, reg - CONFIG, size, value);
        return;
    }
    switch (reg) {
    case ACCEPTED: v->accepted = value & (uint32_t)v->offered; break;
    case QUEUE_PAGE:
        if (vq) place_queue(v, vq, value);
        break;
    case QUEUE_SELECT: v->queue_select = (uint16_t)value; break;
    case QUEUE_NOTIFY: virtio_ring(v, value & 0xFFFF); break;
    case STATUS: virtio_set_status(v, (uint8_t)value); break;
    default: break;
    }
}

static const struct dev_io_ops legacy_ops = {.name = "virtio", .read = legacy_read, .write = legacy_write};

enum dev_status virtio_legacy_init(struct virtio_dev *v) { return pci_bar_io(&v->pci, BAR, BAR_PORTS, &legacy_ops, v); }
