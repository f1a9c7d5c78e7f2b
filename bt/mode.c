/*
 * mode.c: what a translation depends on besides its bytes (the mode key), and
 * the derived segment values that emitted code reads.
 */
#include "bt/bt_internal.h"

enum {
    CR0_PE = 1u << 0,
    CR0_MP = 1u << 1,
    CR0_EM = 1u << 2,
    CR0_TS = 1u << 3,
    CR0_AM = 1u << 18,
    CR0_PG = 1u << 31,
    CR4_OSFXSR = 1u << 9
};

static bool flat_data(const struct bt_seg *s) {
    const uint16_t need = BT_ATTR_P | BT_ATTR_S | BT_ATTR_RW;
    return s->base == 0 && s->limit == 0xffffffffu && (s->attr & (need | BT_ATTR_CODE | BT_ATTR_EXPAND_DOWN)) == need;
}

uint32_t bt_mode(const struct bt_cpu *c) {
    const struct bt_seg *s = c->seg;
    uint32_t m = (uint32_t)c->cpl << MODE_CPL_SHIFT;
    if (s[DEC_CS].attr & BT_ATTR_DB) m |= MODE_CODE32;
    if (s[DEC_SS].attr & BT_ATTR_DB) m |= MODE_STACK32;
    if (c->cr0 & CR0_PE) m |= MODE_PE;
    if (c->flags_sys & EFL_VM) m |= MODE_VM;
    if (c->cr0 & CR0_TS) m |= MODE_TS;
    if (c->cr0 & CR0_EM) m |= MODE_EM;
    if (c->cr0 & CR0_MP) m |= MODE_MP;
    if (c->cr4 & CR4_OSFXSR) m |= MODE_FXSR;
    if (c->cr0 & CR0_PG) m |= MODE_PAGED;
    if (c->cr0 & CR0_AM && c->flags_sys & EFL_AC && c->cpl == 3) m |= MODE_AC;
    if (s[DEC_CS].base == 0 && s[DEC_CS].limit == 0xffffffffu) m |= MODE_CS_FLAT;
    if (flat_data(&s[DEC_DS])) m |= MODE_DS_FLAT;
    if (flat_data(&s[DEC_ES])) m |= MODE_ES_FLAT;
    if (flat_data(&s[DEC_SS])) m |= MODE_SS_FLAT;
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
    c->p.seg_base_ptr[seg] = plain ? (uint64_t)(uintptr_t)&s->base : (uint64_t)(uintptr_t)c->engine->bad_seg;
}
