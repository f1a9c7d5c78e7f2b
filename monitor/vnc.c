/*
 * vnc.c: the VNC display: the listening socket, its clients and their bytes. Without one, clients are handed over.
 */
#include "monitor/vnc_internal.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "devemu/vga.h"
#include "monitor/board.h"
#include "monitor/display.h"
#include "monitor/machine.h"

/* ---- Bytes out ---- */

static bool grow(struct vnc_buffer *b, size_t need) {
    if (b->cap >= need) return true;
    size_t cap = b->cap ? b->cap : 4096;
    while (cap < need) cap *= 2;
    uint8_t *data = realloc(b->data, cap);
    if (!data) return false;
    b->data = data;
    b->cap = cap;
    return true;
}

void vnc_put(struct vnc_buffer *b, const void *data, size_t len) {
    if (b->failed || !grow(b, b->len + len)) {
        b->failed = true;
        return;
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void vnc_put8(struct vnc_buffer *b, uint8_t v) { vnc_put(b, &v, 1); }
void vnc_put16(struct vnc_buffer *b, uint16_t v) { vnc_put(b, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2); }
void vnc_put32(struct vnc_buffer *b, uint32_t v) {
    vnc_put16(b, (uint16_t)(v >> 16));
    vnc_put16(b, (uint16_t)v);
}

/* ---- Clients ---- */

void vnc_drop(struct vnc_client *c) {
    if (c->src.fd < 0) return;
    if (c->phase == VNC_RUNNING && c->buttons) pointer_leave(&c->server->m->pointer);
    c->buttons = 0;
    events_watch(&c->server->m->events, &c->src, 0);
    if (c->encoding) { /* vnc_encoded comes back here */
        c->gone = true;
        shutdown(c->src.fd, SHUT_RDWR);
        return;
    }
    close(c->src.fd);
    free(c->out.data);
    screen_image_free(&c->shown);
    for (int i = 0; i < VNC_STREAMS; i++)
        if (c->stream_on[i]) deflateEnd(&c->stream[i]);
    *c = (struct vnc_client){.server = c->server, .src.fd = -1};
}

/* False: the client is gone. */
static bool flush(struct vnc_client *c) {
    if (c->gone || c->encoding) return !c->gone; /* `out` is the encoder's */
    while (c->out_sent < c->out.len) {
        ssize_t n = send(c->src.fd, c->out.data + c->out_sent, c->out.len - c->out_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) break;
        c->out_sent += (size_t)n;
    }
    bool all = c->out_sent == c->out.len;
    if (all)
        c->out.len = c->out_sent = 0;
    else if (errno != EAGAIN && errno != EWOULDBLOCK)
        c->closing = all = true;
    if (c->out.failed || (c->closing && all)) {
        vnc_drop(c);
        return false;
    }
    if (all && c->wanted) display_wake(c->server->display);
    events_watch(&c->server->m->events, &c->src, all ? EPOLLIN : EPOLLIN | EPOLLOUT);
    return true;
}

static void consume(struct vnc_client *c, size_t n) {
    memmove(c->in, c->in + n, c->in_len - n);
    c->in_len -= n;
}

static void skip(struct vnc_client *c) {
    size_t n = c->skip < c->in_len ? (size_t)c->skip : c->in_len;
    consume(c, n);
    c->skip -= n;
}

static void take_messages(struct vnc_client *c) {
    for (;;) {
        skip(c);
        size_t n = c->closing || c->gone ? 0 : vnc_take_message(c);
        if (!n) return;
        consume(c, n);
    }
}

static void client_ready(void *opaque, uint32_t ready) {
    struct vnc_client *c = opaque;
    if (ready & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ssize_t n = recv(c->src.fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR)) {
            vnc_drop(c);
            return;
        }
        if (n > 0) c->in_len += (size_t)n;
        take_messages(c);
    }
    flush(c);
}

/* A place for a new client; if there is none, that of whoever has been shaking hands for longest. */
static struct vnc_client *free_client(struct vnc *v) {
    struct vnc_client *oldest = NULL;
    for (int i = 0; i < VNC_CLIENTS; i++) {
        struct vnc_client *c = &v->client[i];
        if (c->src.fd < 0) return c;
        if (c->phase != VNC_RUNNING && !c->gone && (!oldest || c->number < oldest->number)) oldest = c;
    }
    if (oldest) vnc_drop(oldest);
    return oldest;
}

static bool vnc_serve(void *opaque, int fd) {
    struct vnc *v = opaque;
    struct vnc_client *c = free_client(v);
    if (!c) return false;
    c->number = ++v->accepted;
    c->src = (struct events_source){.fd = fd, .fn = client_ready, .opaque = c};
    vnc_greet(c);
    flush(c);
    return true;
}

static void accept_client(void *opaque, uint32_t ready) {
    struct vnc *v = opaque;
    int fd = accept4(v->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK), one = 1;
    (void)ready;
    if (fd < 0) return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (!vnc_serve(v, fd)) close(fd);
}

/* ---- The display ---- */

static bool anybody_waits(const struct vnc *v) {
    for (int i = 0; i < VNC_CLIENTS; i++)
        if (v->client[i].src.fd >= 0 && !v->client[i].gone && v->client[i].wanted && !v->client[i].out.len) return true;
    return false;
}

/* Draws if anything has changed since the last drawing. */
static bool draw(struct vnc *v, bool blink_on) {
    struct dev *vga = board_vga(v->m->board);
    if (!vga_changed(vga, &v->seen, blink_on) && v->image.pixels) return true;
    v->version++;
    return screen_draw(vga, &v->image, blink_on);
}

static enum display_news vnc_refresh(void *opaque, bool blink_on) {
    struct vnc *v = opaque;
    uint64_t before = v->version;
    if (!vnc_encoder_idle(v)) return DISPLAY_CHANGED; /* the picture is the encoder's */
    if (!anybody_waits(v)) return DISPLAY_UNWATCHED;
    if (!draw(v, blink_on)) return DISPLAY_SAME;
    for (int i = 0; i < VNC_CLIENTS; i++)
        if (v->client[i].src.fd >= 0) vnc_begin_update(&v->client[i], &v->image);
    vnc_encoder_start(v);
    return before == v->version ? DISPLAY_SAME : DISPLAY_CHANGED;
}

void vnc_encoded(struct vnc *v) {
    for (int i = 0; i < VNC_CLIENTS; i++) {
        struct vnc_client *c = &v->client[i];
        if (!c->encoding) continue;
        vnc_end_update(c);
        if (c->gone)
            vnc_drop(c);
        else
            flush(c);
    }
}

static void vnc_close(void *opaque) {
    struct vnc *v = opaque;
    vnc_encoder_close(v);
    for (int i = 0; i < VNC_CLIENTS; i++) {
        v->client[i].encoding = false;
        vnc_drop(&v->client[i]);
    }
    if (v->listener.fd >= 0) {
        events_watch(&v->m->events, &v->listener, 0);
        close(v->listener.fd);
    }
    screen_image_free(&v->image);
    vga_seen_free(&v->seen);
    free(v);
}

static bool listen_at(struct vnc *v, const char *host, unsigned port) {
    struct sockaddr_in a4 = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    struct sockaddr_in6 a6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
    bool four = inet_pton(AF_INET, host, &a4.sin_addr) == 1;
    if (!four && inet_pton(AF_INET6, host, &a6.sin6_addr) != 1) {
        errno = EADDRNOTAVAIL;
        return false;
    }
    int one = 1;
    v->listener.fd = socket(four ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (v->listener.fd < 0) return false;
    setsockopt(v->listener.fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    const struct sockaddr *a = four ? (const struct sockaddr *)&a4 : (const struct sockaddr *)&a6;
    return !bind(v->listener.fd, a, four ? sizeof a4 : sizeof a6) && !listen(v->listener.fd, VNC_CLIENTS) &&
           events_watch(&v->m->events, &v->listener, EPOLLIN);
}

static void *create(struct mon_display *d, struct machine *m, char *errbuf, size_t errlen) {
    struct vnc *v = calloc(1, sizeof *v);
    if (!v) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    v->m = m;
    v->display = d;
    v->encoder = (struct vnc_encoder){.start_fd = -1, .done.fd = -1};
    v->listener = (struct events_source){.fd = -1, .fn = accept_client, .opaque = v};
    for (int i = 0; i < VNC_CLIENTS; i++) v->client[i] = (struct vnc_client){.server = v, .src.fd = -1};
    if (vnc_encoder_open(v)) return v;
    snprintf(errbuf, errlen, "display vnc: cannot start a thread: %s", strerror(errno));
    vnc_close(v);
    return NULL;
}

static void *vnc_open(struct mon_display *d, struct machine *m, char *errbuf, size_t errlen) {
    const struct mon_display_config *cfg = &m->cfg->display;
    struct vnc *v = create(d, m, errbuf, errlen);
    if (!v) return NULL;
    v->password = cfg->password;
    if (listen_at(v, cfg->host, cfg->port)) return v;
    snprintf(errbuf, errlen, "display vnc: cannot listen at %s port %u: %s", cfg->host, cfg->port, strerror(errno));
    vnc_close(v);
    return NULL;
}

const struct display_backend display_vnc = {vnc_open, vnc_refresh, vnc_close, vnc_serve};
const struct display_backend display_sessions = {create, vnc_refresh, vnc_close, vnc_serve};
