/*
 * qemu_front.c: see qemu_front.h. The table of QEMU's options, the walk over the
 * command line, and the run.
 *
 * Each option is passed on as one of `novt run`, taken by a parser, skipped
 * because it changes nothing here, or refused with the reason.
 */
#include "console/qemu_front.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include "console/command.h"
#include "console/options.h"
#include "console/qemu_internal.h"
#include "console/run_machine.h"

/* ---- Messages ---- */

static void say(const char *kind, struct qemu_given about, const char *what) {
    fprintf(stderr, "novt-qemu: %s-%s", kind, about.name);
    if (about.value) fprintf(stderr, " '%s'", about.value);
    fprintf(stderr, " %s\n", what);
}

void qemu_note(struct qemu_given about, const char *what) { say("note: ", about, what); }

int qemu_error(struct qemu_given about, const char *wrong) {
    say("", about, wrong);
    return CON_USAGE;
}

const char *qemu_text(struct run_options *r, const char *fmt, ...) {
    char *text = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    if (n < 0) {
        fputs("novt-qemu: out of memory\n", stderr);
        exit(CON_USAGE);
    }
    const char *copy = opt_copy(r, text, (size_t)n);
    free(text);
    return copy;
}

const char *qemu_skip(struct run_options *r, void *target, const char *value) {
    return (void)r, (void)target, (void)value, NULL;
}

/* ---- The table ---- */

enum way { PASS, TAKE, SKIP, NOTE, REFUSE };

struct qemu_option {
    const char *name;
    bool arg;
    enum way way;
    const char *text; /* PASS: option of novt run; NOTE, REFUSE: what to say */
    qemu_parser *parse;
};

static const struct qemu_option options[] = {
    /* the machine */
    {"m", true, TAKE, .parse = qemu_memory},
    {"smp", true, TAKE, .parse = qemu_smp},
    {"cpu", true, TAKE, .parse = qemu_cpu},
    {"machine", true, TAKE, .parse = qemu_machine},
    {"M", true, TAKE, .parse = qemu_machine},
    {"accel", true, TAKE, .parse = qemu_accel},
    {"bios", true, PASS, .text = "firmware"},
    {"rtc", true, TAKE, .parse = qemu_rtc},
    {"name", true, TAKE, .parse = qemu_name},
    {"uuid", true, PASS, .text = "uuid"},
    {"smbios", true, PASS, .text = "smbios"},
    {"usb", false, TAKE, .parse = qemu_usb},
    {"usbdevice", true, TAKE, .parse = qemu_usbdevice},
    {"device", true, TAKE, .parse = qemu_device},
    {"nodefaults", false, TAKE, .parse = qemu_nodefaults},
    /* what to boot, drives */
    {"kernel", true, PASS, .text = "kernel"},
    {"append", true, PASS, .text = "append"},
    {"initrd", true, TAKE, .parse = qemu_initrd},
    {"boot", true, TAKE, .parse = qemu_boot},
    {"hda", true, TAKE, .parse = qemu_hda},
    {"hdb", true, TAKE, .parse = qemu_hdb},
    {"hdc", true, TAKE, .parse = qemu_hdc},
    {"hdd", true, TAKE, .parse = qemu_hdd},
    {"cdrom", true, TAKE, .parse = qemu_cdrom},
    {"fda", true, TAKE, .parse = qemu_fda},
    {"fdb", true, TAKE, .parse = qemu_fdb},
    {"drive", true, TAKE, .parse = qemu_drive},
    {"snapshot", false, PASS, .text = "snapshot"},
    /* network */
    {"net", true, TAKE, .parse = qemu_net},
    {"nic", true, TAKE, .parse = qemu_nic},
    {"netdev", true, TAKE, .parse = qemu_netdev},
    /* bytes and screen */
    {"serial", true, TAKE, .parse = qemu_serial},
    {"parallel", true, TAKE, .parse = qemu_parallel},
    {"debugcon", true, TAKE, .parse = qemu_debugcon},
    {"monitor", true, TAKE, .parse = qemu_monitor},
    {"nographic", false, TAKE, .parse = qemu_nographic},
    {"curses", false, TAKE, .parse = qemu_curses},
    {"display", true, TAKE, .parse = qemu_display},
    {"vnc", true, TAKE, .parse = qemu_vnc},
    {"vga", true, TAKE, .parse = qemu_vga},
    {"qmp", true, TAKE, .parse = qemu_qmp},
    {"qmp-pretty", true, TAKE, .parse = qemu_qmp},
    {"S", false, PASS, .text = "start-paused"},
    {"gdb", true, PASS, .text = "gdb"},
    {"s", false, TAKE, .parse = qemu_s},
    /* the end */
    {"no-reboot", false, TAKE, .parse = qemu_no_reboot},
    {"no-shutdown", false, NOTE, .text = "has no effect: the run ends where the guest powers off"},
    /* what changes nothing here */
    {"k", true, .way = SKIP},
    {"L", true, .way = SKIP},
    {"global", true, .way = SKIP},
    {"msg", true, .way = SKIP},
    {"no-user-config", false, .way = SKIP},
    {"no-hpet", false, .way = SKIP},
    {"no-fd-bootchk", false, .way = SKIP},
    {"mem-prealloc", false, .way = SKIP},
    {"sandbox", true, .way = SKIP},
    {"no-acpi", false, NOTE, .text = "has no effect: ACPI stays"},
    /* what cannot be had */
    {"mon", true, REFUSE, .text = "is not possible; -qmp takes unix:PATH,server=on,wait=off"},
    {"chardev", true, REFUSE, .text = "is not possible; -serial takes stdio, file:PATH, pty, null or unix:PATH,server"},
    {"blockdev", true, REFUSE, .text = "is not possible; use -drive"},
    {"enable-kvm", false, REFUSE, .text = "is not possible: KVM is never used, guest code is translated"},
    {"daemonize", false, REFUSE, .text = "is not possible: the machine stays in the foreground"},
    {"incoming", true, REFUSE, .text = "is not possible: machines do not migrate"},
    {"loadvm", true, REFUSE, .text = "is not possible: there are no snapshots of machines"},
    {"icount", true, REFUSE, .text = "is not possible: instructions are not counted"},
};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

static const struct qemu_option *find(const char *name) {
    for (int i = 0; i < OPTION_COUNT; i++)
        if (!strcmp(options[i].name, name)) return &options[i];
    return NULL;
}

/* ---- The command line ---- */

static int take(struct qemu *q, const struct qemu_option *o, const char *value) {
    const char *wrong = NULL;
    q->now = (struct qemu_given){o->name, value};
    switch (o->way) {
    case PASS: wrong = run_option_set(q->r, o->text, value); break;
    case TAKE: wrong = o->parse(q, value); break;
    case SKIP: break;
    case NOTE: qemu_note(q->now, o->text); break;
    case REFUSE: wrong = o->text; break;
    }
    return wrong ? qemu_error(q->now, wrong) : 0;
}

static int take_image(struct qemu *q, const char *file) { return take(q, find("hda"), file); }

static int unknown(const char *arg) {
    fprintf(stderr, "novt-qemu: unknown option '%s' (try 'novt-qemu -help')\n", arg);
    return CON_USAGE;
}

/* Options begin with one dash or two. *i is moved to what was used last. */
static int take_argument(struct qemu *q, int argc, char **argv, int *i) {
    const char *arg = argv[*i];
    if (arg[0] != '-') return take_image(q, arg);
    const struct qemu_option *o = find(arg + (arg[1] == '-' ? 2 : 1));
    if (!o) return unknown(arg);
    if (!o->arg) return take(q, o, NULL);
    if (*i + 1 < argc) return take(q, o, argv[++*i]);
    return qemu_error((struct qemu_given){o->name, NULL}, "needs a value");
}

/* What differs when nothing is said. */
static void start(struct qemu *q) {
    run_option_set(q->r, "memory", "128M");
    run_option_set(q->r, "debug-exit", "none");
}

static int settle(struct qemu *q) {
    int bad = qemu_drive_settle(q);
    if (!bad) bad = qemu_net_settle(q);
    if (!bad) bad = qemu_chr_settle(q);
    run_options_settle(q->r);
    return bad;
}

static int parse(struct qemu *q, int argc, char **argv) {
    start(q);
    for (int i = 1; i < argc; i++) {
        int bad = take_argument(q, argc, argv, &i);
        if (bad) return bad;
    }
    return settle(q);
}

/* ---- Help ---- */

static void list(enum way from, enum way to) {
    int column = 0;
    for (int i = 0; i < OPTION_COUNT; i++) {
        const struct qemu_option *o = &options[i];
        if (o->way < from || o->way > to) continue;
        column += printf("%s-%s", column ? " " : "  ", o->name);
        if (column > 90) column = 0, puts("");
    }
    puts(column ? "\n" : "");
}

static int help(void) {
    puts("Usage: novt-qemu [OPTION]... [DISK]\n\nRuns a PC by options of qemu-system-i386. No KVM is used.\n\nTaken:");
    list(PASS, TAKE);
    puts("Without effect:");
    list(SKIP, NOTE);
    puts("Refused:");
    list(REFUSE, REFUSE);
    puts("The manual novt(1) tells what of their values is taken.");
    return con_finish_output();
}

static int version(void) {
    puts("novt-qemu " NOVT_VERSION);
    return con_finish_output();
}

static bool asks(const char *arg, const char *a, const char *b, const char *c) {
    return !strcmp(arg, a) || !strcmp(arg, b) || !strcmp(arg, c);
}

/* ---- The run ---- */

bool con_is_qemu(const char *argv0) {
    const char *slash = argv0 ? strrchr(argv0, '/') : NULL;
    return argv0 && !strcmp(slash ? slash + 1 : argv0, "novt-qemu");
}

int con_qemu(int argc, char **argv) {
    struct run_options r;
    if (argc == 2 && asks(argv[1], "-h", "-help", "--help")) return help();
    if (argc == 2 && asks(argv[1], "-version", "--version", "-V")) return version();
    run_options_init(&r);
    struct qemu q = {.r = &r};
    int code = parse(&q, argc, argv);
    if (!code) code = run_machine(&r, "novt-qemu");
    run_options_free(&r);
    return code;
}
