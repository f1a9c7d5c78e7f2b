/* decoder_cache_test.c: a remembered decoding equals a fresh one, for every opcode, ModRM and SIB. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "decoder/cache.h"

enum { FEATURES = DEC_F_CMOV | DEC_F_FPU | DEC_F_SSE | DEC_F_SSE2 | DEC_F_MMX | DEC_F_NOPL };

static struct dec_cache *cache;

static int set_up(void **state) {
    (void)state;
    cache = calloc(1, sizeof *cache);
    return cache == NULL;
}
static int tear_down(void **state) {
    (void)state;
    free(cache);
    return 0;
}

static uint32_t seed = 1;
static uint8_t random_byte(void) {
    seed = seed * 1664525u + 1013904223u;
    return (uint8_t)(seed >> 24);
}

static void same(const uint8_t *bytes, uint32_t avail, bool code32, uint32_t features) {
    struct insn fresh, cached;
    memset(&fresh, 0, sizeof fresh);
    memset(&cached, 0, sizeof cached);
    enum dec_status a = dec_insn(bytes, avail, code32, features, &fresh);
    enum dec_status b = dec_insn_cached(cache, bytes, avail, code32, features, &cached);
    if (a == b && (a != DEC_OK || memcmp(&fresh, &cached, sizeof fresh) == 0)) return;
    print_error("%02x %02x %02x %02x, %u bytes, 32-bit %d: status %d and %d, length %d and %d, class %d and %d\n",
                bytes[0], bytes[1], bytes[2], bytes[3], avail, code32, a, b, fresh.len, cached.len, fresh.cls,
                cached.cls);
    fail();
}

static void with_numbers(uint8_t *bytes, unsigned n) {
    for (int turn = 0; turn < 3; turn++) { /* the first fills the slot */
        for (unsigned i = n; i < DEC_MAX_LEN; i++) bytes[i] = random_byte();
        same(bytes, DEC_MAX_LEN, true, FEATURES);
    }
}

static void every_form(void **state) {
    (void)state;
    uint8_t bytes[DEC_MAX_LEN];
    for (unsigned map = 0; map < 2; map++)
        for (unsigned opcode = 0; opcode < 256; opcode++)
            for (unsigned modrm = 0; modrm < 256; modrm++)
                for (unsigned sib = 0; sib < 256; sib += (modrm >> 6 != 3 && (modrm & 7) == 4) ? 1 : 256) {
                    unsigned n = 0;
                    if (map) bytes[n++] = 0x0F;
                    bytes[n++] = (uint8_t)opcode;
                    bytes[n++] = (uint8_t)modrm;
                    bytes[n++] = (uint8_t)sib;
                    with_numbers(bytes, n);
                }
}

static void prefixes_and_sizes(void **state) {
    (void)state;
    static const uint8_t first[] = {0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x2E, 0x64, 0x65};
    uint8_t bytes[DEC_MAX_LEN];
    for (unsigned turn = 0; turn < 200000; turn++) {
        for (unsigned i = 0; i < DEC_MAX_LEN; i++) bytes[i] = random_byte();
        if (turn & 1) bytes[0] = first[random_byte() % sizeof first];
        same(bytes, 1 + random_byte() % DEC_MAX_LEN, turn % 8 != 0, FEATURES);
    }
}

/* CMOV is there or not: what is remembered belongs to one model. */
static void features_change(void **state) {
    (void)state;
    const uint8_t cmov[DEC_MAX_LEN] = {0x0F, 0x44, 0xC1};
    for (int turn = 0; turn < 6; turn++)
        same(cmov, DEC_MAX_LEN, true, turn & 1 ? FEATURES : FEATURES & ~(uint32_t)DEC_F_CMOV);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_form),
        cmocka_unit_test(prefixes_and_sizes),
        cmocka_unit_test(features_change),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
