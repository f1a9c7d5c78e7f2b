/*
 * image_arg.h: novt run FILE: finds out what the file is and runs it so.
 */
#ifndef NOVT_CONSOLE_IMAGE_ARG_H
#define NOVT_CONSOLE_IMAGE_ARG_H

#include "console/run_options.h"

/* Says on stderr what the file is taken for, and sets the options for it. 0, or the exit code after one line. */
int image_arg_take(struct run_options *r, const char *path);
#endif
