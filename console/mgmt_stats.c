/*
 * mgmt_stats.c: counters.
 */
#include <inttypes.h>
#include <string.h>
#include "console/mgmt_command.h"

static json_t *stats(struct mgmt_call *c) {
    struct mon_counters n;
    if (!mgmt_asked(c, mon_ask_counters(c->machine, &n), NULL)) return NULL;
    json_t *all = json_object();
    for (unsigned i = 0; i < n.n; i++) {
        json_t *group = json_object_get(all, n.counter[i].group);
        if (!group) json_object_set_new(all, n.counter[i].group, group = json_object());
        json_object_set_new(group, n.counter[i].name, json_integer((json_int_t)n.counter[i].value));
    }
    return all;
}

static void print_stats(json_t *r, struct mgmt_text *out) {
    const char *group, *name;
    json_t *counters, *value;
    json_object_foreach(r, group, counters) {
        mgmt_print(out, "%s\n", group);
        json_object_foreach(counters, name, value) {
            mgmt_print(out, "  %-24s %18" PRId64 "\n", name, (int64_t)json_integer_value(value));
        }
    }
}

/* ---- The translator in short ---- */

static int64_t counter(json_t *r, const char *group, const char *name) {
    return json_integer_value(json_object_get(json_object_get(r, group), name));
}

static void row(struct mgmt_text *out, const char *what, int64_t value) {
    mgmt_print(out, "%-26s %" PRId64 "\n", what, value);
}

static void row_ratio(struct mgmt_text *out, const char *what, int64_t a, int64_t b) {
    if (b) mgmt_print(out, "%-26s %" PRId64 ".%02" PRId64 "\n", what, a / b, a * 100 / b % 100);
}

static void print_jit(json_t *r, struct mgmt_text *out) {
    static const char t[] = "translator";
    int64_t insns = counter(r, t, "instructions");
    row(out, "code cache, KiB", counter(r, t, "cache-used") >> 10);
    row(out, "blocks translated", counter(r, t, "blocks"));
    row(out, "guest instructions", insns);
    row_ratio(out, "instructions a block", insns, counter(r, t, "blocks"));
    row_ratio(out, "host bytes an instruction", counter(r, t, "host-bytes"), insns);
    row_ratio(out, "cycles an instruction", counter(r, t, "cycles"), insns);
    row(out, "direct translations", counter(r, t, "direct-translations"));
    row(out, "blocks copied", counter(r, t, "blocks-copied"));
    row(out, "spaces grown up", counter(r, t, "spaces-grown-up"));
    row(out, "demotions", counter(r, t, "demotions"));
    row(out, "flushes", counter(r, t, "flushes"));
    row(out, "callouts", counter(r, t, "callouts"));
    row(out, "code writes", counter(r, t, "code-writes"));
}

const struct mgmt_command mgmt_stats_commands[] = {
    {"x-novt-stats", "info stats", NULL, "all counters", "{group: {counter: value}}", stats, print_stats},
    {NULL, "info jit", NULL, "the translator in short", "as x-novt-stats", stats, print_jit},
    {0},
};
