/*
 * boot_internal.h: between the loaders, and what bootrom.asm reads.
 *
 * The file "novt/boot" starts with struct boot_header and its chunks; the bytes
 * of kernel, command line, initrd and modules follow. A chunk whose offset lies
 * behind the end of the file clears memory (fw_cfg gives zeros there).
 */
#ifndef NOVT_DEVEMU_BOOT_INTERNAL_H
#define NOVT_DEVEMU_BOOT_INTERNAL_H

#include <stdbool.h>
#include "devemu/boot.h"

enum {
    BOOT_MAGIC = 0x4254564E, /* "NVTB" */
    BOOT_LINUX = 1,
    BOOT_MULTIBOOT = 2,
    BOOT_MAX_CHUNKS = 48,
    BOOT_LOW_START = 0x8000, /* the ROM works below */
    BOOT_LOW_END = 0x9F000,  /* the firmware's data above */
    BOOT_HIGH_START = 0x100000,
};
#define BOOT_ZEROS 0xFFFFFFFFu /* chunk offset: no bytes, clear */

struct boot_chunk {
    uint32_t offset, length, address;
};

struct boot_header {
    uint32_t magic, kind, chunks;
    uint32_t entry; /* Multiboot: EIP */
    uint32_t stack; /* Linux: SP */
    uint32_t info;  /* Linux: where the setup sectors lie; Multiboot: information structure */
    uint32_t mmap, mmap_room;
    uint32_t initrd_offset, initrd_size, initrd_limit /* first byte it may not use */, initrd_min;
    uint32_t top; /* memory must reach up to here */
    uint32_t reserved[3];
    struct boot_chunk chunk[BOOT_MAX_CHUNKS];
};
_Static_assert(sizeof(struct boot_header) == 64 + BOOT_MAX_CHUNKS * 12, "layout of bootrom.asm");

/* A boot description in the making. Offsets, not pointers: data moves as it grows. */
struct boot_image {
    const struct boot_config *config;
    struct boot_header h;
    uint8_t *data;
    size_t len, cap;
    uint32_t kernel_at, kernel_len; /* the kernel file, whole */
    char *errbuf;
    size_t errlen;
};

/* One line of refusal; returns st, to be returned. */
enum boot_status boot_fail(struct boot_image *b, enum boot_status st, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends bytes zero bytes, aligned to 16; *at is their offset. */
enum boot_status boot_reserve(struct boot_image *b, size_t bytes, uint32_t *at);
enum boot_status boot_append_file(struct boot_image *b, const char *path, uint32_t *at, uint32_t *len);
/* offset BOOT_ZEROS clears. Empty chunks are dropped. */
enum boot_status boot_add_chunk(struct boot_image *b, uint32_t offset, uint64_t length, uint32_t address);

static inline uint64_t boot_page_up(uint64_t v) { return (v + 4095) & ~4095ull; }

/* boot_linux.c, boot_multiboot.c */
bool boot_is_linux(const struct boot_image *b);
enum boot_status boot_linux(struct boot_image *b);
/* Offset of a valid Multiboot header in the kernel file, or -1. */
long boot_multiboot_header(const struct boot_image *b);
enum boot_status boot_multiboot(struct boot_image *b);
#endif
