/*
 * cmd_watch.c: a command of the console again and again (novt monitor VM COMMAND --watch).
 *
 * Of tc stat the totals are shown as they are, and below them what has happened since the last picture: rates, and
 * where that time went. The differences are made at this end.
 */
#include <inttypes.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "console/command.h"
#include "console/mgmt_cache.h"
#include "console/vm.h"

struct look {
    json_t *cache, *counters; /* NULL: none yet */
    uint64_t ms;
};

static uint64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void forget(struct look *l) {
    json_decref(l->cache);
    json_decref(l->counters);
    *l = (struct look){0};
}

/* ---- What has happened ---- */

/* Each integer of the later object less that of the earlier one. */
static json_t *less(const json_t *later, const json_t *earlier) {
    json_t *o = json_object(), *value;
    const char *name;
    json_object_foreach((json_t *)(uintptr_t)later, name, value) {
        json_int_t d = json_integer_value(value) - json_integer_value(json_object_get(earlier, name));
        json_object_set_new(o, name, json_integer(d > 0 ? d : 0));
    }
    return o;
}

static const struct {
    const char *counter, *shown;
} rates[] = {{"blocks", "translated"},   {"blocks-copied", "copied"},    {"chains", "linked"},
             {"flushes", "flushes"},     {"code-writes", "code writes"}, {"callouts", "callouts"},
             {"direct-faults", "faults"}};

static void print_rates(const json_t *counters, uint64_t ms, struct mgmt_text *out) {
    const char *before = "a second: ";
    for (size_t i = 0; i < sizeof rates / sizeof rates[0]; i++, before = ", ")
        mgmt_print(out, "%s%" PRId64 " %s", before, mgmt_int(counters, rates[i].counter) * 1000 / (int64_t)ms,
                   rates[i].shown);
    if (json_object_get(counters, "instructions-executed"))
        mgmt_print(out, ", %" PRId64 " million instructions",
                   mgmt_int(counters, "instructions-executed") / 1000 / (int64_t)ms);
    mgmt_print(out, "\n");
}

static void print_since(const struct look *a, const struct look *b, struct mgmt_text *out) {
    static const char group[] = "translator";
    uint64_t ms = b->ms > a->ms ? b->ms - a->ms : 1;
    json_t *time = less(json_object_get(b->cache, "time"), json_object_get(a->cache, "time"));
    json_t *counters = less(json_object_get(b->counters, group), json_object_get(a->counters, group));
    mgmt_print(out, "in the last %" PRIu64 " ms\n", ms);
    print_rates(counters, ms, out);
    mgmt_print_time(time, out);
    json_decref(time);
    json_decref(counters);
}

static bool draw_cache(struct vm *v, struct look *before) {
    struct mgmt_text out = {0};
    struct look now = {.cache = vm_ask(v, "x-novt-tc-stat", NULL, NULL)};
    now.counters = now.cache ? vm_ask(v, "x-novt-stats", NULL, NULL) : NULL;
    now.ms = now_ms();
    if (!now.counters) return forget(&now), false;
    mgmt_print_cache(now.cache, &out);
    if (before->cache) print_since(before, &now, &out);
    if (out.at) fwrite(out.at, 1, out.len, stdout);
    mgmt_text_free(&out);
    forget(before);
    *before = now;
    return true;
}

/* ---- Again and again ---- */

static bool is_stat(const char *line) {
    char first[8], second[8], more;
    return sscanf(line, " %7s %7s %c", first, second, &more) == 2 && !strcmp(first, "tc") && !strcmp(second, "stat");
}

int con_watch(struct vm *v, const char *line, bool as_json, const struct con_watch *w) {
    bool terminal = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO), ok = true;
    bool stat = is_stat(line) && !as_json;
    struct look before = {0};
    for (uint64_t i = 0; ok && (!w->count || i < w->count); i++) {
        if (i && con_wait_or_quit(terminal, w->seconds * 1000)) break;
        if (terminal) fputs("\033[H\033[2J", stdout);
        ok = stat ? draw_cache(v, &before) : con_run_line(v, line, as_json);
        fflush(stdout);
        ok = ok && !ferror(stdout);
    }
    forget(&before);
    return ok ? con_finish_output() : CON_USAGE;
}
