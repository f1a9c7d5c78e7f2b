/*
 * bench.h: one benchmark is one function that does a fixed piece of work and
 * returns a checksum of it; main.c repeats and times it.
 *
 * The programs are ordinary 32-bit Linux programs: they run as a native process and
 * inside a guest alike. A repetition takes 5 to 20 ms natively, so that slow
 * machines can do few of them and the best of many is little disturbed.
 */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

typedef uint32_t bench_fn(void);

/* Keeps the optimiser from seeing through a call. */
#define OPAQUE __attribute__((noipa))

/* Kernel work that fails measures nothing: end the program. */
void require(int condition, const char *what);

/* Subcommands; -1: not one of them. */
int devices_main(int argc, char **argv);
int exec_main(int argc, char **argv);

static inline uint32_t next_random(uint32_t *state) {
    uint32_t x = *state;
    x ^= x << 13;
    x ^= x >> 17;
    x ^= x << 5;
    return *state = x;
}

static inline uint32_t mix(uint32_t sum, uint32_t value) { return (sum ^ value) * 0x01000193u; }

#define COMPUTE(name)     bench_fn bench_##name;
#define KERNEL(name, ops) bench_fn bench_##name;
#include "list.def"
#undef COMPUTE
#undef KERNEL

#endif
