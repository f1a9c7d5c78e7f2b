/*
 * view_internal.h: how views are described; shared by view*.c only.
 *
 * A view is a 4-GiB window cut into *regions*, each the reach of one
 * page-directory entry (4 MiB, or 2 MiB under PAE). A region is empty, WHOLE (one
 * large page, one run of frames) or PAGED (page by page, in a `struct detail`).
 * Invariants:
 *  - regions and details say exactly what the host has mapped, so `bounds` (the
 *    number of neighbouring page pairs that differ) counts the host's VMAs;
 *  - a mapped page's snapshot entry has A set, and D if the page is writable;
 *  - every writable page of a PAGED region has a node in the reverse map.
 */
#ifndef NOVT_SHADOWMMU_VIEW_INTERNAL_H
#define NOVT_SHADOWMMU_VIEW_INTERNAL_H

#include "shadowmmu/shadowmmu_internal.h"

enum {
    VIEW_PAGES = 1 << 20,
    VIEW_REGIONS = 2048,
    VIEW_REGION_PAGES = 1024, /* at most */
    VIEW_MAX_DETAILS = 8192,
    VIEW_MAX_RMAP = 1 << 20,
    VIEW_SUPER = 0,
    VIEW_IDENTITY = 1,
    VIEW_LOW = 2, /* a user view, whose window is host memory from 0 on: see smmu_view_low */
    VIEW_FIRST_USER = 3,
    VIEW_LOW_LEAST = 16, /* the first page that the host lets anybody map there */
    VIEW_LOW_LOSERS = 8,
    VIEW_LATELY = 16,
    VIEW_CODE_GROUPS = 16,
    MATURE_CYCLES = 2 << 20,    /* some 0.8 ms: a process that runs shorter does not repay the mapping of its pages */
    VIEW_POPULATE_PAGES = 64,   /* longest run whose host page tables are filled at once ... */
    VIEW_POPULATE_LEAST = 3,    /* ... and shortest: a fault or two cost less */
    VIEW_CODE_STRETCHES = 1024, /* most read-only code stretches in one run */
};

enum region_kind { REGION_EMPTY, REGION_WHOLE, REGION_PAGED };

struct region {
    uint64_t pde;    /* the guest's entry it was filled from */
    uint32_t frame;  /* WHOLE: first frame */
    uint32_t detail; /* index + 1; 0: none. PAGED: always. WHOLE: where some pages are read-only */
    uint8_t kind;
    bool writable; /* WHOLE: writable, but for pages whose bit in the detail is clear */
    bool global;   /* the guest has marked all that shows global */
};

struct detail {
    uint64_t mapped[VIEW_REGION_PAGES / 64];
    uint64_t writable[VIEW_REGION_PAGES / 64];
    uint32_t frame[VIEW_REGION_PAGES];
    uint64_t copy[SMMU_PAGE_SIZE / 8]; /* snapshot of the guest's page table */
    uint32_t pages;                    /* bits set in mapped */
    uint32_t next_free;
};

/* A page that was given up, and how often since another with the same low bits was. */
struct lately {
    uint32_t page;
    uint32_t drops;
};

struct view {
    uint8_t *base;
    uint64_t key;   /* 0: unused */
    uint64_t stamp; /* LRU */
    uint32_t index;
    uint32_t region_shift; /* 22 or 21 */
    uint32_t bounds;
    uint64_t ran;     /* user: cycles, as far as smmu_space_grow was told, up to MATURE_CYCLES */
    uint64_t ran_pde; /* directory entry of the code that ran first: tells a young process from the next one */
    uint32_t ran_at;
    uint32_t wholes; /* WHOLE regions */
    uint32_t origin; /* frame of its first code ... */
    bool user, mature;
    bool known; /* ... which smmu_space_set_origin has said */
    bool wp;    /* CR0.WP when last validated */
    /* Pages given up one after the other: where that would go on, and how many went last. */
    uint32_t drop_next, drop_run;
    struct lately lately[VIEW_LATELY]; /* by the low bits of the page */
    uint32_t code_group[VIEW_CODE_GROUPS],
        code_groups; /* first pages of what views_note_code was told; how many ever */
    /* Apart, so that a search over all views stays in a few cache lines. */
    struct region *region; /* VIEW_REGIONS */
    uint64_t *used;        /* a bit a region that is not empty */
};

struct view_body {
    uint64_t used[VIEW_REGIONS / 64];
    struct region region[VIEW_REGIONS];
};

struct rmap_node {
    uint32_t next; /* index + 1 */
    uint32_t page;
    uint32_t view;
};

struct views {
    uint8_t *arena;
    size_t arena_size;
    uint8_t *reserve; /* mappings to give up when the host refuses; NULL: given */
    struct view *view;
    struct view_body *body;
    uint32_t count;
    struct view *user;                    /* current; NULL with paging off */
    bool low_at_once;                     /* see SMMU_LOW_AT_ONCE */
    bool low;                             /* host memory from 0 on is ours ... */
    bool low_wanted;                      /* ... and the current address space has come of age outside of it */
    uint64_t low_losers[VIEW_LOW_LOSERS]; /* keys; 0: none */
    unsigned low_loser;                   /* the next place there */
    uint64_t clock;
    uint32_t budget, vmas;
    struct detail *details;
    uint32_t details_bumped, details_free, details_live;
    struct rmap_node *rmap;
    uint32_t *rmap_head; /* per frame: index + 1 */
    uint32_t rmap_bumped, rmap_free, rmap_live;
};

/* A run of pages with contiguous frames, mapped by one mmap. */
struct view_run {
    uint32_t first, count, frame;
    uint32_t code_stretches; /* runs of code frames inside */
    bool writable;           /* but for code frames */
    bool whole;              /* covers whole regions of large pages */
    bool all_code;
};

static inline bool bit_get(const uint64_t *bits, uint32_t i) { return (bits[i >> 6] >> (i & 63)) & 1; }
static inline void bit_set(uint64_t *bits, uint32_t i) { bits[i >> 6] |= UINT64_C(1) << (i & 63); }
static inline void bit_clear(uint64_t *bits, uint32_t i) { bits[i >> 6] &= ~(UINT64_C(1) << (i & 63)); }

static inline bool view_is_low(const struct view *v) { return v->base == NULL; }
/* The first page that the window can show. */
static inline uint32_t view_least_page(const struct view *v) { return view_is_low(v) ? VIEW_LOW_LEAST : 0; }

static inline uint32_t region_pages(const struct view *v) { return UINT32_C(1) << (v->region_shift - SMMU_PAGE_SHIFT); }
static inline uint32_t region_of(const struct view *v, uint32_t page) {
    return page >> (v->region_shift - SMMU_PAGE_SHIFT);
}

static inline struct detail *detail_of(const struct views *vs, const struct region *r) {
    return &vs->details[r->detail - 1];
}

static inline uint64_t entry_at(const struct smmu *s, const void *table, uint32_t index) {
    uint32_t narrow;
    uint64_t wide;
    if (s->mode == MODE_PAE) {
        __builtin_memcpy(&wide, (const uint8_t *)table + index * 8, 8);
        return wide;
    }
    __builtin_memcpy(&narrow, (const uint8_t *)table + index * 4, 4);
    return narrow;
}

/* The current view of a privilege. */
struct view *view_current(const struct smmu *s, bool user);
/* Whoever gets this view or its CR3 next begins anew. */
static inline void view_make_young(struct view *v) {
    v->mature = v->known = false;
    v->ran = 0;
    v->code_groups = 0;
}
/* Gives the view this key; whatever it showed under another key goes. */
void view_rekey(struct smmu *s, struct view *v, uint64_t key);

/* view_low.c: the window at 0 */
void low_create(struct views *vs, enum smmu_low use);
void low_destroy(struct views *vs);
bool low_contains(const struct views *vs, const void *host);
bool low_clear(uint32_t first, uint32_t count);
/* The current address space, which is mature, moves there if whoever has it does not need it. */
void low_take(struct smmu *s);

/* view_state.c: the description, without a system call */
bool state_create(struct smmu *s);
void state_destroy(struct smmu *s);
/* What a page shows (0: nothing), and from which page on that may differ. */
uint64_t state_of(const struct views *vs, const struct view *v, uint32_t page, uint32_t *next);
/* Bracket a change of [first, first+count): state_before's result goes to state_after. */
uint32_t state_before(const struct views *vs, const struct view *v, uint32_t first, uint32_t count);
void state_after(struct views *vs, struct view *v, uint32_t first, uint32_t count, uint32_t before);
void state_set_run(struct smmu *s, struct view *v, const struct view_run *run);
void state_clear_region(struct views *vs, struct view *v, uint32_t index);
void state_clear_page(struct views *vs, struct view *v, uint32_t page);
void state_set_writable(struct views *vs, struct view *v, uint32_t page, bool writable);

/* view_map.c: the host's side, and the budget */
void view_hold_reserve(struct views *vs);
void view_give_reserve(struct views *vs);
void view_reset(struct smmu *s, struct view *v);
void view_unmap(struct smmu *s, struct view *v, uint32_t first, uint32_t count);
/* After drops, which may split mappings. */
void view_keep_budget(struct smmu *s);
bool view_map_run(struct smmu *s, struct view *v, const struct view_run *run);
bool view_protect(struct smmu *s, struct view *v, uint32_t first, uint32_t count, bool writable);

/* view_runs.c */
bool view_find_run(struct smmu *s, struct view *v, uint32_t va, const struct walk *w, struct view_run *run);

/* view_snapshot.c */
void view_revalidate(struct smmu *s, struct view *v, bool keep_global);
void view_revalidate_page(struct smmu *s, struct view *v, uint32_t va);
/* True if the entry a region was filled from still says the same. */
bool view_same_pde(const struct smmu *s, const struct region *r, uint64_t pde);
void view_drop_region(struct smmu *s, struct view *v, uint32_t index);

#endif
