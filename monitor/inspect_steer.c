/* inspect_steer.c: orders about translations: marks, links, counting. */
#include "monitor/inspect_cache.h"
#include "monitor/inspect_internal.h"

static bool take_range(const struct machine *m, struct mon_steer *s) {
    struct bt_mark of;
    if (!s->by_block) return true;
    s->no_block = !bt_mark_of_block(m->engine, s->block, &of);
    if (s->no_block) return false;
    s->first = of.first;
    s->last = of.last;
    if (!s->kinds) s->kinds = of.kind;
    return true;
}

static void obey(struct machine *m, struct mon_steer *s) {
    switch (s->what) {
    case MON_STEER_MARK:
        s->full = !bt_mark_add(m->engine, (struct bt_mark){s->first, s->last, (enum bt_mark_kind)s->kinds});
        break;
    case MON_STEER_UNMARK: s->removed = bt_mark_remove(m->engine, s->first, s->last, s->kinds); break;
    case MON_STEER_UNLINK: s->no_block = !bt_unlink(m->engine, s->block, &s->unlinked); break;
    case MON_STEER_COUNT: bt_count(m->engine, s->on); break;
    case MON_STEER_LOOK: break;
    }
}

static bool do_steer(struct machine *m, void *args, struct letter *l) {
    struct mon_steer *s = args;
    const struct bt_private *p = &m->vcpu.cpu.p;
    (void)l;
    if (take_range(m, s)) obey(m, s);
    s->counting = bt_counts(m->engine);
    s->insns = p->insns;
    s->returns = p->returns;
    s->indirects = p->indirects;
    s->return_misses = p->return_misses;
    s->n = bt_marks(m->engine, s->mark);
    return true;
}

enum mon_ask mon_ask_steer(struct machine *m, struct mon_steer *s) { return inspect_ask(m, do_steer, s, sizeof *s); }
