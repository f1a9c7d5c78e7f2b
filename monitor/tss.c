/*
 * tss.c: reads of the current TSS.
 *
 * All are implicit supervisor accesses. Manual: SDM vol. 3 "Task-State
 * Segment (TSS)"; vol. 1 "I/O Permission Bit Map".
 */
#include "monitor/tss.h"

enum { TSS_IOMAP = 102, VME_MAP_BYTES = 32 };

static bool read_tss(struct vcpu *v, uint32_t off, void *buf, uint32_t size, struct guest_fault *f) {
    return mon_sys_read(v, v->tr.base + off, buf, size, f);
}

static bool read_inner_pointer(struct vcpu *v, unsigned level, uint16_t *ss, uint32_t *esp, struct guest_fault *f) {
    struct {
        uint32_t esp;
        uint16_t ss;
    } __attribute__((packed)) p32;
    struct {
        uint16_t sp, ss;
    } p16;
    bool is32 = tss_is32(v->tr.attr);
    uint32_t off = is32 ? 4 + level * 8 : 2 + level * 4;
    if (!v->tr.attr || off + (is32 ? 5 : 3) > v->tr.limit) return mon_fail(f, VEC_TS, sel_error(v->tr.selector));
    if (is32) {
        if (!read_tss(v, off, &p32, sizeof p32, f)) return false;
        *esp = p32.esp, *ss = p32.ss;
    } else {
        if (!read_tss(v, off, &p16, sizeof p16, f)) return false;
        *esp = p16.sp, *ss = p16.ss;
    }
    return true;
}

bool mon_inner_stack(struct vcpu *v, unsigned level, struct mon_stack *out, struct guest_fault *f) {
    uint16_t ss;
    uint32_t esp;
    struct mon_desc d;
    if (!read_inner_pointer(v, level, &ss, &esp, f)) return false;
    if (!mon_check_stack_desc(v, ss, level, VEC_TS, &d, f)) return false;
    if (!mon_desc_accessed(v, ss, &d, f)) return false;
    *out = (struct mon_stack){
        .ss = mon_seg_from_desc(ss, &d), .esp = esp, .access = level == 3 ? SMMU_USER : 0, .error = sel_error(ss)};
    return true;
}

static bool bitmap_allows(struct vcpu *v, uint16_t port, unsigned size, struct guest_fault *f) {
    uint16_t map_base;
    uint8_t bits[2];
    if (!tss_is32(v->tr.attr) || v->tr.limit < TSS_IOMAP + 1) return mon_fail(f, VEC_GP, 0);
    if (!read_tss(v, TSS_IOMAP, &map_base, 2, f)) return false;
    /* Two bytes are always read, so that an access may straddle them. */
    uint32_t off = map_base + port / 8u;
    if (off + 1 > v->tr.limit) return mon_fail(f, VEC_GP, 0);
    if (!read_tss(v, off, bits, 2, f)) return false;
    unsigned mask = ((1u << size) - 1) << (port & 7);
    if (((unsigned)bits[0] | (unsigned)bits[1] << 8) & mask) return mon_fail(f, VEC_GP, 0);
    return true;
}

bool mon_io_allowed(struct vcpu *v, uint16_t port, unsigned size, struct guest_fault *f) {
    if (!vcpu_protected(v)) return true;
    unsigned iopl = (v->cpu.flags_sys & EFL_IOPL) >> EFL_IOPL_SHIFT;
    if (!vcpu_v86(v) && v->cpu.cpl <= iopl) return true;
    return bitmap_allows(v, port, size, f);
}

bool mon_vme_redirects(struct vcpu *v, uint8_t vector, bool *redirect, struct guest_fault *f) {
    uint16_t map_base;
    uint8_t bits;
    *redirect = false;
    if (!(v->cpu.cr4 & CR4_VME) || !tss_is32(v->tr.attr)) return true;
    if (v->tr.limit < TSS_IOMAP + 1) return mon_fail(f, VEC_GP, 0);
    if (!read_tss(v, TSS_IOMAP, &map_base, 2, f)) return false;
    uint32_t off = (uint32_t)map_base - VME_MAP_BYTES + vector / 8u;
    if (map_base < VME_MAP_BYTES || off > v->tr.limit) return mon_fail(f, VEC_GP, 0);
    if (!read_tss(v, off, &bits, 1, f)) return false;
    *redirect = !(bits >> (vector & 7) & 1);
    return true;
}
