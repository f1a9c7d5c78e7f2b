/*
 * run_machine.h: runs the machine that options describe, with its management console. Callers: cmd_run, qemu_front.
 */
#ifndef NOVT_CONSOLE_RUN_MACHINE_H
#define NOVT_CONSOLE_RUN_MACHINE_H

#include "console/run_options.h"

/* Returns the exit code; what is wrong is reported as of `program`. */
int run_machine(struct run_options *r, const char *program);
#endif
