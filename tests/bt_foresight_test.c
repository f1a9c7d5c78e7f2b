/*
 * bt_foresight_test.c: address spaces that come of age at once, because those that began with the same code did.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bt/bt_internal.h"

enum { RAM = 8 << 20, LONG_LIVED = 0x10000, SHORT_LIVED = 0x20000, PAGE_TABLE = 0x100000, DIRECTORIES = 0x200000 };
enum { CODE32_RING3 = 0xC0FB, DATA32_RING3 = 0xC0F3, USER = 0x67 };

static struct smmu_mem *mem;
static struct smmu *mmu;
static struct bt_engine *engine;
static struct bt_cpu cpu;
static uint32_t processes;

static enum bt_next halt(struct bt_cpu *c, const struct insn *insn) {
    c->eip += insn->len;
    c->leave = true;
    return BT_NEXT_EXIT;
}

static void write32(uint32_t at, uint32_t v) { smmu_mem_write(mem, gpa(at), &v, sizeof v); }

static void create(bool no_foresight) {
    static bt_op_fn *ops[BT_OP_COUNT];
    const uint8_t hlt = 0xF4;
    struct bt_config cfg = {.ops = ops,
                            .features = UINT32_MAX,
                            .cache_bytes = 8 << 20,
                            .force_checked = true, /* no signals are needed */
                            .no_foresight = no_foresight};
    for (int i = 0; i < BT_OP_COUNT; i++) ops[i] = halt;
    memset(&cpu, 0, sizeof cpu);
    processes = 0;
    assert_int_equal(smmu_mem_create(RAM, 0, &mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(0), RAM, 0, 0), SMMU_OK);
    assert_int_equal(smmu_create(mem, NULL, &mmu), SMMU_OK);
    cpu.smmu = mmu;
    cpu.cr0 = 0x80000001u;
    cpu.cpl = 3;
    for (int i = 0; i < DEC_SEG_COUNT; i++)
        cpu.seg[i] =
            (struct bt_seg){.limit = UINT32_MAX, .selector = 11, .attr = i == DEC_CS ? CODE32_RING3 : DATA32_RING3};
    assert_int_equal(bt_create(&cpu, mem, &cfg, &engine), BT_OK);
    smmu_mem_write(mem, gpa(LONG_LIVED), &hlt, 1);
    smmu_mem_write(mem, gpa(SHORT_LIVED), &hlt, 1);
    for (uint32_t i = 0; i < 1024; i++) write32(PAGE_TABLE + i * 4, i * 4096 | USER);
}

static int setup(void **state) {
    (void)state;
    create(false);
    return 0;
}

static int setup_without(void **state) {
    (void)state;
    create(true);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    bt_destroy(engine);
    smmu_destroy(mmu);
    smmu_mem_destroy(mem);
    return 0;
}

static uint64_t foreseen(void) {
    struct bt_stats s;
    bt_get_stats(engine, &s);
    return s.foreseen;
}

/* A new process runs its first instruction. */
static void begin(uint32_t at) {
    struct bt_exit_info x;
    struct smmu_paging p = {.cr0 = cpu.cr0, .cr3 = DIRECTORIES + processes++ * 4096};
    write32(p.cr3, PAGE_TABLE | USER);
    smmu_set_paging(mmu, &p, false);
    cpu.eip = at;
    do bt_run(engine, &x);
    while (x.reason == BT_EXIT_POLL);
    bt_fpu_park(&cpu);
    assert_int_equal(x.reason, BT_EXIT_OP);
}

static void grow(void) {
    if (smmu_space_mature(mmu)) return;
    assert_true(adapt_grow(engine, GROW_SAMPLE) || adapt_grow(engine, GROW_SAMPLE));
}

static void processes_follow_their_elders(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        begin(LONG_LIVED);
        assert_false(smmu_space_mature(mmu));
        grow();
    }
    unsigned at_once = 0;
    for (unsigned i = 0; i < 64; i++) {
        begin(LONG_LIVED);
        at_once += smmu_space_mature(mmu);
        grow();
    }
    assert_int_equal(at_once, 56); /* one in eight is put to the test */
    assert_int_equal(foreseen(), at_once);
}

static void short_lives_are_left_young(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        begin(LONG_LIVED);
        grow();
        begin(SHORT_LIVED);
        assert_false(smmu_space_mature(mmu));
    }
}

/* Lives have become shorter: the tests show it. */
static void expectations_change(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        begin(LONG_LIVED);
        grow();
    }
    for (unsigned i = 0; i < 64; i++) begin(LONG_LIVED);
    uint64_t before = foreseen();
    assert_true(before > 0);
    for (unsigned i = 0; i < 64; i++) begin(LONG_LIVED);
    assert_int_equal(foreseen(), before);
}

/* The same process again is no new one. */
static void an_address_space_begins_once(void **state) {
    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        begin(LONG_LIVED);
        grow();
    }
    begin(SHORT_LIVED);
    processes--;
    begin(LONG_LIVED);
    assert_false(smmu_space_mature(mmu));
    assert_int_equal(foreseen(), 0);
}

static void can_be_switched_off(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        begin(LONG_LIVED);
        assert_false(smmu_space_mature(mmu));
        grow();
    }
    assert_int_equal(foreseen(), 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        CASE(processes_follow_their_elders),
        CASE(short_lives_are_left_young),
        CASE(expectations_change),
        CASE(an_address_space_begins_once),
        cmocka_unit_test_setup_teardown(can_be_switched_off, setup_without, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
