/* devemu_uhci_test.c: the USB host controller and the tablet on it, driven as a host controller driver does. */
#include "devemu/uhci.h"
#include "devemu/usb_tablet.h"
#include "devemu_fake.h"

enum { RAM = 1 << 20, IO = 0xC000, IRQ = 4, SLOT = PCI_DEVFN(1, 2) };
enum { CMD = IO, STS = IO + 2, INTR = IO + 4, FRNUM = IO + 6, LIST = IO + 8, SOF = IO + 12, PORT1 = IO + 16 };
enum { FRAMES = 0x10000, QH = 0x2000, TD = 0x3000, BUF = 0x4000, MS = 1000000 };
enum { ACTIVE = 1 << 23, IOC = 1 << 24, STALLED = 1 << 22, NAK = 1 << 19, TIMEOUT = 1 << 18, THREE = 3 << 27 };
enum { SPD = 1 << 29 };
enum { IN = 0x69, OUT = 0xE1, SETUP = 0x2D };

static struct fake *f;
static struct dev *bus, *d, *tablet;
static bool irq_level[4];

static void on_pirq(void *opaque, int n, bool level) {
    (void)opaque;
    irq_level[n] = level;
}
/* INTD of slot 1. */
static bool irq(void) { return irq_level[3]; }

static uint16_t in16(uint16_t port) { return (uint16_t)dev_io_read(f->host.io, port, 2); }
static void out16(uint16_t port, uint16_t v) { dev_io_write(f->host.io, port, 2, v); }
static void put(uint32_t at, uint32_t v) { smmu_mem_write(f->host.mem, gpa(at), &v, 4); }
static uint32_t get(uint32_t at) {
    uint32_t v;
    smmu_mem_read(f->host.mem, gpa(at), &v, 4);
    return v;
}
static void all_frames(uint32_t link) {
    for (uint32_t i = 0; i < 1024; i++) put(FRAMES + 4 * i, link);
}

static int open_uhci(void **state) {
    (void)state;
    f = fake_create();
    assert_int_equal(smmu_mem_create(RAM, 65536, &f->host.mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(f->host.mem, gpa(0), RAM, 0, 0), SMMU_OK);
    struct pci_bus_cfg pc = {.mmio_low = RAM};
    bus = fake_dev(f, &pci_bus_class, &pc);
    pci_bus_on_pirq(bus, on_pirq, NULL);
    tablet = fake_dev(f, &usb_tablet_class, NULL);
    struct uhci_config c = {.bus = bus, .device = {usb_tablet_plug(tablet)}};
    d = fake_dev(f, &uhci_class, &c);
    pci_bus_config_write(bus, SLOT, 0x20, 4, IO);
    pci_bus_config_write(bus, SLOT, PCI_COMMAND, 1, PCI_CMD_IO | PCI_CMD_MASTER);
    all_frames(1);
    dev_io_write(f->host.io, LIST, 4, FRAMES);
    return 0;
}
static int close_uhci(void **state) {
    (void)state;
    dev_destroy(d);
    dev_destroy(tablet);
    dev_destroy(bus);
    smmu_mem_destroy(f->host.mem);
    fake_destroy(f);
    return 0;
}

/* ---- A driver in small ---- */

static void enable_port(void) {
    out16(PORT1, 0x0200);
    fake_advance(f, 50 * MS);
    out16(PORT1, 0x0000);
    out16(PORT1, 0x000E); /* enable, clear both changes */
}
static void start(void) { out16(CMD, 0x00C1); }

static void make_td(int n, uint32_t next, uint32_t flags, uint8_t pid, uint8_t addr, uint8_t ep, unsigned len,
                    uint32_t buf) {
    uint32_t at = TD + 32 * (uint32_t)n;
    put(at, next);
    put(at + 4, ACTIVE | THREE | flags);
    put(at + 8, pid | (uint32_t)addr << 8 | (uint32_t)ep << 15 | ((len - 1) & 0x7FF) << 21);
    put(at + 12, buf);
}
static uint32_t td_status(int n) { return get(TD + 32 * (uint32_t)n + 4); }
static unsigned td_length(int n) { return (td_status(n) + 1) & 0x7FF; }
static uint32_t td_link(int n) { return TD + 32 * (uint32_t)n; }

static void run_queue(void) {
    put(QH, 1);
    put(QH + 4, td_link(0));
    all_frames(QH | 2);
    fake_advance(f, 20 * MS);
    all_frames(1);
}

/* A control transfer with `length` bytes in or none; the bytes land at BUF. Returns how many came, -1: stalled. */
static int control(uint8_t addr, uint16_t request, uint16_t value, uint16_t index, uint16_t length) {
    uint8_t setup[8] = {(uint8_t)(request >> 8), (uint8_t)request,      (uint8_t)value,  (uint8_t)(value >> 8),
                        (uint8_t)index,          (uint8_t)(index >> 8), (uint8_t)length, (uint8_t)(length >> 8)};
    int n = 1, got = 0, packets = (length + 7) / 8;
    smmu_mem_write(f->host.mem, gpa(BUF - 16), setup, 8);
    make_td(0, td_link(1) | 4, 0, SETUP, addr, 0, 8, BUF - 16);
    for (; n <= packets; n++) {
        unsigned left = length - 8u * (unsigned)(n - 1);
        make_td(n, td_link(n + 1) | 4, SPD, IN, addr, 0, left < 8 ? left : 8, BUF + 8 * (uint32_t)(n - 1));
    }
    make_td(n, 1, IOC, length ? OUT : IN, addr, 0, 0, 0);
    run_queue();
    for (int i = 1; i <= packets; i++) {
        if (td_status(i) & STALLED) return -1;
        if (!(td_status(i) & ACTIVE)) got += (int)td_length(i);
    }
    if (got < length) { /* short: software skips to the status stage */
        make_td(0, 1, IOC, OUT, addr, 0, 0, 0);
        run_queue();
        n = 0;
    }
    if (td_status(n) & STALLED) return -1;
    assert_false(td_status(n) & ACTIVE);
    return got;
}
static uint8_t buf8(unsigned i) { return (uint8_t)(get(BUF + (i & ~3u)) >> 8 * (i & 3)); }

static void configure(void) {
    enable_port();
    start();
    assert_int_equal(control(0, 0x0005, 9, 0, 0), 0);
    assert_int_equal(control(9, 0x0009, 1, 0, 0), 0);
}

/* One interrupt transfer: bytes, or -1 for NAK. */
static int poll_tablet(void) {
    make_td(0, 1, IOC, IN, 9, 1, 8, BUF);
    run_queue();
    if (td_status(0) & ACTIVE) {
        assert_true(td_status(0) & NAK);
        return -1;
    }
    return (int)td_length(0);
}

/* ---- Tests ---- */

static void registers(void **state) {
    (void)state;
    assert_int_equal(pci_bus_config_read(bus, SLOT, 0, 4), 0x70208086);
    assert_int_equal(pci_bus_config_read(bus, SLOT, 8, 4) >> 8, 0x0C0300);
    assert_int_equal(pci_bus_config_read(bus, SLOT, 0x60, 1), 0x10);
    assert_int_equal(in16(STS), 0x20);
    assert_int_equal(pin(f, SOF), 0x40);
    assert_int_equal(in16(PORT1), 0x0093); /* connected, changed, idle line */
    assert_int_equal(in16(PORT1 + 2), 0x0080);
    assert_int_equal(in16(PORT1 + 4), 0); /* no third port: bit 7 is clear */
    out16(PORT1, 0x0002);
    assert_int_equal(in16(PORT1), 0x0091);
    out16(PORT1 + 2, 0x0004); /* nothing there to be enabled */
    assert_int_equal(in16(PORT1 + 2), 0x0080);
    out16(INTR, 0xFFFF);
    assert_int_equal(in16(INTR), 0x000F);
}

static void frame_counter(void **state) {
    (void)state;
    out16(FRNUM, 0x7FE);
    start();
    assert_int_equal(in16(STS) & 0x20, 0);
    fake_advance(f, 3 * MS);
    assert_int_equal(in16(FRNUM), 1); /* 11 bits */
    fake_advance(f, 100 * MS);
    assert_int_equal(in16(FRNUM), 101);
    fake_stall(f, 1000 * MS);
    assert_int_equal(in16(FRNUM), 1101);
    out16(CMD, 0x00C0);
    assert_int_equal(in16(STS) & 0x20, 0x20);
    fake_advance(f, 10 * MS);
    assert_int_equal(in16(FRNUM), 1101);
}

static void descriptors(void **state) {
    (void)state;
    enable_port();
    start();
    assert_int_equal(control(0, 0x8006, 0x0100, 0, 8), 8);
    assert_int_equal(buf8(0), 18);
    assert_int_equal(buf8(7), 8);
    assert_int_equal(control(0, 0x0005, 9, 0, 0), 0);
    assert_int_equal(control(9, 0x8006, 0x0100, 0, 64), 18); /* short, with the short packet detected */
    assert_int_equal(control(9, 0x8006, 0x0200, 0, 9), 9);
    assert_int_equal(buf8(2), 34);
    assert_int_equal(control(9, 0x8006, 0x0200, 0, 34), 34);
    unsigned report = buf8(18 + 7);
    assert_int_equal(control(9, 0x8106, 0x2200, 0, 100), report);
    assert_int_equal(control(9, 0x8006, 0x0302, 0x409, 100), 22);
    assert_int_equal(control(9, 0x8006, 0x0309, 0x409, 100), -1); /* no such string */
    assert_int_equal(control(9, 0x8006, 0x0600, 0, 10), -1);      /* no device qualifier: full speed */
    assert_int_equal(control(9, 0x8000, 0, 0, 2), 2);             /* a stall lasts until the next SETUP */
    assert_int_equal(control(9, 0x0009, 2, 0, 0), -1);            /* no such configuration */
    assert_int_equal(control(9, 0x8008, 0, 0, 1), 1);
    assert_int_equal(buf8(0), 0);
}

static void reports(void **state) {
    (void)state;
    configure();
    assert_int_equal(control(9, 0x210A, 0, 0, 0), 0); /* SET_IDLE 0: only changes */
    assert_false(usb_tablet_in_use(tablet));
    assert_int_equal(poll_tablet(), -1);
    assert_true(usb_tablet_in_use(tablet));
    usb_tablet_event(tablet, 100, 200, 0, 0);
    usb_tablet_event(tablet, 1000, 40000, 1, 0); /* replaces the movement before */
    usb_tablet_event(tablet, 1000, 40000, 0, USB_TABLET_LEFT);
    usb_tablet_event(tablet, 1000, 40000, 0, 0);
    assert_int_equal(poll_tablet(), 6);
    assert_int_equal(buf8(0), 0);
    assert_int_equal(buf8(1) | buf8(2) << 8, 1000);
    assert_int_equal(buf8(3) | buf8(4) << 8, 32767);
    assert_int_equal(buf8(5), 1);
    assert_int_equal(poll_tablet(), 6); /* the press and the release are both seen */
    assert_int_equal(buf8(0), USB_TABLET_LEFT);
    assert_int_equal(buf8(5), 0);
    assert_int_equal(poll_tablet(), 6);
    assert_int_equal(buf8(0), 0);
    assert_int_equal(poll_tablet(), -1);
    for (int i = 0; i < 100; i++) usb_tablet_event(tablet, i, i, 0, i & 1); /* nobody reads */
    int n = 0;
    while (poll_tablet() == 6) n++;
    assert_int_equal(n, 16);
    assert_int_equal(buf8(0), 1); /* the last state is what counts */
    assert_int_equal(buf8(1), 99);
}

static void idle_rate(void **state) {
    (void)state;
    configure();
    assert_int_equal(control(9, 0x210A, 25 << 8, 0, 0), 0); /* every 100 ms */
    (void)poll_tablet();
    int n = 0;
    for (int i = 0; i < 50; i++) n += poll_tablet() == 6; /* 50 times 20 ms */
    assert_in_range(n, 8, 10);
}

static void interrupts(void **state) {
    (void)state;
    enable_port();
    start();
    out16(INTR, 0x04);
    assert_false(irq());
    assert_int_equal(control(0, 0x8000, 0, 0, 2), 2);
    assert_true(irq());
    assert_int_equal(in16(STS), 1);
    out16(STS, 1);
    assert_false(irq());
    assert_int_equal(control(0, 0x8006, 0x0100, 0, 8), 8);
    assert_true(irq());
    pci_bus_config_write(bus, SLOT, 0xC0, 2, 0); /* not routed */
    assert_false(irq());
    pci_bus_config_write(bus, SLOT, 0xC0, 2, 0x2000);
    assert_true(irq());
}

/* Nobody at this address: three tries, then the descriptor fails. */
static void no_device(void **state) {
    (void)state;
    enable_port();
    start();
    out16(INTR, 0x01);
    make_td(0, 1, 0, IN, 77, 1, 8, BUF);
    run_queue();
    assert_int_equal(td_status(0) & (ACTIVE | STALLED | TIMEOUT), STALLED | TIMEOUT);
    assert_int_equal(in16(STS), 2);
    assert_true(irq());
    assert_int_equal(get(QH + 4), td_link(0)); /* the queue stays where it failed */
    out16(STS, 2);
    make_td(0, 1, 0, IN, 77, 1, 8, BUF);
    put(TD + 4, ACTIVE); /* no error count: for ever */
    run_queue();
    assert_true(td_status(0) & ACTIVE);
}

static void suspend_and_wake(void **state) {
    (void)state;
    configure();
    out16(INTR, 0x02);
    out16(CMD, 0x00C0);
    out16(CMD, 0x00C8); /* global suspend */
    usb_tablet_event(tablet, 1, 1, 0, 0);
    assert_int_equal(in16(STS) & 4, 0); /* not allowed to */
    out16(CMD, 0x00C1);
    assert_int_equal(control(9, 0x0003, 1, 0, 0), 0); /* SET_FEATURE remote wakeup */
    out16(CMD, 0x00C0);
    out16(CMD, 0x00C8);
    out16(STS, 0xFFFF);
    usb_tablet_event(tablet, 2, 2, 0, 0);
    assert_true(in16(STS) & 4);
    assert_true(in16(CMD) & 0x10);
    assert_true(in16(PORT1) & 0x40);
    assert_true(irq());
}

/* The guest's schedule may be anything; each of these ends, and the right ones stop the controller. */
static void bad_schedules(void **state) {
    (void)state;
    enable_port();
    start();
    put(QH, QH | 2); /* an empty queue that leads to itself */
    put(QH + 4, 1);
    all_frames(QH | 2);
    fake_advance(f, 5 * MS);
    put(QH + 4, QH | 2); /* a queue whose element is itself */
    fake_advance(f, 5 * MS);
    put(TD, TD); /* a descriptor that leads to itself, done already */
    put(TD + 4, 0);
    all_frames(TD);
    fake_advance(f, 5 * MS);
    assert_int_equal(in16(STS), 0);
    all_frames(0xFFFFFFF0);
    fake_advance(f, 5 * MS);
    assert_int_equal(in16(STS), 0x28); /* host system error, halted */
    assert_true(irq());
    out16(STS, 0x3F);
    all_frames(TD);
    make_td(0, 1, 0, 0x55, 0, 0, 8, BUF); /* no such packet */
    start();
    fake_advance(f, 5 * MS);
    assert_int_equal(in16(STS), 0x30);
    out16(STS, 0x3F);
    make_td(0, 1, 0, SETUP, 0, 0, 8, 0xFFFFFFFC); /* data outside of memory */
    start();
    fake_advance(f, 5 * MS);
    assert_int_equal(in16(STS), 0x28);
}

/* Bandwidth reclamation: a loop of queues is walked as long as there is work. */
static void reclamation_loop(void **state) {
    (void)state;
    enable_port();
    start();
    for (int i = 0; i < 8; i++) make_td(i, i < 7 ? td_link(i + 1) : 1, 0, OUT, 0, 0, 0, 0);
    make_td(0, td_link(1), 0, SETUP, 0, 0, 8, BUF);
    put(BUF, 0x00000080);
    put(BUF + 4, 0x00020000); /* GET_STATUS */
    make_td(1, 1, 0, IN, 0, 0, 8, BUF + 16);
    put(QH, QH | 2); /* comes round, breadth first: both in one frame */
    put(QH + 4, td_link(0));
    put(FRAMES, 1);
    all_frames(QH | 2);
    fake_advance(f, 1 * MS);
    assert_false(td_status(0) & ACTIVE);
    assert_false(td_status(1) & ACTIVE);
    assert_int_equal(td_length(1), 2);
}

static void saved(void **state) {
    (void)state;
    configure();
    usb_tablet_event(tablet, 5, 6, 0, 2);
    fake_roundtrip(d);
    fake_roundtrip(tablet);
}

static void rubbish(void **state) {
    (void)state;
    uint32_t x = 99;
    for (int i = 0; i < 20000; i++)
        put(fake_random(&x) % RAM & ~3u, fake_random(&x) % 3 ? fake_random(&x) % RAM : fake_random(&x));
    fake_hammer_ports(f, 12345, IO, IO + 31, 20000);
    fake_garbage_state(f, d, 7, IO, IO + 31);
    fake_garbage_state(f, tablet, 8, IO, IO + 31);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_uhci, close_uhci)
int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(registers),     TEST(frame_counter),    TEST(descriptors), TEST(reports),
        TEST(idle_rate),     TEST(interrupts),       TEST(no_device),   TEST(suspend_and_wake),
        TEST(bad_schedules), TEST(reclamation_loop), TEST(saved),       TEST(rubbish),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
