/*
 * monitor_clock_test.c: the timer queue: order, re-arming and cancelling from callbacks, catch-up, the host timer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <signal.h>
#include <string.h>
#include <time.h>
#include "monitor/clock.h"
#include "monitor/events.h"
#include "monitor/hostsys.h"

enum { TIMERS = 100, MS = 1000000 };

struct fixture {
    struct mon_clock clock;
    struct dev_timer timer[TIMERS];
    int order[TIMERS], fired;
    struct dev_timer *victim; /* cancelled by the first callback */
    uint64_t rearm;           /* each callback re-arms its timer this far ahead; 0: not */
};

static struct fixture f;

static int index_of(const struct dev_timer *t) { return (int)(t - f.timer); }

static void fire(void *opaque, uint64_t now_ns) {
    struct dev_timer *t = opaque;
    (void)now_ns;
    f.order[f.fired++] = index_of(t);
    if (f.victim) clock_cancel(&f.clock, f.victim);
    if (f.rearm) clock_arm(&f.clock, t, t->deadline_ns + f.rearm);
}

static int setup(void **state) {
    (void)state;
    memset(&f, 0, sizeof f);
    if (!clock_init(&f.clock, 0, 0)) return -1;
    for (int i = 0; i < TIMERS; i++) {
        f.timer[i].fn = fire;
        f.timer[i].opaque = &f.timer[i];
    }
    return 0;
}

static int teardown(void **state) {
    (void)state;
    clock_fini(&f.clock);
    return 0;
}

static void sleep_ns(long ns) {
    struct timespec ts = {.tv_nsec = ns};
    while (nanosleep(&ts, &ts)) {}
}

static void time_goes_forward(void **state) {
    (void)state;
    uint64_t a = clock_now(&f.clock);
    sleep_ns(2 * MS);
    uint64_t b = clock_now(&f.clock);
    assert_true(a < MS * 1000ull);
    assert_true(b - a >= 2 * MS);
}

static void due_timers_run_in_order_of_deadline(void **state) {
    (void)state;
    for (int i = 0; i < TIMERS; i++) clock_arm(&f.clock, &f.timer[i], (uint64_t)(i * 37 % TIMERS) + 1);
    sleep_ns(1000);
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, TIMERS);
    for (int i = 1; i < TIMERS; i++)
        assert_true(f.timer[f.order[i - 1]].deadline_ns <= f.timer[f.order[i]].deadline_ns);
    for (int i = 0; i < TIMERS; i++) assert_int_equal(f.timer[i].slot, 0);
}

static void future_timers_wait(void **state) {
    (void)state;
    clock_arm(&f.clock, &f.timer[0], 1);
    clock_arm(&f.clock, &f.timer[1], clock_now(&f.clock) + 1000ull * MS);
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, 1);
    assert_int_not_equal(f.timer[1].slot, 0);
    assert_int_equal(f.clock.armed_ns, f.timer[1].deadline_ns);
}

static void cancelled_timers_do_not_run(void **state) {
    (void)state;
    for (int i = 0; i < TIMERS; i++) clock_arm(&f.clock, &f.timer[i], (uint64_t)i + 1);
    for (int i = 0; i < TIMERS; i += 2) clock_cancel(&f.clock, &f.timer[i]);
    clock_cancel(&f.clock, &f.timer[0]); /* idle: nothing happens */
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, TIMERS / 2);
    for (int i = 0; i < f.fired; i++) assert_int_equal(f.order[i] % 2, 1);
}

static void a_callback_may_cancel_a_timer_that_is_due(void **state) {
    (void)state;
    clock_arm(&f.clock, &f.timer[0], 1);
    clock_arm(&f.clock, &f.timer[1], 2);
    f.victim = &f.timer[1];
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, 1);
    assert_int_equal(f.timer[1].slot, 0);
}

static void a_timer_runs_once_a_pass_however_late_it_is(void **state) {
    (void)state;
    f.rearm = 1; /* far behind: the next deadline is in the past too */
    clock_arm(&f.clock, &f.timer[0], 1);
    sleep_ns(1000);
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, 1);
    assert_int_not_equal(f.timer[0].slot, 0);
    uint64_t now = clock_now(&f.clock);
    assert_true(f.clock.armed_ns > f.timer[0].deadline_ns); /* but the guest gets a moment first */
    assert_true(f.clock.armed_ns < now + MS);
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, 2);
}

static void arming_again_moves_a_timer(void **state) {
    (void)state;
    clock_arm(&f.clock, &f.timer[0], clock_now(&f.clock) + 1000ull * MS);
    clock_arm(&f.clock, &f.timer[0], 1);
    assert_int_equal(f.clock.count, 1);
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, 1);
}

static void the_host_timer_follows_the_earliest_lazily(void **state) {
    (void)state;
    uint64_t now = clock_now(&f.clock), early = now + 1000ull * MS, late = now + 2000ull * MS;
    clock_arm(&f.clock, &f.timer[0], early);
    assert_int_equal(f.clock.armed_ns, early);
    clock_arm(&f.clock, &f.timer[0], late);
    assert_int_equal(f.clock.armed_ns, early);
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, 0);
    assert_int_equal(f.clock.armed_ns, late);
    clock_cancel(&f.clock, &f.timer[0]);
    assert_int_equal(f.clock.armed_ns, late);
    clock_run_due(&f.clock);
    assert_int_equal(f.clock.armed_ns, 0);
}

static void a_sleep_waits_for_the_deadline_itself(void **state) {
    (void)state;
    struct mon_events ev;
    assert_true(events_init(&ev, SIGUSR1, NULL, NULL));
    assert_int_equal(clock_sleep_until(&f.clock), 0);
    uint64_t deadline = clock_now(&f.clock) + 5 * MS;
    clock_arm(&f.clock, &f.timer[0], deadline);
    uint64_t until = clock_sleep_until(&f.clock);
    assert_int_equal(until, f.clock.start_mono_ns + deadline);
    assert_int_equal(f.clock.armed_ns, 0); /* no signal is to come */
    assert_false(events_take(&ev));
    events_sleep(&ev, until);
    assert_true(clock_now(&f.clock) >= deadline);
    assert_true(events_take(&ev));
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, 1);
    events_note(&ev); /* what was noted before ends a sleep at once */
    events_sleep(&ev, 0);
    assert_true(events_take(&ev));
    events_fini(&ev);
}

static struct mon_events post_events;
static struct events_post posts[2];
static int posted[2];
static void on_post(void *opaque) {
    int n = *(int *)opaque;
    posted[n]++;
    if (n == 0 && posted[0] == 1) events_post(&post_events, &posts[0]); /* once a pass */
    if (n == 0 && posted[0] == 2) events_post_remove(&post_events, &posts[1]);
}
static void *post_later(void *opaque) {
    struct timespec t = {.tv_nsec = 3000000};
    nanosleep(&t, NULL);
    events_post(&post_events, opaque);
    return NULL;
}

static void other_threads_post(void **state) {
    (void)state;
    static int number[2] = {0, 1};
    struct mon_events *ev = &post_events;
    signal(SIGUSR1, SIG_IGN);
    assert_true(events_init(ev, SIGUSR1, NULL, NULL));
    for (int i = 0; i < 2; i++) {
        posts[i] = (struct events_post){.fn = on_post, .opaque = &number[i]};
        events_post_add(ev, &posts[i]);
    }
    events_dispatch(ev);
    assert_int_equal(posted[0] + posted[1], 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_later, &posts[0]), 0);
    events_sleep(ev, 0); /* a post ends a sleep */
    pthread_join(thread, NULL);
    assert_true(events_take(ev));
    events_post(ev, &posts[1]);
    events_post(ev, &posts[1]);
    events_dispatch(ev);
    assert_int_equal(posted[0], 1);
    assert_int_equal(posted[1], 1);
    assert_true(events_take(ev));
    events_post(ev, &posts[1]);
    events_dispatch(ev);
    assert_int_equal(posted[0], 2);
    int before = posted[1];
    events_post(ev, &posts[1]); /* who was removed is not called */
    events_dispatch(ev);
    assert_int_equal(posted[1], before);
    events_fini(ev);
}

static volatile sig_atomic_t signals;
static void count_signal(int signo) {
    (void)signo;
    signals++;
}

static void a_due_timer_raises_the_signal(void **state) {
    (void)state;
    struct sigaction sa = {.sa_handler = count_signal};
    sigaction(SIGUSR1, &sa, NULL);
    signals = 0;
    assert_true(clock_init(&f.clock, hostsys_gettid(), SIGUSR1));
    clock_arm(&f.clock, &f.timer[0], clock_now(&f.clock) + 5 * MS);
    for (int i = 0; i < 1000 && !signals; i++) sleep_ns(MS);
    assert_int_equal(signals, 1);
    clock_run_due(&f.clock);
    assert_int_equal(f.fired, 1);
}

static void the_tsc_frequency_agrees_with_the_clock(void **state) {
    (void)state;
    clock_calibrate(&f.clock);
    uint64_t ns = clock_now(&f.clock), tsc = __builtin_ia32_rdtsc();
    sleep_ns(50 * MS);
    ns = clock_now(&f.clock) - ns;
    tsc = __builtin_ia32_rdtsc() - tsc;
    uint64_t expected = (uint64_t)((unsigned __int128)ns * f.clock.tsc_hz / 1000000000);
    uint64_t off = tsc > expected ? tsc - expected : expected - tsc;
    assert_true(off < tsc / 200);
}

static void after_a_sleep_a_far_deadline_arms_the_host_timer_on_demand(void **state) {
    (void)state;
    const uint64_t far = clock_now(&f.clock) + 1000 * MS;
    f.clock.lazy = true;
    clock_arm(&f.clock, &f.timer[0], far);
    assert_int_equal(f.clock.armed_ns, far); /* no sleep yet: the guest may run long */
    assert_false(clock_demand(&f.clock));
    assert_true(clock_sleep_until(&f.clock) != 0);
    clock_run_due(&f.clock);
    assert_int_equal(f.clock.armed_ns, 0);
    clock_arm(&f.clock, &f.timer[1], far + MS);
    assert_int_equal(f.clock.armed_ns, 0);
    assert_true(clock_demand(&f.clock));
    clock_run_due(&f.clock);
    assert_int_equal(f.clock.armed_ns, far);
    assert_false(clock_demand(&f.clock));
    (void)clock_sleep_until(&f.clock);
    clock_arm(&f.clock, &f.timer[2], clock_now(&f.clock) + MS); /* near: at once */
    assert_true(f.clock.armed_ns != 0);
    assert_false(clock_demand(&f.clock));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(time_goes_forward, setup, teardown),
        cmocka_unit_test_setup_teardown(due_timers_run_in_order_of_deadline, setup, teardown),
        cmocka_unit_test_setup_teardown(future_timers_wait, setup, teardown),
        cmocka_unit_test_setup_teardown(cancelled_timers_do_not_run, setup, teardown),
        cmocka_unit_test_setup_teardown(a_callback_may_cancel_a_timer_that_is_due, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_runs_once_a_pass_however_late_it_is, setup, teardown),
        cmocka_unit_test_setup_teardown(arming_again_moves_a_timer, setup, teardown),
        cmocka_unit_test_setup_teardown(the_host_timer_follows_the_earliest_lazily, setup, teardown),
        cmocka_unit_test_setup_teardown(a_sleep_waits_for_the_deadline_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(after_a_sleep_a_far_deadline_arms_the_host_timer_on_demand, setup, teardown),
        cmocka_unit_test(other_threads_post),
        cmocka_unit_test_setup_teardown(a_due_timer_raises_the_signal, setup, teardown),
        cmocka_unit_test_setup_teardown(the_tsc_frequency_agrees_with_the_clock, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
