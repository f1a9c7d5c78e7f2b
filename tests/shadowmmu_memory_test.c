/*
 * shadowmmu_memory_test.c: the physical map and the DMA gate.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shadowmmu/shadowmmu.h"

enum { MIB = 1 << 20 };

static uint64_t rng = 88172645463325252u;
static uint64_t rnd(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

/* A device that is memory, and checks what it is asked. */
static uint8_t registers[8192];
static uint64_t reg_read(void *opaque, uint32_t offset, unsigned size) {
    uint64_t v = 0;
    assert_ptr_equal(opaque, registers);
    assert_true(size == 1 || size == 2 || size == 4 || size == 8);
    assert_int_equal(offset % size, 0);
    assert_true(offset + size <= sizeof registers);
    memcpy(&v, registers + offset, size);
    return v;
}

static void reg_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    (void)reg_read(opaque, offset, size);
    memcpy(registers + offset, &value, size);
}

static const struct smmu_mmio dev = {.name = "registers", .opaque = registers, .read = reg_read, .write = reg_write};

struct world {
    struct smmu_mem *mem;
    struct smmu *s;
    uint8_t *linear;
};
static struct world w;
static uint8_t rom[10000];

/* 0..2 MiB RAM, but A0000..A1FFF device, C0000 ROM, D0000: reads ROM, writes RAM; FFFFF000: RAM frame 5. */
static int setup(void **state) {
    (void)state;
    memset(rom, 0x5a, sizeof rom);
    assert_int_equal(smmu_mem_create(2 * MIB, sizeof rom, &w.mem), SMMU_OK);
    int32_t frame = smmu_mem_add_rom(w.mem, rom, sizeof rom);
    assert_int_equal(frame, 512);
    assert_int_equal(smmu_mem_frames(w.mem), 515);
    assert_int_equal(smmu_mem_add_rom(w.mem, rom, 1), -1);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0), 2 * MIB, 0, 0), SMMU_OK);
    assert_int_equal(smmu_mem_map_mmio(w.mem, gpa(0xa0000), 0x2000, &dev), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0xc0000), 0x3000, frame, -1), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0xd0000), 0x1000, frame, 0xd0), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0xfffff000), 0x1000, 5, 5), SMMU_OK);
    w.linear = smmu_mem_linear(w.mem);
    assert_int_equal(smmu_create(w.mem, NULL, &w.s), SMMU_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    smmu_destroy(w.s);
    smmu_mem_destroy(w.mem);
    return 0;
}

static void refuses_bad_ranges(void **state) {
    struct smmu_mem *m;
    (void)state;
    assert_int_equal(smmu_mem_create(4096, 0, &m), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_create(MIB + 1, 0, &m), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_create(UINT64_C(1) << 32, 0, &m), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_create(MIB, UINT64_MAX, &m), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(1), 4096, 0, 0), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0), 4097, 0, 0), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0xfffff000), 8192, 0, 0), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(UINT64_MAX & ~UINT64_C(4095)), 8192, 0, 0), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0), 4096, 515, 0), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0), 8192, 0, 514), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0), 0, 0, 0), SMMU_BAD_RANGE);
    assert_int_equal(smmu_mem_map_mmio(w.mem, gpa(0), 4096, NULL), SMMU_BAD_RANGE);
}

static void looks_up(void **state) {
    (void)state;
    struct smmu_backing b = smmu_mem_lookup(w.mem, gpa(0xa1004));
    assert_true(b.read_frame == -1 && b.write_frame == -1 && b.dev == &dev && b.dev_base.v == 0xa0000);
    b = smmu_mem_lookup(w.mem, gpa(0xc1fff));
    assert_true(b.read_frame == 513 && b.write_frame == -1 && !b.dev);
    b = smmu_mem_lookup(w.mem, gpa(UINT64_C(0x100000000)));
    assert_true(b.read_frame == -1 && b.write_frame == -1 && !b.dev);
    b = smmu_mem_lookup(w.mem, gpa(UINT64_MAX));
    assert_true(b.read_frame == -1 && b.write_frame == -1 && !b.dev);
}

/* One byte, by the map of setup(). NULL: hole. */
static uint8_t *model_byte(uint64_t pa, bool write) {
    if (pa >= UINT64_C(0xfffff000) && pa <= UINT32_MAX) return w.linear + 5 * 4096 + (pa & 4095);
    if (pa >= 2 * MIB) return NULL;
    if (pa >= 0xa0000 && pa < 0xa2000) return registers + (pa - 0xa0000);
    if (pa >= 0xc0000 && pa < 0xc3000) return write ? NULL : w.linear + 2 * MIB + (pa - 0xc0000);
    if (pa >= 0xd0000 && pa < 0xd1000 && !write) return w.linear + 2 * MIB + (pa - 0xd0000);
    return w.linear + pa;
}

static bool model_ram(uint64_t pa, bool write) {
    return pa <= UINT32_MAX && model_byte(pa, write) && !(pa >= 0xa0000 && pa < 0xa2000) &&
           !(pa >= 0xc0000 && pa < 0xc3000) && !(pa >= 0xd0000 && pa < 0xd1000 && !write);
}

static uint64_t random_pa(void) {
    static const uint64_t places[] = {0,       0xa0000,    0xa2000,     0xc0000,    0xc3000, 0xd0000,
                                      2 * MIB, 0xfffff000, 0x100000000, UINT64_MAX, 0xc1000, UINT64_MAX - 5000};
    return rnd() % 4 == 0 ? rnd() >> rnd() % 64 : places[rnd() % 12] + rnd() % 6000 - 3000;
}

static void dma_moves_every_byte(void **state) {
    (void)state;
    static uint8_t buf[20000], want[20000];
    for (unsigned round = 0; round < 20000; round++) {
        uint64_t pa = random_pa();
        size_t len = rnd() % 3 == 0 ? rnd() % 16 : rnd() % 9000;
        bool ram = true;
        if (pa < 0x6000 && pa + len > 0x5000 && len > 4096) continue; /* frame 5 shows twice */
        if (rnd() & 1) {
            for (size_t i = 0; i < len; i++) buf[i] = (uint8_t)rnd();
            for (size_t i = 0; i < len; i++) ram &= pa + i >= pa && model_ram(pa + i, true);
            assert_int_equal(smmu_mem_write(w.mem, gpa(pa), buf, len), ram);
            for (size_t i = 0; i < len && pa + i >= pa; i++)
                if (model_byte(pa + i, true)) assert_int_equal(*model_byte(pa + i, true), buf[i]);
        } else {
            for (size_t i = 0; i < len; i++) {
                const uint8_t *b = pa + i >= pa ? model_byte(pa + i, false) : NULL;
                want[i] = b ? *b : 0xff;
                ram &= pa + i >= pa && model_ram(pa + i, false);
            }
            assert_int_equal(smmu_mem_read(w.mem, gpa(pa), buf, len), ram);
            assert_memory_equal(buf, want, len);
        }
    }
    for (unsigned i = 0; i < sizeof rom; i++) assert_int_equal(w.linear[2 * MIB + i], 0x5a);
}

static unsigned changes, code_writes;
static uint64_t changed_base, changed_size;
static uint32_t last[3];
static uint8_t code_byte;
static void on_change(void *opaque, struct gpa base, uint64_t size) {
    (void)opaque;
    changes++;
    changed_base = base.v;
    changed_size = size;
}

static void on_code(void *opaque, uint32_t frame, uint32_t offset, uint32_t len) {
    code_writes++;
    last[0] = frame;
    last[1] = offset;
    last[2] = len;
    /* after the bytes have changed */
    assert_int_equal(w.linear[frame * 4096 + offset], *(uint8_t *)opaque);
}

static void listeners_hear(void **state) {
    (void)state;
    uint8_t bytes[8192];
    memset(bytes, 0x77, sizeof bytes);
    smmu_mem_on_map_change(w.mem, on_change, NULL);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0x1f0000), 0x2000, 0x1f0, -1), SMMU_OK);
    assert_int_equal(changes, 1);
    assert_int_equal(changed_base, 0x1f0000);
    assert_int_equal(changed_size, 0x2000);
    assert_int_equal(smmu_mem_map_frames(w.mem, gpa(0x1f0000), 0x2000, 0x1f0, 0x1f0), SMMU_OK);

    code_byte = bytes[0];
    smmu_mem_on_code_write(w.mem, on_code, &code_byte);
    assert_false(smmu_mem_frame_is_code(w.mem, 0x101));
    smmu_code_protect(w.s, 0x101);
    assert_true(smmu_mem_frame_is_code(w.mem, 0x101));
    assert_true(smmu_mem_write(w.mem, gpa(0x100f00), bytes, 0x200));
    assert_int_equal(code_writes, 1);
    assert_true(last[0] == 0x101 && last[1] == 0 && last[2] == 0x100);
    smmu_code_unprotect(w.s, 0x101);
    assert_true(smmu_mem_write(w.mem, gpa(0x100f00), bytes, 0x200));
    assert_int_equal(code_writes, 1);
}

/* What of [pa, pa+len) lies together, and where. */
static size_t span(uint64_t pa, size_t len, bool write, uint8_t **host) {
    return smmu_mem_span(w.mem, gpa(pa), len, write, host);
}

static void spans_lie_together(void **state) {
    (void)state;
    uint8_t *host, *again;
    assert_int_equal(span(0x12345, 0x10000, true, &host), 0x10000);
    assert_ptr_equal(host, w.linear + 0x12345);
    assert_int_equal(span(0x9ff00, 0x1000, false, &host), 0x100); /* up to the device */
    assert_int_equal(span(0xa0000, 16, false, &host), 0);
    assert_int_equal(span(0xc0010, 16, true, &host), 0); /* ROM: to be read only */
    assert_int_equal(span(0xc0010, 16, false, &host), 16);
    assert_ptr_equal(host, w.linear + 2 * MIB + 0x10);
    assert_int_equal(span(0xd0000, 16, true, &host), 16); /* one frame to be read, another to be written */
    assert_int_equal(span(0xd0000, 16, false, &again), 16);
    assert_ptr_not_equal(host, again);
    assert_int_equal(span(0xfffff800, 0x1000, true, &host), 0x800); /* nothing beyond 4 GiB */
    assert_ptr_equal(host, w.linear + 5 * 4096 + 0x800);
    assert_int_equal(span(UINT64_MAX, 16, true, &host), 0);
    assert_int_equal(span(0x80000000, 16, false, &host), 0);
    assert_int_equal(span(0x1000, 0, true, &host), 0);
}

static void written_spans_are_announced(void **state) {
    (void)state;
    uint8_t *host;
    unsigned before = code_writes;
    code_byte = 0x66;
    smmu_code_protect(w.s, 0x111);
    assert_int_equal(span(0x110f00, 0x200, true, &host), 0x200);
    memset(host, code_byte, 0x200);
    smmu_mem_span_written(w.mem, host, 0x100);
    assert_int_equal(code_writes, before);
    smmu_mem_span_written(w.mem, host, 0x180);
    assert_true(code_writes > before);
    assert_true(last[0] == 0x111 && last[1] == 0 && last[2] == 0x80);
    smmu_code_unprotect(w.s, 0x111);
}

static void mmio_entries_are_reused(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2000; i++)
        assert_int_equal(smmu_mem_map_mmio(w.mem, gpa(UINT64_C(0xe0000000) + i * 8192), 4096, &dev), SMMU_OK),
            assert_int_equal(smmu_mem_unmap(w.mem, gpa(UINT64_C(0xe0000000) + i * 8192), 4096), SMMU_OK);
    unsigned fitted = 0;
    while (smmu_mem_map_mmio(w.mem, gpa(UINT64_C(0xe0000000) + fitted * 8192), 4096, &dev) == SMMU_OK) fitted++;
    assert_int_equal(fitted, 255); /* and A0000 */
    assert_int_equal(smmu_mem_unmap(w.mem, gpa(UINT64_C(0xe0000000)), 16 * MIB), SMMU_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_bad_ranges),      cmocka_unit_test(looks_up),
        cmocka_unit_test(dma_moves_every_byte),    cmocka_unit_test(listeners_hear),
        cmocka_unit_test(spans_lie_together),      cmocka_unit_test(written_spans_are_announced),
        cmocka_unit_test(mmio_entries_are_reused),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
