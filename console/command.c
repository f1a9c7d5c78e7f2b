#include "console/command.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include "console/qemu_front.h"

const struct con_command con_commands[] = {
    {"run", "run a virtual machine", con_run, con_run_help},
    {"list", "list the machines that run", con_list, con_list_help},
    {"top", "show what machines do, again and again", con_top, con_top_help},
    {"monitor", "command a machine: interactively, or one command", con_monitor, con_monitor_help},
    {"console", "connect this terminal with a machine's serial line", con_console, con_console_help},
    {"stop", "stop a machine, and its time", con_vm, con_stop_help},
    {"cont", "let a stopped machine go on", con_vm, con_cont_help},
    {"reset", "press a machine's reset button", con_vm, con_reset_help},
    {"powerdown", "press a machine's power button", con_vm, con_powerdown_help},
    {"kill", "end a machine at once", con_vm, con_kill_help},
    {"screenshot", "write a machine's screen to a file", con_vm, con_screenshot_help},
    {"key", "press keys of a machine", con_vm, con_key_help},
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
