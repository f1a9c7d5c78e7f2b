/* monitor_system_test.c: CPUID, MSRs, control and debug registers, generic stack instructions, the row lookup. */
#include "monitor_cpu_fixture.h"
#include "monitor/control.h"
#include "monitor/msr.h"

static void lookup(void **state) {
    (void)state;
    static const struct {
        uint8_t bytes[4];
        enum bt_op op;
    } cases[] = {{{0xFA}, BT_OP_CLI},
                 {{0x9C}, BT_OP_PUSHFD},
                 {{0x66, 0x9C}, BT_OP_PUSHF},
                 {{0x8C, 0xD8}, BT_OP_MOV_R_SREG},
                 {{0x8E, 0xD8}, BT_OP_MOV_SREG_R},
                 {{0x0F, 0x20, 0xC0}, BT_OP_MOV_R_CR},
                 {{0x0F, 0x22, 0xC0}, BT_OP_MOV_CR_R},
                 {{0x0F, 0x23, 0xF8}, BT_OP_MOV_DR_R},
                 {{0x89, 0xC0}, BT_OP_COUNT},
                 {{0x06}, BT_OP_PUSH_ES},
                 {{0x0F, 0xA8}, BT_OP_PUSH_GS},
                 {{0x50}, BT_OP_PUSH_ANY},
                 {{0x6A, 1}, BT_OP_PUSH_ANY},
                 {{0xFF, 0x30}, BT_OP_PUSH_ANY},
                 {{0x8F, 0x00}, BT_OP_POP_ANY},
                 {{0x17}, BT_OP_POP_SS},
                 {{0x0F, 0xA1}, BT_OP_POP_FS},
                 {{0xFF, 0x10}, BT_OP_CALL_NEAR},
                 {{0xFF, 0x18}, BT_OP_CALL_FAR_MEM},
                 {{0xFF, 0x28}, BT_OP_JMP_FAR_MEM},
                 {{0xFF, 0x20}, BT_OP_COUNT},
                 {{0xE8}, BT_OP_CALL_NEAR},
                 {{0x9A}, BT_OP_CALL_FAR_PTR},
                 {{0xEA}, BT_OP_JMP_FAR_PTR},
                 {{0xEB}, BT_OP_COUNT},
                 {{0xC3}, BT_OP_RET_NEAR},
                 {{0xC2}, BT_OP_RET_NEAR},
                 {{0xCB}, BT_OP_RET_FAR},
                 {{0xCA}, BT_OP_RET_FAR_IMM},
                 {{0xCF}, BT_OP_IRETD},
                 {{0xA5}, BT_OP_MOVSD},
                 {{0xA7}, BT_OP_CMPSD},
                 {{0xF2, 0x0F, 0x10, 0xC1}, BT_OP_COUNT},
                 {{0xF2, 0x0F, 0xC2, 0xC1}, BT_OP_COUNT},
                 {{0x90}, BT_OP_COUNT},
                 {{0xF1}, BT_OP_INT1},
                 {{0xD6}, BT_OP_SALC},
                 {{0x0F, 0xAE, 0x00}, BT_OP_FXSAVE},
                 {{0x60}, BT_OP_PUSHAD}};
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct insn insn;
        uint8_t bytes[15] = {0};
        memcpy(bytes, cases[i].bytes, 4);
        assert_int_equal(dec_insn(bytes, 15, true, UINT32_MAX, &insn), DEC_OK);
        if (bt_op_find(&insn) != cases[i].op) fail_msg("case %u: %s", i, bt_op_name(bt_op_find(&insn)));
    }
}

static void every_row_has_a_helper(void **state) {
    (void)state;
    for (unsigned i = 0; i < BT_OP_COUNT; i++) assert_non_null(mon_ops[i]);
}

static void cpuid(void **state) {
    (void)state;
    v->model = mon_model_find(NULL);
    enter_protected(3);
    v->cpu.gpr[DEC_EAX] = 0;
    RUN(0x0F, 0xA2);
    assert_int_equal(v->cpu.gpr[DEC_EBX], 0x756E6547); /* Genu */
    v->cpu.gpr[DEC_EAX] = 1;
    RUN(0x0F, 0xA2);
    assert_int_equal(v->cpu.gpr[DEC_EAX], 0x106C2);
    assert_true(v->cpu.gpr[DEC_EDX] & F_APIC);
    assert_int_equal(v->cpu.gpr[DEC_ECX] & (1u << 31 | 1u << 24), 1u << 24); /* no hypervisor; TSC-deadline mode */
    assert_true(v->cpu.gpr[DEC_ECX] & 1u << 30);                             /* RDRAND */
    v->cpu.gpr[DEC_EAX] = 0x80000001;
    RUN(0x0F, 0xA2);
    assert_int_equal(v->cpu.gpr[DEC_EDX], FX_NX);
    v->cpu.gpr[DEC_EAX] = 0x80000007;
    RUN(0x0F, 0xA2);
    assert_int_equal(v->cpu.gpr[DEC_EDX], 1u << 8);
    v->cpu.gpr[DEC_EAX] = 0x40000000;
    RUN(0x0F, 0xA2);
    assert_int_equal(v->cpu.gpr[DEC_EBX], 0);
}

/* CPUID's answers and the decoder's features, whatever the host has. */
static void models_with_random_numbers(void **state) {
    (void)state;
    enum { RDRAND = 1u << 30, RDSEED = 1u << 18 };
    for (const char *const *name = mon_model_names(); *name; name++) {
        const struct mon_model *m = mon_model_find(*name);
        bool is_max = strcmp(*name, "max32") == 0, rdrand = is_max || strcmp(*name, "core32") == 0;
        uint32_t out[4], features = mon_model_features(m);
        v->model = m;
        mon_cpuid(v, 1, 0, out);
        assert_int_equal(out[2] & RDRAND, rdrand ? RDRAND : 0);
        assert_int_equal(features & DEC_F_RDRAND, rdrand ? DEC_F_RDRAND : 0);
        assert_int_equal(features & DEC_F_RDSEED, is_max ? DEC_F_RDSEED : 0);
        if (!rdrand) continue;
        mon_cpuid(v, 7, 0, out);
        assert_true(out[0] == 0 && out[1] == (is_max ? RDSEED : 0) && out[2] == 0 && out[3] == 0);
        mon_cpuid(v, 7, 1, out);
        assert_true(out[0] == 0 && out[1] == 0 && out[2] == 0 && out[3] == 0);
        assert_true(mon_cpuid_has_subleaves(v, 7));
    }
}

/* The helper, which hosts with the instructions do not need. */
static void random_numbers(void **state) {
    (void)state;
    uint32_t seen = 0;
    v->model = mon_model_find("max32");
    enter_protected(3);
    for (unsigned i = 0; i < 4; i++) {
        v->cpu.flags_host |= DEC_ARITH | DEC_DF;
        v->cpu.gpr[DEC_ESP] = 0;
        assert_int_equal(RUN(0x0F, 0xC7, 0xF4), BT_NEXT_CONTINUE); /* rdrand esp */
        assert_int_equal(v->cpu.flags_host & (DEC_ARITH | DEC_DF), DEC_CF | DEC_DF);
        seen |= v->cpu.gpr[DEC_ESP];
    }
    assert_true(seen >> 16 && seen & 0xFFFF);
    seen = 0;
    for (unsigned i = 0; i < 16; i++) {
        v->cpu.gpr[DEC_EDI] = 0x12340000;
        assert_int_equal(RUN(0x66, 0x0F, 0xC7, 0xFF), BT_NEXT_CONTINUE); /* rdseed di */
        assert_int_equal(v->cpu.gpr[DEC_EDI] >> 16, 0x1234);
        seen |= v->cpu.gpr[DEC_EDI] & 0xFFFF;
    }
    assert_true(seen);
}

static void models(void **state) {
    (void)state;
    unsigned n = 0;
    for (const char *const *name = mon_model_names(); *name; name++, n++) {
        assert_string_equal(mon_model_find(*name)->name, *name);
        assert_int_equal(strlen(mon_model_find(*name)->vendor), 12);
    }
    assert_true(n >= 6);
    assert_null(mon_model_find("z80"));
    assert_false(mon_model_features(mon_model_find("486")) & (DEC_F_CX8 | DEC_F_CMOV | DEC_F_NOPL | DEC_F_SSE));
    assert_true(mon_model_features(mon_model_find("pentium3")) & DEC_F_SSE);
    assert_false(mon_model_features(mon_model_find("pentium3")) & DEC_F_SSE2);
    assert_true(mon_model_features(mon_model_find("core32")) & DEC_F_SSSE3);
    assert_false(mon_model_features(mon_model_find("core32")) & (DEC_F_SSE41 | DEC_F_RDTSCP));
}

/* A timer armed for the answer may be late, but the TSC has got there. */
static void time_until_a_tsc_value(void **state) {
    (void)state;
    v->tsc_hz = 3000000000u;
    v->cpu.tsc_as_host = true;
    uint64_t now = mon_guest_tsc(v);
    assert_int_equal(mon_ns_until_tsc(v, now), 0);
    assert_int_equal(mon_ns_until_tsc(v, 0), 0);
    uint64_t ns = mon_ns_until_tsc(v, now + 3000000000000u); /* 1000 s, less what the calls took */
    uint64_t after = mon_guest_tsc(v);
    assert_true(ns <= 1000000000000u && ns * 3 >= 3000000000000u - (after - now));
    assert_int_equal(mon_ns_until_tsc(v, UINT64_MAX), (1u << 30) * UINT64_C(1000000000));
    v->tsc_hz = 0;
    assert_int_equal(mon_ns_until_tsc(v, UINT64_MAX), (1u << 30) * UINT64_C(1000000000));
}

static void msrs(void **state) {
    (void)state;
    uint64_t value;
    enter_protected(0);
    idt_all(0x8E);
    v->cpu.gpr[DEC_ECX] = 0x175, v->cpu.gpr[DEC_EAX] = 0x1234, v->cpu.gpr[DEC_EDX] = 0;
    assert_int_equal(RUN(0x0F, 0x30), BT_NEXT_CONTINUE);
    assert_int_equal(v->sysenter_esp, 0x1234);
    v->cpu.gpr[DEC_ECX] = 0xC0000080, v->cpu.gpr[DEC_EAX] = 1u << 11;
    assert_int_equal(RUN(0x0F, 0x30), BT_NEXT_EXIT);
    assert_true(v->efer);
    assert_false(mon_msr_write(v, 0xC0000080, 1u << 8)); /* no long mode */
    assert_false(mon_msr_write(v, 0x277, 0x02));         /* reserved memory type */
    assert_true(mon_msr_write(v, 0x268, 0x0606060606060606));
    assert_true(mon_msr_read(v, 0x268, &value) && value == 0x0606060606060606);
    assert_true(mon_msr_write(v, 0x10, 0x1000));
    assert_true(mon_msr_read(v, 0x10, &value) && value - 0x1000 < 1000000000);
    v->cpu.gpr[DEC_ECX] = 0xC0000082;
    v->cpu.eip = CODE + 0x100;
    RUN(0x0F, 0x32);
    assert_fault(VEC_GP, 0);
    v->model = mon_model_find("pentium3");
    assert_false(mon_msr_read(v, 0x6E0, &value) || mon_msr_write(v, 0x6E0, 0)); /* no TSC-deadline mode */
    v->model = mon_model_find("486");
    assert_false(mon_msr_read(v, 0x175, &value));
}

static void control_registers(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    v->cpu.gpr[DEC_EAX] = CR0_PG; /* PG without PE */
    RUN(0x0F, 0x22, 0xC0);
    assert_fault(VEC_GP, 0);
    enter_protected(0);
    v->cpu.gpr[DEC_EAX] = 1u << 20; /* SMEP: not in the model */
    RUN(0x0F, 0x22, 0xE0);
    assert_fault(VEC_GP, 0);
    enter_protected(3);
    RUN(0x0F, 0x20, 0xC0);
    assert_fault(VEC_GP, 0);
    enter_protected(3); /* SMSW tells the truth to everyone */
    RUN(0x0F, 0x01, 0xE0);
    assert_int_equal(v->cpu.gpr[DEC_EAX], v->cpu.cr0);
    enter_protected(0);
    v->cpu.cr0 |= CR0_TS;
    assert_int_equal(RUN(0x0F, 0x06), BT_NEXT_EXIT); /* CLTS: TS is in the mode key */
    assert_false(v->cpu.cr0 & CR0_TS);
    v->cpu.gpr[DEC_EAX] = 0; /* LMSW cannot leave protected mode */
    RUN(0x0F, 0x01, 0xF0);
    assert_true(v->cpu.cr0 & CR0_PE);
    assert_int_equal(RUN(0xF4), BT_NEXT_EXIT);
    assert_true(v->halted);
}

static void pae_pointers(void **state) {
    (void)state;
    enum { PDPT = 0x200000 };
    struct guest_fault fault;
    enter_protected(0);
    idt_all(0x8E);
    v->cr3 = PDPT;
    v->cpu.cr4 |= CR4_PAE;
    poke(PDPT, 0x201001, 4);
    poke(0x201000, 0x83, 4); /* 2 MiB at 0 */
    assert_true(mon_set_cr0(v, v->cpu.cr0 | CR0_PG, &fault));
    assert_int_equal(v->pdpte[0], 0x201001);
    poke(PDPT, 0x201003, 4); /* bit 1 is reserved */
    v->cpu.gpr[DEC_EAX] = PDPT;
    RUN(0x0F, 0x22, 0xD8);
    assert_fault(VEC_GP, 0);
    assert_int_equal(v->pdpte[0], 0x201001);
}

static void debug_registers(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    v->cpu.gpr[DEC_EAX] = 0;
    RUN(0x0F, 0x23, 0xF0);
    RUN(0x0F, 0x21, 0xF3);
    assert_int_equal(v->cpu.gpr[DEC_EBX], 0xFFFF0FF0);
    v->cpu.gpr[DEC_EAX] = 1u << 13;
    RUN(0x0F, 0x23, 0xF8);
    RUN(0x0F, 0x21, 0xC0); /* general detect */
    assert_int_equal(v->cpu.eip, HANDLERS + VEC_DB);
    assert_true(v->dr[6] & 1u << 13);
    assert_false(v->dr[7] & 1u << 13);
}

/* ---- Stack instructions on a 16-bit stack with dirty upper halves ---- */

static void stack16(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.seg[DEC_SS] = seg_of(DATA16);
    v->cpu.gpr[DEC_ESP] = 0xABCD0000;
    RUN(0x68, 0x44, 0x33, 0x22, 0x11); /* wraps below 0 */
    assert_int_equal(v->cpu.gpr[DEC_ESP], 0xABCDFFFC);
    assert_int_equal(peek(0x6FFFC, 4), 0x11223344);
    v->cpu.gpr[DEC_ESP] = 0xABCD0100;
    for (unsigned i = 0; i < 8; i++)
        if (i != DEC_ESP) v->cpu.gpr[i] = 0x100 + i;
    RUN(0x60);
    assert_int_equal(peek(0x600E0 + 0xC, 4), 0xABCD0100);
    for (unsigned i = 0; i < 8; i++)
        if (i != DEC_ESP) v->cpu.gpr[i] = 0;
    RUN(0x61);
    assert_int_equal(v->cpu.gpr[DEC_EDI], 0x107);
    assert_int_equal(v->cpu.gpr[DEC_ESP], 0xABCD0100);
}

static void enter_leave(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.gpr[DEC_EBP] = STACK0 - 0x100;
    poke(STACK0 - 0x104, 0x77, 4);
    RUN(0xC8, 0x10, 0x00, 0x02); /* enter 16, 2 */
    assert_int_equal(v->cpu.gpr[DEC_EBP], STACK0 - 4);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0 - 12 - 16);
    assert_int_equal(peek(STACK0 - 4, 4), STACK0 - 0x100);
    assert_int_equal(peek(STACK0 - 8, 4), 0x77);
    assert_int_equal(peek(STACK0 - 12, 4), STACK0 - 4);
    RUN(0xC9);
    assert_int_equal(v->cpu.gpr[DEC_EBP], STACK0 - 0x100);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0);
}

static void near_call_ret_pop(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    assert_int_equal(RUN(0xE8, 0x00, 0x01, 0, 0), BT_NEXT_EXIT);
    assert_int_equal(v->cpu.eip, CODE + 0x205);
    RUN(0xC2, 8, 0);
    assert_int_equal(v->cpu.eip, CODE + 0x105);
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0 + 8);
    RUN(0x54); /* push esp: the value before */
    assert_int_equal(frame(0), STACK0 + 8);
    RUN(0x5C); /* pop esp */
    assert_int_equal(v->cpu.gpr[DEC_ESP], STACK0 + 8);
    poke(STACK0 + 8, 0xBEEF, 4);
    RUN(0x8F, 0x04, 0x24); /* pop [esp]: address after the increment */
    assert_int_equal(peek(STACK0 + 12, 4), 0xBEEF);
    v->cpu.seg[DEC_SS].limit = 0xFF; /* a failing push changes nothing */
    v->cpu.gpr[DEC_ESP] = 0x102;
    v->cpu.seg[DEC_SS].base = 0x60000;
    idt_gate(VEC_SS, TSS2_SEL, 0, 0x85);
    RUN(0x50);
    assert_int_equal(peek(TSS + 0x38, 4), 0x102);
    assert_int_equal(peek(TSS + 0x20, 4), CODE + 0x105);
}

static void reset_state(void **state) {
    (void)state;
    vcpu_reset(v);
    assert_int_equal(bt_pc(&v->cpu).v, 0xFFFFFFF0);
    assert_int_equal(v->cpu.cr0, 0x60000010);
    assert_int_equal(bt_eflags(&v->cpu), 2);
    assert_int_equal(v->cpu.gpr[DEC_EDX], v->model->signature);
    assert_int_equal(v->apic_base, 0xFEE00900);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(lookup),
        CPU_TEST(every_row_has_a_helper),
        CPU_TEST(cpuid),
        CPU_TEST(models),
        CPU_TEST(models_with_random_numbers),
        CPU_TEST(random_numbers),
        CPU_TEST(msrs),
        CPU_TEST(time_until_a_tsc_value),
        CPU_TEST(control_registers),
        CPU_TEST(pae_pointers),
        CPU_TEST(debug_registers),
        CPU_TEST(stack16),
        CPU_TEST(enter_leave),
        CPU_TEST(near_call_ret_pop),
        CPU_TEST(reset_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
