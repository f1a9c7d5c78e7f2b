/*
 * shadowmmu_view_test.c: views, used as translated code uses them: plain loads
 * and stores in the window, and a SIGSEGV handler that calls smmu_view_fault.
 *
 * The torture test changes guest tables at random and flushes as an operating
 * system must; every access is compared with the tables, A and D included, and
 * the number of host mappings with /proc/self/maps. Seed in SMMU_SEED.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ucontext.h>
#include <time.h>

#include <cmocka.h>

#include "shadowmmu/shadowmmu.h"

enum { MIB = 1 << 20, RAM_MIB = 64, LOW_LEAST = 64 << 10 };
enum outcome { DONE, CHECKED, FAULTED };

static struct smmu_mem *mem;
static struct smmu *mmu;
static uint8_t *linear;
static uint64_t rng;
static bool skips_low;  /* the host has no room for it */
static bool low_window; /* user address spaces are in the window at 0 from the start */

static uint64_t rnd(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * UINT64_C(0x2545F4914F6CDD1D);
}

static bool chance(unsigned one_in) { return rnd() % one_in == 0; }

/* ---- Accesses through the window ---- */

static struct {
    sigjmp_buf out;
    bool active, user;
    unsigned faults;
    struct guest_fault fault;
} current;

static void on_segv(int sig, siginfo_t *info, void *context) {
    const ucontext_t *u = context;
    (void)sig;
    if (!current.active || !smmu_view_contains(mmu, info->si_addr)) abort();
    bool write = u->uc_mcontext.gregs[REG_ERR] & 2;
    uint32_t va = (uint32_t)(uintptr_t)info->si_addr;
    if (++current.faults > 4) abort(); /* resumed without effect */
    switch (smmu_view_fault(mmu, current.user, gva(va), write, &current.fault)) {
    case SMMU_VIEW_MAPPED:
    case SMMU_VIEW_PASSING: return;
    case SMMU_VIEW_CHECKED: siglongjmp(current.out, 1 + CHECKED);
    case SMMU_VIEW_FAULT: siglongjmp(current.out, 1 + FAULTED);
    }
}

static bool handler_installed;

/* cmocka puts its own handler in place around each test, after the set-up. */
static void install_handler(void) {
    struct sigaction sa = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    handler_installed = true;
}

static enum outcome touch(bool user, uint32_t va, bool write, uint32_t *value) {
    volatile uint32_t *p = (volatile uint32_t *)((uintptr_t)smmu_view_base(mmu, user) + va);
    if (!handler_installed) install_handler();
    current.user = user;
    current.faults = 0;
    int r = sigsetjmp(current.out, 1);
    if (r) {
        current.active = false;
        return (enum outcome)(r - 1);
    }
    current.active = true;
    if (write)
        *p = *value;
    else
        *value = *p;
    current.active = false;
    return DONE;
}

static enum outcome peek(bool user, uint32_t va, uint32_t *value) { return touch(user, va, false, value); }
static enum outcome poke(bool user, uint32_t va, uint32_t value) { return touch(user, va, true, &value); }

/* ---- World ---- */

/* A sanitizer's shadow may be where the window would be. */
static bool no_low_window(void) {
    const size_t bytes = (UINT64_C(8) << 30) - LOW_LEAST;
    void *at = (void *)(uintptr_t)LOW_LEAST;
    void *p = mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != MAP_FAILED) munmap(p, bytes);
    return p != at;
}

static void create_with(uint32_t max_vmas, uint32_t max_views, enum smmu_low low) {
    static const uint8_t rom[8192] = {0xc3, 0x11};
    const struct smmu_limits limits = {.max_vmas = max_vmas, .max_views = max_views, .low = low};
    skips_low = no_low_window();
    assert_int_equal(smmu_mem_create(RAM_MIB * (uint64_t)MIB, sizeof rom, &mem), SMMU_OK);
    linear = smmu_mem_linear(mem);
    int32_t frame = smmu_mem_add_rom(mem, rom, sizeof rom);
    /* A PC: RAM, a hole at A0000, ROM at C0000, all RAM again from 1 MiB. */
    assert_int_equal(smmu_mem_map_frames(mem, gpa(0), RAM_MIB * (uint64_t)MIB, 0, 0), SMMU_OK);
    assert_int_equal(smmu_mem_unmap(mem, gpa(0xa0000), 0x20000), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(0xc0000), 0x2000, frame, -1), SMMU_OK);
    assert_int_equal(smmu_create(mem, &limits, &mmu), SMMU_OK);
    handler_installed = false;
    low_window = low == SMMU_LOW_AT_ONCE && !skips_low;
}

static void create(uint32_t max_vmas, uint32_t max_views) { create_with(max_vmas, max_views, SMMU_LOW_NOBODY); }

static void destroy(void) {
    smmu_destroy(mmu);
    smmu_mem_destroy(mem);
}

static int setup(void **state) {
    (void)state;
    create(0, 0);
    return 0;
}

static int setup_tiny(void **state) {
    (void)state;
    create(50, 2);
    return 0;
}

static int setup_low(void **state) {
    (void)state;
    create_with(0, 0, SMMU_LOW_AT_ONCE);
    return 0;
}

static int setup_low_tiny(void **state) {
    (void)state;
    create_with(50, 2, SMMU_LOW_AT_ONCE);
    return 0;
}

static int setup_low_earned(void **state) {
    (void)state;
    create_with(0, 0, SMMU_LOW_USER);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    destroy();
    return 0;
}

static uint32_t get32(uint32_t pa) {
    uint32_t v;
    memcpy(&v, linear + pa, 4);
    return v;
}
static void put32(uint32_t pa, uint32_t v) { memcpy(linear + pa, &v, 4); }

static struct smmu_stats stats(void) {
    struct smmu_stats st;
    smmu_get_stats(mmu, &st);
    return st;
}

/* The count of host mappings is exact, but that the gaps of the low window, which are counted, are none. */
static void check_vmas(void) {
    char line[512];
    unsigned vmas = 0;
    FILE *f = fopen("/proc/self/maps", "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        uintptr_t start = strtoull(line, NULL, 16);
        vmas += start <= INTPTR_MAX && smmu_view_contains(mmu, (void *)start); /* not the vsyscall page */
    }
    fclose(f);
    if (low_window)
        assert_in_range(vmas, 1, stats().vmas + 2); /* and the reservations' own */
    else
        assert_int_equal(vmas, stats().vmas + 1);
}

enum { PD = 0x2000, PT = 0x3000, PD2 = 0x4000, PT2 = 0x5000 };

static void paging_on(uint32_t cr3, bool flush_global) {
    struct smmu_paging p = {.cr0 = 0x80010001u, .cr3 = cr3, .cr4 = 0x10};
    smmu_set_paging(mmu, &p, flush_global);
}

/* PD[0] -> PT; PT[i] -> 2 MiB + i pages, P W U; PD[0x300..0x30f]: all RAM, large, A and D set. */
static void plain_tables(uint32_t pd, uint32_t pt) {
    memset(linear + pd, 0, 4096);
    for (uint32_t i = 0; i < 1024; i++) put32(pt + i * 4, 0x200000 + i * 4096 + 7);
    put32(pd, pt + 7);
    for (uint32_t i = 0; i < RAM_MIB / 4; i++) put32(pd + (0x300 + i) * 4, i * 4 * MIB + 0xe3);
}

/* ---- Cases ---- */

static void identity_without_paging(void **state) {
    (void)state;
    uint32_t v;
    put32(0x7c00, 0x1234);
    assert_int_equal(peek(false, 0x7c00, &v), DONE);
    assert_int_equal(v, 0x1234);
    assert_int_equal(poke(true, 0x9fffc, 77), DONE);
    assert_int_equal(get32(0x9fffc), 77);
    assert_int_equal(peek(false, 0xa0000, &v), CHECKED);
    assert_int_equal(peek(false, 0xc0000, &v), DONE);
    assert_int_equal(v, 0x11c3);
    assert_int_equal(poke(false, 0xc0000, 5), CHECKED);
    assert_int_equal(poke(false, 0xfffffffc, 5), CHECKED);
    uint64_t maps = stats().view_maps;
    for (uint32_t pa = 4 * MIB; pa < RAM_MIB * MIB; pa += MIB) assert_int_equal(poke(false, pa, pa), DONE);
    assert_int_equal(stats().view_maps, maps + 1); /* all RAM in one mmap */
    check_vmas();
    smmu_set_a20(mmu, false);
    assert_int_equal(poke(false, 0x107c00, 0x4321), DONE);
    assert_int_equal(get32(0x7c00), 0x4321);
    smmu_set_a20(mmu, true);
    assert_int_equal(poke(false, 0x107c00, 1), DONE);
    assert_int_equal(get32(0x7c00), 0x4321);
    check_vmas();
}

static void dirty_bit_comes_with_the_write(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    paging_on(PD, true);
    assert_int_equal(peek(true, 0x5000, &v), DONE);
    assert_int_equal(get32(PT + 20) & 0x60, 0x20);
    assert_int_equal(poke(true, 0x5004, 9), DONE);
    assert_int_equal(get32(PT + 20) & 0x60, 0x60);
    assert_int_equal(get32(0x205004), 9);
    uint64_t faults = stats().hidden_faults;
    /* cleared D and INVLPG: the next write sets it again */
    put32(PT + 20, get32(PT + 20) & ~0x40u);
    smmu_invlpg(mmu, gva(0x5000));
    assert_int_equal(poke(true, 0x5004, 10), DONE);
    assert_int_equal(get32(PT + 20) & 0x60, 0x60);
    assert_int_equal(stats().hidden_faults, faults + 1);
    /* unchanged: INVLPG keeps the mapping */
    smmu_invlpg(mmu, gva(0x5000));
    assert_int_equal(poke(true, 0x5004, 11), DONE);
    assert_int_equal(stats().hidden_faults, faults + 1);
    check_vmas();
}

/* A range that the guest maps, uses and gives up page by page, as Linux does with a temporary mapping. */
static uint64_t use_and_give_up(uint32_t pages) {
    uint32_t v;
    for (uint32_t i = 0; i < pages; i++) put32(PT + (64 + i) * 4, 0x200000 + i * 4096 + 0x67);
    assert_int_equal(peek(false, 0x40000, &v), DONE);
    assert_int_equal(peek(false, 0x40000 + (pages - 1) * 4096, &v), DONE);
    uint64_t unmaps = stats().view_unmaps;
    for (uint32_t i = 0; i < pages; i++) {
        put32(PT + (64 + i) * 4, 0);
        smmu_invlpg(mmu, gva(0x40000 + i * 4096));
        assert_int_equal(peek(false, 0x40000 + i * 4096, &v), FAULTED);
    }
    return stats().view_unmaps - unmaps;
}

static void ranges_go_in_few_steps(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    for (uint32_t i = 0; i < 1024; i++) put32(PT + i * 4, i >= 96 && i < 100 ? 0x260067 + (i - 96) * 4096 : 0);
    paging_on(PD, true);
    assert_true(use_and_give_up(16) <= 6);
    assert_true(use_and_give_up(16) <= 4);
    assert_int_equal(use_and_give_up(1), 1);
    /* What was not given up comes back. */
    put32(0x260000, 1234);
    put32(0x263000, 5678);
    assert_int_equal(peek(false, 0x63000, &v), DONE);
    put32(PT + 97 * 4, 0);
    smmu_invlpg(mmu, gva(0x61000));
    put32(PT + 98 * 4, 0);
    smmu_invlpg(mmu, gva(0x62000));
    assert_int_equal(peek(false, 0x63000, &v), DONE);
    assert_int_equal(v, 5678);
    assert_int_equal(peek(false, 0x60000, &v), DONE);
    assert_int_equal(v, 1234);
    assert_int_equal(peek(false, 0x61000, &v), FAULTED);
    check_vmas();
}

static void true_faults(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    put32(PT + 4 * 8, 0);
    put32(PT + 4 * 9, 0x209005);
    put32(PT + 4 * 10, 0x20a003);
    paging_on(PD, true);
    assert_int_equal(peek(true, 0x8000, &v), FAULTED);
    assert_true(current.fault.vector == 14 && current.fault.error == PF_U && current.fault.cr2 == 0x8000);
    assert_int_equal(poke(true, 0x9000, 1), FAULTED);
    assert_int_equal(current.fault.error, PF_U | PF_W | PF_P);
    assert_int_equal(peek(true, 0x9000, &v), DONE);
    assert_int_equal(peek(false, 0xa000, &v), DONE);
    assert_int_equal(peek(true, 0xa000, &v), FAULTED);
    assert_int_equal(current.fault.error, PF_U | PF_P);
    /* WP clear: the supervisor may; WP set again: not any more */
    struct smmu_paging p = {.cr0 = 0x80000001u, .cr3 = PD, .cr4 = 0x10};
    smmu_set_paging(mmu, &p, true);
    assert_int_equal(poke(false, 0x9000, 1), DONE);
    assert_int_equal(poke(true, 0x9000, 1), FAULTED);
    paging_on(PD, true);
    assert_int_equal(poke(false, 0x9000, 1), FAULTED);
}

static void runs_not_pages(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    for (uint32_t i = 100; i < 200; i++) put32(PT + i * 4, get32(PT + i * 4) | 0x60);
    paging_on(PD, true);
    assert_int_equal(poke(true, 150 * 4096, 1), DONE);
    struct smmu_stats st = stats();
    assert_int_equal(st.view_maps, 1);
    assert_int_equal(st.view_mapped_pages, 100);
    for (uint32_t i = 100; i < 200; i++) assert_int_equal(poke(true, i * 4096, 1), DONE);
    assert_int_equal(stats().view_maps, 1);
    assert_int_equal(get32(PT + 99 * 4) & 0x20, 0);
    /* the kernel's direct map, one mmap but for the first 4 MiB */
    for (uint32_t pa = 4 * MIB; pa < RAM_MIB * MIB; pa += MIB)
        assert_int_equal(peek(false, 0xc0000000u + pa, &v), DONE);
    assert_int_equal(stats().view_maps, 2);
    assert_int_equal(peek(false, 0xc00a0000u, &v), CHECKED);
    check_vmas();
}

static void code_frames_are_read_only_everywhere(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    plain_tables(PD2, PT2);
    paging_on(PD2, true);
    assert_int_equal(poke(true, 0x300000, 1), DONE);
    paging_on(PD, false);
    assert_int_equal(poke(true, 0x300000, 1), DONE); /* frame 0x500 */
    assert_int_equal(poke(false, 0x300000, 1), DONE);
    assert_int_equal(poke(false, 0xc0500000u, 1), DONE);
    smmu_code_protect(mmu, 0x500);
    assert_int_equal(poke(true, 0x300000, 1), CHECKED);
    assert_int_equal(poke(false, 0x300000, 1), CHECKED);
    assert_int_equal(poke(false, 0xc0500000u, 1), CHECKED);
    assert_int_equal(poke(false, 0xc0501000u, 1), DONE);
    assert_int_equal(poke(false, 0xc04ff000u, 1), DONE);
    assert_int_equal(peek(false, 0xc0500000u, &v), DONE);
    check_vmas();
    paging_on(PD2, false);
    assert_int_equal(poke(true, 0x300000, 1), CHECKED);
    smmu_code_protect(mmu, 0x502);
    smmu_code_unprotect(mmu, 0x500);
    uint64_t maps = stats().view_maps;
    assert_int_equal(poke(false, 0xc0500000u, 2), DONE);
    assert_int_equal(stats().view_maps, maps); /* by mprotect */
    assert_int_equal(poke(true, 0x300000, 3), DONE);
    assert_int_equal(poke(false, 0xc0502000u, 2), CHECKED);
    check_vmas();
}

static void views_survive_cr3_switches(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    plain_tables(PD2, PT2);
    for (uint32_t i = 0; i < 1024; i++) put32(PT2 + i * 4, 0x800000 + i * 4096 + 7);
    paging_on(PD, true);
    assert_int_equal(poke(true, 0x1000, 11), DONE);
    uint8_t *base = smmu_view_base(mmu, true);
    paging_on(PD2, false);
    assert_ptr_not_equal(base, smmu_view_base(mmu, true));
    assert_int_equal(poke(true, 0x1000, 22), DONE);
    assert_int_equal(get32(0x201000), 11);
    assert_int_equal(get32(0x801000), 22);
    uint64_t faults = stats().hidden_faults;
    paging_on(PD, false);
    assert_ptr_equal(base, smmu_view_base(mmu, true));
    assert_int_equal(peek(true, 0x1000, &v), DONE);
    assert_int_equal(v, 11);
    assert_int_equal(stats().hidden_faults, faults);
    /* changed behind its back: stale in the current view until the flush (a TLB), never after */
    put32(PT + 4, 0x802000 + 0x67);
    put32(0x802000, 33);
    assert_int_equal(peek(true, 0x1000, &v), DONE);
    assert_int_equal(v, 11);
    paging_on(PD, false);
    assert_int_equal(peek(true, 0x1000, &v), DONE);
    assert_int_equal(v, 33);
    check_vmas();
}

/* In the low window a linear address is the host's; what lies below the least address that can be mapped is not. */
static void low_window_shows_linear_addresses(void **state) {
    (void)state;
    if (skips_low) skip();
    uint32_t v;
    plain_tables(PD, PT);
    paging_on(PD, true);
    assert_null(smmu_view_base(mmu, true));
    assert_non_null(smmu_view_base(mmu, false));
    assert_true(smmu_space_low(mmu));
    assert_int_equal(poke(true, 0x10000, 5), DONE);
    assert_int_equal(get32(0x210000), 5);
    assert_int_equal(poke(false, 0x10000, 6), DONE);
    assert_int_equal(peek(true, 0x10000, &v), DONE);
    assert_int_equal(v, 6);
    assert_int_equal(peek(true, LOW_LEAST - 4, &v), CHECKED);
    assert_int_equal(peek(true, 0, &v), CHECKED);
    assert_int_equal(peek(true, 0x400000, &v), FAULTED);
    put32(PT, 0);
    smmu_invlpg(mmu, gva(0));
    assert_int_equal(peek(true, 8, &v), FAULTED);
    assert_true(smmu_view_contains(mmu, (void *)(uintptr_t)0));
    assert_true(smmu_view_contains(mmu, (void *)(uintptr_t)0x1ffffffffu));
    assert_true(smmu_view_contains(mmu, (void *)~(uintptr_t)0));
    assert_false(smmu_view_contains(mmu, (void *)(uintptr_t)0x200000000u));
    assert_false(smmu_view_contains(mmu, linear));
    check_vmas();
}

/* A large page at 0: all of it but the lowest pages is mapped. */
static void low_window_takes_a_large_page(void **state) {
    (void)state;
    if (skips_low) skip();
    uint32_t v;
    plain_tables(PD, PT);
    put32(PD, 0x400000 + 0xe7);
    put32(PD + 4, 0x800000 + 0xe7);
    paging_on(PD, true);
    assert_int_equal(poke(true, 0x500000, 1), DONE);
    assert_int_equal(get32(0x900000), 1);
    assert_int_equal(poke(true, 0x3ffffc, 2), DONE);
    assert_int_equal(get32(0x7ffffc), 2);
    assert_int_equal(poke(true, LOW_LEAST, 3), DONE);
    assert_int_equal(get32(0x410000), 3);
    assert_int_equal(peek(true, LOW_LEAST - 4, &v), CHECKED);
    check_vmas();
    put32(PD, 0);
    paging_on(PD, false);
    assert_int_equal(peek(true, LOW_LEAST, &v), FAULTED);
    check_vmas();
}

static void ripen(void) {
    while (!smmu_space_grow(mmu, gva(0x20000), 1 << 20)) continue;
    smmu_space_settle(mmu);
}

/* The window goes to the space that came of age last; one that lost it so does not take it back. */
static void low_window_is_earned(void **state) {
    (void)state;
    if (skips_low) skip();
    uint32_t v;
    plain_tables(PD, PT);
    plain_tables(PD2, PT2);
    for (uint32_t i = 0; i < 1024; i++) put32(PT2 + i * 4, 0x800000 + i * 4096 + 7);
    paging_on(PD, true);
    assert_int_equal(poke(true, 0x20000, 11), DONE);
    assert_false(smmu_space_low(mmu));
    ripen();
    assert_true(smmu_space_low(mmu));
    assert_int_equal(peek(true, 0x20000, &v), DONE);
    assert_int_equal(v, 11);
    paging_on(PD2, false);
    assert_false(smmu_space_low(mmu));
    assert_int_equal(poke(true, 0x20000, 22), DONE);
    ripen();
    assert_true(smmu_space_low(mmu));
    assert_int_equal(peek(true, 0x20000, &v), DONE);
    assert_int_equal(v, 22);
    paging_on(PD, false);
    assert_false(smmu_space_mature(mmu));
    ripen();
    assert_true(smmu_space_mature(mmu));
    assert_false(smmu_space_low(mmu));
    assert_int_equal(peek(true, 0x20000, &v), DONE);
    assert_int_equal(v, 11);
    paging_on(PD2, false);
    assert_true(smmu_space_low(mmu));
    assert_int_equal(stats().low_moves, 2);
}

static void map_changes_drop(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    paging_on(PD, true);
    put32(0x210000, 1);
    put32(0x310000, 2);
    assert_int_equal(peek(true, 0x10000, &v), DONE);
    assert_int_equal(v, 1);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(0x210000), 4096, 0x310, 0x310), SMMU_OK);
    assert_int_equal(peek(true, 0x10000, &v), DONE);
    assert_int_equal(v, 2);
    assert_int_equal(smmu_mem_unmap(mem, gpa(0x210000), 4096), SMMU_OK);
    assert_int_equal(peek(true, 0x10000, &v), CHECKED);
    check_vmas();
}

static void prefault_maps_silently(void **state) {
    (void)state;
    plain_tables(PD, PT);
    put32(PT + 4 * 8, 0);
    paging_on(PD, true);
    smmu_view_prefault(mmu, true, gva(0x8000), true);
    smmu_view_prefault(mmu, true, gva(0x9000), true);
    uint64_t faults = stats().hidden_faults + stats().true_faults;
    assert_int_equal(poke(true, 0x9000, 1), DONE);
    assert_int_equal(stats().hidden_faults + stats().true_faults, faults);
}

/* A table that is also code: its A bit must not be announced from a signal handler. */
static void table_in_code_frame_goes_checked(void **state) {
    (void)state;
    uint32_t v;
    struct guest_fault f;
    plain_tables(PD, PT);
    paging_on(PD, true);
    smmu_code_protect(mmu, PT >> 12);
    assert_int_equal(peek(true, 0x5000, &v), CHECKED);
    assert_int_equal(get32(PT + 20) & 0x20, 0);
    assert_true(smmu_read(mmu, gva(0x5000), &v, 4, SMMU_USER, &f));
    assert_int_equal(peek(true, 0x5000, &v), DONE);
    smmu_code_unprotect(mmu, PT >> 12);
}

/* ---- Torture ---- */

enum { SPACES = 3, REGIONS = 7, CODE_FRAMES = 6 };
static const uint32_t region_index[REGIONS] = {0, 1, 2, 3, 0x200, 0x201, 0x3ff};

struct guest {
    bool pae, wp, a20;
    uint32_t space;
    uint32_t code[CODE_FRAMES];
};

static uint32_t region_shift(const struct guest *g) { return g->pae ? 21 : 22; }
static uint32_t region_va(const struct guest *g, unsigned r) {
    return region_index[r] << 22 | (g->pae && r == 2 ? 1u << 21 : 0);
}

/* Tables from 16 KiB up: a space has 4 directory pages, then one page table a region;
 * regions 4 and up share theirs between spaces, as kernels do. */
static uint32_t dir_pa(uint32_t space) { return 0x4000 + space * 0x4000; }
static uint32_t table_pa(uint32_t space, unsigned r) { return 0x20000 + ((r >= 4 ? 0 : space) * REGIONS + r) * 4096; }

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
    return chance(2) ? (uint32_t)(rnd() % 12) : pages - 1 - (uint32_t)(rnd() % 12);
}

static uint64_t flags(void) {
    return (chance(12) ? 0 : 1) | (chance(4) ? 0 : 2) | (chance(4) ? 0 : 4) | (chance(2) ? 0x20 : 0) |
           (chance(2) ? 0x40 : 0) | (rnd() & 0xe00);
}

/* Mostly contiguous frames from 2 MiB on; sometimes the hole and the ROM. */
static void random_pte(const struct guest *g, uint32_t space, unsigned r) {
    uint32_t i = random_page(g);
    uint64_t frame = 0x200 + i + (chance(3) ? rnd() % 4 : 0) + (i > 100 ? 0 : r & 1);
    if (chance(12)) frame = 0x98 + rnd() % 0x30;
    store_entry(g, table_pa(space, r) + i * (g->pae ? 8 : 4), frame << 12 | flags());
}

static void random_pde(const struct guest *g, uint32_t space, unsigned r) {
    uint32_t va = region_va(g, r);
    uint64_t e;
    if (chance(2))
        e = table_pa(space, chance(8) ? (unsigned)(rnd() % REGIONS) : r) | flags() | 1;
    else
        e = ((uint64_t)(chance(4) ? rnd() : r) % (RAM_MIB / 4)) << 22 | flags() | 0x80;
    if (e & 0x80 && g->pae && (r == 2 || chance(8))) e |= 1u << 21;
    store_entry(g, pde_pa(g, space, va), e);
}

static void enter(const struct guest *g, bool flush_global) {
    struct smmu_paging p = {
        .cr0 = 0x80000001u | (g->wp ? 0x10000u : 0), .cr3 = dir_pa(g->space), .cr4 = 0x10 | (g->pae ? 0x20 : 0)};
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
        store_entry(g, table_pa(g->space, r) + i * (g->pae ? 8 : 4), (0x200 + i + rnd() % 2) << 12 | flags());
        for (unsigned k = 0; k < REGIONS; k++) smmu_invlpg(mmu, gva(region_va(g, k) + (i % pages) * 4096));
        break;
    }
    case 15: smmu_invlpg(mmu, gva(region_va(g, r) + random_page(g) * 4096)); break;
    default: torture_access(g);
    }
}

static void torture(bool pae, unsigned steps, uint32_t most_vmas) {
    struct guest g = {.pae = pae, .wp = true, .a20 = true};
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
    torture(false, step_count(), UINT32_MAX);
    torture(true, step_count(), UINT32_MAX);
}

static void torture_tiny_budget(void **state) {
    (void)state;
    seed();
    torture(false, step_count(), 50 + 2);
    torture(true, step_count(), 50 + 2);
    assert_true(stats().view_evictions > 0);
}

static void torture_low(void **state) {
    (void)state;
    if (skips_low) skip();
    seed();
    torture(false, step_count(), UINT32_MAX);
    torture(true, step_count(), UINT32_MAX);
    assert_true(stats().low_moves > 0);
}

static void torture_low_tiny(void **state) {
    (void)state;
    if (skips_low) skip();
    seed();
    torture(false, step_count(), 50 + 2);
    torture(true, step_count(), 50 + 2);
}

/* More processes than views. */
static void many_spaces(void **state) {
    (void)state;
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t k = 0; k < 8; k++) {
            uint32_t pd = 0x10000 + k * 0x2000, v;
            if (round == 0) plain_tables(pd, pd + 0x1000);
            for (uint32_t i = 0; i < 1024; i++)
                put32(pd + 0x1000 + i * 4, (0x400000 + k * MIB + i % 256 * 4096) | 0x67);
            paging_on(pd, false);
            for (uint32_t i = 0; i < 1024; i += 200) {
                if (round > 0) {
                    assert_int_equal(peek(true, i * 4096, &v), DONE);
                    assert_int_equal(v, (round - 1) * 100000 + k * 1000 + i % 256);
                }
            }
            for (uint32_t i = 0; i < 1024; i += 200)
                assert_int_equal(poke(true, i * 4096, round * 100000 + k * 1000 + i % 256), DONE);
        }
    check_vmas();
}

/* More mappings than the host gives: the budget is set too high on purpose. */
static void host_limit_evicts(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    for (uint32_t k = 0; k < 80; k++) {
        put32(PD + k * 4, (0x100000 + k * 4096) | 0x67);
        for (uint32_t i = 0; i < 1024; i++)
            put32(0x100000 + k * 4096 + i * 4, (0x800000 + (i * 2 + k) % 4096 * 4096) | 0x67);
    }
    paging_on(PD, true);
    for (uint32_t page = 0; page < 80 * 1024; page++) smmu_view_prefault(mmu, true, gva(page * 4096), true);
    assert_true(stats().view_evictions > 0);
    for (uint32_t page = 0; page < 80 * 1024; page += 1000) {
        put32(0x800000 + (page % 1024 * 2 + page / 1024) % 4096 * 4096, page);
        assert_int_equal(peek(true, page * 4096, &v), DONE);
        assert_int_equal(v, page);
    }
    smmu_code_protect(mmu, 0x800);
    smmu_code_unprotect(mmu, 0x800);
    check_vmas();
}

static int setup_no_budget(void **state) {
    (void)state;
    create(10000000, 0);
    return 0;
}

/* ---- Measurements ---- */

/* Integers: the tests too are built without SSE. */
static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static void measure(void **state) {
    (void)state;
    int64_t t;
    plain_tables(PD, PT);
    plain_tables(PD2, PT2);
    for (uint32_t i = 0; i < 1024; i++) put32(PT + i * 4, 0x200000 + (i * 7 % 1024) * 4096 + 7);
    memset(linear + 0x200000, 1, 4 * MIB);
    paging_on(PD, true);
    t = now_ns();
    for (uint32_t i = 0; i < 512; i++) assert_int_equal(poke(true, i * 4096, i), DONE);
    print_message("hidden fault, one page, signal included: %lld ns\n", (long long)((now_ns() - t) / 512));
    t = now_ns();
    for (uint32_t i = 512; i < 1024; i++) smmu_view_prefault(mmu, true, gva(i * 4096), true);
    print_message("prefault of one page: %lld ns\n", (long long)((now_ns() - t) / 512));
    t = now_ns();
    for (uint32_t i = 0; i < 1000; i++) smmu_view_prefault(mmu, true, gva(0x5000), true);
    print_message("prefault of a mapped page: %lld ns\n", (long long)((now_ns() - t) / 1000));
    t = now_ns();
    assert_int_equal(poke(false, 0xc0800000u, 1), DONE);
    print_message("direct map of %d MiB: %lld ns\n", RAM_MIB, (long long)(now_ns() - t));
    paging_on(PD2, false);
    for (uint32_t i = 0; i < 100; i++) assert_int_equal(poke(true, i * 4096, i), DONE);
    t = now_ns();
    for (uint32_t i = 0; i < 1000; i++) paging_on(i & 1 ? PD2 : PD, false);
    print_message("CR3 write, nothing changed: %lld ns\n", (long long)((now_ns() - t) / 1000));
    t = now_ns();
    for (uint32_t i = 0; i < 1000; i++) smmu_invlpg(mmu, gva(0x5000));
    print_message("INVLPG, nothing changed: %lld ns\n", (long long)((now_ns() - t) / 1000));
    t = now_ns();
    for (uint32_t i = 0; i < 500; i++) smmu_code_protect(mmu, 0x900 + i * 2);
    print_message("code protect in the direct map: %lld ns\n", (long long)((now_ns() - t) / 500));
    t = now_ns();
    for (uint32_t i = 0; i < 500; i++) smmu_code_unprotect(mmu, 0x900 + i * 2);
    for (uint32_t i = 0; i < 500; i++) smmu_code_protect(mmu, 0x900 + i * 2);
    print_message("code protect of a read-only frame: %lld ns\n", (long long)((now_ns() - t) / 500));
    memset(linear + PT2, 0, 4096);
    t = now_ns();
    paging_on(PD2, false);
    print_message("CR3 write, 100 pages dropped: %lld ns\n", (long long)(now_ns() - t));
    check_vmas();
}

#define CASE(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CASE_TINY(name) cmocka_unit_test_setup_teardown(name, setup_tiny, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(identity_without_paging),
        CASE(dirty_bit_comes_with_the_write),
        CASE(ranges_go_in_few_steps),
        CASE(true_faults),
        CASE(runs_not_pages),
        CASE(code_frames_are_read_only_everywhere),
        CASE(views_survive_cr3_switches),
        CASE(map_changes_drop),
        CASE(prefault_maps_silently),
        CASE(table_in_code_frame_goes_checked),
        CASE(many_spaces),
        CASE_TINY(many_spaces),
        cmocka_unit_test_setup_teardown(host_limit_evicts, setup_no_budget, teardown),
        cmocka_unit_test_setup_teardown(low_window_shows_linear_addresses, setup_low, teardown),
        cmocka_unit_test_setup_teardown(low_window_takes_a_large_page, setup_low, teardown),
        cmocka_unit_test_setup_teardown(low_window_is_earned, setup_low_earned, teardown),
        cmocka_unit_test_setup_teardown(torture_low, setup_low, teardown),
        cmocka_unit_test_setup_teardown(torture_low_tiny, setup_low_tiny, teardown),
        CASE(torture_default),
        CASE_TINY(torture_tiny_budget),
        CASE(measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
