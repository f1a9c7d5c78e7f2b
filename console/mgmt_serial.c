/*
 * mgmt_serial.c: a connection becomes the first serial line: after the answer to x-novt-serial-attach its bytes are
 * those of the line, both ways, until it is closed. Who reads too slowly loses output; the guest never waits.
 */
#include <string.h>
#include "console/mgmt_internal.h"

enum { CHUNK = 4096 };

/* ---- From the guest ---- */

void mgmt_serial_pump(struct mgmt_client *c) {
    uint8_t bytes[CHUNK];
    size_t n;
    while (c->fd >= 0 && mgmt_client_has_room(c) &&
           (n = mon_serial_read(c->g->machine, &c->line_at, bytes, sizeof bytes)))
        mgmt_client_send_raw(c, bytes, n);
}

void mgmt_serial_news(struct mgmt *g) {
    for (struct mgmt_client *c = g->client; c; c = c->next)
        if (c->mode == MGMT_LINE) mgmt_serial_pump(c);
}

/* ---- To the guest ---- */

bool mgmt_serial_type(struct mgmt_client *c) {
    while (c->typed.len) {
        size_t n = c->typed.len;
        if (mon_ask_serial_type(c->g->machine, c->typed.at, &n) != MON_ASK_OK || !n) break;
        mgmt_text_drop(&c->typed, n);
    }
    return !c->typed.len;
}

void mgmt_serial_input(struct mgmt_client *c, const char *bytes, size_t n) {
    mgmt_text_add(&c->typed, bytes, n);
    mgmt_serial_type(c);
}

/* ---- The command ---- */

static json_t *attach(struct mgmt_call *c) {
    uint8_t bytes[CHUNK];
    uint64_t at = 0;
    if (!c->client) return mgmt_fail(c, "only a connection can be attached");
    if (!mgmt_vm_config(c->mgmt)->serials) return mgmt_fail(c, "the machine has no serial port");
    while (!mgmt_arg_bool(c, "history") && mon_serial_read(c->machine, &at, bytes, sizeof bytes)) {}
    c->client->line_at = at;
    c->client->mode = MGMT_LINE_SOON;
    return mgmt_nothing();
}

static const struct mgmt_arg attach_args[] = {{.name = "history",
                                               .type = MGMT_BOOL,
                                               .optional = true,
                                               .option = true,
                                               .help = "begin with what is kept of the past, 64 KiB at most"},
                                              {0}};

const struct mgmt_command mgmt_serial_commands[] = {
    {"x-novt-serial-attach", NULL, attach_args, "this connection becomes the first serial line", NULL, attach, NULL},
    {0},
};
