/*
 * access.c: guest-linear accesses by helpers.
 *
 * Callers: monitor and bt helpers (descriptor tables, interrupt frames, string
 * instructions, everything a checked access could not do inline).
 * Invariant: every page of an access is resolved before any byte is moved or any
 * device register is touched, so a fault leaves no trace but A and D bits.
 */
#include "shadowmmu/shadowmmu_internal.h"

enum { ACCESS_MAX = 512 };

/* A part of an access inside one page. */
struct part {
    uint8_t *host; /* plain memory; NULL: go by physical address */
    uint64_t pa;
    uint32_t len;
};

static bool resolve(struct smmu *s, uint32_t va, uint32_t len, unsigned access, struct part *part,
                    struct guest_fault *fault) {
    const bool user = (access & SMMU_USER) != 0, write = (access & SMMU_WRITE) != 0;
    const struct tlb_ctx *t = &s->tlb[user];
    struct walk w;
    uint64_t delta = 0;
    part->len = len;
    part->host = NULL;
    if (!(access & SMMU_EXEC)) delta = write ? *tlb_write_slot(t, va) : *tlb_read_slot(t, va);
    if (__builtin_expect(delta == 0, 0)) {
        if (walk_guest(s, va, access, &w, fault) != WALK_OK) {
            tlb_drop_page(s, user, va);
            return false;
        }
        part->pa = w.pa;
        if (!(access & SMMU_EXEC)) delta = tlb_enter(s, user, va, write, &w);
    }
    if (delta) part->host = (uint8_t *)(uintptr_t)(delta + va);
    return true;
}

/* Splits [va, va+size) at the page boundary; the address wraps at 4 GiB. Returns the number of parts, 0: fault. */
static unsigned resolve_all(struct smmu *s, uint32_t va, uint32_t size, unsigned access, struct part parts[2],
                            struct guest_fault *fault) {
    uint32_t room = SMMU_PAGE_SIZE - (va & SMMU_PAGE_MASK);
    uint32_t first = size < room ? size : room;
    SMMU_BUG_ON(size == 0 || size > ACCESS_MAX);
    if (!resolve(s, va, first, access, &parts[0], fault)) return 0;
    if (first != size && !resolve(s, va + first, size - first, access, &parts[1], fault)) return 0;
    fault->vector = -1;
    return first == size ? 1 : 2;
}

bool smmu_read(struct smmu *s, struct gva va, void *buf, uint32_t size, unsigned access, struct guest_fault *fault) {
    struct part parts[2];
    uint8_t *out = buf;
    unsigned n = resolve_all(s, va.v, size, access & ~(unsigned)SMMU_WRITE, parts, fault);
    for (unsigned i = 0; i < n; i++) {
        if (parts[i].host)
            mem_copy(out, parts[i].host, parts[i].len);
        else
            mem_page_read(s->mem, parts[i].pa, out, parts[i].len);
        out += parts[i].len;
    }
    return n != 0;
}

bool smmu_write(struct smmu *s, struct gva va, const void *buf, uint32_t size, unsigned access,
                struct guest_fault *fault) {
    struct part parts[2];
    const uint8_t *in = buf;
    unsigned n = resolve_all(s, va.v, size, access | SMMU_WRITE, parts, fault);
    for (unsigned i = 0; i < n; i++) {
        if (parts[i].host)
            mem_copy(parts[i].host, in, parts[i].len);
        else
            mem_page_write(s->mem, parts[i].pa, in, parts[i].len); /* NOLINT: pa is set where host is NULL */
        in += parts[i].len;
    }
    return n != 0;
}

bool smmu_probe_write(struct smmu *s, struct gva va, uint32_t size, unsigned access, struct guest_fault *fault) {
    struct part parts[2];
    return resolve_all(s, va.v, size, access | SMMU_WRITE, parts, fault) != 0;
}

void *smmu_span(struct smmu *s, struct gva va, unsigned access, uint32_t *run, struct guest_fault *fault) {
    struct part part;
    *run = SMMU_PAGE_SIZE - (va.v & SMMU_PAGE_MASK);
    if (!resolve(s, va.v, *run, access, &part, fault)) return NULL;
    fault->vector = -1;
    return part.host;
}
