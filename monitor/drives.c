#include "monitor/drives_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Places ---- */

static int disk_place(const struct mon_drives_config *cfg, unsigned n) {
    static const int with_cd[] = {0, 1, 3}, without_cd[] = {0, 1, 2, 3};
    return cfg->cdrom ? with_cd[n] : without_cd[n];
}

/* How many of the first n disks are on this bus. */
static unsigned count_disks(const struct mon_drives_config *cfg, enum mon_disk_bus bus, unsigned n) {
    unsigned count = 0;
    for (unsigned i = 0; i < n; i++) count += cfg->disk[i].bus == bus;
    return count;
}

unsigned drives_place(const struct mon_drives_config *cfg, unsigned n) {
    enum mon_disk_bus bus = cfg->disk[n].bus;
    unsigned before = count_disks(cfg, bus, n);
    return bus == MON_BUS_VIRTIO ? before : (unsigned)disk_place(cfg, before);
}

static bool disks_fit(const struct mon_drives_config *cfg, char *errbuf, size_t errlen) {
    unsigned room = cfg->cdrom ? MON_IDE_DISKS - 1 : MON_IDE_DISKS;
    if (count_disks(cfg, MON_BUS_IDE, cfg->disks) > room) {
        snprintf(errbuf, errlen, "disk: %sthere is room for %u IDE disks", cfg->cdrom ? "with a CD-ROM drive " : "",
                 room);
        return false;
    }
    if (count_disks(cfg, MON_BUS_VIRTIO, cfg->disks) <= MON_VIRTIO_DISKS) return true;
    snprintf(errbuf, errlen, "disk: there is room for %d virtio disks", MON_VIRTIO_DISKS);
    return false;
}

static bool geometry_fits_bus(const struct mon_drives_config *cfg, char *errbuf, size_t errlen) {
    for (unsigned i = 0; i < cfg->disks; i++) {
        if (!cfg->disk[i].chs.cylinders || cfg->disk[i].bus == MON_BUS_IDE) continue;
        snprintf(errbuf, errlen, "disk %s: only IDE disks have a geometry (chs=)", cfg->disk[i].path);
        return false;
    }
    return true;
}

bool drives_check(const struct mon_drives_config *cfg, char *errbuf, size_t errlen) {
    return disks_fit(cfg, errbuf, errlen) && geometry_fits_bus(cfg, errbuf, errlen);
}

/* ---- Opening ---- */

static struct mon_blk *open_image(struct drives *d, const struct mon_disk_config *c, unsigned unit,
                                  struct mon_events *events, char *errbuf, size_t errlen) {
    struct blk_config bc = {.path = c->path,
                            .format = c->format,
                            .read_only = c->read_only || unit != BLK_SECTOR,
                            .snapshot = c->snapshot || d->cfg->snapshot,
                            .unit = unit};
    return blk_open(&bc, events, errbuf, errlen);
}

static struct mon_blk **place_of(struct drives *d, unsigned i) {
    unsigned n = drives_place(d->cfg, i);
    return d->cfg->disk[i].bus == MON_BUS_VIRTIO ? &d->virtio[n] : &d->ide[n];
}

static bool geometry_fits(const struct mon_disk_config *c, const struct blk *blk, char *errbuf, size_t errlen) {
    uint64_t sectors = (uint64_t)c->chs.cylinders * c->chs.heads * c->chs.sectors;
    if (sectors <= blk->size / BLK_SECTOR) return true;
    snprintf(errbuf, errlen, "disk image %s: has %" PRIu64 " sectors, fewer than the %" PRIu64 " of chs=%u/%u/%u",
             c->path, blk->size / BLK_SECTOR, sectors, c->chs.cylinders, c->chs.heads, c->chs.sectors);
    return false;
}

static bool open_disks(struct drives *d, struct mon_events *events, char *errbuf, size_t errlen) {
    for (unsigned i = 0; i < d->cfg->disks; i++) {
        struct mon_blk **place = place_of(d, i);
        *place = open_image(d, &d->cfg->disk[i], BLK_SECTOR, events, errbuf, errlen);
        if (!*place || !geometry_fits(&d->cfg->disk[i], blk_dev(*place), errbuf, errlen)) return false;
    }
    return true;
}

static bool open_cdrom(struct drives *d, struct mon_events *events, char *errbuf, size_t errlen) {
    if (!d->cfg->cdrom || !d->cfg->cd.path) return true;
    d->ide[DRIVES_CD_PLACE] = open_image(d, &d->cfg->cd, CD_UNIT, events, errbuf, errlen);
    return d->ide[DRIVES_CD_PLACE] != NULL;
}

_Static_assert((int)MON_FLOPPY_2880K == (int)FDC_2880K && (int)MON_FLOPPY_1200K == (int)FDC_1200K, "same order");

/* The drive that was asked for, or the one for what is in it. */
static bool choose_floppy_drive(struct drives *d, unsigned i, char *errbuf, size_t errlen) {
    static const char *const names[] = {"", "360K", "1.2M", "720K", "1.44M", "2.88M"};
    const struct mon_disk_config *c = &d->cfg->floppy[i];
    uint64_t size = blk_dev(d->floppy[i])->size;
    d->floppy_type[i] = fdc_type_for(size);
    if (d->floppy_type[i] == FDC_NONE) {
        snprintf(errbuf, errlen, "floppy image %s: is larger than any floppy (2880K)", c->path);
        return false;
    }
    if (c->floppy_drive == MON_FLOPPY_AUTO) return true;
    d->floppy_type[i] = (enum fdc_type)c->floppy_drive;
    if (fdc_drive_reads(d->floppy_type[i], size)) return true;
    snprintf(errbuf, errlen, "floppy image %s: a %s drive reads no disk of %" PRIu64 "K", c->path,
             names[c->floppy_drive], size / 1024);
    return false;
}

static bool open_floppies(struct drives *d, struct mon_events *events, char *errbuf, size_t errlen) {
    for (unsigned i = 0; i < d->cfg->floppies; i++) {
        enum mon_floppy_drive asked = d->cfg->floppy[i].floppy_drive;
        d->floppy_type[i] = asked == MON_FLOPPY_AUTO ? FDC_1440K : (enum fdc_type)asked;
        if (!d->cfg->floppy[i].path) continue; /* an empty drive */
        d->floppy[i] = open_image(d, &d->cfg->floppy[i], BLK_SECTOR, events, errbuf, errlen);
        if (!d->floppy[i] || !choose_floppy_drive(d, i, errbuf, errlen)) return false;
    }
    return true;
}

struct drives *drives_open(const struct mon_drives_config *cfg, struct mon_events *events, char *errbuf,
                           size_t errlen) {
    struct drives *d = calloc(1, sizeof *d);
    if (!d) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    d->cfg = cfg;
    d->events = events;
    if (open_disks(d, events, errbuf, errlen) && open_cdrom(d, events, errbuf, errlen) &&
        open_floppies(d, events, errbuf, errlen))
        return d;
    drives_close(d);
    return NULL;
}

void drives_close(struct drives *d) {
    if (!d) return;
    drives_end_changes(d);
    for (int i = 0; i < IDE_DRIVES; i++) blk_close(d->ide[i]);
    for (int i = 0; i < FDC_DRIVES; i++) blk_close(d->floppy[i]);
    for (int i = 0; i < MON_VIRTIO_DISKS; i++) blk_close(d->virtio[i]);
    free(d);
}

/* ---- For the devices and the firmware ---- */

/* What the disk in an IDE place was configured with; cylinders 0: nothing. */
static struct ide_geometry geometry_at(const struct drives *d, unsigned place) {
    for (unsigned i = 0; i < d->cfg->disks; i++) {
        const struct mon_disk_config *c = &d->cfg->disk[i];
        if (c->bus == MON_BUS_IDE && drives_place(d->cfg, i) == place)
            return (struct ide_geometry){c->chs.cylinders, c->chs.heads, c->chs.sectors};
    }
    return (struct ide_geometry){0};
}

void drives_describe_ide(const struct drives *d, struct ide_drive_config out[IDE_DRIVES]) {
    for (int i = 0; i < IDE_DRIVES; i++) {
        bool cd = d->cfg->cdrom && i == DRIVES_CD_PLACE;
        out[i] = (struct ide_drive_config){.kind = cd          ? IDE_CDROM
                                                   : d->ide[i] ? IDE_DISK
                                                               : IDE_ABSENT,
                                           .blk = blk_dev(d->ide[i]),
                                           .geometry = geometry_at(d, (unsigned)i)};
    }
}

void drives_describe_fdc(const struct drives *d, struct fdc_drive_config out[FDC_DRIVES]) {
    for (int i = 0; i < FDC_DRIVES; i++)
        out[i] = (struct fdc_drive_config){.present = (unsigned)i < d->cfg->floppies, .blk = blk_dev(d->floppy[i])};
}

struct blk *drives_virtio(const struct drives *d, int n) {
    return blk_dev(d->virtio[n]);
}

void drives_describe_cmos(const struct drives *d, struct cmos_drives *out) {
    *out = (struct cmos_drives){0};
    for (int i = 0; i < FDC_DRIVES; i++) out->floppy[i] = d->floppy_type[i];
    for (int i = 0; i < IDE_DRIVES; i++)
        if (d->ide[i] && !(d->cfg->cdrom && i == DRIVES_CD_PLACE)) {
            struct ide_geometry g = geometry_at(d, (unsigned)i);
            out->disk[i] = g.cylinders ? g : ide_geometry(blk_dev(d->ide[i])->size);
        }
}

/* ---- Who is told of requests ---- */

const char *const drives_ide_names[IDE_DRIVES] = {"ide0-hd0", "ide0-hd1", "ide1-hd0", "ide1-hd1"};

static void watch_one(const struct drives *d, struct mon_blk *b, const char *name) {
    if (!b) return;
    struct blk *blk = blk_dev(b);
    blk->seen = d->seen;
    blk->seen_opaque = d->seen_opaque;
    blk->seen_name = name;
}

void drives_watch_all(struct drives *d) {
    static const char *const floppies[FDC_DRIVES] = {"floppy0", "floppy1"};
    static const char *const virtio[] = {"virtio0", "virtio1", "virtio2", "virtio3",
                                         "virtio4", "virtio5", "virtio6", "virtio7"};
    _Static_assert(sizeof virtio / sizeof virtio[0] == MON_VIRTIO_DISKS, "a name each");
    for (int i = 0; i < IDE_DRIVES; i++)
        watch_one(d, d->ide[i], d->cfg->cdrom && i == DRIVES_CD_PLACE ? "ide1-cd0" : drives_ide_names[i]);
    for (int i = 0; i < FDC_DRIVES; i++) watch_one(d, d->floppy[i], floppies[i]);
    for (int i = 0; i < MON_VIRTIO_DISKS; i++) watch_one(d, d->virtio[i], virtio[i]);
}

void drives_watch(struct drives *d, drives_seen *fn, void *opaque) {
    d->seen = fn;
    d->seen_opaque = opaque;
    drives_watch_all(d);
}
