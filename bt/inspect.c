/*
 * inspect.c: the code cache as consoles see it.
 *
 * It reads what block.c and translate.c keep anyway, so it costs nothing until somebody asks.
 */
#include "bt/inspect.h"

#include "bt/inspect_internal.h"
#include "bt/sensitive.h"
#include "shadowmmu/inspect.h"

enum { STEP_TOTALS = 1024, STEP_LIST = 4096 }; /* blocks a question */

/* ---- What a block is ---- */

static unsigned kind_of(const struct block *b) {
    unsigned base = b->mode & MODE_VM      ? BT_KIND_V86
                    : !(b->mode & MODE_PE) ? BT_KIND_REAL
                                           : BT_KIND_RING0 + ((b->mode & MODE_CPL) >> MODE_CPL_SHIFT);
    return base * 2 + ((b->mode & MODE_CODE32) != 0);
}

const char *bt_kind_name(unsigned kind) {
    static const char *const name[BT_KINDS] = {"real",     "real/32", "v86",      "v86/32", "ring0/16", "ring0",
                                               "ring1/16", "ring1",   "ring2/16", "ring2",  "ring3/16", "ring3"};
    return kind < BT_KINDS ? name[kind] : "?";
}

uint32_t bt_inspect_epoch(const struct bt_engine *e) { return (uint32_t)e->stats.flushes; }

static uint8_t guest_byte(const struct bt_engine *e, const struct block *b, uint32_t i) {
    uint32_t at = b->off + i, frame = at < SMMU_PAGE_SIZE || b->frame[1] == BT_NONE ? b->frame[0] : b->frame[1];
    return e->linear[(size_t)frame * SMMU_PAGE_SIZE + at % SMMU_PAGE_SIZE];
}

/* The pieces of the hot part of one instruction: from map entry i on. Returns the entry behind them. */
struct stretch {
    uint32_t guest_off, guest_len, host_off, host_len;
};
static uint32_t stretch_at(const struct bt_engine *e, const struct block *b, uint32_t i, struct stretch *s) {
    const struct pc_entry *m = &e->map[b->map_first];
    *s = (struct stretch){.guest_off = m[i].guest_off, .host_off = m[i].host_off};
    while (i < b->map_cold && m[i].guest_off == s->guest_off) i++;
    s->host_len = (i < b->map_cold ? m[i].host_off : b->host_len) - s->host_off;
    s->guest_len = (i < b->map_cold ? m[i].guest_off : b->guest_len) - s->guest_off;
    return i;
}

static bool identical(const struct bt_engine *e, const struct block *b, const struct stretch *s) {
    if (s->host_len != s->guest_len) return false;
    for (uint32_t i = 0; i < s->host_len; i++)
        if (e->code[b->host_off + s->host_off + i] != guest_byte(e, b, s->guest_off + i)) return false;
    return true;
}

static unsigned count_identical(const struct bt_engine *e, const struct block *b) {
    struct stretch s;
    unsigned n = 0;
    for (uint32_t i = 0; i < b->map_cold;) {
        i = stretch_at(e, b, i, &s);
        n += identical(e, b, &s);
    }
    return n;
}

/* ---- Totals ---- */

static void add_block(const struct bt_engine *e, const struct block *b, struct bt_inspect_kind *k) {
    k->samples += b->samples;
    k->dead += b->dead;
    if (b->dead) return;
    k->live++;
    k->direct += b->direct;
    k->checked += !b->direct;
    k->copies += b->copy;
    k->insns += b->n_insns;
    k->identical += count_identical(e, b);
    k->guest_bytes += b->guest_len;
    k->hot_bytes += b->host_len;
    k->cold_bytes += b->cold_len;
    k->links += b->n_links;
    for (unsigned i = 0; i < b->n_links; i++) k->chained += e->links[b->link_first + i].to != BT_NONE;
    for (uint32_t p = b->port_head; p != BT_NONE; p = e->ports[p].next) k->ports++;
}

bool inspect_begin(const struct bt_engine *e, uint32_t *epoch, uint32_t *cursor) {
    bool anew = !*cursor || *epoch != bt_inspect_epoch(e);
    if (anew) *cursor = 0;
    *epoch = bt_inspect_epoch(e);
    return anew;
}

static uint32_t end_of(const struct bt_engine *e, uint32_t cursor, uint32_t step) {
    return cursor >= e->n_blocks || e->n_blocks - cursor <= step ? e->n_blocks : cursor + step;
}

void bt_inspect_totals(struct bt_engine *e, struct bt_inspect_totals *t) {
    if (inspect_begin(e, &t->epoch, &t->cursor))
        for (unsigned i = 0; i < BT_KINDS; i++) t->kind[i] = (struct bt_inspect_kind){0};
    uint32_t end = end_of(e, t->cursor, STEP_TOTALS);
    for (uint32_t id = t->cursor; id < end; id++) add_block(e, &e->blocks[id], &t->kind[kind_of(&e->blocks[id])]);
    t->cursor = end < e->n_blocks ? end : 0;
    t->thunk_bytes = e->code_thunks;
    t->hot_used = e->code_used;
    t->cold_used = e->cold_used;
    t->capacity = e->code_size;
    t->time = bt_inspect_time(e);
    t->samples = bt_inspect_time_sum(&t->time);
}

_Static_assert((int)BT_OP_COUNT <= (int)BT_INSPECT_CALLOUTS, "a row for each");

void bt_inspect_callouts(const struct bt_engine *e, struct bt_inspect_callouts *c) {
    c->n = 0;
    for (unsigned op = 0; op < BT_OP_COUNT; op++) {
        if (!e->stats.callouts[op]) continue;
        c->at[c->n].row = bt_op_name((enum bt_op)op);
        c->at[c->n++].count = e->stats.callouts[op];
    }
}

/* ---- Lists ---- */

static const struct guilt *guilt_of(const struct bt_engine *e, const struct block *b, uint32_t guest_off) {
    return adapt_record(e, b->frame[0], (b->off + guest_off) & SMMU_PAGE_MASK);
}

static uint32_t faults_of(const struct bt_engine *e, const struct block *b) {
    struct stretch s;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->map_cold;) {
        i = stretch_at(e, b, i, &s);
        const struct guilt *g = guilt_of(e, b, s.guest_off);
        if (g) n += g->faults + (uint32_t)g->level * GUILT_LIMIT;
    }
    return n;
}

static void describe(const struct bt_engine *e, uint32_t id, struct bt_inspect_block *out) {
    const struct block *b = &e->blocks[id];
    *out = (struct bt_inspect_block){.id = id,
                                     .va = b->cs_base + b->eip,
                                     .eip = b->eip,
                                     .frame = b->frame[0],
                                     .guest_len = b->guest_len,
                                     .kind = (uint8_t)kind_of(b),
                                     .insns = b->n_insns,
                                     .links = b->n_links,
                                     .direct = b->direct,
                                     .dead = b->dead,
                                     .copy = b->copy,
                                     .single = b->single,
                                     .demoted = b->demoted,
                                     .retry = b->retry_epoch != 0,
                                     .hot_len = b->host_len,
                                     .cold_len = b->cold_len,
                                     .samples = b->samples,
                                     .faults = faults_of(e, b),
                                     .hot_host = (uint64_t)(uintptr_t)(e->code + b->host_off),
                                     .cold_host = (uint64_t)(uintptr_t)(e->code + b->cold_off)};
    for (unsigned i = 0; i < b->n_links; i++)
        out->chained = (uint8_t)(out->chained + (e->links[b->link_first + i].to != BT_NONE));
    for (uint32_t p = b->port_head; p != BT_NONE; p = e->ports[p].next) {
        out->ports++;
        out->targets = (uint8_t)(out->targets + e->ports[p].n);
    }
}

/* Greater comes first. */
static uint64_t rank(const struct bt_engine *e, const struct block *b, enum bt_inspect_sort sort) {
    switch (sort) {
    case BT_SORT_HOT: return b->samples;
    case BT_SORT_SIZE: return (uint64_t)b->host_len + b->cold_len;
    case BT_SORT_EXPANSION: return ((uint64_t)b->host_len + b->cold_len) * 1000 / (b->guest_len ? b->guest_len : 1);
    case BT_SORT_FAULTS: return faults_of(e, b);
    default: return UINT32_MAX - (b->cs_base + b->eip);
    }
}

static void insert(const struct bt_engine *e, struct bt_inspect_list *l, uint32_t id) {
    uint64_t mine = rank(e, &e->blocks[id], l->sort);
    uint32_t at = l->n;
    while (at > 0 && rank(e, &e->blocks[l->row[at - 1].id], l->sort) < mine) at--;
    if (at >= l->limit) return;
    if (l->n < l->limit) l->n++;
    for (uint32_t i = l->n - 1; i > at; i--) l->row[i] = l->row[i - 1];
    describe(e, id, &l->row[at]);
}

/* As the ranges are sorted: the last one that begins at or below va. */
static bool in_ranges(const struct bt_inspect_list *l, uint32_t va) {
    uint32_t lo = 0, hi = l->n_ranges < BT_INSPECT_RANGES ? l->n_ranges : BT_INSPECT_RANGES;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (l->range[mid].first <= va)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo && va <= l->range[lo - 1].last;
}

static bool in_space(const struct bt_engine *e, const struct block *b, uint32_t cr3) {
    uint32_t frame;
    return b->mode & MODE_PAGED && smmu_inspect_space(e->smmu, cr3, gva(b->cs_base + b->eip), &frame) &&
           frame == b->frame[0];
}

static bool chosen(const struct bt_engine *e, const struct block *b, const struct bt_inspect_list *l) {
    return (!l->by_frame || b->frame[0] == l->frame || b->frame[1] == l->frame) &&
           (!l->n_ranges || in_ranges(l, b->cs_base + b->eip)) && (!l->by_space || in_space(e, b, l->cr3));
}

static bool covers(const struct block *b, uint32_t first, uint32_t last) {
    uint32_t va = b->cs_base + b->eip;
    return !b->dead && (va - first <= last - first || first - va < b->guest_len);
}

void bt_inspect_list(struct bt_engine *e, struct bt_inspect_list *l) {
    if (!l->limit || l->limit > BT_INSPECT_ROWS) l->limit = BT_INSPECT_ROWS;
    if (inspect_begin(e, &l->epoch, &l->cursor)) l->samples = l->n = l->matches = 0;
    uint32_t end = end_of(e, l->cursor, STEP_LIST);
    for (uint32_t id = l->cursor; id < end; id++) {
        const struct block *b = &e->blocks[id];
        if (!covers(b, l->first, l->last) || !chosen(e, b, l)) continue;
        l->matches++;
        l->samples += b->samples;
        insert(e, l, id);
    }
    l->cursor = end < e->n_blocks ? end : 0;
}

/* ---- One block ---- */

static void explain(const struct bt_engine *e, const struct block *b, const struct bt_inspect_detail *d,
                    const struct stretch *s, struct bt_inspect_insn *out) {
    struct insn insn;
    uint32_t len = s->guest_len < DEC_MAX_LEN ? s->guest_len : DEC_MAX_LEN;
    const struct guilt *g = guilt_of(e, b, s->guest_off);
    *out = (struct bt_inspect_insn){.off = (uint8_t)s->guest_off, .len = (uint8_t)s->guest_len, .cls = "?"};
    out->identical = identical(e, b, s);
    out->flags = inspect_flags(e->code + b->host_off + s->host_off, s->host_len);
    if (g) out->guilty_until = adapt_guilty_until(e, b->frame[0], (b->off + s->guest_off) & SMMU_PAGE_MASK);
    if (!len || dec_insn(d->guest + s->guest_off, len, b->mode & MODE_CODE32, e->cfg.features, &insn) != DEC_OK) return;
    out->cls = dec_class_name((enum dec_class)insn.cls);
    enum bt_op op = bt_op_find(&insn);
    if (op == BT_OP_COUNT) return;
    out->row = bt_op_name(op);
    out->reason = bt_op_reason(op);
    out->title = bt_op_title(op);
}

static void list_insns(const struct bt_engine *e, const struct block *b, struct bt_inspect_detail *d) {
    struct stretch s;
    for (uint32_t i = 0; i < b->map_cold && d->n_insns < BT_INSPECT_INSNS;) {
        i = stretch_at(e, b, i, &s);
        explain(e, b, d, &s, &d->insn[d->n_insns++]);
    }
}

static void list_pieces(const struct bt_engine *e, const struct block *b, struct bt_inspect_detail *d) {
    const struct pc_entry *m = &e->map[b->map_first];
    for (uint32_t i = 0; i < b->map_count && d->n_pieces < BT_INSPECT_MAP; i++) {
        bool cold = i >= b->map_cold, last = i + 1 == (cold ? b->map_count : b->map_cold);
        uint32_t end = last ? (cold ? b->cold_len : b->host_len) : m[i + 1].host_off;
        d->piece[d->n_pieces++] =
            (struct bt_inspect_piece){m[i].guest_off, m[i].esp, cold, m[i].host_off, end - m[i].host_off};
    }
}

static void add_way(struct bt_inspect_detail *d, struct bt_inspect_way w) {
    if (d->n_ways < BT_INSPECT_LINKS) d->way[d->n_ways++] = w;
}

static void list_ways(const struct bt_engine *e, const struct block *b, struct bt_inspect_detail *d) {
    for (unsigned i = 0; i < b->n_links; i++) {
        const struct link *k = &e->links[b->link_first + i];
        add_way(d, (struct bt_inspect_way){k->target_eip, k->to, false, false});
    }
    for (uint32_t p = b->port_head; p != BT_NONE; p = e->ports[p].next) {
        const struct port *q = &e->ports[p];
        if (!q->n) add_way(d, (struct bt_inspect_way){0, BT_NONE, true, q->many});
        for (unsigned i = 0; i < q->n; i++) {
            const struct link *k = &e->links[q->link[i]];
            add_way(d, (struct bt_inspect_way){k->target_eip, k->to, true, false});
        }
    }
}

static uint32_t copy_host(uint8_t *to, const uint8_t *from, uint32_t len) {
    uint32_t n = len < BT_INSPECT_HOST ? len : BT_INSPECT_HOST;
    for (uint32_t i = 0; i < n; i++) to[i] = from[i];
    return n;
}

void bt_inspect_block(struct bt_engine *e, struct bt_inspect_detail *d) {
    d->n_insns = d->n_pieces = d->n_ways = d->n_hot = d->n_cold = 0;
    d->found = d->id < e->n_blocks;
    if (!d->found) return;
    const struct block *b = &e->blocks[d->id];
    describe(e, d->id, &d->block);
    for (uint32_t i = 0; i < b->guest_len && i < sizeof d->guest; i++) d->guest[i] = guest_byte(e, b, i);
    list_insns(e, b, d);
    list_pieces(e, b, d);
    list_ways(e, b, d);
    d->n_hot = copy_host(d->hot, e->code + b->host_off, b->host_len);
    d->n_cold = copy_host(d->cold, e->code + b->cold_off, b->cold_len);
}

/* ---- Adaptation ---- */

uint32_t inspect_va(const struct bt_engine *e, uint32_t physical) {
    enum { MOST = 256 };
    uint32_t frame = physical >> SMMU_PAGE_SHIFT, off = physical & SMMU_PAGE_MASK, id = BT_NONE;
    if (frame < e->n_frames) id = e->frame_blocks[frame];
    for (unsigned i = 0; i < MOST && id != BT_NONE; i++) {
        const struct block *b = &e->blocks[id];
        if (b->frame[0] == frame && off - b->off < b->guest_len) return b->cs_base + b->eip + (off - b->off);
        id = b->frame_next[b->frame[0] == frame ? 0 : 1];
    }
    return BT_INSPECT_NO_VA;
}

void bt_inspect_verdicts(struct bt_engine *e, struct bt_inspect_verdicts *v) {
    v->n = 0;
    v->now = e->sampled_ms / EPOCH_MS + 1;
    v->epoch_ms = EPOCH_MS;
    uint32_t i = v->cursor;
    for (; i < GUILT_SLOTS && v->n < BT_INSPECT_VERDICTS; i++) {
        const struct guilt *g = &e->guilt[i];
        if (!g->key || (!g->faults && !g->until)) continue;
        uint32_t at = g->key - 1;
        v->row[v->n++] = (struct bt_inspect_verdict){.frame = at >> SMMU_PAGE_SHIFT,
                                                     .off = at & SMMU_PAGE_MASK,
                                                     .until = g->until,
                                                     .faults = g->faults,
                                                     .va = inspect_va(e, at),
                                                     .level = g->level,
                                                     .verdicts = g->verdicts};
    }
    v->cursor = i < GUILT_SLOTS ? i : 0;
}
