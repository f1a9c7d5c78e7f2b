/*
 * walk.c: the guest's paging structures, walked as the processor does.
 *
 * Callers: software TLB fills, view faults, software access, monitor.
 * Covers 32-bit paging (4-KiB and 4-MiB pages, PSE-36) and PAE paging (4-KiB and
 * 2-MiB pages, NX); MAXPHYADDR is 36. A structure in a hole or a device reads
 * as all ones; A and D written to ROM are dropped.
 * SDM-DEVIATION: A bits are set only when the whole access is allowed; a
 * processor may also set them in the upper levels of a translation that faults.
 * SDM-DEVIATION: no SMEP, SMAP or protection keys (the CPUID model has none).
 */
#include "shadowmmu/shadowmmu_internal.h"

/* Reserved bits, SDM vol. 3 "Hierarchical Paging Structures: an Overview",
 * tables "Format of a ... Entry", for MAXPHYADDR 36. */
#define RSVD_PDE_4M   UINT64_C(0x003e0000)         /* 21:17 */
#define RSVD_PAE_HIGH UINT64_C(0x7ffffff000000000) /* 62:36 */
#define RSVD_PDE_2M   UINT64_C(0x001fe000)         /* 20:13 */
#define RSVD_PDPTE    (UINT64_C(0xfffffff000000000) | 0x1e6)

/* Where one entry of a paging structure is stored. */
struct entry_ref {
    uint8_t *read;  /* NULL: not memory, reads as all ones */
    uint8_t *write; /* NULL: writes are dropped */
    uint32_t frame; /* of write */
    uint32_t offset;
};

static inline struct entry_ref find_entry(const struct smmu *s, uint64_t pa) {
    pa &= s->a20_mask;
    struct phys_page p = mem_page(s->mem, pa);
    uint32_t offset = (uint32_t)(pa & SMMU_PAGE_MASK);
    struct entry_ref r = {NULL, NULL, 0, offset};
    if (p.read1 > 0) r.read = mem_frame_ptr(s->mem, (uint32_t)p.read1 - 1) + offset;
    if (p.write1 > 0) {
        r.frame = (uint32_t)p.write1 - 1;
        r.write = mem_frame_ptr(s->mem, r.frame) + offset;
    }
    return r;
}

static inline uint32_t load32(const struct entry_ref *r) {
    uint32_t v = UINT32_MAX;
    if (r->read) __builtin_memcpy(&v, r->read, 4);
    return v;
}

static inline uint64_t load64(const struct entry_ref *r) {
    uint64_t v = UINT64_MAX;
    if (r->read) __builtin_memcpy(&v, r->read, 8);
    return v;
}

/* True if setting `set` in the entry would change a code frame. */
static inline bool touches_code(const struct smmu *s, const struct entry_ref *r, uint64_t entry, uint32_t set) {
    return r->write && (entry & set) != set && mem_is_code(s->mem, r->frame);
}

/* Sets A/D bits; they are in the low half of an entry of either size. */
static inline uint64_t set_bits(const struct smmu *s, const struct entry_ref *r, uint64_t entry, uint32_t set) {
    if ((entry & set) == set) return entry;
    entry |= set;
    if (r->write) {
        uint32_t low = (uint32_t)entry;
        __builtin_memcpy(r->write, &low, 4);
        if (__builtin_expect(mem_is_code(s->mem, r->frame), 0)) mem_code_written(s->mem, r->frame, r->offset, 4);
    }
    return entry;
}

/* The translation before permissions are judged. */
struct path {
    struct entry_ref pde_ref, pte_ref;
    uint64_t pde, pte;
    uint64_t pa, table;
    uint64_t rights; /* AND of P, W and U over the levels */
    bool nx;         /* OR of NX */
    uint8_t shift;
};

enum path_result { PATH_OK, PATH_NOT_PRESENT, PATH_RESERVED };

/* The last level, by the table and the entries above it. */
static inline enum path_result leaf_32(const struct smmu *s, uint32_t va, struct path *p) {
    p->pte_ref = find_entry(s, p->table + ((va >> 12) & 1023) * 4);
    p->pte = load32(&p->pte_ref);
    if (!(p->pte & PTE_P)) return PATH_NOT_PRESENT;
    p->rights = p->pde & p->pte;
    p->nx = false;
    p->shift = 12;
    p->pa = (p->pte & UINT64_C(0xfffff000)) | (va & SMMU_PAGE_MASK);
    return PATH_OK;
}

static inline uint64_t pae_reserved(const struct smmu *s) { return RSVD_PAE_HIGH | (s->nxe ? 0 : PTE_NX); }

static inline enum path_result leaf_pae(const struct smmu *s, uint32_t va, struct path *p) {
    p->pte_ref = find_entry(s, p->table + ((va >> 12) & 511) * 8);
    p->pte = load64(&p->pte_ref);
    if (!(p->pte & PTE_P)) return PATH_NOT_PRESENT;
    if (p->pte & pae_reserved(s)) return PATH_RESERVED;
    p->rights = p->pde & p->pte;
    p->nx = ((p->pde | p->pte) & PTE_NX) != 0;
    p->shift = 12;
    p->pa = (p->pte & PTE_ADDR_PAE) | (va & SMMU_PAGE_MASK);
    return PATH_OK;
}

static inline enum path_result path_32(const struct smmu *s, uint32_t va, struct path *p) {
    p->pde_ref = find_entry(s, (s->paging.cr3 & SMMU_PAGE_BASE) + (va >> 22) * 4);
    p->pde = load32(&p->pde_ref);
    p->nx = false;
    if (!(p->pde & PTE_P)) return PATH_NOT_PRESENT;
    if ((p->pde & PTE_PS) && s->pse) {
        if (p->pde & RSVD_PDE_4M) return PATH_RESERVED;
        p->rights = p->pde;
        p->shift = 22;
        /* PSE-36: bits 16:13 are physical address bits 35:32. */
        p->pa = (p->pde & UINT64_C(0xffc00000)) | (p->pde & UINT64_C(0x1e000)) << 19 | (va & 0x3fffff);
        return PATH_OK;
    }
    p->table = p->pde & UINT64_C(0xfffff000) & s->a20_mask;
    return leaf_32(s, va, p);
}

static inline enum path_result path_pae(const struct smmu *s, uint32_t va, struct path *p) {
    const uint64_t reserved = pae_reserved(s);
    uint64_t pdpte = s->paging.pdpte[va >> 30];
    p->nx = false;
    if (!(pdpte & PTE_P)) return PATH_NOT_PRESENT;
    if (pdpte & RSVD_PDPTE) return PATH_RESERVED;
    p->pde_ref = find_entry(s, (pdpte & PTE_ADDR_PAE) + ((va >> 21) & 511) * 8);
    p->pde = load64(&p->pde_ref);
    if (!(p->pde & PTE_P)) return PATH_NOT_PRESENT;
    if (p->pde & (reserved | (p->pde & PTE_PS ? RSVD_PDE_2M : 0))) return PATH_RESERVED;
    if (p->pde & PTE_PS) {
        p->rights = p->pde;
        p->nx = (p->pde & PTE_NX) != 0;
        p->shift = 21;
        p->pa = (p->pde & UINT64_C(0xfffe00000)) | (va & 0x1fffff);
        return PATH_OK;
    }
    p->table = p->pde & PTE_ADDR_PAE & s->a20_mask;
    return leaf_pae(s, va, p);
}

static inline enum path_result find_path(const struct smmu *s, uint32_t va, struct path *p) {
    return s->mode == MODE_PAE ? path_pae(s, va, p) : path_32(s, va, p);
}

/* SDM vol. 3 "Determination of Access Rights". NX counts only while EFER.NXE is set:
 * without it the bit is reserved and path_pae has refused the entry. */
static inline bool may_write(const struct smmu *s, const struct path *p, bool user) {
    return (p->rights & PTE_W) || (!user && !s->wp);
}

static inline bool allowed(const struct smmu *s, const struct path *p, unsigned access) {
    if ((access & SMMU_USER) && !(p->rights & PTE_U)) return false;
    if ((access & SMMU_WRITE) && !may_write(s, p, (access & SMMU_USER) != 0)) return false;
    return !((access & SMMU_EXEC) && p->nx);
}

/* SDM vol. 3 "Page-Fault Exceptions". */
static void page_fault(const struct smmu *s, uint32_t va, unsigned access, uint32_t cause, struct guest_fault *fault) {
    fault->vector = 14;
    fault->cr2 = va;
    fault->error = cause | (access & SMMU_WRITE ? PF_W : 0) | (access & SMMU_USER ? PF_U : 0) |
                   (access & SMMU_EXEC && s->nxe && s->mode == MODE_PAE ? PF_I : 0);
}

static void fill_walk(const struct smmu *s, const struct path *p, bool user, struct walk *w) {
    uint64_t leaf = p->shift == 12 ? p->pte : p->pde;
    w->pa = p->pa & s->a20_mask;
    w->pde = p->pde;
    w->pte = p->shift == 12 ? p->pte : 0;
    w->table = p->shift == 12 ? p->table : 0;
    w->shift = p->shift;
    w->writable = may_write(s, p, user);
    w->dirty = (leaf & PTE_D) != 0;
    w->user = (p->rights & PTE_U) != 0;
    w->global = s->pge && (leaf & PTE_G);
}

static void identity(const struct smmu *s, uint32_t va, struct walk *w) {
    *w = (struct walk){.pa = va & s->a20_mask, .shift = 32, .writable = true, .dirty = true, .user = true};
}

enum walk_result walk_guest(struct smmu *s, uint32_t va, unsigned access, struct walk *w, struct guest_fault *fault) {
    struct path p;
    s->stats.walks++;
    if (s->mode == MODE_OFF) {
        identity(s, va, w);
        return WALK_OK;
    }
    enum path_result r = find_path(s, va, &p);
    if (r != PATH_OK || !allowed(s, &p, access)) {
        page_fault(s, va, access, r == PATH_OK ? PF_P : r == PATH_RESERVED ? PF_P | PF_RSVD : 0, fault);
        return WALK_FAULT;
    }
    const uint32_t leaf_bits = PTE_A | (access & SMMU_WRITE ? PTE_D : 0);
    const bool large = p.shift != 12;
    const uint32_t pde_bits = large ? leaf_bits : PTE_A;
    if ((access & WALK_NO_NOTIFY) &&
        (touches_code(s, &p.pde_ref, p.pde, pde_bits) || (!large && touches_code(s, &p.pte_ref, p.pte, leaf_bits))))
        return WALK_DEFERRED;
    p.pde = set_bits(s, &p.pde_ref, p.pde, pde_bits);
    if (!large) p.pte = set_bits(s, &p.pte_ref, p.pte, leaf_bits);
    fill_walk(s, &p, (access & SMMU_USER) != 0, w);
    return WALK_OK;
}

static void to_xlat(const struct walk *w, struct smmu_xlat *out) {
    *out = (struct smmu_xlat){
        .pa = gpa(w->pa),
        .writable = w->writable,
        .dirty = w->dirty,
        .user = w->user,
        .global = w->global,
        .page_shift = w->shift,
    };
}

bool smmu_walk(struct smmu *s, struct gva va, unsigned access, struct smmu_xlat *out, struct guest_fault *fault) {
    struct walk w;
    SMMU_BUG_ON(access & ~7u);
    if (walk_guest(s, va.v, access, &w, fault) != WALK_OK) return false;
    fault->vector = -1;
    to_xlat(&w, out);
    return true;
}

bool walk_ahead(const struct smmu *s, const struct walk *near, uint32_t va, unsigned access, struct walk *w) {
    struct path p = {.pde = near->pde, .table = near->table};
    if (near->shift != 12) return false;
    if ((s->mode == MODE_PAE ? leaf_pae(s, va, &p) : leaf_32(s, va, &p)) != PATH_OK) return false;
    if (!(p.pte & PTE_A) || !allowed(s, &p, access)) return false;
    fill_walk(s, &p, (access & SMMU_USER) != 0, w);
    return true;
}

bool walk_table_of(const struct smmu *s, uint32_t va, struct walk *near) {
    struct path p = {.pde = 0};
    if (s->mode == MODE_OFF || find_path(s, va, &p) == PATH_RESERVED || !(p.pde & PTE_A)) return false;
    if (!(p.pde & PTE_P) || walk_is_large(s, p.pde)) return false;
    *near = (struct walk){.pde = p.pde, .table = p.table, .shift = 12};
    return true;
}

bool smmu_probe(const struct smmu *s, struct gva va, struct smmu_xlat *out) {
    struct walk w;
    struct path p;
    if (s->mode == MODE_OFF) {
        identity(s, va.v, &w);
    } else {
        if (find_path(s, va.v, &p) != PATH_OK) return false;
        fill_walk(s, &p, false, &w);
    }
    to_xlat(&w, out);
    return true;
}

/* ---- What views read ---- */

bool walk_is_large(const struct smmu *s, uint64_t pde) { return (pde & PTE_PS) && (s->mode != MODE_32 || s->pse); }

uint64_t walk_read_pde_under(const struct smmu *s, uint32_t cr3, uint32_t va) {
    struct entry_ref r;
    if (s->mode != MODE_PAE) {
        r = find_entry(s, (cr3 & SMMU_PAGE_BASE) + (va >> 22) * 4);
        return load32(&r);
    }
    r = find_entry(s, (cr3 & ~UINT32_C(0x1f)) + (va >> 30) * 8);
    r = find_entry(s, (load64(&r) & PTE_ADDR_PAE) + ((va >> 21) & 511) * 8);
    return load64(&r);
}

uint64_t walk_read_pde(const struct smmu *s, uint32_t va) {
    struct entry_ref r;
    if (s->mode == MODE_OFF) /* as if one 4-MiB page mapped every region to itself */
        return (va & 0xffc00000) | PTE_P | PTE_W | PTE_U | PTE_A | PTE_D | PTE_PS;
    if (s->mode == MODE_32) return walk_read_pde_under(s, s->paging.cr3, va);
    uint64_t pdpte = s->paging.pdpte[va >> 30];
    if (!(pdpte & PTE_P) || (pdpte & RSVD_PDPTE)) return 0;
    r = find_entry(s, (pdpte & PTE_ADDR_PAE) + ((va >> 21) & 511) * 8);
    return load64(&r);
}

uint64_t walk_large_base(const struct smmu *s, uint64_t pde) {
    if (s->mode == MODE_PAE) return pde & UINT64_C(0xfffe00000);
    return (pde & UINT64_C(0xffc00000)) | (s->mode == MODE_OFF ? 0 : pde & UINT64_C(0x1e000)) << 19;
}

const uint8_t *walk_table(const struct smmu *s, uint64_t table) { return find_entry(s, table).read; }

uint64_t walk_reserved(const struct smmu *s, bool large) {
    if (s->mode == MODE_PAE) return pae_reserved(s) | (large ? RSVD_PDE_2M : 0);
    return large && s->mode == MODE_32 ? RSVD_PDE_4M : 0;
}
