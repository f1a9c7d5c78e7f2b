/*
 * msr.c: reads and writes of model-specific registers, from the rows of msrs.def.
 *
 * MTRRs and PAT are stored and otherwise without effect: memory types do not
 * exist here. Manual: SDM vol. 4; vol. 3 "Memory Type Range Registers (MTRRs)".
 */
#include "monitor/msr.h"
#include <string.h>
#include "devemu/clock.h"
#include "monitor/cpuid.h"
#include "monitor/machine.h"

enum { NEED_AMD = 1u << 31, NEED_P5 = 1u << 30, NEED_NX = 1u << 29, NEED_TSC_DEADLINE = 1u << 28 };
enum { EFER_NXE = 1u << 11 };
enum { APIC_BASE_BSP = 1u << 8, APIC_BASE_EN = 1u << 11, APIC_BASE_RESERVED = 0x6FF /* and bits 36 up */ };
enum { MTRR_VCNT = 8, MTRR_FIX = 1u << 8, MTRR_WC = 1u << 10 };
enum { UCODE_REVISION = 0x218 }; /* high enough that no guest suspects the 4-MiB page erratum of this core */
#define PHYS_MASK         ((UINT64_C(1) << 36) - 1)
#define PAT_RESET         UINT64_C(0x0007040600070406)
#define APIC_BASE_ADDRESS UINT64_C(0xFEE00000)
#define MISC_ENABLE_RESET UINT64_C(0x1801) /* fast strings; no BTS, no PEBS */

typedef bool read_fn(struct vcpu *v, uint32_t index, uint64_t *value);
typedef bool write_fn(struct vcpu *v, uint32_t index, uint64_t value);

#define UNUSED(x) (void)(x)

static bool read_none(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(v), UNUSED(index), UNUSED(value);
    return false;
}
static bool write_none(struct vcpu *v, uint32_t index, uint64_t value) {
    UNUSED(v), UNUSED(index), UNUSED(value);
    return false;
}
static bool read_zero(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(v), UNUSED(index);
    *value = 0;
    return true;
}
static bool write_drop(struct vcpu *v, uint32_t index, uint64_t value) {
    UNUSED(v), UNUSED(index), UNUSED(value);
    return true;
}
static bool read_locked(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(v), UNUSED(index);
    *value = 1;
    return true;
}
static bool read_ucode(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(index);
    *value = mon_model_is_amd(v->model) ? 0 : (uint64_t)UCODE_REVISION << 32;
    return true;
}
static bool read_mtrrcap(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(v), UNUSED(index);
    *value = MTRR_VCNT | MTRR_FIX | MTRR_WC;
    return true;
}

/* ---- Plain storage; write accepts what `valid` allows ---- */

static bool valid_any(uint64_t value) {
    UNUSED(value);
    return true;
}
static bool valid_memory_type(uint64_t type) { return type <= 1 || (type >= 4 && type <= 6); }
static bool valid_types(uint64_t value, bool pat) {
    for (int i = 0; i < 64; i += 8) {
        uint64_t type = value >> i & 0xFF;
        if (!valid_memory_type(type) && !(pat && type == 7)) return false;
    }
    return true;
}
static bool valid_pat(uint64_t value) { return valid_types(value, true); }
static bool valid_mtrr_def(uint64_t value) { return !(value & ~UINT64_C(0xCFF)) && valid_memory_type(value & 0xFF); }

#define STORAGE(name, field, type, valid)                                                                              \
    static bool read_##name(struct vcpu *v, uint32_t index, uint64_t *value) {                                         \
        UNUSED(index);                                                                                                 \
        *value = v->field;                                                                                             \
        return true;                                                                                                   \
    }                                                                                                                  \
    static bool write_##name(struct vcpu *v, uint32_t index, uint64_t value) {                                         \
        UNUSED(index);                                                                                                 \
        if (!valid(value)) return false;                                                                               \
        v->field = (type)value;                                                                                        \
        return true;                                                                                                   \
    }
STORAGE(sysenter_cs, sysenter_cs, uint32_t, valid_any)
STORAGE(sysenter_esp, sysenter_esp, uint32_t, valid_any)
STORAGE(sysenter_eip, sysenter_eip, uint32_t, valid_any)
STORAGE(mcg_status, mcg_status, uint64_t, valid_any)
STORAGE(misc_enable, misc_enable, uint64_t, valid_any)
STORAGE(pat, pat, uint64_t, valid_pat)
STORAGE(mtrr_def, mtrr_def_type, uint64_t, valid_mtrr_def)

static unsigned fixed_slot(uint32_t index) {
    if (index == 0x250) return 0;
    return index < 0x260 ? index - 0x258 + 1 : index - 0x268 + 3;
}
static bool read_mtrr_fixed(struct vcpu *v, uint32_t index, uint64_t *value) {
    *value = v->mtrr_fixed[fixed_slot(index)];
    return true;
}
static bool write_mtrr_fixed(struct vcpu *v, uint32_t index, uint64_t value) {
    if (!valid_types(value, false)) return false;
    v->mtrr_fixed[fixed_slot(index)] = value;
    return true;
}
static bool read_mtrr_var(struct vcpu *v, uint32_t index, uint64_t *value) {
    *value = v->mtrr_var[index - 0x200];
    return true;
}
static bool write_mtrr_var(struct vcpu *v, uint32_t index, uint64_t value) {
    bool mask = index & 1;
    uint64_t reserved = ~PHYS_MASK | (mask ? 0x7FF : 0xF00);
    if (value & reserved || (!mask && !valid_memory_type(value & 0xFF))) return false;
    v->mtrr_var[index - 0x200] = value;
    return true;
}

/* ---- Registers with effects ---- */

static bool read_tsc(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(index);
    *value = mon_guest_tsc(v);
    return true;
}
static bool write_tsc(struct vcpu *v, uint32_t index, uint64_t value) {
    UNUSED(index);
    v->cpu.tsc_offset += (int64_t)(value - mon_guest_tsc(v));
    mon_tsc_changed(v);
    return true;
}
static bool read_tsc_deadline(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(index);
    *value = mon_tsc_deadline(v);
    return true;
}
static bool write_tsc_deadline(struct vcpu *v, uint32_t index, uint64_t value) {
    UNUSED(index);
    mon_set_tsc_deadline(v, value);
    return true;
}
static bool read_apic_base(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(index);
    *value = v->apic_base;
    return true;
}
static bool write_apic_base(struct vcpu *v, uint32_t index, uint64_t value) {
    UNUSED(index);
    if (value & (APIC_BASE_RESERVED | ~PHYS_MASK)) return false;
    bt_fpu_park(&v->cpu);
    mon_set_apic_base(v, value);
    return true;
}
static bool read_efer(struct vcpu *v, uint32_t index, uint64_t *value) {
    UNUSED(index);
    *value = v->efer;
    return true;
}
static bool write_efer(struct vcpu *v, uint32_t index, uint64_t value) {
    UNUSED(index);
    if (value & ~(uint64_t)EFER_NXE) return false;
    bool changed = v->efer != value;
    v->efer = value;
    if (changed) mon_update_paging(v, true);
    return true;
}

/* ---- Dispatch ---- */

struct msr {
    uint32_t first, last, need;
    read_fn *read;
    write_fn *write;
};
static const struct msr msrs[] = {
#define MSR(lo, hi, r, w, bit, title) {lo, hi, bit, read_##r, write_##w},
#include "monitor/msrs.def"
#undef MSR
};

static bool model_has(const struct mon_model *m, uint32_t need) {
    switch (need) {
    case 0: return true;
    case NEED_AMD: return mon_model_is_amd(m);
    case NEED_P5: return mon_model_family(m) == 5;
    case NEED_NX: return (mon_model_ext_edx(m) & FX_NX) != 0;
    case NEED_TSC_DEADLINE: return (m->ecx & F_TSC_DEADLINE) != 0;
    default: return (mon_model_edx(m) & need) != 0;
    }
}

static const struct msr *find(const struct vcpu *v, uint32_t index) {
    for (unsigned i = 0; i < sizeof msrs / sizeof msrs[0]; i++)
        if (index >= msrs[i].first && index <= msrs[i].last) return model_has(v->model, msrs[i].need) ? &msrs[i] : NULL;
    return NULL;
}

bool mon_msr_read(struct vcpu *v, uint32_t index, uint64_t *value) {
    const struct msr *m = find(v, index);
    return m && m->read(v, index, value);
}

bool mon_msr_write(struct vcpu *v, uint32_t index, uint64_t value) {
    const struct msr *m = find(v, index);
    return m && m->write(v, index, value);
}

void mon_msr_reset(struct vcpu *v) {
    v->sysenter_cs = v->sysenter_esp = v->sysenter_eip = 0;
    v->apic_base = mon_model_edx(v->model) & F_APIC ? APIC_BASE_ADDRESS | APIC_BASE_BSP | APIC_BASE_EN : 0;
    v->pat = PAT_RESET;
    v->misc_enable = MISC_ENABLE_RESET;
    v->mcg_status = v->mtrr_def_type = 0;
    memset(v->mtrr_fixed, 0, sizeof v->mtrr_fixed);
    memset(v->mtrr_var, 0, sizeof v->mtrr_var);
}

/* ---- Time-stamp counter ---- */

static uint64_t host_tsc(void) {
    uint32_t lo, hi;
    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

uint64_t mon_guest_tsc(const struct vcpu *v) {
    uint64_t ticks = host_tsc(), host_hz = v->machine ? v->machine->clock.tsc_hz : v->tsc_hz;
    if (!v->cpu.tsc_as_host && v->tsc_hz && host_hz && v->tsc_hz != host_hz)
        ticks = (uint64_t)((unsigned __int128)ticks * v->tsc_hz / host_hz);
    return ticks + (uint64_t)v->cpu.tsc_offset;
}

uint64_t mon_ns_until_tsc(const struct vcpu *v, uint64_t tsc) {
    enum { FAR_S = 1 << 30 };
    uint64_t now = mon_guest_tsc(v), hz = v->tsc_hz;
    if (now >= tsc) return 0;
    if (!hz || (tsc - now) / hz >= FAR_S) return FAR_S * DEV_NS_PER_S;
    return dev_ticks_to_ns(tsc - now, hz);
}
