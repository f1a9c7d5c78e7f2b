/*
 * segment.c: descriptors in the GDT and LDT, and loads of data and stack segments.
 *
 * Invariant: a load that fails changes no register. Descriptor reads are
 * supervisor accesses at any CPL. Manual: SDM vol. 3 "Segmentation
 * Mechanism", "Privilege Level Checking"; vol. 2 "MOV - Move".
 */
#include "monitor/segment.h"

bool mon_desc_address(const struct vcpu *v, uint16_t selector, uint32_t *lin) {
    uint32_t offset = selector & 0xFFF8u;
    bool ldt = sel_ldt(selector);
    if (ldt && !v->ldtr.attr) return false;
    uint32_t limit = ldt ? v->ldtr.limit : v->gdt.limit;
    if (offset + 7 > limit) return false;
    *lin = (ldt ? v->ldtr.base : v->gdt.base) + offset;
    return true;
}

bool mon_desc_fetch(struct vcpu *v, uint16_t selector, int vector, struct mon_desc *d, struct guest_fault *f) {
    uint32_t lin;
    if (!mon_desc_address(v, selector, &lin)) return mon_fail(f, vector, sel_error(selector));
    return mon_sys_read(v, lin, d, sizeof *d, f);
}

/* Rewrites the byte that holds type, S, DPL and P. */
static bool write_access_byte(struct vcpu *v, uint16_t selector, uint32_t hi, struct guest_fault *f) {
    uint32_t lin;
    uint8_t byte = (uint8_t)(hi >> 8);
    if (!mon_desc_address(v, selector, &lin)) return mon_fail(f, VEC_GP, sel_error(selector));
    return mon_sys_write(v, lin + 5, &byte, 1, f);
}

bool mon_desc_accessed(struct vcpu *v, uint16_t selector, struct mon_desc *d, struct guest_fault *f) {
    uint32_t hi = d->hi | (uint32_t)BT_ATTR_ACCESSED << 8;
    if (hi == d->hi) return true;
    if (!write_access_byte(v, selector, hi, f)) return false;
    d->hi = hi;
    return true;
}

bool mon_desc_busy(struct vcpu *v, uint16_t selector, bool busy, struct guest_fault *f) {
    struct mon_desc d;
    if (!mon_desc_fetch(v, selector, VEC_GP, &d, f)) return false;
    uint32_t bit = (uint32_t)SYS_BUSY_BIT << 8;
    return write_access_byte(v, selector, busy ? d.hi | bit : d.hi & ~bit, f);
}

struct bt_seg mon_seg_from_desc(uint16_t selector, const struct mon_desc *d) {
    return (struct bt_seg){.base = desc_base(d), .limit = desc_limit(d), .selector = selector, .attr = desc_attr(d)};
}

static void put_seg(struct vcpu *v, int seg, struct bt_seg value) {
    v->cpu.seg[seg] = value;
    bt_seg_loaded(&v->cpu, seg);
}

void mon_set_seg(struct vcpu *v, int seg, uint16_t selector, const struct mon_desc *d) {
    put_seg(v, seg, mon_seg_from_desc(selector, d));
}

void mon_set_seg_null(struct vcpu *v, int seg, uint16_t selector) {
    put_seg(v, seg, (struct bt_seg){.selector = selector});
}

/* Real mode changes the base alone; limit, B and G survive from protected mode ("unreal mode"). A register that a null
 * selector had made unusable in protected mode becomes an ordinary one. */
void mon_set_seg_real(struct vcpu *v, int seg, uint16_t selector) {
    struct bt_seg s = v->cpu.seg[seg];
    if (!s.attr) s.limit = 0xFFFF;
    s.base = (uint32_t)selector << 4;
    s.selector = selector;
    s.attr = (uint16_t)((s.attr & ATTR_KEEP_REAL) | ATTR_REAL);
    put_seg(v, seg, s);
}

void mon_set_seg_v86(struct vcpu *v, int seg, uint16_t selector) {
    put_seg(v, seg,
            (struct bt_seg){.base = (uint32_t)selector << 4, .limit = 0xFFFF, .selector = selector, .attr = ATTR_V86});
}

void mon_set_cs(struct vcpu *v, uint16_t selector, const struct mon_desc *d, unsigned cpl) {
    v->cpu.cpl = (uint8_t)cpl;
    mon_set_seg(v, DEC_CS, (uint16_t)((selector & 0xFFFC) | cpl), d);
}

bool mon_check_stack_desc(struct vcpu *v, uint16_t selector, unsigned cpl, int vector, struct mon_desc *d,
                          struct guest_fault *f) {
    if (sel_null(selector)) return mon_fail(f, vector, 0);
    if (!mon_desc_fetch(v, selector, vector, d, f)) return false;
    if (sel_rpl(selector) != cpl || desc_dpl(d) != cpl || !attr_writable(desc_attr(d)))
        return mon_fail(f, vector, sel_error(selector));
    if (!desc_present(d)) return mon_fail(f, VEC_SS, sel_error(selector));
    return true;
}

static bool check_data_desc(const struct vcpu *v, uint16_t selector, const struct mon_desc *d, struct guest_fault *f) {
    uint16_t attr = desc_attr(d);
    if (!attr_readable(attr)) return mon_fail(f, VEC_GP, sel_error(selector));
    unsigned dpl = desc_dpl(d);
    if (!attr_conforming(attr) && (sel_rpl(selector) > dpl || v->cpu.cpl > dpl))
        return mon_fail(f, VEC_GP, sel_error(selector));
    if (!desc_present(d)) return mon_fail(f, VEC_NP, sel_error(selector));
    return true;
}

/* The descriptor is as it was when this selector was last loaded at this CPL: every check gives the same answer. */
static bool memo_hit(const struct vcpu *v, const struct vcpu_seg_memo *m, uint16_t selector, const struct mon_desc *d) {
    return m->selector == selector && m->cpl == v->cpu.cpl && m->lo == d->lo && m->hi == d->hi;
}

static bool load_checked(struct vcpu *v, int seg, uint16_t selector, struct mon_desc *d, struct guest_fault *f) {
    bool ok = seg == DEC_SS ? mon_check_stack_desc(v, selector, v->cpu.cpl, VEC_GP, d, f)
                            : check_data_desc(v, selector, d, f);
    if (!ok || !mon_desc_accessed(v, selector, d, f)) return false;
    v->seg_memo[seg] = (struct vcpu_seg_memo){
        .lo = d->lo, .hi = d->hi, .selector = selector, .cpl = v->cpu.cpl, .seg = mon_seg_from_desc(selector, d)};
    return true;
}

static bool load_protected(struct vcpu *v, int seg, uint16_t selector, struct guest_fault *f) {
    struct mon_desc d;
    uint32_t lin;
    if (sel_null(selector)) {
        if (seg == DEC_SS) return mon_fail(f, VEC_GP, 0);
        mon_set_seg_null(v, seg, selector);
        return true;
    }
    if (!mon_desc_address(v, selector, &lin)) return mon_fail(f, VEC_GP, sel_error(selector));
    if (!mon_sys_read(v, lin, &d, sizeof d, f)) return false;
    if (!memo_hit(v, &v->seg_memo[seg], selector, &d) && !load_checked(v, seg, selector, &d, f)) return false;
    put_seg(v, seg, v->seg_memo[seg].seg);
    if (seg != DEC_SS) bt_seg_from_table(&v->cpu, seg, lin, (uint64_t)d.hi << 32 | d.lo);
    return true;
}

bool mon_load_seg(struct vcpu *v, int seg, uint16_t selector, struct guest_fault *f) {
    if (vcpu_v86(v))
        mon_set_seg_v86(v, seg, selector);
    else if (!vcpu_protected(v))
        mon_set_seg_real(v, seg, selector);
    else
        return load_protected(v, seg, selector, f);
    return true;
}

/* SDM vol. 2 "RET", RETURN-TO-OUTER-PRIVILEGE-LEVEL: data and non-conforming code segments of inner rings. */
void mon_drop_inner_segs(struct vcpu *v) {
    static const uint8_t segs[] = {DEC_ES, DEC_FS, DEC_GS, DEC_DS};
    for (unsigned i = 0; i < sizeof segs; i++) {
        const struct bt_seg *s = &v->cpu.seg[segs[i]];
        if (s->attr && !attr_conforming(s->attr) && attr_dpl(s->attr) < v->cpu.cpl) mon_set_seg_null(v, segs[i], 0);
    }
}

enum bt_next mon_continue_or_exit(struct vcpu *v, uint32_t old_mode, uint32_t next) {
    if (bt_mode(&v->cpu) == old_mode) return BT_NEXT_CONTINUE;
    v->cpu.eip = next;
    return BT_NEXT_EXIT;
}
