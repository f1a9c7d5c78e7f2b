/*
 * blk_queue.h: a store made asynchronous: struct blk for devices, a worker
 * thread that runs its requests in order, and an eventfd that brings their
 * ends back to the vCPU thread. Caller: blk.c, tests.
 */
#ifndef NOVT_MONITOR_BLK_QUEUE_H
#define NOVT_MONITOR_BLK_QUEUE_H

#include "devemu/block.h"
#include "monitor/blk_store.h"
#include "monitor/events.h"

struct blk_queue;
/* Takes the store over if it succeeds. name (copied by reference) is for messages. NULL: errno tells. */
struct blk_queue *blk_queue_create(struct blk_store *store, const char *name, struct mon_events *events);
/* Finishes what was submitted, flushes, closes the store. No `done` is called. */
void blk_queue_destroy(struct blk_queue *q);
struct blk *blk_queue_dev(struct blk_queue *q);
#endif
