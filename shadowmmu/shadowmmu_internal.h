/*
 * shadowmmu_internal.h: what the files of this room share, and nobody else sees.
 *
 * Invariants kept everywhere:
 *  - a physical address that reaches the physical map was masked by A20 first;
 *  - no TLB write entry and no writable view page points to a code frame;
 *  - what a view maps is described exactly by its regions (view_state.c), so
 *    that the number of host mappings is known and never guessed.
 * Run-time code calls no libc function but plain system call wrappers and
 * memcpy/memset, because the guest's FPU state is live in the host's registers.
 */
#ifndef NOVT_SHADOWMMU_INTERNAL_H
#define NOVT_SHADOWMMU_INTERNAL_H

#include <string.h>
#include "shadowmmu/shadowmmu.h"

/* Our own bug: says where on stderr and traps. */
_Noreturn void smmu_bug(const char *what, const char *file, int line);
#define SMMU_BUG_ON(cond)                                                                                              \
    do {                                                                                                               \
        if (__builtin_expect(!!(cond), 0)) smmu_bug(#cond, __FILE__, __LINE__);                                        \
    } while (0)

#define SMMU_PAGE_BASE (~(uint32_t)SMMU_PAGE_MASK) /* address bits of a page */

/* ---- Physical memory (memory.c, dma.c) ---- */

enum {
    MEM_PAGES = 1 << 20, /* 4-KiB pages below 4 GiB */
    MEM_CHUNK_PAGES = 512,
    MEM_CHUNKS = MEM_PAGES / MEM_CHUNK_PAGES,
    MEM_MAX_MMIO = 256, /* live device ranges */
    MEM_MAX_LISTENERS = 8,
    MEM_GUARD = 64 << 10, /* inaccessible bytes on both sides of the linear mapping */
};

/* One page of the physical map. All zero: a hole. */
struct phys_page {
    int32_t read1;  /* frame + 1; 0: no memory to read */
    int32_t write1; /* > 0: frame + 1; 0: writes are dropped; < 0: -(index into mmio) - 1 */
};

struct mmio_range {
    const struct smmu_mmio *dev;
    uint64_t base;
    uint32_t pages; /* pages of the map that name this entry; 0: entry is free */
};

struct map_listener {
    void (*fn)(void *opaque, struct gpa base, uint64_t size);
    void *opaque;
};

struct code_listener {
    void (*fn)(void *opaque, uint32_t frame, uint32_t offset, uint32_t len);
    void *opaque;
};

struct smmu_mem {
    int fd;
    uint8_t *linear;
    uint8_t *reservation; /* linear with its guards */
    size_t reservation_size;
    struct phys_page *map;      /* MEM_PAGES */
    uint64_t *code;             /* one bit a frame */
    uint32_t chunk[MEM_CHUNKS]; /* per 2 MiB: first frame + 1 if all of it is RAM in one piece; else 0 */
    uint64_t ram_size;
    uint32_t frames, rom_next;
    struct mmio_range mmio[MEM_MAX_MMIO];
    struct map_listener map_listeners[MEM_MAX_LISTENERS];
    struct code_listener code_listeners[MEM_MAX_LISTENERS];
    uint32_t map_listener_count, code_listener_count;
    smmu_mem_device_fn *device_fn; /* NULL: nobody asks */
    void *device_opaque;
    bool change_hit_memory; /* the last map change replaced readable memory: caches may hold it */
};

static inline struct phys_page mem_page(const struct smmu_mem *mem, uint64_t pa) {
    if (__builtin_expect(pa >> 32 != 0, 0)) return (struct phys_page){0, 0};
    return mem->map[pa >> SMMU_PAGE_SHIFT];
}

static inline uint8_t *mem_frame_ptr(const struct smmu_mem *mem, uint32_t frame) {
    return mem->linear + ((uint64_t)frame << SMMU_PAGE_SHIFT);
}

static inline bool mem_is_code(const struct smmu_mem *mem, uint32_t frame) {
    return (mem->code[frame >> 6] >> (frame & 63)) & 1;
}

/* Forgets the map listeners registered with this opaque. */
void mem_remove_map_listener(struct smmu_mem *mem, const void *opaque);
/* May any of these frames be a code frame? */
static inline bool mem_any_code(const struct smmu_mem *mem, uint32_t frame, uint32_t count) {
    uint64_t any = 0;
    uint32_t last = (frame + count - 1) >> 6;
    for (uint32_t word = frame >> 6; word <= last; word++) /* whole words: may say yes for a neighbour */
        any |= mem->code[word];
    return any != 0;
}

void mem_set_code(struct smmu_mem *mem, uint32_t frame, bool is_code);
/* Tells the listeners that bytes of a code frame have changed. */
void mem_code_written(const struct smmu_mem *mem, uint32_t frame, uint32_t offset, uint32_t len);
/* Copies with inline moves for register sizes. */
void mem_copy(void *to, const void *from, uint32_t len);
/* Accesses inside one page, by map entry; len <= 4096 and never crosses the page. Return false if not RAM. */
bool mem_page_read(const struct smmu_mem *mem, uint64_t pa, void *buf, uint32_t len);
bool mem_page_write(const struct smmu_mem *mem, uint64_t pa, const void *buf, uint32_t len);

/* ---- Paging state and walk (walk.c) ---- */

enum paging_mode { MODE_OFF, MODE_32, MODE_PAE };

/* Bits of a paging-structure entry, SDM vol. 3 "Paging". */
enum {
    PTE_P = 1 << 0,
    PTE_W = 1 << 1,
    PTE_U = 1 << 2,
    PTE_A = 1 << 5,
    PTE_D = 1 << 6,
    PTE_PS = 1 << 7,
    PTE_G = 1 << 8,
};
#define PTE_NX       (UINT64_C(1) << 63)
#define PTE_ADDR_PAE UINT64_C(0x0000000ffffff000) /* MAXPHYADDR is 36 */

enum {
    CR0_WP = 1 << 16,
    CR4_PSE = 1 << 4,
    CR4_PAE = 1 << 5,
    CR4_PGE = 1 << 7,
};
#define CR0_PG (UINT32_C(1) << 31)

/* What one walk saw. pde and pte are the values after A and D were set. */
struct walk {
    uint64_t pa; /* A20 applied */
    uint64_t pde, pte;
    uint64_t table; /* physical address of the page table; only for 4-KiB pages */
    uint8_t shift;  /* 12, 21, 22; 32 with paging off */
    bool writable, dirty, user, global;
};

enum walk_result { WALK_OK, WALK_FAULT, WALK_DEFERRED };
/* Internal access bit: do not touch A or D where that would change a code frame (the
 * listener must not run); gives WALK_DEFERRED instead. */
enum { WALK_NO_NOTIFY = 1u << 8 };

enum walk_result walk_guest(struct smmu *s, uint32_t va, unsigned access, struct walk *w, struct guest_fault *fault);
/* The translation of another page by the same table as `near`, if it needs neither a fault nor an A bit set: what a
 * processor may load into its TLB before anybody asks (SDM vol. 3 "Caching Translation Information"). */
bool walk_ahead(const struct smmu *s, const struct walk *near, uint32_t va, unsigned access, struct walk *w);
/* The way to the page table of an address, for walk_ahead; false: there is none, or with a bit to set on the way. */
bool walk_table_of(const struct smmu *s, uint32_t va, struct walk *near);

/* For views: the raw page-directory entry now (0: none above it), whether it maps a large page, where to,
 * the storage of a page table (NULL: not memory), and the reserved bits of an entry. */
uint64_t walk_read_pde(const struct smmu *s, uint32_t va);
/* The same under another CR3, with paging on; what it says of no address space at all is worth nothing. */
uint64_t walk_read_pde_under(const struct smmu *s, uint32_t cr3, uint32_t va);
bool walk_is_large(const struct smmu *s, uint64_t pde);
uint64_t walk_large_base(const struct smmu *s, uint64_t pde);
const uint8_t *walk_table(const struct smmu *s, uint64_t table);
uint64_t walk_reserved(const struct smmu *s, bool large);

/* ---- Software TLB (tlb.c) ---- */

enum { TLB_RING = 8192, TLB_READ_REC = 1, TLB_WRITE_REC = 2, TLB_GLOBAL_REC = 4 };

/* Filled entries in order of filling: page << 12 | TLB_*_REC. */
struct tlb_ring {
    uint32_t *rec; /* TLB_RING */
    uint32_t head, count;
};

struct tlb_ctx {
    uint8_t *base; /* SMMU_TLB_BYTES */
    struct tlb_ring data, code;
    struct tlb_ring global_data, global_code; /* of pages that a CR3 write leaves */
    uint64_t large[16];                       /* per 4-MiB region: some entry came from a large page */
    uint32_t *frame_page;                     /* per frame: page << 12 | TLB_HINT_*: where the frame's write entry is */
};

struct code_flush_listener {
    void (*fn)(void *opaque);
    void *opaque;
};

/* ---- Pages of devices (device.c) ---- */

enum { DEVICE_PAGES = 8, DEVICE_VALID = 1, DEVICE_USER = 2, DEVICE_WRITE = 4 };

/* Where walks have found devices: a direct-mapped memory. Physical addresses, because a device may move. */
struct device_page {
    uint32_t key; /* page | DEVICE_*; 0: free */
    uint32_t pa;
};

/* ---- Views (view*.c) ---- */

struct views;

struct smmu {
    struct smmu_mem *mem;
    struct smmu_paging paging;
    enum paging_mode mode;
    bool wp, pse, pge, nxe;
    bool no_code_ahead, no_kept_globals; /* as in smmu_limits */
    uint64_t a20_mask;
    uint32_t map_generation;
    struct tlb_ctx tlb[2]; /* 0: supervisor, 1: user */
    struct device_page device[DEVICE_PAGES];
    struct smmu_quick_at quick;
    bool any_device; /* some entry of these two is in use */
    struct code_flush_listener code_flush;
    struct views *views;
    struct smmu_stats stats;
};

static inline uint64_t *tlb_read_slot(const struct tlb_ctx *t, uint32_t va) {
    return (uint64_t *)(void *)(t->base + SMMU_TLB_READ) + (va >> SMMU_PAGE_SHIFT);
}

static inline uint64_t *tlb_write_slot(const struct tlb_ctx *t, uint32_t va) {
    return (uint64_t *)(void *)(t->base + SMMU_TLB_WRITE) + (va >> SMMU_PAGE_SHIFT);
}

static inline uint32_t *tlb_code_slot(const struct tlb_ctx *t, uint32_t va) {
    return (uint32_t *)(void *)(t->base + SMMU_TLB_CODE) + (va >> SMMU_PAGE_SHIFT);
}

enum smmu_status tlb_create(struct smmu *s, const void *near);
void tlb_destroy(struct smmu *s);
void tlb_flush(struct smmu *s, bool keep_global);
void tlb_invlpg(struct smmu *s, uint32_t va);
void tlb_drop_frame_writes(struct smmu *s, uint32_t frame);
/* Forgets the page's data entries in one context (a page fault does that on hardware too). */
void tlb_drop_page(struct smmu *s, bool user, uint32_t va);
/* Enters a walked page that is plain memory; returns its delta, 0 if it may not be entered. */
uint64_t tlb_enter(struct smmu *s, bool user, uint32_t va, bool write, const struct walk *w);

/* A walk has led to pa: remembered if a device is there. */
void device_note(struct smmu *s, bool user, uint32_t va, bool write, uint64_t pa);
void device_forget_all(struct smmu *s);
static inline void device_forget(struct smmu *s) {
    if (s->any_device) device_forget_all(s);
}

enum smmu_status views_create(struct smmu *s, const struct smmu_limits *limits);
void views_destroy(struct smmu *s);
/* The paging state has changed: choose the current views and revalidate them. */
void views_switch(struct smmu *s, bool keep_global); /* keep_global: pages marked so need no look */
void views_invlpg(struct smmu *s, uint32_t va);
/* Groups of code pages that the current user address space has run since it began, by their first pages: the latest
 * few, for the next time that it becomes current. */
void views_note_code(struct smmu *s, uint32_t first);
uint32_t views_code(const struct smmu *s, const uint32_t **first);
void views_protect_frame(struct smmu *s, uint32_t frame);
void views_drop_all(struct smmu *s);
void views_get_stats(const struct smmu *s, struct smmu_stats *out);

#endif
