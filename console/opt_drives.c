/* opt_drives.c: disks, CD-ROM and floppies: FILE[,key=value]... */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include "console/keyvalue.h"
#include "console/options.h"

static const char *take_format(struct run_options *r, void *target, const char *v) {
    enum mon_image_format format = mon_format_parse(v, strlen(v));
    (void)r;
    if (format == MON_FORMATS) return "must be auto, raw, qcow2, vmdk, vdi, vpc, vhd or vhdx";
    ((struct mon_disk_config *)target)->format = format;
    return NULL;
}

static const char *take_bus(struct run_options *r, void *target, const char *v) {
    struct mon_disk_config *d = target;
    (void)r;
    d->bus = strcmp(v, "virtio") ? MON_BUS_IDE : MON_BUS_VIRTIO;
    return d->bus == MON_BUS_VIRTIO || !strcmp(v, "ide") ? NULL : "must be ide or virtio";
}

/* C/H/S, each a number and nothing else. */
static const char *take_chs(struct run_options *r, void *target, const char *v) {
    struct mon_chs *chs = &((struct mon_disk_config *)target)->chs;
    static const unsigned most[] = {65535, 16, 63};
    unsigned n[3];
    (void)r;
    for (int i = 0; i < 3; i++) {
        char *end;
        if (*v < '0' || *v > '9') return "must be CYLINDERS/HEADS/SECTORS";
        unsigned long one = strtoul(v, &end, 10);
        if (*end != (i < 2 ? '/' : 0)) return "must be CYLINDERS/HEADS/SECTORS";
        if (!one || one > most[i]) return "must be 1 to 65535 cylinders, 1 to 16 heads, 1 to 63 sectors";
        n[i] = (unsigned)one;
        v = end + (i < 2);
    }
    *chs = (struct mon_chs){(uint16_t)n[0], (uint8_t)n[1], (uint8_t)n[2]};
    return NULL;
}

static const char *take_floppy_drive(struct run_options *r, void *target, const char *v) {
    static const struct {
        const char *name;
        enum mon_floppy_drive drive;
    } drives[] = {
        {"360", MON_FLOPPY_360K},   {"720", MON_FLOPPY_720K},   {"1.2", MON_FLOPPY_1200K},
        {"1.44", MON_FLOPPY_1440K}, {"2.88", MON_FLOPPY_2880K},
    };
    (void)r;
    for (size_t i = 0; i < sizeof drives / sizeof *drives; i++) {
        if (strcmp(v, drives[i].name)) continue;
        ((struct mon_disk_config *)target)->floppy_drive = drives[i].drive;
        return NULL;
    }
    return "must be 360, 720, 1.2, 1.44 or 2.88";
}

static const char *take_boot_index(struct run_options *r, void *target, const char *v) {
    (void)r;
    return opt_boot_index(&((struct mon_disk_config *)target)->boot_index, v);
}

#define AT(field) offsetof(struct mon_disk_config, field)

#define KEYS_OF_ALL_DRIVES                                                                                             \
    {.name = "file", .type = KV_PATH, .at = AT(path), .implied = true},                                                \
        {.name = "format", .type = KV_CALL, .call = take_format},                                                      \
        {.name = "bootindex", .type = KV_CALL, .call = take_boot_index},                                               \
        {.name = "readonly", .type = KV_SWITCH, .at = AT(read_only)}, {                                                \
        .name = "snapshot", .type = KV_SWITCH, .at = AT(snapshot)                                                      \
    }

static const struct kv_key drive_keys[] = {KEYS_OF_ALL_DRIVES, {0}};
static const struct kv_key disk_keys[] = {
    KEYS_OF_ALL_DRIVES,
    {.name = "bus", .type = KV_CALL, .call = take_bus},
    {.name = "chs", .type = KV_CALL, .call = take_chs},
    {0},
};
static const struct kv_key floppy_keys[] = {
    KEYS_OF_ALL_DRIVES,
    {.name = "drive", .type = KV_CALL, .call = take_floppy_drive},
    {0},
};

static const char *parse_drive(struct run_options *r, const char *v, const struct kv_key *keys,
                               struct mon_disk_config *d) {
    *d = (struct mon_disk_config){0};
    const char *wrong = kv_parse(r, v, keys, d);
    return wrong || d->path ? wrong : "names no file";
}

/* A drive, with nothing in it if that is what its file is called. */
static const char *parse_removable(struct run_options *r, const char *v, const struct kv_key *keys,
                                   struct mon_disk_config *d) {
    const char *wrong = parse_drive(r, v, keys, d);
    if (!strcmp(v, "none") || !strncmp(v, "none,", 5)) d->path = NULL;
    return wrong;
}

const char *opt_disk(struct run_options *r, const char *v) {
    struct mon_drives_config *d = &r->config.drives;
    return d->disks == MON_DISKS ? "is one too many" : parse_drive(r, v, disk_keys, &d->disk[d->disks++]);
}

const char *opt_floppy(struct run_options *r, const char *v) {
    struct mon_drives_config *d = &r->config.drives;
    if (d->floppies == MON_FLOPPIES) return "is one too many";
    struct mon_disk_config *floppy = &d->floppy[d->floppies++];
    return parse_removable(r, v, floppy_keys, floppy);
}

const char *opt_cdrom(struct run_options *r, const char *v) {
    r->config.drives.cdrom = true;
    return parse_removable(r, v, drive_keys, &r->config.drives.cd);
}

const char *opt_snapshot(struct run_options *r, const char *v) {
    return (void)v, r->config.drives.snapshot = true, NULL;
}
