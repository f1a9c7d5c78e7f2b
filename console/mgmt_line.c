#include "console/mgmt_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS = 64, WORD_MAX = 1024 };

/* ---- Words ---- */

static const char *skip_blanks(const char *s) {
    while (*s == ' ' || *s == '\t' || *s == '\r' || *s == '\n') s++;
    return s;
}

static bool word_ends(char c) { return !c || c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

/* The word at s, without its quotes, cut to size; returns what follows it. */
static const char *take_word(const char *s, char *word, size_t size) {
    size_t n = 0;
    bool quoted = false;
    for (; quoted ? *s != 0 : !word_ends(*s); s++) {
        if (*s == '"') {
            quoted = !quoted;
            continue;
        }
        if (quoted && *s == '\\' && s[1]) s++;
        if (n + 1 < size) word[n++] = *s;
    }
    word[n] = 0;
    return skip_blanks(s);
}

/* ---- Which row ---- */

/* Does the text begin with these words ("info status")? *rest: what follows. A slash ends the last of them as well. */
static bool begins(const char *text, const char *words, size_t len, const char **rest) {
    text = skip_blanks(text);
    for (size_t i = 0; i < len; i++) {
        if (words[i] != ' ') {
            if (*text++ != words[i]) return false;
            continue;
        }
        if (!word_ends(*text)) return false;
        text = skip_blanks(text);
    }
    if (!word_ends(*text) && *text != '/') return false;
    *rest = *text == '/' ? text : skip_blanks(text);
    return true;
}

/* A row's line holds other spellings behind bars: "print|p". Length of the one that fits; 0: none. */
static size_t row_fits(const char *text, const char *line, const char **rest) {
    for (const char *at = line; at;) {
        size_t len = strcspn(at, "|");
        if (begins(text, at, len, rest)) return len;
        at = at[len] ? at + len + 1 : NULL;
    }
    return 0;
}

/* The longest that fits. */
static const struct mgmt_command *find_row(const char *text, const char **rest) {
    const struct mgmt_command *c, *best = NULL;
    size_t best_len = 0;
    for (unsigned i = 0; (c = mgmt_command_at(i)); i++) {
        const char *behind;
        size_t len = c->line ? row_fits(text, c->line, &behind) : 0;
        if (len <= best_len) continue;
        best = c;
        best_len = len;
        *rest = behind;
    }
    return best;
}

/* ---- Values ---- */

static const struct mgmt_arg *find_type(const struct mgmt_command *row, enum mgmt_type type) {
    for (const struct mgmt_arg *a = row->args; a && a->name; a++)
        if (a->type == type) return a;
    return NULL;
}

/* --name, or -n by its first letter. */
static const struct mgmt_arg *find_option(const struct mgmt_command *row, const char *word) {
    bool full = word[1] == '-';
    for (const struct mgmt_arg *a = row->args; a && a->name; a++)
        if (a->option && (full ? !strcmp(a->name, word + 2) : word[1] == a->name[0] && !word[2])) return a;
    return NULL;
}

static bool is_option(const char *word) {
    return word[0] == '-' && (word[1] == '-' || (word[1] >= 'a' && word[1] <= 'z'));
}

static json_t *number(struct mgmt_call *c, const char *name, const char *text) {
    char *end;
    errno = 0;
    long long v = strtoll(text, &end, 0);
    if (errno || end == text || *end) return mgmt_fail(c, "%s must be a number, not '%.100s'", name, text);
    return json_integer(v);
}

static json_t *boolean(struct mgmt_call *c, const char *name, const char *text) {
    bool on = !strcmp(text, "on"), off = !strcmp(text, "off");
    return on || off ? json_boolean(on) : mgmt_fail(c, "%s must be on or off, not '%.100s'", name, text);
}

static json_t *expression(struct mgmt_call *c, const char *text) {
    int64_t v;
    return mgmt_expr(c, text, &v) ? json_integer(v) : NULL;
}

static json_t *string(struct mgmt_call *c, const char *name, const char *text) {
    json_t *s = json_string(text);
    return s ? s : mgmt_fail(c, "%s is not UTF-8", name);
}

static bool set_value(struct mgmt_call *c, const struct mgmt_arg *a, const char *text) {
    json_t *v;
    switch (a->type) {
    case MGMT_INT: v = number(c, a->name, text); break;
    case MGMT_BOOL: v = boolean(c, a->name, text); break;
    case MGMT_EXPR: v = expression(c, text); break;
    default: v = string(c, a->name, text); break;
    }
    return v && !json_object_set_new(c->args, a->name, v);
}

/* ---- Arguments ---- */

/* What stands at the option's place; *rest moves behind it. */
static bool take_option(struct mgmt_call *c, const struct mgmt_command *row, const char *word, const char **rest) {
    const struct mgmt_arg *a = find_option(row, word);
    char value[WORD_MAX];
    if (!a) return mgmt_fail(c, "unknown option '%.100s'", word), false;
    if (a->type == MGMT_BOOL) return !json_object_set_new(c->args, a->name, json_true());
    if (!**rest) return mgmt_fail(c, "option '%.100s' needs a value", word), false;
    *rest = take_word(*rest, value, sizeof value);
    return set_value(c, a, value);
}

/* The n-th of those that go by their place. */
static const struct mgmt_arg *placed(const struct mgmt_command *row, unsigned n) {
    for (const struct mgmt_arg *a = row->args; a && a->name; a++) {
        bool by_place = !a->option && a->type != MGMT_FORMAT && a->type != MGMT_VALUE;
        if (by_place && !n--) return a;
    }
    return NULL;
}

static bool takes_rest(const struct mgmt_command *row, const struct mgmt_arg *a, unsigned n) {
    return a->type == MGMT_REST || (a->type == MGMT_EXPR && !placed(row, n + 1));
}

static bool take_args(struct mgmt_call *c, const struct mgmt_command *row, const char *rest) {
    for (unsigned n = 0; *rest;) {
        char word[WORD_MAX];
        const char *from = rest;
        const struct mgmt_arg *a = placed(row, n);
        rest = take_word(rest, word, sizeof word);
        if (is_option(word)) {
            if (!take_option(c, row, word, &rest)) return false;
        } else if (!a) {
            return mgmt_fail(c, "unexpected argument '%.100s'", word), false;
        } else if (takes_rest(row, a, n)) {
            return set_value(c, a, from);
        } else {
            n++;
            if (!set_value(c, a, word)) return false;
        }
    }
    return true;
}

/* Behind a slash at the command's name, or a blank after it. */
static bool take_format(struct mgmt_call *c, const struct mgmt_command *row, const char **rest) {
    char word[WORD_MAX];
    const struct mgmt_arg *a = find_type(row, MGMT_FORMAT);
    if (**rest != '/' || (!a && word_ends((*rest)[-1]))) return true; /* a file's name, say */
    *rest = take_word(*rest + 1, word, sizeof word);
    return a ? set_value(c, a, word) : (mgmt_fail(c, "'%.100s' takes no format", row->line), false);
}

const struct mgmt_command *mgmt_line_parse(struct mgmt_call *c, const char *line) {
    char word[WORD_MAX];
    const char *rest;
    const struct mgmt_command *row = find_row(line, &rest);
    c->error[0] = 0;
    c->args = json_object();
    take_word(skip_blanks(line), word, sizeof word);
    if (row && take_format(c, row, &rest) && take_args(c, row, rest)) return row;
    if (!row) mgmt_fail(c, word[0] ? "unknown command: '%.100s' (try help)" : "there is no command", word);
    return NULL;
}

/* ---- Completion ---- */

static void offer(json_t *list, const char *word, size_t len, const char *begun) {
    size_t i;
    json_t *have;
    if (strncmp(word, begun, strlen(begun)) || strlen(begun) > len) return;
    json_array_foreach(list, i, have) {
        if (!strncmp(json_string_value(have), word, len) && !json_string_value(have)[len]) return;
    }
    json_array_append_new(list, json_stringn(word, len));
}

/* The last word of the text; what stands before it is of *before bytes. */
static const char *last_word(const char *text, size_t *before) {
    size_t n = strlen(text);
    while (n && !word_ends(text[n - 1])) n--;
    *before = n;
    return text + n;
}

/* The word of `words` that comes after the text before it. */
static void offer_command(json_t *list, const char *words, const char *text, size_t before, const char *begun) {
    size_t n = 0;
    const char *t = skip_blanks(text), *end = text + before;
    while (t < end) {
        size_t len = strcspn(t, " \t");
        if (strncmp(words + n, t, len) || words[n + len] != ' ') return;
        n += len + 1;
        t = skip_blanks(t + len);
    }
    offer(list, words + n, strcspn(words + n, " |"), begun);
}

static void offer_choices(json_t *list, const struct mgmt_arg *a, const char *begun) {
    if (a->type == MGMT_BOOL) offer(list, "on", 2, begun), offer(list, "off", 3, begun);
    for (const char *at = a->choices; at;) {
        size_t len = strcspn(at, "|");
        offer(list, at, len, begun);
        at = at[len] ? at + len + 1 : NULL;
    }
}

/* The argument that the last word is, after the words in between. */
static void offer_arguments(json_t *list, const struct mgmt_command *row, const char *rest, const char *begun) {
    const struct mgmt_arg *wanted = NULL, *by_place;
    unsigned n = 0;
    while (rest < begun && *rest) {
        char word[WORD_MAX];
        bool value = wanted && wanted->option;
        rest = take_word(rest, word, sizeof word);
        wanted = is_option(word) ? find_option(row, word) : NULL;
        if (wanted && wanted->type == MGMT_BOOL) wanted = NULL;
        if (!wanted && !value && !is_option(word)) n++;
    }
    by_place = placed(row, n);
    if (!wanted && by_place) wanted = by_place;
    if (wanted && begun[0] != '-') offer_choices(list, wanted, begun);
    for (const struct mgmt_arg *a = row->args; begun[0] == '-' && a && a->name; a++) {
        char option[WORD_MAX];
        int len = a->option ? snprintf(option, sizeof option, "--%s", a->name) : 0;
        if (len > 0) offer(list, option, (size_t)len, begun);
    }
}

json_t *mgmt_line_complete(const char *line) {
    size_t before;
    const char *begun = last_word(line, &before), *rest;
    json_t *list = json_array();
    const struct mgmt_command *c, *row;
    for (unsigned i = 0; (c = mgmt_command_at(i)); i++)
        if (c->line) offer_command(list, c->line, line, before, begun);
    row = find_row(line, &rest);
    if (row && rest <= begun && before) offer_arguments(list, row, rest, begun);
    return list;
}

/* ---- Help ---- */

static void usage_arg(const struct mgmt_arg *a, struct mgmt_text *out) {
    const char *open = a->optional ? " [" : " ", *close = a->optional ? "]" : "";
    if (a->type == MGMT_VALUE || a->type == MGMT_FORMAT) return;
    if (a->option && a->type == MGMT_BOOL)
        mgmt_print(out, "%s--%s%s", open, a->name, close);
    else if (a->option)
        mgmt_print(out, "%s--%s %s%s", open, a->name, a->choices ? a->choices : a->name, close);
    else
        mgmt_print(out, "%s%s%s", open, a->choices ? a->choices : a->name, close);
}

static void usage(const struct mgmt_command *row, struct mgmt_text *out) {
    mgmt_print(out, "%.*s", (int)strcspn(row->line, "|"), row->line);
    if (find_type(row, MGMT_FORMAT)) mgmt_print(out, "/FORMAT");
    for (const struct mgmt_arg *a = row->args; a && a->name; a++) usage_arg(a, out);
}

static void help_all(struct mgmt_text *out) {
    const struct mgmt_command *c;
    for (unsigned i = 0; (c = mgmt_command_at(i)); i++) {
        if (!c->line) continue;
        usage(c, out);
        mgmt_print(out, " -- %s\n", c->help);
    }
}

static void help_one(const struct mgmt_command *row, struct mgmt_text *out) {
    usage(row, out);
    mgmt_print(out, "\n  %s\n", row->help);
    const char *other = strchr(row->line, '|');
    if (other) mgmt_print(out, "  also: %s\n", other + 1);
    if (row->qmp) mgmt_print(out, "  protocol: %s\n", row->qmp);
    for (const struct mgmt_arg *a = row->args; a && a->name; a++)
        if (a->help) mgmt_print(out, "  %s%s: %s\n", a->option ? "--" : "", a->name, a->help);
}

/* All whose lines begin so: "info" is not a command, but many begin with it. */
static bool help_some(const char *begin, struct mgmt_text *out) {
    const struct mgmt_command *c;
    size_t len = strlen(begin);
    bool any = false;
    for (unsigned i = 0; (c = mgmt_command_at(i)); i++) {
        if (!c->line || strncmp(c->line, begin, len) || c->line[len] != ' ') continue;
        usage(c, out);
        mgmt_print(out, " -- %s\n", c->help);
        any = true;
    }
    return any;
}

bool mgmt_line_help(const char *command, struct mgmt_text *out) {
    const char *rest;
    if (!command || !*skip_blanks(command)) return help_all(out), true;
    const struct mgmt_command *row = find_row(command, &rest);
    if (!row) return help_some(skip_blanks(command), out);
    help_one(row, out);
    return true;
}
