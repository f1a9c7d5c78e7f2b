/*
 * shadowmmu_tlb_test.c: what filling the code map enters beside the page asked for.
 */
#include "shadowmmu_view_world.h"

enum {
    FIRST = 0x110,
    GROUP = 16,
    CODE = 0x300 /* frame */,
    PAE_PD = 0x8000,
    PAE_PT = 0x9000,
    A = 0x20,
    PUW = 7,
    PW = 3
};

static uint32_t slot(uint32_t page) {
    uint32_t v;
    memcpy(&v, smmu_tlb_base(mmu, true) + SMMU_TLB_CODE + page * 4, 4);
    return v;
}

static enum smmu_fill fill(uint32_t page) {
    uint32_t frame;
    struct guest_fault f;
    return smmu_code_fill(mmu, true, gva(page * 4096), &frame, &f);
}

static void set(bool pae, uint32_t page, uint32_t frame, uint64_t flags) {
    uint64_t e = (uint64_t)frame << 12 | flags;
    if (pae)
        memcpy(linear + PAE_PT + page * 8, &e, 8);
    else
        put32(PT + page * 4, (uint32_t)e);
}

static uint64_t get(bool pae, uint32_t page) {
    uint64_t e = 0;
    memcpy(&e, linear + (pae ? PAE_PT + page * 8 : PT + page * 4), pae ? 8 : 4);
    return e;
}

static void on(bool pae, bool flush_global) {
    struct smmu_paging p = {.cr0 = 0x80010001u, .cr3 = PD, .cr4 = pae ? 0x30 : 0x10, .nxe = pae};
    if (pae) p.pdpte[0] = PAE_PD | 1;
    smmu_set_paging(mmu, &p, flush_global);
}

/* A process whose group of pages is code that others have run, with exceptions. */
static void make_process(bool pae) {
    plain_tables(PD, PT);
    put32(PAE_PD, PAE_PT + 7);
    memset(linear + PAE_PT, 0, 4096);
    for (uint32_t i = FIRST - 1; i < FIRST + GROUP + 1; i++) {
        set(pae, i, CODE + i - FIRST, PUW | A);
        smmu_code_protect(mmu, CODE + i - FIRST);
    }
    set(pae, FIRST + 3, CODE + 3, PUW);           /* not accessed yet */
    set(pae, FIRST + 4, CODE + 4, PW | A);        /* the supervisor's */
    set(pae, FIRST + 5, CODE + 100, PUW | A);     /* holds no code */
    set(pae, FIRST + 6, CODE + 6, A | (PUW - 1)); /* not present */
    if (pae) set(pae, FIRST + 7, CODE + 7, PUW | A | UINT64_C(1) << 63);
    on(pae, true);
    assert_true(smmu_space_grow(mmu, gva(FIRST * 4096), 1u << 30));
}

static void free_code(void) {
    for (uint32_t i = 0; i < GROUP + 2; i++) smmu_code_unprotect(mmu, CODE + i - 1);
}

static void check_group(bool pae) {
    for (uint32_t i = 0; i < GROUP; i++) {
        bool entered = i < 3 || i > 6;
        if (pae && i == 7) entered = false;
        assert_int_equal(slot(FIRST + i), entered ? smmu_code_entry(CODE + i) : 0);
    }
    assert_int_equal(slot(FIRST - 1), 0);
    assert_int_equal(slot(FIRST + GROUP), 0);
    assert_int_equal(get(pae, FIRST + 3), (uint64_t)(CODE + 3) << 12 | PUW);
}

static void ahead(bool pae) {
    make_process(pae);
    assert_int_equal(fill(FIRST + 1), SMMU_FILL_OK);
    check_group(pae);
    smmu_invlpg(mmu, gva((FIRST + 2) * 4096));
    assert_int_equal(slot(FIRST + 2), 0);
    assert_int_equal(slot(FIRST + 1), smmu_code_entry(CODE + 1));
    on(pae, false);
    for (uint32_t i = 0; i < GROUP; i++) assert_int_equal(slot(FIRST + i), 0);
    free_code();
}

static void neighbours_are_entered(void **state) {
    (void)state;
    ahead(false);
    ahead(true);
}

/* Misses of a young process are no signals. */
static void young_processes_enter_one(void **state) {
    (void)state;
    make_process(false);
    put32(PD2, PT + 7);
    struct smmu_paging p = {.cr0 = 0x80010001u, .cr3 = PD2, .cr4 = 0x10};
    smmu_set_paging(mmu, &p, false);
    assert_int_equal(fill(FIRST + 1), SMMU_FILL_OK);
    for (uint32_t i = 0; i < GROUP; i++) assert_int_equal(slot(FIRST + i), i == 1 ? smmu_code_entry(CODE + 1) : 0);
    free_code();
}

/* What a process has run comes with its first page when it is current again. */
static void groups_come_back(void **state) {
    (void)state;
    enum { OTHER = FIRST + 4 * GROUP, GONE = FIRST + 8 * GROUP };
    make_process(false);
    set(false, OTHER + 2, CODE + 1, PUW | A);
    set(false, GONE, CODE + 2, PUW | A);
    assert_int_equal(fill(FIRST + 1), SMMU_FILL_OK);
    assert_int_equal(fill(OTHER + 2), SMMU_FILL_OK);
    assert_int_equal(fill(GONE), SMMU_FILL_OK);
    set(false, OTHER + 2, CODE + 2, PUW | A);
    set(false, GONE, CODE + 2, A);
    on(false, false);
    assert_int_equal(slot(OTHER + 2), 0);
    assert_int_equal(fill(FIRST + 1), SMMU_FILL_OK);
    check_group(false);
    assert_int_equal(slot(OTHER + 2), smmu_code_entry(CODE + 2)); /* as its entry is now */
    assert_int_equal(slot(GONE), 0);
    free_code();
}

/* A large page has no neighbours in its table. */
static void large_pages_stand_alone(void **state) {
    (void)state;
    plain_tables(PD, PT);
    put32(PD + 4, 0x400000 | 0xe7);
    smmu_code_protect(mmu, 0x401);
    smmu_code_protect(mmu, 0x402);
    on(false, true);
    assert_true(smmu_space_grow(mmu, gva(0x401000), 1u << 30));
    assert_int_equal(fill(0x401), SMMU_FILL_OK);
    assert_int_equal(slot(0x401), smmu_code_entry(0x401));
    assert_int_equal(slot(0x402), 0);
    smmu_code_unprotect(mmu, 0x401);
    smmu_code_unprotect(mmu, 0x402);
}

int main(void) {
    const struct CMUnitTest tests[] = {CASE(neighbours_are_entered), CASE(young_processes_enter_one),
                                       CASE(groups_come_back), CASE(large_pages_stand_alone)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
