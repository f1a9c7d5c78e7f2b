/*
 * mgmt_internal.h: the server and its clients (mgmt_server.c, mgmt_client.c, mgmt_session.c, mgmt_event.c).
 *
 * All on the console's thread, but for mgmt_event_post. A client's queue is bounded: while more than a little waits
 * nothing more is read from it, and one that takes nothing for long, or lets too much pile up, is dropped.
 */
#ifndef NOVT_CONSOLE_MGMT_INTERNAL_H
#define NOVT_CONSOLE_MGMT_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>
#include "console/mgmt.h"
#include "console/mgmt_command.h"
#include "console/mgmt_frame.h"

enum { MGMT_CLIENTS = 64, MGMT_EVENTS = 64 /* power of two */ };

/* What epoll watches; embedded first in its owner. */
struct mgmt_source {
    void (*ready)(struct mgmt_source *s, uint32_t events);
};

/* What its bytes are. */
enum mgmt_mode { MGMT_PROTOCOL, MGMT_TEXT, MGMT_LINE_SOON /* after the answer */, MGMT_LINE };

struct mgmt_client {
    struct mgmt_source source;
    struct mgmt *g;
    int fd; /* -1: gone, to be freed */
    struct mgmt_frame frame;
    struct mgmt_text out, unread; /* to be sent; received, and kept until less is to be sent */
    uint32_t watched;             /* epoll events */
    bool ended;                   /* sends no more; gets what waits */
    uint64_t moved_ms;            /* when it last took something */
    bool negotiated;              /* qmp_capabilities */
    bool strict;                  /* gone at the first thing that is neither a message nor a command */
    enum mgmt_mode mode;
    struct mgmt_text line; /* MGMT_TEXT: so far */
    bool line_long;
    uint64_t line_at;       /* of all that came over the serial line */
    struct mgmt_text typed; /* for the serial line */
    struct mgmt_client *next;
};

struct web;
struct mgmt_stdio;
struct mgmt_listener {
    struct mgmt_source source;
    bool text, tcp;
    struct mgmt *g;
    int fd;     /* -1: none */
    char *path; /* NULL: not a file */
};

struct mgmt_event {
    enum mon_event_kind what;
    enum mon_cause cause;
    int64_t seconds, microseconds; /* since 1970 */
};

struct mgmt {
    const struct mgmt_options *options;
    const struct mon_config *config;
    struct mon_observer observer;
    struct machine *machine;
    pthread_t thread;
    bool started, quit;
    int epoll_fd;
    struct {
        struct mgmt_source source;
        int fd; /* eventfd: there are events, or the end */
    } wake;
    struct {
        struct mgmt_source source;
        struct web *web; /* NULL: none */
    } browser;
    struct mgmt_listener listener[MGMT_SOCKETS + 1];
    unsigned listeners;
    struct mgmt_stdio *stdio; /* NULL: not ours */
    struct mgmt_client *client;
    unsigned clients;
    struct mgmt_push {
        bool on, fresh; /* fresh: the order that is to be pushed has not been looked at yet */
        uint32_t order;
        uint64_t next, due_ms;
    } push;
    /* From the vCPU thread. */
    struct mgmt_event event[MGMT_EVENTS];
    uint32_t events_put, events_taken;
};

/* ---- mgmt_client.c ---- */
/* Takes fd. NULL: there is no room for more. */
struct mgmt_client *mgmt_client_open(struct mgmt *g, int fd, bool text);
/* The same for one that is the first serial line from the start, with its history. False: too many are connected. */
bool mgmt_client_open_line(struct mgmt *g, int fd);
bool mgmt_client_has_room(const struct mgmt_client *c);
void mgmt_client_send_raw(struct mgmt_client *c, const void *bytes, size_t n);
/* Queues a message; ends the line. */
void mgmt_client_send(struct mgmt_client *c, const json_t *message);
/* Drops it; it is freed by mgmt_clients_sweep. */
void mgmt_client_drop(struct mgmt_client *c);
/* Frees those that are gone, drops those that take nothing, types what could not be. When to come again, in ms; -1:
 * nobody is being waited for. */
int mgmt_clients_sweep(struct mgmt *g);
/* Lets everybody have what waits, for a moment, and closes. */
void mgmt_clients_close(struct mgmt *g);
/* Of CLOCK_MONOTONIC. */
uint64_t mgmt_now_ms(void);
/* Makes epoll watch what the client is ready for. */
bool mgmt_watch(struct mgmt *g, int fd, struct mgmt_source *s, uint32_t *watched, uint32_t events);

/* ---- mgmt_stdio.c ---- */
bool mgmt_stdio_open(struct mgmt *g, bool text, char *errbuf, size_t errlen);
/* After mgmt_clients_close. */
void mgmt_stdio_close(struct mgmt *g);

/* ---- mgmt_session.c ---- */
/* What query-version and the greeting say. */
json_t *mgmt_version(void);
void mgmt_session_greet(struct mgmt_client *c);
void mgmt_session_message(struct mgmt_client *c, const char *text, size_t len);
void mgmt_session_broken(struct mgmt_client *c, enum mgmt_frame_found why);

/* ---- mgmt_serial.c ---- */
/* Sends what the line has, as far as there is room. */
void mgmt_serial_pump(struct mgmt_client *c);
void mgmt_serial_news(struct mgmt *g);
void mgmt_serial_input(struct mgmt_client *c, const char *bytes, size_t n);
/* True: all has been typed. */
bool mgmt_serial_type(struct mgmt_client *c);

/* ---- mgmt_hmp.c ---- */
void mgmt_hmp_greet(struct mgmt_client *c);
/* Takes bytes up to the end of a line, which is run; how many. */
size_t mgmt_hmp_take(struct mgmt_client *c, const char *bytes, size_t n);
/* Runs a line; what it prints, errors as well (mgmt_about.c). */
void mgmt_line_text(struct mgmt *g, struct mgmt_client *c, const char *line, struct mgmt_text *out);
/* The same on any thread, for mon_observer. */
void mgmt_line_say(void *opaque, const char *line, void (*say)(void *to, const char *text, size_t n), void *to);

/* ---- mgmt_push.c ---- */
/* Sends what has been traced, if it is time. When to come again, in ms; -1: nothing is pushed. */
int mgmt_push_run(struct mgmt *g);

/* ---- mgmt_event.c ---- */
/* To all who speak the protocol; what is only `offered` goes past those for whom much waits. */
void mgmt_event_tell(struct mgmt *g, json_t *message, bool offered);
/* A new message, at this time. */
json_t *mgmt_event_message(const char *name, int64_t seconds, int64_t microseconds);
void mgmt_event_serial(void *opaque);
void mgmt_event_post(void *opaque, enum mon_event_kind what, enum mon_cause cause);
/* Tells the clients what has happened. */
void mgmt_events_send(struct mgmt *g);
#endif
