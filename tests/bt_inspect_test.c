/*
 * bt_inspect_test.c: what consoles see of the code cache, of a small program that has run: each total is the sum of its
 * parts, lists are complete and sorted, details cover their blocks, orders change what they say and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bt/bt.h"
#include "bt/inspect.h"

enum {
    RAM = 4 << 20,
    CODE = 0x10000,
    STACK = 0x80000,
    COUNT = 0x2000,
    TABLE = 0x3000,
    PATCHED = 0x20000,
    ROUNDS = 100
};
enum { CODE32 = 0xC09B, DATA32 = 0xC093, FIRST_TARGET = CODE + 0x40, SECOND_TARGET = CODE + 0x50 };

/* mov ecx, 100; round: mov [20001h], ecx; call 20000h; mov eax, ecx; and eax, 1; call [3000h + eax*4]; inc dword
 * [2000h]; dec ecx; jnz round; hlt. At 10040h and 10050h: ret. At 20000h: mov eax, imm32; ret. */
static const uint8_t program[] = {0xB9, ROUNDS, 0,    0,    0,    0x89, 0x0D, 0x01, 0x00, 0x02, 0x00, 0xE8, 0xF0,
                                  0xFF, 0x00,   0x00, 0x89, 0xC8, 0x83, 0xE0, 0x01, 0xFF, 0x14, 0x85, 0x00, 0x30,
                                  0x00, 0x00,   0xFF, 0x05, 0x00, 0x20, 0x00, 0x00, 0x49, 0x75, 0xE0, 0xF4};
enum { LOOP = 5, AT_WRITE = CODE + LOOP, AT_CALL = CODE + 21, INSNS_A_ROUND = 8 + 3 };

static struct smmu_mem *mem;
static struct smmu *mmu;
static struct bt_engine *engine;
static struct bt_cpu cpu;

/* ---- A machine that knows HLT ---- */

static enum bt_next halt(struct bt_cpu *c, const struct insn *insn) {
    c->eip += insn->len;
    c->leave = true;
    return BT_NEXT_EXIT;
}

static void write32(uint32_t at, uint32_t v) { smmu_mem_write(mem, gpa(at), &v, sizeof v); }
static uint32_t read32(uint32_t at) {
    uint32_t v = 0;
    smmu_mem_read(mem, gpa(at), &v, sizeof v);
    return v;
}

static void load(void) {
    static const uint8_t patched[] = {0xB8, 0, 0, 0, 0, 0xC3}, ret = 0xC3;
    smmu_mem_write(mem, gpa(CODE), program, sizeof program);
    smmu_mem_write(mem, gpa(FIRST_TARGET), &ret, 1);
    smmu_mem_write(mem, gpa(SECOND_TARGET), &ret, 1);
    smmu_mem_write(mem, gpa(PATCHED), patched, sizeof patched);
    write32(TABLE, FIRST_TARGET);
    write32(TABLE + 4, SECOND_TARGET);
}

/* Checked accesses: no signals are needed. */
static int setup(void **state) {
    static bt_op_fn *ops[BT_OP_COUNT];
    struct bt_config cfg = {.ops = ops, .features = UINT32_MAX, .cache_bytes = 8 << 20, .force_checked = true};
    (void)state;
    for (int i = 0; i < BT_OP_COUNT; i++) ops[i] = halt;
    memset(&cpu, 0, sizeof cpu);
    assert_int_equal(smmu_mem_create(RAM, 0, &mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(0), RAM, 0, 0), SMMU_OK);
    assert_int_equal(smmu_create(mem, NULL, &mmu), SMMU_OK);
    cpu.smmu = mmu;
    cpu.cr0 = 1;
    for (int i = 0; i < DEC_SEG_COUNT; i++)
        cpu.seg[i] = (struct bt_seg){.limit = UINT32_MAX, .selector = 8, .attr = i == DEC_CS ? CODE32 : DATA32};
    assert_int_equal(bt_create(&cpu, mem, &cfg, &engine), BT_OK);
    load();
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bt_destroy(engine);
    smmu_destroy(mmu);
    smmu_mem_destroy(mem);
    return 0;
}

static void run(void) {
    struct bt_exit_info x;
    uint32_t before = read32(COUNT);
    cpu.eip = CODE;
    cpu.gpr[DEC_ESP] = STACK;
    do bt_run(engine, &x);
    while (x.reason == BT_EXIT_POLL);
    bt_fpu_park(&cpu);
    assert_int_equal(x.reason, BT_EXIT_OP);
    assert_int_equal(cpu.eip, CODE + sizeof program);
    assert_int_equal(read32(COUNT), before + ROUNDS);
    assert_int_equal(cpu.gpr[DEC_ECX], 0);
}

/* ---- Totals and lists ---- */

static struct bt_inspect_totals totals(void) {
    struct bt_inspect_totals t = {0};
    do bt_inspect_totals(engine, &t);
    while (t.cursor);
    return t;
}

static struct bt_inspect_list list(struct bt_inspect_list l) {
    if (!l.last) l.last = UINT32_MAX;
    do bt_inspect_list(engine, &l);
    while (l.cursor);
    return l;
}

static void totals_are_sums(void **state) {
    (void)state;
    struct bt_stats s;
    run();
    struct bt_inspect_totals t = totals();
    struct bt_inspect_list l = list((struct bt_inspect_list){.sort = BT_SORT_ADDRESS});
    struct bt_inspect_kind sum = {0}, rows = {0};
    bt_get_stats(engine, &s);
    for (unsigned i = 0; i < BT_KINDS; i++) {
        sum.live += t.kind[i].live;
        sum.dead += t.kind[i].dead;
        sum.insns += t.kind[i].insns;
        sum.hot_bytes += t.kind[i].hot_bytes;
        sum.cold_bytes += t.kind[i].cold_bytes;
        sum.links += t.kind[i].links;
        sum.chained += t.kind[i].chained;
        sum.ports += t.kind[i].ports;
        assert_int_equal(t.kind[i].direct + t.kind[i].checked, t.kind[i].live);
        assert_true(i == 2 * BT_KIND_RING0 + 1 || !t.kind[i].live);
        assert_true(t.kind[i].identical <= t.kind[i].insns);
    }
    assert_true(l.matches <= BT_INSPECT_ROWS);
    assert_int_equal(l.n, l.matches);
    for (uint32_t i = 0; i < l.n; i++) {
        rows.insns += l.row[i].insns;
        rows.hot_bytes += l.row[i].hot_len;
        rows.cold_bytes += l.row[i].cold_len;
        rows.links += l.row[i].links;
        rows.chained += l.row[i].chained;
        rows.ports += l.row[i].ports;
        assert_true(!i || l.row[i - 1].va <= l.row[i].va);
    }
    assert_int_equal(sum.live, l.matches);
    assert_int_equal(sum.live + sum.dead, s.blocks + s.copies);
    assert_int_equal(sum.insns, rows.insns);
    assert_int_equal(sum.hot_bytes, rows.hot_bytes);
    assert_int_equal(sum.cold_bytes, rows.cold_bytes);
    assert_int_equal(sum.links, rows.links);
    assert_int_equal(sum.chained, rows.chained);
    assert_int_equal(sum.ports, rows.ports);
    assert_int_equal(t.hot_used + t.cold_used, s.cache_used);
    assert_int_equal(t.samples, bt_inspect_time_sum(&t.time));
}

static void lists_choose(void **state) {
    (void)state;
    run();
    uint32_t all = list((struct bt_inspect_list){0}).matches;
    uint32_t there = list((struct bt_inspect_list){.by_frame = true, .frame = PATCHED >> 12}).matches;
    uint32_t here = list((struct bt_inspect_list){.by_frame = true, .frame = CODE >> 12}).matches;
    assert_true(there && here);
    assert_int_equal(there + here, all);
    struct bt_inspect_list l = list((struct bt_inspect_list){.n_ranges = 2, .range = {{1, 2}, {PATCHED, PATCHED + 5}}});
    assert_int_equal(l.matches, there);
    assert_int_equal(list((struct bt_inspect_list){.by_space = true}).matches, 0); /* no paging */
    assert_int_equal(list((struct bt_inspect_list){.first = PATCHED + 3, .last = PATCHED + 3}).matches, there);
    l = list((struct bt_inspect_list){.sort = BT_SORT_SIZE, .limit = 3});
    assert_int_equal(l.n, 3);
    assert_int_equal(l.matches, all);
    for (uint32_t i = 1; i < l.n; i++)
        assert_true(l.row[i - 1].hot_len + l.row[i - 1].cold_len >= l.row[i].hot_len + l.row[i].cold_len);
}

static void details_cover_the_block(void **state) {
    (void)state;
    static struct bt_inspect_detail d;
    run();
    struct bt_inspect_list l = list((struct bt_inspect_list){.first = AT_CALL, .last = AT_CALL});
    assert_true(l.n > 0);
    d.id = l.row[0].id;
    bt_inspect_block(engine, &d);
    assert_true(d.found);
    uint32_t guest = 0, hot = 0, cold = 0;
    for (uint32_t i = 0; i < d.n_insns; i++) guest += d.insn[i].len;
    for (uint32_t i = 0; i < d.n_pieces; i++) *(d.piece[i].cold ? &cold : &hot) += d.piece[i].len;
    assert_int_equal(guest, d.block.guest_len);
    assert_true(hot <= d.block.hot_len && cold <= d.block.cold_len); /* less entries and stubs in front */
    assert_int_equal(d.n_hot, d.block.hot_len);
    assert_int_equal(d.n_cold, d.block.cold_len);
    assert_memory_equal(d.guest, program + (d.block.va - CODE), d.block.guest_len);
    d.id = UINT32_MAX;
    bt_inspect_block(engine, &d);
    assert_false(d.found);
}

/* ---- Sites, returns, written code ---- */

static void sites_and_returns(void **state) {
    (void)state;
    run();
    struct bt_inspect_sites s = {.by_misses = true};
    do bt_inspect_sites(engine, &s);
    while (s.cursor);
    uint64_t misses = 0, targets = 0;
    assert_int_equal(s.n, s.matches);
    for (uint32_t i = 0; i < s.n; i++) {
        misses += s.row[i].misses;
        targets += s.row[i].n;
        assert_int_equal(s.row[i].va, AT_CALL);
        assert_true(s.row[i].call);
        for (unsigned k = 0; k < s.row[i].n; k++)
            assert_true(s.row[i].target[k].va == FIRST_TARGET || s.row[i].target[k].va == SECOND_TARGET);
    }
    assert_int_equal(s.misses, misses);
    assert_int_equal(s.targets, targets);
    assert_true(misses >= 2 && targets >= 2);
    struct bt_inspect_returns r = {0};
    do bt_inspect_returns(engine, &r);
    while (r.cursor);
    assert_true(r.pads >= 2 && !r.counting);
}

static void written_code(void **state) {
    (void)state;
    static struct bt_inspect_smc_rows r;
    struct bt_stats s;
    run();
    bt_get_stats(engine, &s);
    bt_inspect_smc_rows(engine, &r);
    uint64_t drops = r.forgotten.drops, blocks = r.forgotten.blocks, by_us = 0;
    for (uint32_t i = 0; i < r.n; i++) {
        drops += r.row[i].drops;
        blocks += r.row[i].blocks;
        if (r.row[i].frame == PATCHED >> 12 && r.row[i].pc == AT_WRITE) by_us += r.row[i].drops;
    }
    assert_int_equal(r.total.drops, drops);
    assert_int_equal(r.total.blocks, blocks);
    assert_int_equal(r.total.blocks, s.smc_blocks);
    assert_int_equal(by_us, ROUNDS - 1); /* the first write finds no block */
}

/* A device writes: no instruction. */
static void written_by_a_device(void **state) {
    (void)state;
    static struct bt_inspect_smc_rows r;
    run();
    cpu.at = BT_AT_EVENTS;
    write32(CODE, 0x90909090);
    bt_inspect_smc_rows(engine, &r);
    bool found = false;
    for (uint32_t i = 0; i < r.n; i++) found |= r.row[i].frame == CODE >> 12 && r.row[i].pc == BT_INSPECT_NO_VA;
    assert_true(found);
    load();
}

/* ---- Orders ---- */

static void marks(void **state) {
    (void)state;
    struct bt_mark m[BT_MARKS_MAX];
    run();
    assert_true(bt_mark_add(engine, (struct bt_mark){CODE + LOOP, CODE + 30, BT_MARK_STEP}));
    run();
    struct bt_inspect_list l = list((struct bt_inspect_list){.first = CODE + LOOP, .last = CODE + 30});
    for (uint32_t i = 0; i < l.n; i++) assert_true(l.row[i].insns == 1 && l.row[i].chained == 0);
    assert_true(bt_mark_add(engine, (struct bt_mark){0, UINT32_MAX, BT_MARK_STEP})); /* hides the first */
    assert_int_equal(bt_marks(engine, m), 1);
    run();
    assert_int_equal(bt_mark_remove(engine, 5, 5, BT_MARK_CHECKED), 0);
    assert_int_equal(bt_mark_remove(engine, 5, 5, BT_MARK_STEP), 1);
    for (uint32_t i = 0; i < BT_MARKS_MAX; i++)
        assert_true(bt_mark_add(engine, (struct bt_mark){i * 16, i * 16 + 7, BT_MARK_CHECKED}));
    assert_false(bt_mark_add(engine, (struct bt_mark){0x1000, 0x1000, BT_MARK_CHECKED}));
    assert_int_equal(bt_mark_remove(engine, 0, UINT32_MAX, BT_MARK_CHECKED), BT_MARKS_MAX);
    run();
}

static void unlinking(void **state) {
    (void)state;
    struct bt_unlinked u;
    run();
    struct bt_inspect_list l = list((struct bt_inspect_list){0});
    for (uint32_t i = 0; i < l.n; i++) assert_true(bt_unlink(engine, l.row[i].id, &u));
    l = list((struct bt_inspect_list){0});
    for (uint32_t i = 0; i < l.n; i++) assert_int_equal(l.row[i].chained + l.row[i].targets, 0);
    assert_false(bt_unlink(engine, UINT32_MAX, &u));
    run();
}

static void counting(void **state) {
    (void)state;
    run();
    bt_count(engine, true);
    assert_int_equal(totals().kind[2 * BT_KIND_RING0 + 1].live, 0); /* a flush */
    run();
    struct bt_inspect_returns r = {0};
    do bt_inspect_returns(engine, &r);
    while (r.cursor);
    assert_true(r.counting);
    assert_int_equal(r.executed, 2 * ROUNDS);
    assert_true(r.misses <= r.executed);
    uint64_t want = 2 + (uint64_t)ROUNDS * INSNS_A_ROUND;
    assert_in_range(cpu.p.insns, want - ROUNDS, want + ROUNDS); /* less what runs before a store that drops blocks */
    assert_int_equal(cpu.p.indirects, ROUNDS);
    bt_count(engine, false);
    run();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(totals_are_sums, setup, teardown),
        cmocka_unit_test_setup_teardown(lists_choose, setup, teardown),
        cmocka_unit_test_setup_teardown(details_cover_the_block, setup, teardown),
        cmocka_unit_test_setup_teardown(sites_and_returns, setup, teardown),
        cmocka_unit_test_setup_teardown(written_code, setup, teardown),
        cmocka_unit_test_setup_teardown(written_by_a_device, setup, teardown),
        cmocka_unit_test_setup_teardown(marks, setup, teardown),
        cmocka_unit_test_setup_teardown(unlinking, setup, teardown),
        cmocka_unit_test_setup_teardown(counting, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
