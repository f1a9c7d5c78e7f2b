/*
 * ide.c: the PCI function: which ports answer, and the life of the drives.
 *
 * A channel's ports are there while I/O decoding is on and its IDETIM register enables it (82371SB 2.3.10); firmware
 * does both. Timing registers are storage.
 */
#include "devemu/ide_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REG_IDETIM = 0x40, REG_SIDETIM = 0x44, IDETIM_ENABLE_HIGH = 0x80 };
enum { BM_BAR = 4, BM_PORTS = 16, COMMAND_PORTS = 8 };

static struct ide *to_ide(struct dev *d) { return (struct ide *)d; }

/* ---- Decoding ---- */

static bool enabled(const struct ide *s, int n) {
    return (s->pci.config[PCI_COMMAND] & PCI_CMD_IO) && (s->pci.config[REG_IDETIM + 2 * n + 1] & IDETIM_ENABLE_HIGH);
}

static void map_channel(struct ide *s, struct ide_channel *c) {
    struct dev_io_bus *io = s->pci.dev.host->io;
    if (dev_io_map(io, c->base, COMMAND_PORTS, &ide_command_ops, c) != DEV_OK) return;
    c->mapped = dev_io_map(io, c->control_port, 1, &ide_control_ops, c) == DEV_OK;
    if (!c->mapped) dev_io_unmap(io, c->base, COMMAND_PORTS);
}

static void unmap_channel(struct ide *s, struct ide_channel *c) {
    dev_io_unmap(s->pci.dev.host->io, c->base, COMMAND_PORTS);
    dev_io_unmap(s->pci.dev.host->io, c->control_port, 1);
    c->mapped = false;
}

static void update_decoding(struct ide *s) {
    for (int n = 0; n < IDE_CHANNELS; n++) {
        struct ide_channel *c = &s->channel[n];
        if (enabled(s, n) && !c->mapped)
            map_channel(s, c);
        else if (!enabled(s, n) && c->mapped)
            unmap_channel(s, c);
    }
}

static void config_written(struct pci_dev *pd, unsigned offset, unsigned size) {
    struct ide *s = (struct ide *)pd;
    (void)offset, (void)size;
    update_decoding(s);
    for (int n = 0; n < IDE_CHANNELS; n++) ide_bm_run(&s->channel[n]); /* it may be master now */
}

/* ---- Drives ---- */

static enum dev_status init_drive(struct ide_drive *d, const struct ide_drive_config *c, int position) {
    d->kind = c->kind;
    if (d->kind == IDE_ABSENT) return DEV_OK;
    if (d->kind == IDE_DISK && !c->blk) return DEV_BAD_CONFIG;
    d->blk = c->blk;
    if (d->kind == IDE_DISK) d->geometry = c->geometry.cylinders ? c->geometry : ide_geometry(c->blk->size);
    d->buf = malloc(IDE_BUFFER);
    if (!d->buf) return DEV_NO_MEMORY;
    memset(d->buf, 0, IDE_BUFFER);
    if (c->serial)
        snprintf(d->serial, sizeof d->serial, "%s", c->serial);
    else
        snprintf(d->serial, sizeof d->serial, "NV%05d", position + 1);
    return DEV_OK;
}

static enum dev_status init_channel(struct ide *s, int n, const struct ide_config *cfg) {
    static const struct { uint16_t base, control; } ports[IDE_CHANNELS] = {{0x1F0, 0x3F6}, {0x170, 0x376}};
    struct ide_channel *c = &s->channel[n];
    c->ide = s;
    c->irq = cfg->irq[n];
    c->base = ports[n].base;
    c->control_port = ports[n].control;
    for (int u = 0; u < IDE_UNITS; u++) {
        c->drive[u].channel = c;
        c->drive[u].unit = (uint8_t)u;
        int position = n * IDE_UNITS + u;
        enum dev_status st = init_drive(&c->drive[u], &cfg->drive[position], position);
        if (st != DEV_OK) return st;
    }
    return DEV_OK;
}

bool ide_cd_change(struct dev *dev, int drive, struct blk *disc, bool force) {
    struct ide_drive *d = &to_ide(dev)->channel[drive / IDE_UNITS].drive[drive % IDE_UNITS];
    return d->kind == IDE_CDROM && atapi_change(d, disc, force);
}

void ide_cd_tray(struct dev *dev, int drive, bool *open, bool *locked) {
    const struct ide_drive *d = &to_ide(dev)->channel[drive / IDE_UNITS].drive[drive % IDE_UNITS];
    *open = d->kind == IDE_CDROM && d->cd.open;
    *locked = d->kind == IDE_CDROM && d->cd.locked;
}

/* ---- Life ---- */

static enum dev_status init_pci(struct ide *s, struct dev *bus) {
    static const struct pci_id id = {
        .vendor = 0x8086, .device = 0x7010, .subsys_vendor = 0x1AF4, .subsys = 0x1100, .class_code = 0x010180};
    enum dev_status st = pci_dev_init(&s->pci, bus, PCI_DEVFN(1, 1), &id);
    if (st == DEV_OK) st = pci_bar_io(&s->pci, BM_BAR, BM_PORTS, &ide_bm_ops, s);
    if (st != DEV_OK) return st;
    pci_set16(&s->pci, PCI_STATUS, 0x0280);
    pci_wmask(&s->pci, REG_IDETIM, 4, 0xF3FFF3FF);
    pci_wmask(&s->pci, REG_SIDETIM, 1, 0xFF);
    s->pci.config_written = config_written;
    pci_dev_ready(&s->pci);
    return DEV_OK;
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct ide *s = to_ide(d);
    const struct ide_config *c = cfg;
    if (!c) return DEV_BAD_CONFIG;
    for (int n = 0; n < IDE_CHANNELS; n++) {
        enum dev_status st = init_channel(s, n, c);
        if (st != DEV_OK) return st;
    }
    return init_pci(s, c->bus);
}

static void reset(struct dev *d) {
    struct ide *s = to_ide(d);
    pci_dev_reset(&s->pci);
    update_decoding(s);
    for (int n = 0; n < IDE_CHANNELS; n++) ide_channel_reset(&s->channel[n]);
}

static void state(struct dev *d, struct dev_state *st) {
    struct ide *s = to_ide(d);
    pci_dev_state(&s->pci, st);
    for (int n = 0; n < IDE_CHANNELS; n++) ide_channel_state(&s->channel[n], st);
    if (!st->saving) update_decoding(s);
}

static void destroy(struct dev *d) {
    struct ide *s = to_ide(d);
    for (int n = 0; n < IDE_CHANNELS; n++) {
        struct ide_channel *c = &s->channel[n];
        if (c->mapped) unmap_channel(s, c);
        for (int u = 0; u < IDE_UNITS; u++) {
            blk_cancel(c->drive[u].blk, &c->drive[u].req);
            free(c->drive[u].buf);
        }
    }
    pci_dev_fini(&s->pci);
}

const struct dev_class ide_class = {
    .name = "piix3-ide",
    .instance_size = sizeof(struct ide),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
