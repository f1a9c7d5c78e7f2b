/*
 * cmd_top.c: novt top: what machines do, again and again, on a plain terminal of 80 columns and 24 lines.
 *
 * Rates are differences of two sets of counters, by the time between them.
 */
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "console/command.h"
#include "console/vm.h"

enum { INTERVAL_MS = 2000, LINES = 23, HOT = 14, STAT = 1024 };

static const char *const exits[] = {"callouts", "slow-accesses", "direct-faults", "tlb-misses"};
enum { EXITS = sizeof exits / sizeof *exits };

/* What is known of a machine at one time. */
struct glance {
    char name[64], state[16];
    pid_t pid;
    uint64_t ns, cpu_ms;
    int64_t exits[EXITS], faults, interrupts, cache_kib;
    int64_t executed; /* instructions; -1: not counted */
};

/* ---- Figures ---- */

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Processor time of the process, all threads: fields 14 and 15 of stat, behind the name, which may hold anything. */
static uint64_t cpu_ms(pid_t pid) {
    char path[64], text[STAT] = "";
    unsigned long long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
    FILE *f = fopen(path, "r");
    if (!f) return 0;
    size_t n = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[n] = 0;
    const char *at = strrchr(text, ')');
    if (!at || sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %llu %llu", &user, &system) != 2) return 0;
    return (user + system) * 1000 / (uint64_t)sysconf(_SC_CLK_TCK);
}

static int64_t counter(const json_t *all, const char *group, const char *name) {
    return json_integer_value(json_object_get(json_object_get(all, group), name));
}

/* A machine chooses its name: nothing that a terminal would obey. */
static void copy_name(char *to, size_t room, const char *from) {
    size_t n = 0;
    for (; from && from[n] && n + 1 < room; n++) to[n] = from[n] < ' ' || from[n] > '~' ? '?' : from[n];
    to[n] = 0;
}

static bool look(struct vm *v, const char *name, struct glance *g) {
    const char *why;
    json_t *status = vm_ask(v, "query-status", NULL, &why), *called = vm_ask(v, "query-name", NULL, &why);
    json_t *all = vm_ask(v, "x-novt-stats", NULL, &why);
    const char *own = json_string_value(json_object_get(called, "name"));
    *g = (struct glance){.pid = v->pid, .ns = now_ns(), .cpu_ms = cpu_ms(v->pid)};
    copy_name(g->name, sizeof g->name, own && own[0] ? own : name);
    copy_name(g->state, sizeof g->state, json_string_value(json_object_get(status, "status")));
    for (int i = 0; i < EXITS; i++) g->exits[i] = counter(all, "translator", exits[i]);
    g->faults = counter(all, "mmu", "hidden-faults") + counter(all, "mmu", "true-faults");
    g->interrupts = counter(all, "machine", "interrupts");
    g->cache_kib = counter(all, "translator", "cache-used") >> 10;
    bool counted = json_object_get(json_object_get(all, "translator"), "instructions-executed") != NULL;
    g->executed = counted ? counter(all, "translator", "instructions-executed") : -1;
    json_decref(status);
    json_decref(called);
    json_decref(all);
    return all != NULL;
}

static int64_t rate(int64_t now, int64_t before, const struct glance *a, const struct glance *b) {
    uint64_t ms = (b->ns - a->ns) / 1000000;
    return ms && now >= before ? (now - before) * 1000 / (int64_t)ms : 0;
}

/* Million instructions a second; where they are not counted, a dash. */
static const char *mips(const struct glance *b, const struct glance *a, char text[24]) {
    snprintf(text, 24, "-");
    if (a->executed >= 0 && b->executed >= 0)
        snprintf(text, 24, "%" PRId64, rate(b->executed, a->executed, a, b) / 1000000);
    return text;
}

static int64_t all_exits(const struct glance *g) {
    int64_t sum = 0;
    for (int i = 0; i < EXITS; i++) sum += g->exits[i];
    return sum;
}

/* ---- All machines ---- */

enum { MACHINES = 64 };
struct picture {
    struct glance machine[MACHINES];
    size_t n;
    json_t *callouts; /* of one machine */
};

static void add_machine(void *opaque, const char *path, const char *name) {
    struct picture *p = opaque;
    struct vm v;
    bool answers = vm_open_path(&v, path);
    if (answers && p->n < MACHINES && look(&v, name, &p->machine[p->n])) p->n++;
    vm_close(&v);
}

static const struct glance *same_machine(const struct picture *p, const struct glance *g) {
    for (size_t i = 0; i < p->n; i++)
        if (p->machine[i].pid == g->pid) return &p->machine[i];
    return g;
}

static void print_machine(const struct glance *b, const struct glance *a) {
    char text[24];
    printf("%-17.17s %7d %-9.9s %5" PRId64 " %5s %9" PRId64 " %8" PRId64 " %7" PRId64 " %5" PRId64 "\n", b->name,
           (int)b->pid, b->state, rate((int64_t)b->cpu_ms, (int64_t)a->cpu_ms, a, b) / 10, mips(b, a, text),
           rate(all_exits(b), all_exits(a), a, b), rate(b->faults, a->faults, a, b),
           rate(b->interrupts, a->interrupts, a, b), b->cache_kib >> 10);
}

static bool draw_all(const struct picture *before, struct picture *now) {
    now->n = 0;
    if (!vm_each(add_machine, now)) return false;
    printf("%-17s %7s %-9s %5s %5s %9s %8s %7s %5s\n", "NAME", "PID", "STATE", "CPU%", "MIPS", "EXITS/s", "FAULTS/s",
           "IRQS/s", "CACHE");
    for (size_t i = 0; i < now->n && i + 2 < LINES; i++)
        print_machine(&now->machine[i], same_machine(before, &now->machine[i]));
    if (!now->n) printf("no machine runs\n");
    return true;
}

/* ---- One machine ---- */

static void print_hot(const json_t *list) {
    size_t i;
    const json_t *b;
    printf("\n%8s %-8s %-8s %9s %5s %6s  %s\n", "BLOCK", "ADDRESS", "CODE", "SAMPLES", "INSNS", "BYTES", "SYMBOL");
    json_array_foreach(json_object_get(list, "blocks"), i, b) {
        char symbol[29];
        copy_name(symbol, sizeof symbol, json_string_value(json_object_get(b, "symbol")));
        printf("%8" PRId64 " %08" PRIx64 " %-8.8s %9" PRId64 " %5" PRId64 " %6" PRId64 "  %s\n",
               (int64_t)json_integer_value(json_object_get(b, "block")),
               (uint64_t)json_integer_value(json_object_get(b, "va")), json_string_value(json_object_get(b, "kind")),
               (int64_t)json_integer_value(json_object_get(b, "samples")),
               (int64_t)json_integer_value(json_object_get(b, "instructions")),
               (int64_t)json_integer_value(json_object_get(b, "hot-bytes")), symbol);
    }
}

/* The most frequent sensitive instructions that left translated code since the last picture. */
static void print_callouts(const json_t *before, json_t *now, const struct glance *a, const struct glance *b) {
    enum { SHOWN = 4 };
    json_t *left = json_object();
    fputs("callouts/s:", stdout);
    json_object_update(left, now);
    for (int i = 0; i < SHOWN; i++) {
        const char *row, *best = NULL;
        int64_t most = 0;
        json_t *count;
        json_object_foreach(left, row, count) {
            int64_t n = json_integer_value(count) - json_integer_value(json_object_get(before, row));
            if (n > most) most = n, best = row;
        }
        if (!best) break;
        printf(" %.12s %" PRId64, best, rate(most, 0, a, b));
        json_object_del(left, best);
    }
    json_decref(left);
    puts("");
}

static bool draw_one(struct vm *v, const struct picture *before, struct picture *now) {
    struct glance *b = &now->machine[0];
    const struct glance *a = before->n ? &before->machine[0] : b;
    json_t *list = vm_ask(v, "x-novt-tc-list", json_pack("{s:i}", "limit", HOT), NULL);
    if (!list || !look(v, "", b)) return json_decref(list), false;
    now->n = 1;
    printf("%.40s (%d) %s, CPU %" PRId64 " %%, %" PRId64 " interrupts/s, %" PRId64 " faults/s, cache %" PRId64 " MiB\n",
           b->name, (int)b->pid, b->state, rate((int64_t)b->cpu_ms, (int64_t)a->cpu_ms, a, b) / 10,
           rate(b->interrupts, a->interrupts, a, b), rate(b->faults, a->faults, a, b), b->cache_kib >> 10);
    char text[24];
    printf("MIPS %s, exits/s %" PRId64 ":", mips(b, a, text), rate(all_exits(b), all_exits(a), a, b));
    for (int i = 0; i < EXITS; i++) printf(" %s %" PRId64, exits[i], rate(b->exits[i], a->exits[i], a, b));
    puts("");
    json_decref(now->callouts);
    now->callouts = vm_ask(v, "x-novt-exits", NULL, NULL);
    print_callouts(before->callouts, now->callouts, a, b);
    print_hot(list);
    json_decref(list);
    return true;
}

/* ---- Again and again ---- */

struct top {
    struct vm *vm;  /* NULL: all */
    uint64_t count; /* pictures; 0: until q or the end */
    int interval_ms;
    bool terminal;
};

bool con_wait_or_quit(bool terminal, int ms) {
    struct pollfd p = {.fd = terminal ? STDIN_FILENO : -1, .events = POLLIN};
    char c;
    if (poll(&p, 1, ms) <= 0) return false;
    return read(STDIN_FILENO, &c, 1) != 1 || c == 'q';
}

static bool draw(const struct top *t, const struct picture *before, struct picture *now) {
    if (t->terminal) fputs("\033[H\033[2J", stdout);
    bool ok = t->vm ? draw_one(t->vm, before, now) : draw_all(before, now);
    fflush(stdout);
    return ok && !ferror(stdout);
}

static int run(const struct top *t) {
    struct picture *p = calloc(2, sizeof *p);
    if (!p) return CON_USAGE;
    bool ok = true;
    for (uint64_t i = 0; ok && (!t->count || i < t->count); i++) {
        if (i && con_wait_or_quit(t->terminal, t->interval_ms)) break;
        ok = draw(t, &p[i % 2], &p[(i + 1) % 2]);
    }
    json_decref(p[0].callouts);
    json_decref(p[1].callouts);
    free(p);
    return ok ? con_finish_output() : CON_USAGE;
}

void con_top_help(FILE *out) {
    fputs("Usage: novt top [VM] [-n COUNT] [-d SECONDS]\n\n"
          "Shows what your machines do: processor time, exits from translated code, page faults, interrupts each "
          "second,\n"
          "and the size of the code cache in MiB; with VM the hottest blocks of one. MIPS, million instructions a "
          "second, need\n"
          "tc count on (novt monitor). Every two seconds, or -d, until q and Enter,\n"
          "or -n times. The first picture has no rates. An output that is no terminal gets one picture after the "
          "other.\n",
          out);
}

static bool number(const char *text, uint64_t most, uint64_t *v) {
    char *end;
    if (!text || *text < '0' || *text > '9') return false;
    *v = strtoull(text, &end, 10);
    return !*end && *v >= 1 && *v <= most;
}

int con_top(int argc, char **argv) {
    struct top t = {.interval_ms = INTERVAL_MS, .terminal = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO)};
    const char *which = NULL;
    struct vm v;
    uint64_t seconds;
    if (argc == 2 && !strcmp(argv[1], "--help")) return con_top_help(stdout), con_finish_output();
    for (int i = 1; i < argc; i++) {
        bool count = !strcmp(argv[i], "-n");
        if (count || !strcmp(argv[i], "-d")) {
            const char *value = i + 1 < argc ? argv[++i] : NULL;
            if (!number(value, count ? 1000000 : 3600, count ? &t.count : &seconds))
                return con_usage_error("top", "top: %s needs a number from 1 on", count ? "-n" : "-d");
            if (!count) t.interval_ms = (int)seconds * 1000;
        } else if (argv[i][0] == '-' || which) {
            return con_usage_error("top", "top: unexpected argument '%s'", argv[i]);
        } else {
            which = argv[i];
        }
    }
    if (!which) return run(&t);
    if (!vm_open(&v, which)) return CON_USAGE;
    t.vm = &v;
    int code = run(&t);
    vm_close(&v);
    return code;
}
