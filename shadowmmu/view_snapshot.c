/*
 * view_snapshot.c: compares what views were filled from with the guest's tables now.
 *
 * Callers: view.c at CR3 writes and INVLPG.
 * A mapping stays while its entries keep their rights and address, A is still
 * set, and D too if it is writable; else it is dropped, and the next access
 * walks again. Global pages outlive CR3 writes unseen, as in a TLB (SDM vol. 3 "Global Pages"). Dropped neighbours go
 * in one system call, gaps included.
 */
#include "shadowmmu/view_internal.h"

/* Bits whose change matters; the rest are A, D, cache control, G and software's. */
static const uint64_t PTE_COMPARED = ~UINT64_C(0xff8);
static const uint64_t PDE_COMPARED = ~UINT64_C(0xf78);

/* Pages to unmap that no kept page separates. */
struct dropper {
    struct smmu *s;
    struct view *v;
    uint32_t first, end; /* equal: none */
};

static void drop_flush(struct dropper *d) {
    if (d->first != d->end) view_unmap(d->s, d->v, d->first, d->end - d->first);
    d->first = d->end = 0;
}

static void drop_add(struct dropper *d, uint32_t page, uint32_t count) {
    if (d->first == d->end) d->first = page;
    d->end = page + count;
    d->s->stats.view_dropped += count;
}

static void drop_region(struct dropper *d, uint32_t index) {
    const uint32_t pages = region_pages(d->v), first = index * pages;
    uint32_t before = state_before(d->s->views, d->v, first, pages);
    state_clear_region(d->s->views, d->v, index);
    state_after(d->s->views, d->v, first, pages, before);
    drop_add(d, first, pages);
}

static void note_drop(struct view *v, uint32_t page) {
    struct lately *l = &v->lately[page % VIEW_LATELY];
    if (l->page != page) *l = (struct lately){.page = page};
    l->drops++;
}

static void drop_page(struct dropper *d, uint32_t page) {
    note_drop(d->v, page);
    uint32_t before = state_before(d->s->views, d->v, page, 1);
    state_clear_page(d->s->views, d->v, page);
    state_after(d->s->views, d->v, page, 1, before);
    drop_add(d, page, 1);
}

void view_drop_region(struct smmu *s, struct view *v, uint32_t index) {
    struct dropper d = {s, v, 0, 0};
    drop_region(&d, index);
    drop_flush(&d);
}

static bool same_entry(uint64_t old, uint64_t now, uint64_t compared, uint64_t need) {
    return ((old ^ now) & compared) == 0 && (now & need) == need;
}

/* Does the region's detail show any page writable? */
static bool any_writable(const struct views *vs, const struct region *r) {
    const struct detail *d = detail_of(vs, r);
    uint64_t any = 0;
    for (uint32_t word = 0; word < VIEW_REGION_PAGES / 64; word++) any |= d->writable[word];
    return any != 0;
}

static bool region_writable(const struct views *vs, const struct region *r) {
    return r->kind == REGION_WHOLE ? r->writable : any_writable(vs, r);
}

bool view_same_pde(const struct smmu *s, const struct region *r, uint64_t pde) {
    uint64_t need = PTE_A;
    if (walk_is_large(s, pde) && region_writable(s->views, r)) need |= PTE_D;
    return same_entry(r->pde, pde, PDE_COMPARED, need);
}

/* SDM vol. 3 "Determination of Access Rights": with WP set, a supervisor needs W too. */
static bool write_denied(const struct smmu *s, const struct view *v, uint64_t rights) {
    return !v->user && s->wp && !(rights & PTE_W);
}

static bool same_page(const struct smmu *s, const struct view *v, const struct detail *d, uint32_t i,
                      const uint8_t *table, uint64_t pde) {
    const uint64_t old = entry_at(s, d->copy, i), now = entry_at(s, table, i);
    const bool writable = bit_get(d->writable, i);
    return same_entry(old, now, PTE_COMPARED, PTE_A | (writable ? PTE_D : 0)) &&
           !(writable && write_denied(s, v, pde & now));
}

/* Do the entries of mapped pages hold what they held? 64 pages at a time; most tables show few. No memcmp: the
 * replacement is a byte loop in microcode, this is four words a turn. */
static bool same_table(const struct smmu *s, const struct detail *d, const uint8_t *table) {
    const uint32_t words = s->mode == MODE_PAE ? 64 : 32;
    const uint64_t *now = (const uint64_t *)(const void *)table;
    for (uint32_t group = 0; group * words < SMMU_PAGE_SIZE / 8; group++) {
        if (!d->mapped[group]) continue;
        const uint64_t *a = d->copy + group * words, *b = now + group * words;
        for (uint32_t i = 0; i < words; i += 4)
            if (((a[i] ^ b[i]) | (a[i + 1] ^ b[i + 1]) | (a[i + 2] ^ b[i + 2]) | (a[i + 3] ^ b[i + 3])) != 0)
                return false;
    }
    return true;
}

static void check_pages(struct dropper *d, uint32_t index, const uint8_t *table, uint64_t pde) {
    struct smmu *s = d->s;
    struct view *v = d->v;
    struct region *r = &v->region[index];
    struct detail *detail = detail_of(s->views, r);
    for (uint32_t word = 0; word < VIEW_REGION_PAGES / 64; word++) {
        for (uint64_t bits = detail->mapped[word]; bits; bits &= bits - 1) {
            const uint32_t i = word * 64 + (uint32_t)__builtin_ctzll(bits);
            if (same_page(s, v, detail, i, table, pde)) {
                drop_flush(d);
                if (r->kind == REGION_EMPTY) return; /* a failed unmap emptied the view */
            } else {
                drop_page(d, index * region_pages(v) + i);
                if (r->kind == REGION_EMPTY) return;
            }
        }
    }
    memcpy(detail->copy, table, SMMU_PAGE_SIZE);
}

/* False if another page table, or none, has taken the place of the one it was filled from. */
static bool check_region(struct dropper *d, uint32_t index, bool thorough) {
    struct smmu *s = d->s;
    struct view *v = d->v;
    struct region *r = &v->region[index];
    const uint64_t pde = walk_read_pde(s, index << v->region_shift);
    if (!view_same_pde(s, r, pde)) {
        drop_region(d, index);
        return false;
    }
    if (r->kind == REGION_WHOLE || walk_is_large(s, pde)) {
        if (thorough && region_writable(s->views, r) && write_denied(s, v, pde))
            drop_region(d, index);
        else
            drop_flush(d);
        return true;
    }
    const uint8_t *table = walk_table(s, pde & (s->mode == MODE_PAE ? PTE_ADDR_PAE : UINT64_C(0xfffff000)));
    s->stats.view_revalidated_pages++;
    if (!table)
        drop_region(d, index);
    else if (thorough || !same_table(s, detail_of(s->views, r), table))
        check_pages(d, index, table, pde);
    else
        drop_flush(d);
    return true;
}

void view_revalidate(struct smmu *s, struct view *v, bool keep_global) {
    struct dropper d = {s, v, 0, 0};
    const bool thorough = s->wp && !v->wp;
    v->wp = s->wp;
    bool kept = false, lost = false;
    s->stats.view_revalidated_pages++;
    for (uint32_t word = 0; word < VIEW_REGIONS / 64; word++)
        for (uint64_t bits = v->used[word]; bits; bits &= bits - 1) {
            const uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bits);
            if (v->region[index].kind == REGION_EMPTY) continue;
            if (keep_global && v->region[index].global) {
                drop_flush(&d);
                kept = true;
            } else if (check_region(&d, index, thorough)) {
                kept = true;
            } else {
                lost = true;
            }
        }
    drop_flush(&d);
    if (!lost || kept) return;
    view_make_young(v); /* the process has ended */
}

enum { DROP_RUN_MAX = 64 };

/* A system call for each page of a range that the guest gives up page by page is dear. Who goes on where the last drop
 * ended loses twice as many pages at once, at most as many as are mapped there; those still wanted come back with their
 * neighbours. Who does not starts with half as many. */
static void drop_run(struct dropper *d, uint32_t page) {
    struct view *v = d->v;
    struct region *r = &v->region[region_of(v, page)];
    uint32_t run = page == v->drop_next ? 2 * v->drop_run : v->drop_run / 2, n = 0;
    run = run < 1 ? 1 : run > DROP_RUN_MAX ? DROP_RUN_MAX : run;
    do drop_page(d, page + n++);
    while (n < run && r->kind == REGION_PAGED && region_of(v, page + n) == region_of(v, page) &&
           bit_get(detail_of(d->s->views, r)->mapped, (page + n) & (region_pages(v) - 1)));
    v->drop_next = page + n;
    v->drop_run = run;
}

void view_revalidate_page(struct smmu *s, struct view *v, uint32_t va) {
    const uint32_t index = va >> v->region_shift;
    struct region *r = &v->region[index];
    struct dropper d = {s, v, 0, 0};
    if (r->kind == REGION_EMPTY) return;
    const uint64_t pde = walk_read_pde(s, va);
    if (!view_same_pde(s, r, pde)) {
        drop_region(&d, index);
    } else if (r->kind == REGION_PAGED && !walk_is_large(s, pde)) {
        const uint32_t page = va >> SMMU_PAGE_SHIFT, i = page & (region_pages(v) - 1);
        const struct detail *detail = detail_of(s->views, r);
        const uint8_t *table = walk_table(s, pde & (s->mode == MODE_PAE ? PTE_ADDR_PAE : UINT64_C(0xfffff000)));
        if (bit_get(detail->mapped, i) && !(table && same_page(s, v, detail, i, table, pde))) drop_run(&d, page);
    }
    drop_flush(&d);
}
