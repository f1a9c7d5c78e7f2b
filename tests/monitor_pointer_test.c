/*
 * monitor_pointer_test.c: positions become movements of the PS/2 mouse, or go to an absolute device in use.
 */
#include "devemu/a20.h"
#include "devemu/i8042.h"
#include "devemu_fake.h"
#include "monitor/pointer.h"

enum { STATUS_FULL = 0x01 };

static struct fake *f;
static struct dev *d;
static struct pointer p;

/* The next byte within 5 ms, or -1. */
static int next(void) {
    for (int i = 0; i < 50; i++) {
        if (pin(f, 0x64) & STATUS_FULL) return pin(f, 0x60);
        fake_advance(f, 100000);
    }
    return -1;
}

static int setup(void **state) {
    static struct a20_gate gate;
    (void)state;
    f = fake_create();
    d = fake_dev(f, &i8042_class, &(struct i8042_config){fake_line(f, 1), fake_line(f, 12), &gate});
    pout(f, 0x64, 0x60), pout(f, 0x60, 0x03); /* both on */
    pout(f, 0x64, 0xD4), pout(f, 0x60, 0xF4); /* the mouse reports */
    assert_int_equal(next(), 0xFA);
    pointer_init(&p, d, NULL);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    dev_destroy(d);
    fake_destroy(f);
    return 0;
}

static void expect_packet(unsigned first, int dx, int dy) {
    assert_int_equal(next(), first | (dx < 0 ? 0x10u : 0) | (dy < 0 ? 0x20u : 0));
    assert_int_equal(next(), dx & 0xFF);
    assert_int_equal(next(), dy & 0xFF);
}
static void expect_nothing(void) { assert_int_equal(next(), -1); }

static void scaling_is_exact(void **state) {
    (void)state;
    static const unsigned sizes[] = {1, 2, 320, 640, 719, 1920, 2560};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (unsigned dot = 0; dot < sizes[s]; dot++) {
            unsigned at = pointer_scale(dot, sizes[s]);
            assert_true(at <= POINTER_MAX);
            assert_int_equal(pointer_dot(at, sizes[s]), dot);
        }
}

static void a_mouse_moves_by_the_difference(void **state) {
    (void)state;
    pointer_move_abs(&p, pointer_scale(100, 640), pointer_scale(100, 480));
    expect_nothing(); /* nobody knows where it was */
    pointer_move_abs(&p, pointer_scale(110, 640), pointer_scale(97, 480));
    expect_packet(0x08, 10, 3);
    pointer_buttons(&p, POINTER_LEFT);
    expect_packet(0x09, 0, 0);
    pointer_buttons(&p, POINTER_LEFT);
    expect_nothing();
    pointer_leave(&p);
    expect_packet(0x08, 0, 0);
    pointer_move_abs(&p, 99999, 99999);
    expect_nothing();
    assert_int_equal(p.x, POINTER_MAX);
    pointer_move_rel(&p, 5, -7); /* at the right edge, but the mouse goes on */
    expect_packet(0x08, 5, 7);
    assert_int_equal(p.x, POINTER_MAX);
    assert_int_equal(pointer_dot(p.y, 480), 479 - 7);
}

static struct {
    bool in_use;
    unsigned x, y, buttons, events;
    int wheel;
} tablet;

static bool tablet_in_use(void *opaque) { return (void)opaque, tablet.in_use; }
static void tablet_event(void *opaque, unsigned x, unsigned y, int wheel, unsigned buttons) {
    (void)opaque;
    tablet.x = x, tablet.y = y, tablet.wheel = wheel, tablet.buttons = buttons;
    tablet.events++;
}

static void a_tablet_in_use_gets_positions(void **state) {
    (void)state;
    pointer_attach(&p, &(struct pointer_absolute){tablet_in_use, tablet_event, NULL});
    pointer_move_abs(&p, 1000, 2000);
    pointer_wheel(&p, 0);
    assert_int_equal(tablet.events, 0);
    tablet.in_use = true;
    pointer_move_abs(&p, 3000, 4000);
    pointer_buttons(&p, POINTER_RIGHT);
    pointer_wheel(&p, -2);
    expect_nothing();
    assert_int_equal(tablet.events, 3);
    assert_int_equal(tablet.x, 3000);
    assert_int_equal(tablet.y, 4000);
    assert_int_equal(tablet.buttons, POINTER_RIGHT);
    assert_int_equal(tablet.wheel, -2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scaling_is_exact, setup, teardown),
        cmocka_unit_test_setup_teardown(a_mouse_moves_by_the_difference, setup, teardown),
        cmocka_unit_test_setup_teardown(a_tablet_in_use_gets_positions, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
