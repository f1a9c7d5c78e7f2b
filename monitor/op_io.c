/*
 * op_io.c: IN, OUT and their string forms.
 *
 * A port access has side effects, so everything that can fault comes before
 * it. REP forms stop between iterations when an interrupt can be taken or
 * after a bounded number of them. Manual: SDM vol. 2 "IN", "OUT", "INS",
 * "OUTS"; vol. 1 "Protected-Mode I/O".
 */
#include "monitor/ops.h"
#include "monitor/strop.h"
#include "monitor/tss.h"

enum { REP_MAX = 2048 };

/* SDM vol. 2 opcode map: bit 0 is w; E4..E7 have an immediate port, EC..EF use DX. */
static unsigned io_width(const struct insn *insn) { return insn->opcode & 1 ? insn->op_size : 1; }

static uint16_t io_port(const struct vcpu *v, const struct insn *insn) {
    return insn->opcode < 0xE8 ? (uint8_t)insn->imm : (uint16_t)v->cpu.gpr[DEC_EDX];
}

enum bt_next mon_op_in(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    unsigned width = io_width(insn);
    uint16_t port = io_port(v, insn);
    if (!mon_io_allowed(v, port, width, &f)) return mon_raise_fault(v, &f);
    mon_set_reg(v, DEC_EAX, width, mon_io_read(v, port, width));
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_out(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    unsigned width = io_width(insn);
    uint16_t port = io_port(v, insn);
    bool a20 = smmu_a20(cpu->smmu);
    if (!mon_io_allowed(v, port, width, &f)) return mon_raise_fault(v, &f);
    mon_io_write(v, port, width, mon_get_reg(v, DEC_EAX, width));
    /* The A20 gate changes what memory the following bytes are. */
    return smmu_a20(cpu->smmu) == a20 ? BT_NEXT_CONTINUE : op_exit_at(v, op_next(v, insn));
}

/* ---- INS, OUTS ---- */

static bool ins_one(struct vcpu *v, const struct str *s, struct guest_fault *f) {
    uint16_t port = (uint16_t)v->cpu.gpr[DEC_EDX];
    struct gva lin;
    /* The destination is checked before the port is read. */
    if (!mon_seg_check(v, DEC_ES, str_index(v, s, DEC_EDI), s->width, true, &lin, f)) return false;
    unsigned access = SMMU_WRITE | (v->cpu.cpl == 3 ? SMMU_USER : 0);
    if (!smmu_probe_write(v->cpu.smmu, lin, s->width, access, f)) return false;
    uint32_t value = mon_io_read(v, port, s->width);
    if (!smmu_write(v->cpu.smmu, lin, &value, s->width, access, f)) return false;
    str_step(v, s, DEC_EDI, 1);
    return true;
}

static bool outs_one(struct vcpu *v, const struct str *s, struct guest_fault *f) {
    uint16_t port = (uint16_t)v->cpu.gpr[DEC_EDX];
    uint32_t value = 0;
    if (!mon_seg_read(v, s->seg, str_index(v, s, DEC_ESI), &value, s->width, f)) return false;
    mon_io_write(v, port, s->width, value);
    str_step(v, s, DEC_ESI, 1);
    return true;
}

static bool must_stop(const struct vcpu *v) {
    return v->cpu.flags_sys & EFL_TF || (v->cpu.flags_if && op_event_waits(v));
}

typedef bool io_step_fn(struct vcpu *v, const struct str *s, struct guest_fault *f);

static enum bt_next string_io(struct bt_cpu *cpu, const struct insn *insn, io_step_fn *step) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct str s = str_begin(v, insn);
    s.width = io_width(insn);
    /* Permission is asked for even when there is nothing to transfer. */
    if (!mon_io_allowed(v, (uint16_t)cpu->gpr[DEC_EDX], s.width, &f)) return mon_raise_fault(v, &f);
    for (unsigned done = 0; str_left(v, &s); done++) {
        if (done && (done == REP_MAX || must_stop(v))) return BT_NEXT_EXIT; /* eip still names this instruction */
        if (!step(v, &s, &f)) return mon_raise_fault(v, &f);
        if (!s.rep) break;
        str_count(v, &s, 1);
    }
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_ins(struct bt_cpu *cpu, const struct insn *insn) { return string_io(cpu, insn, ins_one); }
enum bt_next mon_op_outs(struct bt_cpu *cpu, const struct insn *insn) { return string_io(cpu, insn, outs_one); }
