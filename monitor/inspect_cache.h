/*
 * inspect_cache.h: questions about the code cache and the shadow MMU: inspect.h goes on.
 *
 * What goes in parts has a cursor in its struct (bt/inspect.h): ask until it is 0.
 */
#ifndef NOVT_MONITOR_INSPECT_CACHE_H
#define NOVT_MONITOR_INSPECT_CACHE_H

#include "bt/bt.h"
#include "bt/inspect.h"
#include "bt/inspect_pages.h"
#include "monitor/inspect.h"
#include "shadowmmu/inspect.h"

/* ---- The code cache: as the functions of bt/inspect.h ---- */
/* halted_ms: of the guest's time, that it has waited in HLT. */
enum mon_ask mon_ask_cache_totals(struct machine *m, struct bt_inspect_totals *t, uint64_t *halted_ms);
enum mon_ask mon_ask_cache_list(struct machine *m, struct bt_inspect_list *l);
enum mon_ask mon_ask_cache_pages(struct machine *m, struct bt_inspect_pages *p);
enum mon_ask mon_ask_cache_block(struct machine *m, struct bt_inspect_detail *d);
enum mon_ask mon_ask_cache_verdicts(struct machine *m, struct bt_inspect_verdicts *v);
enum mon_ask mon_ask_cache_history(struct machine *m, struct bt_inspect_history *h);
enum mon_ask mon_ask_cache_sites(struct machine *m, struct bt_inspect_sites *s);
enum mon_ask mon_ask_cache_returns(struct machine *m, struct bt_inspect_returns *r);
enum mon_ask mon_ask_cache_smc(struct machine *m, struct bt_inspect_smc_rows *r);
/* The frame behind a guest-physical address, -1: none; does it hold translated code, so that writes are watched? */
struct mon_cache_page {
    uint64_t physical; /* in */
    int32_t frame;
    bool code;
};
enum mon_ask mon_ask_cache_page(struct machine *m, struct mon_cache_page *p);
enum mon_ask mon_ask_callouts(struct machine *m, struct bt_inspect_callouts *c);
/* Throws all translations away. */
enum mon_ask mon_ask_cache_flush(struct machine *m);

/* ---- Orders about translations (inspect_steer.c): as bt_mark_add and what follows it in bt/bt.h ---- */
struct mon_steer {
    enum mon_steer_what {
        MON_STEER_LOOK, /* only tell what there is */
        MON_STEER_MARK,
        MON_STEER_UNMARK,
        MON_STEER_UNLINK,
        MON_STEER_COUNT
    } what;
    bool by_block; /* the range is that of `block`; MARK of kind 0: as its accesses are */
    uint32_t block;
    uint32_t first, last;
    unsigned kinds; /* MARK: one of enum bt_mark_kind; UNMARK: of these */
    bool on;        /* COUNT */
    /* answers */
    bool no_block, full;
    uint32_t removed;
    struct bt_unlinked unlinked;
    bool counting;
    uint64_t insns, returns, indirects, return_misses; /* while counting */
    uint32_t n;
    struct bt_mark mark[BT_MARKS_MAX]; /* as they are then */
};
enum mon_ask mon_ask_steer(struct machine *m, struct mon_steer *s);

/* ---- The shadow MMU (inspect_mmu.c): as the functions of shadowmmu/inspect.h ---- */
enum mon_ask mon_ask_mmu_walk(struct machine *m, struct smmu_inspect_walk *w);
enum mon_ask mon_ask_mmu_views(struct machine *m, struct smmu_inspect_views *v);
enum mon_ask mon_ask_mmu_runs(struct machine *m, struct smmu_inspect_runs *r);
enum mon_ask mon_ask_mmu_diff(struct machine *m, struct smmu_inspect_diff *d);

/* ---- Guest symbols ---- */
enum { MON_SYMBOLS = 64, MON_SYMBOL_NAME = 80 };
struct mon_symbols {
    uint32_t n;
    bool covered; /* only addresses where the symbols' owner lies, not those of programs below it */
    struct {
        uint32_t address, offset;   /* offset: from the symbol's start */
        char name[MON_SYMBOL_NAME]; /* empty: none */
    } at[MON_SYMBOLS];
};
/* Names for the n addresses. */
enum mon_ask mon_ask_symbols(struct machine *m, struct mon_symbols *s);
struct mon_symbol_ranges {
    char pattern[128]; /* in: a name, or the beginning of names and `*` */
    uint32_t n;        /* more than BT_INSPECT_RANGES: too many */
    struct bt_inspect_range range[BT_INSPECT_RANGES];
};
enum mon_ask mon_ask_symbol_ranges(struct machine *m, struct mon_symbol_ranges *r);
struct mon_symbol_address {
    char name[128]; /* in */
    bool found;
    uint32_t address;
};
enum mon_ask mon_ask_symbol_address(struct machine *m, struct mon_symbol_address *s);
#endif
