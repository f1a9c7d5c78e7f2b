#include "console/run_options.h"

#include <getopt.h>
#include <string.h>
#include "console/command.h"
#include "console/image_arg.h"
#include "console/machine_file.h"
#include "console/options.h"

/* A row of the table. */
struct run_option {
    const char *name; /* NULL: only a title in the help */
    const char *arg;  /* NULL: a flag */
    const char *help;
    opt_parser *parse;
};

static const char *opt_help(struct run_options *r, const char *v) { return (void)v, r->help = true, NULL; }

/* ---- The table ---- */

static const struct run_option options[] = {
    {NULL, NULL, "What to boot", NULL},
    {"kernel", "FILE", "Linux kernel (bzImage) or Multiboot kernel; loaded by a boot ROM after the firmware",
     opt_kernel},
    {"initrd", "FILE", "initial RAM disk, or Multiboot module; may be given several times", opt_initrd},
    {"append", "TEXT", "kernel command line", opt_append},
    {"firmware", "FILE", "BIOS image (default: SeaBIOS of the host)", opt_firmware},
    {"boot", "ORDER",
     "drives the firmware tries: a floppy, c disk, d CD-ROM, n network (default: cda); options: "
     "ORDER,once=ORDER,menu=on,menu-time=MS",
     opt_boot},
    {NULL, NULL, "Drives", NULL},
    {"disk", "FILE", "hard disk; several. Options: FILE,bus=ide|virtio,readonly=on,snapshot=on,format=NAME,chs=C/H/S",
     opt_disk},
    {"cdrom", "FILE", "CD-ROM drive with this image; none: with no disc", opt_cdrom},
    {"floppy", "FILE",
     "floppy drive with this image, 160K to 2880K, or none; up to two. Options as --disk, and drive=1.44", opt_floppy},
    {"snapshot", NULL, "forget all that the guest writes to its drives", opt_snapshot},
    {NULL, NULL, "Network", NULL},
    {"net", "KIND", "network adapter: user, tap,fd=N or none, and options, see below; up to four (default: user)",
     opt_net},
    {NULL, NULL, "The machine", NULL},
    {"name", "TEXT", "what to call the machine: in VNC viewers and lists of processes", opt_name},
    {"memory", "SIZE", "RAM, 1M to 3584M (default: 256M; a number alone counts MiB)", opt_memory},
    {"cpu", "MODEL", "CPU model, see below", opt_cpu},
    {"rtc", "BASE", "what the clock shows: utc, localtime, or a date such as 1999-12-31T23:59:00 (default: utc)",
     opt_rtc},
    {"smbios", "LIST", "name plates: type=1,manufacturer=..,product=..,serial=..; types 0 to 3; may be repeated",
     opt_smbios},
    {"uuid", "UUID", "the machine's UUID in its SMBIOS tables", opt_uuid},
    {"serial", "WHERE", "COM1, given again COM2 to COM4: stdio, pty, null, none, file:PATH, unix:PATH (default: stdio)",
     opt_serial},
    {"parallel", "WHERE", "LPT1 with a printer that prints there, as --serial (default: none: no port)", opt_parallel},
    {"hpet", "WHAT", "High Precision Event Timer: on or off (default: off)", opt_hpet},
    {"usb", "WHAT", "USB controller: off, on, or tablet: with a pointer that agrees with the user's (default: off)",
     opt_usb},
    {"debugcon", "WHERE", "debug console, as --serial (default: none)", opt_debugcon},
    {"vga", "WHAT", "display adapter: std (VGA with VBE, 16M) or none (default: std)", opt_vga},
    {"display", "WHERE",
     "who sees the screen: none, curses (this terminal), vnc=ADDRESS:N[,password=TEXT] (default: none)", opt_display},
    {NULL, NULL, "When to end", NULL},
    {"no-reboot", NULL, "exit instead of rebooting; with code 2 after a triple fault", opt_no_reboot},
    {"debug-exit", "PORT", "none, or the port where the guest ends the run: iobase=0xF4,iosize=4", opt_debug_exit},
    {"timeout", "SECONDS", "exit with code 124 after this much real time", opt_timeout},
    {"script", "FILE", "operate the machine by the commands in this file, see docs/SCRIPTS.md", opt_script},
    {NULL, NULL, "Looking inside", NULL},
    {"control", "WHAT", "socket for novt list, monitor and the like: on or off (default: on)", opt_control},
    {"qmp", "WHERE", "the machine protocol (QMP) at: unix:PATH, stdio, tcp:127.0.0.1:PORT; several", opt_qmp},
    {"monitor", "WHERE", "the text console, as QEMU's monitor, at: unix:PATH, stdio, tcp:127.0.0.1:PORT; several",
     opt_monitor},
    {"web", "WHERE", "the console for browsers: 127.0.0.1:PORT; the URL is printed", opt_web},
    {"start-paused", NULL, "run nothing until novt cont; -S for short", opt_start_paused},
    {"dump-screen", "FILE", "write the screen to FILE.png or, as text, to FILE.txt at the end", opt_dump_screen},
    {"log", "LIST", "log these categories to stderr, see below; separated by commas", opt_log},
    {"log-file", "FILE", "log to this file instead", opt_log_file},
    {"stats", NULL, "print counters to stderr at the end", opt_stats},
    {"symbols", "FILE", "names of the guest's functions: vmlinux (ELF), System.map or the output of nm", opt_symbols},
    {"gdb", "WHERE", "gdb may connect here: tcp:127.0.0.1:1234 or unix:PATH", opt_gdb},
    {"perf", "KIND", "tell perf(1) of guest code: map (/tmp/perf-PID.map) or jitdump", opt_perf},
    {"bt", "LIST", "translator: one-insn, checked, direct, plain, no-..., cache=SIZE", opt_bt},
    {"max-vmas", "N", "budget of host memory mappings", opt_max_vmas},
    {NULL, NULL, "Raw test images, without firmware", NULL},
    {"flat-image", "FILE", "load these bytes and start them in flat 32-bit protected mode", opt_flat_image},
    {"flat-address", "ADDR", "where to load and start them (default: 0)", opt_flat_address},
    {"flat-real", NULL, "start them in real mode", opt_flat_real},
    {NULL, NULL, "Help", NULL},
    {"help", NULL, "print this text", opt_help},
};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };
_Static_assert((int)OPTION_COUNT <= (int)RUN_MAX_OPTIONS, "struct run_options notes each");

/* ---- Parsing ---- */

static int find(const char *name) {
    for (int i = 0; i < OPTION_COUNT; i++)
        if (options[i].name && !strcmp(options[i].name, name)) return i;
    return -1;
}

/* getopt's view of the table; val is the row plus this, out of the way of characters. */
enum { ROW_BASE = 256 };

static void make_long(struct option out[OPTION_COUNT + 1]) {
    int n = 0;
    for (int i = 0; i < OPTION_COUNT; i++)
        if (options[i].name)
            out[n++] =
                (struct option){options[i].name, options[i].arg ? required_argument : no_argument, NULL, ROW_BASE + i};
    out[n] = (struct option){NULL, 0, NULL, 0};
}

static int take_option(struct run_options *r, int row) {
    const struct run_option *o = &options[row];
    const char *wrong = o->parse(r, optarg);
    return wrong ? con_usage_error("run", "--%s: '%s' %s", o->name, optarg, wrong) : 0;
}

/* What a look at the command line finds besides options. */
struct command_line {
    int argc;
    char **argv;
    const char *file;
};

static int see_file(struct command_line *l, const char *file) {
    if (l->file) return con_usage_error("run", "run: unexpected argument '%s'", file);
    l->file = file;
    return 0;
}

/* One item of getopt's. The first time around options are only noted. */
static int see(struct run_options *r, struct command_line *l, int c, bool take) {
    switch (c) {
    case 'h': return r->help = true, 0;
    case 'S': return r->config.start_paused = true, 0;
    case 1: return take ? 0 : see_file(l, optarg);
    case ':': return con_usage_error("run", "option '%s' needs a value", l->argv[optind - 1]);
    case '?': return con_usage_error("run", "unknown option '%s'", l->argv[optind - 1]);
    default: break;
    }
    r->given[c - ROW_BASE] = true;
    return take ? take_option(r, c - ROW_BASE) : 0;
}

static int walk(struct run_options *r, struct command_line *l, bool take) {
    struct option longs[OPTION_COUNT + 1];
    int c, bad = 0;
    make_long(longs);
    opterr = 0;
    optind = 0; /* starts afresh */
    while (!bad && (c = getopt_long(l->argc, l->argv, "-:hS", longs, NULL)) != -1) bad = see(r, l, c, take);
    for (int i = optind; !bad && !take && i < l->argc; i++) bad = see_file(l, l->argv[i]); /* behind -- */
    return bad;
}

static int take_file(struct run_options *r, const char *file) {
    return machine_file_is(file) ? machine_file_load(r, file) : image_arg_take(r, file);
}

void run_options_init(struct run_options *r) {
    memset(r, 0, sizeof *r);
    mon_config_default(&r->config);
    r->config.version = NOVT_VERSION;
}

void run_options_settle(struct run_options *r) {
    /* The terminal is one thing's only: a screen on it takes it from the serial port. */
    if (r->config.display.kind == MON_DISPLAY_CURSES && !r->serial_given) r->config.serial[0].kind = MON_CHR_NONE;
}

int run_options_parse(struct run_options *r, int argc, char **argv) {
    struct command_line l = {.argc = argc, .argv = argv};
    run_options_init(r);
    int bad = walk(r, &l, false);
    r->help |= find("help") >= 0 && r->given[find("help")];
    if (bad || r->help) return bad;
    if (l.file) bad = take_file(r, l.file);
    if (!bad) bad = walk(r, &l, true);
    run_options_settle(r);
    return bad;
}

/* ---- Single options by name ---- */

static const char *const repeating[] = {"initrd", "disk", "floppy", "serial", "smbios", "net", "qmp", "monitor"};

bool run_option_exists(const char *name) { return find(name) >= 0 && options[find(name)].parse != opt_help; }
bool run_option_has_value(const char *name) { return find(name) >= 0 && options[find(name)].arg; }
bool run_option_given(const struct run_options *r, const char *name) { return find(name) >= 0 && r->given[find(name)]; }

bool run_option_repeats(const char *name) {
    for (size_t i = 0; i < sizeof repeating / sizeof repeating[0]; i++)
        if (!strcmp(repeating[i], name)) return true;
    return false;
}

const char *run_option_set(struct run_options *r, const char *name, const char *value) {
    int row = find(name);
    return row < 0 ? "is not there in this version" : options[row].parse(r, value);
}

/* ---- Help ---- */

void run_options_help(FILE *out) {
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct run_option *o = &options[i];
        if (o->name)
            fprintf(out, "  --%-12s %-8s %s\n", o->name, o->arg ? o->arg : "", o->help);
        else
            fprintf(out, "\n%s:\n", o->help);
    }
}
