/*
 * net_user.c: the user-mode network: libslirp, which is a router, DHCP, DNS and
 * TFTP server at 10.0.2.0/24 and fec0::/64 and makes the guest's connections its own.
 *
 * libslirp may use SSE and takes its time, so a thread of its own runs it; no
 * other calls it after net_user_open. Frames travel in two rings. A side that
 * sleeps is woken once: `asleep` and `announced` are set before the last look.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <slirp/libslirp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "monitor/net.h"
#include "monitor/net_handshake.h"
#include "monitor/net_pace.h"
#include "monitor/net_ring.h"

#define NETWORK    0x0A000200u /* 10.0.2.0 */
#define NETMASK    0xFFFFFF00u
#define ROUTER     0x0A000202u
#define NAMESERVER 0x0A000203u
#define DHCP_FIRST 0x0A00020Fu
enum {
    SLIRP_CONFIG = 3 /* version of struct SlirpConfig */,
    BOOTFILE_MAX = 127,
    NS_PER_S = 1000000000,
    NS_PER_MS = 1000000
};

struct timer {
    struct timer *next;
    SlirpTimerCb cb;
    void *opaque;
    int64_t expire_ms; /* of slirp_clock */
};
#define TIMER_OFF INT64_MAX

struct user {
    struct mon_net net;
    struct net_ring out, in;      /* from the guest, to the guest */
    struct events_source arrived; /* eventfd: `in` has frames */
    struct net_pace pace;
    bool announced;  /* `arrived` was written and nobody has looked yet */
    bool delivering; /* vCPU thread: `ready` from inside of `receive` changes nothing */
    /* The thread's. */
    pthread_t thread;
    bool started, quit;
    Slirp *slirp;
    struct net_handshakes handshakes;
    struct timer *timers;
    int wake_fd;
    bool asleep;
    struct pollfd *fds;
    size_t n_fds, cap_fds;
};

/* ---- The vCPU thread ---- */

static void user_send(void *opaque, const uint8_t *frame, size_t len) {
    struct user *u = opaque;
    if (net_ring_put(&u->out, frame, len) && __atomic_exchange_n(&u->asleep, false, __ATOMIC_SEQ_CST))
        eventfd_write(u->wake_fd, 1);
}

/* A ring at most before the guest runs again. */
static void deliver(void *opaque, bool force) {
    struct user *u = opaque;
    const struct net_frame *f;
    int room = NET_RING_FRAMES;
    if (!u->net.dev.receive) return;
    force &= !u->net.events->held;
    u->delivering = true;
    for (; room && (f = net_ring_first(&u->in)) && (force || net_can_receive(&u->net)); room--, force = false) {
        u->net.dev.receive(u->net.dev.dev_opaque, f->data, f->len);
        net_ring_drop(&u->in);
    }
    u->delivering = false;
    if (!room)
        eventfd_write(u->arrived.fd, 1);
    else if (net_ring_first(&u->in))
        net_pace_stuck(&u->pace);
}

static void frames_arrived(void *opaque, uint32_t ready) {
    struct user *u = opaque;
    eventfd_t count;
    (void)ready;
    eventfd_read(u->arrived.fd, &count);
    __atomic_store_n(&u->announced, false, __ATOMIC_SEQ_CST);
    deliver(u, false);
}

static void user_ready(void *opaque) {
    struct user *u = opaque;
    if (!u->delivering && net_ring_first(&u->in)) net_pace_soon(&u->pace);
}

/* ---- What libslirp asks for, on its thread ---- */

static ssize_t slirp_sends(const void *buf, size_t len, void *opaque) {
    struct user *u = opaque;
    if (net_ring_put(&u->in, buf, len) && !__atomic_exchange_n(&u->announced, true, __ATOMIC_SEQ_CST))
        eventfd_write(u->arrived.fd, 1);
    return (ssize_t)len;
}

static int64_t slirp_clock(void *opaque) {
    struct timespec ts;
    (void)opaque;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void guest_error(const char *msg, void *opaque) { (void)msg, (void)opaque; }
/* ---- Its timers: IPv6's router advertisements ---- */

static void *timer_new(SlirpTimerCb cb, void *cb_opaque, void *opaque) {
    struct user *u = opaque;
    struct timer *t = calloc(1, sizeof *t);
    if (!t) return NULL;
    *t = (struct timer){.next = u->timers, .cb = cb, .opaque = cb_opaque, .expire_ms = TIMER_OFF};
    u->timers = t;
    return t;
}

static void timer_free(void *timer, void *opaque) {
    struct user *u = opaque;
    for (struct timer **at = &u->timers; timer && *at; at = &(*at)->next) {
        if (*at != timer) continue;
        *at = (*at)->next;
        free(timer);
        return;
    }
}

static void timer_mod(void *timer, int64_t expire_ms, void *opaque) {
    (void)opaque;
    if (timer) ((struct timer *)timer)->expire_ms = expire_ms;
}

/* A callback arms its timer again, and frees none. */
static void run_timers(struct user *u) {
    int64_t now = slirp_clock(u) / NS_PER_MS;
    for (struct timer *t = u->timers; t; t = t->next) {
        if (t->expire_ms > now) continue;
        t->expire_ms = TIMER_OFF;
        t->cb(t->opaque);
    }
}

/* Milliseconds to the next timer, if that is less than limit. */
static uint32_t timer_limit(struct user *u, uint32_t limit) {
    int64_t now = slirp_clock(u) / NS_PER_MS;
    for (const struct timer *t = u->timers; t; t = t->next) {
        int64_t left = t->expire_ms > now ? t->expire_ms - now : 0;
        if (left < limit) limit = (uint32_t)left;
    }
    return limit;
}

/* Descriptors are collected anew before each poll, and nobody but the thread itself has news for it. */
static void poll_fd(int fd, void *opaque) { (void)fd, (void)opaque; }
static void notify(void *opaque) { (void)opaque; }

static const SlirpCb callbacks = {.send_packet = slirp_sends,
                                  .guest_error = guest_error,
                                  .clock_get_ns = slirp_clock,
                                  .timer_new = timer_new,
                                  .timer_free = timer_free,
                                  .timer_mod = timer_mod,
                                  .register_poll_fd = poll_fd,
                                  .unregister_poll_fd = poll_fd,
                                  .notify = notify};

/* ---- The thread ---- */

static const struct {
    int slirp, host;
} poll_bits[] = {{SLIRP_POLL_IN, POLLIN},
                 {SLIRP_POLL_OUT, POLLOUT},
                 {SLIRP_POLL_PRI, POLLPRI},
                 {SLIRP_POLL_ERR, POLLERR},
                 {SLIRP_POLL_HUP, POLLHUP}};
enum { POLL_BITS = sizeof poll_bits / sizeof poll_bits[0], POLL_FIRST = 64 };

static bool grow_fds(struct user *u) {
    size_t cap = u->cap_fds ? 2 * u->cap_fds : POLL_FIRST;
    struct pollfd *fds = realloc(u->fds, cap * sizeof *fds);
    if (!fds) return false;
    u->fds = fds;
    u->cap_fds = cap;
    return true;
}

static int add_poll(int fd, int events, void *opaque) {
    struct user *u = opaque;
    short wanted = 0;
    if (u->n_fds == u->cap_fds && !grow_fds(u)) return -1;
    for (int i = 0; i < POLL_BITS; i++)
        if (events & poll_bits[i].slirp) wanted = (short)(wanted | poll_bits[i].host);
    u->fds[u->n_fds] = (struct pollfd){.fd = fd, .events = wanted};
    return (int)u->n_fds++;
}

static int get_revents(int index, void *opaque) {
    const struct user *u = opaque;
    int events = 0;
    if (index < 0 || (size_t)index >= u->n_fds) return 0;
    for (int i = 0; i < POLL_BITS; i++)
        if (u->fds[index].revents & poll_bits[i].host) events |= poll_bits[i].slirp;
    return events;
}

static void input(struct user *u, const struct net_frame *f) {
    struct net_frame stripped;
    if (net_handshake_repeated(&u->handshakes, f->data, f->len)) {
        memcpy(stripped.data, f->data, f->len);
        stripped.len = f->len;
        net_handshake_strip(stripped.data);
        f = &stripped;
    }
    slirp_input(u->slirp, f->data, f->len);
}

static void take_guest_frames(struct user *u) {
    const struct net_frame *f;
    for (int i = 0; i < NET_RING_FRAMES && (f = net_ring_first(&u->out)); i++) {
        input(u, f);
        net_ring_drop(&u->out);
    }
}

static void wait_for_news(struct user *u) {
    uint32_t limit = UINT32_MAX;
    u->n_fds = 0;
    add_poll(u->wake_fd, SLIRP_POLL_IN, u);
    slirp_pollfds_fill(u->slirp, &limit, add_poll, u);
    limit = timer_limit(u, limit);
    __atomic_store_n(&u->asleep, true, __ATOMIC_SEQ_CST);
    int timeout = net_ring_first(&u->out) ? 0 : limit > INT32_MAX ? -1 : (int)limit;
    int n = poll(u->fds, (nfds_t)u->n_fds, timeout);
    __atomic_store_n(&u->asleep, false, __ATOMIC_SEQ_CST);
    slirp_pollfds_poll(u->slirp, n < 0, get_revents, u);
    run_timers(u);
}

static void *run_network(void *opaque) {
    struct user *u = opaque;
    eventfd_t count;
    while (!__atomic_load_n(&u->quit, __ATOMIC_SEQ_CST)) {
        wait_for_news(u);
        eventfd_read(u->wake_fd, &count);
        take_guest_frames(u);
    }
    return NULL;
}

/* ---- Life ---- */

static bool fail(const char *what, const char *why, char *errbuf, size_t errlen) {
    snprintf(errbuf, errlen, "net user: %s: %s", what, why);
    return false;
}

static struct in_addr address(uint32_t a) { return (struct in_addr){htonl(a)}; }

/* Of the site-local network fec0::/64. */
static struct in6_addr address6(uint8_t host) { return (struct in6_addr){.s6_addr = {0xFE, 0xC0, [15] = host}}; }

static bool check_tftp(const struct mon_nic_config *c, char *errbuf, size_t errlen) {
    struct stat st;
    if (c->bootfile && strlen(c->bootfile) > BOOTFILE_MAX)
        return fail(c->bootfile, "the name is too long", errbuf, errlen);
    if (!c->tftp) return true;
    if (stat(c->tftp, &st)) return fail(c->tftp, strerror(errno), errbuf, errlen);
    return S_ISDIR(st.st_mode) || fail(c->tftp, "is not a directory", errbuf, errlen);
}

static bool create_slirp(struct user *u, const struct mon_nic_config *c, char *errbuf, size_t errlen) {
    SlirpConfig sc = {.version = SLIRP_CONFIG,
                      .restricted = c->restricted,
                      .in_enabled = true,
                      .vnetwork = address(NETWORK),
                      .vnetmask = address(NETMASK),
                      .vhost = address(ROUTER),
                      .in6_enabled = true,
                      .vprefix_addr6 = address6(0),
                      .vprefix_len = 64,
                      .vhost6 = address6(2),
                      .vnameserver6 = address6(3),
                      .vhostname = "novt",
                      .tftp_path = c->tftp,
                      .bootfile = c->bootfile,
                      .vdhcp_start = address(DHCP_FIRST),
                      .vnameserver = address(NAMESERVER)};
    u->slirp = slirp_new(&sc, &callbacks, u);
    return u->slirp || fail("libslirp", "cannot be started", errbuf, errlen);
}

static bool add_forward(struct user *u, const struct mon_hostfwd *f, char *errbuf, size_t errlen) {
    struct in_addr host = {f->host_addr}, guest = {f->guest_addr};
    char text[INET_ADDRSTRLEN], what[64];
    if (!guest.s_addr) guest = address(DHCP_FIRST);
    errno = 0;
    if (!slirp_add_hostfwd(u->slirp, f->udp, host, f->host_port, guest, f->guest_port)) return true;
    const char *why = errno ? strerror(errno) : "not possible";
    snprintf(what, sizeof what, "cannot forward %s %s:%u", f->udp ? "udp" : "tcp",
             inet_ntop(AF_INET, &host, text, sizeof text), f->host_port);
    return fail(what, why, errbuf, errlen);
}

static bool add_forwards(struct user *u, const struct mon_nic_config *c, char *errbuf, size_t errlen) {
    for (unsigned i = 0; i < c->hostfwds; i++)
        if (!add_forward(u, &c->hostfwd[i], errbuf, errlen)) return false;
    return true;
}

/* Signals belong to the vCPU thread. */
static bool start_thread(struct user *u, char *errbuf, size_t errlen) {
    sigset_t all, old;
    u->arrived.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    u->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->arrived.fd < 0 || u->wake_fd < 0 || !grow_fds(u) || !events_watch(u->net.events, &u->arrived, EPOLLIN) ||
        !net_pace_open(&u->pace, u->net.events, deliver, u))
        return fail("eventfd", strerror(errno), errbuf, errlen);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&u->thread, NULL, run_network, u);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    u->started = !error;
    return u->started || fail("thread", strerror(error), errbuf, errlen);
}

static void stop_thread(struct user *u) {
    __atomic_store_n(&u->quit, true, __ATOMIC_SEQ_CST);
    eventfd_write(u->wake_fd, 1);
    pthread_join(u->thread, NULL);
}

static void user_close(struct mon_net *n) {
    struct user *u = (struct user *)n;
    if (u->started) stop_thread(u);
    if (u->slirp) slirp_cleanup(u->slirp);
    net_pace_close(&u->pace);
    if (u->arrived.fd >= 0) events_watch(n->events, &u->arrived, 0), close(u->arrived.fd);
    if (u->wake_fd >= 0) close(u->wake_fd);
    free(u->fds);
    free(u);
}

struct mon_net *net_user_open(const struct mon_nic_config *c, struct mon_events *events, char *errbuf, size_t errlen) {
    struct user *u = calloc(1, sizeof *u);
    if (!u) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    u->net = (struct mon_net){
        .dev = {.opaque = u, .send = user_send, .ready = user_ready}, .events = events, .close = user_close};
    u->arrived = (struct events_source){.fd = -1, .fn = frames_arrived, .opaque = u};
    u->wake_fd = -1;
    if (check_tftp(c, errbuf, errlen) && create_slirp(u, c, errbuf, errlen) && add_forwards(u, c, errbuf, errlen) &&
        start_thread(u, errbuf, errlen))
        return &u->net;
    user_close(&u->net);
    return NULL;
}
