/*
 * view_map.c: system calls on windows, the budget of host mappings, eviction.
 *
 * Callers: the other view*.c. A host limit never fails a guest: what cannot be
 * mapped even after everything else was evicted stays unmapped, and the access
 * goes the checked way.
 */
#include "shadowmmu/view_internal.h"

#include <sys/mman.h>

enum { NOWHERE = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED };

static void *host_of(const struct view *v, uint32_t page) {
    return (void *)((uintptr_t)v->base + ((uintptr_t)page << SMMU_PAGE_SHIFT));
}

static uint64_t bytes_of(uint32_t pages) { return (uint64_t)pages << SMMU_PAGE_SHIFT; }

/* ---- The reserve ----
 * Above vm.max_map_count the host refuses every mmap, even one that would replace
 * thousands of mappings by one. So a few mappings are held only to be given up then. */

enum { RESERVE_PAGES = 16 };

void view_hold_reserve(struct views *vs) {
    if (vs->reserve) return;
    uint8_t *p = mmap(NULL, bytes_of(RESERVE_PAGES), PROT_NONE, NOWHERE & ~MAP_FIXED, -1, 0);
    if (p == MAP_FAILED) return;                    /* next time */
    for (uint32_t i = 0; i < RESERVE_PAGES; i += 2) /* unlike neighbours do not merge */
        (void)mprotect(p + bytes_of(i), SMMU_PAGE_SIZE, PROT_READ);
    vs->reserve = p;
}

void view_give_reserve(struct views *vs) {
    if (vs->reserve) munmap(vs->reserve, bytes_of(RESERVE_PAGES));
    vs->reserve = NULL;
}

/* Nothing answers there any more. */
static bool clear(const struct view *v, uint32_t first, uint32_t count) {
    if (view_is_low(v)) return low_clear(first, count);
    return mmap(host_of(v, first), bytes_of(count), PROT_NONE, NOWHERE, -1, 0) != MAP_FAILED;
}

/* Replaces every mapping of the window by one, or none. */
static void empty_window(struct views *vs, const struct view *v) {
    bool done = clear(v, 0, VIEW_PAGES);
    if (!done) {
        view_give_reserve(vs);
        done = clear(v, 0, VIEW_PAGES);
    }
    SMMU_BUG_ON(!done);
    view_hold_reserve(vs);
}

void view_reset(struct smmu *s, struct view *v) {
    for (uint32_t word = 0; word < VIEW_REGIONS / 64; word++)
        while (v->used[word]) state_clear_region(s->views, v, word * 64 + (uint32_t)__builtin_ctzll(v->used[word]));
    s->views->vmas -= v->bounds;
    v->bounds = 0;
    s->stats.view_unmaps++;
    empty_window(s->views, v);
}

/* Empties the coldest view; `keep` last. False: nothing is left to empty. */
static bool evict(struct smmu *s, struct view *keep) {
    struct views *vs = s->views;
    struct view *victim = NULL;
    for (uint32_t i = VIEW_LOW; i < vs->count; i++) {
        struct view *v = &vs->view[i];
        if (v->bounds > 0 && v != keep && v != vs->user && (!victim || v->stamp < victim->stamp)) victim = v;
    }
    struct view *last[] = {&vs->view[VIEW_IDENTITY], vs->user, &vs->view[VIEW_SUPER], keep};
    for (uint32_t i = 0; i < 4 && !victim; i++)
        if (last[i] && last[i]->bounds > 0 && (last[i] != keep || i == 3)) victim = last[i];
    if (!victim) return false;
    s->stats.view_evictions++;
    view_reset(s, victim);
    return true;
}

static bool over_budget(const struct views *vs, uint32_t vmas, uint32_t details, uint32_t nodes) {
    return vs->vmas + vmas > vs->budget || vs->details_live + details > VIEW_MAX_DETAILS ||
           vs->rmap_live + nodes > VIEW_MAX_RMAP;
}

/* Evicts until the budget and the pools have room. */
static bool make_room(struct smmu *s, struct view *v, uint32_t vmas, uint32_t details, uint32_t nodes) {
    while (over_budget(s->views, vmas, details, nodes))
        if (!evict(s, v)) return false;
    return true;
}

void view_keep_budget(struct smmu *s) { (void)make_room(s, s->views->user, 0, 0, 0); }

void view_unmap(struct smmu *s, struct view *v, uint32_t first, uint32_t count) {
    s->stats.view_unmaps++;
    if (!clear(v, first, count)) view_reset(s, v); /* the split was one VMA too many */
}

/* mprotect alone; on failure makes room and tries again. False: v was emptied. */
static bool protect_host(struct smmu *s, struct view *v, uint32_t first, uint32_t count, bool writable) {
    const int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    s->stats.view_protects++;
    while (mprotect(host_of(v, first), bytes_of(count), prot) != 0) {
        if (!evict(s, v) || v->bounds == 0) {
            view_reset(s, v);
            return false;
        }
    }
    return true;
}

bool view_protect(struct smmu *s, struct view *v, uint32_t first, uint32_t count, bool writable) {
    if (!make_room(s, v, 2, 1, count) || v->bounds == 0) return false;
    if (!protect_host(s, v, first, count, writable)) return false;
    uint32_t before = state_before(s->views, v, first, count);
    for (uint32_t i = 0; i < count; i++) state_set_writable(s->views, v, first + i, writable);
    state_after(s->views, v, first, count, before);
    return true;
}

/* Code frames inside a writable run become read-only, stretch by stretch. */
static bool protect_code(struct smmu *s, struct view *v, const struct view_run *run) {
    uint32_t k = 0;
    while (k < run->count) {
        if (!mem_is_code(s->mem, run->frame + k)) {
            k++;
            continue;
        }
        uint32_t start = k;
        while (k < run->count && mem_is_code(s->mem, run->frame + k)) k++;
        if (!protect_host(s, v, run->first + start, k - start, false)) return false;
    }
    return true;
}

bool view_map_run(struct smmu *s, struct view *v, const struct view_run *run) {
    const uint32_t regions = run->count / region_pages(v) + 1;
    const uint32_t details = run->whole ? (run->code_stretches ? regions : 0) : 1;
    const bool writable = run->writable && !run->all_code;
    const int prot = writable ? PROT_READ | PROT_WRITE : PROT_READ;
    const bool some = run->count >= VIEW_POPULATE_LEAST && run->count <= VIEW_POPULATE_PAGES;
    const int populate = !run->whole && some ? MAP_POPULATE : 0;
    if (!make_room(s, v, 2 + (writable ? 2 * run->code_stretches : 0), details, run->whole ? 0 : run->count))
        return false;
    while (mmap(host_of(v, run->first), bytes_of(run->count), prot, MAP_SHARED | MAP_FIXED | populate, s->mem->fd,
                (off_t)bytes_of(run->frame)) == MAP_FAILED) {
        if (!evict(s, v)) {
            view_reset(s, v);
            return false;
        }
    }
    s->stats.view_maps++;
    s->stats.view_mapped_pages += run->count;
    state_set_run(s, v, run);
    return !writable || run->code_stretches == 0 || protect_code(s, v, run);
}
