/*
 * view_low.c: the window whose base is 0.
 *
 * There a guest-linear address is a host address, so that translated code needs no base register and most memory
 * operands keep the guest's own bytes. There is only one such window; it goes to the address space that came of age
 * last, unless another one is still at work in it. The host lets nobody map the lowest pages (vm.mmap_min_addr).
 * The guards: above lies as much reserved address space again; below 0, sums are addresses of the host's kernel,
 * which fault too.
 */
#include "shadowmmu/view_internal.h"

#include <sys/mman.h>

#define WINDOW (UINT64_C(1) << 32)

enum { LATELY = 16 /* changes of address space since it ran last: it is at work no more */ };

static void *first_byte(void) { return (void *)((uintptr_t)VIEW_LOW_LEAST << SMMU_PAGE_SHIFT); }
static size_t bytes(void) { return 2 * WINDOW - ((uint64_t)VIEW_LOW_LEAST << SMMU_PAGE_SHIFT); }

/* Something else may be there (a sanitizer's shadow): then there is no low window. */
static bool reserve(void) {
    void *p = mmap(first_byte(), bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                   -1, 0);
    if (p == first_byte()) return true;
    if (p != MAP_FAILED) munmap(p, bytes());
    return false;
}

void low_create(struct views *vs, enum smmu_low use) {
    if (use == SMMU_LOW_NOBODY || !reserve()) return;
    vs->low = true;
    vs->view[use == SMMU_LOW_UNPAGED ? VIEW_IDENTITY : VIEW_LOW].base = NULL;
}

void low_destroy(struct views *vs) {
    if (vs->low) munmap(first_byte(), bytes());
}

/* The guards too: a displacement of 32 bits leads at most half a window below 0. */
bool low_contains(const struct views *vs, const void *host) {
    return vs->low && (uintptr_t)host + WINDOW / 2 < 2 * WINDOW + WINDOW / 2;
}

/* The directory entry of the code that was there first is another one: the process has ended. */
static bool has_ended(const struct smmu *s, const struct view *v) {
    return ((walk_read_pde_under(s, (uint32_t)(v->key >> 8), v->ran_at) ^ v->ran_pde) & PTE_ADDR_PAE) != 0;
}

static bool is_free(const struct smmu *s, const struct view *low) {
    return !low->key || !low->mature || s->views->clock - low->stamp >= LATELY || has_ended(s, low);
}

void low_take(struct smmu *s) {
    struct views *vs = s->views;
    struct view *v = vs->user, *low = &vs->view[VIEW_LOW];
    if (!view_is_low(low) || v == low || !is_free(s, low)) return;
    view_rekey(s, low, v->key);
    low->mature = true;
    low->ran = v->ran;
    low->ran_at = v->ran_at;
    low->ran_pde = v->ran_pde;
    low->wp = v->wp;
    low->stamp = ++vs->clock;
    if (v->bounds > 0) view_reset(s, v);
    v->key = v->stamp = 0;
    vs->user = low;
    s->stats.low_moves++;
}
