/*
 * crash.h: the report of a bug in novt itself. Async-signal-safe.
 */
#ifndef NOVT_MONITOR_CRASH_H
#define NOVT_MONITOR_CRASH_H

struct machine;

/* Writes version, signal, fault address, host and guest registers and the engine's view to stderr, restores the
 * terminal, ends the process with MON_EXIT_BUG. */
_Noreturn void crash_report(struct machine *m, int signo, const void *siginfo, void *ucontext);
#endif
