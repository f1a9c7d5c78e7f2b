/*
 * monitor_blk_fixture.h: what tests of images on the host share: one image in a directory of its own, and requests
 * whose ends come through the events of a run. One per test program.
 */
#ifndef NOVT_TESTS_MONITOR_BLK_FIXTURE_H
#define NOVT_TESTS_MONITOR_BLK_FIXTURE_H

#include <poll.h>
#include <signal.h>
#include "devemu_fake.h"
#include "monitor/blk.h"
#include "monitor/blk_queue.h"

static char dir[64], path[128], error[512];
static struct mon_events events;
static uint8_t buf[256 << 10];
static int done_count;

static inline void count_done(void *o) { done_count++, (void)o; }
static inline void ignore(int s) { (void)s; }

static inline void wait_done(int n) {
    for (int i = 0; i < 20000 && done_count < n; i++) {
        events_dispatch(&events);
        poll(NULL, 0, 1);
    }
    assert_int_equal(done_count, n);
}

/* One request from its submission to its end. */
static inline enum blk_status run(struct blk *b, enum blk_op op, uint64_t offset, void *data, uint32_t len) {
    struct blk_request r = {.done = count_done};
    done_count = 0;
    if (op == BLK_READ)
        blk_read(b, &r, offset, data, len);
    else if (op == BLK_WRITE)
        blk_write(b, &r, offset, data, len, false);
    else
        blk_flush(b, &r);
    assert_int_equal(done_count, 0); /* never from inside */
    wait_done(1);
    assert_false(r.busy);
    return r.status;
}
#endif
