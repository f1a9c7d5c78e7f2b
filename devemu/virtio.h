/*
 * virtio.h: what virtio devices share: split virtqueues, and the transport over PCI.
 *
 * Source: OASIS "Virtual I/O Device (VIRTIO) Version 1.1", ch. 2 "Basic
 * Facilities", 4.1 "Virtio Over PCI Bus" and the legacy interfaces there. A
 * device embeds struct virtio_dev first, describes itself by a struct
 * virtio_type, and calls virtio_init, _reset, _state, _fini from its class.
 * What rings and descriptors say is the guest's word: whatever is wrong with
 * it breaks the device until the driver resets it, and nothing else.
 */
#ifndef NOVT_DEVEMU_VIRTIO_H
#define NOVT_DEVEMU_VIRTIO_H

#include <sys/uio.h>
#include "devemu/pci.h"

enum { VIRTIO_QUEUES = 3, VIRTIO_QUEUE_MAX = 256, VIRTIO_CHAIN_MAX = 256, VIRTIO_CONFIG_MAX = 40 };
enum { VIRTIO_ID_NET = 1, VIRTIO_ID_BLOCK = 2 };

/* Device status. */
enum {
    VIRTIO_ACKNOWLEDGE = 1,
    VIRTIO_DRIVER = 2,
    VIRTIO_DRIVER_OK = 4,
    VIRTIO_FEATURES_OK = 8,
    VIRTIO_NEEDS_RESET = 0x40,
    VIRTIO_FAILED = 0x80
};

/* Features of every device; a type's own are bits 0..23. */
#define VIRTIO_F(n)         (1ull << (n))
#define VIRTIO_F_ANY_LAYOUT VIRTIO_F(27)
#define VIRTIO_F_INDIRECT   VIRTIO_F(28)
#define VIRTIO_F_VERSION_1  VIRTIO_F(32)

struct virtqueue {
    /* The driver's. */
    uint64_t desc, avail, used; /* guest-physical; any value */
    uint16_t size;              /* power of two, at most the type's */
    bool enabled;
    /* The device's. */
    uint16_t next_avail, next_used; /* free-running */
};

/* A chain of descriptors, taken from a queue: bytes for the device first, then room for its answer. */
struct virtio_seg {
    uint32_t pa, len; /* ends at 4 GiB at most */
};
struct virtio_chain {
    uint16_t head;
    uint16_t n_out, n; /* segments the device reads; all */
    uint64_t out_len, in_len;
    struct virtio_seg seg[VIRTIO_CHAIN_MAX];
};

struct virtio_dev;
struct virtio_type {
    const char *name;
    uint16_t id; /* VIRTIO_ID_* */
    uint32_t class_code;
    unsigned queues;
    uint16_t queue_size[VIRTIO_QUEUES];
    unsigned config_len; /* of virtio_dev.config */
    /* The driver rang for queue q, or may have before the device was ready for it. */
    void (*notify)(struct virtio_dev *v, unsigned q);
    /* Gives up everything taken from the queues: no chain is touched after it. NULL: nothing is ever kept. */
    void (*stop)(struct virtio_dev *v);
    /* The driver has reset the device; queues are stopped. NULL: there is no more state. */
    void (*reset)(struct virtio_dev *v);
    /* The guest wrote a byte of the configuration; NULL: nothing there is writable. */
    void (*config_written)(struct virtio_dev *v, unsigned offset, uint8_t value);
};

enum virtio_mode { VIRTIO_TRANSITIONAL, VIRTIO_LEGACY_ONLY, VIRTIO_MODERN_ONLY };

struct virtio_dev {
    struct pci_dev pci; /* first */
    const struct virtio_type *type;
    uint64_t offered;                  /* features */
    uint8_t config[VIRTIO_CONFIG_MAX]; /* the device's configuration as the guest reads it */
    /* Guest-visible state. */
    uint64_t written, accepted; /* features the driver wrote; those in force */
    uint32_t offered_select, written_select;
    uint16_t queue_select;
    uint8_t status, isr;
    bool broken;
    struct virtqueue vq[VIRTIO_QUEUES];
    uint8_t window; /* offset of the configuration access capability; 0: none */
};

/* ---- Life (virtio_pci.c) ---- */
/* offered: features of the type; those of rings and transport are added. v->config may be filled before or after. */
enum dev_status virtio_init(struct virtio_dev *v, const struct virtio_type *type, struct dev *bus, uint8_t devfn,
                            enum virtio_mode mode, uint64_t offered);
void virtio_reset(struct virtio_dev *v); /* as RESET# */
void virtio_state(struct virtio_dev *v, struct dev_state *st);
void virtio_fini(struct virtio_dev *v);

static inline bool virtio_has(const struct virtio_dev *v, uint64_t feature) { return v->accepted & feature; }
/* Interrupts the driver because the configuration has changed. */
void virtio_config_changed(struct virtio_dev *v);
/* Interrupts the driver because of a queue; for virtio_queue.c. */
void virtio_raise(struct virtio_dev *v);
/* The driver broke a rule that leaves nothing to go on with. */
void virtio_break(struct virtio_dev *v);

/* ---- Queues (virtio_queue.c) ---- */
/* Whether the device may use queue q now. */
bool virtio_queue_runs(const struct virtio_dev *v, unsigned q);
/* Is a chain waiting? */
bool virtio_waiting(struct virtio_dev *v, unsigned q);
/* Takes the next chain. False: there is none, or the device is broken. */
bool virtio_pop(struct virtio_dev *v, unsigned q, struct virtio_chain *c);
/* Copies from the bytes for the device, or into the room for the answer. [offset, offset+len) lies inside them. False:
 * the device is broken. */
bool virtio_get(struct virtio_dev *v, const struct virtio_chain *c, uint64_t offset, void *buf, uint32_t len);
bool virtio_put(struct virtio_dev *v, const struct virtio_chain *c, uint64_t offset, const void *buf, uint32_t len);
/* The bytes for the device, or with `room` the room for the answer, as pieces of host memory: how many bytes from
 * offset on, at most len, the pieces (at most max) hold; 0: they are no memory. [offset, offset+len) lies inside them.
 */
uint32_t virtio_gather(struct virtio_dev *v, const struct virtio_chain *c, bool room, uint64_t offset, uint32_t len,
                       struct iovec *vec, unsigned max, unsigned *count);
/* Gives a chain back, with this many bytes in its room, and interrupts if the driver wants that. */
void virtio_push(struct virtio_dev *v, unsigned q, const struct virtio_chain *c, uint64_t written);
#endif
