/*
 * shadowmmu.h: guest paging in user space: walk, software TLB, code-page map, views.
 *
 * Two mechanisms carry guest-linear accesses, and translated code picks one
 * per instruction. *Checked*: a flat software TLB, no host signal. *Direct*: a
 * view, a 4-GiB window of the host address space whose pages the host MMU
 * translates. Both are caches of guest page tables with the semantics of a
 * hardware TLB (SDM vol. 3 "Caching Translation Information").
 * Callers: bt (both mechanisms), monitor (CR writes, INVLPG, software access).
 * Never fails at a host limit: evicts instead. All C here is safe to run with the
 * guest's FPU state live (no libc string functions, no SSE).
 */
#ifndef NOVT_SHADOWMMU_SHADOWMMU_H
#define NOVT_SHADOWMMU_SHADOWMMU_H

#include "shadowmmu/memory.h"

struct smmu;

/* ---- Paging state ---- */
struct smmu_paging {
    uint32_t cr0, cr3, cr4;
    bool nxe;          /* EFER.NXE */
    uint64_t pdpte[4]; /* loaded at CR3 writes under PAE, SDM vol. 3 "PDPTE Registers" */
};

/* Whose is the window at 0? */
enum smmu_low {
    SMMU_LOW_USER, /* a mature user address space's */
    SMMU_LOW_NOBODY,
    SMMU_LOW_AT_ONCE, /* that of each user address space while it is current, which is mature from the start (tests) */
};

struct smmu_limits {    /* 0: default */
    uint32_t max_vmas;  /* budget of host mappings for all views; default: 3/4 of vm.max_map_count */
    uint32_t max_views; /* user views kept; default 64 */
    enum smmu_low low;
    bool no_code_ahead;   /* off: what smmu_code_fill knows of neighbours ... */
    bool no_kept_globals; /* ... and that CR3 writes leave global pages of views alone */
    const void *near;     /* TLBs lie less than 2 GiB from here, if the host has room; NULL: anywhere */
};

enum smmu_status smmu_create(struct smmu_mem *mem, const struct smmu_limits *limits, struct smmu **out);
void smmu_destroy(struct smmu *s);

/* Installs a new paging state and flushes as the manual says. `flush_global`: CR0.PG/WP, CR4.PGE/PSE/PAE
 * or EFER.NXE changed; else it is a CR3 write, which keeps global pages when CR4.PGE is set. */
void smmu_set_paging(struct smmu *s, const struct smmu_paging *p, bool flush_global);
void smmu_invlpg(struct smmu *s, struct gva va);
void smmu_set_a20(struct smmu *s, bool enabled); /* disabled: physical bit 20 reads as 0 */
bool smmu_a20(const struct smmu *s);
/* Counts the changes of A20 and of the map of memory (not of devices): after one, fetched code may be other bytes. */
uint32_t smmu_map_generation(const struct smmu *s);

/* ---- Walk ---- */
struct smmu_xlat {
    struct gpa pa;
    bool writable; /* a write by the same privilege is allowed (WP, U/S, R/W considered) */
    bool dirty;    /* leaf D bit is set (or paging is off): a write needs no walk */
    bool user;     /* U/S allows CPL 3 */
    bool global;
    uint8_t page_shift; /* 12, 21 or 22; 32 with paging off */
};
/* Walks the guest's tables for one access (enum smmu_access bits), setting A and D bits as hardware does.
 * Returns false and fills *fault (#PF, error code and cr2 complete) if the guest denies it. */
bool smmu_walk(struct smmu *s, struct gva va, unsigned access, struct smmu_xlat *out, struct guest_fault *fault);
/* The same without setting any bit and without permission checks (debuggers): false if not present. */
bool smmu_probe(const struct smmu *s, struct gva va, struct smmu_xlat *out);

/* ---- Software access by helpers: size 1..512, any alignment, page crossing and devices included ----
 * A write checks every page before it changes a byte. Fault: false and *fault. */
bool smmu_read(struct smmu *s, struct gva va, void *buf, uint32_t size, unsigned access, struct guest_fault *fault);
bool smmu_write(struct smmu *s, struct gva va, const void *buf, uint32_t size, unsigned access,
                struct guest_fault *fault);
/* Checks that [va, va+size) may be written (and sets A/D), without writing. */
bool smmu_probe_write(struct smmu *s, struct gva va, uint32_t size, unsigned access, struct guest_fault *fault);
/* Pointer for a bulk access inside one page (string helpers): length until the page's end in *run;
 * NULL without fault (fault->vector < 0) where it is not plain memory (device, hole, ROM or code page on a write). */
void *smmu_span(struct smmu *s, struct gva va, unsigned access, uint32_t *run, struct guest_fault *fault);

/* ---- Software TLB of checked accesses ----
 * One block of host memory per privilege, addressed by translated code from a base register:
 *   read entry  of page p: *(uint64_t *)(base + SMMU_TLB_READ  + p*8)
 *   write entry of page p: *(uint64_t *)(base + SMMU_TLB_WRITE + p*8)
 *   code entry  of page p: *(uint32_t *)(base + SMMU_TLB_CODE  + p*4)
 * A data entry is 0 (miss) or a delta d so that host = d + va for every byte of the page. Never valid in
 * the write table: ROM, devices, holes, code frames, pages whose D bit is clear. A code entry is 0 or
 * smmu_code_entry(frame): entries of different frames differ by pages. */
enum { SMMU_TLB_READ = 0, SMMU_TLB_WRITE = 8 << 20, SMMU_TLB_CODE = 16 << 20, SMMU_TLB_BYTES = 20 << 20 };
static inline uint32_t smmu_code_entry(uint32_t frame) { return (frame + 1) << SMMU_PAGE_SHIFT; }
static inline uint32_t smmu_code_entry_frame(uint32_t entry) { return (entry >> SMMU_PAGE_SHIFT) - 1; }
uint8_t *smmu_tlb_base(const struct smmu *s, bool user);
/* The reverse of an access by the TLB: which guest-linear address led to this host address, as far as still known. */
bool smmu_tlb_find(const struct smmu *s, bool user, const void *host, uint32_t *va);

/* Host address of [va, va+size), if it lies in one page that the TLB knows for this access; NULL: smmu_read or
 * smmu_write, which walk and fault. */
static inline void *smmu_tlb_hit(const struct smmu *s, struct gva va, uint32_t size, bool user, bool write) {
    const uint64_t *table =
        (const uint64_t *)(const void *)(smmu_tlb_base(s, user) + (write ? SMMU_TLB_WRITE : SMMU_TLB_READ));
    uint64_t delta = table[va.v >> SMMU_PAGE_SHIFT];
    bool whole = (va.v & SMMU_PAGE_MASK) + size <= SMMU_PAGE_SIZE;
    return delta && whole ? (void *)(uintptr_t)(delta + va.v) : NULL;
}

enum smmu_fill {
    SMMU_FILL_OK,    /* entry filled (data: *delta; code: *frame) */
    SMMU_FILL_SLOW,  /* allowed, but a device, hole, ROM or code page on a write: use smmu_read/smmu_write */
    SMMU_FILL_FAULT, /* guest denies: *fault */
};
enum smmu_fill smmu_tlb_fill(struct smmu *s, bool user, struct gva va, bool write, uint64_t *delta,
                             struct guest_fault *fault);
/* Code: checks fetch permission, gives the frame that holds the page's bytes. SLOW: fetch from a device or hole. Of a
 * mature user address space the neighbours that hold code too are entered as well, with the first page those that it
 * has run before. */
enum smmu_fill smmu_code_fill(struct smmu *s, bool user, struct gva va, uint32_t *frame, struct guest_fault *fault);
/* ---- Device registers ----
 * Pages of devices have no TLB entry; where the latest few are is remembered all the same, until what would flush
 * their entries. */
struct smmu_register {
    const struct smmu_mmio *dev;
    uint32_t offset; /* in the device's range */
};
/* The register of 1, 2 or 4 bytes, naturally aligned, that a slow access found last time; false: not known, walk. */
bool smmu_register_at(const struct smmu *s, bool user, struct gva va, uint32_t size, bool write,
                      struct smmu_register *out);
/* The quick register (struct smmu_quick) that a supervisor's store to linear address `va` reaches: host address is
 * va + delta. The words of one that is not known match no address. */
struct smmu_quick_at {
    uint64_t va; /* above 32 bits: none */
    uint64_t delta;
    const uint32_t *busy;
};
const struct smmu_quick_at *smmu_quick_at(const struct smmu *s);
/* After smmu_mem_on_device: what was remembered of devices is forgotten, and nothing is while somebody is told. */
void smmu_forget_devices(struct smmu *s);
/* Told whenever any code entry was dropped or changed (bt resets return predictions). */
void smmu_on_code_flush(struct smmu *s, void (*fn)(void *opaque), void *opaque);

/* ---- Code frames ---- */
/* From now on no view maps the frame writable and no TLB write entry points to it. Idempotent. */
void smmu_code_protect(struct smmu *s, uint32_t frame);
/* The frame holds no code any more: may be mapped writable again on demand. */
void smmu_code_unprotect(struct smmu *s, uint32_t frame);

/* ---- Views ---- */
/* Window base (4-GiB aligned, guards on both sides) for direct accesses at this privilege under the current
 * paging state. Changes only inside smmu_set_paging/smmu_set_a20; reload after them. */
uint8_t *smmu_view_base(struct smmu *s, bool user);
/* Is this host address inside (or in the guards of) any view window? */
bool smmu_view_contains(const struct smmu *s, const void *host);

/* Has the current user address space run long enough for its pages to be worth mapping? */
bool smmu_space_mature(const struct smmu *s);
/* Its code, at `at`, has run for so many cycles more. True: it is mature from now on. Async-signal-safe on the vCPU
 * thread while translated code runs. */
bool smmu_space_grow(struct smmu *s, struct gva at, uint64_t cycles);
/* The current user address space is young, and nobody has said yet which frame its first code is in. */
bool smmu_space_is_new(const struct smmu *s);
void smmu_space_set_origin(struct smmu *s, uint32_t frame);
uint32_t smmu_space_origin(const struct smmu *s);
/* Changes whenever an address space becomes current, also if it is the same again. */
uint64_t smmu_space_stamp(const struct smmu *s);
/* Is it in the low window, whose base is 0, and mature? Then a host address is the guest-linear address. The first 64
 * KiB are never mapped: accesses there are for the checked form. */
bool smmu_space_low(const struct smmu *s);
/* Where no translated code runs, after smmu_space_grow: the address space may move to the low window. Reload bases. */
void smmu_space_settle(struct smmu *s);

enum smmu_view_result {
    SMMU_VIEW_MAPPED,  /* hidden fault resolved: resume the instruction */
    SMMU_VIEW_PASSING, /* the same, but not for long: a user page in the supervisor's view goes at the next change of
                          CR3; what has been taken away more than once lately will go so again; and of a view that has
                          shown few pages so far nobody knows whether its process will live */
    SMMU_VIEW_CHECKED, /* allowed, but must go the checked way: device, hole, ROM write, code-frame write, window wrap
                        */
    SMMU_VIEW_FAULT,   /* true fault: *fault */
};
/* Shadow page fault at va in the current view of that privilege. Runs in a signal handler
 * (synchronously raised by translated code). Maps runs, not pages. */
enum smmu_view_result smmu_view_fault(struct smmu *s, bool user, struct gva va, bool write, struct guest_fault *fault);
/* Maps va's page now if the guest allows (prefault at IRET/INVLPG); silent otherwise. */
void smmu_view_prefault(struct smmu *s, bool user, struct gva va, bool write);

/* ---- Counters (console, --stats) ---- */
struct smmu_stats {
    uint64_t walks, tlb_fills_read, tlb_fills_write, code_fills, tlb_flushes, invlpgs;
    uint64_t hidden_faults, true_faults, checked_faults;
    uint64_t view_maps, view_mapped_pages, view_unmaps, view_protects, view_evictions, view_switches, low_moves,
        view_revalidated_pages, view_dropped;
    uint32_t vmas, views;
};
void smmu_get_stats(const struct smmu *s, struct smmu_stats *out);
#endif
