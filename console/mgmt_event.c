/*
 * mgmt_event.c: what happens to the machine, on its way to the clients. The vCPU thread puts, the console's takes; when
 * there is no room the newest is lost, and nobody waits.
 */
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include "console/mgmt_internal.h"

void mgmt_event_post(void *opaque, enum mon_event_kind what, enum mon_cause cause) {
    struct mgmt *g = opaque;
    struct timespec t;
    uint32_t put = g->events_put;
    if (put - __atomic_load_n(&g->events_taken, __ATOMIC_ACQUIRE) == MGMT_EVENTS) return;
    clock_gettime(CLOCK_REALTIME, &t);
    g->event[put % MGMT_EVENTS] = (struct mgmt_event){what, cause, t.tv_sec, t.tv_nsec / 1000};
    __atomic_store_n(&g->events_put, put + 1, __ATOMIC_RELEASE);
    eventfd_write(g->wake.fd, 1);
}

void mgmt_event_serial(void *opaque) { eventfd_write(((struct mgmt *)opaque)->wake.fd, 1); }

/* The names of the protocol. */
static const char *const names[MON_EVENT_KINDS] = {
    [MON_EVENT_STOP] = "STOP",           [MON_EVENT_RESUME] = "RESUME",           [MON_EVENT_RESET] = "RESET",
    [MON_EVENT_POWERDOWN] = "POWERDOWN", [MON_EVENT_PANICKED] = "GUEST_PANICKED", [MON_EVENT_SHUTDOWN] = "SHUTDOWN",
};

static const char *reason(const struct mgmt_event *e) {
    switch (e->cause) {
    case MON_CAUSE_GUEST_SHUTDOWN: return "guest-shutdown";
    case MON_CAUSE_GUEST_RESET: return "guest-reset";
    case MON_CAUSE_TRIPLE_FAULT: return e->what == MON_EVENT_RESET ? "guest-reset" : "guest-panic";
    case MON_CAUSE_SIGNAL: return "host-signal";
    case MON_CAUSE_CONSOLE: return e->what == MON_EVENT_RESET ? "host-qmp-system-reset" : "host-qmp-quit";
    case MON_CAUSE_USER:
    case MON_CAUSE_TIMEOUT: break;
    }
    return "host-ui";
}

static bool by_guest(enum mon_cause cause) {
    return cause == MON_CAUSE_GUEST_SHUTDOWN || cause == MON_CAUSE_GUEST_RESET || cause == MON_CAUSE_TRIPLE_FAULT;
}

static json_t *data(const struct mgmt_event *e) {
    if (e->what == MON_EVENT_PANICKED) return json_pack("{s:s}", "action", "poweroff");
    if (e->what != MON_EVENT_RESET && e->what != MON_EVENT_SHUTDOWN) return NULL;
    return json_pack("{s:b, s:s}", "guest", by_guest(e->cause), "reason", reason(e));
}

json_t *mgmt_event_message(const char *name, int64_t seconds, int64_t microseconds) {
    return json_pack("{s:{s:I, s:I}, s:s}", "timestamp", "seconds", (json_int_t)seconds, "microseconds",
                     (json_int_t)microseconds, "event", name);
}

void mgmt_event_tell(struct mgmt *g, json_t *m, bool offered) {
    for (struct mgmt_client *c = g->client; c; c = c->next)
        if (c->negotiated && c->mode == MGMT_PROTOCOL && c->fd >= 0 && (!offered || mgmt_client_has_room(c)))
            mgmt_client_send(c, m);
}

static json_t *message(const struct mgmt_event *e) {
    json_t *m = mgmt_event_message(names[e->what], e->seconds, e->microseconds);
    json_t *d = data(e);
    if (d) json_object_set_new(m, "data", d);
    return m;
}

void mgmt_events_send(struct mgmt *g) {
    while (g->events_taken != __atomic_load_n(&g->events_put, __ATOMIC_ACQUIRE)) {
        json_t *m = message(&g->event[g->events_taken % MGMT_EVENTS]);
        __atomic_store_n(&g->events_taken, g->events_taken + 1, __ATOMIC_RELEASE);
        mgmt_event_tell(g, m, false);
        json_decref(m);
    }
}
