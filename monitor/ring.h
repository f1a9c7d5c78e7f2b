/*
 * ring.h: a byte queue of fixed size. Callers: chr.
 */
#ifndef NOVT_MONITOR_RING_H
#define NOVT_MONITOR_RING_H

#include <stddef.h>
#include <stdint.h>

enum { RING_SIZE = 1 << 16 };

struct ring {
    size_t head, used; /* head: next byte out */
    uint8_t data[RING_SIZE];
};

static inline size_t ring_room(const struct ring *r) { return RING_SIZE - r->used; }

static inline void ring_put(struct ring *r, uint8_t byte) { r->data[(r->head + r->used++) % RING_SIZE] = byte; }

/* The longest contiguous run at the head. */
static inline const uint8_t *ring_peek(const struct ring *r, size_t *len) {
    size_t to_end = RING_SIZE - r->head;
    *len = r->used < to_end ? r->used : to_end;
    return r->data + r->head;
}

static inline void ring_drop(struct ring *r, size_t n) {
    r->head = (r->head + n) % RING_SIZE;
    r->used -= n;
}
#endif
