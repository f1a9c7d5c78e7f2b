/*
 * io_bus.c: the port I/O bus.
 *
 * One table of 65536 16-bit numbers names, for each port, a slot in the range
 * table; slot 0 is "nobody". An access is one table load, one slot, one call.
 * Accesses wider than a byte that a range cannot take whole (byte_only, or the
 * last byte belongs to another range) are split into bytes, low port first.
 * Slots are freed when the last port of a range is unmapped.
 */
#include "devemu/dev.h"

#include <stdlib.h>

#define PORTS  0x10000u
#define NOBODY 0u
/* All slots there ever are: ranges come and go while the guest runs (PCI BARs), where nothing may be allocated. */
#define SLOTS 4096u

struct io_range {
    const struct dev_io_ops *ops; /* NULL: free slot */
    void *opaque;
    uint64_t accesses;
    uint32_t ports; /* how many ports still point here */
};

struct dev_io_bus {
    uint16_t slot_of[PORTS];
    struct io_range ranges[SLOTS];
};

static uint32_t nobody_read(void *opaque, uint16_t port, unsigned size) {
    (void)opaque, (void)port, (void)size;
    return 0xFFFFFFFFu;
}

static void nobody_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)opaque, (void)port, (void)size, (void)value;
}

static const struct dev_io_ops nobody_ops = {
    .name = "unclaimed", .read = nobody_read, .write = nobody_write, .keeps_fpu = true};

struct dev_io_bus *dev_io_create(void) {
    struct dev_io_bus *bus = calloc(1, sizeof *bus);
    if (bus) bus->ranges[NOBODY] = (struct io_range){.ops = &nobody_ops};
    return bus;
}

void dev_io_destroy(struct dev_io_bus *bus) { free(bus); }

/* A free slot number, or NOBODY if all are taken. */
static uint32_t take_slot(const struct dev_io_bus *bus) {
    for (uint32_t i = 1; i < SLOTS; i++)
        if (!bus->ranges[i].ops) return i;
    return NOBODY;
}

enum dev_status dev_io_map(struct dev_io_bus *bus, uint16_t base, uint32_t count, const struct dev_io_ops *ops,
                           void *opaque) {
    if (!count || count > PORTS - base || !ops || !ops->read || !ops->write) return DEV_BAD_CONFIG;
    for (uint32_t i = 0; i < count; i++)
        if (bus->slot_of[base + i] != NOBODY) return DEV_CONFLICT;
    uint32_t slot = take_slot(bus);
    if (slot == NOBODY) return DEV_NO_MEMORY;
    bus->ranges[slot] = (struct io_range){.ops = ops, .opaque = opaque, .ports = count};
    for (uint32_t i = 0; i < count; i++) bus->slot_of[base + i] = (uint16_t)slot;
    return DEV_OK;
}

void dev_io_unmap(struct dev_io_bus *bus, uint16_t base, uint32_t count) {
    for (uint32_t port = base; port < PORTS && port - base < count; port++) {
        uint16_t slot = bus->slot_of[port];
        if (slot == NOBODY) continue;
        bus->slot_of[port] = NOBODY;
        if (!--bus->ranges[slot].ports) bus->ranges[slot] = (struct io_range){0};
    }
}

/* Whether the access lies in one range that takes it whole. */
static inline bool whole(const struct dev_io_bus *bus, const struct io_range *r, uint16_t port, unsigned size) {
    uint32_t last = port + size - 1u;
    return size == 1 || (!r->ops->byte_only && last < PORTS && bus->slot_of[last] == bus->slot_of[port]);
}

static uint32_t read_bytes(struct dev_io_bus *bus, uint16_t port, unsigned size) {
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) {
        uint32_t byte = port + i < PORTS ? dev_io_read(bus, (uint16_t)(port + i), 1) : 0xFF;
        value |= byte << (8 * i);
    }
    return value;
}

uint32_t dev_io_read(struct dev_io_bus *bus, uint16_t port, unsigned size) {
    struct io_range *r = &bus->ranges[bus->slot_of[port]];
    if (__builtin_expect(!whole(bus, r, port, size), 0)) return read_bytes(bus, port, size);
    r->accesses++;
    uint32_t value = r->ops->read(r->opaque, port, size);
    return size == 4 ? value : value & ((1u << (8 * size)) - 1u);
}

void dev_io_write(struct dev_io_bus *bus, uint16_t port, unsigned size, uint32_t value) {
    struct io_range *r = &bus->ranges[bus->slot_of[port]];
    if (__builtin_expect(!whole(bus, r, port, size), 0)) {
        for (unsigned i = 0; i < size && port + i < PORTS; i++)
            dev_io_write(bus, (uint16_t)(port + i), 1, (value >> (8 * i)) & 0xFF);
        return;
    }
    r->accesses++;
    if (size < 4) value &= (1u << (8 * size)) - 1u;
    r->ops->write(r->opaque, port, size, value);
}

bool dev_io_keeps_fpu(const struct dev_io_bus *bus, uint16_t port, unsigned size) {
    uint32_t last = port + size - 1u;
    uint16_t slot = bus->slot_of[port];
    return bus->ranges[slot].ops->keeps_fpu && last < PORTS && bus->slot_of[last] == slot;
}

const char *dev_io_name(const struct dev_io_bus *bus, uint16_t port) {
    uint16_t slot = bus->slot_of[port];
    return slot == NOBODY ? NULL : bus->ranges[slot].ops->name;
}

uint64_t dev_io_accesses(const struct dev_io_bus *bus, uint16_t port) {
    return bus->ranges[bus->slot_of[port]].accesses;
}
