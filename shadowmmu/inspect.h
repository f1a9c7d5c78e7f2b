/*
 * inspect.h: what views, TLB and the guest's tables hold, for consoles; part of shadowmmu's public face.
 *
 * vCPU thread. Reads only: no bit in the guest's tables, no mapping changes. A question does a bounded piece of work; a
 * longer one goes on from a cursor, 0 when it is done.
 */
#ifndef NOVT_SHADOWMMU_INSPECT_H
#define NOVT_SHADOWMMU_INSPECT_H

#include "shadowmmu/shadowmmu.h"

/* ---- One address ---- */

struct smmu_inspect_page { /* of one privilege */
    bool tlb_read, tlb_write, tlb_code;
    bool view, view_writable; /* the current view maps it */
    uint32_t view_frame;
};
struct smmu_inspect_walk {
    uint32_t va; /* asked for */
    bool paging, pae, present;
    uint32_t cr3;
    uint64_t pdpte, pde, pte; /* as they are; 0: not reached */
    bool large;
    struct smmu_xlat to;              /* if present */
    int32_t frame;                    /* memory behind it, -1: none */
    char device[32];                  /* its name; "" */
    bool code;                        /* the frame holds translated code */
    struct smmu_inspect_page page[2]; /* supervisor, user */
};
void smmu_inspect_walk(const struct smmu *s, struct smmu_inspect_walk *w);

/* The current address space. */
uint32_t smmu_inspect_cr3(const struct smmu *s);
/* Where the linear address leads in the address space of this CR3, by its tables as they are now; in memory: its frame.
 * False: nowhere, or paging is off. */
bool smmu_inspect_space(struct smmu *s, uint32_t cr3, struct gva va, uint32_t *frame);

/* ---- Views ---- */
enum { SMMU_INSPECT_VIEWS = 16 };
struct smmu_inspect_view {
    uint32_t index, cr3; /* cr3: of user views */
    bool super, identity, current, mature, low;
    uint32_t pages, writable, whole, paged; /* pages mapped; regions by kind */
    uint32_t vmas;
};
struct smmu_inspect_views {
    uint32_t cursor, n;
    uint32_t vmas, budget, details, reverse;          /* of all views; details, nodes of the reverse map in use */
    struct smmu_inspect_view row[SMMU_INSPECT_VIEWS]; /* views in use */
};
void smmu_inspect_views(const struct smmu *s, struct smmu_inspect_views *v);

/* Pages in a row that a view maps to frames in a row. */
enum { SMMU_INSPECT_RUNS = 256 };
struct smmu_inspect_run {
    uint32_t first, count, frame;
    bool writable;
};
struct smmu_inspect_runs {
    uint32_t view; /* asked for */
    bool found;
    uint32_t cursor, n; /* a run may go on in the next part */
    struct smmu_inspect_run row[SMMU_INSPECT_RUNS];
};
void smmu_inspect_runs(const struct smmu *s, struct smmu_inspect_runs *r);

/* ---- The guest's tables against a current view ---- */
enum smmu_difference {
    SMMU_SAME,     /* mapped as the tables say */
    SMMU_ABSENT,   /* the tables map it, the view does not (yet): its first access is a hidden fault */
    SMMU_STALE,    /* mapped, and the tables say no or elsewhere: allowed until INVLPG or a CR3 write, as in a TLB */
    SMMU_TOO_MUCH, /* writable, and the tables say read-only or not dirty: allowed as long */
    SMMU_DIFFERENCES
};
enum { SMMU_INSPECT_DIFFS = 64 };
struct smmu_inspect_diff {
    bool user; /* asked for: the current user view, else the supervisor's */
    uint32_t cursor, n;
    uint32_t count[SMMU_DIFFERENCES]; /* pages, so far */
    struct {                          /* STALE and TOO_MUCH of this part */
        uint32_t page, frame;
        uint8_t what;
    } row[SMMU_INSPECT_DIFFS];
};
void smmu_inspect_diff(const struct smmu *s, struct smmu_inspect_diff *d);
#endif
