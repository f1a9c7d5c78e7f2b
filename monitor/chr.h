/*
 * chr.h: what is at the other end of a serial port or debug console.
 *
 * Backends: nothing, the process's stdin and stdout, a file, a listening unix
 * socket with one client at a time, a pseudo-terminal. Output is collected for
 * a moment and written without making a descriptor non-blocking that others
 * share. It is complete, except for a peer that is gone or does not read and a
 * disk that is full; then the machine goes on. Callers: machine (life), devices through struct dev_chr.
 */
#ifndef NOVT_MONITOR_CHR_H
#define NOVT_MONITOR_CHR_H

#include "devemu/dev.h"
#include "monitor/events.h"
#include "monitor/monitor.h"

struct mon_clock;
struct mon_chr;

/* What a backend needs of the machine. */
struct chr_host {
    struct mon_events *events;
    struct mon_clock *clock;
    void *opaque;
    void (*park)(void *opaque);     /* makes libc usable; may be NULL */
    void (*quit)(void *opaque);     /* the user asked for the end */
    bool (*stopping)(void *opaque); /* the run is ending: do not wait for slow readers */
};

/* name is for messages ("serial"). host must outlive the chr. NULL: errbuf holds one line. */
struct mon_chr *chr_open(const char *name, const struct mon_chr_config *cfg, const struct chr_host *host, char *errbuf,
                         size_t errlen);
/* Writes out everything: waits for a reader of stdout as long as it takes, unless we were told to stop; for a socket
 * client briefly. NULL is fine here and below. */
void chr_drain(struct mon_chr *c);
/* Drains and closes; the device that used chr_dev is gone. */
void chr_close(struct mon_chr *c);
/* For the device's configuration; NULL for a chr of kind none. */
struct dev_chr *chr_dev(struct mon_chr *c);
/* Writes out what the backend takes now. */
void chr_flush(struct mon_chr *c);
/* In a crash: writes what it can, with nothing but system calls. */
void chr_emergency_flush(struct mon_chr *c);
#endif
