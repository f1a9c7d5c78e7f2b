/* opt_console.c: the management console. */
#include <stdlib.h>
#include <string.h>
#include "console/options.h"

static const char *add_socket(struct run_options *r, const char *v, bool text) {
    struct mgmt_options *m = &r->mgmt;
    if (strncmp(v, "unix:", 5) || !v[5]) return "must be unix:PATH";
    if (m->sockets == MGMT_SOCKETS) return "is one too many";
    m->socket[m->sockets].path = opt_path(r, v + 5);
    m->socket[m->sockets++].text = text;
    return NULL;
}

const char *opt_qmp(struct run_options *r, const char *v) { return add_socket(r, v, false); }
const char *opt_monitor(struct run_options *r, const char *v) { return add_socket(r, v, true); }

const char *opt_web(struct run_options *r, const char *v) {
    static const char host[] = "127.0.0.1:";
    unsigned long port = 0;
    size_t digits = strncmp(v, host, sizeof host - 1) ? 0 : strspn(v + sizeof host - 1, "0123456789");
    if (digits && digits <= 5 && !v[sizeof host - 1 + digits]) port = strtoul(v + sizeof host - 1, NULL, 10);
    r->mgmt.web = (unsigned)port;
    return port && port <= 65535 ? NULL : "must be 127.0.0.1:PORT";
}

const char *opt_control(struct run_options *r, const char *v) {
    r->mgmt.none = !strcmp(v, "off");
    return r->mgmt.none || !strcmp(v, "on") ? NULL : "must be on or off";
}

const char *opt_start_paused(struct run_options *r, const char *v) {
    return (void)v, r->config.start_paused = true, NULL;
}
