/*
 * lapic.h: local APICs and the message bus between them and the I/O APIC.
 *
 * Source: Intel SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)"
 * (xAPIC, register page at FEE00000h). One struct apic_bus a board, zeroed
 * before the first lapic is created; one lapic a CPU. The PIC's INT output goes
 * to LINT0 of CPU 0. The CPU's interrupt line is high while lapic_ack would
 * give a vector. The timer counts at 1 GHz of guest time, or waits for a value of the CPU's TSC.
 */
#ifndef NOVT_DEVEMU_LAPIC_H
#define NOVT_DEVEMU_LAPIC_H

#include "devemu/dev.h"

enum { APIC_MAX_CPUS = 16, LAPIC_VERSION = 0x50014 };
#define LAPIC_DEFAULT_BASE 0xFEE00000u
/* IA32_APIC_BASE bits. */
enum { APIC_BASE_BSP = 1 << 8, APIC_BASE_ENABLE = 1 << 11 };

/* Delivery modes, as ICR, LVT and I/O APIC entries encode them. */
enum apic_mode {
    APIC_FIXED = 0,
    APIC_LOWEST = 1,
    APIC_SMI = 2,
    APIC_NMI = 4,
    APIC_INIT = 5,
    APIC_SIPI = 6,
    APIC_EXTINT = 7,
};

struct apic_message {
    uint8_t dest;
    bool logical, level; /* level: level-triggered, EOI is broadcast */
    enum apic_mode mode;
    uint8_t vector;
};

/* What happens to a CPU other than an interrupt vector. */
enum lapic_event { LAPIC_EVENT_NMI, LAPIC_EVENT_INIT, LAPIC_EVENT_SIPI /* vector: start page */ };

struct apic_bus {
    struct dev *lapic[APIC_MAX_CPUS]; /* by CPU number */
    int cpus;
    int current; /* CPU whose accesses to the register page are served: monitor sets it before it runs a CPU */
    /* Set by the I/O APIC: an EOI of a level-triggered vector. */
    void (*eoi)(void *opaque, uint8_t vector);
    void *eoi_opaque;
    /* Set by monitor. NULL: NMI becomes DEV_REQ_NMI (value: CPU), INIT and SIPI are ignored. */
    void (*event)(void *opaque, int cpu, enum lapic_event what, uint8_t vector);
    void *event_opaque;
};

struct lapic_cfg {
    struct apic_bus *bus;
    int cpu;              /* 0: boot processor; also the initial APIC id */
    struct dev_line intr; /* to the CPU; n is passed through */
    /* Interrupt acknowledge of the PIC, for ExtINT. CPU 0 only; may be NULL. */
    int (*pic_ack)(void *opaque);
    void *pic_opaque;
    bool tsc_deadline; /* the CPU has the TSC-deadline mode: CPUID.01H:ECX[24] */
    bool quick_tpr;    /* stores to TPR need not come here while nothing waits: only with one CPU */
};
extern const struct dev_class lapic_class;

/* ---- For the CPU ---- */
/* The CPU takes an interrupt: its vector, now in service; or -1. */
int lapic_ack(struct dev *d);
bool lapic_pending(struct dev *d);
/* IA32_APIC_BASE. Writing moves or removes the register page; address bits above 32 are dropped. */
uint64_t lapic_base(struct dev *d);
void lapic_set_base(struct dev *d, uint64_t value);
/* IA32_TSC_DEADLINE. A write while the timer is not in that mode is ignored, a read then gives 0. */
uint64_t lapic_tsc_deadline(struct dev *d);
void lapic_set_tsc_deadline(struct dev *d, uint64_t tsc);
/* The TSC was written, or has stood still: deadlines come earlier or later now. */
void lapic_tsc_changed(struct dev *d);

/* ---- For the board ---- */
/* dev_line.set: level of LINT0 (n = 0: the PIC) or LINT1 (n = 1). d is the struct dev. */
void lapic_set_lint(void *d, int n, bool level);
/* Whether LINT0 passes the PIC's interrupts to the CPU. */
bool lapic_extint_enabled(struct dev *d);
/* A vector straight to one CPU. */
void lapic_deliver(struct dev *d, uint8_t vector, bool level);
/* A message to whom it may concern. False: nobody accepted. */
bool apic_bus_send(struct apic_bus *bus, const struct apic_message *m);
/* For the console: registers 0, 10h, ..., 3F0h as the guest would read them, reserved ones 0; without an effect. */
enum { LAPIC_REGISTERS = 64 };
void lapic_inspect(struct dev *d, uint32_t out[LAPIC_REGISTERS]);
/* How often the service of each vector was ended. */
void lapic_eois(struct dev *d, uint64_t out[256]);
/* INIT: everything but id and base returns to its reset value. */
void lapic_init_reset(struct dev *d);
#endif
