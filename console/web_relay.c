/* web_relay.c: from a WebSocket to a local socket and back. */
#include "console/web_relay.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include "console/mgmt_internal.h"
#include "console/web_frame.h"

enum {
    RELAYS = 16,          /* of the daemon's connections: pages must have some, too */
    CHUNK = 16 << 10,     /* read at once */
    QUEUE_MAX = 64 << 10, /* from where on nothing is read for it */
    PATIENCE_MS = 10000,  /* for a browser that takes nothing */
    SWEEP_MS = 1000,
};

struct end {
    struct mgmt_source source;
    struct web_relay *relay;
    int fd;
    uint32_t watched;
    struct mgmt_text out;
};
struct web_relay {
    struct web_relays *all;
    struct MHD_UpgradeResponseHandle *handle; /* NULL: gone, to be freed */
    struct end web, local;                    /* local.fd -1: closed */
    struct web_decoder decoder;
    bool closing;      /* our close frame is queued; what still comes is thrown away */
    bool shut;         /* ... and sent */
    uint64_t moved_ms; /* when the browser last took something, or began to close */
    struct web_relay *next;
};

/* ---- Ends ---- */

static void leave(struct end *e) {
    if (e->watched) epoll_ctl(e->relay->all->g->epoll_fd, EPOLL_CTL_DEL, e->fd, NULL);
    e->watched = 0;
}

static void close_local(struct web_relay *r) {
    if (r->local.fd < 0) return;
    leave(&r->local);
    close(r->local.fd);
    r->local.fd = -1;
}

static void drop(struct web_relay *r) {
    if (!r->handle) return;
    close_local(r);
    leave(&r->web);
    MHD_upgrade_action(r->handle, MHD_UPGRADE_ACTION_CLOSE); /* the descriptor is the daemon's */
    r->handle = NULL;
}

/* False: the other side is gone. */
static bool flush(struct end *e) {
    while (e->out.len) {
        ssize_t n = send(e->fd, e->out.at, e->out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return errno == EAGAIN;
        mgmt_text_drop(&e->out, (size_t)n);
        if (e == &e->relay->web) e->relay->moved_ms = mgmt_now_ms();
    }
    return !e->out.failed;
}

/* 0: nothing has come; -1: the other side is gone. */
static ssize_t take(struct end *e, uint8_t bytes[CHUNK]) {
    ssize_t n = recv(e->fd, bytes, CHUNK, MSG_DONTWAIT);
    if (n > 0) return n;
    return n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

/* ---- To the browser ---- */

static void tell(struct web_relay *r, enum web_opcode op, const void *bytes, size_t n) {
    uint8_t head[WEB_HEAD_MAX];
    if (!r->web.out.len) r->moved_ms = mgmt_now_ms();
    mgmt_text_add(&r->web.out, head, web_head(head, op, n));
    mgmt_text_add(&r->web.out, bytes, n);
}

/* why: for the page to show; may be NULL. */
static void say_goodbye(struct web_relay *r, unsigned code, const char *why) {
    uint8_t text[WEB_CONTROL_MAX] = {(uint8_t)(code >> 8), (uint8_t)code};
    size_t n = why ? strnlen(why, sizeof text - 2) : 0;
    if (n) memcpy(text + 2, why, n);
    if (!r->closing) tell(r, WEB_CLOSE, text, 2 + n);
    r->closing = true;
    close_local(r);
}

static void read_local(struct web_relay *r) {
    uint8_t bytes[CHUNK];
    ssize_t n = take(&r->local, bytes);
    if (n > 0) tell(r, WEB_BINARY, bytes, (size_t)n);
    if (n < 0) say_goodbye(r, WEB_GOING, "it was closed by the machine");
}

/* ---- From the browser ---- */

static void found(struct web_relay *r, enum web_found what, const struct web_data *data) {
    const struct web_decoder *d = &r->decoder;
    switch (what) {
    case WEB_FOUND_NOTHING: break;
    case WEB_FOUND_DATA: mgmt_text_add(&r->local.out, data->at, data->len); break;
    case WEB_FOUND_PING: tell(r, WEB_PONG, d->control, d->control_len); break;
    case WEB_FOUND_CLOSED:
    case WEB_FOUND_BROKEN: say_goodbye(r, d->code, NULL); break;
    }
}

static void decode(struct web_relay *r, uint8_t *bytes, size_t n) {
    struct web_data data;
    for (size_t used; n && !r->closing; bytes += used, n -= used) {
        enum web_found what = web_decode(&r->decoder, bytes, n, &used, &data);
        found(r, what, &data);
    }
}

static void read_web(struct web_relay *r) {
    uint8_t bytes[CHUNK];
    ssize_t n = take(&r->web, bytes);
    if (n < 0)
        drop(r);
    else
        decode(r, bytes, (size_t)n);
}

/* ---- Both ---- */

static bool watch(struct end *e, bool read) {
    uint32_t events = (read ? EPOLLIN : 0u) | (e->out.len ? EPOLLOUT : 0u);
    return mgmt_watch(e->relay->all->g, e->fd, &e->source, &e->watched, events);
}

/* The last frame is sent: the browser answers by closing, which it may hear of only if we keep reading. */
static void shut_down(struct web_relay *r) {
    if (!r->closing || r->shut || r->web.out.len) return;
    shutdown(r->web.fd, SHUT_WR);
    r->shut = true;
    r->moved_ms = mgmt_now_ms();
}

static void settle(struct web_relay *r) {
    if (!r->handle) return;
    if (r->local.fd >= 0 && !flush(&r->local)) say_goodbye(r, WEB_GOING, "it was closed by the machine");
    bool alive = flush(&r->web);
    bool room = r->web.out.len < QUEUE_MAX, room_behind = r->local.out.len < QUEUE_MAX;
    if (alive) shut_down(r);
    alive = alive && watch(&r->web, r->closing || (room && room_behind));
    if (r->local.fd >= 0) alive = alive && watch(&r->local, room);
    if (!alive) drop(r);
}

static void web_ready(struct mgmt_source *s, uint32_t events) {
    struct web_relay *r = ((struct end *)s)->relay;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_web(r);
    settle(r);
}

static void local_ready(struct mgmt_source *s, uint32_t events) {
    struct web_relay *r = ((struct end *)s)->relay;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) read_local(r);
    settle(r);
}

/* ---- Doors ---- */

static int open_screen(struct web_relays *all, char *errbuf, size_t errlen) {
    int fd = -1;
    enum mon_ask a = mon_ask_screen_session(all->g->machine, &fd, errbuf, errlen);
    if (mon_ask_text(a)) snprintf(errbuf, errlen, "%s", mon_ask_text(a));
    return fd;
}

static int open_serial(struct web_relays *all, char *errbuf, size_t errlen) {
    int pair[2];
    const char *why = all->g->config->serials ? strerror(errno) : "the machine has no serial port";
    if (all->g->config->serials && !socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
        if (mgmt_client_open_line(all->g, pair[0])) return pair[1];
        close(pair[1]);
        why = "too many clients are connected";
    }
    snprintf(errbuf, errlen, "%s", why);
    return -1;
}

static const struct {
    const char *url;
    int (*open)(struct web_relays *all, char *errbuf, size_t errlen);
} doors[WEB_DOORS] = {[WEB_SCREEN] = {"/ws/screen", open_screen}, [WEB_SERIAL] = {"/ws/serial", open_serial}};

static void start(const struct web_way *way, struct MHD_UpgradeResponseHandle *handle, int fd, const char *extra,
                  size_t n) {
    struct web_relay *r = calloc(1, sizeof *r);
    char error[WEB_CONTROL_MAX];
    int one = 1;
    if (!r) {
        MHD_upgrade_action(handle, MHD_UPGRADE_ACTION_CLOSE);
        return;
    }
    *r = (struct web_relay){.all = way->all, .handle = handle, .next = way->all->first};
    r->web = (struct end){.source = {web_ready}, .relay = r, .fd = fd};
    r->local = (struct end){.source = {local_ready}, .relay = r, .fd = -1};
    way->all->first = r;
    way->all->n++;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    r->local.fd = doors[way->door].open(way->all, error, sizeof error);
    if (r->local.fd < 0) say_goodbye(r, WEB_FAILED, error);
    uint8_t bytes[CHUNK];
    for (size_t now; n; extra += now, n -= now) {
        now = n < sizeof bytes ? n : sizeof bytes;
        memcpy(bytes, extra, now);
        decode(r, bytes, now);
    }
    settle(r);
}

static void upgraded(void *opaque, struct MHD_Connection *c, void *state, const char *extra, size_t n, MHD_socket fd,
                     struct MHD_UpgradeResponseHandle *handle) {
    (void)c, (void)state;
    start(opaque, handle, fd, extra, n);
}

/* ---- The handshake ---- */

static const char *header(struct MHD_Connection *c, const char *name) {
    return MHD_lookup_connection_value(c, MHD_HEADER_KIND, name);
}

/* Is the word in the list a, b, c? */
static bool lists(const char *list, const char *word) {
    size_t n = strlen(word);
    while (list && *list) {
        list += strspn(list, " \t,");
        size_t len = strcspn(list, " \t,");
        if (len == n && !strncasecmp(list, word, n)) return true;
        list += len;
    }
    return false;
}

static bool asks_well(struct MHD_Connection *c, char answer[WEB_KEY + 1]) {
    const char *version = header(c, "Sec-WebSocket-Version");
    return lists(header(c, "Upgrade"), "websocket") && lists(header(c, "Connection"), "upgrade") && version &&
           !strcmp(version, "13") && web_key_answer(header(c, "Sec-WebSocket-Key"), answer);
}

static struct web_way *find(struct web_relays *all, const char *url) {
    for (unsigned i = 0; i < WEB_DOORS; i++)
        if (!strcmp(url, doors[i].url)) return &all->way[i];
    return NULL;
}

struct MHD_Response *web_relay_answer(struct web_relays *all, struct MHD_Connection *c, const char *url,
                                      unsigned *status, const char **why) {
    char answer[WEB_KEY + 1];
    struct web_way *way = find(all, url);
    *status = way ? MHD_HTTP_UPGRADE_REQUIRED : MHD_HTTP_NOT_FOUND;
    *why = way ? "a WebSocket of version 13 is wanted\n" : "not found\n";
    if (!way || !asks_well(c, answer)) return NULL;
    *status = MHD_HTTP_SERVICE_UNAVAILABLE;
    *why = "too many are connected\n";
    struct MHD_Response *r = all->n < RELAYS ? MHD_create_response_for_upgrade(upgraded, way) : NULL;
    if (!r) return NULL;
    MHD_add_response_header(r, "Upgrade", "websocket");
    MHD_add_response_header(r, "Sec-WebSocket-Accept", answer);
    return r;
}

/* ---- Life ---- */

void web_relays_init(struct web_relays *all, struct mgmt *g) {
    *all = (struct web_relays){.g = g};
    for (unsigned i = 0; i < WEB_DOORS; i++) all->way[i] = (struct web_way){all, (enum web_door)i};
}

static void free_relay(struct web_relay *r) {
    mgmt_text_free(&r->web.out);
    mgmt_text_free(&r->local.out);
    r->all->n--;
    free(r);
}

int web_relays_sweep(struct web_relays *all) {
    uint64_t now = mgmt_now_ms();
    int again = -1;
    for (struct web_relay **at = &all->first; *at;) {
        struct web_relay *r = *at;
        bool waits = r->web.out.len || r->closing;
        if (waits && now - r->moved_ms > PATIENCE_MS) drop(r);
        if (r->handle) {
            at = &r->next;
            if (waits) again = SWEEP_MS;
        } else {
            *at = r->next;
            free_relay(r);
        }
    }
    return again;
}

static void last_words(struct web_relay *r) {
    uint8_t bytes[CHUNK];
    ssize_t n = 0;
    while (r->local.fd >= 0 && r->web.out.len < QUEUE_MAX && (n = take(&r->local, bytes)) > 0)
        tell(r, WEB_BINARY, bytes, (size_t)n);
    say_goodbye(r, WEB_GOING, "the machine has ended");
    if (r->handle) flush(&r->web);
    drop(r);
}

void web_relays_close(struct web_relays *all) {
    while (all->first) {
        struct web_relay *r = all->first;
        all->first = r->next;
        last_words(r);
        free_relay(r);
    }
}
