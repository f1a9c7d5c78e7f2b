/*
 * virtio_blk.h: a disk on virtio.
 *
 * Source: VIRTIO 1.1, 5.2 "Block Device". Reads, writes, flushes, identifies.
 */
#ifndef NOVT_DEVEMU_VIRTIO_BLK_H
#define NOVT_DEVEMU_VIRTIO_BLK_H

#include "devemu/block.h"
#include "devemu/virtio.h"

struct virtio_blk_config {
    struct dev *bus; /* PCI */
    uint8_t devfn;
    enum virtio_mode mode;
    struct blk *blk;    /* never NULL; outlives the device */
    const char *serial; /* up to 20 characters, copied; NULL: one by devfn */
};
extern const struct dev_class virtio_blk_class;
#endif
