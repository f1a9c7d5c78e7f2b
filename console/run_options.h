/*
 * run_options.h: the options of novt run: one table that parses them and
 * prints their help.
 */
#ifndef NOVT_CONSOLE_RUN_OPTIONS_H
#define NOVT_CONSOLE_RUN_OPTIONS_H

#include <stdio.h>
#include "console/mgmt.h"
#include "monitor/monitor.h"

enum { RUN_MAX_INITRDS = 64, RUN_MAX_OPTIONS = 96, RUN_MESSAGE = 400 };

/* What the command line asks for. Strings are argv's, or copies in `copies`. */
struct run_options {
    struct mon_config config;
    struct mgmt_options mgmt;
    const char *initrds[RUN_MAX_INITRDS + 1];
    unsigned n_initrds;
    bool help, serial_given;
    bool given[RUN_MAX_OPTIONS]; /* by the command line; by row of the table */
    const char *base_dir;        /* of the machine file that is being read; NULL: the current one */
    struct opt_block *copies;
    char message[RUN_MESSAGE]; /* what opt_wrong said */
};

/* Parses argv[1..], options and at most one file: a machine file, or an image. What the command line gives stands
 * before what is in the machine file. 0, or the exit code after the error has been reported. */
int run_options_parse(struct run_options *r, int argc, char **argv);
/* Frees the copies; the configuration must not be used any more. */
void run_options_free(struct run_options *r);
void run_options_help(FILE *out);
/* Empty options with the defaults; and what remains to be decided when all are set. */
void run_options_init(struct run_options *r);
void run_options_settle(struct run_options *r);

/* ---- Single options by name ---- */
bool run_option_exists(const char *name);
/* False: it is a flag. */
bool run_option_has_value(const char *name);
bool run_option_repeats(const char *name);
/* Does the command line give it? */
bool run_option_given(const struct run_options *r, const char *name);
/* Takes a value, which must live as long as r. NULL, or what is wrong with it. */
const char *run_option_set(struct run_options *r, const char *name, const char *value);
#endif
