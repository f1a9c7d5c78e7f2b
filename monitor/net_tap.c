/*
 * net_tap.c: the network behind a descriptor that carries one Ethernet frame a
 * read or write: a tap device that somebody else opened, or a packet socket pair.
 *
 * Everything happens on the vCPU thread: a transfer never waits and costs one system call.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include "monitor/net.h"
#include "monitor/net_pace.h"

enum { BATCH = 64 /* frames taken before the guest runs again */ };

struct tap {
    struct mon_net net;
    struct events_source src;
    struct net_pace pace;
    bool socket;     /* what it is: a read of nothing is its end, a write to nobody must not be a signal */
    bool unplugged;  /* the other side is gone */
    bool delivering; /* `ready` from inside of `receive` changes nothing */
    uint8_t frame[NET_FRAME_MAX + 1]; /* one more, so that a longer frame shows */
};

/* ---- From the guest ---- */

static void tap_send(void *opaque, const uint8_t *frame, size_t len) {
    struct tap *t = opaque;
    if (t->unplugged || len < NET_FRAME_MIN || len > NET_FRAME_MAX) return;
    ssize_t n = t->socket ? send(t->src.fd, frame, len, MSG_DONTWAIT | MSG_NOSIGNAL) : write(t->src.fd, frame, len);
    (void)n; /* what is not taken is lost, as on a wire */
}

/* ---- To the guest ---- */

static void unplug(struct tap *t) {
    events_watch(t->net.events, &t->src, 0);
    t->unplugged = true;
}

/* Bytes of the next frame in t->frame; 0: none now. */
static size_t next_frame(struct tap *t) {
    for (int i = 0; i < BATCH; i++) {
        ssize_t n = read(t->src.fd, t->frame, sizeof t->frame);
        if (n >= NET_FRAME_MIN && n <= NET_FRAME_MAX) return (size_t)n;
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return 0;
        if (n == 0 || (n < 0 && errno != EINTR)) {
            unplug(t);
            return 0;
        }
    }
    return 0;
}

/* While the adapter takes nothing the descriptor is not watched; `ready`, or the pace, brings us back. */
static void deliver(void *opaque, bool force) {
    struct tap *t = opaque;
    size_t len;
    if (t->unplugged || !t->net.dev.receive) return;
    force &= !t->net.events->held;
    t->delivering = true;
    for (int i = 0; i < BATCH && (force || net_can_receive(&t->net)) && (len = next_frame(t)); i++, force = false)
        t->net.dev.receive(t->net.dev.dev_opaque, t->frame, len);
    t->delivering = false;
    if (t->unplugged) return;
    bool more = net_can_receive(&t->net);
    events_watch(t->net.events, &t->src, more ? EPOLLIN : 0);
    if (!more) net_pace_stuck(&t->pace);
}

static void fd_ready(void *opaque, uint32_t ready) {
    struct tap *t = opaque;
    if (ready & EPOLLIN)
        deliver(t, false);
    else
        unplug(t);
}

static void tap_ready(void *opaque) {
    struct tap *t = opaque;
    if (!t->delivering && !t->unplugged) net_pace_soon(&t->pace);
}

/* ---- Life ---- */

static bool fail(const struct mon_nic_config *c, const char *why, char *errbuf, size_t errlen) {
    snprintf(errbuf, errlen, "net tap: descriptor %d %s", c->fd, why);
    return false;
}

/* One frame a transfer, and nothing around it. */
static bool check_descriptor(struct tap *t, const struct mon_nic_config *c, char *errbuf, size_t errlen) {
    struct ifreq ifr = {0};
    int type = 0;
    socklen_t len = sizeof type;
    if (fcntl(c->fd, F_GETFD) < 0) return fail(c, "is not open", errbuf, errlen);
    t->socket = !getsockopt(c->fd, SOL_SOCKET, SO_TYPE, &type, &len);
    if (t->socket)
        return type != SOCK_STREAM || fail(c, "is a stream socket, which does not keep frames apart", errbuf, errlen);
    if (ioctl(c->fd, TUNGETIFF, &ifr)) return fail(c, "is neither a tap device nor a socket", errbuf, errlen);
    if (!(ifr.ifr_flags & IFF_TAP)) return fail(c, "is a tun device, which carries no Ethernet frames", errbuf, errlen);
    if (!(ifr.ifr_flags & IFF_NO_PI) || (ifr.ifr_flags & IFF_VNET_HDR))
        return fail(c, "puts a header before frames: open the tap device with IFF_NO_PI, without IFF_VNET_HDR", errbuf,
                    errlen);
    return true;
}

static bool start(struct tap *t, const struct mon_nic_config *c, char *errbuf, size_t errlen) {
    if (!check_descriptor(t, c, errbuf, errlen)) return false;
    int flags = fcntl(c->fd, F_GETFL);
    if (flags < 0 || fcntl(c->fd, F_SETFL, flags | O_NONBLOCK)) return fail(c, strerror(errno), errbuf, errlen);
    if (events_watch(t->net.events, &t->src, EPOLLIN)) {
        if (net_pace_open(&t->pace, t->net.events, deliver, t)) return true;
        events_watch(t->net.events, &t->src, 0);
        return fail(c, "has no timer", errbuf, errlen);
    }
    return fail(c, errno == EEXIST ? "is used twice" : "cannot be waited for", errbuf, errlen);
}

static void tap_close(struct mon_net *n) {
    struct tap *t = (struct tap *)n;
    events_watch(n->events, &t->src, 0);
    net_pace_close(&t->pace);
    free(t);
}

struct mon_net *net_tap_open(const struct mon_nic_config *c, struct mon_events *events, char *errbuf, size_t errlen) {
    struct tap *t = calloc(1, sizeof *t);
    if (!t) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    t->net = (struct mon_net){
        .dev = {.opaque = t, .send = tap_send, .ready = tap_ready}, .events = events, .close = tap_close};
    t->src = (struct events_source){.fd = c->fd, .fn = fd_ready, .opaque = t};
    if (start(t, c, errbuf, errlen)) return &t->net;
    free(t);
    return NULL;
}
