/*
 * cmd_help.c: novt help [command].
 */
#include "console/command.h"

void con_overview(FILE *out) {
    fputs("novt runs unmodified 32-bit PC operating systems in one ordinary process: no KVM, no root.\n\n"
          "Usage: novt COMMAND [OPTION]...\n\nCommands:\n",
          out);
    for (const struct con_command *c = con_commands; c->name; c++) fprintf(out, "  %-10s %s\n", c->name, c->summary);
    fputs("\nStart here:\n"
          "  novt run --kernel vmlinuz --initrd initrd.gz --append 'console=ttyS0'\n"
          "  novt help run\n",
          out);
}

void con_help_help(FILE *out) { fputs("Usage: novt help [COMMAND]\n\nExplains novt, or one of its commands.\n", out); }

int con_help(int argc, char **argv) {
    if (argc > 2) return con_usage_error(NULL, "help takes one command");
    if (argc < 2) {
        con_overview(stdout);
        return con_finish_output();
    }
    const struct con_command *c = con_find(argv[1]);
    if (!c) return con_usage_error(NULL, "unknown command '%s'", argv[1]);
    c->help(stdout);
    return con_finish_output();
}
