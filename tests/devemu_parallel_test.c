/* devemu_parallel_test.c: the parallel port as BIOS and Linux drive it, its interrupt, and rubbish. */
#include "devemu_fake.h"
#include "devemu/parallel.h"

enum { IRQ = 7, DATA = 0x378, STATUS, CONTROL };
enum { READY = 0xDF, ACKING = 0x1F };

static struct fake *f;
static struct dev *d;

static void open_port(bool printer) {
    f = fake_create();
    struct parallel_config cfg = {.irq = fake_line(f, IRQ), .chr = printer ? &f->chr : NULL};
    d = fake_dev(f, &parallel_class, &cfg);
    pout(f, CONTROL, 0x0C); /* INIT high, selected */
}
static void close_port(void) {
    dev_destroy(d);
    fake_destroy(f);
}
static void strobe(uint8_t byte, uint8_t control) {
    pout(f, DATA, byte);
    pout(f, CONTROL, control | 1);
    pout(f, CONTROL, control);
}

static void polling_prints(void **state) {
    (void)state;
    open_port(true);
    assert_int_equal(pin(f, STATUS), READY);
    for (const char *p = "hello"; *p; p++) {
        strobe((uint8_t)*p, 0x0C);
        assert_int_equal(pin(f, STATUS) & 0xC0, 0); /* busy, and ACK is low: what INT 17h waits for */
        assert_int_equal(pin(f, STATUS), READY);
    }
    assert_memory_equal(f->out, "hello", 5);
    assert_int_equal(f->out_len, 5);
    assert_int_equal(f->rises[IRQ], 0);
    close_port();
}

static void only_the_edge_of_strobe_prints(void **state) {
    (void)state;
    open_port(true);
    pout(f, DATA, 'a');
    pout(f, CONTROL, 0x0D), pout(f, CONTROL, 0x0D), pout(f, CONTROL, 0x0C);
    assert_int_equal(f->out_len, 1);
    pout(f, CONTROL, 0x08), pout(f, CONTROL, 0x09), pout(f, CONTROL, 0x08); /* INIT low: the printer is in reset */
    pout(f, CONTROL, 0x2C), pout(f, CONTROL, 0x2D), pout(f, CONTROL, 0x2C); /* the port drives no data */
    assert_int_equal(f->out_len, 1);
    close_port();
}

static void interrupt_on_acknowledge(void **state) {
    (void)state;
    open_port(true);
    strobe('x', 0x1C);
    assert_true(f->line[IRQ]);
    assert_int_equal(pin(f, STATUS) & 4, 0);
    assert_false(f->line[IRQ]);
    assert_int_equal(pin(f, STATUS) & 4, 4);
    strobe('y', 0x1C);
    assert_true(f->line[IRQ]);
    pout(f, CONTROL, 0x0C); /* disabled: withdrawn, and not kept */
    pout(f, CONTROL, 0x1C);
    assert_false(f->line[IRQ]);
    strobe('z', 0x0C);
    pout(f, CONTROL, 0x1C);
    assert_false(f->line[IRQ]);
    assert_int_equal(f->rises[IRQ], 2);
    close_port();
}

static void registers(void **state) {
    (void)state;
    open_port(true);
    pout(f, DATA, 0x5A);
    assert_int_equal(pin(f, DATA), 0x5A);
    pout(f, CONTROL, 0x2C); /* input: nobody drives the lines */
    assert_int_equal(pin(f, DATA), 0xFF);
    assert_int_equal(pin(f, CONTROL), 0xEC);
    pout(f, CONTROL, 0xCC);
    assert_int_equal(pin(f, DATA), 0x5A);
    assert_int_equal(pin(f, CONTROL), 0xCC);
    pout(f, STATUS, 0);
    assert_int_equal(pin(f, STATUS), READY);
    d->cls->reset(d);
    assert_int_equal(pin(f, CONTROL), 0xC0);
    close_port();
}

static void without_printer(void **state) {
    (void)state;
    open_port(false);
    strobe('x', 0x1C);
    assert_int_equal(pin(f, STATUS) & 0xA0, 0x20); /* busy and out of paper: nothing pulls the lines down */
    assert_false(f->line[IRQ]);
    close_port();
}

static void rubbish(void **state) {
    (void)state;
    open_port(true);
    fake_hammer_ports(f, 77, DATA, CONTROL, 20000);
    fake_roundtrip(d);
    fake_garbage_state(f, d, 78, DATA, CONTROL);
    assert_int_equal(pin(f, STATUS), READY);
    close_port();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(polling_prints),           cmocka_unit_test(only_the_edge_of_strobe_prints),
        cmocka_unit_test(interrupt_on_acknowledge), cmocka_unit_test(registers),
        cmocka_unit_test(without_printer),          cmocka_unit_test(rubbish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
