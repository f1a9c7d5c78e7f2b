/* monitor_far_test.c: far JMP, CALL, RET, IRET, call gates, SYSENTER, POPF and the interrupt flag. */
#include "monitor_cpu_fixture.h"

static void push32(uint32_t value) {
    v->cpu.gpr[DEC_ESP] -= 4;
    poke(v->cpu.seg[DEC_SS].base + v->cpu.gpr[DEC_ESP], value, 4);
}

static void jmp_far(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    assert_int_equal(RUN(0xEA, 0x34, 0x12, 0, 0, CODE16, 0), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.eip, 0x1234);
    assert_int_equal(v->cpu.seg[DEC_CS].base, CODE);
    enter_protected(0);
    RUN(0xEA, 0, 0, 1, 0, CODE16, 0); /* beyond the limit */
    assert_fault(VEC_GP, 0);
    enter_protected(0);
    RUN(0xEA, 0, 0, 0, 0, DATA0, 0);
    assert_fault(VEC_GP, DATA0);
    enter_protected(3);
    poke_desc(GDT + FREE, 0, 0xFFFFF, 0xC09F);
    RUN(0xEA, 0x78, 0x56, 0, 0, FREE, 0); /* conforming: the ring stays 3 */
    assert_int_equal(v->cpu.cpl, 3);
    assert_int_equal(v->cpu.seg[DEC_CS].selector, FREE | 3);
}

static void jmp_far_real(void **state) {
    (void)state;
    enter_real();
    RUN(0xEA, 0x5B, 0xE0, 0x00, 0xF0);
    assert_int_equal(v->cpu.seg[DEC_CS].base, 0xF0000);
    assert_int_equal(v->cpu.eip, 0xE05B);
    RUN(0x66, 0xEA, 0x10, 0, 0, 0, 0x00, 0x20);
    assert_int_equal(v->cpu.seg[DEC_CS].base, 0x20000);
    assert_int_equal(v->cpu.eip, 0x10);
}

static void call_and_ret_far(void **state) {
    (void)state;
    enter_protected(0);
    RUN(0x9A, 0x34, 0x12, 0, 0, CODE16, 0);
    assert_int_equal(frame(0), CODE + 0x107);
    assert_int_equal(frame(1), CODE0);
    v->cpu.gpr[DEC_ESP] = STACK0 - 8; /* 16-bit code: operand-size prefix for the 32-bit frame */
    RUN(0x66, 0xCA, 4, 0);
    assert_int_equal(v->cpu.eip, CODE + 0x107);
    assert_int_equal(v->cpu.seg[DEC_CS].selector, CODE0);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0 + 4);
}

static void call_gate_copies_parameters(void **state) {
    (void)state;
    enter_protected(3);
    poke_gate(GDT + FREE, CODE0, 0x4321, 0xEC, 3);
    for (uint32_t i = 3; i > 0; i--) push32(0x1000 + i);
    RUN(0x9A, 0, 0, 0, 0, FREE | 3, 0);
    assert_int_equal(v->cpu.eip, 0x4321);
    assert_int_equal(v->cpu.cpl, 0);
    const uint32_t want[] = {CODE + 0x107, CODE3, 0x1001, 0x1002, 0x1003, STACK3 - 12, DATA3};
    for (unsigned i = 0; i < 7; i++) assert_int_equal(frame(i), want[i]);
    /* And back, dropping the parameters from both stacks. */
    v->cpu.seg[DEC_DS] = seg_of(DATA0);
    RUN(0xCA, 12, 0);
    assert_int_equal(v->cpu.cpl, 3);
    assert_int_equal(v->cpu.eip, CODE + 0x107);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK3);
    assert_int_equal(v->cpu.seg[DEC_DS].attr, 0); /* ring 0 data is not left behind */
    assert_int_equal(v->cpu.seg[DEC_ES].selector, DATA3);
}

static void call_gate_privilege(void **state) {
    (void)state;
    enter_protected(3);
    idt_all(0x8E);
    poke_gate(GDT + FREE, CODE0, 0x4321, 0x8C, 0); /* DPL 0 */
    RUN(0x9A, 0, 0, 0, 0, FREE | 3, 0);
    assert_fault(VEC_GP, FREE);
    enter_protected(3);
    poke_gate(GDT + FREE, CODE0, 0x4321, 0xEC, 0);
    RUN(0xEA, 0, 0, 0, 0, FREE | 3, 0); /* a JMP may not go inwards */
    assert_fault(VEC_GP, CODE0);
    enter_protected(3);
    poke_gate(GDT + FREE, CODE0, 0x4321, 0x6C, 0);
    RUN(0x9A, 0, 0, 0, 0, FREE | 3, 0);
    assert_fault(VEC_NP, FREE);
}

static void iret_same_ring(void **state) {
    (void)state;
    enter_protected(0);
    push32(EFL_IF | EFL_ID | DEC_CF | EFL_IOPL);
    push32(CODE0);
    push32(0x5555);
    assert_int_equal(RUN(0xCF), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.eip, 0x5555);
    assert_int_equal(bt_eflags(&v->cpu), EFL_IF | EFL_ID | DEC_CF | EFL_IOPL | 2);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0);
}

static void push_outer_frame(uint32_t ss) {
    push32(ss);
    push32(STACK3);
    push32(EFL_IF);
    push32(CODE3);
    push32(0x6666);
}

static void iret_outer_ring(void **state) {
    (void)state;
    enter_protected(0);
    push_outer_frame(DATA3);
    RUN(0xCF);
    assert_int_equal(v->cpu.cpl, 3);
    assert_int_equal(v->cpu.eip, 0x6666);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK3);
    assert_int_equal(v->cpu.seg[DEC_SS].selector, DATA3);
    assert_int_equal(v->cpu.seg[DEC_DS].attr, 0);
    assert_true(v->cpu.flags_if);
}

/* A 16-bit outer stack gets SP only; the upper half of ESP stays (what Linux calls espfix). */
static void iret_to_16bit_stack(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_ESP] = 0xA0000; /* upper half 000A */
    gdt_entry(FREE, 0x60000, 0xFFFF, 0xF3);
    push_outer_frame(FREE | 3);
    RUN(0xCF);
    assert_int_equal(v->cpu.gpr[DEC_ESP], 0x90000 | (STACK3 & 0xFFFF));
}

static void iret_faults(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    push_outer_frame(DATA0); /* RPL of SS is not 3 */
    RUN(0xCF);
    assert_fault(VEC_GP, DATA0);
    enter_protected(3);
    push32(EFL_IF);
    push32(CODE0);
    push32(0);
    RUN(0xCF); /* inwards */
    assert_fault(VEC_GP, CODE0);
}

static void iret_to_v86_and_in_v86(void **state) {
    (void)state;
    static const uint32_t words[] = {0x5000, 0x4000, 0x3000, 0x2000, 0x7000, 0x1000, EFL_VM | EFL_IF, CODE >> 4, 0x77};
    enter_protected(0);
    for (unsigned i = 0; i < 9; i++) push32(words[i]);
    RUN(0xCF);
    assert_int_equal(v->cpu.cpl, 3);
    assert_true(v->cpu.flags_sys & EFL_VM);
    assert_int_equal(v->cpu.eip, 0x77);
    assert_int_equal(v->cpu.seg[DEC_CS].base, CODE);
    assert_int_equal(v->cpu.seg[DEC_SS].base, 0x70000);
    assert_int_equal(v->cpu.seg[DEC_GS].selector, 0x5000);
    assert_int_equal(v->cpu.gpr[DEC_ESP], 0x1000);
    enter_v86(3); /* IOPL 3: IRET works and leaves IOPL and VM alone */
    poke(0x71000, 0x1234, 2);
    poke(0x71002, 0x2000, 2);
    poke(0x71004, EFL_IF | DEC_CF, 2);
    RUN(0xCF);
    assert_int_equal(v->cpu.eip, 0x1234);
    assert_int_equal(bt_eflags(&v->cpu), EFL_VM | EFL_IOPL | EFL_IF | DEC_CF | 2);
}

/* POPFD over every CPL and IOPL: who may change IF and IOPL. */
static void popf_matrix(void **state) {
    (void)state;
    for (unsigned cpl = 0; cpl < 4; cpl += 3)
        for (unsigned iopl = 0; iopl < 4; iopl++) {
            enter_protected(cpl);
            v->cpu.flags_sys = iopl << EFL_IOPL_SHIFT;
            push32(EFL_IF | EFL_IOPL | EFL_AC | EFL_VM | EFL_RF | DEC_OF);
            RUN(0x9D);
            uint32_t want = EFL_AC | DEC_OF | 2;
            want |= cpl <= iopl ? EFL_IF : 0;
            want |= cpl == 0 ? EFL_IOPL : iopl << EFL_IOPL_SHIFT;
            assert_int_equal(bt_eflags(&v->cpu), want);
        }
}

static void cli_sti(void **state) {
    (void)state;
    enter_protected(3);
    idt_all(0x8E);
    RUN(0xFA);
    assert_fault(VEC_GP, 0);
    enter_protected(0);
    for (int waits = 0; waits < 2; waits++) { /* what comes only behind it must find the shadow as well */
        uint32_t next = v->cpu.eip + 1;
        v->cpu.intr = waits;
        assert_int_equal(RUN(0xFB), BT_NEXT_EXIT);
        assert_true(v->cpu.flags_if && v->cpu.irq_shadow);
        assert_int_equal(v->cpu.eip, next);
        v->cpu.irq_shadow = v->cpu.intr = false;
        assert_int_equal(RUN(0xFB), BT_NEXT_CONTINUE); /* IF was set: no shadow */
        assert_false(v->cpu.irq_shadow);
        RUN(0xFA);
        assert_false(v->cpu.flags_if);
    }
    enter_protected(3); /* protected-mode virtual interrupts */
    v->cpu.cr4 |= CR4_PVI;
    RUN(0xFB);
    assert_true(v->cpu.flags_sys & EFL_VIF && !v->cpu.flags_if);
}

static void pushf_vme(void **state) {
    (void)state;
    enter_v86(0);
    v->cpu.cr4 |= CR4_VME;
    RUN(0xFB);
    assert_true(v->cpu.flags_sys & EFL_VIF);
    RUN(0x9C);
    assert_int_equal(frame16(0), EFL_IF | EFL_IOPL | 2);
    poke(0x70000 + 0xFFE, 0, 2);
    RUN(0x9D);
    assert_false(v->cpu.flags_sys & EFL_VIF);
    assert_int_equal(v->cpu.flags_sys & EFL_IOPL, 0);
}

static void sysenter_sysexit(void **state) {
    (void)state;
    enter_protected(3);
    v->cpu.flags_if = EFL_IF;
    v->sysenter_cs = CODE0, v->sysenter_esp = 0x81000, v->sysenter_eip = 0x9999;
    RUN(0x0F, 0x34);
    assert_int_equal(v->cpu.cpl, 0);
    assert_int_equal(v->cpu.eip, 0x9999);
    assert_int_equal(v->cpu.gpr[DEC_ESP], 0x81000);
    assert_int_equal(v->cpu.seg[DEC_SS].selector, DATA0);
    assert_false(v->cpu.flags_if);
    v->cpu.gpr[DEC_EDX] = 0x4444, v->cpu.gpr[DEC_ECX] = STACK3;
    RUN(0x0F, 0x35);
    assert_int_equal(v->cpu.cpl, 3);
    assert_int_equal(v->cpu.eip, 0x4444);
    assert_int_equal(v->cpu.seg[DEC_CS].selector, CODE3);
    assert_int_equal(v->cpu.seg[DEC_SS].selector, DATA3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(jmp_far),
        CPU_TEST(jmp_far_real),
        CPU_TEST(call_and_ret_far),
        CPU_TEST(call_gate_copies_parameters),
        CPU_TEST(call_gate_privilege),
        CPU_TEST(iret_same_ring),
        CPU_TEST(iret_outer_ring),
        CPU_TEST(iret_to_16bit_stack),
        CPU_TEST(iret_faults),
        CPU_TEST(iret_to_v86_and_in_v86),
        CPU_TEST(popf_matrix),
        CPU_TEST(cli_sti),
        CPU_TEST(pushf_vme),
        CPU_TEST(sysenter_sysexit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
