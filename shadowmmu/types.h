/*
 * types.h: guest addresses as types of their own, and the guest fault.
 *
 * Mixing a guest-linear address, a guest-physical address and a host pointer
 * does not compile. Everyone includes this; it includes nobody.
 */
#ifndef NOVT_SHADOWMMU_TYPES_H
#define NOVT_SHADOWMMU_TYPES_H

#include <stdbool.h>
#include <stdint.h>

enum { SMMU_PAGE_SHIFT = 12, SMMU_PAGE_SIZE = 4096, SMMU_PAGE_MASK = 4095 };

/* Guest-linear address: after segmentation, before paging. */
struct gva {
    uint32_t v;
};
/* Guest-physical address. Up to 36 bits under PAE. */
struct gpa {
    uint64_t v;
};

static inline struct gva gva(uint32_t v) { return (struct gva){v}; }
static inline struct gpa gpa(uint64_t v) { return (struct gpa){v}; }

/* A fault the guest must see; only monitor injects it. vector < 0: none. */
struct guest_fault {
    int vector;     /* 0..31 */
    uint32_t error; /* pushed where the vector has an error code */
    uint32_t cr2;   /* page faults only */
};

/* Page-fault error code, SDM vol. 3 "Page-Fault Exceptions". */
enum { PF_P = 1u << 0, PF_W = 1u << 1, PF_U = 1u << 2, PF_RSVD = 1u << 3, PF_I = 1u << 4 };

/* What an access wants to do. */
enum smmu_access {
    SMMU_READ = 0,
    SMMU_WRITE = 1u << 0,
    SMMU_USER = 1u << 1, /* CPL 3; absent: supervisor (CPL 0..2, and implicit system accesses) */
    SMMU_EXEC = 1u << 2,
};
#endif
