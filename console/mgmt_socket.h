/*
 * mgmt_socket.h: where the sockets of a user's machines are: $XDG_RUNTIME_DIR/novt, or else /tmp/novt-UID.
 *
 * The folder is the user's alone (0700), each socket too (0600). A socket is named after the machine, or the process
 * where it has no name. One that nobody listens on any more is removed by whoever meets it. Callers: mgmt_server.c,
 * the commands that look for machines.
 */
#ifndef NOVT_CONSOLE_MGMT_SOCKET_H
#define NOVT_CONSOLE_MGMT_SOCKET_H

#include <stdbool.h>
#include <stddef.h>

enum { MGMT_PATH = 108 /* sun_path */ };

/* The folder; made, if it is not there and `make`. False: errbuf holds one line, or nothing if it is just not there. */
bool mgmt_socket_folder(char path[MGMT_PATH], bool make, char *errbuf, size_t errlen);
/* A free name in it for a machine of this name (may be NULL). */
bool mgmt_socket_choose(const char *name, char path[MGMT_PATH], char *errbuf, size_t errlen);
/* What a machine's name becomes in a file's name. */
void mgmt_socket_plain(const char *name, char *out, size_t size);
/* Listens there; -1: errbuf holds one line. */
int mgmt_socket_listen(const char *path, char *errbuf, size_t errlen);
/* Connects; -1: errno tells. */
int mgmt_socket_connect(const char *path);
/* The same at a port of 127.0.0.1. */
int mgmt_socket_listen_tcp(unsigned port, char *errbuf, size_t errlen);
#endif
