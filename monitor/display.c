#include "monitor/display.h"

#include <stdio.h>
#include <stdlib.h>
#include "monitor/machine.h"

enum {
    REFRESH_NS = 33000000,
    LAZY_NS = 132000000,  /* after a while without news */
    PATIENCE = 15,        /* refreshes without news until then */
    SHARE = 8,            /* drawing takes at most one part in this many of the time */
    BLINK_NS = 266000000, /* 16 frames */
};

struct mon_display {
    struct machine *m;
    const struct display_backend *backend;
    void *opaque;
    struct dev_timer timer;
    unsigned same; /* refreshes without news */
};

static void refresh(void *opaque, uint64_t now_ns) {
    struct mon_display *d = opaque;
    uint64_t start = clock_now(&d->m->real);
    enum display_news news = d->backend->refresh(d->opaque, !(now_ns / BLINK_NS & 1));
    if (news == DISPLAY_UNWATCHED) return;
    d->same = news == DISPLAY_SAME ? d->same + 1 : 0;
    uint64_t end = clock_now(&d->m->real), pause = (end - start) * SHARE;
    uint64_t least = d->same > PATIENCE ? LAZY_NS : REFRESH_NS;
    clock_arm(&d->m->real, &d->timer, end + (pause > least ? pause : least));
}

void display_wake(struct mon_display *d) {
    if (!d) return;
    uint64_t soon = clock_now(&d->m->real) + REFRESH_NS;
    if (!d->timer.slot || (d->same > PATIENCE && d->timer.deadline_ns > soon)) clock_arm(&d->m->real, &d->timer, soon);
    d->same = 0;
}

static const struct display_backend *backend_of(enum mon_display_kind kind) {
    switch (kind) {
    case MON_DISPLAY_CURSES: return &display_curses;
    case MON_DISPLAY_VNC: return &display_vnc;
    case MON_DISPLAY_NONE: break;
    }
    return NULL;
}

static bool start(struct machine *m, const struct display_backend *backend, struct mon_display **out, char *errbuf,
                  size_t errlen) {
    struct mon_display *d = calloc(1, sizeof *d);
    if (!d) {
        snprintf(errbuf, errlen, "out of memory");
        return false;
    }
    *d = (struct mon_display){.m = m, .backend = backend, .timer = {.fn = refresh, .opaque = d}};
    d->opaque = backend->open(d, m, errbuf, errlen);
    if (!d->opaque) {
        free(d);
        return false;
    }
    clock_arm(&m->real, &d->timer, clock_now(&m->real) + REFRESH_NS);
    *out = d;
    return true;
}

bool display_open(struct machine *m, struct mon_display **out, char *errbuf, size_t errlen) {
    const struct display_backend *backend = backend_of(m->cfg->display.kind);
    *out = NULL;
    return !backend || start(m, backend, out, errbuf, errlen);
}

bool display_serve(struct machine *m, struct mon_display **at, int fd, char *errbuf, size_t errlen) {
    if (!*at && !start(m, &display_sessions, at, errbuf, errlen)) return false;
    if ((*at)->backend->serve((*at)->opaque, fd)) return true;
    snprintf(errbuf, errlen, "too many are looking at the screen already");
    return false;
}

void display_close(struct mon_display *d) {
    if (!d) return;
    clock_cancel(&d->m->real, &d->timer);
    d->backend->close(d->opaque);
    free(d);
}
