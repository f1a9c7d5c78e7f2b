/*
 * guess_format.c: formats of disk images, told by their magic bytes.
 *
 * qcow2: "QFI\xFB". VMDK: "KDMV" (sparse extent), "COWD" (old), or a text descriptor. VDI: BEDA107Fh at 64.
 * VHD: a footer "conectix" at the end, whose copy is at the start of a dynamic image. VHDX: "vhdxfile".
 */
#include <ctype.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "devemu/bytes.h"
#include "monitor/guess.h"

static const struct {
    const char *name;
    enum mon_image_format format;
} names[] = {
    {"auto", MON_FORMAT_AUTO}, {"raw", MON_FORMAT_RAW}, {"qcow2", MON_FORMAT_QCOW2}, {"vmdk", MON_FORMAT_VMDK},
    {"vdi", MON_FORMAT_VDI},   {"vpc", MON_FORMAT_VPC}, {"vhd", MON_FORMAT_VPC},     {"vhdx", MON_FORMAT_VHDX},
};
enum { NAMES = sizeof names / sizeof names[0] };

const char *mon_format_name(enum mon_image_format format) {
    for (int i = 0; i < NAMES; i++)
        if (names[i].format == format) return names[i].name;
    return "unknown";
}

enum mon_image_format mon_format_parse(const char *name, size_t len) {
    for (int i = 0; i < NAMES; i++)
        if (strlen(names[i].name) == len && !memcmp(names[i].name, name, len)) return names[i].format;
    return MON_FORMATS;
}

/* ---- Magic bytes ---- */

static bool has(const uint8_t *p, size_t len, size_t at, const void *magic, size_t n) {
    return at <= len && n <= len - at && !memcmp(p + at, magic, n);
}

/* Lines of a descriptor may come after empty ones and other comments. */
static bool is_vmdk_text(const uint8_t *p, size_t len) {
    static const char mark[] = "# disk descriptorfile";
    for (size_t at = 0; at < len;) {
        const uint8_t *end = memchr(p + at, '\n', len - at);
        size_t n = end ? (size_t)(end - (p + at)) : len - at, i = 0;
        while (i < n && i < sizeof mark - 1 && tolower(p[at + i]) == mark[i]) i++;
        if (i == sizeof mark - 1) return true;
        bool empty = n == 0 || (n == 1 && p[at] == '\r');
        if (!empty && p[at] != '#') return false;
        at += n + 1;
    }
    return false;
}

/* A fixed VHD is a raw image with a footer behind it: all of the footer has to fit. */
static bool is_vhd_footer(const uint8_t *p, size_t len, uint64_t size) {
    enum { FOOTER = 512, CURRENT_SIZE = 48, TYPE = 60, CHECKSUM = 64, FIXED = 2 };
    uint32_t sum = 0;
    if (len != FOOTER || size < FOOTER || !has(p, len, 0, "conectix", 8)) return false;
    for (int i = 0; i < FOOTER; i++)
        if (i < CHECKSUM || i >= CHECKSUM + 4) sum += p[i];
    return get_be32(p + CHECKSUM) == ~sum && get_be32(p + TYPE) == FIXED && get_be64(p + CURRENT_SIZE) == size - FOOTER;
}

enum mon_image_format mon_format_probe(const uint8_t *head, size_t head_len, const uint8_t *tail, size_t tail_len,
                                       uint64_t size) {
    if (has(head, head_len, 0, "QFI\xfb", 4)) return MON_FORMAT_QCOW2;
    if (has(head, head_len, 0, "KDMV", 4) || has(head, head_len, 0, "COWD", 4) || is_vmdk_text(head, head_len))
        return MON_FORMAT_VMDK;
    if (has(head, head_len, 64, "\x7f\x10\xda\xbe", 4)) return MON_FORMAT_VDI;
    if (has(head, head_len, 0, "vhdxfile", 8)) return MON_FORMAT_VHDX;
    if (has(head, head_len, 0, "conectix", 8) || is_vhd_footer(tail, tail_len, size)) return MON_FORMAT_VPC;
    return MON_FORMAT_RAW;
}

enum mon_image_format mon_format_probe_fd(int fd) {
    uint8_t head[MON_PROBE_HEAD], tail[MON_PROBE_TAIL];
    off_t end = lseek(fd, 0, SEEK_END);
    ssize_t h = pread(fd, head, sizeof head, 0), t = 0;
    if (end >= (off_t)sizeof tail) t = pread(fd, tail, sizeof tail, end - (off_t)sizeof tail);
    if (end < 0 || h < 0 || t < 0) return MON_FORMAT_RAW;
    return mon_format_probe(head, (size_t)h, tail, (size_t)t, (uint64_t)end);
}
