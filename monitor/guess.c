/*
 * guess.c: what a machine would do with a file.
 *
 * The order decides between files that could be two things: a container's magic, then a file system that only CDs have,
 * then a floppy's exact size, then a Linux kernel (which has a boot sector's signature too), then boot sectors, and
 * only then a Multiboot header, which the boot loader in front of a partition may have as well.
 */
#include "monitor/guess.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "devemu/bytes.h"
#include "devemu/fdc82077.h"

enum { HEAD = 8192, SECTOR = 512, ISO_VOLUME = 0x8000, ISO_BOOT = 0x8800, CD_SECTOR = 2048 };
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)

/* What was read of the file. */
struct look {
    int fd;
    uint64_t size;
    size_t len; /* of head */
    uint8_t head[HEAD];
    struct mon_guess g;
};

static bool at(const struct look *l, size_t offset, const void *bytes, size_t n) {
    return offset <= l->len && n <= l->len - offset && !memcmp(l->head + offset, bytes, n);
}

/* ---- Answers ---- */

__attribute__((format(printf, 3, 4))) static bool answer(struct look *l, enum mon_guess_kind kind, const char *fmt,
                                                         ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(l->g.what, sizeof l->g.what, fmt, ap);
    va_end(ap);
    l->g.kind = kind;
    return true;
}

/* 1440K, 512M, 10G: the largest unit that fits without a fraction. */
static const char *size_text(uint64_t bytes, char out[24]) {
    if (bytes >= GIB && bytes % GIB == 0)
        snprintf(out, 24, "%" PRIu64 "G", bytes / GIB);
    else if (bytes >= 16 * MIB)
        snprintf(out, 24, "%" PRIu64 "M", bytes / MIB);
    else
        snprintf(out, 24, "%" PRIu64 "K", bytes / KIB);
    return out;
}

/* ---- Containers ---- */

/* 0: not in the header, or not in a plain place. */
static uint64_t container_bytes(const struct look *l) {
    enum { QCOW2_SIZE = 24, VMDK_SECTORS = 12, VDI_SIZE = 0x170, VHD_SIZE = 48 };
    const uint8_t *p = l->head;
    if (l->len < SECTOR) return 0;
    switch (l->g.format) {
    case MON_FORMAT_QCOW2: return get_be64(p + QCOW2_SIZE);
    case MON_FORMAT_VMDK: return at(l, 0, "KDMV", 4) ? (get_le64(p + VMDK_SECTORS) & UINT64_MAX >> 9) * SECTOR : 0;
    case MON_FORMAT_VDI: return get_le64(p + VDI_SIZE);
    case MON_FORMAT_VPC: return at(l, 0, "conectix", 8) ? get_be64(p + VHD_SIZE) : l->size - SECTOR;
    default: return 0;
    }
}

static bool guess_container(struct look *l) {
    char text[24];
    l->g.format = mon_format_probe_fd(l->fd);
    if (l->g.format == MON_FORMAT_RAW) return false;
    l->g.bytes = container_bytes(l);
    const char *name = mon_format_name(l->g.format);
    if (fdc_is_format(l->g.bytes))
        return answer(l, MON_GUESS_FLOPPY, "floppy of %s, %s image", size_text(l->g.bytes, text), name);
    if (!l->g.bytes) return answer(l, MON_GUESS_DISK, "disk, %s image", name);
    return answer(l, MON_GUESS_DISK, "disk of %s, %s image", size_text(l->g.bytes, text), name);
}

/* ---- CDs ---- */

static bool has_iso_descriptor(const struct look *l, off_t offset, uint8_t out[CD_SECTOR]) {
    return pread(l->fd, out, CD_SECTOR, offset) == CD_SECTOR && !memcmp(out + 1, "CD001", 5);
}

/* The label, of what is printable in it. */
static void iso_label(const uint8_t *volume, char out[33]) {
    size_t n = 0;
    for (int i = 40; i < 72; i++)
        if (volume[i] >= ' ' && volume[i] < 0x7F && volume[i] != '"') out[n++] = (char)volume[i];
    while (n && out[n - 1] == ' ') n--;
    out[n] = 0;
}

static bool guess_cd(struct look *l) {
    uint8_t volume[CD_SECTOR], boot[CD_SECTOR];
    char label[33];
    if (at(l, 0, "\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0", 12))
        return answer(l, MON_GUESS_UNKNOWN,
                      "holds whole CD sectors of 2352 bytes; only images of 2048 are understood (ISO)");
    if (!has_iso_descriptor(l, ISO_VOLUME, volume)) return false;
    bool bootable = has_iso_descriptor(l, ISO_BOOT, boot) && !memcmp(boot + 7, "EL TORITO SPECIFICATION", 23);
    iso_label(volume, label);
    return answer(l, MON_GUESS_CDROM, "CD \"%s\" (ISO 9660), %s", label,
                  bootable ? "bootable" : "without a boot record");
}

/* ---- Kernels ---- */

static bool guess_linux(struct look *l) {
    enum { SIGNATURE = 0x1FE, HEADER = 0x202, PROTOCOL = 0x206 };
    if (!at(l, SIGNATURE, "\x55\xaa", 2) || !at(l, HEADER, "HdrS", 4) || l->len < PROTOCOL + 2) return false;
    return answer(l, MON_GUESS_LINUX, "Linux kernel (bzImage, boot protocol %u.%02u)", l->head[PROTOCOL + 1],
                  l->head[PROTOCOL]);
}

/* Multiboot Specification 0.6.96, 3.1: aligned, in the first 8 KiB, magic + flags + checksum = 0. */
static bool guess_multiboot(struct look *l) {
    enum { MAGIC = 0x1BADB002, HEADER = 12 };
    for (size_t i = 0; i + HEADER <= l->len; i += 4) {
        const uint8_t *p = l->head + i;
        if (get_le32(p) == MAGIC && (uint32_t)(get_le32(p) + get_le32(p + 4) + get_le32(p + 8)) == 0)
            return answer(l, MON_GUESS_MULTIBOOT, "Multiboot kernel");
    }
    return false;
}

/* ---- Boot sectors ---- */

enum { MBR_TABLE = 0x1BE, MBR_ENTRIES = 4, MBR_ENTRY = 16, MBR_TYPE = 4, MBR_START = 8, MBR_SECTORS = 12 };
enum { TYPE_GPT = 0xEE };

/* Partitions of the table; -1: this is no partition table. A truncated image's last one may end outside. */
static int count_partitions(const struct look *l) {
    int n = 0;
    for (int i = 0; i < MBR_ENTRIES; i++) {
        const uint8_t *e = l->head + MBR_TABLE + i * MBR_ENTRY;
        if (!e[MBR_TYPE]) continue;
        uint32_t start = get_le32(e + MBR_START), sectors = get_le32(e + MBR_SECTORS);
        bool sane = !(e[0] & 0x7F) && start && sectors && (uint64_t)start * SECTOR < l->size;
        if (!sane) return -1;
        n++;
    }
    return n;
}

static bool has_gpt(const struct look *l) { return at(l, SECTOR, "EFI PART", 8); }

/* The parameter block of a FAT file system (sectors of it, 0: none). */
static uint32_t fat_sectors(const struct look *l) {
    const uint8_t *p = l->head;
    uint32_t cluster = p[13], small = get_le16(p + 19);
    bool sane = (p[0] == 0xEB || p[0] == 0xE9) && get_le16(p + 11) == SECTOR && cluster && !(cluster & (cluster - 1)) &&
                p[16] >= 1 && p[16] <= 2 && (p[21] == 0xF0 || p[21] >= 0xF8);
    return !sane ? 0 : small ? small : get_le32(p + 32);
}

static bool guess_boot_sector(struct look *l) {
    char text[24];
    const char *size = size_text(l->size, text);
    bool signature = at(l, SECTOR - 2, "\x55\xaa", 2);
    int partitions = signature ? count_partitions(l) : -1;
    if (l->len < SECTOR) return false;
    if (has_gpt(l)) return answer(l, MON_GUESS_DISK, "disk of %s, partitioned (GPT)", size);
    uint32_t fat = fat_sectors(l);
    bool floppy = fat && fdc_is_format((uint64_t)fat * SECTOR) && fdc_type_for(l->size) != FDC_NONE;
    if (floppy) return answer(l, MON_GUESS_FLOPPY, "floppy of %uK, its image has %s", fat / 2, size);
    if (partitions > 0)
        return answer(l, MON_GUESS_DISK, "disk of %s with %d partition%s (MBR)", size, partitions,
                      partitions > 1 ? "s" : "");
    if (fat) return answer(l, MON_GUESS_DISK, "disk of %s, a FAT file system without a partition table", size);
    if (signature) return answer(l, MON_GUESS_DISK, "disk of %s with a boot sector", size);
    return false;
}

static bool guess_floppy(struct look *l) {
    char text[24];
    return fdc_is_format(l->size) && answer(l, MON_GUESS_FLOPPY, "floppy of %s", size_text(l->size, text));
}

/* ---- What is no use as it is ---- */

static bool guess_packed(struct look *l) {
    static const struct {
        const char *magic;
        size_t len;
        const char *by;
    } packers[] = {{"\x1f\x8b", 2, "gzip"},
                   {"\xfd"
                    "7zXZ",
                    5, "xz"},
                   {"BZh", 3, "bzip2"},
                   {"\x28\xb5\x2f\xfd", 4, "zstd"},
                   {"PK\3\4", 4, "zip"},
                   {"7z\xbc\xaf\x27\x1c", 6, "7-Zip"}};
    for (size_t i = 0; i < sizeof packers / sizeof packers[0]; i++)
        if (at(l, 0, packers[i].magic, packers[i].len))
            return answer(l, MON_GUESS_UNKNOWN, "is compressed (%s); unpack it first", packers[i].by);
    return false;
}

/* ---- All of it ---- */

static void look_at(struct look *l) {
    ssize_t n = pread(l->fd, l->head, sizeof l->head, 0);
    off_t end = lseek(l->fd, 0, SEEK_END);
    if (n < 0 || end < 0) {
        answer(l, MON_GUESS_UNKNOWN, "%s", strerror(errno));
        return;
    }
    l->len = (size_t)n;
    l->size = l->g.bytes = (uint64_t)end;
    if (!end) {
        answer(l, MON_GUESS_UNKNOWN, "is empty");
        return;
    }
    bool known = guess_container(l) || guess_cd(l) || guess_floppy(l) || guess_linux(l) || guess_packed(l) ||
                 guess_boot_sector(l) || guess_multiboot(l);
    if (!known)
        answer(l, MON_GUESS_UNKNOWN, "cannot tell what it is; say it with --disk, --cdrom, --floppy or --kernel");
}

struct mon_guess mon_guess(const char *path) {
    struct look l = {.fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)};
    struct stat st;
    if (l.fd < 0 || fstat(l.fd, &st))
        answer(&l, MON_GUESS_UNKNOWN, "%s", strerror(errno));
    else if (S_ISDIR(st.st_mode))
        answer(&l, MON_GUESS_UNKNOWN, "is a directory");
    else if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
        answer(&l, MON_GUESS_UNKNOWN, "is neither a file nor a block device");
    else
        look_at(&l);
    if (l.fd >= 0) close(l.fd);
    return l.g;
}
