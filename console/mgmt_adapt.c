/*
 * mgmt_adapt.c: tc adapt: which instructions' accesses are checked because direct ones have faulted, and how it came.
 */
#include <inttypes.h>
#include "console/mgmt_cache.h"

/* ---- Now ---- */

static json_t *site_json(const struct bt_inspect_verdict *w, const struct bt_inspect_verdicts *v) {
    bool guilty = w->until > v->now;
    json_t *o = json_object();
    mgmt_put(o, "physical", (uint64_t)w->frame * 4096 + w->off);
    if (w->va != BT_INSPECT_NO_VA) mgmt_put(o, "va", w->va);
    mgmt_put(o, "level", w->level);
    mgmt_put(o, "faults", w->faults);
    mgmt_put(o, "verdicts", w->verdicts);
    json_object_set_new(o, "guilty", json_boolean(guilty));
    mgmt_put(o, "ms-left", guilty ? (uint64_t)(w->until - v->now) * v->epoch_ms : 0);
    mgmt_put(o, "until", w->until);
    return o;
}

static enum mon_ask ask_verdicts(struct machine *m, void *question) { return mon_ask_cache_verdicts(m, question); }

static bool take_verdicts(const void *question, void *rows) {
    const struct bt_inspect_verdicts *v = question;
    for (uint32_t i = 0; i < v->n; i++) json_array_append_new(rows, site_json(&v->row[i], v));
    return true;
}

static json_t *sites(struct mgmt_call *c) {
    struct bt_inspect_verdicts v = {0};
    struct mgmt_parts p = {ask_verdicts, &v, &v.cursor, take_verdicts};
    json_t *rows = json_array();
    if (mgmt_ask_parts(c, &p, rows) && mgmt_add_symbols(c, rows, "va"))
        return json_pack("{s:o, s:i, s:i}", "sites", rows, "now", (int)v.now, "epoch-ms", (int)v.epoch_ms);
    json_decref(rows);
    return NULL;
}

static void print_where(const json_t *s, struct mgmt_text *out) {
    if (json_object_get(s, "va"))
        mgmt_print(out, " %08" PRIx64 " %s\n", (uint64_t)mgmt_int(s, "va"), mgmt_string(s, "symbol"));
    else
        mgmt_print(out, "\n");
}

static void print_sites(const json_t *r, struct mgmt_text *out) {
    const json_t *s;
    size_t i;
    mgmt_print(out, "epoch %" PRId64 " (%" PRId64 " ms of the processor's time each)\n", mgmt_int(r, "now"),
               mgmt_int(r, "epoch-ms"));
    mgmt_print(out, "%-10s %8s %8s %6s %6s %8s %s\n", "physical", "verdict", "verdicts", "level", "faults", "ms left",
               "address");
    json_array_foreach(json_object_get(r, "sites"), i, s) {
        mgmt_print(out, "0x%08" PRIx64 " %8s %8" PRId64 " %6" PRId64 " %6" PRId64 " %8" PRId64,
                   (uint64_t)mgmt_int(s, "physical"),
                   mgmt_true(s, "guilty") ? "guilty"
                   : mgmt_int(s, "until") ? "served"
                                          : "watched",
                   mgmt_int(s, "verdicts"), mgmt_int(s, "level"), mgmt_int(s, "faults"), mgmt_int(s, "ms-left"));
        print_where(s, out);
    }
}

/* ---- The past ---- */

static const char *const changes[BT_CHANGES] = {"faults", "never-direct", "retry", "space-mature"};

static json_t *change_json(const struct bt_inspect_change *w) {
    json_t *o = json_object();
    bool verdict = w->what == BT_CHANGE_FAULTS || w->what == BT_CHANGE_NEVER;
    mgmt_put(o, "ms", w->ms);
    json_object_set_new(o, "what", json_string(w->what < BT_CHANGES ? changes[w->what] : "?"));
    mgmt_put(o, w->what == BT_CHANGE_SPACE ? "cr3" : "physical", w->physical);
    if (w->va != BT_INSPECT_NO_VA) mgmt_put(o, "va", w->va);
    if (!verdict) return o;
    mgmt_put(o, "level", w->level);
    mgmt_put(o, "verdicts", w->verdicts);
    mgmt_put(o, "until-ms", w->until_ms);
    return o;
}

static json_t *history(struct mgmt_call *c) {
    struct bt_inspect_history h = {0};
    json_t *rows = json_array();
    do {
        if (!mgmt_asked(c, mon_ask_cache_history(c->machine, &h), NULL)) return json_decref(rows), NULL;
        for (uint32_t i = 0; i < h.n; i++) json_array_append_new(rows, change_json(&h.row[i]));
    } while (h.more);
    if (mgmt_add_symbols(c, rows, "va"))
        return json_pack("{s:o, s:i, s:i}", "history", rows, "total", (int)h.total, "now-ms", (int)h.now);
    json_decref(rows);
    return NULL;
}

static void print_history(const json_t *r, struct mgmt_text *out) {
    const json_t *s, *rows = json_object_get(r, "history");
    size_t i;
    mgmt_print(out, "%" PRId64 " changes, the latest %zu, at %" PRId64 " ms of the processor's time\n",
               mgmt_int(r, "total"), json_array_size(rows), mgmt_int(r, "now-ms"));
    mgmt_print(out, "%9s %-12s %-10s %8s %8s %s\n", "ms", "what", "physical", "verdicts", "until ms", "address");
    json_array_foreach(rows, i, s) {
        bool space = json_object_get(s, "cr3") != NULL;
        mgmt_print(out, "%9" PRId64 " %-12s 0x%08" PRIx64, mgmt_int(s, "ms"), mgmt_string(s, "what"),
                   (uint64_t)mgmt_int(s, space ? "cr3" : "physical"));
        if (json_object_get(s, "verdicts"))
            mgmt_print(out, " %8" PRId64 " %8" PRId64, mgmt_int(s, "verdicts"), mgmt_int(s, "until-ms"));
        else
            mgmt_print(out, " %8s %8s", "", "");
        print_where(s, out);
    }
}

static json_t *adapt(struct mgmt_call *c) { return mgmt_arg_bool(c, "history") ? history(c) : sites(c); }

static void print_adapt(json_t *r, struct mgmt_text *out) {
    if (json_object_get(r, "history"))
        print_history(r, out);
    else
        print_sites(r, out);
}

static const struct mgmt_arg adapt_args[] = {{.name = "history",
                                              .type = MGMT_BOOL,
                                              .optional = true,
                                              .option = true,
                                              .help = "what has changed, the oldest first"},
                                             {0}};

const struct mgmt_command mgmt_adapt_commands[] = {
    {"x-novt-tc-adapt", "tc adapt", adapt_args, "instructions whose direct accesses have faulted, or what has changed",
     "{sites, now, epoch-ms}; history: {history, total, now-ms}", adapt, print_adapt},
    {0},
};
