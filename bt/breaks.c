/* breaks.c: a debugger's breakpoints: blocks that cover one die when it is set or removed. */
#include "bt/bt_internal.h"

static void kill_covering(struct bt_engine *e, uint32_t at) {
    for (uint32_t id = 0; id < e->n_blocks; id++) {
        const struct block *b = &e->blocks[id];
        if (!b->dead && at - (b->cs_base + b->eip) < b->guest_len) block_kill(e, id);
    }
    e->ras_reset_wanted = true; /* a predicted return would go on in a dead block */
}

bool bt_break_at(const struct bt_engine *e, struct gva at) {
    for (unsigned i = 0; i < e->n_breaks; i++)
        if (e->breaks[i] == at.v) return true;
    return false;
}

bool bt_break_add(struct bt_engine *e, struct gva at) {
    if (bt_break_at(e, at)) return true;
    if (e->n_breaks == BT_BREAKS_MAX) return false;
    e->breaks[e->n_breaks++] = at.v;
    kill_covering(e, at.v);
    return true;
}

void bt_break_remove(struct bt_engine *e, struct gva at) {
    for (unsigned i = 0; i < e->n_breaks; i++) {
        if (e->breaks[i] != at.v) continue;
        e->breaks[i] = e->breaks[--e->n_breaks];
        kill_covering(e, at.v);
        return;
    }
}
