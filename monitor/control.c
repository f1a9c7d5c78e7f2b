/*
 * control.c: CR0, CR3 and CR4, and the paging state they make.
 *
 * Manual: SDM vol. 3 "Control Registers", "PDPTE Registers", "Operations that
 * Invalidate TLBs and Paging-Structure Caches".
 */
#include "monitor/control.h"
#include "monitor/cpuid.h"
#include "monitor/machine.h"

enum {
    CR0_WRITABLE = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_NE | CR0_WP | CR0_AM | CR0_NW | CR0_CD | (int)CR0_PG,
    CR0_FLUSH = CR0_PE | CR0_WP | (int)CR0_PG,
    CR4_FLUSH = CR4_PSE | CR4_PAE | CR4_PGE,
};
enum { PDPTE_P = 1, PDPTE_RESERVED_LOW = 0x1E6 }; /* bits 1-2 and 5-8 */

void mon_update_paging(struct vcpu *v, bool flush_global) {
    struct smmu_paging p = {.cr0 = v->cpu.cr0, .cr3 = v->cr3, .cr4 = v->cpu.cr4, .nxe = (v->efer & 1u << 11) != 0};
    for (int i = 0; i < 4; i++) p.pdpte[i] = v->pdpte[i];
    smmu_set_paging(v->cpu.smmu, &p, flush_global);
}

static bool pae_active(uint32_t cr0, uint32_t cr4) { return cr0 & CR0_PG && cr4 & CR4_PAE; }

/* The four PDPTEs are physical memory, read without translation. */
static void read_pdptes(struct vcpu *v, uint32_t cr3, uint64_t out[4]) {
    smmu_mem_read(v->machine->mem, gpa(cr3 & ~0x1Fu), out, 4 * sizeof out[0]);
}

static bool pdptes_valid(const uint64_t pdpte[4]) {
    /* 36 physical address bits. */
    const uint64_t reserved = PDPTE_RESERVED_LOW | ~((UINT64_C(1) << 36) - 1);
    for (int i = 0; i < 4; i++)
        if (pdpte[i] & PDPTE_P && pdpte[i] & reserved) return false;
    return true;
}

/* Loads the PDPTE registers if (cr0, cr4) use them. */
static bool load_pdptes(struct vcpu *v, uint32_t cr0, uint32_t cr3, uint32_t cr4, struct guest_fault *f) {
    uint64_t pdpte[4];
    if (!pae_active(cr0, cr4)) return true;
    read_pdptes(v, cr3, pdpte);
    if (!pdptes_valid(pdpte)) return mon_fail(f, VEC_GP, 0);
    for (int i = 0; i < 4; i++) v->pdpte[i] = pdpte[i];
    return true;
}

static void note(struct vcpu *v, enum mon_seen_kind kind, uint32_t value) {
    struct machine *m = v->machine;
    if (watch_wants(m, kind)) watch_note(m, &(struct watch_event){.kind = kind, .value = value});
}

bool mon_load_cr3(struct vcpu *v, uint32_t value, struct guest_fault *f) {
    if (!load_pdptes(v, v->cpu.cr0, value, v->cpu.cr4, f)) return false;
    v->cr3 = value;
    note(v, MON_SEEN_CR3, value);
    mon_update_paging(v, false);
    return true;
}

/* What bt derives from a segment depends on PE: real mode has no types. */
static void refresh_segments(struct vcpu *v) {
    for (int i = 0; i < DEC_SEG_COUNT; i++) bt_seg_loaded(&v->cpu, i);
}

bool mon_set_cr0(struct vcpu *v, uint32_t value, struct guest_fault *f) {
    uint32_t old = v->cpu.cr0;
    value = (value & CR0_WRITABLE) | CR0_ET;
    if ((value & CR0_PG && !(value & CR0_PE)) || (value & CR0_NW && !(value & CR0_CD))) return mon_fail(f, VEC_GP, 0);
    bool loads_pdptes = (old ^ value) & (CR0_PG | CR0_CD | CR0_NW);
    if (loads_pdptes && !load_pdptes(v, value, v->cr3, v->cpu.cr4, f)) return false;
    v->cpu.cr0 = value;
    if ((old ^ value) & (CR0_PE | CR0_PG)) note(v, MON_SEEN_MODE, value);
    if ((old ^ value) & CR0_PE) refresh_segments(v);
    if ((old ^ value) & CR0_FLUSH) mon_update_paging(v, true);
    return true;
}

bool mon_set_cr4(struct vcpu *v, uint32_t value, struct guest_fault *f) {
    uint32_t old = v->cpu.cr4;
    if (value & ~mon_model_cr4_mask(v->model)) return mon_fail(f, VEC_GP, 0);
    bool loads_pdptes = (old ^ value) & (CR4_PAE | CR4_PGE | CR4_PSE);
    if (loads_pdptes && !load_pdptes(v, v->cpu.cr0, v->cr3, value, f)) return false;
    v->cpu.cr4 = value;
    if ((old ^ value) & CR4_FLUSH) mon_update_paging(v, true);
    return true;
}
