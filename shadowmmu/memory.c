/*
 * memory.c: guest-physical memory: the memfd, the physical map, code frames.
 *
 * Callers: machine set-up, devices that move their ranges (PAM, BARs), and the
 * rest of this room through shadowmmu_internal.h.
 * Invariant: every non-zero entry of the map names a frame below mem->frames or
 * a live entry of mem->mmio, whose `pages` counts the entries that name it.
 */
#include "shadowmmu/shadowmmu_internal.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MEM_MAP_BYTES = MEM_PAGES * sizeof(struct phys_page), MEM_CODE_BYTES = MEM_PAGES / 8 };

static const uint64_t MEM_MIN_RAM = UINT64_C(1) << 20;
static const uint64_t MEM_MAX_RAM = UINT64_C(7) << 29; /* 3.5 GiB */

_Noreturn void smmu_bug(const char *what, const char *file, int line) {
    char digits[12];
    unsigned pos = sizeof digits;
    unsigned n = (unsigned)line;
    do {
        digits[--pos] = (char)('0' + n % 10);
        n /= 10;
    } while (n != 0 && pos > 0);
    const struct {
        const char *text;
        size_t len;
    } parts[] = {
        {"novt: shadowmmu bug: ", 21},
        {file, __builtin_strlen(file)},
        {":", 1},
        {digits + pos, sizeof digits - pos},
        {": ", 2},
        {what, __builtin_strlen(what)},
        {"\n", 1},
    };
    for (unsigned i = 0; i < sizeof parts / sizeof parts[0]; i++)
        if (write(STDERR_FILENO, parts[i].text, parts[i].len) < 0) break;
    __builtin_trap();
}

static void *anonymous(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

/* The linear mapping sits between two guards, so that a wrong delta faults. */
static bool map_linear(struct smmu_mem *mem, size_t bytes) {
    enum { HUGE = 2 << 20 };
    mem->reservation_size = bytes + 2 * (size_t)HUGE + MEM_GUARD;
    void *r = mmap(NULL, mem->reservation_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (r == MAP_FAILED) return false;
    mem->reservation = r;
    uintptr_t base = ((uintptr_t)r + MEM_GUARD + HUGE - 1) & ~(uintptr_t)(HUGE - 1);
    void *p = mmap((void *)base, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED | MAP_NORESERVE, mem->fd, 0);
    if (p == MAP_FAILED) return false;
    mem->linear = p;
    madvise(p, bytes, MADV_HUGEPAGE); /* a wish: many hosts refuse it for shared memory */
    return true;
}

static bool mem_open(struct smmu_mem *mem, uint64_t bytes) {
    mem->fd = memfd_create("novt-guest-memory", MFD_CLOEXEC);
    if (mem->fd < 0 || ftruncate(mem->fd, (off_t)bytes) != 0) return false;
    mem->map = anonymous(MEM_MAP_BYTES);
    mem->code = anonymous(MEM_CODE_BYTES);
    return mem->map && mem->code && map_linear(mem, bytes);
}

enum smmu_status smmu_mem_create(uint64_t ram_size, uint64_t rom_size, struct smmu_mem **out) {
    *out = NULL;
    if (ram_size < MEM_MIN_RAM || ram_size > MEM_MAX_RAM || (ram_size & SMMU_PAGE_MASK)) return SMMU_BAD_RANGE;
    uint64_t rom_bytes = (rom_size + SMMU_PAGE_MASK) & ~(uint64_t)SMMU_PAGE_MASK;
    if (rom_bytes < rom_size || rom_bytes > ((uint64_t)MEM_PAGES << SMMU_PAGE_SHIFT) - ram_size) return SMMU_BAD_RANGE;
    struct smmu_mem *mem = calloc(1, sizeof *mem);
    if (!mem) return SMMU_NO_MEMORY;
    mem->fd = -1;
    mem->ram_size = ram_size;
    mem->frames = (uint32_t)((ram_size + rom_bytes) >> SMMU_PAGE_SHIFT);
    mem->rom_next = (uint32_t)(ram_size >> SMMU_PAGE_SHIFT);
    if (!mem_open(mem, ram_size + rom_bytes)) {
        smmu_mem_destroy(mem);
        return SMMU_HOST_ERROR;
    }
    *out = mem;
    return SMMU_OK;
}

void smmu_mem_destroy(struct smmu_mem *mem) {
    if (!mem) return;
    if (mem->reservation) munmap(mem->reservation, mem->reservation_size);
    if (mem->map) munmap(mem->map, MEM_MAP_BYTES);
    if (mem->code) munmap(mem->code, MEM_CODE_BYTES);
    if (mem->fd >= 0) close(mem->fd);
    free(mem);
}

uint64_t smmu_mem_ram_size(const struct smmu_mem *mem) { return mem->ram_size; }

uint8_t *smmu_mem_linear(const struct smmu_mem *mem) { return mem->linear; }

uint32_t smmu_mem_frames(const struct smmu_mem *mem) { return mem->frames; }

int32_t smmu_mem_add_frames(struct smmu_mem *mem, size_t bytes) {
    uint64_t room = (uint64_t)(mem->frames - mem->rom_next) << SMMU_PAGE_SHIFT;
    if (bytes == 0 || bytes > room) return -1;
    uint32_t first = mem->rom_next;
    mem->rom_next = first + (uint32_t)((bytes + SMMU_PAGE_MASK) >> SMMU_PAGE_SHIFT);
    return (int32_t)first;
}

int32_t smmu_mem_add_rom(struct smmu_mem *mem, const void *data, size_t bytes) {
    int32_t first = smmu_mem_add_frames(mem, bytes);
    if (first >= 0) memcpy(mem_frame_ptr(mem, (uint32_t)first), data, bytes);
    return first;
}

/* ---- The physical map ---- */

static bool range_ok(struct gpa base, uint64_t size) {
    const uint64_t top = UINT64_C(1) << 32;
    return size > 0 && !((base.v | size) & SMMU_PAGE_MASK) && base.v < top && size <= top - base.v;
}

static bool frames_ok(const struct smmu_mem *mem, int32_t first, uint64_t size) {
    return first == -1 || (first >= 0 && (uint64_t)first + (size >> SMMU_PAGE_SHIFT) <= mem->frames);
}

static void set_page(struct smmu_mem *mem, uint64_t page, struct phys_page entry) {
    struct phys_page *p = &mem->map[page];
    if (p->write1 < 0) mem->mmio[-p->write1 - 1].pages--;
    mem->change_hit_memory |= p->read1 > 0 && (p->read1 != entry.read1 || p->write1 != entry.write1);
    *p = entry;
    if (entry.write1 < 0) mem->mmio[-entry.write1 - 1].pages++;
}

static uint32_t summarize(const struct phys_page *p) {
    const int32_t first = p->read1;
    for (int32_t i = 0; i < MEM_CHUNK_PAGES; i++)
        if (first <= 0 || p[i].read1 != first + i || p[i].write1 != first + i) return 0;
    return (uint32_t)first;
}

static void announce(struct smmu_mem *mem, struct gpa base, uint64_t size) {
    const uint64_t first = (base.v >> SMMU_PAGE_SHIFT) / MEM_CHUNK_PAGES;
    const uint64_t last = ((base.v + size - 1) >> SMMU_PAGE_SHIFT) / MEM_CHUNK_PAGES;
    for (uint64_t c = first; c <= last; c++) mem->chunk[c] = summarize(&mem->map[c * MEM_CHUNK_PAGES]);
    for (uint32_t i = 0; i < mem->map_listener_count; i++)
        mem->map_listeners[i].fn(mem->map_listeners[i].opaque, base, size);
    mem->change_hit_memory = false;
}

enum smmu_status smmu_mem_map_frames(struct smmu_mem *mem, struct gpa base, uint64_t size, int32_t read_frame,
                                     int32_t write_frame) {
    if (!range_ok(base, size) || !frames_ok(mem, read_frame, size) || !frames_ok(mem, write_frame, size))
        return SMMU_BAD_RANGE;
    for (uint64_t i = 0; i < size >> SMMU_PAGE_SHIFT; i++) {
        struct phys_page entry = {
            read_frame < 0 ? 0 : read_frame + (int32_t)i + 1,
            write_frame < 0 ? 0 : write_frame + (int32_t)i + 1,
        };
        set_page(mem, (base.v >> SMMU_PAGE_SHIFT) + i, entry);
    }
    announce(mem, base, size);
    return SMMU_OK;
}

static int find_mmio(struct smmu_mem *mem, const struct smmu_mmio *dev, uint64_t base) {
    int free_slot = -1;
    for (int i = 0; i < MEM_MAX_MMIO; i++) {
        if (mem->mmio[i].pages == 0)
            free_slot = free_slot < 0 ? i : free_slot;
        else if (mem->mmio[i].dev == dev && mem->mmio[i].base == base)
            return i;
    }
    if (free_slot >= 0) mem->mmio[free_slot] = (struct mmio_range){dev, base, 0};
    return free_slot;
}

enum smmu_status smmu_mem_map_mmio(struct smmu_mem *mem, struct gpa base, uint64_t size, const struct smmu_mmio *dev) {
    if (!range_ok(base, size) || !dev) return SMMU_BAD_RANGE;
    int index = find_mmio(mem, dev, base.v);
    if (index < 0) return SMMU_NO_MEMORY;
    for (uint64_t i = 0; i < size >> SMMU_PAGE_SHIFT; i++)
        set_page(mem, (base.v >> SMMU_PAGE_SHIFT) + i, (struct phys_page){0, -index - 1});
    announce(mem, base, size);
    return SMMU_OK;
}

enum smmu_status smmu_mem_unmap(struct smmu_mem *mem, struct gpa base, uint64_t size) {
    return smmu_mem_map_frames(mem, base, size, -1, -1);
}

void smmu_mem_on_device(struct smmu_mem *mem, smmu_mem_device_fn *fn, void *opaque) {
    mem->device_fn = fn;
    mem->device_opaque = opaque;
}

void smmu_mem_on_map_change(struct smmu_mem *mem, void (*fn)(void *opaque, struct gpa base, uint64_t size),
                            void *opaque) {
    SMMU_BUG_ON(mem->map_listener_count == MEM_MAX_LISTENERS);
    mem->map_listeners[mem->map_listener_count++] = (struct map_listener){fn, opaque};
}

void mem_remove_map_listener(struct smmu_mem *mem, const void *opaque) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < mem->map_listener_count; i++)
        if (mem->map_listeners[i].opaque != opaque) mem->map_listeners[kept++] = mem->map_listeners[i];
    mem->map_listener_count = kept;
}

struct smmu_backing smmu_mem_lookup(const struct smmu_mem *mem, struct gpa pa) {
    struct phys_page p = mem_page(mem, pa.v);
    struct smmu_backing b = {p.read1 - 1, p.write1 > 0 ? p.write1 - 1 : -1, NULL, {0}};
    if (p.write1 < 0) {
        const struct mmio_range *r = &mem->mmio[-p.write1 - 1];
        b.dev = r->dev;
        b.dev_base = gpa(r->base);
    }
    return b;
}

/* ---- Code frames ---- */

void mem_set_code(struct smmu_mem *mem, uint32_t frame, bool is_code) {
    SMMU_BUG_ON(frame >= mem->frames);
    uint64_t bit = UINT64_C(1) << (frame & 63);
    if (is_code)
        mem->code[frame >> 6] |= bit;
    else
        mem->code[frame >> 6] &= ~bit;
}

bool smmu_mem_frame_is_code(const struct smmu_mem *mem, uint32_t frame) {
    return frame < mem->frames && mem_is_code(mem, frame);
}

void smmu_mem_on_code_write(struct smmu_mem *mem,
                            void (*fn)(void *opaque, uint32_t frame, uint32_t offset, uint32_t len), void *opaque) {
    SMMU_BUG_ON(mem->code_listener_count == MEM_MAX_LISTENERS);
    mem->code_listeners[mem->code_listener_count++] = (struct code_listener){fn, opaque};
}

void mem_code_written(const struct smmu_mem *mem, uint32_t frame, uint32_t offset, uint32_t len) {
    for (uint32_t i = 0; i < mem->code_listener_count; i++)
        mem->code_listeners[i].fn(mem->code_listeners[i].opaque, frame, offset, len);
}
