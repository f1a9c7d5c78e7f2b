/*
 * adapt_log.c: the history of adaptation: a ring of the latest changes, and consoles' way to it.
 *
 * Changes are rare (a verdict takes thousands of faults), so it is always kept. Written on the vCPU thread, at times in
 * a handler of its signals, none of which interrupts another writer.
 */
#include "bt/inspect_internal.h"

void adapt_note(struct bt_engine *e, enum bt_change what, uint32_t physical, uint32_t until, const struct guilt *g) {
    e->adapt_log.at[e->adapt_log.n++ % ADAPT_LOG] =
        (struct bt_inspect_change){.ms = e->sampled_ms,
                                   .physical = physical,
                                   .until_ms = until ? (until - 1) * EPOCH_MS : 0,
                                   .what = (uint8_t)what,
                                   .level = g ? g->level : 0,
                                   .verdicts = g ? g->verdicts : 0};
}

void bt_inspect_history(struct bt_engine *e, struct bt_inspect_history *h) {
    uint32_t total = e->adapt_log.n, oldest = total > ADAPT_LOG ? total - ADAPT_LOG : 0;
    if (h->next < oldest || h->next > total) h->next = oldest;
    h->n = 0;
    h->total = total;
    h->now = e->sampled_ms;
    for (; h->next < total && h->n < BT_INSPECT_CHANGES; h->next++) {
        struct bt_inspect_change *c = &h->row[h->n++];
        *c = e->adapt_log.at[h->next % ADAPT_LOG];
        c->va = c->what == BT_CHANGE_SPACE ? (uint32_t)BT_INSPECT_NO_VA : inspect_va(e, c->physical);
    }
    h->more = h->next < total;
}
