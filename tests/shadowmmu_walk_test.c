/*
 * shadowmmu_walk_test.c: the guest walk and the software TLB.
 *
 * The walk is compared, over random entries, control bits and accesses, with a
 * second walker written here level by level in the manual's order. Seed in
 * SMMU_SEED, number of permutations in SMMU_PERMUTATIONS.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "shadowmmu/shadowmmu.h"

enum { MIB = 1 << 20, RAM_MIB = 16 };

static struct smmu_mem *mem;
static struct smmu *mmu;
static uint8_t *linear;
static uint64_t rng;

static uint64_t rnd(void) {
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng * UINT64_C(0x2545F4914F6CDD1D);
}

static bool chance(unsigned one_in) { return rnd() % one_in == 0; }

static uint64_t dev_read(void *opaque, uint32_t offset, unsigned size) {
    (void)opaque;
    (void)offset;
    (void)size;
    return 0;
}

static unsigned dev_writes;
static void dev_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    (void)opaque;
    (void)offset;
    (void)size;
    (void)value;
    dev_writes++;
}

static uint32_t quick_value, quick_busy;
static const struct smmu_quick quick = {.offset = 0x2080, .value = &quick_value, .busy = &quick_busy};
static const struct smmu_mmio dev = {.name = "test", .read = dev_read, .write = dev_write, .quick = &quick};

/* 0..12 MiB RAM, 12 device, 13 ROM, 14 hole, 15 RAM; 2 GiB: RAM alias of 0..4 MiB. */
static int setup(void **state) {
    (void)state;
    assert_int_equal(smmu_mem_create(RAM_MIB * (uint64_t)MIB, MIB, &mem), SMMU_OK);
    static uint8_t rom[MIB];
    for (unsigned i = 0; i < MIB; i++) rom[i] = (uint8_t)(i * 7 | (i % 4 == 0 ? 7 : 0));
    int32_t rom_frame = smmu_mem_add_rom(mem, rom, sizeof rom);
    assert_int_equal(rom_frame, RAM_MIB * 256);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(0), RAM_MIB * (uint64_t)MIB, 0, 0), SMMU_OK);
    assert_int_equal(smmu_mem_map_mmio(mem, gpa(12 * MIB), MIB, &dev), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(13 * MIB), MIB, rom_frame, -1), SMMU_OK);
    assert_int_equal(smmu_mem_unmap(mem, gpa(14 * MIB), MIB), SMMU_OK);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(UINT64_C(0x80000000)), 4 * MIB, 0, 0), SMMU_OK);
    linear = smmu_mem_linear(mem);
    assert_int_equal(smmu_create(mem, NULL, &mmu), SMMU_OK);
    return 0;
}

static int teardown(void **state) {
    (void)state;
    smmu_destroy(mmu);
    smmu_mem_destroy(mem);
    return 0;
}

/* ---- The second walker ---- */

struct model {
    struct smmu_paging p;
    bool a20;
    uint64_t log_pa[3];
    uint64_t log_value[3];
    unsigned writes;
};

static uint64_t model_addr(const struct model *m, uint64_t pa) { return m->a20 ? pa : pa & ~UINT64_C(0x100000); }

/* Offset in the memfd, or -1. */
static int64_t model_storage(const struct model *m, uint64_t pa, bool write) {
    pa = model_addr(m, pa);
    if (pa < 12 * MIB || (pa >= 15 * MIB && pa < 16 * MIB)) return (int64_t)pa;
    if (pa >= UINT64_C(0x80000000) && pa < UINT64_C(0x80400000)) return (int64_t)(pa - UINT64_C(0x80000000));
    if (!write && pa >= 13 * MIB && pa < 14 * MIB) return (int64_t)(pa + 3 * MIB);
    return -1;
}

static uint64_t model_load(const struct model *m, uint64_t pa, unsigned bytes) {
    int64_t at = model_storage(m, pa, false);
    uint64_t v = UINT64_MAX;
    if (at >= 0) {
        v = 0;
        memcpy(&v, linear + at, bytes);
    }
    return bytes == 4 ? v & UINT32_MAX : v;
}

struct model_result {
    bool ok;
    uint64_t pa;
    uint32_t error;
    bool writable, dirty, user, global;
    unsigned shift;
    /* what must be stored where afterwards */
    int64_t at[2];
    uint64_t value[2];
    unsigned stores;
};

static void model_store(const struct model *m, struct model_result *r, uint64_t pa, uint64_t old, uint64_t new) {
    int64_t at = model_storage(m, pa, true);
    if (old != new &&at >= 0) {
        r->at[r->stores] = at;
        r->value[r->stores++] = new;
    }
}

static struct model_result model_walk(const struct model *m, uint32_t va, unsigned access) {
    struct model_result r = {0};
    const bool user = access & SMMU_USER, write = access & SMMU_WRITE, exec = access & SMMU_EXEC;
    const bool pae = m->p.cr4 >> 5 & 1, pse = m->p.cr4 >> 4 & 1, pge = m->p.cr4 >> 7 & 1, wp = m->p.cr0 >> 16 & 1;
    if (!(m->p.cr0 >> 31)) {
        r.ok = r.writable = r.dirty = r.user = true;
        r.pa = model_addr(m, va);
        r.shift = 32;
        return r;
    }
    r.error = (write ? 2u : 0) | (user ? 4u : 0) | (exec && pae && m->p.nxe ? 16u : 0);
    uint64_t e[2], at[2];
    unsigned levels = 0, bytes = pae ? 8 : 4;
    uint64_t table = m->p.cr3 & 0xfffff000u;
    if (pae) {
        uint64_t top = m->p.pdpte[va >> 30];
        if (!(top & 1)) return r;
        for (int bit = 0; bit < 64; bit++)
            if ((top >> bit & 1) && (bit == 1 || bit == 2 || (bit >= 5 && bit <= 8) || bit >= 36)) {
                r.error |= 9;
                return r;
            }
        table = top & UINT64_C(0xffffff000);
    }
    unsigned shift = pae ? 21 : 22;
    for (;;) {
        unsigned index = va >> shift & (pae ? 511 : 1023);
        at[levels] = table + index * bytes;
        e[levels] = model_load(m, at[levels], bytes);
        uint64_t x = e[levels++];
        if (!(x & 1)) return r;
        bool large = shift > 12 && (x >> 7 & 1) && (pae || pse);
        bool bad = false;
        for (int bit = 0; bit < 64; bit++) {
            if (!(x >> bit & 1)) continue;
            if (pae && ((bit >= 36 && bit < 63) || (bit == 63 && !m->p.nxe) || (large && bit >= 13 && bit <= 20)))
                bad = true;
            if (!pae && large && bit >= 17 && bit <= 21) bad = true;
        }
        if (bad) {
            r.error |= 9;
            return r;
        }
        if (large || shift == 12) break;
        table = x & (pae ? UINT64_C(0xffffff000) : UINT64_C(0xfffff000));
        shift = 12;
    }
    bool u = true, w = true, nx = false;
    for (unsigned i = 0; i < levels; i++) {
        u = u && (e[i] & 4);
        w = w && (e[i] & 2);
        nx = nx || (pae && e[i] >> 63);
    }
    bool denied = (user && !u) || (write && !w && (user || wp)) || (exec && nx);
    if (denied) {
        r.error |= 1;
        return r;
    }
    for (unsigned i = 0; i < levels; i++) {
        bool leaf = i == levels - 1;
        uint64_t n = e[i] | 0x20 | (leaf && write ? 0x40 : 0);
        model_store(m, &r, at[i], e[i], n);
        e[i] = n;
    }
    uint64_t leaf = e[levels - 1];
    uint64_t page = UINT64_C(1) << shift;
    uint64_t frame = leaf & (pae ? UINT64_C(0xffffff000) : UINT64_C(0xfffff000)) & ~(page - 1);
    if (shift == 22)
        for (int i = 0; i < 4; i++) frame |= (leaf >> (13 + i) & 1) << (32 + i);
    r.ok = true;
    r.pa = model_addr(m, frame | (va & (page - 1)));
    r.writable = w || (!user && !wp);
    r.dirty = leaf >> 6 & 1;
    r.user = u;
    r.global = pge && (leaf >> 8 & 1);
    r.shift = shift;
    return r;
}

/* ---- Random structures ---- */

static uint64_t random_table(void) {
    switch (rnd() % 16) {
    case 0: return (rnd() % RAM_MIB) * MIB; /* anything, devices and ROM included */
    case 1: return UINT64_C(0x80000000) + rnd() % 4 * MIB;
    case 2: return rnd() & UINT64_C(0xfffff000);
    default: return (2 + rnd() % 64) * 4096;
    }
}

static uint64_t random_entry(bool pae, bool nxe, bool leaf) {
    uint64_t e = rnd() & 0xfff;
    if (!chance(16)) e |= 1;
    if (!chance(4)) e |= 2;
    if (!chance(4)) e |= 4;
    if (leaf && chance(2)) e &= ~UINT64_C(0x80);
    e |= random_table();
    if (pae && chance(4) && (nxe || chance(8))) e |= UINT64_C(1) << 63;
    if (pae && chance(16)) e |= UINT64_C(1) << (32 + rnd() % 31);
    if (chance(8))
        e |= rnd() & 0x3fe000;
    else if (e & 0x80 && !leaf)
        e &= pae ? ~UINT64_C(0x1fe000) : ~UINT64_C(0x3fe000);
    if (!pae) e &= UINT32_MAX;
    return e;
}

static void put(const struct model *m, uint64_t pa, uint64_t v, unsigned bytes) {
    int64_t at = model_storage(m, pa, true);
    if (at >= 0) memcpy(linear + at, &v, bytes);
}

static void randomize(struct model *m, uint32_t va) {
    bool pae = chance(2);
    m->p = (struct smmu_paging){
        .cr0 = (chance(64) ? 0 : 0x80000000u) | 1 | (chance(2) ? 0x10000u : 0),
        .cr3 = (uint32_t)random_table() | (uint32_t)(rnd() & 0x18),
        .cr4 = (pae ? 0x20u : 0) | (chance(2) ? 0x10u : 0) | (chance(2) ? 0x80u : 0),
        .nxe = chance(2),
    };
    m->a20 = !chance(16);
    uint64_t pd = m->p.cr3 & 0xfffff000u;
    for (int i = 0; i < 4; i++) {
        m->p.pdpte[i] = random_table() | (chance(16) ? 0 : 1) | (rnd() & 0x18);
        if (chance(32)) m->p.pdpte[i] |= UINT64_C(1) << rnd() % 64;
    }
    if (pae) pd = m->p.pdpte[va >> 30] & UINT64_C(0xffffff000);
    uint64_t pde = random_entry(pae, m->p.nxe, false);
    uint64_t pte = random_entry(pae, m->p.nxe, true);
    uint64_t pt = pde & (pae ? UINT64_C(0xffffff000) : UINT64_C(0xfffff000));
    unsigned bytes = pae ? 8 : 4;
    put(m, pt + (va >> 12 & (pae ? 511 : 1023)) * bytes, pte, bytes);
    put(m, pd + (va >> (pae ? 21 : 22) & (pae ? 511 : 1023)) * bytes, pde, bytes);
}

static void check_one(const struct model *m, uint32_t va, unsigned access, uint64_t number) {
    struct smmu_xlat x;
    struct guest_fault f = {99, 99, 99};
    struct model_result r = model_walk(m, va, access);
    unsigned bytes = m->p.cr4 & 0x20 ? 8 : 4;
    bool ok = smmu_walk(mmu, gva(va), access, &x, &f);
    bool same = ok == r.ok;
    if (same && ok)
        same = x.pa.v == r.pa && x.writable == r.writable && x.dirty == r.dirty && x.user == r.user &&
               x.global == r.global && x.page_shift == r.shift && f.vector < 0;
    else if (same)
        same = f.vector == 14 && f.error == r.error && f.cr2 == va;
    for (unsigned i = 0; i < r.stores && same; i++) {
        /* a later store to the same place wins */
        if (i == 0 && r.stores == 2 && r.at[0] / 8 == r.at[1] / 8) continue;
        same = memcmp(linear + r.at[i], &r.value[i], bytes) == 0;
    }
    if (!same)
        fail_msg("permutation %llu: va %08x access %u cr0 %08x cr3 %08x cr4 %08x nxe %d a20 %d: "
                 "got ok %d pa %llx error %x, want ok %d pa %llx error %x",
                 (unsigned long long)number, va, access, m->p.cr0, m->p.cr3, m->p.cr4, m->p.nxe, m->a20, ok,
                 (unsigned long long)x.pa.v, f.error, r.ok, (unsigned long long)r.pa, r.error);
}

static uint64_t env_number(const char *name, uint64_t otherwise) {
    const char *text = getenv(name);
    return text ? strtoull(text, NULL, 0) : otherwise;
}

static void walk_permutations(void **state) {
    (void)state;
    uint64_t seed = env_number("SMMU_SEED", (uint64_t)time(NULL) | 1);
    uint64_t total = env_number("SMMU_PERMUTATIONS", 1200000), done = 0, allowed = 0, reserved = 0;
    static const unsigned accesses[] = {0, 1, 2, 3, 4, 6}; /* read, write, exec x supervisor, user */
    print_message("seed %llu, %llu permutations\n", (unsigned long long)seed, (unsigned long long)total);
    rng = seed;
    while (done < total) {
        struct model m;
        uint32_t va = (uint32_t)rnd();
        randomize(&m, va);
        smmu_set_paging(mmu, &m.p, true);
        smmu_set_a20(mmu, m.a20);
        for (unsigned i = 0; i < 6; i++, done++) {
            unsigned access = accesses[rnd() % 6];
            struct model_result r = model_walk(&m, va, access);
            allowed += r.ok;
            reserved += (r.error & 8) != 0;
            check_one(&m, va, access, done);
        }
    }
    print_message("%llu allowed, %llu reserved-bit faults\n", (unsigned long long)allowed,
                  (unsigned long long)reserved);
    assert_true(allowed > total / 8);
    smmu_set_a20(mmu, true);
}

/* ---- Software TLB ---- */

enum { PD = 0x2000, PT = 0x3000, PD2 = 0x4000, PT2 = 0x5000 };

static void put32(uint32_t pa, uint32_t v) { memcpy(linear + pa, &v, 4); }
static uint32_t get32(uint32_t pa) {
    uint32_t v;
    memcpy(&v, linear + pa, 4);
    return v;
}

static void paging_on(uint32_t cr3, uint32_t cr4, bool flush_global) {
    struct smmu_paging p = {.cr0 = 0x80010001u, .cr3 = cr3, .cr4 = cr4};
    smmu_set_paging(mmu, &p, flush_global);
}

static uint64_t slot(bool user, bool write, uint32_t va) {
    uint64_t v;
    memcpy(&v, smmu_tlb_base(mmu, user) + (write ? SMMU_TLB_WRITE : SMMU_TLB_READ) + (va >> 12) * 8, 8);
    return v;
}

static uint32_t code_slot(bool user, uint32_t va) {
    uint32_t v;
    memcpy(&v, smmu_tlb_base(mmu, user) + SMMU_TLB_CODE + (va >> 12) * 4, 4);
    return v;
}

static enum smmu_fill fill(bool user, uint32_t va, bool write) {
    struct guest_fault f;
    uint64_t delta = 0;
    enum smmu_fill r = smmu_tlb_fill(mmu, user, gva(va), write, &delta, &f);
    if (r == SMMU_FILL_OK) assert_int_equal(delta, slot(user, write, va));
    return r;
}

static unsigned code_flushes;
static void on_code_flush(void *opaque) {
    (void)opaque;
    code_flushes++;
}

/* PD[0] -> PT, PD[1]: 4-MiB page at 8 MiB; PT[i] -> 0x100000 + i pages, all P W U. */
static void plain_tables(void) {
    memset(linear + PD, 0, 4096);
    for (uint32_t i = 0; i < 1024; i++) put32(PT + i * 4, 0x100000 + (i % 256) * 4096 + 7);
    put32(PD, PT + 7);
    put32(PD + 4, 8 * MIB + 0x87);
    smmu_set_a20(mmu, true);
    paging_on(PD, 0x90, true);
    smmu_on_code_flush(mmu, on_code_flush, NULL);
}

static void tlb_is_stale_until_flush(void **state) {
    (void)state;
    plain_tables();
    assert_int_equal(fill(true, 0x5123, false), SMMU_FILL_OK);
    assert_ptr_equal((uint8_t *)(uintptr_t)(slot(true, false, 0x5123) + 0x5123), linear + 0x105123);
    assert_int_equal(slot(true, true, 0x5000), 0);
    assert_int_equal(get32(PT + 20) & 0x60, 0x20);
    assert_int_equal(fill(true, 0x5123, true), SMMU_FILL_OK);
    assert_int_equal(get32(PT + 20) & 0x60, 0x60);
    put32(PT + 20, 0);
    uint32_t v;
    struct guest_fault f;
    assert_true(smmu_read(mmu, gva(0x5ffc), &v, 4, SMMU_USER, &f));
    smmu_invlpg(mmu, gva(0x5abc));
    assert_int_equal(slot(true, false, 0x5000), 0);
    assert_int_equal(slot(true, true, 0x5000), 0);
    assert_false(smmu_read(mmu, gva(0x5ffc), &v, 4, SMMU_USER, &f));
    assert_int_equal(f.vector, 14);
    assert_int_equal(f.error, 4);
    assert_int_equal(f.cr2, 0x5ffc);
}

static void tlb_keeps_global(void **state) {
    (void)state;
    plain_tables();
    put32(PT + 4 * 7, 0x107000 | 0x107);
    fill(false, 0x7000, true);
    fill(false, 0x8000, true);
    paging_on(PD, 0x90, false);
    assert_int_not_equal(slot(false, false, 0x7000), 0);
    assert_int_not_equal(slot(false, true, 0x7000), 0);
    assert_int_equal(slot(false, false, 0x8000), 0);
    assert_int_equal(slot(false, true, 0x8000), 0);
    paging_on(PD, 0x90, true);
    assert_int_equal(slot(false, false, 0x7000), 0);
    paging_on(PD, 0x10, true); /* no PGE: nothing is global */
    fill(false, 0x7000, true);
    paging_on(PD, 0x10, false);
    assert_int_equal(slot(false, false, 0x7000), 0);
}

static void invlpg_drops_large_page(void **state) {
    (void)state;
    plain_tables();
    for (uint32_t va = 0x400000; va < 0x800000; va += 0x100000)
        assert_int_equal(fill(false, va, va & 0x100000), SMMU_FILL_OK);
    fill(false, 0x3000, false);
    smmu_invlpg(mmu, gva(0x7ff000));
    for (uint32_t va = 0x400000; va < 0x800000; va += 0x100000) {
        assert_int_equal(slot(false, false, va), 0);
        assert_int_equal(slot(false, true, va), 0);
    }
    assert_int_not_equal(slot(false, false, 0x3000), 0);
}

static void tlb_ring_evicts(void **state) {
    (void)state;
    plain_tables();
    for (uint32_t i = 1; i < 12; i++) put32(PD + i * 4, 8 * MIB + 0x87);
    for (uint32_t page = 0; page < 12 * 1024; page++) assert_int_equal(fill(false, page << 12, page & 1), SMMU_FILL_OK);
    unsigned live = 0;
    for (uint32_t page = 0; page < 12 * 1024; page++) live += slot(false, false, page << 12) != 0;
    assert_int_equal(live, 8192);
    paging_on(PD, 0x90, true);
    for (uint32_t page = 0; page < 12 * 1024; page++) {
        assert_int_equal(slot(false, false, page << 12), 0);
        assert_int_equal(slot(false, true, page << 12), 0);
    }
}

/* Global pages: a ring of their own, from which pages dropped one by one go when it is full. */
static void tlb_ring_of_global_pages(void **state) {
    (void)state;
    plain_tables();
    for (uint32_t i = 2; i < 12; i++) put32(PD + i * 4, 8 * MIB + 0x187);
    paging_on(PD, 0x90, true);
    for (uint32_t i = 0; i < 8192; i++) assert_int_equal(fill(false, (2 * 1024 + i) << 12, i & 1), SMMU_FILL_OK);
    smmu_invlpg(mmu, gva(8 * MIB)); /* all of its large page */
    for (uint32_t i = 0; i < 1024; i++) assert_int_equal(fill(false, (10 * 1024 + i) << 12, true), SMMU_FILL_OK);
    paging_on(PD, 0x90, false);
    for (uint32_t i = 0; i < 9216; i++)
        assert_true((slot(false, false, (2 * 1024 + i) << 12) != 0) == (i >= 1024)); /* nothing live was evicted */
    assert_int_equal(fill(false, 11 * 4 * MIB, true), SMMU_FILL_OK);
    assert_int_equal(slot(false, false, 3 * 4 * MIB), 0); /* the oldest one goes */
    paging_on(PD, 0x90, true);
    for (uint32_t i = 0; i < 10240; i++) {
        assert_int_equal(slot(false, false, (2 * 1024 + i) << 12), 0);
        assert_int_equal(slot(false, true, (2 * 1024 + i) << 12), 0);
    }
}

/* Both records of one page go, the second while that page is being filled: no slot may be left without a record. */
static void tlb_ring_evicts_own_page(void **state) {
    (void)state;
    plain_tables();
    for (uint32_t i = 2; i < 12; i++) put32(PD + i * 4, 8 * MIB + 0x87);
    assert_int_equal(fill(false, 0x5000, false), SMMU_FILL_OK);
    assert_int_equal(fill(false, 0x5000, true), SMMU_FILL_OK);
    for (uint32_t i = 0; i < 8192 - 1; i++) /* the last one evicts the first record */
        assert_int_equal(fill(false, (2 * 1024 + i) << 12, false), SMMU_FILL_OK);
    assert_int_equal(slot(false, false, 0x5000), 0);
    assert_int_equal(fill(false, 0x5000, false), SMMU_FILL_OK);
    assert_int_not_equal(slot(false, false, 0x5000), 0);
    smmu_code_protect(mmu, 0x105);
    assert_int_equal(slot(false, true, 0x5000), 0);
    smmu_code_unprotect(mmu, 0x105);
    paging_on(PD, 0x90, true);
    assert_int_equal(slot(false, false, 0x5000), 0);
    assert_int_equal(slot(false, true, 0x5000), 0);
}

static void map_generation_counts_what_changes_code(void **state) {
    (void)state;
    uint32_t before = smmu_map_generation(mmu);
    smmu_set_a20(mmu, true);                                                      /* as it is */
    assert_int_equal(smmu_mem_map_mmio(mem, gpa(14 * MIB), 4096, &dev), SMMU_OK); /* where nothing is cached */
    assert_int_equal(smmu_mem_unmap(mem, gpa(14 * MIB), 4096), SMMU_OK);
    assert_int_equal(smmu_map_generation(mmu), before);
    smmu_set_a20(mmu, false);
    assert_int_not_equal(smmu_map_generation(mmu), before);
    smmu_set_a20(mmu, true);
    before = smmu_map_generation(mmu);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(15 * MIB), 4096, 0, 0), SMMU_OK);
    assert_int_not_equal(smmu_map_generation(mmu), before);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(15 * MIB), 4096, 15 * 256, 15 * 256), SMMU_OK);
}

static void tlb_refuses_what_is_not_ram(void **state) {
    (void)state;
    plain_tables();
    put32(PT + 0, 12 * MIB + 7); /* device */
    put32(PT + 4, 13 * MIB + 7); /* ROM */
    put32(PT + 8, 14 * MIB + 7); /* hole */
    assert_int_equal(fill(false, 0x0000, false), SMMU_FILL_SLOW);
    assert_int_equal(fill(false, 0x0000, true), SMMU_FILL_SLOW);
    assert_int_equal(fill(false, 0x1000, false), SMMU_FILL_OK);
    assert_int_equal(fill(false, 0x1000, true), SMMU_FILL_SLOW);
    assert_int_equal(fill(false, 0x2000, false), SMMU_FILL_SLOW);
    assert_int_equal(fill(false, 0x2000, true), SMMU_FILL_SLOW);
    struct guest_fault f;
    uint8_t before = linear[16 * MIB], b = (uint8_t)~before;
    assert_true(smmu_write(mmu, gva(0x1000), &b, 1, 0, &f));
    assert_int_equal(linear[16 * MIB], before);
    uint32_t v = 0;
    assert_true(smmu_read(mmu, gva(0x2ffe), &v, 4, 0, &f));
    assert_int_equal(v & 0xffff, 0xffff);
}

static void code_map_and_flush(void **state) {
    (void)state;
    plain_tables();
    uint32_t frame = 0;
    struct guest_fault f;
    assert_int_equal(smmu_code_fill(mmu, true, gva(0x9abc), &frame, &f), SMMU_FILL_OK);
    assert_int_equal(frame, 0x109);
    assert_int_equal(code_slot(true, 0x9000), smmu_code_entry(0x109));
    unsigned before = code_flushes;
    smmu_invlpg(mmu, gva(0xa000));
    assert_int_equal(code_flushes, before);
    smmu_invlpg(mmu, gva(0x9000));
    assert_int_equal(code_flushes, before + 1);
    assert_int_equal(code_slot(true, 0x9000), 0);
    smmu_code_fill(mmu, true, gva(0x9abc), &frame, &f);
    paging_on(PD, 0x90, false);
    assert_int_equal(code_flushes, before + 2);
    put32(PT + 4 * 9, 0);
    assert_int_equal(smmu_code_fill(mmu, true, gva(0x9abc), &frame, &f), SMMU_FILL_FAULT);
    assert_int_equal(f.error, PF_U);
}

static uint32_t written_frame, written_offset, written_len;
static unsigned written;
static void on_code_write(void *opaque, uint32_t frame, uint32_t offset, uint32_t len) {
    (void)opaque;
    written++;
    written_frame = frame;
    written_offset = offset;
    written_len = len;
}

static void code_protect_drops_write_entries(void **state) {
    (void)state;
    struct guest_fault f;
    plain_tables();
    smmu_mem_on_code_write(mem, on_code_write, NULL);
    put32(PT + 4 * 0x21, 0x120007); /* 0x20 and 0x21: the same frame 0x120 */
    fill(false, 0x20000, true);
    fill(false, 0x21000, true);
    fill(true, 0x20000, true);
    smmu_code_protect(mmu, 0x120);
    assert_int_equal(slot(false, true, 0x20000), 0);
    assert_int_equal(slot(false, true, 0x21000), 0);
    assert_int_equal(slot(true, true, 0x20000), 0);
    assert_int_not_equal(slot(false, false, 0x20000), 0);
    assert_int_equal(fill(false, 0x20000, true), SMMU_FILL_SLOW);
    uint32_t v = 0x12345678;
    assert_true(smmu_write(mmu, gva(0x20010), &v, 4, 0, &f));
    assert_int_equal(written, 1);
    assert_int_equal(written_frame, 0x120);
    assert_int_equal(written_offset, 0x10);
    assert_int_equal(written_len, 4);
    assert_int_equal(get32(0x120010), 0x12345678);
    uint32_t run;
    assert_null(smmu_span(mmu, gva(0x20010), SMMU_WRITE, &run, &f));
    assert_true(f.vector < 0);
    assert_int_equal(run, 0xff0);
    assert_ptr_equal(smmu_span(mmu, gva(0x20010), SMMU_READ, &run, &f), linear + 0x120010);
    smmu_code_unprotect(mmu, 0x120);
    assert_int_equal(fill(false, 0x20000, true), SMMU_FILL_OK);
    /* A page table that is also code: A and D are announced. */
    smmu_code_protect(mmu, PT >> 12);
    put32(PT + 4 * 0x33, 0x133007);
    assert_int_equal(fill(false, 0x33000, true), SMMU_FILL_OK);
    assert_int_equal(written, 2);
    assert_int_equal(written_offset, 4 * 0x33);
    smmu_code_unprotect(mmu, PT >> 12);
}

static void write_checks_both_pages_first(void **state) {
    (void)state;
    struct guest_fault f;
    plain_tables();
    put32(PT + 4 * 0x41, 0x141005); /* read-only */
    put32(0x140ffc, 0);
    uint64_t v = UINT64_MAX;
    assert_false(smmu_write(mmu, gva(0x40ffc), &v, 8, 0, &f));
    assert_int_equal(f.cr2, 0x41000);
    assert_int_equal(f.error, PF_P | PF_W);
    assert_int_equal(get32(0x140ffc), 0);
    assert_true(smmu_write(mmu, gva(0x3fffc), &v, 8, 0, &f));
    assert_int_equal(get32(0x140000), UINT32_MAX);
    /* wrap at 4 GiB */
    put32(PD + 4092, PT + 7);
    assert_true(smmu_write(mmu, gva(0xfffffffe), &v, 4, 0, &f));
    assert_int_equal(get32(0x100000) & 0xffff, 0xffff);
}

static bool knows(uint32_t va, uint32_t size, bool user, bool write) {
    struct smmu_register r;
    if (!smmu_register_at(mmu, user, gva(va), size, write, &r)) return false;
    assert_ptr_equal(r.dev, &dev);
    assert_int_equal(r.offset, 0x2000 + (va & 0xfff));
    return true;
}

static void fill_device(uint32_t va, bool user, bool write) {
    struct guest_fault f;
    uint64_t delta;
    assert_int_equal(smmu_tlb_fill(mmu, user, gva(va), write, &delta, &f), SMMU_FILL_SLOW);
}

static bool quick_known(uint32_t va) {
    const struct smmu_quick_at *q = smmu_quick_at(mmu);
    if (q->va != va) return false;
    assert_ptr_equal((void *)(uintptr_t)(q->delta + va), &quick_value);
    assert_ptr_equal(q->busy, &quick_busy);
    return true;
}

/* Linear 30000 is the third page of the device at 12 MiB. */
static void registers_are_remembered_until_a_flush(void **state) {
    (void)state;
    struct guest_fault f;
    uint64_t delta;
    plain_tables();
    put32(PT + 0x30 * 4, (12 * MIB + 0x2000) | 7);
    paging_on(PD, 0x10, true);
    assert_false(knows(0x30080, 4, false, false));
    assert_false(quick_known(0x30080));
    fill_device(0x30084, false, false);
    assert_true(knows(0x30080, 4, false, false));
    assert_true(knows(0x30083, 1, false, false));
    assert_false(knows(0x30082, 4, false, false)); /* not aligned */
    assert_false(knows(0x30080, 8, false, false));
    assert_false(knows(0x30080, 4, true, false)); /* another privilege, another right */
    assert_false(knows(0x30080, 4, false, true));
    assert_false(quick_known(0x30080));
    fill_device(0x30000, false, true);
    assert_true(knows(0x30080, 4, false, true));
    assert_true(knows(0x30080, 4, false, false));
    assert_true(quick_known(0x30080));
    smmu_invlpg(mmu, gva(0x30000));
    assert_false(knows(0x30080, 4, false, true));
    assert_false(quick_known(0x30080));
    fill_device(0x30000, false, true);
    paging_on(PD, 0x10, false);
    assert_false(knows(0x30080, 4, false, true));
    assert_false(quick_known(0x30080));
    fill_device(0x30000, false, true);
    put32(PT + 0x31 * 4, 0); /* a page fault drops it too: more than asked */
    assert_int_equal(smmu_tlb_fill(mmu, false, gva(0x31000), false, &delta, &f), SMMU_FILL_FAULT);
    assert_false(quick_known(0x30080));
    fill_device(0x30000, false, true);
    assert_int_equal(smmu_mem_map_frames(mem, gpa(12 * MIB), MIB, 12 * 256, 12 * 256), SMMU_OK);
    assert_false(knows(0x30080, 4, false, true)); /* the device has moved away */
    assert_false(quick_known(0x30080));
    assert_int_equal(smmu_mem_map_mmio(mem, gpa(12 * MIB), MIB, &dev), SMMU_OK);
    fill_device(0x30000, true, true);
    assert_true(knows(0x30080, 4, true, true));
    assert_false(quick_known(0x30080)); /* the supervisor's alone */
    put32(PT + 0x30 * 4, 0x130007);
    put32(PT + 0x31 * 4, 0x131007);
    paging_on(PD, 0x10, true);
}

static long long since(const struct timespec *a, int64_t divisor) {
    struct timespec b;
    clock_gettime(CLOCK_MONOTONIC, &b);
    return ((b.tv_sec - a->tv_sec) * INT64_C(1000000000) + (b.tv_nsec - a->tv_nsec)) / divisor;
}

static void measure(void **state) {
    (void)state;
    struct timespec a;
    struct guest_fault f;
    uint64_t delta;
    plain_tables();
    for (int pass = 0; pass < 2; pass++) {
        clock_gettime(CLOCK_MONOTONIC, &a);
        for (uint32_t i = 0; i < 1000000; i++) smmu_tlb_fill(mmu, false, gva((i & 1023) << 12), pass, &delta, &f);
        print_message("tlb fill (%s): %lld ns\n", pass ? "write" : "read", since(&a, 1000000));
    }
    uint32_t v;
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (uint32_t i = 0; i < 1000000; i++) smmu_read(mmu, gva((i & 1023) << 12), &v, 4, 0, &f);
    print_message("smmu_read hit: %lld ns\n", since(&a, 1000000));
    clock_gettime(CLOCK_MONOTONIC, &a);
    for (uint32_t i = 0; i < 1000; i++) {
        paging_on(PD, 0x10, false);
        for (uint32_t k = 0; k < 100; k++) smmu_tlb_fill(mmu, false, gva(k << 12), true, &delta, &f);
    }
    print_message("CR3 write + 100 fills: %lld ns\n", since(&a, 1000));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(walk_permutations),
        cmocka_unit_test(tlb_is_stale_until_flush),
        cmocka_unit_test(tlb_keeps_global),
        cmocka_unit_test(invlpg_drops_large_page),
        cmocka_unit_test(tlb_ring_evicts),
        cmocka_unit_test(tlb_ring_of_global_pages),
        cmocka_unit_test(tlb_ring_evicts_own_page),
        cmocka_unit_test(map_generation_counts_what_changes_code),
        cmocka_unit_test(tlb_refuses_what_is_not_ram),
        cmocka_unit_test(code_map_and_flush),
        cmocka_unit_test(code_protect_drops_write_entries),
        cmocka_unit_test(write_checks_both_pages_first),
        cmocka_unit_test(registers_are_remembered_until_a_flush),
        cmocka_unit_test(measure),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
