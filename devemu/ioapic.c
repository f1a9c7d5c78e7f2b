/*
 * ioapic.c: Intel 82093AA I/O APIC.
 *
 * Source: Intel 82093AA datasheet (290566), 3.2 "IOAPIC Registers". An edge
 * that finds its pin masked is lost (3.2.4, "Interrupt Mask"); a level is sent
 * again after the EOI as long as the pin is asserted.
 */
#include "devemu/ioapic.h"

enum {
    SELECT = 0x00,
    WINDOW = 0x10,
    R_ID = 0,
    R_VERSION = 1,
    R_ARBITRATION = 2,
    R_TABLE = 0x10,
    VERSION = 0x11,
    E_MODE_SHIFT = 8,
    E_DEST_SHIFT = 56,
};
#define E_LOGICAL    (1ull << 11)
#define E_REMOTE_IRR (1ull << 14)
#define E_LEVEL      (1ull << 15)
#define E_MASKED     (1ull << 16)
#define E_WRITABLE   0xFF0000000001AFFFull

struct ioapic {
    struct dev dev;
    struct apic_bus *bus;
    struct smmu_mmio page; /* guest memory keeps a pointer to it */
    uint32_t select, id;
    uint64_t entry[IOAPIC_PINS];
    uint32_t level;   /* pins asserted now */
    uint32_t request; /* pins with something to send: level pins while asserted, an edge on its way */
};

static struct ioapic *to_ioapic(struct dev *d) { return (struct ioapic *)d; }

static void send(struct ioapic *s, int pin) {
    uint64_t e = s->entry[pin];
    struct apic_message m = {
        .dest = (uint8_t)(e >> E_DEST_SHIFT),
        .logical = e & E_LOGICAL,
        .level = e & E_LEVEL,
        .mode = (enum apic_mode)(e >> E_MODE_SHIFT & 7),
        .vector = (uint8_t)e,
    };
    bool vectored = m.mode == APIC_FIXED || m.mode == APIC_LOWEST;
    if (!vectored) m.level = false;
    if (m.level)
        s->entry[pin] |= E_REMOTE_IRR;
    else
        s->request &= ~(1u << pin);
    (void)apic_bus_send(s->bus, &m);
}

static void service(struct ioapic *s, int pin) {
    uint64_t e = s->entry[pin];
    if (!(s->request >> pin & 1) || (e & E_MASKED) || ((e & E_LEVEL) && (e & E_REMOTE_IRR))) return;
    send(s, pin);
}

void ioapic_set_pin(void *d, int pin, bool level) {
    struct ioapic *s = d;
    uint32_t bit = 1u << pin;
    bool was = s->level & bit;
    if (level == was) return;
    s->level ^= bit;
    if (s->entry[pin] & E_LEVEL)
        s->request ^= bit;
    else if (level && !(s->entry[pin] & E_MASKED))
        s->request |= bit;
    if (level) service(s, pin);
}

static void end_of_interrupt(void *opaque, uint8_t vector) {
    struct ioapic *s = opaque;
    for (int pin = 0; pin < IOAPIC_PINS; pin++) {
        uint64_t e = s->entry[pin];
        if ((uint8_t)e != vector || !(e & E_REMOTE_IRR)) continue;
        s->entry[pin] &= ~E_REMOTE_IRR;
        service(s, pin);
    }
}

/* ---- Registers ---- */

static uint32_t read_register(const struct ioapic *s) {
    switch (s->select) {
    case R_ID:
    case R_ARBITRATION: return s->id;
    case R_VERSION: return VERSION | (IOAPIC_PINS - 1) << 16;
    default: break;
    }
    uint32_t n = s->select - R_TABLE;
    if (n >= 2 * IOAPIC_PINS) return 0;
    return (uint32_t)(s->entry[n >> 1] >> (n & 1 ? 32 : 0));
}

static void write_entry(struct ioapic *s, uint32_t n, uint32_t v) {
    int pin = (int)(n >> 1);
    unsigned shift = n & 1 ? 32 : 0;
    uint64_t mask = E_WRITABLE & 0xFFFFFFFFull << shift;
    uint64_t e = (s->entry[pin] & ~mask) | ((uint64_t)v << shift & mask);
    /* A change to edge mode forgets a level in service: systems use it as an EOI for one pin. */
    if (!(e & E_LEVEL)) e &= ~E_REMOTE_IRR;
    s->entry[pin] = e;
    s->request &= ~(1u << pin);
    if (e & E_LEVEL) s->request |= s->level & 1u << pin;
    service(s, pin);
}

static void write_register(struct ioapic *s, uint32_t v) {
    if (s->select == R_ID) s->id = v & 0x0F000000u;
    uint32_t n = s->select - R_TABLE;
    if (n < 2 * IOAPIC_PINS) write_entry(s, n, v);
}

static uint64_t mmio_read(void *opaque, uint32_t offset, unsigned size) {
    const struct ioapic *s = opaque;
    uint32_t v = 0;
    if ((offset & 0xFC) == SELECT)
        v = s->select;
    else if ((offset & 0xFC) == WINDOW)
        v = read_register(s);
    v >>= 8 * (offset & 3);
    return size >= 4 ? v : v & ((1u << (8 * size)) - 1);
}
static void mmio_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    struct ioapic *s = opaque;
    offset &= 0xFF;
    if (offset == SELECT)
        s->select = (uint8_t)value;
    else if (offset == WINDOW && size >= 4)
        write_register(s, (uint32_t)value);
}

/* ---- The device ---- */

static void reset(struct dev *d) {
    struct ioapic *s = to_ioapic(d);
    s->select = s->id = 0;
    for (int i = 0; i < IOAPIC_PINS; i++) s->entry[i] = E_MASKED;
    s->request = 0;
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct ioapic *s = to_ioapic(d);
    const struct ioapic_cfg *c = cfg;
    if (!c || !c->bus) return DEV_BAD_CONFIG;
    s->bus = c->bus;
    s->page = (struct smmu_mmio){.name = "ioapic", .opaque = s, .read = mmio_read, .write = mmio_write};
    s->bus->eoi = end_of_interrupt;
    s->bus->eoi_opaque = s;
    reset(d);
    return smmu_mem_map_mmio(d->host->mem, gpa(IOAPIC_BASE), SMMU_PAGE_SIZE, &s->page) == SMMU_OK ? DEV_OK
                                                                                                  : DEV_NO_MEMORY;
}

static void state(struct dev *d, struct dev_state *st) {
    struct ioapic *s = to_ioapic(d);
    DEV_STATE(st, s->select);
    DEV_STATE(st, s->id);
    DEV_STATE(st, s->entry);
    DEV_STATE(st, s->level);
    DEV_STATE(st, s->request);
}

static void destroy(struct dev *d) {
    struct ioapic *s = to_ioapic(d);
    (void)smmu_mem_unmap(d->host->mem, gpa(IOAPIC_BASE), SMMU_PAGE_SIZE);
    s->bus->eoi = NULL;
}

uint64_t ioapic_entry(struct dev *d, int pin) { return to_ioapic(d)->entry[pin]; }

const struct dev_class ioapic_class = {
    .name = "ioapic",
    .instance_size = sizeof(struct ioapic),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
