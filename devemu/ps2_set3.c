/*
 * ps2_set3.c: scan codes of set 3: one code a key, and whether a key tells its release is the guest's choice.
 *
 * Source: IBM PS/2 Technical Reference, "Keyboard (101- and 102-key)", "Scan Code Set 3" and its default key types.
 * Keys that set 2 does not tell from others (its fake shifts) and those that set 3 does not know send nothing.
 */
#include "devemu/ps2.h"

enum { EXTENDED = 0xE0, PAUSE_HEAD = 0xE1, BREAK = 0xF0, PAUSE = 0x62, PAUSE_CODES = 2 };

struct pair {
    uint8_t set2, set3;
};

/* All others are the same in both. */
static const struct pair plain[] = {
    {0x76, 0x08}, {0x05, 0x07}, {0x06, 0x0F}, {0x04, 0x17}, {0x0C, 0x1F}, {0x03, 0x27}, {0x0B, 0x2F},
    {0x83, 0x37}, {0x0A, 0x3F}, {0x01, 0x47}, {0x09, 0x4F}, {0x78, 0x56}, {0x07, 0x5E}, {0x84, 0x57},
    {0x7E, 0x5F}, {0x5D, 0x5C}, {0x58, 0x14}, {0x61, 0x13}, {0x14, 0x11}, {0x11, 0x19}, {0x77, 0x76},
    {0x7C, 0x7E}, {0x7B, 0x84}, {0x79, 0x7C}, {0x6A, 0x5D}, {0x67, 0x85}, {0x64, 0x86}, {0x13, 0x87},
};
static const struct pair extended[] = {
    {0x11, 0x39}, {0x14, 0x58}, {0x4A, 0x77}, {0x5A, 0x79}, {0x1F, 0x8B},  {0x27, 0x8C}, {0x2F, 0x8D},
    {0x70, 0x67}, {0x71, 0x64}, {0x6B, 0x61}, {0x6C, 0x6E}, {0x69, 0x65},  {0x75, 0x63}, {0x72, 0x60},
    {0x7D, 0x6F}, {0x7A, 0x6D}, {0x74, 0x6A}, {0x7C, 0x57}, {0x7E, PAUSE},
};

static uint8_t find(const struct pair *p, size_t n, uint8_t set2, uint8_t otherwise) {
    for (size_t i = 0; i < n; i++)
        if (p[i].set2 == set2) return p[i].set3;
    return otherwise;
}

static uint8_t set3_of(bool is_extended, uint8_t set2) {
    if (is_extended) return find(extended, sizeof extended / sizeof *extended, set2, 0);
    return find(plain, sizeof plain / sizeof *plain, set2, set2);
}

/* Left and right Shift, left Ctrl, left Alt, Caps Lock. */
void ps2_set3_defaults(struct ps2_keyboard *k) {
    static const uint8_t release[] = {0x12, 0x59, 0x11, 0x19, 0x14};
    ps2_set3_release_all(k, false);
    for (size_t i = 0; i < sizeof release; i++) ps2_set3_release(k, release[i], true);
    k->extended = k->swallow = 0;
}

void ps2_set3_release_all(struct ps2_keyboard *k, bool tell) {
    for (size_t i = 0; i < sizeof k->tells_release; i++) k->tells_release[i] = tell ? 0xFF : 0;
}

void ps2_set3_release(struct ps2_keyboard *k, uint8_t code, bool tell) {
    uint8_t bit = (uint8_t)(1u << (code & 7)), *byte = &k->tells_release[code >> 3];
    *byte = (uint8_t)(tell ? *byte | bit : *byte & ~bit);
}

static void send(struct ps2_keyboard *k, uint8_t code) {
    bool released = k->break_seen;
    k->break_seen = 0;
    if (!code || (released && !(k->tells_release[code >> 3] >> (code & 7) & 1))) return;
    if (released) ps2_put(&k->keys, BREAK);
    ps2_put(&k->keys, code);
}

/* The Pause key is E1 and two codes, pressed or released. */
void ps2_set3_take(struct ps2_keyboard *k, uint8_t set2) {
    switch (set2) {
    case EXTENDED: k->extended = 1; return;
    case PAUSE_HEAD: k->swallow = PAUSE_CODES; return;
    case BREAK: k->break_seen = 1; return;
    default: break;
    }
    if (k->swallow) {
        if (--k->swallow)
            k->break_seen = 0;
        else
            send(k, PAUSE);
        return;
    }
    bool is_extended = k->extended;
    k->extended = 0;
    send(k, set3_of(is_extended, set2));
}
