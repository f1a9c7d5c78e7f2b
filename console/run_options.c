#include "console/run_options.h"

#include <getopt.h>
#include <string.h>
#include "console/command.h"
#include "console/parse.h"

enum { MIB = 1 << 20 };

/* An option: parse stores the value and returns NULL, or says what it should have been. */
struct run_option {
    const char *name;
    const char *arg; /* NULL: a flag */
    const char *help;
    const char *(*parse)(struct run_options *r, const char *value);
};

/* ---- Values ---- */

static const char *parse_help(struct run_options *r, const char *v) { return (void)v, r->help = true, NULL; }
static const char *parse_kernel(struct run_options *r, const char *v) { return r->config.kernel = v, NULL; }
static const char *parse_append(struct run_options *r, const char *v) { return r->config.append = v, NULL; }
static const char *parse_firmware(struct run_options *r, const char *v) { return r->config.firmware = v, NULL; }
static const char *parse_cpu(struct run_options *r, const char *v) { return r->config.cpu = v, NULL; }
static const char *parse_no_reboot(struct run_options *r, const char *v) {
    return (void)v, r->config.no_reboot = true, NULL;
}
static const char *parse_dump_screen(struct run_options *r, const char *v) { return r->config.dump_screen = v, NULL; }
static const char *parse_script(struct run_options *r, const char *v) { return r->config.script = v, NULL; }
static const char *parse_stats(struct run_options *r, const char *v) { return (void)v, r->config.stats = true, NULL; }
static const char *parse_log_file(struct run_options *r, const char *v) { return r->config.log_file = v, NULL; }
static const char *parse_flat_image(struct run_options *r, const char *v) { return r->config.flat_image = v, NULL; }
static const char *parse_flat_real(struct run_options *r, const char *v) {
    return (void)v, r->config.flat_real_mode = true, NULL;
}

static const char *parse_initrd(struct run_options *r, const char *v) {
    if (r->n_initrds == RUN_MAX_INITRDS) return "given too often";
    r->initrds[r->n_initrds++] = v;
    r->config.initrds = r->initrds;
    return NULL;
}

/* ---- Drives: FILE[,key=value]... ---- */

static bool is(const char *item, size_t len, const char *word) {
    return strlen(word) == len && !memcmp(item, word, len);
}

static bool parse_disk_option(struct mon_disk_config *d, const char *item, size_t len) {
    if (is(item, len, "readonly=on")) return d->read_only = true;
    if (is(item, len, "snapshot=on")) return d->snapshot = true;
    return is(item, len, "readonly=off") || is(item, len, "snapshot=off") || is(item, len, "format=raw");
}

/* The file's name is cut off in place: option values are the command line's own bytes. */
static const char *parse_disk_config(struct mon_disk_config *d, const char *v) {
    char *comma = strchr((char *)v, ',');
    const char *rest = comma ? comma + 1 : NULL, *item;
    *d = (struct mon_disk_config){.path = v};
    for (size_t len; parse_next(&rest, &item, &len);)
        if (!parse_disk_option(d, item, len)) return "may have the options format=raw, readonly=on, snapshot=on";
    if (!*v || comma == v) return "must be a file";
    if (comma) *comma = 0;
    return NULL;
}

static const char *parse_disk(struct run_options *r, const char *v) {
    struct mon_drives_config *d = &r->config.drives;
    return d->disks == MON_DISKS ? "is one too many" : parse_disk_config(&d->disk[d->disks++], v);
}

static const char *parse_floppy(struct run_options *r, const char *v) {
    struct mon_drives_config *d = &r->config.drives;
    return d->floppies == MON_FLOPPIES ? "is one too many" : parse_disk_config(&d->floppy[d->floppies++], v);
}

static const char *parse_cdrom(struct run_options *r, const char *v) {
    r->config.drives.cdrom = true;
    return strcmp(v, "none") ? parse_disk_config(&r->config.drives.cd, v) : NULL;
}

static const char *parse_boot(struct run_options *r, const char *v) { return r->config.drives.boot = v, NULL; }
static const char *parse_snapshot(struct run_options *r, const char *v) {
    return (void)v, r->config.drives.snapshot = true, NULL;
}

static const char *parse_memory(struct run_options *r, const char *v) {
    return parse_size(v, MIB, &r->config.memory) ? NULL : "must be a size such as 256M or 1G";
}

static const char *parse_timeout(struct run_options *r, const char *v) {
    return parse_seconds(v, &r->config.timeout_ms) ? NULL : "must be seconds such as 30 or 2.5";
}

static const char *parse_log(struct run_options *r, const char *v) {
    r->config.log = mon_log_parse(v);
    return r->config.log ? NULL : "must be log categories (see --help) separated by commas";
}

static const char *parse_max_vmas(struct run_options *r, const char *v) {
    uint64_t n;
    if (!parse_number(v, UINT32_MAX, &n) || !n) return "must be a number of host mappings";
    r->config.max_vmas = (uint32_t)n;
    return NULL;
}

static const char *parse_flat_address(struct run_options *r, const char *v) {
    uint64_t n;
    if (!parse_number(v, UINT32_MAX, &n)) return "must be an address such as 0x100000";
    r->config.flat_address = (uint32_t)n;
    return NULL;
}

/* The part after a prefix and colon, or NULL. */
static const char *after(const char *v, const char *prefix) {
    size_t n = strlen(prefix);
    return !strncmp(v, prefix, n) && v[n] ? v + n : NULL;
}

static const char *parse_chr(struct mon_chr_config *c, const char *v) {
    *c = (struct mon_chr_config){.kind = MON_CHR_NONE};
    if (!strcmp(v, "none")) return NULL;
    if (!strcmp(v, "stdio"))
        c->kind = MON_CHR_STDIO;
    else if ((c->path = after(v, "file:")))
        c->kind = MON_CHR_FILE;
    else if ((c->path = after(v, "unix:")))
        c->kind = MON_CHR_UNIX;
    else
        return "must be stdio, none, file:PATH or unix:PATH";
    return NULL;
}

static const char *parse_serial(struct run_options *r, const char *v) {
    r->serial_given = true;
    return parse_chr(&r->config.serial, v);
}
static const char *parse_debugcon(struct run_options *r, const char *v) { return parse_chr(&r->config.debugcon, v); }

/* ---- The screen ---- */

static const char *parse_vga(struct run_options *r, const char *v) {
    r->config.vga = !strcmp(v, "std");
    return r->config.vga || !strcmp(v, "none") ? NULL : "must be std or none";
}

enum { VNC_PORT = 5900, VNC_DISPLAYS = 65536 - VNC_PORT };

/* ADDRESS:N[,password=TEXT] */
static bool parse_vnc(struct mon_display_config *d, const char *v) {
    const char *comma = strchr(v, ','), *end = comma ? comma : v + strlen(v);
    const char *colon = memrchr(v, ':', (size_t)(end - v));
    char digits[8];
    uint64_t n;
    if (!colon || colon == v || (size_t)(colon - v) >= sizeof d->host || (size_t)(end - colon) > sizeof digits)
        return false;
    memcpy(d->host, v, (size_t)(colon - v));
    memcpy(digits, colon + 1, (size_t)(end - colon - 1));
    d->host[colon - v] = digits[end - colon - 1] = 0;
    if (!parse_number(digits, VNC_DISPLAYS - 1, &n)) return false;
    d->port = (unsigned)(VNC_PORT + n);
    if (!comma) return true;
    if (strncmp(comma, ",password=", 10) || !comma[10]) return false;
    d->password = comma + 10;
    return true;
}

static const char *parse_display(struct run_options *r, const char *v) {
    struct mon_display_config *d = &r->config.display;
    memset(d, 0, sizeof *d);
    if (!strcmp(v, "none")) return NULL;
    if (!strcmp(v, "curses")) return d->kind = MON_DISPLAY_CURSES, NULL;
    d->kind = MON_DISPLAY_VNC;
    return !strncmp(v, "vnc=", 4) && parse_vnc(d, v + 4) ? NULL
                                                         : "must be none, curses or vnc=ADDRESS:N[,password=TEXT]";
}

static bool parse_cache(struct mon_config *c, const char *item, size_t len) {
    char size[24];
    if (len < 7 || len - 6 >= sizeof size || memcmp(item, "cache=", 6)) return false;
    memcpy(size, item + 6, len - 6);
    size[len - 6] = 0;
    return parse_size(size, MIB, &c->bt_cache_bytes) && c->bt_cache_bytes;
}

static const char *parse_bt(struct run_options *r, const char *v) {
    struct mon_config *c = &r->config;
    const char *item;
    for (size_t len; parse_next(&v, &item, &len);) {
        if (is(item, len, "one-insn"))
            c->bt_one_insn = true;
        else if (is(item, len, "checked"))
            c->bt_force_checked = true;
        else if (is(item, len, "direct"))
            c->bt_force_direct = true;
        else if (is(item, len, "no-fsgsbase"))
            c->no_fsgsbase = true;
        else if (!parse_cache(c, item, len))
            return "must be of one-insn, checked, direct, no-fsgsbase, cache=SIZE, separated by commas";
    }
    return NULL;
}

/* ---- The table; a row with a title only starts a section of the help ---- */

static const struct run_option options[] = {
    {NULL, NULL, "What to boot", NULL},
    {"kernel", "FILE", "Linux kernel (bzImage) or Multiboot kernel; loaded by a boot ROM after the firmware",
     parse_kernel},
    {"initrd", "FILE", "initial RAM disk, or Multiboot module; may be given several times", parse_initrd},
    {"append", "TEXT", "kernel command line", parse_append},
    {"firmware", "FILE", "BIOS image (default: SeaBIOS of the host)", parse_firmware},
    {"boot", "ORDER", "drives the firmware tries: a floppy, c disk, d CD-ROM, n network (default: cda)", parse_boot},
    {NULL, NULL, "Drives", NULL},
    {"disk", "FILE", "hard disk; up to four. Options: FILE,readonly=on,snapshot=on,format=raw", parse_disk},
    {"cdrom", "FILE", "CD-ROM drive with this image; none: with no disc", parse_cdrom},
    {"floppy", "FILE", "floppy drive with this image, 160K to 2880K; up to two. Options as --disk", parse_floppy},
    {"snapshot", NULL, "forget all that the guest writes to its drives", parse_snapshot},
    {NULL, NULL, "The machine", NULL},
    {"memory", "SIZE", "RAM, 1M to 3584M (default: 256M; a number alone counts MiB)", parse_memory},
    {"cpu", "MODEL", "CPU model, see below", parse_cpu},
    {"serial", "WHERE", "first serial port: stdio, none, file:PATH, unix:PATH (default: stdio)", parse_serial},
    {"debugcon", "WHERE", "debug console, as --serial (default: none)", parse_debugcon},
    {"vga", "WHAT", "display adapter: std (VGA with VBE, 16M) or none (default: std)", parse_vga},
    {"display", "WHERE",
     "who sees the screen: none, curses (this terminal), vnc=ADDRESS:N[,password=TEXT] (default: none)", parse_display},
    {NULL, NULL, "When to end", NULL},
    {"no-reboot", NULL, "exit instead of rebooting; with code 2 after a triple fault", parse_no_reboot},
    {"timeout", "SECONDS", "exit with code 124 after this much real time", parse_timeout},
    {"script", "FILE", "operate the machine by the commands in this file, see docs/SCRIPTS.md", parse_script},
    {NULL, NULL, "Looking inside", NULL},
    {"dump-screen", "FILE", "write the screen to FILE.png or, as text, to FILE.txt at the end", parse_dump_screen},
    {"log", "LIST", "log these categories to stderr, see below; separated by commas", parse_log},
    {"log-file", "FILE", "log to this file instead", parse_log_file},
    {"stats", NULL, "print counters to stderr at the end", parse_stats},
    {"bt", "LIST", "translator: one-insn, checked, direct, no-fsgsbase, cache=SIZE", parse_bt},
    {"max-vmas", "N", "budget of host memory mappings", parse_max_vmas},
    {NULL, NULL, "Raw test images, without firmware", NULL},
    {"flat-image", "FILE", "load these bytes and start them in flat 32-bit protected mode", parse_flat_image},
    {"flat-address", "ADDR", "where to load and start them (default: 0)", parse_flat_address},
    {"flat-real", NULL, "start them in real mode", parse_flat_real},
    {NULL, NULL, "Help", NULL},
    {"help", NULL, "print this text", parse_help},
};
enum { OPTION_COUNT = sizeof options / sizeof options[0] };

/* ---- Parsing ---- */

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

int run_options_parse(struct run_options *r, int argc, char **argv) {
    struct option longs[OPTION_COUNT + 1];
    int c;
    memset(r, 0, sizeof *r);
    mon_config_default(&r->config);
    r->config.version = NOVT_VERSION;
    make_long(longs);
    opterr = 0;
    optind = 1;
    while ((c = getopt_long(argc, argv, "+:h", longs, NULL)) != -1) {
        int bad = 0;
        if (c == 'h')
            r->help = true;
        else if (c == ':')
            bad = con_usage_error("run", "option '%s' needs a value", argv[optind - 1]);
        else if (c == '?')
            bad = con_usage_error("run", "unknown option '%s'", argv[optind - 1]);
        else
            bad = take_option(r, c - ROW_BASE);
        if (bad) return bad;
    }
    /* The terminal is one thing's only: a screen on it takes it from the serial port. */
    if (r->config.display.kind == MON_DISPLAY_CURSES && !r->serial_given) r->config.serial.kind = MON_CHR_NONE;
    if (optind < argc) return con_usage_error("run", "run: unexpected argument '%s'", argv[optind]);
    return 0;
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
