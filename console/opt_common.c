/* opt_common.c: messages, copies and file names of option values; see options.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "console/command.h"
#include "console/options.h"
#include "console/parse.h"

struct opt_block {
    struct opt_block *next;
    char text[];
};

const char *opt_wrong(struct run_options *r, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(r->message, sizeof r->message, fmt, ap);
    va_end(ap);
    return r->message;
}

const char *opt_message(const struct run_options *r) { return r->message; }

static char *new_text(struct run_options *r, size_t bytes) {
    struct opt_block *b = malloc(sizeof *b + bytes);
    if (!b) {
        fputs("novt: out of memory\n", stderr);
        exit(CON_USAGE);
    }
    b->next = r->copies;
    r->copies = b;
    return b->text;
}

char *opt_copy(struct run_options *r, const char *s, size_t len) {
    char *out = new_text(r, len + 1);
    memcpy(out, s, len);
    out[len] = 0;
    return out;
}

const char *opt_path(struct run_options *r, const char *path) {
    if (!r->base_dir || path[0] == '/' || !path[0]) return path;
    size_t base = strlen(r->base_dir), len = strlen(path);
    char *out = new_text(r, base + len + 2);
    memcpy(out, r->base_dir, base);
    out[base] = '/';
    memcpy(out + base + 1, path, len + 1);
    return out;
}

void run_options_free(struct run_options *r) {
    for (struct opt_block *b = r->copies, *next; b; b = next) {
        next = b->next;
        free(b);
    }
    r->copies = NULL;
}

const char *opt_boot_index(uint32_t *index, const char *v) {
    uint64_t n;
    if (!parse_number(v, UINT16_MAX, &n) || !n) return "must be 1 to 65535";
    *index = (uint32_t)n;
    return NULL;
}
