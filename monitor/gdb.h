/*
 * gdb.h: gdb may debug the guest: its remote serial protocol (GDB manual, appendix "Remote Serial Protocol").
 *
 * A thread of its own serves one client; what touches the machine it asks the vCPU thread by letters (mailbox.h).
 * Breakpoints leave guest memory as it is (bt_break_add), watchpoints look at each instruction (debug.h), a step is the
 * engine's step mode: TF and the debug registers are the guest's. A client's bytes are hostile.
 * Files: gdb.c (thread), gdb_command.c (packets), gdb_machine.c (vCPU thread), gdb_registers.c.
 */
#ifndef NOVT_MONITOR_GDB_H
#define NOVT_MONITOR_GDB_H

#include "monitor/debug.h"

struct gdb;

/* where: tcp:ADDRESS:PORT or unix:PATH. NULL: errbuf says why. */
struct gdb *gdb_open(struct machine *m, const char *where, char *errbuf, size_t errlen);
/* The mailbox is closed already. A client is told the exit code. g may be NULL. */
void gdb_close(struct gdb *g, int code);

/* ---- For the run loop (gdb_machine.c) ---- */
/* One instruction shall run without an interrupt in between. */
bool gdb_holds_interrupts(const struct gdb *g);
/* Before guest code: true if the machine has been stopped instead. */
bool gdb_before(struct gdb *g);
/* After it; watch: what the instruction did, or NULL. */
void gdb_after(struct gdb *g, enum bt_exit reason, const struct mon_watch *watch);
#endif
