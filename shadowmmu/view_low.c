/*
 * view_low.c: the window whose base is 0.
 *
 * There a guest-linear address is a host address, so that translated code needs no base register and most memory
 * operands keep the guest's own bytes. There is only one such window; it goes to the address space that came of age
 * last. One that has lost it so comes of age again, but does not take it back: two would do so in turn. The host lets
 * nobody map the lowest pages (vm.mmap_min_addr). What shows nothing is not reserved, as in other windows, but free: a
 * page costs half as much to map there. The host gives out address space from the top, so nothing else comes to lie
 * there unless it asks for it, which nothing here does. The guards: above lies as much reserved address space again;
 * below 0, sums are addresses of the host's kernel, which fault too.
 */
#include "shadowmmu/view_internal.h"

#include <sys/mman.h>

#define WINDOW (UINT64_C(1) << 32)

static void *first_byte(void) { return (void *)((uintptr_t)VIEW_LOW_LEAST << SMMU_PAGE_SHIFT); }
static size_t bytes(void) { return 2 * WINDOW - ((uint64_t)VIEW_LOW_LEAST << SMMU_PAGE_SHIFT); }

bool low_clear(uint32_t first, uint32_t count) {
    const uint32_t end = first + count;
    if (first < VIEW_LOW_LEAST) first = VIEW_LOW_LEAST;
    if (first >= end) return true;
    return munmap((void *)((uintptr_t)first << SMMU_PAGE_SHIFT), (size_t)(end - first) << SMMU_PAGE_SHIFT) == 0;
}

/* Something else may be there (a sanitizer's shadow): then there is no low window. */
static bool reserve(void) {
    void *p = mmap(first_byte(), bytes(), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE,
                   -1, 0);
    if (p == first_byte()) return low_clear(0, VIEW_PAGES);
    if (p != MAP_FAILED) munmap(p, bytes());
    return false;
}

void low_create(struct views *vs, enum smmu_low use) {
    if (use == SMMU_LOW_NOBODY || !reserve()) return;
    vs->low = true;
    vs->low_at_once = use == SMMU_LOW_AT_ONCE;
    vs->view[VIEW_LOW].base = NULL;
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

static void note_loser(struct views *vs, uint64_t key) {
    vs->low_losers[vs->low_loser] = key;
    vs->low_loser = (vs->low_loser + 1) % VIEW_LOW_LOSERS;
}

/* Once. */
static bool is_loser(struct views *vs, uint64_t key) {
    for (unsigned i = 0; i < VIEW_LOW_LOSERS; i++)
        if (vs->low_losers[i] == key) {
            vs->low_losers[i] = 0;
            return true;
        }
    return false;
}

void low_take(struct smmu *s) {
    struct views *vs = s->views;
    struct view *v = vs->user, *low = &vs->view[VIEW_LOW];
    if (v == low || (is_loser(vs, v->key) && !vs->low_at_once)) return;
    if (low->key && low->mature && !has_ended(s, low)) note_loser(vs, low->key);
    view_rekey(s, low, v->key);
    low->mature = true;
    low->ran = v->ran;
    low->ran_at = v->ran_at;
    low->ran_pde = v->ran_pde;
    memcpy(low->code_group, v->code_group, sizeof low->code_group);
    low->code_groups = v->code_groups;
    low->wp = v->wp;
    low->stamp = ++vs->clock;
    if (v->bounds > 0) view_reset(s, v);
    v->key = v->stamp = 0;
    vs->user = low;
    s->stats.low_moves++;
}
