/*
 * blk_queue.c: see its header.
 *
 * A request is in exactly one place: in `todo`, `running`, or in `ended` until the vCPU thread takes it. The vCPU
 * thread only waits for the worker where a request's buffer must be free at once (cancel, drain, destroy); a store that
 * does not answer for too long is given up there.
 */
#include "monitor/blk_queue.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct list {
    struct blk_request *first, *last;
};

enum { CANCEL_PATIENCE_MS = 60000, CLOSE_PATIENCE_MS = 120000 };
enum opening { OPENING, OPEN, FAILED };

struct blk_queue {
    struct blk dev;
    struct blk_opener opener;
    struct blk_store *store; /* NULL until it is open */
    const char *name;
    struct mon_events *events;
    struct events_post news; /* from the worker: `ended` is not empty, and more */
    unsigned under_way;      /* submitted, not yet delivered; the vCPU thread's */
    pthread_t thread;
    pthread_mutex_t lock;          /* what follows */
    pthread_cond_t work, progress; /* for the worker; for who waits for it */
    enum opening opening;
    bool announce; /* the end of opening, by opener.opened */
    struct list todo, ended;
    struct blk_request *running;
    bool quit, closed;          /* closed: the worker has nothing more to do */
    void (*gone)(void *opaque); /* retired: called when it is closed */
    void *gone_opaque;
    char error[BLK_ERROR]; /* of opening */
    int patience_ms;
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

static const char *reason(int error) {
    switch (error) {
    case ENODATA: return "the image is shorter than it was";
    case ENOTCONN: return "qemu-nbd has ended";
    case EBADMSG: return "it would make the raw image look like one of another format; format=raw allows it";
    default: return strerror(error);
    }
}

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

static size_t put(struct blk_store *s, const struct blk_request *r, int *error) {
    if (!r->vec) return s->ops->write(s, r->offset, r->buf, r->len, error);
    return (s->ops->writev ? s->ops->writev : blk_store_gather)(s, r->offset, r->vec, r->vec_count, r->len, error);
}

static int write_store(struct blk_queue *q, struct blk_request *r) {
    int error = 0;
    q->dirty = true;
    r->good = (uint32_t)put(q->store, r, &error);
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
    pthread_cond_broadcast(&q->progress);
    pthread_mutex_unlock(&q->lock); /* the other thread comes for it at once */
    events_post(q->events, &q->news);
    pthread_mutex_lock(&q->lock);
}

static void open_store(struct blk_queue *q) {
    struct blk_store *s = q->opener.open(q->opener.opaque, q->error, sizeof q->error);
    pthread_mutex_lock(&q->lock);
    q->store = s;
    if (s) {
        q->dev.size = s->size;
        q->dev.read_only = s->read_only;
    }
    q->opening = s ? OPEN : FAILED;
    q->announce = q->opener.opened != NULL;
    events_post(q->events, &q->news);
    pthread_cond_broadcast(&q->progress);
    pthread_mutex_unlock(&q->lock);
}

static void *worker(void *opaque) {
    struct blk_queue *q = opaque;
    open_store(q);
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
    if (q->store) {
        flush_store(q);
        q->store->ops->close(q->store); /* by the thread that opened it */
    }
    pthread_mutex_lock(&q->lock);
    q->closed = true;
    events_post(q->events, &q->news);
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

/* ---- The vCPU thread ---- */

static void submit(struct blk *b, struct blk_request *r) {
    struct blk_queue *q = b->opaque;
    q->under_way++;
    q->events->expected++;
    pthread_mutex_lock(&q->lock);
    append(&q->todo, r);
    pthread_cond_signal(&q->work);
    pthread_mutex_unlock(&q->lock);
}

static struct timespec after_ms(int ms) {
    enum { NS_PER_MS = 1000000, NS_PER_S = 1000000000 };
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += (long)(ms % 1000) * NS_PER_MS;
    if (t.tv_nsec >= NS_PER_S) t.tv_sec++, t.tv_nsec -= NS_PER_S;
    return t;
}

static void give_up(struct blk_queue *q) {
    struct blk_store *s = q->closed ? NULL : q->store;
    if (s && s->ops->give_up) s->ops->give_up(s);
}

/* For a while; the caller looks whether what it waits for has come. */
static void wait_for_progress(struct blk_queue *q) {
    struct timespec until = after_ms(q->patience_ms);
    if (pthread_cond_timedwait(&q->progress, &q->lock, &until) == ETIMEDOUT) give_up(q);
}

static void is_over(struct blk_queue *q, struct blk_request *r) {
    r->busy = false;
    q->under_way--;
    q->events->expected--;
}

static void cancel(struct blk *b, struct blk_request *r) {
    struct blk_queue *q = b->opaque;
    pthread_mutex_lock(&q->lock);
    if (!take_out(&q->todo, r)) {
        while (q->running == r) wait_for_progress(q);
        take_out(&q->ended, r);
    }
    is_over(q, r);
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
        is_over(q, r);
        r->done(r->opaque);
    }
}

static bool take_announcement(struct blk_queue *q) {
    pthread_mutex_lock(&q->lock);
    bool announce = q->announce;
    q->announce = false;
    pthread_mutex_unlock(&q->lock);
    return announce;
}

static bool is_gone(struct blk_queue *q) {
    pthread_mutex_lock(&q->lock);
    bool gone = q->gone && q->closed;
    pthread_mutex_unlock(&q->lock);
    return gone;
}

static void have_news(void *opaque) {
    struct blk_queue *q = opaque;
    if (is_gone(q))
        q->gone(q->gone_opaque); /* destroys the queue */
    else if (take_announcement(q))
        q->opener.opened(q->opener.opaque); /* may destroy the queue; nothing has been submitted yet */
    else
        deliver(q);
}

static bool wait_for_worker(struct blk_queue *q) {
    pthread_mutex_lock(&q->lock);
    while (q->todo.first || q->running) wait_for_progress(q);
    bool some = q->ended.first != NULL;
    pthread_mutex_unlock(&q->lock);
    return some;
}

static void drain(struct blk *b) {
    struct blk_queue *q = b->opaque;
    while (wait_for_worker(q)) deliver(q);
}

/* With nothing under way the worker does not touch the store. */
static uint32_t read_now(struct blk *b, uint64_t offset, const struct iovec *vec, unsigned count, uint32_t len) {
    struct blk_queue *q = b->opaque;
    const struct blk_store_ops *ops = q->store->ops;
    size_t n = !q->under_way && ops->read_now ? ops->read_now(q->store, offset, vec, count) : 0;
    return n < len ? (uint32_t)n : len;
}

static const struct blk_ops queue_ops = {.submit = submit, .cancel = cancel, .drain = drain, .read_now = read_now};

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

static void free_queue(struct blk_queue *q) {
    q->events->expected -= q->under_way;
    events_post_remove(q->events, &q->news);
    pthread_cond_destroy(&q->progress);
    pthread_cond_destroy(&q->work);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

static void init_locks(struct blk_queue *q) {
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->work, NULL);
    pthread_cond_init(&q->progress, &a);
    pthread_condattr_destroy(&a);
}

struct blk_queue *blk_queue_create(const struct blk_opener *opener, const char *name, struct mon_events *events) {
    struct blk_queue *q = calloc(1, sizeof *q);
    if (!q) return NULL;
    q->dev = (struct blk){.ops = &queue_ops, .opaque = q};
    q->opener = *opener;
    q->name = name;
    q->events = events;
    q->patience_ms = CANCEL_PATIENCE_MS;
    init_locks(q);
    q->news = (struct events_post){.fn = have_news, .opaque = q};
    events_post_add(events, &q->news);
    if (start_worker(q)) return q;
    int saved = errno;
    free_queue(q);
    errno = saved;
    return NULL;
}

bool blk_queue_is_open(struct blk_queue *q, bool wait, char *errbuf, size_t errlen) {
    pthread_mutex_lock(&q->lock);
    while (wait && q->opening == OPENING) pthread_cond_wait(&q->progress, &q->lock);
    bool open = q->opening == OPEN;
    pthread_mutex_unlock(&q->lock);
    if (!open) snprintf(errbuf, errlen, "%s", q->error);
    return open;
}

void blk_queue_set_patience(struct blk_queue *q, int ms) { q->patience_ms = ms; }

void blk_queue_retire(struct blk_queue *q, void (*gone)(void *opaque), void *opaque) {
    pthread_mutex_lock(&q->lock);
    q->gone = gone;
    q->gone_opaque = opaque;
    q->announce = false;
    q->quit = true;
    pthread_cond_signal(&q->work);
    pthread_mutex_unlock(&q->lock);
}

void blk_queue_destroy(struct blk_queue *q) {
    pthread_mutex_lock(&q->lock);
    q->quit = true;
    pthread_cond_signal(&q->work);
    pthread_mutex_unlock(&q->lock);
    struct timespec until = after_ms(q->patience_ms < CANCEL_PATIENCE_MS ? q->patience_ms : CLOSE_PATIENCE_MS);
    if (pthread_clockjoin_np(q->thread, NULL, CLOCK_MONOTONIC, &until)) {
        pthread_mutex_lock(&q->lock);
        give_up(q);
        pthread_mutex_unlock(&q->lock);
        pthread_join(q->thread, NULL);
    }
    free_queue(q);
}

struct blk *blk_queue_dev(struct blk_queue *q) {
    return &q->dev;
}
