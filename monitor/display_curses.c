/*
 * display_curses.c: the guest's text screen in the user's terminal, and the
 * terminal's keyboard as the guest's.
 *
 * A terminal tells characters, not keys: each is typed as a US keyboard types it. Ctrl-A is the escape, as
 * on the serial port (terminal.h).
 */
#define NCURSES_WIDECHAR 1
#include "monitor/display.h"

#include <locale.h>
#include <ncurses.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>
#include "devemu/vga.h"
#include "monitor/board.h"
#include "monitor/keymap.h"
#include "monitor/machine.h"
#include "monitor/screen.h"
#include "monitor/terminal.h"

enum { ESCAPE_WAIT_MS = 25, CTRL_AT = 0, CTRL_Z = 26, ESC = 27, DEL = 127, BRIGHT = 8 };

struct curses {
    struct machine *m;
    struct mon_display *display;
    SCREEN *screen;
    struct events_source input;
    struct terminal_escape escape;
    struct vga_text text, shown;
    bool graphics_told;
};

/* ---- Screen ---- */

/* CGA's colour order is blue-green-red, the terminal's red-green-blue. */
static short terminal_colour(unsigned cga) { return (short)((cga & 0xA) | (cga & 1) << 2 | (cga & 4) >> 2); }

static short pair_of(unsigned fg, unsigned bg) { return (short)(1 + fg + bg * 8); }

static void make_pairs(void) {
    if (!has_colors()) return;
    start_color();
    for (unsigned bg = 0; bg < 8; bg++)
        for (unsigned fg = 0; fg < 8; fg++) init_pair(pair_of(fg, bg), terminal_colour(fg), terminal_colour(bg));
}

static void put_cell(unsigned x, unsigned y, const uint8_t cell[2], bool blink) {
    uint8_t attr = cell[1];
    wchar_t text[2] = {(wchar_t)screen_cp437(cell[0]), 0};
    attr_t style = (attr & BRIGHT ? A_BOLD : 0) | (blink && (attr & 0x80) ? A_BLINK : 0);
    cchar_t c;
    setcchar(&c, text, style, pair_of(attr & 7, attr >> 4 & 7), NULL);
    mvadd_wch((int)y, (int)x, &c);
}

static void show_text(struct curses *cu) {
    const struct vga_text *t = &cu->text;
    cu->graphics_told = false;
    for (unsigned y = 0; y < t->rows && (int)y < LINES; y++)
        for (unsigned x = 0; x < t->cols && (int)x < COLS; x++) put_cell(x, y, t->cell[y][x], t->blink);
    bool visible = t->cursor_y >= 0 && t->cursor_y < LINES && t->cursor_x < COLS;
    curs_set(visible);
    if (visible) move(t->cursor_y, t->cursor_x);
    refresh();
}

static void tell_graphics(struct curses *cu, struct dev *vga) {
    unsigned w, h;
    if (cu->graphics_told) return;
    vga_size(vga, &w, &h);
    erase();
    mvprintw(LINES / 2, 2, "The guest shows %u x %u pixels. See it with --display vnc=... or --dump-screen.", w, h);
    refresh();
    cu->graphics_told = true;
}

static bool same_text(const struct vga_text *a, const struct vga_text *b) {
    return a->cols == b->cols && a->rows == b->rows && a->cursor_x == b->cursor_x && a->cursor_y == b->cursor_y &&
           a->blink == b->blink && !memcmp(a->cell, b->cell, sizeof a->cell);
}

static enum display_news curses_refresh(void *opaque, bool blink_on) {
    struct curses *cu = opaque;
    struct dev *vga = board_vga(cu->m->board);
    (void)blink_on; /* the terminal blinks by itself */
    if (!vga_read_text(vga, &cu->text)) {
        tell_graphics(cu, vga);
        return DISPLAY_SAME;
    }
    bool again = cu->shown.cols != cu->text.cols || cu->shown.rows != cu->text.rows || cu->graphics_told;
    if (!again && same_text(&cu->shown, &cu->text)) return DISPLAY_SAME;
    if (again) erase();
    cu->shown = cu->text;
    show_text(cu);
    return DISPLAY_CHANGED;
}

/* ---- Keyboard ---- */

static uint32_t function_keysym(wint_t code) {
    static const struct {
        int code;
        uint32_t keysym;
    } keys[] = {
        {KEY_UP, KEYSYM_UP},         {KEY_DOWN, KEYSYM_DOWN},           {KEY_LEFT, KEYSYM_LEFT},
        {KEY_RIGHT, KEYSYM_RIGHT},   {KEY_HOME, KEYSYM_HOME},           {KEY_END, KEYSYM_END},
        {KEY_PPAGE, KEYSYM_PAGE_UP}, {KEY_NPAGE, KEYSYM_PAGE_DOWN},     {KEY_IC, KEYSYM_INSERT},
        {KEY_DC, KEYSYM_DELETE},     {KEY_BACKSPACE, KEYSYM_BACKSPACE}, {KEY_ENTER, KEYSYM_RETURN},
        {KEY_BTAB, KEYSYM_BACK_TAB},
    };
    if (code >= KEY_F(1) && code <= KEY_F(12)) return KEYSYM_F1 + (uint32_t)(code - KEY_F(1));
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++)
        if ((wint_t)keys[i].code == code) return keys[i].keysym;
    return 0;
}

static void tap_with(struct curses *cu, uint32_t modifier, uint32_t keysym) {
    keyboard_chord(&cu->m->keyboard, (const uint32_t[]){modifier, keysym}, 2);
}

static void type_character(struct curses *cu, wint_t ch) {
    struct keyboard *k = &cu->m->keyboard;
    switch (ch) {
    case '\r':
    case '\n': keyboard_tap(k, KEYSYM_RETURN); break;
    case '\t': keyboard_tap(k, KEYSYM_TAB); break;
    case '\b':
    case DEL: keyboard_tap(k, KEYSYM_BACKSPACE); break;
    case ESC: keyboard_tap(k, KEYSYM_ESCAPE); break;
    case CTRL_AT: tap_with(cu, KEYSYM_CTRL, ' '); break;
    case 28: tap_with(cu, KEYSYM_CTRL, '\\'); break;
    case 29: tap_with(cu, KEYSYM_CTRL, ']'); break;
    default:
        if (ch <= CTRL_Z)
            tap_with(cu, KEYSYM_CTRL, 'a' + ch - 1);
        else
            keyboard_tap(k, ch);
        break;
    }
}

static void take_character(struct curses *cu, wint_t ch) {
    switch (terminal_key(&cu->escape, ch < 0x80 ? (uint8_t)ch : 0)) {
    case TERMINAL_PASS: type_character(cu, ch); break;
    case TERMINAL_QUIT: machine_request_exit(cu->m, MON_EXIT_OK, MON_CAUSE_USER); break;
    case TERMINAL_BREAK:
    case TERMINAL_HELP:
    case TERMINAL_SWALLOWED: break;
    }
}

/* Alt is an escape character right before another. */
static void take_escape(struct curses *cu) {
    wint_t next;
    bool shifted;
    int kind = get_wch(&next);
    if (kind == OK && next > ' ' && next < DEL && keymap_code(next, &shifted))
        tap_with(cu, KEYSYM_ALT, next);
    else {
        type_character(cu, ESC);
        if (kind != ERR) unget_wch((wchar_t)next);
    }
}

static void input_ready(void *opaque, uint32_t ready) {
    struct curses *cu = opaque;
    wint_t ch;
    display_wake(cu->display);
    if (ready & EPOLLHUP) events_watch(&cu->m->events, &cu->input, 0);
    for (int kind; (kind = get_wch(&ch)) != ERR;) {
        if (kind == KEY_CODE_YES && ch == KEY_RESIZE)
            cu->shown.cols = 0; /* draw all */
        else if (kind == KEY_CODE_YES)
            keyboard_tap(&cu->m->keyboard, function_keysym(ch));
        else if (ch == ESC)
            take_escape(cu);
        else
            take_character(cu, ch);
    }
}

/* ---- Life ---- */

static bool start_screen(struct curses *cu) {
    setlocale(LC_CTYPE, "");
    terminal_raw(STDIN_FILENO); /* remembers the settings for every way out */
    cu->screen = newterm(NULL, stdout, stdin);
    if (!cu->screen) return false;
    raw();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    nodelay(stdscr, TRUE);
    set_escdelay(ESCAPE_WAIT_MS);
    make_pairs();
    return true;
}

static void curses_close(void *opaque) {
    struct curses *cu = opaque;
    events_watch(&cu->m->events, &cu->input, 0);
    if (cu->screen) {
        endwin();
        delscreen(cu->screen);
    }
    terminal_restore();
    free(cu);
}

static void *curses_open(struct mon_display *d, struct machine *m, char *errbuf, size_t errlen) {
    struct curses *cu = calloc(1, sizeof *cu);
    const char *why = "it needs a terminal";
    if (!cu) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    cu->m = m;
    cu->display = d;
    cu->input = (struct events_source){.fd = STDIN_FILENO, .fn = input_ready, .opaque = cu};
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) {
        why = "the terminal's type is unknown";
        if (start_screen(cu) && events_watch(&m->events, &cu->input, EPOLLIN)) return cu;
    }
    snprintf(errbuf, errlen, "display curses: %s", why);
    curses_close(cu);
    return NULL;
}

const struct display_backend display_curses = {curses_open, curses_refresh, curses_close, NULL};
