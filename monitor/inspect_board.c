/* inspect_board.c: interrupt controllers. */
#include "devemu/i8259.h"
#include "devemu/ioapic.h"
#include "devemu/lapic.h"
#include "monitor/board.h"
#include "monitor/inspect_internal.h"

_Static_assert((int)MON_IOAPIC_PINS == (int)IOAPIC_PINS, "one pin each");

void inspect_interrupts(struct machine *m, struct mon_interrupts *out) {
    struct board_interrupts b;
    board_interrupts(m->board, &b);
    for (int i = 0; i < 2; i++) {
        struct i8259_view v = i8259_inspect(b.pic, i);
        out->pic[i] = (struct mon_pic){v.irr, v.imr, v.isr, v.elcr, v.base};
    }
    out->intr = m->vcpu.cpu.intr;
    out->nmi_pending = m->vcpu.nmi_pending;
    for (int i = 0; i < MON_IOAPIC_PINS; i++) out->ioapic[i] = ioapic_entry(b.ioapic, i);
    out->apic_base = lapic_base(b.lapic);
    lapic_inspect(b.lapic, out->lapic);
}

static bool do_interrupts(struct machine *m, void *args, struct letter *l) {
    (void)l;
    inspect_interrupts(m, args);
    return true;
}

enum mon_ask mon_ask_interrupts(struct machine *m, struct mon_interrupts *out) {
    return inspect_ask(m, do_interrupts, out, sizeof *out);
}
