/*
 * machine_file.c: see machine_file.h.
 *
 * Every value is turned into the text that the command line would have, so that
 * there is one parser: true and false into on and off, an object into
 * key=value,... with its commas doubled, an array into repetitions.
 */
#include "console/machine_file.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "console/command.h"
#include "console/options.h"

enum { REAL_DIGITS = 9, NAME_MAX_SHOWN = 60 };

struct reader {
    struct run_options *r;
    const char *path;
    const char *text; /* of the whole file, for line numbers */
};

bool machine_file_is(const char *path) {
    size_t n = strlen(path);
    return n > 5 && !strcmp(path + n - 5, ".json");
}

/* ---- Where a key stands ---- */

/* Behind the string that starts at p. The text is known to be valid. */
static const char *end_of_string(const char *p) {
    for (p++; *p && *p != '"'; p++)
        if (*p == '\\' && p[1]) p++;
    return *p ? p + 1 : p;
}

static bool is_key(const char *start, const char *end, const char *key) {
    size_t len = (size_t)(end - start);
    const char *next = end + strspn(end, " \t\r\n");
    return *next == ':' && len == strlen(key) + 2 && !memcmp(start + 1, key, len - 2);
}

static unsigned line_of(const char *text, const char *key) {
    unsigned line = 1;
    int depth = 0;
    for (const char *p = text; *p;) {
        if (*p == '"') {
            const char *end = end_of_string(p);
            if (depth == 1 && is_key(p, end, key)) return line;
            p = end;
            continue;
        }
        line += *p == '\n';
        depth += (*p == '{' || *p == '[') - (*p == '}' || *p == ']');
        p++;
    }
    return 1;
}

static int complain(const struct reader *m, const char *key, const char *what) {
    fprintf(stderr, "novt: %s:%u: %.*s: %s\n", m->path, line_of(m->text, key), NAME_MAX_SHOWN, key, what);
    return CON_USAGE;
}

/* ---- Values as text ---- */

/* A number, string or switch as an option's value; NULL: it is none of them. */
static const char *scalar(struct run_options *r, const json_t *v) {
    if (json_is_string(v)) return opt_copy(r, json_string_value(v), json_string_length(v));
    if (json_is_boolean(v)) return json_is_true(v) ? "on" : "off";
    if (!json_is_number(v)) return NULL;
    char *text = json_dumps(v, JSON_ENCODE_ANY | JSON_REAL_PRECISION(REAL_DIGITS));
    const char *copy = text ? opt_copy(r, text, strlen(text)) : NULL;
    free(text);
    return copy;
}

/* key=value, behind what is there already, each comma in the value doubled. */
static char *append_pair(struct run_options *r, const char *sofar, const char *key, const char *value) {
    size_t have = strlen(sofar), need = have + strlen(key) + 2 * strlen(value) + 3;
    char *zeros = calloc(1, need), *out, *p;
    if (!zeros) return NULL;
    out = opt_copy(r, zeros, need - 1);
    free(zeros);
    p = out + sprintf(out, "%s%s%s=", sofar, have ? "," : "", key);
    for (const char *v = value; *v; *p++ = *v++)
        if (*v == ',') *p++ = ',';
    *p = 0;
    return out;
}

static const char *object_text(struct run_options *r, json_t *object) {
    const char *text = "", *key;
    json_t *v;
    json_object_foreach(object, key, v) {
        const char *value = scalar(r, v);
        text = value ? append_pair(r, text, key, value) : NULL;
        if (!text) return NULL;
    }
    return text;
}

/* ---- Options ---- */

static int take_one(const struct reader *m, const char *key, json_t *v) {
    struct run_options *r = m->r;
    char line[RUN_MESSAGE + 200];
    if (!run_option_has_value(key)) {
        if (!json_is_boolean(v)) return complain(m, key, "must be true or false");
        if (json_is_true(v)) run_option_set(r, key, NULL);
        return 0;
    }
    const char *text = json_is_object(v) ? object_text(r, v) : scalar(r, v);
    if (!text) return complain(m, key, "must be a string, a number, true, false or an object of these");
    const char *wrong = run_option_set(r, key, text);
    if (!wrong) return 0;
    snprintf(line, sizeof line, "'%.150s' %s", text, wrong);
    return complain(m, key, line);
}

static int take_key(const struct reader *m, const char *key, json_t *v) {
    size_t i;
    json_t *element;
    if (!run_option_exists(key)) return complain(m, key, "no option has this name");
    if (run_option_given(m->r, key)) return 0;
    if (!json_is_array(v)) return take_one(m, key, v);
    if (!run_option_repeats(key)) return complain(m, key, "takes one value, not an array");
    json_array_foreach(v, i, element) {
        int bad = take_one(m, key, element);
        if (bad) return bad;
    }
    return 0;
}

static int take_all(const struct reader *m, json_t *root) {
    const char *key;
    json_t *v;
    json_object_foreach(root, key, v) {
        int bad = take_key(m, key, v);
        if (bad) return bad;
    }
    return 0;
}

/* ---- The file ---- */

enum { FILE_BYTES_MAX = 1 << 20 };

/* The file with a zero behind it; NULL: errno tells, or it is too long. */
static char *read_text(const char *path) {
    FILE *f = fopen(path, "re");
    char *text = f ? calloc(1, FILE_BYTES_MAX + 1) : NULL;
    size_t n = text ? fread(text, 1, FILE_BYTES_MAX, f) : 0;
    bool bad = !text || ferror(f) || n == FILE_BYTES_MAX;
    if (f) fclose(f);
    if (!bad) return text;
    free(text);
    return NULL;
}

static const char *directory(struct run_options *r, const char *path) {
    const char *slash = strrchr(path, '/');
    if (!slash) return NULL;
    return opt_copy(r, path, slash == path ? 1 : (size_t)(slash - path));
}

int machine_file_load(struct run_options *r, const char *path) {
    struct reader m = {.r = r, .path = path};
    json_error_t error;
    char *text = read_text(path);
    m.text = text;
    if (!text) {
        fprintf(stderr, "novt: %s: cannot be read as a machine file\n", path);
        return CON_USAGE;
    }
    json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    int code = CON_USAGE;
    if (!root)
        fprintf(stderr, "novt: %s:%d: %s\n", path, error.line, error.text);
    else if (!json_is_object(root))
        fprintf(stderr, "novt: %s:1: a machine file is one object\n", path);
    else {
        r->base_dir = directory(r, path);
        code = take_all(&m, root);
        r->base_dir = NULL;
    }
    json_decref(root);
    free(text);
    return code;
}
