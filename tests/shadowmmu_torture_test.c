/*
 * shadowmmu_torture_test.c: changes guest tables at random and flushes as an operating system must; every access is
 * compared with the tables, A and D included, and the number of host mappings with /proc/self/maps. Seed in SMMU_SEED.
 */
#include "shadowmmu_view_world.h"

enum { SPACES = 3, REGIONS = 7, KERNEL = 4 /* the first region shared */, CODE_FRAMES = 6, ENDS = 12, G = 0x100 };
static const uint32_t region_index[REGIONS] = {0, 1, 2, 3, 0x200, 0x201, 0x3ff};

struct guest {
    bool pae, wp, a20, pge;
    bool kernel; /* directories agree from KERNEL on, supervisor pages there may be global */
    uint32_t space;
    uint32_t code[CODE_FRAMES];
};

static uint32_t region_shift(const struct guest *g) { return g->pae ? 21 : 22; }
static uint32_t region_va(const struct guest *g, unsigned r) {
    return region_index[r] << 22 | (g->pae && r == 2 ? 1u << 21 : 0);
}

/* Tables from 16 KiB up: a space has 4 directory pages, then one page table a region;
 * regions KERNEL and up share theirs between spaces, as kernels do. */
static uint32_t dir_pa(uint32_t space) { return 0x4000 + space * 0x4000; }
static uint32_t table_pa(uint32_t space, unsigned r) {
    return 0x20000 + ((r >= KERNEL ? 0 : space) * REGIONS + r) * 4096;
}

static uint32_t pde_pa(const struct guest *g, uint32_t space, uint32_t va) {
    return dir_pa(space) + (g->pae ? (va >> 30) * 4096 + (va >> 21 & 511) * 8 : (va >> 22) * 4);
}

static uint64_t load_entry(const struct guest *g, uint32_t pa) {
    uint64_t v = 0;
    memcpy(&v, linear + pa, g->pae ? 8 : 4);
    return v;
}

static void store_entry(const struct guest *g, uint32_t pa, uint64_t v) { memcpy(linear + pa, &v, g->pae ? 8 : 4); }

static uint32_t random_page(const struct guest *g) {
    uint32_t pages = 1u << (region_shift(g) - 12);
    return chance(2) ? (uint32_t)(rnd() % ENDS) : pages - 1 - (uint32_t)(rnd() % ENDS);
}

static uint64_t flags(void) {
    return (chance(12) ? 0 : 1) | (chance(4) ? 0 : 2) | (chance(4) ? 0 : 4) | (chance(2) ? 0x20 : 0) |
           (chance(2) ? 0x40 : 0) | (rnd() & 0xe00);
}

static bool is_kernel(const struct guest *g, unsigned r) { return g->kernel && r >= KERNEL; }

/* Rarely one that is not global: it would have the rest of its region compared. */
static uint64_t maybe_global(const struct guest *g, unsigned r, uint64_t e) {
    return is_kernel(g, r) && !chance(32) ? e | G : e;
}

/* What was changed may be global: no CR3 write flushes it. The table may be under any region of the kernel. */
static void invalidate(const struct guest *g, unsigned r, uint32_t page) {
    for (unsigned k = KERNEL; k < REGIONS && is_kernel(g, r); k++) smmu_invlpg(mmu, gva(region_va(g, k) + page * 4096));
}

static void invalidate_region(const struct guest *g, unsigned r) {
    const uint32_t pages = 1u << (region_shift(g) - 12);
    for (uint32_t i = 0; i < ENDS; i++) {
        invalidate(g, r, i);
        invalidate(g, r, pages - 1 - i);
    }
}

/* Mostly contiguous frames from 2 MiB on; sometimes the hole and the ROM. */
static void random_pte(const struct guest *g, uint32_t space, unsigned r) {
    uint32_t i = random_page(g);
    uint64_t frame = 0x200 + i + (chance(3) ? rnd() % 4 : 0) + (i > 100 ? 0 : r & 1);
    if (chance(12)) frame = 0x98 + rnd() % 0x30;
    store_entry(g, table_pa(space, r) + i * (g->pae ? 8 : 4), maybe_global(g, r, frame << 12 | flags()));
    invalidate(g, r, i);
}

/* Whose table may be under region r: the kernel's is not a process's. */
static unsigned other_region(const struct guest *g, unsigned r) {
    if (!g->kernel) return (unsigned)(rnd() % REGIONS);
    return r < KERNEL ? (unsigned)(rnd() % KERNEL) : KERNEL + (unsigned)(rnd() % (REGIONS - KERNEL));
}

static void random_pde(const struct guest *g, uint32_t space, unsigned r) {
    uint32_t va = region_va(g, r);
    uint64_t e;
    if (chance(2))
        e = table_pa(space, chance(8) ? other_region(g, r) : r) | flags() | 1;
    else
        e = ((uint64_t)(chance(4) ? rnd() : r) % (RAM_MIB / 4)) << 22 | flags() | 0x80;
    if (e & 0x80 && g->pae && (r == 2 || chance(8))) e |= 1u << 21;
    if (!is_kernel(g, r)) {
        store_entry(g, pde_pa(g, space, va), e);
        return;
    }
    /* With A and D: the entry of another space would not get those. */
    if (e & 0x80) e = maybe_global(g, r, e) | 0x60;
    for (uint32_t i = 0; i < SPACES; i++) store_entry(g, pde_pa(g, i, va), e);
    invalidate_region(g, r);
}

static void enter(const struct guest *g, bool flush_global) {
    struct smmu_paging p = {.cr0 = 0x80000001u | (g->wp ? 0x10000u : 0),
                            .cr3 = dir_pa(g->space),
                            .cr4 = 0x10 | (g->pae ? 0x20 : 0) | (g->pge ? 0x80 : 0)};
    for (unsigned i = 0; i < 4 && g->pae; i++) p.pdpte[i] = (dir_pa(g->space) + i * 4096) | 1;
    smmu_set_paging(mmu, &p, flush_global);
}

struct expected {
    enum outcome outcome;
    uint32_t pa;
    uint32_t leaf_pa;
};

static bool is_code(const struct guest *g, uint32_t frame) {
    for (unsigned i = 0; i < CODE_FRAMES; i++)
        if (g->code[i] != 0 && g->code[i] == frame) return true;
    return false;
}

static struct expected expect(const struct guest *g, bool user, uint32_t va, bool write) {
    struct expected x = {FAULTED, 0, pde_pa(g, g->space, va)};
    uint64_t e = load_entry(g, x.leaf_pa), rights = e;
    uint32_t mask = (1u << region_shift(g)) - 1;
    if (!(e & 1)) return x;
    if (!(e & 0x80)) {
        x.leaf_pa = (uint32_t)(e & 0xfffff000u) + (va >> 12 & (mask >> 12)) * (g->pae ? 8 : 4);
        if (!g->a20) x.leaf_pa &= ~(uint32_t)MIB;
        e = load_entry(g, x.leaf_pa);
        rights &= e;
        mask = 4095;
    }
    if (!(e & 1) || (user && !(rights & 4)) || (write && !(rights & 2) && (user || g->wp))) return x;
    x.pa = ((uint32_t)e & ~mask & 0xfffff000u) | (va & mask);
    if (!g->a20) x.pa &= ~(uint32_t)MIB;
    x.outcome = DONE;
    if (x.pa >= 0xa0000 && x.pa < 0xc0000) x.outcome = CHECKED;
    if (x.pa >= 0xc0000 && x.pa < 0xc2000) {
        x.outcome = write ? CHECKED : DONE;
        x.pa = x.pa - 0xc0000 + RAM_MIB * MIB; /* where the ROM's frames are stored */
    }
    if (write && is_code(g, x.pa >> 12)) x.outcome = CHECKED;
    if (user && low_window && va < LOW_LEAST) x.outcome = CHECKED;
    return x;
}

static bool is_table(uint32_t pa) { return pa >= 0x4000 && pa < 0x60000; }

static void torture_access(const struct guest *g) {
    bool user = chance(2), write = chance(2);
    unsigned r = (unsigned)(rnd() % REGIONS);
    uint32_t va = region_va(g, r) + random_page(g) * 4096 + (uint32_t)(rnd() % 1024) * 4;
    uint32_t value = (uint32_t)rnd(), sent = value;
    struct expected x = expect(g, user, va, write);
    if (x.outcome == DONE && write && is_table(x.pa)) return;
    enum outcome got = touch(user, va, write, &value);
    if (got != x.outcome)
        fail_msg("va %08x %s %s: outcome %d, want %d (pa %08x)", va, user ? "user" : "supervisor",
                 write ? "write" : "read", got, x.outcome, x.pa);
    if (got == FAULTED) return;
    uint64_t leaf = load_entry(g, x.leaf_pa);
    if (!(leaf & 0x20) || (write && !(leaf & 0x40)))
        fail_msg("va %08x write %d: A/D not set: %llx", va, write, (unsigned long long)leaf);
    if (got == DONE && !is_table(x.pa) && get32(x.pa) != (write ? sent : value))
        fail_msg("va %08x write %d pa %08x: %08x in memory, %08x seen", va, write, x.pa, get32(x.pa), value);
}

static void torture_code(struct guest *g) {
    uint32_t *slot = &g->code[rnd() % CODE_FRAMES];
    uint32_t frame = chance(4) ? (uint32_t)(rnd() % (RAM_MIB * 256)) : 0x200 + (uint32_t)(rnd() % 32);
    if (*slot) smmu_code_unprotect(mmu, *slot);
    *slot = 0;
    if (is_table(frame << 12) || is_code(g, frame) || frame == 0 || chance(4)) return;
    *slot = frame;
    smmu_code_protect(mmu, frame);
}

static void torture_step(struct guest *g) {
    unsigned r = (unsigned)(rnd() % REGIONS);
    switch (rnd() % 64) {
    case 0:
    case 1:
        for (unsigned k = (unsigned)(rnd() % 4); k > 0; k--) random_pde(g, g->space, (unsigned)(rnd() % REGIONS));
        random_pte(g, g->space, r);
        enter(g, false);
        break;
    case 2:
    case 3:
        g->space = (uint32_t)(rnd() % SPACES);
        enter(g, false);
        break;
    case 4:
        if (g->kernel && chance(2))
            g->pge = !g->pge;
        else
            g->wp = !g->wp;
        enter(g, true);
        break;
    case 5:
        random_pde(g, (uint32_t)(rnd() % SPACES), r);
        random_pde(g, g->space, r);
        enter(g, false);
        break;
    case 6:
        if (!chance(8)) break;
        g->a20 = !g->a20;
        smmu_set_a20(mmu, g->a20);
        break;
    case 7:
    case 8:
    case 9:
    case 10: torture_code(g); break;
    case 11:
    case 12:
    case 13:
    case 14: {
        /* one entry, then INVLPG: through every region that may share the table */
        uint32_t pages = 1u << (region_shift(g) - 12);
        uint32_t i = random_page(g);
        store_entry(g, table_pa(g->space, r) + i * (g->pae ? 8 : 4),
                    maybe_global(g, r, (0x200 + i + rnd() % 2) << 12 | flags()));
        for (unsigned k = 0; k < REGIONS; k++) smmu_invlpg(mmu, gva(region_va(g, k) + (i % pages) * 4096));
        break;
    }
    case 15: smmu_invlpg(mmu, gva(region_va(g, r) + random_page(g) * 4096)); break;
    default: torture_access(g);
    }
}

static void torture(bool pae, bool kernel, unsigned steps, uint32_t most_vmas) {
    struct guest g = {.pae = pae, .wp = true, .a20 = true, .pge = kernel, .kernel = kernel};
    for (uint32_t pa = 0; pa < RAM_MIB * MIB; pa += 4) put32(pa, pa < 0x60000 ? 0 : (uint32_t)rnd());
    for (uint32_t space = 0; space < SPACES; space++)
        for (unsigned r = 0; r < REGIONS; r++) {
            random_pde(&g, space, r);
            for (unsigned k = 0; k < 24; k++) random_pte(&g, space, r);
        }
    enter(&g, true);
    for (unsigned step = 0; step < steps; step++) {
        torture_step(&g);
        assert_true(stats().vmas <= most_vmas);
        if (step % 2000 == 0) check_vmas();
    }
    for (unsigned i = 0; i < CODE_FRAMES; i++)
        if (g.code[i]) smmu_code_unprotect(mmu, g.code[i]);
    smmu_set_a20(mmu, true);
    struct smmu_stats st = stats();
    print_message("hidden %llu true %llu checked %llu maps %llu pages %llu unmaps %llu protects %llu evictions %llu "
                  "dropped %llu vmas %u views %u\n",
                  (unsigned long long)st.hidden_faults, (unsigned long long)st.true_faults,
                  (unsigned long long)st.checked_faults, (unsigned long long)st.view_maps,
                  (unsigned long long)st.view_mapped_pages, (unsigned long long)st.view_unmaps,
                  (unsigned long long)st.view_protects, (unsigned long long)st.view_evictions,
                  (unsigned long long)st.view_dropped, st.vmas, st.views);
}

static void seed(void) {
    const char *text = getenv("SMMU_SEED");
    rng = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) | 1;
    print_message("seed %llu\n", (unsigned long long)rng);
}

static unsigned step_count(void) {
    const char *text = getenv("SMMU_STEPS");
    return text ? (unsigned)strtoul(text, NULL, 0) : 60000;
}

static void torture_default(void **state) {
    (void)state;
    seed();
    torture(false, false, step_count(), UINT32_MAX);
    torture(true, false, step_count(), UINT32_MAX);
}

static void torture_tiny_budget(void **state) {
    (void)state;
    seed();
    torture(false, false, step_count(), 50 + 2);
    torture(true, false, step_count(), 50 + 2);
    assert_true(stats().view_evictions > 0);
}

static void torture_global(void **state) {
    (void)state;
    seed();
    torture(false, true, step_count(), UINT32_MAX);
    torture(true, true, step_count(), UINT32_MAX);
}

static void torture_low(void **state) {
    (void)state;
    if (skips_low) skip();
    seed();
    torture(false, false, step_count(), UINT32_MAX);
    torture(true, false, step_count(), UINT32_MAX);
    assert_true(stats().low_moves > 0);
}

static void torture_low_tiny(void **state) {
    (void)state;
    if (skips_low) skip();
    seed();
    torture(false, false, step_count(), 50 + 2);
    torture(true, false, step_count(), 50 + 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(torture_default),
        CASE(torture_global),
        CASE_TINY(torture_tiny_budget),
        cmocka_unit_test_setup_teardown(torture_low, setup_low, teardown),
        cmocka_unit_test_setup_teardown(torture_low_tiny, setup_low_tiny, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
