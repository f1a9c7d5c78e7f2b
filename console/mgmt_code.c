/*
 * mgmt_code.c: tc page, smc, indirect, returns: one page of code, code that is written, and where jumps lead.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_cache.h"

enum { PAGE_SHIFT = 12 };

/* ---- Code that is written ---- */

static void put_sums(json_t *o, const struct bt_inspect_smc *s) {
    mgmt_put(o, "drops", s->drops);
    mgmt_put(o, "blocks", s->blocks);
    mgmt_put(o, "harmless", s->harmless);
}

static json_t *smc_json(const struct bt_inspect_smc *s) {
    json_t *o = json_object();
    mgmt_put(o, "frame", s->frame);
    if (s->pc != BT_INSPECT_NO_VA) mgmt_put(o, "pc", s->pc);
    put_sums(o, s);
    return o;
}

static int by_blocks(const void *a, const void *b) {
    const struct bt_inspect_smc *x = a, *y = b;
    if (x->blocks != y->blocks) return x->blocks < y->blocks ? 1 : -1;
    return x->harmless < y->harmless ? 1 : x->harmless > y->harmless ? -1 : 0;
}

static json_t *sum_json(const struct bt_inspect_smc *s) {
    json_t *o = json_object();
    put_sums(o, s);
    return o;
}

/* frame -1: of all. */
static json_t *smc_of(struct mgmt_call *c, int32_t frame) {
    struct bt_inspect_smc_rows *r = calloc(1, sizeof *r);
    json_t *rows = json_array(), *o = NULL;
    if (r && mgmt_asked(c, mon_ask_cache_smc(c->machine, r), NULL)) {
        qsort(r->row, r->n, sizeof r->row[0], by_blocks);
        for (uint32_t i = 0; i < r->n; i++)
            if (frame < 0 || r->row[i].frame == (uint32_t)frame) json_array_append_new(rows, smc_json(&r->row[i]));
        if (mgmt_add_symbols(c, rows, "pc"))
            o = json_pack("{s:O, s:o, s:o}", "rows", rows, "forgotten", sum_json(&r->forgotten), "total",
                          sum_json(&r->total));
    }
    if (!r) mgmt_fail(c, "out of memory");
    free(r);
    json_decref(rows);
    return o;
}

static json_t *smc(struct mgmt_call *c) { return smc_of(c, -1); }

static void print_sums(const json_t *s, struct mgmt_text *out) {
    mgmt_print(out, " %8" PRId64 " %8" PRId64 " %8" PRId64, mgmt_int(s, "drops"), mgmt_int(s, "blocks"),
               mgmt_int(s, "harmless"));
}

static void print_smc_rows(const json_t *rows, struct mgmt_text *out) {
    const json_t *s;
    size_t i;
    mgmt_print(out, "%8s %-8s %8s %8s %8s %s\n", "frame", "by", "drops", "blocks", "harmless", "symbol");
    json_array_foreach(rows, i, s) {
        char pc[16] = "-";
        if (json_object_get(s, "pc")) snprintf(pc, sizeof pc, "%08" PRIx64, (uint64_t)mgmt_int(s, "pc"));
        mgmt_print(out, "%8" PRIx64 " %-8s", (uint64_t)mgmt_int(s, "frame"), pc);
        print_sums(s, out);
        mgmt_print(out, " %s\n", mgmt_string(s, "symbol"));
    }
}

static void print_smc(json_t *r, struct mgmt_text *out) {
    print_smc_rows(json_object_get(r, "rows"), out);
    mgmt_print(out, "%-17s", "without a row");
    print_sums(json_object_get(r, "forgotten"), out);
    mgmt_print(out, "\n%-17s", "total");
    print_sums(json_object_get(r, "total"), out);
    mgmt_print(out, "\n");
}

/* ---- One page ---- */

static json_t *page(struct mgmt_call *c) {
    struct mon_cache_page p = {.physical = (uint64_t)mgmt_arg_int(c, "address", 0)};
    struct bt_inspect_list l = {.sort = BT_SORT_ADDRESS, .last = UINT32_MAX, .by_frame = true};
    if (!mgmt_parse_limit(c, &l.limit) || !mgmt_asked(c, mon_ask_cache_page(c->machine, &p), NULL)) return NULL;
    if (p.frame < 0) return mgmt_fail(c, "there is no memory at physical address %#" PRIx64, p.physical);
    l.frame = (uint32_t)p.frame;
    json_t *o = mgmt_run_list(c, &l), *written = o ? smc_of(c, p.frame) : NULL;
    if (!written) return json_decref(o), NULL;
    mgmt_put(o, "physical", p.physical >> PAGE_SHIFT << PAGE_SHIFT);
    mgmt_put(o, "frame", l.frame);
    json_object_set_new(o, "protected", json_boolean(p.code));
    json_object_set(o, "written", json_object_get(written, "rows"));
    json_decref(written);
    return o;
}

static void print_page(json_t *r, struct mgmt_text *out) {
    const json_t *written = json_object_get(r, "written");
    mgmt_print(out, "page %08" PRIx64 ", frame %" PRIx64 ": %s, %" PRId64 " blocks, %" PRId64 " samples\n",
               (uint64_t)mgmt_int(r, "physical"), (uint64_t)mgmt_int(r, "frame"),
               mgmt_true(r, "protected") ? "writes are watched" : "writes are free", mgmt_int(r, "matches"),
               mgmt_int(r, "samples"));
    mgmt_print_list(r, out);
    if (json_array_size(written)) print_smc_rows(written, out);
}

/* ---- Indirect jumps and calls ---- */

static json_t *site_json(const struct bt_inspect_site *s) {
    json_t *targets = json_array();
    for (unsigned i = 0; i < s->n; i++) {
        json_t *t = json_object();
        mgmt_put(t, "va", s->target[i].va);
        if (s->target[i].to != BT_INSPECT_NO_VA) mgmt_put(t, "block", s->target[i].to);
        json_array_append_new(targets, t);
    }
    return json_pack("{s:I, s:I, s:s, s:b, s:I, s:I, s:o}", "va", (json_int_t)s->va, "block", (json_int_t)s->block,
                     "what", s->call ? "call" : "jump", "many", s->many, "misses", (json_int_t)s->misses, "samples",
                     (json_int_t)s->samples, "targets", targets);
}

static bool name_sites(struct mgmt_call *c, json_t *rows) {
    const json_t *s;
    size_t i;
    if (!mgmt_add_symbols(c, rows, "va")) return false;
    json_array_foreach(rows, i, s) {
        if (!mgmt_add_symbols(c, json_object_get(s, "targets"), "va")) return false;
    }
    return true;
}

static enum mon_ask ask_sites(struct machine *m, void *question) { return mon_ask_cache_sites(m, question); }

static json_t *indirect(struct mgmt_call *c) {
    struct bt_inspect_sites s = {.by_misses = strcmp(mgmt_arg_text(c, "sort", "hot"), "misses") == 0};
    struct mgmt_parts p = {ask_sites, &s, &s.cursor, NULL};
    if (!mgmt_parse_limit(c, &s.limit) || !mgmt_ask_parts(c, &p, NULL)) return NULL;
    json_t *rows = json_array();
    for (uint32_t i = 0; i < s.n; i++) json_array_append_new(rows, site_json(&s.row[i]));
    if (name_sites(c, rows))
        return json_pack("{s:o, s:I, s:I, s:I, s:I}", "sites", rows, "matches", (json_int_t)s.matches, "many",
                         (json_int_t)s.many, "targets", (json_int_t)s.targets, "misses", (json_int_t)s.misses);
    json_decref(rows);
    return NULL;
}

static void print_site(const json_t *s, struct mgmt_text *out) {
    const json_t *targets = json_object_get(s, "targets"), *t;
    size_t i;
    mgmt_print(out, "%08" PRIx64 " %-4s %8" PRId64 " %7" PRId64 " %7" PRId64 " %s%s\n", (uint64_t)mgmt_int(s, "va"),
               mgmt_string(s, "what"), mgmt_int(s, "block"), mgmt_int(s, "samples"), mgmt_int(s, "misses"),
               mgmt_true(s, "many") ? "many targets " : "", mgmt_string(s, "symbol"));
    json_array_foreach(targets, i, t) {
        mgmt_print(out, "    to %08" PRIx64 " %s", (uint64_t)mgmt_int(t, "va"), mgmt_string(t, "symbol"));
        if (json_object_get(t, "block"))
            mgmt_print(out, " block %" PRId64 "\n", mgmt_int(t, "block"));
        else
            mgmt_print(out, " (by the engine)\n");
    }
}

static void print_indirect(json_t *r, struct mgmt_text *out) {
    const json_t *s;
    size_t i;
    mgmt_print(out,
               "%" PRId64 " indirect jumps and calls: %" PRId64 " targets in chains of their own, %" PRId64
               " with too many go by the jump cache; %" PRId64 " times the engine had to look\n",
               mgmt_int(r, "matches"), mgmt_int(r, "targets"), mgmt_int(r, "many"), mgmt_int(r, "misses"));
    mgmt_print(out, "%-8s %-4s %8s %7s %7s %s\n", "address", "", "block", "samples", "misses", "symbol");
    json_array_foreach(json_object_get(r, "sites"), i, s) { print_site(s, out); }
}

/* ---- Returns ---- */

static enum mon_ask ask_returns(struct machine *m, void *question) { return mon_ask_cache_returns(m, question); }

static json_t *returns(struct mgmt_call *c) {
    struct bt_inspect_returns r = {0};
    struct mgmt_parts p = {ask_returns, &r, &r.cursor, NULL};
    if (!mgmt_ask_parts(c, &p, NULL)) return NULL;
    json_t *o = json_pack("{s:I, s:I, s:b}", "pads", (json_int_t)r.pads, "resets", (json_int_t)r.resets, "counting",
                          r.counting);
    if (!r.counting) return o;
    mgmt_put(o, "executed", r.executed);
    mgmt_put(o, "misses", r.misses);
    return o;
}

static void print_returns(json_t *r, struct mgmt_text *out) {
    mgmt_print(out,
               "%" PRId64 " places where a call's return is awaited; the predictions were dropped %" PRId64 " times\n",
               mgmt_int(r, "pads"), mgmt_int(r, "resets"));
    if (mgmt_true(r, "counting"))
        mgmt_print(out, "executed %" PRId64 ", of which %" PRId64 " went elsewhere than predicted\n",
                   mgmt_int(r, "executed"), mgmt_int(r, "misses"));
    else
        mgmt_print(out, "executed and missed: -, they are counted after tc count on\n");
}

static const struct mgmt_arg page_args[] = {
    {.name = "address", .type = MGMT_EXPR, .help = "guest-physical"},
    {.name = "limit", .type = MGMT_INT, .optional = true, .option = true, .help = "lines, 1 to 100"},
    {0}};
static const struct mgmt_arg indirect_args[] = {
    {.name = "sort",
     .type = MGMT_WORD,
     .optional = true,
     .option = true,
     .choices = "hot|misses",
     .help = "what comes first"},
    {.name = "limit", .type = MGMT_INT, .optional = true, .option = true, .help = "sites, 1 to 100"},
    {0}};

const struct mgmt_command mgmt_code_commands[] = {
    {"x-novt-tc-page", "tc page", page_args, "blocks from a guest-physical page, and who has written there",
     "{physical, frame, protected, blocks, matches, samples, written}", page, print_page},
    {"x-novt-tc-smc", "tc smc", NULL, "code that is written: where, by which instruction, blocks dropped",
     "{rows, forgotten, total}", smc, print_smc},
    {"x-novt-tc-indirect", "tc indirect", indirect_args,
     "indirect jumps and calls: targets, and how often none was known", "{sites, matches, many, targets, misses}",
     indirect, print_indirect},
    {"x-novt-tc-returns", "tc returns", NULL, "prediction of returns", "{pads, resets, counting, executed, misses}",
     returns, print_returns},
    {0},
};
