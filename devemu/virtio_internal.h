/*
 * virtio_internal.h: the transport's two interfaces, and what they do to the
 * device: virtio.c is the device behind them, virtio_legacy.c the I/O BAR,
 * virtio_modern.c the memory BAR and the capabilities.
 */
#ifndef NOVT_DEVEMU_VIRTIO_INTERNAL_H
#define NOVT_DEVEMU_VIRTIO_INTERNAL_H

#include "devemu/virtio.h"

enum { VIRTIO_ISR_QUEUE = 1, VIRTIO_ISR_CONFIG = 2 };

/* ---- virtio.c ---- */
/* Status written by the driver; 0 resets the device. */
void virtio_set_status(struct virtio_dev *v, uint8_t value);
/* Reads the interrupt status, which clears it and drops the line. */
uint8_t virtio_take_isr(struct virtio_dev *v);
/* The driver rang. */
void virtio_ring(struct virtio_dev *v, unsigned q);
/* Gives up what was taken from the queues. */
void virtio_stop(struct virtio_dev *v);
/* The selected queue, or NULL. */
struct virtqueue *virtio_selected(struct virtio_dev *v);
static inline bool virtio_queue_size_fits(unsigned size, unsigned most) {
    return size && size <= most && !(size & (size - 1));
}
/* Bytes of the device's configuration; all ones past its end. */
uint32_t virtio_config_read(const struct virtio_dev *v, unsigned offset, unsigned size);
void virtio_config_write(struct virtio_dev *v, unsigned offset, unsigned size, uint32_t value);

/* ---- virtio_legacy.c, virtio_modern.c ---- */
enum dev_status virtio_legacy_init(struct virtio_dev *v);
enum dev_status virtio_modern_init(struct virtio_dev *v);
/* The guest wrote, or is about to read, these bytes of PCI configuration: they may be the window to the memory BAR. */
void virtio_window_written(struct virtio_dev *v, unsigned offset, unsigned size);
void virtio_window_read(struct virtio_dev *v, unsigned offset, unsigned size);
#endif
