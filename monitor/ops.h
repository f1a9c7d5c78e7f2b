/*
 * ops.h: prototypes of all callouts, generated from bt/sensitive.def, and the
 * few lines that most of them start or end with.
 */
#ifndef NOVT_MONITOR_OPS_H
#define NOVT_MONITOR_OPS_H

#include <string.h>
#include "monitor/stack.h"

#define SENSITIVE(name, mnemonic, map, opcode, reason, handling, helper, title) bt_op_fn mon_op_##helper;
#include "bt/sensitive.def"
#undef SENSITIVE

/* Offset of the following instruction. Not cut to 16 bits: sequential flow past FFFF ends at the limit check. */
static inline uint32_t op_next(const struct vcpu *v, const struct insn *insn) { return v->cpu.eip + insn->len; }

static inline enum bt_next op_exit_at(struct vcpu *v, uint32_t eip) {
    v->cpu.eip = eip;
    return BT_NEXT_EXIT;
}

static inline enum bt_next op_gp0(struct vcpu *v) { return mon_raise(v, VEC_GP, 0); }

/* An event that STI, POPF or IRET may have made deliverable is waiting. */
static inline bool op_event_waits(const struct vcpu *v) {
    return v->cpu.intr || (v->nmi_pending && !v->nmi_blocked) || v->init_pending;
}

/* Protected mode proper: not real mode, not v8086. */
static inline bool op_pure_protected(const struct vcpu *v) { return vcpu_protected(v) && !vcpu_v86(v); }
static inline unsigned op_iopl(const struct vcpu *v) { return (v->cpu.flags_sys & EFL_IOPL) >> EFL_IOPL_SHIFT; }

/* Operand width in bytes. */
static inline unsigned op_width(const struct insn *insn) { return insn->byte_op ? 1 : insn->op_size; }

static inline void op_set_flag(struct vcpu *v, uint32_t flag, bool on) {
    v->cpu.flags_host = on ? v->cpu.flags_host | flag : v->cpu.flags_host & ~flag;
}

/* r/m operand of `size` bytes: register or memory. */
bool op_read_rm(struct vcpu *v, const struct insn *insn, unsigned size, uint32_t *value, struct guest_fault *f);
bool op_write_rm(struct vcpu *v, const struct insn *insn, unsigned size, uint32_t value, struct guest_fault *f);

/* EFLAGS bits of `mask` from value, the others kept. */
void op_merge_eflags(struct vcpu *v, uint32_t value, uint32_t mask);
#endif
