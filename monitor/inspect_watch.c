/* inspect_watch.c: single events: counted, traced; interrupts by line and vector. */
#include "monitor/inspect_watch.h"

#include <stdio.h>
#include <string.h>
#include "devemu/i8259.h"
#include "devemu/irq_router.h"
#include "devemu/lapic.h"
#include "monitor/board.h"
#include "monitor/inspect_internal.h"

_Static_assert((int)MON_IRQ_LINES == (int)IRQ_ROUTER_LINES, "one each");

/* ---- Counting ---- */

struct order {
    enum mon_watch_group group;
    bool on, ok;
};

static bool do_watch(struct machine *m, void *args, struct letter *l) {
    struct order *o = args;
    (void)l;
    o->ok = watch_count(m, o->group, o->on);
    return true;
}

enum mon_ask mon_ask_watch(struct machine *m, enum mon_watch_group g, bool on) {
    struct order o = {g, on, false};
    enum mon_ask a = inspect_ask(m, do_watch, &o, sizeof o);
    return a == MON_ASK_OK && !o.ok ? MON_ASK_NO_MEMORY : a;
}

static const char *name_of(const struct machine *m, const struct watch_slot *s) {
    const char *name;
    struct smmu_backing b;
    switch (s->kind) {
    case MON_SEEN_CALLOUT: return bt_op_name((enum bt_op)s->sub);
    case MON_SEEN_IN:
    case MON_SEEN_OUT: name = dev_io_name(m->io, (uint16_t)s->where); return name ? name : "";
    case MON_SEEN_READ:
    case MON_SEEN_WRITE: b = smmu_mem_lookup(m->mem, gpa(s->where)); return b.dev ? b.dev->name : "";
    default: return "";
    }
}

static bool do_rows(struct machine *m, void *args, struct letter *l) {
    struct mon_watch_rows *r = args;
    const struct watch_table *t = m->watch.table[r->group];
    (void)l;
    r->n = 0;
    r->on = (m->watch.counted >> (r->group == MON_WATCH_EXITS    ? MON_SEEN_CALLOUT
                                  : r->group == MON_WATCH_FAULTS ? MON_SEEN_HIDDEN
                                                                 : MON_SEEN_IN) &
             1) != 0;
    if (!t) return r->cursor = 0, true;
    memcpy(r->total, t->total, sizeof r->total);
    memcpy(r->lost, t->lost, sizeof r->lost);
    r->ns = clock_now(&m->clock) - t->begun_ns;
    for (; r->cursor < WATCH_SLOTS && r->n < MON_WATCH_ROWS; r->cursor++) {
        const struct watch_slot *s = &t->slot[r->cursor];
        struct mon_watch_row *o = &r->row[r->n];
        if (!s->count) continue;
        *o = (struct mon_watch_row){s->kind, s->sub, s->pc, s->where, s->count, s->cycles, ""};
        snprintf(o->name, sizeof o->name, "%s", name_of(m, s));
        r->n++;
    }
    if (r->cursor == WATCH_SLOTS) r->cursor = 0;
    return true;
}

enum mon_ask mon_ask_watch_rows(struct machine *m, struct mon_watch_rows *r) {
    return inspect_ask(m, do_rows, r, sizeof *r);
}

/* ---- Traces ---- */

struct trace_order {
    struct mon_trace_order order;
    bool ok;
};

static bool do_trace(struct machine *m, void *args, struct letter *l) {
    struct trace_order *o = args;
    (void)l;
    o->ok = watch_trace(m, &o->order);
    return true;
}

enum mon_ask mon_ask_trace(struct machine *m, const struct mon_trace_order *order) {
    struct trace_order o = {.order = *order};
    enum mon_ask a = inspect_ask(m, do_trace, &o, sizeof o);
    return a == MON_ASK_OK && !o.ok ? MON_ASK_NO_MEMORY : a;
}

static bool do_trace_read(struct machine *m, void *args, struct letter *l) {
    struct mon_trace *t = args;
    const struct watch_ring *r = m->watch.ring;
    (void)l;
    t->n = 0;
    t->kinds = m->watch.traced;
    if (!r) return true;
    t->order = r->order;
    t->seen = r->seen;
    t->judged = r->judged;
    t->failed = r->failed;
    t->first = r->seen > MON_TRACE_RING ? r->seen - MON_TRACE_RING : 0;
    if (t->from < t->first) t->from = t->first;
    for (; t->from < r->seen && t->n < MON_TRACE_ENTRIES; t->from++) t->at[t->n++] = r->at[t->from % MON_TRACE_RING];
    return true;
}

enum mon_ask mon_ask_trace_read(struct machine *m, struct mon_trace *t) {
    return inspect_ask(m, do_trace_read, t, sizeof *t);
}

/* ---- Interrupts ---- */

static bool do_irq(struct machine *m, void *args, struct letter *l) {
    struct mon_irq_counts *o = args;
    struct board_interrupts b;
    (void)l;
    board_interrupts(m->board, &b);
    for (int i = 0; i < MON_IRQ_LINES; i++) {
        o->raised[i] = irq_router_raised(b.router, i);
        o->level[i] = irq_router_level(b.router, i);
    }
    for (int i = 0; i < MON_PIC_INPUTS; i++) i8259_counts(b.pic, i, &o->pic_acks[i], &o->pic_eois[i]);
    memcpy(o->delivered, m->stats.vectors, sizeof o->delivered);
    lapic_eois(b.lapic, o->lapic_eois);
    o->nmis = m->stats.nmis;
    return inspect_interrupts(m, &o->now), true;
}

enum mon_ask mon_ask_irq_counts(struct machine *m, struct mon_irq_counts *out) {
    return inspect_ask(m, do_irq, out, sizeof *out);
}
