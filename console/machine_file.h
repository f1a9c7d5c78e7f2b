/*
 * machine_file.h: a machine described in a JSON file: one object whose keys are
 * the options of novt run.
 */
#ifndef NOVT_CONSOLE_MACHINE_FILE_H
#define NOVT_CONSOLE_MACHINE_FILE_H

#include "console/run_options.h"

/* By its name. */
bool machine_file_is(const char *path);
/* Takes the options in the file, but for those that the command line gives. 0, or the exit code after one line on
 * stderr. */
int machine_file_load(struct run_options *r, const char *path);
#endif
