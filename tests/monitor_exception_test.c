/* monitor_exception_test.c: delivery through IVT and IDT: frames, stack switches, error codes, double and triple
 * faults. */
#include "monitor_cpu_fixture.h"

static void real_mode_frame(void **state) {
    (void)state;
    enter_real();
    v->idt = (struct vcpu_table){0, 0x3FF};
    poke(0x21 * 4, 0x2000 << 16 | 0x0042, 4);
    bt_set_eflags(&v->cpu, EFL_IF | EFL_TF | DEC_CF);
    assert_int_equal(RUN(0xCD, 0x21), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.eip, 0x42);
    assert_int_equal(v->cpu.seg[DEC_CS].base, 0x20000);
    assert_int_equal(frame16(0), 0x102);
    assert_int_equal(frame16(1), CODE >> 4);
    assert_int_equal(frame16(2), EFL_IF | EFL_TF | DEC_CF | 2);
    assert_int_equal(bt_eflags(&v->cpu), DEC_CF | 2);
    /* No error code in real mode, and the frame wraps at 64 KiB. */
    poke(VEC_GP * 4, 0x3000 << 16 | 0x99, 4);
    v->cpu.gpr[DEC_ESP] = 0xAAAA0002;
    mon_raise(v, VEC_GP, 0x55);
    assert_int_equal(v->cpu.eip, 0x99);
    assert_int_equal(v->cpu.gpr[DEC_ESP], 0xAAAAFFFC);
}

static void real_mode_idt_limit(void **state) {
    (void)state;
    enter_real();
    v->idt = (struct vcpu_table){0, 0x7F}; /* vectors 0..1F */
    poke(VEC_GP * 4, 0x3000 << 16 | 0x99, 4);
    RUN(0xCD, 0x21);
    assert_int_equal(v->cpu.eip, 0x99);
    assert_int_equal(frame16(0), 0x100); /* a fault: the instruction itself */
}

static void same_ring(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    bt_set_eflags(&v->cpu, EFL_IF | EFL_NT | EFL_TF | DEC_ZF);
    mon_raise(v, VEC_NP, 0x1234);
    assert_fault(VEC_NP, 0x1234);
    assert_int_equal(frame(1), CODE + 0x100);
    assert_int_equal(frame(2), CODE0);
    assert_int_equal(frame(3), EFL_IF | EFL_NT | EFL_TF | DEC_ZF | EFL_RF | 2);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0 - 16);
    assert_int_equal(bt_eflags(&v->cpu), DEC_ZF | 2);
}

static void trap_gate_keeps_if(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8F);
    bt_set_eflags(&v->cpu, EFL_IF);
    RUN(0xCC);
    assert_int_equal(v->cpu.eip, HANDLERS + 3);
    assert_int_equal(frame(0), CODE + 0x101);
    assert_int_equal(bt_eflags(&v->cpu), EFL_IF | 2);
}

static void inner_ring(void **state) {
    (void)state;
    enter_protected(3);
    idt_all(0xEE);
    bt_set_eflags(&v->cpu, EFL_IF);
    RUN(0xCD, 0x80);
    assert_int_equal(v->cpu.eip, HANDLERS + 0x80);
    assert_int_equal(v->cpu.cpl, 0);
    assert_int_equal(v->cpu.seg[DEC_SS].selector, DATA0);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0 - 20);
    const uint32_t want[] = {CODE + 0x102, CODE3, EFL_IF | 2, STACK3, DATA3};
    for (unsigned i = 0; i < 5; i++) assert_int_equal(frame(i), want[i]);
    assert_int_equal(v->cpu.seg[DEC_DS].selector, DATA3); /* data segments stay */
}

static void gate16(void **state) {
    (void)state;
    enter_protected(3);
    poke_gate(IDT + 0x30 * 8, CODE16, 0x1234, 0xE6, 0);
    v->cpu.eip = 0x12345;
    RUN(0xCD, 0x30);
    assert_int_equal(v->cpu.eip, 0x1234);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0 - 10);
    assert_int_equal(peek(STACK0 - 10, 2), 0x2347);
    assert_int_equal(peek(STACK0 - 8, 2), CODE3);
    assert_int_equal(peek(STACK0 - 2, 2), DATA3);
}

static void from_v86(void **state) {
    (void)state;
    enter_v86(3);
    idt_all(0xEE);
    v->cpu.flags_if = EFL_IF;
    RUN(0xCD, 0x40);
    assert_int_equal(v->cpu.eip, HANDLERS + 0x40);
    assert_int_equal(v->cpu.cpl, 0);
    assert_false(v->cpu.flags_sys & EFL_VM);
    const uint32_t want[] = {0x102,  CODE >> 4, EFL_VM | EFL_IOPL | EFL_IF | 2, 0x1000, 0x7000, 0x2000, 0x3000,
                             0x4000, 0x5000};
    for (unsigned i = 0; i < 9; i++) assert_int_equal(frame(i), want[i]);
    static const uint8_t nulled[] = {DEC_ES, DEC_DS, DEC_FS, DEC_GS};
    for (unsigned i = 0; i < 4; i++) assert_int_equal(v->cpu.seg[nulled[i]].attr, 0);
}

static void v86_int_needs_iopl3(void **state) {
    (void)state;
    enter_v86(0);
    idt_all(0xEE);
    RUN(0xCD, 0x40);
    assert_fault(VEC_GP, 0);
    assert_int_equal(frame(1), 0x100);
    enter_v86(0); /* INT3 does not look at IOPL */
    RUN(0xCC);
    assert_int_equal(v->cpu.eip, HANDLERS + 3);
}

static void vme_redirection(void **state) {
    (void)state;
    enter_v86(0);
    idt_all(0xEE);
    v->cpu.cr4 |= CR4_VME;
    v->cpu.flags_sys |= EFL_VIF;
    for (unsigned i = 0; i < 32; i++) poke(TSS + 0x68 + i, 0, 1); /* all redirected; I/O map at 88 */
    poke(0x40 * 4, 0x6000 << 16 | 0x77, 4);
    RUN(0xCD, 0x40);
    assert_int_equal(v->cpu.eip, 0x77);
    assert_int_equal(v->cpu.seg[DEC_CS].base, 0x60000);
    assert_int_equal(frame16(2), EFL_IF | EFL_IOPL | 2);
    assert_false(v->cpu.flags_sys & EFL_VIF);
    assert_true(v->cpu.flags_sys & EFL_VM);
    poke(TSS + 0x68 + 8, 1, 1); /* vector 40 no longer */
    RUN(0xCD, 0x40);
    assert_fault(VEC_GP, 0);
}

static void software_dpl(void **state) {
    (void)state;
    enter_protected(3);
    idt_all(0x8E);
    RUN(0xCD, 0x80);
    assert_fault(VEC_GP, 0x80 * 8 + 2);
    enter_protected(3); /* hardware exceptions ignore the DPL, INT1 too */
    RUN(0xF1);
    assert_int_equal(v->cpu.eip, HANDLERS + 1);
}

static void faults_in_delivery_carry_ext(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    idt_gate(0x50, CODE0, 0, 0x0E); /* absent */
    mon_interrupt(v, 0x50);
    assert_fault(VEC_NP, 0x50 * 8 + 3);
    enter_protected(0);
    RUN(0xCD, 0x50);
    assert_fault(VEC_NP, 0x50 * 8 + 2);
    enter_protected(0);
    idt_gate(0x51, DATA0, 0, 0x8E);
    mon_interrupt(v, 0x51);
    assert_fault(VEC_GP, DATA0 | 1);
    enter_protected(0);
    v->idt.limit = 0x3FF;
    mon_interrupt(v, 0x90);
    assert_fault(VEC_GP, 0x90 * 8 + 3);
}

static void bad_inner_stack(void **state) {
    (void)state;
    enter_protected(3);
    idt_all(0xEE);
    idt_gate(VEC_TS, CODE3, HANDLERS + VEC_TS, 0xEE); /* handled in ring 3, whose stack is good */
    poke(TSS + 8, DATA3, 2);
    RUN(0xCD, 0x80);
    assert_fault(VEC_TS, 0x20);
    assert_int_equal(v->cpu.cpl, 3);
}

static void double_fault(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    idt_gate(VEC_GP, CODE0, 0, 0x0E); /* absent: #NP while delivering #GP */
    mon_raise(v, VEC_GP, 0);
    assert_fault(VEC_DF, 0);
    assert_false(v->triple_fault);
    enter_protected(0);
    idt_gate(VEC_DE, CODE0, 0, 0x0E); /* #UD is benign: its #NP is delivered itself */
    idt_gate(VEC_UD, CODE0, 0, 0x0E);
    mon_raise(v, VEC_UD, 0);
    assert_fault(VEC_NP, VEC_UD * 8 + 3);
}

static void triple_fault(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x0E);
    mon_raise(v, VEC_GP, 0);
    assert_true(v->triple_fault);
    enter_protected(0);
    v->idt.limit = 0;
    RUN(0xCD, 3);
    assert_true(v->triple_fault);
}

static void failed_delivery_leaves_state(void **state) {
    (void)state;
    enter_protected(3);
    idt_all(0xEE);
    poke(TSS + 4, 8, 4);
    gdt_entry(FREE, 0, 4, 0x4093); /* a stack with no room */
    poke(TSS + 8, FREE, 2);
    idt_gate(VEC_SS, CODE3, HANDLERS + VEC_SS, 0xEE);
    RUN(0xCD, 0x80);
    assert_fault(VEC_SS, FREE);
    assert_int_equal(frame(1), CODE + 0x100);
    assert_int_equal(frame(2), CODE3);
}

static void page_fault_sets_cr2(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    struct guest_fault f = {.vector = VEC_PF, .error = 6, .cr2 = 0xDEAD1000};
    mon_raise_fault(v, &f);
    assert_fault(VEC_PF, 6);
    assert_int_equal(v->cr2, 0xDEAD1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(real_mode_frame),
        CPU_TEST(real_mode_idt_limit),
        CPU_TEST(same_ring),
        CPU_TEST(trap_gate_keeps_if),
        CPU_TEST(inner_ring),
        CPU_TEST(gate16),
        CPU_TEST(from_v86),
        CPU_TEST(v86_int_needs_iopl3),
        CPU_TEST(vme_redirection),
        CPU_TEST(software_dpl),
        CPU_TEST(faults_in_delivery_carry_ext),
        CPU_TEST(bad_inner_stack),
        CPU_TEST(double_fault),
        CPU_TEST(triple_fault),
        CPU_TEST(failed_delivery_leaves_state),
        CPU_TEST(page_fault_sets_cr2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
