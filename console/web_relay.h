/*
 * web_relay.h: what stands behind a WebSocket: its binary messages are the bytes of a local socket, both ways, whose
 * other end is a VNC session (/ws/screen) or a client of the first serial line (/ws/serial).
 *
 * On the console's thread; never blocks. Queues are bounded: while one is full its source is not read, and a browser
 * that takes nothing for long is dropped. Callers: web_server.c.
 */
#ifndef NOVT_CONSOLE_WEB_RELAY_H
#define NOVT_CONSOLE_WEB_RELAY_H

#include <microhttpd.h>

struct mgmt;
struct web_relay;
struct web_relays;
enum web_door { WEB_SCREEN, WEB_SERIAL, WEB_DOORS };
struct web_way { /* what an upgraded connection needs to know */
    struct web_relays *all;
    enum web_door door;
};
struct web_relays {
    struct mgmt *g;
    struct web_way way[WEB_DOORS];
    struct web_relay *first;
    unsigned n;
};

void web_relays_init(struct web_relays *all, struct mgmt *g);
/* The answer to a request for `url` that asks for a WebSocket, to be queued with status 101; who asks has been checked.
 * NULL: *status and *why are the answer. */
struct MHD_Response *web_relay_answer(struct web_relays *all, struct MHD_Connection *c, const char *url,
                                      unsigned *status, const char **why);
/* Frees those that are gone, drops those that take nothing. When to come again, in ms; -1: nobody is being waited for.
 */
int web_relays_sweep(struct web_relays *all);
/* Lets browsers have what the local ends have said at last, as far as they take it at once, and closes. */
void web_relays_close(struct web_relays *all);
#endif
