/*
 * mgmt_cache.c: tc stat, list, find, flush: the code cache as a whole.
 */
#include "console/mgmt_cache.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LIMIT = 20 };

int64_t mgmt_int(const json_t *o, const char *name) { return json_integer_value(json_object_get(o, name)); }
bool mgmt_true(const json_t *o, const char *name) { return json_is_true(json_object_get(o, name)); }
const char *mgmt_string(const json_t *o, const char *name) {
    const char *s = json_string_value(json_object_get(o, name));
    return s ? s : "";
}

void mgmt_put(json_t *o, const char *name, uint64_t v) { json_object_set_new(o, name, json_integer((json_int_t)v)); }

/* ---- Symbols ---- */

static void take_symbols(json_t *list, size_t from, const struct mon_symbols *s) {
    for (size_t i = 0; i < s->n; i++) {
        char text[MON_SYMBOL_NAME + 16];
        if (!s->at[i].name[0]) continue;
        snprintf(text, sizeof text, "%s+0x%" PRIx32, s->at[i].name, s->at[i].offset);
        json_object_set_new(json_array_get(list, from + i), "symbol", json_string(text));
    }
}

bool mgmt_add_symbols(struct mgmt_call *c, json_t *list, const char *member) {
    for (size_t from = 0; from < json_array_size(list); from += MON_SYMBOLS) {
        struct mon_symbols s = {.covered = true};
        for (; s.n < MON_SYMBOLS && from + s.n < json_array_size(list); s.n++)
            s.at[s.n].address = (uint32_t)mgmt_int(json_array_get(list, from + s.n), member);
        if (!mgmt_asked(c, mon_ask_symbols(c->machine, &s), NULL)) return false;
        take_symbols(list, from, &s);
    }
    return true;
}

/* ---- Totals ---- */

static json_t *kind_json(const char *name, const struct bt_inspect_kind *k) {
    json_t *o = json_object();
    if (name) json_object_set_new(o, "kind", json_string(name));
    mgmt_put(o, "blocks", k->live);
    mgmt_put(o, "dead", k->dead);
    mgmt_put(o, "direct", k->direct);
    mgmt_put(o, "checked", k->checked);
    mgmt_put(o, "copies", k->copies);
    mgmt_put(o, "instructions", k->insns);
    mgmt_put(o, "identical", k->identical);
    mgmt_put(o, "guest-bytes", k->guest_bytes);
    mgmt_put(o, "hot-bytes", k->hot_bytes);
    mgmt_put(o, "cold-bytes", k->cold_bytes);
    mgmt_put(o, "links", k->links);
    mgmt_put(o, "chained", k->chained);
    mgmt_put(o, "ports", k->ports);
    mgmt_put(o, "samples", k->samples);
    return o;
}

static void add_kind(struct bt_inspect_kind *to, const struct bt_inspect_kind *k) {
    to->live += k->live;
    to->dead += k->dead;
    to->direct += k->direct;
    to->checked += k->checked;
    to->copies += k->copies;
    to->insns += k->insns;
    to->identical += k->identical;
    to->guest_bytes += k->guest_bytes;
    to->hot_bytes += k->hot_bytes;
    to->cold_bytes += k->cold_bytes;
    to->links += k->links;
    to->chained += k->chained;
    to->ports += k->ports;
    to->samples += k->samples;
}

static json_t *totals_json(const struct bt_inspect_totals *t, uint64_t halted_ms) {
    json_t *kinds = json_array(), *cache = json_object();
    struct bt_inspect_kind sum = {0};
    for (unsigned i = 0; i < BT_KINDS; i++) {
        const struct bt_inspect_kind *k = &t->kind[i];
        if (k->live || k->dead) json_array_append_new(kinds, kind_json(bt_kind_name(i), k));
        add_kind(&sum, k);
    }
    mgmt_put(cache, "capacity", t->capacity);
    mgmt_put(cache, "hot", t->hot_used);
    mgmt_put(cache, "cold", t->cold_used);
    mgmt_put(cache, "thunks", t->thunk_bytes);
    mgmt_put(cache, "used", t->hot_used + t->cold_used);
    return json_pack("{s:o, s:o, s:o, s:o, s:I}", "kinds", kinds, "total", kind_json(NULL, &sum), "cache", cache,
                     "time", mgmt_time_json(t, halted_ms), "flushes", (json_int_t)t->epoch);
}

struct totals {
    struct bt_inspect_totals of;
    uint64_t halted_ms;
};
static enum mon_ask ask_totals(struct machine *m, void *question) {
    struct totals *t = question;
    return mon_ask_cache_totals(m, &t->of, &t->halted_ms);
}

static json_t *stat_cache(struct mgmt_call *c) {
    struct totals t = {0};
    struct mgmt_parts p = {ask_totals, &t, &t.of.cursor, NULL};
    return mgmt_ask_parts(c, &p, NULL) ? totals_json(&t.of, t.halted_ms) : NULL;
}

void mgmt_print_ratio(struct mgmt_text *out, int width, int64_t a, int64_t b) {
    int64_t tenths = b ? (a * 20 + b) / (2 * b) : 0;
    mgmt_print(out, "%*" PRId64 ".%" PRId64, width - 2, tenths / 10, tenths % 10);
}

static void print_kind(const char *name, const json_t *k, struct mgmt_text *out) {
    int64_t insns = mgmt_int(k, "instructions"), blocks = mgmt_int(k, "blocks");
    int64_t host = mgmt_int(k, "hot-bytes") + mgmt_int(k, "cold-bytes");
    mgmt_print(out, "%-8s %7" PRId64 " %6" PRId64, name, blocks, mgmt_int(k, "dead"));
    mgmt_print_ratio(out, 7, 100 * mgmt_int(k, "direct"), blocks);
    mgmt_print_ratio(out, 7, 100 * mgmt_int(k, "copies"), blocks);
    mgmt_print_ratio(out, 6, insns, blocks);
    mgmt_print(out, " %8" PRId64 " %6" PRId64, insns, host >> 10);
    mgmt_print_ratio(out, 6, host, mgmt_int(k, "guest-bytes"));
    mgmt_print_ratio(out, 6, 100 * mgmt_int(k, "identical"), insns);
    mgmt_print_ratio(out, 6, 100 * mgmt_int(k, "chained"), mgmt_int(k, "links"));
    mgmt_print(out, "\n");
}

void mgmt_print_cache(json_t *r, struct mgmt_text *out) {
    static const char row[] = "%-8s %7s %6s %6s %6s %5s %8s %6s %5s %5s %5s\n";
    const json_t *cache = json_object_get(r, "cache"), *time = json_object_get(r, "time"), *k;
    size_t i;
    mgmt_print(out, row, "code", "blocks", "dead", "direct", "copied", "insns", "insns", "host", "host/", "ident.",
               "chain.");
    mgmt_print(out, row, "", "", "", "%", "%", "/blk", "", "KiB", "guest", "%", "%");
    json_array_foreach(json_object_get(r, "kinds"), i, k) print_kind(mgmt_string(k, "kind"), k, out);
    print_kind("total", json_object_get(r, "total"), out);
    mgmt_print(out,
               "cache: %" PRId64 " KiB used of %" PRId64 ": %" PRId64 " hot, %" PRId64 " cold; %" PRId64 " flushes\n",
               mgmt_int(cache, "used") >> 10, mgmt_int(cache, "capacity") >> 10, mgmt_int(cache, "hot") >> 10,
               mgmt_int(cache, "cold") >> 10, mgmt_int(r, "flushes"));
    mgmt_print_time(time, out);
}

/* ---- Lists ---- */

json_t *mgmt_block_json(const struct bt_inspect_block *b) {
    json_t *o =
        json_pack("{s:i, s:s, s:b, s:b, s:b, s:b, s:b}", "block", (int)b->id, "kind", bt_kind_name(b->kind), "direct",
                  b->direct, "dead", b->dead, "copy", b->copy, "demoted", b->demoted, "retry", b->retry);
    mgmt_put(o, "va", b->va);
    mgmt_put(o, "eip", b->eip);
    mgmt_put(o, "frame", b->frame);
    mgmt_put(o, "guest-bytes", b->guest_len);
    mgmt_put(o, "instructions", b->insns);
    mgmt_put(o, "hot-bytes", b->hot_len);
    mgmt_put(o, "cold-bytes", b->cold_len);
    mgmt_put(o, "hot-host", b->hot_host);
    mgmt_put(o, "cold-host", b->cold_host);
    mgmt_put(o, "links", b->links);
    mgmt_put(o, "chained", b->chained);
    mgmt_put(o, "ports", b->ports);
    mgmt_put(o, "targets", b->targets);
    mgmt_put(o, "samples", b->samples);
    mgmt_put(o, "faults", b->faults);
    return o;
}

static json_t *list_json(struct mgmt_call *c, const struct bt_inspect_list *l) {
    json_t *rows = json_array();
    for (uint32_t i = 0; i < l->n; i++) json_array_append_new(rows, mgmt_block_json(&l->row[i]));
    if (mgmt_add_symbols(c, rows, "va"))
        return json_pack("{s:o, s:I, s:I}", "blocks", rows, "matches", (json_int_t)l->matches, "samples",
                         (json_int_t)l->samples);
    json_decref(rows);
    return NULL;
}

static enum mon_ask ask_list(struct machine *m, void *question) { return mon_ask_cache_list(m, question); }

json_t *mgmt_run_list(struct mgmt_call *c, struct bt_inspect_list *l) {
    struct mgmt_parts p = {ask_list, l, &l->cursor, NULL};
    return mgmt_ask_parts(c, &p, NULL) ? list_json(c, l) : NULL;
}

bool mgmt_parse_limit(struct mgmt_call *c, uint32_t *limit) {
    int64_t n = mgmt_arg_int(c, "limit", LIMIT);
    *limit = (uint32_t)n;
    if (n < 1 || n > BT_INSPECT_ROWS) mgmt_fail(c, "the limit must be 1 to %d", BT_INSPECT_ROWS);
    return n >= 1 && n <= BT_INSPECT_ROWS;
}

bool mgmt_parse_range(struct mgmt_call *c, const char *text, uint32_t *first, uint32_t *last) {
    char *end;
    errno = 0;
    unsigned long long a = strtoull(text, &end, 16), b = a;
    bool ok = end != text && text[0] != '-';
    if (ok && *end == '-') {
        const char *second = end + 1;
        b = strtoull(second, &end, 16);
        ok = end != second && second[0] != '-';
    }
    if (!ok || *end || errno || a > b || b > UINT32_MAX)
        return mgmt_fail(c, "bad range '%.60s': FIRST-LAST, hexadecimal", text), false;
    *first = (uint32_t)a;
    *last = (uint32_t)b;
    return true;
}

static enum bt_inspect_sort parse_sort(const struct mgmt_call *c) {
    static const char *const names[] = {"address", "hot", "size", "expansion", "faults"};
    const char *by = mgmt_arg_text(c, "sort", "hot");
    enum bt_inspect_sort s = BT_SORT_ADDRESS;
    while (s < BT_SORT_FAULTS && strcmp(names[s], by)) s++;
    return s;
}

static bool parse_space(struct mgmt_call *c, struct bt_inspect_list *l) {
    int64_t cr3 = mgmt_arg_int(c, "cr3", 0);
    l->by_space = mgmt_arg_given(c, "cr3");
    l->cr3 = (uint32_t)cr3;
    if (cr3 < 0 || cr3 > UINT32_MAX) mgmt_fail(c, "CR3 has 32 bits");
    return cr3 >= 0 && cr3 <= UINT32_MAX;
}

static bool parse_symbol(struct mgmt_call *c, struct bt_inspect_list *l) {
    struct mon_symbol_ranges s = {0};
    const char *pattern = mgmt_arg_text(c, "sym", NULL);
    if (!pattern) return true;
    snprintf(s.pattern, sizeof s.pattern, "%s", pattern);
    if (!mgmt_asked(c, mon_ask_symbol_ranges(c->machine, &s), NULL)) return false;
    l->n_ranges = s.n;
    memcpy(l->range, s.range, sizeof l->range);
    if (!s.n) mgmt_fail(c, "no symbol '%.60s' is known", pattern);
    if (s.n > BT_INSPECT_RANGES) mgmt_fail(c, "more than %d symbols begin so", BT_INSPECT_RANGES);
    return s.n && s.n <= BT_INSPECT_RANGES;
}

static json_t *list(struct mgmt_call *c) {
    struct bt_inspect_list l = {.sort = parse_sort(c), .last = UINT32_MAX};
    const char *va = mgmt_arg_text(c, "va", NULL);
    if (va && !mgmt_parse_range(c, va, &l.first, &l.last)) return NULL;
    return parse_space(c, &l) && parse_symbol(c, &l) && mgmt_parse_limit(c, &l.limit) ? mgmt_run_list(c, &l) : NULL;
}

static json_t *find(struct mgmt_call *c) {
    uint32_t at = (uint32_t)mgmt_arg_int(c, "address", 0);
    struct bt_inspect_list l = {.sort = BT_SORT_HOT, .first = at, .last = at, .limit = BT_INSPECT_ROWS};
    return mgmt_run_list(c, &l);
}

void mgmt_print_list(json_t *r, struct mgmt_text *out) {
    const json_t *b;
    size_t i;
    if (!mgmt_int(r, "matches")) {
        mgmt_print(out, "no block\n");
        return;
    }
    mgmt_print(out, "%8s %-8s %-8s %2s %5s %5s %5s %7s %7s %s\n", "block", "address", "mode", "", "insns", "guest",
               "host", "samples", "faults", "symbol");
    json_array_foreach(json_object_get(r, "blocks"), i, b) {
        mgmt_print(out,
                   "%8" PRId64 " %08" PRIx64 " %-8s %c%c %5" PRId64 " %5" PRId64 " %5" PRId64 " %7" PRId64 " %7" PRId64
                   " %s\n",
                   mgmt_int(b, "block"), (uint64_t)mgmt_int(b, "va"), mgmt_string(b, "kind"),
                   mgmt_true(b, "direct") ? 'd' : 'c', mgmt_true(b, "copy") ? '=' : ' ', mgmt_int(b, "instructions"),
                   mgmt_int(b, "guest-bytes"), mgmt_int(b, "hot-bytes") + mgmt_int(b, "cold-bytes"),
                   mgmt_int(b, "samples"), mgmt_int(b, "faults"), mgmt_string(b, "symbol"));
    }
    if (mgmt_int(r, "matches") > (int64_t)i) mgmt_print(out, "... of %" PRId64 "\n", mgmt_int(r, "matches"));
}

/* ---- Flush ---- */

static json_t *flush(struct mgmt_call *c) {
    return mgmt_asked(c, mon_ask_cache_flush(c->machine), NULL) ? mgmt_nothing() : NULL;
}

static const struct mgmt_arg list_args[] = {
    {.name = "sort",
     .type = MGMT_WORD,
     .optional = true,
     .option = true,
     .choices = "hot|size|expansion|faults|address",
     .help = "what comes first; hot: samples of a millisecond"},
    {.name = "va", .type = MGMT_STRING, .optional = true, .option = true, .help = "FIRST-LAST, hexadecimal"},
    {.name = "cr3",
     .type = MGMT_EXPR,
     .optional = true,
     .option = true,
     .help = "code that the tables of this CR3 show now"},
    {.name = "sym",
     .type = MGMT_STRING,
     .optional = true,
     .option = true,
     .help = "NAME, or NAME* for all that begin so"},
    {.name = "limit", .type = MGMT_INT, .optional = true, .option = true, .help = "lines, 1 to 100"},
    {0}};
static const struct mgmt_arg find_args[] = {{.name = "address", .type = MGMT_EXPR}, {0}};

const struct mgmt_command mgmt_cache_commands[] = {
    {"x-novt-tc-stat", "tc stat", NULL, "what is in the code cache, by mode of the guest's code",
     "{kinds, total, cache, time, flushes}", stat_cache, mgmt_print_cache},
    {"x-novt-tc-list", "tc list", list_args, "translated blocks", "{blocks, matches, samples}", list, mgmt_print_list},
    {"x-novt-tc-find", "tc find", find_args, "blocks that translate the code at a guest-linear address",
     "{blocks, matches, samples}", find, mgmt_print_list},
    {"x-novt-tc-flush", "tc flush", NULL, "throw all translations away", NULL, flush, NULL},
    {0},
};
