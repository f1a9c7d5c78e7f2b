/* monitor_task_test.c: hardware task switches by JMP, CALL, INT and IRET, 32- and 16-bit TSS. */
#include "monitor_cpu_fixture.h"

/* Offsets in a 32-bit TSS. */
enum {
    T_LINK = 0,
    T_EIP = 0x20,
    T_EFLAGS = 0x24,
    T_EAX = 0x28,
    T_ESP = 0x38,
    T_ES = 0x48,
    T_LDT = 0x60,
    T_TRAP = 0x64
};
enum { ENTRY = 0x7000, NEW_STACK = 0x78000 };

static void build_task(uint32_t cs, uint32_t ds) {
    poke(TSS2 + T_EIP, ENTRY, 4);
    poke(TSS2 + T_EFLAGS, EFL_IF | 2, 4);
    for (unsigned i = 0; i < 8; i++) poke(TSS2 + T_EAX + 4 * i, 0x100 + i, 4);
    poke(TSS2 + T_ESP, NEW_STACK, 4);
    for (unsigned i = 0; i < DEC_SEG_COUNT; i++) poke(TSS2 + T_ES + 4 * i, i == DEC_CS ? cs : ds, 4);
    poke(TSS2 + T_LDT, 0, 4);
    poke(TSS2 + T_TRAP, 0, 4);
}

static unsigned tss_type(unsigned sel) { return peek(GDT + sel + 5, 1) & 15; }

static void start(void) {
    enter_protected(0);
    idt_all(0x8E);
    build_task(CODE0, DATA0);
    v->cpu.gpr[DEC_EDI] = 0xD1D1D1D1;
}

static void assert_new_task(void) {
    assert_int_equal(v->cpu.eip, ENTRY);
    assert_int_equal(v->cpu.gpr[DEC_EAX], 0x100);
    assert_int_equal(v->cpu.gpr[DEC_EDI], 0x107);
    assert_int_equal(v->tr.selector, TSS2_SEL);
    assert_int_equal(v->cpu.seg[DEC_DS].selector, DATA0);
    assert_true(v->cpu.cr0 & CR0_TS);
    assert_int_equal(tss_type(TSS2_SEL), SYS_TSS32_BUSY);
}

static void jmp_task(void **state) {
    (void)state;
    start();
    assert_int_equal(RUN(0xEA, 0, 0, 0, 0, TSS2_SEL, 0), BT_NEXT_EXIT);
    assert_new_task();
    assert_int_equal(tss_type(TSS_SEL), SYS_TSS32);
    assert_false(v->cpu.flags_sys & EFL_NT);
    assert_int_equal(peek(TSS + T_EIP, 4), CODE + 0x107);
    assert_int_equal(peek(TSS + T_EAX + 4 * DEC_EDI, 4), 0xD1D1D1D1);
    assert_int_equal(peek(TSS + T_ES + 4 * DEC_CS, 2), CODE0);
}

static void call_and_iret(void **state) {
    (void)state;
    start();
    RUN(0x9A, 0, 0, 0, 0, TSS2_SEL, 0);
    assert_new_task();
    assert_true(v->cpu.flags_sys & EFL_NT);
    assert_int_equal(peek(TSS2 + T_LINK, 2), TSS_SEL);
    assert_int_equal(tss_type(TSS_SEL), SYS_TSS32_BUSY);
    RUN(0xCF);
    assert_int_equal(v->tr.selector, TSS_SEL);
    assert_int_equal(v->cpu.eip, CODE + 0x107);
    assert_int_equal(v->cpu.gpr[DEC_EDI], 0xD1D1D1D1);
    assert_int_equal(tss_type(TSS2_SEL), SYS_TSS32);
    assert_false(v->cpu.flags_sys & EFL_NT);
    assert_false(peek(TSS2 + T_EFLAGS, 4) & EFL_NT);
}

static void interrupt_task_gate_pushes_error(void **state) {
    (void)state;
    start();
    idt_gate(VEC_NP, TSS2_SEL, 0, 0x85);
    mon_raise(v, VEC_NP, 0x4444);
    assert_new_task();
    assert_int_equal(v->cpu.gpr[DEC_ESP], NEW_STACK - 4);
    assert_int_equal(frame(0), 0x4444);
    assert_int_equal(peek(TSS + T_EIP, 4), CODE + 0x100);
}

/* SDM vol. 3 "RF (resume) flag": set in the image that a fault saves, also where that is a TSS; not by an interrupt. */
static void fault_saves_rf_in_the_old_tss(void **state) {
    (void)state;
    start();
    idt_gate(VEC_NP, TSS2_SEL, 0, 0x85);
    mon_raise(v, VEC_NP, 0x4444);
    assert_new_task();
    assert_true(peek(TSS + T_EFLAGS, 4) & EFL_RF);
    assert_false(v->cpu.flags_sys & EFL_RF);
    start();
    idt_gate(0x40, TSS2_SEL, 0, 0x85);
    mon_interrupt(v, 0x40);
    assert_new_task();
    assert_false(peek(TSS + T_EFLAGS, 4) & EFL_RF);
}

/* RF comes back with the task that faulted, but only where a breakpoint is left that it could suppress. */
static void rf_of_the_new_tss(void **state) {
    static const struct { uint32_t dr7, step, rf; } cases[] = {{0x02, 1, EFL_RF}, {0x01, 1, 0}, {0, 0, 0}};
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        start();
        poke(TSS2 + T_EFLAGS, EFL_RF | EFL_IF | 2, 4);
        v->dr[7] = cases[i].dr7;
        v->cpu.debug_step = cases[i].step != 0;
        RUN(0xEA, 0, 0, 0, 0, TSS2_SEL, 0);
        assert_new_task();
        assert_int_equal(v->cpu.flags_sys & EFL_RF, cases[i].rf);
    }
}

static void task_gate_jmp(void **state) {
    (void)state;
    start();
    poke_gate(GDT + FREE, TSS2_SEL, 0, 0x85, 0);
    RUN(0xEA, 0, 0, 0, 0, FREE, 0);
    assert_new_task();
}

static void busy_task_faults_in_the_old_one(void **state) {
    (void)state;
    start();
    gdt_entry(TSS2_SEL, TSS2, 0x67, 0x8B);
    RUN(0x9A, 0, 0, 0, 0, TSS2_SEL, 0);
    assert_fault(VEC_GP, TSS2_SEL);
    assert_int_equal(v->tr.selector, TSS_SEL);
    start();
    gdt_entry(TSS2_SEL, TSS2, 0x66, 0x89);
    RUN(0x9A, 0, 0, 0, 0, TSS2_SEL, 0);
    assert_fault(VEC_TS, TSS2_SEL);
}

static void bad_segment_faults_in_the_new_one(void **state) {
    (void)state;
    start();
    poke(TSS2 + T_ES + 4 * DEC_FS, EXEC_ONLY0, 2);
    RUN(0xEA, 0, 0, 0, 0, TSS2_SEL, 0);
    assert_fault(VEC_TS, EXEC_ONLY0);
    assert_int_equal(v->tr.selector, TSS2_SEL);
    assert_int_equal(frame(1), ENTRY);
    assert_int_equal(v->cpu.seg[DEC_FS].attr, 0);
}

static void trap_bit(void **state) {
    (void)state;
    start();
    poke(TSS2 + T_TRAP, 1, 2);
    RUN(0xEA, 0, 0, 0, 0, TSS2_SEL, 0);
    assert_int_equal(v->cpu.eip, HANDLERS + VEC_DB);
    assert_true(v->dr[6] & 0x8000);
    assert_int_equal(frame(0), ENTRY);
}

static void v86_task(void **state) {
    (void)state;
    start();
    poke(TSS2 + T_EFLAGS, EFL_VM | EFL_IF | 2, 4);
    for (unsigned i = 0; i < DEC_SEG_COUNT; i++) poke(TSS2 + T_ES + 4 * i, 0x2000 + i, 4);
    RUN(0xEA, 0, 0, 0, 0, TSS2_SEL, 0);
    assert_int_equal(v->cpu.cpl, 3);
    assert_int_equal(v->cpu.seg[DEC_GS].base, 0x20050);
}

static void tss16(void **state) {
    (void)state;
    start();
    static const uint16_t words[] = {ENTRY, EFL_IF | 2, 1, 2, 3, 4, 0x8000, 6, 7, 8, DATA0, CODE0, DATA0, DATA0, 0};
    for (unsigned i = 0; i < sizeof words / 2; i++) poke(TSS16_AT + 0x0E + 2 * i, words[i], 2);
    RUN(0x9A, 0, 0, 0, 0, TSS16_SEL, 0);
    assert_int_equal(v->cpu.eip, ENTRY);
    assert_int_equal(v->cpu.gpr[DEC_EAX], 1);
    assert_int_equal(v->cpu.gpr[DEC_ESP], 0x8000);
    assert_int_equal(v->cpu.seg[DEC_FS].attr, 0);
    v->cpu.gpr[DEC_ECX] = 0x55556666;
    RUN(0xCF);
    assert_int_equal(v->tr.selector, TSS_SEL);
    assert_int_equal(peek(TSS16_AT + 0x14, 2), 0x6666);
}

static void io_bitmap(void **state) {
    (void)state;
    enter_protected(3);
    idt_all(0x8E);
    for (unsigned i = 0; i < 0x20; i++) poke(TSS + 0x88 + i, 0, 1);
    poke(TSS + 0x88 + 0x0C, 0x02, 1); /* port 61 denied */
    RUN(0xE4, 0x60);
    assert_int_equal(v->cpu.cpl, 3);
    RUN(0xE5, 0x5E); /* ports 5E..61 */
    assert_fault(VEC_GP, 0);
    enter_protected(3);
    v->cpu.gpr[DEC_EDX] = 0xFFFF;
    RUN(0xEC);
    assert_fault(VEC_GP, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(jmp_task),
        CPU_TEST(call_and_iret),
        CPU_TEST(interrupt_task_gate_pushes_error),
        CPU_TEST(fault_saves_rf_in_the_old_tss),
        CPU_TEST(rf_of_the_new_tss),
        CPU_TEST(task_gate_jmp),
        CPU_TEST(busy_task_faults_in_the_old_one),
        CPU_TEST(bad_segment_faults_in_the_new_one),
        CPU_TEST(trap_bit),
        CPU_TEST(v86_task),
        CPU_TEST(tss16),
        CPU_TEST(io_bitmap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
