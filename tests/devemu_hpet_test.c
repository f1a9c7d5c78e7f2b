/* devemu_hpet_test.c: the HPET's counter, comparators and lines. */
#include "devemu_fake.h"
#include "devemu/hpet.h"

enum { BASE = 0xFED00000, T0 = 0x100, T1 = 0x120, RAM = 1 << 20 };
enum { EN = 4, PER = 8, SETVAL = 0x40, W32 = 0x100, LEVEL = 2 };
static struct fake *f;
static struct dev *d;

static int open_hpet(void **state) {
    (void)state;
    f = fake_create();
    assert_int_equal(smmu_mem_create(RAM, 65536, &f->host.mem), SMMU_OK);
    struct hpet_config c = {.legacy = {fake_line(f, 0), fake_line(f, 8)}};
    c.replace = fake_line(f, 15);
    for (int i = 0; i < HPET_PINS; i++) c.pin[i] = fake_line(f, 9 + i);
    d = fake_dev(f, &hpet_class, &c);
    return 0;
}
static int close_hpet(void **state) {
    (void)state;
    dev_destroy(d);
    smmu_mem_destroy(f->host.mem);
    fake_destroy(f);
    return 0;
}
static uint32_t rd(unsigned at) {
    uint32_t v = 0;
    smmu_mem_read(f->host.mem, gpa(BASE + at), &v, 4);
    return v;
}
static void wr(unsigned at, uint32_t v) { smmu_mem_write(f->host.mem, gpa(BASE + at), &v, 4); }

static void identity_and_counter(void **state) {
    (void)state;
    assert_int_equal(rd(0), 0x8086A201);
    assert_int_equal(rd(4), 10000000);
    wr(0xF0, 0x1234), wr(0xF4, 1);
    fake_advance(f, 1000);
    assert_int_equal(rd(0xF0), 0x1234); /* it stands */
    wr(0x10, 1);
    fake_advance(f, 1000);
    assert_int_equal(rd(0xF0), 0x1234 + 100);
    assert_int_equal(rd(0xF4), 1);
    wr(0xF0, 0); /* not while it runs */
    assert_int_equal(rd(0xF0), 0x1234 + 100);
    wr(0x10, 0);
    fake_advance(f, 1000);
    assert_int_equal(rd(0xF0), 0x1234 + 100);
    assert_int_equal(rd(T0), 0x30);
    assert_int_equal(rd(T0 + 4), 0x00F00000);
}

static void periodic(void **state) {
    (void)state;
    wr(0xF0, 0), wr(0xF4, 0);
    wr(T0, EN | PER | SETVAL | W32);
    wr(T0 + 8, 50000), wr(T0 + 8, 100000); /* 0.5 ms, then each ms */
    wr(0x10, 3);
    assert_true(f->line[15]);
    fake_advance(f, 499000);
    assert_int_equal(f->rises[0], 0);
    fake_advance(f, 2000);
    assert_int_equal(f->rises[0], 1);
    for (int i = 0; i < 100; i++) fake_advance(f, 100000);
    assert_int_equal(f->rises[0], 11);
    assert_int_equal(rd(T0 + 8), 50000 + 11 * 100000);
    fake_stall(f, 50000000); /* a late host: one, and on with the next */
    fake_advance(f, 1000);
    assert_in_range(f->rises[0], 12, 13);
    wr(T0 + 8, 1); /* as fast as it gets */
    int before = f->rises[0];
    for (int i = 0; i < 1000; i++) fake_advance(f, 1000);
    assert_in_range(f->rises[0] - before, 1, 60);
}

static void one_shot(void **state) {
    (void)state;
    wr(0x10, 3);
    for (int i = 0; i < 20; i++) {
        wr(T1, EN | W32);
        wr(T1 + 8, rd(0xF0) + 1000);
        fake_advance(f, 9000);
        assert_int_equal(f->rises[8], i);
        fake_advance(f, 2000);
        assert_int_equal(f->rises[8], i + 1);
        fake_advance(f, 1000000);
        assert_int_equal(f->rises[8], i + 1);
    }
    wr(T1, W32); /* disabled */
    wr(T1 + 8, rd(0xF0) + 1000);
    fake_advance(f, 1000000);
    assert_int_equal(f->rises[8], 20);
}

static void level_on_a_pin(void **state) {
    (void)state;
    wr(0x10, 1);
    wr(T1, EN | LEVEL | W32 | 21 << 9);
    wr(T1 + 8, rd(0xF0) + 100);
    fake_advance(f, 10000);
    assert_true(f->line[10]);
    assert_int_equal(rd(0x20), 2);
    wr(0x20, 1);
    assert_true(f->line[10]);
    wr(0x20, 2);
    assert_false(f->line[10]);
    assert_int_equal(rd(0x20), 0);
}

static void hammer(void **state) {
    (void)state;
    uint32_t x = 77;
    for (int i = 0; i < 20000; i++) {
        wr((fake_random(&x) >> 8) & 0x1FC, fake_random(&x) >> (fake_random(&x) & 31));
        rd(fake_random(&x) & 0xFFC);
        fake_advance(f, fake_random(&x) % 100000);
    }
    fake_roundtrip(d);
    fake_garbage_state(f, d, 9, 0, 0);
    fake_advance(f, 1000000);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, open_hpet, close_hpet)
int main(void) {
    const struct CMUnitTest tests[] = {T(identity_and_counter), T(periodic), T(one_shot), T(level_on_a_pin), T(hammer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
