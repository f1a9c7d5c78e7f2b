/*
 * mgmt_push.c: traced events on their way to clients of the protocol, which need not ask: events X_NOVT_TRACE.
 *
 * The vCPU thread knows nothing of it: the console's thread reads the ring (mgmt_trace.c) ten times a second, one
 * question's worth of entries at most, so what it costs the machine and a client is bounded. What the ring has
 * overwritten in the meantime is told as a number. It ends with the order, and when nobody listens.
 */
#include <stdlib.h>
#include <time.h>
#include "console/mgmt_cache.h"
#include "console/mgmt_internal.h"
#include "monitor/inspect_watch.h"

enum { EVERY_MS = 100 };

void mgmt_push_begin(struct mgmt *g) { g->push = (struct mgmt_push){.on = true, .fresh = true}; }

static bool somebody_listens(const struct mgmt *g) {
    for (const struct mgmt_client *c = g->client; c; c = c->next)
        if (c->negotiated && c->mode == MGMT_PROTOCOL && c->fd >= 0) return true;
    return false;
}

static void tell(struct mgmt *g, const struct mon_trace *t, uint64_t first) {
    struct mgmt_call call = {.mgmt = g, .machine = g->machine};
    struct timespec now;
    json_t *list = json_array();
    for (uint32_t i = 0; i < t->n; i++) json_array_append_new(list, mgmt_trace_entry_json(&t->at[i], first + i));
    mgmt_add_symbols(&call, list, "pc"); /* or none, if the machine ends */
    clock_gettime(CLOCK_REALTIME, &now);
    json_t *m = mgmt_event_message("X_NOVT_TRACE", now.tv_sec, now.tv_nsec / 1000);
    json_object_set_new(m, "data",
                        json_pack("{s:o, s:I, s:I}", "events", list, "lost", (json_int_t)(first - g->push.next), "seen",
                                  (json_int_t)t->seen));
    mgmt_event_tell(g, m, true);
    json_decref(m);
}

/* False: the order is over. */
static bool take(struct mgmt *g, struct mon_trace *t) {
    struct mgmt_push *p = &g->push;
    t->from = p->next;
    if (mon_ask_trace_read(g->machine, t) != MON_ASK_OK) return true; /* later, perhaps */
    if (p->fresh) p->order = t->order;
    p->fresh = false;
    if (t->order != p->order) return false;
    if (t->n) tell(g, t, t->from - t->n);
    p->next = t->from;
    return t->kinds || t->n == MON_TRACE_ENTRIES;
}

int mgmt_push_run(struct mgmt *g) {
    struct mgmt_push *p = &g->push;
    if (!p->on) return -1;
    uint64_t now = mgmt_now_ms();
    if (now < p->due_ms) return (int)(p->due_ms - now);
    struct mon_trace *t = somebody_listens(g) ? calloc(1, sizeof *t) : NULL;
    p->on = t && take(g, t);
    free(t);
    p->due_ms = mgmt_now_ms() + EVERY_MS;
    return p->on ? EVERY_MS : -1;
}
