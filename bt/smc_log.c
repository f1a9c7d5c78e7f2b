/*
 * smc_log.c: which code is written, by whom, and what it costs: a table by frame and writing instruction.
 *
 * A write that drops blocks costs their translation, so noting it costs nothing beside. A write that drops none is only
 * counted, under no instruction. Rows that have to make room are summed up, so that all rows are all writes.
 */
#include "bt/inspect_internal.h"

/* The instruction that a thunk was called from. */
static uint32_t pc_of_access(const struct bt_engine *e) {
    const uint8_t *ret = *(const uint8_t *const *)(uintptr_t)e->cpu->p.ras_rsp;
    uint32_t id = block_at_host(e, ret - 1), eip;
    int8_t esp;
    if (id == BT_NONE || !block_pc(e, id, ret - 1, &eip, &esp)) return BT_INSPECT_NO_VA;
    return e->blocks[id].cs_base + eip;
}

static uint32_t writer(const struct bt_engine *e) {
    const struct bt_cpu *c = e->cpu;
    switch (c->at) {
    case BT_AT_ACCESS:
    case BT_AT_REGISTER: return pc_of_access(e);
    case BT_AT_EXCEPTION:
    case BT_AT_MONITOR: return bt_pc(c).v; /* what was interrupted, when the processor writes to the stack */
    default: return c->at < BT_OP_COUNT ? bt_pc(c).v : (uint32_t)BT_INSPECT_NO_VA; /* a device */
    }
}

static void add(struct bt_inspect_smc *to, const struct bt_inspect_smc *s) {
    to->drops += s->drops;
    to->blocks += s->blocks;
    to->harmless += s->harmless;
}

static bool used(const struct bt_inspect_smc *s) { return s->drops || s->harmless; }

/* Its row, or a free one, or that of the fewest writes. */
static struct bt_inspect_smc *row_of(struct bt_engine *e, uint32_t frame, uint32_t pc) {
    enum { TRIES = 8 };
    uint32_t at = (frame * 0x9E3779B1u ^ pc * 0x85EBCA6Bu) >> 16;
    struct bt_inspect_smc *least = NULL;
    for (uint32_t i = 0; i < TRIES; i++) {
        struct bt_inspect_smc *s = &e->smc.row[(at + i) % BT_INSPECT_SMC];
        if (used(s) && s->frame == frame && s->pc == pc) return s;
        if (!least || s->drops + s->harmless < least->drops + least->harmless) least = s;
    }
    add(&e->smc.forgotten, least);
    *least = (struct bt_inspect_smc){.frame = frame, .pc = pc};
    return least;
}

void smc_harmless(struct bt_engine *e, uint32_t frame) { row_of(e, frame, BT_INSPECT_NO_VA)->harmless++; }

void smc_dropped(struct bt_engine *e, uint32_t frame, uint32_t blocks) {
    struct bt_inspect_smc *s = row_of(e, frame, writer(e));
    s->drops++;
    s->blocks += blocks;
}

void bt_inspect_smc_rows(const struct bt_engine *e, struct bt_inspect_smc_rows *r) {
    r->n = 0;
    r->forgotten = r->total = e->smc.forgotten;
    for (uint32_t i = 0; i < BT_INSPECT_SMC; i++) {
        const struct bt_inspect_smc *s = &e->smc.row[i];
        if (!used(s)) continue;
        r->row[r->n++] = *s;
        add(&r->total, s);
    }
}
