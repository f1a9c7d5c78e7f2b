/* devemu_uart_test.c: the 16550A against its data sheet, and the probes that firmware and Linux run on it. */
#include "devemu_fake.h"
#include "devemu/uart16550.h"

enum { IRQ = 4, BASE = 0x3F8, RBR = BASE, THR = BASE, IER, IIR, LCR, MCR, LSR, MSR, SCR, FCR = IIR };

static struct fake *f;
static struct dev *d;

static void open_uart(void) {
    f = fake_create();
    struct uart16550_config cfg = {.irq = fake_line(f, IRQ), .chr = &f->chr};
    d = fake_dev(f, &uart16550_class, &cfg);
    pout(f, LCR, 0x83), pout(f, BASE, 1), pout(f, IER, 0), pout(f, LCR, 0x03); /* 115200 8N1 */
    pout(f, MCR, 0x0B);
}
static void close_uart(void) {
    dev_destroy(d);
    fake_destroy(f);
}
static size_t room(void) { return f->chr.room(f->chr.dev_opaque); }
static void feed(const char *s) { f->chr.receive(f->chr.dev_opaque, (const uint8_t *)s, strlen(s)); }

static void registers(void **state) {
    (void)state;
    open_uart();
    assert_int_equal(pin(f, LSR), 0x60);
    assert_int_equal(pin(f, IIR), 0x01);
    assert_int_equal(pin(f, MSR), 0xB0);
    pout(f, SCR, 0xA5);
    assert_int_equal(pin(f, SCR), 0xA5);
    pout(f, IER, 0xFF);
    assert_int_equal(pin(f, IER), 0x0F);
    pout(f, LCR, 0x9B), pout(f, BASE, 0x34), pout(f, IER, 0x12);
    assert_int_equal(pin(f, BASE), 0x34);
    assert_int_equal(pin(f, IER), 0x12);
    pout(f, LCR, 0x1B);
    assert_int_equal(pin(f, IER), 0x0F);
    pout(f, MCR, 0xFF);
    assert_int_equal(pin(f, MCR), 0x1F);
    pout(f, LSR, 0), pout(f, MSR, 0);
    /* Linux's probe: FIFO enabled shows as 11 in IIR 7..6 on a 16550A only. */
    pout(f, MCR, 0x08), pout(f, IER, 0), pout(f, FCR, 0x01);
    assert_int_equal(pin(f, IIR) & 0xC0, 0xC0);
    pout(f, FCR, 0xC0); /* bit 0 clear: the rest does not matter */
    assert_int_equal(pin(f, IIR) & 0xC0, 0x00);
    close_uart();
}

static void thre_interrupt(void **state) {
    (void)state;
    open_uart();
    pout(f, THR, 'a');
    assert_false(f->line[IRQ]);
    pout(f, IER, 0x02); /* enabling while empty raises it */
    assert_true(f->line[IRQ]);
    assert_int_equal(pin(f, IIR), 0x02);
    assert_false(f->line[IRQ]); /* reading IIR cleared it */
    assert_int_equal(pin(f, IIR), 0x01);
    int rises = f->rises[IRQ];
    pout(f, THR, 'b');
    pout(f, THR, 'c');
    assert_int_equal(f->rises[IRQ], rises + 2); /* a new edge for each */
    pout(f, IER, 0);
    assert_false(f->line[IRQ]);
    pout(f, IER, 0x02);
    assert_true(f->line[IRQ]);
    pout(f, MCR, 0x03); /* OUT2 off: line released */
    assert_false(f->line[IRQ]);
    pout(f, MCR, 0x0B);
    assert_true(f->line[IRQ]);
    assert_memory_equal(f->out, "abc", 3);
    close_uart();
}

static void receive_without_fifo(void **state) {
    (void)state;
    open_uart();
    assert_int_equal(room(), 1);
    pout(f, IER, 0x05);
    feed("x");
    assert_int_equal(room(), 0);
    assert_true(f->line[IRQ]);
    assert_int_equal(pin(f, IIR), 0x04);
    assert_int_equal(pin(f, LSR), 0x61);
    assert_int_equal(pin(f, RBR), 'x');
    assert_int_equal(f->room_grew, 1);
    assert_false(f->line[IRQ]);
    assert_int_equal(pin(f, RBR), 'x');
    feed("p"), feed("q"); /* overrun */
    assert_int_equal(pin(f, IIR), 0x06);
    assert_int_equal(pin(f, LSR), 0x63);
    assert_int_equal(pin(f, LSR), 0x61);
    assert_int_equal(pin(f, RBR), 'q');
    close_uart();
}

static void receive_fifo_trigger_and_timeout(void **state) {
    (void)state;
    open_uart();
    pout(f, FCR, 0x81); /* trigger at 8 */
    pout(f, IER, 0x01);
    assert_int_equal(room(), 16);
    feed("1234567");
    assert_false(f->line[IRQ]);
    fake_advance(f, 340000);
    assert_false(f->line[IRQ]);
    fake_advance(f, 10000); /* four characters of ten bits at 115200: 347 us */
    assert_true(f->line[IRQ]);
    assert_int_equal(pin(f, IIR), 0xCC);
    assert_int_equal(pin(f, RBR), '1');
    assert_false(f->line[IRQ]);
    assert_int_equal(pin(f, IIR), 0xC1);
    feed("89");
    assert_true(f->line[IRQ]); /* 8 bytes */
    assert_int_equal(pin(f, IIR), 0xC4);
    assert_int_equal(pin(f, RBR), '2');
    assert_false(f->line[IRQ]);
    for (char c = '3'; c <= '9'; c++) assert_int_equal(pin(f, RBR), c);
    assert_int_equal(pin(f, LSR), 0x60);
    fake_advance(f, 10000000);
    assert_false(f->line[IRQ]); /* empty: no timeout */
    feed("0123456789abcdef");
    assert_int_equal(room(), 0);
    feed("g");
    assert_int_equal(pin(f, LSR), 0x63);
    assert_int_equal(f->room_grew, 0);
    assert_int_equal(pin(f, RBR), '0');
    assert_int_equal(f->room_grew, 1);
    assert_int_equal(room(), 1);
    pout(f, FCR, 0x83);
    assert_int_equal(room(), 16);
    assert_int_equal(pin(f, LSR), 0x60);
    close_uart();
}

static void break_travels_with_its_byte(void **state) {
    (void)state;
    open_uart();
    pout(f, FCR, 0x01);
    pout(f, IER, 0x05);
    feed("a");
    f->chr.event_break(f->chr.dev_opaque);
    assert_int_equal(pin(f, LSR), 0xE1); /* an error somewhere in the FIFO, not at the top */
    assert_int_equal(pin(f, RBR), 'a');
    assert_int_equal(pin(f, IIR), 0xC6);
    assert_int_equal(pin(f, LSR), 0xF1);
    assert_int_equal(pin(f, LSR), 0x61);
    assert_int_equal(pin(f, RBR), 0);
    assert_int_equal(pin(f, LSR), 0x60);
    close_uart();
}

static void loopback(void **state) {
    (void)state;
    open_uart();
    pin(f, MSR);
    pout(f, MCR, 0x1A); /* RTS and OUT2, looped */
    assert_int_equal(pin(f, MSR) & 0xF0, 0x90);
    pout(f, MCR, 0x15);                         /* DTR, OUT1 */
    assert_int_equal(pin(f, MSR), 0x60 | 0x0B); /* CTS, DSR, DCD changed; RI rose, which does not count */
    pout(f, MCR, 0x10);
    assert_int_equal(pin(f, MSR), 0x06); /* RI's trailing edge, DSR */
    assert_int_equal(room(), 0);
    pout(f, THR, 'L');
    assert_int_equal(f->out_len, 0);
    assert_int_equal(pin(f, LSR), 0x61);
    assert_int_equal(pin(f, RBR), 'L');
    pout(f, LCR, 0x43);
    assert_int_equal(pin(f, LSR) & 0x11, 0x11);
    pout(f, MCR, 0x0B);
    assert_int_equal(pin(f, MSR) & 0xF0, 0xB0);
    close_uart();
}

static void interrupt_priority(void **state) {
    (void)state;
    open_uart();
    pout(f, MCR, 0x10), pout(f, MCR, 0x0B); /* modem deltas */
    pout(f, IER, 0x0F);
    feed("a"), feed("b");
    assert_int_equal(pin(f, IIR), 0x06);
    pin(f, LSR);
    assert_int_equal(pin(f, IIR), 0x04);
    pin(f, RBR);
    assert_int_equal(pin(f, IIR), 0x02);
    assert_int_equal(pin(f, IIR), 0x00);
    pin(f, MSR);
    assert_int_equal(pin(f, IIR), 0x01);
    assert_false(f->line[IRQ]);
    close_uart();
}

static void no_backend(void **state) {
    (void)state;
    f = fake_create();
    struct uart16550_config cfg = {.base = 0x2F8};
    d = fake_dev(f, &uart16550_class, &cfg);
    pout(f, 0x2F8, 'x');
    assert_int_equal(pin(f, 0x2FD), 0x60);
    assert_int_equal(pin(f, 0x2FE), 0x00);
    close_uart();
}

static void state_and_hammer(void **state) {
    (void)state;
    open_uart();
    pout(f, FCR, 0x81), pout(f, IER, 0x07), pout(f, SCR, 0x77);
    feed("hello");
    fake_roundtrip(d);
    assert_int_equal(pin(f, SCR), 0x77);
    assert_int_equal(pin(f, RBR), 'h');
    fake_advance(f, 1000000);
    pin(f, IIR);
    uint32_t x = 0x16550;
    for (int i = 0; i < 20000; i++) {
        fake_hammer_ports(f, fake_random(&x), BASE, SCR, 10);
        size_t n = fake_random(&x) % 20;
        if (n > room()) n = room();
        f->chr.receive(f->chr.dev_opaque, (const uint8_t *)"abcdefghijklmnopqrst", n);
        if (!(fake_random(&x) & 15)) f->chr.event_break(f->chr.dev_opaque);
    }
    fake_garbage_state(f, d, 1655, BASE, SCR);
    close_uart();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers),
        cmocka_unit_test(thre_interrupt),
        cmocka_unit_test(receive_without_fifo),
        cmocka_unit_test(receive_fifo_trigger_and_timeout),
        cmocka_unit_test(break_travels_with_its_byte),
        cmocka_unit_test(loopback),
        cmocka_unit_test(interrupt_priority),
        cmocka_unit_test(no_backend),
        cmocka_unit_test(state_and_hammer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
