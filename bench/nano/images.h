/*
 * images.h: the guests of bench/nano as they are in the program: Multiboot kernels that print "NAME NUMBER NUMBER"
 * lines and "end" on the first serial port, and end with exit code BENCH_DONE.
 */
#ifndef NOVT_BENCH_IMAGES_H
#define NOVT_BENCH_IMAGES_H

enum { BENCH_DONE = 33 };

extern const char bench_nano[], bench_nano_end[];     /* privileged operations: best, median in hundredths of a cycle */
extern const char bench_growth[], bench_growth_end[]; /* passN: hundredths of a cycle an instruction; instructions */
extern const char bench_exit[], bench_exit_end[];     /* prints nothing */

#endif
