/*
 * cmos.h: the CMOS memory as PC firmware expects to find it. Caller: board.
 */
#ifndef NOVT_MONITOR_CMOS_H
#define NOVT_MONITOR_CMOS_H

#include "devemu/dev.h"

/* rtc: an mc146818. */
void cmos_fill(struct dev *rtc, uint64_t ram_bytes, unsigned cpus);
#endif
