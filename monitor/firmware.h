/*
 * firmware.h: what the firmware is told about the machine, in CMOS memory and
 * fw_cfg, the kernel included that a boot ROM is to load. Caller: board.
 */
#ifndef NOVT_MONITOR_FIRMWARE_H
#define NOVT_MONITOR_FIRMWARE_H

#include "devemu/dev.h"

struct machine;

/* False: errbuf holds one line. */
bool firmware_prepare(struct machine *m, struct dev *rtc, struct dev *fw_cfg, unsigned cpus, char *errbuf,
                      size_t errlen);
/* The machine starts again: what was meant for the first start only is taken back. */
void firmware_rebooted(struct machine *m, struct dev *rtc);
#endif
