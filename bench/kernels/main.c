/*
 * main.c: bench [-t MILLISECONDS] [name | compute | kernel | list]...: runs the
 * named benchmarks, each for that long (and once at least). `bench disk`, `stream`
 * and `timer`: see devices.c; `bench exec`: see exec.c.
 *
 * A line per benchmark: name, seconds of the best, the first and the mean repetition, mean CPU
 * seconds, repetitions, checksum. Kernel work is divided by its operations. Every
 * repetition must give the same checksum.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include "bench.h"

enum { DEFAULT_MS = 400 };

static const struct bench {
    const char *name, *group;
    bench_fn *fn;
    unsigned ops;
} benches[] = {
#define COMPUTE(name)     {#name, "compute", bench_##name, 1},
#define KERNEL(name, ops) {#name, "kernel", bench_##name, ops},
#include "list.def"
#undef COMPUTE
#undef KERNEL
};

enum { BENCHES = sizeof benches / sizeof benches[0] };

void require(int condition, const char *what) {
    if (condition) return;
    perror(what);
    exit(1);
}

static double now(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void run(const struct bench *b, double limit) {
    double start = now(CLOCK_MONOTONIC), cpu = now(CLOCK_PROCESS_CPUTIME_ID), last = start, best = 1e9, first = 0;
    uint32_t sum = 0;
    unsigned reps = 0;
    do {
        uint32_t got = b->fn();
        double end = now(CLOCK_MONOTONIC);
        if (!reps) {
            sum = got;
            first = end - last;
        }
        if (got != sum) sum = 0xbadbad;
        if (end - last < best) best = end - last;
        last = end;
        reps++;
    } while (last - start < limit);
    cpu = now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    double mean = (last - start) / reps;
    printf("%s %.9f %.9f %.9f %.9f %u %08x\n", b->name, best / b->ops, first / b->ops, mean / b->ops,
           cpu / reps / b->ops, reps, sum);
    fflush(stdout);
}

static bool run_matching(const char *word, double limit) {
    bool found = false;
    for (unsigned i = 0; i < BENCHES; i++) {
        if (strcmp(word, benches[i].name) && strcmp(word, benches[i].group)) continue;
        run(&benches[i], limit);
        found = true;
    }
    return found;
}

static int list(void) {
    for (unsigned i = 0; i < BENCHES; i++) printf("%s %s\n", benches[i].name, benches[i].group);
    return 0;
}

int main(int argc, char **argv) {
    double limit = DEFAULT_MS / 1e3;
    int i = 1;
    if (argc > 1 && !strcmp(argv[1], "exit")) return 0; /* fork_exec_wait's child */
    if (argc > 1 && !strcmp(argv[1], "list")) return list();
    int code = argc > 1 && !strcmp(argv[1], "exec") ? exec_main(argc, argv) : devices_main(argc, argv);
    if (code >= 0) return code;
    if (argc > 2 && !strcmp(argv[1], "-t")) {
        limit = atoi(argv[2]) / 1e3;
        i = 3;
    }
    for (; i < argc; i++) {
        if (run_matching(argv[i], limit)) continue;
        fprintf(stderr, "bench: unknown benchmark: %s\n", argv[i]);
        return 1;
    }
    return 0;
}
