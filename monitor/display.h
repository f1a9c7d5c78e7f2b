/*
 * display.h: a window on the guest's screen for a user: a terminal (curses), VNC, or sessions that are handed over.
 *
 * A backend is asked for a new picture some 30 times a second, less often where drawing takes long or nothing
 * changes, and not at all while nobody looks. Callers: machine. vCPU thread; libc may run.
 */
#ifndef NOVT_MONITOR_DISPLAY_H
#define NOVT_MONITOR_DISPLAY_H

#include <stdbool.h>
#include <stddef.h>

struct machine;
struct mon_display;

/* What came of a refresh. */
enum display_news { DISPLAY_CHANGED, DISPLAY_SAME, DISPLAY_UNWATCHED /* no refresh until display_wake */ };

struct display_backend {
    /* Takes m->cfg->display. d is what it wakes. NULL: errbuf holds one line. */
    void *(*open)(struct mon_display *d, struct machine *m, char *errbuf, size_t errlen);
    /* Shows what has changed since the last call. */
    enum display_news (*refresh)(void *backend, bool blink_on);
    void (*close)(void *backend);
    /* Takes a socket with a client at its other end, unless there is no room. NULL: not of this kind. */
    bool (*serve)(void *backend, int fd);
};
/* display_sessions: VNC without address and password, for clients that have been let in already. */
extern const struct display_backend display_curses, display_vnc, display_sessions;

/* The configured display; *out is NULL if that is none. False: errbuf holds one line. */
bool display_open(struct machine *m, struct mon_display **out, char *errbuf, size_t errlen);
/* Serves VNC at the socket fd, which it takes if it returns true; *at is the display that the first call makes. False:
 * errbuf holds one line. */
bool display_serve(struct machine *m, struct mon_display **at, int fd, char *errbuf, size_t errlen);
/* Somebody looks or types: the next refresh is soon. NULL is fine. */
void display_wake(struct mon_display *d);
void display_close(struct mon_display *d); /* NULL is fine */
#endif
