/*
 * bootorder.h: the file by which firmware learns the order of single devices. Caller: firmware.
 */
#ifndef NOVT_MONITOR_BOOTORDER_H
#define NOVT_MONITOR_BOOTORDER_H

#include "devemu/dev.h"
#include "monitor/monitor.h"

/* Adds the file if any device has a place in the order (bootindex). */
enum dev_status bootorder_describe(struct dev *fw_cfg, const struct mon_config *cfg);
#endif
