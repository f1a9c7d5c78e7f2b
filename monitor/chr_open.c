/*
 * chr_open.c: creation and end of a character backend.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "monitor/chr_internal.h"
#include "monitor/clock.h"

enum { FAREWELL_MS = 200 }; /* how long the end waits for a socket client to take the rest */

static bool open_stdio(struct mon_chr *c) {
    c->in_fd = STDIN_FILENO;
    c->out_fd = STDOUT_FILENO;
    c->raw = terminal_raw(STDIN_FILENO);
    /* A terminal that others work at is not read: that would only stop us (SIGTTIN). */
    if (!c->raw && isatty(STDIN_FILENO)) c->in_fd = -1;
    return true;
}

static bool open_file(struct mon_chr *c, char *errbuf, size_t errlen) {
    c->own_fds = true;
    c->out_fd = open(c->path, O_WRONLY | O_CREAT | O_TRUNC | O_NOCTTY | O_CLOEXEC, 0666);
    if (c->out_fd < 0) snprintf(errbuf, errlen, "%s: cannot write %s: %s", c->name, c->path, strerror(errno));
    return c->out_fd >= 0;
}

static bool open_backend(struct mon_chr *c, char *errbuf, size_t errlen) {
    switch (c->kind) {
    case MON_CHR_NONE:
    case MON_CHR_NULL: return true;
    case MON_CHR_STDIO: return open_stdio(c);
    case MON_CHR_FILE: return open_file(c, errbuf, errlen);
    case MON_CHR_UNIX: return chr_unix_open(c, errbuf, errlen);
    case MON_CHR_PTY: return chr_pty_open(c, errbuf, errlen);
    }
    return false;
}

struct mon_chr *chr_open(const char *name, const struct mon_chr_config *cfg, const struct chr_host *host, char *errbuf,
                         size_t errlen) {
    struct mon_chr *c = calloc(1, sizeof *c);
    if (!c) {
        snprintf(errbuf, errlen, "%s: out of memory", name);
        return NULL;
    }
    c->name = name;
    c->host = host;
    c->kind = cfg->kind;
    c->path = cfg->path;
    c->in_fd = c->out_fd = c->listen_fd = c->peer_fd = -1;
    c->lossy = cfg->kind == MON_CHR_UNIX || cfg->kind == MON_CHR_PTY;
    chr_bind(c);
    if (!open_backend(c, errbuf, errlen)) {
        free(c);
        return NULL;
    }
    chr_watch_input(c);
    return c;
}

void chr_drain(struct mon_chr *c) {
    if (!c) return;
    bool hurry = c->lossy || (c->host->stopping && c->host->stopping(c->host->opaque));
    chr_flush(c);
    while (c->out_fd >= 0 && c->out.used) {
        struct pollfd p = {.fd = c->out_fd, .events = POLLOUT};
        int n = poll(&p, 1, hurry ? FAREWELL_MS : -1);
        if (n == 0 || (n < 0 && errno != EINTR)) return;
        chr_flush(c);
        if (c->host->stopping && c->host->stopping(c->host->opaque)) hurry = true;
    }
}

void chr_close(struct mon_chr *c) {
    if (!c) return;
    chr_drain(c);
    clock_cancel(c->host->clock, &c->flush_timer);
    events_watch(c->host->events, &c->in_src, 0);
    events_watch(c->host->events, &c->out_src, 0);
    if (c->kind == MON_CHR_UNIX) chr_unix_close(c);
    if (c->own_fds && c->in_fd >= 0 && c->in_fd != c->out_fd) close(c->in_fd);
    if (c->own_fds && c->out_fd >= 0) close(c->out_fd);
    if (c->peer_fd >= 0) close(c->peer_fd);
    if (c->raw) terminal_restore();
    free(c);
}
