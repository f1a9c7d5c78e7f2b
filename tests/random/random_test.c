/*
 * random_test.c: random instruction sequences on the real CPU against a program under test.
 *
 * random_test --novt PATH --tools DIR [--mode bt] [--count N] [--seed S] [--show N] [--one SEQUENCE]
 * Prints the seed; the same seed gives the same sequences. A sequence that differs is cut down to its shortest
 * part that still differs, and shown with the differing state. Exit code 1 if any differed.
 */
#include "compare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* 16-bit code lies in one 64-KiB segment; a sequence has some 330 bytes. */
enum { BATCH16 = 100 };
static const uint64_t ALL = ~0ull >> (64 - MAX_PIECES);

struct options {
    struct setup su;
    uint32_t count, seed, show, one;
    bool have_one, code16;
};

static void usage(void) {
    fprintf(
        stderr,
        "usage: random_test --novt PATH --tools DIR [--mode bt|bt-one-insn|bt-checked|bt-direct|bt-low|bt-plain|qemu|native]\n"
        "                   [--count N] [--seed S] [--show N] [--timeout S] [--bits 16|32] [--one SEQUENCE]\n");
    exit(2);
}

static void parse(int argc, char **argv, struct options *o) {
    for (int i = 1; i < argc; i += 2) {
        const char *key = argv[i], *value = argv[i + 1];
        uint32_t number = value ? (uint32_t)strtoul(value, NULL, 0) : 0;
        if (!value) usage();
        if (!strcmp(key, "--novt"))
            o->su.novt = value;
        else if (!strcmp(key, "--tools"))
            o->su.tools = value;
        else if (!strcmp(key, "--mode"))
            o->su.mode = value;
        else if (!strcmp(key, "--count"))
            o->count = number;
        else if (!strcmp(key, "--seed"))
            o->seed = number;
        else if (!strcmp(key, "--show"))
            o->show = number;
        else if (!strcmp(key, "--timeout"))
            o->su.timeout = number;
        else if (!strcmp(key, "--one"))
            o->one = number, o->have_one = true;
        else if (!strcmp(key, "--bits") && (number == 16 || number == 32))
            o->code16 = number == 16;
        else
            usage();
    }
    if (!o->su.tools || !o->su.novt) usage();
}

/* Tries all removals of `width` neighbouring pieces at once; keeps the first that still differs. */
static bool shrink_step(struct setup *su, struct item *item, uint32_t width) {
    struct item tries[MAX_PIECES];
    enum verdict verdicts[MAX_PIECES];
    uint32_t n = 0;
    for (uint32_t at = 0; at < MAX_PIECES; at += width) {
        uint64_t without = item->keep & ~(((1ull << width) - 1) << at);
        if (without != item->keep) tries[n++] = (struct item){item->seed, without, item->code16};
    }
    if (!n || !compare(su, tries, n, verdicts)) return false;
    for (uint32_t i = 0; i < n; i++)
        if (verdicts[i] != SAME) return *item = tries[i], true;
    return false;
}

static void shrink(struct setup *su, struct item *item) {
    struct sequence s;
    generate(item->seed, item->code16, &s);
    item->keep &= (1ull << s.npieces) - 1;
    for (uint32_t width = 16; width; width /= 2)
        while (shrink_step(su, item, width)) continue;
}

static void report(struct setup *su, struct item *item, enum verdict verdict) {
    printf("sequence %u %s\n", item->seed, verdict == LOST ? "ended the program" : "differs");
    if (verdict == LOST) printf("  %s\n", su->lost);
    shrink(su, item);
    explain(su, item);
    fflush(stdout);
}

static uint32_t run_batch(struct options *o, uint32_t first, uint32_t n, uint32_t *shown) {
    static struct item items[MAX_BATCH];
    static enum verdict verdicts[MAX_BATCH];
    uint32_t bad = 0;
    for (uint32_t i = 0; i < n; i++)
        items[i] = (struct item){o->have_one ? o->one : o->seed * 10000000u + first + i, ALL, o->code16};
    if (!compare(&o->su, items, n, verdicts)) {
        printf("the native run failed: %s\n", o->su.error);
        exit(1);
    }
    for (uint32_t i = 0; i < n; i++) {
        bad += verdicts[i] != SAME;
        if (verdicts[i] != SAME && (*shown)++ < o->show) report(&o->su, items + i, verdicts[i]);
    }
    return bad;
}

int main(int argc, char **argv) {
    struct options o = {
        .su = {.mode = "bt", .timeout = 300}, .count = 10000, .seed = (uint32_t)time(NULL) % 400, .show = 5};
    parse(argc, argv, &o);
    snprintf(o.su.dir, sizeof(o.su.dir), "/tmp/novt-random-XXXXXX");
    if (!mkdtemp(o.su.dir)) return perror("mkdtemp"), 1;
    if (o.have_one) o.count = 1;
    printf("random_test: mode %s, seed %u, %u sequences from %d states each\n", o.su.mode, o.seed, o.count, VARIANTS);
    uint32_t bad = 0, shown = 0;
    uint32_t batch = o.code16 ? BATCH16 : MAX_BATCH / 2;
    for (uint32_t at = 0; at < o.count && bad < 1000; at += batch)
        bad += run_batch(&o, at, o.count - at < batch ? o.count - at : batch, &shown);
    char command[96];
    snprintf(command, sizeof(command), "rm -rf %s", o.su.dir);
    if (system(command)) perror("rm");
    printf("random_test: %u sequences, %u differ\n", o.count, bad);
    return bad != 0;
}
