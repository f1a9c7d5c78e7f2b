/*
 * chr_internal.h: struct mon_chr, shared by the files of chr (chr.c: queues,
 * chr_open.c: life, chr_unix.c: the listening socket, chr_pty.c).
 */
#ifndef NOVT_MONITOR_CHR_INTERNAL_H
#define NOVT_MONITOR_CHR_INTERNAL_H

#include "monitor/chr.h"
#include "monitor/ring.h"
#include "monitor/terminal.h"

struct mon_chr {
    struct dev_chr dev;
    const char *name;
    const struct chr_host *host;
    enum mon_chr_kind kind;
    int in_fd, out_fd;  /* -1: none at present */
    int listen_fd;      /* unix socket; else -1 */
    const char *path;   /* of the unix socket */
    bool own_fds;       /* stdio is not ours to close */
    bool lossy;         /* somebody may read, or nobody: output is not waited for */
    int peer_fd;        /* pty: our own end of the terminal side, so that it never hangs up; else -1 */
    bool raw;           /* stdin is a terminal in raw mode */
    bool in_unpollable; /* a regular file: always ready */
    bool warned;        /* one line about lost output was printed */
    struct terminal_escape escape;
    struct events_source in_src, out_src, listen_src;
    struct dev_timer flush_timer; /* runs while unwritten output waits */
    struct ring out, in;
};

/* Installs the callbacks of c->dev, the sources and the timer. */
void chr_bind(struct mon_chr *c);
/* The peer is gone or the device is full: says so once, drops what is queued. */
void chr_lose_output(struct mon_chr *c, const char *why);
/* Reads input, hands it to the device. */
void chr_pump_input(struct mon_chr *c);
/* Starts or stops watching in_fd, by whether there is room for input. */
void chr_watch_input(struct mon_chr *c);
/* No more input, or no more peer. */
void chr_input_ended(struct mon_chr *c);

/* chr_pty.c */
bool chr_pty_open(struct mon_chr *c, char *errbuf, size_t errlen);

bool chr_unix_open(struct mon_chr *c, char *errbuf, size_t errlen);
void chr_unix_close(struct mon_chr *c);
/* The client hung up: wait for the next. */
void chr_unix_client_gone(struct mon_chr *c);
#endif
