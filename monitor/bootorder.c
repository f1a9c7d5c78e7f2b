/*
 * bootorder.c: devices as SeaBIOS names them in its file "bootorder", a line each, the first to boot first.
 *
 * Source: SeaBIOS, docs/Runtime_config ("bootorder") and the Open Firmware device paths there. What has no place in it
 * follows in the order of the CMOS (cmos.c). Slots of the PCI bus are the board's.
 */
#include "monitor/bootorder.h"

#include <stdio.h>
#include <string.h>
#include "devemu/fw_cfg.h"
#include "monitor/board.h"
#include "monitor/drives.h"

enum { ENTRIES = MON_DISKS + MON_FLOPPIES + MON_NICS + 1, PATH_BYTES = 64 };

struct order {
    unsigned n;
    struct entry {
        uint32_t index;
        char path[PATH_BYTES];
    } entry[ENTRIES];
};

/* Room for the next device's path, which stands before those with a higher index; NULL: it has none. */
static char *place(struct order *o, uint32_t index) {
    if (!index) return NULL;
    unsigned at = o->n++;
    for (; at && o->entry[at - 1].index > index; at--) o->entry[at] = o->entry[at - 1];
    o->entry[at].index = index;
    return o->entry[at].path;
}

static void add_ide(struct order *o, uint32_t index, unsigned position) {
    char *path = place(o, index);
    if (path)
        snprintf(path, PATH_BYTES, "/pci@i0cf8/ide@1,1/drive@%x/disk@%x", position / IDE_UNITS, position % IDE_UNITS);
}

static void add_slot(struct order *o, uint32_t index, const char *kind, unsigned slot, const char *unit) {
    char *path = place(o, index);
    if (path) snprintf(path, PATH_BYTES, "/pci@i0cf8/%s@%x/%s", kind, slot, unit);
}

static void add_drives(struct order *o, const struct mon_drives_config *cfg) {
    for (unsigned i = 0; i < cfg->disks; i++) {
        const struct mon_disk_config *d = &cfg->disk[i];
        if (d->bus == MON_BUS_VIRTIO)
            add_slot(o, d->boot_index, "scsi", BOARD_SLOT_VIRTIO_DISK + drives_place(cfg, i), "disk@0,0");
        else
            add_ide(o, d->boot_index, drives_place(cfg, i));
    }
    if (cfg->cdrom) add_ide(o, cfg->cd.boot_index, DRIVES_CD_PLACE);
    for (unsigned i = 0; i < cfg->floppies; i++) {
        char *path = place(o, cfg->floppy[i].boot_index);
        if (path) snprintf(path, PATH_BYTES, "/pci@i0cf8/isa@1/fdc@03f0/floppy@%x", i);
    }
}

static void add_nics(struct order *o, const struct mon_net_config *cfg) {
    for (unsigned i = 0; i < cfg->nics; i++)
        add_slot(o, cfg->nic[i].boot_index, "ethernet", BOARD_SLOT_NIC + i, "ethernet-phy@0");
}

enum dev_status bootorder_describe(struct dev *fw_cfg, const struct mon_config *cfg) {
    char text[ENTRIES * (PATH_BYTES + 1)] = "";
    size_t at = 0;
    struct order o = {0};
    if (cfg->kernel) return DEV_OK; /* the kernel's boot ROM is the order */
    add_drives(&o, &cfg->drives);
    add_nics(&o, &cfg->net);
    for (unsigned i = 0; i < o.n; i++)
        at += (size_t)snprintf(text + at, sizeof text - at, "%s%s", i ? "\n" : "", o.entry[i].path);
    return o.n ? fw_cfg_add_file(fw_cfg, "bootorder", text, at + 1) : DEV_OK;
}
