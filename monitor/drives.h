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

struct drives;
/* cfg outlives it. NULL: errbuf holds one line. */
struct drives *drives_open(const struct mon_drives_config *cfg, struct mon_events *events, char *errbuf, size_t errlen);
/* After the devices are gone. NULL is nothing. */
void drives_close(struct drives *d);
void drives_describe_ide(const struct drives *d, struct ide_drive_config out[IDE_DRIVES]);
void drives_describe_fdc(const struct drives *d, struct fdc_drive_config out[FDC_DRIVES]);
/* The n-th virtio disk, or NULL. */
struct blk *drives_virtio(const struct drives *d, int n);
void drives_describe_cmos(const struct drives *d, struct cmos_drives *out);
/* What can be checked without the files. */
bool drives_check(const struct mon_drives_config *cfg, char *errbuf, size_t errlen);
#endif
