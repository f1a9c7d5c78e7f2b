/*
 * mgmt_pages.c: tc pages: translated code by pages of guest memory, the hottest first.
 */
#include <inttypes.h>
#include <stdlib.h>
#include "bt/inspect_pages.h"
#include "console/mgmt_cache.h"

enum { LIMIT = 20, LIMIT_MAX = 16384, ROWS_MAX = 1 << 20, PAGE = 4096 };

struct pages {
    struct bt_inspect_page_row *row;
    size_t n, room;
    bool failed;
};

static bool take(const void *question, void *into) {
    const struct bt_inspect_pages *p = question;
    struct pages *all = into;
    if (p->anew) all->n = 0;
    if (all->room - all->n < p->n) {
        size_t room = 2 * all->room + BT_INSPECT_PAGES;
        struct bt_inspect_page_row *row = room <= ROWS_MAX ? realloc(all->row, room * sizeof *row) : NULL;
        all->failed = !row;
        if (!row) return false;
        all->row = row;
        all->room = room;
    }
    for (uint32_t i = 0; i < p->n; i++) all->row[all->n++] = p->row[i];
    return true;
}

static enum mon_ask ask_pages(struct machine *m, void *question) { return mon_ask_cache_pages(m, question); }

static bool collect(struct mgmt_call *c, struct pages *all) {
    struct bt_inspect_pages of = {0};
    struct mgmt_parts p = {ask_pages, &of, &of.cursor, take};
    if (!mgmt_ask_parts(c, &p, all)) return false;
    if (all->failed) mgmt_fail(c, "out of memory");
    return !all->failed;
}

static int by_frame(const void *a, const void *b) {
    const struct bt_inspect_page_row *x = a, *y = b;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

static int by_heat(const void *a, const void *b) {
    const struct bt_inspect_page_row *x = a, *y = b;
    if (x->samples != y->samples) return x->samples < y->samples ? 1 : -1;
    if (x->blocks != y->blocks) return x->blocks < y->blocks ? 1 : -1;
    return by_frame(a, b);
}

static void join(struct pages *all) {
    size_t n = 0;
    if (all->n) qsort(all->row, all->n, sizeof *all->row, by_frame);
    for (size_t i = 0; i < all->n; i++) {
        struct bt_inspect_page_row *row = &all->row[i], *last = n ? &all->row[n - 1] : NULL;
        if (!last || last->frame != row->frame) {
            all->row[n++] = *row;
            continue;
        }
        if (!last->blocks) last->va = row->va; /* live blocks know better */
        last->blocks += row->blocks;
        last->guest_bytes += row->guest_bytes;
        last->host_bytes += row->host_bytes;
        last->samples += row->samples;
    }
    all->n = n;
    if (n) qsort(all->row, n, sizeof *all->row, by_heat);
}

static json_t *page_json(const struct bt_inspect_page_row *row) {
    json_t *o = json_object();
    mgmt_put(o, "frame", row->frame);
    mgmt_put(o, "va", row->va);
    mgmt_put(o, "blocks", row->blocks);
    mgmt_put(o, "guest-bytes", row->guest_bytes);
    mgmt_put(o, "host-bytes", row->host_bytes);
    mgmt_put(o, "samples", row->samples);
    return o;
}

static json_t *list(struct mgmt_call *c, struct pages *all, size_t limit) {
    if (!collect(c, all)) return NULL;
    join(all);
    json_t *rows = json_array();
    for (size_t i = 0; i < all->n && i < limit; i++) json_array_append_new(rows, page_json(&all->row[i]));
    if (mgmt_add_symbols(c, rows, "va")) return json_pack("{s:o, s:I}", "pages", rows, "matches", (json_int_t)all->n);
    json_decref(rows);
    return NULL;
}

static json_t *pages(struct mgmt_call *c) {
    struct pages all = {0};
    int64_t limit = mgmt_arg_int(c, "limit", LIMIT);
    if (limit < 1 || limit > LIMIT_MAX) return mgmt_fail(c, "the limit must be 1 to %d", LIMIT_MAX);
    json_t *answer = list(c, &all, (size_t)limit);
    free(all.row);
    return answer;
}

static void print_pages(json_t *r, struct mgmt_text *out) {
    const json_t *p;
    size_t i;
    if (mgmt_int(r, "matches"))
        mgmt_print(out, "%-8s %6s %7s %6s %6s %8s %s\n", "page", "frame", "blocks", "guest", "host", "samples",
                   "symbol");
    else
        mgmt_print(out, "no block\n");
    json_array_foreach(json_object_get(r, "pages"), i, p) {
        mgmt_print(out, "%08" PRIx64 " %6" PRIx64 " %7" PRId64 " %6" PRId64 " %6" PRId64 " %8" PRId64 " %s\n",
                   (uint64_t)mgmt_int(p, "va"), (uint64_t)mgmt_int(p, "frame"), mgmt_int(p, "blocks"),
                   mgmt_int(p, "guest-bytes"), mgmt_int(p, "host-bytes"), mgmt_int(p, "samples"),
                   mgmt_string(p, "symbol"));
    }
    if (mgmt_int(r, "matches") > (int64_t)i) mgmt_print(out, "... of %" PRId64 "\n", mgmt_int(r, "matches"));
}

static const struct mgmt_arg pages_args[] = {
    {.name = "limit", .type = MGMT_INT, .optional = true, .option = true, .help = "pages, 1 to 16384"}, {0}};

const struct mgmt_command mgmt_pages_commands[] = {
    {"x-novt-tc-pages", "tc pages", pages_args, "translated code by pages of guest memory, the hottest first",
     "{pages, matches}", pages, print_pages},
    {0},
};
