/*
 * boot.c: reads what the user named, lets the loader of its format describe the
 * work, and hands the description and the boot ROM to the firmware.
 *
 * Start-up code: it uses files and the heap freely. The ROM's checksums are
 * filled in here (Plug and Play BIOS Specification 1.0A, 3.1 and 3.2).
 */
#include "devemu/boot.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "devemu/boot_internal.h"
#include "devemu/bytes.h"
#include "devemu/fw_cfg.h"

enum { ROM_PNP_POINTER = 0x1A, PNP_LENGTH = 5, PNP_CHECKSUM = 9, ROM_SPARE = 6 /* unused header byte */ };
extern const uint8_t boot_rom_image[], boot_rom_image_end[];

/* ---- Errors ---- */

static enum boot_status vfail(char *errbuf, size_t errlen, enum boot_status st, const char *fmt, va_list ap) {
    if (errlen) (void)vsnprintf(errbuf, errlen, fmt, ap);
    return st;
}

__attribute__((format(printf, 4, 5))) static enum boot_status fail(char *errbuf, size_t errlen, enum boot_status st,
                                                                   const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vfail(errbuf, errlen, st, fmt, ap);
    va_end(ap);
    return st;
}

enum boot_status boot_fail(struct boot_image *b, enum boot_status st, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vfail(b->errbuf, b->errlen, st, fmt, ap);
    va_end(ap);
    return st;
}

/* ---- Files ---- */

/* Opens path and checks what can be checked before reading. O_NONBLOCK: opening a FIFO must not hang. */
static enum boot_status open_checked(const char *path, uint64_t max, int *fd, size_t *size, char *errbuf,
                                     size_t errlen) {
    struct stat sb;
    *fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (*fd < 0) return fail(errbuf, errlen, BOOT_BAD_FILE, "cannot open '%s': %s", path, strerror(errno));
    enum boot_status st = BOOT_OK;
    if (fstat(*fd, &sb) < 0)
        st = fail(errbuf, errlen, BOOT_BAD_FILE, "cannot read '%s': %s", path, strerror(errno));
    else if (S_ISDIR(sb.st_mode))
        st = fail(errbuf, errlen, BOOT_BAD_FILE, "'%s' is a directory", path);
    else if (!S_ISREG(sb.st_mode))
        st = fail(errbuf, errlen, BOOT_BAD_FILE, "'%s' is not a regular file", path);
    else if (sb.st_size == 0)
        st = fail(errbuf, errlen, BOOT_BAD_FILE, "'%s' is empty", path);
    else if ((uint64_t)sb.st_size > max)
        st = fail(errbuf, errlen, BOOT_TOO_BIG, "'%s' is too large: %lld bytes, at most %llu fit", path,
                  (long long)sb.st_size, (unsigned long long)max);
    if (st != BOOT_OK)
        close(*fd);
    else
        *size = (size_t)sb.st_size;
    return st;
}

static enum boot_status read_all(int fd, const char *path, uint8_t *buf, size_t size, char *errbuf, size_t errlen) {
    size_t got = 0;
    while (got < size) {
        ssize_t n = read(fd, buf + got, size - got);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(errbuf, errlen, BOOT_BAD_FILE, "cannot read '%s': %s", path, strerror(errno));
        if (n == 0) return fail(errbuf, errlen, BOOT_BAD_FILE, "'%s' became shorter while it was read", path);
        got += (size_t)n;
    }
    return BOOT_OK;
}

enum boot_status boot_read_file(const char *path, size_t max, void **data, size_t *len, char *errbuf, size_t errlen) {
    int fd;
    size_t size = 0;
    enum boot_status st = open_checked(path, max, &fd, &size, errbuf, errlen);
    if (st != BOOT_OK) return st;
    uint8_t *buf = malloc(size);
    if (!buf)
        st = fail(errbuf, errlen, BOOT_NO_MEMORY, "out of memory for '%s'", path);
    else
        st = read_all(fd, path, buf, size, errbuf, errlen);
    close(fd);
    if (st != BOOT_OK) {
        free(buf);
        return st;
    }
    *data = buf;
    *len = size;
    return BOOT_OK;
}

/* ---- The description ---- */

enum boot_status boot_reserve(struct boot_image *b, size_t bytes, uint32_t *at) {
    size_t start = (b->len + 15) & ~(size_t)15;
    size_t end = start + bytes;
    if (end < start || end >= BOOT_ZEROS)
        return boot_fail(b, BOOT_TOO_BIG, "the boot files are larger than 4 GiB together");
    if (end > b->cap) {
        size_t cap = end + (end >> 3) + 65536;
        uint8_t *p = realloc(b->data, cap);
        if (!p) return boot_fail(b, BOOT_NO_MEMORY, "out of memory for the boot files");
        b->data = p;
        b->cap = cap;
    }
    memset(b->data + b->len, 0, start - b->len);
    memset(b->data + start, 0, bytes);
    b->len = end;
    *at = (uint32_t)start;
    return BOOT_OK;
}

enum boot_status boot_append_file(struct boot_image *b, const char *path, uint32_t *at, uint32_t *len) {
    int fd;
    size_t size = 0;
    enum boot_status st = open_checked(path, b->config->ram_size, &fd, &size, b->errbuf, b->errlen);
    if (st != BOOT_OK) return st;
    st = boot_reserve(b, size, at);
    if (st == BOOT_OK) st = read_all(fd, path, b->data + *at, size, b->errbuf, b->errlen);
    close(fd);
    *len = (uint32_t)size;
    return st;
}

enum boot_status boot_add_chunk(struct boot_image *b, uint32_t offset, uint64_t length, uint32_t address) {
    if (!length) return BOOT_OK;
    if (b->h.chunks == BOOT_MAX_CHUNKS)
        return boot_fail(b, BOOT_TOO_BIG, "the kernel and its modules have too many parts");
    b->h.chunk[b->h.chunks++] = (struct boot_chunk){offset, (uint32_t)length, address};
    return BOOT_OK;
}

static enum boot_status describe(struct boot_image *b) {
    const char *name = b->config->kernel;
    uint32_t header_at;
    enum boot_status st = boot_reserve(b, sizeof b->h, &header_at);
    if (st == BOOT_OK) st = boot_append_file(b, name, &b->kernel_at, &b->kernel_len);
    if (st != BOOT_OK) return st;
    if (boot_is_linux(b)) return boot_linux(b);
    if (boot_multiboot_header(b) >= 0) return boot_multiboot(b);
    const uint8_t *k = b->data + b->kernel_at;
    if (b->kernel_len >= 4 && !memcmp(k, "\177ELF", 4))
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is an ELF file without a Multiboot header: it cannot be started",
                         name);
    if (b->kernel_len >= 2 && k[0] == 0x1F && k[1] == 0x8B)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is compressed: unpack it first", name);
    return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is neither a Linux kernel nor a Multiboot kernel (or it is truncated)",
                     name);
}

/* ---- The ROM ---- */

/* Sets p[at] so that the sum of the bytes is 0. */
static void set_checksum(uint8_t *p, size_t len, size_t at) {
    uint8_t sum = 0;
    p[at] = 0;
    for (size_t i = 0; i < len; i++) sum = (uint8_t)(sum + p[i]);
    p[at] = (uint8_t)-sum;
}

static enum dev_status add_rom(struct dev *fw_cfg) {
    size_t len = (size_t)(boot_rom_image_end - boot_rom_image);
    uint8_t *rom = malloc(len);
    if (!rom) return DEV_NO_MEMORY;
    memcpy(rom, boot_rom_image, len);
    uint8_t *pnp = rom + get_le16(rom + ROM_PNP_POINTER);
    set_checksum(pnp, 16u * pnp[PNP_LENGTH], PNP_CHECKSUM);
    set_checksum(rom, len, ROM_SPARE);
    enum dev_status st = fw_cfg_give_file(fw_cfg, "genroms/novtboot.rom", rom, len);
    if (st != DEV_OK) free(rom);
    return st;
}

static enum dev_status add_boot_order(struct dev *fw_cfg, const char *more) {
    char *order;
    int n = asprintf(&order, "/rom@genroms/novtboot.rom\n%s", more ? more : "");
    if (n < 0) return DEV_NO_MEMORY;
    enum dev_status st = fw_cfg_add_file(fw_cfg, "bootorder", order, (size_t)n + 1);
    free(order);
    return st;
}

/* Hands the finished description over; b->data is fw_cfg's from then on. */
static enum boot_status publish(struct boot_image *b, struct dev *fw_cfg) {
    memcpy(b->data, &b->h, sizeof b->h);
    enum dev_status st = fw_cfg_give_file(fw_cfg, "novt/boot", b->data, b->len);
    if (st == DEV_OK) {
        b->data = NULL;
        st = add_rom(fw_cfg);
    }
    if (st == DEV_OK) st = add_boot_order(fw_cfg, b->config->boot_order);
    if (st != DEV_OK) return boot_fail(b, BOOT_NO_MEMORY, "no room in fw_cfg for the boot files");
    return BOOT_OK;
}

enum boot_status boot_load(struct dev *fw_cfg, const struct boot_config *c, char *errbuf, size_t errlen) {
    struct boot_image b = {.config = c, .errbuf = errbuf, .errlen = errlen};
    b.h.magic = BOOT_MAGIC;
    if (!c->kernel || !*c->kernel) return boot_fail(&b, BOOT_BAD_ARGUMENT, "no kernel file is named");
    enum boot_status st = describe(&b);
    if (st == BOOT_OK) st = publish(&b, fw_cfg);
    free(b.data);
    return st;
}
