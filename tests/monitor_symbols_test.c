/* monitor_symbols_test.c: symbol tables, lists as nm writes them, and kernel tables that are cut, moved or made up. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include "monitor/kallsyms.h"
#include "monitor/symbols.h"

/* ---- Tables ---- */

static void add(struct symbol_table *t, uint32_t address, const char *name) {
    assert_true(symbol_table_add(t, address, name, strlen(name)));
}

static const char *below(const struct symbol_table *t, uint32_t address) {
    const struct symbol_entry *e = symbol_table_below(t, address);
    return e ? symbol_table_name(t, e) : "";
}

static void test_table(void **state) {
    struct symbol_table t = {0};
    (void)state;
    add(&t, 0x2000, "two"), add(&t, 0x1000, "one"), add(&t, 0x2000, "alias");
    symbol_table_seal(&t);
    assert_string_equal(below(&t, 0xfff), "");
    assert_string_equal(below(&t, 0x1fff), "one");
    assert_string_equal(below(&t, 0x2000), "two");
    assert_string_equal(below(&t, 0xffffffff), "two");
    assert_int_equal(symbol_table_named(&t, "alias")->address, 0x2000);
    assert_null(symbol_table_named(&t, "three"));
    symbol_table_clear(&t);
    assert_string_equal(below(&t, 0x2000), "");
}

/* ---- Lists ---- */

static struct symbols *open_list(const char *text, char *error) {
    char path[] = "/tmp/novt-symbols-XXXXXX";
    int fd = mkstemp(path);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    struct symbols *s = symbols_open(path, error, 256);
    unlink(path);
    return s;
}

static void test_list(void **state) {
    char error[256];
    const char *name;
    uint32_t offset, address;
    (void)state;
    struct symbols *s = open_list("c1000010 T beta\n00000001 A absolute\nc1000000 t alpha\n         U printf\n", error);
    assert_non_null(s);
    assert_true(symbols_at(s, 0xc1000014, &name, &offset));
    assert_string_equal(name, "beta");
    assert_int_equal(offset, 4);
    assert_false(symbols_at(s, 0xc0ffffff, &name, &offset));
    assert_false(symbols_at(s, 0xd0000000, &name, &offset));
    assert_true(symbols_find(s, "alpha", &address));
    assert_int_equal(address, 0xc1000000);
    assert_false(symbols_find(s, "absolute", &address));
    symbols_close(s);
    assert_null(open_list("hello, world\n", error));
    assert_non_null(strstr(error, "neither"));
    assert_null(open_list("ffffffffffffffff B elsewhere\n", error));
    assert_non_null(strstr(error, "holds no symbols"));
    assert_null(open_list("", error));
    assert_null(symbols_open("/dev/zero", error, sizeof error));
    assert_null(open_list("\177ELF but no more", error));
}

/* ---- Kernel tables, laid out as scripts/kallsyms.c of Linux does it ---- */

enum { COUNT = 1000, BASE = 0xc1000000, ROOM = 64 << 10 };
enum layout { PLAIN, ORDERED, OFFSETS_LAST, ABSOLUTE };
static uint8_t image[ROOM];
static size_t at;

static void put32(uint32_t v) { memcpy(image + at, &v, 4), at += 4; }
static void align(void) {
    while (at & 3) image[at++] = 0;
}
static void put_addresses(uint32_t base) {
    for (uint32_t i = 0; i < COUNT; i++) put32(base + i * 16);
}

/* Token c is the character c; where no character can be printed it is "x". Returns where the digits are. */
static size_t build(enum layout layout) {
    uint32_t markers[4];
    uint16_t offsets[256];
    memset(image, 0xAA, sizeof image);
    at = 4096;
    if (layout == ABSOLUTE) put_addresses(BASE);
    if (layout == PLAIN || layout == ORDERED) put_addresses(0), put32(BASE);
    put32(COUNT);
    size_t names = at;
    for (uint32_t i = 0; i < COUNT; i++) {
        char name[16];
        if (i % 256 == 0) markers[i / 256] = (uint32_t)(at - names);
        snprintf(name, sizeof name, "Tsym_%u", i);
        image[at++] = (uint8_t)strlen(name);
        memcpy(image + at, name, strlen(name)), at += strlen(name);
    }
    align();
    for (int i = 0; i < 4; i++) put32(markers[i]);
    if (layout == ORDERED)
        for (uint32_t i = 0; i < COUNT; i++) image[at++] = 0, image[at++] = (uint8_t)(i >> 8), image[at++] = (uint8_t)i;
    align();
    size_t tokens = at, digits = 0;
    for (unsigned c = 0; c < 256; c++) {
        offsets[c] = (uint16_t)(at - tokens);
        if (c == '0') digits = at;
        image[at++] = c > ' ' && c < 127 ? (uint8_t)c : 'x';
        image[at++] = 0;
    }
    align();
    memcpy(image + at, offsets, sizeof offsets), at += sizeof offsets;
    if (layout == OFFSETS_LAST) put_addresses(0), put32(BASE);
    return digits;
}

static void test_layouts(void **state) {
    (void)state;
    for (enum layout l = PLAIN; l <= ABSOLUTE; l++) {
        struct symbol_table t = {0};
        size_t digits = build(l);
        assert_true(kallsyms_read(image, at, digits, &t));
        assert_int_equal(t.n, COUNT);
        assert_string_equal(below(&t, BASE + 16 * 777 + 3), "sym_777");
        assert_int_equal(symbol_table_named(&t, "sym_999")->address, BASE + 16 * 999);
        symbol_table_clear(&t);
    }
}

/* Whatever one byte is changed to, nothing is read outside (sanitizers), and what is believed is whole. */
static void test_damage(void **state) {
    (void)state;
    for (enum layout l = PLAIN; l <= ABSOLUTE; l++) {
        size_t digits = build(l), end = at;
        for (size_t i = 4096; i < end; i += 97) {
            struct symbol_table t = {0};
            uint8_t old = image[i];
            image[i] ^= 0x81;
            if (kallsyms_read(image, end, digits, &t)) assert_in_range(t.n, 1, SYMBOLS_MAX);
            symbol_table_clear(&t);
            image[i] = old;
        }
        for (size_t size = digits + KALLSYMS_DIGITS; size < end - 4; size += 501) {
            struct symbol_table t = {0};
            kallsyms_read(image, size, digits, &t);
            symbol_table_clear(&t);
        }
    }
}

static void test_uniform(void **state) {
    (void)state;
    for (unsigned fill = 0; fill < 256; fill += 51) {
        struct symbol_table t = {0};
        memset(image, (int)fill, sizeof image);
        memcpy(image + ROOM / 2, kallsyms_digits, KALLSYMS_DIGITS);
        assert_false(kallsyms_read(image, sizeof image, ROOM / 2, &t));
    }
}

/* Tables of characters in 16 bits stand in front: a system's code pages. */
static void test_among_others(void **state) {
    enum { OTHERS = 40, RAM = 1 << 20, SELF = RAM / 2 };
    struct smmu_mem *mem;
    const char *name;
    uint32_t offset;
    char error[256];
    (void)state;
    struct symbols *s = symbols_open(NULL, error, sizeof error);
    assert_int_equal(smmu_mem_create(RAM, 4096, &mem), SMMU_OK);
    uint8_t *ram = smmu_mem_linear(mem);
    for (unsigned i = 0; i < OTHERS; i++)
        for (unsigned c = 0; c < 256; c++) ram[8192 * i + 2 * c] = (uint8_t)c;
    symbols_look(s, mem, 1);
    assert_false(symbols_at(s, BASE, &name, &offset));
    build(OFFSETS_LAST);
    memcpy(ram + SELF, image, at);
    symbols_look(s, mem, UINT64_C(1) << 60);
    assert_true(symbols_at(s, BASE + 16 * 5 + 1, &name, &offset));
    assert_string_equal(name, "sym_5");
    symbols_close(s);
    smmu_mem_destroy(mem);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table),   cmocka_unit_test(test_list),
                                       cmocka_unit_test(test_layouts), cmocka_unit_test(test_damage),
                                       cmocka_unit_test(test_uniform), cmocka_unit_test(test_among_others)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
