/*
 * dev.h: what a device is, and what a device may ask of the machine.
 *
 * A device is a `const struct dev_class` and an instance; all state is in the
 * instance. The board (monitor) lists instances in one ordered array, creates,
 * resets, saves and loads them in that order. Devices run on the vCPU thread
 * only; they never see vCPU registers. Everything a device needs from outside
 * comes through `struct dev_host`, which is also the one place where outside
 * input (time, characters, requests) enters a machine.
 */
#ifndef NOVT_DEVEMU_DEV_H
#define NOVT_DEVEMU_DEV_H

#include <stddef.h>
#include "shadowmmu/memory.h"

struct dev;
struct dev_host;
struct dev_io_bus;

/* ---- Interrupt and other level lines ---- */
struct dev_line {
    void (*set)(void *opaque, int n, bool level);
    void *opaque;
    int n;
};
static inline void dev_line_set(const struct dev_line *l, bool level) {
    if (l->set) l->set(l->opaque, l->n, level);
}
static inline void dev_line_pulse(const struct dev_line *l) {
    dev_line_set(l, true);
    dev_line_set(l, false);
}

/* ---- Time: guest time in ns since machine start; monotonic; stops while the VM is stopped ---- */
typedef void dev_timer_fn(void *opaque, uint64_t now_ns);
struct dev_timer { /* embedded in the instance; zeroed = idle */
    uint64_t deadline_ns;
    dev_timer_fn *fn;
    void *opaque;
    uint32_t slot; /* host's, 0 = not armed */
};

/* ---- Requests that end or change the run ---- */
enum dev_request { DEV_REQ_RESET, DEV_REQ_POWEROFF, DEV_REQ_EXIT /* value: exit code */, DEV_REQ_NMI };

/* ---- Character backend (serial port, debug console): bytes out now, bytes in by callback ---- */
struct dev_chr {
    void *opaque;
    /* Sends bytes; never blocks; what cannot be taken is dropped or buffered by the backend. */
    void (*write)(void *opaque, const uint8_t *buf, size_t len);
    /* The device sets these: `room` tells how many bytes it takes now, `receive` hands them over (len <= room). */
    void *dev_opaque;
    size_t (*room)(void *dev_opaque);
    void (*receive)(void *dev_opaque, const uint8_t *buf, size_t len);
    void (*event_break)(void *dev_opaque);
    /* The device calls it when room grew from 0; may be NULL. */
    void (*room_grew)(void *opaque);
};

/* ---- Services of the machine ---- */
struct dev_host {
    void *opaque;
    struct smmu_mem *mem;
    struct dev_io_bus *io;
    uint64_t (*now_ns)(void *opaque);
    /* The TSC as the guest reads it, and the guest time at which it reaches a value, as near as the host knows: a timer
     * armed for that looks at the TSC when it fires. */
    uint64_t (*tsc)(void *opaque);
    uint64_t (*tsc_due_ns)(void *opaque, uint64_t tsc);
    int64_t (*wall_seconds)(void *opaque);                                      /* UTC epoch seconds for the RTC */
    void (*timer_arm)(void *opaque, struct dev_timer *t, uint64_t deadline_ns); /* re-arms if armed */
    void (*timer_cancel)(void *opaque, struct dev_timer *t);
    void (*request)(void *opaque, enum dev_request what, int value);
    void (*set_a20)(void *opaque, bool enabled);
    void (*log)(void *opaque, const char *device, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
};

/* ---- Port I/O bus ---- */
struct dev_io_ops {
    const char *name;
    /* size 1, 2 or 4; port is absolute. Ranges that only know bytes set byte_only, and the bus
     * splits wider accesses into bytes at port, port+1, ... as the ISA bus does. */
    uint32_t (*read)(void *opaque, uint16_t port, unsigned size);
    void (*write)(void *opaque, uint16_t port, unsigned size, uint32_t value);
    bool byte_only;
    /* Both stay in general registers whatever they cause: no libc but memcpy's family, no character or block backend.
     * They are called while the guest's x87/SSE state is live. */
    bool keeps_fpu;
};
enum dev_status { DEV_OK, DEV_NO_MEMORY, DEV_CONFLICT, DEV_BAD_CONFIG };

struct dev_io_bus *dev_io_create(void);
void dev_io_destroy(struct dev_io_bus *bus);
/* count ports from base; a later registration of a free port only; conflict is an error. */
enum dev_status dev_io_map(struct dev_io_bus *bus, uint16_t base, uint32_t count, const struct dev_io_ops *ops,
                           void *opaque);
void dev_io_unmap(struct dev_io_bus *bus, uint16_t base, uint32_t count);
/* Unclaimed ports read all ones; writes are dropped. */
uint32_t dev_io_read(struct dev_io_bus *bus, uint16_t port, unsigned size);
void dev_io_write(struct dev_io_bus *bus, uint16_t port, unsigned size, uint32_t value);
/* Whether an access of this size at port needs no more than general registers: one range that says so takes it whole.
 */
bool dev_io_keeps_fpu(const struct dev_io_bus *bus, uint16_t port, unsigned size);
/* Name of what answers at a port, for the console; NULL if nothing. Counts accesses per port range too. */
const char *dev_io_name(const struct dev_io_bus *bus, uint16_t port);
/* How often the range that holds this port was accessed (all unclaimed ports are one range). */
uint64_t dev_io_accesses(const struct dev_io_bus *bus, uint16_t port);

/* ---- State saving: a flat byte writer/reader, sticky error; saving with buf == NULL only measures (pos) ---- */
struct dev_state {
    uint8_t *buf;
    size_t cap, pos;
    bool saving, failed;
};
/* Saves or loads size bytes of *field, per direction. */
void dev_state_bytes(struct dev_state *st, void *field, size_t size);
/* A bool travels as a byte: what is loaded may be anything. */
static inline void dev_state_bool(struct dev_state *st, bool *field) {
    uint8_t v = *field;
    dev_state_bytes(st, &v, 1);
    if (!st->saving && !st->failed) *field = v != 0;
}
#define DEV_STATE(st, lvalue) dev_state_bytes((st), &(lvalue), sizeof(lvalue))

/* ---- Devices ---- */
struct dev_class {
    const char *name;
    size_t instance_size;
    /* Claims ports and ranges. cfg is the class's own configuration struct (see its header); may be NULL. */
    enum dev_status (*init)(struct dev *d, const void *cfg);
    void (*reset)(struct dev *d);
    void (*state)(struct dev *d, struct dev_state *st); /* save and load in one */
    void (*destroy)(struct dev *d);                     /* may be NULL */
};
struct dev { /* first member of every instance */
    const struct dev_class *cls;
    struct dev_host *host;
};
/* Allocates a zeroed instance and runs init. NULL and *status on failure. */
struct dev *dev_create(const struct dev_class *cls, struct dev_host *host, const void *cfg, enum dev_status *status);
void dev_destroy(struct dev *d);
#endif
