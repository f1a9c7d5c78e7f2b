/*
 * boot_linux.c: describes the start of a Linux boot protocol kernel (bzImage,
 * zImage, memtest86+).
 *
 * Source: Linux Documentation/x86/boot.rst, "The Real-Mode Kernel Header" and
 * "Details of Header Fields". The header is patched in place; only the ROM
 * knows where the initrd goes, and patches that.
 */
#include "devemu/boot_internal.h"
#include <stdlib.h>
#include <string.h>
#include "devemu/bytes.h"

enum { /* offsets in the setup header */
       H_SETUP_SECTS = 0x1F1,
       H_SYSSIZE = 0x1F4,
       H_VID_MODE = 0x1FA,
       H_BOOT_FLAG = 0x1FE,
       H_MAGIC = 0x202,
       H_VERSION = 0x206,
       H_TYPE_OF_LOADER = 0x210,
       H_LOADFLAGS = 0x211,
       H_HEAP_END = 0x224,
       H_CMD_LINE_PTR = 0x228,
       H_INITRD_MAX = 0x22C,
       H_CMDLINE_SIZE = 0x238,
       H_PREF_ADDRESS = 0x258,
       H_INIT_SIZE = 0x260,
       OLD_CL_MAGIC = 0x20,
       OLD_CL_OFFSET = 0x22,
};
enum {
    SECTOR = 512,
    LEAST_FILE = 0x264,
    LOADED_HIGH = 0x01,
    KEEP_SEGMENTS = 0x40,
    CAN_USE_HEAP = 0x80,
    LOADER_UNDEFINED = 0xFF,
    OLD_CL_MAGIC_VALUE = 0xA33F,
    OLD_CMDLINE_MAX = 255,
    OLD_INITRD_MAX = 0x37FFFFFF,
    CMDLINE_AREA = 0x10000,
    HEAP_GAP = 0x200,
    LOW_KERNEL_MAX = 0x80000,
};

/* Where things go; all below 1 MiB but a kernel that is LOADED_HIGH. */
struct layout {
    uint32_t setup, stack, cmdline, kernel;
};
static const struct layout modern = {0x10000, 0xE000, 0x20000, 0x100000};
static const struct layout old_high = {0x90000, 0x9000, 0x99000, 0x100000}; /* setup must lie at 90000h before 2.02 */
static const struct layout old_low = {0x90000, 0x9000, 0x99000, 0x10000};

struct linux_image {
    struct boot_image *b;
    uint32_t version, setup_len, kernel_len;
    bool high;
    const struct layout *at;
};

/* Data moves while files are appended: ask anew each time. */
static uint8_t *header(const struct linux_image *l) { return l->b->data + l->b->kernel_at; }
static const char *name(const struct linux_image *l) { return l->b->config->kernel; }

bool boot_is_linux(const struct boot_image *b) {
    const uint8_t *k = b->data + b->kernel_at;
    return b->kernel_len > H_VERSION + 2 && !memcmp(k + H_MAGIC, "HdrS", 4) && get_le16(k + H_BOOT_FLAG) == 0xAA55;
}

static enum boot_status parse(struct linux_image *l) {
    struct boot_image *b = l->b;
    const uint8_t *h = header(l);
    if (b->kernel_len < LEAST_FILE)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is truncated: its setup header ends early", name(l));
    l->version = get_le16(h + H_VERSION);
    if (l->version < 0x200)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' speaks boot protocol %x.%02x; 2.00 is needed", name(l),
                         l->version >> 8, l->version & 0xFF);
    uint32_t sectors = h[H_SETUP_SECTS] ? h[H_SETUP_SECTS] : 4;
    l->setup_len = (sectors + 1) * SECTOR;
    if (l->setup_len >= b->kernel_len)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is truncated: it ends in its setup code", name(l));
    l->kernel_len = b->kernel_len - l->setup_len;
    uint64_t promised = l->version >= 0x204 ? 16ull * get_le32(h + H_SYSSIZE) : 0;
    if (promised > l->kernel_len + 15ull)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is truncated: %llu of %llu kernel bytes are there", name(l),
                         (unsigned long long)l->kernel_len, (unsigned long long)promised);
    l->high = h[H_LOADFLAGS] & LOADED_HIGH;
    l->at = !l->high ? &old_low : l->version < 0x202 ? &old_high : &modern;
    if (l->setup_len > l->at->stack - 2 * HEAP_GAP)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' has %u sectors of setup code: too many", name(l), sectors);
    return BOOT_OK;
}

/* First byte that the kernel does not need for itself until it knows its memory. */
static uint64_t kernel_end(const struct linux_image *l) {
    const uint8_t *h = header(l);
    uint64_t end = (uint64_t)l->at->kernel + l->kernel_len;
    if (l->version < 0x20A) return end;
    uint64_t where = get_le32(h + H_PREF_ADDRESS) | (uint64_t)get_le32(h + H_PREF_ADDRESS + 4) << 32;
    if (where > UINT32_MAX || where < l->at->kernel) where = l->at->kernel;
    where += get_le32(h + H_INIT_SIZE);
    return where > end ? where : end;
}

static enum boot_status place_kernel(struct linux_image *l) {
    struct boot_image *b = l->b;
    uint64_t end = kernel_end(l);
    if (!l->high && l->kernel_len > LOW_KERNEL_MAX)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is too large for a zImage", name(l));
    if (end > b->config->ram_size)
        return boot_fail(b, BOOT_TOO_BIG, "'%s' needs %llu MiB of memory, the machine has %llu", name(l),
                         (unsigned long long)((end + 0xFFFFF) >> 20), (unsigned long long)(b->config->ram_size >> 20));
    b->h.kind = BOOT_LINUX;
    b->h.info = l->at->setup;
    b->h.stack = l->at->stack;
    uint64_t loaded = (uint64_t)l->at->kernel + l->kernel_len;
    b->h.top = l->high ? (uint32_t)loaded : BOOT_HIGH_START;
    enum boot_status st = boot_add_chunk(b, b->kernel_at, l->setup_len, l->at->setup);
    if (st != BOOT_OK) return st;
    return boot_add_chunk(b, b->kernel_at + l->setup_len, l->kernel_len, l->at->kernel);
}

static uint32_t cmdline_max(const struct linux_image *l) {
    if (l->version < 0x206) return OLD_CMDLINE_MAX;
    uint32_t max = get_le32(header(l) + H_CMDLINE_SIZE);
    uint32_t room = l->at == &modern ? CMDLINE_AREA - 1 : 0x1000 - 1;
    return max < room ? max : room;
}

/* vga= is for the boot loader. The last one counts, as a kernel parameter would. */
static void set_video_mode(struct linux_image *l, const char *cmdline) {
    for (const char *p = strstr(cmdline, "vga="); p; p = strstr(p + 1, "vga=")) {
        if (p != cmdline && p[-1] != ' ') continue;
        const char *v = p + 4;
        unsigned mode = (unsigned)strtoul(v, NULL, 0);
        if (!strncmp(v, "normal", 6))
            mode = 0xFFFF;
        else if (!strncmp(v, "ext", 3))
            mode = 0xFFFE;
        else if (!strncmp(v, "ask", 3))
            mode = 0xFFFD;
        header(l)[H_VID_MODE] = (uint8_t)mode;
        header(l)[H_VID_MODE + 1] = (uint8_t)(mode >> 8);
    }
}

static enum boot_status add_cmdline(struct linux_image *l) {
    struct boot_image *b = l->b;
    const char *text = b->config->append ? b->config->append : "";
    size_t len = strlen(text);
    if (len > cmdline_max(l))
        return boot_fail(b, BOOT_BAD_ARGUMENT, "the kernel command line has %zu bytes; '%s' takes %u", len, name(l),
                         cmdline_max(l));
    uint32_t at;
    enum boot_status st = boot_reserve(b, len + 1, &at);
    if (st != BOOT_OK) return st;
    memcpy(b->data + at, text, len);
    set_video_mode(l, text);
    return boot_add_chunk(b, at, len + 1, l->at->cmdline);
}

static void put16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

static void patch_header(struct linux_image *l) {
    uint8_t *h = header(l);
    h[H_TYPE_OF_LOADER] = LOADER_UNDEFINED;
    h[H_LOADFLAGS] &= (uint8_t)~KEEP_SEGMENTS;
    if (l->version >= 0x201) {
        h[H_LOADFLAGS] |= CAN_USE_HEAP;
        put16(h + H_HEAP_END, l->at->stack - HEAP_GAP);
    }
    if (l->version >= 0x202) {
        put_le32(h + H_CMD_LINE_PTR, l->at->cmdline);
    } else {
        put16(h + OLD_CL_MAGIC, OLD_CL_MAGIC_VALUE);
        put16(h + OLD_CL_OFFSET, l->at->cmdline - l->at->setup);
    }
}

/* Several files make one initrd, each starting at a multiple of 16 (zeros between archives are allowed). */
static enum boot_status append_initrds(struct linux_image *l) {
    struct boot_image *b = l->b;
    const char *const *list = b->config->initrds;
    for (size_t i = 0; list && list[i]; i++) {
        uint32_t at, len;
        enum boot_status st = boot_append_file(b, list[i], &at, &len);
        if (st != BOOT_OK) return st;
        if (i == 0) b->h.initrd_offset = at;
        b->h.initrd_size = at + len - b->h.initrd_offset;
    }
    return BOOT_OK;
}

static enum boot_status add_initrd(struct linux_image *l) {
    struct boot_image *b = l->b;
    enum boot_status st = append_initrds(l);
    if (st != BOOT_OK || !b->h.initrd_size) return st;
    uint64_t limit = l->version >= 0x203 ? get_le32(header(l) + H_INITRD_MAX) + 1ull : OLD_INITRD_MAX + 1ull;
    if (limit > b->config->ram_size) limit = b->config->ram_size;
    uint64_t least = boot_page_up(l->high ? kernel_end(l) : BOOT_HIGH_START);
    if (least + boot_page_up(b->h.initrd_size) > limit)
        return boot_fail(b, BOOT_TOO_BIG, "the initrd of %u KiB does not fit into memory above the kernel",
                         b->h.initrd_size >> 10);
    b->h.initrd_limit = (uint32_t)limit;
    b->h.initrd_min = (uint32_t)least;
    return BOOT_OK;
}

enum boot_status boot_linux(struct boot_image *b) {
    struct linux_image l = {.b = b, .at = &modern};
    enum boot_status st = parse(&l);
    if (st == BOOT_OK) st = place_kernel(&l);
    if (st == BOOT_OK) st = add_cmdline(&l);
    if (st == BOOT_OK) patch_header(&l);
    if (st == BOOT_OK) st = add_initrd(&l);
    return st;
}
