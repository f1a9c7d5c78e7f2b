/*
 * chr_unix.c: the unix socket backend: listens, serves one client at a time.
 */
#include "monitor/chr_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static bool fail(char *errbuf, size_t errlen, const struct mon_chr *c, const char *why) {
    snprintf(errbuf, errlen, "%s: cannot listen on %s: %s", c->name, c->path, why);
    return false;
}

static void client_arrived(void *opaque, uint32_t ready) {
    struct mon_chr *c = opaque;
    (void)ready;
    int fd = accept4(c->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) return;
    c->in_fd = fd;
    c->out_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* epoll watches a descriptor once, and there are two directions */
    if (c->out_fd < 0) c->out_fd = fd;
    events_watch(c->host->events, &c->listen_src, 0); /* others wait in the backlog */
    chr_watch_input(c);
    chr_flush(c);
}

void chr_unix_client_gone(struct mon_chr *c) {
    events_watch(c->host->events, &c->in_src, 0);
    events_watch(c->host->events, &c->out_src, 0);
    if (c->in_fd >= 0) close(c->in_fd);
    if (c->out_fd >= 0 && c->out_fd != c->in_fd) close(c->out_fd);
    c->in_fd = c->out_fd = -1;
    events_watch(c->host->events, &c->listen_src, EPOLLIN);
}

/* A socket that nobody listens on is left over from a run that died; anything else is not ours to remove. */
static bool remove_stale(const struct sockaddr_un *a) {
    struct stat st;
    if (lstat(a->sun_path, &st)) return true;
    if (!S_ISSOCK(st.st_mode)) return false;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool dead = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) && errno == ECONNREFUSED;
    if (fd >= 0) close(fd);
    return dead && !unlink(a->sun_path);
}

bool chr_unix_open(struct mon_chr *c, char *errbuf, size_t errlen) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(c->path) >= sizeof a.sun_path) return fail(errbuf, errlen, c, "the path is too long");
    strcpy(a.sun_path, c->path);
    if (!remove_stale(&a)) return fail(errbuf, errlen, c, "the file exists or the socket is in use");
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return fail(errbuf, errlen, c, strerror(errno));
    if (bind(fd, (const struct sockaddr *)&a, sizeof a) || listen(fd, 1)) {
        int error = errno;
        close(fd);
        return fail(errbuf, errlen, c, strerror(error));
    }
    c->listen_fd = fd;
    c->listen_src = (struct events_source){.fd = fd, .fn = client_arrived, .opaque = c};
    return events_watch(c->host->events, &c->listen_src, EPOLLIN) || fail(errbuf, errlen, c, strerror(errno));
}

void chr_unix_close(struct mon_chr *c) {
    if (c->listen_fd < 0) return;
    chr_unix_client_gone(c);
    events_watch(c->host->events, &c->listen_src, 0);
    close(c->listen_fd);
    c->listen_fd = -1;
    unlink(c->path);
}
