/*
 * mgmt_mmu.c: mmu walk, spaces, view, vmas, diff: shadow paging beside the guest's tables.
 */
#include <inttypes.h>
#include <string.h>
#include "console/mgmt_cache.h"

enum { RUNS_MAX = 20000, DIFFS_MAX = 1000, PAGE = 4096 };

static void put(json_t *o, const char *name, uint64_t v) { json_object_set_new(o, name, json_integer((json_int_t)v)); }
static void put_bool(json_t *o, const char *name, bool v) { json_object_set_new(o, name, json_boolean(v)); }

/* ---- One address ---- */

static json_t *page_json(const struct smmu_inspect_page *p) {
    json_t *o = json_object();
    put_bool(o, "tlb-read", p->tlb_read);
    put_bool(o, "tlb-write", p->tlb_write);
    put_bool(o, "tlb-code", p->tlb_code);
    put_bool(o, "view", p->view);
    put_bool(o, "view-writable", p->view_writable);
    if (p->view) put(o, "view-frame", p->view_frame);
    return o;
}

static json_t *target_json(const struct smmu_inspect_walk *w) {
    json_t *o = json_object();
    put(o, "physical", w->to.pa.v);
    put(o, "page-size", UINT64_C(1) << w->to.page_shift);
    put_bool(o, "writable", w->to.writable);
    put_bool(o, "dirty", w->to.dirty);
    put_bool(o, "user", w->to.user);
    put_bool(o, "global", w->to.global);
    put_bool(o, "code", w->code);
    json_object_set_new(o, "frame", json_integer(w->frame));
    json_object_set_new(o, "device", json_string(w->device));
    return o;
}

static json_t *walk(struct mgmt_call *c) {
    struct smmu_inspect_walk w = {.va = (uint32_t)mgmt_arg_int(c, "address", 0)};
    if (!mgmt_asked(c, mon_ask_mmu_walk(c->machine, &w), NULL)) return NULL;
    json_t *o = json_object();
    put(o, "va", w.va);
    put_bool(o, "paging", w.paging);
    put_bool(o, "pae", w.pae);
    put(o, "cr3", w.cr3);
    if (w.pae) put(o, "pdpte", w.pdpte);
    if (w.paging) put(o, "pde", w.pde);
    if (w.paging && !w.large && w.pde & 1) put(o, "pte", w.pte);
    put_bool(o, "present", w.present);
    if (w.present) json_object_set_new(o, "to", target_json(&w));
    json_object_set_new(o, "supervisor", page_json(&w.page[0]));
    json_object_set_new(o, "user", page_json(&w.page[1]));
    return o;
}

static void print_page(const char *who, const json_t *p, struct mgmt_text *out) {
    mgmt_print(out, "%-10s TLB %c%c%c, view ", who, mgmt_true(p, "tlb-read") ? 'r' : '-',
               mgmt_true(p, "tlb-write") ? 'w' : '-', mgmt_true(p, "tlb-code") ? 'x' : '-');
    if (mgmt_true(p, "view"))
        mgmt_print(out, "frame %" PRIx64 " r%c\n", (uint64_t)mgmt_int(p, "view-frame"),
                   mgmt_true(p, "view-writable") ? 'w' : '-');
    else
        mgmt_print(out, "not mapped\n");
}

static void print_target(const json_t *to, struct mgmt_text *out) {
    mgmt_print(out, "physical   %" PRIx64 ", page of %" PRId64 " KiB, %c%c%s%s", (uint64_t)mgmt_int(to, "physical"),
               mgmt_int(to, "page-size") >> 10, mgmt_true(to, "user") ? 'u' : '-',
               mgmt_true(to, "writable") ? 'w' : '-', mgmt_true(to, "dirty") ? ", dirty" : "",
               mgmt_true(to, "global") ? ", global" : "");
    if (mgmt_string(to, "device")[0])
        mgmt_print(out, ", device %s\n", mgmt_string(to, "device"));
    else if (mgmt_int(to, "frame") < 0)
        mgmt_print(out, ", no memory\n");
    else
        mgmt_print(out, ", frame %" PRIx64 "%s\n", (uint64_t)mgmt_int(to, "frame"),
                   mgmt_true(to, "code") ? " with translated code" : "");
}

static void print_walk(json_t *r, struct mgmt_text *out) {
    static const char *const levels[] = {"cr3", "pdpte", "pde", "pte"};
    for (unsigned i = 0; i < 4 && mgmt_true(r, "paging"); i++)
        if (json_object_get(r, levels[i]))
            mgmt_print(out, "%-10s %016" PRIx64 "\n", levels[i], (uint64_t)mgmt_int(r, levels[i]));
    if (!mgmt_true(r, "paging")) mgmt_print(out, "paging is off\n");
    if (mgmt_true(r, "present"))
        print_target(json_object_get(r, "to"), out);
    else
        mgmt_print(out, "not present\n");
    print_page("supervisor", json_object_get(r, "supervisor"), out);
    print_page("user", json_object_get(r, "user"), out);
}

/* ---- Views ---- */

static json_t *view_json(const struct smmu_inspect_view *v) {
    json_t *o = json_object();
    put(o, "view", v->index);
    json_object_set_new(o, "kind", json_string(v->super ? "supervisor" : v->identity ? "no paging" : "user"));
    if (!v->super && !v->identity) put(o, "cr3", v->cr3);
    put_bool(o, "current", v->current);
    put_bool(o, "mature", v->mature);
    put_bool(o, "low", v->low);
    put(o, "pages", v->pages);
    put(o, "writable", v->writable);
    put(o, "large-regions", v->whole);
    put(o, "page-regions", v->paged);
    put(o, "vmas", v->vmas);
    return o;
}

static enum mon_ask ask_views(struct machine *m, void *question) { return mon_ask_mmu_views(m, question); }

static bool take_views(const void *question, void *rows) {
    const struct smmu_inspect_views *v = question;
    for (uint32_t i = 0; i < v->n; i++) json_array_append_new(rows, view_json(&v->row[i]));
    return true;
}

static json_t *spaces(struct mgmt_call *c) {
    struct smmu_inspect_views v = {0};
    struct mgmt_parts p = {ask_views, &v, &v.cursor, take_views};
    json_t *rows = json_array();
    if (!mgmt_ask_parts(c, &p, rows)) return json_decref(rows), NULL;
    json_t *o = json_pack("{s:o}", "views", rows);
    put(o, "vmas", v.vmas);
    put(o, "budget", v.budget);
    put(o, "tables", v.details);
    put(o, "reverse-map", v.reverse);
    return o;
}

static void print_vmas(json_t *r, struct mgmt_text *out) {
    mgmt_print(
        out, "%" PRId64 " host mappings of %" PRId64 " at most, %" PRId64 " page tables, %" PRId64 " writable pages\n",
        mgmt_int(r, "vmas"), mgmt_int(r, "budget"), mgmt_int(r, "tables"), mgmt_int(r, "reverse-map"));
}

static void print_spaces(json_t *r, struct mgmt_text *out) {
    const json_t *v;
    size_t i;
    mgmt_print(out, "%4s %-10s %-8s %-9s %8s %8s %6s %6s %6s\n", "view", "kind", "cr3", "", "pages", "writable",
               "large", "tables", "vmas");
    json_array_foreach(json_object_get(r, "views"), i, v) {
        char cr3[20] = "";
        if (json_object_get(v, "cr3")) snprintf(cr3, sizeof cr3, "%08" PRIx64, (uint64_t)mgmt_int(v, "cr3"));
        mgmt_print(out,
                   "%4" PRId64 " %-10s %-8s %c %-7s %8" PRId64 " %8" PRId64 " %6" PRId64 " %6" PRId64 " %6" PRId64 "\n",
                   mgmt_int(v, "view"), mgmt_string(v, "kind"), cr3, mgmt_true(v, "current") ? '*' : ' ',
                   !mgmt_true(v, "mature") ? "checked"
                   : mgmt_true(v, "low")   ? "low"
                                           : "direct",
                   mgmt_int(v, "pages"), mgmt_int(v, "writable"), mgmt_int(v, "large-regions"),
                   mgmt_int(v, "page-regions"), mgmt_int(v, "vmas"));
    }
    print_vmas(r, out);
}

static void add_run(json_t *rows, const struct smmu_inspect_run *w) {
    json_t *last = json_array_get(rows, json_array_size(rows) - 1);
    int64_t count = mgmt_int(last, "pages");
    if (last && mgmt_int(last, "va") / PAGE + count == w->first && mgmt_int(last, "frame") + count == w->frame &&
        mgmt_true(last, "writable") == w->writable) {
        put(last, "pages", (uint64_t)count + w->count);
        return;
    }
    json_t *o = json_object();
    put(o, "va", (uint64_t)w->first * PAGE);
    put(o, "pages", w->count);
    put(o, "frame", w->frame);
    put_bool(o, "writable", w->writable);
    json_array_append_new(rows, o);
}

static enum mon_ask ask_runs(struct machine *m, void *question) { return mon_ask_mmu_runs(m, question); }

static bool take_runs(const void *question, void *rows) {
    const struct smmu_inspect_runs *r = question;
    for (uint32_t i = 0; i < r->n; i++) add_run(rows, &r->row[i]);
    return json_array_size(rows) < RUNS_MAX;
}

static json_t *view(struct mgmt_call *c) {
    int64_t number = mgmt_arg_int(c, "view", 0);
    struct smmu_inspect_runs r = {.view = number < 0 || number > UINT32_MAX ? UINT32_MAX : (uint32_t)number};
    struct mgmt_parts p = {ask_runs, &r, &r.cursor, take_runs};
    json_t *rows = json_array();
    if (!mgmt_ask_parts(c, &p, rows)) return json_decref(rows), NULL;
    if (r.found) return json_pack("{s:o, s:b}", "runs", rows, "complete", !r.cursor);
    json_decref(rows);
    return mgmt_fail(c, "there is no view %" PRId64, number);
}

static void print_view(json_t *r, struct mgmt_text *out) {
    const json_t *w;
    size_t i;
    json_array_foreach(json_object_get(r, "runs"), i, w) {
        uint64_t va = (uint64_t)mgmt_int(w, "va"), size = (uint64_t)mgmt_int(w, "pages") * PAGE;
        mgmt_print(out, "%08" PRIx64 "-%08" PRIx64 " %08" PRIx64 " r%c frame %" PRIx64 "\n", va, va + size, size,
                   mgmt_true(w, "writable") ? 'w' : '-', (uint64_t)mgmt_int(w, "frame"));
    }
    if (!mgmt_true(r, "complete")) mgmt_print(out, "... and more\n");
}

/* ---- Differences ---- */

static const char *const differences[] = {"same", "absent", "stale", "too-much"};

static enum mon_ask ask_diff(struct machine *m, void *question) { return mon_ask_mmu_diff(m, question); }

static bool take_diff(const void *question, void *rows) {
    const struct smmu_inspect_diff *d = question;
    for (uint32_t i = 0; i < d->n && json_array_size(rows) < DIFFS_MAX; i++)
        json_array_append_new(rows, json_pack("{s:I, s:I, s:s}", "va", (json_int_t)d->row[i].page * PAGE, "frame",
                                              (json_int_t)d->row[i].frame, "what", differences[d->row[i].what]));
    return true; /* the rest is counted */
}

static json_t *diff_view(struct mgmt_call *c, bool user) {
    struct smmu_inspect_diff d = {.user = user};
    struct mgmt_parts p = {ask_diff, &d, &d.cursor, take_diff};
    json_t *rows = json_array();
    if (!mgmt_ask_parts(c, &p, rows)) return json_decref(rows), NULL;
    json_t *o = json_pack("{s:o}", "pages", rows);
    for (unsigned i = 0; i < SMMU_DIFFERENCES; i++) put(o, differences[i], d.count[i]);
    return o;
}

static json_t *diff(struct mgmt_call *c) {
    json_t *super = diff_view(c, false), *user = super ? diff_view(c, true) : NULL;
    if (user) return json_pack("{s:o, s:o}", "supervisor", super, "user", user);
    json_decref(super);
    return NULL;
}

static void print_diff(json_t *r, struct mgmt_text *out) {
    const char *who;
    json_t *v, *p;
    size_t i;
    json_object_foreach(r, who, v) {
        mgmt_print(out,
                   "%s: %" PRId64 " pages as in the tables, %" PRId64 " not mapped yet, %" PRId64 " stale, %" PRId64
                   " with too many rights\n",
                   who, mgmt_int(v, "same"), mgmt_int(v, "absent"), mgmt_int(v, "stale"), mgmt_int(v, "too-much"));
        json_array_foreach(json_object_get(v, "pages"), i, p) {
            mgmt_print(out, "  %08" PRIx64 " %s, frame %" PRIx64 "\n", (uint64_t)mgmt_int(p, "va"),
                       mgmt_string(p, "what"), (uint64_t)mgmt_int(p, "frame"));
        }
    }
}

static const struct mgmt_arg walk_args[] = {{.name = "address", .type = MGMT_EXPR}, {0}};
static const struct mgmt_arg view_args[] = {{.name = "view", .type = MGMT_INT, .help = "its number in mmu spaces"},
                                            {0}};

const struct mgmt_command mgmt_mmu_commands[] = {
    {"x-novt-mmu-walk", "mmu walk", walk_args, "the guest's tables for a linear address, and what shadows them",
     "{va, paging, cr3, pde, pte, present, to, supervisor, user, ...}", walk, print_walk},
    {"x-novt-mmu-spaces", "mmu spaces", NULL, "views: address spaces that the host maps for the guest",
     "{views, vmas, budget, tables, reverse-map}", spaces, print_spaces},
    {NULL, "mmu vmas", NULL, "host mappings in use", "as x-novt-mmu-spaces", spaces, print_vmas},
    {"x-novt-mmu-view", "mmu view", view_args, "what a view maps", "{runs, complete}", view, print_view},
    {"x-novt-mmu-diff", "mmu diff", NULL, "the guest's tables against the current views", "{supervisor, user}", diff,
     print_diff},
    {0},
};
