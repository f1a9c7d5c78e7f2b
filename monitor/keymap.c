#include "monitor/keymap.h"

#include <strings.h>
#include "devemu/ps2.h"

enum { CODE_PAUSE = 0xE114, BREAK = 0xF0 };

static const struct key {
    const char *name;
    uint16_t plain, code, shifted;
} keys[] = {
#define KEY(name, keysym, code, shifted) {name, keysym, code, shifted},
#include "monitor/keys.def"
#undef KEY
};
enum { KEYS = sizeof keys / sizeof keys[0] };

static const struct {
    const char *name;
    uint32_t keysym;
} aliases[] = {
    {"enter", KEYSYM_RETURN},
    {"return", KEYSYM_RETURN},
    {"space", ' '},
    {"escape", KEYSYM_ESCAPE},
    {"del", KEYSYM_DELETE},
    {"page_up", KEYSYM_PAGE_UP},
    {"page_down", KEYSYM_PAGE_DOWN},
    {"control", KEYSYM_CTRL},
    {"bracket_left", '['},
    {"bracket_right", ']'},
    {"grave_accent", '`'},
    {"asterisk", 0xFFAA},
    {"sysrq", 0xFF61},
};

uint16_t keymap_code(uint32_t keysym, bool *shifted) {
    for (int i = 0; i < KEYS; i++) {
        *shifted = keys[i].shifted == keysym && keysym < 0x100;
        if (keysym && (keys[i].plain == keysym || keys[i].shifted == keysym)) return keys[i].code;
    }
    return 0;
}

uint16_t keymap_xt(uint32_t code) {
    enum { XT_PRINT = 0x54, XT_PAUSE = 0xC6, CODE_PRINT = 0xE07C, LAST_SET2 = 0x84 };
    if (code == XT_PAUSE) return CODE_PAUSE;
    if (code == XT_PRINT) return CODE_PRINT;
    for (uint8_t set2 = 1; code && code < 0x100 && set2 <= LAST_SET2; set2++)
        if (ps2_set2_to_set1(set2) == (code & 0x7F)) return (uint16_t)(set2 | (code & 0x80 ? 0xE000 : 0));
    return 0;
}

static bool same(const char *a, const char *b, size_t len) { return !strncasecmp(a, b, len) && !a[len]; }

uint32_t keymap_name(const char *name, size_t len) {
    for (int i = 0; i < KEYS; i++)
        if (same(keys[i].name, name, len)) return keys[i].plain;
    for (size_t i = 0; i < sizeof aliases / sizeof aliases[0]; i++)
        if (same(aliases[i].name, name, len)) return aliases[i].keysym;
    return len == 1 && *name > ' ' && *name < 0x7F ? (uint32_t)*name : 0;
}

/* Pause has no release: it sends its make and break codes when it goes down. */
static size_t pause_bytes(bool down, uint8_t *out) {
    static const uint8_t codes[] = {0xE1, 0x14, 0x77, 0xE1, BREAK, 0x14, BREAK, 0x77};
    for (size_t i = 0; down && i < sizeof codes; i++) out[i] = codes[i];
    return down ? sizeof codes : 0;
}

size_t keymap_bytes(uint16_t code, bool down, uint8_t out[KEYMAP_CODES_MAX]) {
    size_t n = 0;
    if (code == CODE_PAUSE) return pause_bytes(down, out);
    if (code >> 8) out[n++] = (uint8_t)(code >> 8);
    if (!down) out[n++] = BREAK;
    out[n++] = (uint8_t)code;
    return n;
}
