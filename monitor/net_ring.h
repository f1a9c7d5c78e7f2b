/*
 * net_ring.h: a queue of frames of fixed size between one thread that puts and
 * one that takes. A full queue loses what comes next. Callers: net_user.c, tests.
 */
#ifndef NOVT_MONITOR_NET_RING_H
#define NOVT_MONITOR_NET_RING_H

#include <stdbool.h>
#include <string.h>
#include "devemu/net.h"

enum { NET_RING_FRAMES = 256 /* power of two; a TCP window of 64 KiB is 45 frames */ };

struct net_frame {
    uint16_t len;
    uint8_t data[NET_FRAME_MAX];
};

struct net_ring {
    uint32_t put, taken; /* counts; the difference is in use */
    struct net_frame frame[NET_RING_FRAMES];
};

/* Copies a frame in. False: there is no room, or it is no Ethernet frame. */
static inline bool net_ring_put(struct net_ring *r, const void *data, size_t len) {
    uint32_t put = r->put;
    if (len < NET_FRAME_MIN || len > NET_FRAME_MAX) return false;
    if (put - __atomic_load_n(&r->taken, __ATOMIC_ACQUIRE) == NET_RING_FRAMES) return false;
    struct net_frame *f = &r->frame[put % NET_RING_FRAMES];
    f->len = (uint16_t)len;
    memcpy(f->data, data, len);
    __atomic_store_n(&r->put, put + 1, __ATOMIC_SEQ_CST);
    return true;
}

/* The oldest frame, which stays valid until it is dropped; NULL if there is none. */
static inline const struct net_frame *net_ring_first(const struct net_ring *r) {
    if (__atomic_load_n(&r->put, __ATOMIC_SEQ_CST) == r->taken) return NULL;
    return &r->frame[r->taken % NET_RING_FRAMES];
}

static inline void net_ring_drop(struct net_ring *r) { __atomic_store_n(&r->taken, r->taken + 1, __ATOMIC_RELEASE); }
#endif
