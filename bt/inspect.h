/*
 * inspect.h: what is in the code cache, for consoles: totals, lists, single blocks, verdicts; the engine's public face
 * beside bt.h.
 *
 * On the vCPU thread outside bt_run only. Everything is copied out. A question does a bounded piece of work; a longer
 * one goes on from a cursor. A block is called by a number, which lasts until the next flush: bt_inspect_epoch.
 */
#ifndef NOVT_BT_INSPECT_H
#define NOVT_BT_INSPECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bt_engine;

/* ---- Time ---- */
/* Samples by what the thread did; their sum is all samples. enum bt_at in bt.h says what belongs to a name. */
struct bt_inspect_time {
    uint64_t blocks, stubs;               /* translated code */
    uint64_t engine, translator;          /* finding and linking blocks; making them */
    uint64_t callouts, ports, exceptions; /* sensitive instructions: but for port I/O; port I/O; guest faults */
    uint64_t accesses, registers, faults; /* checked accesses; devices in memory; direct accesses' faults */
    uint64_t monitor, events, wait;       /* interrupts; timers and consoles; HLT */
};
uint64_t bt_inspect_time_sum(const struct bt_inspect_time *t);

/* ---- Totals ---- */
enum { BT_KINDS = 12 }; /* (real, v86, ring 0..3) * 2 + 32-bit code */
enum bt_kind_of { BT_KIND_REAL, BT_KIND_V86, BT_KIND_RING0 /* ..3 */ };
const char *bt_kind_name(unsigned kind);
struct bt_inspect_kind {
    uint64_t live, dead; /* blocks; what follows is of live ones */
    uint64_t direct, checked;
    uint64_t copies;           /* made by copying */
    uint64_t insns, identical; /* identical: copied byte for byte */
    uint64_t guest_bytes, hot_bytes, cold_bytes;
    uint64_t links, chained, ports;
    uint64_t samples; /* of dead blocks too */
};
struct bt_inspect_totals {
    uint32_t epoch, cursor; /* cursor 0: begin; 0 afterwards: done */
    struct bt_inspect_kind kind[BT_KINDS];
    /* not sums over blocks */
    uint64_t thunk_bytes, hot_used, cold_used, capacity; /* hot_used: with thunks and stubs */
    uint64_t samples;                                    /* since start: ticks of a millisecond of the thread's time */
    struct bt_inspect_time time;
};
/* Adds the blocks from the cursor on. If the cache was flushed meanwhile, it begins anew. */
void bt_inspect_totals(struct bt_engine *e, struct bt_inspect_totals *t);
/* Counts flushes: a block's number means the same block while it does not change. */
uint32_t bt_inspect_epoch(const struct bt_engine *e);
enum { BT_INSPECT_NO_VA = 0xffffffffu };

/* Callouts since start, by row of sensitive.def; rows that were never called are left out. */
enum { BT_INSPECT_CALLOUTS = 256 };
struct bt_inspect_callouts {
    uint32_t n;
    struct {
        const char *row; /* constant */
        uint64_t count;
    } at[BT_INSPECT_CALLOUTS];
};
void bt_inspect_callouts(const struct bt_engine *e, struct bt_inspect_callouts *c);

/* ---- Lists ---- */
struct bt_inspect_block {
    uint32_t id, va, eip, frame, guest_len;              /* va: linear address; frame: of the first byte */
    uint8_t kind, insns, links, chained, ports, targets; /* targets: that ports know */
    bool direct, dead, copy, single, demoted, retry;     /* retry: will be translated again for direct accesses */
    uint32_t hot_len, cold_len, samples;
    uint32_t faults; /* counted against its instructions lately */
    uint64_t hot_host, cold_host;
};
enum bt_inspect_sort { BT_SORT_ADDRESS, BT_SORT_HOT, BT_SORT_SIZE, BT_SORT_EXPANSION, BT_SORT_FAULTS };
enum { BT_INSPECT_ROWS = 100, BT_INSPECT_RANGES = 256 };
struct bt_inspect_list {
    enum bt_inspect_sort sort;
    uint32_t first, last; /* live blocks that have a byte in here */
    uint32_t limit;       /* 1..BT_INSPECT_ROWS */
    bool by_frame, by_space;
    uint32_t frame, cr3; /* by_frame: with a byte in the frame; by_space: where the tables of this CR3 show it */
    uint32_t n_ranges;   /* not 0: with their first byte in one of the ranges, which are sorted */
    struct bt_inspect_range {
        uint32_t first, last;
    } range[BT_INSPECT_RANGES];
    uint32_t epoch, cursor;
    uint32_t matches, n; /* all that fit; the rows that are kept, best first */
    uint64_t samples;    /* of all that fit */
    struct bt_inspect_block row[BT_INSPECT_ROWS];
};
void bt_inspect_list(struct bt_engine *e, struct bt_inspect_list *l);

/* ---- One block ---- */
enum { BT_INSPECT_INSNS = 48, BT_INSPECT_MAP = 512, BT_INSPECT_LINKS = 16, BT_INSPECT_HOST = 16 << 10 };
/* What its accesses do to the arithmetic flags; ELIDED: saved for a fault only, as what follows does not need them. */
enum bt_inspect_flags { BT_FLAGS_UNTOUCHED, BT_FLAGS_SAVED, BT_FLAGS_ELIDED };
struct bt_inspect_insn {
    uint8_t off, len;
    const char *cls;                  /* of the decoder; constants */
    const char *row, *reason, *title; /* of sensitive.def, NULL if it has no row */
    bool identical;
    enum bt_inspect_flags flags;
    uint32_t guilty_until; /* epoch of samples; 0: its accesses are as the block's */
};
struct bt_inspect_piece { /* host bytes that belong to an instruction: a fault there is its */
    uint8_t guest_off;
    int8_t esp; /* ESP less R14 */
    bool cold;
    uint32_t at, len; /* in the part */
};
struct bt_inspect_way {  /* a link, or a target of a port */
    uint32_t target, to; /* EIP; block, UINT32_MAX: not chained */
    bool port, many;     /* a port with many targets goes by the jump cache: no target */
};
struct bt_inspect_detail {
    uint32_t id; /* asked for */
    bool found;
    struct bt_inspect_block block;
    uint8_t guest[256];
    uint32_t n_insns, n_pieces, n_ways;
    struct bt_inspect_insn insn[BT_INSPECT_INSNS];
    struct bt_inspect_piece piece[BT_INSPECT_MAP];
    struct bt_inspect_way way[BT_INSPECT_LINKS];
    uint32_t n_hot, n_cold; /* bytes given */
    uint8_t hot[BT_INSPECT_HOST], cold[BT_INSPECT_HOST];
};
void bt_inspect_block(struct bt_engine *e, struct bt_inspect_detail *d);

/* ---- Indirect jumps and calls ---- */
struct bt_inspect_site {
    uint32_t block, va, samples; /* of the instruction; of its block */
    uint32_t misses;             /* times that the engine had to find the target */
    bool call, many;             /* many: goes by the jump cache, its targets are no longer told apart */
    uint8_t n;
    struct {
        uint32_t va, to; /* BT_INSPECT_NO_VA: the block is gone */
    } target[8];
};
enum { BT_INSPECT_SITES = 100 };
struct bt_inspect_sites {
    bool by_misses; /* else by samples */
    uint32_t limit;
    uint32_t epoch, cursor;
    uint32_t matches, many, targets, n; /* of live blocks; of all; the rows, best first */
    uint64_t misses;
    struct bt_inspect_site row[BT_INSPECT_SITES];
};
void bt_inspect_sites(struct bt_engine *e, struct bt_inspect_sites *s);

/* ---- Returns ---- */
struct bt_inspect_returns {
    uint32_t epoch, cursor;
    uint64_t pads;   /* in live blocks: where a call's return is awaited */
    uint64_t resets; /* of the stack of predictions, since start: it was full, or they might lie */
    bool counting;   /* bt_count: these since then */
    uint64_t executed, misses;
};
void bt_inspect_returns(struct bt_engine *e, struct bt_inspect_returns *r);

/* ---- Code that is written ---- */
struct bt_inspect_smc {
    uint32_t frame, pc; /* pc: guest-linear, of the instruction that wrote; BT_INSPECT_NO_VA: a device, or unknown */
    uint64_t drops, blocks; /* writes that dropped blocks; how many */
    uint64_t harmless;      /* writes to the page beside all code of live blocks; under no instruction */
};
enum { BT_INSPECT_SMC = 512 };
struct bt_inspect_smc_rows {
    uint32_t n;
    struct bt_inspect_smc row[BT_INSPECT_SMC], forgotten, total; /* forgotten: of rows that had to make room */
};
void bt_inspect_smc_rows(const struct bt_engine *e, struct bt_inspect_smc_rows *r);

/* ---- Adaptation ---- */
struct bt_inspect_verdict {
    uint32_t frame, off, until, faults; /* until: epoch; 0 or passed: not guilty now */
    uint32_t va;                        /* of a live block's instruction there; BT_INSPECT_NO_VA: none */
    uint8_t level, verdicts;
};
enum { BT_INSPECT_VERDICTS = 128 };
struct bt_inspect_verdicts {
    uint32_t cursor, now, n; /* now: this epoch, 256 samples */
    uint32_t epoch_ms;       /* 256 where the host's timer is so fine */
    struct bt_inspect_verdict row[BT_INSPECT_VERDICTS];
};
void bt_inspect_verdicts(struct bt_engine *e, struct bt_inspect_verdicts *v);

/* What has changed, the latest ADAPT_LOG times. */
enum bt_change {
    BT_CHANGE_FAULTS, /* too many faults: checked until `until` */
    BT_CHANGE_NEVER,  /* a device, code, a segment that is not plain: the same, for longer */
    BT_CHANGE_RETRY,  /* the time is over: a block is translated again for direct accesses */
    BT_CHANGE_SPACE,  /* an address space has come of age: its user code goes direct */
    BT_CHANGES
};
struct bt_inspect_change {
    uint32_t ms;       /* of processor time, since start */
    uint32_t physical; /* of the instruction, of the block; SPACE: its CR3 */
    uint32_t until_ms;
    uint8_t what, level, verdicts;
    uint32_t va; /* see bt_inspect_verdict; not SPACE */
};
enum { BT_INSPECT_CHANGES = 128 };
struct bt_inspect_history {
    uint32_t next;          /* 0: begin with the oldest that is kept; then, where to go on */
    uint32_t total, n, now; /* total: that happened; now: ms */
    bool more;
    struct bt_inspect_change row[BT_INSPECT_CHANGES];
};
void bt_inspect_history(struct bt_engine *e, struct bt_inspect_history *h);
#endif
