/*
 * smbios.h: the machine's name plates: hands texts and UUID to the firmware,
 * which builds the SMBIOS tables.
 */
#ifndef NOVT_MONITOR_SMBIOS_H
#define NOVT_MONITOR_SMBIOS_H

#include "devemu/dev.h"
#include "monitor/monitor.h"

enum dev_status smbios_describe(struct dev *fw_cfg, const struct mon_smbios_config *cfg);
#endif
