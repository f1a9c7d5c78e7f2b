/* devemu_i8042_test.c: keyboard controller, keyboard and mouse, spoken to as firmware and Linux do. */
#include "devemu_fake.h"
#include "devemu/i8042.h"
#include "devemu/ps2.h"

enum { IRQ1 = 1, IRQ12 = 12, OBF = 1, AUX = 0x20 };

static struct fake *f;
static struct dev *d;
static struct a20_gate gate;

static void open_kbc(void) {
    f = fake_create();
    gate = (struct a20_gate){0};
    struct i8042_config cfg = {fake_line(f, IRQ1), fake_line(f, IRQ12), &gate};
    d = fake_dev(f, &i8042_class, &cfg);
}
static void close_kbc(void) {
    dev_destroy(d);
    fake_destroy(f);
}
/* The next byte within 5 ms, or -1; aux tells whose. */
static int next_byte(bool *aux) {
    for (int i = 0; i < 50; i++) {
        uint8_t st = pin(f, 0x64);
        if (st & OBF) {
            if (aux) *aux = st & AUX;
            return pin(f, 0x60);
        }
        fake_advance(f, 100000);
    }
    return -1;
}
static int get(void) { return next_byte(NULL); }
static void command(uint8_t c) { pout(f, 0x64, c); }
static void command_with(uint8_t c, uint8_t v) {
    pout(f, 0x64, c);
    pout(f, 0x60, v);
}
static void keyboard(uint8_t v) { pout(f, 0x60, v); }
static void mouse(uint8_t v) { command_with(0xD4, v); }
static int get_aux(void) {
    bool aux = false;
    int v = next_byte(&aux);
    assert_true(aux);
    return v;
}

static void controller_commands(void **state) {
    (void)state;
    open_kbc();
    assert_int_equal(pin(f, 0x64), 0x10);
    command(0xAA);
    assert_int_equal(pin(f, 0x64), 0x10 | 0x08 | 0x04 | OBF);
    assert_int_equal(get(), 0x55);
    command(0xAB);
    assert_int_equal(get(), 0x00);
    command(0xA9);
    assert_int_equal(get(), 0x00);
    command_with(0x60, 0x74);
    command(0x20);
    assert_int_equal(get(), 0x74);
    command(0xAE), command(0x20);
    assert_int_equal(get(), 0x64);
    command(0xA8), command(0x20);
    assert_int_equal(get(), 0x44);
    command(0xAD), command(0xA7), command(0x20);
    assert_int_equal(get(), 0x74);
    command_with(0x61 + 4, 0x99), command(0x21 + 4);
    assert_int_equal(get(), 0x99);
    command(0xC0);
    assert_int_equal(get(), 0x80);
    command(0xA4);
    assert_int_equal(get(), 0xF1);
    command(0x47); /* nobody's */
    assert_int_equal(get(), -1);
    command_with(0xD2, 0x3C);
    bool aux = true;
    assert_int_equal(next_byte(&aux), 0x3C);
    assert_false(aux);
    command_with(0xD3, 0x5A);
    assert_int_equal(get_aux(), 0x5A);
    close_kbc();
}

static void a20_and_reset(void **state) {
    (void)state;
    open_kbc();
    assert_int_equal(f->a20, 1); /* port pins high after reset */
    command(0xDD);
    assert_int_equal(f->a20, 0);
    command(0xDF);
    assert_int_equal(f->a20, 1);
    command_with(0xD1, 0xDD);
    assert_int_equal(f->a20, 0);
    command(0xD0);
    assert_int_equal(get() & 3, 1);
    command_with(0xD1, 0xDF);
    assert_int_equal(f->a20, 1);
    command(0xFF); /* pulses nothing */
    assert_int_equal(f->requests, 0);
    command(0xFE);
    assert_int_equal(f->requests, 1);
    assert_int_equal(f->last_request, DEV_REQ_RESET);
    command_with(0xD1, 0xDE);
    assert_int_equal(f->requests, 2);
    close_kbc();
}

static void keyboard_commands(void **state) {
    (void)state;
    open_kbc();
    keyboard(0xFF);
    assert_int_equal(get(), 0xFA);
    assert_int_equal(get(), 0xAA);
    keyboard(0xF2);
    assert_int_equal(get(), 0xFA), assert_int_equal(get(), 0xAB), assert_int_equal(get(), 0x83);
    keyboard(0xEE);
    assert_int_equal(get(), 0xEE);
    keyboard(0xED);
    assert_int_equal(get(), 0xFA);
    keyboard(0x05);
    assert_int_equal(get(), 0xFA);
    assert_int_equal(i8042_leds(d), 5);
    keyboard(0xF3), assert_int_equal(get(), 0xFA);
    keyboard(0x20), assert_int_equal(get(), 0xFA);
    keyboard(0xF0), assert_int_equal(get(), 0xFA);
    keyboard(0x00), assert_int_equal(get(), 0xFA), assert_int_equal(get(), 0x02);
    keyboard(0xFE), assert_int_equal(get(), 0x02); /* resend */
    keyboard(0x12), assert_int_equal(get(), 0xFE); /* no such command */
    command_with(0x60, 0x41);                      /* translated, identify reads AB 41 */
    keyboard(0xF2);
    assert_int_equal(get(), 0xFA), assert_int_equal(get(), 0xAB), assert_int_equal(get(), 0x41);
    assert_int_equal(get(), -1);
    close_kbc();
}

static void scan_codes(void **state) {
    (void)state;
    static const uint8_t a[] = {0x1C, 0xF0, 0x1C}, right[] = {0xE0, 0x74, 0xE0, 0xF0, 0x74};
    open_kbc();
    command_with(0x60, 0x41);
    assert_true(i8042_key(d, a, 3));
    assert_true(f->line[IRQ1]);
    assert_int_equal(pin(f, 0x60), 0x1E);
    assert_false(f->line[IRQ1]);
    assert_int_equal(pin(f, 0x64) & OBF, 0); /* the next byte takes its time, */
    assert_int_equal(pin(f, 0x60), 0x1E);    /* so a chained handler reads the same */
    fake_advance(f, 300000);
    assert_true(f->line[IRQ1]);
    assert_int_equal(get(), 0x9E);
    assert_true(i8042_key(d, right, 5));
    assert_int_equal(get(), 0xE0), assert_int_equal(get(), 0x4D);
    assert_int_equal(get(), 0xE0), assert_int_equal(get(), 0xCD);
    assert_int_equal(get(), -1);
    command_with(0x60, 0x01); /* untranslated set 2 */
    i8042_key(d, a, 3);
    assert_int_equal(get(), 0x1C), assert_int_equal(get(), 0xF0), assert_int_equal(get(), 0x1C);
    keyboard(0xF0), assert_int_equal(get(), 0xFA);
    keyboard(0x01), assert_int_equal(get(), 0xFA);
    i8042_key(d, right, 5); /* set 1 from the keyboard itself */
    assert_int_equal(get(), 0xE0), assert_int_equal(get(), 0x4D);
    assert_int_equal(get(), 0xE0), assert_int_equal(get(), 0xCD);
    keyboard(0xF5), assert_int_equal(get(), 0xFA);
    assert_true(i8042_key(d, a, 3)); /* not scanning */
    assert_int_equal(get(), -1);
    keyboard(0xF4), assert_int_equal(get(), 0xFA);
    command(0xAD); /* clock held: the keys wait */
    i8042_key(d, a, 1);
    assert_int_equal(get(), -1);
    command(0xAE);
    assert_int_equal(get(), 0x1C);
    for (int i = 0; i < 300; i++) i8042_key(d, a, 3);
    assert_false(i8042_key(d, a, 3)); /* full: refused whole */
    int n = 0;
    while (get() >= 0) n++;
    assert_int_equal(n % 3, 0);
    assert_in_range(n, 200, 256);
    close_kbc();
}

static void keyboard_ack(uint8_t v) {
    keyboard(v);
    assert_int_equal(get(), 0xFA);
}
/* Presses or releases by codes of set 2; `expect` is what arrives, 0 ends it. */
static void types(const char *set2, const char *expect) {
    assert_true(i8042_key(d, (const uint8_t *)set2, strlen(set2)));
    for (const char *p = expect; *p; p++) assert_int_equal(get(), (uint8_t)*p);
    assert_int_equal(get(), -1);
}

static void scan_set_3(void **state) {
    (void)state;
    open_kbc();
    command_with(0x60, 0x01);
    keyboard_ack(0xF0), keyboard(0x04);
    assert_int_equal(get(), 0xFE); /* there is no such set */
    keyboard_ack(0xF0), keyboard_ack(0x03);
    keyboard_ack(0xF0), keyboard_ack(0x00);
    assert_int_equal(get(), 3);
    types("\x1C\xF0\x1C", "\x1C");                 /* A: its release is not told */
    types("\x12\xF0\x12", "\x12\xF0\x12");         /* Shift: it is */
    types("\x76\x05\x83\x58", "\x08\x07\x37\x14"); /* Esc F1 F7 Caps */
    types("\xE0\x12\xE0\x70", "\x67");             /* Insert, with the shift that is none */
    types("\xE0\xF0\x70\xE0\xF0\x12", "");
    types("\xE0\x12\xE0\x7C", "\x57"); /* Print Screen */
    types("\xE1\x14\x77\xE1\xF0\x14\xF0\x77", "\x62");
    types("\xE0\x14\xE0\x11\xE0\x5A\xE0\x4A", "\x58\x39\x79\x77");
    types("\x77\x7C\x7B\x79", "\x76\x7E\x84\x7C"); /* the keypad's */
    keyboard_ack(0xFC), keyboard_ack(0x1C), keyboard_ack(0x67);
    types("\x1C\xF0\x1C\xE0\xF0\x70", "\x1C\xF0\x1C\xF0\x67");
    keyboard_ack(0xFD), keyboard_ack(0x1C);
    types("\xF0\x1C", "");
    keyboard_ack(0xF8);
    types("\xF0\x1C\xF0\x32", "\xF0\x1C\xF0\x32");
    types("\xE1\x14\x77\xE1\xF0\x14\xF0\x77", "\x62\xF0\x62");
    for (uint8_t all = 0xF7; all <= 0xF9; all += 2) {
        keyboard_ack(all);
        types("\xF0\x1C\xF0\x12", "");
    }
    keyboard_ack(0xFA);
    types("\xF0\x1C", "\xF0\x1C");
    fake_roundtrip(d);
    types("\xF0\x1C", "\xF0\x1C");
    keyboard_ack(0xF6); /* defaults: set 2 again, */
    types("\xE0\x70", "\xE0\x70");
    keyboard_ack(0xF0), keyboard_ack(0x03);
    types("\xF0\x1C\xF0\x12", "\xF0\x12"); /* and the key types */
    close_kbc();
}

static void mouse_ack(uint8_t v) {
    mouse(v);
    assert_int_equal(get_aux(), 0xFA);
}
static void moves(int dx, int dy, int want_x, int want_y) {
    i8042_mouse(d, dx, -dy, 0, 0);
    assert_int_equal(get_aux(), 0x08 | (want_x < 0 ? 0x10 : 0) | (want_y < 0 ? 0x20 : 0));
    assert_int_equal(get_aux(), (uint8_t)want_x);
    assert_int_equal(get_aux(), (uint8_t)want_y);
}
static void mouse_settings(void **state) {
    (void)state;
    open_kbc();
    command_with(0x60, 0x03);
    mouse_ack(0xF4), mouse_ack(0xE7);
    moves(1, -2, 1, -1), moves(3, 4, 3, 6), moves(-5, -6, -9, -12), moves(100, -127, 200, -254);
    i8042_mouse(d, 150, 0, 0, 0); /* in two packets */
    assert_int_equal(get_aux(), 0x08), assert_int_equal(get_aux(), 254), assert_int_equal(get_aux(), 0);
    assert_int_equal(get_aux(), 0x08), assert_int_equal(get_aux(), 46), assert_int_equal(get_aux(), 0);
    mouse_ack(0xE8), mouse_ack(0x03);
    i8042_mouse(d, 0, 0, 0, 5); /* left and middle */
    for (int i = 0; i < 3; i++) get_aux();
    mouse_ack(0xE9);
    assert_int_equal(get_aux(), 0x20 | 0x10 | 4 | 2), assert_int_equal(get_aux(), 3), assert_int_equal(get_aux(), 100);
    mouse_ack(0xF0); /* remote: only when asked, and never scaled */
    i8042_mouse(d, 10, 0, 0, 0);
    assert_int_equal(get(), -1);
    mouse_ack(0xEB);
    assert_int_equal(get_aux(), 0x08), assert_int_equal(get_aux(), 10), assert_int_equal(get_aux(), 0);
    mouse_ack(0xEA), mouse_ack(0xE6);
    moves(10, 0, 10, 0);
    mouse_ack(0xEE); /* wrap: everything comes back but EC and FF */
    mouse(0xF2), assert_int_equal(get_aux(), 0xF2);
    mouse(0x55), assert_int_equal(get_aux(), 0x55);
    mouse_ack(0xEC), mouse_ack(0xF2);
    assert_int_equal(get_aux(), 0);
    static const uint8_t knock[] = {200, 100, 80, 200, 200, 80}; /* wheel, then five buttons */
    for (size_t i = 0; i < sizeof knock; i++) mouse_ack(0xF3), mouse_ack(knock[i]);
    mouse_ack(0xF2);
    assert_int_equal(get_aux(), 4);
    i8042_mouse(d, 0, 0, -1, 8);
    assert_int_equal(get_aux(), 0x08), get_aux(), get_aux();
    assert_int_equal(get_aux(), 0x1F);
    mouse(0xFE), assert_int_equal(get_aux(), 0x1F); /* resend */
    mouse_ack(0xF6), mouse_ack(0xE9);
    assert_int_equal(get_aux(), 0), assert_int_equal(get_aux(), 2), assert_int_equal(get_aux(), 100);
    close_kbc();
}

static void mouse_protocol(void **state) {
    (void)state;
    open_kbc();
    command_with(0x60, 0x03);
    mouse(0xFF);
    assert_true(f->line[IRQ12]);
    assert_int_equal(get_aux(), 0xFA), assert_int_equal(get_aux(), 0xAA), assert_int_equal(get_aux(), 0x00);
    mouse(0xF2), assert_int_equal(get_aux(), 0xFA), assert_int_equal(get_aux(), 0x00);
    i8042_mouse(d, 5, 5, 0, 0); /* not reporting */
    assert_int_equal(get(), -1);
    assert_false(i8042_mouse_enabled(d));
    mouse(0xF4), assert_int_equal(get_aux(), 0xFA);
    assert_true(i8042_mouse_enabled(d));
    i8042_mouse(d, 5, 3, 0, 1);
    assert_int_equal(get_aux(), 0x08 | 0x20 | 1), assert_int_equal(get_aux(), 5), assert_int_equal(get_aux(), 0xFD);
    i8042_mouse(d, 300, 0, 0, 0); /* two packets */
    assert_int_equal(get_aux(), 0x08), assert_int_equal(get_aux(), 255), assert_int_equal(get_aux(), 0);
    assert_int_equal(get_aux(), 0x08), assert_int_equal(get_aux(), 45), assert_int_equal(get_aux(), 0);
    assert_int_equal(get(), -1);
    mouse(0xF5), assert_int_equal(get_aux(), 0xFA);
    static const uint8_t knock[] = {200, 100, 80};
    for (int i = 0; i < 3; i++) {
        mouse(0xF3), assert_int_equal(get_aux(), 0xFA);
        mouse(knock[i]), assert_int_equal(get_aux(), 0xFA);
    }
    mouse(0xF2), assert_int_equal(get_aux(), 0xFA), assert_int_equal(get_aux(), 0x03);
    mouse(0xF4), assert_int_equal(get_aux(), 0xFA);
    i8042_mouse(d, 0, 0, -1, 0);
    assert_int_equal(get_aux(), 0x08), get_aux(), get_aux();
    assert_int_equal(get_aux(), 0xFF);
    mouse(0xE9), assert_int_equal(get_aux(), 0xFA);
    assert_int_equal(get_aux(), 0x20), assert_int_equal(get_aux(), 2), assert_int_equal(get_aux(), 80);
    mouse(0x99), assert_int_equal(get_aux(), 0xFE);
    command(0xA7); /* mouse clock held */
    i8042_mouse(d, 1, 1, 0, 0);
    assert_int_equal(get(), -1);
    close_kbc();
}

static void want_packet(uint8_t first, int dx, int dy) {
    assert_int_equal(get_aux(), first);
    assert_int_equal(get_aux(), (uint8_t)dx);
    assert_int_equal(get_aux(), (uint8_t)dy);
}

/* What happens while a packet waits comes one after the other, each change at its place. */
static void mouse_clicks(void **state) {
    (void)state;
    open_kbc();
    command_with(0x60, 0x03);
    mouse_ack(0xF4);
    i8042_mouse(d, 1, 0, 0, 0);
    i8042_mouse(d, 0, 0, 0, 1), i8042_mouse(d, 0, 0, 0, 0);
    i8042_mouse(d, 300, 0, 0, 0), i8042_mouse(d, 10, 0, 0, 0);
    i8042_mouse(d, 0, 0, 0, 2), i8042_mouse(d, 5, 0, 0, 2), i8042_mouse(d, 0, 0, 0, 0);
    fake_roundtrip(d);
    want_packet(0x08, 1, 0);
    want_packet(0x09, 0, 0), want_packet(0x08, 255, 0), want_packet(0x08, 55, 0);
    want_packet(0x0A, 5, 0), want_packet(0x08, 0, 0);
    assert_int_equal(get(), -1);
    i8042_mouse(d, 1, 0, 0, 0); /* more than is kept: none is left out at the start, the last state is right */
    for (unsigned i = 1; i <= 101; i++) i8042_mouse(d, 0, 0, 0, i & 1);
    want_packet(0x08, 1, 0);
    for (unsigned i = 1; i <= PS2_MOUSE_PAST; i++) want_packet((uint8_t)(0x08 | (i & 1)), 0, 0);
    want_packet(0x09, 0, 0);
    assert_int_equal(get(), -1);
    close_kbc();
}

static void state_and_hammer(void **state) {
    (void)state;
    static const uint8_t a[] = {0x1C, 0xF0, 0x1C};
    open_kbc();
    command_with(0x60, 0x43);
    i8042_key(d, a, 3);
    command(0xDD);
    fake_roundtrip(d);
    assert_int_equal(f->a20, 0);
    assert_int_equal(get(), 0x1E), assert_int_equal(get(), 0x9E);
    uint32_t x = 0x8042;
    for (int i = 0; i < 20000; i++) {
        fake_hammer_ports(f, fake_random(&x), 0x60, 0x60, 4);
        fake_hammer_ports(f, fake_random(&x), 0x64, 0x64, 2);
        uint8_t keys[4] = {(uint8_t)x, (uint8_t)(x >> 8), (uint8_t)(x >> 16), 0xF0};
        i8042_key(d, keys, fake_random(&x) & 3);
        i8042_mouse(d, (int)fake_random(&x), (int)fake_random(&x), (int)fake_random(&x), fake_random(&x));
    }
    i8042_mouse(d, INT32_MIN, INT32_MIN, INT32_MIN, 0);
    fake_garbage_state(f, d, 42, 0x60, 0x64);
    close_kbc();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(controller_commands), cmocka_unit_test(a20_and_reset), cmocka_unit_test(keyboard_commands),
        cmocka_unit_test(scan_codes),          cmocka_unit_test(scan_set_3),    cmocka_unit_test(mouse_settings),
        cmocka_unit_test(mouse_protocol),      cmocka_unit_test(mouse_clicks),  cmocka_unit_test(state_and_hammer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
