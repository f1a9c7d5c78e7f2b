/* devemu_fdc_test.c: the floppy controller with the AT's DMA, spoken to as firmware and drivers do. */
#include "devemu_fake_blk.h"
#include "devemu/dma8237.h"
#include "devemu/fdc82077.h"

enum { DOR = 0x3F2, MSR = 0x3F4, FIFO = 0x3F5, DIR = 0x3F7, IRQ6 = 6, RAM = 1 << 20, DATA = 0x20000 };
enum { RQM = 0x80, DIO = 0x40, NDM = 0x20, CB = 0x10, DISK = 1440 << 10 };
enum { READ = 0xE6, WRITE = 0xC5, FORMAT = 0x4D };

static struct fake *f;
static struct dev *dma, *d;
static struct fake_blk *disk;
static uint8_t res[16];

static void open_disk(uint64_t size) {
    f = fake_create();
    assert_int_equal(smmu_mem_create(RAM, 65536, &f->host.mem), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(f->host.mem, gpa(0), RAM, 0, 0), SMMU_OK);
    dma = fake_dev(f, &dma8237_class, NULL);
    disk = fake_blk_create(size);
    struct fdc_config c = {.irq = fake_line(f, IRQ6), .dma = dma, .drive = {{true, &disk->blk}}};
    d = fake_dev(f, &fdc82077_class, &c);
}
static void command(const uint8_t *bytes, int n) {
    for (int i = 0; i < n; i++) {
        assert_int_equal(pin(f, MSR) & (RQM | DIO), RQM);
        pout(f, FIFO, bytes[i]);
    }
}
#define CMD(...) command((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
static int results(void) {
    int n = 0;
    while ((pin(f, MSR) & (RQM | DIO | CB)) == (RQM | DIO | CB) && n < 16) res[n++] = pin(f, FIFO);
    return n;
}
static void sense(uint8_t st0, uint8_t cylinder) {
    CMD(0x08);
    assert_int_equal(results(), 2);
    assert_int_equal(res[0], st0);
    assert_int_equal(res[1], cylinder);
}
static void start(void) {
    pout(f, DOR, 0);
    assert_int_equal(pin(f, MSR), 0);
    pout(f, DOR, 0x1C);
    assert_false(f->line[IRQ6]);
    fake_advance(f, 1000000);
    assert_true(f->line[IRQ6]);
    for (uint8_t i = 0; i < 4; i++) sense((uint8_t)(0xC0 | i), 0);
    assert_false(f->line[IRQ6]);
    CMD(0x03, 0xDF, 0x02);
    pout(f, DIR, 0); /* 500 kbit/s */
}
static void seek_to(uint8_t drive_head, uint8_t cylinder) {
    CMD(0x0F, drive_head, cylinder);
    assert_int_equal(pin(f, MSR), RQM | 1);
    fake_advance(f, 1000000);
    assert_true(f->line[IRQ6]);
    sense(0x20 | drive_head, cylinder);
}
static int open_fdc(void **state) {
    (void)state;
    open_disk(DISK);
    start();
    return 0;
}
static int close_fdc(void **state) {
    (void)state;
    dev_destroy(d);
    dev_destroy(dma);
    smmu_mem_destroy(f->host.mem);
    fake_blk_destroy(disk);
    fake_destroy(f);
    return 0;
}
static void set_dma(bool to_memory, unsigned bytes) {
    pout(f, 0x0A, 6), pout(f, 0x0C, 0), pout(f, 0x0B, to_memory ? 0x46 : 0x4A);
    pout(f, 0x04, (uint8_t)DATA), pout(f, 0x04, (uint8_t)(DATA >> 8)), pout(f, 0x81, DATA >> 16);
    pout(f, 0x05, (uint8_t)(bytes - 1)), pout(f, 0x05, (uint8_t)((bytes - 1) >> 8)), pout(f, 0x0A, 2);
}
static void expect_in_memory(unsigned at, uint64_t sector) {
    uint8_t s[512];
    smmu_mem_read(f->host.mem, gpa(DATA + at), s, 512);
    for (unsigned i = 0; i < 512; i++) assert_int_equal(s[i], fake_blk_byte(sector, i));
}
static void expect_result(uint8_t st0, uint8_t st1, uint8_t st2) {
    fake_blk_pump(disk);
    fake_advance(f, 1000000);
    assert_true(f->line[IRQ6]);
    assert_int_equal(results(), 7);
    assert_int_equal(res[0], st0);
    assert_int_equal(res[1], st1);
    assert_int_equal(res[2], st2);
    assert_false(f->line[IRQ6]);
    assert_int_equal(pin(f, MSR), RQM);
}
static void expect_id(uint8_t c, uint8_t h, uint8_t r) {
    assert_int_equal(res[3], c);
    assert_int_equal(res[4], h);
    assert_int_equal(res[5], r);
    assert_int_equal(res[6], 2);
}

static void identity_and_settings(void **state) {
    (void)state;
    CMD(0x10);
    assert_int_equal(results(), 1);
    assert_int_equal(res[0], 0x90);
    CMD(0x13, 0, 0x57, 0x11);
    CMD(0x94);
    assert_int_equal(results(), 1);
    assert_int_equal(res[0], 0x10);
    CMD(0x12, 0x84);
    pout(f, DOR, 0x18), pout(f, DOR, 0x1C); /* locked: the configuration survives */
    fake_advance(f, 1000000);
    CMD(0x0E);
    assert_int_equal(results(), 10);
    assert_memory_equal(res + 4, "\xDF\x02", 2);
    assert_int_equal(res[7], 0x84);
    assert_int_equal(res[8], 0x57);
    assert_int_equal(res[9], 0x11);
    CMD(0x14);
    assert_int_equal(results(), 1);
    CMD(0x18); /* PART ID: not this chip's */
    assert_int_equal(results(), 1);
    assert_int_equal(res[0], 0x80);
    CMD(0x08), results(), CMD(0x08), results(), CMD(0x08), results(), CMD(0x08), results();
    CMD(0x08);
    assert_int_equal(results(), 1); /* nothing is pending */
    assert_int_equal(res[0], 0x80);
    CMD(0x04, 0x04);
    assert_int_equal(results(), 1);
    assert_int_equal(res[0], 0x3C);
}

static void seeks_and_the_change_line(void **state) {
    (void)state;
    assert_int_equal(pin(f, DIR) & 0x80, 0x80);
    seek_to(0, 0);
    assert_int_equal(pin(f, DIR) & 0x80, 0x80); /* no step, no reset of the line */
    seek_to(0, 5);
    assert_int_equal(pin(f, DIR) & 0x80, 0);
    CMD(0x07, 0);
    fake_advance(f, 1000000);
    sense(0x20, 0);
    CMD(0x07, 1); /* there is no second drive */
    fake_advance(f, 1000000);
    sense(0x71, 0);
    fdc_change(d, 0, NULL);
    assert_int_equal(pin(f, DIR) & 0x80, 0x80);
    seek_to(0, 1);
    assert_int_equal(pin(f, DIR) & 0x80, 0x80);
    CMD(READ, 0, 1, 0, 1, 2, 18, 27, 255);
    expect_result(0x40, 0x01, 0);
    fdc_change(d, 0, &disk->blk);
    seek_to(0, 2);
    assert_int_equal(pin(f, DIR) & 0x80, 0);
    CMD(0x8F | 0x40, 0, 7); /* relative */
    fake_advance(f, 1000000);
    sense(0x20, 9);
}

static void dma_read(void **state) {
    (void)state;
    seek_to(0, 3);
    set_dma(true, 2 * 512);
    CMD(READ, 0, 3, 0, 17, 2, 18, 27, 255);
    expect_result(0, 0, 0); /* ends at terminal count */
    expect_id(3, 1, 1);
    expect_in_memory(0, 3 * 36 + 16);
    expect_in_memory(512, 3 * 36 + 17);
    set_dma(true, 36 * 512); /* a whole cylinder, both heads */
    CMD(READ, 0, 3, 0, 1, 2, 18, 27, 255);
    expect_result(4, 0, 0);
    expect_id(4, 0, 1);
    for (unsigned n = 0; n < 36; n++) expect_in_memory(n * 512, 3 * 36 + n);
    set_dma(true, 700); /* in the middle of a sector */
    CMD(READ & 0x7F, 4, 3, 1, 4, 2, 18, 27, 255);
    expect_result(4, 0, 0);
    expect_id(3, 1, 6);
    set_dma(true, 0x8000); /* one head only: end of cylinder comes first */
    CMD(READ & 0x7F, 0, 3, 0, 18, 2, 18, 27, 255);
    expect_result(0x40, 0x80, 0);
}

static void dma_write(void **state) {
    (void)state;
    uint8_t s[1024];
    memset(s, 0x5A, sizeof s);
    smmu_mem_write(f->host.mem, gpa(DATA), s, sizeof s);
    seek_to(0, 0);
    set_dma(false, 1024);
    CMD(WRITE, 0, 0, 0, 18, 2, 18, 27, 255);
    expect_result(4, 0, 0); /* over to head 1 */
    expect_id(0, 1, 2);
    assert_int_equal(disk->data[17 * 512], 0x5A);
    assert_int_equal(disk->data[18 * 512 + 511], 0x5A);
    assert_int_equal(disk->data[19 * 512], fake_blk_byte(19, 0));
    disk->blk.read_only = true;
    CMD(WRITE, 0, 0, 0, 1, 2, 18, 27, 255);
    expect_result(0x40, 0x02, 0);
    CMD(0x04, 0);
    assert_int_equal(results(), 1);
    assert_int_equal(res[0] & 0x40, 0x40);
}

static void addresses_that_are_not_there(void **state) {
    (void)state;
    seek_to(0, 2);
    set_dma(true, 512);
    CMD(READ, 0, 5, 0, 1, 2, 18, 27, 255);
    expect_result(0x40, 0x04, 0x10); /* wrong cylinder */
    CMD(READ, 0, 2, 0, 19, 2, 19, 27, 255);
    expect_result(0x40, 0x04, 0);
    CMD(READ, 0, 2, 0, 0, 2, 18, 27, 255);
    expect_result(0x40, 0x04, 0);
    CMD(READ, 0, 2, 0, 1, 3, 18, 27, 255);
    expect_result(0x40, 0x04, 0);
    CMD(READ & ~0x40, 0, 2, 0, 1, 2, 18, 27, 255); /* FM */
    expect_result(0x40, 0x01, 0);
    pout(f, DIR, 2); /* 250 kbit/s */
    CMD(0x4A, 0);
    expect_result(0x40, 0x01, 0);
    pout(f, DIR, 0);
    CMD(0x4A, 0);
    expect_result(0, 0, 0);
    expect_id(2, 0, 1);
    disk->bad_from = 0;
    CMD(READ, 0, 2, 0, 1, 2, 18, 27, 255);
    expect_result(0x40, 0x20, 0x20);
    disk->bad_from = UINT64_MAX;
    CMD(0x13, 0, 0x40, 0); /* implied seek */
    CMD(READ, 0, 5, 0, 1, 2, 18, 27, 255);
    expect_result(0, 0, 0);
    CMD(0x56, 0, 5, 0, 1, 2, 18, 27, 255); /* VERIFY */
    expect_result(0, 0, 0);
}

static void format_track(void **state) {
    (void)state;
    uint8_t ids[72];
    for (uint8_t i = 0; i < 18; i++)
        ids[4 * i] = 7, ids[4 * i + 1] = 1, ids[4 * i + 2] = (uint8_t)(i + 1), ids[4 * i + 3] = 2;
    smmu_mem_write(f->host.mem, gpa(DATA), ids, sizeof ids);
    seek_to(4, 7);
    set_dma(false, sizeof ids);
    CMD(FORMAT, 4, 2, 18, 84, 0xF6);
    expect_result(4, 0, 0);
    assert_int_equal(disk->data[(7 * 36 + 18) * 512], 0xF6);
    assert_int_equal(disk->data[(7 * 36 + 36) * 512 - 1], 0xF6);
    assert_int_equal(disk->data[(7 * 36 + 18) * 512 - 1], fake_blk_byte(7 * 36 + 17, 511));
    CMD(FORMAT, 4, 2, 9, 84, 0xF6); /* another format than the image's */
    expect_result(0x44, 0x01, 0);
}

static void without_dma(void **state) {
    (void)state;
    CMD(0x03, 0xDF, 0x03);
    seek_to(0, 1);
    CMD(READ & 0x7F, 0, 1, 0, 5, 2, 6, 27, 255);
    fake_blk_pump(disk);
    assert_true(f->line[IRQ6]);
    for (unsigned i = 0; i < 1024; i++) {
        assert_int_equal(pin(f, MSR), RQM | DIO | NDM | CB);
        assert_int_equal(pin(f, FIFO), fake_blk_byte(36 + 4 + i / 512, i % 512));
    }
    expect_result(0x40, 0x80, 0);
    CMD(WRITE & 0x7F, 0, 1, 0, 5, 2, 5, 27, 255);
    for (unsigned i = 0; i < 512; i++) {
        assert_int_equal(pin(f, MSR), RQM | NDM | CB);
        pout(f, FIFO, 0x77);
    }
    expect_result(0x40, 0x80, 0);
    assert_int_equal(disk->data[40 * 512 + 511], 0x77);
}

static void truncated_image(void **state) {
    (void)state;
    open_disk(1000 * 512); /* of a 720-K disk */
    start();
    pout(f, DIR, 2);
    seek_to(0, 55);
    set_dma(true, 18 * 512);
    CMD(READ, 0, 55, 0, 1, 2, 9, 27, 255); /* sectors 990..999 are there */
    expect_result(0x44, 0x04, 0);
    expect_id(55, 1, 2);
    expect_in_memory(9 * 512, 999);
    seek_to(0, 79);
    CMD(READ, 0, 79, 0, 1, 2, 9, 27, 255);
    expect_result(0x40, 0x04, 0);
    close_fdc(state);
}

static void formats(void **state) {
    (void)state;
    assert_int_equal(fdc_type_for(360 << 10), FDC_360K);
    assert_int_equal(fdc_type_for(1200 << 10), FDC_1200K);
    assert_int_equal(fdc_type_for(720 << 10), FDC_1440K);
    assert_int_equal(fdc_type_for(1440 << 10), FDC_1440K);
    assert_int_equal(fdc_type_for(2880 << 10), FDC_2880K);
    assert_int_equal(fdc_type_for(512), FDC_1440K);
    assert_int_equal(fdc_type_for((2880 << 10) + 512), FDC_NONE);
}

static void hammer_once(uint32_t *x) {
    uint32_t r = fake_random(x);
    uint16_t port = (uint16_t)(0x3F0 + (r & 7));
    static const uint8_t codes[] = {READ, WRITE, FORMAT, 0x07, 0x0F, 0x08, 0x4A, 0x03, 0x13, 0x56, 0x42, 0x4C, 0x0E};
    if (port == 0x3F6) port = FIFO;
    if (port == DOR && (r & 0x300)) return;
    if (r & 0x400)
        pin(f, port);
    else
        pout(f, port, r & 0x1000 ? codes[r >> 16 & 7] : r & 0x2000 ? (uint8_t)(r >> 16 & 3) : (uint8_t)(r >> 16));
    if (!(r & 0x38000000)) fake_blk_pump(disk);
    if (!(r & 0x07000000)) fake_stall(f, 300000);
    if (!(r & 0x00F80000)) set_dma(r & 0x800, 1 + (r >> 8 & 0x7FFF));
}

static void hammer(void **state) {
    uint32_t x = 0xBADF00D;
    for (int i = 0; i < 300000; i++) hammer_once(&x);
    fake_blk_pump(disk);
    d->cls->reset(d);
    start();
    dma_read(state);
}

static void saved_state(void **state) {
    (void)state;
    seek_to(0, 3);
    CMD(0x0F, 0, 9);
    CMD(0x03, 0xAF); /* in the middle of a command */
    fake_roundtrip(d);
    pout(f, FIFO, 0x02);
    fake_advance(f, 1000000);
    sense(0x20, 9);
    uint32_t x = 77;
    fake_garbage_state(f, d, x, 0x3F0, 0x3F7);
    fake_blk_pump(disk);
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_fdc, close_fdc)
    const struct CMUnitTest tests[] = {
        TEST(identity_and_settings),
        TEST(seeks_and_the_change_line),
        TEST(dma_read),
        TEST(dma_write),
        TEST(addresses_that_are_not_there),
        TEST(format_track),
        TEST(without_dma),
        cmocka_unit_test(truncated_image),
        cmocka_unit_test(formats),
        TEST(hammer),
        TEST(saved_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
