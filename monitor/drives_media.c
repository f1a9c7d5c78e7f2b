/*
 * drives_media.c: media in and out of drives while the machine runs.
 *
 * The old image leaves the device first and is closed by its worker, the new one is opened by its own: the guest
 * never waits for either. An insertion that the guest's lock forbids is over; the caller may ask again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "monitor/drives_internal.h"

static const char *const names[DRIVES_MEDIA] = {"cdrom", "floppy0", "floppy1"};

enum drives_medium drives_medium_parse(const char *name, size_t len) {
    int i = 0;
    while (i < DRIVES_MEDIA && (strlen(names[i]) != len || memcmp(names[i], name, len))) i++;
    return (enum drives_medium)i;
}

void drives_connect(struct drives *d, struct dev *ide, struct dev *fdc) {
    d->ide_dev = ide;
    d->fdc_dev = fdc;
}

static struct mon_blk **slot_of(struct drives *d, enum drives_medium which) {
    return which == DRIVES_CDROM ? &d->ide[DRIVES_CD_PLACE] : &d->floppy[which - DRIVES_FLOPPY0];
}

static bool drive_exists(const struct drives *d, enum drives_medium which) {
    if (which == DRIVES_CDROM) return d->ide_dev && d->cfg->cdrom;
    return d->fdc_dev && d->floppy_type[which - DRIVES_FLOPPY0] != FDC_NONE;
}

static bool check_drive(const struct drives *d, enum drives_medium which, char *errbuf, size_t errlen) {
    if (drive_exists(d, which)) return true;
    snprintf(errbuf, errlen, "the machine has no drive %s", names[which]);
    return false;
}

/* ---- Out ---- */

static void start_opening(struct drives *d);

static void retired_closed(void *opaque) {
    struct retired *r = opaque, **at;
    struct drives *d = r->d;
    for (at = &d->retired; *at != r; at = &(*at)->next) {}
    *at = r->next;
    blk_close(r->blk);
    free(r);
    if (!d->retired && d->insertion.active && !d->insertion.blk) start_opening(d);
}

static void retire(struct drives *d, struct mon_blk *b) {
    struct retired *r = b ? malloc(sizeof *r) : NULL;
    if (!r) {
        blk_close(b);
        return;
    }
    *r = (struct retired){.d = d, .blk = b, .next = d->retired};
    d->retired = r;
    blk_retire(b, retired_closed, r);
}

/* False: the guest has locked the drive. */
static bool exchange(struct drives *d, enum drives_medium which, struct mon_blk *b, bool force) {
    struct mon_blk **slot = slot_of(d, which), *old = *slot;
    if (which != DRIVES_CDROM)
        fdc_change(d->fdc_dev, (int)(which - DRIVES_FLOPPY0), blk_dev(b));
    else if (!ide_cd_change(d->ide_dev, DRIVES_CD_PLACE, blk_dev(b), force))
        return false;
    *slot = b;
    drives_watch_all(d);
    retire(d, old);
    return true;
}

enum drives_change drives_eject(struct drives *d, enum drives_medium which, bool force, char *errbuf, size_t errlen) {
    if (!check_drive(d, which, errbuf, errlen)) return DRIVES_FAILED;
    if (!*slot_of(d, which)) return DRIVES_CHANGED;
    return exchange(d, which, NULL, force) ? DRIVES_CHANGED : DRIVES_LOCKED;
}

/* ---- In ---- */

static void finish(struct drives *d, enum drives_change result, const char *why) {
    struct insertion in = d->insertion;
    d->insertion = (struct insertion){0};
    if (result != DRIVES_CHANGED) retire(d, in.blk);
    in.done(in.opaque, result, why);
    free(in.path);
}

static bool fits(const struct drives *d, char *errbuf, size_t errlen) {
    const struct insertion *in = &d->insertion;
    if (!blk_is_open(in->blk, errbuf, errlen)) return false;
    if (in->which == DRIVES_CDROM) return true;
    enum fdc_type drive = d->floppy_type[in->which - DRIVES_FLOPPY0];
    if (fdc_drive_reads(drive, blk_dev(in->blk)->size)) return true;
    snprintf(errbuf, errlen, "floppy image %s: does not fit the drive", in->path);
    return false;
}

static void opened(void *opaque) {
    struct drives *d = opaque;
    struct insertion *in = &d->insertion;
    char why[512] = "";
    if (!fits(d, why, sizeof why))
        finish(d, DRIVES_FAILED, why);
    else if (exchange(d, in->which, in->blk, in->force))
        finish(d, DRIVES_CHANGED, NULL);
    else
        finish(d, DRIVES_LOCKED, NULL);
}

static void start_opening(struct drives *d) {
    struct insertion *in = &d->insertion;
    bool cd = in->which == DRIVES_CDROM;
    struct blk_config bc = {.path = in->path,
                            .format = in->image.format,
                            .read_only = in->image.read_only || cd,
                            .snapshot = in->image.snapshot || d->cfg->snapshot,
                            .unit = cd ? CD_UNIT : BLK_SECTOR};
    in->blk = blk_open_start(&bc, d->events, opened, d);
    if (!in->blk) finish(d, DRIVES_FAILED, strerror(errno));
}

bool drives_insert(struct drives *d, enum drives_medium which, const struct mon_disk_config *image, bool force,
                   drives_done *done, void *opaque, char *errbuf, size_t errlen) {
    if (!check_drive(d, which, errbuf, errlen)) return false;
    char *path = d->insertion.active ? NULL : strdup(image->path);
    if (!path) {
        snprintf(errbuf, errlen, "%s", d->insertion.active ? "another medium is being inserted" : "out of memory");
        return false;
    }
    d->insertion = (struct insertion){
        .active = true, .force = force, .which = which, .image = *image, .path = path, .done = done, .opaque = opaque};
    if (!d->retired) start_opening(d);
    return true;
}

void drives_end_changes(struct drives *d) {
    for (struct retired *r; (r = d->retired);) {
        d->retired = r->next;
        blk_close(r->blk);
        free(r);
    }
    blk_close(d->insertion.blk);
    free(d->insertion.path);
}
