/*
 * steer.c: a user's orders about translations: ranges whose blocks are made another way, links undone.
 *
 * Blocks in a range die when a mark on it comes or goes, and are translated anew when they are next wanted. Outside
 * bt_run only, as a debugger's breakpoints (breaks.c). No mark: a compare a translation, nothing in translated code.
 */
#include "bt/bt_internal.h"

static bool covers(const struct bt_mark *m, uint32_t va) { return va - m->first <= m->last - m->first; }

unsigned mark_kinds(const struct bt_engine *e, uint32_t va) {
    unsigned kinds = 0;
    for (unsigned i = 0; i < e->n_marks; i++) {
        if (!covers(&e->marks[i], va)) continue;
        if (e->marks[i].kind != BT_MARK_STEP) kinds &= BT_MARK_STEP; /* the latest counts */
        kinds |= e->marks[i].kind;
    }
    return kinds;
}

bool mark_direct(const struct bt_engine *e, uint32_t va, uint32_t mode) {
    unsigned kinds = mark_kinds(e, va);
    if (kinds & BT_MARK_CHECKED || e->cfg.force_checked || mode & MODE_AC) return false;
    return kinds & BT_MARK_DIRECT || adapt_direct(e, mode);
}

static void make_anew(struct bt_engine *e, uint32_t first, uint32_t last) {
    block_kill_linear(e, first, last);
    e->ras_reset_wanted = true; /* a predicted return would go on in a dead block */
}

static void forget(struct bt_engine *e, unsigned i) {
    for (e->n_marks--; i < e->n_marks; i++) e->marks[i] = e->marks[i + 1];
}

bool bt_mark_add(struct bt_engine *e, struct bt_mark mark) {
    for (unsigned i = e->n_marks; i-- > 0;) { /* what it hides */
        const struct bt_mark *m = &e->marks[i];
        bool same_kind = (m->kind == BT_MARK_STEP) == (mark.kind == BT_MARK_STEP);
        if (same_kind && covers(&mark, m->first) && covers(&mark, m->last)) forget(e, i);
    }
    if (e->n_marks == BT_MARKS_MAX) return false;
    e->marks[e->n_marks++] = mark;
    make_anew(e, mark.first, mark.last);
    return true;
}

unsigned bt_mark_remove(struct bt_engine *e, uint32_t first, uint32_t last, unsigned kinds) {
    unsigned n = 0;
    for (unsigned i = e->n_marks; i-- > 0;) {
        struct bt_mark m = e->marks[i];
        if (!(m.kind & kinds) || m.first > last || m.last < first) continue;
        forget(e, i);
        make_anew(e, m.first, m.last);
        n++;
    }
    return n;
}

unsigned bt_marks(const struct bt_engine *e, struct bt_mark out[BT_MARKS_MAX]) {
    for (unsigned i = 0; i < e->n_marks; i++) out[i] = e->marks[i];
    return e->n_marks;
}

bool bt_mark_of_block(const struct bt_engine *e, uint32_t id, struct bt_mark *out) {
    if (id >= e->n_blocks || e->blocks[id].dead) return false;
    const struct block *b = &e->blocks[id];
    uint32_t first = b->cs_base + b->eip;
    *out = (struct bt_mark){first, first + b->guest_len - 1, b->direct ? BT_MARK_DIRECT : BT_MARK_CHECKED};
    return true;
}

/* ---- Links ---- */

static void unlink_ports(struct bt_engine *e, const struct block *b, struct bt_unlinked *out) {
    for (uint32_t p = b->port_head; p != BT_NONE; p = e->ports[p].next) {
        out->targets += e->ports[p].n + e->ports[p].looks_up;
        e->ports[p].looks_up = false;
    }
    ports_close(e, b);
}

bool bt_unlink(struct bt_engine *e, uint32_t id, struct bt_unlinked *out) {
    *out = (struct bt_unlinked){0};
    if (id >= e->n_blocks || e->blocks[id].dead) return false;
    struct block *b = &e->blocks[id];
    for (; b->in_head != BT_NONE; out->in++) link_forget(e, b->in_head);
    for (unsigned i = 0; i < b->n_links; i++) {
        out->out += e->links[b->link_first + i].to != BT_NONE;
        link_forget(e, b->link_first + i);
    }
    unlink_ports(e, b, out);
    jump_cache_drop(e, id);
    e->ras_reset_wanted = true;
    return true;
}
