/*
 * qemu_internal.h: what the files of the front for QEMU's options share.
 *
 * Options that stand alone go to run_option_set at once. Drives, networks and
 * what has a default only QEMU has are collected first, since a -device may come
 * before or behind what it names, and settled by the *_settle functions.
 * Parsers return NULL, or what is wrong, to be read behind the quoted value.
 */
#ifndef NOVT_CONSOLE_QEMU_INTERNAL_H
#define NOVT_CONSOLE_QEMU_INTERNAL_H

#include <stdint.h>
#include "console/keyvalue.h"
#include "console/run_options.h"

enum { QEMU_DRIVES = 16, QEMU_NETDEVS = 8, QEMU_NICS = 8, QEMU_ANYWHERE = UINT32_MAX };

/* An option as it was given, for messages about it later. */
struct qemu_given {
    const char *name, *value; /* value NULL: a flag */
};

enum qemu_bus { QEMU_IDE, QEMU_VIRTIO, QEMU_FLOPPY, QEMU_UNPLUGGED };

struct qemu_drive {
    struct qemu_given given;
    const char *file, *format, *id; /* may be NULL */
    enum qemu_bus bus;
    uint32_t index, channel, unit; /* QEMU_ANYWHERE: not said */
    bool cdrom, read_only, snapshot;
};

/* A -device that is a drive, and the -drive it names. */
struct qemu_plug {
    struct qemu_given given;
    enum qemu_bus bus;
    bool cdrom;
    const char *id;
    uint32_t unit;
    const char *channel; /* ide.0 or ide.1; NULL: not said */
};

struct qemu_netdev {
    struct qemu_given given;
    const char *id;   /* NULL: of -net or -nic */
    const char *text; /* as --net takes it, without an adapter */
    bool used;
};

struct qemu_nic {
    struct qemu_given given;
    const char *model, *mac, *rom, *netdev; /* may be NULL */
    const char *text;                       /* -nic: its network; NULL: look for netdev, or -net user */
};

struct qemu {
    struct run_options *r;
    struct qemu_given now;
    unsigned drives, plugs, netdevs, nics;
    struct qemu_drive drive[QEMU_DRIVES];
    struct qemu_plug plug[QEMU_DRIVES];
    struct qemu_netdev netdev[QEMU_NETDEVS];
    struct qemu_nic nic[QEMU_NICS];
    bool net_given, net_none, vga_given, nodefaults, nographic;
    const char *display; /* as --display takes it; NULL: not said */
};

typedef const char *qemu_parser(struct qemu *q, const char *value);

/* ---- qemu_front.c ---- */
/* One line on stderr about an option that is taken, but not as it might be expected. */
void qemu_note(struct qemu_given about, const char *what);
/* One line on stderr; returns CON_USAGE. */
int qemu_error(struct qemu_given about, const char *wrong);
/* Formats a text that lives as long as the options. */
const char *qemu_text(struct run_options *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* A kv_key's call for what has no meaning here. */
const char *qemu_skip(struct run_options *r, void *target, const char *value);
#define QEMU_SKIP(key)                                                                                                 \
    { .name = key, .type = KV_CALL, .call = qemu_skip }

/* ---- qemu_options.c ---- */
qemu_parser qemu_memory, qemu_smp, qemu_cpu, qemu_machine, qemu_accel, qemu_boot, qemu_initrd, qemu_name, qemu_rtc,
    qemu_s, qemu_no_reboot;
qemu_parser qemu_nodefaults;

/* ---- qemu_chr.c ---- */
qemu_parser qemu_serial, qemu_parallel, qemu_debugcon, qemu_monitor, qemu_qmp, qemu_nographic, qemu_curses,
    qemu_display, qemu_vnc;
qemu_parser qemu_vga;
/* Where serial port and screen go when nothing was said. 0, or the exit code after the error has been reported. */
int qemu_chr_settle(struct qemu *q);

/* ---- qemu_drive.c ---- */
qemu_parser qemu_hda, qemu_hdb, qemu_hdc, qemu_hdd, qemu_cdrom, qemu_fda, qemu_fdb, qemu_drive;
/* A -device that is a drive; text is what stands behind its name. */
const char *qemu_drive_device(struct qemu *q, enum qemu_bus bus, bool cdrom, const char *text);
int qemu_drive_settle(struct qemu *q);

/* ---- qemu_net.c ---- */
qemu_parser qemu_net, qemu_nic, qemu_netdev;
/* The name of --net for an adapter of this name; NULL: there is none. */
const char *qemu_nic_model(const char *name);
const char *qemu_nic_device(struct qemu *q, const char *model, const char *text);
int qemu_net_settle(struct qemu *q);

/* ---- qemu_device.c ---- */
qemu_parser qemu_device, qemu_usb, qemu_usbdevice;
#endif
