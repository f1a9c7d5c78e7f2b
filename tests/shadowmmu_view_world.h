/*
 * shadowmmu_view_world.h: guest memory with views for the tests of shadowmmu: accesses as translated code makes them,
 * plain loads and stores in the window, and a SIGSEGV handler that calls smmu_view_fault. One world a test program.
 */
#ifndef NOVT_TESTS_SHADOWMMU_VIEW_WORLD_H
#define NOVT_TESTS_SHADOWMMU_VIEW_WORLD_H

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

static inline uint64_t rnd(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * UINT64_C(0x2545F4914F6CDD1D);
}

static inline bool chance(unsigned one_in) { return rnd() % one_in == 0; }

/* ---- Accesses through the window ---- */

static struct {
    sigjmp_buf out;
    bool active, user;
    unsigned faults;
    struct guest_fault fault;
} current;

static inline void on_segv(int sig, siginfo_t *info, void *context) {
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
static inline void install_handler(void) {
    struct sigaction sa = {.sa_sigaction = on_segv, .sa_flags = SA_SIGINFO | SA_NODEFER};
    sigaction(SIGSEGV, &sa, NULL);
    handler_installed = true;
}

static inline enum outcome touch(bool user, uint32_t va, bool write, uint32_t *value) {
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

static inline enum outcome peek(bool user, uint32_t va, uint32_t *value) { return touch(user, va, false, value); }
static inline enum outcome poke(bool user, uint32_t va, uint32_t value) { return touch(user, va, true, &value); }

/* ---- World ---- */

/* A sanitizer's shadow may be where the window would be. */
static inline bool no_low_window(void) {
    const size_t bytes = (UINT64_C(8) << 30) - LOW_LEAST;
    void *at = (void *)(uintptr_t)LOW_LEAST;
    void *p = mmap(at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (p != MAP_FAILED) munmap(p, bytes);
    return p != at;
}

static inline void create_with(uint32_t max_vmas, uint32_t max_views, enum smmu_low low) {
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

static inline void create(uint32_t max_vmas, uint32_t max_views) { create_with(max_vmas, max_views, SMMU_LOW_NOBODY); }

static inline void destroy(void) {
    smmu_destroy(mmu);
    smmu_mem_destroy(mem);
}

static inline int setup(void **state) {
    (void)state;
    create(0, 0);
    return 0;
}

static inline int setup_tiny(void **state) {
    (void)state;
    create(50, 2);
    return 0;
}

static inline int setup_low(void **state) {
    (void)state;
    create_with(0, 0, SMMU_LOW_AT_ONCE);
    return 0;
}

static inline int setup_low_tiny(void **state) {
    (void)state;
    create_with(50, 2, SMMU_LOW_AT_ONCE);
    return 0;
}

static inline int setup_low_earned(void **state) {
    (void)state;
    create_with(0, 0, SMMU_LOW_USER);
    return 0;
}

static inline int teardown(void **state) {
    (void)state;
    destroy();
    return 0;
}

static inline uint32_t get32(uint32_t pa) {
    uint32_t v;
    memcpy(&v, linear + pa, 4);
    return v;
}
static inline void put32(uint32_t pa, uint32_t v) { memcpy(linear + pa, &v, 4); }

static inline struct smmu_stats stats(void) {
    struct smmu_stats st;
    smmu_get_stats(mmu, &st);
    return st;
}

/* The count of host mappings is exact, but that the gaps of the low window, which are counted, are none. */
static inline void check_vmas(void) {
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

static inline void paging_on(uint32_t cr3, bool flush_global) {
    struct smmu_paging p = {.cr0 = 0x80010001u, .cr3 = cr3, .cr4 = 0x10};
    smmu_set_paging(mmu, &p, flush_global);
}

/* PD[0] -> PT; PT[i] -> 2 MiB + i pages, P W U; PD[0x300..0x30f]: all RAM, large, A and D set. */
static inline void plain_tables(uint32_t pd, uint32_t pt) {
    memset(linear + pd, 0, 4096);
    for (uint32_t i = 0; i < 1024; i++) put32(pt + i * 4, 0x200000 + i * 4096 + 7);
    put32(pd, pt + 7);
    for (uint32_t i = 0; i < RAM_MIB / 4; i++) put32(pd + (0x300 + i) * 4, i * 4 * MIB + 0xe3);
}

#define CASE(name)      cmocka_unit_test_setup_teardown(name, setup, teardown)
#define CASE_TINY(name) cmocka_unit_test_setup_teardown(name, setup_tiny, teardown)

#endif
