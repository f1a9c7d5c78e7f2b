/*
 * script.h: --script: a file of commands that operates the machine as a user would (docs/SCRIPTS.md).
 *
 * The whole file is parsed before the machine starts. A script sits between the
 * serial port and its backend, so that it sees what the guest sends and can
 * answer. Callers: machine. vCPU thread; libc may run.
 */
#ifndef NOVT_MONITOR_SCRIPT_H
#define NOVT_MONITOR_SCRIPT_H

#include "devemu/dev.h"

struct machine;
struct mon_script;

/* back: the serial port's backend, NULL if there is none. NULL: errbuf holds one line. */
struct mon_script *script_open(struct machine *m, const char *path, struct dev_chr *back, char *errbuf, size_t errlen);
void script_close(struct mon_script *s);
/* What the serial port is to be connected to. */
struct dev_chr *script_serial(struct mon_script *s);
/* The machine is built: begin. */
void script_start(struct mon_script *s);
/* The machine has ended with this code: gives the code to exit with. A script that was still waiting has failed. */
int script_finish(struct mon_script *s, int code);
#endif
