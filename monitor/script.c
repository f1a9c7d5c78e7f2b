/*
 * script.c: runs the commands of a script, one after the other, from a timer.
 */
#include "monitor/script_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "monitor/board.h"
#include "monitor/drives.h"
#include "monitor/keymap.h"
#include "monitor/machine.h"
#include "monitor/screen.h"

enum { POLL_NS = 20000000, DEFAULT_TIMEOUT_S = 60 };
#define NS_PER_S UINT64_C(1000000000)

struct mon_script {
    struct machine *m;
    const char *path;
    struct script_program program;
    unsigned at; /* the command that runs; program.count: done */
    bool entered, failed;
    uint64_t entered_ns;
    size_t sent;      /* of the command's text */
    uint64_t wait_ns; /* default of wait */
    enum { INSERT_IDLE, INSERT_RUNS, INSERT_ENDED } insert;
    enum drives_change inserted;
    char why[512]; /* an insertion failed */
    struct dev_timer timer;
    struct script_line line;
};

/* What a command says after a look: go on, look again later, or the script has failed. */
enum verdict { DONE, AGAIN, FAILED };

static uint64_t now(const struct mon_script *s) { return clock_now(&s->m->real); }
static struct script_command *current(struct mon_script *s) { return &s->program.commands[s->at]; }

/* ---- Failing ---- */

static void complain(struct mon_script *s, const char *what) {
    s->failed = true;
    fprintf(stderr, "novt: %s:%u: %s\n", s->path, current(s)->line, what);
}

static enum verdict fail(struct mon_script *s, const char *what) {
    complain(s, what);
    machine_request_exit(s->m, MON_EXIT_SCRIPT, MON_CAUSE_USER);
    return FAILED;
}

/* ---- Waiting ---- */

static bool on_screen(const struct mon_script *s, const char *text) {
    struct dev *vga = board_vga(s->m->board);
    char *shown = vga ? screen_text(vga, true) : NULL;
    bool found = shown && strstr(shown, text);
    free(shown);
    return found;
}

static bool condition(struct mon_script *s, const struct script_command *c) {
    switch (c->op) {
    case SCRIPT_WAIT_SCREEN: return on_screen(s, c->text);
    case SCRIPT_WAIT_SERIAL: return script_line_find(&s->line, c->text, c->text_len);
    default: return false; /* wait end: the machine's end ends it */
    }
}

static enum verdict do_wait(struct mon_script *s, struct script_command *c) {
    uint64_t limit = c->ns ? c->ns : s->wait_ns;
    if (condition(s, c)) return DONE;
    if (now(s) - s->entered_ns < limit) return AGAIN;
    char what[160];
    snprintf(what, sizeof what, "waited %u s in vain for %s%.80s", (unsigned)(limit / NS_PER_S),
             c->op == SCRIPT_WAIT_END      ? "the machine's end"
             : c->op == SCRIPT_WAIT_SCREEN ? "the screen to show: "
                                           : "the serial port to say: ",
             c->text ? c->text : "");
    return fail(s, what);
}

static enum verdict do_sleep(struct mon_script *s, struct script_command *c) {
    return now(s) - s->entered_ns < c->ns ? AGAIN : DONE;
}

/* ---- Acting ---- */

static uint32_t keysym_of(char ch) {
    switch (ch) {
    case '\n':
    case '\r': return KEYSYM_RETURN;
    case '\t': return KEYSYM_TAB;
    case '\b': return KEYSYM_BACKSPACE;
    case '\033': return KEYSYM_ESCAPE;
    default: return (unsigned char)ch;
    }
}

static enum verdict do_type(struct mon_script *s, struct script_command *c) {
    enum { EVENTS = 4 /* a shifted key */ };
    struct keyboard *k = &s->m->keyboard;
    while (s->sent < c->text_len && keyboard_room(k, EVENTS)) keyboard_tap(k, keysym_of(c->text[s->sent++]));
    return s->sent == c->text_len && keyboard_idle(k) ? DONE : AGAIN;
}

static enum verdict do_key(struct mon_script *s, struct script_command *c) {
    if (!s->sent) s->sent = keyboard_chord(&s->m->keyboard, c->keys, c->n_keys);
    return s->sent && keyboard_idle(&s->m->keyboard) ? DONE : AGAIN;
}

static enum verdict do_serial(struct mon_script *s, struct script_command *c) {
    size_t n = 1;
    while (n && s->sent < c->text_len)
        s->sent += n = script_line_send(&s->line, c->text + s->sent, c->text_len - s->sent);
    return s->sent == c->text_len ? DONE : AGAIN;
}

static enum verdict do_dump(struct mon_script *s, struct script_command *c) {
    char error[512];
    struct dev *vga = board_vga(s->m->board);
    if (!vga) return fail(s, "there is no screen");
    return screen_dump(vga, c->text, error, sizeof error) ? DONE : fail(s, error);
}

static enum verdict do_power(struct mon_script *s, struct script_command *c) {
    (void)c;
    if (!board_power_button(s->m->board))
        machine_request_exit(s->m, MON_EXIT_OK, MON_CAUSE_USER); /* nobody listens: the power goes off */
    return DONE;
}

static enum verdict do_reset(struct mon_script *s, struct script_command *c) {
    (void)c;
    machine_request_reset(s->m, MON_CAUSE_USER);
    return DONE;
}

static enum verdict do_exit(struct mon_script *s, struct script_command *c) {
    machine_request_exit(s->m, c->code, MON_CAUSE_USER);
    return DONE;
}

static enum verdict do_timeout(struct mon_script *s, struct script_command *c) {
    s->wait_ns = c->ns;
    return DONE;
}

/* The guest has been asked to give the drive free; it has the time of a wait for it. */
static enum verdict locked(struct mon_script *s) {
    return now(s) - s->entered_ns < s->wait_ns ? AGAIN : fail(s, "the guest keeps the drive locked");
}

static enum verdict do_eject(struct mon_script *s, struct script_command *c) {
    char error[512];
    switch (drives_eject(s->m->drives, (enum drives_medium)c->medium, c->force, error, sizeof error)) {
    case DRIVES_CHANGED: return DONE;
    case DRIVES_LOCKED: return locked(s);
    default: return fail(s, error);
    }
}

static void insert_ended(void *opaque, enum drives_change result, const char *why) {
    struct mon_script *s = opaque;
    s->insert = INSERT_ENDED;
    s->inserted = result;
    snprintf(s->why, sizeof s->why, "%s", why ? why : "");
}

static enum verdict start_insert(struct mon_script *s, struct script_command *c) {
    const struct mon_disk_config image = {.path = c->text};
    char error[512];
    s->insert = INSERT_RUNS;
    if (drives_insert(s->m->drives, (enum drives_medium)c->medium, &image, c->force, insert_ended, s, error,
                      sizeof error))
        return AGAIN;
    s->insert = INSERT_IDLE;
    return fail(s, error);
}

static enum verdict do_insert(struct mon_script *s, struct script_command *c) {
    if (s->insert == INSERT_IDLE) return start_insert(s, c);
    if (s->insert == INSERT_RUNS) return AGAIN;
    s->insert = INSERT_IDLE;
    if (s->inserted == DRIVES_CHANGED) return DONE;
    return s->inserted == DRIVES_LOCKED ? locked(s) : fail(s, s->why);
}

/* ---- Running ---- */

static enum verdict (*const action[])(struct mon_script *s, struct script_command *c) = {
    [SCRIPT_WAIT_SCREEN] = do_wait, [SCRIPT_WAIT_SERIAL] = do_wait, [SCRIPT_WAIT_END] = do_wait,
    [SCRIPT_TYPE] = do_type,        [SCRIPT_SERIAL] = do_serial,    [SCRIPT_KEY] = do_key,
    [SCRIPT_DUMP] = do_dump,        [SCRIPT_SLEEP] = do_sleep,      [SCRIPT_POWER] = do_power,
    [SCRIPT_RESET] = do_reset,      [SCRIPT_EXIT] = do_exit,        [SCRIPT_TIMEOUT] = do_timeout,
    [SCRIPT_INSERT] = do_insert,    [SCRIPT_EJECT] = do_eject,
};

static enum verdict step(struct mon_script *s) {
    if (!s->entered) {
        s->entered = true;
        s->entered_ns = now(s);
        s->sent = 0;
    }
    enum verdict v = action[current(s)->op](s, current(s));
    if (v != DONE) return v;
    s->entered = false;
    s->at++;
    return DONE;
}

static void look(void *opaque, uint64_t now_ns) {
    struct mon_script *s = opaque;
    (void)now_ns;
    while (s->at < s->program.count && !s->m->exit_requested && !s->failed)
        if (step(s) != DONE) break;
    if (s->at < s->program.count && !s->m->exit_requested && !s->failed)
        clock_arm(&s->m->real, &s->timer, now(s) + POLL_NS);
}

/* The serial line has news. A look takes its time: only when a command waits for this. */
static void line_changed(void *opaque) {
    struct mon_script *s = opaque;
    if (!s->timer.slot || s->at >= s->program.count) return;
    if (current(s)->op == SCRIPT_SERIAL) clock_arm(&s->m->real, &s->timer, now(s));
}

/* ---- Life ---- */

struct dev_chr *script_serial(struct mon_script *s) {
    return &s->line.front;
}

struct mon_script *script_open(struct machine *m, const char *path, struct dev_chr *back, char *errbuf, size_t errlen) {
    struct mon_script *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    s->m = m;
    s->path = path;
    s->wait_ns = DEFAULT_TIMEOUT_S * NS_PER_S;
    s->timer = (struct dev_timer){.fn = look, .opaque = s};
    script_line_init(&s->line, back, line_changed, s);
    if (script_parse(&s->program, path, errbuf, errlen)) return s;
    script_close(s);
    return NULL;
}

void script_close(struct mon_script *s) {
    if (!s) return;
    clock_cancel(&s->m->real, &s->timer);
    script_program_free(&s->program);
    free(s);
}

void script_start(struct mon_script *s) { clock_arm(&s->m->real, &s->timer, now(s)); }

/* Nothing of the command that runs is left to do but to see it arrive. */
static bool all_sent(const struct mon_script *s, const struct script_command *c) {
    switch (c->op) {
    case SCRIPT_TYPE:
    case SCRIPT_SERIAL: return s->entered && s->sent == c->text_len;
    case SCRIPT_KEY: return s->entered && s->sent;
    default: return false;
    }
}

/* Was the machine's end in the script's sense? The guest's last words may be what it waits for. */
static bool satisfied_by_end(struct mon_script *s) {
    if (s->at < s->program.count && all_sent(s, current(s))) s->at++;
    while (s->at < s->program.count && current(s)->op == SCRIPT_WAIT_SERIAL && condition(s, current(s))) s->at++;
    if (s->at < s->program.count && current(s)->op == SCRIPT_WAIT_END) s->at++;
    return s->at >= s->program.count || current(s)->op == SCRIPT_EXIT;
}

int script_finish(struct mon_script *s, int code) {
    if (s->failed || code != MON_EXIT_OK || s->m->stop_signal || satisfied_by_end(s)) return code;
    complain(s, "the machine ended before the script");
    return MON_EXIT_SCRIPT;
}
