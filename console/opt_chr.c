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
    if (!strcmp(v, "stdio"))
        c->kind = MON_CHR_STDIO;
    else if ((path = after(v, "file:")))
        *c = (struct mon_chr_config){MON_CHR_FILE, opt_path(r, path)};
    else if ((path = after(v, "unix:")))
        *c = (struct mon_chr_config){MON_CHR_UNIX, opt_path(r, path)};
    else
        return "must be stdio, none, file:PATH or unix:PATH";
    return NULL;
}

const char *opt_serial(struct run_options *r, const char *v) {
    r->serial_given = true;
    return parse_chr(r, &r->config.serial, v);
}

const char *opt_debugcon(struct run_options *r, const char *v) { return parse_chr(r, &r->config.debugcon, v); }
