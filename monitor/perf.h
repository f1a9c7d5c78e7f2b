/*
 * perf.h: tells Linux's perf which guest code lies where in the code cache (--perf).
 *
 * A perf map (/tmp/perf-PID.map, text, read by perf report) describes the cache as it is since its last flush; a
 * jitdump (jit-PID.dump, for perf inject --jit) has code bytes and times, so that reused addresses are told apart.
 * Formats: tools/perf/Documentation/jit-interface.txt and jitdump-specification.txt of Linux. Blocks are noted when
 * they are made and named when the buffer is written, at the latest at the end. vCPU thread only. Without --perf
 * nothing here is called.
 */
#ifndef NOVT_MONITOR_PERF_H
#define NOVT_MONITOR_PERF_H

#include "bt/bt.h"
#include "monitor/monitor.h"

struct machine;
struct perf;

/* NULL: errbuf says why. */
struct perf *perf_open(struct machine *m, enum mon_perf kind, char *errbuf, size_t errlen);
/* For bt_config.made; opaque is the struct perf. */
void perf_made(void *opaque, const struct bt_code *code);
/* A good time to write: the guest sleeps. FPU parked. p may be NULL. */
void perf_idle(struct perf *p);
void perf_close(struct perf *p);
#endif
