/* devemu_apic_test.c: local APIC, I/O APIC and the line router, against the SDM and the 82093AA data sheet. */
#include "devemu_fake.h"
#include "devemu/i8259.h"
#include "devemu/ioapic.h"
#include "devemu/irq_router.h"

enum { RAM = 4 << 20, EXT = 0x700, MASKED = 0x10000, PERIODIC = 0x20000, DEADLINE = 0x40000, RESERVED = 0x60000 };

struct board {
    struct fake *f;
    struct apic_bus apic;
    struct dev *lapic[2], *pic, *ioapic, *router;
    int events, last_cpu, last_event, last_vector;
};

static int pic_ack(void *o) { return i8259_ack(((struct board *)o)->pic); }
static void on_event(void *o, int cpu, enum lapic_event what, uint8_t vector) {
    struct board *b = o;
    b->events++;
    b->last_cpu = cpu;
    b->last_event = (int)what;
    b->last_vector = vector;
}

static struct board *board_new(void) {
    struct board *b = calloc(1, sizeof *b);
    assert_non_null(b);
    struct fake *f = b->f = fake_create();
    assert_int_equal(smmu_mem_create(RAM, 0, &f->host.mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(f->host.mem, gpa(0), RAM, 0, 0), SMMU_OK);
    for (int i = 0; i < 2; i++)
        b->lapic[i] = fake_dev(f, &lapic_class,
                               &(struct lapic_cfg){.bus = &b->apic,
                                                   .cpu = i,
                                                   .intr = fake_line(f, i),
                                                   .pic_ack = i ? NULL : pic_ack,
                                                   .pic_opaque = b,
                                                   .tsc_deadline = i == 0}); /* CPU 1 has no such mode */
    b->pic = fake_dev(f, &i8259_class, &(struct i8259_config){.intr = {lapic_set_lint, b->lapic[0], 0}});
    b->ioapic = fake_dev(f, &ioapic_class, &(struct ioapic_cfg){.bus = &b->apic});
    b->router =
        fake_dev(f, &irq_router_class, &(struct irq_router_cfg){i8259_set_irq, b->pic, ioapic_set_pin, b->ioapic});
    return b;
}
static void board_free(struct board *b) {
    dev_destroy(b->router);
    dev_destroy(b->ioapic);
    dev_destroy(b->pic);
    dev_destroy(b->lapic[1]);
    dev_destroy(b->lapic[0]);
    smmu_mem_destroy(b->f->host.mem);
    fake_destroy(b->f);
    free(b);
}
static uint32_t rd(struct board *b, uint32_t at) {
    uint32_t v;
    smmu_mem_read(b->f->host.mem, gpa(at), &v, 4);
    return v;
}
static void wr(struct board *b, uint32_t at, uint32_t v) { smmu_mem_write(b->f->host.mem, gpa(at), &v, 4); }
static uint32_t lr(struct board *b, uint32_t reg) { return rd(b, LAPIC_DEFAULT_BASE + reg); }
static void lw(struct board *b, uint32_t reg, uint32_t v) { wr(b, LAPIC_DEFAULT_BASE + reg, v); }
static void io_entry(struct board *b, int pin, uint64_t e) {
    wr(b, IOAPIC_BASE, 0x11u + 2u * (unsigned)pin);
    wr(b, IOAPIC_BASE + 0x10, (uint32_t)(e >> 32));
    wr(b, IOAPIC_BASE, 0x10u + 2u * (unsigned)pin);
    wr(b, IOAPIC_BASE + 0x10, (uint32_t)e);
}
static void enable(struct board *b) {
    for (b->apic.current = 1; b->apic.current >= 0; b->apic.current--) lw(b, 0xF0, 0x1FF);
    b->apic.current = 0;
}
/* The master PIC at 20h, all inputs open. */
static void pic_on(struct board *b) {
    static const uint16_t port[] = {0x20, 0x21, 0x21, 0x21, 0xA0, 0xA1, 0xA1, 0xA1, 0x21, 0xA1};
    static const uint8_t value[] = {0x11, 0x20, 4, 1, 0x11, 0x28, 2, 1, 0, 0};
    for (size_t i = 0; i < sizeof value; i++) pout(b->f, port[i], value[i]);
}

static void reset_values(void **state) {
    (void)state;
    struct board *b = board_new();
    assert_int_equal(lr(b, 0x20), 0);
    assert_int_equal(lr(b, 0x30), 0x50014);
    assert_int_equal(lr(b, 0xE0), 0xFFFFFFFFu);
    assert_int_equal(lr(b, 0xF0), 0xFF);
    assert_int_equal(lr(b, 0x320), MASKED);
    assert_int_equal(lr(b, 0x350), EXT);
    assert_int_equal(lr(b, 0x360), MASKED);
    assert_int_equal(lapic_base(b->lapic[0]), 0xFEE00900u);
    assert_int_equal(lapic_base(b->lapic[1]), 0xFEE00800u);
    b->apic.current = 1;
    assert_int_equal(lr(b, 0x20), 1u << 24);
    assert_int_equal(lr(b, 0x350), MASKED);
    b->apic.current = 0;
    lw(b, 0x280, 0);
    assert_int_equal(lr(b, 0x280), 0);
    lr(b, 0x40); /* reserved register: an error that a write of ESR shows */
    lw(b, 0x280, 0);
    assert_int_equal(lr(b, 0x280), 0x80);
    lw(b, 0x280, 0);
    assert_int_equal(lr(b, 0x280), 0);
    uint8_t byte = 0;
    smmu_mem_read(b->f->host.mem, gpa(LAPIC_DEFAULT_BASE + 0x32), &byte, 1);
    assert_int_equal(byte, 5);
    wr(b, IOAPIC_BASE, 1);
    assert_int_equal(rd(b, IOAPIC_BASE + 0x10), 0x170011);
    wr(b, IOAPIC_BASE, 0x10);
    assert_int_equal(rd(b, IOAPIC_BASE + 0x10), MASKED);
    wr(b, IOAPIC_BASE, 0);
    wr(b, IOAPIC_BASE + 0x10, 0xFFFFFFFF);
    assert_int_equal(rd(b, IOAPIC_BASE + 0x10), 0x0F000000);
    board_free(b);
}

static void priorities(void **state) {
    (void)state;
    struct board *b = board_new();
    lapic_deliver(b->lapic[0], 0x40, false);
    assert_false(b->f->line[0]); /* software disabled: dropped */
    enable(b);
    assert_int_equal(lapic_ack(b->lapic[0]), -1);
    lapic_deliver(b->lapic[0], 0x41, false);
    lapic_deliver(b->lapic[0], 0x61, false);
    assert_true(b->f->line[0]);
    assert_int_equal(lr(b, 0x220), 1u << 1);
    assert_int_equal(lr(b, 0x230), 1u << 1);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x61);
    assert_false(b->f->line[0]); /* 41h is less important than what is in service */
    assert_int_equal(lr(b, 0xA0), 0x60);
    assert_int_equal(lr(b, 0x130), 1u << 1);
    lapic_deliver(b->lapic[0], 0x62, false); /* same class waits */
    assert_false(b->f->line[0]);
    lw(b, 0xB0, 0);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x62);
    lw(b, 0xB0, 0);
    lw(b, 0x80, 0x4F);
    assert_int_equal(lr(b, 0xA0), 0x4F);
    assert_false(b->f->line[0]);
    lw(b, 0x80, 0x3F);
    assert_true(b->f->line[0]);
    lw(b, 0x80, 0x40);
    assert_int_equal(lr(b, 0x80), 0x40);
    assert_false(b->f->line[0]);
    lw(b, 0x80, 0);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x41);
    assert_int_equal(lapic_ack(b->lapic[0]), -1);
    fake_roundtrip(b->lapic[0]);
    assert_int_equal(lr(b, 0xA0), 0x40);
    board_free(b);
}

static void pic_through_lint0(void **state) {
    (void)state;
    struct board *b = board_new();
    struct dev_line irq1 = irq_router_line(b->router, 1);
    pic_on(b);
    dev_line_set(&irq1, true);
    assert_true(b->f->line[0]); /* virtual wire works before anything is programmed */
    assert_true(lapic_extint_enabled(b->lapic[0]));
    assert_int_equal(lapic_ack(b->lapic[0]), 0x21);
    assert_false(b->f->line[0]);
    pout(b->f, 0x20, 0x20);
    enable(b);
    dev_line_set(&irq1, false);
    lw(b, 0x350, MASKED | EXT);
    dev_line_set(&irq1, true);
    assert_false(b->f->line[0]);
    lw(b, 0x350, EXT);
    assert_true(b->f->line[0]);
    lapic_deliver(b->lapic[0], 0x30, false); /* the APIC's own come first */
    assert_int_equal(lapic_ack(b->lapic[0]), 0x30);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x21);
    pout(b->f, 0x20, 0x20);
    dev_line_set(&irq1, false);
    /* APIC switched off: the PIC reaches the CPU directly, and the page is gone. */
    lw(b, 0x350, MASKED);
    lapic_set_base(b->lapic[0], LAPIC_DEFAULT_BASE);
    assert_int_equal(lr(b, 0x30), 0xFFFFFFFFu);
    dev_line_set(&irq1, true);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x21);
    lapic_set_base(b->lapic[0], LAPIC_DEFAULT_BASE | APIC_BASE_ENABLE);
    assert_int_equal(lr(b, 0xF0), 0xFF);
    /* LINT0 as a plain edge input, and as NMI. */
    enable(b);
    pout(b->f, 0x20, 0x20);
    dev_line_set(&irq1, false);
    lw(b, 0x350, 0x55);
    dev_line_set(&irq1, true);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x55);
    lw(b, 0x360, 0x400);
    lapic_set_lint(b->lapic[0], 1, true);
    assert_int_equal(b->f->last_request, DEV_REQ_NMI);
    board_free(b);
}

static void page_moves(void **state) {
    (void)state;
    struct board *b = board_new();
    wr(b, 0x100000 + 0x30, 0x12345678);
    lapic_set_base(b->lapic[0], 0x100000 | APIC_BASE_ENABLE);
    assert_int_equal(rd(b, 0x100030), 0x50014);
    assert_int_equal(lr(b, 0x30), 0xFFFFFFFFu);
    lapic_set_base(b->lapic[0], LAPIC_DEFAULT_BASE | APIC_BASE_ENABLE);
    assert_int_equal(rd(b, 0x100030), 0x12345678); /* RAM is back */
    assert_int_equal(lr(b, 0x30), 0x50014);
    board_free(b);
}

static void timer(void **state) {
    (void)state;
    struct board *b = board_new();
    enable(b);
    lw(b, 0x3E0, 0xB); /* divide by 1 */
    lw(b, 0x320, 0x50);
    lw(b, 0x380, 1000000);
    assert_int_equal(lr(b, 0x390), 1000000);
    fake_advance(b->f, 400000);
    assert_int_equal(lr(b, 0x390), 600000);
    fake_roundtrip(b->lapic[0]);
    assert_int_equal(lr(b, 0x390), 600000);
    fake_advance(b->f, 599999);
    assert_false(b->f->line[0]);
    fake_advance(b->f, 1);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x50);
    assert_int_equal(lr(b, 0x390), 0);
    lw(b, 0xB0, 0);
    fake_advance(b->f, 5000000);
    assert_false(b->f->line[0]); /* one shot */
    /* Masked: counts, but does not interrupt, and keeps no host timer. */
    lw(b, 0x320, MASKED | 0x50);
    lw(b, 0x3E0, 3); /* 16 */
    lw(b, 0x380, 100000);
    assert_null(fake_next(b->f));
    fake_advance(b->f, 800000);
    assert_int_equal(lr(b, 0x390), 50000);
    lw(b, 0x3E0, 0); /* 2: what is left of the count stays */
    assert_int_equal(lr(b, 0x390), 50000);
    fake_advance(b->f, 50000);
    assert_int_equal(lr(b, 0x390), 25000);
    lw(b, 0x380, 0);
    assert_int_equal(lr(b, 0x390), 0);
    board_free(b);
}

static void periodic_timer(void **state) {
    (void)state;
    struct board *b = board_new();
    enable(b);
    lw(b, 0x3E0, 0xB);
    lw(b, 0x320, PERIODIC | 0x50);
    lw(b, 0x380, 1000000);
    for (int i = 0; i < 10; i++) {
        fake_advance(b->f, 1000000);
        assert_int_equal(lapic_ack(b->lapic[0]), 0x50);
        lw(b, 0xB0, 0);
        assert_false(b->f->line[0]);
    }
    /* A late host: no tick is lost, and the phase stays. */
    fake_stall(b->f, 5300000);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(lapic_ack(b->lapic[0]), 0x50);
        lw(b, 0xB0, 0);
    }
    assert_false(b->f->line[0]);
    assert_int_equal(lr(b, 0x390), 700000);
    fake_advance(b->f, 700000);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x50);
    lw(b, 0xB0, 0);
    /* A period of 1 ns must not stop the host. */
    b->f->fired = 0;
    lw(b, 0x380, 1);
    fake_advance(b->f, 10000000);
    assert_true(b->f->fired > 0 && b->f->fired < 1000);
    lw(b, 0x380, 0);
    assert_null(fake_next(b->f));
    board_free(b);
}

/* ---- TSC-deadline mode: SDM vol. 3 "TSC-Deadline Mode" ---- */

static uint64_t tsc(struct board *b) { return b->f->host.tsc(b->f); }
static uint64_t deadline(struct board *b) { return lapic_tsc_deadline(b->lapic[0]); }
static void set_deadline(struct board *b, uint64_t value) { lapic_set_tsc_deadline(b->lapic[0], value); }
/* One interrupt has come, and no other. */
static void assert_ticked(struct board *b) {
    assert_int_equal(lapic_ack(b->lapic[0]), 0x50);
    lw(b, 0xB0, 0);
    assert_false(b->f->line[0]);
}
static struct board *board_by_deadline(void) {
    struct board *b = board_new();
    enable(b);
    lw(b, 0x320, DEADLINE | 0x50);
    assert_int_equal(lr(b, 0x320), DEADLINE | 0x50);
    return b;
}

static void deadline_fires_once(void **state) {
    (void)state;
    struct board *b = board_by_deadline();
    uint64_t at = tsc(b) + 3000001; /* 3 ticks a ns: between two of them */
    assert_int_equal(deadline(b), 0);
    set_deadline(b, at);
    assert_int_equal(deadline(b), at);
    fake_advance(b->f, 1000000);
    assert_false(b->f->line[0]);
    assert_int_equal(deadline(b), at);
    fake_advance(b->f, 1);
    assert_true(tsc(b) >= at);
    assert_ticked(b);
    assert_int_equal(deadline(b), 0);
    assert_null(fake_next(b->f));
    fake_advance(b->f, 10000000);
    assert_false(b->f->line[0]);
    /* What has passed, this very tick too, comes at once. */
    set_deadline(b, 1);
    assert_ticked(b);
    assert_int_equal(deadline(b), 0);
    set_deadline(b, tsc(b));
    assert_ticked(b);
    /* Another deadline takes the place of the first, 0 of both. */
    set_deadline(b, tsc(b) + 3000);
    set_deadline(b, tsc(b) + 6000);
    fake_advance(b->f, 1999);
    assert_false(b->f->line[0]);
    fake_advance(b->f, 1);
    assert_ticked(b);
    set_deadline(b, tsc(b) + 3000);
    set_deadline(b, 0);
    assert_null(fake_next(b->f));
    fake_advance(b->f, 1000000);
    assert_false(b->f->line[0]);
    /* The last TSC value there is, as some systems mean "never". */
    set_deadline(b, UINT64_MAX);
    fake_advance(b->f, 1000000000);
    assert_false(b->f->line[0]);
    assert_true(deadline(b) == UINT64_MAX);
    board_free(b);
}

static void deadline_is_never_early(void **state) {
    (void)state;
    struct board *b = board_by_deadline();
    for (uint64_t hasty = 0; hasty < 40; hasty++) { /* the host takes its TSC for faster than it is */
        uint64_t at = tsc(b) + 900 + hasty;
        b->f->tsc_hasty = hasty;
        b->f->fired = 0;
        set_deadline(b, at);
        while (!b->f->line[0]) {
            assert_true(tsc(b) < at);
            fake_advance(b->f, 1);
        }
        assert_true(tsc(b) >= at && tsc(b) < at + 3);
        assert_true(b->f->fired <= 1 + hasty);
        assert_ticked(b);
    }
    b->f->tsc_hasty = 0;
    set_deadline(b, tsc(b) + 3000); /* the guest writes its TSC */
    b->f->tsc_base -= 3000;
    lapic_tsc_changed(b->lapic[0]);
    fake_advance(b->f, 1999);
    assert_false(b->f->line[0]);
    b->f->tsc_base += 3;
    lapic_tsc_changed(b->lapic[0]);
    assert_ticked(b);
    lapic_tsc_changed(b->lapic[0]);
    assert_false(b->f->line[0]);
    fake_stall(b->f, 100);
    set_deadline(b, tsc(b) + 300);
    b->f->now += 100; /* the host's timer is late: who reads the register has its interrupt */
    assert_int_equal(deadline(b), 0);
    assert_ticked(b);
    assert_null(fake_next(b->f));
    board_free(b);
}

static void deadline_masked(void **state) {
    (void)state;
    struct board *b = board_by_deadline();
    lw(b, 0x320, MASKED | DEADLINE | 0x50);
    uint64_t at = tsc(b) + 3000;
    set_deadline(b, at);
    assert_int_equal(deadline(b), at);
    assert_null(fake_next(b->f));
    fake_advance(b->f, 999);
    lw(b, 0x320, DEADLINE | 0x50); /* in time */
    fake_advance(b->f, 1);
    assert_ticked(b);
    lw(b, 0x320, MASKED | DEADLINE | 0x50);
    set_deadline(b, tsc(b) + 3000);
    fake_advance(b->f, 1000);
    assert_int_equal(deadline(b), 0); /* too late: it has passed unheard */
    lw(b, 0x320, DEADLINE | 0x50);
    assert_false(b->f->line[0]);
    set_deadline(b, tsc(b) + 3000);
    lw(b, 0xF0, 0xFF); /* software disabled masks all */
    assert_null(fake_next(b->f));
    fake_advance(b->f, 1000);
    lw(b, 0xF0, 0x1FF);
    lw(b, 0x320, DEADLINE | 0x50);
    assert_false(b->f->line[0]);
    board_free(b);
}

static void deadline_and_the_other_modes(void **state) {
    (void)state;
    struct board *b = board_by_deadline();
    lw(b, 0x3E0, 0xB);
    /* Counts are not for this mode. */
    lw(b, 0x380, 1000);
    assert_int_equal(lr(b, 0x380), 0);
    assert_int_equal(lr(b, 0x390), 0);
    assert_null(fake_next(b->f));
    set_deadline(b, tsc(b) + 3000);
    assert_int_equal(lr(b, 0x390), 0);
    lw(b, 0x3E0, 3);
    lw(b, 0x3E0, 0xB);
    /* Nor deadlines for the others; to change over disarms. */
    static const uint32_t others[] = {0, PERIODIC, RESERVED};
    for (size_t i = 0; i < 3; i++) {
        set_deadline(b, tsc(b) + 3000);
        lw(b, 0x320, others[i] | 0x50);
        assert_int_equal(lr(b, 0x320), others[i] | 0x50);
        assert_int_equal(deadline(b), 0);
        assert_null(fake_next(b->f));
        set_deadline(b, 1);
        set_deadline(b, tsc(b) + 3000);
        assert_int_equal(deadline(b), 0);
        lw(b, 0x380, 1000);
        assert_int_equal(lr(b, 0x390), others[i] == RESERVED ? 0 : 1000);
        lw(b, 0x320, DEADLINE | 0x50);
        assert_int_equal(lr(b, 0x380), 0);
        assert_int_equal(lr(b, 0x390), 0);
        fake_advance(b->f, 10000);
        assert_false(b->f->line[0]);
    }
    /* From one-shot to periodic a count goes on. */
    lw(b, 0x320, 0x50);
    lw(b, 0x380, 1000);
    lw(b, 0x320, PERIODIC | 0x50);
    assert_int_equal(lr(b, 0x390), 1000);
    /* Ticks that a periodic timer still owes do not come any more. */
    fake_stall(b->f, 3500);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x50);
    lw(b, 0x320, DEADLINE | 0x50);
    lw(b, 0xB0, 0);
    assert_false(b->f->line[0]);
    /* A write of the entry that keeps the mode keeps the deadline. */
    set_deadline(b, tsc(b) + 3000);
    lw(b, 0x320, DEADLINE | 0x51);
    fake_advance(b->f, 1000);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x51);
    lw(b, 0xB0, 0);
    /* A CPU without the mode: the bit is not there. */
    b->apic.current = 1;
    lw(b, 0x320, RESERVED | 0x50);
    assert_int_equal(lr(b, 0x320), PERIODIC | 0x50);
    lw(b, 0x320, DEADLINE | 0x50);
    assert_int_equal(lr(b, 0x320), 0x50);
    lapic_set_tsc_deadline(b->lapic[1], 1);
    assert_int_equal(lapic_tsc_deadline(b->lapic[1]), 0);
    assert_false(b->f->line[1]);
    board_free(b);
}

static void deadline_reset_and_state(void **state) {
    (void)state;
    struct board *b = board_by_deadline();
    uint64_t at = tsc(b) + 3000;
    set_deadline(b, at);
    fake_roundtrip(b->lapic[0]);
    assert_int_equal(deadline(b), at);
    fake_advance(b->f, 1000);
    assert_ticked(b);
    set_deadline(b, tsc(b) + 3000);
    lapic_init_reset(b->lapic[0]);
    assert_int_equal(deadline(b), 0);
    assert_null(fake_next(b->f));
    enable(b);
    lw(b, 0x320, DEADLINE | 0x50);
    set_deadline(b, tsc(b) + 3000);
    lapic_set_base(b->lapic[0], LAPIC_DEFAULT_BASE); /* switched off */
    set_deadline(b, 1);
    assert_int_equal(deadline(b), 0);
    assert_null(fake_next(b->f));
    lapic_set_base(b->lapic[0], LAPIC_DEFAULT_BASE | APIC_BASE_ENABLE);
    /* What is loaded may say anything: modes that do not exist, deadlines in modes that have none, counts in those. */
    static uint8_t saved[4096], bad[4096];
    struct dev_state st = {.buf = saved, .cap = sizeof saved, .saving = true};
    enable(b);
    lw(b, 0x320, DEADLINE | 0x50);
    b->lapic[0]->cls->state(b->lapic[0], &st);
    for (int n = 0; n < 2; n++)
        for (size_t i = sizeof(uint64_t) /* the base, which moves the page */; i < st.pos; i++) {
            memcpy(bad, saved, st.pos);
            bad[i] = 0xFF;
            struct dev_state ld = {.buf = bad, .cap = st.pos};
            b->lapic[n]->cls->state(b->lapic[n], &ld);
            fake_stall(b->f, 1);
            b->apic.current = n;
            uint32_t mode = lr(b, 0x320) & RESERVED;
            if (n) assert_true(mode == 0 || mode == PERIODIC);
            if (mode != DEADLINE) assert_int_equal(lapic_tsc_deadline(b->lapic[n]), 0);
            if (mode & DEADLINE) assert_int_equal(lr(b, 0x390), 0);
            b->apic.current = 0;
            b->lapic[n]->cls->reset(b->lapic[n]);
        }
    board_free(b);
}

static void ipis(void **state) {
    (void)state;
    struct board *b = board_new();
    enable(b);
    lw(b, 0x310, 1u << 24);
    lw(b, 0x300, 0x45);
    assert_true(b->f->line[1]);
    assert_false(b->f->line[0]);
    assert_int_equal(lapic_ack(b->lapic[1]), 0x45);
    lw(b, 0x300, 0x40000 | 0x46); /* self */
    assert_int_equal(lapic_ack(b->lapic[0]), 0x46);
    lw(b, 0x300, 0x80000 | 0x57); /* all */
    assert_int_equal(lapic_ack(b->lapic[0]), 0x57);
    assert_int_equal(lapic_ack(b->lapic[1]), 0x57);
    lw(b, 0x300, 0xC0000 | 0x68); /* all others */
    assert_false(b->f->line[0]);
    assert_int_equal(lapic_ack(b->lapic[1]), 0x68);
    lw(b, 0xB0, 0);
    /* Logical, flat: CPU 1 answers to bit 1. */
    b->apic.current = 1;
    lw(b, 0xD0, 2u << 24);
    lw(b, 0xB0, 0), lw(b, 0xB0, 0), lw(b, 0xB0, 0);
    b->apic.current = 0;
    lw(b, 0xD0, 1u << 24);
    lw(b, 0x310, 2u << 24);
    lw(b, 0x300, 0x800 | 0x70);
    assert_int_equal(lapic_ack(b->lapic[1]), 0x70);
    lw(b, 0x310, 4u << 24);
    lw(b, 0x300, 0x800 | 0x71);
    assert_false(b->f->line[0] || b->f->line[1]);
    /* Lowest priority goes to CPU 0: CPU 1 serves 70h. */
    lw(b, 0xB0, 0);
    lw(b, 0x310, 3u << 24);
    lw(b, 0x300, 0x900 | 0x72);
    assert_true(b->f->line[0] && !b->f->line[1]);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x72);
    /* INIT, SIPI, NMI. */
    b->apic.event = on_event;
    b->apic.event_opaque = b;
    lw(b, 0x310, 1u << 24);
    lw(b, 0x300, 0xC500);
    assert_int_equal(b->last_event, LAPIC_EVENT_INIT);
    lw(b, 0x300, 0x8500); /* de-assert: nothing */
    assert_int_equal(b->events, 1);
    lw(b, 0x300, 0x4609);
    assert_int_equal(b->last_event, LAPIC_EVENT_SIPI);
    assert_int_equal(b->last_vector, 9);
    assert_int_equal(b->last_cpu, 1);
    lw(b, 0x300, 0xC0400);
    assert_int_equal(b->last_event, LAPIC_EVENT_NMI);
    /* A vector below 16 is an error, reported through LVT error. */
    lw(b, 0x370, 0xFE);
    lw(b, 0x300, 0x40005);
    assert_int_equal(lapic_ack(b->lapic[0]), 0xFE);
    lw(b, 0x280, 0);
    assert_int_equal(lr(b, 0x280), 0x20);
    board_free(b);
}

static void ioapic_edge_and_level(void **state) {
    (void)state;
    struct board *b = board_new();
    struct dev_line a = irq_router_line(b->router, 10), c = irq_router_line(b->router, 10),
                    pit = irq_router_line(b->router, 0);
    enable(b);
    lw(b, 0x350, MASKED);     /* the PIC is not asked */
    dev_line_set(&pit, true); /* masked: this edge is lost */
    io_entry(b, 2, 0x31);
    assert_false(b->f->line[0]);
    dev_line_set(&pit, false);
    dev_line_set(&pit, true);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x31);
    dev_line_set(&pit, true);
    assert_false(b->f->line[0]);
    lw(b, 0xB0, 0);
    /* Level: two devices share the line. */
    io_entry(b, 10, 0x8000 | 0x42);
    dev_line_set(&a, true);
    dev_line_set(&c, true);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x42);
    assert_int_equal(lr(b, 0x1A0), 1u << 2); /* TMR */
    assert_int_equal(ioapic_entry(b->ioapic, 10) & 0x4000, 0x4000);
    dev_line_set(&a, false);
    assert_true(irq_router_level(b->router, 10));
    assert_false(b->f->line[0]);
    lw(b, 0xB0, 0);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x42); /* still asserted: again */
    fake_roundtrip(b->ioapic);
    fake_roundtrip(b->router);
    dev_line_set(&c, false);
    lw(b, 0xB0, 0);
    assert_false(b->f->line[0]);
    assert_int_equal(ioapic_entry(b->ioapic, 10) & 0x4000, 0);
    /* Unmasking an asserted level sends it; masking with the line up does not. */
    io_entry(b, 10, MASKED | 0x8000 | 0x42);
    dev_line_set(&a, true);
    assert_false(b->f->line[0]);
    io_entry(b, 10, 0x8000 | 0x43);
    assert_int_equal(lapic_ack(b->lapic[0]), 0x43);
    /* To edge and back is an EOI of this pin alone. */
    io_entry(b, 10, MASKED | 0x43);
    assert_int_equal(ioapic_entry(b->ioapic, 10) & 0x4000, 0);
    io_entry(b, 10, 0x8000 | 0x43);
    assert_int_equal(ioapic_entry(b->ioapic, 10) & 0x4000, 0x4000);
    lw(b, 0xB0, 0);
    /* Destination: CPU 1; NMI mode. */
    io_entry(b, 11, 1ull << 56 | 0x44);
    struct dev_line d = irq_router_line(b->router, 11);
    dev_line_pulse(&d);
    assert_int_equal(lapic_ack(b->lapic[1]), 0x44);
    io_entry(b, 11, 0x400);
    dev_line_pulse(&d);
    assert_int_equal(b->f->last_request, DEV_REQ_NMI);
    /* Reserved and read-only bits. */
    io_entry(b, 12, ~0ull);
    assert_int_equal(ioapic_entry(b->ioapic, 12), 0xFF0000000001AFFFull);
    board_free(b);
}

/* A store to TPR that passes the device by is what the device goes by later. */
static void quick_tpr(void **state) {
    (void)state;
    struct board *b = board_new();
    assert_null(smmu_mem_lookup(b->f->host.mem, gpa(LAPIC_DEFAULT_BASE)).dev->quick); /* two CPUs */
    struct apic_bus bus = {0};
    dev_destroy(b->lapic[1]);
    dev_destroy(b->lapic[0]);
    struct dev *d =
        fake_dev(b->f, &lapic_class, &(struct lapic_cfg){.bus = &bus, .intr = fake_line(b->f, 0), .quick_tpr = true});
    const struct smmu_quick *q = smmu_mem_lookup(b->f->host.mem, gpa(LAPIC_DEFAULT_BASE)).dev->quick;
    assert_non_null(q);
    assert_int_equal(q->offset, 0x80);
    lw(b, 0xF0, 0x1FF);
    assert_int_equal(*q->busy, 0);
    *q->value = 0xFFFFFF45;
    assert_int_equal(lr(b, 0x80), 0x45);
    assert_int_equal(lr(b, 0xA0), 0x45);
    lapic_deliver(d, 0x41, false);
    assert_false(b->f->line[0]);
    assert_int_not_equal(*q->busy, 0); /* from now on every store has to come here */
    lw(b, 0x80, 0x30);
    assert_true(b->f->line[0]);
    lapic_deliver(d, 0x42, false);
    assert_int_equal(lapic_ack(d), 0x42);
    assert_int_not_equal(*q->busy, 0);
    lw(b, 0xB0, 0);
    assert_int_equal(lapic_ack(d), 0x41);
    assert_int_equal(*q->busy, 0);
    *q->value = 0xFFFFFF20;
    uint8_t buf[512];
    struct dev_state save = {.buf = buf, .cap = sizeof buf, .saving = true};
    d->cls->state(d, &save);
    lapic_deliver(d, 0x51, false);
    struct dev_state load = {.buf = buf, .cap = save.pos};
    d->cls->state(d, &load);
    assert_false(load.failed);
    assert_int_equal(lr(b, 0x80), 0x20);
    assert_int_equal(*q->busy, 0);
    b->lapic[0] = d;
    b->lapic[1] = fake_dev(b->f, &lapic_class, &(struct lapic_cfg){.bus = &bus, .cpu = 1, .intr = fake_line(b->f, 1)});
    board_free(b);
}

static void survives_anything(void **state) {
    (void)state;
    struct board *b = board_new();
    uint32_t x = 99;
    b->apic.event = on_event;
    b->apic.event_opaque = b;
    static uint8_t junk[4096];
    for (int round = 0; round < 2000; round++) {
        for (int i = 0; i < 60; i++) {
            uint32_t base = fake_random(&x) & 1 ? LAPIC_DEFAULT_BASE : IOAPIC_BASE;
            uint32_t at = base + (fake_random(&x) & (base == IOAPIC_BASE ? 0x1F : 0xFFF));
            uint32_t v = fake_random(&x);
            if (v & 1)
                wr(b, at & ~3u, v >> (v & 31));
            else
                rd(b, at & ~3u);
            if (!(v & 0xF0)) lapic_ack(b->lapic[0]);
            if (!(v & 0xF0000)) set_deadline(b, v & 1 ? tsc(b) + (v >> 20) : (uint64_t)v << 32 | v);
            if (!(v & 0xF00000)) lapic_tsc_changed(b->lapic[0]);
            if (!(v & 0xF00)) fake_stall(b->f, v >> 8);
            if (!(v & 0xF000)) ioapic_set_pin(b->ioapic, (int)(v >> 16) % IOAPIC_PINS, v & 1);
        }
        for (size_t i = 0; i < sizeof junk; i++) junk[i] = (uint8_t)fake_random(&x);
        struct dev *d = round & 1 ? b->lapic[round >> 1 & 1] : b->ioapic;
        struct dev_state st = {.buf = junk, .cap = sizeof junk};
        if (!(round % 10)) d->cls->state(d, &st);
        if (!(round % 50)) d->cls->reset(d);
    }
    board_free(b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values),
        cmocka_unit_test(priorities),
        cmocka_unit_test(pic_through_lint0),
        cmocka_unit_test(page_moves),
        cmocka_unit_test(timer),
        cmocka_unit_test(periodic_timer),
        cmocka_unit_test(deadline_fires_once),
        cmocka_unit_test(deadline_is_never_early),
        cmocka_unit_test(deadline_masked),
        cmocka_unit_test(deadline_and_the_other_modes),
        cmocka_unit_test(deadline_reset_and_state),
        cmocka_unit_test(ipis),
        cmocka_unit_test(ioapic_edge_and_level),
        cmocka_unit_test(quick_tpr),
        cmocka_unit_test(survives_anything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
