/* opt_chr.c: where the bytes of serial ports and the debug console go. */
#include <string.h>
#include "console/options.h"

/* The part after a prefix and colon, or NULL. */
static const char *after(const char *v, const char *prefix) {
    size_t n = strlen(prefix);
    return !strncmp(v, prefix, n) && v[n] ? v + n : NULL;
}

static const char *parse_chr(struct run_options *r, struct mon_chr_config *c, const char *v) {
    const char *path;
    *c = (struct mon_chr_config){.kind = MON_CHR_NONE};
    if (!strcmp(v, "none")) return NULL;
    if (!strcmp(v, "null"))
        c->kind = MON_CHR_NULL;
    else if (!strcmp(v, "stdio"))
        c->kind = MON_CHR_STDIO;
    else if (!strcmp(v, "pty"))
        c->kind = MON_CHR_PTY;
    else if ((path = after(v, "file:")))
        *c = (struct mon_chr_config){MON_CHR_FILE, opt_path(r, path)};
    else if ((path = after(v, "unix:")))
        *c = (struct mon_chr_config){MON_CHR_UNIX, opt_path(r, path)};
    else
        return "must be stdio, pty, null, none, file:PATH or unix:PATH";
    return NULL;
}

const char *opt_serial(struct run_options *r, const char *v) {
    struct mon_config *c = &r->config;
    if (!r->serial_given) c->serials = 0;
    r->serial_given = true;
    return c->serials == MON_SERIALS ? "is one too many" : parse_chr(r, &c->serial[c->serials++], v);
}

const char *opt_parallel(struct run_options *r, const char *v) { return parse_chr(r, &r->config.parallel, v); }

const char *opt_debugcon(struct run_options *r, const char *v) { return parse_chr(r, &r->config.debugcon, v); }
