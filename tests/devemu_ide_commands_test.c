/* devemu_ide_commands_test.c: what drives say about themselves, geometries, SMART, features, raw sectors, packets. */
#include "devemu_ide_driver.h"
#include "devemu/cd_sector.h"

static uint8_t id[512];
static unsigned word(unsigned n) { return id[2 * n] | id[2 * n + 1] << 8; }
static void read_id(void) {
    command_lba(0xEC, 0, 0);
    wait_data(CMD, IRQ14);
    read_sector(CMD, id);
    assert_int_equal(pin(f, CMD + 7), IDLE);
}
static void ok(uint8_t code, uint8_t count) {
    command_lba(code, 0, count);
    pump();
    assert_int_equal(pin(f, CMD + 7), IDLE);
}
static void refused(uint8_t code, uint8_t count) {
    command_lba(code, 0, count);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    assert_int_equal(pin(f, CMD + 1), 0x04);
}
static void feature(uint8_t what, uint8_t count, bool good) {
    pout(f, CMD + 1, what);
    if (good)
        ok(0xEF, count);
    else
        refused(0xEF, count);
}

/* ---- Disk ---- */

static void identify_words(void **state) {
    (void)state;
    read_id();
    assert_int_equal(word(0), 0x0040);
    assert_int_equal(word(47), 0x8010);
    assert_int_equal(word(49) & 0x0F00, 0x0F00);
    assert_int_equal(word(53), 7);
    assert_int_equal(word(54), word(1));
    assert_int_equal(word(57) | word(58) << 16, word(54) * word(55) * word(56));
    assert_int_equal(word(59), 0);
    assert_int_equal(word(63), 0x0007);
    assert_int_equal(word(88), 0x0007);
    assert_int_equal(word(82) & 0x21, 0x21);     /* write cache, SMART */
    assert_int_equal(word(83) & 0xF400, 0x7400); /* 48 bits, both flushes */
    assert_int_equal(word(85) & 0x21, 0x21);
    assert_int_equal(word(86) & 0x3400, 0x3400);
    /* What is set shows. */
    ok(0xC6, 8);
    feature(0x03, 0x42, true);
    feature(0x82, 0, true);
    pout(f, CMD + 6, 0xA0 | 7), pout(f, CMD + 2, 32), pout(f, CMD + 7, 0x91);
    read_id();
    assert_int_equal(word(59), 0x0108);
    assert_int_equal(word(88), 0x0407);
    assert_int_equal(word(63), 0x0007);
    assert_int_equal(word(85) & 0x21, 1);
    assert_int_equal(word(54), DISK_SECTORS / (8 * 32));
    assert_int_equal(word(55) << 8 | word(56), 8 << 8 | 32);
    assert_int_equal(word(3) << 8 | word(6), 16 << 8 | 63); /* the default stays what it was */
    feature(0x03, 0x22, true);                              /* one mode a time */
    read_id();
    assert_int_equal(word(63), 0x0407);
    assert_int_equal(word(88), 0x0007);
    pout(f, CTL, 4), pout(f, CTL, 0); /* a soft reset keeps modes, not the block size */
    read_id();
    assert_int_equal(word(59), 0);
    assert_int_equal(word(63), 0x0407);
}

static void features(void **state) {
    (void)state;
    static const struct {
        uint8_t what, count;
        bool good;
    } row[] = {
        {0x02, 0, true},     {0x82, 0, true},     {0xAA, 0, true},    {0x55, 0, true},     {0x66, 0, true},
        {0xCC, 0, true},     {0x03, 0x00, true},  {0x03, 0x01, true}, {0x03, 0x0C, true},  {0x03, 0x0D, false},
        {0x03, 0x20, true},  {0x03, 0x23, false}, {0x03, 0x42, true}, {0x03, 0x43, false}, {0x03, 0x80, false},
        {0x05, 0x80, false}, {0x99, 0, false},
    };
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) feature(row[i].what, row[i].count, row[i].good);
}

static void power(void **state) {
    (void)state;
    static const uint8_t down[] = {0xE0, 0xE2, 0xE6, 0x94, 0x96, 0x99}, up[] = {0xE1, 0xE3, 0x95, 0x97};
    for (size_t i = 0; i < sizeof down; i++) {
        int before = disk->flushes;
        ok(down[i], 0);
        assert_int_equal(disk->flushes, before + 1); /* nothing is left in a cache that loses power */
        ok(i & 1 ? 0x98 : 0xE5, 0x55);
        assert_int_equal(pin(f, CMD + 2), 0x00);
        ok(up[i % sizeof up], 0);
        ok(0xE5, 0x55);
        assert_int_equal(pin(f, CMD + 2), 0xFF);
    }
    ok(0xE0, 0);
    ok(0x40, 1); /* the medium turns again */
    ok(0xE5, 0);
    assert_int_equal(pin(f, CMD + 2), 0xFF);
    refused(0x08, 0); /* DEVICE RESET is a packet drive's */
    refused(0xF8, 0);
    ok(0x10, 0), ok(0x1F, 0), ok(0xE7, 0), ok(0xEA, 0);
}

/* A geometry that was asked for, as BIOSes and old drivers see it. */
static void asked_geometry(void **state) {
    uint8_t s[512];
    disk_geometry = (struct ide_geometry){50, 5, 16};
    open_ide(state);
    disk_geometry = (struct ide_geometry){0};
    read_id();
    assert_int_equal(word(1), 50);
    assert_int_equal(word(3), 5);
    assert_int_equal(word(6), 16);
    assert_int_equal(word(54), 50);
    assert_int_equal(word(57), 50 * 5 * 16);
    assert_int_equal(word(60), DISK_SECTORS); /* by LBA all of it */
    pout(f, CMD + 6, 0xA0 | 4), pout(f, CMD + 2, 1), pout(f, CMD + 3, 16), pout(f, CMD + 4, 49), pout(f, CMD + 5, 0);
    pout(f, CMD + 7, 0x20);
    wait_data(CMD, IRQ14);
    read_sector(CMD, s);
    expect_sector(s, 50 * 5 * 16 - 1);
    for (unsigned at = 3; at <= 6; at++) { /* one further in each direction */
        pout(f, CMD + 6, at == 6 ? 0xA5 : 0xA0), pout(f, CMD + 2, 1);
        pout(f, CMD + 3, at == 3 ? 17 : 1), pout(f, CMD + 4, at == 4 ? 50 : 0), pout(f, CMD + 5, at == 5);
        pout(f, CMD + 7, 0x20);
        assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
        assert_int_equal(pin(f, CMD + 1), 0x10);
    }
    close_ide(state);
}

static void smart(uint8_t what) {
    pout(f, CMD + 1, what);
    pout(f, CMD + 6, 0xA0);
    pout(f, CMD + 4, 0x4F), pout(f, CMD + 5, 0xC2);
    pout(f, CMD + 7, 0xB0);
}
static void smart_data(uint8_t what, uint8_t out[512]) {
    uint8_t sum = 0;
    smart(what);
    wait_data(CMD, IRQ14);
    read_sector(CMD, out);
    for (int i = 0; i < 512; i++) sum = (uint8_t)(sum + out[i]);
    assert_int_equal(sum, 0);
}
static void smart_commands(void **state) {
    (void)state;
    uint8_t data[512], limits[512];
    smart(0xDA);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    assert_int_equal(pin(f, CMD + 4), 0x4F); /* no threshold exceeded */
    assert_int_equal(pin(f, CMD + 5), 0xC2);
    smart_data(0xD0, data);
    smart_data(0xD1, limits);
    for (int i = 0; i < 30; i++) {
        const uint8_t *a = data + 2 + 12 * i, *t = limits + 2 + 12 * i;
        assert_int_equal(a[0], t[0]);
        if (a[0]) assert_true(a[3] > t[1]);
    }
    assert_int_equal(data[2], 1);
    smart(0xD9);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    read_id();
    assert_int_equal(word(85) & 1, 0);
    smart(0xD0);
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    smart(0xD8), smart(0xDA);
    assert_int_equal(pin(f, CMD + 7), IDLE);
    smart(0xD5); /* logs */
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    pout(f, CMD + 1, 0xD0);
    command_lba(0xB0, 0, 0); /* without the key */
    assert_int_equal(pin(f, CMD + 7), IDLE | ERR);
    assert_int_equal(pin(f, CMD + 1), 4);
}

/* ---- CD-ROM ---- */

static uint8_t multiply(uint8_t a, uint8_t b) {
    unsigned r = 0, x = a;
    for (; b; b >>= 1, x = x << 1 ^ (x & 0x80 ? 0x11D : 0))
        if (b & 1) r ^= x;
    return (uint8_t)r;
}
/* Both sums of a code word of n bytes, parity included, are 0. */
static void expect_word(const uint8_t *coded, const unsigned *at, unsigned n) {
    uint8_t sum = 0, weighted = 0;
    for (unsigned i = 0; i < n; i++) {
        sum ^= coded[at[i]];
        weighted = (uint8_t)(multiply(weighted, 2) ^ coded[at[i]]);
    }
    assert_int_equal(sum, 0);
    assert_int_equal(weighted, 0);
}
static void expect_raw(const uint8_t *s, uint32_t lba) {
    static const uint8_t sync[12] = {0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0};
    unsigned at[45];
    uint32_t edc = 0;
    assert_memory_equal(s, sync, 12);
    uint32_t frame = lba + 150, minute = frame / 4500, second = frame / 75 % 60;
    assert_int_equal(s[12], minute / 10 * 16 + minute % 10);
    assert_int_equal(s[13], second / 10 * 16 + second % 10);
    assert_int_equal(s[14], frame % 75 / 10 * 16 + frame % 75 % 10);
    assert_int_equal(s[15], 1);
    for (unsigned i = 0; i < 2048; i++)
        assert_int_equal(s[16 + i], fake_blk_byte(4 * (uint64_t)lba + i / 512, i % 512));
    /* The CRC over all before it and itself leaves nothing. */
    for (int i = 0; i < 2068; i++) {
        edc ^= s[i];
        for (int k = 0; k < 8; k++) edc = edc & 1 ? edc >> 1 ^ 0xD8018001u : edc >> 1;
    }
    assert_int_equal(edc, 0);
    for (unsigned p = 0; p < 86; p++) {
        for (unsigned i = 0; i < 26; i++) at[i] = p + 86 * i;
        expect_word(s + 12, at, 26);
    }
    for (unsigned q = 0; q < 52; q++) {
        for (unsigned i = 0; i < 43; i++) at[i] = (q / 2 * 86 + q % 2 + 88 * i) % 2236;
        at[43] = 2236 + q, at[44] = 2236 + 52 + q;
        expect_word(s + 12, at, 45);
    }
}

static void raw_sectors(void **state) {
    (void)state;
    static uint8_t all[60 * 2352];
    get_ready();
    int n = packet((const uint8_t[12]){0xBE, 0, 0, 0, 0, 200, 0, 0, 60, 0xF8}, 2352, 0);
    for (int at = 0; at < 60 * 2352; at += 2) { /* more than a buffer holds */
        if (at && at % 2352 == 0) {
            pump();
            assert_int_equal(pin(f, CD_CMD + 7), IDLE | DRQ);
        }
        uint16_t w = in16(CD_CMD);
        all[at] = (uint8_t)w, all[at + 1] = (uint8_t)(w >> 8);
    }
    assert_int_equal(n, 2352);
    pump();
    assert_int_equal(pin(f, CD_CMD + 7), IDLE);
    for (uint32_t i = 0; i < 60; i++) expect_raw(all + 2352 * i, 200 + i);
}

static void parts_of_sectors(void **state) {
    (void)state;
    static const struct {
        uint8_t fields;
        unsigned from, bytes;
    } row[] = {
        {0x10, 16, 2048}, {0x20, 12, 4},   {0x30, 12, 2052}, {0x38, 12, 2340}, {0x18, 16, 2336}, {0x08, 2064, 288},
        {0xA0, 0, 16},    {0xB0, 0, 2064}, {0xB8, 0, 2352},  {0xF8, 0, 2352},  {0x50, 16, 2048}, {0x80, 0, 12},
    };
    static uint8_t out[3 * 2352], raw[CD_RAW_SECTOR], data[2048];
    get_ready();
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        for (unsigned msf = 0; msf < 2; msf++) { /* READ CD, READ CD MSF 00:03:25..28 */
            const uint8_t lba_cdb[12] = {0xBE, 8, 0, 0, 0, 100, 0, 0, 3, row[i].fields};
            const uint8_t msf_cdb[12] = {0xB9, 0, 0, 0, 3, 25, 0, 3, 28, row[i].fields};
            assert_int_equal(reply(msf ? msf_cdb : lba_cdb, out), 3 * row[i].bytes);
            for (uint32_t k = 0; k < 3; k++) {
                for (unsigned b = 0; b < 2048; b++) data[b] = fake_blk_byte(4 * (100 + k) + b / 512, b % 512);
                cd_sector_raw(raw, data, 100 + k);
                assert_memory_equal(out + k * row[i].bytes, raw + row[i].from, row[i].bytes);
            }
        }
    }
    /* Nothing wanted; gaps; audio, subchannels and C2 pointers; before and behind the disc. */
    assert_int_equal(packet((const uint8_t[12]){0xBE, 0, 0, 0, 0, 1, 0, 0, 1, 0}, 0, 0), 0);
    assert_int_equal(packet((const uint8_t[12]){0xBE, 0, 0, 0, 0, 1, 0, 0, 1, 0x90}, 0, 0), -1);
    assert_int_equal(sense(), 0x052400);
    assert_int_equal(packet((const uint8_t[12]){0xBE, 4, 0, 0, 0, 1, 0, 0, 1, 0x10}, 0, 0), -1);
    assert_int_equal(sense(), 0x056400);
    assert_int_equal(packet((const uint8_t[12]){0xBE, 0, 0, 0, 0, 1, 0, 0, 1, 0x10, 1}, 0, 0), -1);
    assert_int_equal(sense(), 0x052400);
    assert_int_equal(packet((const uint8_t[12]){0xBE, 0, 0, 0, 0, 1, 0, 0, 1, 0x12}, 0, 0), -1);
    assert_int_equal(packet((const uint8_t[12]){0xBE, 0, 0, 0, 1, 44, 0, 0, 1, 0x10}, 0, 0), -1);
    assert_int_equal(sense(), 0x052100);
    assert_int_equal(packet((const uint8_t[12]){0xB9, 0, 0, 0, 1, 0, 0, 2, 1, 0x10}, 0, 0), -1);
    assert_int_equal(sense(), 0x052100);
    assert_int_equal(packet((const uint8_t[12]){0xB9, 0, 0, 0, 3, 0, 0, 2, 1, 0x10}, 0, 0), -1);
    assert_int_equal(sense(), 0x052400);
    assert_int_equal(packet((const uint8_t[12]){0xB9, 0, 0, 255, 255, 255, 255, 255, 255, 0x10}, 0, 0), -1);
}

static void tables_of_contents(void **state) {
    (void)state;
    uint8_t out[256];
    get_ready();
    assert_int_equal(reply((const uint8_t[12]){0x43, 0, 0, 0, 0, 0, 1, 0, 100}, out), 20);
    assert_memory_equal(out, "\0\x12\1\1\0\x14\1\0\0\0\0\0\0\x14\xAA\0\0\0\1\x2C", 20);
    assert_int_equal(reply((const uint8_t[12]){0x43, 0, 0, 0, 0, 0, 0xAA, 0, 100}, out), 12); /* the lead-out only */
    assert_int_equal(reply((const uint8_t[12]){0x43, 0, 1, 0, 0, 0, 0, 0, 100}, out), 12);    /* sessions */
    assert_memory_equal(out, "\0\x0A\1\1\0\x14\1\0\0\0\0\0", 12);
    assert_int_equal(reply((const uint8_t[12]){0x43, 0, 0, 0, 0, 0, 0, 0, 100, 0x40}, out), 12); /* in the old place */
    assert_int_equal(reply((const uint8_t[12]){0x43, 2, 2, 0, 0, 0, 1, 0, 100}, out), 48);       /* the full one */
    assert_memory_equal(out + 4, "\1\x14\0\xA0\0\0\0\0\1\0\0\1\x14\0\xA1\0\0\0\0\1\0\0\1\x14\0\xA2\0\0\0\0\0\6\0", 33);
    assert_memory_equal(out + 37, "\1\x14\0\1\0\0\0\0\0\2\0", 11);
    assert_int_equal(packet((const uint8_t[12]){0x43, 0, 0, 0, 0, 0, 2, 0, 100}, 0, 0), -1);
    assert_int_equal(packet((const uint8_t[12]){0x43, 0, 3, 0, 0, 0, 0, 0, 100}, 0, 0), -1);
    assert_int_equal(sense(), 0x052400);
    assert_int_equal(reply((const uint8_t[12]){0x44, 2, 0, 0, 0, 100, 0, 0, 8}, out), 8);
    assert_memory_equal(out, "\1\0\0\0\0\0\3\x19", 8);
    assert_int_equal(packet((const uint8_t[12]){0x44, 0, 0, 0, 9, 9, 0, 0, 8}, 0, 0), -1);
}

static void configurations(void **state) {
    (void)state;
    uint8_t out[256];
    get_ready();
    int all = reply((const uint8_t[12]){0x46, 0, 0, 0, 0, 0, 0, 1, 0}, out);
    int current = reply((const uint8_t[12]){0x46, 1, 0, 0, 0, 0, 0, 1, 0}, out);
    assert_int_equal(all - current, 4); /* DVD read is not */
    for (int at = 8; at < current; at += 4 + out[at + 3]) assert_true(out[at + 2] & 1);
    assert_int_equal(reply((const uint8_t[12]){0x46, 2, 0, 0x1E, 0, 0, 0, 1, 0}, out), 16);
    assert_memory_equal(out, "\0\0\0\x0C\0\0\0\x08\0\x1E", 10);
    assert_int_equal(reply((const uint8_t[12]){0x46, 2, 0, 0x77, 0, 0, 0, 1, 0}, out), 8); /* there is none */
    assert_int_equal(reply((const uint8_t[12]){0x46, 0, 0, 0x1F, 0, 0, 0, 1, 0}, out), 12);
    assert_int_equal(packet((const uint8_t[12]){0x46, 3, 0, 0, 0, 0, 0, 1, 0}, 0, 0), -1);
    assert_int_equal(sense(), 0x052400);
}

static void mode_pages(void **state) {
    (void)state;
    static const struct {
        uint8_t page;
        int bytes;
    } row[] = {{0x01, 16}, {0x0D, 16}, {0x0E, 24}, {0x2A, 28}, {0x3F, 60}};
    uint8_t out[256];
    get_ready();
    for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
        assert_int_equal(reply((const uint8_t[12]){0x5A, 0, row[i].page, 0, 0, 0, 0, 0, 255}, out), row[i].bytes);
        assert_int_equal(out[0] << 8 | out[1], row[i].bytes - 2);
        assert_int_equal(out[2], 1);
        for (int at = 8; at < row[i].bytes; at += 2 + out[at + 1])
            assert_true(row[i].page == 0x3F || out[at] == row[i].page);
        /* What can be changed: nothing. */
        assert_int_equal(reply((const uint8_t[12]){0x5A, 0, 0x40 | row[i].page, 0, 0, 0, 0, 0, 255}, out),
                         row[i].bytes);
        for (int k = 2; k < 2 + out[9]; k++) assert_int_equal(out[8 + k], 0);
        assert_int_equal(packet((const uint8_t[12]){0x5A, 0, 0xC0 | row[i].page, 0, 0, 0, 0, 0, 255}, 0, 0), -1);
    }
    assert_int_equal(packet((const uint8_t[12]){0x5A, 0, 0x05, 0, 0, 0, 0, 0, 255}, 0, 0), -1);
    assert_int_equal(reply((const uint8_t[12]){0xBD, 0, 0, 0, 0, 0, 0, 0, 0, 8}, out), 8);
    assert_int_equal(out[1], 0);
    packet((const uint8_t[12]){0x1B, 0, 0, 0, 2}, 0, 0);
    assert_int_equal(reply((const uint8_t[12]){0xBD, 0, 0, 0, 0, 0, 0, 0, 0, 8}, out), 8);
    assert_int_equal(out[1], 0x10); /* the tray is open */
}

/* DEVICE RESET ends whatever runs, without an interrupt, and leaves the signature. */
static void device_reset(void **state) {
    (void)state;
    get_ready();
    pout(f, CD_CMD + 7, 0xA0);
    for (int i = 0; i < 6; i++) out16(CD_CMD, i ? 0 : 0x28);
    out16(CD_CMD, 0);
    packet((const uint8_t[12]){0x28, 0, 0, 0, 0, 1, 0, 0, 1}, 2048, 0);
    pout(f, CD_CMD + 7, 0x08);
    assert_false(f->line[IRQ15]);
    assert_int_equal(pin(f, CD_CMD + 7), 0);
    assert_int_equal(pin(f, CD_CMD + 1), 1);
    assert_int_equal(pin(f, CD_CMD + 4), 0x14);
    assert_int_equal(pin(f, CD_CMD + 5), 0xEB);
    assert_int_equal(packet(test_ready, 0, 0), 0);
}

#define T(fn) cmocka_unit_test_setup_teardown(fn, open_ide, close_ide)
int main(void) {
    const struct CMUnitTest tests[] = {
        T(identify_words),
        T(features),
        T(power),
        cmocka_unit_test(asked_geometry),
        T(smart_commands),
        T(raw_sectors),
        T(parts_of_sectors),
        T(tables_of_contents),
        T(configurations),
        T(mode_pages),
        T(device_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
