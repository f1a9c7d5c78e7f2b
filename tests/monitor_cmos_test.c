/* monitor_cmos_test.c: what firmware reads of memory, drives and boot order in the CMOS RAM. */
#include "devemu_fake.h"
#include "devemu/mc146818.h"
#include "monitor/cmos.h"

static struct fake *f;
static struct dev *rtc;

static int open_rtc(void **state) {
    (void)state;
    f = fake_create();
    rtc = fake_dev(f, &mc146818_class, &(struct mc146818_config){fake_line(f, 8), 0});
    return 0;
}
static int close_rtc(void **state) {
    (void)state;
    dev_destroy(rtc);
    fake_destroy(f);
    return 0;
}
static uint8_t get(uint8_t index) { return mc146818_get(rtc, index); }
static unsigned get16(uint8_t index) { return get(index) | get((uint8_t)(index + 1)) << 8; }

static void memory(void **state) {
    (void)state;
    static const struct {
        uint64_t mib;
        unsigned ext_kb, above_16m;
    } row[] = {{1, 0, 0}, {2, 1024, 0}, {16, 15360, 0}, {17, 16384, 16}, {64, 0xFC00, 768}, {3584, 0xFFFF, 57088}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        cmos_fill(rtc, row[i].mib << 20, 2, &(struct cmos_drives){0});
        assert_int_equal(get16(0x15), 640);
        assert_int_equal(get16(0x17), row[i].ext_kb);
        assert_int_equal(get16(0x30), row[i].ext_kb);
        assert_int_equal(get16(0x34), row[i].above_16m);
        assert_int_equal(get(0x5F), 1);
    }
}

static void drives(void **state) {
    (void)state;
    struct cmos_drives d = {.floppy = {FDC_1440K, FDC_NONE}, .disk = {[0] = {1023, 16, 63}, [2] = {16383, 16, 63}}};
    cmos_fill(rtc, 16 << 20, 1, &d);
    assert_int_equal(get(0x10), FDC_1440K << 4);
    assert_int_equal(get(0x14), 1 | 2 | 4); /* a floppy, FPU, mouse */
    assert_int_equal(get(0x12), 0xFF);
    assert_int_equal(get(0x19), 47);
    assert_int_equal(get(0x1A), 47);
    assert_int_equal(get16(0x1B), 1023);
    assert_int_equal(get(0x1D), 16);
    assert_int_equal(get(0x20), 8);
    assert_int_equal(get(0x23), 63);
    assert_int_equal(get16(0x24), 16383); /* the second disk, though the third place */
    assert_int_equal(get(0x2C), 63);
    assert_int_equal(get(0x39), 1 << 4); /* it alone needs translation */
    d = (struct cmos_drives){.floppy = {FDC_360K, FDC_1200K}, .disk = {[1] = {100, 4, 17}}};
    cmos_fill(rtc, 16 << 20, 1, &d);
    assert_int_equal(get(0x10), FDC_360K << 4 | FDC_1200K);
    assert_int_equal(get(0x14), 1 | 2 | 4 | 0x40); /* two floppies */
    assert_int_equal(get(0x12), 0xF0);
    assert_int_equal(get(0x20), 0);
    assert_int_equal(get(0x39), 0);
    cmos_fill(rtc, 16 << 20, 1, &(struct cmos_drives){0});
    assert_int_equal(get(0x10), 0);
    assert_int_equal(get(0x12), 0);
    assert_int_equal(get(0x14), 2 | 4);
}

static void boot_order(void **state) {
    (void)state;
    static const struct {
        const char *order;
        uint8_t first_two, third;
    } row[] = {{NULL, 0x32, 0x11}, {"", 0x32, 0x11},    {"a", 0x21, 0x31},    {"d", 0x23, 0x11},
               {"n", 0x24, 0x31},  {"dca", 0x23, 0x11}, {"acdn", 0x21, 0x31}, {"nd", 0x34, 0x21}};
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        cmos_fill_boot_order(rtc, row[i].order);
        assert_int_equal(get(0x3D), row[i].first_two);
        assert_int_equal(get(0x38), row[i].third);
    }
    assert_true(cmos_boot_order_ok("ncda"));
    assert_false(cmos_boot_order_ok("cc"));
    assert_false(cmos_boot_order_ok("x"));
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, open_rtc, close_rtc)
int main(void) {
    const struct CMUnitTest tests[] = {T(memory), T(drives), T(boot_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
