/* gdb.c: the debugger's thread: its socket, its client, packets in and out. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include "monitor/gdb_internal.h"

enum { SEND_S = 10 };

/* ---- Out ---- */

static void write_out(struct gdb *g) {
    for (size_t at = 0; at < g->out_len && !g->gone;) {
        ssize_t n = send(g->client, g->out + at, g->out_len - at, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0)
            g->gone = true; /* also one that does not read */
        else
            at += (size_t)n;
    }
}

void gdb_send(struct gdb *g, const char *text, size_t len) {
    uint8_t sum = 0;
    char *p = g->out;
    *p++ = '$';
    for (size_t i = 0; i < len && i < 2 * GDB_PACKET_MAX; i++) sum = (uint8_t)(sum + (uint8_t)(*p++ = text[i]));
    p += snprintf(p, 4, "#%02x", sum);
    g->out_len = (size_t)(p - g->out);
    write_out(g);
}

static void acknowledge(struct gdb *g, char sign) {
    if (!g->no_ack && send(g->client, &sign, 1, MSG_NOSIGNAL) != 1) g->gone = true;
}

/* ---- In ---- */

enum { BETWEEN, INSIDE, FIRST_DIGIT, SECOND_DIGIT };

static void packet_ends(struct gdb *g, char second) {
    char digits[3] = {g->sum_digit, second, 0}, *end;
    bool right = strtoul(digits, &end, 16) == g->sum && !*end;
    g->state = BETWEEN;
    if (!right || g->too_long) {
        acknowledge(g, '-');
        return;
    }
    acknowledge(g, '+');
    if (!g->waiting) gdb_command(g, g->in, g->in_len); /* a client that waits has nothing to say but Ctrl-C */
}

static void packet_begins(struct gdb *g) {
    g->state = INSIDE;
    g->in_len = g->sum = 0;
    g->too_long = false;
}

static void take(struct gdb *g, char c) {
    switch (g->state) {
    case BETWEEN:
        if (c == '$') packet_begins(g);
        if (c == '-') write_out(g);
        if (c == 3) gdb_interrupt(g);
        break;
    case INSIDE:
        if (c == '#') {
            g->state = FIRST_DIGIT;
        } else if (c == '$') {
            packet_begins(g);
        } else {
            g->sum = (uint8_t)(g->sum + (uint8_t)c);
            g->too_long |= g->in_len == GDB_PACKET_MAX;
            if (!g->too_long) g->in[g->in_len++] = c;
        }
        break;
    case FIRST_DIGIT:
        g->sum_digit = c;
        g->state = SECOND_DIGIT;
        break;
    default: packet_ends(g, c); break;
    }
}

static void read_client(struct gdb *g) {
    char bytes[4096];
    ssize_t n = recv(g->client, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (n <= 0) g->gone = true;
    for (ssize_t i = 0; i < n && !g->gone; i++) take(g, bytes[i]);
}

/* ---- Clients ---- */

static void drop_client(struct gdb *g) {
    gdb_forget(g);
    close(g->client);
    g->client = -1;
}

/* gdb expects a target that stands still. */
static void accept_client(struct gdb *g) {
    const int one = 1;
    const struct timeval patience = {.tv_sec = SEND_S};
    static struct gdb_request r;
    int fd = accept4(g->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) return;
    if (g->client >= 0) { /* one at a time */
        close(fd);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    g->client = fd;
    g->state = BETWEEN;
    g->waiting = g->no_ack = g->gone = false;
    g->out_len = 0;
    memset(&r, 0, sizeof r);
    r.g = g;
    r.op = GDB_STOP;
    if (mailbox_ask(&g->m->mailbox, gdb_do, &r, sizeof r, SEND_S * 1000) != MAILBOX_DONE) g->gone = true;
    g->was_running = r.go;
    g->stop = (struct gdb_stop){.signal = GDB_SIGTRAP};
}

static void machine_stopped(struct gdb *g) {
    eventfd_t n;
    if (!eventfd_read(g->stop_fd, &n) && g->waiting) gdb_send_stop(g);
}

static void farewell(struct gdb *g) {
    char text[8];
    int n = snprintf(text, sizeof text, "W%02x", (unsigned)g->exit_code & 0xFF);
    if (g->client < 0) return;
    if (g->waiting) gdb_send(g, text, (size_t)n);
    close(g->client);
}

static void *serve(void *opaque) {
    struct gdb *g = opaque;
    for (;;) {
        struct pollfd fds[] = {{g->quit_fd, POLLIN, 0},
                               {g->listen_fd, POLLIN, 0},
                               {g->stop_fd, POLLIN, 0},
                               {g->client, POLLIN, 0}}; /* -1 is passed over */
        if (poll(fds, 4, -1) < 0) continue;
        if (fds[0].revents) break;
        if (fds[2].revents) machine_stopped(g);
        if (fds[3].revents) read_client(g);
        if (g->client >= 0 && g->gone) drop_client(g);
        if (fds[1].revents) accept_client(g);
    }
    farewell(g);
    return NULL;
}

/* ---- Life ---- */

static bool bind_tcp(struct gdb *g, const char *where) {
    struct sockaddr_in a = {.sin_family = AF_INET};
    char host[64], *end;
    const char *colon = strrchr(where, ':');
    const int one = 1;
    size_t n = colon ? (size_t)(colon - where) : 0;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    errno = EINVAL;
    if (!colon || n >= sizeof host || !colon[1] || *end || !port || port > 65535) return false;
    memcpy(host, where, n);
    host[n] = 0;
    a.sin_port = htons((uint16_t)port);
    if (inet_pton(AF_INET, n ? host : "127.0.0.1", &a.sin_addr) != 1) return false;
    g->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (g->listen_fd < 0) return false;
    setsockopt(g->listen_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    return !bind(g->listen_fd, (const struct sockaddr *)&a, sizeof a) && !listen(g->listen_fd, 1);
}

static bool bind_unix(struct gdb *g, const char *path) {
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof a.sun_path || !*path) return false;
    strcpy(a.sun_path, path);
    g->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (g->listen_fd < 0 || bind(g->listen_fd, (const struct sockaddr *)&a, sizeof a)) return false;
    strcpy(g->unix_path, path);
    return !listen(g->listen_fd, 1);
}

/* All signals belong to the vCPU thread. */
static bool start_thread(struct gdb *g) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    errno = pthread_create(&g->thread, NULL, serve, g);
    g->started = errno == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return g->started;
}

struct gdb *gdb_open(struct machine *m, const char *where, char *errbuf, size_t errlen) {
    struct gdb *g = calloc(1, sizeof *g);
    if (!g) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    g->m = m;
    g->listen_fd = g->client = -1;
    g->quit_fd = eventfd(0, EFD_CLOEXEC);
    g->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    bool bound = strncmp(where, "unix:", 5) ? bind_tcp(g, where + 4) : bind_unix(g, where + 5);
    if (bound && g->quit_fd >= 0 && g->stop_fd >= 0 && start_thread(g)) return g;
    snprintf(errbuf, errlen, "gdb: cannot listen at %s: %s", where, strerror(errno));
    gdb_close(g, 0);
    return NULL;
}

static void close_fd(int fd) {
    if (fd >= 0) close(fd);
}

void gdb_close(struct gdb *g, int code) {
    if (!g) return;
    if (g->started) {
        g->exit_code = code;
        eventfd_write(g->quit_fd, 1);
        pthread_join(g->thread, NULL);
    }
    close_fd(g->listen_fd);
    close_fd(g->quit_fd);
    close_fd(g->stop_fd);
    if (*g->unix_path) unlink(g->unix_path);
    free(g);
}
