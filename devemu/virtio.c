/*
 * virtio.c: a virtio device behind its PCI interfaces: identity, features,
 * status, interrupts, saved state.
 *
 * Source: VIRTIO 1.1, 2.1 "Device Status Field", 2.2 "Feature Bits", 4.1.2
 * "PCI Device Discovery". Interrupts are INTx; there is no MSI-X table.
 */
#include "devemu/virtio_internal.h"

#include <string.h>

enum { VENDOR = 0x1AF4, DEVICE_TRANSITIONAL = 0x1000, DEVICE_MODERN = 0x1040 };

/* ---- Interrupts ---- */

static void interrupt(struct virtio_dev *v, uint8_t why) {
    v->isr |= why;
    pci_set_intx(&v->pci, true);
}

uint8_t virtio_take_isr(struct virtio_dev *v) {
    uint8_t isr = v->isr;
    v->isr = 0;
    pci_set_intx(&v->pci, false);
    return isr;
}

void virtio_raise(struct virtio_dev *v) { interrupt(v, VIRTIO_ISR_QUEUE); }

void virtio_config_changed(struct virtio_dev *v) {
    if (v->status & VIRTIO_DRIVER_OK) interrupt(v, VIRTIO_ISR_CONFIG);
}

/* The legacy interface has no word for it: there the device just stops. */
void virtio_break(struct virtio_dev *v) {
    if (v->broken) return;
    v->broken = true;
    v->pci.dev.host->log(v->pci.dev.host->opaque, v->type->name, "the driver broke the rules of its queue; stopped");
    if (!virtio_has(v, VIRTIO_F_VERSION_1)) return;
    v->status |= VIRTIO_NEEDS_RESET;
    virtio_config_changed(v);
}

/* ---- Queues ---- */

struct virtqueue *virtio_selected(struct virtio_dev *v) {
    return v->queue_select < v->type->queues ? &v->vq[v->queue_select] : NULL;
}

void virtio_ring(struct virtio_dev *v, unsigned q) {
    if (virtio_queue_runs(v, q)) v->type->notify(v, q);
}

static void ring_all(struct virtio_dev *v) {
    for (unsigned q = 0; q < v->type->queues; q++) virtio_ring(v, q);
}

void virtio_stop(struct virtio_dev *v) {
    if (v->type->stop) v->type->stop(v);
}

/* ---- Status ---- */

/* What the driver resets: everything but PCI configuration. */
static void reset_device(struct virtio_dev *v) {
    virtio_stop(v);
    if (v->type->reset) v->type->reset(v);
    v->written = v->accepted = 0;
    v->offered_select = v->written_select = 0;
    v->queue_select = 0;
    v->status = 0;
    v->broken = false;
    memset(v->vq, 0, sizeof v->vq);
    for (unsigned q = 0; q < v->type->queues; q++) v->vq[q].size = v->type->queue_size[q];
    (void)virtio_take_isr(v);
}

/* Only who writes FEATURES_OK has its features looked at: no bit that was not offered, and not the legacy interface's
 * set. */
static bool features_fit(const struct virtio_dev *v) {
    return !(v->written & ~v->offered) && (v->written & VIRTIO_F_VERSION_1);
}

void virtio_set_status(struct virtio_dev *v, uint8_t value) {
    uint8_t before = v->status;
    if (!value) {
        reset_device(v);
        return;
    }
    if (value & ~before & VIRTIO_FEATURES_OK) {
        if (features_fit(v))
            v->accepted = v->written;
        else
            value &= (uint8_t)~VIRTIO_FEATURES_OK;
    }
    v->status = (uint8_t)((value & ~VIRTIO_NEEDS_RESET) | (before & VIRTIO_NEEDS_RESET));
    if (v->status & ~before & VIRTIO_DRIVER_OK) ring_all(v);
}

/* ---- The device's configuration ---- */

uint32_t virtio_config_read(const struct virtio_dev *v, unsigned offset, unsigned size) {
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++)
        value |= (offset + i < v->type->config_len ? (uint32_t)v->config[offset + i] : 0xFFu) << (8 * i);
    return value;
}

void virtio_config_write(struct virtio_dev *v, unsigned offset, unsigned size, uint32_t value) {
    for (unsigned i = 0; i < size && v->type->config_written; i++)
        if (offset + i < v->type->config_len) v->type->config_written(v, offset + i, (uint8_t)(value >> (8 * i)));
}

/* ---- Life ---- */

/* A driver may let the device be master after it has rung. */
static void config_written(struct pci_dev *pd, unsigned offset, unsigned size) {
    struct virtio_dev *v = (struct virtio_dev *)pd;
    if (offset <= PCI_COMMAND && (v->status & VIRTIO_DRIVER_OK)) ring_all(v);
    virtio_window_written(v, offset, size);
}

static void config_read(struct pci_dev *pd, unsigned offset, unsigned size) {
    virtio_window_read((struct virtio_dev *)pd, offset, size);
}

static uint16_t device_id(const struct virtio_type *type, enum virtio_mode mode) {
    if (mode == VIRTIO_MODERN_ONLY) return (uint16_t)(DEVICE_MODERN + type->id);
    return DEVICE_TRANSITIONAL + (type->id == VIRTIO_ID_BLOCK);
}

enum dev_status virtio_init(struct virtio_dev *v, const struct virtio_type *type, struct dev *bus, uint8_t devfn,
                            enum virtio_mode mode, uint64_t offered) {
    const struct pci_id id = {.vendor = VENDOR,
                              .device = device_id(type, mode),
                              .subsys_vendor = VENDOR,
                              .subsys = type->id,
                              .class_code = type->class_code,
                              .revision = mode == VIRTIO_MODERN_ONLY,
                              .int_pin = 1};
    v->type = type;
    v->offered = offered | VIRTIO_F_ANY_LAYOUT | VIRTIO_F_INDIRECT;
    if (mode != VIRTIO_LEGACY_ONLY) v->offered |= VIRTIO_F_VERSION_1;
    enum dev_status st = pci_dev_init(&v->pci, bus, devfn, &id);
    if (st == DEV_OK && mode != VIRTIO_MODERN_ONLY) st = virtio_legacy_init(v);
    if (st == DEV_OK && mode != VIRTIO_LEGACY_ONLY) st = virtio_modern_init(v);
    if (st != DEV_OK) return st;
    v->pci.config_written = config_written;
    v->pci.config_read = config_read;
    pci_dev_ready(&v->pci);
    return DEV_OK;
}

void virtio_reset(struct virtio_dev *v) {
    reset_device(v);
    pci_dev_reset(&v->pci);
}

static void queue_state(struct virtqueue *vq, unsigned most, struct dev_state *st) {
    DEV_STATE(st, vq->desc);
    DEV_STATE(st, vq->avail);
    DEV_STATE(st, vq->used);
    DEV_STATE(st, vq->size);
    dev_state_bool(st, &vq->enabled);
    DEV_STATE(st, vq->next_avail);
    DEV_STATE(st, vq->next_used);
    if (!virtio_queue_size_fits(vq->size, most)) vq->size = (uint16_t)most;
}

void virtio_state(struct virtio_dev *v, struct dev_state *st) {
    if (!st->saving) virtio_stop(v);
    pci_dev_state(&v->pci, st);
    DEV_STATE(st, v->written);
    DEV_STATE(st, v->accepted);
    DEV_STATE(st, v->offered_select);
    DEV_STATE(st, v->written_select);
    DEV_STATE(st, v->queue_select);
    DEV_STATE(st, v->status);
    DEV_STATE(st, v->isr);
    dev_state_bool(st, &v->broken);
    v->accepted &= v->offered;
    for (unsigned q = 0; q < v->type->queues; q++) queue_state(&v->vq[q], v->type->queue_size[q], st);
}

void virtio_fini(struct virtio_dev *v) {
    virtio_stop(v);
    pci_dev_fini(&v->pci);
}
