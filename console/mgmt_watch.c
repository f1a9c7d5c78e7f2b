/*
 * mgmt_watch.c: exits, mmu faults, io: single events counted by who made them and where, the foremost first.
 *
 * Counting is off until `exits on` and the like; its tables are bounded, and what found no room is said. What is listed
 * is put together here of the rows that the machine has.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_cache.h"
#include "monitor/inspect_watch.h"

enum { LIMIT = 20, LIMIT_MAX = 1000 };

const char *const mgmt_seen_names[MON_SEEN_KINDS] = {
    [MON_SEEN_CALLOUT] = "callout", [MON_SEEN_EXCEPTION] = "exception",
    [MON_SEEN_IRQ] = "irq",         [MON_SEEN_HIDDEN] = "hidden",
    [MON_SEEN_TRUE] = "true",       [MON_SEEN_CHECKED] = "device",
    [MON_SEEN_CODE] = "smc",        [MON_SEEN_IN] = "in",
    [MON_SEEN_OUT] = "out",         [MON_SEEN_READ] = "read",
    [MON_SEEN_WRITE] = "write",     [MON_SEEN_CR3] = "cr3",
    [MON_SEEN_MODE] = "mode",       [MON_SEEN_DISK] = "disk",
};
static const struct group {
    const char *name;
    enum mon_seen_kind first, last;
} groups[MON_WATCH_GROUPS] = {
    [MON_WATCH_EXITS] = {"exits", MON_SEEN_CALLOUT, MON_SEEN_IRQ},
    [MON_WATCH_FAULTS] = {"faults", MON_SEEN_HIDDEN, MON_SEEN_CODE},
    [MON_WATCH_IO] = {"io", MON_SEEN_IN, MON_SEEN_WRITE},
};

/* ---- Rows ---- */

struct rows {
    struct mon_watch_rows *part; /* the totals are there too */
    struct mon_watch_row *row;
    size_t n, room;
    bool failed; /* no memory */
};

static void rows_free(struct rows *r) {
    free(r->part);
    free(r->row);
}

static bool rows_add(struct rows *r, const struct mon_watch_row *row) {
    if (r->n == r->room) {
        size_t room = r->room ? 2 * r->room : 1024;
        struct mon_watch_row *more = realloc(r->row, room * sizeof *more);
        if (!more) return false;
        r->row = more;
        r->room = room;
    }
    r->row[r->n++] = *row;
    return true;
}

static enum mon_ask ask_rows(struct machine *m, void *question) { return mon_ask_watch_rows(m, question); }

static bool take_rows(const void *question, void *into) {
    const struct mon_watch_rows *part = question;
    struct rows *r = into;
    for (uint32_t i = 0; i < part->n && !r->failed; i++) r->failed = !rows_add(r, &part->row[i]);
    return !r->failed;
}

static bool rows_get(struct mgmt_call *c, enum mon_watch_group g, struct rows *r) {
    *r = (struct rows){.part = calloc(1, sizeof *r->part)};
    if (!r->part) return mgmt_fail(c, "out of memory"), false;
    r->part->group = g;
    struct mgmt_parts p = {ask_rows, r->part, &r->part->cursor, take_rows};
    if (!mgmt_ask_parts(c, &p, r)) return false;
    if (r->failed) mgmt_fail(c, "out of memory");
    return !r->failed;
}

/* Joins rows that are the same to `same`, which must be neighbours. */
static void rows_join(struct rows *r, bool (*same)(const struct mon_watch_row *a, const struct mon_watch_row *b)) {
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (n && same(&r->row[n - 1], &r->row[i])) {
            r->row[n - 1].count += r->row[i].count;
            r->row[n - 1].cycles += r->row[i].cycles;
        } else {
            r->row[n++] = r->row[i];
        }
    }
    r->n = n;
}

static int order(uint64_t a, uint64_t b) { return a < b ? -1 : a > b; }

static int by_count(const void *x, const void *y) {
    const struct mon_watch_row *a = x, *b = y;
    int o = order(b->count, a->count);
    if (!o) o = order(a->pc, b->pc);
    if (!o) o = order(a->where, b->where);
    if (!o) o = order(a->kind, b->kind);
    return o ? o : order(a->sub, b->sub);
}

static int by_cycles(const void *x, const void *y) {
    const struct mon_watch_row *a = x, *b = y;
    int o = order(b->cycles, a->cycles);
    return o ? o : by_count(x, y);
}

static int by_cause(const void *x, const void *y) {
    const struct mon_watch_row *a = x, *b = y;
    int o = order(a->kind, b->kind);
    return o ? o : order(a->sub, b->sub);
}

static int by_where(const void *x, const void *y) {
    const struct mon_watch_row *a = x, *b = y;
    int o = order(a->kind >= MON_SEEN_READ, b->kind >= MON_SEEN_READ);
    if (!o) o = order(a->where, b->where);
    return o ? o : order(a->kind, b->kind);
}

static void sort(struct rows *r, int (*how)(const void *x, const void *y)) {
    if (r->n) qsort(r->row, r->n, sizeof *r->row, how);
}

/* ---- What all answers have ---- */

static json_t *head(enum mon_watch_group g, const struct rows *r) {
    json_t *totals = json_object(), *lost = json_object();
    for (unsigned k = groups[g].first; k <= groups[g].last; k++) {
        mgmt_put(totals, mgmt_seen_names[k], r->part->total[k]);
        mgmt_put(lost, mgmt_seen_names[k], r->part->lost[k]);
    }
    return json_pack("{s:b, s:I, s:o, s:o}", "counting", r->part->on, "ns", (json_int_t)r->part->ns, "totals", totals,
                     "lost", lost);
}

static bool limit_of(struct mgmt_call *c, size_t *limit) {
    int64_t n = mgmt_arg_int(c, "limit", LIMIT);
    *limit = (size_t)n;
    if (n < 1 || n > LIMIT_MAX) mgmt_fail(c, "the limit must be 1 to %d", LIMIT_MAX);
    return n >= 1 && n <= LIMIT_MAX;
}

/* Takes both. NULL: c->error. */
static json_t *with_list(struct mgmt_call *c, json_t *answer, const char *name, json_t *list, bool symbols) {
    if (answer && (!symbols || mgmt_add_symbols(c, list, "pc"))) {
        json_object_set_new(answer, name, list);
        return answer;
    }
    json_decref(answer);
    json_decref(list);
    return NULL;
}

static void print_head(const json_t *r, const char *on, struct mgmt_text *out) {
    const char *kind;
    json_t *n;
    int64_t tenths = mgmt_int(r, "ns") / 100000000, lost = 0;
    if (!mgmt_true(r, "counting")) mgmt_print(out, "not counting: `%s on' begins\n", on);
    if (!mgmt_int(r, "ns")) return;
    mgmt_print(out, "since %" PRId64 ".%" PRId64 " s of guest time:", tenths / 10, tenths % 10);
    json_object_foreach(json_object_get(r, "totals"), kind, n) {
        mgmt_print(out, " %s %" PRId64, kind, (int64_t)json_integer_value(n));
    }
    json_object_foreach(json_object_get(r, "lost"), kind, n) { lost += json_integer_value(n); }
    if (lost) mgmt_print(out, "; not listed, for want of room: %" PRId64, lost);
    mgmt_print(out, "\n");
}

/* ---- Exits ---- */

static const char *exception_name(uint32_t vector) {
    static const char *const names[] = {"#DE", "#DB", "NMI", "#BP", "#OF", "#BR", "#UD", "#NM", "#DF", "?",
                                        "#TS", "#NP", "#SS", "#GP", "#PF", "?",   "#MF", "#AC", "#MC", "#XM"};
    return vector < sizeof names / sizeof names[0] ? names[vector] : "?";
}

static json_t *exit_json(const struct mon_watch_row *w, bool place) {
    char cause[32];
    if (w->kind == MON_SEEN_CALLOUT)
        snprintf(cause, sizeof cause, "%s", w->name);
    else if (w->kind == MON_SEEN_EXCEPTION)
        snprintf(cause, sizeof cause, "%s", exception_name(w->sub));
    else
        snprintf(cause, sizeof cause, "irq %02" PRIx32, w->sub);
    json_t *o =
        json_pack("{s:s, s:s, s:I}", "kind", mgmt_seen_names[w->kind], "cause", cause, "count", (json_int_t)w->count);
    if (w->kind == MON_SEEN_CALLOUT) mgmt_put(o, "cycles", w->cycles);
    if (place) mgmt_put(o, "pc", w->pc);
    return o;
}

static bool same_cause(const struct mon_watch_row *a, const struct mon_watch_row *b) {
    return a->kind == b->kind && a->sub == b->sub;
}

static json_t *exits_list(struct mgmt_call *c, struct rows *r, size_t limit) {
    bool causes = !strcmp(mgmt_arg_text(c, "by", "place"), "cause");
    json_t *list = json_array();
    if (causes) sort(r, by_cause), rows_join(r, same_cause);
    sort(r, !strcmp(mgmt_arg_text(c, "sort", "count"), "cycles") ? by_cycles : by_count);
    for (size_t i = 0; i < r->n && i < limit; i++) json_array_append_new(list, exit_json(&r->row[i], !causes));
    json_t *answer = head(MON_WATCH_EXITS, r);
    mgmt_put(answer, "rows", r->n);
    return with_list(c, answer, "exits", list, !causes);
}

static json_t *exits_top(struct mgmt_call *c) {
    struct rows r = {0};
    size_t limit;
    if (!limit_of(c, &limit)) return NULL;
    json_t *answer = rows_get(c, MON_WATCH_EXITS, &r) ? exits_list(c, &r, limit) : NULL;
    rows_free(&r);
    return answer;
}

static void print_exits(json_t *r, struct mgmt_text *out) {
    const json_t *e;
    size_t i;
    print_head(r, "exits", out);
    if (!json_array_size(json_object_get(r, "exits"))) return;
    mgmt_print(out, "%10s %10s %-20s %-8s %s\n", "count", "cycles/1", "cause", "address", "symbol");
    json_array_foreach(json_object_get(r, "exits"), i, e) {
        int64_t count = mgmt_int(e, "count"), cycles = mgmt_int(e, "cycles");
        mgmt_print(out, "%10" PRId64 " ", count);
        if (json_object_get(e, "cycles"))
            mgmt_print(out, "%10" PRId64, count ? cycles / count : 0);
        else
            mgmt_print(out, "%10s", "-");
        mgmt_print(out, " %-20s", mgmt_string(e, "cause"));
        if (json_object_get(e, "pc"))
            mgmt_print(out, " %08" PRIx64 " %s", (uint64_t)mgmt_int(e, "pc"), mgmt_string(e, "symbol"));
        mgmt_print(out, "\n");
    }
}

/* As long as nobody has asked for more: the engine's own counters. */
static json_t *callouts(struct mgmt_call *c) {
    struct bt_inspect_callouts n;
    if (!mgmt_asked(c, mon_ask_callouts(c->machine, &n), NULL)) return NULL;
    json_t *o = json_object();
    for (uint32_t i = 0; i < n.n; i++) mgmt_put(o, n.at[i].row, n.at[i].count);
    return o;
}

static void print_callouts(json_t *r, struct mgmt_text *out) {
    const char *row;
    json_t *count;
    json_object_foreach(r, row, count) {
        mgmt_print(out, "%-20s %12" PRId64 "\n", row, (int64_t)json_integer_value(count));
    }
}

/* ---- Faults ---- */

static json_t *fault_list(const struct rows *r, bool page, size_t limit) {
    json_t *list = json_array();
    for (size_t i = 0; i < r->n && json_array_size(list) < limit; i++) {
        const struct mon_watch_row *w = &r->row[i];
        if ((w->sub != 0) != page) continue;
        json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "kind", mgmt_seen_names[w->kind], page ? "page" : "pc",
                                              (json_int_t)(page ? w->where : w->pc), "count", (json_int_t)w->count));
    }
    return list;
}

static json_t *faults(struct mgmt_call *c) {
    struct rows r = {0};
    size_t limit;
    if (!limit_of(c, &limit)) return NULL;
    json_t *answer = rows_get(c, MON_WATCH_FAULTS, &r) ? head(MON_WATCH_FAULTS, &r) : NULL;
    sort(&r, by_count);
    if (answer) answer = with_list(c, answer, "by-pc", fault_list(&r, false, limit), true);
    if (answer) answer = with_list(c, answer, "by-page", fault_list(&r, true, limit), false);
    rows_free(&r);
    return answer;
}

static void print_faults(json_t *r, struct mgmt_text *out) {
    const json_t *f;
    size_t i;
    print_head(r, "mmu faults", out);
    json_array_foreach(json_object_get(r, "by-pc"), i, f) {
        if (!i) mgmt_print(out, "%10s %-6s %-8s %s\n", "count", "kind", "at", "symbol");
        mgmt_print(out, "%10" PRId64 " %-6s %08" PRIx64 " %s\n", mgmt_int(f, "count"), mgmt_string(f, "kind"),
                   (uint64_t)mgmt_int(f, "pc"), mgmt_string(f, "symbol"));
    }
    json_array_foreach(json_object_get(r, "by-page"), i, f) {
        if (!i) mgmt_print(out, "%10s %-6s %s\n", "count", "kind", "page");
        mgmt_print(out, "%10" PRId64 " %-6s %08" PRIx64 "%s\n", mgmt_int(f, "count"), mgmt_string(f, "kind"),
                   (uint64_t)mgmt_int(f, "page"), strcmp(mgmt_string(f, "kind"), "smc") ? "" : " physical");
    }
}

/* ---- Ports and registers of devices ---- */

static bool same_where(const struct mon_watch_row *a, const struct mon_watch_row *b) {
    return a->kind == b->kind && a->where == b->where;
}

static bool is_write(const struct mon_watch_row *w) { return w->kind == MON_SEEN_OUT || w->kind == MON_SEEN_WRITE; }
static bool is_port(const struct mon_watch_row *w) { return w->kind == MON_SEEN_IN || w->kind == MON_SEEN_OUT; }

static json_t *place_json(const struct mon_watch_row *w) {
    return json_pack("{s:s, s:I, s:s, s:i, s:i}", "space", is_port(w) ? "port" : "memory", "address",
                     (json_int_t)w->where, "device", w->name[0] ? w->name : "none", "reads", 0, "writes", 0);
}

/* Reads and writes of one place come one after the other. */
static json_t *places(struct rows *r) {
    json_t *list = json_array(), *last = NULL;
    const struct mon_watch_row *before = NULL;
    sort(r, by_where);
    rows_join(r, same_where);
    for (size_t i = 0; i < r->n; i++) {
        const struct mon_watch_row *w = &r->row[i];
        bool same = before && before->where == w->where && is_port(before) == is_port(w);
        if (!same) json_array_append_new(list, last = place_json(w));
        mgmt_put(last, is_write(w) ? "writes" : "reads", w->count);
        before = w;
    }
    return list;
}

static int64_t accesses(const json_t *place) { return mgmt_int(place, "reads") + mgmt_int(place, "writes"); }

static int by_accesses(const void *x, const void *y) {
    const json_t *a = *(json_t *const *)x, *b = *(json_t *const *)y;
    int o = order((uint64_t)accesses(b), (uint64_t)accesses(a));
    return o ? o : order((uint64_t)mgmt_int(a, "address"), (uint64_t)mgmt_int(b, "address"));
}

/* The foremost of the list, which is taken. */
static json_t *foremost(json_t *list, size_t limit) {
    size_t n = json_array_size(list);
    json_t **at = calloc(n + 1, sizeof(json_t *)), *out = json_array();
    for (size_t i = 0; at && i < n; i++) at[i] = json_array_get(list, i);
    if (at && n) qsort(at, n, sizeof(json_t *), by_accesses);
    for (size_t i = 0; at && i < n && i < limit; i++) json_array_append(out, at[i]);
    free(at);
    json_decref(list);
    return out;
}

static json_t *instructions(struct rows *r, size_t limit) {
    json_t *list = json_array();
    sort(r, by_count);
    for (size_t i = 0; i < r->n && i < limit; i++) {
        const struct mon_watch_row *w = &r->row[i];
        json_array_append_new(list, json_pack("{s:s, s:I, s:s, s:I, s:I}", "kind", mgmt_seen_names[w->kind], "address",
                                              (json_int_t)w->where, "device", w->name[0] ? w->name : "none", "pc",
                                              (json_int_t)w->pc, "count", (json_int_t)w->count));
    }
    return list;
}

static json_t *io(struct mgmt_call *c) {
    struct rows r = {0};
    size_t limit;
    if (!limit_of(c, &limit)) return NULL;
    json_t *answer = rows_get(c, MON_WATCH_IO, &r) ? head(MON_WATCH_IO, &r) : NULL;
    if (answer) answer = with_list(c, answer, "by-pc", instructions(&r, limit), true);
    if (answer) answer = with_list(c, answer, "places", foremost(places(&r), limit), false);
    rows_free(&r);
    return answer;
}

static void print_io(json_t *r, struct mgmt_text *out) {
    const json_t *w;
    size_t i;
    print_head(r, "io", out);
    json_array_foreach(json_object_get(r, "places"), i, w) {
        if (!i) mgmt_print(out, "%-10s %-16s %10s %10s\n", "address", "device", "reads", "writes");
        mgmt_print(out, strcmp(mgmt_string(w, "space"), "port") ? "%08" PRIx64 "  " : "%04" PRIx64 "      ",
                   (uint64_t)mgmt_int(w, "address"));
        mgmt_print(out, " %-16s %10" PRId64 " %10" PRId64 "\n", mgmt_string(w, "device"), mgmt_int(w, "reads"),
                   mgmt_int(w, "writes"));
    }
    json_array_foreach(json_object_get(r, "by-pc"), i, w) {
        if (!i) mgmt_print(out, "%10s %-5s %-8s %-16s %-8s %s\n", "count", "", "address", "device", "by", "symbol");
        mgmt_print(out, "%10" PRId64 " %-5s %08" PRIx64 " %-16s %08" PRIx64 " %s\n", mgmt_int(w, "count"),
                   mgmt_string(w, "kind"), (uint64_t)mgmt_int(w, "address"), mgmt_string(w, "device"),
                   (uint64_t)mgmt_int(w, "pc"), mgmt_string(w, "symbol"));
    }
}

/* ---- On and off ---- */

static json_t *set(struct mgmt_call *c, enum mon_watch_group g, bool on) {
    return mgmt_asked(c, mon_ask_watch(c->machine, g, on), NULL) ? mgmt_nothing() : NULL;
}

static json_t *watch(struct mgmt_call *c) {
    int g = 0;
    while (g + 1 < MON_WATCH_GROUPS && strcmp(groups[g].name, mgmt_arg_text(c, "what", ""))) g++;
    return set(c, (enum mon_watch_group)g, mgmt_arg_bool(c, "enable"));
}

static json_t *exits_on(struct mgmt_call *c) { return set(c, MON_WATCH_EXITS, true); }
static json_t *exits_off(struct mgmt_call *c) { return set(c, MON_WATCH_EXITS, false); }
static json_t *faults_on(struct mgmt_call *c) { return set(c, MON_WATCH_FAULTS, true); }
static json_t *faults_off(struct mgmt_call *c) { return set(c, MON_WATCH_FAULTS, false); }
static json_t *io_on(struct mgmt_call *c) { return set(c, MON_WATCH_IO, true); }
static json_t *io_off(struct mgmt_call *c) { return set(c, MON_WATCH_IO, false); }

#define LIMIT_ARG                                                                                                      \
    { .name = "limit", .type = MGMT_INT, .optional = true, .help = "lines of each list, 1 to 1000" }

static const struct mgmt_arg top_args[] = {LIMIT_ARG, {0}};
static const struct mgmt_arg exits_args[] = {
    LIMIT_ARG,
    {.name = "by",
     .type = MGMT_WORD,
     .optional = true,
     .option = true,
     .choices = "place|cause",
     .help = "a row for each cause at each instruction, or for each cause"},
    {.name = "sort", .type = MGMT_WORD, .optional = true, .option = true, .choices = "count|cycles"},
    {0}};
static const struct mgmt_arg watch_args[] = {{.name = "what", .type = MGMT_WORD, .choices = "exits|faults|io"},
                                             {.name = "enable", .type = MGMT_BOOL, .help = "true begins anew"},
                                             {0}};

const struct mgmt_command mgmt_watch_commands[] = {
    {"x-novt-exits", "exits", NULL, "callouts of sensitive instructions by row of sensitive.def", "{row: count}",
     callouts, print_callouts},
    {"x-novt-exits-top", "exits --top|exits top", exits_args,
     "sensitive instructions, exceptions and interrupts by cause and by the guest's instruction",
     "{counting, ns, totals, lost, rows, exits}", exits_top, print_exits},
    {"x-novt-mmu-faults", "mmu faults --top|mmu faults", top_args,
     "shadow page faults (hidden, true, device, smc) by the guest's instruction and by page",
     "{counting, ns, totals, lost, by-pc, by-page}", faults, print_faults},
    {"x-novt-io", "io --top|io", top_args, "accesses to ports and device memory by place and by instruction",
     "{counting, ns, totals, lost, places, by-pc}", io, print_io},
    {"x-novt-watch", NULL, watch_args, "begin to count what x-novt-exits-top, -mmu-faults or -io lists, or end that",
     NULL, watch, NULL},
    {NULL, "exits on", NULL, "begin to count by instruction", NULL, exits_on, NULL},
    {NULL, "exits off", NULL, "count no more", NULL, exits_off, NULL},
    {NULL, "mmu faults on", NULL, "begin to count", NULL, faults_on, NULL},
    {NULL, "mmu faults off", NULL, "count no more", NULL, faults_off, NULL},
    {NULL, "io on", NULL, "begin to count", NULL, io_on, NULL},
    {NULL, "io off", NULL, "count no more", NULL, io_off, NULL},
    {0},
};
