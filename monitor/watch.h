/*
 * watch.h: single events of a run, for somebody who asks: counted in bounded tables, or kept in a bounded ring.
 *
 * vCPU thread. Where an event happens its bit in `mask` is tested, so that nobody who asks costs nothing more.
 * Counting and tracing touch general registers only and never allocate: they run with the guest's FPU live, and in
 * the handler of shadow page faults. Callers: hostsvc.c, run.c, exception.c, control.c; bt, shadowmmu and block
 * devices by their hooks; inspect_watch.c.
 */
#ifndef NOVT_MONITOR_WATCH_H
#define NOVT_MONITOR_WATCH_H

#include "monitor/inspect_watch.h"

struct machine;

struct watch_event {
    enum mon_seen_kind kind;
    uint32_t sub, pc, size;
    uint64_t address, value, cycles;
    const char *name; /* NULL: none */
};

enum { WATCH_SLOTS = 8192 };
struct watch_table {
    uint64_t total[MON_SEEN_KINDS], lost[MON_SEEN_KINDS];
    uint64_t begun_ns;
    struct watch_slot {
        uint64_t count, cycles; /* count 0: free */
        uint32_t pc, where;
        uint16_t kind, sub;
    } slot[WATCH_SLOTS];
};

struct watch_ring {
    uint32_t order; /* of how many it is the last */
    uint64_t seen, judged, failed;
    struct mon_expr condition;
    struct mon_trace_entry at[MON_TRACE_RING];
};

struct watch {
    uint32_t mask;                               /* of enum mon_seen_kind: somebody asks */
    uint32_t counted, traced;                    /* the two reasons why */
    struct watch_table *table[MON_WATCH_GROUPS]; /* NULL: never asked for */
    struct watch_ring *ring;
};

void watch_free(struct watch *w);
/* False: out of memory. */
bool watch_count(struct machine *m, enum mon_watch_group g, bool on);
bool watch_trace(struct machine *m, const struct mon_trace_order *o);

/* Behind the test of the mask: watch_wants. pc 0: the current instruction. */
void watch_note(struct machine *m, const struct watch_event *e);
#define watch_wants(m, kind) __builtin_expect(((m)->watch.mask >> (kind)&1) != 0, 0)
#endif
