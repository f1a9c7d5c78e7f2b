/*
 * script_parse.c: from lines of text to commands. The grammar is in docs/SCRIPTS.md.
 */
#include "monitor/script_internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "monitor/drives.h"
#include "monitor/keymap.h"

enum { WORDS_MAX = 32, LINE_COMMANDS_MAX = WORDS_MAX };
#define NS_PER_S UINT64_C(1000000000)

/* A word of a line, its quotes and escapes already undone. */
struct word {
    char *text;
    size_t len;
};
struct line {
    struct word word[WORDS_MAX];
    unsigned n, number;
};

/* ---- Words ---- */

static int hex_digit(char c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* The character after a backslash. False: there is no such escape. */
static bool unescape(const char **in, char *out) {
    static const char from[] = "ntrbe\\\"", to[] = "\n\t\r\b\033\\\"";
    const char *p = *in, *at = *p ? strchr(from, *p) : NULL;
    if (at) {
        *out = to[at - from];
        *in = p + 1;
        return true;
    }
    if (*p != 'x' || hex_digit(p[1]) < 0 || hex_digit(p[2]) < 0) return false;
    *out = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
    *in = p + 3;
    return true;
}

/* Reads a quoted string in place; *in is behind the opening quote. NULL, or what is wrong. */
static const char *take_string(const char **in, struct word *w) {
    char *out = w->text;
    while (**in != '"') {
        char c = *(*in)++;
        if (!c) return "the string has no end";
        if (c == '\\' && !unescape(in, &c)) return "unknown escape in the string";
        *out++ = c;
    }
    ++*in;
    w->len = (size_t)(out - w->text);
    return NULL;
}

static void take_plain(const char **in, struct word *w) {
    while (**in && !isspace((unsigned char)**in)) ++*in;
    w->len = (size_t)(*in - w->text);
}

/* Splits a line in place. NULL, or what is wrong. */
static const char *split(char *text, struct line *l) {
    const char *in = text, *wrong = NULL;
    l->n = 0;
    for (;;) {
        while (isspace((unsigned char)*in)) in++;
        if (!*in || *in == '#') return NULL;
        if (l->n == WORDS_MAX) return "too many words";
        struct word *w = &l->word[l->n++];
        bool quoted = *in == '"';
        if (quoted) in++;
        w->text = text + (in - text);
        if (quoted)
            wrong = take_string(&in, w);
        else
            take_plain(&in, w);
        if (wrong) return wrong;
    }
}

static bool is(const struct word *w, const char *s) { return w->len == strlen(s) && !memcmp(w->text, s, w->len); }

/* ---- Arguments ---- */

static bool number(const struct word *w, uint64_t *value, uint64_t max) {
    *value = 0;
    for (size_t i = 0; i < w->len; i++) {
        if (!isdigit((unsigned char)w->text[i])) return false;
        *value = *value * 10 + (uint64_t)(w->text[i] - '0');
        if (*value > max) return false;
    }
    return w->len > 0;
}

/* Seconds with up to nine decimals. */
static bool seconds(const struct word *w, uint64_t *ns) {
    enum { MAX_S = 1000000 };
    const char *dot = memchr(w->text, '.', w->len);
    struct word whole = {w->text, dot ? (size_t)(dot - w->text) : w->len};
    uint64_t s, part = 0, unit = NS_PER_S;
    if (!number(&whole, &s, MAX_S)) return false;
    for (const char *p = dot ? dot + 1 : w->text + w->len; p < w->text + w->len; p++) {
        if (!isdigit((unsigned char)*p) || unit == 1) return false;
        unit /= 10;
        part += (uint64_t)(*p - '0') * unit;
    }
    *ns = s * NS_PER_S + part;
    return true;
}

static bool copy_text(struct script_command *c, const struct word *w) {
    c->text = malloc(w->len + 1);
    if (!c->text) return false;
    memcpy(c->text, w->text, w->len);
    c->text[w->len] = 0;
    c->text_len = w->len;
    return true;
}

/* Key names with '-' between them; '-' itself is "minus". */
static bool chord(struct script_command *c, const struct word *w) {
    const char *p = w->text, *end = w->text + w->len;
    while (p < end) {
        const char *dash = memchr(p, '-', (size_t)(end - p));
        size_t len = (size_t)((dash ? dash : end) - p);
        if (c->n_keys == SCRIPT_CHORD_MAX || !(c->keys[c->n_keys++] = keymap_name(p, len))) return false;
        p += len + (dash != NULL);
    }
    return c->n_keys > 0;
}

/* ---- Commands: NULL, or what is wrong ---- */

typedef const char *parse_fn(const struct line *l, struct script_command *c);

static const char *parse_wait(const struct line *l, struct script_command *c) {
    unsigned rest = 3;
    if (l->n < 2) return "wait for what? screen, serial or end";
    if (is(&l->word[1], "end"))
        c->op = SCRIPT_WAIT_END, rest = 2;
    else if (is(&l->word[1], "screen"))
        c->op = SCRIPT_WAIT_SCREEN;
    else if (is(&l->word[1], "serial"))
        c->op = SCRIPT_WAIT_SERIAL;
    else
        return "wait for screen, serial or end";
    if (rest == 3 && (l->n < 3 || !l->word[2].len)) return "wait for which text?";
    if (rest == 3 && !copy_text(c, &l->word[2])) return "out of memory";
    if (l->n > rest + 1 || (l->n == rest + 1 && (!seconds(&l->word[rest], &c->ns) || !c->ns)))
        return "the last word must be seconds";
    return NULL;
}

static const char *parse_text(const struct line *l, struct script_command *c) {
    if (l->n != 2) return "takes one text (in double quotes)";
    return copy_text(c, &l->word[1]) ? NULL : "out of memory";
}

static const char *parse_type(const struct line *l, struct script_command *c) {
    const char *wrong = parse_text(l, c);
    for (size_t i = 0; !wrong && i < c->text_len; i++)
        if (!isprint((unsigned char)c->text[i]) && !strchr("\n\r\t\b\033", c->text[i]))
            wrong = "no key types a character of this text";
    return wrong;
}

static const char *parse_key(const struct line *l, struct script_command *c) {
    return l->n == 2 && chord(c, &l->word[1]) ? NULL : "takes key names such as ctrl-alt-delete";
}

static const char *parse_dump(const struct line *l, struct script_command *c) {
    const struct word *w = &l->word[1];
    bool known = l->n == 2 && w->len > 4 &&
                 (!memcmp(w->text + w->len - 4, ".png", 4) || !memcmp(w->text + w->len - 4, ".txt", 4));
    if (!known) return "takes a file that ends in .png or .txt";
    return copy_text(c, w) ? NULL : "out of memory";
}

static const char *parse_seconds(const struct line *l, struct script_command *c) {
    return l->n == 2 && seconds(&l->word[1], &c->ns) && c->ns ? NULL : "takes seconds such as 30 or 0.5";
}

static const char *parse_nothing(const struct line *l, struct script_command *c) {
    (void)c;
    return l->n == 1 ? NULL : "takes nothing more";
}

static const char *parse_exit(const struct line *l, struct script_command *c) {
    uint64_t v = 0;
    if (l->n > 2 || (l->n == 2 && !number(&l->word[1], &v, 255))) return "takes a code from 0 to 255";
    c->code = (int)v;
    return NULL;
}

/* The words of eject, and of insert, which has a file behind the drive. */
static const char *parse_medium(const struct line *l, struct script_command *c) {
    unsigned n = c->op == SCRIPT_INSERT ? 3 : 2;
    c->force = l->n == n + 1 && is(&l->word[n], "force");
    if (l->n != n + c->force || !l->word[n - 1].len)
        return n == 3 ? "takes a drive and a file" : "takes a drive: cdrom, floppy0 or floppy1";
    c->medium = (int)drives_medium_parse(l->word[1].text, l->word[1].len);
    if (c->medium == DRIVES_MEDIA) return "there are the drives cdrom, floppy0 and floppy1";
    return n == 2 || copy_text(c, &l->word[2]) ? NULL : "out of memory";
}

static const struct {
    const char *name;
    enum script_op op;
    parse_fn *parse;
} verbs[] = {
    {"wait", SCRIPT_WAIT_SCREEN, parse_wait}, {"type", SCRIPT_TYPE, parse_type},
    {"serial", SCRIPT_SERIAL, parse_text},    {"key", SCRIPT_KEY, parse_key},
    {"dump", SCRIPT_DUMP, parse_dump},        {"sleep", SCRIPT_SLEEP, parse_seconds},
    {"power", SCRIPT_POWER, parse_nothing},   {"reset", SCRIPT_RESET, parse_nothing},
    {"exit", SCRIPT_EXIT, parse_exit},        {"timeout", SCRIPT_TIMEOUT, parse_seconds},
    {"insert", SCRIPT_INSERT, parse_medium},  {"eject", SCRIPT_EJECT, parse_medium},
};

static const char *parse_command(const struct line *l, struct script_command *c) {
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (!is(&l->word[0], verbs[i].name)) continue;
        *c = (struct script_command){.op = verbs[i].op, .line = l->number};
        return verbs[i].parse(l, c);
    }
    return "unknown command";
}

/* ---- Files ---- */

static struct script_command *append(struct script_program *p) {
    struct script_command *grown = realloc(p->commands, (p->count + 1) * sizeof *grown);
    if (!grown) return NULL;
    p->commands = grown;
    grown[p->count] = (struct script_command){0};
    return &grown[p->count++];
}

static const char *parse_line(struct script_program *p, char *text, unsigned number) {
    struct line l = {.number = number};
    const char *wrong = split(text, &l);
    if (wrong || !l.n) return wrong;
    struct script_command *c = append(p);
    return c ? parse_command(&l, c) : "out of memory";
}

bool script_parse(struct script_program *p, const char *path, char *errbuf, size_t errlen) {
    char *text = NULL;
    size_t size = 0;
    unsigned number = 0;
    const char *wrong = NULL;
    FILE *f = fopen(path, "r");
    if (!f) {
        snprintf(errbuf, errlen, "script %s: %s", path, strerror(errno));
        return false;
    }
    while (!wrong && getline(&text, &size, f) >= 0) wrong = parse_line(p, text, ++number);
    if (wrong) snprintf(errbuf, errlen, "%s:%u: %s", path, number, wrong);
    free(text);
    fclose(f);
    return !wrong;
}

void script_program_free(struct script_program *p) {
    for (unsigned i = 0; i < p->count; i++) free(p->commands[i].text);
    free(p->commands);
    *p = (struct script_program){0};
}
