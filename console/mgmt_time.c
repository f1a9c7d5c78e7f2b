/*
 * mgmt_time.c: where time goes: samples of the machine's thread, by what they found it doing.
 *
 * A sample is a millisecond of its processor time. With the time that the guest waited in HLT they make the total.
 */
#include <inttypes.h>
#include "console/mgmt_cache.h"

/* What the parts are for a reader; every part is in one group. */
static const struct {
    const char *name, *parts[4];
} groups[] = {
    {"translated code", {"blocks", "stubs"}},
    {"translator", {"translator", "engine"}},
    {"callouts", {"callouts", "exceptions", "monitor"}},
    {"shadow faults", {"faults", "accesses"}},
    {"devices", {"ports", "registers", "events"}},
    {"idle", {"idle"}},
};
enum { GROUPS = sizeof groups / sizeof groups[0], PARTS = sizeof groups[0].parts / sizeof groups[0].parts[0] };

json_t *mgmt_time_json(const struct bt_inspect_totals *t, uint64_t halted_ms) {
    const struct bt_inspect_time *n = &t->time;
    /* Waiting takes some processor time, which is in halted_ms too. */
    uint64_t idle = halted_ms > n->wait ? halted_ms : n->wait;
    json_t *o = json_object();
    mgmt_put(o, "total", t->samples - n->wait + idle);
    mgmt_put(o, "samples", t->samples);
    mgmt_put(o, "blocks", n->blocks);
    mgmt_put(o, "stubs", n->stubs);
    mgmt_put(o, "translator", n->translator);
    mgmt_put(o, "engine", n->engine);
    mgmt_put(o, "callouts", n->callouts);
    mgmt_put(o, "exceptions", n->exceptions);
    mgmt_put(o, "monitor", n->monitor);
    mgmt_put(o, "faults", n->faults);
    mgmt_put(o, "accesses", n->accesses);
    mgmt_put(o, "ports", n->ports);
    mgmt_put(o, "registers", n->registers);
    mgmt_put(o, "events", n->events);
    mgmt_put(o, "waiting", n->wait);
    mgmt_put(o, "idle", idle);
    return o;
}

static int64_t group_sum(const json_t *time, unsigned g) {
    int64_t sum = 0;
    for (unsigned i = 0; i < PARTS && groups[g].parts[i]; i++) sum += mgmt_int(time, groups[g].parts[i]);
    return sum;
}

static void print_parts(const json_t *time, unsigned g, struct mgmt_text *out) {
    if (!groups[g].parts[1]) return;
    for (unsigned i = 0; i < PARTS && groups[g].parts[i]; i++) {
        mgmt_print(out, "%s%s ", i ? ", " : "  (", groups[g].parts[i]);
        mgmt_print_ratio(out, 3, 100 * mgmt_int(time, groups[g].parts[i]), mgmt_int(time, "total"));
    }
    mgmt_print(out, ")");
}

void mgmt_print_time(const json_t *time, struct mgmt_text *out) {
    mgmt_print(out, "time: %" PRId64 " ms, of which in %%\n", mgmt_int(time, "total"));
    for (unsigned g = 0; g < GROUPS; g++) {
        mgmt_print(out, "  %-16s", groups[g].name);
        mgmt_print_ratio(out, 6, 100 * group_sum(time, g), mgmt_int(time, "total"));
        print_parts(time, g, out);
        mgmt_print(out, "\n");
    }
}
