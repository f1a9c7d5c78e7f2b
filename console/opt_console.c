/* opt_console.c: the management console. */
#include <stdlib.h>
#include <string.h>
#include "console/options.h"

/* HOST, with its colon, and a port. 0: it is not that. */
static unsigned loopback_port(const char *v, const char *host) {
    size_t len = strlen(host), digits = strncmp(v, host, len) ? 0 : strspn(v + len, "0123456789");
    if (!digits || digits > 5 || v[len + digits]) return 0;
    unsigned long port = strtoul(v + len, NULL, 10);
    return port <= 65535 ? (unsigned)port : 0;
}

/* The serial line has it unless somebody says so. */
static const char *take_stdio(struct run_options *r) {
    if (r->config.stdio_taken) return "is one too many: there is one standard input";
    r->config.stdio_taken = true;
    if (!r->serial_given) r->config.serial[0].kind = MON_CHR_NULL;
    return NULL;
}

static const char *add_socket(struct run_options *r, const char *v, bool text) {
    struct mgmt_options *m = &r->mgmt;
    unsigned port = loopback_port(v, "tcp:127.0.0.1:");
    if (!port) port = loopback_port(v, "tcp:localhost:");
    bool unix_path = !strncmp(v, "unix:", 5) && v[5], stdio = !strcmp(v, "stdio");
    if (!unix_path && !stdio && !port) return "must be unix:PATH, stdio or tcp:127.0.0.1:PORT";
    if (m->sockets == MGMT_SOCKETS) return "is one too many";
    const char *wrong = stdio ? take_stdio(r) : NULL;
    if (wrong) return wrong;
    m->socket[m->sockets].kind = stdio ? MGMT_STDIO : port ? MGMT_TCP : MGMT_UNIX;
    m->socket[m->sockets].port = port;
    m->socket[m->sockets].path = unix_path ? opt_path(r, v + 5) : NULL;
    m->socket[m->sockets++].text = text;
    return NULL;
}

const char *opt_qmp(struct run_options *r, const char *v) { return add_socket(r, v, false); }
const char *opt_monitor(struct run_options *r, const char *v) { return add_socket(r, v, true); }

const char *opt_web(struct run_options *r, const char *v) {
    r->mgmt.web = loopback_port(v, "127.0.0.1:");
    return r->mgmt.web ? NULL : "must be 127.0.0.1:PORT";
}

const char *opt_control(struct run_options *r, const char *v) {
    r->mgmt.none = !strcmp(v, "off");
    return r->mgmt.none || !strcmp(v, "on") ? NULL : "must be on or off";
}

const char *opt_start_paused(struct run_options *r, const char *v) {
    return (void)v, r->config.start_paused = true, NULL;
}
