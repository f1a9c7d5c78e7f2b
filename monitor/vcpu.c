/*
 * vcpu.c: power-up state.
 *
 * Manual: SDM vol. 3 "Processor State After Reset", table "IA-32 and Intel 64
 * Processor States Following Power-up, Reset, or INIT".
 */
#include "monitor/vcpu.h"
#include <string.h>
#include "monitor/cpuid.h"
#include "monitor/desc.h"
#include "monitor/msr.h"

enum { RESET_CS = 0xF000, RESET_EIP = 0xFFF0, RESET_CS_BASE = 0xFFFF0000u };
enum { DR6_RESET = 0xFFFF0FF0u, DR7_RESET = 0x400 };
/* FXSAVE layout: control word, abridged tags, MXCSR. */
enum { FX_FCW = 0, FX_FTW = 4, FX_MXCSR = 24, FCW_RESET = 0x40, MXCSR_RESET = 0x1F80 };

static void reset_segments(struct bt_cpu *c) {
    for (int i = 0; i < DEC_SEG_COUNT; i++) c->seg[i] = (struct bt_seg){.limit = 0xFFFF, .attr = ATTR_REAL};
    c->seg[DEC_CS].selector = RESET_CS;
    c->seg[DEC_CS].base = RESET_CS_BASE;
}

static void reset_tables(struct vcpu *v) {
    v->gdt = v->idt = (struct vcpu_table){.limit = 0xFFFF};
    bt_table_loaded(&v->cpu, BT_GDTR, 0, 0xFFFF);
    bt_table_loaded(&v->cpu, BT_IDTR, 0, 0xFFFF);
    v->ldtr = (struct bt_seg){.limit = 0xFFFF, .attr = BT_ATTR_P | SYS_LDT};
    v->tr = (struct bt_seg){.limit = 0xFFFF, .attr = BT_ATTR_P | SYS_TSS32_BUSY};
    memset(v->seg_memo, 0, sizeof v->seg_memo);
    memset(v->crossings.in, 0, sizeof v->crossings.in);
    memset(v->crossings.out, 0, sizeof v->crossings.out);
    memset(v->crossings.flat, 0, sizeof v->crossings.flat);
}

static void reset_control(struct vcpu *v) {
    v->cpu.cr0 = CR0_CD | CR0_NW | CR0_ET;
    v->cpu.cr4 = v->cr2 = v->cr3 = 0;
    v->efer = 0;
    memset(v->pdpte, 0, sizeof v->pdpte);
    memset(v->dr, 0, sizeof v->dr);
    v->dr[6] = DR6_RESET;
    v->dr[7] = DR7_RESET;
}

/* All registers +0.0; the image is loaded at the next entry into guest code. */
static void reset_fpu(struct bt_cpu *c) {
    static const uint32_t mxcsr = MXCSR_RESET;
    bt_fpu_park(c);
    memset(c->fpu_area, 0, sizeof c->fpu_area);
    c->fpu_area[FX_FCW] = FCW_RESET;
    c->fpu_area[FX_FTW] = 0xFF;
    memcpy(&c->fpu_area[FX_MXCSR], &mxcsr, sizeof mxcsr);
}

static void reset_pending(struct vcpu *v) {
    v->halted = v->nmi_pending = v->nmi_blocked = v->init_pending = v->triple_fault = v->ignne = v->ignne_masked =
        false;
    v->cpu.irq_shadow = false;
}

void vcpu_reset(struct vcpu *v) {
    struct bt_cpu *c = &v->cpu;
    memset(c->gpr, 0, sizeof c->gpr);
    c->gpr[DEC_EDX] = v->model->signature;
    c->eip = RESET_EIP;
    bt_set_eflags(c, EFL_FIXED);
    c->cpl = 0;
    reset_segments(c);
    reset_tables(v);
    reset_control(v);
    reset_fpu(c);
    reset_pending(v);
    mon_msr_reset(v);
    bt_msrs_changed(c);
    mon_update_paging(v, true);
}
