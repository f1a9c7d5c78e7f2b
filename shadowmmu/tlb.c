/*
 * tlb.c: the software TLB of checked accesses, and the code map.
 *
 * Callers: bt on a miss (smmu_tlb_fill, smmu_code_fill), access.c, smmu.c.
 * Three flat tables a privilege; what was filled is remembered in bounded
 * rings, global pages apart, so a flush costs what it drops and what was used since the last one.
 * Invariants: a slot that is not zero has a record in its ring; a record may
 * outlive its slot (clearing twice is harmless). A write slot never points
 * to a code frame.
 */
#include "shadowmmu/shadowmmu_internal.h"

#include <sys/mman.h>

/* frame_page: which page's write slot points to this frame. */
enum { TLB_HINT_VALID = 1, TLB_HINT_MANY = 2 };
enum { CODE_GROUP = 16 * SMMU_PAGE_SIZE }; /* as many as Linux maps around a fault */
enum { TLB_RING_BYTES = TLB_RING * sizeof(uint32_t) };

static void *anonymous(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* Where there is room less than 2 GiB away, so that translated code can name it by a displacement. */
static void *anonymous_near(const void *near, size_t bytes) {
    enum { STEP = 256 << 20, STEPS = 6 };
    for (int k = 1; near && k <= 2 * STEPS; k++) {
        uintptr_t at = (uintptr_t)near - (uintptr_t)(k <= STEPS ? k : STEPS - k) * STEP;
        void *p = mmap((void *)(at & ~(uintptr_t)SMMU_PAGE_MASK), bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
        if (p != MAP_FAILED) return p;
    }
    return anonymous(bytes);
}

static void release(void *p, size_t bytes) {
    if (p) munmap(p, bytes);
}

static size_t hint_bytes(const struct smmu *s) { return (size_t)s->mem->frames * sizeof(uint32_t); }

static bool create_rings(struct tlb_ctx *t) {
    struct tlb_ring *const all[] = {&t->data, &t->code, &t->global_data, &t->global_code};
    for (int i = 0; i < 4; i++)
        if (!(all[i]->rec = anonymous(TLB_RING_BYTES))) return false;
    return true;
}

enum smmu_status tlb_create(struct smmu *s, const void *near) {
    for (int i = 0; i < 2; i++) {
        struct tlb_ctx *t = &s->tlb[i];
        t->base = anonymous_near(near, SMMU_TLB_BYTES);
        t->frame_page = anonymous(hint_bytes(s));
        if (!t->base || !t->frame_page || !create_rings(t)) return SMMU_NO_MEMORY;
    }
    return SMMU_OK;
}

void tlb_destroy(struct smmu *s) {
    for (int i = 0; i < 2; i++) {
        struct tlb_ctx *t = &s->tlb[i];
        release(t->base, SMMU_TLB_BYTES);
        release(t->data.rec, TLB_RING_BYTES);
        release(t->code.rec, TLB_RING_BYTES);
        release(t->global_data.rec, TLB_RING_BYTES);
        release(t->global_code.rec, TLB_RING_BYTES);
        release(t->frame_page, hint_bytes(s));
    }
}

/* ---- Rings ---- */

static void clear_data(struct tlb_ctx *t, uint32_t rec) {
    if (rec & TLB_READ_REC) *tlb_read_slot(t, rec) = 0;
    if (rec & TLB_WRITE_REC) *tlb_write_slot(t, rec) = 0;
}

static bool data_live(const struct tlb_ctx *t, uint32_t rec) {
    return ((rec & TLB_READ_REC) && *tlb_read_slot(t, rec)) || ((rec & TLB_WRITE_REC) && *tlb_write_slot(t, rec));
}

/* Makes room for one record; gives the evicted one, or 0. */
static uint32_t ring_push(struct tlb_ring *r, uint32_t rec) {
    uint32_t evicted = 0;
    if (r->count == TLB_RING) {
        evicted = r->rec[r->head];
        r->head = (r->head + 1) % TLB_RING;
        r->count--;
    }
    r->rec[(r->head + r->count++) % TLB_RING] = rec;
    return evicted;
}

static void flush_data(struct tlb_ctx *t, struct tlb_ring *r) {
    for (uint32_t i = 0; i < r->count; i++) clear_data(t, r->rec[(r->head + i) % TLB_RING]);
    r->count = 0;
}

/* Returns true if a live entry was dropped. */
static bool flush_code(struct tlb_ctx *t, struct tlb_ring *r) {
    bool dropped = false;
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t *slot = tlb_code_slot(t, r->rec[(r->head + i) % TLB_RING]);
        if (*slot == 0) continue;
        *slot = 0;
        dropped = true;
    }
    r->count = 0;
    return dropped;
}

/* Records of pages that were dropped one by one since: no flush takes them off the rings of global pages. */
static void forget_dead(struct tlb_ctx *t, struct tlb_ring *r, bool code) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t rec = r->rec[(r->head + i) % TLB_RING];
        if (code ? *tlb_code_slot(t, rec) != 0 : data_live(t, rec)) r->rec[(r->head + kept++) % TLB_RING] = rec;
    }
    r->count = kept;
}

static uint32_t remember(struct tlb_ctx *t, uint32_t rec, bool code) {
    const bool global = rec & TLB_GLOBAL_REC;
    struct tlb_ring *r = code ? global ? &t->global_code : &t->code : global ? &t->global_data : &t->data;
    if (global && r->count == TLB_RING) forget_dead(t, r, code);
    return ring_push(r, rec);
}

static void code_changed(struct smmu *s) {
    if (s->code_flush.fn) s->code_flush.fn(s->code_flush.opaque);
}

void smmu_on_code_flush(struct smmu *s, void (*fn)(void *opaque), void *opaque) {
    s->code_flush = (struct code_flush_listener){fn, opaque};
}

void tlb_flush(struct smmu *s, bool keep_global) {
    bool dropped = false;
    s->stats.tlb_flushes++;
    device_forget(s);
    for (int i = 0; i < 2; i++) {
        struct tlb_ctx *t = &s->tlb[i];
        flush_data(t, &t->data);
        dropped |= flush_code(t, &t->code);
        if (keep_global) continue;
        flush_data(t, &t->global_data);
        dropped |= flush_code(t, &t->global_code);
        memset(t->large, 0, sizeof t->large);
    }
    if (dropped) code_changed(s);
}

/* ---- One page ---- */

static bool drop_page(struct tlb_ctx *t, uint32_t va) {
    uint64_t *read = tlb_read_slot(t, va), *write = tlb_write_slot(t, va);
    uint32_t *code = tlb_code_slot(t, va);
    bool dropped = *code != 0;
    /* Written only where set: an untouched table page stays unallocated. */
    if (*read) *read = 0;
    if (*write) *write = 0;
    if (dropped) *code = 0;
    return dropped;
}

static bool region_is_large(const struct tlb_ctx *t, uint32_t va) {
    return (t->large[va >> 28] >> ((va >> 22) & 63)) & 1;
}

/* SDM vol. 3 "INVLPG": an address inside a large page invalidates all of the large page.
 * A 2-MiB page drops its 4-MiB neighbourhood: more than asked is always allowed. */
static bool drop_large(struct tlb_ctx *t, uint32_t va) {
    bool dropped = false;
    uint32_t base = va & ~UINT32_C(0x3fffff);
    for (uint32_t i = 0; i < 1024; i++) dropped |= drop_page(t, base + (i << SMMU_PAGE_SHIFT));
    t->large[va >> 28] &= ~(UINT64_C(1) << ((va >> 22) & 63));
    return dropped;
}

void tlb_invlpg(struct smmu *s, uint32_t va) {
    bool dropped = false;
    device_forget(s);
    for (int i = 0; i < 2; i++) {
        struct tlb_ctx *t = &s->tlb[i];
        dropped |= region_is_large(t, va) ? drop_large(t, va) : drop_page(t, va);
    }
    if (dropped) code_changed(s);
}

void tlb_drop_page(struct smmu *s, bool user, uint32_t va) {
    uint64_t *read = tlb_read_slot(&s->tlb[user], va), *write = tlb_write_slot(&s->tlb[user], va);
    device_forget(s);
    if (*read) *read = 0;
    if (*write) *write = 0;
}

/* ---- Filling ---- */

static void note_large(struct tlb_ctx *t, uint32_t va, const struct walk *w) {
    if (w->shift == 21 || w->shift == 22) t->large[va >> 28] |= UINT64_C(1) << ((va >> 22) & 63);
}

static uint64_t delta_of(const struct smmu *s, uint32_t frame, uint32_t va) {
    return (uint64_t)(uintptr_t)mem_frame_ptr(s->mem, frame) - (va & SMMU_PAGE_BASE);
}

/* Remembers which page writes to the frame, for tlb_drop_frame_writes. */
static void note_writer(const struct smmu *s, struct tlb_ctx *t, uint32_t frame, uint32_t va) {
    uint32_t *hint = &t->frame_page[frame];
    uint32_t page = va & SMMU_PAGE_BASE;
    uint32_t old = *hint & SMMU_PAGE_BASE;
    uint32_t many = *hint & TLB_HINT_MANY;
    if ((*hint & TLB_HINT_VALID) && old != page && *tlb_write_slot(t, old) == delta_of(s, frame, old))
        many = TLB_HINT_MANY;
    *hint = page | TLB_HINT_VALID | many;
}

uint64_t tlb_enter(struct smmu *s, bool user, uint32_t va, bool write, const struct walk *w) {
    struct phys_page p = mem_page(s->mem, w->pa);
    struct tlb_ctx *t = &s->tlb[user];
    if (p.read1 <= 0) return 0;
    uint32_t frame = (uint32_t)p.read1 - 1;
    if (write && (p.write1 != p.read1 || mem_is_code(s->mem, frame))) return 0;
    uint64_t delta = delta_of(s, frame, va);
    uint32_t rec =
        (va & SMMU_PAGE_BASE) | TLB_READ_REC | (write ? TLB_WRITE_REC : 0) | (w->global ? TLB_GLOBAL_REC : 0);
    /* Before the slots are set: the record that goes may name this page, and slots that the new one does not. */
    uint32_t evicted = remember(t, rec, false);
    if (evicted) clear_data(t, evicted);
    if (write) {
        /* May write implies may read; hardware has one entry for both. */
        note_writer(s, t, frame, va);
        *tlb_write_slot(t, va) = delta;
        s->stats.tlb_fills_write++;
    } else {
        s->stats.tlb_fills_read++;
    }
    *tlb_read_slot(t, va) = delta;
    note_large(t, va, w);
    return delta;
}

enum smmu_fill smmu_tlb_fill(struct smmu *s, bool user, struct gva va, bool write, uint64_t *delta,
                             struct guest_fault *fault) {
    struct walk w;
    unsigned access = (user ? SMMU_USER : 0) | (write ? SMMU_WRITE : 0);
    if (walk_guest(s, va.v, access, &w, fault) != WALK_OK) {
        tlb_drop_page(s, user, va.v);
        return SMMU_FILL_FAULT;
    }
    *delta = tlb_enter(s, user, va.v, write, &w);
    if (*delta) return SMMU_FILL_OK;
    device_note(s, user, va.v, write, w.pa);
    return SMMU_FILL_SLOW;
}

/* Enters what a code page shows now; true if that replaces something. */
static bool code_enter(struct tlb_ctx *t, uint32_t va, uint32_t frame, const struct walk *w) {
    uint32_t *slot = tlb_code_slot(t, va), old = *slot;
    *slot = smmu_code_entry(frame);
    note_large(t, va, w);
    if (old == *slot) return false; /* its record is there: another would push out that of a page in use */
    uint32_t rec = (va & SMMU_PAGE_BASE) | TLB_READ_REC | (w->global ? TLB_GLOBAL_REC : 0);
    uint32_t evicted = remember(t, rec, true);
    if (!evicted || !((evicted ^ va) >> SMMU_PAGE_SHIFT) || !*tlb_code_slot(t, evicted)) return old != 0;
    *tlb_code_slot(t, evicted) = 0;
    return true;
}

/* Which frame the page at va is fetched from; -1: from no memory. */
static int32_t code_frame_of(const struct smmu *s, const struct walk *w) { return mem_page(s->mem, w->pa).read1 - 1; }

/* The pages of a group that hold code translated before, most likely for another process: each would be a signal of its
 * own when it is first jumped to. `near` is one of them. */
static bool code_enter_group(struct smmu *s, uint32_t first, const struct walk *near) {
    struct tlb_ctx *t = &s->tlb[true];
    struct walk w;
    bool changed = false;
    for (uint32_t page = first; page - first < CODE_GROUP; page += SMMU_PAGE_SIZE) {
        if (*tlb_code_slot(t, page) || !walk_ahead(s, near, page, SMMU_EXEC | SMMU_USER, &w)) continue;
        int32_t frame = code_frame_of(s, &w);
        if (frame >= 0 && mem_is_code(s->mem, (uint32_t)frame)) changed |= code_enter(t, page, (uint32_t)frame, &w);
    }
    return changed;
}

/* What the address space has run before, when it becomes current again. */
static bool code_enter_known(struct smmu *s) {
    const uint32_t *first, n = views_code(s, &first);
    struct walk near;
    bool changed = false;
    for (uint32_t i = 0; i < n; i++)
        if (walk_table_of(s, first[i], &near)) changed |= code_enter_group(s, first[i], &near);
    return changed;
}

/* A page is entered for which a miss is a signal: others are likely to be wanted too. `none`: it is the first. */
static bool code_enter_ahead(struct smmu *s, uint32_t va, const struct walk *w, bool none) {
    const uint32_t first = va & ~(uint32_t)(CODE_GROUP - 1);
    bool changed = code_enter_group(s, first, w);
    if (none && code_enter_known(s)) changed = true;
    views_note_code(s, first);
    return changed;
}

enum smmu_fill smmu_code_fill(struct smmu *s, bool user, struct gva va, uint32_t *frame, struct guest_fault *fault) {
    struct walk w;
    struct tlb_ctx *t = &s->tlb[user];
    if (walk_guest(s, va.v, SMMU_EXEC | (user ? SMMU_USER : 0), &w, fault) != WALK_OK) return SMMU_FILL_FAULT;
    int32_t at = code_frame_of(s, &w);
    if (at < 0) return SMMU_FILL_SLOW;
    bool fresh = user && !s->no_code_ahead && smmu_space_mature(s) && !*tlb_code_slot(t, va.v), none = !t->code.count;
    *frame = (uint32_t)at;
    s->stats.code_fills++;
    bool changed = code_enter(t, va.v, *frame, &w);
    if (fresh && code_enter_ahead(s, va.v, &w, none)) changed = true;
    if (changed) code_changed(s);
    return SMMU_FILL_OK;
}

static bool find_in(const struct tlb_ctx *t, const struct tlb_ring *r, const void *host, uint32_t *va) {
    uint64_t at = (uint64_t)(uintptr_t)host;
    for (uint32_t i = r->count; i-- > 0;) {
        uint32_t page = r->rec[(r->head + i) % TLB_RING] & SMMU_PAGE_BASE;
        uint64_t delta = *tlb_read_slot(t, page);
        if (!delta || at - delta - page >= SMMU_PAGE_SIZE) continue;
        *va = (uint32_t)(at - delta);
        return true;
    }
    return false;
}

bool smmu_tlb_find(const struct smmu *s, bool user, const void *host, uint32_t *va) {
    const struct tlb_ctx *t = &s->tlb[user];
    return find_in(t, &t->data, host, va) || find_in(t, &t->global_data, host, va);
}

uint8_t *smmu_tlb_base(const struct smmu *s, bool user) { return s->tlb[user].base; }

/* ---- Code frames ---- */

static void scan_frame_writes(const struct smmu *s, struct tlb_ctx *t, const struct tlb_ring *r, uint32_t frame) {
    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t rec = r->rec[(r->head + i) % TLB_RING];
        uint32_t page = rec & SMMU_PAGE_BASE;
        if ((rec & TLB_WRITE_REC) && *tlb_write_slot(t, page) == delta_of(s, frame, page)) *tlb_write_slot(t, page) = 0;
    }
}

void tlb_drop_frame_writes(struct smmu *s, uint32_t frame) {
    for (int i = 0; i < 2; i++) {
        struct tlb_ctx *t = &s->tlb[i];
        uint32_t hint = t->frame_page[frame];
        uint32_t page = hint & SMMU_PAGE_BASE;
        if (!(hint & TLB_HINT_VALID)) continue;
        if (hint & TLB_HINT_MANY) {
            scan_frame_writes(s, t, &t->data, frame);
            scan_frame_writes(s, t, &t->global_data, frame);
        } else if (*tlb_write_slot(t, page) == delta_of(s, frame, page)) {
            *tlb_write_slot(t, page) = 0;
        }
        t->frame_page[frame] = 0;
    }
}
