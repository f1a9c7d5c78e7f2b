/*
 * monitor_legacy_test.c: AAA AAS DAA DAS AAM AAD against the CPU itself, in a
 * 32-bit code segment entered by a far call; BOUND, XLAT, SALC, MASKMOV.
 */
#include <sys/mman.h>
#include "monitor_cpu_fixture.h"

/* ---- The real instruction in compatibility mode ---- */

enum { STUB32 = 0x80, INSN_AT = STUB32 + 2, LOW_STACK = 0xF00, USER32_CS = 0x23 };
static uint8_t *low; /* one page below 4 GiB */

/* 64-bit part: keep RSP, take a low stack, far call; 32-bit part: load flags, run, save flags. */
static bool build_stub(void) {
    low = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
    if (low == MAP_FAILED) return false;
    uint32_t base = (uint32_t)(uintptr_t)low;
    static const uint8_t head[] = {0x48, 0x89, 0xE6, 0xBC};     /* mov rsi, rsp; mov esp, imm32 */
    static const uint8_t tail[] = {0xFF, 0x1D, 0x04, 0,   0, 0, /* call far [rip+4] */
                                   0x48, 0x89, 0xF4, 0xC3};     /* mov rsp, rsi; ret */
    uint32_t stack = base + LOW_STACK, target = base + STUB32;
    memcpy(low, head, sizeof head);
    memcpy(low + 4, &stack, 4);
    memcpy(low + 8, tail, sizeof tail);
    memcpy(low + 18, &target, 4);
    low[22] = USER32_CS, low[23] = 0;
    low[STUB32] = 0x52, low[STUB32 + 1] = 0x9D; /* push edx; popf */
    return true;
}

static void set_native(const uint8_t *insn, unsigned len) {
    static const uint8_t end[] = {0x9C, 0x5A, 0xCB}; /* pushf; pop edx; retf */
    memcpy(low + INSN_AT, insn, len);
    memcpy(low + INSN_AT + len, end, sizeof end);
}

static void run_native(uint32_t *eax, uint32_t *flags) {
    uint64_t a = *eax, d = *flags;
    __asm__ volatile("add $-128, %%rsp\n\tcall *%2\n\tsub $-128, %%rsp"
                     : "+a"(a), "+d"(d)
                     : "r"(low)
                     : "rcx", "rsi", "rdi", "memory", "cc");
    *eax = (uint32_t)a, *flags = (uint32_t)d;
}

/* defined: the flags the manual defines. */
static void compare(const uint8_t *insn, unsigned len, uint32_t defined, unsigned axs) {
    static const uint32_t flag_inputs[] = {0, DEC_CF, DEC_AF, DEC_CF | DEC_AF};
    set_native(insn, len);
    for (unsigned ax = 0; ax < axs; ax++)
        for (unsigned i = 0; i < 4; i++) {
            uint32_t eax = 0x12340000 | ax, flags = flag_inputs[i] | 0x202;
            v->cpu.gpr[DEC_EAX] = eax, v->cpu.flags_host = flag_inputs[i];
            run_native(&eax, &flags);
            assert_int_equal(run_bytes(insn, len), BT_NEXT_CONTINUE);
            if (v->cpu.gpr[DEC_EAX] != eax || (v->cpu.flags_host ^ flags) & defined)
                fail_msg("%02x ax %04x in %x: %08x/%x, native %08x/%x", insn[0], ax, flag_inputs[i],
                         v->cpu.gpr[DEC_EAX], v->cpu.flags_host & defined, eax, flags & defined);
        }
}

static void decimal_like_the_cpu(void **state) {
    (void)state;
    enum { SZP = DEC_SF | DEC_ZF | DEC_PF, AC = DEC_AF | DEC_CF };
    enter_protected(0);
    if (!build_stub()) skip();
    compare((const uint8_t[]){0x27}, 1, SZP | AC, 256);
    compare((const uint8_t[]){0x2F}, 1, SZP | AC, 256);
    compare((const uint8_t[]){0x37}, 1, AC, 65536);
    compare((const uint8_t[]){0x3F}, 1, AC, 65536);
    compare((const uint8_t[]){0xD5, 10}, 2, SZP, 65536);
    compare((const uint8_t[]){0xD5, 7}, 2, SZP, 65536);
    compare((const uint8_t[]){0xD4, 10}, 2, SZP, 256);
    compare((const uint8_t[]){0xD4, 255}, 2, SZP, 256);
    compare((const uint8_t[]){0xD6}, 1, DEC_CF, 256);
}

static void aam_zero_divides(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    RUN(0xD4, 0);
    assert_int_equal(v->cpu.eip, HANDLERS + VEC_DE);
}

static void bound(void **state) {
    (void)state;
    enter_protected(0);
    idt_all(0x8E);
    poke(0x5000, -5, 4);
    poke(0x5004, 5, 4);
    static const int32_t in[] = {-5, 0, 5}, out[] = {-6, 6, INT32_MIN, INT32_MAX};
    for (unsigned i = 0; i < 3; i++) {
        v->cpu.gpr[DEC_EAX] = (uint32_t)in[i];
        assert_int_equal(RUN(0x62, 0x05, 0, 0x50, 0, 0), BT_NEXT_CONTINUE);
    }
    for (unsigned i = 0; i < 4; i++) {
        v->cpu.gpr[DEC_EAX] = (uint32_t)out[i];
        RUN(0x62, 0x05, 0, 0x50, 0, 0);
        assert_int_equal(v->cpu.eip, HANDLERS + VEC_BR);
    }
}

static void xlat(void **state) {
    (void)state;
    enter_protected(0);
    poke(0x5042, 0x99, 1);
    v->cpu.gpr[DEC_EBX] = 0x5000, v->cpu.gpr[DEC_EAX] = 0x11111142;
    RUN(0xD7);
    assert_int_equal(v->cpu.gpr[DEC_EAX], 0x11111199);
}

static void maskmov(void **state) {
    (void)state;
    enter_protected(0);
    v->cpu.cr4 |= CR4_OSFXSR;
    for (unsigned i = 0; i < 16; i++) {
        v->cpu.fpu_area[160 + 16 + i] = (uint8_t)(0xA0 + i);      /* XMM1: data */
        v->cpu.fpu_area[160 + 32 + i] = i % 3 == 0 ? 0x80 : 0x7F; /* XMM2: mask */
    }
    v->cpu.gpr[DEC_EDI] = 0x5FF8;
    for (unsigned i = 0; i < 16; i++) poke(0x5FF8 + i, 0x11, 1);
    RUN(0x66, 0x0F, 0xF7, 0xCA);
    for (unsigned i = 0; i < 16; i++) assert_int_equal(peek(0x5FF8 + i, 1), i % 3 ? 0x11 : 0xA0 + i);
    /* MM registers lie in stack order: with TOP 3, MM1 is ST(6). */
    v->cpu.fpu_area[3] = 3 << 3;
    memset(&v->cpu.fpu_area[32 + 6 * 16], 0x5A, 8);
    memset(&v->cpu.fpu_area[32 + 7 * 16], 0xFF, 8);
    RUN(0x0F, 0xF7, 0xCA);
    assert_int_equal(peek(0x5FF8, 4), 0x5A5A5A5A);
    assert_int_equal(v->cpu.fpu_area[3], 0);
    assert_int_equal(v->cpu.fpu_area[4], 0xFF);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        CPU_TEST(decimal_like_the_cpu), CPU_TEST(aam_zero_divides), CPU_TEST(bound), CPU_TEST(xlat), CPU_TEST(maskmov),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
