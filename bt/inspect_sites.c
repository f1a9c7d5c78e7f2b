/*
 * inspect_sites.c: indirect jumps, calls and returns as consoles see them: what the engine keeps about them anyway.
 *
 * A hit leaves no trace: it is a few instructions of translated code. Misses come to the engine, which counts them.
 */
#include "bt/inspect_internal.h"

enum { STEP_PORTS = 4096, STEP_BLOCKS = 2048 };

/* Is it a call? A call has a landing pad behind it; what tells for sure is the guest's byte. */
static bool is_call(const struct bt_engine *e, const struct block *b, uint32_t eip) {
    struct insn insn;
    uint32_t at = b->off + (eip - b->eip), avail = SMMU_PAGE_SIZE - at;
    if (b->frame[1] != BT_NONE || at >= SMMU_PAGE_SIZE) return false;
    const uint8_t *bytes = e->linear + (size_t)b->frame[0] * SMMU_PAGE_SIZE + at;
    if (avail > DEC_MAX_LEN) avail = DEC_MAX_LEN;
    return dec_insn(bytes, avail, b->mode & MODE_CODE32, e->cfg.features, &insn) == DEC_OK && insn.reg == 2;
}

static void describe(const struct bt_engine *e, const struct port *p, struct bt_inspect_site *s) {
    const struct block *b = &e->blocks[p->from];
    uint32_t eip = b->eip;
    int8_t esp;
    (void)block_pc(e, p->from, e->code + p->field_off - 1, &eip, &esp);
    *s = (struct bt_inspect_site){.block = p->from,
                                  .va = b->cs_base + eip,
                                  .samples = b->samples,
                                  .misses = p->misses,
                                  .call = is_call(e, b, eip),
                                  .many = p->many,
                                  .n = p->n};
    for (unsigned i = 0; i < p->n; i++) {
        const struct link *k = &e->links[p->link[i]];
        s->target[i].va = b->cs_base + k->target_eip;
        s->target[i].to = k->to == BT_NONE ? (uint32_t)BT_INSPECT_NO_VA : k->to;
    }
}

static uint32_t rank(const struct bt_engine *e, const struct bt_inspect_sites *s, const struct port *p) {
    return s->by_misses ? p->misses : e->blocks[p->from].samples;
}

static uint32_t rank_of_row(const struct bt_inspect_sites *s, uint32_t i) {
    return s->by_misses ? s->row[i].misses : s->row[i].samples;
}

static void insert(const struct bt_engine *e, struct bt_inspect_sites *s, const struct port *p) {
    uint32_t at = s->n, mine = rank(e, s, p);
    while (at > 0 && rank_of_row(s, at - 1) < mine) at--;
    if (at >= s->limit) return;
    if (s->n < s->limit) s->n++;
    for (uint32_t i = s->n - 1; i > at; i--) s->row[i] = s->row[i - 1];
    describe(e, p, &s->row[at]);
}

_Static_assert((int)PORT_TARGETS == sizeof((struct bt_inspect_site *)0)->target / sizeof(uint64_t), "a place for each");

void bt_inspect_sites(struct bt_engine *e, struct bt_inspect_sites *s) {
    if (!s->limit || s->limit > BT_INSPECT_SITES) s->limit = BT_INSPECT_SITES;
    if (inspect_begin(e, &s->epoch, &s->cursor)) s->misses = s->matches = s->many = s->targets = s->n = 0;
    uint32_t i = s->cursor;
    for (unsigned step = 0; i < e->n_ports && step < STEP_PORTS; i++, step++) {
        const struct port *p = &e->ports[i];
        if (e->blocks[p->from].dead) continue;
        s->matches++;
        s->many += p->many;
        s->targets += p->n;
        s->misses += p->misses;
        insert(e, s, p);
    }
    s->cursor = i < e->n_ports ? i : 0;
}

/* A pad is the one thing that knows the negative of an address of its own. */
static uint64_t pads_of(const struct bt_engine *e, const struct block *b) {
    uint64_t n = 0;
    for (uint32_t i = 0; i < b->reloc_count; i++) n += e->relocs[b->reloc_first + i].kind == RELOC_MINUS_EIP;
    return n;
}

void bt_inspect_returns(struct bt_engine *e, struct bt_inspect_returns *r) {
    if (inspect_begin(e, &r->epoch, &r->cursor)) r->pads = 0;
    uint32_t id = r->cursor;
    for (unsigned step = 0; id < e->n_blocks && step < STEP_BLOCKS; id++, step++)
        if (!e->blocks[id].dead) r->pads += pads_of(e, &e->blocks[id]);
    r->cursor = id < e->n_blocks ? id : 0;
    r->resets = e->stats.ras_resets;
    r->counting = e->counting;
    r->executed = e->cpu->p.returns;
    r->misses = e->cpu->p.return_misses;
}
