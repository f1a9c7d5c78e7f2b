/*
 * mgmt_server.c: the console's thread: it sleeps in epoll until a client, or the machine, has something.
 */
#include "console/mgmt.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include "console/mgmt_internal.h"
#include "console/mgmt_socket.h"
#include "console/web.h"

const struct mon_config *mgmt_vm_config(const struct mgmt *g) { return g->config; }
const struct mon_observer *mgmt_observer(struct mgmt *g) { return &g->observer; }

/* ---- The thread ---- */

static void accept_client(struct mgmt_source *s, uint32_t events) {
    struct mgmt_listener *l = (struct mgmt_listener *)s;
    (void)events;
    int fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    struct mgmt_client *c = fd >= 0 ? mgmt_client_open(l->g, fd, l->text) : NULL;
    if (c) c->strict = l->tcp;
}

static void woken(struct mgmt_source *s, uint32_t events) {
    (void)s, (void)events; /* what for is looked at in any case */
}

static void browser_ready(struct mgmt_source *s, uint32_t events) {
    (void)s, (void)events; /* looked at in any case, as its timeouts are */
}

static int sooner(int a, int b) { return a < 0 || (b >= 0 && b < a) ? b : a; }

/* One at a time, so that nothing refers to a client that is gone. */
static void *serve(void *opaque) {
    struct mgmt *g = opaque;
    int again_ms = -1;
    while (!__atomic_load_n(&g->quit, __ATOMIC_SEQ_CST)) {
        struct epoll_event e;
        eventfd_t count;
        int n = epoll_wait(g->epoll_fd, &e, 1, again_ms);
        if (n > 0 && e.data.ptr == &g->wake) eventfd_read(g->wake.fd, &count);
        if (n > 0) ((struct mgmt_source *)e.data.ptr)->ready(e.data.ptr, e.events);
        mgmt_events_send(g);
        mgmt_serial_news(g);
        again_ms = sooner(mgmt_clients_sweep(g), mgmt_push_run(g));
        if (!g->browser.web) continue;
        web_run(g->browser.web);
        again_ms = sooner(again_ms, web_wait_ms(g->browser.web));
    }
    mgmt_events_send(g);
    mgmt_serial_news(g);
    mgmt_clients_close(g);
    return NULL;
}

/* ---- Life ---- */

static bool fail_errno(const char *what, char *errbuf, size_t errlen) {
    snprintf(errbuf, errlen, "console: %s: %s", what, strerror(errno));
    return false;
}

/* path NULL: a port. */
static bool take_listener(struct mgmt *g, int fd, const char *path, bool text, char *errbuf, size_t errlen) {
    struct mgmt_listener *l = &g->listener[g->listeners];
    uint32_t watched = 0;
    if (fd < 0) return false;
    *l = (struct mgmt_listener){
        .source = {accept_client}, .text = text, .tcp = !path, .g = g, .fd = fd, .path = path ? strdup(path) : NULL};
    g->listeners++;
    return mgmt_watch(g, fd, &l->source, &watched, EPOLLIN) || fail_errno(path ? path : "tcp", errbuf, errlen);
}

static bool listen_at(struct mgmt *g, const char *path, bool text, char *errbuf, size_t errlen) {
    return take_listener(g, mgmt_socket_listen(path, errbuf, errlen), path, text, errbuf, errlen);
}

static bool open_asked(struct mgmt *g, unsigned i, char *errbuf, size_t errlen) {
    bool text = g->options->socket[i].text;
    switch (g->options->socket[i].kind) {
    case MGMT_STDIO: return mgmt_stdio_open(g, text, errbuf, errlen);
    case MGMT_TCP:
        return take_listener(g, mgmt_socket_listen_tcp(g->options->socket[i].port, errbuf, errlen), NULL, text, errbuf,
                             errlen);
    case MGMT_UNIX: break;
    }
    return listen_at(g, g->options->socket[i].path, text, errbuf, errlen);
}

/* The socket of the user's folder is a service nobody asked for: without it the machine runs all the same. */
static void listen_in_folder(struct mgmt *g) {
    char path[MGMT_PATH], why[512];
    if (g->options->none) return;
    if (!mgmt_socket_choose(g->config->name, path, why, sizeof why) || !listen_at(g, path, false, why, sizeof why))
        fprintf(stderr, "novt: %s; the machine runs without\n", why);
}

static bool open_sockets(struct mgmt *g, char *errbuf, size_t errlen) {
    listen_in_folder(g);
    for (unsigned i = 0; i < g->options->sockets; i++)
        if (!open_asked(g, i, errbuf, errlen)) return false;
    return true;
}

static bool open_web(struct mgmt *g, char *errbuf, size_t errlen) {
    uint32_t watched = 0;
    if (!g->options->web) return true;
    g->browser.web = web_open(g, (uint16_t)g->options->web, errbuf, errlen);
    if (!g->browser.web) return false;
    g->browser.source.ready = browser_ready;
    return mgmt_watch(g, web_fd(g->browser.web), &g->browser.source, &watched, EPOLLIN) ||
           fail_errno("--web", errbuf, errlen);
}

static bool prepare(struct mgmt *g, char *errbuf, size_t errlen) {
    uint32_t watched = 0;
    g->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    g->wake.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g->wake.source.ready = woken;
    return (g->epoll_fd >= 0 && g->wake.fd >= 0 && mgmt_watch(g, g->wake.fd, &g->wake.source, &watched, EPOLLIN)) ||
           fail_errno("cannot start", errbuf, errlen);
}

/* Signals belong to the vCPU thread. */
static bool start_thread(struct mgmt *g, char *errbuf, size_t errlen) {
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    errno = pthread_create(&g->thread, NULL, serve, g);
    g->started = !errno;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return g->started || fail_errno("cannot start a thread", errbuf, errlen);
}

static void stop(void *opaque) {
    struct mgmt *g = opaque;
    __atomic_store_n(&g->quit, true, __ATOMIC_SEQ_CST);
    if (g->started) {
        eventfd_write(g->wake.fd, 1);
        pthread_join(g->thread, NULL);
    }
    g->started = false;
    mgmt_clients_close(g); /* where the thread was not started */
    mgmt_stdio_close(g);
    for (; g->listeners; g->listeners--) {
        struct mgmt_listener *l = &g->listener[g->listeners - 1];
        close(l->fd);
        if (l->path) unlink(l->path);
        free(l->path);
    }
    web_close(g->browser.web);
    g->browser.web = NULL;
    if (g->wake.fd >= 0) close(g->wake.fd);
    if (g->epoll_fd >= 0) close(g->epoll_fd);
    g->wake.fd = g->epoll_fd = -1;
}

static bool start(void *opaque, struct machine *m, char *errbuf, size_t errlen) {
    struct mgmt *g = opaque;
    g->machine = m;
    if (g->options->none && !g->options->sockets && !g->options->web) return true;
    if (prepare(g, errbuf, errlen) && open_sockets(g, errbuf, errlen) && open_web(g, errbuf, errlen) &&
        start_thread(g, errbuf, errlen))
        return true;
    stop(g);
    return false;
}

struct mgmt *mgmt_create(const struct mgmt_options *o, const struct mon_config *config) {
    struct mgmt *g = calloc(1, sizeof *g);
    if (!g) return NULL;
    g->options = o;
    g->config = config;
    g->wake.fd = g->epoll_fd = -1;
    g->observer = (struct mon_observer){.opaque = g,
                                        .start = start,
                                        .line = mgmt_line_say,
                                        .event = mgmt_event_post,
                                        .serial = mgmt_event_serial,
                                        .end = stop};
    return g;
}

void mgmt_destroy(struct mgmt *g) { free(g); }
