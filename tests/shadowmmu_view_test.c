/*
 * shadowmmu_view_test.c: what views show, when it goes, and what that costs.
 */
#include "shadowmmu_view_world.h"

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

enum { CR4_PSE = 0x10, CR4_PGE = 0x80, WP = 0x10000 };

static void paging_with(uint32_t cr0, uint32_t cr4, bool flush_global) {
    struct smmu_paging p = {.cr0 = 0x80000001u | cr0, .cr3 = PD, .cr4 = cr4};
    smmu_set_paging(mmu, &p, flush_global);
}

/* What the supervisor sees at 4 MiB, after PT2[0] was made to show another frame without an INVLPG. */
static uint32_t seen_after_change(uint32_t frame, uint32_t cr0, uint32_t cr4, bool flush_global) {
    uint32_t v = 0;
    put32(frame, frame);
    put32(PT2, frame | 0x163);
    paging_with(cr0, cr4, flush_global);
    assert_int_equal(peek(false, 0x400000, &v), DONE);
    return v;
}

/* SDM vol. 3 "Global Pages". */
static void global_pages_outlive_cr3_writes(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    put32(PD + 4, PT2 | 0x63);
    for (uint32_t i = 0; i < 1024; i++) put32(PT2 + i * 4, (0x800000 + i * 4096) | 0x163);
    paging_with(WP, CR4_PSE | CR4_PGE, true);
    assert_int_equal(seen_after_change(0x200000, WP, CR4_PSE | CR4_PGE, true), 0x200000);
    assert_int_equal(seen_after_change(0x201000, WP, CR4_PSE | CR4_PGE, false), 0x200000);
    smmu_invlpg(mmu, gva(0x400000));
    assert_int_equal(peek(false, 0x400000, &v), DONE);
    assert_int_equal(v, 0x201000);
    assert_int_equal(seen_after_change(0x202000, WP, CR4_PSE | CR4_PGE, false), 0x201000);
    assert_int_equal(seen_after_change(0x203000, WP, CR4_PSE, true), 0x203000);
    /* without PGE the bit means nothing */
    assert_int_equal(seen_after_change(0x204000, WP, CR4_PSE, false), 0x204000);
    assert_int_equal(seen_after_change(0x205000, WP, CR4_PSE | CR4_PGE, true), 0x205000);
    assert_int_equal(seen_after_change(0x206000, 0, CR4_PSE | CR4_PGE, true), 0x206000);
    /* one page that is not global, and the table is looked at */
    put32(PT2 + 500 * 4, 0x900000 | 0x63);
    assert_int_equal(peek(false, 0x400000 + 500 * 4096, &v), DONE);
    assert_int_equal(seen_after_change(0x207000, 0, CR4_PSE | CR4_PGE, false), 0x207000);
    check_vmas();
}

static void global_large_pages_outlive_cr3_writes(void **state) {
    (void)state;
    uint32_t v;
    plain_tables(PD, PT);
    put32(0x400000, 4);
    put32(0x800000, 8);
    put32(PD + 0x300 * 4, 0x400000 | 0x1e3);
    paging_with(WP, CR4_PSE | CR4_PGE, true);
    assert_int_equal(peek(false, 0xc0000000u, &v), DONE);
    put32(PD + 0x300 * 4, 0x800000 | 0x1e3);
    paging_with(WP, CR4_PSE | CR4_PGE, false);
    assert_int_equal(peek(false, 0xc0000000u, &v), DONE);
    assert_int_equal(v, 4);
    smmu_invlpg(mmu, gva(0xc0123000u));
    assert_int_equal(peek(false, 0xc0000000u, &v), DONE);
    assert_int_equal(v, 8);
    check_vmas();
}

static void switch_to(uint32_t cr3, uint32_t cr4, bool flush_global) {
    struct smmu_paging p = {.cr0 = 0x80010001u, .cr3 = cr3, .cr4 = cr4};
    smmu_set_paging(mmu, &p, flush_global);
}

/* A global page of user code, in a table that two address spaces share, changes while the other one is current. */
static void global_user_page_changes_elsewhere(void **state) {
    (void)state;
    enum { SHARED = 0x6000, INVALIDATED, FLUSHED, FILLED_WITHOUT_PGE, WAYS };
    plain_tables(PD, PT);
    plain_tables(PD2, PT2);
    put32(PD + 4, SHARED | 0x67);
    put32(PD2 + 4, SHARED | 0x67);
    put32(0x200000, 1);
    put32(0x201000, 2);
    for (int way = INVALIDATED; way < WAYS; way++) {
        uint32_t v;
        put32(SHARED, 0x200000 | 0x167);
        switch_to(PD, way == FILLED_WITHOUT_PGE ? CR4_PSE : CR4_PSE | CR4_PGE, true);
        assert_int_equal(peek(true, 0x400000, &v), DONE);
        assert_int_equal(v, 1);
        switch_to(PD2, way == FILLED_WITHOUT_PGE ? CR4_PSE : CR4_PSE | CR4_PGE, false);
        put32(SHARED, 0x201000 | 0x167);
        if (way == INVALIDATED) smmu_invlpg(mmu, gva(0x400000));
        if (way == FLUSHED) switch_to(PD2, CR4_PSE, true);
        if (way != INVALIDATED) switch_to(PD2, CR4_PSE | CR4_PGE, true);
        switch_to(PD, CR4_PSE | CR4_PGE, false);
        assert_int_equal(peek(true, 0x400000, &v), DONE);
        assert_int_equal(v, 2);
    }
    check_vmas();
}

/* Of a table only entries of mapped pages count, wherever in it they are. */
static void changed_neighbours_do_not_matter(void **state) {
    (void)state;
    static const uint32_t page[] = {1, 63, 64, 600, 1023};
    uint32_t v;
    plain_tables(PD, PT);
    paging_on(PD, true);
    for (unsigned k = 0; k < 5; k++) assert_int_equal(poke(true, page[k] * 4096, k), DONE);
    for (uint32_t i = 0; i < 1024; i++)
        if (i != 1 && i != 63 && i != 64 && i != 600 && i != 1023) put32(PT + i * 4, 0x800000 + i * 4096 + 7);
    uint64_t faults = stats().hidden_faults;
    paging_on(PD, false);
    for (unsigned k = 0; k < 5; k++) assert_int_equal(poke(true, page[k] * 4096, 10 + k), DONE);
    assert_int_equal(stats().hidden_faults, faults);
    put32(PT + 600 * 4, 0x802000 + 0x67);
    put32(0x802000, 33);
    paging_on(PD, false);
    for (unsigned k = 0; k < 5; k++) {
        assert_int_equal(peek(true, page[k] * 4096, &v), DONE);
        assert_int_equal(v, k == 3 ? 33 : 10 + k);
    }
    assert_int_equal(stats().hidden_faults, faults + 1);
    check_vmas();
}

static enum smmu_view_result fault(bool user, uint32_t va) {
    struct guest_fault f;
    return smmu_view_fault(mmu, user, gva(va), false, &f);
}

static void show_another(uint32_t page) {
    put32(PT2 + page * 4, get32(PT2 + page * 4) ^ 0x100000);
    smmu_invlpg(mmu, gva(0x400000 + page * 4096));
}

/* A page that was taken away twice lately is expected to go again. */
static void pages_that_come_and_go_pass(void **state) {
    (void)state;
    plain_tables(PD, PT);
    put32(PD + 4, PT2 | 0x67);
    for (uint32_t i = 0; i < 1024; i++) put32(PT2 + i * 4, (0x800000 + (i * 7 % 256) * 4096) | 0x63);
    put32(PT2 + 5 * 4, 0x800067);
    paging_on(PD, true);
    assert_true(smmu_space_grow(mmu, gva(0), 1u << 30));
    for (int user = 0; user < 2; user++) {
        const uint32_t page = user ? 5 : 0, va = 0x400000 + page * 4096;
        assert_int_equal(fault(user, va), SMMU_VIEW_MAPPED);
        show_another(page);
        assert_int_equal(fault(user, va), SMMU_VIEW_MAPPED);
        show_another(page);
        assert_int_equal(fault(user, va), SMMU_VIEW_PASSING);
    }
    /* others have not, until theirs push the first out of mind */
    assert_int_equal(fault(false, 0x401000), SMMU_VIEW_MAPPED);
    assert_int_equal(fault(false, 0x410000), SMMU_VIEW_MAPPED);
    show_another(0);
    show_another(16);
    assert_int_equal(fault(false, 0x400000), SMMU_VIEW_MAPPED);
    check_vmas();
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

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(identity_without_paging),
        CASE(dirty_bit_comes_with_the_write),
        CASE(ranges_go_in_few_steps),
        CASE(true_faults),
        CASE(runs_not_pages),
        CASE(code_frames_are_read_only_everywhere),
        CASE(views_survive_cr3_switches),
        CASE(global_pages_outlive_cr3_writes),
        CASE(global_large_pages_outlive_cr3_writes),
        CASE(global_user_page_changes_elsewhere),
        CASE(changed_neighbours_do_not_matter),
        CASE(pages_that_come_and_go_pass),
        CASE(map_changes_drop),
        CASE(prefault_maps_silently),
        CASE(table_in_code_frame_goes_checked),
        CASE(many_spaces),
        CASE_TINY(many_spaces),
        cmocka_unit_test_setup_teardown(host_limit_evicts, setup_no_budget, teardown),
        CASE(measure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
