/*
 * mgmt_file.h: files that commands write, by names from clients.
 */
#ifndef NOVT_CONSOLE_MGMT_FILE_H
#define NOVT_CONSOLE_MGMT_FILE_H

#include <stdio.h>
#include "console/mgmt_command.h"

/* A new or emptied file, and nothing that could make us wait: no FIFO, no terminal. NULL: errno. */
FILE *mgmt_file_open(const char *path);
#endif
