/*
 * view_runs.c: how much to map at a shadow page fault.
 *
 * Callers: view.c, after the walk of the faulting page allowed it.
 * A run holds only pages whose guest entries already have A (and D, if mapped
 * writable), so mapping them early shows the guest nothing. Large pages are
 * taken whole where memory is contiguous, then with their neighbours, so that a
 * kernel's direct map becomes one mmap.
 */
#include "shadowmmu/view_internal.h"

/* What a neighbour must match. */
struct run_shape {
    struct smmu *s;
    struct view *v;
    const struct region *region;
    const uint8_t *table; /* page table; NULL: large page */
    uint64_t base;        /* large page: physical base */
    uint64_t compared;    /* entry bits that must be equal ... */
    uint64_t rights;      /* ... to these */
    uint64_t need;        /* entry bits that must be set */
    uint64_t reserved;    /* entry bits that must be clear */
    bool rights_write;    /* the guest allows writes and D is set */
    bool memory_write;    /* writes reach the frame that is read */
    uint32_t stretches, max_stretches;
};

static const uint64_t RIGHTS = PTE_P | PTE_W | PTE_U;

/* Does the physical page show this frame, with the same kind of writes? */
static bool memory_fits(const struct run_shape *h, uint64_t pa, uint32_t frame) {
    struct phys_page p = mem_page(h->s->mem, pa & h->s->a20_mask);
    return p.read1 == (int32_t)frame + 1 && (!h->rights_write || (p.write1 == p.read1) == h->memory_write);
}

static bool page_fits(const struct run_shape *h, uint32_t i, uint32_t frame) {
    uint64_t pa = h->base + ((uint64_t)i << SMMU_PAGE_SHIFT);
    if (h->table) {
        uint64_t e = entry_at(h->s, h->table, i);
        if ((e & h->compared) != h->rights || (e & h->need) != h->need || (e & h->reserved)) return false;
        pa = e & PTE_ADDR_PAE;
    }
    return memory_fits(h, pa, frame);
}

/* Already shown with all the rights the run would give. */
static bool page_done(const struct run_shape *h, uint32_t i) {
    if (h->region->kind != REGION_PAGED) return false;
    const struct detail *d = detail_of(h->s->views, h->region);
    return bit_get(d->mapped, i) && (bit_get(d->writable, i) || !(h->rights_write && h->memory_write));
}

/* Counts the stretches of code frames as a run grows from `inner` to `outer`; false: too many. */
static bool stretch_fits(struct run_shape *h, uint32_t inner, uint32_t outer) {
    if (!mem_is_code(h->s->mem, outer) || (inner != outer && mem_is_code(h->s->mem, inner))) return true;
    if (h->stretches >= h->max_stretches) return false;
    h->stretches++;
    return true;
}

/* Grows inside the faulting page's region. */
static void grow_in_region(struct run_shape *h, uint32_t page, uint32_t frame, struct view_run *run) {
    const uint32_t pages = region_pages(h->v), i = page & (pages - 1);
    const uint32_t least = region_of(h->v, page) == 0 ? view_least_page(h->v) : 0;
    uint32_t lo = i, hi = i + 1;
    h->stretches = mem_is_code(h->s->mem, frame);
    while (hi < pages && page_fits(h, hi, frame + (hi - i)) && !page_done(h, hi) &&
           stretch_fits(h, frame + (hi - i) - 1, frame + (hi - i)))
        hi++;
    while (lo > least && frame >= i - lo + 1 && page_fits(h, lo - 1, frame - (i - lo) - 1) && !page_done(h, lo - 1) &&
           stretch_fits(h, frame - (i - lo), frame - (i - lo) - 1))
        lo--;
    run->first = page - i + lo;
    run->count = hi - lo;
    run->frame = frame - (i - lo);
}

/* The same for a region's worth of pages; base is aligned to it. */
static bool region_memory_fits(const struct run_shape *h, uint64_t base, uint32_t frame) {
    const uint32_t pages = region_pages(h->v);
    uint32_t fast = 0;
    if (h->s->a20_mask == UINT64_MAX && base >> 32 == 0 && h->memory_write)
        while (fast < pages && h->s->mem->chunk[(base >> SMMU_PAGE_SHIFT) / MEM_CHUNK_PAGES + fast / MEM_CHUNK_PAGES] ==
                                   frame + fast + 1)
            fast += MEM_CHUNK_PAGES;
    for (uint32_t i = fast; i < pages; i++)
        if (!memory_fits(h, base + ((uint64_t)i << SMMU_PAGE_SHIFT), frame + i)) return false;
    return true;
}

/* May the region be taken whole into a run that gives it frames from `frame` on? */
static bool region_fits(struct run_shape *h, uint32_t index, uint32_t frame) {
    const struct region *r = &h->v->region[index];
    const uint64_t pde = walk_read_pde(h->s, index << h->v->region_shift);
    const uint32_t pages = region_pages(h->v);
    if (index == 0 && view_least_page(h->v) > 0) return false;
    if ((pde & h->compared) != h->rights || (pde & h->need) != h->need || (pde & h->reserved)) return false;
    if (r->kind != REGION_EMPTY &&
        !(r->kind == REGION_WHOLE && !r->writable && h->rights_write && view_same_pde(h->s, r, pde)))
        return false;
    if (!region_memory_fits(h, walk_large_base(h->s, pde), frame)) return false;
    if (!mem_any_code(h->s->mem, frame, pages)) return true;
    uint32_t before = h->stretches;
    for (uint32_t i = 0; i < pages; i++)
        if (!stretch_fits(h, i ? frame + i - 1 : frame, frame + i)) {
            h->stretches = before;
            return false;
        }
    return true;
}

static void grow_over_regions(struct run_shape *h, struct view_run *run) {
    const uint32_t pages = region_pages(h->v), regions = VIEW_PAGES / pages;
    for (uint32_t next = region_of(h->v, run->first + run->count);
         next < regions && region_fits(h, next, run->frame + run->count); next++)
        run->count += pages;
    while (run->first > 0 && run->frame >= pages &&
           region_fits(h, region_of(h->v, run->first) - 1, run->frame - pages)) {
        run->first -= pages;
        run->frame -= pages;
        run->count += pages;
    }
}

static bool all_code(const struct smmu *s, const struct view_run *run) {
    for (uint32_t k = 0; k < run->count; k++)
        if (!mem_is_code(s->mem, run->frame + k)) return false;
    return true;
}

bool view_find_run(struct smmu *s, struct view *v, uint32_t va, const struct walk *w, struct view_run *run) {
    const uint32_t page = va >> SMMU_PAGE_SHIFT;
    const struct phys_page p = mem_page(s->mem, w->pa);
    const uint64_t pde = s->mode == MODE_OFF ? walk_read_pde(s, va) : w->pde;
    const bool large = w->shift != SMMU_PAGE_SHIFT;
    struct run_shape h = {
        .s = s,
        .v = v,
        .region = &v->region[region_of(v, page)],
        .rights_write = w->writable && w->dirty,
        .memory_write = p.write1 == p.read1,
        .reserved = walk_reserved(s, large),
        .max_stretches = s->views->budget / 8 < VIEW_CODE_STRETCHES ? s->views->budget / 8 : VIEW_CODE_STRETCHES,
    };
    h.need = PTE_A | (h.rights_write ? PTE_D : 0);
    /* A clean neighbour of a dirty page, or the reverse, would need another fault at its first write. */
    h.compared = RIGHTS | (large ? PTE_PS : 0) | (w->writable ? PTE_D : 0);
    h.rights = (large ? pde : w->pte) & h.compared;
    h.base = walk_large_base(s, pde);
    if (!large && !(h.table = walk_table(s, w->table))) return false;
    *run = (struct view_run){.writable = h.rights_write && h.memory_write};
    grow_in_region(&h, page, (uint32_t)p.read1 - 1, run);
    if (large && run->count == region_pages(v)) {
        run->whole = true;
        grow_over_regions(&h, run);
    }
    run->code_stretches = h.stretches;
    run->all_code = run->writable && h.stretches == 1 && !run->whole && all_code(s, run);
    return true;
}
