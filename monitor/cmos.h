/*
 * cmos.h: the CMOS memory as PC firmware expects to find it. Caller: board.
 */
#ifndef NOVT_MONITOR_CMOS_H
#define NOVT_MONITOR_CMOS_H

#include "devemu/fdc82077.h"
#include "devemu/ide.h"
#include "monitor/monitor.h"

struct cmos_drives {
    enum fdc_type floppy[FDC_DRIVES];
    struct ide_geometry disk[IDE_DRIVES]; /* cylinders 0: no disk */
};

/* rtc: an mc146818. */
void cmos_fill(struct dev *rtc, uint64_t ram_bytes, unsigned cpus, const struct cmos_drives *drives);
/* What the firmware boots: see struct mon_drives_config. NULL: its usual order. */
void cmos_fill_boot_order(struct dev *rtc, const char *order);
bool cmos_boot_order_ok(const char *order);
/* What the clock shows less UTC, when it is started at `now`, which is UTC. */
int64_t cmos_rtc_offset(const struct mon_rtc_config *rtc, int64_t now);
#endif
