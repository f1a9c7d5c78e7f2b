/*
 * mailbox.h: work that other threads have done by the vCPU thread.
 *
 * A letter holds a function and a copy of its arguments. The vCPU thread opens all letters between two pieces of guest
 * code, FPU parked; the sender waits for a bounded time and gets the arguments back with the results. A sender that
 * gives up leaves the letter to the other side, so nobody ever touches the sender's memory late, and the vCPU thread
 * never waits. Callers: inspect*.c (senders), run loop (opener). While nobody writes it costs nothing.
 */
#ifndef NOVT_MONITOR_MAILBOX_H
#define NOVT_MONITOR_MAILBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct machine;
struct mon_events;
struct letter;

struct mailbox {
    struct mon_events *events; /* wakes the vCPU thread */
    struct letter *first;      /* newest first */
};

/* What the vCPU thread does. False: it is not finished; mailbox_finish(letter) will be called, on the vCPU thread. */
typedef bool mailbox_fn(struct machine *m, void *args, struct letter *letter);
enum mailbox_result { MAILBOX_DONE, MAILBOX_LATE, MAILBOX_CLOSED, MAILBOX_NO_MEMORY };

void mailbox_init(struct mailbox *b, struct mon_events *events);
/* Any thread but the vCPU's. args (size bytes) are copied to the letter, and back if it was done in time. */
enum mailbox_result mailbox_ask(struct mailbox *b, mailbox_fn *fn, void *args, size_t size, unsigned timeout_ms);
/* vCPU thread: does what has arrived. */
void mailbox_open(struct mailbox *b, struct machine *m);
void mailbox_finish(struct letter *letter);
/* vCPU thread: nothing is taken any more; who waits hears of it. May be repeated. */
void mailbox_close(struct mailbox *b);
#endif
