/*
 * shadowmmu_inspect_test.c: what consoles see of views and tables: each total is the sum of its parts, a walk is the
 * tables', a look changes nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shadowmmu/inspect.h"
#include "shadowmmu/shadowmmu.h"

enum { MIB = 1 << 20, RAM = 16 * MIB, PAGE = 4096, PD = 0x2000, PT = 0x3000, PD2 = 0x4000, PT2 = 0x5000, PAGES = 64 };
enum { MAPPED = 0x400000, FRAMES = 0x200000, PRESENT = 7, KERNEL = 0xC0000000 };

static struct smmu_mem *mem;
static struct smmu *mmu;

static int setup(void **state) {
    (void)state;
    assert_int_equal(smmu_mem_create(RAM, 0, &mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(0), RAM, 0, 0), SMMU_OK);
    assert_int_equal(smmu_create(mem, NULL, &mmu), SMMU_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    smmu_destroy(mmu);
    smmu_mem_destroy(mem);
    return 0;
}

static void put32(uint32_t pa, uint32_t v) { smmu_mem_write(mem, gpa(pa), &v, sizeof v); }

/* PAGES user pages at MAPPED, to every second frame from FRAMES + skip on; 4 MiB for the kernel. */
static void build_tables(uint32_t pd, uint32_t pt, uint32_t skip) {
    for (uint32_t i = 0; i < PAGES; i++) put32(pt + i * 4, (FRAMES + (2 * i + skip) * PAGE) | PRESENT);
    put32(pd + (MAPPED >> 22) * 4, pt | PRESENT);
    put32(pd + ((uint32_t)KERNEL >> 22) * 4, 0xE3);
}

static void paging_on(uint32_t cr3) {
    struct smmu_paging p = {.cr0 = 0x80010001u, .cr3 = cr3, .cr4 = 0x10};
    smmu_set_paging(mmu, &p, false);
}

static void touch(bool user, uint32_t va, bool write) {
    struct guest_fault f;
    enum smmu_view_result r = smmu_view_fault(mmu, user, gva(va), write, &f);
    assert_true(r == SMMU_VIEW_MAPPED || r == SMMU_VIEW_PASSING);
}

static uint64_t pages_of(uint32_t view, uint64_t *writable) {
    struct smmu_inspect_runs r = {.view = view};
    uint64_t n = 0;
    *writable = 0;
    do {
        smmu_inspect_runs(mmu, &r);
        for (uint32_t i = 0; i < r.n; i++) {
            n += r.row[i].count;
            *writable += r.row[i].writable ? r.row[i].count : 0;
        }
    } while (r.cursor);
    assert_true(r.found);
    return n;
}

/* All views: their pages are those of their runs, their host mappings those of all. Returns the pages. */
static uint64_t check_views(void) {
    struct smmu_inspect_views v = {0};
    struct smmu_stats s;
    uint64_t vmas = 0, pages = 0;
    do {
        smmu_inspect_views(mmu, &v);
        for (uint32_t i = 0; i < v.n; i++) {
            uint64_t writable, shown = pages_of(v.row[i].index, &writable);
            assert_int_equal(v.row[i].pages, shown);
            assert_int_equal(v.row[i].writable, writable);
            vmas += v.row[i].vmas;
            pages += shown;
        }
    } while (v.cursor);
    smmu_get_stats(mmu, &s);
    assert_int_equal(v.vmas, vmas);
    assert_int_equal(v.vmas, s.vmas);
    return pages;
}

static struct smmu_inspect_diff diff(bool user) {
    struct smmu_inspect_diff d = {.user = user};
    do smmu_inspect_diff(mmu, &d);
    while (d.cursor);
    return d;
}

static void views_are_sums(void **state) {
    (void)state;
    assert_int_equal(check_views(), 0);
    touch(false, 0x7C00, true);
    assert_true(check_views() > 0);
    build_tables(PD, PT, 0);
    paging_on(PD);
    for (uint32_t i = 0; i < PAGES; i += 3) touch(true, MAPPED + i * PAGE, i % 2);
    touch(false, KERNEL + 0x5000, true);
    assert_true(check_views() > 0);
    struct smmu_inspect_runs none = {.view = UINT32_MAX};
    smmu_inspect_runs(mmu, &none);
    assert_true(!none.found && !none.n && !none.cursor);
}

static void differences_are_sums(void **state) {
    (void)state;
    build_tables(PD, PT, 0);
    paging_on(PD);
    for (uint32_t i = 0; i < PAGES; i += 2) touch(true, MAPPED + i * PAGE, true);
    struct smmu_inspect_diff d = diff(true);
    assert_int_equal(d.count[SMMU_SAME] + d.count[SMMU_ABSENT], PAGES);
    assert_true(d.count[SMMU_SAME] >= PAGES / 2);
    assert_int_equal(d.count[SMMU_STALE] + d.count[SMMU_TOO_MUCH], 0);
    put32(PT, 0); /* gone, and nobody has said so */
    d = diff(true);
    assert_int_equal(d.count[SMMU_STALE], 1);
    assert_int_equal(d.count[SMMU_SAME] + d.count[SMMU_ABSENT], PAGES - 1);
    smmu_invlpg(mmu, gva(MAPPED));
    assert_int_equal(diff(true).count[SMMU_STALE], 0);
}

static void walks_and_spaces(void **state) {
    (void)state;
    uint32_t frame;
    assert_false(smmu_inspect_space(mmu, PD, gva(MAPPED), &frame)); /* no paging */
    build_tables(PD, PT, 0);
    build_tables(PD2, PT2, 1);
    paging_on(PD);
    for (uint32_t i = 0; i < PAGES; i++) {
        struct smmu_inspect_walk w = {.va = MAPPED + i * PAGE + 5};
        smmu_inspect_walk(mmu, &w);
        assert_true(w.present && w.paging && !w.large && w.to.user);
        assert_int_equal(w.to.pa.v, FRAMES + 2 * i * PAGE + 5);
        assert_true(smmu_inspect_space(mmu, PD, gva(MAPPED + i * PAGE), &frame));
        assert_int_equal(frame, w.frame);
        assert_true(smmu_inspect_space(mmu, PD2, gva(MAPPED + i * PAGE), &frame));
        assert_int_equal(frame, w.frame + 1);
    }
    assert_false(smmu_inspect_space(mmu, PD2, gva(MAPPED + PAGES * PAGE), &frame));
    assert_false(smmu_inspect_space(mmu, 0xFFFFF000, gva(MAPPED), &frame)); /* tables where no memory is */
    assert_int_equal(smmu_inspect_cr3(mmu), PD);
    struct smmu_inspect_walk w = {.va = MAPPED};
    smmu_inspect_walk(mmu, &w);
    assert_int_equal(w.cr3, PD);
    assert_false(w.page[1].view || w.page[1].tlb_read); /* a look maps nothing */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(views_are_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(differences_are_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(walks_and_spaces, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
