/*
 * decoder_sweep_test.c: what must hold for every byte string: an answer, no byte read beyond `avail`, prefixes that say
 * NEED_MORE until the instruction is whole, and the lengths that Capstone finds.
 */
#include "decoder_rows.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* A page whose end is followed by one that cannot be read. */
static uint8_t *page_end(void) {
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    uint8_t *two = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(two, MAP_FAILED);
    assert_int_equal(mprotect(two + page, page, PROT_NONE), 0);
    return two + page;
}

static uint64_t rng = 88172645463325252u;

static uint8_t random_byte(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return (uint8_t)(rng >> 32);
}

/* Opcode number `index` (0..1023, the four maps), one or no prefix, a random tail. */
static void random_insn(uint8_t out[DEC_MAX_LEN], unsigned index) {
    static const uint8_t prefixes[] = {0x66, 0x67, 0xf2, 0xf3, 0xf0, 0x2e, 0x36, 0x65};
    static const uint8_t third[] = {0, 0, 0x38, 0x3a};
    unsigned n = 0, map = index >> 8;
    uint8_t choice = random_byte();
    for (; choice & 1 && n < 3; choice = (uint8_t)(choice >> 1 & random_byte()))
        out[n++] = prefixes[random_byte() % sizeof(prefixes)];
    if (map > 0) out[n++] = 0x0f;
    if (map > 1) out[n++] = third[map];
    out[n++] = (uint8_t)index;
    while (n < DEC_MAX_LEN) out[n++] = random_byte();
}

static void check_fields(const struct insn *in) {
    assert_in_range(in->len, 1, DEC_MAX_LEN);
    assert_in_range(in->cls, 0, DEC_CLASS_TOO_LONG);
    assert_true(in->imm_off <= in->len && in->opcode_off <= in->len);
    assert_true(in->mem.base <= DEC_NOREG && in->mem.index <= DEC_NOREG && in->mem.seg < DEC_SEG_COUNT);
    assert_true(in->mem.accessed == (in->mem.read || in->mem.write));
    assert_true(in->mem.accessed == (in->mem.size != 0));
    assert_true(in->mem.present || !in->mem.accessed);
}

/* With fewer bytes the answer is NEED_MORE, or #UD when that is certain already; never a shorter instruction. */
static void check_every_prefix(uint8_t *end, const uint8_t bytes[DEC_MAX_LEN], bool code32) {
    struct insn whole, part;
    memcpy(end - DEC_MAX_LEN, bytes, DEC_MAX_LEN);
    assert_int_equal(dec_insn(end - DEC_MAX_LEN, DEC_MAX_LEN, code32, ALL_FEATURES, &whole), DEC_OK);
    check_fields(&whole);
    for (unsigned avail = 1; avail < DEC_MAX_LEN; avail++) {
        memcpy(end - avail, bytes, avail);
        enum dec_status status = dec_insn(end - avail, avail, code32, ALL_FEATURES, &part);
        if (avail < whole.len && whole.cls != DEC_CLASS_UD) assert_int_equal(status, DEC_NEED_MORE);
        if (status == DEC_OK) {
            assert_int_equal(part.cls, whole.cls);
            assert_int_equal(part.len, whole.len);
        }
        if (avail >= whole.len && whole.cls != DEC_CLASS_UD) assert_int_equal(status, DEC_OK);
    }
}

static void test_sweep(void **state) {
    enum { ROUNDS = 60 };
    uint8_t *end = page_end();
    uint8_t bytes[DEC_MAX_LEN];
    (void)state;
    for (unsigned i = 0; i < ROUNDS * 1024; i++) {
        random_insn(bytes, i & 1023);
        check_every_prefix(end, bytes, true);
        check_every_prefix(end, bytes, false);
    }
}

#if __has_include(<capstone/capstone.h>)
#include <capstone/capstone.h>
#include <dlfcn.h>

/* Capstone is optional: it is found at run time, and the test skipped where it is missing. */
struct capstone {
    __typeof__(&cs_open) open;
    __typeof__(&cs_disasm) disasm;
    __typeof__(&cs_free) free;
    __typeof__(&cs_close) close;
};

static bool load_capstone(struct capstone *cs) {
    void *lib = dlopen("libcapstone.so.4", RTLD_NOW);
    if (!lib) return false;
    cs->open = (__typeof__(&cs_open))dlsym(lib, "cs_open");
    cs->disasm = (__typeof__(&cs_disasm))dlsym(lib, "cs_disasm");
    cs->free = (__typeof__(&cs_free))dlsym(lib, "cs_free");
    cs->close = (__typeof__(&cs_close))dlsym(lib, "cs_close");
    return cs->open && cs->disasm && cs->free && cs->close;
}

/* Where Capstone 4 is wrong, seen by running the instruction on a CPU. */
static bool capstone_is_wrong(const struct insn *in) {
    if (in->map == 1 && in->opcode == 0x78) return true;                 /* SSE4a: takes EXTRQ and INSERTQ for VMREAD */
    return in->mnemonic == ZYDIS_MNEMONIC_CALL && in->has_66 && in->rep; /* reads four bytes of displacement */
}

static unsigned compare_lengths(const struct capstone *cs, csh handle, bool code32, unsigned index) {
    uint8_t bytes[DEC_MAX_LEN];
    struct insn in;
    cs_insn *other;
    random_insn(bytes, index);
    assert_int_equal(dec_insn(bytes, DEC_MAX_LEN, code32, ALL_FEATURES, &in), DEC_OK);
    if (in.cls == DEC_CLASS_UD || in.cls == DEC_CLASS_TOO_LONG || capstone_is_wrong(&in)) return 0;
    if (!cs->disasm(handle, bytes, DEC_MAX_LEN, 0, 1, &other))
        return 0; /* Capstone rejects many prefix combinations that CPUs accept */
    unsigned wrong = other->size != in.len;
    if (wrong)
        print_error("%d-bit %s: %u bytes, Capstone %s %s %u; %02x %02x %02x %02x %02x %02x\n", code32 ? 32 : 16,
                    describe(&in).buf, in.len, other->mnemonic, other->op_str, other->size, bytes[0], bytes[1],
                    bytes[2], bytes[3], bytes[4], bytes[5]);
    cs->free(other, 1);
    return wrong;
}

static void test_capstone(void **state) {
    enum { ROUNDS = 60 };
    struct capstone cs = {NULL, NULL, NULL, NULL};
    csh handles[2];
    unsigned wrong = 0;
    (void)state;
    if (!load_capstone(&cs)) skip();
    assert_int_equal(cs.open(CS_ARCH_X86, CS_MODE_16, &handles[0]), CS_ERR_OK);
    assert_int_equal(cs.open(CS_ARCH_X86, CS_MODE_32, &handles[1]), CS_ERR_OK);
    for (unsigned i = 0; i < ROUNDS * 1024; i++) {
        wrong += compare_lengths(&cs, handles[0], false, i & 1023);
        wrong += compare_lengths(&cs, handles[1], true, i & 1023);
    }
    cs.close(&handles[0]);
    cs.close(&handles[1]);
    assert_int_equal(wrong, 0);
}
#else
static void test_capstone(void **state) {
    (void)state;
    skip();
}
#endif

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_capstone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
