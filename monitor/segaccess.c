/*
 * segaccess.c: what a helper needs to reach its operands: registers by size,
 * effective addresses, and memory through segmentation and paging.
 *
 * Callers: every op. Manual: SDM vol. 3 "Limit Checking", "Type Checking", "Interrupt
 * 17 - Alignment Check Exception (#AC)" (its table: which operand is aligned to what).
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

bool mon_aligned(const struct vcpu *v, uint32_t lin, uint32_t align) {
    return !(lin & (align - 1)) || v->cpu.cpl != 3 || !(v->cpu.flags_sys & EFL_AC) || !(v->cpu.cr0 & CR0_AM);
}

/* Of words, doublewords, table registers (6 bytes) and pairs; what has parts of its own is not asked about here. */
static uint32_t natural_alignment(uint32_t size) { return size == 2 ? 2 : size == 4 || size == 6 || size == 8 ? 4 : 1; }

static bool check_as(struct vcpu *v, int seg, uint32_t off, uint32_t size, uint32_t align, bool write, struct gva *lin,
                     struct guest_fault *f) {
    const struct bt_seg *s = &v->cpu.seg[seg];
    if (vcpu_protected(v) && !vcpu_v86(v) && !type_allows(s, write)) return mon_fail(f, VEC_GP, 0);
    if (!mon_in_limit(s, off, size)) return mon_fail(f, seg == DEC_SS ? VEC_SS : VEC_GP, 0);
    *lin = gva(s->base + off);
    return mon_aligned(v, lin->v, align) || mon_fail(f, VEC_AC, 0);
}

bool mon_seg_check(struct vcpu *v, int seg, uint32_t off, uint32_t size, bool write, struct gva *lin,
                   struct guest_fault *f) {
    return check_as(v, seg, off, size, natural_alignment(size), write, lin, f);
}

static unsigned privilege(const struct vcpu *v) { return v->cpu.cpl == 3 ? SMMU_USER : 0; }

bool mon_seg_read_as(struct vcpu *v, int seg, uint32_t off, void *buf, uint32_t size, uint32_t align,
                     struct guest_fault *f) {
    struct gva lin;
    return check_as(v, seg, off, size, align, false, &lin, f) &&
           smmu_read(v->cpu.smmu, lin, buf, size, SMMU_READ | privilege(v), f);
}

bool mon_seg_write_as(struct vcpu *v, int seg, uint32_t off, const void *buf, uint32_t size, uint32_t align,
                      struct guest_fault *f) {
    struct gva lin;
    return check_as(v, seg, off, size, align, true, &lin, f) &&
           smmu_write(v->cpu.smmu, lin, buf, size, SMMU_WRITE | privilege(v), f);
}

bool mon_seg_read(struct vcpu *v, int seg, uint32_t off, void *buf, uint32_t size, struct guest_fault *f) {
    return mon_seg_read_as(v, seg, off, buf, size, natural_alignment(size), f);
}

bool mon_seg_write(struct vcpu *v, int seg, uint32_t off, const void *buf, uint32_t size, struct guest_fault *f) {
    return mon_seg_write_as(v, seg, off, buf, size, natural_alignment(size), f);
}

bool mon_sys_write(struct vcpu *v, uint32_t lin, const void *buf, uint32_t size, struct guest_fault *f) {
    return smmu_write(v->cpu.smmu, gva(lin), buf, size, SMMU_WRITE, f);
}
