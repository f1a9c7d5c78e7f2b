/*
 * qemu_front.h: novt-qemu, which takes the common options of qemu-system-i386
 * and runs the machine that `novt run` would with its own.
 */
#ifndef NOVT_CONSOLE_QEMU_FRONT_H
#define NOVT_CONSOLE_QEMU_FRONT_H

#include <stdbool.h>

/* Is the program called by this front's name? */
bool con_is_qemu(const char *argv0);
/* The whole command line; returns the exit code. */
int con_qemu(int argc, char **argv);
#endif
