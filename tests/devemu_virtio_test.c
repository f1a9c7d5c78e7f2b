/* devemu_virtio_test.c: virtqueues, hostile ones too, both PCI interfaces, and the disk on them. */
#include "devemu_virtio_driver.h"
#include "devemu/virtio_blk.h"

enum { SECTORS = 8192, HEADER = 0x180000, STATUS = 0x181000, TABLE = 0x190000 };
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8, OK = 0, IOERR = 1, UNSUPP = 2 };
#define FLUSH VIRTIO_F(9)
#define RO    VIRTIO_F(5)

static struct fake_blk *disk;

static void open_disk(enum virtio_mode mode, bool read_only) {
    vd_machine();
    disk = fake_blk_create((uint64_t)SECTORS * 512);
    disk->blk.read_only = read_only;
    struct virtio_blk_config c = {.bus = bus, .devfn = VD_DEVFN, .mode = mode, .blk = &disk->blk};
    d = fake_dev(f, &virtio_blk_class, &c);
    vd_enable();
}
static int open_modern(void **state) {
    (void)state;
    modern = true;
    open_disk(VIRTIO_TRANSITIONAL, false);
    vd_start(FLUSH | VIRTIO_F_INDIRECT, 1);
    return 0;
}
static int open_legacy(void **state) {
    (void)state;
    modern = false;
    open_disk(VIRTIO_TRANSITIONAL, false);
    vd_start(VIRTIO_F_INDIRECT, 1);
    return 0;
}
static int close_disk(void **state) {
    (void)state;
    vd_machine_end();
    fake_blk_destroy(disk);
    return 0;
}

static void header(unsigned n, uint32_t type, uint64_t sector) {
    put(HEADER + 16 * n, 4, type);
    put(HEADER + 16 * n + 4, 4, 0);
    put(HEADER + 16 * n + 8, 8, sector);
    put(STATUS + n, 1, 0xEE);
}
/* Posts request n: one run of data at addr. */
static uint16_t post(unsigned n, uint32_t type, uint64_t sector, uint64_t addr, uint32_t len) {
    struct part p[] = {{HEADER + 16 * n, 16, false}, {addr, len, type != T_OUT}, {STATUS + n, 1, true}};
    struct part none[] = {p[0], p[2]};
    header(n, type, sector);
    return len ? vd_post(0, p, 3) : vd_post(0, none, 2);
}
static uint8_t status(unsigned n) { return (uint8_t)get(STATUS + n, 1); }
static void expect_sectors(uint64_t at, uint64_t sector, unsigned n) {
    uint8_t s[512];
    for (unsigned i = 0; i < n; i++) {
        ram_read(at + 512 * i, s, sizeof s);
        for (unsigned j = 0; j < 512; j++) assert_int_equal(s[j], fake_blk_byte(sector + i, j));
    }
}
/* The device stopped: a modern driver is told. */
static void expect_broken(void) {
    uint16_t used = vd_used(0);
    fake_blk_pump(disk);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(vd_used(0), used);
    if (modern) {
        assert_true(vd_status() & VIRTIO_NEEDS_RESET);
        assert_true(vd_isr() & 2);
    }
    vd_start(FLUSH | VIRTIO_F_INDIRECT, 1); /* and a reset repairs it */
    post(0, T_IN, 3, VD_DATA, 512);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(0), OK);
    expect_sectors(VD_DATA, 3, 1);
}

/* ---- The interfaces ---- */

static void identity(void **state) {
    (void)state;
    static const uint32_t id[] = {0x10011AF4, 0x10011AF4, 0x10421AF4};
    for (enum virtio_mode mode = VIRTIO_TRANSITIONAL; mode <= VIRTIO_MODERN_ONLY; mode++) {
        modern = mode != VIRTIO_LEGACY_ONLY;
        open_disk(mode, mode == VIRTIO_LEGACY_ONLY);
        assert_int_equal(cfg_read(0, 4), id[mode]);
        assert_int_equal(cfg_read(PCI_REVISION, 1), mode == VIRTIO_MODERN_ONLY);
        assert_int_equal(cfg_read(PCI_SUBSYS_VENDOR, 4), 0x21AF4);
        assert_int_equal(cfg_read(PCI_INT_PIN, 1), 1);
        assert_int_equal(cfg_read(PCI_STATUS, 2) >> 4 & 1, modern);
        assert_int_equal(cfg_read(PCI_BAR0, 4), mode == VIRTIO_MODERN_ONLY ? 0 : VD_IO | 1);
        uint64_t offered = vd_offered();
        assert_int_equal(!!(offered & VIRTIO_F_VERSION_1), modern);
        assert_int_equal(!!(offered & RO), mode == VIRTIO_LEGACY_ONLY);
        assert_true(offered & FLUSH);
        close_disk(state);
    }
}

static uint64_t config_at(unsigned offset) { return modern ? dev_at + offset : VD_IO + LEG_CONFIG + offset; }
static uint32_t config_get(unsigned offset, unsigned size) {
    return modern ? get(config_at(offset), size) : dev_io_read(f->host.io, (uint16_t)config_at(offset), size);
}
static void config_space(void **state) {
    (void)state;
    assert_int_equal(config_get(0, 4), SECTORS);
    assert_int_equal(config_get(4, 4), 0);
    assert_int_equal(config_get(12, 4), 126);
    assert_int_equal(config_get(16, 2), SECTORS / (16 * 63));
    assert_int_equal(config_get(18, 1), 16);
    assert_int_equal(config_get(19, 1), 63);
    assert_int_equal(config_get(20, 4), 512);
    assert_int_equal(config_get(1, 1), SECTORS >> 8);
}

static void registers(void **state) {
    (void)state;
    assert_int_equal(get(com + COM_QUEUES, 2), 1);
    assert_int_equal(get(com + 16, 2), 0xFFFF);
    put(com + COM_QSEL, 2, 1); /* there is none */
    assert_int_equal(get(com + COM_QSIZE, 2), 0);
    put(com + COM_QENABLE, 2, 1);
    put(com + COM_QSEL, 2, 0);
    assert_int_equal(get(com + COM_QSIZE, 2), 128);
    put(com + COM_QSIZE, 2, 64); /* enabled: too late */
    assert_int_equal(get(com + COM_QSIZE, 2), 128);
    vd_set_status(0);
    put(com + COM_QSIZE, 2, 48); /* no power of two, and too large */
    put(com + COM_QSIZE, 2, 256);
    put(com + COM_QSIZE, 2, 0);
    assert_int_equal(get(com + COM_QSIZE, 2), 128);
    put(com + COM_QSIZE, 2, 64);
    assert_int_equal(get(com + COM_QSIZE, 2), 64);
    put(com + COM_DESC, 8, 0x1122334455667788);
    assert_int_equal(get(com + COM_DESC, 4), 0x55667788);
    assert_int_equal(get(com + COM_DESC + 4, 4), 0x11223344);
    /* Features that were not offered, and drivers that forget VERSION_1. */
    vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    vd_accept(VIRTIO_F_VERSION_1 | VIRTIO_F(20));
    assert_false(vd_status() & VIRTIO_FEATURES_OK);
    vd_accept(FLUSH);
    assert_false(vd_status() & VIRTIO_FEATURES_OK);
    vd_accept(VIRTIO_F_VERSION_1);
    assert_true(vd_status() & VIRTIO_FEATURES_OK);
}

static void access_window(void **state) {
    (void)state;
    cfg_write(PCI_COMMAND, 2, 0); /* the BAR does not answer */
    cfg_write(window + 4u, 1, 1);
    cfg_write(window + 8u, 4, dev_at - VD_MMIO);
    cfg_write(window + 12u, 4, 4);
    assert_int_equal(cfg_read(window + 16u, 4), SECTORS);
    cfg_write(window + 8u, 4, com - VD_MMIO + COM_STATUS);
    cfg_write(window + 12u, 4, 1);
    cfg_write(window + 16u, 1, 0);
    assert_int_equal(cfg_read(window + 16u, 1), 0);
    cfg_write(window + 16u, 1, 3);
    cfg_write(PCI_COMMAND, 2, PCI_CMD_MEM);
    assert_int_equal(vd_status(), 3);
    /* Other BARs, lengths and places are nowhere. */
    static const uint32_t bad[][3] = {{0, 0, 4}, {1, 0x4000, 4}, {1, 0xFFFFFFFC, 4}, {1, 0, 3}, {1, 2, 4}, {6, 0, 0}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        cfg_write(window + 4u, 1, bad[i][0]);
        cfg_write(window + 8u, 4, bad[i][1]);
        cfg_write(window + 12u, 4, bad[i][2]);
        cfg_write(window + 16u, 4, 0x5A5A5A5A);
        assert_int_equal(cfg_read(window + 16u, 4), 0x5A5A5A5A);
    }
    assert_int_equal(vd_status(), 3);
}

/* ---- The disk ---- */

static void read_write(void **state) {
    (void)state;
    post(0, T_IN, 100, VD_DATA, 8 * 512);
    assert_int_equal(vd_used(0), 0);
    vd_notify(0);
    assert_int_equal(vd_used(0), 0); /* never from inside the notification */
    fake_blk_pump(disk);
    uint32_t head;
    assert_int_equal(vd_take_used(0, &head), 8 * 512 + 1);
    assert_int_equal(head, 0);
    assert_int_equal(status(0), OK);
    expect_sectors(VD_DATA, 100, 8);
    assert_true(((struct pci_dev *)d)->int_level);
    assert_int_equal(vd_isr(), 1);
    assert_false(((struct pci_dev *)d)->int_level);
    assert_int_equal(vd_isr(), 0);

    post(1, T_OUT, 4000, VD_DATA, 3 * 512);
    put(ring[0].avail, 2, 1); /* no interrupt, please */
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(vd_take_used(0, NULL), 1);
    assert_int_equal(status(1), OK);
    assert_int_equal(vd_isr(), 0);
    for (unsigned i = 0; i < 3 * 512; i++)
        assert_int_equal(disk->data[4000 * 512 + i], fake_blk_byte(100 + i / 512, i % 512));
    /* Only a driver that flushes gets writes that are not yet on the medium. */
    assert_int_equal(disk->durable_writes, modern ? 0 : 1);
    if (!modern) return;
    post(2, T_FLUSH, 0, 0, 0);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(2), OK);
    assert_int_equal(disk->flushes, 1);
}

/* Longer than the bounce buffer, in many segments, one of them odd; then by an indirect table. */
static void long_and_scattered(void **state) {
    (void)state;
    enum { BYTES = 600 * 512, PIECES = 60 };
    struct part p[PIECES + 3] = {{HEADER, 5, false}, {HEADER + 5, 11, false}};
    uint64_t at = VD_DATA;
    uint32_t left = BYTES;
    unsigned n = 2;
    for (; n < PIECES + 1; n++) {
        p[n] = (struct part){at, 4097 + n, true};
        at += p[n].len;
        left -= p[n].len;
    }
    p[n++] = (struct part){at, left, true};
    p[n++] = (struct part){STATUS, 1, true};
    header(0, T_IN, 1000);
    vd_post(0, p, n);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(vd_take_used(0, NULL), BYTES + 1);
    assert_int_equal(status(0), OK);
    expect_sectors(VD_DATA, 1000, 600);
    assert_true(disk->submitted > 1);

    header(1, T_OUT, 7000);
    vd_desc(TABLE, 0, HEADER + 16, 16, D_NEXT, 2);
    vd_desc(TABLE, 2, VD_DATA, 600 * 512, D_NEXT, 1);
    vd_desc(TABLE, 1, STATUS + 1, 1, D_WRITE, 0);
    vd_desc(ring[0].desc, 127, TABLE, 48, D_INDIRECT, 0);
    vd_offer(0, 127);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(1), OK);
    assert_memory_equal(disk->data + 7000 * 512, disk->data + 1000 * 512, BYTES);
}

/* What the storage can read at once is used when the notification returns; more than a mebibyte is not read at once. */
static void read_in_place(void **state) {
    (void)state;
    disk->cached = UINT64_MAX;
    post(0, T_IN, 100, VD_DATA, 8 * 512);
    post(1, T_IN, 300, VD_DATA + 8 * 512, 512);
    vd_notify(0);
    assert_int_equal(vd_take_used(0, NULL), 8 * 512 + 1);
    assert_int_equal(vd_take_used(0, NULL), 512 + 1);
    assert_int_equal(disk->submitted, 0);
    assert_int_equal(status(0), OK);
    expect_sectors(VD_DATA, 100, 8);
    expect_sectors(VD_DATA + 8 * 512, 300, 1);
    assert_int_equal(vd_isr(), 1);

    disk->cached = 1004 * 512 + 100; /* half a sector does not count */
    post(2, T_IN, 1000, VD_DATA, 8 * 512);
    vd_notify(0);
    assert_int_equal(vd_used(0), 2);
    fake_blk_pump(disk);
    assert_int_equal(vd_take_used(0, NULL), 8 * 512 + 1);
    expect_sectors(VD_DATA, 1000, 8);

    disk->cached = UINT64_MAX;
    struct part p[20] = {{HEADER, 16, false}};
    for (unsigned n = 1; n <= 18; n++) p[n] = (struct part){VD_DATA, 100 * 1024 + 4 * n, true}; /* end within sectors */
    uint32_t len = 18 * 100 * 1024 + 4 * 171;
    p[18].len -= len % 512;
    p[19] = (struct part){STATUS, 1, true};
    header(0, T_IN, 0);
    vd_post(0, p, 20);
    disk->submitted = 0;
    vd_notify(0);
    assert_int_equal(vd_used(0), 3);
    assert_int_equal(disk->submitted, 1);
    fake_blk_pump(disk);
    assert_int_equal(disk->submitted, 1);
    assert_int_equal(vd_take_used(0, NULL), len - len % 512 + 1);
    assert_int_equal(status(0), OK);
}

static void write_in_place(void **state) {
    (void)state;
    struct part p[] = {
        {HEADER, 16, false}, {VD_DATA + 3, 700, false}, {VD_DATA + 0x5000, 836, false}, {STATUS, 1, true}};
    uint8_t s[1536];
    for (unsigned i = 0; i < sizeof s; i++) s[i] = (uint8_t)(i * 5 + (i >> 8));
    smmu_mem_write(f->host.mem, gpa(VD_DATA + 3), s, 700);
    smmu_mem_write(f->host.mem, gpa(VD_DATA + 0x5000), s + 700, 836);
    header(0, T_OUT, 4000);
    vd_post(0, p, 4);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(vd_take_used(0, NULL), 1);
    assert_int_equal(status(0), OK);
    assert_int_equal(disk->writes_in_place, 1);
    assert_memory_equal(disk->data + 4000 * 512, s, sizeof s);
    disk->bad_from = 4001 * 512;
    header(1, T_OUT, 4000);
    post(1, T_OUT, 4000, VD_DATA, 1024);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(1), IOERR);
}

/* More requests than slots: those behind wait in the queue; a reset takes all back. */
static void many_and_reset(void **state) {
    (void)state;
    for (unsigned n = 0; n < 40; n++) post(n, T_IN, n, VD_DATA + 512 * n, 512);
    vd_notify(0);
    assert_int_equal(disk->submitted, 16);
    vd_notify(0);
    assert_int_equal(disk->submitted, 16);
    fake_blk_pump(disk);
    assert_int_equal(vd_used(0), 40);
    expect_sectors(VD_DATA, 0, 40);
    for (unsigned n = 0; n < 40; n++) post(n, T_IN, 500 + n, VD_DATA + 512 * n, 512);
    vd_notify(0);
    fake_blk_step(disk);
    vd_set_status(0);
    assert_null(disk->first);
    expect_sectors(VD_DATA + 512, 1, 39);
    vd_start(0, 1);
    post(0, T_IN, 77, VD_DATA, 512);
    vd_notify(0);
    d->cls->reset(d);
    assert_null(disk->first);
}

static void errors(void **state) {
    (void)state;
    static const struct {
        uint32_t type;
        uint64_t sector;
        uint32_t len;
        uint8_t status;
    } row[] = {
        {T_IN, SECTORS - 1, 1024, IOERR},
        {T_IN, SECTORS, 512, IOERR},
        {T_IN, UINT64_MAX, 512, IOERR},
        {T_IN, 1ull << 55, 512, IOERR},
        {T_OUT, 0, 100, IOERR},
        {T_OUT, SECTORS, 512, IOERR},
        {T_IN, 0, 0, OK},
        {99, 0, 512, UNSUPP},
        {T_IN, SECTORS - 1, 512, OK},
        {T_OUT, SECTORS / 2, 1024, IOERR} /* a bad place */,
    };
    disk->bad_from = SECTORS / 2 * 512 + 512;
    for (unsigned n = 0; n < sizeof row / sizeof *row; n++) {
        if (row[n].status == OK) disk->bad_from = UINT64_MAX;
        post(n, row[n].type, row[n].sector, VD_DATA, row[n].len);
        vd_notify(0);
        fake_blk_pump(disk);
        assert_int_equal(status(n), n == 9 ? OK : row[n].status);
    }
    disk->bad_from = 512 * 512;
    post(0, T_IN, 511, VD_DATA, 1024);
    post(1, T_OUT, 511, VD_DATA, 1024);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(0), IOERR);
    assert_int_equal(status(1), IOERR);
    expect_sectors(VD_DATA, 511, 1);

    post(0, T_GET_ID, 0, VD_DATA, 20);
    vd_notify(0);
    char id[20];
    ram_read(VD_DATA, id, sizeof id);
    assert_int_equal(status(0), OK);
    assert_string_equal(id, "NV00107");
}

static void read_only(void **state) {
    (void)state;
    modern = true;
    open_disk(VIRTIO_MODERN_ONLY, true);
    assert_true(vd_offered() & RO);
    vd_start(RO, 1);
    post(0, T_OUT, 0, VD_DATA, 512);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(0), IOERR);
    assert_int_equal(disk->submitted, 0);
    close_disk(state);
}

/* What a driver may not use yet is not used: before DRIVER_OK, without bus mastering; then it is made good. */
static void not_yet(void **state) {
    (void)state;
    vd_set_status(0);
    vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    vd_accept(VIRTIO_F_VERSION_1);
    cfg_write(PCI_COMMAND, 2, PCI_CMD_IO | PCI_CMD_MEM);
    vd_queue(0);
    post(0, T_IN, 1, VD_DATA, 512);
    vd_notify(0);
    assert_int_equal(disk->submitted, 0);
    vd_set_status((uint8_t)(vd_status() | VIRTIO_DRIVER_OK));
    assert_int_equal(disk->submitted, 0);
    cfg_write(PCI_COMMAND, 2, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
    assert_int_equal(disk->submitted, 1);
    fake_blk_pump(disk);
    assert_int_equal(status(0), OK);
}

static void saved_state(void **state) {
    (void)state;
    for (unsigned n = 0; n < 20; n++) post(n, T_IN, n, VD_DATA + 512 * n, 512);
    vd_notify(0);
    uint16_t next = ring[0].posted;
    fake_roundtrip(d);
    assert_int_equal(vd_used(0), next); /* saving ended them */
    post(1, T_IN, 9, VD_DATA, 512);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(1), OK);
    expect_sectors(VD_DATA, 9, 1);
    fake_garbage_state(f, d, 5, VD_IO, VD_IO + 63);
    fake_blk_pump(disk);
}

/* ---- Drivers that lie ---- */

static void bad_index(void **state) {
    (void)state;
    put(ring[0].avail + 2, 2, 129);
    vd_notify(0);
    expect_broken();
}
static void bad_head(void **state) {
    (void)state;
    vd_offer(0, 128);
    vd_notify(0);
    expect_broken();
}
static void bad_next(void **state) {
    (void)state;
    vd_desc(ring[0].desc, 0, HEADER, 16, D_NEXT, 500);
    vd_offer(0, 0);
    vd_notify(0);
    expect_broken();
}
static void loop(void **state) {
    (void)state;
    vd_desc(ring[0].desc, 0, HEADER, 16, D_NEXT, 1);
    vd_desc(ring[0].desc, 1, VD_DATA, 512, D_NEXT | D_WRITE, 1);
    vd_offer(0, 0);
    vd_notify(0);
    expect_broken();
}
static void read_after_write(void **state) {
    (void)state;
    struct part p[] = {{HEADER, 16, false}, {VD_DATA, 512, true}, {VD_DATA, 512, false}, {STATUS, 1, true}};
    vd_post(0, p, 4);
    vd_notify(0);
    expect_broken();
}
static void no_header(void **state) {
    (void)state;
    struct part p[] = {{HEADER, 15, false}, {STATUS, 1, true}};
    vd_post(0, p, 2);
    vd_notify(0);
    expect_broken();
    struct part q[] = {{HEADER, 16, false}};
    vd_post(0, q, 1);
    vd_notify(0);
    expect_broken();
}
static void bad_tables(void **state) {
    (void)state;
    static const struct {
        uint64_t table;
        uint32_t len;
        unsigned flags;
    } row[] = {
        {TABLE, 0, D_INDIRECT},           {TABLE, 17, D_INDIRECT},      {TABLE, 257 * 16, D_INDIRECT},
        {TABLE, 16, D_INDIRECT | D_NEXT}, {VD_RAM, 16, D_INDIRECT},     {UINT64_MAX - 7, 16, D_INDIRECT},
        {VD_MMIO, 16, D_INDIRECT},        {0xFFFFFFF8, 16, D_INDIRECT}, {TABLE, 32, D_INDIRECT} /* nested */,
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        vd_desc(TABLE, 0, TABLE, 16, D_INDIRECT, 0);
        vd_desc(ring[0].desc, 5, row[i].table, row[i].len, row[i].flags, 5);
        vd_offer(0, 5);
        vd_notify(0);
        expect_broken();
    }
}
/* Buffers in registers (its own doorbell among them), in holes, around 4 GiB and 2^64. */
static void bad_buffers(void **state) {
    (void)state;
    uint64_t bad[] = {VD_MMIO + 0x3000, VD_RAM - 256, 0x80000000, 0xFFFFFFFF, 1ull << 32, UINT64_MAX - 100};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        for (uint32_t type = T_IN; type <= T_OUT; type++) {
            post(0, type, 0, bad[i], 512);
            vd_notify(0);
            fake_blk_pump(disk);
            assert_int_not_equal(status(0), OK);
            expect_broken();
        }
    }
    for (uint32_t len = 0xFFFFFE00; len; len = 0) { /* a length that leaves memory */
        post(0, T_IN, 0, VD_DATA, len);
        vd_notify(0);
        fake_blk_pump(disk);
    }
    vd_start(0, 1);
}
/* Firmware's callers read disks straight to the screen, and to ROM, where nothing changes. Rings cannot be there. */
static uint8_t screen[4096];
static uint64_t screen_read(void *o, uint32_t at, unsigned size) {
    uint64_t v = 0;
    (void)o;
    for (unsigned i = 0; i < size; i++) v |= (uint64_t)screen[at + i] << (8 * i);
    return v;
}
static void screen_write(void *o, uint32_t at, unsigned size, uint64_t v) {
    (void)o;
    for (unsigned i = 0; i < size; i++) screen[at + i] = (uint8_t)(v >> (8 * i));
}
static void video_memory(void **state) {
    (void)state;
    enum { AT = VD_RAM + 0x10000, ROM = VD_RAM + 0x20000 };
    static const struct smmu_mmio mmio = {
        .name = "screen", .read = screen_read, .write = screen_write, .stores_only = true};
    assert_int_equal(smmu_mem_map_mmio(f->host.mem, gpa(AT), 4096, &mmio), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(f->host.mem, gpa(ROM), 4096, 0, -1), SMMU_OK);
    memset(screen, 0, sizeof screen);
    post(0, T_IN, 7, AT + 3, 512);
    vd_notify(0);
    fake_blk_pump(disk);
    post(1, T_OUT, 9, AT, 1024);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(0), OK);
    assert_int_equal(status(1), OK);
    expect_sectors(AT + 3, 7, 1);
    assert_memory_equal(disk->data + 9 * 512, screen, 1024);
    post(0, T_IN, 7, ROM, 512);
    vd_notify(0);
    fake_blk_pump(disk);
    assert_int_equal(status(0), OK);
    assert_int_equal(get(ROM, 4), get(0, 4));
    vd_set_status(0);
    vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    vd_accept(VIRTIO_F_VERSION_1);
    if (!modern) io_put(LEG_PFN, 4, AT >> 12);
    if (modern) put(com + COM_DESC, 8, AT), put(com + COM_AVAIL, 8, AT), put(com + COM_USED, 8, AT);
    if (modern) put(com + COM_QENABLE, 2, 1);
    vd_set_status((uint8_t)(vd_status() | VIRTIO_DRIVER_OK));
    vd_notify(0);
    expect_broken();
}
static void bad_rings(void **state) {
    (void)state;
    uint64_t bad[] = {VD_MMIO + 0x3000, 0x80000000, 0xFFFFFFFC, UINT64_MAX & ~15ull, 1ull << 32};
    for (unsigned part = COM_DESC; part <= COM_USED; part += 8) {
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
            vd_set_status(0);
            vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
            vd_accept(VIRTIO_F_VERSION_1);
            vd_queue(0); /* enabled, so that its memory is filled; then once more with one part elsewhere */
            post(0, T_GET_ID, 0, VD_DATA, 20);
            vd_set_status(0);
            vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
            vd_accept(VIRTIO_F_VERSION_1);
            put(com + COM_DESC, 8, ring[0].desc);
            put(com + COM_AVAIL, 8, ring[0].avail);
            put(com + COM_USED, 8, ring[0].used);
            put(com + part, 8, bad[i]);
            put(com + COM_QENABLE, 2, 1);
            vd_set_status((uint8_t)(vd_status() | VIRTIO_DRIVER_OK));
            vd_notify(0);
            assert_true(vd_status() & VIRTIO_NEEDS_RESET);
        }
    }
    vd_start(0, 1);
}
/* The used ring lies on the available ring: the device must come to an end. */
static void rings_on_each_other(void **state) {
    (void)state;
    for (unsigned shift = 0; shift < 16; shift += 2) {
        vd_set_status(0);
        vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
        vd_accept(VIRTIO_F_VERSION_1);
        vd_queue(0);
        for (unsigned n = 0; n < 40; n++) post(n, T_GET_ID, 0, VD_DATA, 20);
        vd_set_status(0);
        vd_set_status(VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
        vd_accept(VIRTIO_F_VERSION_1);
        put(com + COM_DESC, 8, ring[0].desc);
        put(com + COM_AVAIL, 8, ring[0].avail);
        put(com + COM_USED, 8, ring[0].avail - 4 + shift);
        put(com + COM_QENABLE, 2, 1);
        vd_set_status((uint8_t)(vd_status() | VIRTIO_DRIVER_OK));
        vd_notify(0);
    }
    vd_start(0, 1);
}
/* Random bytes as rings, tables and registers. */
static void noise(void **state) {
    (void)state;
    uint32_t x = 12345;
    for (int round = 0; round < 300; round++) {
        vd_start(VIRTIO_F_INDIRECT | FLUSH, 1);
        for (uint64_t at = VD_RINGS; at < VD_RINGS + 0x1000; at += 4) {
            uint32_t r = fake_random(&x);
            put(at, 4, r & 1 ? r : r % VD_RAM);
        }
        for (unsigned i = 0; i < 128; i++) { /* half-way sane descriptors */
            uint32_t r = fake_random(&x);
            vd_desc(ring[0].desc, i, r % VD_RAM, r >> 20, r >> 8 & (r & 0x80 ? 7 : 3), r >> 12 & 127);
        }
        put(ring[0].avail + 2, 2, fake_random(&x) & 127);
        for (int i = 0; i < 20; i++) {
            uint32_t r = fake_random(&x);
            if (modern)
                put(VD_MMIO + (r & 0x3FFF), 1u << (r >> 20) % 4, fake_random(&x));
            else
                io_put(r & 63, 1u << (r >> 20) % 3, fake_random(&x));
            vd_notify(0);
            fake_blk_step(disk);
        }
        fake_blk_pump(disk);
    }
}

#define MODERN(fn) cmocka_unit_test_setup_teardown(fn, open_modern, close_disk)
#define BOTH(fn)                                                                                                       \
    {"modern " #fn, fn, open_modern, close_disk, NULL}, { "legacy " #fn, fn, open_legacy, close_disk, NULL }
int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identity),
        BOTH(config_space),
        MODERN(registers),
        MODERN(access_window),
        BOTH(read_write),
        BOTH(long_and_scattered),
        BOTH(read_in_place),
        BOTH(write_in_place),
        BOTH(many_and_reset),
        BOTH(errors),
        cmocka_unit_test(read_only),
        MODERN(not_yet),
        BOTH(saved_state),
        BOTH(bad_index),
        BOTH(bad_head),
        BOTH(bad_next),
        BOTH(loop),
        BOTH(read_after_write),
        BOTH(no_header),
        BOTH(bad_tables),
        BOTH(bad_buffers),
        BOTH(video_memory),
        MODERN(bad_rings),
        MODERN(rings_on_each_other),
        BOTH(noise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
