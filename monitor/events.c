#include "monitor/events.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "monitor/hostsys.h"

enum { NS_PER_S = 1000000000 };

enum events_rest { NOT_RESTING, SPINNING, ASLEEP };
enum { SPIN_NS = 100000, SPIN_LOOKS = 64 /* between two looks at the clock */ };

static void set_rest(struct mon_events *ev, enum events_rest r) { __atomic_store_n(&ev->rest, r, __ATOMIC_SEQ_CST); }
static bool noted(const struct mon_events *ev) { return __atomic_load_n(&ev->wake, __ATOMIC_SEQ_CST); }

/* ---- From other threads ---- */

/* Either the vCPU thread is asleep on `wake`, or it is about to look at it, or a signal must get it out of
 * guest code. Sequential consistency orders this against events_sleep: who rests looks at `wake` after it has stopped.
 */
void events_wake(struct mon_events *ev) {
    events_note(ev);
    switch (__atomic_load_n(&ev->rest, __ATOMIC_SEQ_CST)) {
    case SPINNING: break;
    case ASLEEP: hostsys_futex_wake(&ev->wake); break;
    default:
        if (ev->kick) ev->kick(ev->kick_opaque);
        hostsys_tgkill(hostsys_getpid(), ev->tid, ev->signo);
    }
}

void events_post(struct mon_events *ev, struct events_post *p) {
    __atomic_store_n(&p->pending, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&ev->posted, true, __ATOMIC_SEQ_CST);
    events_wake(ev);
}

/* ---- The I/O thread ---- */

static bool quitting(const struct mon_events *ev) { return __atomic_load_n(&ev->quit, __ATOMIC_SEQ_CST); }

static void wait_for_dispatch(struct mon_events *ev) {
    while (__atomic_load_n(&ev->ready, __ATOMIC_SEQ_CST) && !quitting(ev)) hostsys_futex_wait(&ev->ready, 1);
}

static void *io_thread(void *opaque) {
    struct mon_events *ev = opaque;
    while (!quitting(ev)) {
        struct epoll_event e;
        if (epoll_wait(ev->epoll_fd, &e, 1, -1) <= 0 || quitting(ev)) continue;
        __atomic_store_n(&ev->ready, 1, __ATOMIC_SEQ_CST);
        events_wake(ev);
        wait_for_dispatch(ev);
    }
    return NULL;
}

/* ---- The vCPU thread ---- */

bool events_watch(struct mon_events *ev, struct events_source *src, uint32_t interest) {
    if (interest == src->interest) return true;
    struct epoll_event e = {.events = interest, .data.ptr = src};
    int op = !interest ? EPOLL_CTL_DEL : src->interest ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    if (epoll_ctl(ev->epoll_fd, op, src->fd, &e)) return false;
    src->interest = interest;
    for (int i = 0; !interest && i < ev->batch_count; i++)
        if (ev->batch[i] == src) ev->batch[i] = NULL;
    return true;
}

static void run_batch(struct mon_events *ev, const struct epoll_event *e, int n) {
    for (int i = 0; i < n; i++) ev->batch[i] = e[i].data.ptr;
    ev->batch_count = n;
    for (int i = 0; i < n; i++)
        if (ev->batch[i]) ev->batch[i]->fn(ev->batch[i]->opaque, e[i].events);
    ev->batch_count = 0;
}

void events_post_add(struct mon_events *ev, struct events_post *p) {
    p->pending = false;
    p->pass = ev->pass;
    p->next = ev->posts;
    ev->posts = p;
}

void events_post_remove(struct mon_events *ev, struct events_post *p) {
    for (struct events_post **at = &ev->posts; *at; at = &(*at)->next) {
        if (*at != p) continue;
        *at = p->next;
        return;
    }
}

static struct events_post *next_post(struct mon_events *ev) {
    for (struct events_post *p = ev->posts; p; p = p->next)
        if (p->pass != ev->pass && __atomic_load_n(&p->pending, __ATOMIC_SEQ_CST)) return p;
    return NULL;
}

/* Each once: what is posted again meanwhile has been noted again. A handler may remove any of them. */
static void run_posts(struct mon_events *ev) {
    if (!__atomic_exchange_n(&ev->posted, false, __ATOMIC_SEQ_CST)) return;
    ev->pass++;
    for (struct events_post *p; (p = next_post(ev));) {
        p->pass = ev->pass;
        __atomic_store_n(&p->pending, false, __ATOMIC_SEQ_CST);
        p->fn(p->opaque);
    }
}

void events_dispatch(struct mon_events *ev) {
    run_posts(ev);
    if (!__atomic_load_n(&ev->ready, __ATOMIC_SEQ_CST)) return;
    struct epoll_event e[EVENTS_BATCH];
    int n = epoll_wait(ev->epoll_fd, e, EVENTS_BATCH, 0);
    if (n > 0) run_batch(ev, e, n);
    __atomic_store_n(&ev->ready, 0, __ATOMIC_SEQ_CST);
    hostsys_futex_wake(&ev->ready);
}

static uint64_t now_ns(void) {
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

/* A sleep and its wake take longer than most requests of a disk. */
bool events_spin(struct mon_events *ev) {
    if (!ev->expected) return false;
    set_rest(ev, SPINNING);
    uint64_t end = now_ns() + SPIN_NS;
    do
        for (int i = 0; i < SPIN_LOOKS && !noted(ev); i++) __builtin_ia32_pause();
    while (!noted(ev) && now_ns() < end);
    set_rest(ev, NOT_RESTING);
    return noted(ev);
}

void events_sleep(struct mon_events *ev, uint64_t until_ns) {
    struct timespec until = {.tv_sec = (time_t)(until_ns / NS_PER_S), .tv_nsec = (long)(until_ns % NS_PER_S)};
    set_rest(ev, ASLEEP);
    while (!noted(ev))
        if (hostsys_futex_wait_until(&ev->wake, 0, until_ns ? &until : NULL) == -ETIMEDOUT) events_note(ev);
    set_rest(ev, NOT_RESTING);
    ev->sleeps++;
}

/* ---- Life ---- */

/* The I/O thread takes no signals: they all belong to the vCPU thread. */
static bool start_thread(struct mon_events *ev) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    errno = pthread_create(&ev->thread, NULL, io_thread, ev);
    ev->started = errno == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return ev->started;
}

bool events_init(struct mon_events *ev, int signo, void (*kick)(void *), void *kick_opaque) {
    memset(ev, 0, sizeof *ev);
    ev->tid = hostsys_gettid();
    ev->signo = signo;
    ev->kick = kick;
    ev->kick_opaque = kick_opaque;
    ev->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    ev->quit_fd = eventfd(0, EFD_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN};
    if (ev->epoll_fd >= 0 && ev->quit_fd >= 0 && !epoll_ctl(ev->epoll_fd, EPOLL_CTL_ADD, ev->quit_fd, &e) &&
        start_thread(ev))
        return true;
    int saved = errno;
    events_fini(ev);
    errno = saved;
    return false;
}

static void stop_thread(struct mon_events *ev) {
    __atomic_store_n(&ev->quit, true, __ATOMIC_SEQ_CST);
    __atomic_store_n(&ev->ready, 0, __ATOMIC_SEQ_CST);
    hostsys_futex_wake(&ev->ready);
    eventfd_write(ev->quit_fd, 1);
    pthread_join(ev->thread, NULL);
    ev->started = false;
}

void events_fini(struct mon_events *ev) {
    if (ev->started) stop_thread(ev);
    if (ev->epoll_fd >= 0) close(ev->epoll_fd);
    if (ev->quit_fd >= 0) close(ev->quit_fd);
    ev->epoll_fd = ev->quit_fd = -1;
}
