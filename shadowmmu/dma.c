/*
 * dma.c: physical accesses: one page at a time, and the gate for devices.
 *
 * Callers: devices and loaders (smmu_mem_read, smmu_mem_write); software
 * access for what is not plain memory (mem_page_*).
 * Invariant: a write to a code frame is announced after its bytes changed.
 */
#include "shadowmmu/shadowmmu_internal.h"

void mem_copy(void *to, const void *from, uint32_t len) {
    switch (len) {
    case 1: __builtin_memcpy(to, from, 1); return;
    case 2: __builtin_memcpy(to, from, 2); return;
    case 4: __builtin_memcpy(to, from, 4); return;
    case 8: __builtin_memcpy(to, from, 8); return;
    default: memcpy(to, from, len);
    }
}

/* The widest naturally aligned register access (up to 4 bytes) at pa within len. */
static uint32_t register_size(uint64_t pa, uint32_t len) {
    uint32_t n = 4;
    while (n > len || (pa & (n - 1))) n >>= 1;
    return n;
}

static void tell(const struct smmu_mem *mem, const struct mmio_range *r, uint64_t pa, uint32_t n, bool write,
                 uint64_t value) {
    if (mem->device_fn) mem->device_fn(mem->device_opaque, r->dev, gpa(pa), n, write, value);
}

static void device_read(const struct smmu_mem *mem, const struct mmio_range *r, uint64_t pa, uint8_t *out,
                        uint32_t len) {
    while (len > 0) {
        uint32_t n = register_size(pa, len);
        uint64_t value = r->dev->read(r->dev->opaque, (uint32_t)(pa - r->base), n);
        tell(mem, r, pa, n, false, value);
        for (uint32_t i = 0; i < n; i++) out[i] = (uint8_t)(value >> (8 * i));
        out += n;
        pa += n;
        len -= n;
    }
}

static void device_write(const struct smmu_mem *mem, const struct mmio_range *r, uint64_t pa, const uint8_t *in,
                         uint32_t len) {
    while (len > 0) {
        uint32_t n = register_size(pa, len);
        uint64_t value = 0;
        for (uint32_t i = 0; i < n; i++) value |= (uint64_t)in[i] << (8 * i);
        tell(mem, r, pa, n, true, value);
        r->dev->write(r->dev->opaque, (uint32_t)(pa - r->base), n, value);
        in += n;
        pa += n;
        len -= n;
    }
}

static bool frame_is_ram(const struct smmu_mem *mem, uint32_t frame) {
    return ((uint64_t)frame << SMMU_PAGE_SHIFT) < mem->ram_size;
}

bool mem_page_read(const struct smmu_mem *mem, uint64_t pa, void *buf, uint32_t len) {
    struct phys_page p = mem_page(mem, pa);
    if (__builtin_expect(p.read1 > 0, 1)) {
        uint32_t frame = (uint32_t)p.read1 - 1;
        mem_copy(buf, mem_frame_ptr(mem, frame) + (pa & SMMU_PAGE_MASK), len);
        return frame_is_ram(mem, frame);
    }
    if (p.write1 < 0) {
        /* A copy: the device may move its own range while it is being read. */
        struct mmio_range r = mem->mmio[-p.write1 - 1];
        device_read(mem, &r, pa, buf, len);
    } else {
        memset(buf, 0xff, len);
    }
    return false;
}

bool mem_page_write(const struct smmu_mem *mem, uint64_t pa, const void *buf, uint32_t len) {
    struct phys_page p = mem_page(mem, pa);
    if (__builtin_expect(p.write1 > 0, 1)) {
        uint32_t frame = (uint32_t)p.write1 - 1;
        uint32_t offset = (uint32_t)(pa & SMMU_PAGE_MASK);
        mem_copy(mem_frame_ptr(mem, frame) + offset, buf, len);
        if (mem_is_code(mem, frame)) mem_code_written(mem, frame, offset, len);
        return frame_is_ram(mem, frame);
    }
    if (p.write1 < 0) {
        struct mmio_range r = mem->mmio[-p.write1 - 1];
        device_write(mem, &r, pa, buf, len);
    }
    return false;
}

static uint32_t page_chunk(uint64_t pa, size_t len) {
    uint32_t room = SMMU_PAGE_SIZE - (uint32_t)(pa & SMMU_PAGE_MASK);
    return len < room ? (uint32_t)len : room;
}

bool smmu_mem_read(struct smmu_mem *mem, struct gpa pa, void *buf, size_t len) {
    uint8_t *out = buf;
    uint64_t at = pa.v;
    bool ram = true;
    while (len > 0) {
        uint32_t n = page_chunk(at, len);
        ram &= mem_page_read(mem, at, out, n);
        out += n;
        len -= n;
        if (__builtin_add_overflow(at, (uint64_t)n, &at)) {
            memset(out, 0xff, len); /* past the end of 64 bits nothing exists; do not wrap to 0 */
            return len == 0 && ram;
        }
    }
    return ram;
}

bool smmu_mem_write(struct smmu_mem *mem, struct gpa pa, const void *buf, size_t len) {
    const uint8_t *in = buf;
    uint64_t at = pa.v;
    bool ram = true;
    while (len > 0) {
        uint32_t n = page_chunk(at, len);
        ram &= mem_page_write(mem, at, in, n);
        in += n;
        len -= n;
        if (__builtin_add_overflow(at, (uint64_t)n, &at)) return len == 0 && ram;
    }
    return ram;
}

/* ---- Transfers without a copy ---- */

static uint8_t *page_host(const struct smmu_mem *mem, uint64_t pa, bool write) {
    struct phys_page p = mem_page(mem, pa);
    int32_t frame1 = write ? p.write1 : p.read1;
    return frame1 > 0 ? mem_frame_ptr(mem, (uint32_t)frame1 - 1) + (pa & SMMU_PAGE_MASK) : NULL;
}

size_t smmu_mem_span(struct smmu_mem *mem, struct gpa pa, size_t len, bool write, uint8_t **host) {
    size_t total = 0;
    *host = page_host(mem, pa.v, write);
    while (*host && total < len && page_host(mem, pa.v + total, write) == *host + total) {
        total += page_chunk(pa.v + total, len - total);
        if (pa.v + total < pa.v) break; /* the end of 64 bits */
    }
    return total;
}

void smmu_mem_span_written(struct smmu_mem *mem, const uint8_t *host, size_t len) {
    size_t at = (size_t)(host - smmu_mem_linear(mem)), end = at + len;
    while (at < end) {
        uint32_t frame = (uint32_t)(at >> SMMU_PAGE_SHIFT), n = page_chunk(at, end - at);
        if (mem_is_code(mem, frame)) mem_code_written(mem, frame, (uint32_t)(at & SMMU_PAGE_MASK), n);
        at += n;
    }
}
