/*
 * engine.c: the engine's memory: arenas, code cache, prediction stacks; flush; counters.
 *
 * Arenas are reserved large and touched lazily. A flush keeps their pages: they will be used again, and a fresh page
 * costs more than all that is written to it.
 */
#include "bt/bt_internal.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { MAX_BLOCKS = 1 << 20, DEFAULT_CACHE = 256 << 20 };

static void *reserve(size_t bytes, int prot) {
    void *p = mmap(NULL, bytes, prot, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}
static void *reserve_rw(size_t bytes) { return reserve(bytes, PROT_READ | PROT_WRITE); }

/* A huge page costs a quarter of the small ones that it replaces, but its unused rest is memory too: an arena begins
 * with small ones, as many as a guest that has only booted needs. */
static void wish_huge_tail(uint8_t *p, size_t bytes) {
    enum { SMALL = 4 << 20 };
    if (p && bytes > SMALL) (void)madvise(p + SMALL, bytes - SMALL, MADV_HUGEPAGE);
}

static void *reserve_arena(size_t bytes) {
    void *p = reserve_rw(bytes);
    wish_huge_tail(p, bytes);
    return p;
}

static bool make_ras(struct ras *r) {
    uint8_t *base = reserve(RAS_BYTES, PROT_NONE);
    if (!base || mprotect(base + SMMU_PAGE_SIZE, RAS_BYTES - SMMU_PAGE_SIZE, PROT_READ | PROT_WRITE) != 0) return false;
    r->base = base;
    r->top = (uint64_t)(uintptr_t)(base + RAS_BYTES - 64);
    return true;
}

static void set_none(uint32_t *list, size_t n) { memset(list, 0xff, n * sizeof *list); }

static bool allocate(struct bt_engine *e) {
    e->max_blocks = MAX_BLOCKS;
    e->max_links = MAX_BLOCKS * 4;
    e->max_map = MAX_BLOCKS * 16;
    e->max_sites = MAX_BLOCKS;
    e->max_ports = MAX_BLOCKS / 4;
    e->max_relocs = MAX_BLOCKS * 16;
    e->code_size = e->cfg.cache_bytes ? e->cfg.cache_bytes : DEFAULT_CACHE;
    if (e->code_size < 4 * BLOCK_MAX_HOST) e->code_size = 4 * BLOCK_MAX_HOST;
    e->n_frames = smmu_mem_frames(e->mem);
    e->code = reserve(2 * e->code_size, PROT_READ | PROT_WRITE | PROT_EXEC);
    if (e->code) (void)madvise(e->code, e->code_size, MADV_HUGEPAGE); /* what is executed is large: fewer TLB misses */
    if (e->code) wish_huge_tail(e->code + e->code_size, e->code_size);
    e->blocks = reserve_arena(e->max_blocks * sizeof *e->blocks);
    e->links = reserve_arena(e->max_links * sizeof *e->links);
    e->map = reserve_arena(e->max_map * sizeof *e->map);
    e->sites = reserve_arena(e->max_sites * sizeof *e->sites);
    e->ports = reserve_arena(e->max_ports * sizeof *e->ports);
    e->decoded = reserve_rw(sizeof *e->decoded);
    e->relocs = reserve_arena(e->max_relocs * sizeof *e->relocs);
    e->hash = reserve_rw(HASH_SLOTS * sizeof *e->hash);
    e->kin = reserve_rw(HASH_SLOTS * sizeof *e->kin);
    e->frame_blocks = reserve_rw(e->n_frames * sizeof *e->frame_blocks);
    e->guilt = reserve_rw(GUILT_SLOTS * sizeof *e->guilt);
    e->bad_seg = reserve(SMMU_PAGE_SIZE, PROT_NONE);
    bool ok = e->code && e->blocks && e->links && e->map && e->sites && e->ports && e->relocs && e->decoded &&
              e->hash && e->kin && e->frame_blocks && e->guilt && e->bad_seg && checks_create(e);
    for (unsigned i = 0; i < JUMP_CACHES; i++) {
        struct jump_cache *jc = &e->jc[i];
        jc->slot = reserve_rw(JUMP_SLOTS * sizeof *jc->slot);
        jc->filled = reserve_rw(JUMP_FILLED * sizeof *jc->filled);
        jc->n_filled = JUMP_FILLED + 1; /* no slot is right yet */
        ok = ok && jc->slot && jc->filled;
    }
    if (!ok || !make_ras(&e->ras[0]) || !make_ras(&e->ras[1])) return false;
    return true;
}

static void on_code_write(void *opaque, uint32_t frame, uint32_t offset, uint32_t len) {
    struct bt_engine *e = opaque;
    e->stats.smc_writes++;
    if (e->probe.fn) probe_code_write(e, frame, offset);
    if (!block_kill_range(e, frame, offset, len)) smc_harmless(e, frame);
}

static void on_code_flush(void *opaque) { ((struct bt_engine *)opaque)->ras_reset_wanted = true; }

enum bt_status bt_create(struct bt_cpu *cpu, struct smmu_mem *mem, const struct bt_config *cfg,
                         struct bt_engine **out) {
    struct bt_engine *e = calloc(1, sizeof *e);
    if (!e) return BT_NO_MEMORY;
    e->cpu = cpu;
    e->mem = mem;
    e->smmu = cpu->smmu;
    e->cfg = *cfg;
    e->has_rorx = __builtin_cpu_supports("bmi2");
    e->linear = smmu_mem_linear(mem);
    if (!allocate(e)) {
        bt_destroy(e);
        return BT_NO_MEMORY;
    }
    struct x86_buf b = {e->code, e->code, e->code + e->code_size, false};
    thunks_build(e, &b);
    e->code_thunks = e->code_used = (size_t)(b.p - e->code);
    set_none(e->hash, HASH_SLOTS);
    set_none(e->kin, HASH_SLOTS);
    set_none(e->frame_blocks, e->n_frames);
    for (int i = 0; i < 2; i++) *(uint64_t *)(uintptr_t)e->ras[i].top = (uint64_t)(uintptr_t)e->thunk.ret_miss;
    cpu->engine = e;
    cpu->p.bad_seg = (uint64_t)(uintptr_t)e->bad_seg;
    cpu->p.poll = (uint64_t)(uintptr_t)e->poll_good;
    bt_state_changed(e);
    smmu_mem_on_code_write(mem, on_code_write, e);
    smmu_on_code_flush(e->smmu, on_code_flush, e);
    if (cfg->count) bt_count(e, true);
    if (cfg->single_step) bt_mark_add(e, (struct bt_mark){0, UINT32_MAX, BT_MARK_STEP});
    *out = e;
    return BT_OK;
}

static void release(void *p, size_t bytes) {
    if (p) munmap(p, bytes);
}

void bt_destroy(struct bt_engine *e) {
    if (!e) return;
    release(e->code, 2 * e->code_size);
    release(e->blocks, e->max_blocks * sizeof *e->blocks);
    release(e->links, e->max_links * sizeof *e->links);
    release(e->map, e->max_map * sizeof *e->map);
    release(e->sites, e->max_sites * sizeof *e->sites);
    release(e->ports, e->max_ports * sizeof *e->ports);
    release(e->decoded, sizeof *e->decoded);
    release(e->relocs, e->max_relocs * sizeof *e->relocs);
    release(e->hash, HASH_SLOTS * sizeof *e->hash);
    release(e->kin, HASH_SLOTS * sizeof *e->kin);
    release(e->frame_blocks, e->n_frames * sizeof *e->frame_blocks);
    release(e->guilt, GUILT_SLOTS * sizeof *e->guilt);
    release(e->bad_seg, SMMU_PAGE_SIZE);
    checks_destroy(e);
    for (unsigned i = 0; i < JUMP_CACHES; i++) {
        release(e->jc[i].slot, JUMP_SLOTS * sizeof *e->jc[i].slot);
        release(e->jc[i].filled, JUMP_FILLED * sizeof *e->jc[i].filled);
    }
    for (unsigned i = 0; i < 2; i++) release(e->ras[i].base, RAS_BYTES);
    if (e->cpu && e->cpu->engine == e) e->cpu->engine = NULL;
    free(e);
}

void bt_flush(struct bt_engine *e) {
    bt_fpu_pointers(e->cpu, true); /* while their blocks are known */
    for (uint32_t id = 0; id < e->n_blocks; id++) {
        struct block *b = &e->blocks[id];
        if (b->dead) continue;
        for (int i = 0; i < BLOCK_FRAMES; i++)
            if (b->frame[i] != BT_NONE && e->frame_blocks[b->frame[i]] != BT_NONE) {
                e->frame_blocks[b->frame[i]] = BT_NONE;
                smmu_code_unprotect(e->smmu, b->frame[i]);
            }
    }
    set_none(e->hash, HASH_SLOTS);
    set_none(e->kin, HASH_SLOTS);
    e->n_blocks = e->n_links = e->n_map = e->n_sites = e->n_ports = e->n_relocs = 0;
    e->code_used = e->code_thunks;
    e->cold_used = 0;
    for (unsigned i = 0; i < JUMP_CACHES; i++) e->jc[i].used = false;
    e->jc_cur = NULL;
    e->ras[0].valid = e->ras[1].valid = false;
    syscall_forget(e);
    e->retry_tail = e->retry_head;
    e->want_flush = false;
    e->stats.flushes++;
}

void bt_state_changed(struct bt_engine *e) {
    for (int i = 0; i < DEC_SEG_COUNT; i++) bt_seg_loaded(e->cpu, i);
    e->ras[0].valid = e->ras[1].valid = false;
    syscall_forget(e);
}

void bt_get_stats(const struct bt_engine *e, struct bt_stats *out) {
    *out = e->stats;
    out->cache_used = e->code_used + e->cold_used;
    out->cache_committed = e->code_used + e->cold_used;
}
