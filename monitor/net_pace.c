#include "monitor/net_pace.h"

#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum { SOON_NS = 50 * 1000, STUCK_NS = 100 * 1000 * 1000 };

static void expired(void *opaque, uint32_t ready) {
    struct net_pace *p = opaque;
    uint64_t times;
    (void)ready;
    if (read(p->src.fd, &times, sizeof times) != sizeof times) return; /* armed anew meanwhile */
    bool force = p->stuck;
    p->stuck = false;
    p->deliver(p->opaque, force);
}

bool net_pace_open(struct net_pace *p, struct mon_events *events, void (*deliver)(void *, bool), void *opaque) {
    *p = (struct net_pace){.events = events, .deliver = deliver, .opaque = opaque};
    p->src = (struct events_source){
        .fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK), .fn = expired, .opaque = p};
    return p->src.fd >= 0 && events_watch(events, &p->src, EPOLLIN);
}

void net_pace_close(struct net_pace *p) {
    if (!p->events || p->src.fd < 0) return;
    events_watch(p->events, &p->src, 0);
    close(p->src.fd);
    p->src.fd = -1;
}

static void arm(struct net_pace *p, long ns, bool stuck) {
    struct itimerspec when = {.it_value.tv_nsec = ns};
    p->stuck = stuck;
    timerfd_settime(p->src.fd, 0, &when, NULL);
}

void net_pace_soon(struct net_pace *p) { arm(p, SOON_NS, false); }
void net_pace_stuck(struct net_pace *p) { arm(p, STUCK_NS, true); }
