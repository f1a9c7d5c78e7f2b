/*
 * inspect.h: questions to a running machine and orders for it: part of monitor's public face.
 *
 * Any thread but the vCPU's may call these, between the observer's start and end. Each is done by the vCPU thread
 * between two pieces of guest code, so answers are consistent, and copied out. The caller waits for seconds at most.
 * Where a function takes errbuf, MON_ASK_FAILED leaves one line there.
 */
#ifndef NOVT_MONITOR_INSPECT_H
#define NOVT_MONITOR_INSPECT_H

#include "monitor/monitor.h"

enum mon_ask {
    MON_ASK_OK,
    MON_ASK_FAILED,
    MON_ASK_LATE,  /* the vCPU thread did not get to it: it waits for a reader of its output, say */
    MON_ASK_ENDED, /* the run is over */
    MON_ASK_NO_MEMORY,
};
/* One line for what is not OK, NULL for OK and FAILED. */
const char *mon_ask_text(enum mon_ask a);

/* ---- State of the run (inspect.c) ---- */
struct mon_run_state {
    bool running;
    bool begun; /* false: stopped before the first instruction */
    bool ending;
    bool halted;       /* HLT */
    uint64_t guest_ns; /* guest time */
    int tid;           /* of the vCPU thread */
};
enum mon_ask mon_ask_state(struct machine *m, struct mon_run_state *out);
/* These are fine to repeat. */
enum mon_ask mon_ask_stop(struct machine *m);
enum mon_ask mon_ask_cont(struct machine *m);
enum mon_ask mon_ask_reset(struct machine *m);
/* Presses the power button. *heard false: no ACPI system listens; nothing happens. */
enum mon_ask mon_ask_powerdown(struct machine *m, bool *heard);
/* Ends the run with this code. */
enum mon_ask mon_ask_quit(struct machine *m, int code);
#endif
