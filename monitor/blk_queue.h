/*
 * blk_queue.h: a store made asynchronous: struct blk for devices, a worker
 * thread that runs its requests in order and posts their ends to the vCPU
 * thread. With none under way the vCPU thread may read from the store itself, if that needs no waiting.
 * Caller: blk.c, tests.
 */
#ifndef NOVT_MONITOR_BLK_QUEUE_H
#define NOVT_MONITOR_BLK_QUEUE_H

#include "devemu/block.h"
#include "monitor/blk_store.h"
#include "monitor/events.h"

enum { BLK_ERROR = 512 };

/* How the worker gets its store: NULL: errbuf holds one line. */
struct blk_opener {
    struct blk_store *(*open)(void *opaque, char *errbuf, size_t errlen); /* on the worker */
    void (*opened)(void *opaque); /* on the vCPU thread, success or not; may destroy the queue. May be NULL */
    void *opaque;
};

struct blk_queue;
/* Starts the worker, which starts with opening. name (copied by reference) is for messages. NULL: errno tells. */
struct blk_queue *blk_queue_create(const struct blk_opener *opener, const char *name, struct mon_events *events);
/* Only then it may be used. False: errbuf holds why opening failed, or with !wait nothing while it goes on. */
bool blk_queue_is_open(struct blk_queue *q, bool wait, char *errbuf, size_t errlen);
/* How long the vCPU thread waits for a store that does not answer. For tests. */
void blk_queue_set_patience(struct blk_queue *q, int ms);
/* Finishes what was submitted, flushes, closes the store. No `done` is called. */
void blk_queue_destroy(struct blk_queue *q);
/* The same without waiting: gone is called on the vCPU thread, and destroys the queue, which is then quick. Nothing is
 * submitted any more; the end of opening is not announced. */
void blk_queue_retire(struct blk_queue *q, void (*gone)(void *opaque), void *opaque);
struct blk *blk_queue_dev(struct blk_queue *q);
#endif
