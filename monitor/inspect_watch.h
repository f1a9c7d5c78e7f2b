/*
 * inspect_watch.h: single events of a running machine, counted by who and where, or kept in a ring: part of monitor's
 * public face, like inspect.h. Off at first; while it is off, each place where such an event happens costs a test.
 */
#ifndef NOVT_MONITOR_INSPECT_WATCH_H
#define NOVT_MONITOR_INSPECT_WATCH_H

#include "monitor/expr.h"
#include "monitor/inspect.h"

enum mon_seen_kind {
    MON_SEEN_CALLOUT,   /* a sensitive instruction; sub: its row */
    MON_SEEN_EXCEPTION, /* of an instruction; sub: vector, address: of a page fault, value: error code */
    MON_SEEN_IRQ,       /* delivered; sub: vector */
    MON_SEEN_HIDDEN,    /* shadow page fault: mapped, the guest does not notice; address: linear */
    MON_SEEN_TRUE,      /* page fault of the guest's; address: linear, value: error code */
    MON_SEEN_CHECKED,   /* direct access to a device or to code; goes the checked way from now on; address: linear */
    MON_SEEN_CODE,      /* write to a page with translations; address: physical */
    MON_SEEN_IN,        /* ports; address: port */
    MON_SEEN_OUT,
    MON_SEEN_READ, /* registers of devices; address: physical */
    MON_SEEN_WRITE,
    MON_SEEN_CR3,  /* loaded; value */
    MON_SEEN_MODE, /* CR0.PE or CR0.PG changed; value: CR0 */
    MON_SEEN_DISK, /* request to an image; address: offset in bytes, value: length, sub: 0 read, 1 write, 2 flush */
    MON_SEEN_KINDS,
};

/* ---- Counting ---- */
enum mon_watch_group {
    MON_WATCH_EXITS,  /* CALLOUT EXCEPTION IRQ */
    MON_WATCH_FAULTS, /* HIDDEN TRUE CHECKED CODE, each in a row by instruction (sub 0) and in one by page (sub 1) */
    MON_WATCH_IO,     /* IN OUT READ WRITE */
    MON_WATCH_GROUPS,
};
/* On begins anew; off keeps what was counted, to be read. */
enum mon_ask mon_ask_watch(struct machine *m, enum mon_watch_group g, bool on);

struct mon_watch_row {
    enum mon_seen_kind kind;
    uint32_t sub, pc, where;
    uint64_t count, cycles; /* cycles: CALLOUT, of the host's time stamp counter */
    char name[24];          /* of the device, of the row of sensitive.def */
};
enum { MON_WATCH_ROWS = 256 };
struct mon_watch_rows {
    enum mon_watch_group group; /* in */
    uint32_t cursor;            /* 0 at first; then as it was left, until it is 0 again */
    bool on;
    uint64_t total[MON_SEEN_KINDS], lost[MON_SEEN_KINDS]; /* lost: of them in no row, for want of room */
    uint64_t ns;                                          /* guest time since it was begun */
    uint32_t n;
    struct mon_watch_row row[MON_WATCH_ROWS];
};
enum mon_ask mon_ask_watch_rows(struct machine *m, struct mon_watch_rows *r);

/* ---- Traces ---- */
/* Which events, as bits of enum mon_seen_kind, and if when. 0: off; what is in the ring stays. On begins anew. */
struct mon_trace_order {
    uint32_t kinds;
    struct mon_expr condition; /* n 0: always */
};
enum mon_ask mon_ask_trace(struct machine *m, const struct mon_trace_order *o);

struct mon_trace_entry {
    enum mon_seen_kind kind;
    uint32_t sub, pc, size;
    uint8_t cpl;
    uint64_t ns, address, value; /* ns: guest time */
    char name[16];               /* device, row */
};
enum { MON_TRACE_RING = 4096, MON_TRACE_ENTRIES = 128 };
struct mon_trace {
    uint64_t from;           /* in: number of the first wanted; out: of the next */
    uint64_t first, seen;    /* out: the oldest that is kept; how many there were */
    uint64_t judged, failed; /* how often the condition was asked; and could not tell (a division by zero) */
    uint32_t kinds;          /* 0: off */
    uint32_t order;          /* grows with each that is on: another order, other numbers */
    uint32_t n;
    struct mon_trace_entry at[MON_TRACE_ENTRIES];
};
enum mon_ask mon_ask_trace_read(struct machine *m, struct mon_trace *t);

/* ---- Interrupts: counted at all times ---- */
enum { MON_IRQ_LINES = 24, MON_PIC_INPUTS = 16, MON_VECTORS = 256 };
struct mon_irq_counts {
    uint64_t raised[MON_IRQ_LINES]; /* edges of the board's lines */
    bool level[MON_IRQ_LINES];
    uint64_t pic_acks[MON_PIC_INPUTS], pic_eois[MON_PIC_INPUTS];
    uint64_t delivered[MON_VECTORS], lapic_eois[MON_VECTORS]; /* by vector */
    uint64_t nmis;
    struct mon_interrupts now;
};
enum mon_ask mon_ask_irq_counts(struct machine *m, struct mon_irq_counts *out);
#endif
