/* decoder_undefined_test.c: what is #UD on every model, and what is without its feature. */
#include "decoder_rows.h"

static const struct row undefined[] = {
    {32, "f30fae00", "3 ud"},
    {32, "660fae00", "3 ud"},
    {32, "8dc0", "1 ud"},
    {32, "0fc7c8", "2 ud"},
    {32, "0fb2c0", "2 ud"},
    {32, "0f01c9", "3 ud"},
    {32, "660fe7c1", "3 ud"},
    {32, "ff38", "1 ud"},
    {32, "fe38", "1 ud"},
    {32, "fe10", "1 ud"},
    {32, "0ff0c0", "2 ud"},
    {32, "0f38f0c1", "2 ud"},
    {32, "f30f38f000", "3 ud"},
    {32, "0f05", "2 ud"},
    {32, "0f07", "2 ud"},
    {32, "0f0b", "2 ud"},
    {32, "0fb9c0", "3 ud"},
    {32, "0fff00", "3 ud"},
    {32, "ffd8", "1 ud"},
    {32, "ffe8", "1 ud"},
    {32, "8ec8", "1 ud"},
    {32, "8ef0", "1 ud"},
    {32, "8cf0", "1 ud"},
    {32, "0f0030", "2 ud"},
    {32, "0f01c8", "3 ud"},
    {32, "0f01c1", "3 ud"},
    {32, "0f01d0", "3 ud"},
    {32, "0f01f8", "2 ud"},
    {32, "0f22c8", "2 ud"},
    {32, "0f24c0", "2 ud"},
    {32, "0f5000", "2 ud"},
    {32, "c5f877", "3 ud"},
    {32, "c4e27900c0", "5 ud"},
    {32, "62f17c4858c0", "6 ud"},
    {32, "8fe878c0c001", "6 ud"},
    {32, "8fe0", "1 ud"},
    {32, "0f0f00bf", "4 ud"},
    {32, "0fae20", "3 ud"},
    {32, "0fae28", "3 ud"},
    {32, "f30faec0", "3 ud"},
    {32, "0f38c8c1", "4 ud"},
    {32, "660f38f6c0", "5 ud"},
    {32, "0f0ec1", "2 ud"},
    {32, "0f0e", "2 ud"},
    {32, "0f01ca", "3 ud"},
    {32, "c6f800", "3 ud"},
    {32, "c7f800000000", "6 ud"},
    {32, "c7c800000000", "1 ud"},
    {32, "0f04", "2 ud"},
    {32, "0f0a", "2 ud"},
    {32, "0f0c", "2 ud"},
    {32, "0f24", "2 ud"},
    {32, "0f36", "2 ud"},
    {32, "0f3900", "2 ud"},
    {32, "0f3c", "2 ud"},
    {32, "0fa6c0", "2 ud"},
    {32, "0fa7c0", "3 ud"},
    {32, "660fae30", "4 ud"},
    {32, "660fae38", "4 ud"},
    {32, "0f78c0", "3 ud"},
    {32, "0f37", "2 ud"},
    /* VMPTRLD and VMPTRST, which no model has. */
    {32, "0fc730", "3 ud"},
    {32, "0fc738", "3 ud"},
    /* RDRAND and RDSEED: a repeat prefix makes them others (RDPID, the last), as on real CPUs. */
    {32, "f20fc7f0", "3 ud"},
    {32, "f30fc7f0", "3 ud"},
    {32, "f20fc7f8", "3 ud"},
    {32, "f30fc7f8", "4 ud"},
};

static void test_undefined(void **state) {
    (void)state;
    CHECK_ROWS(undefined);
}

/* Bytes, and the class without and with the features. */
static void test_features(void **state) {
    static const struct {
        const char *hex;
        uint32_t feature;
        uint8_t with;
    } cases[] = {
        {"0f44c1", DEC_F_CMOV, DEC_CLASS_PLAIN},
        {"dbf1", DEC_F_CMOV, DEC_CLASS_PLAIN},
        {"dac1", DEC_F_CMOV, DEC_CLASS_PLAIN},
        {"0ffcc1", DEC_F_MMX, DEC_CLASS_PLAIN},
        {"0fe0c1", DEC_F_SSE, DEC_CLASS_PLAIN},
        {"0f58c1", DEC_F_SSE, DEC_CLASS_PLAIN},
        {"0fae10", DEC_F_SSE, DEC_CLASS_PLAIN},
        {"0f1800", DEC_F_SSE, DEC_CLASS_PLAIN},
        {"660f58c1", DEC_F_SSE2, DEC_CLASS_PLAIN},
        {"0fd4c1", DEC_F_SSE2, DEC_CLASS_PLAIN},
        {"660f7cc1", DEC_F_SSE3, DEC_CLASS_PLAIN},
        {"db08", DEC_F_SSE3, DEC_CLASS_PLAIN},
        {"0f3800c1", DEC_F_SSSE3, DEC_CLASS_PLAIN},
        {"660f3817c1", DEC_F_SSE41, DEC_CLASS_PLAIN},
        {"f20f38f1c0", DEC_F_SSE42, DEC_CLASS_PLAIN},
        {"f30fb8c1", DEC_F_POPCNT, DEC_CLASS_PLAIN},
        {"0fc70b", DEC_F_CX8, DEC_CLASS_PLAIN},
        {"0fae00", DEC_F_FXSR, DEC_CLASS_FPU_STATE},
        {"0f34", DEC_F_SYSENTER, DEC_CLASS_SYSTEM},
        {"0fae38", DEC_F_CLFLUSH, DEC_CLASS_PLAIN},
        {"660f38dcc1", DEC_F_AES, DEC_CLASS_PLAIN},
        {"660f3a44c100", DEC_F_PCLMUL, DEC_CLASS_PLAIN},
        {"0f38f000", DEC_F_MOVBE, DEC_CLASS_PLAIN},
        {"0f01f9", DEC_F_RDTSCP, DEC_CLASS_SYSTEM},
        {"d9c0", DEC_F_FPU, DEC_CLASS_PLAIN},
        {"0f31", DEC_F_TSC, DEC_CLASS_SYSTEM},
        {"0f32", DEC_F_MSR, DEC_CLASS_SYSTEM},
        {"0f1f00", DEC_F_NOPL, DEC_CLASS_PLAIN},
        {"0f0d08", DEC_F_3DNOWPREFETCH, DEC_CLASS_PLAIN},
        {"0fc7f0", DEC_F_RDRAND, DEC_CLASS_SYSTEM},
        {"0fc7f8", DEC_F_RDSEED, DEC_CLASS_SYSTEM},
        {"f20f79c1", DEC_F_SSE4A, DEC_CLASS_PLAIN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t bytes[DEC_MAX_LEN];
        struct insn in;
        unsigned n = parse_hex(cases[i].hex, bytes);
        assert_int_equal(dec_insn(bytes, n, true, ALL_FEATURES & ~cases[i].feature, &in), DEC_OK);
        assert_int_equal(in.cls, DEC_CLASS_UD);
        assert_int_equal(dec_insn(bytes, n, true, ALL_FEATURES, &in), DEC_OK);
        assert_int_equal(in.cls, cases[i].with);
    }
}

static unsigned mnemonic_of(const char *hex, uint32_t features) {
    uint8_t bytes[DEC_MAX_LEN];
    struct insn in;
    unsigned n = parse_hex(hex, bytes);
    assert_int_equal(dec_insn(bytes, n, true, features, &in), DEC_OK);
    assert_int_equal(in.cls, DEC_CLASS_PLAIN);
    return in.mnemonic;
}

/* Without their feature these encodings are older instructions with a prefix that is ignored. */
static void test_fallbacks(void **state) {
    (void)state;
    assert_int_equal(mnemonic_of("f30fbdc1", ALL_FEATURES), ZYDIS_MNEMONIC_LZCNT);
    assert_int_equal(mnemonic_of("f30fbdc1", ALL_FEATURES & ~DEC_F_LZCNT), ZYDIS_MNEMONIC_BSR);
    assert_int_equal(mnemonic_of("f30fbcc1", ALL_FEATURES), ZYDIS_MNEMONIC_TZCNT);
    assert_int_equal(mnemonic_of("f30fbcc1", ALL_FEATURES & ~DEC_F_BMI1), ZYDIS_MNEMONIC_BSF);
    assert_int_equal(mnemonic_of("f390", 0), ZYDIS_MNEMONIC_PAUSE);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undefined),
        cmocka_unit_test(test_features),
        cmocka_unit_test(test_fallbacks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
