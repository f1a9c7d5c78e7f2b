/*
 * vm.h: a running machine, from outside: found by name, number of its process, or path of its socket, and asked over
 * its management console. For the commands of novt that work on machines.
 *
 * Errors are one line on stderr.
 */
#ifndef NOVT_CONSOLE_VM_H
#define NOVT_CONSOLE_VM_H

#include <jansson.h>
#include <stdio.h>
#include <sys/types.h>
#include "console/mgmt_socket.h"

struct vm {
    int fd;
    pid_t pid; /* of its process */
    char path[MGMT_PATH];
    char *text; /* what was received and not yet used */
    size_t len, room;
};

/* Connects and gets ready for commands. Sockets that nobody listens on are removed. False: reported; pid is known if
 * the machine is there and does not answer, else 0. */
bool vm_open(struct vm *v, const char *which);
/* The same with a socket; quietly: false, and nothing is reported. */
bool vm_open_path(struct vm *v, const char *path);
void vm_close(struct vm *v);
/* Runs a command; takes args (may be NULL). The value returned; NULL: *error (if it is not NULL) is the reason, valid
 * until the next command, or reported if error is NULL. */
json_t *vm_ask(struct vm *v, const char *command, json_t *args, const char **error);
/* Waits until the machine has ended. False: it has not within so long. */
bool vm_wait_end(struct vm *v, int timeout_ms);
/* Each socket of the user's folder, in order of names. False: the folder cannot be used: reported. */
bool vm_each(void (*fn)(void *opaque, const char *path, const char *name), void *opaque);
#endif
