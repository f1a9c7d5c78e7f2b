/*
 * script_serial.c: the script's ear and hand on the serial line.
 */
#include "monitor/script_internal.h"

#include <string.h>

static void keep(struct script_line *l, const uint8_t *buf, size_t len) {
    if (len > SCRIPT_SERIAL_KEPT / 2) buf += len - SCRIPT_SERIAL_KEPT / 2, len = SCRIPT_SERIAL_KEPT / 2;
    if (l->len + len > SCRIPT_SERIAL_KEPT) { /* the older half is forgotten */
        size_t drop = l->len / 2 + 1;
        memmove(l->seen, l->seen + drop, l->len - drop);
        l->len -= drop;
    }
    memcpy(l->seen + l->len, buf, len);
    l->len += len;
}

static void front_write(void *opaque, const uint8_t *buf, size_t len) {
    struct script_line *l = opaque;
    keep(l, buf, len);
    if (l->back) l->back->write(l->back->opaque, buf, len);
    l->changed(l->opaque);
}

static void front_room_grew(void *opaque) {
    struct script_line *l = opaque;
    if (l->back && l->back->room_grew) l->back->room_grew(l->back->opaque);
    l->changed(l->opaque);
}

static size_t back_room(void *opaque) {
    const struct dev_chr *front = &((struct script_line *)opaque)->front;
    return front->room ? front->room(front->dev_opaque) : 0;
}

static void back_receive(void *opaque, const uint8_t *buf, size_t len) {
    const struct dev_chr *front = &((struct script_line *)opaque)->front;
    if (front->receive) front->receive(front->dev_opaque, buf, len);
}

static void back_break(void *opaque) {
    const struct dev_chr *front = &((struct script_line *)opaque)->front;
    if (front->event_break) front->event_break(front->dev_opaque);
}

void script_line_init(struct script_line *l, struct dev_chr *back, void (*changed)(void *), void *opaque) {
    l->front = (struct dev_chr){.opaque = l, .write = front_write, .room_grew = front_room_grew};
    l->back = back;
    l->changed = changed;
    l->opaque = opaque;
    l->len = 0;
    if (!back) return;
    back->dev_opaque = l;
    back->room = back_room;
    back->receive = back_receive;
    back->event_break = back_break;
}

bool script_line_find(struct script_line *l, const char *text, size_t len) {
    const char *at = memmem(l->seen, l->len, text, len);
    if (!at) return false;
    size_t used = (size_t)(at - l->seen) + len;
    memmove(l->seen, l->seen + used, l->len - used);
    l->len -= used;
    return true;
}

size_t script_line_send(struct script_line *l, const char *text, size_t len) {
    size_t room = back_room(l);
    if (len > room) len = room;
    if (len) back_receive(l, (const uint8_t *)text, len);
    return len;
}
