#include "monitor/config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include "bt/bt.h"
#include "monitor/cmos.h"
#include "monitor/drives.h"
#include "monitor/nics.h"

enum { MIB = 1 << 20 };
#define MEMORY_DEFAULT ((uint64_t)256 * MIB)
#define MEMORY_MAX     ((uint64_t)3584 * MIB)

void mon_config_default(struct mon_config *c) {
    memset(c, 0, sizeof *c);
    c->memory = MEMORY_DEFAULT;
    c->serial[0].kind = MON_CHR_STDIO;
    c->serials = 1;
    c->vga = true;
    c->triple_fault_code = MON_EXIT_TRIPLE_FAULT;
    c->debug_exit = (struct mon_debug_exit_config){.present = true, .base = 0xF4, .size = 4};
    c->net = (struct mon_net_config){.nics = 1, .nic = {{.kind = MON_NET_USER, .fd = -1}}, .by_default = true};
}

static bool fail(char *errbuf, size_t errlen, const char *text) {
    snprintf(errbuf, errlen, "%s", text);
    return false;
}

static bool known_cpu(const char *name) {
    for (const char *const *p = mon_cpu_names(); *p; p++)
        if (!strcmp(*p, name)) return true;
    return false;
}

static bool check_memory(const struct mon_config *c, char *errbuf, size_t errlen) {
    if (c->memory < MIB) return fail(errbuf, errlen, "memory: at least 1M is needed");
    if (c->memory > MEMORY_MAX) return fail(errbuf, errlen, "memory: a 32-bit PC takes at most 3584M");
    if (c->memory % MIB) return fail(errbuf, errlen, "memory: must be a whole number of MiB");
    return true;
}

static bool check_cpu(const struct mon_config *c, char *errbuf, size_t errlen) {
    if (!c->cpu || known_cpu(c->cpu)) return true;
    snprintf(errbuf, errlen, "cpu: unknown model '%s'", c->cpu);
    return false;
}

static bool check_order(const char *order, char *errbuf, size_t errlen) {
    if (cmos_boot_order_ok(order)) return true;
    return fail(errbuf, errlen, "boot: the order is made of a (floppy), c (disk), d (CD-ROM), n (network), each once");
}

/* The files themselves are checked when they are read. */
static bool check_boot(const struct mon_config *c, char *errbuf, size_t errlen) {
    if (!check_order(c->drives.boot, errbuf, errlen) || !check_order(c->boot.once, errbuf, errlen)) return false;
    if (!c->kernel && (c->append || (c->initrds && c->initrds[0])))
        return fail(errbuf, errlen, "initrd and append need a kernel");
    if (c->flat_image && (c->kernel || c->firmware))
        return fail(errbuf, errlen, "a flat image runs without firmware and kernel");
    return true;
}

static unsigned stdio_users(const struct mon_config *c) {
    unsigned n = c->stdio_taken + (c->debugcon.kind == MON_CHR_STDIO) + (c->parallel.kind == MON_CHR_STDIO);
    for (unsigned i = 0; i < c->serials; i++) n += c->serial[i].kind == MON_CHR_STDIO;
    return n;
}

static bool check_chr(const struct mon_config *c, char *errbuf, size_t errlen) {
    if (stdio_users(c) <= 1) return true;
    return fail(errbuf, errlen, "only one of serial, parallel, debugcon and the console (qmp, monitor) can use stdio");
}

static bool has_suffix(const char *s, const char *suffix) {
    size_t n = strlen(s), k = strlen(suffix);
    return n > k && !strcmp(s + n - k, suffix);
}

static bool check_display(const struct mon_config *c, char *errbuf, size_t errlen) {
    if (c->display.kind == MON_DISPLAY_CURSES && stdio_users(c))
        return fail(errbuf, errlen, "display: curses needs the terminal, so no port can use stdio");
    if (!c->vga && (c->display.kind != MON_DISPLAY_NONE || c->dump_screen))
        return fail(errbuf, errlen, "display: without a display adapter there is nothing to show");
    if (c->dump_screen && !has_suffix(c->dump_screen, ".png") && !has_suffix(c->dump_screen, ".txt"))
        return fail(errbuf, errlen, "dump-screen: the file's name must end in .png or .txt");
    return true;
}

static bool check_bt(const struct mon_config *c, char *errbuf, size_t errlen) {
    bool both = c->bt_force_checked && c->bt_force_direct;
    if (both) return fail(errbuf, errlen, "bt: checked and direct exclude each other");
    if (c->bt_low && (c->bt_plain || c->bt_no_low_window))
        return fail(errbuf, errlen, "bt: low and no-low-window exclude each other");
    if (c->bt_cache_bytes > BT_CACHE_MAX) return fail(errbuf, errlen, "bt: cache can be 512M at most");
    return true;
}

bool config_check(const struct mon_config *c, char *errbuf, size_t errlen) {
    return check_memory(c, errbuf, errlen) && check_cpu(c, errbuf, errlen) && check_chr(c, errbuf, errlen) &&
           check_display(c, errbuf, errlen) && check_bt(c, errbuf, errlen) && check_boot(c, errbuf, errlen) &&
           drives_check(&c->drives, errbuf, errlen) && nics_check(&c->net, errbuf, errlen);
}

const char *config_firmware(const struct mon_config *c, char *errbuf, size_t errlen) {
    static const char *const places[] = {"/usr/share/seabios/bios-256k.bin", "/usr/share/seabios/bios.bin"};
    if (c->firmware) return c->firmware;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (!access(places[i], R_OK)) return places[i];
    snprintf(errbuf, errlen, "firmware: %s not found; install the package seabios or give --firmware", places[0]);
    return NULL;
}

const char *config_vga_rom(char *errbuf, size_t errlen) {
    static const char place[] = "/usr/share/seabios/vgabios-stdvga.bin";
    if (!access(place, R_OK)) return place;
    snprintf(errbuf, errlen, "vga: %s not found; install the package seabios or give --vga none", place);
    return NULL;
}
