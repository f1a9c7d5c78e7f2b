/*
 * drives.h: the drives of the machine: images opened as configured, and who gets which place.
 *
 * Disks take the places primary master, primary slave, secondary slave; the secondary master is the CD-ROM
 * drive's, or the fourth disk's where there is none. Virtio disks take PCI slots of their own. Callers: machine, board.
 */
#ifndef NOVT_MONITOR_DRIVES_H
#define NOVT_MONITOR_DRIVES_H

#include "devemu/fdc82077.h"
#include "devemu/ide.h"
#include "monitor/cmos.h"
#include "monitor/events.h"
#include "monitor/monitor.h"

/* Drives whose medium can be changed while the machine runs. */
enum drives_medium { DRIVES_CDROM, DRIVES_FLOPPY0, DRIVES_FLOPPY1, DRIVES_MEDIA };
enum drives_change { DRIVES_CHANGED, DRIVES_LOCKED /* by the guest, which has been asked */, DRIVES_FAILED };

struct drives;
/* cfg outlives it. NULL: errbuf holds one line. */
struct drives *drives_open(const struct mon_drives_config *cfg, struct mon_events *events, char *errbuf, size_t errlen);
/* After the devices are gone. NULL is nothing. */
void drives_close(struct drives *d);
/* ---- Media (drives_media.c); all on the vCPU thread ---- */
/* "cdrom", "floppy0", "floppy1"; DRIVES_MEDIA: none of them. */
enum drives_medium drives_medium_parse(const char *name, size_t len);
/* The board's devices, once they are there. */
void drives_connect(struct drives *d, struct dev *ide, struct dev *fdc);
/* Takes the medium out, with force from a locked drive as well. FAILED: errbuf holds one line. */
enum drives_change drives_eject(struct drives *d, enum drives_medium which, bool force, char *errbuf, size_t errlen);
/* Opens an image in the background and puts it in place of what is in the drive. image->path is copied. done hears of
 * the end, and with FAILED of the reason. One at a time. False: errbuf holds one line, and done is not called. */
typedef void drives_done(void *opaque, enum drives_change result, const char *why);
bool drives_insert(struct drives *d, enum drives_medium which, const struct mon_disk_config *image, bool force,
                   drives_done *done, void *opaque, char *errbuf, size_t errlen);

/* fn is told of every request to an image, with the drive's name as QEMU has it; NULL: nobody. */
typedef void drives_seen(void *opaque, const char *name, int op /* enum blk_op */, uint64_t offset, uint32_t len);
void drives_watch(struct drives *d, drives_seen *fn, void *opaque);

void drives_describe_ide(const struct drives *d, struct ide_drive_config out[IDE_DRIVES]);
void drives_describe_fdc(const struct drives *d, struct fdc_drive_config out[FDC_DRIVES]);
/* The n-th virtio disk, or NULL. */
struct blk *drives_virtio(const struct drives *d, int n);
void drives_describe_cmos(const struct drives *d, struct cmos_drives *out);
/* What can be checked without the files. */
/* The n-th disk's place: which virtio disk it is, or on IDE 0 primary master to 3 secondary slave. */
enum { DRIVES_CD_PLACE = 2 };
unsigned drives_place(const struct mon_drives_config *cfg, unsigned n);
bool drives_check(const struct mon_drives_config *cfg, char *errbuf, size_t errlen);
#endif
