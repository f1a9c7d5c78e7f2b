/*
 * cpuid.c: the CPUID instruction and what follows from a model.
 *
 * Manual: SDM vol. 2 "CPUID - CPU Identification".
 */
#include <string.h>
#include "monitor/cpuid.h"
#include "monitor/monitor.h"

static const struct mon_model models[] = {
#define MODEL(n, d, v, b, sig, dx, cx, bx7, xdx, xcx, leaf, ext, tsc)                                                  \
    {.name = n,                                                                                                        \
     .description = d,                                                                                                 \
     .vendor = v,                                                                                                      \
     .brand = b,                                                                                                       \
     .signature = sig,                                                                                                 \
     .edx = dx,                                                                                                        \
     .ecx = cx,                                                                                                        \
     .leaf7_ebx = bx7,                                                                                                 \
     .ext_edx = xdx,                                                                                                   \
     .ext_ecx = xcx,                                                                                                   \
     .max_leaf = leaf,                                                                                                 \
     .max_ext = ext,                                                                                                   \
     .invariant_tsc = tsc},
#include "monitor/cpuid_models.def"
#undef MODEL
};
static const char *const names[] = {
#define MODEL(n, d, v, b, sig, dx, cx, bx7, xdx, xcx, leaf, ext, tsc) n,
#include "monitor/cpuid_models.def"
#undef MODEL
    NULL};
enum { MODELS = sizeof models / sizeof models[0] };

static bool same(const char *a, const char *b) {
    while (*a && *a == *b) a++, b++;
    return *a == *b;
}

const struct mon_model *mon_model_find(const char *name) {
    if (!name) return &models[0];
    for (unsigned i = 0; i < MODELS; i++)
        if (same(models[i].name, name)) return &models[i];
    return NULL;
}

const char *const *mon_model_names(void) { return names; }
const char *const *mon_cpu_names(void) { return names; }

const char *mon_cpu_description(const char *name) {
    const struct mon_model *m = mon_model_find(name);
    return m ? m->description : NULL;
}

/* ---- What the host can execute ---- */

struct regs {
    uint32_t eax, ebx, ecx, edx;
};

static struct regs host_cpuid(uint32_t leaf) {
    struct regs r;
    __asm__ volatile("cpuid" : "=a"(r.eax), "=b"(r.ebx), "=c"(r.ecx), "=d"(r.edx) : "a"(leaf), "c"(0));
    return r;
}

/* CPUID may trap to a hypervisor below us, so the host is asked once. A constant of the process, not state. */
static struct regs host_leaf1(void) {
    static struct regs cache;
    if (!cache.eax) cache = host_cpuid(1);
    return cache;
}

/* Bits that name instructions executed natively; the others are emulated and need no host support. */
enum { NATIVE_EDX = F_FPU | F_CX8 | F_CMOV | F_CLFLUSH | F_MMX | F_FXSR | F_SSE | F_SSE2 };
enum { NATIVE_ECX = F_SSE3 | F_SSSE3 | F_SSE41 | F_SSE42 | F_POPCNT };

uint32_t mon_model_edx(const struct mon_model *m) { return m->edx & (host_leaf1().edx | ~(uint32_t)NATIVE_EDX); }
uint32_t mon_model_ext_edx(const struct mon_model *m) { return m->ext_edx; }
uint32_t mon_model_ecx(const struct mon_model *m) { return m->ecx & (host_leaf1().ecx | ~(uint32_t)NATIVE_ECX); }

bool mon_host_has_random(void) {
    enum { LEAF = 7 };
    if (!(host_leaf1().ecx & F_RDRAND) || host_cpuid(0).eax < LEAF) return false;
    return host_cpuid(LEAF).ebx & F7_RDSEED;
}

bool mon_model_is_amd(const struct mon_model *m) { return m->vendor[0] == 'A'; }

/* ---- Consequences ---- */

struct bit_pair {
    uint32_t from, to;
};

static uint32_t map_bits(uint32_t word, const struct bit_pair *pairs, unsigned count) {
    uint32_t out = 0;
    for (unsigned i = 0; i < count; i++)
        if (word & pairs[i].from) out |= pairs[i].to;
    return out;
}

uint32_t mon_model_features(const struct mon_model *m) {
    static const struct bit_pair edx[] = {{F_FPU, DEC_F_FPU},         {F_TSC, DEC_F_TSC},      {F_MSR, DEC_F_MSR},
                                          {F_CX8, DEC_F_CX8},         {F_SEP, DEC_F_SYSENTER}, {F_CMOV, DEC_F_CMOV},
                                          {F_CLFLUSH, DEC_F_CLFLUSH}, {F_MMX, DEC_F_MMX},      {F_FXSR, DEC_F_FXSR},
                                          {F_SSE, DEC_F_SSE},         {F_SSE2, DEC_F_SSE2}};
    static const struct bit_pair ecx[] = {{F_SSE3, DEC_F_SSE3},   {F_SSSE3, DEC_F_SSSE3},   {F_SSE41, DEC_F_SSE41},
                                          {F_SSE42, DEC_F_SSE42}, {F_POPCNT, DEC_F_POPCNT}, {F_RDRAND, DEC_F_RDRAND}};
    uint32_t out = map_bits(mon_model_edx(m), edx, sizeof edx / sizeof edx[0]);
    out |= map_bits(mon_model_ecx(m), ecx, sizeof ecx / sizeof ecx[0]);
    if (m->leaf7_ebx & F7_RDSEED) out |= DEC_F_RDSEED;
    if (m->ext_ecx & FX_PREFETCHW) out |= DEC_F_3DNOWPREFETCH;
    return mon_model_family(m) >= 6 ? out | DEC_F_NOPL : out;
}

uint32_t mon_model_cr4_mask(const struct mon_model *m) {
    static const struct bit_pair bits[] = {
        {F_VME, CR4_VME | CR4_PVI}, {F_TSC, CR4_TSD}, {F_DE, CR4_DE},   {F_PSE, CR4_PSE},     {F_PAE, CR4_PAE},
        {F_MCE, CR4_MCE},           {F_PGE, CR4_PGE}, {F_MMX, CR4_PCE}, {F_FXSR, CR4_OSFXSR}, {F_SSE, CR4_OSXMMEXCPT}};
    return map_bits(mon_model_edx(m), bits, sizeof bits / sizeof bits[0]);
}

/* ---- Leaves ---- */

static void leaf_vendor(const struct mon_model *m, uint32_t max, uint32_t out[4]) {
    out[0] = max;
    memcpy(&out[1], m->vendor, 4);
    memcpy(&out[3], m->vendor + 4, 4);
    memcpy(&out[2], m->vendor + 8, 4);
}

enum { APIC_BASE_ENABLE = 1u << 11, CLFLUSH_QWORDS = 8 };

/* The APIC bit follows IA32_APIC_BASE, SDM vol. 3 "Enabling or Disabling the Local APIC". */
static uint32_t current_edx(const struct vcpu *v) {
    uint32_t edx = mon_model_edx(v->model);
    return v->apic_base & APIC_BASE_ENABLE ? edx : edx & ~(uint32_t)F_APIC;
}

static void leaf_features(const struct vcpu *v, uint32_t out[4]) {
    out[0] = v->model->signature;
    out[1] = v->model->edx & F_CLFLUSH ? CLFLUSH_QWORDS << 8 | 1u << 16 : 0;
    out[2] = mon_model_ecx(v->model);
    out[3] = current_edx(v);
}

/* Descriptors: 32K L1 code and data, 512K L2, 4K-page TLBs. */
static void leaf_caches(uint32_t out[4]) {
    out[0] = 0x00B3B001;
    out[3] = 0x2C307D00;
}

/* Deterministic cache parameters: ways, sets, 64-byte lines. */
static void leaf_cache_params(uint32_t sub, uint32_t out[4]) {
    static const struct {
        uint8_t type, level, ways;
        uint16_t sets;
    } caches[] = {{1, 1, 8, 64}, {2, 1, 8, 64}, {3, 2, 8, 1024}};
    if (sub >= sizeof caches / sizeof caches[0]) return;
    out[0] = caches[sub].type | (uint32_t)caches[sub].level << 5 | 1u << 8;
    out[1] = (caches[sub].ways - 1u) << 22 | 63;
    out[2] = caches[sub].sets - 1u;
}

static void basic_leaf(const struct vcpu *v, uint32_t leaf, uint32_t sub, uint32_t out[4]) {
    switch (leaf) {
    case 0: leaf_vendor(v->model, v->model->max_leaf, out); break;
    case 1: leaf_features(v, out); break;
    case 2: leaf_caches(out); break;
    case 4: leaf_cache_params(sub, out); break;
    case 6: out[0] = 1u << 2; break; /* ARAT: the APIC timer never stops */
    case 7: out[1] = sub == 0 ? v->model->leaf7_ebx : 0; break;
    default: break; /* 3: no serial number; 5: no MONITOR; 10: no performance counters */
    }
}

static void leaf_brand(const struct mon_model *m, unsigned part, uint32_t out[4]) {
    char text[48] = {0};
    for (unsigned i = 0; i < sizeof text - 1 && m->brand[i]; i++) text[i] = m->brand[i];
    memcpy(out, text + part * 16, 16);
}

/* AMD repeats leaf 1; bits 11 and 25 mean SYSCALL and a faster FXSAVE there. */
static uint32_t amd_ext_edx(const struct vcpu *v) {
    uint32_t repeated = current_edx(v) & ~(uint32_t)(F_SEP | F_SSE);
    return v->model->ext_edx & (repeated | FX_MMXEXT | FX_NX);
}

static void extended_leaf(const struct vcpu *v, uint32_t leaf, uint32_t out[4]) {
    const struct mon_model *m = v->model;
    switch (leaf - 0x80000000u) {
    case 0:
        out[0] = m->max_ext;
        if (mon_model_is_amd(m)) leaf_vendor(m, m->max_ext, out);
        break;
    case 1:
        out[0] = mon_model_is_amd(m) ? m->signature : 0;
        out[2] = m->ext_ecx;
        out[3] = mon_model_is_amd(m) ? amd_ext_edx(v) : m->ext_edx;
        break;
    case 2:
    case 3:
    case 4: leaf_brand(m, leaf - 0x80000002u, out); break;
    case 6: out[2] = 0x02008040; break; /* 512K L2, 8 ways, 64-byte lines */
    case 7: out[3] = m->invariant_tsc ? 1u << 8 : 0; break;
    case 8: out[0] = 0x2024; break; /* 36 physical, 32 linear address bits */
    default: break;
    }
}

void mon_cpuid(struct vcpu *v, uint32_t leaf, uint32_t subleaf, uint32_t out[4]) {
    const struct mon_model *m = v->model;
    out[0] = out[1] = out[2] = out[3] = 0;
    if (leaf >= 0x80000000u && m->max_ext && leaf <= m->max_ext) {
        extended_leaf(v, leaf, out);
        return;
    }
    /* Beyond the last leaf: Intel gives the data of the highest basic leaf. */
    if (leaf > m->max_leaf) leaf = m->max_leaf;
    basic_leaf(v, leaf, subleaf, out);
}

/* Leaves 4 and 7, and what is answered as if it were one of them. */
bool mon_cpuid_has_subleaves(const struct vcpu *v, uint32_t leaf) {
    bool basic = leaf < 0x80000000u || !v->model->max_ext || leaf > v->model->max_ext;
    if (basic && leaf > v->model->max_leaf) leaf = v->model->max_leaf;
    return leaf == 4 || leaf == 7;
}
