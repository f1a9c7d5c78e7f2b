/*
 * taskswitch.c: hardware task switches between 16- and 32-bit TSSs.
 *
 * Everything that can fault in the old task is checked before the commit point
 * (write of the old TSS); later faults belong to the new task, whose segment
 * registers are unusable until each has been checked. Manual: SDM vol. 3
 * "Task Switching", table "Exception Conditions Checked During a Task Switch".
 */
#include "monitor/control.h"
#include "monitor/ops.h"
#include "monitor/tss.h"

/* What a TSS holds, independent of its format. */
struct task_state {
    uint32_t cr3, eip, eflags, gpr[8];
    uint16_t seg[DEC_SEG_COUNT], ldt;
    bool trap;
};

struct tss16 {
    uint16_t link, inner[6], ip, flags, gpr[8], seg[4], ldt;
};
struct tss32 {
    uint16_t link, pad0;
    uint32_t inner[6], cr3, eip, eflags, gpr[8];
    struct {
        uint16_t sel, pad;
    } seg[DEC_SEG_COUNT];
    uint16_t ldt, pad1, trap, iomap;
};
_Static_assert(sizeof(struct tss16) == 0x2C && sizeof(struct tss32) == 0x68, "SDM vol. 3 TSS formats");
enum {
    SAVE16_OFF = offsetof(struct tss16, ip),
    SAVE16_LEN = offsetof(struct tss16, ldt) - SAVE16_OFF,
    SAVE32_OFF = offsetof(struct tss32, eip),
    SAVE32_LEN = offsetof(struct tss32, ldt) - SAVE32_OFF,
};
enum { DR6_BT = 1u << 15, DR7_LOCAL = 0x155 /* L0..L3, LE */, DR7_GLOBAL = 0xAA /* G0..G3 */ };

/* ---- Formats ---- */

static bool read_state16(struct vcpu *v, uint32_t base, struct task_state *t, struct guest_fault *f) {
    struct tss16 raw;
    if (!mon_sys_read(v, base, &raw, sizeof raw, f)) return false;
    *t = (struct task_state){.cr3 = v->cr3, .eip = raw.ip, .eflags = raw.flags, .ldt = raw.ldt};
    for (int i = 0; i < 8; i++) t->gpr[i] = raw.gpr[i];
    for (int i = 0; i < 4; i++) t->seg[i] = raw.seg[i];
    return true;
}

static bool read_state32(struct vcpu *v, uint32_t base, struct task_state *t, struct guest_fault *f) {
    struct tss32 raw;
    if (!mon_sys_read(v, base, &raw, sizeof raw, f)) return false;
    *t = (struct task_state){
        .cr3 = raw.cr3, .eip = raw.eip, .eflags = raw.eflags, .ldt = raw.ldt, .trap = (raw.trap & 1) != 0};
    memcpy(t->gpr, raw.gpr, sizeof t->gpr);
    for (int i = 0; i < DEC_SEG_COUNT; i++) t->seg[i] = raw.seg[i].sel;
    return true;
}

static bool save16(struct vcpu *v, uint32_t eip, uint32_t eflags, struct guest_fault *f) {
    struct tss16 raw = {.ip = (uint16_t)eip, .flags = (uint16_t)eflags};
    for (int i = 0; i < 8; i++) raw.gpr[i] = (uint16_t)v->cpu.gpr[i];
    for (int i = 0; i < 4; i++) raw.seg[i] = v->cpu.seg[i].selector;
    return mon_sys_write(v, v->tr.base + SAVE16_OFF, &raw.ip, SAVE16_LEN, f);
}

static bool save32(struct vcpu *v, uint32_t eip, uint32_t eflags, struct guest_fault *f) {
    struct tss32 raw = {.eip = eip, .eflags = eflags};
    memcpy(raw.gpr, v->cpu.gpr, sizeof raw.gpr);
    for (int i = 0; i < DEC_SEG_COUNT; i++) raw.seg[i].sel = v->cpu.seg[i].selector;
    return mon_sys_write(v, v->tr.base + SAVE32_OFF, &raw.eip, SAVE32_LEN, f);
}

/* ---- Checks in the old task ---- */

static bool check_tss_desc(struct vcpu *v, uint16_t sel, enum mon_task_source why, struct mon_desc *d,
                           struct guest_fault *f) {
    int vector = why == TASK_IRET ? VEC_TS : VEC_GP;
    if (sel_ldt(sel) || sel_null(sel)) return mon_fail(f, vector, sel_error(sel));
    if (!mon_desc_fetch(v, sel, vector, d, f)) return false;
    unsigned type = desc_type(d) & ~8u, want = why == TASK_IRET ? SYS_TSS16_BUSY : SYS_TSS16;
    if (!desc_system(d) || type != want) return mon_fail(f, vector, sel_error(sel));
    if (!desc_present(d)) return mon_fail(f, VEC_NP, sel_error(sel));
    if (desc_limit(d) < (tss_is32(desc_attr(d)) ? 0x67u : 0x2Bu)) return mon_fail(f, VEC_TS, sel_error(sel));
    return true;
}

static bool probe(struct vcpu *v, uint32_t lin, uint32_t size, struct guest_fault *f) {
    return smmu_probe_write(v->cpu.smmu, gva(lin), size, SMMU_WRITE, f);
}

/* Everything the commit will write must be writable. */
static bool probe_writes(struct vcpu *v, uint16_t sel, const struct bt_seg *new_tss, enum mon_task_source why,
                         struct guest_fault *f) {
    bool is32 = tss_is32(v->tr.attr);
    uint32_t lin, off = is32 ? SAVE32_OFF : SAVE16_OFF, len = is32 ? SAVE32_LEN : SAVE16_LEN;
    if (v->tr.limit < off + len - 1) return mon_fail(f, VEC_TS, sel_error(v->tr.selector));
    if (!probe(v, v->tr.base + off, len, f)) return false;
    if (mon_desc_address(v, sel, &lin) && !probe(v, lin + 5, 1, f)) return false;
    if (mon_desc_address(v, v->tr.selector, &lin) && !probe(v, lin + 5, 1, f)) return false;
    return (why != TASK_CALL && why != TASK_INT) || probe(v, new_tss->base, 2, f);
}

/* ---- Commit ---- */

static bool save_old_task(struct vcpu *v, enum mon_task_source why, uint32_t next, uint32_t eflags,
                          struct guest_fault *f) {
    if (why == TASK_IRET) eflags &= ~(uint32_t)EFL_NT;
    if ((why == TASK_JMP || why == TASK_IRET) && !sel_null(v->tr.selector) &&
        !mon_desc_busy(v, v->tr.selector, false, f))
        return false;
    return tss_is32(v->tr.attr) ? save32(v, next, eflags, f) : save16(v, next, eflags, f);
}

static bool claim_new_task(struct vcpu *v, uint16_t sel, struct bt_seg tss, enum mon_task_source why,
                           struct guest_fault *f) {
    uint16_t link = v->tr.selector;
    if ((why == TASK_CALL || why == TASK_INT) && !mon_sys_write(v, tss.base, &link, 2, f)) return false;
    if (why != TASK_IRET && !mon_desc_busy(v, sel, true, f)) return false;
    v->tr = tss;
    v->tr.attr |= SYS_BUSY_BIT;
    return true;
}

/* A restarted instruction must not hit its breakpoint again. Where only local breakpoints were armed the switch disarms
 * them, and nobody would clear RF (see also rf_mask in op_ret.c). */
static bool keeps_rf(const struct vcpu *v) { return v->cpu.debug_step && (v->dr[7] & DR7_GLOBAL); }

/* Registers, and selectors without their descriptors: each segment is unusable until it has been checked. */
static void load_registers(struct vcpu *v, const struct task_state *t, enum mon_task_source why) {
    uint32_t eflags = keeps_rf(v) ? t->eflags : t->eflags & ~(uint32_t)EFL_RF;
    if (!tss_is32(v->tr.attr)) eflags &= 0xFFFF;
    if (why == TASK_CALL || why == TASK_INT) eflags |= EFL_NT;
    bt_set_eflags(&v->cpu, eflags);
    memcpy(v->cpu.gpr, t->gpr, sizeof t->gpr);
    v->cpu.eip = t->eip;
    v->cpu.cr0 |= CR0_TS;
    v->dr[7] &= ~(uint32_t)DR7_LOCAL;
    v->cpu.cpl = eflags & EFL_VM ? 3 : (uint8_t)sel_rpl(t->seg[DEC_CS]);
    for (int i = 0; i < DEC_SEG_COUNT; i++) mon_set_seg_null(v, i, t->seg[i]);
    bt_tables_changed(&v->cpu);
    v->ldtr = (struct bt_seg){.selector = t->ldt};
}

/* ---- Checks in the new task ---- */

static bool load_ldt(struct vcpu *v, uint16_t sel, struct guest_fault *f) {
    struct mon_desc d;
    if (sel_null(sel)) return true;
    if (sel_ldt(sel)) return mon_fail(f, VEC_TS, sel_error(sel));
    if (!mon_desc_fetch(v, sel, VEC_TS, &d, f)) return false;
    if (!desc_system(&d) || desc_type(&d) != SYS_LDT || !desc_present(&d)) return mon_fail(f, VEC_TS, sel_error(sel));
    v->ldtr = mon_seg_from_desc(sel, &d);
    return true;
}

static bool load_task_cs(struct vcpu *v, uint16_t sel, struct guest_fault *f) {
    struct mon_desc d;
    if (sel_null(sel)) return mon_fail(f, VEC_TS, 0);
    if (!mon_desc_fetch(v, sel, VEC_TS, &d, f)) return false;
    uint16_t attr = desc_attr(&d);
    unsigned rpl = sel_rpl(sel), dpl = desc_dpl(&d);
    if (!attr_code(attr) || (attr_conforming(attr) ? dpl > rpl : dpl != rpl))
        return mon_fail(f, VEC_TS, sel_error(sel));
    if (!desc_present(&d)) return mon_fail(f, VEC_NP, sel_error(sel));
    if (!mon_desc_accessed(v, sel, &d, f)) return false;
    mon_set_cs(v, sel, &d, rpl);
    return true;
}

static bool load_task_ss(struct vcpu *v, uint16_t sel, struct guest_fault *f) {
    struct mon_desc d;
    if (!mon_check_stack_desc(v, sel, v->cpu.cpl, VEC_TS, &d, f) || !mon_desc_accessed(v, sel, &d, f)) return false;
    mon_set_seg(v, DEC_SS, sel, &d);
    return true;
}

/* The ordinary load with #TS in #GP's place. */
static bool load_task_data(struct vcpu *v, int seg, uint16_t sel, struct guest_fault *f) {
    if (mon_load_seg(v, seg, sel, f)) return true;
    if (f->vector == VEC_GP) f->vector = VEC_TS;
    return false;
}

static bool load_segments(struct vcpu *v, const struct task_state *t, struct guest_fault *f) {
    static const uint8_t data[] = {DEC_ES, DEC_DS, DEC_FS, DEC_GS};
    if (!load_ldt(v, t->ldt, f)) return false;
    if (vcpu_v86(v)) {
        for (int i = 0; i < DEC_SEG_COUNT; i++) mon_set_seg_v86(v, i, t->seg[i]);
        return true;
    }
    if (!load_task_cs(v, t->seg[DEC_CS], f) || !load_task_ss(v, t->seg[DEC_SS], f)) return false;
    for (unsigned i = 0; i < sizeof data; i++)
        if (!load_task_data(v, data[i], t->seg[data[i]], f)) return false;
    return true;
}

static bool enter_task(struct vcpu *v, const struct task_state *t, const uint32_t *error, struct guest_fault *f) {
    if (v->cpu.cr0 & CR0_PG && tss_is32(v->tr.attr) && !mon_load_cr3(v, t->cr3, f)) return false;
    if (!load_segments(v, t, f)) return false;
    if (error && !mon_push_one(v, tss_is32(v->tr.attr) ? 4 : 2, *error, f)) return false;
    if (v->cpu.eip > v->cpu.seg[DEC_CS].limit) return mon_fail(f, VEC_GP, 0);
    if (t->trap) mon_debug_trap(v, DR6_BT);
    return true;
}

bool mon_task_switch(struct vcpu *v, uint16_t sel, enum mon_task_source why, uint32_t next, uint32_t eflags,
                     const uint32_t *error, struct guest_fault *f) {
    struct mon_desc d;
    struct task_state t;
    if (!check_tss_desc(v, sel, why, &d, f)) return false;
    struct bt_seg tss = mon_seg_from_desc(sel, &d);
    bool read = tss_is32(tss.attr) ? read_state32(v, tss.base, &t, f) : read_state16(v, tss.base, &t, f);
    if (!read || !probe_writes(v, sel, &tss, why, f)) return false;
    if (!save_old_task(v, why, next, eflags, f) || !claim_new_task(v, sel, tss, why, f)) return false;
    load_registers(v, &t, why);
    return enter_task(v, &t, error, f);
}
