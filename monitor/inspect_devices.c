/* inspect_devices.c: devices, the PCI bus, ports. */
#include "monitor/inspect_devices.h"

#include <stdio.h>
#include "devemu/pci.h"
#include "devemu/uhci.h"
#include "monitor/board.h"
#include "monitor/inspect_internal.h"

/* ---- Devices ---- */

static bool do_devices(struct machine *m, void *args, struct letter *l) {
    struct mon_devices *o = args;
    const char *name;
    (void)l;
    for (o->n = 0; o->n < MON_DEVICES && (name = board_device_name(m->board, o->n)); o->n++)
        snprintf(o->name[o->n], sizeof o->name[o->n], "%s", name);
    return true;
}

enum mon_ask mon_ask_devices(struct machine *m, struct mon_devices *out) {
    return inspect_ask(m, do_devices, out, sizeof *out);
}

/* ---- USB ---- */

_Static_assert((int)MON_USB_PORTS == (int)UHCI_PORTS, "one each");

static bool do_usb(struct machine *m, void *args, struct letter *l) {
    struct mon_usb *o = args;
    (void)l;
    for (unsigned i = 0; i < MON_USB_PORTS; i++) {
        const struct usb_device *u = board_usb_device(m->board, i);
        o->port[i].plugged = u != NULL;
        o->port[i].address = u ? u->address : 0;
    }
    return true;
}

enum mon_ask mon_ask_usb(struct machine *m, struct mon_usb *out) { return inspect_ask(m, do_usb, out, sizeof *out); }

/* ---- ROM images ---- */

static bool do_roms(struct machine *m, void *args, struct letter *l) {
    struct mon_roms *o = args;
    const uint64_t top = UINT64_C(1) << 32; /* where the firmware ends */
    (void)l;
    o->n = 0;
    o->rom[o->n].name = m->cfg->flat_image ? "none" : "firmware";
    o->rom[o->n].address = top - m->firmware.size;
    o->rom[o->n++].size = (uint32_t)m->firmware.size;
    if (!m->vga_rom.size) return true;
    o->rom[o->n].name = "vgabios";
    o->rom[o->n].address = 0;
    o->rom[o->n++].size = (uint32_t)m->vga_rom.size;
    return true;
}

enum mon_ask mon_ask_roms(struct machine *m, struct mon_roms *out) { return inspect_ask(m, do_roms, out, sizeof *out); }

/* ---- PCI ---- */

static uint16_t config16(const struct pci_dev *d, unsigned at) {
    return (uint16_t)(d->config[at] | d->config[at + 1] << 8);
}

static void describe(const struct pci_dev *d, struct mon_pci_device *o) {
    enum { VENDOR = 0, DEVICE = 2, CLASS = 0x0A };
    *o = (struct mon_pci_device){.slot = d->devfn >> 3,
                                 .function = d->devfn & 7,
                                 .irq_line = d->config[PCI_INT_LINE],
                                 .irq_pin = d->config[PCI_INT_PIN],
                                 .vendor = config16(d, VENDOR),
                                 .device = config16(d, DEVICE),
                                 .subsys_vendor = config16(d, PCI_SUBSYS_VENDOR),
                                 .subsys = config16(d, PCI_SUBSYS_ID),
                                 .class = config16(d, CLASS)};
    for (unsigned i = 0; i <= PCI_BARS; i++) {
        const struct pci_bar *b = &d->bar[i];
        if (b->kind == PCI_BAR_NONE) continue;
        o->region[o->regions].bar = i;
        o->region[o->regions].io = b->kind == PCI_BAR_IO;
        o->region[o->regions].prefetch = b->prefetch;
        o->region[o->regions].mapped = b->mapped;
        o->region[o->regions].address = b->mapped ? b->base : 0;
        o->region[o->regions++].size = b->size;
    }
}

static bool do_pci(struct machine *m, void *args, struct letter *l) {
    struct mon_pci *o = args;
    (void)l;
    o->n = 0;
    for (unsigned devfn = 0; devfn < 256 && o->n < MON_PCI_DEVICES; devfn++) {
        const struct pci_dev *d = pci_bus_find(board_pci_bus(m->board), (uint8_t)devfn);
        if (d) describe(d, &o->device[o->n++]);
    }
    return true;
}

enum mon_ask mon_ask_pci(struct machine *m, struct mon_pci *out) { return inspect_ask(m, do_pci, out, sizeof *out); }

/* ---- Ports ---- */

struct port {
    uint16_t port;
    unsigned size;
    bool write, force, done;
    uint32_t value;
    char name[24];
};

static const char *owner(const struct machine *m, const struct port *p) {
    for (unsigned i = 0; i < p->size; i++) {
        const char *name = p->port + i <= UINT16_MAX ? dev_io_name(m->io, (uint16_t)(p->port + i)) : NULL;
        if (name) return name;
    }
    return NULL;
}

static bool do_port(struct machine *m, void *args, struct letter *l) {
    struct port *p = args;
    const char *name = owner(m, p);
    (void)l;
    snprintf(p->name, sizeof p->name, "%s", name ? name : "");
    p->done = p->force || !name;
    if (p->done && p->write)
        dev_io_write(m->io, p->port, p->size, p->value);
    else if (p->done)
        p->value = dev_io_read(m->io, p->port, p->size);
    return true;
}

enum mon_ask mon_ask_port(struct machine *m, uint16_t port, unsigned size, bool write, bool force, uint32_t *value,
                          char *errbuf, size_t errlen) {
    struct port p = {.port = port, .size = size, .write = write, .force = force, .value = *value};
    enum mon_ask a = inspect_ask(m, do_port, &p, sizeof p);
    if (a != MON_ASK_OK) return a;
    *value = p.value;
    if (p.done) return MON_ASK_OK;
    snprintf(errbuf, errlen, "port %#x belongs to the device %s: %s it might change something (--force does it)", port,
             p.name, write ? "writing" : "reading");
    return MON_ASK_FAILED;
}
