/* breaks.c: a debugger's breakpoints: blocks that cover one die when it is set or removed. */
#include "bt/bt_internal.h"

void block_kill_linear(struct bt_engine *e, uint32_t first, uint32_t last) {
    for (uint32_t id = 0; id < e->n_blocks; id++) {
        const struct block *b = &e->blocks[id];
        uint32_t va = b->cs_base + b->eip;
        bool covers = va - first <= last - first || first - va < b->guest_len;
        /* A routine in line may be what is meant: it is called where there are breakpoints or marks. */
        if (!b->dead && (covers || b->frame[2] != BT_NONE)) block_kill(e, id);
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
    block_kill_linear(e, at.v, at.v);
    return true;
}

void bt_break_remove(struct bt_engine *e, struct gva at) {
    for (unsigned i = 0; i < e->n_breaks; i++) {
        if (e->breaks[i] != at.v) continue;
        e->breaks[i] = e->breaks[--e->n_breaks];
        block_kill_linear(e, at.v, at.v);
        return;
    }
}
