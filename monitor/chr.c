/*
 * chr.c: the queues between a device and its backend.
 */
#include "monitor/chr_internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "monitor/clock.h"
#include "monitor/hostsys.h"

enum {
    FLUSH_DELAY_NS = 1000000, /* output of one millisecond goes out in one write */
    FLUSH_BYTES = 2048,       /* or as soon as there is this much */
    WRITE_MAX = 4096,         /* PIPE_BUF: a pipe that is ready takes this much without blocking */
};

static void park(const struct mon_chr *c) {
    if (c->host->park) c->host->park(c->host->opaque);
}

static bool stopping(const struct mon_chr *c) { return c->host->stopping && c->host->stopping(c->host->opaque); }

/* ---- Output ---- */

void chr_lose_output(struct mon_chr *c, const char *why) {
    if (!c->warned) fprintf(stderr, "novt: %s output is lost: %s\n", c->name, why);
    c->warned = true;
    ring_drop(&c->out, c->out.used);
}

static bool can_write(int fd, int timeout_ms) {
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    return poll(&p, 1, timeout_ms) > 0;
}

/* One write of what is queued. False: nothing more can be written now. */
static bool write_some(struct mon_chr *c) {
    size_t len;
    const uint8_t *p = ring_peek(&c->out, &len);
    ssize_t n = write(c->out_fd, p, len < WRITE_MAX ? len : WRITE_MAX);
    if (n > 0) {
        ring_drop(&c->out, (size_t)n);
        return true;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return false;
    if (c->kind == MON_CHR_UNIX)
        chr_unix_client_gone(c);
    else
        chr_lose_output(c, strerror(n < 0 ? errno : ENOSPC));
    return false;
}

static void watch_output(struct mon_chr *c) {
    if (c->out_fd < 0) return;
    c->out_src.fd = c->out_fd;
    events_watch(c->host->events, &c->out_src, c->out.used ? EPOLLOUT : 0);
}

void chr_flush(struct mon_chr *c) {
    if (!c || !c->out.used) return;
    clock_cancel(c->host->clock, &c->flush_timer);
    while (c->out_fd >= 0 && c->out.used && can_write(c->out_fd, 0) && write_some(c)) {}
    watch_output(c);
}

static void flush_due(void *opaque, uint64_t now_ns) {
    struct mon_chr *c = opaque;
    (void)now_ns;
    park(c);
    chr_flush(c);
}

static void output_ready(void *opaque, uint32_t ready) {
    (void)ready;
    chr_flush(opaque);
}

/* The queue is full. A slow reader of stdout is waited for; the client of a socket or terminal that does not read,
 * or is not there, loses the oldest output. */
static void make_room(struct mon_chr *c) {
    if (!c->out_src.interest) chr_flush(c);
    while (!ring_room(&c->out) && !c->lossy && !stopping(c)) {
        can_write(c->out_fd, -1); /* a signal ends the wait */
        chr_flush(c);
    }
    if (!ring_room(&c->out)) ring_drop(&c->out, 1);
}

static void chr_write(void *opaque, const uint8_t *buf, size_t len) {
    struct mon_chr *c = opaque;
    if (c->kind == MON_CHR_NULL) return;
    park(c);
    for (size_t i = 0; i < len; i++) {
        if (!ring_room(&c->out)) make_room(c);
        ring_put(&c->out, buf[i]);
    }
    if (c->out.used >= FLUSH_BYTES && !c->out_src.interest) chr_flush(c);
    if (c->out.used && !c->flush_timer.slot && !c->out_src.interest && c->out_fd >= 0)
        clock_arm(c->host->clock, &c->flush_timer, clock_now(c->host->clock) + FLUSH_DELAY_NS);
}

void chr_emergency_flush(struct mon_chr *c) {
    size_t len;
    while (c && c->out_fd >= 0 && c->out.used) {
        const uint8_t *p = ring_peek(&c->out, &len);
        long n = hostsys_write(c->out_fd, p, len);
        if (n <= 0) return;
        ring_drop(&c->out, (size_t)n);
    }
}

/* ---- Input ---- */

static void take_key(struct mon_chr *c, uint8_t byte) {
    switch (terminal_key(&c->escape, byte)) {
    case TERMINAL_PASS:
        if (ring_room(&c->in)) ring_put(&c->in, byte); /* else lost, as on a real line */
        break;
    case TERMINAL_QUIT:
        if (c->host->quit) c->host->quit(c->host->opaque);
        break;
    case TERMINAL_HELP: chr_write(c, (const uint8_t *)terminal_help, strlen(terminal_help)); break;
    case TERMINAL_BREAK:
        if (c->dev.event_break) c->dev.event_break(c->dev.dev_opaque);
        break;
    case TERMINAL_SWALLOWED: break;
    }
}

static void queue_input(struct mon_chr *c, const uint8_t *buf, size_t len) {
    for (size_t i = 0; i < len; i++) {
        if (c->raw)
            take_key(c, buf[i]);
        else
            ring_put(&c->in, buf[i]);
    }
}

/* False: nothing to read now, or never again. */
static bool read_some(struct mon_chr *c) {
    uint8_t buf[1024];
    size_t room = ring_room(&c->in);
    size_t want = c->raw || room > sizeof buf ? sizeof buf : room;
    ssize_t n = read(c->in_fd, buf, want);
    if (n > 0) {
        queue_input(c, buf, (size_t)n);
        return true;
    }
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) return false;
    chr_input_ended(c);
    return false;
}

static void hand_over(struct mon_chr *c) {
    while (c->in.used && c->dev.receive) {
        size_t len, room = c->dev.room ? c->dev.room(c->dev.dev_opaque) : 0;
        const uint8_t *p = ring_peek(&c->in, &len);
        if (!room) return;
        if (len > room) len = room;
        c->dev.receive(c->dev.dev_opaque, p, len);
        ring_drop(&c->in, len);
    }
}

void chr_input_ended(struct mon_chr *c) {
    events_watch(c->host->events, &c->in_src, 0);
    c->in_unpollable = false;
    if (c->kind == MON_CHR_UNIX)
        chr_unix_client_gone(c);
    else
        c->in_fd = -1;
}

/* A terminal is read even when the guest takes nothing: the escape must work. */
static bool wants_input(const struct mon_chr *c) { return c->in_fd >= 0 && (c->raw || ring_room(&c->in)); }

void chr_watch_input(struct mon_chr *c) {
    if (c->in_fd < 0 || c->in_unpollable) return;
    c->in_src.fd = c->in_fd;
    c->in_unpollable = !events_watch(c->host->events, &c->in_src, wants_input(c) ? EPOLLIN : 0);
}

void chr_pump_input(struct mon_chr *c) {
    hand_over(c);
    while (c->in_unpollable && wants_input(c) && read_some(c)) hand_over(c);
    chr_watch_input(c);
}

static void input_ready(void *opaque, uint32_t ready) {
    struct mon_chr *c = opaque;
    (void)ready;
    if (wants_input(c)) read_some(c);
    chr_pump_input(c);
}

static void room_grew(void *opaque) {
    struct mon_chr *c = opaque;
    if (!c->in.used && !c->in_unpollable) return;
    park(c);
    chr_pump_input(c);
}

/* ---- The device's side ---- */

struct dev_chr *chr_dev(struct mon_chr *c) {
    return c && c->kind != MON_CHR_NONE ? &c->dev : NULL;
}

void chr_bind(struct mon_chr *c) {
    c->dev.opaque = c;
    c->dev.write = chr_write;
    c->dev.room_grew = room_grew;
    c->in_src.fn = input_ready;
    c->out_src.fn = output_ready;
    c->in_src.opaque = c->out_src.opaque = c->flush_timer.opaque = c;
    c->flush_timer.fn = flush_due;
}
