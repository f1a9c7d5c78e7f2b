/*
 * script_internal.h: the parsed form of a script (script_parse.c), its serial
 * line (script_serial.c), shared with what runs it (script.c).
 */
#ifndef NOVT_MONITOR_SCRIPT_INTERNAL_H
#define NOVT_MONITOR_SCRIPT_INTERNAL_H

#include "monitor/script.h"

/* ---- Commands ---- */

enum script_op {
    SCRIPT_WAIT_SCREEN,
    SCRIPT_WAIT_SERIAL,
    SCRIPT_WAIT_END,
    SCRIPT_TYPE,
    SCRIPT_SERIAL,
    SCRIPT_KEY,
    SCRIPT_DUMP,
    SCRIPT_SLEEP,
    SCRIPT_POWER,
    SCRIPT_RESET,
    SCRIPT_EXIT,
    SCRIPT_TIMEOUT,
    SCRIPT_INSERT,
    SCRIPT_EJECT,
};
enum { SCRIPT_CHORD_MAX = 6 };

struct script_command {
    enum script_op op;
    unsigned line;
    char *text; /* wait, type, serial, dump, insert: owned; may hold zero bytes */
    size_t text_len;
    uint64_t ns; /* sleep, wait (0: the default), timeout */
    int code;    /* exit */
    uint32_t keys[SCRIPT_CHORD_MAX];
    unsigned n_keys;
    int medium; /* insert, eject: enum drives_medium; text of insert: the image's file */
    bool force;
};

struct script_program {
    struct script_command *commands;
    unsigned count;
};

/* False: errbuf holds one line. The program is to be freed either way. */
bool script_parse(struct script_program *p, const char *path, char *errbuf, size_t errlen);
void script_program_free(struct script_program *p);

/* ---- The serial line ---- */

enum { SCRIPT_SERIAL_KEPT = 1 << 16 };

struct script_line {
    struct dev_chr front;          /* the serial port's side */
    struct dev_chr *back;          /* the backend's; may be NULL */
    void (*changed)(void *opaque); /* output came, or room for input */
    void *opaque;
    size_t len;
    char seen[SCRIPT_SERIAL_KEPT + 1]; /* output that no wait has consumed */
};

void script_line_init(struct script_line *l, struct dev_chr *back, void (*changed)(void *), void *opaque);
/* Is the text there? It and all before it are then consumed. */
bool script_line_find(struct script_line *l, const char *text, size_t len);
/* Hands bytes to the serial port; returns how many it took. */
size_t script_line_send(struct script_line *l, const char *text, size_t len);
#endif
