/*
 * clock.h: guest time, and the queue of device timers.
 *
 * Guest time is CLOCK_MONOTONIC since the machine was created, in ns, less the time it was stopped. Timers lie
 * in a binary heap; one host timer is programmed for the earliest and wakes
 * the vCPU thread by a signal. A second clock that never stops serves the user's side. Callers: devices
 * (through struct dev_host), the run loop. Safe while guest FPU state is live: no libc but the vdso.
 * Invariant: t->slot is the heap index plus one, CLOCK_SLOT_DUE while the timer waits to be
 * fired in the present pass, 0 when idle.
 */
#ifndef NOVT_MONITOR_CLOCK_H
#define NOVT_MONITOR_CLOCK_H

#include "devemu/dev.h"

enum { CLOCK_MAX_TIMERS = 256 }; /* every timer is embedded in a device: a board never has that many */
#define CLOCK_SLOT_DUE UINT32_MAX

struct mon_clock {
    struct dev_timer *heap[CLOCK_MAX_TIMERS];
    uint32_t count;
    uint64_t start_mono_ns; /* CLOCK_MONOTONIC at guest time 0 */
    uint64_t start_tsc;     /* host TSC at guest time 0 */
    bool stopped;
    uint64_t stopped_ns; /* guest time then */
    uint64_t tsc_hz;
    bool have_host_timer;
    int host_timer;
    uint64_t armed_ns;   /* guest time the host timer fires at; 0: not armed */
    bool lazy;           /* clock_demand comes when guest code runs long, see there */
    bool rested;         /* the guest has slept since the last demand */
    bool owed, demanded; /* the host timer ought to be armed; and now it must */
    uint64_t fired;      /* timers run, for --stats */
};

/* Guest time starts now. Thread tid gets signal signo when a timer is due; signo 0: no host timer (tests). */
bool clock_init(struct mon_clock *c, int tid, int signo);
void clock_fini(struct mon_clock *c);

uint64_t clock_now(const struct mon_clock *c);
void clock_arm(struct mon_clock *c, struct dev_timer *t, uint64_t deadline_ns);
void clock_cancel(struct mon_clock *c, struct dev_timer *t);
/* Guest time stands still: no timer is due; and goes on from there. */
void clock_stop(struct mon_clock *c);
void clock_go_on(struct mon_clock *c);
/* Runs every timer that is due, each at most once, in order of deadline. */
void clock_run_due(struct mon_clock *c);
/* Before a sleep: stops the host timer, and gives the next deadline in CLOCK_MONOTONIC (0: none), which the sleeper
 * waits for itself, without a signal. The next clock_run_due starts the timer again. While guest code runs, a timer
 * that moved later leaves the host timer where it is, which costs one early wake-up instead of a system call each time.
 */
uint64_t clock_sleep_until(struct mon_clock *c);
/* A guest that wakes for its tick and sleeps again needs no host timer in between: with `lazy` set, one that is far off
 * is not armed after a sleep until a sample of the running code says that the guest is at work. Async-signal-safe;
 * true: run what is due. */
bool clock_demand(struct mon_clock *c);
/* Finds tsc_hz: from CPUID, or measured since clock_init, waiting until that was 10 ms ago. */
void clock_calibrate(struct mon_clock *c);
#endif
