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

bool adapt_guilty(const struct bt_engine *e, uint32_t frame, uint32_t off) {
    const struct guilt *g = &e->guilt[slot_of(key_of(frame, off))];
    return g->key == key_of(frame, off) && g->guilty;
}

bool adapt_fault(struct bt_engine *e, uint32_t frame, uint32_t off, bool certain) {
    uint32_t key = key_of(frame, off);
    struct guilt *g = &e->guilt[slot_of(key)];
    if (g->key != key) *g = (struct guilt){.key = key};
    g->faults++;
    if (!g->guilty && (certain || g->faults >= GUILT_LIMIT)) {
        g->guilty = true;
        e->stats.demotions++;
    }
    return g->guilty;
}

bool adapt_hot(const struct bt_engine *e, uint32_t frame, uint32_t off) {
    return e->hot[slot_of(key_of(frame, off))] == key_of(frame, off);
}

static void promote(struct bt_engine *e, uint32_t id) {
    const struct block *b = &e->blocks[id];
    e->hot[slot_of(key_of(b->frame[0], b->off))] = key_of(b->frame[0], b->off);
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

void adapt_promote_pending(struct bt_engine *e) {
    while (e->promote_tail != e->promote_head) {
        uint32_t id = e->promote[e->promote_tail % PROMOTE_QUEUE];
        e->promote_tail++;
        if (id < e->n_blocks && !e->blocks[id].dead && !e->blocks[id].direct) promote_around(e, id);
    }
}
