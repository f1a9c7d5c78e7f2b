/*
 * monitor_mailbox_test.c: letters to the vCPU thread: done, too late, finished later, refused. Who frees what is seen
 * by the sanitizers.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "monitor/events.h"
#include "monitor/mailbox.h"

static struct mon_events events;
static struct mailbox box;
static struct letter *open_letter; /* of ask_later */
static int runs;

struct question {
    int number, answer;
    mailbox_fn *fn;
    unsigned ms;
    enum mailbox_result result;
};

static bool twice(struct machine *m, void *args, struct letter *l) {
    struct question *q = args;
    (void)m, (void)l;
    runs++;
    q->answer = 2 * q->number;
    return true;
}

static bool later(struct machine *m, void *args, struct letter *l) {
    (void)m, (void)args;
    runs++;
    open_letter = l;
    return false;
}

static void *sender(void *opaque) {
    struct question *q = opaque;
    q->result = mailbox_ask(&box, q->fn, q, sizeof *q, q->ms);
    return NULL;
}

static pthread_t ask(struct question *q, mailbox_fn *fn, unsigned ms) {
    pthread_t t;
    *q = (struct question){.number = 21, .fn = fn, .ms = ms};
    assert_int_equal(pthread_create(&t, NULL, sender, q), 0);
    return t;
}

static void open_until(const int *count, int wanted) {
    while (*count < wanted) {
        mailbox_open(&box, NULL);
        sched_yield();
    }
}

static int setup(void **state) {
    (void)state;
    runs = 0;
    mailbox_init(&box, &events);
    return !events_init(&events, 0, NULL, NULL);
}

static int teardown(void **state) {
    (void)state;
    mailbox_close(&box);
    events_fini(&events);
    return 0;
}

enum { LONG_MS = 60000, SHORT_MS = 30 };

static void done(void **state) {
    struct question q[8];
    pthread_t t[8];
    (void)state;
    for (int i = 0; i < 8; i++) t[i] = ask(&q[i], twice, LONG_MS);
    open_until(&runs, 8);
    for (int i = 0; i < 8; i++) {
        pthread_join(t[i], NULL);
        assert_int_equal(q[i].result, MAILBOX_DONE);
        assert_int_equal(q[i].answer, 42);
    }
    assert_true(events_take(&events)); /* the vCPU thread was woken */
}

/* What nobody waits for any more is not done. */
static void late(void **state) {
    struct question q;
    (void)state;
    pthread_join(ask(&q, twice, SHORT_MS), NULL);
    assert_int_equal(q.result, MAILBOX_LATE);
    mailbox_open(&box, NULL);
    assert_int_equal(runs, 0);
    assert_int_equal(q.answer, 0);
}

static void finished_later(void **state) {
    struct question q;
    (void)state;
    pthread_t t = ask(&q, later, LONG_MS);
    open_until(&runs, 1);
    mailbox_finish(open_letter);
    pthread_join(t, NULL);
    assert_int_equal(q.result, MAILBOX_DONE);
    t = ask(&q, later, SHORT_MS);
    open_until(&runs, 2);
    pthread_join(t, NULL);
    assert_int_equal(q.result, MAILBOX_LATE);
    mailbox_finish(open_letter); /* frees it */
}

static void closed(void **state) {
    struct question q;
    (void)state;
    pthread_t t = ask(&q, twice, LONG_MS);
    while (!__atomic_load_n(&box.first, __ATOMIC_SEQ_CST)) sched_yield();
    mailbox_close(&box);
    pthread_join(t, NULL);
    assert_int_equal(q.result, MAILBOX_CLOSED);
    pthread_join(ask(&q, twice, LONG_MS), NULL);
    assert_int_equal(q.result, MAILBOX_CLOSED);
    assert_int_equal(runs, 0);
}

/* One that was begun is not waited for once the box is closed. */
static void closed_when_begun(void **state) {
    struct question q;
    (void)state;
    pthread_t t = ask(&q, later, LONG_MS);
    open_until(&runs, 1);
    mailbox_close(&box);
    pthread_join(t, NULL);
    assert_int_equal(q.result, MAILBOX_LATE);
    mailbox_finish(open_letter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(done, setup, teardown),
        cmocka_unit_test_setup_teardown(late, setup, teardown),
        cmocka_unit_test_setup_teardown(finished_later, setup, teardown),
        cmocka_unit_test_setup_teardown(closed, setup, teardown),
        cmocka_unit_test_setup_teardown(closed_when_begun, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
