/*
 * machine.h: struct machine, one whole PC: vCPU, memory, engine, devices and
 * the host services they use.
 *
 * Private to monitor. Life: machine_create builds everything and resets it,
 * machine_run (run.c) runs it to its end, machine_destroy takes it down. All on the
 * vCPU thread, which is the thread that called mon_run.
 */
#ifndef NOVT_MONITOR_MACHINE_H
#define NOVT_MONITOR_MACHINE_H

#include <signal.h>
#include "monitor/backends.h"
#include "monitor/chr.h"
#include "monitor/clock.h"
#include "monitor/events.h"
#include "monitor/image.h"
#include "monitor/keyboard.h"
#include "monitor/log.h"
#include "monitor/mailbox.h"
#include "monitor/monitor.h"
#include "monitor/pointer.h"
#include "monitor/vcpu.h"
#include "monitor/watch.h"

struct board;
struct drives;
struct mon_display;
struct mon_script;
struct nics;
struct gdb;
struct perf;
struct symbols;
struct serial_tap;

struct machine_stats {
    uint64_t exits[BT_EXIT_STEP + 1]; /* by enum bt_exit */
    uint64_t interrupts, nmis, faults, halts, io_reads, io_writes, resets;
    uint64_t run_ns;
    uint64_t halted_ticks;         /* of the host's TSC, which costs less to read than guest time */
    uint64_t vectors[MON_VECTORS]; /* interrupts delivered */
};

struct machine {
    struct vcpu vcpu;
    const struct mon_config *cfg;
    struct smmu_mem *mem;
    struct smmu *smmu;
    struct bt_engine *engine;
    struct dev_io_bus *io;
    struct dev_host host;
    struct mon_clock clock; /* of the guest: stops with it */
    struct mon_clock real;  /* of the user's side: displays, script, output, time limit */
    struct mon_events events;
    struct mailbox mailbox;
    struct mon_log log;
    struct chr_host chr_host;
    struct backends backends;
    struct drives *drives;
    struct nics *nics;
    struct board *board;
    struct keyboard keyboard;
    struct pointer pointer;
    struct mon_display *display;  /* NULL: nobody looks */
    struct mon_display *sessions; /* NULL: nobody has asked for one yet */
    struct mon_script *script;    /* NULL: none */
    struct serial_tap *tap;       /* NULL: none */
    struct gdb *gdb;              /* NULL: no --gdb */
    struct symbols *symbols;
    struct perf *perf; /* NULL: --perf was not given */
    struct image firmware, flat, vga_rom;
    struct dev_timer timeout;
    bool park_for_ports; /* also where the device keeps the FPU's state */
    struct machine_stats stats;
    struct watch watch;
    bool have_clock, have_real, have_events;
    /* Requests, looked at between two pieces of guest code. */
    volatile sig_atomic_t stop_signal; /* SIGTERM and the like arrived */
    bool reset_requested, exit_requested;
    int exit_code;
    enum mon_cause reset_cause;
    bool paused;         /* no guest code runs, guest time stands still (pause.c) */
    bool in_guest;       /* bt_run is under way */
    bool begun;          /* some has run */
    uint64_t paused_tsc; /* the guest's TSC then */
    /* signals.c */
    void *alt_stack;
    bool sampling;
    int sample_timer;
    bool ripening; /* ripen_timer is there: see bt_config.young */
    int ripen_timer;
};

/* NULL: errbuf holds one line. */
struct machine *machine_create(const struct mon_config *cfg, char *errbuf, size_t errlen);
void machine_destroy(struct machine *m);
/* Returns the exit code. */
int machine_run(struct machine *m);
/* Power-up state of everything but RAM. */
void machine_reset(struct machine *m);

/* Ends the run with this code at the next boundary; the first call decides. */
void machine_request_exit(struct machine *m, int code, enum mon_cause cause);
void machine_request_reset(struct machine *m, enum mon_cause cause);
/* Does what was requested, between two pieces of guest code. */
void machine_do_reset(struct machine *m);
/* Something between two pieces of guest code has to be looked at. */
void machine_attention(struct machine *m);
/* Delivers a fault of guest code (bt_config.raise). */
enum bt_next machine_raise(struct bt_cpu *cpu, const struct guest_fault *f);
/* Buffered output to its descriptors, by system calls only. */
void machine_emergency_flush(struct machine *m);

/* What a serial port is connected to; NULL: nothing. */
struct dev_chr *machine_serial(struct machine *m, unsigned n);

/* Stopping and going on, between two pieces of guest code (pause.c). False: it already is so. */
bool machine_pause(struct machine *m);
bool machine_resume(struct machine *m);
/* The guest's TSC was set while the machine is stopped. */
void machine_pause_again(struct machine *m);
/* Tells the observer, if there is one. Parks the FPU. */
void machine_tell(struct machine *m, enum mon_event_kind what, enum mon_cause cause);

/* How long the guest has slept. */
uint64_t machine_halted_ns(const struct machine *m);

/* --stats (stats.c). */
void stats_print(struct machine *m);
#endif
