/*
 * monitor.h: monitor's public face: describe a machine, run it, stop it, ask about it.
 *
 * With observer.h and inspect.h all that console includes of monitor. One machine per process.
 */
#ifndef NOVT_MONITOR_MONITOR_H
#define NOVT_MONITOR_MONITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "monitor/guess.h"
#include "monitor/observer.h"

/* Exit codes of a run; anything else comes from isa-debug-exit: (v<<1)|1. */
enum mon_exit_code {
    MON_EXIT_OK = 0, /* guest powered off, or the user asked to quit */
    MON_EXIT_BAD_INPUT = 1,
    MON_EXIT_TRIPLE_FAULT = 2, /* with no_reboot */
    MON_EXIT_SCRIPT = 4,       /* a script waited in vain */
    MON_EXIT_TIMEOUT = 124,
    MON_EXIT_BUG = 126,
};

/* Where a character device's bytes go. */
enum mon_chr_kind {
    MON_CHR_NONE, /* nothing is connected */
    MON_CHR_NULL, /* output is dropped, nothing comes in */
    MON_CHR_STDIO,
    MON_CHR_FILE,
    MON_CHR_UNIX,
    MON_CHR_PTY, /* a new pseudo-terminal, whose name goes to stderr */
};
struct mon_chr_config {
    enum mon_chr_kind kind;
    const char *path; /* MON_CHR_FILE, MON_CHR_UNIX */
};
enum { MON_SERIALS = 4 };

/* Who looks at the screen. */
enum mon_display_kind { MON_DISPLAY_NONE, MON_DISPLAY_CURSES, MON_DISPLAY_VNC };
struct mon_display_config {
    enum mon_display_kind kind;
    char host[64]; /* VNC: numeric address to listen at */
    unsigned port;
    const char *password; /* VNC: NULL: none asked for; its first 8 characters count */
};

/* Drives. */
enum { MON_IDE_DISKS = 4, MON_VIRTIO_DISKS = 8, MON_DISKS = MON_IDE_DISKS + MON_VIRTIO_DISKS, MON_FLOPPIES = 2 };
enum mon_disk_bus { MON_BUS_IDE, MON_BUS_VIRTIO };
/* A disk's geometry; cylinders 0: by its size. */
struct mon_chs {
    uint16_t cylinders; /* 1..65535 */
    uint8_t heads;      /* 1..16 */
    uint8_t sectors;    /* 1..63 */
};
/* A floppy drive; AUTO: the one that reads the image, or 1.44M. */
enum mon_floppy_drive {
    MON_FLOPPY_AUTO,
    MON_FLOPPY_360K,
    MON_FLOPPY_1200K,
    MON_FLOPPY_720K,
    MON_FLOPPY_1440K,
    MON_FLOPPY_2880K
};
struct mon_disk_config {
    const char *path; /* image or block device */
    enum mon_image_format format;
    bool read_only;
    bool snapshot;         /* writes are forgotten at the end */
    enum mon_disk_bus bus; /* disks only */
    struct mon_chs chs;    /* IDE disks only */
    enum mon_floppy_drive floppy_drive;
    uint32_t boot_index; /* the lowest boots first, before all that have none; 0: none */
};
struct mon_drives_config {
    struct mon_disk_config disk[MON_DISKS], floppy[MON_FLOPPIES], cd;
    unsigned disks, floppies;
    bool cdrom;       /* there is a CD-ROM drive; cd.path NULL: empty. It takes a disk's place */
    bool snapshot;    /* for all */
    const char *boot; /* order, of a c d n; what it does not name follows. NULL: cda */
};

/* What the firmware is told to boot; the order is in struct mon_drives_config. */
struct mon_boot_config {
    const char *once; /* order of the first boot only; NULL: as always */
    bool menu;        /* the firmware offers its boot menu */
    uint16_t menu_ms; /* for this long; 0: its default */
};

/* What the real-time clock shows at the start. */
enum mon_rtc_base { MON_RTC_UTC, MON_RTC_LOCAL, MON_RTC_AT };
struct mon_rtc_config {
    enum mon_rtc_base base;
    int64_t at; /* MON_RTC_AT: seconds since 1970, of the calendar date it shows */
};

/* A port with which a guest ends the run with exit code (v << 1) | 1. */
struct mon_debug_exit_config {
    bool present;
    uint16_t base, size;
};

/* Texts of the SMBIOS tables. */
enum mon_smbios_text {
    MON_SMBIOS_BIOS_VENDOR,
    MON_SMBIOS_BIOS_VERSION,
    MON_SMBIOS_BIOS_DATE,
    MON_SMBIOS_SYSTEM_MANUFACTURER,
    MON_SMBIOS_SYSTEM_PRODUCT,
    MON_SMBIOS_SYSTEM_VERSION,
    MON_SMBIOS_SYSTEM_SERIAL,
    MON_SMBIOS_SYSTEM_SKU,
    MON_SMBIOS_SYSTEM_FAMILY,
    MON_SMBIOS_BOARD_MANUFACTURER,
    MON_SMBIOS_BOARD_PRODUCT,
    MON_SMBIOS_BOARD_VERSION,
    MON_SMBIOS_BOARD_SERIAL,
    MON_SMBIOS_BOARD_ASSET,
    MON_SMBIOS_BOARD_LOCATION,
    MON_SMBIOS_CHASSIS_MANUFACTURER,
    MON_SMBIOS_CHASSIS_VERSION,
    MON_SMBIOS_CHASSIS_SERIAL,
    MON_SMBIOS_CHASSIS_ASSET,
    MON_SMBIOS_TEXTS
};
enum { MON_SMBIOS_TEXT_MAX = 200 }; /* bytes */
struct mon_smbios_config {
    const char *text[MON_SMBIOS_TEXTS]; /* NULL: the firmware's own, or none */
    bool have_uuid;
    uint8_t uuid[16]; /* in the order it is written */
};

/* Network adapters. */
enum { MON_NICS = 4, MON_HOSTFWDS = 16 };
enum mon_net_kind { MON_NET_USER, MON_NET_TAP };
struct mon_hostfwd {
    bool udp;
    uint32_t host_addr, guest_addr; /* IPv4, network byte order; guest_addr 0: the one that DHCP gives first */
    uint16_t host_port, guest_port;
};
struct mon_nic_config {
    enum mon_net_kind kind;
    const char *model; /* NULL: default */
    bool mac_given;    /* else 52:54:00:12:34:56 + position */
    uint8_t mac[6];
    const char *rom;      /* expansion ROM file; "none"; NULL: the model's, if the host has it */
    uint32_t iobase, irq; /* ISA models; 0: default */
    uint32_t boot_index;  /* as a drive's */
    int fd;               /* tap: carries one Ethernet frame a read or write */
    /* user network */
    bool restricted; /* the guest reaches nothing but the network's own servers */
    unsigned hostfwds;
    struct mon_hostfwd hostfwd[MON_HOSTFWDS];
    const char *tftp, *bootfile; /* directory served, file named by DHCP; may be NULL */
};
struct mon_net_config {
    unsigned nics;
    struct mon_nic_config nic[MON_NICS];
    bool by_default; /* nobody asked for it */
};

/* Categories of --log; bits. */
enum mon_log_category {
    MON_LOG_EXIT = 1u << 0,
    MON_LOG_EXCEPTION = 1u << 1,
    MON_LOG_IRQ = 1u << 2,
    MON_LOG_IO = 1u << 3,
    MON_LOG_BLOCK = 1u << 4,
    MON_LOG_MMU = 1u << 5,
    MON_LOG_DEVICE = 1u << 6,
};

/* What is written for Linux's perf, see perf.h. */
enum mon_perf { MON_PERF_NONE, MON_PERF_MAP, MON_PERF_JITDUMP };

enum { MON_NAME_MAX = 60 /* bytes */ };
struct mon_config {
    const char *version;  /* for crash reports */
    const char *name;     /* of this machine, for its user; may be NULL */
    uint64_t memory;      /* bytes; 1 MiB .. 3.5 GiB, a multiple of 1 MiB */
    const char *cpu;      /* model name; NULL: default */
    const char *firmware; /* path; NULL: search Debian's SeaBIOS */
    const char *kernel, *append;
    const char *const *initrds; /* first: Linux initrd or multiboot modules, NULL-terminated; may be NULL */
    struct mon_drives_config drives;
    struct mon_boot_config boot;
    struct mon_rtc_config rtc;
    struct mon_smbios_config smbios;
    struct mon_debug_exit_config debug_exit;
    struct mon_chr_config serial[MON_SERIALS]; /* COM1..COM4 */
    unsigned serials;                          /* how many of them there are */
    struct mon_chr_config parallel;            /* LPT1; MON_CHR_NONE: there is no port */
    struct mon_chr_config debugcon;
    struct mon_net_config net;
    bool vga;             /* there is a display adapter */
    bool hpet;            /* there is a High Precision Event Timer */
    bool usb, usb_tablet; /* a USB controller; with a tablet on it */
    struct mon_display_config display;
    const char *dump_screen; /* FILE.png or FILE.txt, written at the end; may be NULL */
    const char *script;      /* file of commands that operate the machine; may be NULL */
    bool no_reboot;
    int triple_fault_code; /* what no_reboot makes of a triple fault */
    uint64_t timeout_ms;   /* 0: none; real time */
    unsigned log;          /* enum mon_log_category bits */
    const char *log_file;  /* NULL: stderr */
    bool stats;            /* print counters to stderr at the end */
    const char *symbols;   /* file of guest symbols; may be NULL */
    enum mon_perf perf;
    const char *gdb;                     /* where a debugger connects: tcp:ADDRESS:PORT or unix:PATH; may be NULL */
    bool stdio_taken;                    /* the caller uses standard input and output, so no port can */
    bool start_paused;                   /* no instruction runs until mon_ask_cont */
    const struct mon_observer *observer; /* hears of the run; may be NULL */
    /* bisection and tests (--bt) */
    bool bt_one_insn, bt_force_checked, bt_force_direct, bt_low, bt_count, bt_single_step;
    bool bt_plain; /* all of these: */
    bool bt_no_inline_caches, bt_no_inline_segments, bt_no_inline_tsc, bt_no_stack_folding, bt_no_transfers,
        bt_no_live_fpu, bt_no_quick_devices, bt_no_divide_checks, bt_no_crossings, bt_no_inline_cpuid,
        bt_no_inline_tables, bt_no_inline_syscalls, bt_no_copies, bt_no_joining, bt_no_trap_checks,
        bt_no_inline_read_pc, bt_no_inline_random, bt_no_low_window, bt_no_prefault, bt_no_code_ahead,
        bt_no_kept_globals, bt_no_foresight;
    uint64_t bt_cache_bytes; /* 0: default */
    uint32_t max_vmas;       /* 0: default */
    /* raw test images: loaded at address and entered there in 32-bit protected or 16-bit real mode, no firmware */
    const char *flat_image;
    uint32_t flat_address;
    bool flat_real_mode;
};

void mon_config_default(struct mon_config *c);

/* Builds the machine, runs it to its end and tears it down. Returns the exit code. On bad input writes one
 * line to errbuf and returns MON_EXIT_BAD_INPUT. Puts the terminal into raw mode while a stdio serial is
 * attached and always restores it (also at SIGTERM, SIGHUP, crash). */
int mon_run(const struct mon_config *c, char *errbuf, size_t errlen);

/* Bits of a comma-separated list of category names; 0 if one is unknown. The i-th name, NULL past the end. */
unsigned mon_log_parse(const char *list);
const char *mon_log_category_name(unsigned i);

/* Network adapter models, NULL-terminated, first is the default. */
const char *const *mon_nic_models(void);

/* CPU model names, NULL-terminated, first is the default; one-line description of each. */
const char *const *mon_cpu_names(void);
const char *mon_cpu_description(const char *name);
#endif
