/*
 * config.h: what makes a mon_config acceptable. Caller: machine.
 */
#ifndef NOVT_MONITOR_CONFIG_H
#define NOVT_MONITOR_CONFIG_H

#include "monitor/monitor.h"

/* Everything that can be checked before anything is built. False: errbuf holds one line. */
bool config_check(const struct mon_config *c, char *errbuf, size_t errlen);
/* Path of the firmware to load; NULL: none was found, errbuf holds one line. */
const char *config_firmware(const struct mon_config *c, char *errbuf, size_t errlen);
/* Path of the display adapter's BIOS, likewise. */
const char *config_vga_rom(char *errbuf, size_t errlen);
#endif
