/*
 * view_state.c: the description of what views show: regions, pages, reverse map.
 *
 * Callers: the other view*.c. Makes no system call. See view_internal.h for the
 * invariants; every change is bracketed by state_before and state_after, which
 * keep the number of host mappings exact.
 */
#include "shadowmmu/view_internal.h"

#include <sys/mman.h>

static void *anonymous(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static size_t head_bytes(const struct smmu *s) { return (size_t)s->mem->frames * sizeof(uint32_t); }

bool state_create(struct smmu *s) {
    struct views *vs = s->views;
    vs->details = anonymous(VIEW_MAX_DETAILS * sizeof(struct detail));
    vs->rmap = anonymous(VIEW_MAX_RMAP * sizeof(struct rmap_node));
    vs->rmap_head = anonymous(head_bytes(s));
    return vs->details && vs->rmap && vs->rmap_head;
}

void state_destroy(struct smmu *s) {
    struct views *vs = s->views;
    if (vs->details) munmap(vs->details, VIEW_MAX_DETAILS * sizeof(struct detail));
    if (vs->rmap) munmap(vs->rmap, VIEW_MAX_RMAP * sizeof(struct rmap_node));
    if (vs->rmap_head) munmap(vs->rmap_head, head_bytes(s));
}

/* ---- Pools: view_map.c makes room before a run is entered, so these do not fail ---- */

static uint32_t detail_alloc(struct views *vs) {
    uint32_t id = vs->details_free;
    if (id)
        vs->details_free = vs->details[id - 1].next_free;
    else
        id = ++vs->details_bumped;
    SMMU_BUG_ON(id > VIEW_MAX_DETAILS);
    vs->details_live++;
    struct detail *d = &vs->details[id - 1];
    memset(d->mapped, 0, sizeof d->mapped);
    memset(d->writable, 0, sizeof d->writable);
    d->pages = 0;
    return id;
}

static void detail_free(struct views *vs, struct region *r) {
    if (!r->detail) return;
    vs->details[r->detail - 1].next_free = vs->details_free;
    vs->details_free = r->detail;
    vs->details_live--;
    r->detail = 0;
}

static void rmap_add(struct views *vs, uint32_t frame, const struct view *v, uint32_t page) {
    uint32_t id = vs->rmap_free;
    if (id)
        vs->rmap_free = vs->rmap[id - 1].next;
    else
        id = ++vs->rmap_bumped;
    SMMU_BUG_ON(id > VIEW_MAX_RMAP);
    vs->rmap_live++;
    vs->rmap[id - 1] = (struct rmap_node){vs->rmap_head[frame], page, v->index};
    vs->rmap_head[frame] = id;
}

static void rmap_remove(struct views *vs, uint32_t frame, const struct view *v, uint32_t page) {
    uint32_t *link = &vs->rmap_head[frame];
    while (*link) {
        uint32_t id = *link;
        struct rmap_node *n = &vs->rmap[id - 1];
        if (n->page == page && n->view == v->index) {
            *link = n->next;
            n->next = vs->rmap_free;
            vs->rmap_free = id;
            vs->rmap_live--;
            return;
        }
        link = &n->next;
    }
    SMMU_BUG_ON(true);
}

/* ---- What a page shows ---- */

uint64_t state_of(const struct views *vs, const struct view *v, uint32_t page, uint32_t *next) {
    const struct region *r = &v->region[region_of(v, page)];
    const uint32_t pages = region_pages(v);
    const uint32_t i = page & (pages - 1);
    uint32_t frame;
    bool writable;
    *next = page + 1;
    if (r->kind == REGION_EMPTY) {
        *next = (page | (pages - 1)) + 1;
        return 0;
    }
    if (r->kind == REGION_WHOLE) {
        frame = r->frame + i;
        writable = r->writable;
        if (r->detail)
            writable = bit_get(detail_of(vs, r)->writable, i);
        else
            *next = (page | (pages - 1)) + 1;
    } else {
        const struct detail *d = detail_of(vs, r);
        if (!bit_get(d->mapped, i)) return 0;
        frame = d->frame[i];
        writable = bit_get(d->writable, i);
    }
    /* Equal for neighbours that the host merges: same protection, same file offset minus address. */
    return (uint64_t)(frame + VIEW_PAGES - page) << 2 | (writable ? 2 : 0) | 1;
}

static uint32_t count_bounds(const struct views *vs, const struct view *v, uint32_t first, uint32_t end) {
    uint32_t count = 0, next;
    uint64_t previous = first > 0 ? state_of(vs, v, first - 1, &next) : 0;
    for (uint32_t page = first; page < end; page = next) {
        uint64_t state = state_of(vs, v, page, &next);
        count += state != previous;
        previous = state;
    }
    uint64_t last = end < VIEW_PAGES ? state_of(vs, v, end, &next) : 0;
    return count + (last != previous);
}

uint32_t state_before(const struct views *vs, const struct view *v, uint32_t first, uint32_t count) {
    return count_bounds(vs, v, first, first + count);
}

void state_after(struct views *vs, struct view *v, uint32_t first, uint32_t count, uint32_t before) {
    uint32_t after = count_bounds(vs, v, first, first + count);
    v->bounds += after - before;
    vs->vmas += after - before;
}

/* ---- Changes ---- */

static void set_used(struct view *v, uint32_t index, uint8_t kind) {
    struct region *r = &v->region[index];
    v->wholes -= r->kind == REGION_WHOLE;
    v->wholes += kind == REGION_WHOLE;
    r->kind = kind;
    if (kind == REGION_EMPTY)
        bit_clear(v->used, index);
    else
        bit_set(v->used, index);
}

void state_clear_region(struct views *vs, struct view *v, uint32_t index) {
    struct region *r = &v->region[index];
    if (r->kind == REGION_PAGED) {
        const struct detail *d = detail_of(vs, r);
        for (uint32_t word = 0; word < VIEW_REGION_PAGES / 64; word++)
            for (uint64_t bits = d->writable[word]; bits; bits &= bits - 1) {
                uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(bits);
                rmap_remove(vs, d->frame[i], v, index * region_pages(v) + i);
            }
    }
    detail_free(vs, r);
    set_used(v, index, REGION_EMPTY);
}

void state_clear_page(struct views *vs, struct view *v, uint32_t page) {
    uint32_t index = region_of(v, page), i = page & (region_pages(v) - 1);
    struct region *r = &v->region[index];
    SMMU_BUG_ON(r->kind != REGION_PAGED);
    struct detail *d = detail_of(vs, r);
    if (!bit_get(d->mapped, i)) return;
    if (bit_get(d->writable, i)) rmap_remove(vs, d->frame[i], v, page);
    bit_clear(d->mapped, i);
    bit_clear(d->writable, i);
    if (--d->pages == 0) state_clear_region(vs, v, index);
}

void state_set_writable(struct views *vs, struct view *v, uint32_t page, bool writable) {
    uint32_t i = page & (region_pages(v) - 1);
    struct region *r = &v->region[region_of(v, page)];
    SMMU_BUG_ON(r->kind == REGION_EMPTY);
    if (r->kind == REGION_WHOLE && !r->detail) {
        if (r->writable == writable) return;
        SMMU_BUG_ON(!r->writable);
        r->detail = detail_alloc(vs);
        memset(detail_of(vs, r)->writable, 0xff, sizeof detail_of(vs, r)->writable);
    }
    struct detail *d = detail_of(vs, r);
    if (bit_get(d->writable, i) == writable) return;
    if (writable)
        bit_set(d->writable, i);
    else
        bit_clear(d->writable, i);
    if (r->kind != REGION_PAGED) return;
    SMMU_BUG_ON(!bit_get(d->mapped, i));
    if (writable)
        rmap_add(vs, d->frame[i], v, page);
    else
        rmap_remove(vs, d->frame[i], v, page);
}

static void set_page(struct views *vs, struct view *v, struct detail *d, uint32_t page, uint32_t frame) {
    uint32_t i = page & (region_pages(v) - 1);
    if (bit_get(d->writable, i)) {
        rmap_remove(vs, d->frame[i], v, page);
        bit_clear(d->writable, i);
    }
    if (!bit_get(d->mapped, i)) {
        bit_set(d->mapped, i);
        d->pages++;
    }
    d->frame[i] = frame;
}

static void copy_entries(struct smmu *s, struct detail *d, uint64_t pde, uint32_t first, uint32_t count, bool fresh) {
    const uint8_t *table = walk_table(s, pde & (s->mode == MODE_PAE ? PTE_ADDR_PAE : UINT64_C(0xfffff000)));
    const uint32_t size = s->mode == MODE_PAE ? 8 : 4;
    SMMU_BUG_ON(!table);
    if (fresh)
        memcpy(d->copy, table, SMMU_PAGE_SIZE);
    else
        memcpy((uint8_t *)d->copy + first * size, table + first * size, count * size);
}

/* Are all entries of a run marked global? `pde` is that of the first page. */
static bool run_is_global(const struct smmu *s, uint64_t pde, uint32_t first, uint32_t count) {
    if (walk_is_large(s, pde)) return (pde & PTE_G) != 0;
    const uint8_t *table = walk_table(s, pde & (s->mode == MODE_PAE ? PTE_ADDR_PAE : UINT64_C(0xfffff000)));
    uint64_t all = PTE_G;
    for (uint32_t i = 0; i < count; i++) all &= entry_at(s, table, first + i);
    return all != 0;
}

static void set_paged(struct smmu *s, struct view *v, const struct view_run *run) {
    struct views *vs = s->views;
    const uint32_t index = region_of(v, run->first);
    struct region *r = &v->region[index];
    const bool fresh = r->kind == REGION_EMPTY;
    const uint64_t pde = walk_read_pde(s, run->first << SMMU_PAGE_SHIFT);
    SMMU_BUG_ON(r->kind == REGION_WHOLE);
    if (fresh) {
        r->detail = detail_alloc(vs);
        set_used(v, index, REGION_PAGED);
    }
    r->pde = pde;
    struct detail *d = detail_of(vs, r);
    for (uint32_t k = 0; k < run->count; k++) {
        uint32_t frame = run->frame + k;
        set_page(vs, v, d, run->first + k, frame);
        if (run->writable && !mem_is_code(s->mem, frame)) state_set_writable(vs, v, run->first + k, true);
    }
    const uint32_t first = run->first & (region_pages(v) - 1);
    if (!walk_is_large(s, pde)) copy_entries(s, d, pde, first, run->count, fresh);
    r->global = (fresh || r->global) && run_is_global(s, pde, first, run->count);
}

static void set_wholes(struct smmu *s, struct view *v, const struct view_run *run) {
    struct views *vs = s->views;
    const uint32_t pages = region_pages(v);
    for (uint32_t done = 0; done < run->count; done += pages) {
        const uint32_t index = region_of(v, run->first + done);
        struct region *r = &v->region[index];
        state_clear_region(vs, v, index);
        r->pde = walk_read_pde(s, (run->first + done) << SMMU_PAGE_SHIFT);
        r->frame = run->frame + done;
        r->writable = run->writable;
        r->global = (r->pde & PTE_G) != 0;
        set_used(v, index, REGION_WHOLE);
        const bool code = run->writable && mem_any_code(s->mem, r->frame, pages);
        for (uint32_t i = 0; code && i < pages; i++)
            if (mem_is_code(s->mem, r->frame + i)) state_set_writable(vs, v, run->first + done + i, false);
    }
}

void state_set_run(struct smmu *s, struct view *v, const struct view_run *run) {
    uint32_t before = state_before(s->views, v, run->first, run->count);
    if (run->whole)
        set_wholes(s, v, run);
    else
        set_paged(s, v, run);
    state_after(s->views, v, run->first, run->count, before);
}
