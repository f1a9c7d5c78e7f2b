/*
 * crossing.c: see crossing.h.
 *
 * A hit does what through_gate (intgate.c), return_protected (op_ret.c) and enter_flat (op_int.c) do, in the
 * same order: all that can be missing is looked for before anything changes. Invariants: a remembered descriptor is in
 * the GDT, has its Accessed bit set, and has passed every check for the privileges that the entry names.
 * Manual: as for those files.
 */
#include "monitor/intgate.h"
#include "monitor/ops.h"

enum { TSS32_STACK0 = 4 }; /* ESP0, SS0 */

static uint64_t load8(const void *p) {
    uint64_t value;
    __builtin_memcpy(&value, p, sizeof value);
    return value;
}

static bool same_table(const struct vcpu_table *a, const struct vcpu_table *b) {
    return a->base == b->base && a->limit == b->limit;
}

static const void *table_bytes(const struct vcpu *v, uint32_t lin, uint32_t size) {
    return smmu_tlb_hit(v->cpu.smmu, gva(lin), size, false, false);
}

static bool still(const struct vcpu *v, uint32_t lin, uint64_t bytes) {
    const void *p = table_bytes(v, lin, sizeof bytes);
    return p && load8(p) == bytes;
}

static uint64_t bytes_of(const struct mon_desc *d) { return (uint64_t)d->hi << 32 | d->lo; }

/* False: not in the GDT. `seg` has just been loaded from it. */
static bool remember(const struct vcpu *v, struct crossing_seg *s, uint16_t selector, const struct mon_desc *d,
                     int seg) {
    if (sel_ldt(selector) || !mon_desc_address(v, selector, &s->lin)) return false;
    s->selector = selector;
    s->bytes = bytes_of(d);
    bt_seg_save(&v->cpu, seg, &s->state);
    return true;
}

/* ESP is an address, and nothing is checked: 4 GiB of writable data from 0. */
static bool flat_stack(const struct bt_seg *s) {
    const uint16_t need = BT_ATTR_P | BT_ATTR_S | BT_ATTR_RW | BT_ATTR_DB;
    return s->base == 0 && s->limit == UINT32_MAX && (s->attr & (need | BT_ATTR_CODE | BT_ATTR_EXPAND_DOWN)) == need;
}

/* ---- In ---- */

static struct crossing_in *slot_of(struct vcpu *v, int vector) {
    return &v->crossings.in[(unsigned)vector % CROSSING_VECTORS];
}

static bool in_matches(const struct vcpu *v, const struct crossing_in *e, const struct mon_event *ev) {
    if (!e->valid || e->vector != ev->vector || e->software != (ev->kind == EVENT_SOFTWARE) || e->cpl != v->cpu.cpl)
        return false;
    return op_pure_protected(v) && same_table(&e->gdt, &v->gdt) && same_table(&e->idt, &v->idt) &&
           still(v, v->idt.base + (uint32_t)ev->vector * 8, e->gate) && still(v, e->code.lin, e->code.bytes);
}

/* The stack of the handler: top in *esp. */
static bool find_stack(const struct vcpu *v, const struct crossing_in *e, uint32_t *esp) {
    if (!e->inner) {
        *esp = v->cpu.gpr[DEC_ESP];
        return flat_stack(&v->cpu.seg[DEC_SS]);
    }
    if (v->tr.base != e->tr.base || v->tr.limit != e->tr.limit || v->tr.attr != e->tr.attr) return false;
    const void *pointer = table_bytes(v, v->tr.base + TSS32_STACK0, 8);
    if (!pointer) return false;
    uint64_t both = load8(pointer);
    *esp = (uint32_t)both;
    return (uint16_t)(both >> 32) == e->stack.selector && still(v, e->stack.lin, e->stack.bytes);
}

/* The words of the frame, downwards from top. */
static void put_frame(const struct vcpu *v, const struct mon_event *ev, bool inner, uint8_t *top) {
    uint32_t word[6], n = 0;
    if (ev->has_error) word[n++] = ev->error;
    word[n++] = ev->eip;
    word[n++] = v->cpu.seg[DEC_CS].selector;
    word[n++] = ev->eflags;
    if (inner) {
        word[n++] = v->cpu.gpr[DEC_ESP];
        word[n++] = v->cpu.seg[DEC_SS].selector;
    }
    for (uint32_t i = 0; i < n; i++) __builtin_memcpy(top - 4 * (n - i), &word[i], 4);
}

bool mon_crossing_in(struct vcpu *v, const struct mon_event *ev) {
    const struct crossing_in *e = slot_of(v, ev->vector);
    uint32_t esp;
    if (!in_matches(v, e, ev) || !find_stack(v, e, &esp)) return false;
    uint32_t size = 4u * (3u + ev->has_error + 2u * e->inner);
    uint8_t *frame = smmu_tlb_hit(v->cpu.smmu, gva(esp - size), size, false, true);
    if (!frame) return false;
    put_frame(v, ev, e->inner, frame + size);
    v->cpu.flags_if &= ~e->cleared;
    v->cpu.flags_sys &= ~e->cleared;
    v->cpu.cpl = 0;
    bt_seg_restore(&v->cpu, DEC_CS, &e->code.state);
    if (e->inner) bt_seg_restore(&v->cpu, DEC_SS, &e->stack.state);
    v->cpu.gpr[DEC_ESP] = esp - size;
    v->cpu.eip = e->eip;
    return true;
}

/* SS0 has been read a moment ago, and names what SS was loaded from. */
static bool remember_stack(const struct vcpu *v, struct crossing_in *e) {
    struct mon_desc d;
    uint16_t ss = v->cpu.seg[DEC_SS].selector;
    uint32_t lin;
    if (!tss_is32(v->tr.attr) || sel_ldt(ss) || !mon_desc_address(v, ss, &lin)) return false;
    const void *p = table_bytes(v, lin, sizeof d);
    if (!p) return false;
    memcpy(&d, p, sizeof d);
    e->tr = v->tr;
    return remember(v, &e->stack, ss, &d, DEC_SS);
}

void mon_crossing_note_in(struct vcpu *v, const struct mon_event *ev, const struct mon_desc *gate,
                          const struct mon_desc *code, unsigned cpl) {
    struct crossing_in *e = slot_of(v, ev->vector);
    bool interrupt_gate = !(desc_type(gate) & 1);
    e->valid = false;
    if (v->crossings.off || v->cpu.cpl != 0 || !gate_is32(gate) || !flat_stack(&v->cpu.seg[DEC_SS])) return;
    e->inner = cpl != 0;
    e->software = ev->kind == EVENT_SOFTWARE;
    e->vector = (uint8_t)ev->vector;
    e->cpl = (uint8_t)cpl;
    e->gdt = v->gdt;
    e->idt = v->idt;
    e->gate = bytes_of(gate);
    e->eip = v->cpu.eip;
    e->cleared = EFL_TF | EFL_NT | EFL_RF | EFL_VM | (interrupt_gate ? (uint32_t)EFL_IF : 0);
    e->valid = remember(v, &e->code, gate_selector(gate), code, DEC_CS) && (!e->inner || remember_stack(v, e));
}

/* ---- Out ---- */

/* Word by word, as it was written: a wider load would wait for the stores. */
static uint32_t frame_word(const uint8_t *frame, unsigned n) {
    uint32_t value;
    __builtin_memcpy(&value, frame + 4 * n, sizeof value);
    return value;
}

static bool out_matches(const struct vcpu *v, const struct crossing_out *e, uint32_t eip, uint16_t cs, uint32_t flags) {
    return e->valid && e->code.selector == cs && !(flags & EFL_VM) && eip <= e->code.state.seg.limit &&
           same_table(&e->gdt, &v->gdt) && still(v, e->code.lin, e->code.bytes);
}

bool mon_crossing_out(struct vcpu *v, uint32_t *flags) {
    uint32_t esp = v->cpu.gpr[DEC_ESP];
    if (v->cpu.cpl != 0 || !op_pure_protected(v) || v->cpu.flags_sys & EFL_NT || !flat_stack(&v->cpu.seg[DEC_SS]))
        return false;
    const uint8_t *frame = smmu_tlb_hit(v->cpu.smmu, gva(esp), 12, false, false);
    if (!frame) return false;
    uint32_t eip = frame_word(frame, 0), image = frame_word(frame, 2);
    uint16_t cs = (uint16_t)frame_word(frame, 1);
    bool outer = sel_rpl(cs) != 0;
    const struct crossing_out *e = &v->crossings.out[outer];
    if (!out_matches(v, e, eip, cs, image)) return false;
    esp += 12;
    if (outer) {
        if (!smmu_tlb_hit(v->cpu.smmu, gva(esp - 12), 20, false, false)) return false;
        esp = frame_word(frame, 3);
        if (e->stack.selector != (uint16_t)frame_word(frame, 4) || !still(v, e->stack.lin, e->stack.bytes))
            return false;
    }
    v->cpu.cpl = (uint8_t)sel_rpl(cs);
    bt_seg_restore(&v->cpu, DEC_CS, &e->code.state);
    v->cpu.eip = eip;
    v->cpu.gpr[DEC_ESP] = esp;
    *flags = image;
    if (!outer) return true;
    bt_seg_restore(&v->cpu, DEC_SS, &e->stack.state);
    mon_drop_inner_segs(v);
    return true;
}

void mon_crossing_note_out(struct vcpu *v, uint16_t cs, const struct mon_desc *code, uint16_t ss,
                           const struct mon_desc *stack) {
    struct crossing_out *e = &v->crossings.out[stack != NULL];
    e->valid = false;
    if (v->crossings.off || (stack != NULL) != (sel_rpl(cs) != 0)) return;
    if (stack && !(v->cpu.seg[DEC_SS].attr & BT_ATTR_DB)) return; /* would load SP alone */
    e->gdt = v->gdt;
    e->valid = remember(v, &e->code, cs, code, DEC_CS) && (!stack || remember(v, &e->stack, ss, stack, DEC_SS));
}

/* ---- SYSENTER, SYSEXIT ---- */

bool mon_crossing_flat(struct vcpu *v, uint16_t selector, unsigned cpl) {
    const struct crossing_flat *e = &v->crossings.flat[cpl == 3];
    if (!e->valid || e->selector != selector) return false;
    v->cpu.cpl = (uint8_t)cpl;
    bt_seg_restore(&v->cpu, DEC_CS, &e->code);
    bt_seg_restore(&v->cpu, DEC_SS, &e->stack);
    return true;
}

void mon_crossing_note_flat(struct vcpu *v, uint16_t selector, unsigned cpl) {
    struct crossing_flat *e = &v->crossings.flat[cpl == 3];
    e->valid = !v->crossings.off;
    e->selector = selector;
    bt_seg_save(&v->cpu, DEC_CS, &e->code);
    bt_seg_save(&v->cpu, DEC_SS, &e->stack);
}
