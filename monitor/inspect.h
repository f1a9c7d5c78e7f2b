/*
 * inspect.h: questions to a running machine and orders for it: part of monitor's public face.
 *
 * Any thread but the vCPU's may call these, between the observer's start and end. Each is done by the vCPU thread
 * between two pieces of guest code, so answers are consistent, and copied out. The caller waits for seconds at most.
 * Where a function takes errbuf, MON_ASK_FAILED leaves one line there.
 */
#ifndef NOVT_MONITOR_INSPECT_H
#define NOVT_MONITOR_INSPECT_H

#include <stdio.h>
#include "monitor/monitor.h"

enum mon_ask {
    MON_ASK_OK,
    MON_ASK_FAILED,
    MON_ASK_LATE,  /* the vCPU thread did not get to it: it waits for a reader of its output, say */
    MON_ASK_ENDED, /* the run is over */
    MON_ASK_NO_MEMORY,
};
/* One line for what is not OK, NULL for OK and FAILED. */
const char *mon_ask_text(enum mon_ask a);

/* ---- State of the run (inspect.c) ---- */
struct mon_run_state {
    bool running;
    bool begun; /* false: stopped before the first instruction */
    bool ending;
    bool halted;       /* HLT */
    uint64_t guest_ns; /* guest time */
    int tid;           /* of the vCPU thread */
};
enum mon_ask mon_ask_state(struct machine *m, struct mon_run_state *out);
/* These are fine to repeat. */
enum mon_ask mon_ask_stop(struct machine *m);
enum mon_ask mon_ask_cont(struct machine *m);
enum mon_ask mon_ask_reset(struct machine *m);
/* Presses the power button. *heard false: no ACPI system listens; nothing happens. */
enum mon_ask mon_ask_powerdown(struct machine *m, bool *heard);
/* A non-maskable interrupt. */
enum mon_ask mon_ask_nmi(struct machine *m);
/* Ends the run with this code. */
enum mon_ask mon_ask_quit(struct machine *m, int code);

/* ---- The processor (inspect_cpu.c) ---- */
struct mon_segment {
    uint32_t base, limit;
    uint16_t selector, attr; /* bits 40..55 of the descriptor */
};
struct mon_registers {
    uint32_t gpr[8]; /* EAX ECX EDX EBX ESP EBP ESI EDI */
    uint32_t eip, eflags;
    struct mon_segment segment[6]; /* ES CS SS DS FS GS */
    struct mon_segment ldtr, tr, gdtr, idtr;
    uint32_t cr0, cr2, cr3, cr4, dr[8];
    uint64_t efer, tsc, apic_base;
    uint8_t cpl;
    bool halted, a20, inhibit; /* inhibit: no interrupt before the next instruction ends */
    uint8_t fx[512];           /* as FXSAVE */
};
enum mon_ask mon_ask_registers(struct machine *m, struct mon_registers *out);

/* ---- Memory (inspect_memory.c) ---- */
enum { MON_MEMORY_MAX = 4096 };
/* Reads up to MON_MEMORY_MAX bytes from a guest-linear or, with `physical`, guest-physical address, as the guest would
 * see them, but without any effect: no accessed bits, and no access to registers of devices, which is FAILED. */
enum mon_ask mon_ask_memory(struct machine *m, bool physical, uint64_t at, void *buf, size_t size, char *errbuf,
                            size_t errlen);
/* What is in an address space, and up to where. */
enum mon_range_kind { MON_RANGE_NONE, MON_RANGE_RAM, MON_RANGE_ROM, MON_RANGE_DEVICE };
struct mon_range {
    uint64_t first, last;
    enum mon_range_kind kind;
    bool read_only;
    char name[32]; /* of the device */
};
enum { MON_RANGES = 64 };
/* The ranges from guest-physical address `from` on; *n of them. Holes are left out. *next: where to go on, 0: done. */
enum mon_ask mon_ask_memory_map(struct machine *m, uint64_t from, struct mon_range out[MON_RANGES], unsigned *n,
                                uint64_t *next);
/* The same for I/O ports. */
enum mon_ask mon_ask_port_map(struct machine *m, uint32_t from, struct mon_range out[MON_RANGES], unsigned *n,
                              uint32_t *next);

/* ---- What a user sees and types (inspect_user.c) ---- */
struct mon_picture {
    unsigned width, height;
    uint32_t *pixels; /* 00RRGGBB */
};
/* The caller frees it. */
enum mon_ask mon_ask_picture(struct machine *m, struct mon_picture *p, char *errbuf, size_t errlen);
void mon_picture_free(struct mon_picture *p);
/* As PNG. False: errno tells. */
bool mon_picture_png(FILE *f, const struct mon_picture *p);
/* The text of a text mode as UTF-8 lines; empty in graphics modes. */
struct mon_screen_text {
    char text[100 << 10];
};
enum mon_ask mon_ask_screen_text(struct machine *m, struct mon_screen_text *t);
/* *fd: a socket with a VNC server (RFC 6143, no password) at its other end, for the caller to close. The first
 * one costs a thread. */
enum mon_ask mon_ask_screen_session(struct machine *m, int *fd, char *errbuf, size_t errlen);
/* Presses keys in order, holds them for so long, and releases them in reverse. By name, or 0x and a number of scan code
 * set 1, with 80h for those that have a prefix. */
enum { MON_KEYS = 16 };
enum mon_ask mon_ask_chord(struct machine *m, const char *const *names, unsigned n, unsigned hold_ms, char *errbuf,
                           size_t errlen);
/* Types on the first serial line: *n bytes, then as many as were taken. */
enum { MON_TYPE_MAX = 1024 };
enum mon_ask mon_ask_serial_type(struct machine *m, const void *bytes, size_t *n);
/* What the guest has sent on the first serial line after byte *from of all, which moves on; the last 64 KiB are kept.
 * Does not ask the vCPU thread. 0: nothing yet, the observer will be told. One reader. */
size_t mon_serial_read(struct machine *m, uint64_t *from, void *buf, size_t size);

/* ---- Drives (inspect_drives.c) ---- */
enum { MON_PATH = 4096, MON_DRIVES = MON_DISKS + MON_FLOPPIES + 1 };
struct mon_drive {
    char name[24]; /* as QEMU calls it: ide1-cd0 */
    bool removable, inserted, tray_open, locked;
    bool read_only, snapshot;
    char format[16];
    uint64_t bytes;
    uint64_t reads, writes, flushes, read_bytes, written_bytes; /* the guest's requests since the medium is in */
    char path[MON_PATH];
};
struct mon_drives {
    unsigned n;
    struct mon_drive drive[MON_DRIVES];
};
enum mon_ask mon_ask_drives(struct machine *m, struct mon_drives *out);
/* Takes the medium out; with force from a locked drive too. */
enum mon_ask mon_ask_eject(struct machine *m, const char *drive, bool force, char *errbuf, size_t errlen);
/* Puts an image in: its path, format and read_only count. */
enum mon_ask mon_ask_insert(struct machine *m, const char *drive, const struct mon_disk_config *image, bool force,
                            char *errbuf, size_t errlen);

/* ---- Interrupt controllers (inspect_board.c) ---- */
struct mon_pic {
    uint8_t irr, imr, isr, elcr, base;
};
enum { MON_IOAPIC_PINS = 24, MON_LAPIC_REGISTERS = 64 };
struct mon_interrupts {
    struct mon_pic pic[2];
    bool intr, nmi_pending; /* of the processor */
    uint64_t ioapic[MON_IOAPIC_PINS];
    uint64_t apic_base;
    uint32_t lapic[MON_LAPIC_REGISTERS]; /* registers 0, 10h, ..., 3F0h, as the guest would read them */
};
enum mon_ask mon_ask_interrupts(struct machine *m, struct mon_interrupts *out);

/* ---- Counters (inspect_stats.c) ---- */
enum { MON_COUNTERS = 128 };
struct mon_counter {
    const char *group, *name; /* constants */
    uint64_t value;
};
struct mon_counters {
    unsigned n;
    struct mon_counter counter[MON_COUNTERS];
};
enum mon_ask mon_ask_counters(struct machine *m, struct mon_counters *out);
#endif
