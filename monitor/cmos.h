/*
 * cmos.h: the CMOS memory as PC firmware expects to find it. Caller: board.
 */
#ifndef NOVT_MONITOR_CMOS_H
#define NOVT_MONITOR_CMOS_H

#include "devemu/fdc82077.h"
#include "devemu/ide.h"

struct cmos_drives {
    enum fdc_type floppy[FDC_DRIVES];
    struct ide_geometry disk[IDE_DRIVES]; /* cylinders 0: no disk */
    const char *boot;                     /* see struct mon_drives_config */
};

/* rtc: an mc146818. */
void cmos_fill(struct dev *rtc, uint64_t ram_bytes, unsigned cpus, const struct cmos_drives *drives);
#endif
