/*
 * net_pace.h: when frames that wait for an adapter go on.
 *
 * Drivers empty the receive ring first and acknowledge its interrupt afterwards. On a wire the next frame takes its
 * time; a backend that filled the ring from inside the register write that made room would have its interrupt
 * acknowledged unseen, and a full ring asks for no other. So frames go on a little after the last room was made, and
 * an adapter that takes nothing for long is handed one frame nevertheless, which it loses as a full adapter does.
 * Callers: net_user.c, net_tap.c. vCPU thread.
 */
#ifndef NOVT_MONITOR_NET_PACE_H
#define NOVT_MONITOR_NET_PACE_H

#include "monitor/events.h"

struct net_pace {
    struct events_source src; /* a timerfd; fd -1: not open */
    struct mon_events *events;
    /* Deliver what waits. force: at least one frame, whatever the adapter says. */
    void (*deliver)(void *opaque, bool force);
    void *opaque;
    bool stuck; /* what it is armed for */
};

/* False: errno tells. Closing is needed either way. */
bool net_pace_open(struct net_pace *p, struct mon_events *events, void (*deliver)(void *, bool), void *opaque);
void net_pace_close(struct net_pace *p);
/* The adapter has made room. */
void net_pace_soon(struct net_pace *p);
/* Frames wait and the adapter does not take them. */
void net_pace_stuck(struct net_pace *p);
#endif
