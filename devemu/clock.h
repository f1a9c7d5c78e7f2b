/*
 * clock.h: exact conversion between guest nanoseconds and the ticks of a device clock.
 *
 * ticks = floor(ns * hz / 1e9); the way back rounds up, so that a timer armed
 * for dev_ticks_to_ns(t) sees at least tick t. Plain 64-bit arithmetic, exact
 * for hz below 16 GHz and any time that fits into 64 bits of ns.
 */
#ifndef NOVT_DEVEMU_CLOCK_H
#define NOVT_DEVEMU_CLOCK_H

#include <stdint.h>

#define DEV_NS_PER_S 1000000000ull

static inline uint64_t dev_ns_to_ticks(uint64_t ns, uint64_t hz) {
    return ns / DEV_NS_PER_S * hz + ns % DEV_NS_PER_S * hz / DEV_NS_PER_S;
}

static inline uint64_t dev_ticks_to_ns(uint64_t ticks, uint64_t hz) {
    return ticks / hz * DEV_NS_PER_S + (ticks % hz * DEV_NS_PER_S + hz - 1) / hz;
}

#endif
