/*
 * inspect.c: shadowmmu as consoles see it.
 */
#include "shadowmmu/inspect.h"

#include "shadowmmu/view_internal.h"

enum { STEP_RUNS = 1 << 16, STEP_DIFF = 4096 };

/* What a view shows at a page. */
struct shown {
    bool mapped, writable;
    uint32_t frame;
};
static struct shown shown_at(const struct smmu *s, const struct view *v, uint32_t page, uint32_t *next) {
    uint64_t state = v && v->region_shift ? state_of(s->views, v, page, next) : 0;
    if (!state) return (struct shown){false, false, 0};
    return (struct shown){true, (state & 2) != 0, (uint32_t)(state >> 2) - VIEW_PAGES + page};
}

/* ---- One address ---- */

static void inspect_page(const struct smmu *s, bool user, uint32_t va, struct smmu_inspect_page *p) {
    const struct tlb_ctx *t = &s->tlb[user];
    uint32_t next;
    struct shown w = shown_at(s, view_current(s, user), va >> SMMU_PAGE_SHIFT, &next);
    *p = (struct smmu_inspect_page){*tlb_read_slot(t, va) != 0,
                                    *tlb_write_slot(t, va) != 0,
                                    *tlb_code_slot(t, va) != 0,
                                    w.mapped,
                                    w.writable,
                                    w.frame};
}

static void read_entries(const struct smmu *s, struct smmu_inspect_walk *w) {
    w->pdpte = w->pae ? s->paging.pdpte[w->va >> 30] : 0;
    w->pde = walk_read_pde(s, w->va);
    w->large = walk_is_large(s, w->pde);
    if (!(w->pde & PTE_P) || w->large) return;
    const uint8_t *table = walk_table(s, w->pde & (w->pae ? PTE_ADDR_PAE : SMMU_PAGE_BASE));
    uint32_t index = w->va >> SMMU_PAGE_SHIFT & (w->pae ? 511 : 1023);
    if (table) w->pte = entry_at(s, table, index);
}

static void name_target(const struct smmu *s, struct smmu_inspect_walk *w) {
    struct smmu_backing b = smmu_mem_lookup(s->mem, w->to.pa);
    w->frame = b.read_frame;
    w->code = b.read_frame >= 0 && smmu_mem_frame_is_code(s->mem, (uint32_t)b.read_frame);
    const char *name = b.dev ? b.dev->name : "";
    for (unsigned i = 0; i + 1 < sizeof w->device && name[i]; i++) w->device[i] = name[i];
}

void smmu_inspect_walk(const struct smmu *s, struct smmu_inspect_walk *w) {
    *w = (struct smmu_inspect_walk){.va = w->va, .cr3 = s->paging.cr3, .frame = -1};
    w->paging = s->mode != MODE_OFF;
    w->pae = s->mode == MODE_PAE;
    if (w->paging) read_entries(s, w);
    w->present = smmu_probe(s, gva(w->va), &w->to);
    if (w->present) name_target(s, w);
    for (int user = 0; user < 2; user++) inspect_page(s, user, w->va, &w->page[user]);
}

/* ---- Other address spaces ---- */

uint32_t smmu_inspect_cr3(const struct smmu *s) { return s->paging.cr3; }

/* The walk knows one address space, the current one: for a moment it is another. */
bool smmu_inspect_space(struct smmu *s, uint32_t cr3, struct gva va, uint32_t *frame) {
    const struct smmu_paging current = s->paging;
    struct smmu_xlat x;
    if (s->mode == MODE_OFF) return false;
    s->paging.cr3 = cr3;
    const uint8_t *pdpt = s->mode == MODE_PAE ? walk_table(s, cr3 & SMMU_PAGE_BASE) : NULL;
    for (uint32_t i = 0; s->mode == MODE_PAE && i < 4; i++)
        s->paging.pdpte[i] = pdpt ? entry_at(s, pdpt, i + (cr3 & SMMU_PAGE_MASK & ~0x1fu) / 8) : 0;
    bool there = smmu_probe(s, va, &x);
    s->paging = current;
    int32_t read = there ? smmu_mem_lookup(s->mem, x.pa).read_frame : -1;
    *frame = (uint32_t)read;
    return read >= 0;
}

/* ---- Views ---- */

static uint32_t count_bits(const uint64_t *bits, uint32_t n) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n / 64; i++)
        for (uint64_t b = bits[i]; b; b &= b - 1) sum++;
    return sum;
}

static void add_region(const struct smmu *s, const struct view *v, const struct region *r,
                       struct smmu_inspect_view *out) {
    const uint32_t pages = region_pages(v);
    const struct detail *d = r->detail ? detail_of(s->views, r) : NULL;
    out->whole += r->kind == REGION_WHOLE;
    out->paged += r->kind == REGION_PAGED;
    out->pages += r->kind == REGION_WHOLE ? pages : d ? d->pages : 0;
    out->writable += d ? count_bits(d->writable, pages) : r->writable ? pages : 0;
}

static void inspect_view(const struct smmu *s, uint32_t index, struct smmu_inspect_view *out) {
    const struct view *v = &s->views->view[index];
    *out = (struct smmu_inspect_view){.index = index, .vmas = v->bounds};
    out->super = index == VIEW_SUPER;
    out->identity = index == VIEW_IDENTITY;
    out->cr3 = v->user ? (uint32_t)(v->key >> 8) : 0;
    out->current = v == view_current(s, false) || v == view_current(s, true);
    out->mature = !v->user || v->mature;
    out->low = view_is_low(v);
    for (uint32_t i = 0; i < VIEW_PAGES / region_pages(v); i++)
        if (bit_get(v->used, i)) add_region(s, v, &v->region[i], out);
}

void smmu_inspect_views(const struct smmu *s, struct smmu_inspect_views *v) {
    const struct views *vs = s->views;
    uint32_t i = v->cursor;
    v->n = 0;
    v->vmas = vs->vmas;
    v->budget = vs->budget;
    v->details = vs->details_live;
    v->reverse = vs->rmap_live;
    for (; i < vs->count && v->n < SMMU_INSPECT_VIEWS; i++)
        if (vs->view[i].key || vs->view[i].bounds) inspect_view(s, i, &v->row[v->n++]);
    v->cursor = i < vs->count ? i : 0;
}

static void add_page(struct smmu_inspect_runs *r, uint32_t page, uint32_t count, const struct shown *w) {
    struct smmu_inspect_run *last = r->n ? &r->row[r->n - 1] : NULL;
    if (last && last->first + last->count == page && last->frame + last->count == w->frame &&
        last->writable == w->writable)
        last->count += count;
    else
        r->row[r->n++] = (struct smmu_inspect_run){page, count, w->frame, w->writable};
}

void smmu_inspect_runs(const struct smmu *s, struct smmu_inspect_runs *r) {
    r->n = 0;
    r->found = r->view < s->views->count;
    uint32_t page = r->cursor, next;
    if (!r->found || page >= VIEW_PAGES) page = VIEW_PAGES;
    for (unsigned i = 0; i < STEP_RUNS && page < VIEW_PAGES && r->n < SMMU_INSPECT_RUNS; i++, page = next) {
        next = VIEW_PAGES;
        struct shown w = shown_at(s, &s->views->view[r->view], page, &next);
        if (w.mapped) add_page(r, page, next - page, &w);
    }
    r->cursor = page < VIEW_PAGES ? page : 0;
}

/* ---- Differences ---- */

static enum smmu_difference compare(const struct smmu *s, const struct shown *w, uint32_t page, bool user) {
    struct smmu_xlat x;
    bool present = smmu_probe(s, gva(page << SMMU_PAGE_SHIFT), &x) && (!user || x.user);
    int32_t frame = present ? smmu_mem_lookup(s->mem, x.pa).read_frame : -1;
    if (!w->mapped) return frame >= 0 ? SMMU_ABSENT : SMMU_DIFFERENCES;
    if (frame < 0 || (uint32_t)frame != w->frame) return SMMU_STALE;
    return w->writable && (!x.dirty || (user && !x.writable)) ? SMMU_TOO_MUCH : SMMU_SAME;
}

void smmu_inspect_diff(const struct smmu *s, struct smmu_inspect_diff *d) {
    const struct view *v = view_current(s, d->user);
    uint32_t page = d->cursor, next, end = page > VIEW_PAGES - STEP_DIFF ? VIEW_PAGES : page + STEP_DIFF;
    if (!page)
        for (unsigned i = 0; i < SMMU_DIFFERENCES; i++) d->count[i] = 0;
    d->n = 0;
    for (; page < end && d->n < SMMU_INSPECT_DIFFS; page++) {
        struct shown w = shown_at(s, v, page, &next);
        enum smmu_difference what = compare(s, &w, page, d->user);
        if (what == SMMU_DIFFERENCES) continue;
        d->count[what]++;
        if (what < SMMU_STALE) continue;
        d->row[d->n].page = page;
        d->row[d->n].frame = w.frame;
        d->row[d->n++].what = (uint8_t)what;
    }
    d->cursor = page < VIEW_PAGES ? page : 0;
}
