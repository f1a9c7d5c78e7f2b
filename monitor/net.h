/*
 * net.h: what is behind a network adapter: struct dev_net over a user-mode
 * network (libslirp) or a tap descriptor. Caller: nics.c, tests.
 *
 * Frames reach the adapter on the vCPU thread only, by events or from dev_net.ready.
 */
#ifndef NOVT_MONITOR_NET_H
#define NOVT_MONITOR_NET_H

#include "devemu/net.h"
#include "monitor/events.h"
#include "monitor/monitor.h"

struct mon_net {
    struct dev_net dev;
    struct mon_events *events;
    void (*close)(struct mon_net *n);
};

/* Ports are bound and descriptors checked when this returns. NULL: errbuf holds one line. */
struct mon_net *net_open(const struct mon_nic_config *c, struct mon_events *events, char *errbuf, size_t errlen);
/* After the adapter is gone. NULL is nothing. */
void net_close(struct mon_net *n);

/* The kinds. */
struct mon_net *net_user_open(const struct mon_nic_config *c, struct mon_events *events, char *errbuf, size_t errlen);
struct mon_net *net_tap_open(const struct mon_nic_config *c, struct mon_events *events, char *errbuf, size_t errlen);

/* Is there an adapter, and would it take a frame? One of a stopped machine takes none. */
static inline bool net_can_receive(const struct mon_net *n) {
    return !n->events->held && n->dev.can_receive && n->dev.can_receive(n->dev.dev_opaque);
}
#endif
