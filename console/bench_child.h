/*
 * bench_child.h: one life of a machine that `novt bench` measures: this very program again, as `novt run` of an image
 * in memory, with its serial port and its counters collected.
 */
#ifndef NOVT_CONSOLE_BENCH_CHILD_H
#define NOVT_CONSOLE_BENCH_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BENCH_TEXT = 32 << 10 };

struct bench_life {
    char serial[BENCH_TEXT]; /* what the guest printed; ends with 0 */
    char stats[BENCH_TEXT];  /* what novt printed to stderr: the report of --stats */
    uint64_t wall_ns;        /* from starting the process to its end */
    uint64_t peak_kib;       /* most memory that it had resident, touched guest RAM included */
};

/* Runs an image with a kernel command line. False: it did not come to its end; a line on stderr says why. */
bool bench_live(const char *image, size_t size, const char *append, struct bench_life *life);

/* The number behind a name at the start of a line, in hundredths if it has decimals and the flag asks; false: none. */
bool bench_number(const char *text, const char *name, bool hundredths, uint64_t *out);
#endif
