/*
 * mgmt_stdio.c: standard input and output as a connection of the console: a thread carries bytes between them and a
 * socket whose other end is a client like any other. So whoever reads slowly keeps nobody waiting but itself.
 *
 * Both descriptors are shared with others, so their modes are left alone: what is written at once fits into what poll
 * says there is room for.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "console/mgmt_internal.h"

enum { FAREWELL_MS = 500 };

struct mgmt_stdio {
    pthread_t thread;
    int fd; /* our end */
};

/* ---- The thread ---- */

static bool send_all(int fd, const char *bytes, size_t n) {
    while (n) {
        ssize_t done = send(fd, bytes, n, MSG_NOSIGNAL);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        bytes += done;
        n -= (size_t)done;
    }
    return true;
}

/* A pipe that has room takes PIPE_BUF bytes whole. False: nobody takes them. */
static bool print(const char *bytes, size_t n, int patience_ms) {
    while (n) {
        struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
        size_t part = n < PIPE_BUF ? n : PIPE_BUF;
        if (poll(&p, 1, patience_ms) <= 0 || p.revents & (POLLERR | POLLNVAL)) return false;
        ssize_t done = write(STDOUT_FILENO, bytes, part);
        if (done < 0 && errno != EINTR && errno != EAGAIN) return false;
        if (done > 0) bytes += done, n -= (size_t)done;
    }
    return true;
}

/* What the machine says; false: it is over. */
static bool from_machine(struct mgmt_stdio *s) {
    char bytes[PIPE_BUF];
    ssize_t n = recv(s->fd, bytes, sizeof bytes, 0);
    if (n < 0) return errno == EINTR;
    /* While nobody reads our output more may come, or the end, which must not wait for ever. */
    return n && print(bytes, (size_t)n, FAREWELL_MS);
}

static bool from_user(struct mgmt_stdio *s) {
    char bytes[PIPE_BUF];
    ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n < 0) return errno == EINTR || errno == EAGAIN;
    return n && send_all(s->fd, bytes, (size_t)n);
}

static void *carry(void *opaque) {
    struct mgmt_stdio *s = opaque;
    bool typing = true;
    for (;;) {
        struct pollfd p[] = {{s->fd, POLLIN, 0}, {typing ? STDIN_FILENO : -1, POLLIN, 0}};
        if (poll(p, 2, -1) < 0 && errno != EINTR) break;
        if (p[0].revents && !from_machine(s)) break;
        if (!p[1].revents || from_user(s)) continue;
        typing = false;
        shutdown(s->fd, SHUT_WR);
    }
    shutdown(s->fd, SHUT_RDWR); /* nobody is to write to us any more */
    return NULL;
}

/* ---- Life ---- */

static bool start(struct mgmt_stdio *s) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    errno = pthread_create(&s->thread, NULL, carry, s);
    bool ok = !errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ok;
}

bool mgmt_stdio_open(struct mgmt *g, bool text, char *errbuf, size_t errlen) {
    int pair[2];
    struct mgmt_stdio *s = calloc(1, sizeof *s);
    bool connected = s && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);
    if (connected) s->fd = pair[0];
    if (!connected || !start(s)) {
        snprintf(errbuf, errlen, "console: stdio: %s", strerror(errno));
        if (connected) close(pair[0]), close(pair[1]);
        free(s);
        return false;
    }
    g->stdio = s;
    mgmt_client_open(g, pair[1], text);
    return true;
}

/* The client's end is closed: what it had to say is on its way. */
void mgmt_stdio_close(struct mgmt *g) {
    if (!g->stdio) return;
    pthread_join(g->stdio->thread, NULL);
    close(g->stdio->fd);
    free(g->stdio);
    g->stdio = NULL;
}
