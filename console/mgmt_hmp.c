/*
 * mgmt_hmp.c: a socket with the text console itself, for what talks to QEMU's monitor: a prompt, a line, what it
 * prints. Nothing is echoed. A line has its bounds; what is longer is skipped to its end.
 */
#include <string.h>
#include "console/mgmt_internal.h"

enum { LINE_MAX_BYTES = 4096 };
static const char prompt[] = "(qemu) "; /* scripts wait for this one */

void mgmt_hmp_greet(struct mgmt_client *c) {
    static const char hello[] = "novt " NOVT_VERSION " monitor - type 'help' for more information\r\n";
    mgmt_client_send_raw(c, hello, sizeof hello - 1);
    mgmt_client_send_raw(c, prompt, sizeof prompt - 1);
}

/* Lines end as on a terminal. */
static void send_text(struct mgmt_client *c, const struct mgmt_text *out) {
    for (size_t i = 0, n; i < out->len; i += n + 1) {
        const char *end = memchr(out->at + i, '\n', out->len - i);
        n = end ? (size_t)(end - out->at) - i : out->len - i;
        mgmt_client_send_raw(c, out->at + i, n);
        mgmt_client_send_raw(c, "\r\n", 2);
    }
}

static void run(struct mgmt_client *c) {
    struct mgmt_text out = {0};
    const char *line = c->line.at ? c->line.at : "";
    if (c->strict && (c->line_long || strstr(line, " HTTP/"))) {
        mgmt_client_drop(c); /* a browser that somebody has sent here: what follows is not the user's */
        return;
    }
    if (c->line_long)
        mgmt_print(&out, "Error: the line is longer than %d bytes\n", LINE_MAX_BYTES);
    else if (line[strspn(line, " \t")])
        mgmt_line_text(c->g, c, line, &out);
    send_text(c, &out);
    mgmt_text_free(&out);
    mgmt_text_free(&c->line);
    c->line_long = false;
    mgmt_client_send_raw(c, prompt, sizeof prompt - 1);
}

static void keep(struct mgmt_client *c, const char *bytes, size_t n) {
    c->line_long |= c->line.len + n > LINE_MAX_BYTES || memchr(bytes, 0, n);
    if (!c->line_long) mgmt_text_add(&c->line, bytes, n);
}

size_t mgmt_hmp_take(struct mgmt_client *c, const char *bytes, size_t n) {
    const char *end = memchr(bytes, '\n', n);
    size_t len = end ? (size_t)(end - bytes) : n;
    keep(c, bytes, end && len && bytes[len - 1] == '\r' ? len - 1 : len);
    if (end && c->fd >= 0) run(c);
    return end ? len + 1 : n;
}
