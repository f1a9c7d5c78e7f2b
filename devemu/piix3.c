/*
 * piix3.c: Intel 82371SB (PIIX3) PCI-to-ISA bridge, function 0.
 *
 * Source: Intel 82371FB/82371SB datasheet (290550), 2.2 "PCI to ISA Bridge
 * Registers": their reset values and writable bits. Only PIRQ routing acts;
 * the bits that shape ISA bus cycles are storage.
 */
#include "devemu/piix3.h"

enum {
    REG_IORT = 0x4C,
    REG_XBCS = 0x4E,
    REG_PIRQRC = 0x60,
    REG_TOM = 0x69,
    REG_MBIRQ0 = 0x70,
    REG_MBDMA = 0x76,
    REG_PCSC = 0x78,
    REG_APICBASE = 0x80,
    REG_DLC = 0x82,
    REG_SMICNTL = 0xA0,
    PIRQ_OFF = 0x80,
};
/* IRQs a PIRQ may be routed to; the others are reserved. */
#define ROUTABLE 0xDEF8u

struct piix3 {
    struct pci_dev pci;
    struct dev_line isa_irq[16];
    uint8_t pirq_level; /* bit n: PIRQ n is pulled */
    uint16_t isa_level; /* lines pulled now */
};

static struct piix3 *to_piix3(struct dev *d) { return (struct piix3 *)d; }

static void update_lines(struct piix3 *s) {
    uint16_t want = 0;
    for (int p = 0; p < PCI_PIRQS; p++) {
        uint8_t route = s->pci.config[REG_PIRQRC + p];
        if (!(route & PIRQ_OFF) && (s->pirq_level >> p & 1)) want |= (uint16_t)(1u << (route & 15));
    }
    want &= ROUTABLE;
    uint16_t changed = want ^ s->isa_level;
    s->isa_level = want;
    for (int n = 0; changed; n++, changed >>= 1) {
        if (changed & 1) dev_line_set(&s->isa_irq[n], want >> n & 1);
    }
}

static void set_pirq(void *opaque, int pirq, bool level) {
    struct piix3 *s = opaque;
    uint8_t bit = (uint8_t)(1u << pirq);
    s->pirq_level = (uint8_t)(level ? s->pirq_level | bit : s->pirq_level & ~bit);
    update_lines(s);
}

static void config_written(struct pci_dev *pd, unsigned offset, unsigned size) {
    if (offset < REG_PIRQRC + PCI_PIRQS && offset + size > REG_PIRQRC) update_lines((struct piix3 *)pd);
}

struct reg_default {
    uint8_t offset, value, mask;
};
static const struct reg_default reg_default[] = {
    {REG_IORT, 0x4D, 0x7F},
    {REG_XBCS, 0x03, 0xFF},
    {REG_XBCS + 1, 0x00, 0x01},
    {REG_PIRQRC, PIRQ_OFF, 0x8F},
    {REG_PIRQRC + 1, PIRQ_OFF, 0x8F},
    {REG_PIRQRC + 2, PIRQ_OFF, 0x8F},
    {REG_PIRQRC + 3, PIRQ_OFF, 0x8F},
    {REG_TOM, 0x02, 0xFE},
    {0x6A, 0x00, 0x81},
    {REG_MBIRQ0, 0x80, 0xEF},
    {REG_MBDMA, 0x0C, 0x8F},
    {REG_MBDMA + 1, 0x0C, 0x8F},
    {REG_PCSC, 0x02, 0xFF},
    {REG_PCSC + 1, 0x00, 0xFF},
    {REG_APICBASE, 0x00, 0x7F},
    {REG_DLC, 0x00, 0x0F},
    {REG_SMICNTL, 0x08, 0x1F},
    {0xA2, 0x00, 0xFF},
    {0xA3, 0x00, 0xFF},
    {0xA4, 0x00, 0xFF},
    {0xA5, 0x00, 0xFF},
    {0xA6, 0x00, 0xFF},
    {0xA7, 0x00, 0xFF},
    {0xA8, 0x0F, 0xFF},
    {0xAA, 0x00, 0xFF},
    {0xAB, 0x00, 0xFF},
    {0xAC, 0x00, 0xFF},
    {0xAE, 0x00, 0xFF},
};

static enum dev_status init(struct dev *d, const void *cfg) {
    static const struct pci_id id = {
        .vendor = 0x8086,
        .device = 0x7000,
        .subsys_vendor = 0x1AF4,
        .subsys = 0x1100,
        .class_code = 0x060100,
        .multifunction = true,
    };
    struct piix3 *s = to_piix3(d);
    const struct piix3_cfg *c = cfg;
    if (!c) return DEV_BAD_CONFIG;
    enum dev_status st = pci_dev_init(&s->pci, c->bus, PCI_DEVFN(1, 0), &id);
    if (st != DEV_OK) return st;
    for (int i = 0; i < 16; i++) s->isa_irq[i] = c->isa_irq[i];
    pci_set16(&s->pci, PCI_COMMAND, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
    pci_wmask(&s->pci, PCI_COMMAND, 2, 0x0108);
    pci_set16(&s->pci, PCI_STATUS, 0x0280);
    for (size_t i = 0; i < sizeof reg_default / sizeof *reg_default; i++) {
        pci_set8(&s->pci, reg_default[i].offset, reg_default[i].value);
        pci_wmask(&s->pci, reg_default[i].offset, 1, reg_default[i].mask);
    }
    s->pci.config_written = config_written;
    pci_dev_ready(&s->pci);
    pci_bus_on_pirq(c->bus, set_pirq, s);
    return DEV_OK;
}

static void reset(struct dev *d) {
    pci_dev_reset(&to_piix3(d)->pci);
    update_lines(to_piix3(d));
}

static void state(struct dev *d, struct dev_state *st) {
    pci_dev_state(&to_piix3(d)->pci, st);
    DEV_STATE(st, to_piix3(d)->pirq_level);
    DEV_STATE(st, to_piix3(d)->isa_level);
}

static void destroy(struct dev *d) {
    struct piix3 *s = to_piix3(d);
    if (!s->pci.bus) return;
    pci_bus_on_pirq(s->pci.bus, NULL, NULL);
    pci_dev_fini(&s->pci);
}

const struct dev_class piix3_class = {
    .name = "piix3",
    .instance_size = sizeof(struct piix3),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
