/*
 * mgmt_trace.c: trace, irq: the latest events of some kinds in a bounded ring, if a condition holds; interrupts by line
 * and vector.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_cache.h"
#include "console/mgmt_line.h"
#include "monitor/inspect_watch.h"

enum { LIMIT = 20 };
#define BIT(kind) (UINT32_C(1) << MON_SEEN_##kind)

/* ---- Which events ---- */

static const struct event {
    const char *name;
    uint32_t kinds;
} events[] = {
    {"irq", BIT(IRQ)},
    {"exception", BIT(EXCEPTION)},
    {"io", BIT(IN) | BIT(OUT)},
    {"mmio", BIT(READ) | BIT(WRITE)},
    {"fault", BIT(HIDDEN) | BIT(CHECKED)},
    {"cr3", BIT(CR3)},
    {"mode", BIT(MODE)},
    {"smc", BIT(CODE)},
    {"disk", BIT(DISK)},
    {"callout", BIT(CALLOUT)},
};
enum { EVENTS = sizeof events / sizeof events[0] };

/* irq,io */
static bool parse_events(struct mgmt_call *c, const char *text, uint32_t *kinds) {
    *kinds = 0;
    for (const char *at = text;;) {
        size_t len = strcspn(at, ","), i = 0;
        while (i < EVENTS && (strlen(events[i].name) != len || strncmp(events[i].name, at, len) != 0)) i++;
        if (i == EVENTS)
            return mgmt_fail(c, "there is no event '%.*s': irq exception io mmio fault cr3 mode smc disk callout",
                             (int)(len < 40 ? len : 40), at),
                   false;
        *kinds |= events[i].kinds;
        if (!at[len]) return true;
        at += len + 1;
    }
}

/* "if" may stand before it. */
static bool parse_condition(struct mgmt_call *c, struct mon_expr *out) {
    const char *text = mgmt_arg_text(c, "condition", NULL);
    if (!text) return true;
    if (!strncmp(text, "if ", 3)) text += 3;
    return mgmt_expr_parse(c, text, true, out);
}

static json_t *trace_on(struct mgmt_call *c) {
    struct mon_trace_order o = {0};
    if (!parse_events(c, mgmt_arg_text(c, "events", ""), &o.kinds) || !parse_condition(c, &o.condition)) return NULL;
    bool push = mgmt_arg_bool(c, "push");
    if (push && !c->client) return mgmt_fail(c, "only a connection can have events pushed");
    if (!mgmt_asked(c, mon_ask_trace(c->machine, &o), NULL)) return NULL;
    if (push) mgmt_push_begin(c->mgmt);
    return mgmt_nothing();
}

static json_t *trace_off(struct mgmt_call *c) {
    struct mon_trace_order o = {0};
    return mgmt_asked(c, mon_ask_trace(c->machine, &o), NULL) ? mgmt_nothing() : NULL;
}

/* ---- What there was ---- */

json_t *mgmt_trace_entry_json(const struct mon_trace_entry *e, uint64_t number) {
    static const char *const disk[] = {"read", "write", "flush"};
    json_t *o = json_pack("{s:I, s:I, s:s, s:I, s:i}", "number", (json_int_t)number, "ns", (json_int_t)e->ns, "event",
                          mgmt_seen_names[e->kind], "pc", (json_int_t)e->pc, "cpl", (int)e->cpl);
    uint32_t bit = UINT32_C(1) << e->kind;
    bool address = bit & ~(BIT(IRQ) | BIT(CR3) | BIT(MODE) | BIT(CALLOUT) | BIT(EXCEPTION));
    if (bit & (BIT(IRQ) | BIT(EXCEPTION))) mgmt_put(o, "vector", e->sub);
    if (address || (e->kind == MON_SEEN_EXCEPTION && e->sub == 14)) mgmt_put(o, "address", e->address);
    if (bit & ~(BIT(IRQ) | BIT(HIDDEN) | BIT(CHECKED) | BIT(CODE) | BIT(CALLOUT))) mgmt_put(o, "value", e->value);
    if (e->size) mgmt_put(o, "size", e->size);
    if (e->name[0]) json_object_set_new(o, "name", json_string(e->name));
    if (e->kind == MON_SEEN_DISK && e->sub < 3) json_object_set_new(o, "operation", json_string(disk[e->sub]));
    return o;
}

static uint32_t names_of(uint32_t kinds, json_t *list) {
    for (unsigned i = 0; i < EVENTS; i++)
        if (kinds & events[i].kinds) json_array_append_new(list, json_string(events[i].name));
    return kinds;
}

/* From a number on, or the last few. */
static bool where_to_begin(struct mgmt_call *c, struct mon_trace *t, int64_t *limit) {
    *limit = mgmt_arg_int(c, "limit", LIMIT);
    if (*limit < 1 || *limit > MON_TRACE_RING) return mgmt_fail(c, "the limit must be 1 to %d", MON_TRACE_RING), false;
    t->from = UINT64_MAX;
    if (!mgmt_asked(c, mon_ask_trace_read(c->machine, t), NULL)) return false;
    t->from = t->seen > (uint64_t)*limit ? t->seen - (uint64_t)*limit : 0;
    if (mgmt_arg_given(c, "from")) t->from = (uint64_t)mgmt_arg_int(c, "from", 0);
    if (t->from < t->first) t->from = t->first;
    if (t->from > t->seen) t->from = t->seen;
    return true;
}

static bool add_entries(struct mgmt_call *c, struct mon_trace *t, int64_t limit, json_t *list, uint64_t *next) {
    *next = t->from;
    do {
        uint64_t asked = t->from;
        if (!mgmt_asked(c, mon_ask_trace_read(c->machine, t), NULL)) return false;
        uint64_t first = t->from - t->n;
        if (json_array_size(list) && first != asked)
            return true; /* overtaken: what is missing is found out by number */
        for (uint32_t i = 0; i < t->n && (int64_t)json_array_size(list) < limit; i++) {
            json_array_append_new(list, mgmt_trace_entry_json(&t->at[i], first + i));
            *next = first + i + 1;
        }
    } while (t->n == MON_TRACE_ENTRIES && (int64_t)json_array_size(list) < limit);
    return true;
}

static json_t *trace_show(struct mgmt_call *c) {
    struct mon_trace *t = calloc(1, sizeof *t);
    json_t *list = json_array(), *names = json_array(), *answer = NULL;
    int64_t limit;
    uint64_t next = 0;
    if (t && where_to_begin(c, t, &limit) && add_entries(c, t, limit, list, &next) && mgmt_add_symbols(c, list, "pc")) {
        names_of(t->kinds, names);
        answer = json_pack("{s:O, s:O, s:I, s:I, s:I, s:I, s:I}", "tracing", names, "events", list, "next",
                           (json_int_t)next, "first", (json_int_t)t->first, "seen", (json_int_t)t->seen, "judged",
                           (json_int_t)t->judged, "failed", (json_int_t)t->failed);
    }
    json_decref(list);
    json_decref(names);
    free(t);
    return answer;
}

static void print_entry(const json_t *e, struct mgmt_text *out) {
    int64_t us = mgmt_int(e, "ns") / 1000;
    mgmt_print(out, "%6" PRId64 " %6" PRId64 ".%06" PRId64 " %08" PRIx64 " %-9s", mgmt_int(e, "number"), us / 1000000,
               us % 1000000, (uint64_t)mgmt_int(e, "pc"), mgmt_string(e, "event"));
    if (json_object_get(e, "vector")) mgmt_print(out, " vector %02" PRIx64, (uint64_t)mgmt_int(e, "vector"));
    if (json_object_get(e, "operation")) mgmt_print(out, " %s", mgmt_string(e, "operation"));
    if (json_object_get(e, "address")) mgmt_print(out, " at %" PRIx64, (uint64_t)mgmt_int(e, "address"));
    if (json_object_get(e, "value")) mgmt_print(out, " value %" PRIx64, (uint64_t)mgmt_int(e, "value"));
    if (json_object_get(e, "size")) mgmt_print(out, " size %" PRId64, mgmt_int(e, "size"));
    if (json_object_get(e, "name")) mgmt_print(out, " %s", mgmt_string(e, "name"));
    if (json_object_get(e, "symbol")) mgmt_print(out, " in %s", mgmt_string(e, "symbol"));
    mgmt_print(out, "\n");
}

static void print_trace(json_t *r, struct mgmt_text *out) {
    const json_t *e;
    size_t i;
    mgmt_print(out, json_array_size(json_object_get(r, "tracing")) ? "tracing" : "not tracing");
    json_array_foreach(json_object_get(r, "tracing"), i, e) {
        mgmt_print(out, "%s%s", i ? "," : " ", json_string_value(e));
    }
    mgmt_print(out, ": %" PRId64 " events seen, the last %" PRId64 " are kept", mgmt_int(r, "seen"),
               mgmt_int(r, "seen") - mgmt_int(r, "first"));
    if (mgmt_int(r, "judged")) mgmt_print(out, ", of %" PRId64 " judged", mgmt_int(r, "judged"));
    if (mgmt_int(r, "failed"))
        mgmt_print(out, "; the condition divided by zero %" PRId64 " times", mgmt_int(r, "failed"));
    mgmt_print(out, "\n");
    json_array_foreach(json_object_get(r, "events"), i, e) print_entry(e, out);
}

/* ---- Interrupts ---- */

static bool bit_of(const uint32_t *set, unsigned v) { return set[v >> 5] >> (v & 31) & 1; }

static json_t *lines_json(const struct mon_irq_counts *n) {
    json_t *list = json_array();
    for (int i = 0; i < MON_IRQ_LINES; i++)
        json_array_append_new(
            list, json_pack("{s:i, s:b, s:I}", "line", i, "level", n->level[i], "raised", (json_int_t)n->raised[i]));
    return list;
}

static json_t *inputs_json(const struct mon_irq_counts *n) {
    json_t *list = json_array();
    for (int i = 0; i < MON_PIC_INPUTS; i++) {
        const struct mon_pic *p = &n->now.pic[i >> 3];
        int b = i & 7;
        json_array_append_new(list,
                              json_pack("{s:i, s:I, s:I, s:b, s:b, s:b}", "irq", i, "acknowledged",
                                        (json_int_t)n->pic_acks[i], "ended", (json_int_t)n->pic_eois[i], "pending",
                                        p->irr >> b & 1, "in-service", p->isr >> b & 1, "masked", p->imr >> b & 1));
    }
    return list;
}

static json_t *pins_json(const struct mon_irq_counts *n) {
    json_t *list = json_array();
    for (int i = 0; i < MON_IOAPIC_PINS; i++) {
        uint64_t e = n->now.ioapic[i];
        json_array_append_new(list, json_pack("{s:i, s:i, s:b, s:b, s:b, s:b}", "pin", i, "vector", (int)(e & 255),
                                              "masked", (int)(e >> 16 & 1), "level", (int)(e >> 15 & 1), "remote-irr",
                                              (int)(e >> 14 & 1), "delivering", (int)(e >> 12 & 1)));
    }
    return list;
}

/* Registers 100h, 200h: SDM vol. 3 "Local APIC Register Address Map"; 32 vectors each, 10h apart. */
static json_t *vectors_json(const struct mon_irq_counts *n) {
    enum { ISR = 0x10, IRR = 0x20 };
    json_t *list = json_array();
    for (unsigned v = 0; v < MON_VECTORS; v++) {
        bool pending = bit_of(n->now.lapic + IRR, v), serviced = bit_of(n->now.lapic + ISR, v);
        if (!n->delivered[v] && !n->lapic_eois[v] && !pending && !serviced) continue;
        json_array_append_new(list, json_pack("{s:i, s:I, s:I, s:b, s:b}", "vector", (int)v, "delivered",
                                              (json_int_t)n->delivered[v], "lapic-ended", (json_int_t)n->lapic_eois[v],
                                              "pending", (int)pending, "in-service", (int)serviced));
    }
    return list;
}

static json_t *irq(struct mgmt_call *c) {
    struct mon_irq_counts *n = calloc(1, sizeof *n);
    json_t *answer = NULL;
    if (!n) return mgmt_fail(c, "out of memory");
    if (mgmt_asked(c, mon_ask_irq_counts(c->machine, n), NULL))
        answer = json_pack("{s:o, s:o, s:o, s:o, s:I, s:b, s:b}", "lines", lines_json(n), "pic", inputs_json(n),
                           "ioapic", pins_json(n), "vectors", vectors_json(n), "nmis", (json_int_t)n->nmis, "intr",
                           (int)n->now.intr, "nmi-pending", (int)n->now.nmi_pending);
    free(n);
    return answer;
}

static const char *flag(const json_t *o, const char *name, const char *shown) {
    return mgmt_true(o, name) ? shown : "";
}

static void print_line(const json_t *r, size_t i, struct mgmt_text *out) {
    const json_t *l = json_array_get(json_object_get(r, "lines"), i), *p = json_array_get(json_object_get(r, "pic"), i),
                 *pin = json_array_get(json_object_get(r, "ioapic"), i);
    if (!mgmt_int(l, "raised") && !mgmt_int(p, "acknowledged") && mgmt_true(pin, "masked")) return;
    mgmt_print(out, "%-4zu %10" PRId64 " %-4s", i, mgmt_int(l, "raised"), mgmt_true(l, "level") ? "high" : "");
    if (p)
        mgmt_print(out, " %10" PRId64 " %10" PRId64 "%s%s%s", mgmt_int(p, "acknowledged"), mgmt_int(p, "ended"),
                   flag(p, "pending", " pending"), flag(p, "in-service", " in-service"), flag(p, "masked", " masked"));
    else
        mgmt_print(out, " %10s %10s", "-", "-");
    mgmt_print(out, " | pin vector %02" PRIx64 "%s%s%s%s\n", (uint64_t)mgmt_int(pin, "vector"),
               flag(pin, "level", " level"), flag(pin, "remote-irr", " remote-irr"),
               flag(pin, "delivering", " delivering"), flag(pin, "masked", " masked"));
}

static void print_irq(json_t *r, struct mgmt_text *out) {
    const json_t *v;
    size_t i;
    mgmt_print(out, "%-4s %10s %-4s %10s %10s\n", "line", "raised", "", "pic acks", "pic ends");
    for (i = 0; i < MON_IRQ_LINES; i++) print_line(r, i, out);
    mgmt_print(out, "%-6s %10s %10s\n", "vector", "delivered", "lapic ends");
    json_array_foreach(json_object_get(r, "vectors"), i, v) {
        mgmt_print(out, "%02" PRIx64 "     %10" PRId64 " %10" PRId64 "%s%s\n", (uint64_t)mgmt_int(v, "vector"),
                   mgmt_int(v, "delivered"), mgmt_int(v, "lapic-ended"), flag(v, "pending", " pending"),
                   flag(v, "in-service", " in-service"));
    }
    mgmt_print(out, "nmi    %10" PRId64 "%s\nintr %s\n", mgmt_int(r, "nmis"), flag(r, "nmi-pending", " pending"),
               mgmt_true(r, "intr") ? "high" : "low");
}

static const struct mgmt_arg on_args[] = {
    {.name = "events",
     .type = MGMT_STRING,
     .help = "with commas between: irq exception io mmio fault cr3 mode smc disk callout"},
    {.name = "push",
     .type = MGMT_BOOL,
     .optional = true,
     .option = true,
     .help = "clients of the protocol get them as well, as events X_NOVT_TRACE"},
    {.name = "condition",
     .type = MGMT_REST,
     .optional = true,
     .help = "if EXPRESSION, which knows $registers, $address (or $port), $value, $size and $vector"},
    {0}};
static const struct mgmt_arg show_args[] = {
    {.name = "limit", .type = MGMT_INT, .optional = true, .help = "lines, 1 to 4096; the last ones"},
    {.name = "from", .type = MGMT_INT, .optional = true, .option = true, .help = "from this number on"},
    {0}};

const struct mgmt_command mgmt_trace_commands[] = {
    {"x-novt-trace", "trace on", on_args, "keep the latest events of these kinds, if the condition holds", NULL,
     trace_on, NULL},
    {"x-novt-trace-off", "trace off", NULL, "keep no more; what is kept can be shown", NULL, trace_off, NULL},
    {"x-novt-trace-show", "trace show", show_args, "the events that are kept",
     "{tracing, events, next, first, seen, judged, failed}", trace_show, print_trace},
    {"x-novt-irq", "irq|info irq", NULL, "interrupts by line and by vector: raised, delivered, ended, in service",
     "{lines, pic, ioapic, vectors, nmis, intr, nmi-pending}", irq, print_irq},
    {0},
};
