/*
 * ferr.c: see ferr.h. A PC since the AT has FERR# at IRQ 13, and a flip-flop that
 * a write to port F0h sets and the end of FERR# clears drives IGNNE#.
 *
 * With IGNNE# instructions run one at a time (debug_step), since nothing else
 * tells when FERR# falls; one that meets the error is run with it masked. Manual: SDM
 * vol. 1 "MS-DOS Compatibility Sub-mode"; vol. 3 "Software Exception Handling" with IGNNE#.
 */
#include "monitor/ferr.h"

#include "monitor/debug.h"
#include "monitor/fpu_image.h"

/*
 * The infinity control has had no meaning since the 387. Turned over, it tells a control word that the instruction has
 * loaded from the one that it was given.
 */
enum { FCW_INFINITY = 1u << 12 };
/* SDM-DEVIATION: after so many instructions without an x87 error IGNNE# is given up, and the guest at full speed again.
 */
enum { IGNNE_INSTRUCTIONS = 100000 };

static void set_ignne(struct vcpu *v, bool on) {
    v->ignne = on;
    v->ignne_masked = false;
    v->ignne_left = IGNNE_INSTRUCTIONS;
    mon_debug_update(v);
}

static void mask_error(struct vcpu *v) {
    uint8_t *image = v->cpu.fpu_area;
    if (v->ignne_masked) return;
    v->ignne_fcw = fpu_word(image, FX_FCW);
    v->ignne_masked = true;
    v->ignne_left = IGNNE_INSTRUCTIONS;
    fpu_set_word(image, FX_FCW, (v->ignne_fcw | (fpu_word(image, FX_FSW) & FPU_EXCEPTIONS)) ^ FCW_INFINITY);
    fpu_update_summary(image);
}

static void unmask_error(struct vcpu *v) {
    uint8_t *image = v->cpu.fpu_area;
    unsigned changed = fpu_word(image, FX_FCW) ^ v->ignne_fcw;
    v->ignne_masked = false;
    if ((changed & ~(unsigned)FPU_EXCEPTIONS) != FCW_INFINITY) return; /* loaded by the instruction */
    fpu_set_word(image, FX_FCW, v->ignne_fcw);
    fpu_update_summary(image);
}

enum bt_next mon_ferr_raise(struct vcpu *v) {
    bt_fpu_park(&v->cpu);
    if (v->ignne) {
        mask_error(v);
        v->cpu.leave = true; /* this instruction again, alone */
        return BT_NEXT_EXIT;
    }
    v->cpu.irq_shadow = false;
    v->events++;
    mon_fpu_error(v, true);
    return BT_NEXT_EXIT;
}

void mon_ferr_acknowledge(struct vcpu *v) {
    bt_fpu_park(&v->cpu);
    mon_fpu_error(v, false);
    if (fpu_error_pending(v->cpu.fpu_area)) set_ignne(v, true);
}

void mon_ferr_after(struct vcpu *v, bool ignored) {
    bt_fpu_park(&v->cpu);
    if (ignored) unmask_error(v);
    if (v->ignne_masked) return;
    if (!fpu_error_pending(v->cpu.fpu_area) || v->ignne_left-- == 0) set_ignne(v, false);
}
