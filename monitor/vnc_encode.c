/*
 * vnc_encode.c: the VNC server's own thread, which compares and compresses pictures.
 *
 * A job is all clients that were `encoding` when it started. While it is there (`busy`), the thread owns v->image and
 * of those clients `out`, `shown`, `stream` and `coding`; the vCPU thread draws nothing, and lets go of none of them
 * before the thread has said that it is done. zlib may use SSE there as it likes.
 */
#include "monitor/vnc_internal.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include "monitor/machine.h"

static void *encode(void *opaque) {
    struct vnc *v = opaque;
    struct vnc_encoder *e = &v->encoder;
    for (;;) {
        eventfd_t count;
        if (eventfd_read(e->start_fd, &count)) continue; /* blocks; interrupted at worst */
        if (__atomic_load_n(&e->quit, __ATOMIC_SEQ_CST)) return NULL;
        for (int i = 0; i < VNC_CLIENTS; i++)
            if (e->clients[i]) vnc_encode(&v->client[i], &v->image);
        eventfd_write(e->done.fd, 1);
    }
}

bool vnc_encoder_idle(const struct vnc *v) {
    return !v->encoder.busy && clock_now(&v->m->real) >= v->encoder.rest_until_ns;
}

void vnc_encoder_start(struct vnc *v) {
    struct vnc_encoder *e = &v->encoder;
    for (int i = 0; i < VNC_CLIENTS; i++) {
        e->clients[i] = v->client[i].encoding;
        e->busy |= e->clients[i];
    }
    if (!e->busy) return;
    e->started_ns = clock_now(&v->m->real);
    eventfd_write(e->start_fd, 1);
}

static void job_done(void *opaque, uint32_t ready) {
    struct vnc *v = opaque;
    eventfd_t count;
    (void)ready;
    if (eventfd_read(v->encoder.done.fd, &count)) return;
    uint64_t now = clock_now(&v->m->real);
    v->encoder.busy = false;
    v->encoder.rest_until_ns = now + (now - v->encoder.started_ns);
    vnc_encoded(v);
}

bool vnc_encoder_open(struct vnc *v) {
    struct vnc_encoder *e = &v->encoder;
    sigset_t all, old;
    e->start_fd = eventfd(0, EFD_CLOEXEC);
    e->done = (struct events_source){.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), .fn = job_done, .opaque = v};
    if (e->start_fd < 0 || e->done.fd < 0 || !events_watch(&v->m->events, &e->done, EPOLLIN)) return false;
    sigfillset(&all); /* signals belong to the vCPU thread */
    pthread_sigmask(SIG_SETMASK, &all, &old);
    e->started = !pthread_create(&e->thread, NULL, encode, v);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return e->started;
}

void vnc_encoder_close(struct vnc *v) {
    struct vnc_encoder *e = &v->encoder;
    if (e->started) {
        __atomic_store_n(&e->quit, true, __ATOMIC_SEQ_CST);
        eventfd_write(e->start_fd, 1);
        pthread_join(e->thread, NULL);
    }
    e->started = e->busy = false;
    if (e->done.fd >= 0) events_watch(&v->m->events, &e->done, 0), close(e->done.fd);
    if (e->start_fd >= 0) close(e->start_fd);
}
