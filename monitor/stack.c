/*
 * stack.c: see stack.h.
 *
 * The stack pointer wraps at 64 KiB where SS.B is clear; each item is checked
 * against the limit on its own, so a frame that wraps is written in pieces.
 */
#include "monitor/stack.h"

static uint32_t sp_mask(const struct bt_seg *ss) { return ss->attr & BT_ATTR_DB ? UINT32_MAX : 0xFFFF; }

struct mon_stack mon_stack_current(const struct vcpu *v) {
    return (struct mon_stack){
        .ss = v->cpu.seg[DEC_SS], .esp = v->cpu.gpr[DEC_ESP], .access = v->cpu.cpl == 3 ? SMMU_USER : 0};
}

static void move(struct mon_stack *st, uint32_t delta) {
    uint32_t mask = sp_mask(&st->ss);
    st->esp = (st->esp & ~mask) | ((st->esp + delta) & mask);
}

void mon_stack_drop(struct mon_stack *st, uint32_t n) { move(st, n); }

void mon_stack_set_esp(struct vcpu *v, const struct mon_stack *st) {
    uint32_t mask = sp_mask(&st->ss);
    v->cpu.gpr[DEC_ESP] = (v->cpu.gpr[DEC_ESP] & ~mask) | (st->esp & mask);
}

/* [off, off+n) without passing the stack pointer's wrap point. */
static bool contiguous(const struct mon_stack *st, uint32_t off, uint32_t n) { return n - 1 <= sp_mask(&st->ss) - off; }

static bool check(const struct mon_stack *st, uint32_t off, uint32_t n, struct guest_fault *f) {
    return mon_in_limit(&st->ss, off, n) || mon_fail(f, VEC_SS, st->error);
}

/* Frames on an inner stack are the processor's own accesses, and never checked for alignment. */
static bool aligned(const struct vcpu *v, const struct mon_stack *st, uint32_t off, unsigned unit) {
    return st->access != SMMU_USER || mon_aligned(v, st->ss.base + off, unit);
}

static bool push_pieces(struct vcpu *v, const struct mon_stack *st, const struct mon_pushes *p, struct guest_fault *f) {
    uint32_t mask = sp_mask(&st->ss);
    unsigned access = SMMU_WRITE | st->access;
    for (unsigned done = p->unit; done <= p->used; done += p->unit) {
        uint32_t off = (st->esp - done) & mask;
        if (!check(st, off, p->unit, f)) return false;
        if (!aligned(v, st, off, p->unit)) return mon_fail(f, VEC_AC, 0);
        if (!smmu_probe_write(v->cpu.smmu, gva(st->ss.base + off), p->unit, access, f)) return false;
    }
    for (unsigned done = p->unit; done <= p->used; done += p->unit) {
        uint32_t off = (st->esp - done) & mask;
        if (!smmu_write(v->cpu.smmu, gva(st->ss.base + off), &p->buf[MON_PUSH_BYTES - done], p->unit, access, f))
            return false;
    }
    return true;
}

/* The common frames are a few words in a page that the TLB knows. */
static bool write_frame(struct vcpu *v, struct gva lin, const uint8_t *bytes, uint32_t size, unsigned access,
                        struct guest_fault *f) {
    uint8_t *hit = smmu_tlb_hit(v->cpu.smmu, lin, size, access == SMMU_USER, true);
    if (!hit) return smmu_write(v->cpu.smmu, lin, bytes, size, SMMU_WRITE | access, f);
    memcpy(hit, bytes, size);
    return true;
}

static bool read_frame(struct vcpu *v, struct gva lin, uint8_t *bytes, uint32_t size, unsigned access,
                       struct guest_fault *f) {
    const uint8_t *hit = smmu_tlb_hit(v->cpu.smmu, lin, size, access == SMMU_USER, false);
    if (!hit) return smmu_read(v->cpu.smmu, lin, bytes, size, access, f);
    memcpy(bytes, hit, size);
    return true;
}

bool mon_push_commit(struct vcpu *v, struct mon_stack *st, const struct mon_pushes *p, struct guest_fault *f) {
    if (!p->used) return true;
    uint32_t off = (st->esp - p->used) & sp_mask(&st->ss);
    bool whole = contiguous(st, off, p->used) && mon_in_limit(&st->ss, off, p->used) && aligned(v, st, off, p->unit) &&
                 write_frame(v, gva(st->ss.base + off), &p->buf[MON_PUSH_BYTES - p->used], p->used, st->access, f);
    /* Item by item, so that a fault is that of the one pushed first. */
    if (!whole && !push_pieces(v, st, p, f)) return false;
    move(st, -p->used);
    return true;
}

static uint32_t item(const uint8_t *bytes, unsigned unit) {
    uint32_t value;
    uint16_t low;
    memcpy(&value, bytes, 4); /* buf has room behind the last item */
    memcpy(&low, bytes, 2);
    return unit == 4 ? value : low;
}

bool mon_stack_peek(struct vcpu *v, const struct mon_stack *st, uint32_t skip, unsigned unit, uint32_t *items,
                    unsigned count, struct guest_fault *f) {
    uint8_t buf[MON_PUSH_BYTES + 2];
    uint32_t mask = sp_mask(&st->ss), off = (st->esp + skip) & mask, size = unit * count;
    if (!size) return true;
    if (contiguous(st, off, size)) {
        if (!check(st, off, size, f)) return false;
        if (!aligned(v, st, off, unit)) return mon_fail(f, VEC_AC, 0);
        if (!read_frame(v, gva(st->ss.base + off), buf, size, st->access, f)) return false;
    } else {
        for (unsigned i = 0; i < count; i++) {
            uint32_t at = (off + i * unit) & mask;
            if (!check(st, at, unit, f)) return false;
            if (!aligned(v, st, at, unit)) return mon_fail(f, VEC_AC, 0);
            if (!smmu_read(v->cpu.smmu, gva(st->ss.base + at), buf + i * unit, unit, st->access, f)) return false;
        }
    }
    for (unsigned i = 0; i < count; i++) items[i] = item(buf + i * unit, unit);
    return true;
}

bool mon_push_one(struct vcpu *v, unsigned unit, uint32_t value, struct guest_fault *f) {
    struct mon_stack st = mon_stack_current(v);
    struct mon_pushes p;
    mon_push_begin(&p, unit);
    mon_push(&p, value);
    if (!mon_push_commit(v, &st, &p, f)) return false;
    mon_stack_set_esp(v, &st);
    return true;
}

bool mon_peek_one(struct vcpu *v, unsigned unit, uint32_t *value, struct guest_fault *f) {
    struct mon_stack st = mon_stack_current(v);
    return mon_stack_peek(v, &st, 0, unit, value, 1, f);
}
