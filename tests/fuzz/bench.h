/*
 * bench.h: a bare board for fuzzing one device: memory, ports, PCI bus, time, storage, a network, a serial line.
 *
 * A subject's plug function puts the device under test and what it needs on the board and says where it answers;
 * fuzz_device.c then plays the input as accesses, bytes in memory, passing time and events from outside.
 * Nothing here may fail on what a device does: whatever is wrong has to show as a crash, a sanitizer report or a
 * time-out.
 */
#ifndef NOVT_TESTS_FUZZ_BENCH_H
#define NOVT_TESTS_FUZZ_BENCH_H

#include "devemu/block.h"
#include "devemu/dev.h"
#include "devemu/net.h"
#include "devemu/pci.h"

enum {
    BENCH_RAM = 1 << 20,
    BENCH_ROM = 18 << 20,
    BENCH_TIMERS = 32,
    BENCH_DEVICES = 8,
    BENCH_REGIONS = 8,
    BENCH_DRIVES = 3,
    BENCH_DISK_BYTES = 1 << 16,
    BENCH_REQUESTS = 64,
};
enum { BENCH_IO = 0xC000, BENCH_MMIO_SHIFT = 24 };
#define BENCH_MMIO 0xE0000000u

/* Where the device answers. */
struct bench_region {
    bool port;
    uint32_t base, size;
};

/* Storage whose requests end when the input says so, and as it says. */
struct bench_drive {
    struct blk blk;
    uint8_t data[BENCH_DISK_BYTES];
    struct blk_request *pending[BENCH_REQUESTS];
    unsigned count;
};

struct bench {
    struct dev_host host;
    uint64_t now;
    struct dev_timer *timer[BENCH_TIMERS];
    struct dev *bus, *device[BENCH_DEVICES]; /* the last one added is device[0]: the subject */
    unsigned devices;
    struct bench_region region[BENCH_REGIONS];
    unsigned regions;
    struct bench_drive drive[BENCH_DRIVES];
    struct dev_chr chr;
    struct dev_net net;
    uint64_t sent; /* bytes that came out of chr and net, summed: nothing is optimised away */
    uint8_t pci_slot;
    /* What the user does; may be NULL. */
    void (*user)(struct bench *b, uint8_t a, uint8_t v);
};

struct bench_subject {
    const char *name;
    void (*plug)(struct bench *b);
};
/* The table (subjects.c); the last row's name is NULL. */
extern const struct bench_subject bench_subjects[];

/* ---- For plug functions: what cannot be made ends the process ---- */
struct dev *bench_add(struct bench *b, const struct dev_class *cls, const void *cfg);
void bench_ports(struct bench *b, uint16_t base, uint32_t count);
void bench_memory(struct bench *b, uint32_t base, uint32_t size);
/* Gives the PCI device its BARs, turns everything on, and declares its regions. */
void bench_pci(struct bench *b, uint8_t devfn);
struct blk *bench_blk(struct bench *b, int n, bool read_only);
struct dev_line bench_line(struct bench *b);

/* ---- For fuzz_device.c ---- */
struct bench *bench_create(const struct bench_subject *subject);
void bench_destroy(struct bench *b);
void bench_advance(struct bench *b, uint64_t ns);
/* Ends request number `which` of a drive (modulo how many there are): fails it if `fail`. False: there is none. */
bool bench_finish(struct bench_drive *d, unsigned which, bool fail);
#endif
