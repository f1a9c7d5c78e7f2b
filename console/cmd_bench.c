/*
 * cmd_bench.c: novt bench: the figures that need no second system. Each launch is a machine of its own (bench_child.c)
 * that runs a guest of bench/nano. No floating point here: numbers are integers, ratios hundredths.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "bench/nano/images.h"
#include "console/bench_child.h"
#include "console/command.h"
#include "console/parse.h"

enum { DEFAULT_LAUNCHES = 5, MAX_LAUNCHES = 50, MAX_ROWS = 64, NAME = 32 };
#define GROWTH_MIB "4"

static const struct {
    const char *name;
    unsigned cycles;
} vmware[] = {
#define VMWARE(name, cycles) {#name, cycles},
#include "bench/nano/vmware.def"
#undef VMWARE
};

/* One figure of several launches. */
struct figure {
    uint64_t value[MAX_LAUNCHES];
    unsigned count;
};
struct row {
    char name[NAME];
    struct figure cycles; /* hundredths */
};

static int compare(const void *a, const void *b) {
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void add(struct figure *f, uint64_t value) {
    if (f->count < MAX_LAUNCHES) f->value[f->count++] = value;
}

/* After this the median is in the middle, the range at the ends. */
static void sort(struct figure *f) { qsort(f->value, f->count, sizeof f->value[0], compare); }

/* ---- Output ---- */

static void print_scaled(const char *what, struct figure *f, uint64_t unit, const char *unit_name) {
    if (!f->count) return;
    sort(f);
    printf("  %-44s %8" PRIu64 " %s  (%" PRIu64 "-%" PRIu64 ")\n", what, f->value[f->count / 2] / unit, unit_name,
           f->value[0] / unit, f->value[f->count - 1] / unit);
}

static void print_hundredths(const char *what, struct figure *f) {
    if (!f->count) return;
    sort(f);
    uint64_t median = f->value[f->count / 2];
    printf("  %-44s %5" PRIu64 ".%02" PRIu64 "\n", what, median / 100, median % 100);
}

static void print_row(struct row *r) {
    sort(&r->cycles);
    const uint64_t *v = r->cycles.value;
    unsigned n = r->cycles.count;
    printf("  %-20s %12" PRIu64 " %12" PRIu64 " %12" PRIu64, r->name, v[n / 2] / 100, v[0] / 100, v[n - 1] / 100);
    for (size_t i = 0; i < sizeof vmware / sizeof vmware[0]; i++)
        if (!strcmp(vmware[i].name, r->name)) printf(" %12u", vmware[i].cycles);
    printf("\n");
}

/* ---- Nanobenchmarks ---- */

static struct row *find_row(struct row *rows, unsigned *count, const char *name) {
    for (unsigned i = 0; i < *count; i++)
        if (!strcmp(rows[i].name, name)) return &rows[i];
    if (*count == MAX_ROWS) return NULL;
    struct row *r = &rows[(*count)++];
    snprintf(r->name, sizeof r->name, "%s", name);
    return r;
}

/* "NAME best median" lines; the medians count. */
static void take_rows(struct row *rows, unsigned *count, char *text) {
    char *save;
    for (char *line = strtok_r(text, "\r\n", &save); line; line = strtok_r(NULL, "\r\n", &save)) {
        char name[NAME];
        uint64_t best, median;
        if (sscanf(line, "%31s %" SCNu64 " %" SCNu64, name, &best, &median) != 3) continue;
        struct row *r = find_row(rows, count, name);
        if (r) add(&r->cycles, median);
    }
}

static bool nanobenchmarks(unsigned launches, struct bench_life *life) {
    static struct row rows[MAX_ROWS];
    unsigned count = 0;
    for (unsigned i = 0; i < launches; i++) {
        if (!bench_live(bench_nano, (size_t)(bench_nano_end - bench_nano), "", life)) return false;
        take_rows(rows, &count, life->serial);
    }
    printf("Privileged operations, cycles of the time stamp counter (VMware: software VMM, Pentium 4, ASPLOS 2006)\n");
    printf("  %-20s %12s %12s %12s %12s\n", "operation", "median", "lowest", "highest", "VMware");
    for (unsigned i = 0; i < count; i++) print_row(&rows[i]);
    return true;
}

/* ---- The machine: start-up and memory ---- */

static bool start_up(unsigned launches, struct bench_life *life) {
    struct figure wall = {.count = 0}, peak = {.count = 0};
    for (unsigned i = 0; i < launches; i++) {
        if (!bench_live(bench_exit, (size_t)(bench_exit_end - bench_exit), "", life)) return false;
        add(&wall, life->wall_ns);
        add(&peak, life->peak_kib);
    }
    printf("\nA machine that only starts and ends\n");
    print_scaled("from the command to the end", &wall, 1000000, "ms");
    print_scaled("most memory, touched guest RAM included", &peak, 1024, "MiB");
    return true;
}

/* ---- The translator ---- */

static void take(struct figure *f, const char *text, const char *name, bool hundredths) {
    uint64_t value;
    if (bench_number(text, name, hundredths, &value)) add(f, value);
}

static bool translator(unsigned launches, struct bench_life *life) {
    struct figure cost = {.count = 0}, bytes = {.count = 0}, first = {.count = 0}, last = {.count = 0};
    for (unsigned i = 0; i < launches; i++) {
        if (!bench_live(bench_growth, (size_t)(bench_growth_end - bench_growth), GROWTH_MIB, life)) return false;
        take(&cost, life->stats, "translation cycles / instruction", true);
        take(&bytes, life->stats, "host bytes / instruction", true);
        take(&first, life->serial, "pass1", false);
        take(&last, life->serial, "pass4", false);
    }
    printf("\nThe translator, on " GROWTH_MIB " MiB of functions that are called once a pass\n");
    print_hundredths("translation, cycles per guest instruction", &cost);
    print_hundredths("host bytes per guest instruction", &bytes);
    print_hundredths("first pass, cycles per guest instruction", &first);
    print_hundredths("fourth pass, cycles per guest instruction", &last);
    return true;
}

/* ---- The command ---- */

void con_bench_help(FILE *out) {
    fputs("Usage: novt bench [--launches N]\n\n"
          "Measures what needs no second system: privileged operations in cycles, how long a machine takes to start, "
          "its\n"
          "memory, what translating costs. Every figure is the median of N launches (default: 5), with the range.\n"
          "Comparisons with native programs and with QEMU: scripts/bench in the source tree.\n",
          out);
}

static bool parse_launches(const char *text, unsigned *launches) {
    uint64_t n;
    if (!text || !parse_number(text, MAX_LAUNCHES, &n) || n == 0) return false;
    *launches = (unsigned)n;
    return true;
}

int con_bench(int argc, char **argv) {
    static struct bench_life life;
    unsigned launches = DEFAULT_LAUNCHES;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            con_bench_help(stdout);
            return con_finish_output();
        }
        if (strcmp(argv[i], "--launches") != 0)
            return con_usage_error("bench", "bench: unexpected argument '%s'", argv[i]);
        if (!parse_launches(argv[++i], &launches))
            return con_usage_error("bench", "bench: --launches wants a number from 1 to %d", MAX_LAUNCHES);
    }
    bool good = nanobenchmarks(launches, &life) && start_up(launches, &life) && translator(launches, &life);
    int code = con_finish_output();
    return good ? code : CON_USAGE;
}
