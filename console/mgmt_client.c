/*
 * mgmt_client.c: one connection: bytes in, messages out, and when to give up on it.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "console/mgmt_internal.h"

enum {
    READ_MAX = 16 << 10,
    QUEUE_PAUSE = 64 << 10, /* bytes that wait before we read on */
    QUEUE_MAX = 16 << 20,   /* ... before it is dropped */
    PATIENCE_MS = 10000,    /* for a client that takes nothing */
    FAREWELL_MS = 200,
    SWEEP_MS = 1000,
    TYPE_MS = 20, /* a guest that does not read is asked again so often */
};

uint64_t mgmt_now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- Watching ---- */

/* Errors are always told; that bit makes *watched differ from that of a descriptor not yet known to epoll. */
bool mgmt_watch(struct mgmt *g, int fd, struct mgmt_source *s, uint32_t *watched, uint32_t events) {
    struct epoll_event e = {.events = events | EPOLLERR, .data.ptr = s};
    if (e.events == *watched) return true;
    if (epoll_ctl(g->epoll_fd, *watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e)) return false;
    *watched = e.events;
    return true;
}

static void watch(struct mgmt_client *c) {
    bool busy = c->out.len >= QUEUE_PAUSE || c->typed.len || c->unread.len;
    uint32_t in = busy || c->ended ? 0 : EPOLLIN, out = c->out.len ? EPOLLOUT : 0;
    if (c->fd >= 0 && !mgmt_watch(c->g, c->fd, &c->source, &c->watched, in | out)) mgmt_client_drop(c);
}

void mgmt_client_drop(struct mgmt_client *c) {
    if (c->fd < 0) return;
    close(c->fd); /* epoll forgets it */
    c->fd = -1;
}

/* ---- Out ---- */

static void flush(struct mgmt_client *c) {
    while (c->fd >= 0 && c->out.len) {
        ssize_t n = send(c->fd, c->out.at, c->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n <= 0) {
            if (errno != EAGAIN && errno != EINTR) mgmt_client_drop(c);
            return;
        }
        mgmt_text_drop(&c->out, (size_t)n);
        c->moved_ms = mgmt_now_ms();
    }
}

bool mgmt_client_has_room(const struct mgmt_client *c) { return c->out.len < QUEUE_PAUSE; }

void mgmt_client_send_raw(struct mgmt_client *c, const void *bytes, size_t n) {
    if (!c->out.len) c->moved_ms = mgmt_now_ms();
    mgmt_text_add(&c->out, bytes, n);
    if (c->out.failed || c->out.len > QUEUE_MAX) {
        mgmt_client_drop(c);
        return;
    }
    flush(c);
    watch(c);
}

void mgmt_client_send(struct mgmt_client *c, const json_t *message) {
    char *text = json_dumps(message, JSON_COMPACT | JSON_ENSURE_ASCII);
    struct mgmt_text line = {0};
    if (text) mgmt_text_add(&line, text, strlen(text));
    mgmt_text_add(&line, "\r\n", 2);
    if (text && !line.failed)
        mgmt_client_send_raw(c, line.at, line.len);
    else
        mgmt_client_drop(c);
    mgmt_text_free(&line);
    free(text);
}

/* ---- In ---- */

/* The end of the line in which the connection became the serial line, as far as it has come. */
static size_t line_end(const char *bytes, size_t n) {
    if (n && bytes[0] == '\n') return 1;
    return n > 1 && bytes[0] == '\r' && bytes[1] == '\n' ? 2 : 0;
}

static size_t take_message(struct mgmt_client *c, const char *bytes, size_t n) {
    size_t used;
    enum mgmt_frame_found found = mgmt_frame_take(&c->frame, bytes, n, &used);
    if (found == MGMT_FRAME_MESSAGE)
        mgmt_session_message(c, c->frame.text, c->frame.len);
    else if (found)
        mgmt_session_broken(c, found);
    return c->mode == MGMT_LINE ? used + line_end(bytes + used, n - used) : used;
}

/* What comes while much waits to be sent is kept for later. */
static void take(struct mgmt_client *c, const char *bytes, size_t n) {
    while (n && c->fd >= 0 && c->mode != MGMT_LINE && mgmt_client_has_room(c)) {
        size_t used = c->mode == MGMT_TEXT ? mgmt_hmp_take(c, bytes, n) : take_message(c, bytes, n);
        bytes += used;
        n -= used;
    }
    if (n && c->fd >= 0 && c->mode != MGMT_LINE) mgmt_text_add(&c->unread, bytes, n);
    if (n && c->fd >= 0 && c->mode == MGMT_LINE) mgmt_serial_input(c, bytes, n);
}

static void take_unread(struct mgmt_client *c) {
    struct mgmt_text t = c->unread;
    c->unread = (struct mgmt_text){0};
    take(c, t.at, t.len);
    mgmt_text_free(&t);
}

static void readable(struct mgmt_client *c) {
    char bytes[READ_MAX];
    ssize_t n = recv(c->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0)
        take(c, bytes, (size_t)n);
    else if (n == 0)
        c->ended = true;
    else if (errno != EAGAIN && errno != EINTR)
        mgmt_client_drop(c);
}

static void ready(struct mgmt_source *s, uint32_t events) {
    struct mgmt_client *c = (struct mgmt_client *)s;
    if (events & EPOLLOUT) flush(c);
    if (c->unread.len && mgmt_client_has_room(c)) take_unread(c);
    if (c->mode == MGMT_LINE) mgmt_serial_pump(c);
    if (c->fd >= 0 && events & EPOLLIN)
        readable(c);
    else if (c->fd >= 0 && events & (EPOLLHUP | EPOLLERR))
        mgmt_client_drop(c);
    if (c->ended && !c->out.len && !c->unread.len && !c->typed.len) mgmt_client_drop(c);
    watch(c);
}

/* ---- Life ---- */

static const char crowded[] =
    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"too many clients are connected\"}}\r\n";

static struct mgmt_client *add_client(struct mgmt *g, int fd, enum mgmt_mode mode) {
    struct mgmt_client *c = g->clients < MGMT_CLIENTS ? calloc(1, sizeof *c) : NULL;
    if (!c) return NULL;
    *c = (struct mgmt_client){
        .source = {ready}, .g = g, .fd = fd, .moved_ms = mgmt_now_ms(), .mode = mode, .next = g->client};
    g->client = c;
    g->clients++;
    watch(c);
    return c;
}

bool mgmt_client_open_line(struct mgmt *g, int fd) {
    struct mgmt_client *c = add_client(g, fd, MGMT_LINE);
    if (c)
        mgmt_serial_pump(c); /* from the beginning of what is kept */
    else
        close(fd);
    return c;
}

struct mgmt_client *mgmt_client_open(struct mgmt *g, int fd, bool text) {
    struct mgmt_client *c = add_client(g, fd, text ? MGMT_TEXT : MGMT_PROTOCOL);
    if (!c) {
        send(fd, crowded, sizeof crowded - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
        close(fd);
        return NULL;
    }
    if (text)
        mgmt_hmp_greet(c);
    else
        mgmt_session_greet(c);
    return c;
}

static void free_client(struct mgmt_client *c) {
    mgmt_client_drop(c);
    mgmt_frame_free(&c->frame);
    mgmt_text_free(&c->out);
    mgmt_text_free(&c->typed);
    mgmt_text_free(&c->unread);
    mgmt_text_free(&c->line);
    c->g->clients--;
    free(c);
}

/* Nothing is read while something waits to be typed. */
static bool type_rest(struct mgmt_client *c) {
    bool done = mgmt_serial_type(c);
    if (done) watch(c);
    return done;
}

int mgmt_clients_sweep(struct mgmt *g) {
    uint64_t now = mgmt_now_ms();
    int again = -1;
    for (struct mgmt_client **at = &g->client; *at;) {
        struct mgmt_client *c = *at;
        if (c->out.len && now - c->moved_ms > PATIENCE_MS) mgmt_client_drop(c);
        if (c->fd >= 0 && c->out.len && again < 0) again = SWEEP_MS;
        if (c->fd >= 0 && c->typed.len && !type_rest(c)) again = TYPE_MS;
        if (c->fd < 0) {
            *at = c->next;
            free_client(c);
        } else {
            at = &c->next;
        }
    }
    return again;
}

void mgmt_clients_close(struct mgmt *g) {
    uint64_t until = mgmt_now_ms() + FAREWELL_MS;
    for (struct mgmt_client *c; (c = g->client);) {
        for (uint64_t now; c->fd >= 0 && c->out.len && (now = mgmt_now_ms()) < until; flush(c)) {
            struct pollfd p = {.fd = c->fd, .events = POLLOUT};
            poll(&p, 1, (int)(until - now));
        }
        g->client = c->next;
        free_client(c);
    }
}
