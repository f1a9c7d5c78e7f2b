/*
 * inspect.h: questions to a running machine and orders for it: part of monitor's public face.
 *
 * Any thread but the vCPU's may call these, between the observer's start and end. Each is done by the vCPU thread
 * between two pieces of guest code, so answers are consistent, and copied out. The caller waits for seconds at most.
 * Where a function takes errbuf, MON_ASK_FAILED leaves one line there.
 */
#ifndef NOVT_MONITOR_INSPECT_H
#define NOVT_MONITOR_INSPECT_H

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
#endif
