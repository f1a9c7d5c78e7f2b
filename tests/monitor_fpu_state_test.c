/* monitor_fpu_state_test.c: FNSTENV, FNSAVE, FXSAVE and their loads: formats, tags, no host pointers. */
#include "monitor_cpu_fixture.h"

enum { AT = 0x5000 };

/* ST(0) = 1.0, ST(1) = 0.0, ST(2) = infinity, the rest empty; TOP = 5; pointers as a host would leave them. */
static void load_stack(void) {
    uint8_t *a = v->cpu.fpu_area;
    static const uint8_t one[10] = {0, 0, 0, 0, 0, 0, 0, 0x80, 0xFF, 0x3F};
    static const uint8_t infinity[10] = {0, 0, 0, 0, 0, 0, 0, 0x80, 0xFF, 0x7F};
    memset(a, 0, 512);
    a[0] = 0x7F, a[1] = 0x03;
    a[3] = 5 << 3;
    a[4] = 0xE0;
    memset(a + 6, 0xEE, 18);
    memcpy(a + 32, one, 10);
    memcpy(a + 64, infinity, 10);
    a[24] = 0x80, a[25] = 0x1F;
    for (unsigned i = 160; i < 512; i++) a[i] = (uint8_t)i;
}

static void start(void) {
    enter_protected(0);
    idt_all(0x8E);
    load_stack();
    for (unsigned i = 0; i < 512; i += 4) poke(AT + i, 0xCCCCCCCC, 4);
}

static void fnstenv32(void **state) {
    (void)state;
    start();
    v->cpu.fpu_area[0] = 0x70; /* some exceptions unmasked */
    RUN(0xD9, 0x35, 0, 0x50, 0, 0);
    static const uint32_t want[] = {0xFFFF0370, 0xFFFF2800, 0xFFFF93FF, 0, 0, 0, 0xFFFF0000, 0xCCCCCCCC};
    for (unsigned i = 0; i < 8; i++) assert_int_equal(peek(AT + 4 * i, 4), want[i]);
    assert_int_equal(v->cpu.fpu_area[0], 0x7F); /* all masked now */
}

static void fnstenv16_and_fldenv(void **state) {
    (void)state;
    start();
    RUN(0x66, 0xD9, 0x35, 0, 0x50, 0, 0);
    static const uint16_t want[] = {0x037F, 0x2800, 0x93FF, 0, 0, 0, 0, 0xCCCC};
    for (unsigned i = 0; i < 8; i++) assert_int_equal(peek(AT + 2 * i, 2), want[i]);
    poke(AT + 2, 7 << 11, 2); /* TOP moves, registers do not: R5 is ST(6) now */
    RUN(0x66, 0xD9, 0x25, 0, 0x50, 0, 0);
    assert_int_equal(v->cpu.fpu_area[4], 0xE0);
    assert_int_equal(v->cpu.fpu_area[32 + 6 * 16 + 9], 0x3F);
    assert_int_equal(v->cpu.fpu_area[32 + 0 * 16 + 9], 0x7F);
}

static void fnsave_frstor(void **state) {
    (void)state;
    uint8_t before[512];
    start();
    memcpy(before, v->cpu.fpu_area, 512);
    RUN(0xDD, 0x35, 0, 0x50, 0, 0);
    assert_int_equal(peek(AT + 28 + 8, 2), 0x3FFF);
    assert_int_equal(v->cpu.fpu_area[0] | v->cpu.fpu_area[1] << 8, 0x37F);
    assert_int_equal(v->cpu.fpu_area[4], 0);
    assert_memory_equal(v->cpu.fpu_area + 24, before + 24, 8); /* MXCSR is not x87's */
    RUN(0xDD, 0x25, 0, 0x50, 0, 0);
    assert_memory_equal(v->cpu.fpu_area, before, 6);
    for (unsigned i = 0; i < 8; i++) assert_memory_equal(v->cpu.fpu_area + 32 + 16 * i, before + 32 + 16 * i, 10);
}

static void pointers_round_trip(void **state) {
    (void)state;
    start();
    static const uint32_t want[] = {0x12345678, 0x01250023, 0x9ABCDEF0, 0xFFFF002B};
    RUN(0xD9, 0x35, 0, 0x50, 0, 0);
    for (unsigned i = 0; i < 4; i++) poke(AT + 12 + 4 * i, want[i] | (i == 1 ? 0xF8000000 : 0), 4);
    RUN(0xD9, 0x25, 0, 0x50, 0, 0);
    poke(AT + 12, 0, 4);
    RUN(0xD9, 0x35, 0, 0x50, 0, 0);
    for (unsigned i = 0; i < 4; i++) assert_int_equal(peek(AT + 12 + 4 * i, 4), want[i]);
    RUN(0x0F, 0xAE, 0x05, 0, 0x50, 0, 0); /* FXSAVE has them too */
    assert_int_equal(peek(AT + 4, 4) >> 16, 0x125);
    assert_int_equal(peek(AT + 8, 4), want[0]);
    assert_int_equal(peek(AT + 12, 4), 0x23);
    assert_int_equal(peek(AT + 16, 4), want[2]);
    assert_int_equal(peek(AT + 20, 4), 0x2B);
    poke(AT + 8, 0x87654321, 4);
    poke(AT + 12, 0x33, 4);
    RUN(0x0F, 0xAE, 0x0D, 0, 0x50, 0, 0); /* FXRSTOR, then FNSAVE, which clears them */
    RUN(0xDD, 0x35, 0, 0x50, 0, 0);
    assert_int_equal(peek(AT + 12, 4), 0x87654321);
    assert_int_equal(peek(AT + 16, 4), 0x01250033);
    RUN(0xD9, 0x35, 0, 0x50, 0, 0);
    for (unsigned i = 0; i < 3; i++) assert_int_equal(peek(AT + 12 + 4 * i, 4), 0);
}

static void pointers_in_real_mode(void **state) {
    (void)state;
    start();
    v->cpu.cr0 &= ~(uint32_t)CR0_PE;
    const struct bt_fpu_pointers p = {.fip = 0x1234, .fcs = 0xB800, .fdp = 0xFFFE, .fds = 0x0010, .fop = 0x7E5};
    bt_fpu_load_pointers(&v->cpu, &p);
    RUN(0x66, 0xD9, 0x35, 0, 0x50, 0, 0);
    static const uint16_t want[] = {0x9234, 0xB7E5, 0x00FE, 0x1000};
    for (unsigned i = 0; i < 4; i++) assert_int_equal(peek(AT + 6 + 2 * i, 2), want[i]);
    RUN(0xD9, 0x35, 0, 0x50, 0, 0);
    static const uint32_t wide[] = {0x9234, 0xB7E5, 0x00FE, 0x1000};
    for (unsigned i = 0; i < 4; i++) assert_int_equal(peek(AT + 12 + 4 * i, 4), wide[i]);
    RUN(0xD9, 0x25, 0, 0x50, 0, 0);
    RUN(0x66, 0xD9, 0x35, 0, 0x50, 0, 0);
    for (unsigned i = 0; i < 4; i++) assert_int_equal(peek(AT + 6 + 2 * i, 2), want[i]);
}

static void fninit_turns_no_registers(void **state) {
    (void)state;
    start(); /* TOP is 5: R5 = 1.0 becomes ST(5) */
    RUN(0xDD, 0x35, 0, 0x50, 0, 0);
    assert_int_equal(v->cpu.fpu_area[32 + 5 * 16 + 9], 0x3F);
    assert_int_equal(v->cpu.fpu_area[32 + 9], 0);
}

static void waiting_loads_raise_pending_errors(void **state) {
    (void)state;
    start();
    v->cpu.fpu_area[0] = 0x7B, v->cpu.fpu_area[2] = 0x04; /* zero divide, unmasked */
    RUN(0xD9, 0x25, 0, 0x50, 0, 0);
    assert_int_equal(v->cpu.eip, HANDLERS + VEC_MF);
}

static void fxsave_fxrstor(void **state) {
    (void)state;
    uint8_t before[512];
    start();
    v->cpu.cr4 |= CR4_OSFXSR;
    memcpy(before, v->cpu.fpu_area, 512);
    RUN(0x0F, 0xAE, 0x05, 0, 0x50, 0, 0);
    assert_int_equal(peek(AT, 4), 0x2800037F);
    for (unsigned i = 8; i < 24; i += 4) assert_int_equal(peek(AT + i, 4), 0);
    assert_int_equal(peek(AT + 24, 4), 0x1F80);
    assert_int_equal(peek(AT + 160, 1), 160);
    assert_int_equal(peek(AT + 288, 4), 0xCCCCCCCC); /* reserved: untouched, no XMM8 */
    memset(v->cpu.fpu_area, 0, 512);
    RUN(0x0F, 0xAE, 0x0D, 0, 0x50, 0, 0);
    assert_memory_equal(v->cpu.fpu_area, before, 5);
    assert_memory_equal(v->cpu.fpu_area + 160, before + 160, 128);
    poke(AT + 24, 0x10000, 4); /* reserved MXCSR bit */
    RUN(0x0F, 0xAE, 0x0D, 0, 0x50, 0, 0);
    assert_fault(VEC_GP, 0);
}

static void fxsave_alignment_and_ts(void **state) {
    (void)state;
    start();
    RUN(0x0F, 0xAE, 0x05, 8, 0x50, 0, 0);
    assert_fault(VEC_GP, 0);
    start();
    v->cpu.cr0 |= CR0_TS;
    RUN(0x0F, 0xAE, 0x05, 0, 0x50, 0, 0);
    assert_int_equal(v->cpu.eip, HANDLERS + VEC_NM);
    start(); /* without OSFXSR no SSE state */
    RUN(0x0F, 0xAE, 0x05, 0, 0x50, 0, 0);
    assert_int_equal(peek(AT + 160, 4), 0xCCCCCCCC);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(fnstenv32),
        CPU_TEST(fnstenv16_and_fldenv),
        CPU_TEST(fnsave_frstor),
        CPU_TEST(waiting_loads_raise_pending_errors),
        CPU_TEST(fxsave_fxrstor),
        CPU_TEST(fxsave_alignment_and_ts),
        CPU_TEST(pointers_round_trip),
        CPU_TEST(pointers_in_real_mode),
        CPU_TEST(fninit_turns_no_registers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
