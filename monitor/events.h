/*
 * events.h: host file descriptors, and how the vCPU thread sleeps and is woken.
 *
 * An I/O thread waits for the descriptors with epoll and does nothing but wake
 * the vCPU thread, which runs the handlers between two pieces of guest code. Threads of our own need no
 * descriptor: they post.
 * Nobody polls: an idle machine has both threads asleep. Callers: run loop,
 * chr, signals. All but events_post and events_wake runs on the vCPU thread.
 * Invariant: `wake` is set before whatever it announces is looked for.
 */
#ifndef NOVT_MONITOR_EVENTS_H
#define NOVT_MONITOR_EVENTS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct events_source { /* embedded in its owner; zeroed = not watched */
    int fd;
    void (*fn)(void *opaque, uint32_t ready); /* ready: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR */
    void *opaque;
    uint32_t interest; /* 0: not watched */
};

/* How other threads call the vCPU thread: embedded in its owner. */
struct events_post {
    void (*fn)(void *opaque);
    void *opaque;
    /* Private. */
    bool pending;
    uint32_t pass;
    struct events_post *next;
};

enum { EVENTS_BATCH = 16 };

struct mon_events {
    int epoll_fd, quit_fd;
    pthread_t thread;
    bool started, quit;
    uint32_t wake;  /* something may be due; futex word of the sleeping vCPU thread */
    uint32_t ready; /* the I/O thread saw a descriptor; futex word on which it waits for the dispatch */
    uint32_t rest;  /* enum events_rest: what the vCPU thread does instead of running */
    struct events_post *posts;
    bool posted; /* one of them is pending */
    uint32_t pass;
    unsigned expected;          /* posts that come soon: waiting for them is worth a little processor time */
    int tid;                    /* the vCPU thread */
    int signo;                  /* sent to it to interrupt guest code */
    void (*kick)(void *opaque); /* makes guest code leave at its next boundary; async-signal-safe */
    void *kick_opaque;
    struct events_source *batch[EVENTS_BATCH]; /* being dispatched; removed sources become NULL */
    int batch_count;
    bool held; /* the machine is stopped: what comes from outside for the guest's memory waits (networks) */
    uint64_t sleeps;
};

/* Called on the vCPU thread. kick may be NULL. False: errno tells. */
bool events_init(struct mon_events *ev, int signo, void (*kick)(void *), void *kick_opaque);
void events_fini(struct mon_events *ev);

/* Watches src->fd for `interest` (0 stops). False if the host cannot watch this kind of file
 * (regular files, /dev/null): those are always ready. */
bool events_watch(struct mon_events *ev, struct events_source *src, uint32_t interest);

/* posts: fn is called on the vCPU thread by events_dispatch after other threads have called events_post, once for any
 * number of calls. Added and removed on the vCPU thread; after events_post_remove fn is not called any more. */
void events_post_add(struct mon_events *ev, struct events_post *p);
void events_post_remove(struct mon_events *ev, struct events_post *p);
void events_post(struct mon_events *ev, struct events_post *p);

/* From a signal handler on the vCPU thread: something is due. */
static inline void events_note(struct mon_events *ev) { __atomic_store_n(&ev->wake, 1, __ATOMIC_SEQ_CST); }
/* Was anything noted since the last call? */
static inline bool events_take(struct mon_events *ev) {
    return __atomic_load_n(&ev->wake, __ATOMIC_RELAXED) && __atomic_exchange_n(&ev->wake, 0, __ATOMIC_SEQ_CST);
}
/* From another thread: something is due. Gets the vCPU thread out of guest code or sleep. */
void events_wake(struct mon_events *ev);
/* Runs the handlers of the descriptors that are ready; returns at once. */
void events_dispatch(struct mon_events *ev);
/* A post is expected within microseconds: waits for it that long without sleeping. False: it has not come. */
bool events_spin(struct mon_events *ev);
/* Sleeps until something is noted, or CLOCK_MONOTONIC reaches until_ns, which counts as noted. 0: no limit. */
void events_sleep(struct mon_events *ev, uint64_t until_ns);
#endif
