/*
 * pci.c: PCI bus 0, configuration mechanism #1, BAR decoding, INTx.
 *
 * Source: PCI Local Bus Specification 2.1, ch. 3 "Bus Operation" and ch. 6
 * "Configuration Space". A BAR answers when its command bit is set and its
 * address lies where the host bridge forwards: a BAR over RAM, over the APICs
 * or over the firmware never answers, so that sizing with decoding left on
 * does no harm. Of two BARs at one address the lower devfn wins.
 */
#include "devemu/pci.h"
#include <string.h>
#include "devemu/cf9.h"

enum {
    PORT_ADDRESS = 0xCF8,
    PORT_RESET = 0xCF9,
    PORT_DATA = 0xCFC,
    MMIO_END = 0xFEC00000u, /* I/O APIC, local APIC and firmware from here up */
};
#define ADDRESS_ENABLE 0x80000000u
#define ADDRESS_BITS   0x80FFFFFCu

struct pci_bus {
    struct dev dev;
    uint32_t mmio_low;
    struct dev *cf9;
    uint32_t address;
    int pirq_count[PCI_PIRQS]; /* devices that pull each line */
    struct pci_dev *slot[PCI_DEVFNS];
    void (*pirq)(void *opaque, int pirq, bool level);
    void *pirq_opaque;
};

static struct pci_bus *to_bus(struct dev *d) { return (struct pci_bus *)d; }

/* ---- Config space as bytes ---- */

static uint32_t get_le(const uint8_t *p, unsigned size) {
    uint32_t v = 0;
    for (unsigned i = 0; i < size; i++) v |= (uint32_t)p[i] << (8 * i);
    return v;
}
static void set_le(uint8_t *p, unsigned size, uint32_t v) {
    for (unsigned i = 0; i < size; i++) p[i] = (uint8_t)(v >> (8 * i));
}
void pci_wmask(struct pci_dev *pd, unsigned offset, unsigned size, uint32_t mask) {
    set_le(pd->wmask + offset, size, mask);
}
void pci_set8(struct pci_dev *pd, unsigned offset, uint8_t v) { pd->config[offset] = v; }
void pci_set16(struct pci_dev *pd, unsigned offset, uint16_t v) { set_le(pd->config + offset, 2, v); }
void pci_set32(struct pci_dev *pd, unsigned offset, uint32_t v) { set_le(pd->config + offset, 4, v); }
uint16_t pci_get16(const struct pci_dev *pd, unsigned offset) { return (uint16_t)get_le(pd->config + offset, 2); }
uint32_t pci_get32(const struct pci_dev *pd, unsigned offset) { return get_le(pd->config + offset, 4); }

/* ---- BAR decoding ---- */

static unsigned bar_offset(int n) { return n == PCI_ROM_BAR ? PCI_ROM_ADDRESS : PCI_BAR0 + 4u * (unsigned)n; }

static bool is_memory(const struct pci_bar *b) { return b->kind > PCI_BAR_IO; }

/* Where the BAR should answer under the present config; false: nowhere. */
static bool bar_wanted(const struct pci_dev *pd, int n, uint32_t *base) {
    const struct pci_bar *b = &pd->bar[n];
    uint32_t v = pci_get32(pd, bar_offset(n));
    uint16_t cmd = pci_get16(pd, PCI_COMMAND);
    if (b->kind == PCI_BAR_NONE) return false;
    *base = v & ~(b->size - 1);
    if (b->kind == PCI_BAR_IO) return (cmd & PCI_CMD_IO) && *base && (uint64_t)*base + b->size <= 0x10000;
    if (!(cmd & PCI_CMD_MEM) || (b->kind == PCI_BAR_ROM && !(v & 1))) return false;
    return *base >= to_bus(pd->bus)->mmio_low && (uint64_t)*base + b->size <= MMIO_END;
}

static bool overlaps_mapped(struct pci_bus *bus, const struct pci_bar *b, uint32_t base) {
    for (int i = 0; i < PCI_DEVFNS; i++) {
        for (int n = 0; bus->slot[i] && n <= PCI_ROM_BAR; n++) {
            const struct pci_bar *o = &bus->slot[i]->bar[n];
            if (o != b && o->mapped && is_memory(o) && base < o->base + o->size && o->base < base + b->size)
                return true;
        }
    }
    return false;
}

static void bar_unmap(struct pci_dev *pd, struct pci_bar *b) {
    if (!b->mapped) return;
    if (b->kind == PCI_BAR_IO)
        dev_io_unmap(pd->dev.host->io, (uint16_t)b->base, b->size);
    else
        (void)smmu_mem_unmap(pd->dev.host->mem, gpa(b->base), b->size);
    b->mapped = false;
}

static bool bar_map_at(struct pci_dev *pd, struct pci_bar *b, uint32_t base) {
    struct smmu_mem *mem = pd->dev.host->mem;
    switch (b->kind) {
    case PCI_BAR_IO: return dev_io_map(pd->dev.host->io, (uint16_t)base, b->size, b->io, b->opaque) == DEV_OK;
    case PCI_BAR_MMIO: return smmu_mem_map_mmio(mem, gpa(base), b->size, &b->mmio) == SMMU_OK;
    case PCI_BAR_FRAMES:
    case PCI_BAR_ROM: return smmu_mem_map_frames(mem, gpa(base), b->size, b->read_frame, b->write_frame) == SMMU_OK;
    case PCI_BAR_NONE: break;
    }
    return false;
}

static void bar_map(struct pci_dev *pd, struct pci_bar *b, uint32_t base) {
    if (is_memory(b) && overlaps_mapped(to_bus(pd->bus), b, base)) return;
    b->mapped = bar_map_at(pd, b, base);
    b->base = base;
}

/* First let go what moved, then map what is wanted: two BARs may swap places. */
static void update_mappings(struct pci_bus *bus) {
    uint32_t base;
    for (int i = 0; i < PCI_DEVFNS; i++) {
        for (int n = 0; bus->slot[i] && n <= PCI_ROM_BAR; n++) {
            struct pci_bar *b = &bus->slot[i]->bar[n];
            if (b->mapped && !(bar_wanted(bus->slot[i], n, &base) && base == b->base)) bar_unmap(bus->slot[i], b);
        }
    }
    for (int i = 0; i < PCI_DEVFNS; i++) {
        for (int n = 0; bus->slot[i] && n <= PCI_ROM_BAR; n++) {
            struct pci_bar *b = &bus->slot[i]->bar[n];
            if (!b->mapped && bar_wanted(bus->slot[i], n, &base)) bar_map(bus->slot[i], b, base);
        }
    }
}

/* ---- INTx ---- */

/* Swizzle of the PIIX3 board: slot 1 INTA is PIRQA. */
static int pirq_of(const struct pci_dev *pd) { return (pd->config[PCI_INT_PIN] - 1 + (pd->devfn >> 3) - 1) & 3; }

static void pirq_add(struct pci_dev *pd, int delta) {
    struct pci_bus *bus = to_bus(pd->bus);
    int pirq = pirq_of(pd);
    int before = bus->pirq_count[pirq];
    bus->pirq_count[pirq] = before + delta;
    if (bus->pirq && (before > 0) != (before + delta > 0)) bus->pirq(bus->pirq_opaque, pirq, before + delta > 0);
}

void pci_set_intx(struct pci_dev *pd, bool level) {
    if (!pd->config[PCI_INT_PIN] || pd->int_level == level) return;
    pd->int_level = level;
    pirq_add(pd, level ? 1 : -1);
}

/* ---- Configuration cycles ---- */

struct pci_dev *pci_bus_find(struct dev *bus, uint8_t devfn) {
    return to_bus(bus)->slot[devfn];
}

uint32_t pci_bus_config_read(struct dev *bus, uint8_t devfn, unsigned offset, unsigned size) {
    struct pci_dev *pd = to_bus(bus)->slot[devfn];
    if (pd && pd->config_read) pd->config_read(pd, offset, size);
    return pd ? get_le(pd->config + offset, size) : 0xFFFFFFFFu >> (32 - 8 * size);
}

void pci_bus_config_write(struct dev *bus, uint8_t devfn, unsigned offset, unsigned size, uint32_t value) {
    struct pci_dev *pd = to_bus(bus)->slot[devfn];
    if (!pd) return;
    for (unsigned i = offset; i < offset + size; i++, value >>= 8) {
        uint8_t v = (uint8_t)value, mask = pd->wmask[i];
        pd->config[i] = (uint8_t)(((pd->config[i] & ~mask) | (v & mask)) & ~(v & pd->w1c[i]));
    }
    bool header = offset < PCI_STATUS || (offset >= PCI_BAR0 && offset < PCI_ROM_ADDRESS + 4);
    if (header) update_mappings(to_bus(bus));
    if (pd->config_written) pd->config_written(pd, offset, size);
}

/* ---- Ports ---- */

static bool address_selects(const struct pci_bus *b) {
    return (b->address & ADDRESS_ENABLE) && !((b->address >> 16) & 0xFF);
}

/* An access that runs over CFFh reaches nobody with its upper bytes. */
static unsigned clip(unsigned lane, unsigned size) { return lane + size > 4 ? 4 - lane : size; }

static uint32_t data_read(struct pci_bus *b, unsigned lane, unsigned size) {
    unsigned n = clip(lane, size);
    uint32_t v = 0xFFFFFFFFu;
    if (address_selects(b)) v = pci_bus_config_read(&b->dev, (uint8_t)(b->address >> 8), (b->address & 0xFC) + lane, n);
    return n < 4 ? v | 0xFFFFFFFFu << (8 * n) : v;
}

static uint32_t port_read(void *opaque, uint16_t port, unsigned size) {
    struct pci_bus *b = opaque;
    if (port >= PORT_DATA) return data_read(b, port - PORT_DATA, size);
    if (port == PORT_ADDRESS && size == 4) return b->address;
    if (port == PORT_RESET && size == 1 && b->cf9) return cf9_read(b->cf9);
    return 0xFFFFFFFFu;
}

static void port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct pci_bus *b = opaque;
    if (port >= PORT_DATA) {
        unsigned lane = port - PORT_DATA;
        if (!address_selects(b)) return;
        pci_bus_config_write(&b->dev, (uint8_t)(b->address >> 8), (b->address & 0xFC) + lane, clip(lane, size), value);
    } else if (port == PORT_ADDRESS && size == 4) {
        b->address = value & ADDRESS_BITS;
    } else if (port == PORT_RESET && size == 1 && b->cf9) {
        cf9_write(b->cf9, (uint8_t)value);
    }
}

static const struct dev_io_ops port_ops = {.name = "pci", .read = port_read, .write = port_write, .keeps_fpu = true};

/* ---- The bus as a device ---- */

static enum dev_status bus_init(struct dev *d, const void *cfg) {
    struct pci_bus *b = to_bus(d);
    const struct pci_bus_cfg *c = cfg;
    if (!c) return DEV_BAD_CONFIG;
    b->mmio_low = c->mmio_low < 0x100000 ? 0x100000 : c->mmio_low;
    b->cf9 = c->cf9;
    return dev_io_map(d->host->io, PORT_ADDRESS, 8, &port_ops, b);
}
static void bus_reset(struct dev *d) { to_bus(d)->address = 0; }
static void bus_state(struct dev *d, struct dev_state *st) {
    DEV_STATE(st, to_bus(d)->address);
    DEV_STATE(st, to_bus(d)->pirq_count);
}
static void bus_destroy(struct dev *d) { dev_io_unmap(d->host->io, PORT_ADDRESS, 8); }

const struct dev_class pci_bus_class = {
    .name = "pci",
    .instance_size = sizeof(struct pci_bus),
    .init = bus_init,
    .reset = bus_reset,
    .state = bus_state,
    .destroy = bus_destroy,
};

void pci_bus_on_pirq(struct dev *bus, void (*fn)(void *opaque, int pirq, bool level), void *opaque) {
    struct pci_bus *b = to_bus(bus);
    b->pirq = fn;
    b->pirq_opaque = opaque;
    for (int i = 0; fn && i < PCI_PIRQS; i++) fn(opaque, i, b->pirq_count[i] > 0);
}

/* ---- Devices ---- */

enum dev_status pci_dev_init(struct pci_dev *pd, struct dev *bus, uint8_t devfn, const struct pci_id *id) {
    if (!bus || id->int_pin > 4) return DEV_BAD_CONFIG;
    if (to_bus(bus)->slot[devfn]) return DEV_CONFLICT;
    to_bus(bus)->slot[devfn] = pd;
    pd->bus = bus;
    pd->devfn = devfn;
    pci_set16(pd, PCI_VENDOR_ID, id->vendor);
    pci_set16(pd, PCI_DEVICE_ID, id->device);
    pci_set32(pd, PCI_REVISION, id->class_code << 8 | id->revision);
    pci_set16(pd, PCI_SUBSYS_VENDOR, id->subsys_vendor);
    pci_set16(pd, PCI_SUBSYS_ID, id->subsys);
    pci_set8(pd, PCI_HEADER_TYPE, id->multifunction ? 0x80 : 0);
    pci_set8(pd, PCI_INT_PIN, id->int_pin);
    pci_wmask(pd, PCI_COMMAND, 2, 0x0140 | PCI_CMD_MASTER); /* parity and SERR# enables have no effect */
    set_le(pd->w1c + PCI_STATUS, 2, 0xF900);
    pci_wmask(pd, PCI_CACHE_LINE, 1, 0xFF);
    pci_wmask(pd, PCI_LATENCY, 1, 0xF8);
    pci_wmask(pd, PCI_INT_LINE, 1, 0xFF);
    return DEV_OK;
}

static bool power_of_two(uint32_t v) { return v && !(v & (v - 1)); }

static struct pci_bar *bar_new(struct pci_dev *pd, int n, enum pci_bar_kind kind, uint32_t size, uint32_t flags) {
    uint32_t least = kind == PCI_BAR_IO ? 4 : SMMU_PAGE_SIZE;
    if (n < 0 || n > PCI_ROM_BAR || pd->bar[n].kind != PCI_BAR_NONE || !power_of_two(size) || size < least) return NULL;
    struct pci_bar *b = &pd->bar[n];
    b->kind = kind;
    b->size = size;
    pci_set32(pd, bar_offset(n), flags);
    pci_wmask(pd, bar_offset(n), 4, ~(size - 1) | (kind == PCI_BAR_ROM));
    pd->wmask[PCI_COMMAND] |= (uint8_t)(kind == PCI_BAR_IO ? PCI_CMD_IO : PCI_CMD_MEM);
    return b;
}

enum dev_status pci_bar_io(struct pci_dev *pd, int n, uint32_t size, const struct dev_io_ops *ops, void *opaque) {
    struct pci_bar *b = n < PCI_BARS && size <= 256 ? bar_new(pd, n, PCI_BAR_IO, size, 1) : NULL;
    if (!b) return DEV_BAD_CONFIG;
    b->io = ops;
    b->opaque = opaque;
    return DEV_OK;
}

enum dev_status pci_bar_mmio(struct pci_dev *pd, int n, uint32_t size, const struct smmu_mmio *ops) {
    struct pci_bar *b = n < PCI_BARS ? bar_new(pd, n, PCI_BAR_MMIO, size, 0) : NULL;
    if (!b) return DEV_BAD_CONFIG;
    b->mmio = *ops;
    return DEV_OK;
}

enum dev_status pci_bar_frames(struct pci_dev *pd, int n, uint32_t size, int32_t read_frame, int32_t write_frame) {
    struct pci_bar *b = n < PCI_BARS ? bar_new(pd, n, PCI_BAR_FRAMES, size, 8) : NULL;
    if (!b) return DEV_BAD_CONFIG;
    b->prefetch = true;
    b->read_frame = read_frame;
    b->write_frame = write_frame;
    return DEV_OK;
}

/* Firmware passes over a ROM that is not its device's, but an image may serve several devices of a vendor and name one
 * of them or none: the copy gets the device's identity, and the byte that firmware's checksum leaves free makes up. */
static void rom_set_identity(const struct pci_dev *pd, uint8_t *rom, size_t bytes) {
    enum { SIGNATURE = 0xAA55, FREE_BYTE = 6, PCIR_POINTER = 0x18, PCIR_IDENTITY = 4, PCIR_BYTES = 0x18 };
    if (bytes < PCIR_POINTER + 2 || get_le(rom, 2) != SIGNATURE) return;
    uint32_t at = get_le(rom + PCIR_POINTER, 2);
    if (at < PCIR_POINTER + 2 || at + PCIR_BYTES > bytes || memcmp(rom + at, "PCIR", 4) != 0) return;
    uint8_t *identity = rom + at + PCIR_IDENTITY;
    if (get_le(identity, 4) && get_le(identity, 2) != get_le(pd->config + PCI_VENDOR_ID, 2)) return;
    for (int i = 0; i < 4; i++) rom[FREE_BYTE] = (uint8_t)(rom[FREE_BYTE] + identity[i]);
    memcpy(identity, pd->config + PCI_VENDOR_ID, 4);
    for (int i = 0; i < 4; i++) rom[FREE_BYTE] = (uint8_t)(rom[FREE_BYTE] - identity[i]);
}

enum dev_status pci_bar_rom(struct pci_dev *pd, const void *image, size_t bytes) {
    uint32_t size = SMMU_PAGE_SIZE;
    if (!bytes || bytes > 1u << 24) return DEV_BAD_CONFIG;
    while (size < bytes) size <<= 1;
    struct smmu_mem *mem = pd->dev.host->mem;
    struct pci_bar *b = bar_new(pd, PCI_ROM_BAR, PCI_BAR_ROM, size, 0);
    if (!b) return DEV_BAD_CONFIG;
    /* The frames behind the image's end belong to the BAR as well. */
    b->read_frame = smmu_mem_add_rom(mem, image, bytes);
    b->write_frame = -1;
    if (b->read_frame >= 0)
        rom_set_identity(pd, smmu_mem_linear(mem) + ((size_t)b->read_frame << SMMU_PAGE_SHIFT), bytes);
    uint32_t pages = (uint32_t)((bytes + SMMU_PAGE_MASK) >> SMMU_PAGE_SHIFT);
    static const uint8_t blank[SMMU_PAGE_SIZE];
    for (uint32_t p = pages; b->read_frame >= 0 && p < size >> SMMU_PAGE_SHIFT; p++) {
        if (smmu_mem_add_rom(mem, blank, sizeof blank) < 0) return DEV_NO_MEMORY;
    }
    return b->read_frame < 0 ? DEV_NO_MEMORY : DEV_OK;
}

/* Capabilities fill config space from 40h up; 82371SB and the like have registers there and no capabilities. */
uint8_t pci_add_capability(struct pci_dev *pd, uint8_t id, unsigned size) {
    enum { FIRST = 0x40, STATUS_HAS_LIST = 0x10, NEXT = 1 };
    unsigned at = pd->cap_end ? pd->cap_end : FIRST;
    if (size < 2 || at + size > sizeof pd->config) return 0;
    unsigned link = PCI_CAP_POINTER;
    while (pd->config[link]) link = pd->config[link] + NEXT;
    pd->config[link] = (uint8_t)at;
    pd->config[at] = id;
    pd->config[PCI_STATUS] |= STATUS_HAS_LIST;
    pd->cap_end = (uint8_t)((at + size + 3) & ~3u);
    return (uint8_t)at;
}

void pci_dev_ready(struct pci_dev *pd) { memcpy(pd->reset_value, pd->config, sizeof pd->config); }

void pci_dev_reset(struct pci_dev *pd) {
    pci_set_intx(pd, false);
    memcpy(pd->config, pd->reset_value, sizeof pd->config);
    update_mappings(to_bus(pd->bus));
}

/* Loading drives no line: every level along the way is in the state of what keeps it. */
void pci_dev_state(struct pci_dev *pd, struct dev_state *st) {
    DEV_STATE(st, pd->config);
    dev_state_bool(st, &pd->int_level);
    if (!st->saving && !st->failed) update_mappings(to_bus(pd->bus));
}

void pci_dev_fini(struct pci_dev *pd) {
    if (!pd->bus || to_bus(pd->bus)->slot[pd->devfn] != pd) return;
    pci_set_intx(pd, false);
    for (int n = 0; n <= PCI_ROM_BAR; n++) bar_unmap(pd, &pd->bar[n]);
    to_bus(pd->bus)->slot[pd->devfn] = NULL;
}
