#include "monitor/keyboard.h"

#include "devemu/i8042.h"
#include "monitor/clock.h"
#include "monitor/keymap.h"

enum { KEY_INTERVAL_NS = 8000000 };

static void arm(struct keyboard *k) {
    if (k->used && !k->timer.slot) clock_arm(k->clock, &k->timer, clock_now(k->clock) + KEY_INTERVAL_NS);
}

static void take(struct keyboard *k) {
    k->head = (k->head + 1) % KEYBOARD_QUEUE;
    k->used--;
}

static void send_one(struct keyboard *k) {
    uint8_t bytes[KEYMAP_CODES_MAX];
    if (!k->queue[k->head].code) {
        clock_arm(k->clock, &k->timer, clock_now(k->clock) + k->queue[k->head].pause_ms * UINT64_C(1000000));
        take(k);
        return;
    }
    size_t n = keymap_bytes(k->queue[k->head].code, k->queue[k->head].down, bytes);
    if (n && !i8042_key(k->i8042, bytes, n)) return; /* later */
    take(k);
}

static void due(void *opaque, uint64_t now_ns) {
    struct keyboard *k = opaque;
    (void)now_ns;
    if (k->used) send_one(k);
    arm(k);
}

static void put(struct keyboard *k, uint16_t code, bool down) {
    uint32_t at = (k->head + k->used++) % KEYBOARD_QUEUE;
    k->queue[at].code = code;
    k->queue[at].down = down;
    arm(k);
}

void keyboard_init(struct keyboard *k, struct mon_clock *clock, struct dev *i8042) {
    *k = (struct keyboard){.clock = clock, .i8042 = i8042, .timer = {.fn = due, .opaque = k}};
}

void keyboard_fini(struct keyboard *k) {
    if (k->clock) clock_cancel(k->clock, &k->timer);
}

bool keyboard_code(struct keyboard *k, uint16_t code, bool down) {
    if (!code || !keyboard_room(k, 1)) return false;
    put(k, code, down);
    return true;
}

bool keyboard_key(struct keyboard *k, uint32_t keysym, bool down) {
    bool shifted;
    uint16_t code = keymap_code(keysym, &shifted);
    if (!code || !keyboard_room(k, 1)) return false;
    put(k, code, down);
    return true;
}

bool keyboard_chord(struct keyboard *k, const uint32_t *keysyms, unsigned n) {
    bool shifted;
    if (!keyboard_room(k, 2 * n)) return false;
    for (unsigned i = 0; i < n; i++)
        if (!keymap_code(keysyms[i], &shifted)) return false;
    for (unsigned i = 0; i < n; i++) put(k, keymap_code(keysyms[i], &shifted), true);
    for (unsigned i = n; i-- > 0;) put(k, keymap_code(keysyms[i], &shifted), false);
    return true;
}

bool keyboard_hold(struct keyboard *k, const uint16_t *codes, unsigned n, unsigned hold_ms) {
    if (!keyboard_room(k, 2 * n + 1) || hold_ms > KEYBOARD_HOLD_MAX_MS) return false;
    for (unsigned i = 0; i < n; i++) put(k, codes[i], true);
    if (hold_ms) {
        uint32_t at = (k->head + k->used) % KEYBOARD_QUEUE;
        put(k, 0, false);
        k->queue[at].pause_ms = (uint16_t)hold_ms;
    }
    for (unsigned i = n; i-- > 0;) put(k, codes[i], false);
    return true;
}

bool keyboard_tap(struct keyboard *k, uint32_t keysym) {
    bool shifted;
    if (!keymap_code(keysym, &shifted)) return false;
    const uint32_t keys[] = {KEYSYM_SHIFT, keysym};
    return shifted ? keyboard_chord(k, keys, 2) : keyboard_chord(k, keys + 1, 1);
}
