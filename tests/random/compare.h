/*
 * compare.h: runs a list of sequences natively and in a program under test, and tells where they differ.
 */
#ifndef NOVT_TESTS_COMPARE_H
#define NOVT_TESTS_COMPARE_H

#include "generate.h"

enum { VARIANTS = 2, MAX_BATCH = 8192 };

struct setup {
    const char *novt, *tools, *mode; /* mode: bt, bt-one-insn, bt-checked, bt-direct, qemu, native */
    char dir[64];                    /* scratch files */
    uint32_t timeout;                /* seconds before a run counts as hung */
    char error[512];                 /* how the last run ended */
    char lost[512];                  /* how the first run of the last comparison that ended early did */
};

/* One thing to run: a sequence, cut to its kept pieces, from VARIANTS states. */
struct item {
    uint32_t seed;
    uint64_t keep;
    bool code16;
};

enum verdict { SAME, DIFFERENT, LOST /* the program under test ended in it */ };

/* Fills verdicts[n]; false: the native run itself failed (setup->error). */
bool compare(struct setup *su, const struct item *items, uint32_t n, enum verdict *verdicts);
/* Prints the code and, for every variant that differs, what differs. */
void explain(struct setup *su, const struct item *item);
#endif
