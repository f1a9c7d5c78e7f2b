/* inspect_cache.c: what is in the code cache, and names for its addresses. */
#include "monitor/inspect_cache.h"

#include <stdio.h>
#include <time.h>
#include "monitor/inspect_internal.h"
#include "monitor/symbols.h"

enum { NS_PER_MS = 1000000 };

struct totals {
    struct bt_inspect_totals of;
    uint64_t halted_ms;
};
static bool do_totals(struct machine *m, void *args, struct letter *l) {
    struct totals *t = args;
    (void)l;
    bt_inspect_totals(m->engine, &t->of);
    t->halted_ms = machine_halted_ns(m) / NS_PER_MS;
    return true;
}
enum mon_ask mon_ask_cache_totals(struct machine *m, struct bt_inspect_totals *t, uint64_t *halted_ms) {
    struct totals all = {.of = *t};
    enum mon_ask a = inspect_ask(m, do_totals, &all, sizeof all);
    *t = all.of;
    *halted_ms = all.halted_ms;
    return a;
}

static bool do_list(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_list(m->engine, args);
    return true;
}
enum mon_ask mon_ask_cache_list(struct machine *m, struct bt_inspect_list *list) {
    return inspect_ask(m, do_list, list, sizeof *list);
}

static bool do_pages(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_pages(m->engine, args);
    return true;
}
enum mon_ask mon_ask_cache_pages(struct machine *m, struct bt_inspect_pages *p) {
    return inspect_ask(m, do_pages, p, sizeof *p);
}

static bool do_block(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_block(m->engine, args);
    return true;
}
enum mon_ask mon_ask_cache_block(struct machine *m, struct bt_inspect_detail *d) {
    return inspect_ask(m, do_block, d, sizeof *d);
}

static bool do_verdicts(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_verdicts(m->engine, args);
    return true;
}
enum mon_ask mon_ask_cache_verdicts(struct machine *m, struct bt_inspect_verdicts *v) {
    return inspect_ask(m, do_verdicts, v, sizeof *v);
}

static bool do_history(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_history(m->engine, args);
    return true;
}
enum mon_ask mon_ask_cache_history(struct machine *m, struct bt_inspect_history *h) {
    return inspect_ask(m, do_history, h, sizeof *h);
}

static bool do_sites(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_sites(m->engine, args);
    return true;
}
enum mon_ask mon_ask_cache_sites(struct machine *m, struct bt_inspect_sites *s) {
    return inspect_ask(m, do_sites, s, sizeof *s);
}

static bool do_returns(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_returns(m->engine, args);
    return true;
}
enum mon_ask mon_ask_cache_returns(struct machine *m, struct bt_inspect_returns *r) {
    return inspect_ask(m, do_returns, r, sizeof *r);
}

static bool do_smc(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_smc_rows(m->engine, args);
    return true;
}
enum mon_ask mon_ask_cache_smc(struct machine *m, struct bt_inspect_smc_rows *r) {
    return inspect_ask(m, do_smc, r, sizeof *r);
}

static bool do_page(struct machine *m, void *args, struct letter *l) {
    struct mon_cache_page *p = args;
    (void)l;
    p->frame = smmu_mem_lookup(m->mem, gpa(p->physical)).read_frame;
    p->code = p->frame >= 0 && smmu_mem_frame_is_code(m->mem, (uint32_t)p->frame);
    return true;
}
enum mon_ask mon_ask_cache_page(struct machine *m, struct mon_cache_page *p) {
    return inspect_ask(m, do_page, p, sizeof *p);
}

static bool do_callouts(struct machine *m, void *args, struct letter *l) {
    (void)l;
    bt_inspect_callouts(m->engine, args);
    return true;
}
enum mon_ask mon_ask_callouts(struct machine *m, struct bt_inspect_callouts *c) {
    return inspect_ask(m, do_callouts, c, sizeof *c);
}

static bool do_flush(struct machine *m, void *args, struct letter *l) {
    (void)l;
    (void)args;
    bt_flush(m->engine);
    return true;
}
enum mon_ask mon_ask_cache_flush(struct machine *m) {
    char none = 0;
    return inspect_ask(m, do_flush, &none, sizeof none);
}

static void look(struct machine *m) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    symbols_look(m->symbols, m->mem, (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
}

static bool do_symbols(struct machine *m, void *args, struct letter *l) {
    struct mon_symbols *s = args;
    (void)l;
    look(m);
    for (uint32_t i = 0; i < s->n && i < MON_SYMBOLS; i++) {
        const char *name;
        bool known = (!s->covered || symbols_cover(m->symbols, s->at[i].address)) &&
                     symbols_at(m->symbols, s->at[i].address, &name, &s->at[i].offset);
        snprintf(s->at[i].name, sizeof s->at[i].name, "%s", known ? name : "");
    }
    return true;
}
enum mon_ask mon_ask_symbols(struct machine *m, struct mon_symbols *s) {
    return inspect_ask_long(m, do_symbols, s, sizeof *s);
}

static bool do_symbol_address(struct machine *m, void *args, struct letter *l) {
    struct mon_symbol_address *s = args;
    (void)l;
    look(m);
    s->found = symbols_find(m->symbols, s->name, &s->address);
    return true;
}
enum mon_ask mon_ask_symbol_address(struct machine *m, struct mon_symbol_address *s) {
    return inspect_ask_long(m, do_symbol_address, s, sizeof *s);
}

static bool do_symbol_ranges(struct machine *m, void *args, struct letter *l) {
    struct mon_symbol_ranges *r = args;
    struct symbol_range found[BT_INSPECT_RANGES];
    struct timespec t;
    (void)l;
    clock_gettime(CLOCK_MONOTONIC, &t);
    symbols_look(m->symbols, m->mem, (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec);
    r->n = symbols_ranges(m->symbols, r->pattern, found, BT_INSPECT_RANGES);
    for (uint32_t i = 0; i < r->n && i < BT_INSPECT_RANGES; i++)
        r->range[i] = (struct bt_inspect_range){found[i].first, found[i].last};
    return true;
}
enum mon_ask mon_ask_symbol_ranges(struct machine *m, struct mon_symbol_ranges *r) {
    return inspect_ask_long(m, do_symbol_ranges, r, sizeof *r);
}
