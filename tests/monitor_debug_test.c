/* monitor_debug_test.c: which breakpoints an instruction's operands hit; IRET and RF; MOV DR and the step mode. */
#include "monitor/debug.h"
#include "monitor_cpu_fixture.h"

enum { WATCHED = 0x20000 };
/* DR7 fields of breakpoint 0. */
enum { G0 = 2, ON_WRITE = 1 << 16, ON_IO = 2 << 16, ON_RW = 3 << 16, LEN2 = 1 << 18, LEN8 = 2 << 18, LEN4 = 3 << 18 };

static void arm(uint32_t address, uint32_t dr7) {
    v->dr[0] = address;
    v->dr[7] = 0x400 | dr7;
    mon_debug_update(v);
}

/* Hits of an instruction that changed no register. */
static uint32_t hits_of(const uint8_t *bytes, unsigned len) {
    struct mon_watch w;
    smmu_mem_write(machine->mem, gpa(CODE + 0x100), bytes, len);
    mon_watch_begin(v, &w);
    return mon_watch_hits(v, &w);
}
#define HITS(...) hits_of((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static void armed_by_dr7(void **state) {
    (void)state;
    enter_protected(0);
    arm(WATCHED, ON_WRITE);
    assert_false(v->cpu.debug_step);
    arm(WATCHED, G0 | ON_IO); /* means nothing without CR4.DE */
    assert_false(v->cpu.debug_step);
    v->cpu.cr4 |= CR4_DE;
    arm(WATCHED, G0 | ON_IO);
    assert_true(v->cpu.debug_step);
}

static void mov_dr7_leaves_block(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_EAX] = G0;
    assert_int_equal(RUN(0x0F, 0x23, 0xF8), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.eip, CODE + 0x103);
    assert_true(v->cpu.debug_step);
    assert_int_equal(RUN(0x0F, 0x23, 0xF8), BT_NEXT_CONTINUE);
}

static void lengths(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_EBX] = WATCHED + 3;
    arm(WATCHED + 1, G0 | ON_WRITE | LEN4); /* aligned down */
    assert_int_equal(HITS(0x88, 0x03), 1);
    assert_int_equal(HITS(0x8A, 0x03), 0);
    arm(WATCHED, G0 | ON_WRITE | LEN2);
    assert_int_equal(HITS(0x88, 0x03), 0);
    arm(WATCHED + 6, G0 | ON_RW | LEN8);
    assert_int_equal(HITS(0x8A, 0x03), 1);
    arm(WATCHED + 4, G0 | ON_RW);
    assert_int_equal(HITS(0x8B, 0x03), 1);    /* bytes 3 to 6 */
    assert_int_equal(HITS(0x8D, 0x43, 1), 0); /* LEA */
}

static void implicit_operands(void **state) {
    (void)state;
    enter_protected(0);
    arm(STACK0 - 4, G0 | ON_WRITE | LEN4);
    assert_int_equal(HITS(0x50), 1);
    assert_int_equal(HITS(0x60), 1);
    assert_int_equal(HITS(0xE8, 0, 0, 0, 0), 1);
    assert_int_equal(HITS(0x58), 0);
    arm(STACK0, G0 | ON_RW | LEN4);
    assert_int_equal(HITS(0x58), 1);
    assert_int_equal(HITS(0xC3), 1);
    assert_int_equal(HITS(0x50), 0);
    v->cpu.gpr[DEC_EBX] = WATCHED;
    v->cpu.gpr[DEC_EAX] = 7;
    arm(WATCHED + 7, G0 | ON_RW);
    assert_int_equal(HITS(0xD7), 1); /* XLAT */
}

static void negative_bit(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_EBX] = WATCHED + 4;
    v->cpu.gpr[DEC_EAX] = UINT32_MAX;
    arm(WATCHED, G0 | ON_RW | LEN4);
    assert_int_equal(HITS(0x0F, 0xA3, 0x03), 1); /* BT [EBX], EAX */
    v->cpu.gpr[DEC_EAX] = 0;
    assert_int_equal(HITS(0x0F, 0xA3, 0x03), 0);
}

/* Only the elements done count. */
static void strings(void **state) {
    (void)state;
    enter_protected(0);
    struct mon_watch w;
    poke(CODE + 0x100, 0xABF3, 2); /* REP STOSD */
    arm(WATCHED + 8, G0 | ON_WRITE | LEN4);
    v->cpu.gpr[DEC_EDI] = WATCHED;
    v->cpu.gpr[DEC_ECX] = 9;
    mon_watch_begin(v, &w);
    assert_int_equal(mon_watch_hits(v, &w), 0);
    assert_false(mon_watch_unfinished(v, &w));
    v->cpu.gpr[DEC_EDI] += 8;
    assert_int_equal(mon_watch_hits(v, &w), 0);
    assert_true(mon_watch_unfinished(v, &w));
    v->cpu.gpr[DEC_EDI] += 4;
    assert_int_equal(mon_watch_hits(v, &w), 1);
    v->cpu.flags_host |= DEC_DF;
    v->cpu.gpr[DEC_EDI] = WATCHED + 12;
    mon_watch_begin(v, &w);
    v->cpu.gpr[DEC_EDI] -= 4; /* did the one at 12 */
    assert_int_equal(mon_watch_hits(v, &w), 0);
    v->cpu.gpr[DEC_EDI] -= 4;
    assert_int_equal(mon_watch_hits(v, &w), 1);
}

static void ports(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.cr4 |= CR4_DE;
    arm(0x61, G0 | ON_IO);
    assert_int_equal(HITS(0xE4, 0x61), 1);
    assert_int_equal(HITS(0xE5, 0x60), 1);
    assert_int_equal(HITS(0xE4, 0x60), 0);
    v->cpu.gpr[DEC_EDX] = 0x10061;
    assert_int_equal(HITS(0xEE), 1);
}

static void iret_loads_rf(void **state) {
    (void)state;
    enter_protected(0);
    arm(WATCHED, G0);
    for (unsigned armed = 2; armed-- > 0;) {
        v->cpu.gpr[DEC_ESP] = STACK0 - 12;
        poke(STACK0 - 12, CODE + 0x200, 4);
        poke(STACK0 - 8, CODE0, 4);
        poke(STACK0 - 4, EFL_RF | 2, 4);
        assert_int_equal(RUN(0xCF), BT_NEXT_EXIT);
        assert_int_equal(v->cpu.flags_sys & EFL_RF, armed ? EFL_RF : 0);
        v->cpu.flags_sys &= ~(uint32_t)EFL_RF;
        arm(WATCHED, 0); /* nobody to clear it: not kept */
    }
}

static void execution(void **state) {
    (void)state;
    enter_protected(0);
    arm(CODE + 0x100, G0);
    assert_int_equal(mon_debug_at_pc(v), 1);
    v->cpu.eip++;
    assert_int_equal(mon_debug_at_pc(v), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(armed_by_dr7), CPU_TEST(mov_dr7_leaves_block),
        CPU_TEST(lengths),      CPU_TEST(implicit_operands),
        CPU_TEST(negative_bit), CPU_TEST(strings),
        CPU_TEST(ports),        CPU_TEST(iret_loads_rf),
        CPU_TEST(execution),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
