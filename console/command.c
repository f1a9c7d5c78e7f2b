#include "console/command.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "console/qemu_front.h"

const struct con_command con_commands[] = {
    {"run", "run a virtual machine", con_run, con_run_help},
    {"bench", "measure this program", con_bench, con_bench_help},
    {"version", "print the version", con_version, con_version_help},
    {"help", "explain novt or one of its commands", con_help, con_help_help},
    {NULL, NULL, NULL, NULL},
};

const struct con_command *con_find(const char *name) {
    for (const struct con_command *c = con_commands; c->name; c++)
        if (!strcmp(c->name, name)) return c;
    return NULL;
}

int con_usage_error(const char *command, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    fputs("novt: ", stderr);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fprintf(stderr, " (try 'novt %s%s--help')\n", command ? command : "", command ? " " : "");
    return CON_USAGE;
}

int con_finish_output(void) {
    if (!fflush(stdout) && !ferror(stdout)) return CON_OK;
    fprintf(stderr, "novt: cannot write to stdout: %s\n", strerror(errno));
    return CON_USAGE;
}

int con_main(int argc, char **argv) {
    if (argc > 0 && con_is_qemu(argv[0])) return con_qemu(argc, argv);
    if (argc < 2) {
        con_overview(stderr);
        return CON_USAGE;
    }
    const char *name = argv[1];
    if (!strcmp(name, "--help") || !strcmp(name, "-h")) name = "help";
    if (!strcmp(name, "--version") || !strcmp(name, "-V")) name = "version";
    const struct con_command *c = con_find(name);
    if (c) return c->run(argc - 1, argv + 1);
    return con_usage_error(NULL, "unknown %s '%s'", name[0] == '-' ? "option" : "command", name);
}
