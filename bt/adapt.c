/*
 * adapt.c: which accesses go direct: blocks found hot by sampling are promoted,
 * instructions whose direct accesses keep faulting are demoted.
 *
 * Both memories are small direct-mapped tables keyed by physical code address:
 * a collision forgets, which costs time and never correctness.
 */
#include "bt/bt_internal.h"

static uint32_t slot_of(uint32_t key) { return key * 0x9E3779B1u >> 16 & (GUILT_SLOTS - 1); }
static uint32_t key_of(uint32_t frame, uint32_t off) { return (frame << SMMU_PAGE_SHIFT | off) + 1; }

static uint32_t epoch(const struct bt_engine *e) { return e->samples / SAMPLES_PER_EPOCH + 1; }

uint32_t adapt_guilty_until(const struct bt_engine *e, uint32_t frame, uint32_t off) {
    const struct guilt *g = &e->guilt[slot_of(key_of(frame, off))];
    return g->key == key_of(frame, off) && g->until > epoch(e) ? g->until : 0;
}

/* Each verdict doubles the time until direct access is tried again, from a quarter second of guest work to a minute;
 * an access that can never be direct (a device, a write to code) starts in the middle. */
static void sentence(struct bt_engine *e, struct guilt *g, bool certain) {
    enum { FIRST = 1, CERTAIN_LEVEL = 5, MAX_LEVEL = 8 };
    if (certain && g->level < CERTAIN_LEVEL) g->level = CERTAIN_LEVEL;
    g->until = epoch(e) + (FIRST << g->level);
    if (g->level < MAX_LEVEL) g->level++;
    g->faults = 0;
    e->stats.demotions++;
}

bool adapt_fault(struct bt_engine *e, uint32_t frame, uint32_t off, unsigned weight) {
    uint32_t key = key_of(frame, off);
    struct guilt *g = &e->guilt[slot_of(key)];
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
    if (b->dead) return false;
    return !b->direct || (b->retry_epoch && b->retry_epoch <= epoch(e));
}

/* By frame, not by block: the next process that runs this code, at other addresses, shall not begin again. */
bool adapt_hot(const struct bt_engine *e, uint32_t frame) {
    return e->hot[slot_of(key_of(frame, 0))] == key_of(frame, 0);
}

static void promote(struct bt_engine *e, uint32_t id) {
    const struct block *b = &e->blocks[id];
    e->hot[slot_of(key_of(b->frame[0], 0))] = key_of(b->frame[0], 0);
    block_kill(e, id);
    e->stats.promotions++;
}

/* A hot block's chained successors are hot as well: promote the neighbourhood at once. */
static void promote_around(struct bt_engine *e, uint32_t id) {
    enum { MAX_AROUND = 16 };
    uint32_t queue[MAX_AROUND];
    unsigned n = 0;
    queue[n++] = id;
    for (unsigned i = 0; i < n; i++) {
        const struct block *b = &e->blocks[queue[i]];
        for (unsigned l = 0; l < b->n_links && n < MAX_AROUND; l++) {
            uint32_t to = e->links[b->links[l]].to;
            bool seen = to == BT_NONE || e->blocks[to].direct || e->blocks[to].dead;
            for (unsigned k = 0; k < n && !seen; k++) seen = queue[k] == to;
            if (!seen) queue[n++] = to;
        }
    }
    for (unsigned i = 0; i < n; i++)
        if (!e->blocks[queue[i]].dead) promote(e, queue[i]);
}

void adapt_queue(struct bt_engine *e, uint32_t id) {
    if (e->promote_head - e->promote_tail >= PROMOTE_QUEUE) return;
    e->promote[e->promote_head % PROMOTE_QUEUE] = id;
    e->promote_head++;
}

void adapt_apply(struct bt_engine *e) {
    while (e->promote_tail != e->promote_head) {
        uint32_t id = e->promote[e->promote_tail % PROMOTE_QUEUE];
        e->promote_tail++;
        if (id >= e->n_blocks || e->blocks[id].dead) continue;
        if (e->blocks[id].demoted)
            block_kill(e, id);
        else if (adapt_wants(e, &e->blocks[id]))
            promote_around(e, id);
    }
}
