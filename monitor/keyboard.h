/*
 * keyboard.h: keys on their way to the guest's keyboard controller.
 *
 * Displays and scripts put key events into one queue; they reach the guest no faster
 * than somebody could type, and wait while the controller has no room.
 * Callers: machine (life), display backends, script. vCPU thread only.
 */
#ifndef NOVT_MONITOR_KEYBOARD_H
#define NOVT_MONITOR_KEYBOARD_H

#include "devemu/dev.h"

struct mon_clock;

enum { KEYBOARD_QUEUE = 4096 };

struct keyboard {
    struct mon_clock *clock;
    struct dev *i8042;
    struct dev_timer timer;
    uint32_t head, used;
    struct {
        uint16_t code; /* 0: a pause of so many ms */
        uint16_t pause_ms;
        bool down;
    } queue[KEYBOARD_QUEUE];
};

void keyboard_init(struct keyboard *k, struct mon_clock *clock, struct dev *i8042);
void keyboard_fini(struct keyboard *k);
/* A key goes down or up. False: no such key, or the queue is full. */
bool keyboard_key(struct keyboard *k, uint32_t keysym, bool down);
/* The same by the key's code (keymap.h). */
bool keyboard_code(struct keyboard *k, uint16_t code, bool down);
/* Presses and releases a key with the modifiers that it needs. */
bool keyboard_tap(struct keyboard *k, uint32_t keysym);
/* Presses the keys in order, releases them in reverse. */
bool keyboard_chord(struct keyboard *k, const uint32_t *keysyms, unsigned n);
/* The same by codes; the keys are held for so long before the first is released. */
enum { KEYBOARD_HOLD_MAX_MS = 10000 };
bool keyboard_hold(struct keyboard *k, const uint16_t *codes, unsigned n, unsigned hold_ms);
/* Room for this many events? */
static inline bool keyboard_room(const struct keyboard *k, uint32_t events) {
    return KEYBOARD_QUEUE - k->used >= events;
}
static inline bool keyboard_idle(const struct keyboard *k) { return !k->used; }
#endif
