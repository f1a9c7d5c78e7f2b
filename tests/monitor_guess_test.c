/* monitor_guess_test.c: what files are taken for: formats by their magic, media and kernels, and what nobody can tell.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "monitor/monitor.h"

static char dir[64], path[128];
static int fd;

static int make_dir(void **state) {
    (void)state;
    strcpy(dir, "/tmp/novt-guess-XXXXXX");
    snprintf(path, sizeof path, "%s/file", mkdtemp(dir));
    return 0;
}
static int remove_dir(void **state) {
    (void)state;
    unlink(path);
    return rmdir(dir);
}
static int make_file(void **state) {
    (void)state;
    fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    return fd < 0;
}
static int close_file(void **state) {
    (void)state;
    return close(fd);
}

static void put(off_t at, const void *p, size_t n) { assert_int_equal(pwrite(fd, p, n, at), n); }
static void put32(off_t at, uint32_t v) { put(at, &v, 4); }
static void size(off_t n) { assert_int_equal(ftruncate(fd, n), 0); }
static struct mon_guess guess(enum mon_guess_kind kind, const char *what) {
    struct mon_guess g = mon_guess(path);
    if (g.kind != kind || !strstr(g.what, what)) print_error("%d: %s\n", g.kind, g.what);
    assert_int_equal(g.kind, kind);
    assert_non_null(strstr(g.what, what));
    return g;
}

static void test_names(void **state) {
    (void)state;
    for (int f = 0; f < MON_FORMATS; f++) {
        const char *name = mon_format_name((enum mon_image_format)f);
        assert_int_equal(mon_format_parse(name, strlen(name)), f);
    }
    assert_int_equal(mon_format_parse("vhd", 3), MON_FORMAT_VPC);
    assert_int_equal(mon_format_parse("qcow", 4), MON_FORMATS);
    assert_int_equal(mon_format_parse("", 0), MON_FORMATS);
}

static void test_floppies(void **state) {
    static const int kib[] = {160, 180, 320, 360, 720, 1200, 1440, 1680, 2880};
    (void)state;
    for (size_t i = 0; i < sizeof kib / sizeof kib[0]; i++) {
        size(kib[i] << 10);
        assert_int_equal(guess(MON_GUESS_FLOPPY, "floppy of").bytes, kib[i] << 10);
    }
    /* A FAT floppy whose image ends early. */
    static const uint8_t bpb[] = {0xEB, 0x3C, 0x90, 'N', 'O', 'V', 'T', ' ',  ' ', ' ', ' ', 0, 2, 1,
                                  1,    0,    2,    224, 0,   64,  11,  0xF0, 9,   0,   18,  0, 2, 0};
    put(0, bpb, sizeof bpb);
    size(700000);
    assert_int_equal(guess(MON_GUESS_FLOPPY, "floppy of 1440K").format, MON_FORMAT_RAW);
    size(40 << 20); /* the same on something bigger */
    guess(MON_GUESS_DISK, "FAT file system");
}

static void test_disks(void **state) {
    (void)state;
    size(64 << 20);
    guess(MON_GUESS_UNKNOWN, "cannot tell");
    put(510, "\x55\xaa", 2);
    guess(MON_GUESS_DISK, "disk of 64M with a boot sector");
    put(0x1BE, "\x80", 1);
    put(0x1BE + 4, "\x83", 1);
    put32(0x1BE + 8, 63);
    put32(0x1BE + 12, 100000);
    guess(MON_GUESS_DISK, "1 partition (MBR)");
    put(0x1CE + 4, "\x05", 1);
    put32(0x1CE + 8, 101000);
    put32(0x1CE + 12, 20000);
    assert_int_equal(guess(MON_GUESS_DISK, "2 partitions (MBR)").format, MON_FORMAT_RAW);
    put32(0x1CE + 8, 0x7FFFFFFF); /* behind the end: code, not a table */
    guess(MON_GUESS_DISK, "boot sector");
    put(512, "EFI PART", 8);
    guess(MON_GUESS_DISK, "GPT");
}

static void test_cds(void **state) {
    (void)state;
    size(1 << 20);
    put(0x8000, "\1CD001\1", 7);
    put(0x8000 + 40, "LABEL \"1\"                       ", 32);
    guess(MON_GUESS_CDROM, "CD \"LABEL 1\" (ISO 9660), without a boot record");
    put(0x8800, "\0CD001\1EL TORITO SPECIFICATION", 30);
    put(510, "\x55\xaa", 2); /* hybrid images start from disks too */
    guess(MON_GUESS_CDROM, "bootable");
    put(0, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 12);
    guess(MON_GUESS_UNKNOWN, "2352");
}

static void test_kernels(void **state) {
    (void)state;
    size(100000);
    put(510, "\x55\xaa", 2);
    put(0x202, "HdrS\x0d\x02", 6);
    guess(MON_GUESS_LINUX, "boot protocol 2.13");
    put(0x202, "xxxx", 4);
    put(510, "xx", 2);
    put32(8188, 0x1BADB002);
    guess(MON_GUESS_UNKNOWN, "cannot tell"); /* it does not end within 8 KiB */
    put32(4096, 0x1BADB002);
    put32(4100, 3);
    guess(MON_GUESS_UNKNOWN, "cannot tell"); /* the checksum is wrong */
    put32(4104, (uint32_t) - (0x1BADB002 + 3));
    guess(MON_GUESS_MULTIBOOT, "Multiboot");
    put(510, "\x55\xaa", 2); /* such as a boot loader has one, too */
    guess(MON_GUESS_DISK, "boot sector");
}

static void test_formats(void **state) {
    (void)state;
    static const struct {
        off_t at;
        const char *magic;
        size_t len;
        enum mon_image_format format;
    } rows[] = {{0, "QFI\xfb", 4, MON_FORMAT_QCOW2},
                {0, "KDMV", 4, MON_FORMAT_VMDK},
                {0, "COWD", 4, MON_FORMAT_VMDK},
                {0, "# Disk DescriptorFile\n", 22, MON_FORMAT_VMDK},
                {64, "\x7f\x10\xda\xbe", 4, MON_FORMAT_VDI},
                {0, "conectix", 8, MON_FORMAT_VPC},
                {0, "vhdxfile", 8, MON_FORMAT_VHDX}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size(0);
        size(1474560); /* a floppy's size does not make it one */
        put(rows[i].at, rows[i].magic, rows[i].len);
        assert_int_equal(mon_format_probe_fd(fd), rows[i].format);
        assert_int_equal(guess(MON_GUESS_DISK, mon_format_name(rows[i].format)).format, rows[i].format);
    }
    size(0);
    put(0, "\n#a comment\r\n\r\n# disk descriptorFile", 36);
    assert_int_equal(mon_format_probe_fd(fd), MON_FORMAT_VMDK);
    size(0);
    put(0, "text\n# Disk DescriptorFile", 26);
    assert_int_equal(mon_format_probe_fd(fd), MON_FORMAT_RAW);
    /* Sizes of media that headers tell. */
    size(0);
    size(65536);
    put(0, "QFI\xfb", 4);
    put(24, "\0\0\0\0\0\x16\x80\0", 8);
    guess(MON_GUESS_FLOPPY, "floppy of 1440K, qcow2");
    put(24, "\0\0\0\2\x80\0\0\0", 8);
    guess(MON_GUESS_DISK, "disk of 10G, qcow2");
    put(24, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
    guess(MON_GUESS_DISK, "qcow2");
}

static void test_fixed_vhd(void **state) {
    uint8_t footer[512] = "conectix";
    uint32_t sum = 0;
    (void)state;
    size(1048576 + 512);
    put(1048576, footer, sizeof footer);
    assert_int_equal(mon_format_probe_fd(fd), MON_FORMAT_RAW); /* the name alone is not enough */
    footer[53] = 0x10;
    footer[63] = 2;
    for (int i = 0; i < 512; i++) sum += footer[i];
    for (int i = 0; i < 4; i++) footer[64 + i] = (uint8_t)(~sum >> (24 - 8 * i));
    put(1048576, footer, sizeof footer);
    assert_int_equal(mon_format_probe_fd(fd), MON_FORMAT_VPC);
    assert_int_equal(guess(MON_GUESS_DISK, "vpc").bytes, 1048576);
    size(1048576 + 1024); /* it has to be the last sector */
    assert_int_equal(mon_format_probe_fd(fd), MON_FORMAT_RAW);
}

static void test_useless(void **state) {
    (void)state;
    guess(MON_GUESS_UNKNOWN, "is empty");
    put(0, "\x1f\x8b", 2);
    guess(MON_GUESS_UNKNOWN, "gzip");
    put(0,
        "\xfd"
        "7zXZ\0",
        6);
    guess(MON_GUESS_UNKNOWN, "xz");
    size(0);
    put(0, "a", 1);
    guess(MON_GUESS_UNKNOWN, "cannot tell");
    assert_non_null(strstr(mon_guess(dir).what, "directory"));
    assert_non_null(strstr(mon_guess("/dev/null").what, "neither"));
    assert_non_null(strstr(mon_guess("/nonexistent").what, "No such file"));
    unlink(path);
    assert_int_equal(mkfifo(path, 0600), 0);
    guess(MON_GUESS_UNKNOWN, "neither"); /* and does not wait for a writer */
    unlink(path);
}

/* No bytes lead out of the file. */
static void test_random(void **state) {
    uint8_t bytes[9000];
    (void)state;
    srandom(1);
    for (int round = 0; round < 300; round++) {
        for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)random();
        static const char *const starts[] = {"QFI\xfb", "KDMV", "conectix", "vhdxfile", "# Disk ", "\xEB\x3C\x90"};
        memcpy(bytes, starts[round % 6], strlen(starts[round % 6]));
        if (round & 1) memcpy(bytes + 510, "\x55\xaa", 2);
        size(0);
        put(0, bytes, (size_t)random() % sizeof bytes + 1);
        struct mon_guess g = mon_guess(path);
        assert_true(strlen(g.what) > 0);
    }
}

int main(void) {
#define FILE_TEST(f) cmocka_unit_test_setup_teardown(f, make_file, close_file)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), FILE_TEST(test_floppies), FILE_TEST(test_disks),
        FILE_TEST(test_cds),          FILE_TEST(test_kernels),  FILE_TEST(test_formats),
        FILE_TEST(test_fixed_vhd),    FILE_TEST(test_random),   FILE_TEST(test_useless),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
