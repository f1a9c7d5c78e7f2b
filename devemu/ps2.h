/*
 * ps2.h: the two devices at the end of the keyboard controller's cables.
 *
 * Data sheet: IBM PS/2 Technical Reference, "Keyboard (101- and 102-key)" and
 * "Mouse"; the wheel by Microsoft's IntelliMouse knock (rates 200, 100, 80).
 * Plain structs inside the controller's instance; only i8042.c calls these.
 * Replies to commands go out before what the user did.
 */
#ifndef NOVT_DEVEMU_PS2_H
#define NOVT_DEVEMU_PS2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- Byte queue ---- */
enum { PS2_QUEUE_SIZE = 256 };
struct ps2_queue {
    uint8_t head; /* wraps by itself at 256 */
    uint16_t count;
    uint8_t data[PS2_QUEUE_SIZE];
};

/* ---- Keyboard ---- */
struct ps2_keyboard {
    struct ps2_queue replies, keys;
    uint8_t command;  /* waits for its parameter; 0: none */
    uint8_t scan_set; /* 1..3 */
    uint8_t leds, typematic, scanning;
    uint8_t last;       /* byte sent last, for Resend */
    uint8_t break_seen; /* F0 was queued, its code not yet (scan sets 1 and 3) */
    /* Scan set 3 (ps2_set3.c) */
    uint8_t extended, swallow; /* E0 came; codes of Pause still to come */
    uint8_t tells_release[32]; /* a bit for each code */
};
void ps2_keyboard_reset(struct ps2_keyboard *k);
void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte);
/* Queues scan codes of set 2 as the selected set has them; all or nothing. */
bool ps2_keyboard_keys(struct ps2_keyboard *k, const uint8_t *set2, size_t n);
bool ps2_keyboard_has(const struct ps2_keyboard *k);
uint8_t ps2_keyboard_take(struct ps2_keyboard *k);
void ps2_keyboard_fix(struct ps2_keyboard *k); /* after load: no index out of range */

/* One byte of set 2, queued as set 3 has it: at most two bytes, never more than came since the last. */
void ps2_set3_take(struct ps2_keyboard *k, uint8_t set2);
void ps2_set3_defaults(struct ps2_keyboard *k);
void ps2_set3_release_all(struct ps2_keyboard *k, bool tell);
void ps2_set3_release(struct ps2_keyboard *k, uint8_t code, bool tell);

/* Scan code of set 2 -> set 1, without the break bit; the controller's translation too. */
uint8_t ps2_set2_to_set1(uint8_t code);

/* ---- Mouse ---- */
struct ps2_motion {
    int32_t dx, dy, dz; /* y grows upward as in the packet */
    uint8_t buttons;    /* during it and after it */
};
enum { PS2_MOUSE_PAST = 32 };
struct ps2_mouse {
    struct ps2_queue replies, packets;
    uint8_t command;
    uint8_t id; /* 0, 3 wheel, 4 wheel and five buttons */
    uint8_t rate, resolution, scale21, remote, wrap, reporting;
    uint8_t knock[2]; /* the two sample rates before the last */
    uint8_t sent_buttons;
    uint8_t last;
    uint8_t n_past;
    struct ps2_motion now;                  /* since the last packet and the last change of a button */
    struct ps2_motion past[PS2_MOUSE_PAST]; /* what was before such a change, the oldest first: not sent yet */
};
void ps2_mouse_reset(struct ps2_mouse *m);
void ps2_mouse_write(struct ps2_mouse *m, uint8_t byte);
void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int dz, unsigned buttons);
bool ps2_mouse_has(struct ps2_mouse *m);
uint8_t ps2_mouse_take(struct ps2_mouse *m);
void ps2_mouse_fix(struct ps2_mouse *m);

/* ---- Shared by both ---- */
static inline bool ps2_put(struct ps2_queue *q, uint8_t byte) {
    if (q->count >= PS2_QUEUE_SIZE) return false;
    q->data[(uint8_t)(q->head + q->count)] = byte;
    q->count++;
    return true;
}
static inline uint8_t ps2_get(struct ps2_queue *q) {
    if (!q->count) return 0;
    q->count--;
    return q->data[q->head++];
}
static inline void ps2_clear(struct ps2_queue *q) { q->head = 0, q->count = 0; }

enum { PS2_ACK = 0xFA, PS2_RESEND = 0xFE, PS2_BAT_OK = 0xAA, PS2_ECHO = 0xEE };

#endif
