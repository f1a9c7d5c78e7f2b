/*
 * observer.h: how monitor's caller hears of a machine's life: part of monitor's public face.
 *
 * Functions run on the vCPU thread between two pieces of guest code, with the FPU parked. They must neither block nor
 * call a library that uses SSE for long: hand what is to be done to another thread.
 */
#ifndef NOVT_MONITOR_OBSERVER_H
#define NOVT_MONITOR_OBSERVER_H

#include <stdbool.h>
#include <stddef.h>

struct machine; /* what inspect.h asks */

enum mon_event_kind {
    MON_EVENT_STOP,
    MON_EVENT_RESUME,
    MON_EVENT_RESET,
    MON_EVENT_POWERDOWN, /* the power button was pressed */
    MON_EVENT_PANICKED,  /* a triple fault ends the run */
    MON_EVENT_SHUTDOWN,  /* the run ends */
    MON_EVENT_KINDS
};
/* Who wanted it. */
enum mon_cause {
    MON_CAUSE_USER,
    MON_CAUSE_GUEST_SHUTDOWN,
    MON_CAUSE_GUEST_RESET,
    MON_CAUSE_TRIPLE_FAULT,
    MON_CAUSE_SIGNAL,
    MON_CAUSE_CONSOLE, /* a command */
    MON_CAUSE_TIMEOUT,
};

struct mon_observer {
    void *opaque;
    /* The machine is built and is about to run; m may be asked from now on. False: errbuf holds one line, no run. */
    bool (*start)(void *opaque, struct machine *m, char *errbuf, size_t errlen);
    void (*event)(void *opaque, enum mon_event_kind what, enum mon_cause cause);
    /* mon_serial_read had nothing for the first serial line, and now has. */
    void (*serial)(void *opaque);
    /* Runs a line of the console for a debugger, on the debugger's own thread; `say` takes what it prints. NULL: there
     * is no console. */
    void (*line)(void *opaque, const char *line, void (*say)(void *to, const char *text, size_t n), void *to);
    /* The run is over: m is gone when this returns. Questions are answered MON_ASK_ENDED already. */
    void (*end)(void *opaque);
};
#endif
