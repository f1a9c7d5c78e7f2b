/*
 * ps2_keyboard.c: an MF2 keyboard. It is told scan codes of set 2 and sends
 * them as the guest selected: set 2 as they are, sets 1 and 3 converted. Key
 * repeat comes from the user's side, so typematic rate and types are not kept.
 */
#include "devemu/ps2.h"

enum {
    SET_LEDS = 0xED,
    ECHO = 0xEE,
    SCAN_SET = 0xF0,
    IDENTIFY = 0xF2,
    TYPEMATIC = 0xF3,
    ENABLE = 0xF4,
    DISABLE = 0xF5,
    DEFAULTS = 0xF6,
    ALL_TYPEMATIC = 0xF7, /* of set 3: which keys tell their release */
    ALL_MAKE_BREAK = 0xF8,
    ALL_MAKE = 0xF9,
    ALL_TYPEMATIC_MAKE_BREAK = 0xFA,
    KEY_TYPEMATIC = 0xFB,
    KEY_MAKE_BREAK = 0xFC,
    KEY_MAKE = 0xFD,
    RESEND = 0xFE,
    RESET = 0xFF,
};
enum { BREAK = 0xF0 };
enum { KEYS_MOST = 240 };

/* Keyboard controller's translation, IBM PS/2 Technical Reference; codes from 85h on stay as they are. */
static const uint8_t set1_of[0x85] = {
    0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29, 0x59, 0x65, 0x38, 0x2A,
    0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11, 0x03, 0x5B, 0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05,
    0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14, 0x13, 0x06, 0x5D, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A,
    0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5F, 0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35, 0x26,
    0x27, 0x19, 0x0C, 0x61, 0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36, 0x1C, 0x1B, 0x75, 0x2B, 0x63,
    0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C, 0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F, 0x52, 0x53,
    0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45, 0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54, 0x80, 0x81, 0x82, 0x41, 0x54,
};

uint8_t ps2_set2_to_set1(uint8_t code) { return code < sizeof set1_of ? set1_of[code] : code; }

static void set_defaults(struct ps2_keyboard *k) {
    k->scan_set = 2;
    k->typematic = 0x2B;
    k->command = 0;
    k->break_seen = 0;
    ps2_set3_defaults(k);
    ps2_clear(&k->keys);
}

void ps2_keyboard_reset(struct ps2_keyboard *k) {
    set_defaults(k);
    ps2_clear(&k->replies);
    k->leds = 0;
    k->scanning = 1;
}

static void parameter(struct ps2_keyboard *k, uint8_t command, uint8_t v) {
    bool refused = command == SCAN_SET && v > 3;
    ps2_put(&k->replies, refused ? PS2_RESEND : PS2_ACK);
    switch (command) {
    case SET_LEDS: k->leds = v & 7; break;
    case TYPEMATIC: k->typematic = v & 0x7F; break;
    case SCAN_SET:
        if (v == 0)
            ps2_put(&k->replies, k->scan_set);
        else if (!refused)
            k->scan_set = v;
        break;
    default: /* more keys of the type may follow */
        ps2_set3_release(k, v, command == KEY_MAKE_BREAK);
        k->command = command;
        break;
    }
}

static void reply(struct ps2_keyboard *k, uint8_t a) { ps2_put(&k->replies, a); }

static void command(struct ps2_keyboard *k, uint8_t v) {
    uint8_t last = k->last;
    ps2_clear(&k->replies);
    switch (v) {
    case ECHO: reply(k, PS2_ECHO); break;
    case SET_LEDS:
    case SCAN_SET:
    case TYPEMATIC:
    case KEY_TYPEMATIC ... KEY_MAKE:
        k->command = v;
        reply(k, PS2_ACK);
        break;
    case IDENTIFY: reply(k, PS2_ACK), reply(k, 0xAB), reply(k, 0x83); break;
    case ENABLE:
        ps2_clear(&k->keys);
        k->scanning = 1;
        reply(k, PS2_ACK);
        break;
    case DISABLE:
    case DEFAULTS:
        set_defaults(k);
        k->scanning = v == DEFAULTS;
        reply(k, PS2_ACK);
        break;
    case ALL_TYPEMATIC ... ALL_TYPEMATIC_MAKE_BREAK:
        ps2_set3_release_all(k, v == ALL_MAKE_BREAK || v == ALL_TYPEMATIC_MAKE_BREAK);
        reply(k, PS2_ACK);
        break;
    case RESEND: reply(k, last); break;
    case RESET:
        ps2_keyboard_reset(k);
        reply(k, PS2_ACK), reply(k, PS2_BAT_OK);
        break;
    default: reply(k, PS2_RESEND); break;
    }
}

void ps2_keyboard_write(struct ps2_keyboard *k, uint8_t byte) {
    uint8_t waiting = k->command;
    k->command = 0;
    if (waiting && byte < SET_LEDS) {
        ps2_clear(&k->replies);
        parameter(k, waiting, byte);
    } else {
        command(k, byte); /* a command byte in a parameter's place starts anew */
    }
}

bool ps2_keyboard_keys(struct ps2_keyboard *k, const uint8_t *set2, size_t n) {
    if (!k->scanning) return true; /* the key was pressed, nobody looked */
    if (n > KEYS_MOST || k->keys.count + n > KEYS_MOST) return false;
    for (size_t i = 0; i < n; i++) {
        if (k->scan_set == 2) {
            ps2_put(&k->keys, set2[i]);
        } else if (k->scan_set == 3) {
            ps2_set3_take(k, set2[i]);
        } else if (set2[i] == BREAK) {
            k->break_seen = 1;
        } else {
            ps2_put(&k->keys, (uint8_t)(ps2_set2_to_set1(set2[i]) | (k->break_seen ? 0x80 : 0)));
            k->break_seen = 0;
        }
    }
    return true;
}

bool ps2_keyboard_has(const struct ps2_keyboard *k) { return k->replies.count || k->keys.count; }

uint8_t ps2_keyboard_take(struct ps2_keyboard *k) {
    k->last = ps2_get(k->replies.count ? &k->replies : &k->keys);
    return k->last;
}

void ps2_keyboard_fix(struct ps2_keyboard *k) {
    if (k->replies.count > PS2_QUEUE_SIZE) k->replies.count = 0;
    if (k->keys.count > PS2_QUEUE_SIZE) k->keys.count = 0;
    if (k->scan_set < 1 || k->scan_set > 3) k->scan_set = 2;
}
