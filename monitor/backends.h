/*
 * backends.h: all character backends of a machine, one for each serial port,
 * the parallel port and the debug console.
 */
#ifndef NOVT_MONITOR_BACKENDS_H
#define NOVT_MONITOR_BACKENDS_H

#include "monitor/chr.h"

struct backends {
    struct mon_chr *serial[MON_SERIALS], *parallel, *debugcon; /* NULL: not open */
};

/* False: errbuf holds one line; what is open is closed by backends_close. */
bool backends_open(struct backends *b, const struct mon_config *cfg, const struct chr_host *host, char *errbuf,
                   size_t errlen);
void backends_close(struct backends *b);
/* Calls fn on each, NULL included. */
void backends_each(struct backends *b, void (*fn)(struct mon_chr *c));
#endif
