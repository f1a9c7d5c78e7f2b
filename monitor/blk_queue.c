/*
 * blk_queue.c: see its header.
 *
 * A request is in exactly one place: in `todo`, `running`, or in `ended` until the vCPU thread takes it.
 */
#include "monitor/blk_queue.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct list {
    struct blk_request *first, *last;
};

struct blk_queue {
    struct blk dev;
    struct blk_store *store;
    const char *name;
    struct mon_events *events;
    struct events_source ended_src; /* eventfd: `ended` is not empty */
    pthread_t thread;
    pthread_mutex_t lock;          /* what follows */
    pthread_cond_t work, progress; /* for the worker; for who waits for it */
    struct list todo, ended;
    struct blk_request *running;
    bool quit;
    bool dirty, warned; /* the worker's own */
};

/* ---- Lists ---- */

static void append(struct list *l, struct blk_request *r) {
    r->next = NULL;
    if (l->first)
        l->last->next = r;
    else
        l->first = r;
    l->last = r;
}

static struct blk_request *take_first(struct list *l) {
    struct blk_request *r = l->first;
    if (r) l->first = r->next;
    return r;
}

static bool take_out(struct list *l, const struct blk_request *r) {
    struct blk_request *before = NULL;
    for (struct blk_request *at = l->first; at; before = at, at = at->next) {
        if (at != r) continue;
        if (before)
            before->next = at->next;
        else
            l->first = at->next;
        if (l->last == at) l->last = before;
        return true;
    }
    return false;
}

/* ---- The worker ---- */

static enum blk_status status_of(int error) {
    switch (error) {
    case 0: return BLK_OK;
    case ENOSPC:
    case EDQUOT:
    case EFBIG: return BLK_NO_SPACE;
    default: return BLK_IO_ERROR;
    }
}

static const char *reason(int error) { return error == ENODATA ? "the image is shorter than it was" : strerror(error); }

/* The guest hears of every error, the user of the first. */
static void report(struct blk_queue *q, const char *what, int error) {
    if (!q->warned) fprintf(stderr, "novt: disk image %s: %s error: %s\n", q->name, what, reason(error));
    q->warned = true;
}

static int flush_store(struct blk_queue *q) {
    int error = q->dirty ? q->store->ops->flush(q->store) : 0;
    if (error)
        report(q, "flush", error);
    else
        q->dirty = false;
    return error;
}

static int read_store(struct blk_queue *q, struct blk_request *r) {
    int error = 0;
    r->good = (uint32_t)q->store->ops->read(q->store, r->offset, r->buf, r->len, &error);
    if (error) report(q, "read", error);
    return error;
}

static int write_store(struct blk_queue *q, struct blk_request *r) {
    int error = 0;
    q->dirty = true;
    r->good = (uint32_t)q->store->ops->write(q->store, r->offset, r->buf, r->len, &error);
    if (error) report(q, "write", error);
    return !error && r->durable ? flush_store(q) : error;
}

static enum blk_status run_request(struct blk_queue *q, struct blk_request *r) {
    if (r->op == BLK_FLUSH) return status_of(flush_store(q));
    if (!blk_in_range(&q->dev, r->offset, r->len)) return BLK_OUT_OF_RANGE;
    if (r->op == BLK_READ) return status_of(read_store(q, r));
    return q->dev.read_only ? BLK_READ_ONLY : status_of(write_store(q, r));
}

/* Called and left with the lock held. */
static void run_next(struct blk_queue *q) {
    struct blk_request *r = q->running = take_first(&q->todo);
    pthread_mutex_unlock(&q->lock);
    enum blk_status status = run_request(q, r);
    pthread_mutex_lock(&q->lock);
    r->status = status;
    q->running = NULL;
    append(&q->ended, r);
    eventfd_write(q->ended_src.fd, 1);
    pthread_cond_broadcast(&q->progress);
}

static void *worker(void *opaque) {
    struct blk_queue *q = opaque;
    pthread_mutex_lock(&q->lock);
    for (;;) {
        if (q->todo.first)
            run_next(q);
        else if (q->quit)
            break;
        else
            pthread_cond_wait(&q->work, &q->lock);
    }
    pthread_mutex_unlock(&q->lock);
    flush_store(q);
    return NULL;
}

/* ---- The vCPU thread ---- */

static void submit(struct blk *b, struct blk_request *r) {
    struct blk_queue *q = b->opaque;
    pthread_mutex_lock(&q->lock);
    append(&q->todo, r);
    pthread_cond_signal(&q->work);
    pthread_mutex_unlock(&q->lock);
}

static void cancel(struct blk *b, struct blk_request *r) {
    struct blk_queue *q = b->opaque;
    pthread_mutex_lock(&q->lock);
    if (!take_out(&q->todo, r)) {
        while (q->running == r) pthread_cond_wait(&q->progress, &q->lock);
        take_out(&q->ended, r);
    }
    r->busy = false;
    pthread_mutex_unlock(&q->lock);
}

static struct blk_request *take_ended(struct blk_queue *q) {
    pthread_mutex_lock(&q->lock);
    struct blk_request *r = take_first(&q->ended);
    pthread_mutex_unlock(&q->lock);
    return r;
}

static void deliver(struct blk_queue *q) {
    for (struct blk_request *r; (r = take_ended(q));) {
        r->busy = false;
        r->done(r->opaque);
    }
}

static void ended_ready(void *opaque, uint32_t ready) {
    struct blk_queue *q = opaque;
    eventfd_t count;
    (void)ready;
    eventfd_read(q->ended_src.fd, &count);
    deliver(q);
}

static bool wait_for_worker(struct blk_queue *q) {
    pthread_mutex_lock(&q->lock);
    while (q->todo.first || q->running) pthread_cond_wait(&q->progress, &q->lock);
    bool some = q->ended.first != NULL;
    pthread_mutex_unlock(&q->lock);
    return some;
}

static void drain(struct blk *b) {
    struct blk_queue *q = b->opaque;
    while (wait_for_worker(q)) deliver(q);
}

static const struct blk_ops queue_ops = {submit, cancel, drain};

/* ---- Life ---- */

/* Signals belong to the vCPU thread. */
static bool start_worker(struct blk_queue *q) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int error = pthread_create(&q->thread, NULL, worker, q);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    errno = error;
    return !error;
}

static bool open_eventfd(struct blk_queue *q) {
    q->ended_src = (struct events_source){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .fn = ended_ready, .opaque = q};
    return q->ended_src.fd >= 0 && events_watch(q->events, &q->ended_src, EPOLLIN);
}

static void free_queue(struct blk_queue *q) {
    events_watch(q->events, &q->ended_src, 0);
    if (q->ended_src.fd >= 0) close(q->ended_src.fd);
    pthread_cond_destroy(&q->progress);
    pthread_cond_destroy(&q->work);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

struct blk_queue *blk_queue_create(struct blk_store *store, const char *name, struct mon_events *events) {
    struct blk_queue *q = calloc(1, sizeof *q);
    if (!q) return NULL;
    q->dev = (struct blk){.size = store->size, .read_only = store->read_only, .ops = &queue_ops, .opaque = q};
    q->store = store;
    q->name = name;
    q->events = events;
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->work, NULL);
    pthread_cond_init(&q->progress, NULL);
    if (open_eventfd(q) && start_worker(q)) return q;
    int saved = errno;
    free_queue(q);
    errno = saved;
    return NULL;
}

void blk_queue_destroy(struct blk_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->quit = true;
    pthread_cond_signal(&q->work);
    pthread_mutex_unlock(&q->lock);
    pthread_join(q->thread, NULL);
    q->store->ops->close(q->store);
    free_queue(q);
}

struct blk *blk_queue_dev(struct blk_queue *q) {
    return &q->dev;
}
