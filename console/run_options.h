/*
 * run_options.h: the options of novt run: one table that parses them and
 * prints their help.
 */
#ifndef NOVT_CONSOLE_RUN_OPTIONS_H
#define NOVT_CONSOLE_RUN_OPTIONS_H

#include <stdio.h>
#include "monitor/monitor.h"

enum { RUN_MAX_INITRDS = 64, RUN_MESSAGE = 400 };

/* What the command line asks for. Strings are argv's, or copies in `copies`. */
struct run_options {
    struct mon_config config;
    const char *initrds[RUN_MAX_INITRDS + 1];
    unsigned n_initrds;
    bool help, serial_given;
    const char *base_dir; /* of the machine file that is being read; NULL: the current one */
    struct opt_block *copies;
    char message[RUN_MESSAGE]; /* what opt_wrong said */
};

/* Parses argv[1..]. 0, or the exit code after the error has been reported. */
int run_options_parse(struct run_options *r, int argc, char **argv);
/* Frees the copies; the configuration must not be used any more. */
void run_options_free(struct run_options *r);
void run_options_help(FILE *out);
#endif
