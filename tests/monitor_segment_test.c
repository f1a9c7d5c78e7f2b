/* monitor_segment_test.c: descriptor loads, selector questions, segment limits. */
#include "monitor_cpu_fixture.h"
#include "monitor/segment.h"

struct load_case {
    unsigned cpl, seg, selector;
    int vector; /* -1: loads */
    uint32_t error;
};

static const struct load_case loads[] = {
    {0, DEC_DS, DATA0, -1, 0},
    {0, DEC_DS, 0, -1, 0},
    {0, DEC_DS, 3, -1, 0},
    {3, DEC_ES, DATA3, -1, 0},
    {0, DEC_ES, DATA3, -1, 0},
    {0, DEC_FS, CODE0, -1, 0},
    {3, DEC_GS, CONFORMING0 | 3, -1, 0},
    {3, DEC_DS, DATA0, VEC_GP, DATA0},
    {3, DEC_DS, DATA0 | 3, VEC_GP, DATA0},
    {0, DEC_DS, DATA0 | 3, VEC_GP, DATA0},
    {0, DEC_DS, EXEC_ONLY0, VEC_GP, EXEC_ONLY0},
    {0, DEC_DS, TSS_SEL, VEC_GP, TSS_SEL},
    {0, DEC_DS, ABSENT0, VEC_NP, ABSENT0},
    {0, DEC_DS, GDT_BYTES, VEC_GP, GDT_BYTES},
    {0, DEC_DS, 4, VEC_GP, 4},
    {0, DEC_SS, DATA0, -1, 0},
    {0, DEC_SS, 0, VEC_GP, 0},
    {3, DEC_SS, 3, VEC_GP, 0},
    {0, DEC_SS, DATA3, VEC_GP, 0x20},
    {0, DEC_SS, DATA0 | 1, VEC_GP, DATA0},
    {3, DEC_SS, DATA0, VEC_GP, DATA0},
    {0, DEC_SS, READONLY0, VEC_GP, READONLY0},
    {0, DEC_SS, CODE0, VEC_GP, CODE0},
    {0, DEC_SS, ABSENT0, VEC_SS, ABSENT0},
    {0, DEC_SS, EXPAND_DOWN0, -1, 0},
};

static void loads_follow_the_table(void **state) {
    (void)state;
    for (unsigned i = 0; i < sizeof loads / sizeof loads[0]; i++) {
        const struct load_case *c = &loads[i];
        struct guest_fault f = {.vector = -1};
        enter_protected(c->cpl);
        struct bt_seg before = v->cpu.seg[c->seg];
        bool ok = mon_load_seg(v, (int)c->seg, (uint16_t)c->selector, &f);
        if (ok != (c->vector < 0) || f.vector != c->vector) fail_msg("case %u: vector %d", i, f.vector);
        if (!ok) assert_int_equal(f.error, c->error);
        if (!ok)
            assert_memory_equal(&before, &v->cpu.seg[c->seg], sizeof before);
        else
            assert_int_equal(v->cpu.seg[c->seg].selector, c->selector);
    }
}

static void load_sets_accessed(void **state) {
    (void)state;
    struct guest_fault f;
    enter_protected(0);
    gdt_entry(FREE, 0x12345678, 0x1234, 0x4092);
    assert_true(mon_load_seg(v, DEC_ES, FREE, &f));
    assert_int_equal(peek(GDT + FREE + 5, 1), 0x93);
    assert_int_equal(v->cpu.seg[DEC_ES].base, 0x12345678);
    assert_int_equal(v->cpu.seg[DEC_ES].limit, 0x1234);
    assert_int_equal(v->cpu.seg[DEC_ES].attr, 0x4093);
}

/* A remembered load must not outlive a change of the descriptor or of the CPL. */
static void memo_sees_changes(void **state) {
    (void)state;
    struct guest_fault f;
    enter_protected(0);
    gdt_entry(FREE, 0x1000, 0xFFFF, 0x93);
    assert_true(mon_load_seg(v, DEC_DS, FREE, &f) && mon_load_seg(v, DEC_DS, FREE, &f));
    gdt_entry(FREE, 0x2000, 0xFFFF, 0x93);
    assert_true(mon_load_seg(v, DEC_DS, FREE, &f));
    assert_int_equal(v->cpu.seg[DEC_DS].base, 0x2000);
    gdt_entry(FREE, 0x2000, 0xFFFF, 0x13);
    assert_false(mon_load_seg(v, DEC_DS, FREE, &f));
    assert_int_equal(f.vector, VEC_NP);
    gdt_entry(FREE, 0x2000, 0xFFFF, 0x93);
    v->cpu.cpl = 3;
    assert_false(mon_load_seg(v, DEC_DS, FREE, &f));
    assert_int_equal(f.vector, VEC_GP);
}

static void real_mode_keeps_the_limit(void **state) {
    (void)state;
    struct guest_fault f;
    enter_real();
    v->cpu.seg[DEC_DS].limit = UINT32_MAX;
    v->cpu.seg[DEC_DS].attr |= BT_ATTR_G;
    assert_true(mon_load_seg(v, DEC_DS, 0x1234, &f));
    assert_int_equal(v->cpu.seg[DEC_DS].base, 0x12340);
    assert_int_equal(v->cpu.seg[DEC_DS].limit, UINT32_MAX);
}

static bool readable(int seg, uint32_t off, uint32_t size, int *vector) {
    struct gva lin;
    struct guest_fault f = {.vector = -1};
    bool ok = mon_seg_check(v, seg, off, size, false, &lin, &f);
    *vector = f.vector;
    return ok;
}

static void limits(void **state) {
    (void)state;
    int vector;
    enter_protected(0);
    v->cpu.seg[DEC_DS] = (struct bt_seg){.base = 0x100, .limit = 0xFF, .selector = 8, .attr = 0x93};
    assert_true(readable(DEC_DS, 0xFC, 4, &vector));
    assert_false(readable(DEC_DS, 0xFD, 4, &vector));
    assert_int_equal(vector, VEC_GP);
    assert_false(readable(DEC_DS, 0xFFFFFFFF, 2, &vector));
    v->cpu.seg[DEC_SS] = (struct bt_seg){.limit = 0xFF, .selector = 8, .attr = 0x97}; /* expand-down, 16-bit */
    assert_false(readable(DEC_SS, 0xFF, 1, &vector));
    assert_int_equal(vector, VEC_SS);
    assert_true(readable(DEC_SS, 0x100, 4, &vector));
    assert_true(readable(DEC_SS, 0xFFFC, 4, &vector));
    assert_false(readable(DEC_SS, 0xFFFD, 4, &vector));
    v->cpu.seg[DEC_ES] = (struct bt_seg){.selector = 0};
    assert_false(readable(DEC_ES, 0, 1, &vector));
    assert_int_equal(vector, VEC_GP);
}

static bool zf_after(uint8_t ext, unsigned selector) { /* 0F 00 /4 VERR, /5 VERW of AX */
    v->cpu.gpr[DEC_EAX] = selector;
    v->cpu.flags_host = 0;
    assert_int_equal(RUN(0x0F, 0x00, (uint8_t)(0xC0 | ext << 3)), BT_NEXT_CONTINUE);
    return v->cpu.flags_host & DEC_ZF;
}

static void verr_verw(void **state) {
    (void)state;
    enter_protected(3);
    assert_true(zf_after(4, DATA3));
    assert_true(zf_after(5, DATA3));
    assert_true(zf_after(4, CODE3));
    assert_false(zf_after(5, CODE3));
    assert_false(zf_after(4, DATA0));
    assert_true(zf_after(4, CONFORMING0));
    assert_false(zf_after(4, 0));
    assert_false(zf_after(4, 0xFFF8));
    assert_false(zf_after(4, TSS_SEL));
    enter_protected(0);
    assert_false(zf_after(4, EXEC_ONLY0));
    assert_false(zf_after(5, READONLY0));
    assert_false(zf_after(4, DATA0 | 3));
}

static void lar_lsl(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_ECX] = DATA0;
    RUN(0x0F, 0x02, 0xC1); /* lar eax, ecx */
    assert_int_equal(v->cpu.gpr[DEC_EAX], 0x00C09300);
    RUN(0x0F, 0x03, 0xC1); /* lsl eax, ecx */
    assert_int_equal(v->cpu.gpr[DEC_EAX], UINT32_MAX);
    assert_true(v->cpu.flags_host & DEC_ZF);
    poke_gate(GDT + FREE, CODE0, 0, 0x8C, 0);
    v->cpu.gpr[DEC_ECX] = FREE;
    RUN(0x0F, 0x03, 0xC1); /* a gate has rights but no limit */
    assert_false(v->cpu.flags_host & DEC_ZF);
    RUN(0x0F, 0x02, 0xC1);
    assert_true(v->cpu.flags_host & DEC_ZF);
}

static void arpl(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_EAX] = 0xAAAA0010, v->cpu.gpr[DEC_ECX] = 3;
    RUN(0x63, 0xC8); /* arpl ax, cx */
    assert_int_equal(v->cpu.gpr[DEC_EAX], 0xAAAA0013);
    assert_true(v->cpu.flags_host & DEC_ZF);
    RUN(0x63, 0xC8);
    assert_false(v->cpu.flags_host & DEC_ZF);
}

static void pop_ss_holds_interrupts(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_ESP] = STACK0 - 4;
    poke(STACK0 - 4, DATA0, 4);
    assert_int_equal(RUN(0x17), BT_NEXT_EXIT);
    assert_true(v->cpu.irq_shadow);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0);
    assert_int_equal(v->cpu.eip, CODE + 0x101);
}

static void les_and_push(void **state) {
    (void)state;
    enter_protected(0);
    poke(0x5000, 0x11223344, 4);
    poke(0x5004, DATA3, 2);
    RUN(0xC4, 0x0D, 0x00, 0x50, 0x00, 0x00); /* les ecx, [5000] */
    assert_int_equal(v->cpu.gpr[DEC_ECX], 0x11223344);
    assert_int_equal(v->cpu.seg[DEC_ES].selector, DATA3);
    RUN(0x06); /* push es */
    assert_int_equal(frame(0), DATA3);
    RUN(0x8C, 0xC0); /* mov eax, es */
    assert_int_equal(v->cpu.gpr[DEC_EAX], DATA3);
    /* GDTR: limit first, then base. */
    RUN(0x0F, 0x01, 0x05, 0x00, 0x60, 0x00, 0x00);
    assert_int_equal(peek(0x6000, 2), GDT_BYTES - 1);
    assert_int_equal(peek(0x6002, 4), GDT);
}

static void ltr_lldt(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    v->cpu.gpr[DEC_EAX] = TSS2_SEL;
    assert_int_equal(RUN(0x0F, 0x00, 0xD8), BT_NEXT_CONTINUE);
    assert_int_equal(v->tr.base, TSS2);
    assert_int_equal(peek(GDT + TSS2_SEL + 5, 1), 0x8B);
    v->cpu.gpr[DEC_EAX] = LDT_SEL;
    RUN(0x0F, 0x00, 0xD0);
    assert_int_equal(v->ldtr.limit, 0xFF);
    v->cpu.gpr[DEC_EAX] = TSS2_SEL; /* busy now */
    RUN(0x0F, 0x00, 0xD8);
    assert_fault(VEC_GP, TSS2_SEL);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(loads_follow_the_table),
        CPU_TEST(load_sets_accessed),
        CPU_TEST(memo_sees_changes),
        CPU_TEST(real_mode_keeps_the_limit),
        CPU_TEST(limits),
        CPU_TEST(verr_verw),
        CPU_TEST(lar_lsl),
        CPU_TEST(arpl),
        CPU_TEST(pop_ss_holds_interrupts),
        CPU_TEST(les_and_push),
        CPU_TEST(ltr_lldt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
