/* inspect_user.c: what a user sees and types: screen, keyboard, first serial line. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "devemu/vga.h"
#include "monitor/board.h"
#include "monitor/display.h"
#include "monitor/inspect_internal.h"
#include "monitor/keymap.h"
#include "monitor/png.h"
#include "monitor/screen.h"

/* ---- The screen ---- */

static bool do_size(struct machine *m, void *args, struct letter *l) {
    struct mon_picture *p = args;
    struct dev *vga = board_vga(m->board);
    (void)l;
    if (vga) vga_size(vga, &p->width, &p->height);
    return true;
}

/* The picture in the letter itself, so that a late answer has nowhere to go wrong. */
struct drawing {
    unsigned width, height;
    bool drawn;
    uint32_t pixels[];
};

static bool do_draw(struct machine *m, void *args, struct letter *l) {
    struct drawing *d = args;
    unsigned w, h;
    struct dev *vga = board_vga(m->board);
    (void)l;
    vga_size(vga, &w, &h);
    d->drawn = w == d->width && h == d->height; /* else the mode has changed meanwhile */
    if (d->drawn) vga_draw(vga, d->pixels, w, h, true);
    return true;
}

static enum mon_ask draw(struct machine *m, struct mon_picture *p, bool *drawn) {
    size_t pixels = (size_t)p->width * p->height;
    struct drawing *d = calloc(1, sizeof *d + pixels * sizeof(uint32_t));
    p->pixels = malloc(pixels * sizeof(uint32_t));
    enum mon_ask a = MON_ASK_NO_MEMORY;
    if (d && p->pixels) {
        d->width = p->width;
        d->height = p->height;
        a = inspect_ask(m, do_draw, d, sizeof *d + pixels * sizeof(uint32_t));
        memcpy(p->pixels, d->pixels, pixels * sizeof(uint32_t));
        *drawn = d->drawn;
    }
    free(d);
    if (a != MON_ASK_OK || !*drawn) mon_picture_free(p);
    return a;
}

enum mon_ask mon_ask_picture(struct machine *m, struct mon_picture *p, char *errbuf, size_t errlen) {
    enum { TRIES = 5 };
    enum mon_ask a = MON_ASK_OK;
    bool drawn = false;
    for (int i = 0; i < TRIES && a == MON_ASK_OK && !drawn; i++) {
        *p = (struct mon_picture){0};
        a = inspect_ask(m, do_size, p, sizeof *p);
        if (a == MON_ASK_OK && !p->width) {
            snprintf(errbuf, errlen, "the machine has no screen");
            return MON_ASK_FAILED;
        }
        if (a == MON_ASK_OK) a = draw(m, p, &drawn);
    }
    if (a != MON_ASK_OK || drawn) return a;
    snprintf(errbuf, errlen, "the screen's mode keeps changing");
    return MON_ASK_FAILED;
}

void mon_picture_free(struct mon_picture *p) {
    free(p->pixels);
    *p = (struct mon_picture){0};
}

bool mon_picture_png(FILE *f, const struct mon_picture *p) { return png_write(f, p->pixels, p->width, p->height); }

static bool do_text(struct machine *m, void *args, struct letter *l) {
    struct mon_screen_text *t = args;
    struct dev *vga = board_vga(m->board);
    char *text = vga ? screen_text(vga, false) : NULL;
    (void)l;
    t->text[0] = 0;
    if (text && strlen(text) < sizeof t->text) strcpy(t->text, text);
    free(text);
    return true;
}

enum mon_ask mon_ask_screen_text(struct machine *m, struct mon_screen_text *t) {
    return inspect_ask(m, do_text, t, sizeof *t);
}

struct session {
    int fd;
    char error[128];
};

/* The socket is made here and not by who asks: a question that nobody opens any more leaves nothing behind. */
static bool do_session(struct machine *m, void *args, struct letter *l) {
    struct session *s = args;
    int pair[2];
    (void)l;
    s->fd = -1;
    if (!board_vga(m->board)) {
        snprintf(s->error, sizeof s->error, "the machine has no screen");
    } else if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair)) {
        snprintf(s->error, sizeof s->error, "no socket: %s", strerror(errno));
    } else if (display_serve(m, &m->sessions, pair[0], s->error, sizeof s->error)) {
        s->fd = pair[1];
    } else {
        close(pair[0]);
        close(pair[1]);
    }
    return true;
}

enum mon_ask mon_ask_screen_session(struct machine *m, int *fd, char *errbuf, size_t errlen) {
    struct session s = {.fd = -1};
    enum mon_ask a = inspect_ask(m, do_session, &s, sizeof s);
    *fd = s.fd;
    if (a != MON_ASK_OK || s.fd >= 0) return a;
    snprintf(errbuf, errlen, "%s", s.error);
    return MON_ASK_FAILED;
}

/* ---- The keyboard ---- */

struct chord {
    unsigned n;
    uint16_t codes[MON_KEYS];
    unsigned hold_ms;
    bool taken;
};

static bool do_chord(struct machine *m, void *args, struct letter *l) {
    struct chord *c = args;
    (void)l;
    c->taken = keyboard_hold(&m->keyboard, c->codes, c->n, c->hold_ms);
    return true;
}

/* A name, or a number as the keyboard's scan code set 1 has it. 0: there is no such key. */
static uint16_t key_code(const char *name) {
    bool shifted;
    char *end;
    unsigned long number = name[0] == '0' && name[1] == 'x' ? strtoul(name, &end, 16) : 0;
    if (number) return *end || number > 0xFF ? 0 : keymap_xt((uint32_t)number);
    return keymap_code(keymap_name(name, strlen(name)), &shifted);
}

enum mon_ask mon_ask_chord(struct machine *m, const char *const *names, unsigned n, unsigned hold_ms, char *errbuf,
                           size_t errlen) {
    struct chord c = {.n = n, .hold_ms = hold_ms};
    if (hold_ms > KEYBOARD_HOLD_MAX_MS) {
        snprintf(errbuf, errlen, "keys can be held for 1 to %d ms", KEYBOARD_HOLD_MAX_MS);
        return MON_ASK_FAILED;
    }
    for (unsigned i = 0; i < n && i < MON_KEYS; i++) {
        c.codes[i] = key_code(names[i]);
        if (c.codes[i]) continue;
        snprintf(errbuf, errlen, "there is no key '%.60s'", names[i]);
        return MON_ASK_FAILED;
    }
    if (!n || n > MON_KEYS) {
        snprintf(errbuf, errlen, "1 to %d keys at once", MON_KEYS);
        return MON_ASK_FAILED;
    }
    enum mon_ask a = inspect_ask(m, do_chord, &c, sizeof c);
    if (a != MON_ASK_OK || c.taken) return a;
    snprintf(errbuf, errlen, "too many keys wait for the guest already");
    return MON_ASK_FAILED;
}

/* ---- The serial line ---- */

struct typed {
    size_t n;
    uint8_t bytes[MON_TYPE_MAX];
};

static bool do_type(struct machine *m, void *args, struct letter *l) {
    struct typed *t = args;
    (void)l;
    t->n = m->tap ? serial_tap_type(m->tap, t->bytes, t->n) : t->n;
    return true;
}

enum mon_ask mon_ask_serial_type(struct machine *m, const void *bytes, size_t *n) {
    struct typed t = {.n = *n < MON_TYPE_MAX ? *n : MON_TYPE_MAX};
    memcpy(t.bytes, bytes, t.n);
    enum mon_ask a = inspect_ask(m, do_type, &t, sizeof t);
    *n = a == MON_ASK_OK ? t.n : 0;
    return a;
}

/* After the last look nothing can come unannounced. */
size_t mon_serial_read(struct machine *m, uint64_t *from, void *buf, size_t size) {
    if (!m->tap) return 0;
    size_t n = serial_tap_read(m->tap, from, buf, size);
    if (n) return n;
    __atomic_store_n(&m->tap->wanted, true, __ATOMIC_SEQ_CST);
    return serial_tap_read(m->tap, from, buf, size);
}
