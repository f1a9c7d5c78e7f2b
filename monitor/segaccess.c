/*
 * segaccess.c: what a helper needs to reach its operands: registers by size,
 * effective addresses, and memory through segmentation and paging.
 *
 * Callers: every op. Manual: SDM vol. 3 "Limit Checking", "Type Checking".
 */
#include "monitor/segment.h"

uint32_t mon_get_reg(const struct vcpu *v, unsigned reg, unsigned size) {
    const uint32_t *r = v->cpu.gpr;
    if (size == 1) return reg < 4 ? r[reg] & 0xFF : r[reg - 4] >> 8 & 0xFF;
    return size == 2 ? r[reg] & 0xFFFF : r[reg];
}

void mon_set_reg(struct vcpu *v, unsigned reg, unsigned size, uint32_t value) {
    uint32_t *r = v->cpu.gpr;
    if (size == 4)
        r[reg] = value;
    else if (size == 2)
        r[reg] = (r[reg] & 0xFFFF0000u) | (value & 0xFFFF);
    else if (reg < 4)
        r[reg] = (r[reg] & 0xFFFFFF00u) | (value & 0xFF);
    else
        r[reg - 4] = (r[reg - 4] & 0xFFFF00FFu) | (value & 0xFF) << 8;
}

uint32_t mon_ea(const struct vcpu *v, const struct insn *insn) {
    const struct dec_mem *m = &insn->mem;
    uint32_t ea = m->disp;
    if (m->base != DEC_NOREG) ea += v->cpu.gpr[m->base];
    if (m->index != DEC_NOREG) ea += v->cpu.gpr[m->index] * m->scale;
    return insn->addr_size == 2 ? ea & 0xFFFF : ea;
}

bool mon_in_limit(const struct bt_seg *s, uint32_t off, uint32_t size) {
    if (attr_expand_down(s->attr)) {
        uint32_t top = s->attr & BT_ATTR_DB ? UINT32_MAX : 0xFFFF;
        return off > s->limit && off <= top && size - 1 <= top - off;
    }
    /* With a 4-GiB limit an access may wrap: "behavior is implementation-specific" (SDM vol. 3 "Limit Checking"). */
    if (s->limit == UINT32_MAX) return true;
    return off <= s->limit && size - 1 <= s->limit - off;
}

/* Protected mode only: null selectors, writes to code or read-only data, reads of execute-only code. */
static bool type_allows(const struct bt_seg *s, bool write) {
    return write ? attr_writable(s->attr) : attr_readable(s->attr);
}

bool mon_seg_check(struct vcpu *v, int seg, uint32_t off, uint32_t size, bool write, struct gva *lin,
                   struct guest_fault *f) {
    const struct bt_seg *s = &v->cpu.seg[seg];
    if (vcpu_protected(v) && !vcpu_v86(v) && !type_allows(s, write)) return mon_fail(f, VEC_GP, 0);
    if (!mon_in_limit(s, off, size)) return mon_fail(f, seg == DEC_SS ? VEC_SS : VEC_GP, 0);
    *lin = gva(s->base + off);
    return true;
}

static unsigned privilege(const struct vcpu *v) { return v->cpu.cpl == 3 ? SMMU_USER : 0; }

bool mon_seg_read(struct vcpu *v, int seg, uint32_t off, void *buf, uint32_t size, struct guest_fault *f) {
    struct gva lin;
    return mon_seg_check(v, seg, off, size, false, &lin, f) &&
           smmu_read(v->cpu.smmu, lin, buf, size, SMMU_READ | privilege(v), f);
}

bool mon_seg_write(struct vcpu *v, int seg, uint32_t off, const void *buf, uint32_t size, struct guest_fault *f) {
    struct gva lin;
    return mon_seg_check(v, seg, off, size, true, &lin, f) &&
           smmu_write(v->cpu.smmu, lin, buf, size, SMMU_WRITE | privilege(v), f);
}

bool mon_sys_write(struct vcpu *v, uint32_t lin, const void *buf, uint32_t size, struct guest_fault *f) {
    return smmu_write(v->cpu.smmu, gva(lin), buf, size, SMMU_WRITE, f);
}
