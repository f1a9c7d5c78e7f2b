/*
 * drives_internal.h: the drives, as drives.c opens them and drives_media.c changes what is in them.
 */
#ifndef NOVT_MONITOR_DRIVES_INTERNAL_H
#define NOVT_MONITOR_DRIVES_INTERNAL_H

#include "monitor/blk.h"
#include "monitor/drives.h"

enum { CD_UNIT = 2048 };

/* An image that was taken out and is being closed. */
struct retired {
    struct drives *d;
    struct mon_blk *blk;
    struct retired *next;
};

/* The insertion under way. */
struct insertion {
    bool active, force;
    enum drives_medium which;
    struct mon_disk_config image;
    char *path;
    struct mon_blk *blk; /* NULL: waits until what was taken out is closed: it may be the same file */
    drives_done *done;
    void *opaque;
};

struct drives {
    const struct mon_drives_config *cfg;
    struct mon_events *events;
    struct mon_blk *ide[IDE_DRIVES], *floppy[FDC_DRIVES], *virtio[MON_VIRTIO_DISKS];
    enum fdc_type floppy_type[FDC_DRIVES]; /* of the drive; FDC_NONE: there is none */
    struct dev *ide_dev, *fdc_dev;
    struct retired *retired;
    struct insertion insertion;
    drives_seen *seen; /* who is told of requests; NULL: nobody */
    void *seen_opaque;
};

/* QEMU's names for the places of IDE disks. */
extern const char *const drives_ide_names[IDE_DRIVES];
/* An image is in place: it tells who wants to know. */
void drives_watch_all(struct drives *d);

/* Waits for what is being closed and drops what is being opened. */
void drives_end_changes(struct drives *d);
#endif
