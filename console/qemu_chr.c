/* qemu_chr.c: novt-qemu: serial ports and the like, and who sees the screen. */
#include <stddef.h>
#include <string.h>
#include "console/options.h"
#include "console/parse.h"
#include "console/qemu_internal.h"

/* ---- Where bytes go ---- */

struct socket {
    const char *path;
    bool server, wait, nowait;
};

static const struct kv_key socket_keys[] = {
    {.name = "path", .type = KV_TEXT, .at = offsetof(struct socket, path), .implied = true},
    {.name = "server", .type = KV_SWITCH, .at = offsetof(struct socket, server)},
    {.name = "wait", .type = KV_SWITCH, .at = offsetof(struct socket, wait)},
    {.name = "nowait", .type = KV_SWITCH, .at = offsetof(struct socket, nowait)},
    {0},
};

static const char *take_socket(struct qemu *q, const char *text, const char **out) {
    struct socket s = {.wait = true};
    const char *wrong = kv_parse(q->r, text, socket_keys, &s);
    if (wrong) return wrong;
    if (!s.path) return "names no socket";
    if (!s.server) return "would connect to a socket; it can only listen: unix:PATH,server=on,wait=off";
    if (s.wait && !s.nowait) qemu_note(q->now, "does not wait for a client: the guest starts at once");
    return *out = qemu_text(q->r, "unix:%s", s.path), NULL;
}

/* The value as --serial takes it. */
static const char *take_chr(struct qemu *q, const char *v, const char **out) {
    static const char *const same[] = {"stdio", "pty", "null", "none"};
    if (!strncmp(v, "mon:", 4)) v += 4;
    if (!strncmp(v, "unix:", 5)) return take_socket(q, v + 5, out);
    *out = v;
    if (!strncmp(v, "file:", 5) && v[5]) return NULL;
    for (size_t i = 0; i < sizeof same / sizeof same[0]; i++)
        if (!strcmp(v, same[i])) return NULL;
    *out = "null";
    return !strcmp(v, "/dev/null") || !strncmp(v, "vc", 2)
               ? NULL
               : "must be stdio, mon:stdio, pty, null, none, file:PATH or unix:PATH,server";
}

static const char *pass_chr(struct qemu *q, const char *option, const char *v) {
    const char *where, *wrong = take_chr(q, v, &where);
    return wrong ? wrong : run_option_set(q->r, option, where);
}

const char *qemu_serial(struct qemu *q, const char *v) { return pass_chr(q, "serial", v); }
const char *qemu_parallel(struct qemu *q, const char *v) { return pass_chr(q, "parallel", v); }
const char *qemu_debugcon(struct qemu *q, const char *v) { return pass_chr(q, "debugcon", v); }

/* HOST:PORT,server=on,wait=off */
static const char *take_tcp(struct qemu *q, const char *text, const char **out) {
    const char *where;
    const char *wrong = take_socket(q, text, &where);
    if (wrong) return wrong;
    *out = qemu_text(q->r, "tcp:%s", where + 5);
    return NULL;
}

/* The console and the machine protocol. */
static const char *pass_socket(struct qemu *q, const char *option, const char *v) {
    static const char *const nobody[] = {"none", "null", "/dev/null"};
    const char *where, *wrong;
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++)
        if (!strcmp(v, nobody[i])) return NULL;
    if (!strcmp(v, "stdio") || !strcmp(v, "mon:stdio"))
        wrong = NULL, where = "stdio";
    else if (!strncmp(v, "tcp:", 4))
        wrong = take_tcp(q, v + 4, &where);
    else if (!strncmp(v, "unix:", 5))
        wrong = take_socket(q, v + 5, &where);
    else
        return "must be none, stdio, unix:PATH,server=on,wait=off or tcp:127.0.0.1:PORT,server=on,wait=off";
    return wrong ? wrong : run_option_set(q->r, option, where);
}

const char *qemu_monitor(struct qemu *q, const char *v) { return pass_socket(q, "monitor", v); }
const char *qemu_qmp(struct qemu *q, const char *v) { return pass_socket(q, "qmp", v); }

/* ---- The screen ---- */

enum { VNC_TEXT = 80 };
static const char *const window_names[] = {"gtk", "sdl", "cocoa", "spice-app", "egl-headless", "dbus"};
static const char vnc_default[] = "vnc=127.0.0.1:0";

struct vnc {
    const char *where;
    bool password;
};

static const struct kv_key vnc_keys[] = {
    {.name = "where", .type = KV_TEXT, .at = offsetof(struct vnc, where), .implied = true},
    {.name = "password", .type = KV_SWITCH, .at = offsetof(struct vnc, password)},
    QEMU_SKIP("share"),
    QEMU_SKIP("power-control"),
    QEMU_SKIP("key-delay-ms"),
    {0},
};

/* The host part: none is the loopback address, since nothing is encrypted and nobody is asked who he is. */
static const char *vnc_host(struct qemu *q, const char *where, size_t len) {
    if (len) return len == 9 && !memcmp(where, "localhost", len) ? "127.0.0.1" : opt_copy(q->r, where, len);
    qemu_note(q->now, "listens at 127.0.0.1 only; name 0.0.0.0 to listen everywhere");
    return "127.0.0.1";
}

const char *qemu_vnc(struct qemu *q, const char *v) {
    struct vnc vnc = {0};
    const char *wrong = kv_parse(q->r, v, vnc_keys, &vnc), *colon;
    uint64_t n;
    if (wrong) return wrong;
    if (!vnc.where) return "names no address";
    if (vnc.password) return "asks for a password, which only QEMU's monitor could set";
    if (!strcmp(vnc.where, "none")) return q->display = "none", NULL;
    colon = strrchr(vnc.where, ':');
    if (!colon || !strncmp(vnc.where, "unix:", 5) || !parse_number(colon + 1, UINT16_MAX, &n))
        return "must be [ADDRESS]:N or none";
    const char *host = vnc_host(q, vnc.where, (size_t)(colon - vnc.where));
    return q->display = qemu_text(q->r, "vnc=%s:%s", opt_double_commas(q->r, host), colon + 1), NULL;
}

static bool is_window(const char *v) {
    size_t len = strcspn(v, ",");
    for (size_t i = 0; i < sizeof window_names / sizeof window_names[0]; i++)
        if (strlen(window_names[i]) == len && !memcmp(window_names[i], v, len)) return true;
    return false;
}

const char *qemu_display(struct qemu *q, const char *v) {
    if (!strncmp(v, "vnc=", 4)) return qemu_vnc(q, v + 4);
    if (!strcmp(v, "none")) return q->display = "none", NULL;
    if (!strcmp(v, "curses") || !strncmp(v, "curses,", 7)) return q->display = "curses", NULL;
    if (!is_window(v)) return "must be none, curses or vnc=[ADDRESS]:N";
    qemu_note(q->now, "opens no window: a VNC server listens at 127.0.0.1:5900");
    return q->display = vnc_default, NULL;
}

const char *qemu_curses(struct qemu *q, const char *v) { return (void)v, q->display = "curses", NULL; }
const char *qemu_nographic(struct qemu *q, const char *v) { return (void)v, q->nographic = true, NULL; }

const char *qemu_vga(struct qemu *q, const char *v) {
    static const char *const others[] = {"cirrus", "vmware", "qxl", "virtio"};
    q->vga_given = true;
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(v, others[i])) continue;
        qemu_note(q->now, "is run as std, a VGA with VBE");
        v = "std";
    }
    return run_option_set(q->r, "vga", v);
}

/* ---- What was not said ---- */

static const char *default_serial(const struct qemu *q) {
    if (q->nographic && !q->r->config.stdio_taken) return "stdio";
    return q->nodefaults ? "none" : "null";
}

static const char *default_display(const struct qemu *q) {
    if (q->nographic || !q->r->config.vga) return "none";
    qemu_note((struct qemu_given){"display", NULL}, "is not given: a VNC server listens at 127.0.0.1:5900");
    return vnc_default;
}

int qemu_chr_settle(struct qemu *q) {
    struct run_options *r = q->r;
    if (q->nodefaults && !q->vga_given) run_option_set(r, "vga", "none");
    if (!r->serial_given) run_option_set(r, "serial", default_serial(q));
    const char *display = q->display ? q->display : default_display(q);
    if (!r->config.vga) display = "none"; /* nothing to be seen */
    const char *wrong = run_option_set(r, "display", display);
    return wrong ? qemu_error((struct qemu_given){"display", display}, wrong) : 0;
}
