/*
 * mode.c: what a translation depends on besides its bytes (the mode key), and
 * the derived segment values that emitted code reads.
 */
#include <string.h>

#include "bt/bt_internal.h"

enum {
    CR0_PE = 1u << 0,
    CR0_MP = 1u << 1,
    CR0_EM = 1u << 2,
    CR0_TS = 1u << 3,
    CR0_AM = 1u << 18,
    CR0_PG = 1u << 31,
    CR4_TSD = 1u << 2,
    CR4_OSFXSR = 1u << 9
};

/* Never zero when a selector is added. */
#define SEG_CHANGED (UINT64_C(1) << 32)

static bool flat_data(const struct bt_seg *s) {
    const uint16_t need = BT_ATTR_P | BT_ATTR_S | BT_ATTR_RW;
    return s->base == 0 && s->limit == 0xffffffffu && (s->attr & (need | BT_ATTR_CODE | BT_ATTR_EXPAND_DOWN)) == need;
}

static uint32_t seg_bits(const struct bt_seg *s, int seg, uint32_t *mask) {
    bool big = s->attr & BT_ATTR_DB;
    switch (seg) {
    case DEC_CS:
        *mask = MODE_CODE32 | MODE_CS_FLAT;
        return (big ? MODE_CODE32 : 0u) | (s->base == 0 && s->limit == 0xffffffffu ? MODE_CS_FLAT : 0u);
    case DEC_SS:
        *mask = MODE_STACK32 | MODE_SS_FLAT;
        return (big ? MODE_STACK32 : 0u) | (flat_data(s) ? MODE_SS_FLAT : 0u);
    case DEC_DS: *mask = MODE_DS_FLAT; return flat_data(s) ? MODE_DS_FLAT : 0;
    case DEC_ES: *mask = MODE_ES_FLAT; return flat_data(s) ? MODE_ES_FLAT : 0;
    default: *mask = 0; return 0;
    }
}

_Static_assert((int)MODE_PE == CR0_PE << MODE_CR0_SHIFT && (int)MODE_TS == CR0_TS << MODE_CR0_SHIFT &&
                   (int)MODE_FXSR == CR4_OSFXSR && (int)MODE_TSD == CR4_TSD << 17 && (int)MODE_VM == EFL_VM &&
                   (unsigned)MODE_PAGED == (unsigned)CR0_PG >> 16,
               "bits are moved together");

uint32_t bt_mode(const struct bt_cpu *c) {
    uint32_t m = c->p.seg_mode | (uint32_t)c->cpl << MODE_CPL_SHIFT | (c->flags_sys & EFL_VM) | (c->cr4 & CR4_OSFXSR) |
                 (c->cr0 & (CR0_PE | CR0_MP | CR0_EM | CR0_TS)) << MODE_CR0_SHIFT | (c->cr0 & CR0_PG) >> 16 |
                 (c->cr4 & CR4_TSD) << 17;
    if (c->flags_sys & EFL_AC && c->cr0 & CR0_AM && c->cpl == 3) m |= MODE_AC;
    if (c->cpl == 3 && smmu_space_mature(c->smmu)) m |= MODE_DIRECT;
    if (c->cpl == 3 && smmu_space_low(c->smmu)) m |= MODE_LOW;
    if (c->flags_sys & EFL_TF || c->irq_shadow || c->debug_step) m |= MODE_STEP;
    return m;
}

void bt_seg_loaded(struct bt_cpu *c, int seg) {
    const struct bt_seg *s = &c->seg[seg];
    bool usable = (s->attr & (BT_ATTR_P | BT_ATTR_S)) == (BT_ATTR_P | BT_ATTR_S);
    bool code = s->attr & BT_ATTR_CODE;
    bool expand_down = !code && s->attr & BT_ATTR_EXPAND_DOWN;
    /* In real and v8086 mode the type does not restrict accesses. */
    bool typeless = !(c->cr0 & CR0_PE) || c->flags_sys & EFL_VM;
    bool readable = typeless || !code || s->attr & BT_ATTR_RW;
    bool writable = typeless || (!code && s->attr & BT_ATTR_RW);
    uint64_t span = usable && !expand_down ? (uint64_t)s->limit + 1 : 0;
    c->p.seg_lim_r[seg] = readable ? span : 0;
    c->p.seg_lim_w[seg] = writable ? span : 0;
    bool plain = c->p.seg_lim_r[seg] == 1ull << 32 && c->p.seg_lim_w[seg] == 1ull << 32;
    c->p.seg_base_ptr[seg] = plain ? (uint64_t)(uintptr_t)&s->base : c->p.bad_seg;
    if (seg != DEC_FS && seg != DEC_GS) c->p.seg_same[seg].minus_selector = SEG_CHANGED;
    if (seg == DEC_CS && !typeless) c->p.last_cs[s->selector & 3] = s->selector;
    uint32_t mask, bits = seg_bits(s, seg, &mask);
    c->p.seg_mode = (c->p.seg_mode & ~mask) | bits;
}

void bt_seg_from_table(struct bt_cpu *c, int seg, uint32_t lin, uint64_t desc) {
    c->p.seg_same[seg] = (struct bt_seg_same){.minus_selector = 0 - (uint64_t)c->seg[seg].selector,
                                              .minus_desc = 0 - desc,
                                              .lin = lin,
                                              .lim_r = c->p.seg_lim_r[seg],
                                              .lim_w = c->p.seg_lim_w[seg],
                                              .base_ptr = c->p.seg_base_ptr[seg],
                                              .seg = c->seg[seg]};
}

void bt_tables_changed(struct bt_cpu *c) {
    for (int i = 0; i < DEC_SEG_COUNT; i++) c->p.seg_same[i].minus_selector = SEG_CHANGED;
}

void bt_table_loaded(struct bt_cpu *c, enum bt_table which, uint32_t base, uint16_t limit) {
    c->p.table_same[which] =
        (struct bt_table_same){.minus_base = 0 - (uint64_t)base, .minus_limit = 0 - (uint64_t)limit};
}

void bt_cpuid_known(struct bt_cpu *c, uint32_t leaf, const uint32_t out[4]) {
    struct bt_cpuid_same *s = c->p.cpuid_same;
    s[1] = s[0];
    s[0].minus_leaf = 0 - (uint64_t)leaf;
    memcpy(s[0].out, out, sizeof s[0].out);
}

/* Never zero when a leaf is added. */
void bt_msrs_changed(struct bt_cpu *c) {
    c->p.cpuid_same[0].minus_leaf = c->p.cpuid_same[1].minus_leaf = UINT64_C(1) << 32;
    if (c->engine) syscall_forget(c->engine);
}

void bt_seg_save(const struct bt_cpu *c, int seg, struct bt_seg_state *s) {
    s->seg = c->seg[seg];
    s->lim_r = c->p.seg_lim_r[seg];
    s->lim_w = c->p.seg_lim_w[seg];
    s->base_ptr = c->p.seg_base_ptr[seg];
    s->mode_bits = seg_bits(&s->seg, seg, &s->mode_mask);
}

/* As bt_seg_loaded. */
void bt_seg_restore(struct bt_cpu *c, int seg, const struct bt_seg_state *s) {
    c->seg[seg] = s->seg;
    c->p.seg_lim_r[seg] = s->lim_r;
    c->p.seg_lim_w[seg] = s->lim_w;
    c->p.seg_base_ptr[seg] = s->base_ptr;
    if (seg == DEC_CS) c->p.last_cs[s->seg.selector & 3] = s->seg.selector;
    c->p.seg_mode = (c->p.seg_mode & ~s->mode_mask) | s->mode_bits;
}
