/*
 * cmd_version.c: novt version.
 */
#include "console/command.h"

int con_version(int argc, char **argv) {
    if (argc > 1 && argv[1][0] != '-') return con_usage_error("version", "version: unexpected argument '%s'", argv[1]);
    if (argc > 1) {
        con_version_help(stdout);
        return con_finish_output();
    }
    puts("novt " NOVT_VERSION);
    return con_finish_output();
}

void con_version_help(FILE *out) { fputs("Usage: novt version\n\nPrints the version.\n", out); }
