/*
 * options.h: the parsers of option values, by subject (opt_*.c), and what they
 * share. Each stores into r->config and returns NULL, or says what is wrong, to
 * be read behind the quoted value ("must be ...").
 *
 * Before the run; the values that are kept live until run_options_free.
 */
#ifndef NOVT_CONSOLE_OPTIONS_H
#define NOVT_CONSOLE_OPTIONS_H

#include <stddef.h>
#include "console/run_options.h"

typedef const char *opt_parser(struct run_options *r, const char *value);

/* ---- For the parsers ---- */

/* Formats what is wrong into r; returns it. */
const char *opt_wrong(struct run_options *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The text of the last opt_wrong. */
const char *opt_message(const struct run_options *r);
/* A copy that lives as long as r. Out of memory ends the program. */
char *opt_copy(struct run_options *r, const char *s, size_t len);
/* A file's name as this process must open it: names in a machine file are relative to that file. */
const char *opt_path(struct run_options *r, const char *path);

/* A place in the boot order, 1 to 65535. */
const char *opt_boot_index(uint32_t *index, const char *v);

/* A text as kv_parse must see it: each comma doubled. */
const char *opt_double_commas(struct run_options *r, const char *text);

/* ---- opt_boot.c ---- */
opt_parser opt_kernel, opt_initrd, opt_append, opt_firmware, opt_boot, opt_flat_image, opt_flat_address, opt_flat_real;
/* ---- opt_drives.c ---- */
opt_parser opt_disk, opt_cdrom, opt_floppy, opt_snapshot;
/* ---- opt_net.c ---- */
opt_parser opt_net;
/* ---- opt_machine.c ---- */
opt_parser opt_memory, opt_cpu, opt_usb, opt_rtc, opt_no_reboot, opt_timeout, opt_script, opt_debug_exit, opt_name,
    opt_hpet;
/* ---- opt_smbios.c ---- */
opt_parser opt_smbios, opt_uuid;
/* ---- opt_chr.c ---- */
opt_parser opt_serial, opt_parallel, opt_debugcon;
/* ---- opt_display.c ---- */
opt_parser opt_vga, opt_display, opt_dump_screen;
/* ---- opt_console.c ---- */
opt_parser opt_web, opt_control, opt_qmp, opt_monitor, opt_start_paused;
/* ---- opt_debug.c ---- */
opt_parser opt_log, opt_log_file, opt_stats, opt_bt, opt_max_vmas, opt_symbols, opt_perf, opt_gdb;
#endif
