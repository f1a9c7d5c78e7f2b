/*
 * adapt.c: which accesses go direct.
 *
 * A page must be touched some thousand times before mapping it pays, and most processes do not live that long. So user
 * code is checked while its address space is young, and direct (MODE_DIRECT) once its code has run
 * for a millisecond (smmu_space_grow); a kernel's memory is a few large mappings: direct at once. Instructions whose
 * direct accesses keep faulting are demoted. What is known of them is in a small direct-mapped table keyed by physical
 * code address: a collision forgets, which costs time and never correctness.
 */
#include <immintrin.h>

#include "bt/bt_internal.h"
#include "shadowmmu/inspect.h"

bool adapt_direct(const struct bt_engine *e, uint32_t mode) {
    if (e->cfg.force_checked || mode & MODE_AC) return false;
    if (e->cfg.force_direct || !(mode & MODE_PAGED)) return true;
    return (mode & MODE_CPL) != MODE_CPL || mode & MODE_DIRECT;
}

bool adapt_grow(struct bt_engine *e, uint64_t cycles) {
    if (e->cpu->cpl != 3 || !smmu_space_grow(e->smmu, gva(e->cpu->seg[DEC_CS].base + e->cpu->eip), cycles))
        return false;
    e->stats.matured++;
    if (cycles != GROW_AT_ONCE) foresight_grown(e);
    adapt_note(e, BT_CHANGE_SPACE, smmu_inspect_cr3(e->smmu), 0, NULL);
    return true;
}

/* A process that has just begun comes here often, because its code is new. A long pause was the kernel's, or another
 * process's. */
bool adapt_grow_by_tsc(struct bt_engine *e) {
    enum { LONG = 50000 };
    if (e->cpu->cpl != 3 || e->mode & MODE_DIRECT) return false;
    uint64_t now = __rdtsc(), passed = now - e->grown_at;
    e->grown_at = now;
    return passed < LONG && adapt_grow(e, passed);
}

/* A process that runs what others have run before it makes no blocks, and a tick of the thread's time may be four
 * milliseconds. Processes that live shorter must not grow up by each other's time, though. */
void adapt_young(struct bt_engine *e) {
    if (e->ripening || !e->cfg.young) return;
    e->ripening = true;
    e->ripening_stamp = smmu_space_stamp(e->smmu);
    e->cfg.young(e->cfg.young_opaque);
}

static uint32_t slot_of(uint32_t key) { return key * 0x9E3779B1u >> 16 & (GUILT_SLOTS - 1); }

static uint32_t epoch(const struct bt_engine *e) { return e->sampled_ms / EPOCH_MS + 1; }

const struct guilt *adapt_record(const struct bt_engine *e, uint32_t frame, uint32_t off) {
    uint32_t slot = slot_of(insn_key(frame, off));
    if (!(e->guilt_used[slot / 64] >> slot % 64 & 1)) return NULL;
    const struct guilt *g = &e->guilt[slot];
    return g->key == insn_key(frame, off) ? g : NULL;
}

uint32_t adapt_guilty_until(const struct bt_engine *e, uint32_t frame, uint32_t off) {
    const struct guilt *g = adapt_record(e, frame, off);
    return g && g->until > epoch(e) ? g->until : 0;
}

/* Each verdict doubles the time until direct access is tried again, from a second of guest work to some minutes;
 * an access that can never be direct (a device, a write to code) starts in the middle. */
static void sentence(struct bt_engine *e, struct guilt *g, bool certain) {
    enum { FIRST = 1, CERTAIN_LEVEL = 5, MAX_LEVEL = 8, MOST = 127 };
    if (certain && g->level < CERTAIN_LEVEL) g->level = CERTAIN_LEVEL;
    g->until = epoch(e) + (FIRST << g->level);
    if (g->level < MAX_LEVEL) g->level++;
    g->faults = 0;
    g->verdicts = (uint8_t)((g->verdicts + (g->verdicts < MOST)) & MOST);
    g->never = certain;
    e->stats.demotions++;
    adapt_note(e, certain ? BT_CHANGE_NEVER : BT_CHANGE_FAULTS, g->key - 1, g->until, g);
}

bool adapt_fault(struct bt_engine *e, uint32_t frame, uint32_t off, unsigned weight) {
    uint32_t key = insn_key(frame, off), slot = slot_of(key);
    struct guilt *g = &e->guilt[slot];
    e->guilt_used[slot / 64] |= UINT64_C(1) << slot % 64;
    if (g->key != key) *g = (struct guilt){.key = key};
    if (g->since != epoch(e)) {
        g->since = epoch(e);
        g->faults = 0;
    }
    g->faults = (uint16_t)(g->faults + weight);
    if (g->faults < GUILT_LIMIT) return false;
    sentence(e, g, weight >= GUILT_LIMIT);
    return true;
}

bool adapt_wants(const struct bt_engine *e, const struct block *b) {
    return !b->dead && b->retry_epoch && b->retry_epoch <= epoch(e);
}

void adapt_queue(struct bt_engine *e, uint32_t id) {
    if (e->retry_head - e->retry_tail >= RETRY_QUEUE) return;
    e->retry[e->retry_head % RETRY_QUEUE] = id;
    e->retry_head++;
}

void adapt_apply(struct bt_engine *e) {
    while (e->retry_tail != e->retry_head) {
        uint32_t id = e->retry[e->retry_tail % RETRY_QUEUE];
        e->retry_tail++;
        if (id >= e->n_blocks || e->blocks[id].dead) continue;
        const struct block *b = &e->blocks[id];
        if (!b->demoted && adapt_wants(e, b))
            adapt_note(e, BT_CHANGE_RETRY, b->frame[0] << SMMU_PAGE_SHIFT | b->off, 0, NULL);
        else if (!b->demoted)
            continue;
        block_kill(e, id);
    }
}
