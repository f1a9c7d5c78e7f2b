/*
 * mgmt.h: the management console of the machine that this process runs: sockets on which programs and users ask and
 * steer it. docs/CONSOLE.md.
 *
 * A thread of its own serves all clients (mgmt_server.c), because it calls libraries that use SSE and waits for the
 * machine's answers. The vCPU thread only ever hands it events. While no client is there both are asleep.
 */
#ifndef NOVT_CONSOLE_MGMT_H
#define NOVT_CONSOLE_MGMT_H

#include "monitor/monitor.h"

enum { MGMT_SOCKETS = 8 };

struct mgmt_options {
    unsigned web; /* port of the web console; 0: none */
    bool none;    /* no socket in the user's folder */
    unsigned sockets;
    struct {
        enum { MGMT_UNIX, MGMT_TCP, MGMT_STDIO } kind;
        const char *path;   /* MGMT_UNIX */
        unsigned port;      /* MGMT_TCP: of 127.0.0.1 */
        bool text;          /* the text console, else the protocol */
    } socket[MGMT_SOCKETS]; /* more of them */
};

struct mgmt;
/* config outlives it, and mgmt outlives the run. NULL: out of memory. */
struct mgmt *mgmt_create(const struct mgmt_options *o, const struct mon_config *config);
void mgmt_destroy(struct mgmt *g);
/* For config.observer. */
const struct mon_observer *mgmt_observer(struct mgmt *g);
#endif
