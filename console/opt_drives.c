/* opt_drives.c: disks, CD-ROM and floppies: FILE[,key=value]... */
#include <stddef.h>
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

#define AT(field) offsetof(struct mon_disk_config, field)

#define KEYS_OF_ALL_DRIVES                                                                                             \
    {.name = "file", .type = KV_PATH, .at = AT(path), .implied = true},                                                \
        {.name = "format", .type = KV_CALL, .call = take_format},                                                      \
        {.name = "readonly", .type = KV_SWITCH, .at = AT(read_only)}, {                                                \
        .name = "snapshot", .type = KV_SWITCH, .at = AT(snapshot)                                                      \
    }

static const struct kv_key drive_keys[] = {KEYS_OF_ALL_DRIVES, {0}};
static const struct kv_key disk_keys[] = {
    KEYS_OF_ALL_DRIVES,
    {.name = "bus", .type = KV_CALL, .call = take_bus},
    {0},
};

static const char *parse_drive(struct run_options *r, const char *v, const struct kv_key *keys,
                               struct mon_disk_config *d) {
    *d = (struct mon_disk_config){0};
    const char *wrong = kv_parse(r, v, keys, d);
    return wrong || d->path ? wrong : "names no file";
}

const char *opt_disk(struct run_options *r, const char *v) {
    struct mon_drives_config *d = &r->config.drives;
    return d->disks == MON_DISKS ? "is one too many" : parse_drive(r, v, disk_keys, &d->disk[d->disks++]);
}

const char *opt_floppy(struct run_options *r, const char *v) {
    struct mon_drives_config *d = &r->config.drives;
    if (d->floppies == MON_FLOPPIES) return "is one too many";
    struct mon_disk_config *floppy = &d->floppy[d->floppies++]; /* zeroed: empty */
    return strcmp(v, "none") ? parse_drive(r, v, drive_keys, floppy) : NULL;
}

const char *opt_cdrom(struct run_options *r, const char *v) {
    r->config.drives.cdrom = true;
    return strcmp(v, "none") ? parse_drive(r, v, drive_keys, &r->config.drives.cd) : NULL;
}

const char *opt_snapshot(struct run_options *r, const char *v) {
    return (void)v, r->config.drives.snapshot = true, NULL;
}
