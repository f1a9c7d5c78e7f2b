/*
 * shadowmmu_low_test.c: the window at 0, whose linear addresses are the host's.
 */
#include "shadowmmu_view_world.h"

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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(low_window_shows_linear_addresses, setup_low, teardown),
        cmocka_unit_test_setup_teardown(low_window_takes_a_large_page, setup_low, teardown),
        cmocka_unit_test_setup_teardown(low_window_is_earned, setup_low_earned, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
