/*
 * signals.h: every signal handler of the process, and the crash report.
 *
 * Callers: machine (install, remove). Handlers run on an alternate stack,
 * because the stack pointer belongs to translated code's return stack. The
 * kernel saves x87/SSE state around a handler, so handlers may use libc's
 * async-signal-safe functions freely.
 */
#ifndef NOVT_MONITOR_SIGNALS_H
#define NOVT_MONITOR_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct machine;

/* Interrupts guest code on the vCPU thread: host timer, I/O thread. */
enum { SIGNALS_KICK = SIGUSR1 };

/* Installs the handlers for this machine, on the calling (vCPU) thread. One machine at a time. */
bool signals_install(struct machine *m);
/* Starts the 1 kHz sampling of the vCPU thread's CPU time: once the engine exists. */
bool signals_start_sampling(struct machine *m);
/* bt_config.young, with the machine. */
void signals_ripen(void *machine);
void signals_remove(struct machine *m);
#endif
