/*
 * cpuid.h: CPU models: what CPUID tells and what the decoder therefore accepts.
 *
 * A model is one row of cpuid_models.def. What the host CPU lacks is masked
 * out, so a guest never sees an instruction that would trap. Manual: SDM
 * vol. 2 "CPUID - CPU Identification".
 */
#ifndef NOVT_MONITOR_CPUID_H
#define NOVT_MONITOR_CPUID_H

#include "monitor/vcpu.h"

/* CPUID.01H:EDX. */
enum {
    F_FPU = 1u << 0,
    F_VME = 1u << 1,
    F_DE = 1u << 2,
    F_PSE = 1u << 3,
    F_TSC = 1u << 4,
    F_MSR = 1u << 5,
    F_PAE = 1u << 6,
    F_MCE = 1u << 7,
    F_CX8 = 1u << 8,
    F_APIC = 1u << 9,
    F_SEP = 1u << 11,
    F_MTRR = 1u << 12,
    F_PGE = 1u << 13,
    F_MCA = 1u << 14,
    F_CMOV = 1u << 15,
    F_PAT = 1u << 16,
    F_CLFLUSH = 1u << 19,
    F_MMX = 1u << 23,
    F_FXSR = 1u << 24,
    F_SSE = 1u << 25,
    F_SSE2 = 1u << 26,
};
/* CPUID.01H:ECX. */
enum {
    F_SSE3 = 1u << 0,
    F_SSSE3 = 1u << 9,
    F_SSE41 = 1u << 19,
    F_SSE42 = 1u << 20,
    F_POPCNT = 1u << 23,
    F_TSC_DEADLINE = 1u << 24,
    F_RDRAND = 1u << 30,
};
/* CPUID.(EAX=07H,ECX=0):EBX. */
enum { F7_RDSEED = 1u << 18 };
/* CPUID.80000001H:EDX and ECX. */
enum { FX_MMXEXT = 1u << 22, FX_NX = 1u << 20, FX_PREFETCHW = 1u << 8 };

struct mon_model {
    const char *name, *description, *vendor; /* vendor: 12 characters */
    const char *brand;                       /* up to 47 characters, or NULL: no brand string leaves */
    uint32_t signature;                      /* leaf 1 EAX: type, family, model, stepping */
    uint32_t edx, ecx, leaf7_ebx, ext_edx, ext_ecx;
    uint32_t max_leaf, max_ext; /* max_ext 0: no extended leaves */
    bool invariant_tsc;
};

/* NULL: the default. NULL is returned for an unknown name. */
const struct mon_model *mon_model_find(const char *name);
/* All names, NULL-terminated, the default first. */
const char *const *mon_model_names(void);
/* enum dec_feature bits of the model on this host. */
uint32_t mon_model_features(const struct mon_model *m);
/* CR4 bits the model has. */
uint32_t mon_model_cr4_mask(const struct mon_model *m);
/* Model's feature words on this host. */
uint32_t mon_model_edx(const struct mon_model *m);
uint32_t mon_model_ecx(const struct mon_model *m);
uint32_t mon_model_ext_edx(const struct mon_model *m);
static inline unsigned mon_model_family(const struct mon_model *m) { return m->signature >> 8 & 15; }
bool mon_model_is_amd(const struct mon_model *m);
/* Can this host execute both RDRAND and RDSEED? */
bool mon_host_has_random(void);
#endif
