/* opt_display.c: the display adapter, who looks at it, and pictures of it. */
#include <stddef.h>
#include <string.h>
#include "console/keyvalue.h"
#include "console/options.h"
#include "console/parse.h"

enum { VNC_PORT = 5900, VNC_DISPLAYS = 65536 - VNC_PORT };

const char *opt_dump_screen(struct run_options *r, const char *v) {
    return r->config.dump_screen = opt_path(r, v), NULL;
}

const char *opt_vga(struct run_options *r, const char *v) {
    r->config.vga = !strcmp(v, "std");
    return r->config.vga || !strcmp(v, "none") ? NULL : "must be std or none";
}

static const char *take_none(struct run_options *r, void *target, const char *v) {
    (void)r, (void)v;
    return ((struct mon_display_config *)target)->kind = MON_DISPLAY_NONE, NULL;
}

static const char *take_curses(struct run_options *r, void *target, const char *v) {
    (void)r, (void)v;
    return ((struct mon_display_config *)target)->kind = MON_DISPLAY_CURSES, NULL;
}

/* ADDRESS:N */
static const char *take_vnc(struct run_options *r, void *target, const char *v) {
    struct mon_display_config *d = target;
    const char *colon = strrchr(v, ':');
    uint64_t n;
    (void)r;
    d->kind = MON_DISPLAY_VNC;
    if (!colon || colon == v || (size_t)(colon - v) >= sizeof d->host || !parse_number(colon + 1, VNC_DISPLAYS - 1, &n))
        return "must be ADDRESS:N";
    memcpy(d->host, v, (size_t)(colon - v));
    d->host[colon - v] = 0;
    d->port = (unsigned)(VNC_PORT + n);
    return NULL;
}

static const struct kv_key display_keys[] = {
    {.name = "none", .type = KV_WORD, .call = take_none},
    {.name = "curses", .type = KV_WORD, .call = take_curses},
    {.name = "vnc", .type = KV_CALL, .call = take_vnc},
    {.name = "password", .type = KV_TEXT, .at = offsetof(struct mon_display_config, password)},
    {0},
};

const char *opt_display(struct run_options *r, const char *v) {
    struct mon_display_config *d = &r->config.display;
    memset(d, 0, sizeof *d);
    const char *wrong = kv_parse(r, v, display_keys, d);
    if (wrong || !d->password) return wrong;
    return d->kind == MON_DISPLAY_VNC && *d->password ? NULL : "may have a password, not empty, with vnc only";
}
