/*
 * memory.h: guest-physical memory, its map, and the one gate for DMA.
 *
 * All backed memory (RAM, then ROM images) is one memfd of 4-KiB *frames*;
 * a frame number names physical storage whatever guest-physical address it
 * shows at (A20, PAM and ROM aliases included). The map says, for each
 * guest-physical page below 4 GiB, which frame reads come from, which frame
 * writes go to, or which device owns it. Above 4 GiB nothing exists.
 * Callers: shadowmmu, devices (DMA, PAM), loaders. Single-threaded: vCPU thread.
 */
#ifndef NOVT_SHADOWMMU_MEMORY_H
#define NOVT_SHADOWMMU_MEMORY_H

#include <stddef.h>
#include "shadowmmu/types.h"

struct smmu_mem;

/* A register that holds what 32-bit stores put there, and while *busy is 0 that is all that such a store does: it may
 * then be made without the device. The device looks at no more bits than exist. */
struct smmu_quick {
    uint32_t offset; /* in the device's range */
    uint32_t *value;
    const uint32_t *busy;
};

/* Memory-mapped device registers. size is 1, 2, 4 or 8; offset is relative to
 * the range's start and offset+size never leaves the range. */
struct smmu_mmio {
    const char *name;
    void *opaque;
    uint64_t (*read)(void *opaque, uint32_t offset, unsigned size);
    void (*write)(void *opaque, uint32_t offset, unsigned size, uint64_t value);
    bool stores_only; /* video memory: an access changes no more than it, so a device may make one at any time */
    const struct smmu_quick *quick; /* NULL: none */
};

enum smmu_status { SMMU_OK, SMMU_NO_MEMORY, SMMU_BAD_RANGE, SMMU_HOST_ERROR /* see errno */ };

/* Where a guest-physical page's reads and writes go. */
struct smmu_backing {
    int32_t read_frame;          /* -1: no memory (device or hole) */
    int32_t write_frame;         /* -1: writes are dropped (ROM), or go to dev */
    const struct smmu_mmio *dev; /* NULL: hole (reads all ones, writes dropped) or memory */
    struct gpa dev_base;         /* start of dev's range */
};

/* Creates guest memory with ram_size bytes of RAM frames (a multiple of 4 KiB, 1 MiB..3.5 GiB)
 * and room for rom_size bytes of ROM frames after them. Maps nothing yet. */
enum smmu_status smmu_mem_create(uint64_t ram_size, uint64_t rom_size, struct smmu_mem **out);
void smmu_mem_destroy(struct smmu_mem *mem);

uint64_t smmu_mem_ram_size(const struct smmu_mem *mem);
uint8_t *smmu_mem_linear(const struct smmu_mem *mem); /* the whole memfd mapped read-write: frame f is at +f*4096 */
uint32_t smmu_mem_frames(const struct smmu_mem *mem); /* RAM + ROM frames */

/* Puts `bytes` of `data` into fresh ROM frames; returns the first frame, or -1 if ROM room is used up. */
int32_t smmu_mem_add_rom(struct smmu_mem *mem, const void *data, size_t bytes);
/* Fresh zero-filled frames from the same room, for a device's own memory; or -1. */
int32_t smmu_mem_add_frames(struct smmu_mem *mem, size_t bytes);

/* Map changes: [base, base+size) page-aligned, below 4 GiB. The listeners
 * registered with smmu_mem_on_map_change are told, so that TLB and views drop the range. */
enum smmu_status smmu_mem_map_frames(struct smmu_mem *mem, struct gpa base, uint64_t size, int32_t read_frame,
                                     int32_t write_frame); /* -1 read: hole; -1 write: dropped */
enum smmu_status smmu_mem_map_mmio(struct smmu_mem *mem, struct gpa base, uint64_t size, const struct smmu_mmio *dev);
enum smmu_status smmu_mem_unmap(struct smmu_mem *mem, struct gpa base, uint64_t size);
void smmu_mem_on_map_change(struct smmu_mem *mem, void (*fn)(void *opaque, struct gpa base, uint64_t size),
                            void *opaque);

/* Told of each access to a device's registers, of all who make one: after a read, before a write. NULL: nobody. The
 * quick ways to registers must be closed then (smmu_forget_devices). General registers only. */
typedef void smmu_mem_device_fn(void *opaque, const struct smmu_mmio *dev, struct gpa pa, unsigned size, bool write,
                                uint64_t value);
void smmu_mem_on_device(struct smmu_mem *mem, smmu_mem_device_fn *fn, void *opaque);

/* The backing of one page; pa may be any address. */
struct smmu_backing smmu_mem_lookup(const struct smmu_mem *mem, struct gpa pa);

/* Physical accesses by devices and loaders: the DMA gate. Any address and
 * length is safe; reads of holes give 0xFF, writes to ROM and holes are
 * dropped, device ranges are reached register by register. Writes that hit
 * translated code are announced (smmu_mem_on_code_write). Returns false if any
 * byte was outside RAM (the transfer is still completed as hardware would). */
bool smmu_mem_read(struct smmu_mem *mem, struct gpa pa, void *buf, size_t len);
bool smmu_mem_write(struct smmu_mem *mem, struct gpa pa, const void *buf, size_t len);

/* For transfers without a copy: where the bytes from pa on lie in the host, as many of the len as lie together. 0: a
 * device, a hole or, for writing, ROM. Only the vCPU thread may write to guest memory: C reads it twice and relies on
 * finding the same (a translation decodes it, then copies it). */
size_t smmu_mem_span(struct smmu_mem *mem, struct gpa pa, size_t len, bool write, uint8_t **host);
/* Bytes of such a span were written: announces the code among them. */
void smmu_mem_span_written(struct smmu_mem *mem, const uint8_t *host, size_t len);

/* Frames that hold translated code. bt marks and unmarks; a write by whatever
 * path to a marked frame calls the listener AFTER the bytes have changed. */
void smmu_mem_on_code_write(struct smmu_mem *mem,
                            void (*fn)(void *opaque, uint32_t frame, uint32_t offset, uint32_t len), void *opaque);
bool smmu_mem_frame_is_code(const struct smmu_mem *mem, uint32_t frame);
#endif
