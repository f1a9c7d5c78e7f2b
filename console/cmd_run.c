/*
 * cmd_run.c: novt run.
 */
#include "console/command.h"
#include "console/run_machine.h"

static void print_cpus(FILE *out) {
    fputs("\nCPU models (the first is the default):\n", out);
    for (const char *const *name = mon_cpu_names(); *name; name++)
        fprintf(out, "  %-12s %s\n", *name, mon_cpu_description(*name));
}

static void print_nics(FILE *out) {
    fputs("\nNetwork adapter models (the first is the default); keys of --net are in novt(1):\n ", out);
    for (const char *const *name = mon_nic_models(); *name; name++) fprintf(out, " %s", *name);
    fputs("\n", out);
}

static void print_log_categories(FILE *out) {
    fputs("\nLog categories:\n ", out);
    for (unsigned i = 0; mon_log_category_name(i); i++) fprintf(out, " %s", mon_log_category_name(i));
    fputs("\n", out);
}

void con_run_help(FILE *out) {
    fputs(
        "Usage: novt run [OPTION]... [FILE]\n\nRuns a PC until the guest powers off, you quit, or an option ends it. "
        "FILE is a machine file (FILE.json:\n"
        "one JSON object whose keys are these options, arrays for those given several times), or an image or kernel,\n"
        "whose kind is found out.\n",
        out);
    run_options_help(out);
    print_cpus(out);
    print_nics(out);
    print_log_categories(out);
    fputs("\nKeys while the serial port or the screen is your terminal:\n"
          "  Ctrl-A x       quit (exit code 0)\n"
          "  Ctrl-A b       send a break\n"
          "  Ctrl-A h       list these keys\n"
          "  Ctrl-A Ctrl-A  send Ctrl-A\n"
          "\nExit codes:\n"
          "  0    the guest powered off, or you quit\n"
          "  1    bad option or unusable file\n"
          "  2    triple fault with --no-reboot\n"
          "  4    a --script waited in vain\n"
          "  124  --timeout expired\n"
          "  126  a bug in novt\n"
          "  other odd codes: the guest wrote v to the debug exit port F4h; the code is 2v+1\n"
          "\nExamples:\n"
          "  Boot a Linux kernel with its console on this terminal:\n"
          "    novt run --memory 512M --kernel vmlinuz --initrd initrd.gz --append 'console=ttyS0'\n"
          "  Install a system from CD on a new disk:\n"
          "    truncate -s 8G disk.img\n"
          "    novt run --memory 512M --disk disk.img --cdrom install.iso --boot dc\n"
          "  A test in a script: fail after a minute, keep the output, do not reboot:\n"
          "    novt run --kernel test.elf --serial file:out.txt --timeout 60 --no-reboot\n"
          "  Serial port on a socket, firmware messages on this terminal:\n"
          "    novt run --serial unix:/tmp/vm.sock --debugcon stdio\n"
          "    socat -,raw,echo=0 unix-connect:/tmp/vm.sock\n",
          out);
}

static int help(void) {
    con_run_help(stdout);
    return con_finish_output();
}

int con_run(int argc, char **argv) {
    struct run_options r;
    int code = run_options_parse(&r, argc, argv);
    if (!code) code = r.help ? help() : run_machine(&r, "novt");
    run_options_free(&r);
    return code;
}
