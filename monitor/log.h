/*
 * log.h: the --log categories: one line per event to stderr or a file.
 *
 * Callers: all of monitor, devices through struct dev_host. A category that is
 * off costs one test and touches nothing; one that is on parks the guest's FPU
 * state first, because formatting is libc's.
 */
#ifndef NOVT_MONITOR_LOG_H
#define NOVT_MONITOR_LOG_H

#include <stdarg.h>
#include "monitor/monitor.h"

struct mon_log {
    unsigned mask; /* enum mon_log_category bits */
    int fd;
    bool own_fd, failed;        /* failed: a write error was reported, once */
    void (*park)(void *opaque); /* makes libc usable; may be NULL */
    void *park_opaque;
};

/* file NULL: stderr. False: cannot be opened, errno tells. */
bool log_open(struct mon_log *l, unsigned mask, const char *file);
void log_close(struct mon_log *l);

void log_write(struct mon_log *l, enum mon_log_category cat, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_vwrite(struct mon_log *l, enum mon_log_category cat, const char *subject, const char *fmt, va_list ap);

/* The category of a name ("exit", "irq", ...); 0 if there is none. */
unsigned log_category(const char *name, size_t len);

#define MON_LOG(l, cat, ...)                                                                                           \
    do {                                                                                                               \
        if ((l)->mask & (cat)) log_write((l), (cat), __VA_ARGS__);                                                     \
    } while (0)
#endif
