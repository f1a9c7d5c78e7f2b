/* gdb_command.c: gdb's packets, on the stub's thread. What is not known is answered by nothing, as the protocol says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include "monitor/gdb_internal.h"

enum { ASK_MS = 10000 };

static void reply(struct gdb *g, const char *text) { gdb_send(g, text, strlen(text)); }
static void reply_ok(struct gdb *g, bool ok) { reply(g, ok ? "OK" : "E14"); }

/* The request is of 3 KiB: one at a time. */
static struct gdb_request *request(struct gdb *g, enum gdb_op op) {
    static struct gdb_request r;
    memset(&r, 0, sizeof r);
    r.g = g;
    r.op = op;
    return &r;
}

static bool ask(struct gdb *g, struct gdb_request *r) {
    enum mailbox_result answer = mailbox_ask(&g->m->mailbox, gdb_do, r, sizeof *r, ASK_MS);
    if (answer == MAILBOX_CLOSED) g->gone = true;
    return answer == MAILBOX_DONE && r->ok;
}

/* ---- Numbers ---- */

static int digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Hexadecimal, at most 32 bits (gdb may extend the sign of an address); *p moves behind it. */
static bool number(const char **p, uint32_t *out) {
    uint32_t v = 0;
    const char *start = *p;
    for (; digit(**p) >= 0; (*p)++) v = v << 4 | (uint32_t)digit(**p);
    *out = v;
    return *p != start && *p - start <= 16;
}

static bool number_then(const char **p, char end, uint32_t *out) { return number(p, out) && *(*p)++ == end; }

static bool from_hex(const char *text, uint8_t *out, uint32_t bytes) {
    for (uint32_t i = 0; i < bytes; i++) {
        int hi = digit(text[2 * i]), lo = hi < 0 ? -1 : digit(text[2 * i + 1]);
        if (lo < 0) return false;
        out[i] = (uint8_t)(hi << 4 | lo);
    }
    return true;
}

static void reply_hex(struct gdb *g, const uint8_t *bytes, size_t n) {
    static const char digits[] = "0123456789abcdef";
    static char text[2 * GDB_DATA_MAX];
    for (size_t i = 0; i < n; i++) text[2 * i] = digits[bytes[i] >> 4], text[2 * i + 1] = digits[bytes[i] & 15];
    gdb_send(g, text, 2 * n);
}

/* ---- Stops ---- */

void gdb_send_stop(struct gdb *g) {
    static const char *const names[] = {"", "", "watch", "rwatch", "awatch"};
    char text[64];
    const struct gdb_stop s = g->stop;
    if (s.watch >= 2 && s.watch <= 4)
        snprintf(text, sizeof text, "T%02x%s:%x;thread:01;", s.signal, names[s.watch], s.at);
    else
        snprintf(text, sizeof text, "T%02xthread:01;", s.signal);
    g->waiting = false;
    reply(g, text);
}

/* The machine stops, or stands still already: then nobody else tells. */
void gdb_interrupt(struct gdb *g) {
    if (!g->waiting || !ask(g, request(g, GDB_STOP))) return;
    g->stop = (struct gdb_stop){.signal = GDB_SIGINT};
    gdb_send_stop(g);
}

static void resume(struct gdb *g, bool step) {
    eventfd_t old;
    eventfd_read(g->stop_fd, &old); /* a stop that was told already */
    g->waiting = true;
    if (ask(g, request(g, step ? GDB_STEP : GDB_CONTINUE))) return;
    g->waiting = false;
    reply(g, "E14");
}

static void resume_at(struct gdb *g, const char *p, bool with_signal, bool step) {
    uint32_t at;
    if (with_signal) { /* signals mean nothing to a machine */
        if (!number(&p, &at)) {
            reply(g, "E22");
            return;
        }
        if (*p == ';') p++;
    }
    if (*p && number(&p, &at)) {
        struct gdb_request *r = request(g, GDB_WRITE_REGISTER);
        r->at = 8;
        memcpy(r->data, &at, 4);
        ask(g, r);
    }
    resume(g, step);
}

/* ---- Registers ---- */

static void read_registers(struct gdb *g) {
    struct gdb_request *r = request(g, GDB_READ_REGISTERS);
    if (ask(g, r))
        reply_hex(g, r->data, GDB_IMAGE);
    else
        reply(g, "E14");
}

static void read_register(struct gdb *g, const char *p) {
    struct gdb_request *r = request(g, GDB_READ_REGISTERS);
    uint32_t n;
    if (number(&p, &n) && n < GDB_REGISTERS && ask(g, r))
        reply_hex(g, r->data + gdb_register_offset(n), gdb_register_size(n));
    else
        reply(g, "E22");
}

static void write_registers(struct gdb *g, const char *p) {
    struct gdb_request *r = request(g, GDB_WRITE_REGISTERS);
    size_t len = strlen(p) / 2;
    r->len = len < GDB_IMAGE ? (uint32_t)len : GDB_IMAGE;
    reply_ok(g, from_hex(p, r->data, r->len) && ask(g, r));
}

static void write_register(struct gdb *g, const char *p) {
    struct gdb_request *r = request(g, GDB_WRITE_REGISTER);
    bool good = number_then(&p, '=', &r->at) && r->at < GDB_REGISTERS;
    reply_ok(g, good && from_hex(p, r->data, gdb_register_size(r->at)) && ask(g, r));
}

/* ---- Memory ---- */

static void read_memory(struct gdb *g, const char *p) {
    struct gdb_request *r = request(g, GDB_READ);
    if (!number_then(&p, ',', &r->at) || !number(&p, &r->len))
        reply(g, "E22");
    else {
        if (r->len > GDB_DATA_MAX) r->len = GDB_DATA_MAX; /* the protocol allows less */
        if (ask(g, r))
            reply_hex(g, r->data, r->len);
        else
            reply(g, "E14");
    }
}

static void write_memory(struct gdb *g, const char *p, const char *end, bool binary) {
    struct gdb_request *r = request(g, GDB_WRITE);
    if (!number_then(&p, ',', &r->at) || !number_then(&p, ':', &r->len) || r->len > GDB_DATA_MAX) {
        reply(g, "E22");
        return;
    }
    if (!binary) {
        reply_ok(g, from_hex(p, r->data, r->len) && ask(g, r));
        return;
    }
    uint32_t n = 0;
    for (; p < end && n < r->len; p++) {
        bool escaped = *p == '}' && p + 1 < end;
        if (escaped) p++;
        r->data[n++] = (uint8_t)(escaped ? *p ^ 0x20 : *p);
    }
    reply_ok(g, n == r->len && ask(g, r));
}

/* ---- Points ---- */

static void point(struct gdb *g, const char *p, enum gdb_op op) {
    struct gdb_request *r = request(g, op);
    uint32_t type;
    if (!number_then(&p, ',', &type) || !number_then(&p, ',', &r->at) || !number(&p, &r->len)) {
        reply(g, "E22");
        return;
    }
    r->type = type;
    if (type > 4)
        reply(g, "");
    else
        reply_ok(g, ask(g, r));
}

/* ---- Questions ---- */

static bool starts(const char *p, const char *with) { return !strncmp(p, with, strlen(with)); }

static void features(struct gdb *g, const char *p) {
    uint32_t at, len;
    static char part[GDB_PACKET_MAX];
    size_t all = strlen(gdb_target_xml);
    if (!number_then(&p, ',', &at) || !number(&p, &len) || at > all) {
        reply(g, "E22");
        return;
    }
    if (len > sizeof part - 2) len = sizeof part - 2;
    bool last = len >= all - at;
    size_t n = last ? all - at : len;
    part[0] = last ? 'l' : 'm';
    memcpy(part + 1, gdb_target_xml + at, n);
    gdb_send(g, part, n + 1);
}

/* ---- monitor LINE ---- */

/* Text on gdb's console. */
static void say(void *to, const char *text, size_t n) {
    enum { PART = 1024 };
    static const char digits[] = "0123456789abcdef";
    struct gdb *g = to;
    char out[1 + 2 * PART];
    for (size_t part; n; text += part, n -= part) {
        part = n < PART ? n : PART;
        out[0] = 'O';
        for (size_t i = 0; i < part; i++) {
            out[1 + 2 * i] = digits[(uint8_t)text[i] >> 4];
            out[2 + 2 * i] = digits[text[i] & 15];
        }
        gdb_send(g, out, 1 + 2 * part);
    }
}

static void monitor(struct gdb *g, const char *hex) {
    static const char no[] = "there is no console\n";
    const struct mon_observer *o = g->m->cfg->observer;
    char line[GDB_DATA_MAX + 1];
    size_t n = strlen(hex) / 2;
    if (n >= sizeof line || !from_hex(hex, (uint8_t *)line, (uint32_t)n)) {
        reply(g, "E22");
        return;
    }
    line[n] = 0;
    if (o && o->line)
        o->line(o->opaque, line, say, g);
    else
        say(g, no, strlen(no));
    reply(g, "OK");
}

static void question(struct gdb *g, const char *p) {
    static const char xml[] = "qXfer:features:read:target.xml:";
    if (starts(p, "qSupported"))
        reply(g, "PacketSize=1800;qXfer:features:read+;vContSupported+;QStartNoAckMode+");
    else if (starts(p, xml))
        features(g, p + strlen(xml));
    else if (!strcmp(p, "qC"))
        reply(g, "QC01");
    else if (!strcmp(p, "qfThreadInfo"))
        reply(g, "m01");
    else if (!strcmp(p, "qsThreadInfo"))
        reply(g, "l");
    else if (starts(p, "qAttached"))
        reply(g, "1");
    else if (starts(p, "qRcmd,"))
        monitor(g, p + 6);
    else
        reply(g, "");
}

static void long_name(struct gdb *g, const char *p) {
    if (!strcmp(p, "vCont?"))
        reply(g, "vCont;c;C;s;S");
    else if (starts(p, "vCont;c") || starts(p, "vCont;C"))
        resume(g, false);
    else if (starts(p, "vCont;s") || starts(p, "vCont;S"))
        resume(g, true);
    else
        reply(g, "");
}

static void start_without_ack(struct gdb *g, const char *p) {
    if (strcmp(p, "QStartNoAckMode")) {
        reply(g, "");
        return;
    }
    reply(g, "OK");
    g->no_ack = true;
}

static void detach(struct gdb *g) {
    struct gdb_request *r = request(g, GDB_DETACH);
    r->go = true;
    reply_ok(g, ask(g, r));
    g->gone = true;
}

/* Without a word of farewell: as it was before the client came. */
void gdb_forget(struct gdb *g) {
    struct gdb_request *r = request(g, GDB_DETACH);
    r->go = g->was_running;
    ask(g, r);
}

static void kill_machine(struct gdb *g) {
    ask(g, request(g, GDB_KILL));
    g->gone = true;
}

void gdb_command(struct gdb *g, char *packet, size_t len) {
    const char *p = packet + 1;
    packet[len] = 0;
    switch (packet[0]) {
    case '?':
        g->stop.signal = GDB_SIGTRAP;
        gdb_send_stop(g);
        break;
    case 'g': read_registers(g); break;
    case 'G': write_registers(g, p); break;
    case 'p': read_register(g, p); break;
    case 'P': write_register(g, p); break;
    case 'm': read_memory(g, p); break;
    case 'M': write_memory(g, p, packet + len, false); break;
    case 'X': write_memory(g, p, packet + len, true); break;
    case 'c': resume_at(g, p, false, false); break;
    case 'C': resume_at(g, p, true, false); break;
    case 's': resume_at(g, p, false, true); break;
    case 'S': resume_at(g, p, true, true); break;
    case 'Z': point(g, p, GDB_INSERT); break;
    case 'z': point(g, p, GDB_REMOVE); break;
    case 'H':
    case 'T': reply(g, "OK"); break;
    case 'q': question(g, packet); break;
    case 'Q': start_without_ack(g, packet); break;
    case 'v': long_name(g, packet); break;
    case 'D': detach(g); break;
    case 'k': kill_machine(g); break;
    default: reply(g, ""); break;
    }
}
