#include "monitor/clock.h"

#include <cpuid.h>
#include <stdlib.h>
#include <string.h>
#include <x86intrin.h>
#include "monitor/hostsys.h"

enum {
    NS_PER_S = 1000000000,
    CALIBRATE_NS = 10000000,
    /* A timer re-armed into the past is a device catching up lost ticks: leave the guest this long to
     * take the interrupt of one tick before the next. */
    CATCH_UP_GAP_NS = 20000,
    FAR_NS = 2000000, /* longer than two samples of running code are apart */
};

/* ---- Reading the host's clocks ---- */

static uint64_t mono_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* Both clocks at one instant: the tightest of a few tries. */
static void sample_pair(uint64_t *ns, uint64_t *tsc) {
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 8; i++) {
        uint64_t before = __rdtsc(), now = mono_ns(), after = __rdtsc();
        if (after - before >= best) continue;
        best = after - before;
        *ns = now;
        *tsc = before + best / 2;
    }
}

uint64_t clock_now(const struct mon_clock *c) { return c->stopped ? c->stopped_ns : mono_ns() - c->start_mono_ns; }

/* ---- TSC frequency ---- */

/* CPUID leaf 15h, "Time Stamp Counter and Nominal Core Crystal Clock". 0 where it is not enumerated, or a
 * hypervisor may have made it up. */
static uint64_t cpuid_tsc_hz(void) {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & 1u << 31)) return 0;
    if (!__get_cpuid(0x15, &a, &b, &c, &d) || !a || !b || !c) return 0;
    return (uint64_t)c * b / a;
}

static void sleep_until_guest(const struct mon_clock *c, uint64_t guest_ns) {
    uint64_t at = c->start_mono_ns + guest_ns;
    struct timespec ts = {.tv_sec = (time_t)(at / NS_PER_S), .tv_nsec = (long)(at % NS_PER_S)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL)) {}
}

void clock_calibrate(struct mon_clock *c) {
    c->tsc_hz = cpuid_tsc_hz();
    if (c->tsc_hz) return;
    sleep_until_guest(c, CALIBRATE_NS);
    uint64_t ns, tsc;
    sample_pair(&ns, &tsc);
    c->tsc_hz = (uint64_t)((unsigned __int128)(tsc - c->start_tsc) * NS_PER_S / (ns - c->start_mono_ns));
}

/* ---- The host timer ---- */

static void program_at(struct mon_clock *c, uint64_t guest_ns) {
    c->armed_ns = guest_ns;
    if (!c->have_host_timer) return;
    uint64_t at = guest_ns ? c->start_mono_ns + guest_ns : 0; /* all zero disarms */
    struct itimerspec when = {.it_value = {.tv_sec = (time_t)(at / NS_PER_S), .tv_nsec = (long)(at % NS_PER_S)}};
    hostsys_timer_settime(c->host_timer, TIMER_ABSTIME, &when);
}

/* As program_at, or later. */
static void program_lazily(struct mon_clock *c, uint64_t guest_ns, uint64_t now) {
    c->owed = c->lazy && c->rested && !c->demanded && guest_ns > now + FAR_NS;
    if (!c->owed)
        program_at(c, guest_ns);
    else if (c->armed_ns > 1)
        program_at(c, 0);
    else
        c->armed_ns = 0;
}

bool clock_demand(struct mon_clock *c) {
    if (!c->owed) return false;
    c->demanded = true;
    return true;
}

static uint64_t next_deadline(const struct mon_clock *c) {
    if (!c->count) return 0;
    return c->heap[0]->deadline_ns ? c->heap[0]->deadline_ns : 1;
}

uint64_t clock_sleep_until(struct mon_clock *c) {
    uint64_t next = c->stopped ? 0 : next_deadline(c);
    if (c->armed_ns) program_at(c, 0);
    c->rested = true;
    c->owed = false;
    return next ? c->start_mono_ns + next : 0;
}

static void program_if_earlier(struct mon_clock *c) {
    uint64_t next = c->stopped ? 0 : next_deadline(c);
    if (next && (!c->armed_ns || next < c->armed_ns)) program_lazily(c, next, clock_now(c));
}

/* ---- The heap ---- */

static void heap_put(struct mon_clock *c, uint32_t i, struct dev_timer *t) {
    c->heap[i] = t;
    t->slot = i + 1;
}

static void sift_up(struct mon_clock *c, uint32_t i, struct dev_timer *t) {
    while (i && c->heap[(i - 1) / 2]->deadline_ns > t->deadline_ns) {
        heap_put(c, i, c->heap[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_put(c, i, t);
}

static void sift_down(struct mon_clock *c, uint32_t i, struct dev_timer *t) {
    for (uint32_t child; (child = 2 * i + 1) < c->count; i = child) {
        if (child + 1 < c->count && c->heap[child + 1]->deadline_ns < c->heap[child]->deadline_ns) child++;
        if (c->heap[child]->deadline_ns >= t->deadline_ns) break;
        heap_put(c, i, c->heap[child]);
    }
    heap_put(c, i, t);
}

static void heap_remove(struct mon_clock *c, struct dev_timer *t) {
    uint32_t i = t->slot - 1;
    struct dev_timer *last = c->heap[--c->count];
    t->slot = 0;
    if (last == t) return;
    sift_up(c, i, last);
    if (last->slot == i + 1) sift_down(c, i, last);
}

/* ---- Arming and firing ---- */

void clock_cancel(struct mon_clock *c, struct dev_timer *t) {
    if (t->slot && t->slot != CLOCK_SLOT_DUE) heap_remove(c, t);
    t->slot = 0;
}

void clock_arm(struct mon_clock *c, struct dev_timer *t, uint64_t deadline_ns) {
    clock_cancel(c, t);
    if (c->count == CLOCK_MAX_TIMERS) abort(); /* a device that arms timers it does not own */
    t->deadline_ns = deadline_ns;
    sift_up(c, c->count++, t);
    program_if_earlier(c);
}

/* Takes the timers due at `now` off the heap, earliest first. */
static uint32_t collect_due(struct mon_clock *c, uint64_t now, struct dev_timer **due) {
    uint32_t n = 0;
    while (c->count && c->heap[0]->deadline_ns <= now) {
        due[n] = c->heap[0];
        heap_remove(c, due[n]);
        due[n++]->slot = CLOCK_SLOT_DUE;
    }
    return n;
}

void clock_run_due(struct mon_clock *c) {
    struct dev_timer *due[CLOCK_MAX_TIMERS];
    if (c->demanded) c->rested = c->owed = false;
    if (c->stopped || (!c->count && !c->armed_ns)) return;
    uint64_t now = clock_now(c);
    uint32_t n = collect_due(c, now, due);
    uint64_t armed = c->armed_ns;
    c->armed_ns = 1; /* nothing is earlier: callbacks that arm leave the host timer to the end of the pass */
    for (uint32_t i = 0; i < n; i++) {
        if (due[i]->slot != CLOCK_SLOT_DUE) continue; /* cancelled or re-armed by an earlier callback */
        due[i]->slot = 0;
        due[i]->fn(due[i]->opaque, now);
        c->fired++;
    }
    uint64_t next = next_deadline(c);
    if (next && next < now + CATCH_UP_GAP_NS) next = now + CATCH_UP_GAP_NS;
    c->armed_ns = armed;
    if (next != armed || (next && next <= now)) program_lazily(c, next, now); /* else it is right as it is */
    c->demanded = false;
}

/* ---- Stopping ---- */

void clock_stop(struct mon_clock *c) {
    if (c->stopped) return;
    c->stopped_ns = clock_now(c);
    c->stopped = true;
    if (c->armed_ns) program_at(c, 0);
}

void clock_go_on(struct mon_clock *c) {
    if (!c->stopped) return;
    c->start_mono_ns = mono_ns() - c->stopped_ns;
    c->stopped = false;
    program_if_earlier(c);
}

/* ---- Life ---- */

static bool create_host_timer(struct mon_clock *c, int tid, int signo) {
    struct sigevent ev;
    memset(&ev, 0, sizeof ev);
    ev.sigev_notify = SIGEV_THREAD_ID;
    ev.sigev_signo = signo;
    ev._sigev_un._tid = tid;
    c->have_host_timer = hostsys_timer_create(CLOCK_MONOTONIC, &ev, &c->host_timer) == 0;
    return c->have_host_timer;
}

bool clock_init(struct mon_clock *c, int tid, int signo) {
    memset(c, 0, sizeof *c);
    sample_pair(&c->start_mono_ns, &c->start_tsc);
    return !signo || create_host_timer(c, tid, signo);
}

void clock_fini(struct mon_clock *c) {
    if (c->have_host_timer) hostsys_timer_delete(c->host_timer);
    c->have_host_timer = false;
}
