/* devemu_clock_test.c: interval timer and real-time clock, against their data sheets; lost-tick catch-up. */
#include "devemu_fake.h"
#include "devemu/clock.h"
#include "devemu/i8254.h"
#include "devemu/i8259.h"
#include "devemu/mc146818.h"

/* ---- PIT ---- */

enum { IRQ0 = 0, IRQ8 = 8 };

static struct fake *f;
static struct dev *d;

static void pit_open(void) {
    f = fake_create();
    struct i8254_config cfg = {fake_line(f, IRQ0)};
    d = fake_dev(f, &i8254_class, &cfg);
}
static void close_all(void) {
    dev_destroy(d);
    fake_destroy(f);
}
/* Sets time to the middle of a clock tick, n ticks from now, so that tests can count in ticks. */
static void ticks(uint64_t n) {
    uint64_t t = dev_ns_to_ticks(f->now, I8254_HZ) + n;
    uint64_t mid = dev_ticks_to_ns(t, I8254_HZ) + 400;
    fake_advance(f, mid > f->now ? mid - f->now : 0);
}
static void pit_set(int ch, uint8_t control, uint16_t count) {
    pout(f, 0x43, (uint8_t)(ch << 6 | control));
    if (control & 0x10) pout(f, (uint16_t)(0x40 + ch), (uint8_t)count);
    if (control & 0x20) pout(f, (uint16_t)(0x40 + ch), (uint8_t)(count >> 8));
}
static uint16_t pit_count(int ch) {
    pout(f, 0x43, (uint8_t)(ch << 6));
    uint8_t lo = pin(f, (uint16_t)(0x40 + ch));
    return (uint16_t)(lo | pin(f, (uint16_t)(0x40 + ch)) << 8);
}
static uint8_t pit_status(int ch) {
    pout(f, 0x43, (uint8_t)(0xE0 | 2 << ch));
    return pin(f, (uint16_t)(0x40 + ch));
}

static void pit_mode0(void **state) {
    (void)state;
    pit_open();
    ticks(1);
    pit_set(0, 0x30, 100);
    assert_int_equal(pit_status(0), 0x40 | 0x30); /* OUT low, null count, word, mode 0 */
    ticks(1);
    assert_int_equal(pit_status(0), 0x30);
    assert_int_equal(pit_count(0), 100);
    ticks(99);
    assert_int_equal(pit_count(0), 1);
    assert_false(f->line[IRQ0]);
    ticks(1);
    assert_true(f->line[IRQ0]); /* N + 1 ticks after the write */
    assert_int_equal(pit_status(0), 0xB0);
    assert_int_equal(pit_count(0), 0);
    ticks(3);
    assert_int_equal(pit_count(0), 0xFFFD); /* counts on */
    pout(f, 0x40, 50);                      /* the first byte drops OUT and stops */
    assert_false(f->line[IRQ0]);
    ticks(200);
    assert_false(f->line[IRQ0]);
    pout(f, 0x40, 0);
    ticks(50);
    assert_false(f->line[IRQ0]);
    ticks(1);
    assert_true(f->line[IRQ0]);
    assert_int_equal(f->rises[IRQ0], 2 + 1); /* and the high level of the unprogrammed timer */
    close_all();
}

static void pit_mode1_and_5(void **state) {
    (void)state;
    pit_open();
    ticks(1);
    pit_set(2, 0x32, 10);
    ticks(20);
    assert_true(i8254_out(d, 2)); /* waits for the gate */
    i8254_set_gate(d, 2, true);
    ticks(1);
    assert_false(i8254_out(d, 2));
    ticks(9);
    assert_false(i8254_out(d, 2));
    assert_int_equal(pit_count(2), 1);
    i8254_set_gate(d, 2, false);
    i8254_set_gate(d, 2, true); /* retrigger */
    ticks(10);
    assert_false(i8254_out(d, 2));
    ticks(1);
    assert_true(i8254_out(d, 2));
    i8254_set_gate(d, 2, false);
    pit_set(2, 0x3A, 10);
    ticks(30);
    assert_true(i8254_out(d, 2));
    i8254_set_gate(d, 2, true);
    ticks(10);
    assert_true(i8254_out(d, 2));
    ticks(1);
    assert_false(i8254_out(d, 2)); /* one tick, N + 1 after the trigger */
    ticks(1);
    assert_true(i8254_out(d, 2));
    close_all();
}

static void pit_mode2(void **state) {
    (void)state;
    pit_open();
    i8254_set_gate(d, 2, true);
    ticks(1);
    pit_set(2, 0x34, 5);
    ticks(1);
    for (int i = 0; i < 23; i++) {
        assert_int_equal(pit_count(2), 5 - i % 5);
        assert_int_equal(i8254_out(d, 2), i % 5 != 4);
        ticks(1);
    }
    /* 23 ticks in, 2 to go: a new count waits for the end of the period. */
    pout(f, 0x42, 7), pout(f, 0x42, 0);
    assert_int_equal(pit_status(2) & 0x40, 0x40);
    assert_int_equal(pit_count(2), 2);
    ticks(1);
    assert_int_equal(pit_count(2), 1);
    ticks(1);
    assert_int_equal(pit_count(2), 7);
    assert_int_equal(pit_status(2) & 0x40, 0);
    ticks(6);
    assert_int_equal(pit_count(2), 1);
    i8254_set_gate(d, 2, false); /* OUT high at once, reload at the gate's rise */
    assert_true(i8254_out(d, 2));
    ticks(100);
    i8254_set_gate(d, 2, true);
    ticks(1);
    assert_int_equal(pit_count(2), 7);
    close_all();
}

static void pit_mode3(void **state) {
    (void)state;
    pit_open();
    i8254_set_gate(d, 2, true);
    for (uint16_t n = 4; n <= 5; n++) {
        ticks(1);
        pit_set(2, 0x36, n);
        ticks(1);
        static const uint8_t even[] = {4, 2, 4, 2}, odd[] = {4, 2, 0, 4, 2};
        for (int i = 0; i < 20; i++) {
            assert_int_equal(pit_count(2), n == 4 ? even[i % 4] : odd[i % 5]);
            assert_int_equal(i8254_out(d, 2), i % n < (n + 1) / 2);
            ticks(1);
        }
    }
    /* A new count takes over at the half period. */
    pit_set(2, 0x36, 10);
    ticks(2);
    pout(f, 0x42, 100), pout(f, 0x42, 0);
    ticks(3);
    assert_true(i8254_out(d, 2));
    ticks(1);
    assert_false(i8254_out(d, 2));
    ticks(49);
    assert_false(i8254_out(d, 2));
    ticks(1);
    assert_true(i8254_out(d, 2));
    close_all();
}

static void pit_mode4(void **state) {
    (void)state;
    pit_open();
    ticks(1);
    pit_set(0, 0x38, 10);
    int before = f->rises[IRQ0];
    ticks(10);
    assert_true(i8254_out(d, 0));
    ticks(1);
    assert_false(i8254_out(d, 0));
    assert_int_equal(f->rises[IRQ0], before);
    ticks(1);
    assert_true(i8254_out(d, 0));
    assert_int_equal(f->rises[IRQ0], before + 1);
    ticks(70000);
    assert_int_equal(f->rises[IRQ0], before + 1);
    assert_null(fake_next(f));
    pout(f, 0x40, 20), pout(f, 0x40, 0); /* retriggered by software */
    ticks(23);
    assert_int_equal(f->rises[IRQ0], before + 2);
    close_all();
}

static void pit_gate_pauses(void **state) {
    (void)state;
    pit_open();
    i8254_set_gate(d, 2, true);
    ticks(1);
    pit_set(2, 0x30, 100);
    ticks(41);
    i8254_set_gate(d, 2, false);
    assert_int_equal(pit_count(2), 60);
    ticks(1000);
    assert_int_equal(pit_count(2), 60);
    i8254_set_gate(d, 2, true);
    ticks(59);
    assert_false(i8254_out(d, 2));
    ticks(1);
    assert_true(i8254_out(d, 2));
    close_all();
}

static void pit_bcd_and_access_modes(void **state) {
    (void)state;
    pit_open();
    i8254_set_gate(d, 2, true);
    ticks(1);
    pit_set(2, 0x31, 0x0102); /* BCD 102 */
    ticks(4);
    assert_int_equal(pit_count(2), 0x0099);
    ticks(100);
    assert_int_equal(pit_count(2), 0x9999);
    pit_set(2, 0x31, 0); /* 10000 */
    ticks(2);
    assert_int_equal(pit_count(2), 0x9999);
    pit_set(2, 0x10, 0x20); /* LSB only */
    ticks(2);
    assert_int_equal(pin(f, 0x42), 0x1F);
    assert_int_equal(pin(f, 0x42), 0x1F);
    pit_set(2, 0x20, 0x0300); /* MSB only */
    ticks(2);
    assert_int_equal(pin(f, 0x42), 0x02);
    pit_set(2, 0x30, 0x1234);
    ticks(1);
    assert_int_equal(pin(f, 0x42), 0x34);
    assert_int_equal(pin(f, 0x42), 0x12);
    assert_int_equal(pin(f, 0x43), 0xFF);
    close_all();
}

static void pit_latches(void **state) {
    (void)state;
    pit_open();
    i8254_set_gate(d, 2, true);
    ticks(1);
    pit_set(2, 0x34, 1000);
    ticks(11);
    pout(f, 0x43, 0x80);
    ticks(10);
    pout(f, 0x43, 0x80); /* ignored: latched */
    assert_int_equal(pin(f, 0x42), 990 & 255);
    ticks(10);
    assert_int_equal(pin(f, 0x42), 990 >> 8);
    pout(f, 0x43, 0xC8); /* read back both: status first */
    ticks(5);
    assert_int_equal(pin(f, 0x42), 0xB4);
    assert_int_equal(pin(f, 0x42), 970 & 255);
    assert_int_equal(pin(f, 0x42), 970 >> 8);
    close_all();
}

static void pit_rate_is_exact(void **state) {
    (void)state;
    pit_open();
    pit_set(0, 0x34, 1193);
    i8254_irq_acked(d); /* a guest that acknowledges */
    int taken_here = 0;
    for (int i = 0; i < 100; i++) {
        int seen = f->rises[IRQ0];
        fake_advance(f, 100000000);
        while (f->rises[IRQ0] != seen) { /* edges before the acknowledgement are one request */
            seen = f->rises[IRQ0];
            taken_here++;
            i8254_irq_acked(d);
        }
    }
    assert_in_range(taken_here, 10001, 10002); /* 10 s at 1000.15 Hz */
    close_all();
}

/* A guest that takes its interrupts through the PIC, and a host that is late. */
static int taken;
static struct dev *pic;
static void acked(void *o, int irq) {
    (void)o;
    if (irq == 0) i8254_irq_acked(d);
}
static void guest_takes_all(void) {
    for (int i = 0; i < 5000 && i8259_pending(pic); i++) {
        assert_int_equal(i8259_ack(pic), 0x08);
        pout(f, 0x20, 0x20);
        taken++;
    }
}
static void pic_and_pit_open(void) {
    f = fake_create();
    taken = 0;
    struct i8259_config pc = {.acked = acked};
    pic = fake_dev(f, &i8259_class, &pc);
    struct i8254_config cfg = {{i8259_set_irq, pic, 0}};
    d = fake_dev(f, &i8254_class, &cfg);
    pout(f, 0x20, 0x11), pout(f, 0x21, 0x08), pout(f, 0x21, 0x04), pout(f, 0x21, 0x01);
}
static void pic_and_pit_close(void) {
    dev_destroy(pic);
    close_all();
}

static void pit_catches_up(void **state) {
    (void)state;
    pic_and_pit_open();
    pit_set(0, 0x34, 1193);
    guest_takes_all(); /* the unprogrammed timer's edge, if any */
    taken = 0;
    uint32_t x = 7;
    uint64_t begin = f->now;
    for (int i = 0; i < 1000; i++) {
        fake_stall(f, 1000000 + fake_random(&x) % 20000000);
        guest_takes_all();
    }
    uint64_t due = (dev_ns_to_ticks(f->now, I8254_HZ) - dev_ns_to_ticks(begin, I8254_HZ) - 1) / 1193;
    assert_in_range(taken, due - 1, due);
    pic_and_pit_close();
}

static void pit_forgets_for_the_deaf(void **state) {
    (void)state;
    pic_and_pit_open();
    pit_set(0, 0x36, 1193);
    fake_advance(f, 10000000);
    guest_takes_all();
    pout(f, 0x21, 0x01); /* masked for a minute */
    fake_advance(f, 60000000000u);
    pout(f, 0x21, 0x00);
    taken = 0;
    guest_takes_all();
    assert_in_range(taken, 1, 2);
    fake_advance(f, 100000000);
    guest_takes_all();
    assert_in_range(taken, 90, 110);
    pic_and_pit_close();
}

static void pit_catches_up_without_acks(void **state) {
    (void)state;
    pit_open();
    pit_set(0, 0x34, 11932); /* 10 ms */
    f->rises[IRQ0] = 0;
    for (int i = 0; i < 100; i++) {
        fake_stall(f, 45000000);
        fake_advance(f, 15000000);
    }
    assert_in_range(f->rises[IRQ0], 598, 601);
    close_all();
}

static void pit_fast_rate_is_bounded(void **state) {
    (void)state;
    pit_open();
    pit_set(0, 0x34, 1);
    f->fired = 0;
    fake_advance(f, 1000000000);
    assert_true(f->fired <= 100001);
    close_all();
}

static void pit_state_and_hammer(void **state) {
    (void)state;
    pit_open();
    pit_set(0, 0x34, 1193);
    fake_advance(f, 10500000);
    uint16_t before = pit_count(0);
    fake_roundtrip(d);
    assert_int_equal(pit_count(0), before);
    int rises = f->rises[IRQ0];
    fake_advance(f, 600000);
    assert_int_equal(f->rises[IRQ0], rises + 1);
    uint32_t x = 0x8254;
    for (int i = 0; i < 20000; i++) {
        fake_hammer_ports(f, fake_random(&x), 0x40, 0x43, 8);
        i8254_set_gate(d, (int)(fake_random(&x) % 5) - 1, fake_random(&x) & 1);
        i8254_out(d, (int)(fake_random(&x) % 5) - 1);
        if (fake_random(&x) & 1) i8254_irq_acked(d);
    }
    fake_garbage_state(f, d, 3, 0x40, 0x43);
    close_all();
}

/* ---- RTC ---- */

static void rtc_open(void) {
    f = fake_create();
    f->wall = 951782399 - 1; /* with now = 1 s: 2000-02-28 23:59:59 */
    struct mc146818_config cfg = {fake_line(f, IRQ8), 0};
    d = fake_dev(f, &mc146818_class, &cfg);
}
static uint8_t rtc(uint8_t reg) {
    pout(f, 0x70, reg);
    return pin(f, 0x71);
}
static void rtc_set(uint8_t reg, uint8_t v) {
    pout(f, 0x70, reg);
    pout(f, 0x71, v);
}
static void assert_time(const char *expect) {
    char got[32];
    snprintf(got, sizeof got, "%02x%02x-%02x-%02x %02x:%02x:%02x %x", rtc(0x32), rtc(9), rtc(8), rtc(7), rtc(4), rtc(2),
             rtc(0), rtc(6));
    assert_string_equal(got, expect);
}

static void rtc_calendar(void **state) {
    (void)state;
    rtc_open();
    assert_time("2000-02-28 23:59:59 2"); /* a Monday */
    fake_advance(f, 1000000000);
    assert_time("2000-02-29 00:00:00 3");
    rtc_set(0x0B, 0x82);
    rtc_set(0, 0x58), rtc_set(2, 0x59), rtc_set(4, 0x23), rtc_set(7, 0x31), rtc_set(8, 0x12), rtc_set(9, 0x99);
    rtc_set(0x32, 0x19), rtc_set(6, 6);
    fake_advance(f, 5000000000u); /* stands still while SET */
    assert_time("1999-12-31 23:59:58 6");
    rtc_set(0x0B, 0x02);
    assert_time("1999-12-31 23:59:58 6");
    fake_advance(f, 2000000000);
    assert_time("2000-01-01 00:00:00 7");
    /* Formats: binary, 12 hours. */
    rtc_set(0x0B, 0x04);
    assert_int_equal(rtc(4), 12);
    assert_int_equal(rtc(0x32), 20);
    rtc_set(4, 0x80 | 11); /* 11 pm */
    rtc_set(2, 45);
    rtc_set(0x0B, 0x02);
    assert_int_equal(rtc(4), 0x23);
    assert_int_equal(rtc(2), 0x45);
    f->wall_extra = 3600; /* the VM slept an hour */
    assert_time("2000-01-02 00:45:00 1");
    close_all();
}

static void rtc_uip_and_update_irq(void **state) {
    (void)state;
    rtc_open();
    rtc_set(0x0B, 0x12);
    assert_int_equal(rtc(0x0A), 0x26);
    fake_advance(f, 997000000);
    assert_int_equal(rtc(0x0A), 0x26);
    fake_advance(f, 1500000);
    assert_int_equal(rtc(0x0A), 0xA6);
    assert_int_equal(rtc(0), 0x59);
    assert_false(f->line[IRQ8]);
    fake_advance(f, 1500000);
    assert_true(f->line[IRQ8]);
    assert_int_equal(rtc(0x0A), 0x26);
    assert_int_equal(rtc(0), 0x00);
    assert_int_equal(rtc(0x0C) & 0x90, 0x90);
    assert_false(f->line[IRQ8]);
    assert_int_equal(rtc(0x0C), 0x00);
    fake_advance(f, 10000000000u);
    assert_int_equal(f->rises[IRQ8], 2); /* unread: the line stays up */
    rtc_set(0x0B, 0x02);
    assert_false(f->line[IRQ8]);
    rtc(0x0C);
    fake_advance(f, 3000000000u);
    assert_int_equal(rtc(0x0C) & 0x90, 0x10); /* the flag comes without the interrupt too */
    close_all();
}

static void rtc_alarm(void **state) {
    (void)state;
    rtc_open();
    rtc_set(1, 0x10), rtc_set(3, 0xC0), rtc_set(5, 0xFF); /* every minute at :10 */
    rtc_set(0x0B, 0x22);
    fake_advance(f, 10900000000u);
    assert_false(f->line[IRQ8]);
    fake_advance(f, 200000000);
    assert_true(f->line[IRQ8]);
    assert_int_equal(rtc(0x0C) & 0xB0, 0xB0);
    fake_advance(f, 60000000000u);
    assert_int_equal(f->rises[IRQ8], 2);
    rtc(0x0C);
    rtc_set(1, 0), rtc_set(3, 0x30), rtc_set(5, 0x01); /* 01:30:00 */
    rtc_set(0x0B, 0x02);
    fake_advance(f, 6000ull * 1000000000u);
    assert_int_equal(rtc(0x0C) & 0xB0, 0x30); /* seen late, by polling */
    close_all();
}

/* The alarm in each format: 11:45:30 pm, PM being bit 7; don't care is C0h-FFh. */
static void rtc_alarm_formats(void **state) {
    (void)state;
    static const struct {
        uint8_t b, hour, minute, second, set_hour, set_minute, set_second;
    } row[] = {
        {0x20, 0x91, 0x45, 0x30, 0x91, 0x45, 0x28}, /* BCD, 12 h */
        {0x22, 0x23, 0x45, 0x30, 0x23, 0x45, 0x28}, /* BCD, 24 h */
        {0x24, 0x8B, 45, 30, 0x8B, 45, 28},         /* binary, 12 h */
        {0x26, 23, 45, 30, 23, 45, 28},             /* binary, 24 h */
        {0x20, 0x12, 0x00, 0x00, 0x91, 0x59, 0x58}, /* 12 am is midnight, */
        {0x20, 0x92, 0x00, 0x00, 0x11, 0x59, 0x58}, /* 12 pm noon */
        {0x26, 0xC0, 0xFF, 30, 23, 45, 28},
        {0x22, 0xFE, 0x45, 0xC1, 0x23, 0x44, 0x58},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        rtc_open();
        rtc_set(0x0B, 0x80 | row[i].b);
        rtc_set(4, row[i].set_hour), rtc_set(2, row[i].set_minute), rtc_set(0, row[i].set_second);
        rtc_set(5, row[i].hour), rtc_set(3, row[i].minute), rtc_set(1, row[i].second);
        rtc_set(0x0B, row[i].b);
        rtc(0x0C);
        fake_advance(f, 900000000); /* one second is over within, not two */
        assert_false(f->line[IRQ8]);
        fake_advance(f, 1100000000);
        assert_true(f->line[IRQ8]);
        assert_int_equal(rtc(0x0C) & 0xA0, 0xA0);
        assert_int_equal(rtc(5), row[i].hour); /* the registers stay what was written */
        close_all();
    }
}

/* SET: no update, no UIP, UIE falls; the alarm's enable stays. */
static void rtc_set_bit(void **state) {
    (void)state;
    rtc_open();
    rtc_set(0x0B, 0xB2);
    assert_int_equal(rtc(0x0B), 0xA2);
    rtc_set(1, 0xFF), rtc_set(3, 0xFF), rtc_set(5, 0xFF);
    for (int i = 0; i < 3000; i++) {
        fake_advance(f, 1000000);
        assert_int_equal(rtc(0x0A) & 0x80, 0);
    }
    assert_int_equal(rtc(0x0C) & 0xB0, 0); /* only the periodic flag's divider runs on */
    assert_false(f->line[IRQ8]);
    rtc_set(0x0A, 0xA6); /* UIP is read only, and so are C and D */
    rtc_set(0x0C, 0xFF), rtc_set(0x0D, 0);
    assert_int_equal(rtc(0x0A), 0x26);
    assert_int_equal(rtc(0x0C) & 0xB0, 0);
    assert_int_equal(rtc(0x0D), 0x80);
    close_all();
}

/* Each rate, by its flag in register C; an interrupt as soon as PIE follows a flag. */
static void rtc_rates(void **state) {
    (void)state;
    for (unsigned rs = 1; rs <= 15; rs++) {
        unsigned hz = rs == 1 ? 256 : rs == 2 ? 128 : 32768u >> (rs - 1), n = 0;
        rtc_open();
        rtc_set(0x0A, (uint8_t)(0x20 | rs));
        rtc(0x0C);
        uint64_t step = 1000000000ull / hz / 4;
        for (unsigned i = 0; i < 4 * (hz > 1000 ? 1000 : hz); i++) {
            fake_advance(f, step);
            n += rtc(0x0C) >> 6 & 1;
        }
        assert_in_range(n, (hz > 1000 ? 1000 : hz) - 1, (hz > 1000 ? 1000 : hz) + 1);
        fake_advance(f, 8 * step);
        assert_false(f->line[IRQ8]);
        rtc_set(0x0B, 0x42);
        assert_true(f->line[IRQ8]);
        assert_int_equal(rtc(0x0C) & 0xC0, 0xC0);
        close_all();
    }
}

static void rtc_periodic(void **state) {
    (void)state;
    rtc_open();
    rtc_set(0x0A, 0x2A); /* 64 Hz */
    rtc_set(0x0B, 0x42);
    int n = 0;
    for (int i = 0; i < 1000; i++) {
        fake_advance(f, 1000000);
        if (f->line[IRQ8]) {
            assert_int_equal(rtc(0x0C) & 0xC0, 0xC0);
            n++;
        }
    }
    assert_in_range(n, 63, 65);
    /* Late host: the ticks come one after another. */
    n = 0;
    for (int i = 0; i < 100; i++) {
        fake_stall(f, 100000000);
        for (int k = 0; k < 100; k++) {
            fake_advance(f, 1000000);
            if (f->line[IRQ8]) n += (rtc(0x0C) & 0x40) != 0;
        }
    }
    assert_in_range(n, 1270, 1281);
    rtc_set(0x0A, 0x20); /* rate 0: off */
    rtc(0x0C);
    fake_advance(f, 100000000);
    assert_int_equal(rtc(0x0C) & 0x40, 0);
    assert_null(fake_next(f));
    close_all();
}

static void rtc_divider_reset(void **state) {
    (void)state;
    rtc_open();
    rtc_set(0x0A, 0x76);
    fake_advance(f, 5000000000u);
    assert_int_equal(rtc(0), 0x59);
    rtc_set(0x0A, 0x26);
    fake_advance(f, 499000000);
    assert_int_equal(rtc(0), 0x59);
    fake_advance(f, 2000000);
    assert_int_equal(rtc(0), 0x00); /* half a second after the divider starts */
    close_all();
}

static void rtc_cmos_and_reset(void **state) {
    (void)state;
    rtc_open();
    mc146818_set(d, 0x34, 0x12);
    mc146818_set(d, 0x0B, 0xFF); /* not this way */
    mc146818_set(d, 0xFF, 0x77);
    assert_int_equal(rtc(0x34), 0x12);
    assert_int_equal(rtc(0x80 | 0x34), 0x12); /* bit 7 is the NMI mask */
    assert_int_equal(rtc(0x0B), 0x02);
    assert_int_equal(rtc(0x0D), 0x80);
    assert_int_equal(pin(f, 0x70), 0xFF);
    pout(f, 0x72, 0x7F);
    assert_int_equal(pin(f, 0x73), 0x77);
    pout(f, 0x73, 0x11);
    assert_int_equal(mc146818_get(d, 0xFF), 0x11);
    rtc_set(0x0B, 0x7A);
    d->cls->reset(d);
    assert_int_equal(rtc(0x0B), 0x02);
    assert_int_equal(rtc(0x34), 0x12);
    assert_int_equal(rtc(0), 0x59);
    rtc_set(0x0B, 0x42);
    fake_advance(f, 1500000000);
    fake_roundtrip(d);
    assert_int_equal(rtc(0x0B), 0x42);
    close_all();
}

static void rtc_hammer(void **state) {
    (void)state;
    rtc_open();
    uint32_t x = 0x146818;
    for (int i = 0; i < 3000; i++) {
        fake_hammer_ports(f, fake_random(&x), 0x70, 0x73, 16);
        rtc_set((uint8_t)(fake_random(&x) % 16), (uint8_t)fake_random(&x));
        rtc((uint8_t)(fake_random(&x) % 16));
        fake_advance(f, fake_random(&x) % 50000000);
    }
    fake_garbage_state(f, d, 18, 0x70, 0x73);
    close_all();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pit_mode0),
        cmocka_unit_test(pit_mode1_and_5),
        cmocka_unit_test(pit_mode2),
        cmocka_unit_test(pit_mode3),
        cmocka_unit_test(pit_mode4),
        cmocka_unit_test(pit_gate_pauses),
        cmocka_unit_test(pit_bcd_and_access_modes),
        cmocka_unit_test(pit_latches),
        cmocka_unit_test(pit_rate_is_exact),
        cmocka_unit_test(pit_catches_up),
        cmocka_unit_test(pit_forgets_for_the_deaf),
        cmocka_unit_test(pit_catches_up_without_acks),
        cmocka_unit_test(pit_fast_rate_is_bounded),
        cmocka_unit_test(pit_state_and_hammer),
        cmocka_unit_test(rtc_calendar),
        cmocka_unit_test(rtc_uip_and_update_irq),
        cmocka_unit_test(rtc_alarm),
        cmocka_unit_test(rtc_alarm_formats),
        cmocka_unit_test(rtc_set_bit),
        cmocka_unit_test(rtc_rates),
        cmocka_unit_test(rtc_periodic),
        cmocka_unit_test(rtc_divider_reset),
        cmocka_unit_test(rtc_cmos_and_reset),
        cmocka_unit_test(rtc_hammer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
