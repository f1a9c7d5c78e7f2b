/*
 * ne2000_pci.c: the NE2000 on PCI as RealTek RTL8029AS: the same 32 ports behind a base address register.
 *
 * Source: RealTek RTL8029AS data sheet, "PCI Configuration Space Table".
 */
#include "devemu/ne2000_internal.h"
#include "devemu/pci.h"

struct ne2000_pci {
    struct pci_dev pci;
    struct ne2000 core;
};

static struct ne2000_pci *to_card(struct dev *d) { return (struct ne2000_pci *)d; }

static void set_irq(void *opaque, bool level) { pci_set_intx(&((struct ne2000_pci *)opaque)->pci, level); }

static uint32_t port_read(void *opaque, uint16_t port, unsigned size) {
    return ne2000_read(&((struct ne2000_pci *)opaque)->core, port % NE2000_PORTS, size);
}

static void port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    ne2000_write(&((struct ne2000_pci *)opaque)->core, port % NE2000_PORTS, size, value);
}

static const struct dev_io_ops ops = {.name = "ne2k_pci", .read = port_read, .write = port_write};

static enum dev_status init_pci(struct ne2000_pci *s, const struct nic_pci_config *c) {
    static const struct pci_id id = {.vendor = 0x10EC,
                                     .device = 0x8029,
                                     .subsys_vendor = 0x10EC,
                                     .subsys = 0x8029,
                                     .class_code = 0x020000,
                                     .int_pin = 1};
    enum dev_status st = pci_dev_init(&s->pci, c->bus, c->devfn, &id);
    if (st == DEV_OK) st = pci_bar_io(&s->pci, 0, NE2000_PORTS, &ops, s);
    if (st == DEV_OK && c->rom) st = pci_bar_rom(&s->pci, c->rom, c->rom_size);
    if (st != DEV_OK) return st;
    pci_set16(&s->pci, PCI_STATUS, 0x0200); /* medium DEVSEL timing */
    pci_dev_ready(&s->pci);
    return DEV_OK;
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct ne2000_pci *s = to_card(d);
    const struct nic_pci_config *c = cfg;
    if (!c || !c->net) return DEV_BAD_CONFIG;
    s->core.set_irq = set_irq;
    s->core.opaque = s;
    s->core.rtl8029 = true;
    ne2000_init(&s->core, c->net, c->mac);
    return init_pci(s, c);
}

static void reset(struct dev *d) {
    pci_dev_reset(&to_card(d)->pci);
    ne2000_reset(&to_card(d)->core);
}

static void state(struct dev *d, struct dev_state *st) {
    pci_dev_state(&to_card(d)->pci, st);
    ne2000_state(&to_card(d)->core, st);
}

static void destroy(struct dev *d) {
    ne2000_fini(&to_card(d)->core);
    pci_dev_fini(&to_card(d)->pci);
}

const struct dev_class ne2000_pci_class = {
    .name = "ne2k_pci",
    .instance_size = sizeof(struct ne2000_pci),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
