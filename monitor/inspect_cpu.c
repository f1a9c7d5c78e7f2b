/* inspect_cpu.c: the processor's registers. */
#include <string.h>
#include "monitor/inspect_internal.h"

static struct mon_segment segment(const struct bt_seg *s) {
    return (struct mon_segment){s->base, s->limit, s->selector, s->attr};
}
static struct mon_segment table(const struct vcpu_table *t) {
    return (struct mon_segment){.base = t->base, .limit = t->limit};
}

static void tables_and_control(struct machine *m, struct mon_registers *r) {
    const struct vcpu *v = &m->vcpu;
    for (int i = 0; i < DEC_SEG_COUNT; i++) r->segment[i] = segment(&v->cpu.seg[i]);
    r->ldtr = segment(&v->ldtr);
    r->tr = segment(&v->tr);
    r->gdtr = table(&v->gdt);
    r->idtr = table(&v->idt);
    r->cr0 = v->cpu.cr0;
    r->cr2 = v->cr2;
    r->cr3 = v->cr3;
    r->cr4 = v->cpu.cr4;
    memcpy(r->dr, v->dr, sizeof r->dr);
    r->efer = v->efer;
    r->apic_base = v->apic_base;
}

static bool do_registers(struct machine *m, void *args, struct letter *l) {
    struct mon_registers *r = args;
    struct vcpu *v = &m->vcpu;
    (void)l;
    memcpy(r->gpr, v->cpu.gpr, sizeof r->gpr);
    r->eip = v->cpu.eip;
    r->eflags = bt_eflags(&v->cpu);
    tables_and_control(m, r);
    r->tsc = m->paused ? m->paused_tsc : mon_guest_tsc(v);
    r->cpl = v->cpu.cpl;
    r->halted = v->halted;
    r->a20 = smmu_a20(m->smmu);
    r->inhibit = v->cpu.irq_shadow;
    memcpy(r->fx, v->cpu.fpu_area, sizeof r->fx); /* parked: mailbox.h */
    return true;
}

enum mon_ask mon_ask_registers(struct machine *m, struct mon_registers *out) {
    return inspect_ask(m, do_registers, out, sizeof *out);
}
