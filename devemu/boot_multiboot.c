/*
 * boot_multiboot.c: describes the start of a Multiboot 1 kernel.
 *
 * Source: Multiboot Specification 0.6.96, 3.1 "OS image format", 3.3 "Boot
 * information format". The information structure, module table, memory map and
 * strings share one block below 1 MiB; the ROM fills in what only the running
 * firmware knows: mem_lower, mem_upper and the memory map.
 */
#include "devemu/boot_internal.h"
#include <stdlib.h>
#include <string.h>
#include "devemu/bytes.h"

#define HEADER_MAGIC 0x1BADB002u
enum {
    SEARCH = 8192,
    HEADER_LEAST = 12,
    HEADER_WITH_ADDRESS = 32,
    F_UNKNOWN = 0xFFF8, /* bits 3..15: requirements we do not know */
    F_ADDRESS = 1 << 16,
    ELF_HEADER = 52,
    ELF_PH = 32,
    ELF_CLASS32 = 1,
    ELF_LSB = 1,
    ET_EXEC = 2,
    EM_386 = 3,
    EM_486 = 6,
    PT_LOAD = 1,
    INFO_BYTES = 128,
    MODULE_BYTES = 16,
    MMAP_BYTES = 64 * 24,
    INFO_FLAGS = 0,
    INFO_CMDLINE = 16,
    INFO_MODS_COUNT = 20,
    INFO_MODS_ADDR = 24,
    INFO_MMAP_ADDR = 48,
    INFO_LOADER = 64,
    I_MEMORY = 1 << 0,
    I_CMDLINE = 1 << 2,
    I_MODS = 1 << 3,
    I_MMAP = 1 << 6,
    I_LOADER = 1 << 9,
    MAX_MODULES = 32,
    MAX_STRINGS = 0x20000,
    BLOCK_STEP = 0x1000,
    BLOCK_FIRST = 0x10000,
};
static const char loader_name[] = "novt";

struct module {
    uint32_t at, len, address, text_at;
    char *text;
};

struct multiboot {
    struct boot_image *b;
    uint32_t header_at; /* in the kernel file */
    uint64_t end;       /* first free byte above 1 MiB */
    unsigned modules;
    struct module module[MAX_MODULES];
};

static const uint8_t *file(const struct multiboot *m) { return m->b->data + m->b->kernel_at; }
static const char *name(const struct multiboot *m) { return m->b->config->kernel; }

long boot_multiboot_header(const struct boot_image *b) {
    const uint8_t *k = b->data + b->kernel_at;
    uint32_t end = b->kernel_len < SEARCH ? b->kernel_len : SEARCH;
    for (uint32_t at = 0; at + HEADER_LEAST <= end; at += 4) {
        if (get_le32(k + at) != HEADER_MAGIC) continue;
        if (get_le32(k + at) + get_le32(k + at + 4) + get_le32(k + at + 8) == 0) return at;
    }
    return -1;
}

/* ---- The kernel's parts ---- */

/* One loadable part: length bytes of the file from offset, then zeros up to size. */
static enum boot_status add_part(struct multiboot *m, uint32_t offset, uint32_t length, uint32_t address,
                                 uint64_t size) {
    struct boot_image *b = m->b;
    uint64_t end = address + size;
    bool low = address >= BOOT_LOW_START && end <= BOOT_LOW_END;
    bool high = address >= BOOT_HIGH_START && end <= b->config->ram_size;
    if (!size) return BOOT_OK;
    if (address >= BOOT_HIGH_START && !high)
        return boot_fail(b, BOOT_TOO_BIG, "'%s' loads at %08x-%08llx: the machine has only %llu MiB", name(m), address,
                         (unsigned long long)end, (unsigned long long)(b->config->ram_size >> 20));
    if (!low && !high)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' loads at %08x-%08llx, which the firmware uses", name(m), address,
                         (unsigned long long)end);
    if (high && end > m->end) m->end = end;
    enum boot_status st = boot_add_chunk(b, b->kernel_at + offset, length, address);
    if (st != BOOT_OK) return st;
    return boot_add_chunk(b, BOOT_ZEROS, size - length, address + length);
}

/* "Address fields": a flat image, placed by the header itself. */
static enum boot_status load_flat(struct multiboot *m) {
    struct boot_image *b = m->b;
    if (m->header_at + HEADER_WITH_ADDRESS > b->kernel_len)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is truncated: its Multiboot header ends early", name(m));
    const uint8_t *h = file(m) + m->header_at;
    uint32_t header_addr = get_le32(h + 12), load = get_le32(h + 16), load_end = get_le32(h + 20);
    uint32_t bss_end = get_le32(h + 24);
    b->h.entry = get_le32(h + 28);
    if (header_addr < load || header_addr - load > m->header_at)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s': the addresses in its Multiboot header contradict each other",
                         name(m));
    uint32_t from = m->header_at - (header_addr - load);
    uint32_t there = b->kernel_len - from;
    uint32_t length = load_end ? load_end - load : there;
    if ((load_end && load_end < load) || length > there)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is truncated, or its Multiboot header gives a wrong load end",
                         name(m));
    uint64_t size = bss_end ? (uint64_t)bss_end - load : length;
    if (bss_end && (bss_end < load || size < length))
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s': its Multiboot header gives a wrong end of bss", name(m));
    if (b->h.entry < load || b->h.entry - load >= size)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s': its entry point %08x lies outside of it", name(m), b->h.entry);
    return add_part(m, from, length, load, size);
}

static enum boot_status check_elf(struct multiboot *m) {
    struct boot_image *b = m->b;
    const uint8_t *e = file(m);
    if (b->kernel_len < ELF_HEADER || memcmp(e, "\177ELF", 4))
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' has a Multiboot header but is neither ELF nor gives load addresses",
                         name(m));
    if (e[4] != ELF_CLASS32)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is a 64-bit ELF file: Multiboot kernels are 32-bit", name(m));
    uint16_t machine = get_le16(e + 18);
    if (e[5] != ELF_LSB || (machine != EM_386 && machine != EM_486))
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is an ELF file for another processor", name(m));
    if (get_le16(e + 16) != ET_EXEC)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' is an ELF file but not an executable", name(m));
    uint64_t table = get_le32(e + 28), entry = get_le16(e + 42), count = get_le16(e + 44);
    if (!count || entry < ELF_PH || table + entry * count > b->kernel_len)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' has no valid ELF program headers (truncated?)", name(m));
    return BOOT_OK;
}

/* One PT_LOAD; *entry becomes physical when this segment holds it at a virtual address. */
static enum boot_status load_segment(struct multiboot *m, uint32_t ph_at, uint32_t *entry, bool *found) {
    const uint8_t *p = file(m) + ph_at;
    uint32_t offset = get_le32(p + 4), vaddr = get_le32(p + 8), paddr = get_le32(p + 12);
    uint32_t filesz = get_le32(p + 16), memsz = get_le32(p + 20);
    if (filesz > memsz || (filesz && (uint64_t)offset + filesz > m->b->kernel_len))
        return boot_fail(m->b, BOOT_BAD_FORMAT, "'%s' is truncated: an ELF segment ends behind the file", name(m));
    uint32_t e = get_le32(file(m) + 24);
    if (!*found && e - vaddr < memsz) {
        *entry = e - vaddr + paddr;
        *found = true;
    }
    return add_part(m, filesz ? offset : 0, filesz, paddr, memsz);
}

static bool entry_is_loaded(const struct boot_image *b, uint32_t entry) {
    for (uint32_t i = 0; i < b->h.chunks; i++) {
        if (entry - b->h.chunk[i].address < b->h.chunk[i].length) return true;
    }
    return false;
}

static enum boot_status load_elf(struct multiboot *m) {
    struct boot_image *b = m->b;
    enum boot_status st = check_elf(m);
    if (st != BOOT_OK) return st;
    uint32_t table = get_le32(file(m) + 28), step = get_le16(file(m) + 42), count = get_le16(file(m) + 44);
    bool found = false;
    b->h.entry = get_le32(file(m) + 24);
    for (uint32_t i = 0; i < count && st == BOOT_OK; i++) {
        if (get_le32(file(m) + table + i * step) == PT_LOAD)
            st = load_segment(m, table + i * step, &b->h.entry, &found);
    }
    if (st == BOOT_OK && !entry_is_loaded(b, b->h.entry))
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s': its entry point %08x lies in no segment", name(m), b->h.entry);
    return st;
}

/* ---- Modules ---- */

/* Cuts the next module off a list; ",," is a comma. The result is malloc'd; NULL without memory. */
static char *next_text(const char **list) {
    const char *p = *list;
    char *text = malloc(strlen(p) + 1), *out = text;
    if (!text) return NULL;
    for (; *p; p++) {
        if (*p == ',' && *++p != ',') break;
        *out++ = *p;
    }
    *out = 0;
    *list = p;
    return text;
}

static enum boot_status add_module(struct multiboot *m, const char *text) {
    struct boot_image *b = m->b;
    struct module *mod = &m->module[m->modules - 1];
    char *path = strndup(text, strcspn(text, " "));
    if (!path) return boot_fail(b, BOOT_NO_MEMORY, "out of memory for the modules");
    enum boot_status st = *path ? boot_append_file(b, path, &mod->at, &mod->len)
                                : boot_fail(b, BOOT_BAD_ARGUMENT, "the module list has an empty entry");
    free(path);
    if (st != BOOT_OK) return st;
    uint64_t address = boot_page_up(m->end);
    if (address + mod->len > b->config->ram_size)
        return boot_fail(b, BOOT_TOO_BIG, "module '%s' does not fit into memory", text);
    mod->address = (uint32_t)address;
    m->end = address + mod->len;
    return boot_add_chunk(b, mod->at, mod->len, mod->address);
}

static enum boot_status add_modules_of(struct multiboot *m, const char *list) {
    do {
        if (m->modules == MAX_MODULES) return boot_fail(m->b, BOOT_BAD_ARGUMENT, "more than %d modules", MAX_MODULES);
        char *text = next_text(&list);
        if (!text) return boot_fail(m->b, BOOT_NO_MEMORY, "out of memory for the modules");
        m->module[m->modules++].text = text;
        enum boot_status st = add_module(m, text);
        if (st != BOOT_OK) return st;
    } while (*list);
    return BOOT_OK;
}

/* ---- The information block ---- */

static bool overlaps_kernel(const struct boot_image *b, uint64_t start, uint64_t size) {
    for (uint32_t i = 0; i < b->h.chunks; i++) {
        const struct boot_chunk *c = &b->h.chunk[i];
        if (start < (uint64_t)c->address + c->length && c->address < start + size) return true;
    }
    return false;
}

static enum boot_status find_low_room(struct multiboot *m, uint32_t size, uint32_t *at) {
    for (uint32_t a = BLOCK_FIRST; a + size <= BOOT_LOW_END; a += BLOCK_STEP) {
        if (overlaps_kernel(m->b, a, size)) continue;
        *at = a;
        return BOOT_OK;
    }
    return boot_fail(m->b, BOOT_TOO_BIG, "'%s' leaves no room below 640 KiB for boot information", name(m));
}

/* Copies a string to the block's end; returns its guest address. */
static uint32_t put_string(struct multiboot *m, uint32_t block, uint32_t *used, const char *a, const char *b) {
    uint32_t at = *used;
    uint8_t *out = m->b->data + block + at;
    size_t la = strlen(a), lb = strlen(b);
    memcpy(out, a, la + 1);
    if (lb) {
        out[la++] = ' ';
        memcpy(out + la, b, lb + 1);
    }
    *used += (uint32_t)(la + lb + 1);
    return m->b->h.info + at;
}

static size_t string_bytes(const struct multiboot *m, const char *append) {
    size_t n = strlen(name(m)) + strlen(append) + 2 + sizeof loader_name;
    for (unsigned i = 0; i < m->modules; i++) n += strlen(m->module[i].text) + 1;
    return n;
}

static void fill_block(struct multiboot *m, uint32_t block, uint32_t mods_at, uint32_t mmap_at, uint32_t strings_at,
                       const char *append) {
    struct boot_image *b = m->b;
    uint8_t *p = b->data + block;
    uint32_t used = strings_at;
    put_le32(p + INFO_FLAGS, I_MEMORY | I_CMDLINE | I_MODS | I_MMAP | I_LOADER);
    put_le32(p + INFO_CMDLINE, put_string(m, block, &used, name(m), append));
    put_le32(p + INFO_LOADER, put_string(m, block, &used, loader_name, ""));
    put_le32(p + INFO_MODS_COUNT, m->modules);
    put_le32(p + INFO_MODS_ADDR, b->h.info + mods_at);
    put_le32(p + INFO_MMAP_ADDR, b->h.info + mmap_at);
    for (unsigned i = 0; i < m->modules; i++) {
        const struct module *mod = &m->module[i];
        uint8_t *e = p + mods_at + i * MODULE_BYTES;
        put_le32(e, mod->address);
        put_le32(e + 4, mod->address + mod->len);
        put_le32(e + 8, put_string(m, block, &used, mod->text, ""));
    }
}

static enum boot_status add_info(struct multiboot *m) {
    struct boot_image *b = m->b;
    const char *append = b->config->append ? b->config->append : "";
    size_t strings = string_bytes(m, append);
    if (strings > MAX_STRINGS)
        return boot_fail(b, BOOT_BAD_ARGUMENT, "the command lines of kernel and modules are too long");
    uint32_t mods_at = INFO_BYTES, mmap_at = mods_at + m->modules * MODULE_BYTES, strings_at = mmap_at + MMAP_BYTES;
    uint32_t size = strings_at + (uint32_t)strings, block;
    enum boot_status st = find_low_room(m, size, &b->h.info);
    if (st == BOOT_OK) st = boot_reserve(b, size, &block);
    if (st != BOOT_OK) return st;
    b->h.mmap = b->h.info + mmap_at;
    b->h.mmap_room = MMAP_BYTES;
    fill_block(m, block, mods_at, mmap_at, strings_at, append);
    return boot_add_chunk(b, block, size, b->h.info);
}

static enum boot_status describe(struct multiboot *m) {
    struct boot_image *b = m->b;
    uint32_t flags = get_le32(file(m) + m->header_at + 4);
    if (flags & F_UNKNOWN)
        return boot_fail(b, BOOT_BAD_FORMAT, "'%s' demands unknown Multiboot features (flags %08x)", name(m), flags);
    enum boot_status st = flags & F_ADDRESS ? load_flat(m) : load_elf(m);
    const char *const *list = b->config->initrds;
    for (size_t i = 0; st == BOOT_OK && list && list[i]; i++) st = add_modules_of(m, list[i]);
    if (st == BOOT_OK) st = add_info(m);
    b->h.kind = BOOT_MULTIBOOT;
    b->h.top = (uint32_t)m->end;
    return st;
}

enum boot_status boot_multiboot(struct boot_image *b) {
    struct multiboot m = {.b = b, .header_at = (uint32_t)boot_multiboot_header(b), .end = BOOT_HIGH_START};
    enum boot_status st = describe(&m);
    for (unsigned i = 0; i < m.modules; i++) free(m.module[i].text);
    return st;
}
