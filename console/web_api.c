#include "console/web_api.h"

#include <stdlib.h>
#include <string.h>
#include "console/mgmt_internal.h"
#include "console/mgmt_line.h"

/* ---- Which commands ---- */

/* By the name in the protocol, or as text where there is none. What is not here cannot be reached from the page. */
static const char *const allowed[] = {
    "query-status",
    "query-name",
    "query-uuid",
    "query-version",
    "query-block",
    "query-chardev",
    "query-schema",
    "x-novt-stats",
    "x-novt-registers",
    "x-novt-memory",
    "x-novt-mem",
    "x-novt-tlb",
    "x-novt-mtree",
    "x-novt-interrupts",
    "x-novt-lapic",
    "x-novt-network",
    "x-novt-tc-stat",
    "x-novt-tc-list",
    "x-novt-tc-find",
    "x-novt-tc-show",
    "x-novt-tc-graph",
    "x-novt-tc-adapt",
    "x-novt-tc-pages",
    "x-novt-tc-marks",
    "x-novt-tc-returns",
    "x-novt-tc-indirect",
    "x-novt-tc-smc",
    "x-novt-tc-page",
    "x-novt-exits",
    "x-novt-exits-top",
    "x-novt-mmu-faults",
    "x-novt-io",
    "x-novt-irq",
    "x-novt-trace-show",
    "x-novt-symbol",
    "x-novt-watch", /* only counts */
    "x-novt-mmu-walk",
    "x-novt-mmu-spaces",
    "x-novt-mmu-view",
    "x-novt-mmu-diff",
    "stop",
    "cont",
    "system_reset",
    "system_powerdown",
    "x",
    "xp",
    "print|p",
};

static bool may_run(const struct mgmt_command *row) {
    const char *name = row->qmp ? row->qmp : row->line;
    for (unsigned i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (!strcmp(allowed[i], name)) return true;
    return false;
}

/* ---- A request ---- */

/* NULL: call->error. */
static const struct mgmt_command *find_row(struct mgmt_call *call, const json_t *asked) {
    const char *line = json_string_value(json_object_get(asked, "line"));
    const char *name = json_string_value(json_object_get(asked, "execute"));
    json_t *args = json_object_get(asked, "arguments");
    const struct mgmt_command *row = line ? mgmt_line_parse(call, line) : mgmt_command_find(name);
    if (!line) call->args = args ? json_incref(args) : json_object();
    if (row && may_run(row)) return row;
    if (!call->error[0]) mgmt_fail(call, "no such command here");
    return NULL;
}

static json_t *run(struct mgmt *g, const json_t *asked) {
    struct mgmt_call call = {.mgmt = g, .machine = g->machine};
    const struct mgmt_command *row = find_row(&call, asked);
    json_t *result = row ? mgmt_command_run(&call, row) : NULL;
    json_decref(call.args);
    mgmt_events_send(g);
    if (result && json_is_true(json_object_get(asked, "text"))) result = mgmt_result_text(row, result);
    return result ? json_pack("{s:o}", "return", result) : json_pack("{s:s}", "error", call.error);
}

static bool well_formed(const json_t *asked) {
    const json_t *line = json_object_get(asked, "line"), *name = json_object_get(asked, "execute");
    const json_t *args = json_object_get(asked, "arguments");
    bool one = !line != !name;
    return one && json_is_string(line ? line : name) && (!args || (name && json_is_object(args)));
}

bool web_api(struct mgmt *g, const char *body, size_t len, struct mgmt_text *answer) {
    json_t *asked = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
    bool ok = well_formed(asked);
    json_t *said = ok ? run(g, asked) : NULL;
    char *text = said ? json_dumps(said, JSON_COMPACT) : NULL;
    if (text) mgmt_text_add(answer, text, strlen(text));
    free(text);
    json_decref(said);
    json_decref(asked);
    return ok;
}

/* ---- Counters ---- */

/* Names of Prometheus have no '-'. */
static void metric(struct mgmt_text *out, const char *group, const char *name, json_int_t value) {
    char plain[128];
    snprintf(plain, sizeof plain, "novt_%s_%s", group, name);
    for (char *p = plain; *p; p++)
        if (!((*p | 32) >= 'a' && (*p | 32) <= 'z') && !(*p >= '0' && *p <= '9')) *p = '_';
    mgmt_print(out, "# TYPE %s untyped\n%s %lld\n", plain, plain, (long long)value);
}

bool web_metrics(struct mgmt *g, struct mgmt_text *answer) {
    json_t *asked = json_pack("{s:s}", "execute", "x-novt-stats");
    json_t *said = run(g, asked), *counters, *value;
    const char *group, *name;
    json_object_foreach(json_object_get(said, "return"), group, counters) {
        json_object_foreach(counters, name, value) { metric(answer, group, name, json_integer_value(value)); }
    }
    json_decref(said);
    json_decref(asked);
    return answer->len != 0;
}
