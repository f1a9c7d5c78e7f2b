/* devemu_ide_test.c: PIIX3 IDE, disks and CD-ROM drives, spoken to as firmware and drivers do. */
#include "devemu_ide_driver.h"

/* ---- Disk ---- */

static void identify(void **state) {
    (void)state;
    uint8_t id[512], sum = 0;
    command_lba(0xEC, 0, 0);
    wait_data(CMD, IRQ14);
    read_sector(CMD, id);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    assert_int_equal(id[2] | id[3] << 8, DISK_SECTORS / (16 * 63));
    assert_int_equal(id[6], 16);
    assert_int_equal(id[12], 63);
    assert_memory_equal(id + 54, "ONTVH RADDSI K", 14); /* swapped text */
    assert_int_equal(id[120] | id[121] << 8, DISK_SECTORS);
    assert_int_equal(id[200] | id[201] << 8, DISK_SECTORS);
    assert_true(id[99] & 2); /* LBA */
    for (int i = 0; i < 512; i++) sum = (uint8_t)(sum + id[i]);
    assert_int_equal(sum, 0);
}

static void pio_read(void **state) {
    (void)state;
    uint8_t s[512];
    command_lba(0x20, 100, 3);
    assert_int_equal(pin(f, CTL), BSY);
    for (unsigned n = 0; n < 3; n++) {
        wait_data(CMD, IRQ14);
        read_sector(CMD, s);
        expect_sector(s, 100 + n);
    }
    assert_int_equal(pin(f, CMD + 7), IDLE);
    assert_int_equal(f->rises[IRQ14], 3); /* none at the end */
    assert_int_equal(disk->submitted, 1);
    assert_int_equal(pin(f, CMD + 3), 102);
}

static void chs_and_parameters(void **state) {
    (void)state;
    uint8_t s[512];
    pout(f, CMD + 6, 0xA0 | 3);
    pout(f, CMD + 2, 1), pout(f, CMD + 3, 5), pout(f, CMD + 4, 2), pout(f, CMD + 5, 0);
    pout(f, CMD + 7, 0x20);
    wait_data(CMD, IRQ14);
    read_sector(CMD, s);
    expect_sector(s, (2 * 16 + 3) * 63 + 4);
    pout(f, CMD + 6, 0xA0 | 7), pout(f, CMD + 2, 17), pout(f, CMD + 7, 0x91); /* 8 heads, 17 sectors */
    assert_int_equal(pin(f, CMD + 7), IDLE);
    pout(f, CMD + 6, 0xA0 | 7);
    pout(f, CMD + 2, 1), pout(f, CMD + 3, 17), pout(f, CMD + 4, 1), pout(f, CMD + 7, 0x20);
    wait_data(CMD, IRQ14);
    read_sector(CMD, s);
    expect_sector(s, (1 * 8 + 7) * 17 + 16);
    pout(f, CMD + 3, 18), pout(f, CMD + 2, 1), pout(f, CMD + 7, 0x20);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    assert_int_equal(pin(f, CMD + 1), 0x10); /* IDNF */
    pout(f, CMD + 3, 0), pout(f, CMD + 7, 0x20);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
}

static void pio_write(void **state) {
    (void)state;
    command_lba(0x30, 7, 2);
    assert_int_equal(f->rises[IRQ14], 0); /* the first block is wanted without one */
    for (int n = 0; n < 2; n++) {
        assert_int_equal(pin(f, CMD + 7), IDLE | DRQ);
        for (int i = 0; i < 128; i++) out32(CMD, 0x01010101u * (unsigned)(n + 1));
    }
    assert_int_equal(pin(f, CTL), BSY);
    pump();
    assert_int_equal(pin(f, CMD + 7), IDLE);
    assert_int_equal(disk->data[7 * 512], 1);
    assert_int_equal(disk->data[8 * 512 + 511], 2);
    assert_int_equal(disk->data[9 * 512], fake_blk_byte(9, 0));
}

static void multiple(void **state) {
    (void)state;
    uint8_t s[512];
    command_lba(0xC4, 0, 4);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR); /* not set up */
    command_lba(0xC6, 0, 3);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    command_lba(0xC6, 0, 4);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    f->rises[IRQ14] = 0;
    command_lba(0xC4, 10, 6);
    for (unsigned n = 0; n < 6; n++) {
        if (n % 4 == 0) wait_data(CMD, IRQ14);
        read_sector(CMD, s);
        expect_sector(s, 10 + n);
    }
    assert_int_equal(f->rises[IRQ14], 2);
    assert_int_equal(pin(f, CMD + 7), IDLE);
}

static void ends_of_the_disk(void **state) {
    (void)state;
    uint8_t s[512];
    command_lba(0x20, DISK_SECTORS - 1, 1);
    wait_data(CMD, IRQ14);
    read_sector(CMD, s);
    expect_sector(s, DISK_SECTORS - 1);
    command_lba(0x20, DISK_SECTORS - 1, 2);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    assert_int_equal(pin(f, CMD + 1), 0x10);
    command_ext(0x24, UINT64_C(0xFFFFFFFFFFFF), 1);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    command_ext(0x24, 0, 0); /* 65536 sectors */
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    command_ext(0x24, 300, 260); /* more than the buffer */
    for (unsigned n = 0; n < 260; n++) {
        wait_data(CMD, IRQ14);
        read_sector(CMD, s);
        expect_sector(s, 300 + n);
    }
    assert_int_equal(pin(f, CMD + 7), IDLE);
}

static void read_error_gives_the_good_sectors_first(void **state) {
    (void)state;
    uint8_t s[512];
    disk->bad_from = 52 * 512;
    command_lba(0x20, 50, 4);
    for (unsigned n = 0; n < 2; n++) {
        wait_data(CMD, IRQ14);
        read_sector(CMD, s);
        expect_sector(s, 50 + n);
    }
    assert_true(f->line[IRQ14]);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    assert_int_equal(pin(f, CMD + 1), 0x40); /* UNC */
    assert_int_equal(pin(f, CMD + 3), 52);
    command_lba(0x40, 50, 4); /* VERIFY */
    pump();
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    assert_int_equal(pin(f, CMD + 3), 52);
    disk->bad_status = BLK_NO_SPACE;
    command_lba(0x30, 60, 1);
    for (int i = 0; i < 256; i++) out16(CMD, 0);
    pump();
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR | DF);
}

static void cache_and_power(void **state) {
    (void)state;
    command_lba(0xE7, 0, 0);
    assert_int_equal(pin(f, CTL), BSY);
    pump();
    assert_int_equal(pin(f, CMD + 7), IDLE);
    assert_int_equal(disk->flushes, 1);
    pout(f, CMD + 1, 0x82);
    command_lba(0xEF, 0, 0);
    pump();
    assert_int_equal(disk->flushes, 2);
    command_lba(0x30, 60, 1);
    for (int i = 0; i < 256; i++) out16(CMD, 0);
    pump();
    assert_int_equal(disk->durable_writes, 1);
    command_lba(0xE0, 0, 0);
    pump();
    command_lba(0xE5, 0, 0x55);
    assert_int_equal(pin(f, CMD + 2), 0x00);
    command_lba(0xE1, 0, 0);
    command_lba(0xE5, 0, 0x55);
    assert_int_equal(pin(f, CMD + 2), 0xFF);
    command_lba(0x00, 0, 0);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    assert_int_equal(pin(f, CMD + 1), 0x04);
}

static void selection_and_resets(void **state) {
    (void)state;
    pout(f, CMD + 6, 0xB0); /* drive 1 is not there */
    assert_int_equal(pin(f, CMD + 7), 0);
    pout(f, CMD + 7, 0xEC);
    assert_int_equal(pin(f, CMD + 7), 0);
    assert_false(f->line[IRQ14]);
    pout(f, CTL, 0x04);
    pout(f, CMD + 6, 0xA0);
    assert_int_equal(pin(f, CTL), BSY);
    pout(f, CTL, 0x00);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    assert_int_equal(pin(f, CMD + 2), 1);
    assert_int_equal(pin(f, CMD + 4), 0);
    pout(f, CMD + 6, 0xB0);
    assert_int_equal(pin(f, CMD + 7), 0); /* also after a reset */
    pout(f, CMD + 7, 0x90);               /* both run it, drive 0 answers */
    assert_int_equal(pin(f, CMD + 7), IDLE);
    assert_int_equal(pin(f, CMD + 1), 1);
    assert_int_equal(pin(f, CD_CMD + 4), 0x14);
    assert_int_equal(pin(f, CD_CMD + 5), 0xEB);
    pout(f, CTL, 0x02); /* nIEN */
    f->rises[IRQ14] = 0;
    command_lba(0xE5, 0, 0);
    assert_false(f->line[IRQ14]);
    pout(f, CTL, 0);
    assert_true(f->line[IRQ14]);
    command_lba(0x20, 0, 1); /* a reset forgets the request that is under way */
    pout(f, CTL, 4), pout(f, CTL, 0);
    assert_null(disk->first);
    config8(0x41, 0);
    assert_int_equal(pin(f, CMD + 7), 0xFF);
    config8(0x41, 0x80);
    assert_int_equal(pin(f, CMD + 7), IDLE);
}

/* ---- Bus master ---- */

static void put_prd(unsigned n, uint32_t addr, uint32_t count) {
    uint32_t e[2] = {addr, count};
    smmu_mem_write(f->host.mem, gpa(PRD + 8 * n), e, 8);
}
static void dma(uint8_t code, uint32_t lba, uint8_t count, uint8_t direction) {
    pout(f, BM, 0);
    out32(BM + 4, PRD);
    pout(f, BM + 2, 6);
    command_lba(code, lba, count);
    pout(f, BM, (uint8_t)(1 | direction));
    pump();
}

static void dma_read_and_write(void **state) {
    (void)state;
    uint8_t s[512];
    put_prd(0, DATA, 700);
    put_prd(1, DATA + 0x2000, 0x80000000u | 836);
    dma(0xC8, 20, 3, 8);
    assert_int_equal(pin(f, BM + 2), 4);
    assert_true(f->line[IRQ14]);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    smmu_mem_read(f->host.mem, gpa(DATA), s, 512);
    expect_sector(s, 20);
    smmu_mem_read(f->host.mem, gpa(DATA + 0x2000 + 1024 - 700), s, 512);
    expect_sector(s, 22);
    smmu_mem_write(f->host.mem, gpa(DATA), "hello", 5);
    put_prd(0, DATA, 0x80000200u);
    dma(0xCA, 30, 1, 0);
    assert_memory_equal(disk->data + 30 * 512, "hello", 5);
    assert_int_equal(pin(f, BM + 2), 4);
}

static void dma_table_oddities(void **state) {
    (void)state;
    put_prd(0, DATA, 0x80000000u); /* 64 KiB: more than the drive has */
    dma(0xC8, 0, 1, 8);
    assert_int_equal(pin(f, BM + 2), 5);
    put_prd(0, DATA, 0x80000100u); /* too little: the drive waits */
    dma(0xC8, 0, 1, 8);
    assert_int_equal(pin(f, BM + 2), 0);
    assert_int_equal(pin(f, CMD + 7), IDLE | DRQ);
    pout(f, CTL, 4), pout(f, CTL, 0);
    pout(f, BM, 0);
    for (unsigned n = 0; n < 4096; n++) /* no end anywhere, and the table's page goes round */
        put_prd(n, DATA, 2);
    dma(0xC8, 0, 255, 8);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    assert_int_equal(pin(f, BM + 2), 5);
    pout(f, BM, 0);
    out32(BM + 4, 0xE0000000u); /* not in memory */
    command_lba(0xC8, 0, 1);
    pout(f, BM, 9);
    pump();
    assert_int_equal(pin(f, BM + 2) & 3, 2);
    pout(f, CTL, 4), pout(f, CTL, 0);
    put_prd(0, 0xFFFFF000u, 0x80000000u); /* data outside memory vanishes */
    dma(0xC8, 0, 128, 8);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    put_prd(0, DATA, 0x80000200u);
    dma(0xC8, 0, 1, 0); /* wrong direction */
    assert_int_equal(pin(f, BM + 2) & 3, 2);
    pout(f, CTL, 4), pout(f, CTL, 0);
    config8(PCI_COMMAND, PCI_CMD_IO); /* no bus mastering: nothing moves until there is */
    dma(0xC8, 0, 1, 8);
    assert_int_equal(pin(f, BM + 2) & 5, 1);
    config8(PCI_COMMAND, PCI_CMD_IO | PCI_CMD_MASTER);
    pump();
    assert_int_equal(pin(f, BM + 2) & 5, 4);
}

static void expect_data(uint32_t at, uint32_t lba, unsigned n) {
    uint8_t s[512];
    for (unsigned i = 0; i < n; i++) {
        smmu_mem_read(f->host.mem, gpa(at + 512 * i), s, 512);
        expect_sector(s, lba + i);
    }
}

/* What the storage can read at once is over when the bus master has been started. */
static void dma_reads_in_place(void **state) {
    (void)state;
    uint8_t s[512];
    disk->cached = UINT64_MAX;
    put_prd(0, DATA, 700); /* regions end within a sector */
    put_prd(1, DATA + 700, 324);
    put_prd(2, DATA + 0x2000, 0x80000000u | 512);
    pout(f, BM, 0);
    out32(BM + 4, PRD);
    command_lba(0xC8, 20, 3);
    assert_int_equal(disk->reads_now, 0); /* nobody knows where to */
    pout(f, BM, 9);
    assert_int_equal(disk->reads_now, 1);
    assert_int_equal(disk->submitted, 0);
    assert_int_equal(pin(f, BM + 2), 4);
    assert_true(f->line[IRQ14]);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    expect_data(DATA, 20, 2);
    expect_data(DATA + 0x2000, 22, 1);
    put_prd(0, DATA, 0x80000200u); /* less than asked for: the drive waits */
    dma(0xC8, 40, 2, 8);
    assert_int_equal(pin(f, BM + 2) & 5, 0);
    assert_int_equal(pin(f, CMD + 7), IDLE | DRQ);
    expect_data(DATA, 40, 1);
    pout(f, BM, 0); /* the driver gives the rest */
    put_prd(0, DATA + 512, 0x80000200u);
    pout(f, BM, 9);
    pump();
    assert_int_equal(pin(f, BM + 2) & 5, 4);
    expect_data(DATA, 40, 2);
    disk->bad_from = 60 * 512 + 512;
    put_prd(0, DATA, 0x80000800u);
    dma(0xC8, 60, 4, 8); /* an error is the worker's to find */
    assert_int_equal(pin(f, CMD + 7) & ERR, ERR);
    expect_data(DATA, 60, 1);
    smmu_mem_read(f->host.mem, gpa(DATA + 512), s, 512);
    expect_sector(s, 41);
}

/* Cached are some sectors and a half: the rest goes by the buffer, then in place again. */
static void dma_reads_partly_in_place(void **state) {
    (void)state;
    for (unsigned n = 0; n < 4; n++) put_prd(n, DATA + 0x10000 * n, n == 3 ? 0x80000000u : 0);
    disk->cached = 1000 * 512 + 100;
    dma(0xC8, 980, 0, 8);
    assert_int_equal(pin(f, BM + 2), 5);
    expect_data(DATA, 980, 256);
    assert_int_equal(disk->reads_now, 2);
    assert_true(disk->submitted > 0);
    disk->cached = UINT64_MAX;
    disk->now_max = 3 * 512 + 7; /* a little at a time */
    dma(0xC8, 2000, 20, 8);
    expect_data(DATA, 2000, 20);
    assert_int_equal(pin(f, BM + 2) & 4, 4);
}

/* No more than a mebibyte while the guest waits; more regions than pieces; the same for a write. */
static void long_dma(void **state) {
    (void)state;
    enum { SECTORS = 1200, REGION = 1024 };
    for (unsigned n = 0; n < SECTORS * 512 / REGION; n++) /* no two lie together */
        put_prd(n, DATA + (n % 256) * 2 * REGION, REGION | (n == SECTORS * 512 / REGION - 1 ? 0x80000000u : 0));
    disk->cached = UINT64_MAX;
    pout(f, BM, 0);
    out32(BM + 4, PRD);
    command_ext(0x25, 100, SECTORS);
    pout(f, BM, 9);
    assert_int_equal(pin(f, BM + 2), 4);
    assert_int_equal(disk->submitted, 0);
    assert_true(disk->reads_now >= SECTORS * 512 / REGION / BLK_VEC);
    for (unsigned n = 344; n < 600; n++) expect_data(DATA + (n % 256) * 2 * REGION, 100 + 2 * n, 2);
    pout(f, BM, 0);
    pout(f, BM + 2, 4);
    command_ext(0x35, 2000, SECTORS);
    pout(f, BM, 1);
    pump();
    assert_int_equal(pin(f, BM + 2), 4);
    assert_true(disk->writes_in_place > 1);
    assert_memory_equal(disk->data + (2000 + 2 * 344) * 512, disk->data + (100 + 2 * 344) * 512, 256 * REGION);
}

static void dma_writes_in_place(void **state) {
    (void)state;
    uint8_t s[1536];
    for (unsigned i = 0; i < sizeof s; i++) s[i] = (uint8_t)(i * 3 + (i >> 8));
    smmu_mem_write(f->host.mem, gpa(DATA + 2), s, sizeof s);
    put_prd(0, DATA + 2, 700);
    put_prd(1, DATA + 702, 0x80000000u | 836);
    dma(0xCA, 300, 3, 0);
    assert_int_equal(pin(f, BM + 2), 4);
    assert_int_equal(disk->writes_in_place, 1);
    assert_memory_equal(disk->data + 300 * 512, s, sizeof s);
    put_prd(1, 0xFFFFF000u, 0x80000000u | 836); /* no memory: by the buffer */
    dma(0xCA, 310, 3, 0);
    assert_int_equal(pin(f, BM + 2), 4);
    assert_memory_equal(disk->data + 310 * 512, s, 700);
    assert_int_equal(disk->data[310 * 512 + 700], 0xFF);
    disk->bad_from = 500 * 512;
    put_prd(0, DATA, 0x80000400u);
    dma(0xCA, 499, 2, 0);
    assert_int_equal(pin(f, CMD + 7) & ERR, ERR);
    pout(f, BM, 0); /* a reset takes a write back */
    command_lba(0xCA, 20, 2);
    pout(f, BM, 1);
    assert_non_null(disk->first);
    pout(f, CTL, 4), pout(f, CTL, 0);
    assert_null(disk->first);
}

/* A command that waits for the bus master is saved, and goes on. */
static void waiting_dma_is_saved(void **state) {
    (void)state;
    uint8_t saved[16384];
    put_prd(0, DATA, 0x80000200u);
    pout(f, BM, 0);
    out32(BM + 4, PRD);
    command_lba(0xC8, 77, 1);
    struct dev_state st = {.buf = saved, .cap = sizeof saved, .saving = true};
    d->cls->state(d, &st);
    assert_false(st.failed);
    d->cls->reset(d);
    struct dev_state ld = {.buf = saved, .cap = st.pos};
    d->cls->state(d, &ld);
    assert_false(ld.failed);
    enable();
    pout(f, BM, 9);
    pump();
    assert_int_equal(pin(f, BM + 2), 4);
    expect_data(DATA, 77, 1);
}

/* ---- CD-ROM ---- */

static void cd_identity(void **state) {
    (void)state;
    uint8_t out[4096];
    pout(f, CD_CMD + 7, 0xEC);
    assert_int_equal(pin(f, CD_CMD + 7), IDLE | ERR);
    assert_int_equal(pin(f, CD_CMD + 4), 0x14);
    assert_int_equal(pin(f, CD_CMD + 5), 0xEB);
    pout(f, CD_CMD + 7, 0xA1);
    wait_data(CD_CMD, IRQ15);
    read_sector(CD_CMD, out);
    assert_int_equal(out[1], 0x85);
    assert_int_equal(reply((const uint8_t[12]){0x12, 0, 0, 0, 36}, out), 36);
    assert_memory_equal(out, "\x05\x80", 2);
    get_ready();
    assert_int_equal(reply((const uint8_t[12]){0x25}, out), 8);
    assert_memory_equal(out, "\0\0\x01\x2B\0\0\x08\0", 8);
    assert_int_equal(reply((const uint8_t[12]){0x43, 2, 0, 0, 0, 0, 0, 0, 20}, out), 20);
    assert_memory_equal(out, "\0\x12\1\1\0\x14\1\0\0\0\2\0\0\x14\xAA\0\0\0\6\0", 20);
    assert_int_equal(reply((const uint8_t[12]){0x46, 0, 0, 0, 0, 0, 0, 1, 0}, out), 72);
    assert_int_equal(out[7], 8);
    assert_int_equal(reply((const uint8_t[12]){0x5A, 0, 0x2A, 0, 0, 0, 0, 0, 64}, out), 28);
    assert_int_equal(reply((const uint8_t[12]){0x51, 0, 0, 0, 0, 0, 0, 0, 64}, out), 34);
    assert_int_equal(packet((const uint8_t[12]){0xFF}, 0, 0), -1);
    assert_int_equal(sense(), 0x052000);
}

static void cd_read_pio(void **state) {
    (void)state;
    get_ready();
    int n = packet((const uint8_t[12]){0x28, 0, 0, 0, 0, 40, 0, 0, 2}, 3000, 0);
    assert_int_equal(n, 3000);
    for (unsigned at = 0; at < 4096; at += 2) {
        if (at == 3000) {
            assert_int_equal(pin(f, CD_CMD + 7), IDLE | DRQ);
            assert_int_equal(pin(f, CD_CMD + 4) | pin(f, CD_CMD + 5) << 8, 1096);
        }
        assert_int_equal(in16(CD_CMD) & 0xFF, fake_blk_byte(160 + at / 512, at % 512));
    }
    assert_int_equal(pin(f, CD_CMD + 7), IDLE);
    assert_int_equal(packet((const uint8_t[12]){0x28, 0, 0, 0, 1, 43, 0, 0, 2}, 2048, 0), -1);
    assert_int_equal(sense(), 0x052100);
    disc->bad_from = 2048;
    assert_int_equal(packet((const uint8_t[12]){0xA8, 0, 0, 0, 0, 1, 0, 0, 0, 1}, 2048, 0), -1);
    assert_int_equal(sense(), 0x031100);
}

static void cd_read_dma(void **state) {
    (void)state;
    uint8_t s[512];
    get_ready();
    put_prd(0, DATA, 0x10000), put_prd(1, DATA + 0x10000, 0x10000), put_prd(2, DATA + 0x20000, 0x80000000u | 0x8000);
    out32(BM + 12, PRD);
    pout(f, BM + 8, 9);
    assert_int_equal(packet((const uint8_t[12]){0x28, 0, 0, 0, 0, 5, 0, 0, 80}, 0, 1), 0);
    smmu_mem_read(f->host.mem, gpa(DATA + 79 * 2048), s, 512);
    expect_sector(s, (5 + 79) * 4);
    assert_int_equal(pin(f, BM + 10) & 7, 4);
}

static void cd_change(void **state) {
    (void)state;
    uint8_t out[64];
    get_ready();
    assert_int_equal(packet((const uint8_t[12]){0x1E, 0, 0, 0, 1}, 0, 0), 0); /* lock */
    assert_int_equal(packet((const uint8_t[12]){0x1B, 0, 0, 0, 2}, 0, 0), -1);
    assert_int_equal(sense(), 0x055302);
    assert_false(ide_cd_change(d, 2, NULL, false));
    assert_int_equal(reply((const uint8_t[12]){0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8}, out), 8);
    assert_int_equal(out[4], 1); /* eject request */
    assert_int_equal(out[5], 2);
    assert_int_equal(packet((const uint8_t[12]){0x1E}, 0, 0), 0);
    assert_true(ide_cd_change(d, 2, NULL, false));
    assert_int_equal(packet(test_ready, 0, 0), -1);
    assert_int_equal(sense(), 0x023A01);
    assert_true(ide_cd_change(d, 2, &disc->blk, false));
    assert_int_equal(packet(test_ready, 0, 0), -1);
    assert_int_equal(sense(), 0x062800);
    assert_int_equal(packet(test_ready, 0, 0), 0);
    assert_int_equal(packet((const uint8_t[12]){0x1B, 0, 0, 0, 2}, 0, 0), 0); /* eject, load */
    assert_int_equal(packet(test_ready, 0, 0), -1);
    assert_int_equal(sense(), 0x023A02);
    assert_int_equal(packet((const uint8_t[12]){0x1B, 0, 0, 0, 3}, 0, 0), 0);
    assert_int_equal(packet(test_ready, 0, 0), -1);
    assert_int_equal(sense(), 0x062800);
    assert_false(ide_cd_change(d, 0, NULL, true)); /* a disk */
}

/* ---- Geometry ---- */

static void geometry(void **state) {
    (void)state;
    static const struct {
        uint64_t sectors;
        uint32_t c, h, s;
    } rows[] = {
        {1, 1, 1, 1},
        {62, 1, 1, 62},
        {63, 1, 1, 63},
        {1007, 1, 15, 63},
        {1008, 1, 16, 63},
        {1 << 20, 1040, 16, 63},
        {UINT64_C(1) << 40, 16383, 16, 63},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct ide_geometry g = ide_geometry(rows[i].sectors * 512);
        assert_int_equal(g.cylinders, rows[i].c);
        assert_int_equal(g.heads, rows[i].h);
        assert_int_equal(g.sectors, rows[i].s);
    }
}

/* ---- Anything goes ---- */

static void hammer_once(uint32_t *x) {
    static const uint16_t base[] = {CMD, CD_CMD, BM};
    static const uint8_t codes[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x40, 0xA0, 0xA1,
                                    0xC4, 0xC5, 0xC6, 0xC8, 0xCA, 0xEC, 0xEF, 0x91, 0x08, 0x90};
    uint32_t r = fake_random(x), port = base[r % 3] + (r >> 4 & (r % 3 == 2 ? 15 : 7));
    unsigned size = 1u << (r >> 8 & 3) % 3;
    if (!(r & 0xF0000)) port = r & 0x100000 ? CTL : CD_CTL;
    if (r & 0x200000)
        dev_io_read(f->host.io, (uint16_t)port, size);
    else if (port == CMD + 7 || port == CD_CMD + 7)
        pout(f, (uint16_t)port, r & 0x400000 ? (uint8_t)fake_random(x) : codes[fake_random(x) % sizeof codes]);
    else
        dev_io_write(f->host.io, (uint16_t)port, size, fake_random(x));
    for (int i = 0; (r & 0x3000000) == 0 && i < 300; i++)
        r & 0x800000 ? (void)in16((uint16_t)base[r % 2]) : out16((uint16_t)base[r % 2], (uint16_t)fake_random(x));
    if (!(r & 0x1C000000)) {
        disk->bad_from = r & 0x20000000 ? fake_random(x) % (DISK_SECTORS * 512) / 512 * 512 : UINT64_MAX;
        r & 0x40000000 ? (void)fake_blk_step(disk) : pump();
    }
}

static void hammer(void **state) {
    (void)state;
    uint32_t x = 0x12345678;
    for (int i = 0; i < 300000; i++) hammer_once(&x);
    pump();
    d->cls->reset(d);
    enable();
    assert_int_equal(pin(f, CMD + 7), IDLE); /* and it still works */
}

static void saved_state(void **state) {
    (void)state;
    uint8_t s[512], saved[16384];
    command_lba(0x20, 100, 2);
    wait_data(CMD, IRQ14);
    read_sector(CMD, s);
    struct dev_state st = {.buf = saved, .cap = sizeof saved, .saving = true};
    d->cls->state(d, &st);
    assert_false(st.failed);
    d->cls->reset(d);
    struct dev_state ld = {.buf = saved, .cap = st.pos};
    d->cls->state(d, &ld);
    assert_false(ld.failed);
    assert_int_equal(ld.pos, st.pos);
    assert_int_equal(pin(f, CMD + 7), IDLE | DRQ);
    read_sector(CMD, s);
    expect_sector(s, 101);
    uint32_t x = 99;
    static uint8_t junk[400000];
    for (int round = 0; round < 100; round++) {
        for (size_t i = 0; i < sizeof junk; i++)
            junk[i] = round & 1 ? (uint8_t)(fake_random(&x) & 3) : (uint8_t)fake_random(&x);
        struct dev_state j = {.buf = junk, .cap = sizeof junk};
        d->cls->state(d, &j);
        enable();
        for (int i = 0; i < 500; i++) hammer_once(&x);
        pump();
    }
}

int main(void) {
#define TEST(fn) cmocka_unit_test_setup_teardown(fn, open_ide, close_ide)
    const struct CMUnitTest tests[] = {
        TEST(identify),
        TEST(pio_read),
        TEST(chs_and_parameters),
        TEST(pio_write),
        TEST(multiple),
        TEST(ends_of_the_disk),
        TEST(read_error_gives_the_good_sectors_first),
        TEST(cache_and_power),
        TEST(selection_and_resets),
        TEST(dma_read_and_write),
        TEST(dma_table_oddities),
        TEST(dma_reads_in_place),
        TEST(dma_reads_partly_in_place),
        TEST(long_dma),
        TEST(dma_writes_in_place),
        TEST(waiting_dma_is_saved),
        TEST(cd_identity),
        TEST(cd_read_pio),
        TEST(cd_read_dma),
        TEST(cd_change),
        TEST(geometry),
        TEST(hammer),
        TEST(saved_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
