/*
 * inspect_internal.h: what the files behind inspect.h share. A question is a struct of arguments and results and a
 * mailbox_fn that works on it; the struct must not point to memory of the asking thread.
 */
#ifndef NOVT_MONITOR_INSPECT_INTERNAL_H
#define NOVT_MONITOR_INSPECT_INTERNAL_H

#include "monitor/inspect.h"
#include "monitor/mailbox.h"
#include "monitor/machine.h"
#include "monitor/serial_tap.h"

/* Asks and waits. */
enum mon_ask inspect_ask(struct machine *m, mailbox_fn *fn, void *args, size_t size);
/* The same for what has to wait for something: a disk image, say. */
enum mon_ask inspect_ask_long(struct machine *m, mailbox_fn *fn, void *args, size_t size);
/* Fills *out, on the vCPU thread. */
void inspect_interrupts(struct machine *m, struct mon_interrupts *out);
#endif
