/* devemu_isa_test.c: I/O bus, interrupt controllers, DMA, and the small system ports, against their data sheets. */
#include "devemu_fake.h"
#include "devemu/cf9.h"
#include "devemu/debugcon.h"
#include "devemu/debugexit.h"
#include "devemu/dma8237.h"
#include "devemu/i8254.h"
#include "devemu/i8259.h"
#include "devemu/port61.h"
#include "devemu/port92.h"

/* ---- Bus ---- */

static uint32_t bus_read(void *o, uint16_t port, unsigned size) {
    ++*(int *)o;
    return size == 1 ? (uint8_t)port : 0xA0B0C0D0u;
}
static uint32_t last_write;
static void bus_write(void *o, uint16_t port, unsigned size, uint32_t v) {
    ++*(int *)o;
    last_write = size << 24 | (port & 0xFFu) << 16 | (v & 0xFFFF);
}

static void bus_splits_and_claims(void **state) {
    (void)state;
    static const struct dev_io_ops bytes = {.name = "bytes", .read = bus_read, .write = bus_write, .byte_only = true};
    static const struct dev_io_ops words = {.name = "words", .read = bus_read, .write = bus_write, .keeps_fpu = true};
    struct dev_io_bus *bus = dev_io_create();
    int n = 0, m = 0;
    assert_int_equal(dev_io_map(bus, 0x100, 4, &bytes, &n), DEV_OK);
    assert_int_equal(dev_io_map(bus, 0x104, 4, &words, &m), DEV_OK);
    assert_int_equal(dev_io_map(bus, 0x107, 1, &words, &m), DEV_CONFLICT);
    assert_int_equal(dev_io_map(bus, 0xFFFF, 2, &words, &m), DEV_BAD_CONFIG);
    assert_int_equal(dev_io_map(bus, 0xFFFF, 1, &bytes, &n), DEV_OK);
    assert_true(dev_io_keeps_fpu(bus, 0x104, 4));
    assert_true(dev_io_keeps_fpu(bus, 0x107, 1));
    assert_true(dev_io_keeps_fpu(bus, 0x5000, 4)); /* nobody */
    assert_false(dev_io_keeps_fpu(bus, 0x100, 1));
    assert_false(dev_io_keeps_fpu(bus, 0x106, 4)); /* reaches another range */
    assert_false(dev_io_keeps_fpu(bus, 0xFFFE, 4));
    assert_int_equal(dev_io_read(bus, 0x100, 4), 0x03020100);
    assert_int_equal(n, 4);
    assert_int_equal(dev_io_read(bus, 0x104, 4), 0xA0B0C0D0u);
    assert_int_equal(dev_io_read(bus, 0x104, 2), 0xC0D0);
    assert_int_equal(dev_io_read(bus, 0x102, 4), 0x05040302); /* across two ranges */
    assert_int_equal(dev_io_read(bus, 0x106, 4), 0xFFFF0706u);
    assert_int_equal(dev_io_read(bus, 0xFFFF, 4), 0xFFFFFFFFu);
    assert_int_equal(dev_io_read(bus, 0x500, 2), 0xFFFF);
    dev_io_write(bus, 0x105, 2, 0x12345678);
    assert_int_equal(last_write, 0x02055678);
    dev_io_write(bus, 0x100, 2, 0xBBAA);
    assert_int_equal(last_write, 0x010100BB);
    assert_string_equal(dev_io_name(bus, 0x101), "bytes");
    assert_true(dev_io_accesses(bus, 0x101) > 4);
    dev_io_unmap(bus, 0x100, 3);
    assert_null(dev_io_name(bus, 0x101));
    assert_string_equal(dev_io_name(bus, 0x103), "bytes");
    for (uint32_t i = 0; i < 1000; i++) /* slots are used again */
        assert_int_equal(dev_io_map(bus, (uint16_t)(0x2000 + i), 1, &bytes, &n), DEV_OK);
    dev_io_unmap(bus, 0, 0x10000);
    assert_null(dev_io_name(bus, 0x2003));
    assert_int_equal(dev_io_map(bus, 0, 0x10000, &words, &m), DEV_OK);
    dev_io_destroy(bus);
}

/* ---- 8259A ---- */

struct pic_test {
    struct fake *f;
    struct dev *d;
    int acked[16];
};
static void count_ack(void *o, int irq) { ((struct pic_test *)o)->acked[irq]++; }

static void pic_program(struct fake *f, uint8_t icw4) {
    pout(f, 0x20, 0x11), pout(f, 0x21, 0x08), pout(f, 0x21, 0x04), pout(f, 0x21, icw4);
    pout(f, 0xA0, 0x11), pout(f, 0xA1, 0x70), pout(f, 0xA1, 0x02), pout(f, 0xA1, 0x01);
}
static struct pic_test pic_open(uint8_t icw4) {
    struct pic_test t = {.f = fake_create()};
    struct i8259_config cfg = {.intr = fake_line(t.f, 31)};
    t.d = fake_dev(t.f, &i8259_class, &cfg);
    pic_program(t.f, icw4);
    return t;
}
static void pic_close(struct pic_test *t) {
    dev_destroy(t->d);
    fake_destroy(t->f);
}

static void pic_priority_and_eoi(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x01);
    assert_false(i8259_pending(t.d));
    i8259_set_irq(t.d, 4, true);
    i8259_set_irq(t.d, 1, true);
    assert_true(t.f->line[31]);
    assert_int_equal(i8259_ack(t.d), 0x09);
    assert_false(i8259_pending(t.d)); /* 4 waits behind 1 */
    i8259_set_irq(t.d, 0, true);      /* 0 does not */
    assert_int_equal(i8259_ack(t.d), 0x08);
    pout(t.f, 0x20, 0x0B);
    assert_int_equal(pin(t.f, 0x20), 0x03); /* ISR */
    pout(t.f, 0x20, 0x0A);
    assert_int_equal(pin(t.f, 0x20), 0x10); /* IRR */
    pout(t.f, 0x20, 0x20);                  /* non-specific: 0 */
    assert_false(i8259_pending(t.d));
    pout(t.f, 0x20, 0x61); /* specific: 1 */
    assert_int_equal(i8259_ack(t.d), 0x0C);
    pout(t.f, 0x20, 0x20);
    assert_false(i8259_pending(t.d)); /* lines are still high: edges only */
    i8259_set_irq(t.d, 4, false);
    i8259_set_irq(t.d, 4, true);
    pout(t.f, 0x21, 0x10);
    assert_false(i8259_pending(t.d));
    assert_int_equal(pin(t.f, 0x21), 0x10);
    pout(t.f, 0x21, 0);
    assert_true(i8259_pending(t.d));
    pic_close(&t);
}

static void pic_cascade(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x01);
    i8259_set_irq(t.d, 3, true);
    i8259_set_irq(t.d, 12, true);
    i8259_set_irq(t.d, 8, true);
    assert_int_equal(i8259_ack(t.d), 0x70); /* slave comes in at 2, before 3 */
    assert_false(i8259_pending(t.d));
    pout(t.f, 0xA0, 0x20);
    assert_false(i8259_pending(t.d)); /* the master's 2 is still in service */
    pout(t.f, 0x20, 0x20);
    assert_int_equal(i8259_ack(t.d), 0x74);
    pout(t.f, 0xA0, 0x20);
    pout(t.f, 0x20, 0x20);
    assert_int_equal(i8259_ack(t.d), 0x0B);
    pic_close(&t);
}

static void pic_spurious(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x01);
    assert_int_equal(i8259_ack(t.d), 0x0F);
    pout(t.f, 0x20, 0x0B);
    assert_int_equal(pin(t.f, 0x20), 0); /* not in service */
    i8259_set_irq(t.d, 5, true);
    pout(t.f, 0x21, 0xFF); /* masked between INT and INTA */
    assert_int_equal(i8259_ack(t.d), 0x0F);
    pout(t.f, 0x21, 0xDF);
    assert_int_equal(i8259_ack(t.d), 0x0D);
    /* Level input of the slave gone: master 7, or slave 7 if the master still sees INT. */
    pout(t.f, 0x4D1, 0x02);
    pout(t.f, 0x20, 0x20), pout(t.f, 0x21, 0);
    i8259_set_irq(t.d, 9, true);
    assert_true(i8259_pending(t.d));
    i8259_set_irq(t.d, 9, false);
    assert_false(i8259_pending(t.d));
    assert_int_equal(i8259_ack(t.d), 0x0F);
    pic_close(&t);
}

static void pic_level(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x01);
    pout(t.f, 0x4D0, 0xFF), pout(t.f, 0x4D1, 0xFF);
    assert_int_equal(pin(t.f, 0x4D0), 0xF8); /* 0, 1, 2, 8, 13 stay edge */
    assert_int_equal(pin(t.f, 0x4D1), 0xDE);
    i8259_set_irq(t.d, 11, true);
    assert_int_equal(i8259_ack(t.d), 0x73);
    pout(t.f, 0xA0, 0x20), pout(t.f, 0x20, 0x20);
    assert_true(i8259_pending(t.d)); /* still high: again */
    i8259_set_irq(t.d, 11, false);
    assert_false(i8259_pending(t.d));
    pic_close(&t);
}

static void pic_rotation(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x01);
    pout(t.f, 0x20, 0xC3); /* lowest: 3, so 4 is best */
    i8259_set_irq(t.d, 0, true), i8259_set_irq(t.d, 4, true), i8259_set_irq(t.d, 3, true);
    assert_int_equal(i8259_ack(t.d), 0x0C);
    pout(t.f, 0x20, 0xA0); /* rotate on non-specific EOI: 4 becomes lowest */
    assert_int_equal(i8259_ack(t.d), 0x08);
    pout(t.f, 0x20, 0xE0); /* rotate on specific EOI 0 */
    assert_int_equal(i8259_ack(t.d), 0x0B);
    pic_close(&t);
}

static void pic_aeoi(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x03);
    pout(t.f, 0x20, 0x80); /* rotate in AEOI */
    i8259_set_irq(t.d, 3, true), i8259_set_irq(t.d, 5, true);
    assert_int_equal(i8259_ack(t.d), 0x0B);
    assert_int_equal(i8259_ack(t.d), 0x0D); /* nothing in service */
    i8259_set_irq(t.d, 3, false), i8259_set_irq(t.d, 3, true);
    i8259_set_irq(t.d, 6, true);
    assert_int_equal(i8259_ack(t.d), 0x0E); /* 5 is lowest now: 6 before 3 */
    pic_close(&t);
}

static void pic_special_mask(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x01);
    i8259_set_irq(t.d, 3, true);
    assert_int_equal(i8259_ack(t.d), 0x0B);
    i8259_set_irq(t.d, 5, true);
    pout(t.f, 0x21, 0x08);
    assert_false(i8259_pending(t.d));
    pout(t.f, 0x20, 0x68); /* special mask on: the masked 3 in service blocks nobody */
    assert_int_equal(i8259_ack(t.d), 0x0D);
    pout(t.f, 0x20, 0x20); /* non-specific EOI skips the masked 3 */
    pout(t.f, 0x20, 0x0B);
    assert_int_equal(pin(t.f, 0x20), 0x08);
    pout(t.f, 0x20, 0x48);
    pout(t.f, 0x20, 0x20);
    assert_int_equal(pin(t.f, 0x20), 0x00);
    pic_close(&t);
}

static void pic_special_fully_nested(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x11);
    i8259_set_irq(t.d, 12, true);
    assert_int_equal(i8259_ack(t.d), 0x74);
    i8259_set_irq(t.d, 9, true); /* better slave request while the slave is in service */
    assert_int_equal(i8259_ack(t.d), 0x71);
    i8259_set_irq(t.d, 14, true);
    assert_false(i8259_pending(t.d));
    pic_close(&t);
}

static void pic_poll(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x01);
    i8259_set_irq(t.d, 6, true);
    pout(t.f, 0x20, 0x0C);
    assert_int_equal(pin(t.f, 0x20), 0x86);
    pout(t.f, 0x20, 0x0C);
    assert_int_equal(pin(t.f, 0x20) & 0x80, 0);
    pout(t.f, 0x20, 0x0B);
    assert_int_equal(pin(t.f, 0x20), 0x40);
    pic_close(&t);
}

static void pic_ack_hook(void **state) {
    (void)state;
    struct pic_test t = {.f = fake_create()};
    struct i8259_config cfg = {.acked = count_ack, .acked_opaque = &t};
    t.d = fake_dev(t.f, &i8259_class, &cfg);
    pic_program(t.f, 1);
    i8259_set_irq(t.d, 8, true);
    i8259_ack(t.d);
    i8259_set_irq(t.d, 0, true);
    i8259_ack(t.d);
    i8259_ack(t.d); /* spurious: not told */
    assert_int_equal(t.acked[8], 1);
    assert_int_equal(t.acked[0], 1);
    assert_int_equal(t.acked[2] + t.acked[7] + t.acked[15], 0);
    pic_close(&t);
}

static void pic_state_and_hammer(void **state) {
    (void)state;
    struct pic_test t = pic_open(0x01);
    i8259_set_irq(t.d, 4, true);
    i8259_set_irq(t.d, 9, true);
    i8259_ack(t.d);
    fake_roundtrip(t.d);
    assert_int_equal(i8259_inspect(t.d, 1).isr, 0x02);
    uint32_t x = 0x8259;
    for (int i = 0; i < 20000; i++) {
        fake_hammer_ports(t.f, x + (uint32_t)i * 7919u, i & 1 ? 0x20 : 0xA0, i & 1 ? 0x21 : 0xA1, 4);
        i8259_set_irq(t.d, (int)(fake_random(&x) % 18) - 1, fake_random(&x) & 1);
        int v = fake_random(&x) & 1 ? i8259_ack(t.d) : 0;
        assert_true(v >= 0 && v <= 255);
        assert_int_equal(i8259_pending(t.d), t.f->line[31]);
    }
    fake_garbage_state(t.f, t.d, 99, 0x20, 0x21);
    pic_close(&t);
}

/* ---- 8237A ---- */

static void dma_program(struct fake *f, uint8_t mode, uint32_t addr, uint16_t count) {
    pout(f, 0x0A, 0x06); /* mask channel 2 */
    pout(f, 0x0C, 0);
    pout(f, 0x04, (uint8_t)addr), pout(f, 0x04, (uint8_t)(addr >> 8));
    pout(f, 0x05, (uint8_t)count), pout(f, 0x05, (uint8_t)(count >> 8));
    pout(f, 0x81, (uint8_t)(addr >> 16));
    pout(f, 0x0B, mode | 2);
    pout(f, 0x0A, 0x02);
}

static void dma_open(struct fake **f, struct dev **d) {
    *f = fake_create();
    assert_int_equal(smmu_mem_create(1 << 20, 0, &(*f)->host.mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames((*f)->host.mem, gpa(0), 1 << 20, 0, 0), SMMU_OK);
    *d = fake_dev(*f, &dma8237_class, NULL);
}
static void dma_close(struct fake *f, struct dev *d) {
    dev_destroy(d);
    smmu_mem_destroy(f->host.mem);
    fake_destroy(f);
}

static void dma_registers_and_transfer(void **state) {
    (void)state;
    struct fake *f;
    struct dev *d;
    dma_open(&f, &d);
    uint8_t data[512], back[512];
    for (int i = 0; i < 512; i++) data[i] = (uint8_t)(i * 7);
    assert_int_equal(dma8237_transfer(d, 2, data, 512, true), 0); /* masked after reset */
    dma_program(f, 0x44, 0x31F00, 511);
    assert_true(dma8237_ready(d, 2, true));
    assert_false(dma8237_ready(d, 2, false));
    assert_int_equal(dma8237_transfer(d, 2, data, 200, true), 200);
    pout(f, 0x0C, 0);
    assert_int_equal(pin(f, 0x05), (511 - 200) & 0xFF);
    assert_int_equal(pin(f, 0x05), (511 - 200) >> 8);
    assert_int_equal(dma8237_transfer(d, 2, data + 200, 400, true), 312); /* to terminal count */
    assert_true(dma8237_at_end(d, 2));
    assert_int_equal(pin(f, 0x08) & 0x0F, 4);
    assert_int_equal(pin(f, 0x08) & 0x0F, 0);
    assert_false(dma8237_ready(d, 2, true)); /* masked itself */
    smmu_mem_read(f->host.mem, gpa(0x31F00), back, 512);
    assert_memory_equal(data, back, 512);
    /* The address stays in its 64-KiB page. */
    dma_program(f, 0x48, 0x3FFF0, 31);
    memset(back, 0xEE, sizeof back);
    smmu_mem_write(f->host.mem, gpa(0x3FFF0), data, 16);
    smmu_mem_write(f->host.mem, gpa(0x30000), data + 16, 16);
    assert_int_equal(dma8237_transfer(d, 2, back, 64, false), 32);
    assert_memory_equal(data, back, 32);
    /* Auto-initialize starts again. */
    dma_program(f, 0x54, 0x2000, 15);
    assert_int_equal(dma8237_transfer(d, 2, data, 512, true), 16);
    assert_int_equal(dma8237_transfer(d, 2, data, 512, true), 16);
    /* Backward. */
    dma_program(f, 0x64, 0x2003, 3);
    assert_int_equal(dma8237_transfer(d, 2, data, 4, true), 4);
    smmu_mem_read(f->host.mem, gpa(0x2000), back, 4);
    for (int i = 0; i < 4; i++) assert_int_equal(back[i], data[3 - i]);
    pout(f, 0x80, 0x5A);
    assert_int_equal(dma8237_post_code(d), 0x5A);
    assert_int_equal(pin(f, 0x80), 0x5A);
    dma_close(f, d);
}

static void dma_words(void **state) {
    (void)state;
    struct fake *f;
    struct dev *d;
    dma_open(&f, &d);
    uint8_t data[64], back[64];
    for (int i = 0; i < 64; i++) data[i] = (uint8_t)(i + 1);
    pout(f, 0xD4, 0x05), pout(f, 0xD8, 0);
    pout(f, 0xC4, 0x00), pout(f, 0xC4, 0x80); /* word 8000h: byte 10000h of the page pair */
    pout(f, 0xC6, 9), pout(f, 0xC6, 0);
    pout(f, 0x8B, 0x05); /* bit 0 is not used */
    pout(f, 0xD6, 0x45), pout(f, 0xD4, 0x01);
    assert_int_equal(dma8237_transfer(d, 5, data, 64, true), 20);
    smmu_mem_read(f->host.mem, gpa(0x50000), back, 20);
    assert_memory_equal(data, back, 20);
    dma_close(f, d);
}

static void dma_state_and_hammer(void **state) {
    (void)state;
    struct fake *f;
    struct dev *d;
    dma_open(&f, &d);
    dma_program(f, 0x44, 0x31F00, 511);
    fake_roundtrip(d);
    assert_true(dma8237_ready(d, 2, true));
    uint32_t x = 0x8237;
    static uint8_t buf[70000 * 2];
    for (int i = 0; i < 3000; i++) {
        fake_hammer_ports(f, fake_random(&x), 0x00, 0x0F, 10);
        fake_hammer_ports(f, fake_random(&x), 0x80, 0x8F, 5);
        fake_hammer_ports(f, fake_random(&x), 0xC0, 0xDF, 10);
        size_t len = fake_random(&x) % sizeof buf;
        assert_true(dma8237_transfer(d, (int)(fake_random(&x) & 7), buf, len, fake_random(&x) & 1) <= len);
        dma8237_set_request(d, (int)(fake_random(&x) & 7), fake_random(&x) & 1);
    }
    fake_garbage_state(f, d, 5, 0x00, 0x0F);
    dma_close(f, d);
}

/* ---- Small ports ---- */

static void a20_is_an_or(void **state) {
    (void)state;
    struct fake *f = fake_create();
    struct a20_gate gate = {0};
    struct port92_config cfg = {&gate};
    struct dev *d = fake_dev(f, &port92_class, &cfg);
    assert_int_equal(f->a20, 0);
    pout(f, 0x92, 2);
    assert_int_equal(f->a20, 1);
    a20_set(&gate, &f->host, A20_I8042, true);
    pout(f, 0x92, 0);
    assert_int_equal(f->a20, 1);
    a20_set(&gate, &f->host, A20_I8042, false);
    assert_int_equal(f->a20, 0);
    assert_int_equal(f->requests, 0);
    pout(f, 0x92, 3);
    assert_int_equal(f->requests, 1);
    assert_int_equal(f->last_request, DEV_REQ_RESET);
    pout(f, 0x92, 3); /* no edge */
    assert_int_equal(f->requests, 1);
    assert_int_equal(pin(f, 0x92), 3);
    fake_roundtrip(d);
    assert_int_equal(f->a20, 1);
    fake_hammer_ports(f, 92, 0x92, 0x92, 1000);
    dev_destroy(d);
    fake_destroy(f);
}

static void cf9_resets_on_edge(void **state) {
    (void)state;
    struct fake *f = fake_create();
    struct dev *d = fake_dev(f, &cf9_class, NULL);
    cf9_write(d, 0x02);
    assert_int_equal(f->requests, 0);
    cf9_write(d, 0x06);
    assert_int_equal(f->requests, 1);
    assert_int_equal(cf9_read(d), 0x06);
    fake_roundtrip(d);
    dev_destroy(d);
    fake_destroy(f);
}

static void debug_ports(void **state) {
    (void)state;
    struct fake *f = fake_create();
    struct debugcon_config con = {0x402, &f->chr};
    struct dev *a = fake_dev(f, &debugcon_class, &con), *b = fake_dev(f, &debugcon_class, NULL);
    struct dev *e = fake_dev(f, &debugexit_class, NULL);
    assert_int_equal(pin(f, 0x402), 0xE9);
    assert_int_equal(pin(f, 0xE9), 0xE9);
    pout(f, 0x402, 'h'), pout(f, 0x402, 'i');
    pout(f, 0xE9, 'x'); /* no backend */
    assert_int_equal(f->out_len, 2);
    assert_memory_equal(f->out, "hi", 2);
    dev_io_write(f->host.io, 0xF4, 4, 0x10);
    assert_int_equal(f->last_request, DEV_REQ_EXIT);
    assert_int_equal(f->last_value, 0x21);
    struct debugexit_config small = {.iobase = 0x501, .iosize = 2};
    struct dev *e2 = fake_dev(f, &debugexit_class, &small);
    pout(f, 0x502, 3);
    assert_int_equal(f->last_value, 7);
    assert_null(dev_io_name(f->host.io, 0x503));
    dev_destroy(e2);
    enum dev_status st;
    assert_null(dev_create(&debugcon_class, &f->host, &con, &st));
    assert_int_equal(st, DEV_CONFLICT);
    dev_destroy(a), dev_destroy(b), dev_destroy(e);
    fake_destroy(f);
}

static void port61_shows_timer(void **state) {
    (void)state;
    struct fake *f = fake_create();
    struct dev *pit = fake_dev(f, &i8254_class, NULL);
    struct port61_config cfg = {pit};
    struct dev *d = fake_dev(f, &port61_class, &cfg);
    pout(f, 0x43, 0xB0); /* channel 2, mode 0, 11932 ticks = 10 ms */
    pout(f, 0x61, 0x01);
    pout(f, 0x42, 0x9C), pout(f, 0x42, 0x2E);
    assert_int_equal(pin(f, 0x61) & 0x21, 0x01);
    fake_advance(f, 9990000);
    assert_int_equal(pin(f, 0x61) & 0x20, 0x00);
    fake_advance(f, 20000);
    assert_int_equal(pin(f, 0x61) & 0x20, 0x20);
    int toggles = 0, last = pin(f, 0x61) & 0x10;
    for (int i = 0; i < 1000; i++) {
        fake_advance(f, 1000);
        int now = pin(f, 0x61) & 0x10;
        toggles += now != last;
        last = now;
    }
    assert_in_range(toggles, 65, 67); /* 1 ms / 15.085 us */
    port61_iochk(d);
    assert_int_equal(f->last_request, DEV_REQ_NMI);
    assert_int_equal(pin(f, 0x61) & 0x40, 0x40);
    pout(f, 0x61, 0x09);
    assert_int_equal(pin(f, 0x61) & 0xC9, 0x09);
    int n = f->requests;
    port61_iochk(d);
    assert_int_equal(f->requests, n);
    port61_serr(d);
    assert_int_equal(pin(f, 0x61) & 0x80, 0x80);
    fake_roundtrip(d);
    fake_hammer_ports(f, 61, 0x61, 0x61, 1000);
    dev_destroy(d);
    dev_destroy(pit);
    fake_destroy(f);
}

static void state_errors_stick(void **state) {
    (void)state;
    uint8_t buf[4];
    uint32_t v = 0x11223344;
    uint8_t b = 5;
    struct dev_state st = {.buf = buf, .cap = sizeof buf, .saving = true};
    DEV_STATE(&st, v);
    assert_false(st.failed);
    DEV_STATE(&st, b);
    assert_true(st.failed);
    struct dev_state ld = {.buf = buf, .cap = 3};
    v = 7;
    DEV_STATE(&ld, v);
    assert_true(ld.failed);
    DEV_STATE(&ld, b);
    assert_int_equal(v, 7);
    assert_int_equal(b, 5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bus_splits_and_claims),
        cmocka_unit_test(pic_priority_and_eoi),
        cmocka_unit_test(pic_cascade),
        cmocka_unit_test(pic_spurious),
        cmocka_unit_test(pic_level),
        cmocka_unit_test(pic_rotation),
        cmocka_unit_test(pic_aeoi),
        cmocka_unit_test(pic_special_mask),
        cmocka_unit_test(pic_special_fully_nested),
        cmocka_unit_test(pic_poll),
        cmocka_unit_test(pic_ack_hook),
        cmocka_unit_test(pic_state_and_hammer),
        cmocka_unit_test(dma_registers_and_transfer),
        cmocka_unit_test(dma_words),
        cmocka_unit_test(dma_state_and_hammer),
        cmocka_unit_test(a20_is_an_or),
        cmocka_unit_test(cf9_resets_on_edge),
        cmocka_unit_test(debug_ports),
        cmocka_unit_test(port61_shows_timer),
        cmocka_unit_test(state_errors_stick),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
