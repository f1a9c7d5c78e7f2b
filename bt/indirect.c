/*
 * indirect.c: the indirect jumps and calls of a block ("ports"): each remembers its
 * targets in a chain of compares of its own, so the host predicts direct jumps.
 *
 * A port's jump leads to a stub that reports to the engine, which adds the target it
 * finds and makes the chain anew; behind the chain stands the stub again. A port
 * with more than PORT_TARGETS targets goes by the jump cache from then on.
 * Each hit of a chain is a link: whoever kills its target points it at the stub.
 */
#include "bt/bt_internal.h"

static const uint8_t *stub_of(const struct bt_engine *e, const struct port *p) { return e->code + p->stub_off; }

static bool usable(const struct bt_engine *e, const struct port *p, const struct block *b) {
    const struct block *from = &e->blocks[p->from];
    return !from->dead && !p->many && !b->dead && link_matches(from, b);
}

static struct link *find(struct bt_engine *e, const struct port *p, uint32_t eip, uint32_t *id) {
    for (unsigned i = 0; i < p->n; i++) {
        *id = p->link[i];
        if (e->links[*id].target_eip == eip) return &e->links[*id];
    }
    return NULL;
}

/* One target, which a check that traps knows from others: behind the jump stands the way out. */
static uint8_t *build_only_target(struct bt_engine *e, const struct port *p, struct x86_buf *b) {
    x86_lea_r32(b, R_B, x86_base(R_A, (int32_t)(0u - e->links[p->link[0]].target_eip)));
    check_zero(b, R_B);
    uint8_t *field = x86_jmp_to(b, stub_of(e, p));
    x86_jmp_to(b, stub_of(e, p));
    return field;
}

/* mov r9, rcx; per target: lea ecx, [r8 - eip]; jrcxz hit; then the stub. A hit: mov rcx, r9; jmp target. */
static void build_compares(struct bt_engine *e, const struct port *p, struct x86_buf *b, uint8_t *field[]) {
    struct x86_fixup hit[PORT_TARGETS];
    poll_into(b, R_B);
    x86_mov_r64_r64(b, R_B, X86_RCX);
    for (unsigned i = 0; i < p->n; i++) {
        x86_lea_r32(b, X86_RCX, x86_base(R_A, (int32_t)(0u - e->links[p->link[i]].target_eip)));
        hit[i] = x86_jrcxz8(b);
    }
    x86_mov_r64_r64(b, X86_RCX, R_B);
    x86_jmp_to(b, stub_of(e, p));
    for (unsigned i = 0; i < p->n; i++) {
        x86_bind(b, hit[i]);
        x86_mov_r64_r64(b, X86_RCX, R_B);
        field[i] = x86_jmp_to(b, stub_of(e, p));
    }
}

static bool build_chain(struct bt_engine *e, struct port *p) {
    struct x86_buf b = block_stub_space(e);
    uint8_t *field[PORT_TARGETS];
    if (p->n == 1 && check_may_trap(e, e->blocks[p->from].mode))
        field[0] = build_only_target(e, p, &b);
    else
        build_compares(e, p, &b, field);
    uint32_t off = block_stub_done(e, &b);
    if (!off) return false;
    for (unsigned i = 0; i < p->n; i++) {
        struct link *k = &e->links[p->link[i]];
        const uint8_t *entry = k->to == BT_NONE ? NULL : link_entry(e, &e->blocks[p->from], k->to);
        k->field_off = (uint32_t)(field[i] - e->code);
        if (entry) x86_patch_rel32(field[i], entry);
    }
    x86_patch_rel32(e->code + p->field_off, e->code + off);
    return true;
}

static void forget_targets(struct bt_engine *e, struct port *p) {
    for (unsigned i = 0; i < p->n; i++) link_forget(e, p->link[i]);
    p->n = 0;
}

/* By the jump cache, with a jump of its own, so that the host predicts it apart from all others. */
static void build_lookup(struct bt_engine *e, struct port *p) {
    struct x86_buf b = block_stub_space(e);
    poll_into(&b, R_B);
    x86_movzx_r32_r16(&b, R_C, R_A);
    x86_mov_r64_m64(&b, R_B, cpu_mem(CPU_OFF(p.jump_cache)));
    x86_jmp_mem(&b, x86_base_index(R_B, R_C, 8, 0));
    uint32_t off = block_stub_done(e, &b);
    if (!off) return;
    p->looks_up = true;
    x86_patch_rel32(e->code + p->field_off, e->code + off);
}

void port_reached(struct bt_engine *e, uint32_t id, uint32_t to) {
    struct port *p = &e->ports[id];
    const struct block *b = &e->blocks[to];
    uint32_t l;
    bool full = p->n == PORT_TARGETS || e->cfg.no_inline_caches || e->n_links >= e->max_links;
    if (p->many || !usable(e, p, b)) {
        if (p->many && !p->looks_up && !e->blocks[p->from].dead) build_lookup(e, p);
        jump_cache_put(e, to);
        return;
    }
    struct link *k = find(e, p, b->eip, &l);
    const uint8_t *entry = link_entry(e, &e->blocks[p->from], to);
    if (!entry) return;
    if (k) {
        if (k->to == BT_NONE) link_chain(e, l, to, entry);
        return;
    }
    if (full) { /* one target too many */
        forget_targets(e, p);
        p->many = true;
        build_lookup(e, p);
        jump_cache_put(e, to);
        return;
    }
    l = e->n_links++;
    e->links[l] = (struct link){.from = p->from,
                                .target_eip = b->eip,
                                .to = BT_NONE,
                                .next_in = BT_NONE,
                                .field_off = p->field_off,
                                .stub_off = p->stub_off};
    p->link[p->n++] = l;
    if (build_chain(e, p))
        link_chain(e, l, to, entry);
    else
        p->n--; /* the cache is full: a flush comes */
}

void ports_close(struct bt_engine *e, const struct block *b) {
    for (uint32_t id = b->port_head; id != BT_NONE; id = e->ports[id].next) {
        forget_targets(e, &e->ports[id]);
        x86_patch_rel32(e->code + e->ports[id].field_off, stub_of(e, &e->ports[id]));
    }
}
