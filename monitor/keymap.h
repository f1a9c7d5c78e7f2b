/*
 * keymap.h: from keysyms, characters and key names to scan codes of set 2.
 *
 * The guest sees a US keyboard. Keysyms are X11's, as VNC sends them; a
 * character of Latin-1 is its own keysym. Pure functions. Callers: keyboard, curses, script.
 */
#ifndef NOVT_MONITOR_KEYMAP_H
#define NOVT_MONITOR_KEYMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    KEYSYM_BACKSPACE = 0xFF08,
    KEYSYM_TAB = 0xFF09,
    KEYSYM_RETURN = 0xFF0D,
    KEYSYM_ESCAPE = 0xFF1B,
    KEYSYM_HOME = 0xFF50,
    KEYSYM_LEFT = 0xFF51,
    KEYSYM_UP = 0xFF52,
    KEYSYM_RIGHT = 0xFF53,
    KEYSYM_DOWN = 0xFF54,
    KEYSYM_PAGE_UP = 0xFF55,
    KEYSYM_PAGE_DOWN = 0xFF56,
    KEYSYM_END = 0xFF57,
    KEYSYM_INSERT = 0xFF63,
    KEYSYM_F1 = 0xFFBE,
    KEYSYM_SHIFT = 0xFFE1,
    KEYSYM_CTRL = 0xFFE3,
    KEYSYM_ALT = 0xFFE9,
    KEYSYM_DELETE = 0xFFFF,
    KEYSYM_BACK_TAB = 0xFE20,
};
enum { KEYMAP_CODES_MAX = 8 };

/* The key that gives this keysym; *shifted: with Shift held. 0: none. */
uint16_t keymap_code(uint32_t keysym, bool *shifted);
/* The key of a scan code of set 1, with 80h for those that have an E0 prefix, as VNC clients send them. 0: none. */
uint16_t keymap_xt(uint32_t code);
/* The keysym of a key name (letters in any case), 0: unknown. name need not be terminated. */
uint32_t keymap_name(const char *name, size_t len);
/* The bytes a keyboard sends when the key goes down or up; returns their number. */
size_t keymap_bytes(uint16_t code, bool down, uint8_t out[KEYMAP_CODES_MAX]);
#endif
