#include "monitor/serial_tap.h"

#include <string.h>

/* ---- From the guest ---- */

static void keep(struct serial_tap *t, const uint8_t *buf, size_t len) {
    uint64_t sent = t->sent;
    for (size_t i = 0; i < len; i++) t->kept[(sent + i) % SERIAL_TAP_KEPT] = buf[i];
    __atomic_store_n(&t->sent, sent + len, __ATOMIC_SEQ_CST);
}

static void front_write(void *opaque, const uint8_t *buf, size_t len) {
    struct serial_tap *t = opaque;
    keep(t, buf, len);
    if (t->back) t->back->write(t->back->opaque, buf, len);
    if (__atomic_load_n(&t->wanted, __ATOMIC_SEQ_CST) && __atomic_exchange_n(&t->wanted, false, __ATOMIC_SEQ_CST))
        t->woken(t->opaque);
}

/* The writer may be at it: what it can have overwritten meanwhile does not count. */
size_t serial_tap_read(struct serial_tap *t, uint64_t *from, uint8_t *buf, size_t size) {
    enum { SAFE = SERIAL_TAP_KEPT / 2 };
    for (;;) {
        uint64_t sent = __atomic_load_n(&t->sent, __ATOMIC_SEQ_CST);
        if (sent - *from > SERIAL_TAP_KEPT) *from = sent - SAFE;
        size_t n = sent - *from < size ? (size_t)(sent - *from) : size;
        for (size_t i = 0; i < n; i++) buf[i] = t->kept[(*from + i) % SERIAL_TAP_KEPT];
        if (__atomic_load_n(&t->sent, __ATOMIC_SEQ_CST) - *from > SERIAL_TAP_KEPT) continue;
        *from += n;
        return n;
    }
}

/* ---- To the guest ---- */

static size_t back_room(void *opaque) {
    const struct dev_chr *front = &((struct serial_tap *)opaque)->front;
    return front->room ? front->room(front->dev_opaque) : 0;
}

static void back_receive(void *opaque, const uint8_t *buf, size_t len) {
    const struct dev_chr *front = &((struct serial_tap *)opaque)->front;
    if (front->receive) front->receive(front->dev_opaque, buf, len);
}

static void back_break(void *opaque) {
    const struct dev_chr *front = &((struct serial_tap *)opaque)->front;
    if (front->event_break) front->event_break(front->dev_opaque);
}

static void hand_over(struct serial_tap *t) {
    for (size_t room; t->typed && (room = back_room(t));) {
        size_t n = SERIAL_TAP_TYPED - t->typed_at;
        if (n > t->typed) n = t->typed;
        if (n > room) n = room;
        back_receive(t, t->typing + t->typed_at, n);
        t->typed_at = (uint32_t)(t->typed_at + n) % SERIAL_TAP_TYPED;
        t->typed -= (uint32_t)n;
    }
}

size_t serial_tap_type(struct serial_tap *t, const uint8_t *bytes, size_t n) {
    size_t room = SERIAL_TAP_TYPED - t->typed;
    if (!t->front.receive) return n; /* no port: nobody hears it */
    if (n > room) n = room;
    for (size_t i = 0; i < n; i++) t->typing[(t->typed_at + t->typed++) % SERIAL_TAP_TYPED] = bytes[i];
    hand_over(t);
    return n;
}

static void front_room_grew(void *opaque) {
    struct serial_tap *t = opaque;
    hand_over(t);
    if (t->back && t->back->room_grew) t->back->room_grew(t->back->opaque);
}

/* ---- Life ---- */

void serial_tap_init(struct serial_tap *t, struct dev_chr *back, void (*woken)(void *opaque), void *opaque) {
    memset(t, 0, sizeof *t);
    t->front = (struct dev_chr){.opaque = t, .write = front_write, .room_grew = front_room_grew};
    t->back = back;
    t->woken = woken;
    t->opaque = opaque;
    if (!back) return;
    back->dev_opaque = t;
    back->room = back_room;
    back->receive = back_receive;
    back->event_break = back_break;
}
