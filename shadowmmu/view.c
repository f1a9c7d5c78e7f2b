/*
 * view.c: which views exist, which are current, and the shadow page fault.
 *
 * Callers: monitor's signal handler (smmu_view_fault), bt (window bases), smmu.c.
 * One supervisor view serves all address spaces: kernels map themselves the
 * same everywhere, and what differs is dropped at the CR3 write. User views,
 * one a CR3, wait in an LRU. With paging off there is the identity view.
 * All windows but the low one (view_low.c) lie in one reservation, 8 GiB apart: the gaps are the guards.
 */
#include "shadowmmu/view_internal.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { DEFAULT_VIEWS = 64, MOST_VIEWS = 1024, DEFAULT_MAP_COUNT = 65530, LEAST_BUDGET = 16 };

#define WINDOW (UINT64_C(1) << 32)
#define STRIDE (2 * WINDOW)

static uint32_t host_map_count(void) {
    char text[16];
    uint32_t value = 0;
    int fd = open("/proc/sys/vm/max_map_count", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text);
    if (fd >= 0) close(fd);
    for (ssize_t i = 0; i < n && text[i] >= '0' && text[i] <= '9' && value < (1u << 28); i++)
        value = value * 10 + (uint32_t)(text[i] - '0');
    return value ? value : DEFAULT_MAP_COUNT;
}

/* Address space may be limited too: then fewer views. */
static bool reserve_windows(struct views *vs, uint32_t user_views) {
    for (uint32_t n = user_views; n >= 1; n /= 2) {
        vs->count = n + VIEW_FIRST_USER;
        vs->arena_size = vs->count * STRIDE + 2 * WINDOW;
        void *p = mmap(NULL, vs->arena_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (p != MAP_FAILED) {
            vs->arena = p;
            return true;
        }
    }
    return false;
}

static bool place_views(struct views *vs) {
    void *p = mmap(NULL, vs->count * sizeof(struct view_body), PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    vs->body = p == MAP_FAILED ? NULL : p;
    vs->view = calloc(vs->count, sizeof *vs->view);
    if (!vs->body || !vs->view) return false;
    /* Translated code adds a signed 32-bit displacement to the base: 2 GiB below and above a window must be guard. */
    uint64_t base = ((uint64_t)(uintptr_t)vs->arena + 2 * WINDOW - 1) & ~(WINDOW - 1);
    for (uint32_t i = 0; i < vs->count; i++) {
        vs->view[i].base = (uint8_t *)(uintptr_t)(base + i * STRIDE);
        vs->view[i].index = i;
        vs->view[i].user = i >= VIEW_LOW;
        vs->view[i].region_shift = 22;
        vs->view[i].region = vs->body[i].region;
        vs->view[i].used = vs->body[i].used;
    }
    return true;
}

enum smmu_status views_create(struct smmu *s, const struct smmu_limits *limits) {
    struct views *vs = calloc(1, sizeof *vs);
    if (!vs) return SMMU_NO_MEMORY;
    s->views = vs;
    uint32_t views = limits && limits->max_views ? limits->max_views : DEFAULT_VIEWS;
    vs->budget = limits && limits->max_vmas ? limits->max_vmas : host_map_count() / 4 * 3;
    if (vs->budget < LEAST_BUDGET) vs->budget = LEAST_BUDGET;
    if (!reserve_windows(vs, views < MOST_VIEWS ? views : MOST_VIEWS) || !place_views(vs) || !state_create(s))
        return SMMU_NO_MEMORY;
    low_create(vs, limits ? limits->low : SMMU_LOW_USER);
    view_hold_reserve(vs);
    return SMMU_OK;
}

void views_destroy(struct smmu *s) {
    struct views *vs = s->views;
    if (!vs) return;
    if (vs->arena) munmap(vs->arena, vs->arena_size);
    low_destroy(vs);
    if (vs->body) munmap(vs->body, vs->count * sizeof(struct view_body));
    state_destroy(s);
    view_give_reserve(vs);
    free(vs->view);
    free(vs);
    s->views = NULL;
}

/* ---- Current views ---- */

struct view *view_current(const struct smmu *s, bool user) {
    struct views *vs = s->views;
    if (s->mode == MODE_OFF) return &vs->view[VIEW_IDENTITY];
    return user ? vs->user : &vs->view[VIEW_SUPER];
}

/* What the tables' format depends on; never 0. */
static uint64_t format_key(const struct smmu *s) {
    return 1 | (s->mode == MODE_PAE ? 2 : 0) | (s->pse ? 4 : 0) | (s->nxe ? 8 : 0);
}

static uint32_t region_shift(const struct smmu *s) { return s->mode == MODE_PAE ? 21 : 22; }

void view_rekey(struct smmu *s, struct view *v, uint64_t key) {
    if (v->key == key) return;
    if (v->bounds > 0) {
        s->stats.view_evictions += v->key != 0;
        view_reset(s, v);
    }
    v->key = key;
    view_make_young(v);
    v->region_shift = region_shift(s);
}

static struct view *find_user(struct smmu *s, uint64_t key) {
    struct views *vs = s->views;
    struct view *coldest = &vs->view[VIEW_FIRST_USER];
    if (vs->user && vs->user->key == key) return vs->user;
    for (uint32_t i = VIEW_LOW; i < vs->count; i++) {
        struct view *v = &vs->view[i];
        if (v->key == key) return v;
        if (i >= VIEW_FIRST_USER && v->stamp < coldest->stamp) coldest = v;
    }
    view_rekey(s, coldest, key);
    return coldest;
}

/* A directory is often that of a new process: then it begins without what the old one had run. */
static void check_young(struct smmu *s, struct view *v) {
    if (!v->mature && v->ran && (walk_read_pde(s, v->ran_at) ^ v->ran_pde) & PTE_ADDR_PAE) view_make_young(v);
}

static void low_at_once(struct smmu *s) {
    s->views->user->mature = true;
    low_take(s);
}

void views_switch(struct smmu *s, bool keep_global) {
    struct views *vs = s->views;
    struct view *before = vs->user;
    if (s->mode == MODE_OFF) {
        vs->user = NULL;
        return;
    }
    struct view *super = &vs->view[VIEW_SUPER];
    uint64_t cr3 = s->paging.cr3 & (s->mode == MODE_PAE ? ~UINT32_C(0x1f) : SMMU_PAGE_BASE);
    view_rekey(s, super, format_key(s));
    vs->user = find_user(s, cr3 << 8 | format_key(s));
    vs->user->stamp = ++vs->clock;
    s->stats.view_switches += vs->user != before;
    view_revalidate(s, super, keep_global);
    view_revalidate(s, vs->user, false); /* flushes and INVLPG do not reach it while another is current */
    check_young(s, vs->user);
    if (vs->low_at_once) low_at_once(s);
    view_keep_budget(s);
}

uint32_t views_code(const struct smmu *s, const uint32_t **first) {
    const struct view *v = s->views->user;
    *first = v->code_group;
    return v->code_groups < VIEW_CODE_GROUPS ? v->code_groups : VIEW_CODE_GROUPS;
}

void views_note_code(struct smmu *s, uint32_t first) {
    struct view *v = s->views->user;
    const uint32_t *known, n = views_code(s, &known);
    for (uint32_t i = 0; i < n; i++)
        if (known[i] == first) return;
    v->code_group[v->code_groups++ % VIEW_CODE_GROUPS] = first;
}

bool smmu_space_mature(const struct smmu *s) {
    const struct view *v = s->views->user;
    return v && v->mature;
}

bool smmu_space_grow(struct smmu *s, struct gva at, uint64_t cycles) {
    struct view *v = s->views->user;
    if (!v || v->mature) return false;
    if (v->ran == 0) {
        v->ran_at = at.v;
        v->ran_pde = walk_read_pde(s, at.v);
    }
    v->ran += cycles;
    v->mature = v->ran >= MATURE_CYCLES;
    s->views->low_wanted = v->mature && s->views->low && !view_is_low(v);
    return v->mature;
}

bool smmu_space_is_new(const struct smmu *s) {
    const struct view *v = s->views->user;
    return v && !v->mature && !v->known;
}

void smmu_space_set_origin(struct smmu *s, uint32_t frame) {
    s->views->user->origin = frame;
    s->views->user->known = true;
}

uint32_t smmu_space_origin(const struct smmu *s) { return s->views->user->origin; }

void smmu_space_settle(struct smmu *s) {
    if (!s->views->low_wanted) return;
    s->views->low_wanted = false;
    if (s->views->user && s->views->user->mature) low_take(s);
}

uint64_t smmu_space_stamp(const struct smmu *s) { return s->views->clock; }

bool smmu_space_low(const struct smmu *s) {
    const struct view *v = s->views->user;
    return v && v->mature && view_is_low(v);
}

void views_invlpg(struct smmu *s, uint32_t va) {
    if (s->mode == MODE_OFF) return;
    view_revalidate_page(s, &s->views->view[VIEW_SUPER], va);
    view_revalidate_page(s, s->views->user, va);
    view_keep_budget(s);
}

void views_drop_all(struct smmu *s) {
    for (uint32_t i = 0; i < s->views->count; i++)
        if (s->views->view[i].bounds > 0) view_reset(s, &s->views->view[i]);
}

uint8_t *smmu_view_base(struct smmu *s, bool user) { return view_current(s, user)->base; }

bool smmu_view_contains(const struct smmu *s, const void *host) {
    const struct views *vs = s->views;
    return (uintptr_t)host - (uintptr_t)vs->arena < vs->arena_size || low_contains(vs, host);
}

/* ---- The shadow page fault ---- */

/* A page of a WHOLE region that was read-only for code it no longer holds: give it, and such neighbours, back. */
static bool unprotect_whole(struct smmu *s, struct view *v, uint32_t page) {
    const struct region *r = &v->region[region_of(v, page)];
    const uint32_t pages = region_pages(v), i = page & (pages - 1);
    if (r->kind != REGION_WHOLE || !r->writable || !r->detail) return false;
    const struct detail *d = detail_of(s->views, r);
    if (bit_get(d->writable, i)) return false;
    uint32_t lo = i, hi = i + 1;
    while (hi < pages && !bit_get(d->writable, hi) && !mem_is_code(s->mem, r->frame + hi)) hi++;
    while (lo > 0 && !bit_get(d->writable, lo - 1) && !mem_is_code(s->mem, r->frame + lo - 1)) lo--;
    return view_protect(s, v, page - i + lo, hi - lo, true);
}

/* It will go again: a kernel looks at other memory through a few pages, a process that forks loses its own each time.
 */
static bool comes_and_goes(const struct view *v, uint32_t page) {
    const struct lately *l = &v->lately[page % VIEW_LATELY];
    return l->page == page && l->drops > 1;
}

static bool passing(const struct smmu *s, const struct view *v, uint32_t page, const struct walk *w) {
    return s->mode != MODE_OFF && ((v->user ? !v->mature : w->user) || comes_and_goes(v, page));
}

static enum smmu_view_result fill(struct smmu *s, bool user, uint32_t va, bool write, struct guest_fault *fault) {
    struct view *v = view_current(s, user);
    struct walk w;
    struct view_run run;
    unsigned access = (user ? SMMU_USER : 0) | (write ? SMMU_WRITE : 0) | WALK_NO_NOTIFY;
    enum walk_result r = walk_guest(s, va, access, &w, fault);
    if (r == WALK_FAULT) {
        view_revalidate_page(s, v, va); /* hardware forgets the page at a page fault */
        return SMMU_VIEW_FAULT;
    }
    struct phys_page p = mem_page(s->mem, w.pa);
    if (r == WALK_DEFERRED || p.read1 <= 0 || va >> SMMU_PAGE_SHIFT < view_least_page(v)) return SMMU_VIEW_CHECKED;
    if (write && (p.write1 != p.read1 || mem_is_code(s->mem, (uint32_t)p.read1 - 1))) return SMMU_VIEW_CHECKED;
    const uint32_t index = va >> v->region_shift;
    const struct region *region = &v->region[index];
    if (region->kind != REGION_EMPTY && !view_same_pde(s, region, s->mode == MODE_OFF ? walk_read_pde(s, va) : w.pde))
        view_drop_region(s, v, index);
    if (write && unprotect_whole(s, v, va >> SMMU_PAGE_SHIFT)) return SMMU_VIEW_MAPPED;
    if (!view_find_run(s, v, va, &w, &run)) return SMMU_VIEW_CHECKED;
    if (region->kind == REGION_WHOLE && !run.whole) view_drop_region(s, v, index);
    if (!view_map_run(s, v, &run)) return SMMU_VIEW_CHECKED;
    return passing(s, v, va >> SMMU_PAGE_SHIFT, &w) ? SMMU_VIEW_PASSING : SMMU_VIEW_MAPPED;
}

enum smmu_view_result smmu_view_fault(struct smmu *s, bool user, struct gva va, bool write, struct guest_fault *fault) {
    fault->vector = -1;
    enum smmu_view_result r = fill(s, user, va.v, write, fault);
    s->stats.hidden_faults += r == SMMU_VIEW_MAPPED || r == SMMU_VIEW_PASSING;
    s->stats.true_faults += r == SMMU_VIEW_FAULT;
    s->stats.checked_faults += r == SMMU_VIEW_CHECKED;
    return r;
}

void smmu_view_prefault(struct smmu *s, bool user, struct gva va, bool write) {
    struct guest_fault ignored;
    uint32_t next;
    uint64_t state = state_of(s->views, view_current(s, user), va.v >> SMMU_PAGE_SHIFT, &next);
    if (state == 0 || (write && !(state & 2))) (void)fill(s, user, va.v, write, &ignored);
}

/* ---- Code frames ---- */

/* Whatever happens, the page is not writable afterwards. */
static void protect_page(struct smmu *s, struct view *v, uint32_t page) {
    if (!view_protect(s, v, page, 1, false) && v->bounds > 0) view_reset(s, v);
}

static void protect_in_wholes(struct smmu *s, struct view *v, uint32_t frame) {
    const uint32_t pages = region_pages(v);
    for (uint32_t word = 0; word < VIEW_REGIONS / 64; word++)
        for (uint64_t bits = v->used[word]; bits; bits &= bits - 1) {
            const uint32_t index = word * 64 + (uint32_t)__builtin_ctzll(bits);
            const struct region *r = &v->region[index];
            if (r->kind != REGION_WHOLE || !r->writable || frame - r->frame >= pages) continue;
            if (!r->detail || bit_get(detail_of(s->views, r)->writable, frame - r->frame))
                protect_page(s, v, index * pages + (frame - r->frame));
        }
}

void views_protect_frame(struct smmu *s, uint32_t frame) {
    struct views *vs = s->views;
    for (uint32_t i = 0; i < vs->count; i++)
        if (vs->view[i].wholes > 0) protect_in_wholes(s, &vs->view[i], frame);
    while (vs->rmap_head[frame]) {
        const struct rmap_node n = vs->rmap[vs->rmap_head[frame] - 1];
        protect_page(s, &vs->view[n.view], n.page);
    }
}

void views_get_stats(const struct smmu *s, struct smmu_stats *out) {
    const struct views *vs = s->views;
    out->vmas = vs->vmas;
    out->views = 0;
    for (uint32_t i = 0; i < vs->count; i++) out->views += vs->view[i].bounds > 0;
}
