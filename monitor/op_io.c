/*
 * op_io.c: IN, OUT and their string forms.
 *
 * A port access has side effects, so everything that can fault comes before
 * it. REP forms stop between iterations when an interrupt can be taken or
 * after a bounded number of them; inside one page of plain memory the memory is
 * checked once. An OUT that changes the memory map (A20, PAM) changes what the
 * following bytes of code are, so it leaves translated code. Manual: SDM vol. 2
 * "IN", "OUT", "INS", "OUTS"; vol. 1 "Protected-Mode I/O".
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
    uint32_t map = smmu_map_generation(cpu->smmu);
    bool one_by_one = cpu->debug_step; /* IGNNE# changes it */
    if (!mon_io_allowed(v, port, width, &f)) return mon_raise_fault(v, &f);
    mon_io_write(v, port, width, mon_get_reg(v, DEC_EAX, width));
    return smmu_map_generation(cpu->smmu) == map && cpu->debug_step == one_by_one ? BT_NEXT_CONTINUE
                                                                                  : op_exit_at(v, op_next(v, insn));
}

/* ---- INS, OUTS: each step does at least one element and says how many ---- */

static uint16_t dx(const struct vcpu *v) { return (uint16_t)v->cpu.gpr[DEC_EDX]; }

static bool must_stop(const struct vcpu *v) {
    return v->cpu.flags_sys & EFL_TF || (v->cpu.flags_if && op_event_waits(v));
}

static void put_element(uint8_t *to, unsigned width, uint32_t value) {
    if (width == 1)
        *to = (uint8_t)value;
    else if (width == 2)
        __builtin_memcpy(to, &value, 2);
    else
        __builtin_memcpy(to, &value, 4);
}

static uint32_t get_element(const uint8_t *from, unsigned width) {
    uint16_t half;
    uint32_t value;
    if (width == 1) return *from;
    if (width == 2) return __builtin_memcpy(&half, from, 2), half;
    return __builtin_memcpy(&value, from, 4), value;
}

/* The port may do anything, also to the map that `to` comes from. Returns how many were done. */
static uint32_t ins_run(struct vcpu *v, const struct str *s, uint8_t *to, uint32_t want) {
    uint32_t map = smmu_map_generation(v->cpu.smmu), n = 0;
    do put_element(to + n * s->width, s->width, mon_io_read(v, dx(v), s->width));
    while (++n < want && !must_stop(v) && smmu_map_generation(v->cpu.smmu) == map);
    return n;
}

static uint32_t outs_run(struct vcpu *v, const struct str *s, const uint8_t *from, uint32_t want) {
    uint32_t map = smmu_map_generation(v->cpu.smmu), n = 0;
    do mon_io_write(v, dx(v), s->width, get_element(from + n * s->width, s->width));
    while (++n < want && !must_stop(v) && smmu_map_generation(v->cpu.smmu) == map);
    return n;
}

/* The destination is checked before the port is read. */
static bool ins_one(struct vcpu *v, const struct str *s, uint32_t index, struct guest_fault *f) {
    struct gva lin;
    unsigned access = SMMU_WRITE | (v->cpu.cpl == 3 ? SMMU_USER : 0);
    if (!mon_seg_check(v, DEC_ES, index, s->width, true, &lin, f) ||
        !smmu_probe_write(v->cpu.smmu, lin, s->width, access, f))
        return false;
    uint32_t value = mon_io_read(v, dx(v), s->width);
    return smmu_write(v->cpu.smmu, lin, &value, s->width, access, f);
}

static bool outs_one(struct vcpu *v, const struct str *s, uint32_t index, struct guest_fault *f) {
    uint32_t value = 0;
    if (!mon_seg_read(v, s->seg, index, &value, s->width, f)) return false;
    mon_io_write(v, dx(v), s->width, value);
    return true;
}

static bool ins_step(struct vcpu *v, const struct str *s, uint32_t want, uint32_t *n, struct guest_fault *f) {
    uint32_t index = str_index(v, s, DEC_EDI);
    uint8_t *to = str_bulk(v, s, DEC_ES, index, true, want, n);
    *n = to ? ins_run(v, s, to, *n) : 1;
    if (!to && !ins_one(v, s, index, f)) return false;
    str_step(v, s, DEC_EDI, *n);
    return true;
}

static bool outs_step(struct vcpu *v, const struct str *s, uint32_t want, uint32_t *n, struct guest_fault *f) {
    uint32_t index = str_index(v, s, DEC_ESI);
    const uint8_t *from = str_bulk(v, s, s->seg, index, false, want, n);
    *n = from ? outs_run(v, s, from, *n) : 1;
    if (!from && !outs_one(v, s, index, f)) return false;
    str_step(v, s, DEC_ESI, *n);
    return true;
}

typedef bool io_step_fn(struct vcpu *v, const struct str *s, uint32_t want, uint32_t *n, struct guest_fault *f);

static enum bt_next string_io(struct bt_cpu *cpu, const struct insn *insn, io_step_fn *step) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct str s = str_begin(v, insn);
    uint32_t map = smmu_map_generation(cpu->smmu), left, n;
    bool one_by_one = cpu->debug_step; /* IGNNE# changes it */
    s.width = io_width(insn);
    /* Permission is asked for even when there is nothing to transfer. */
    if (!mon_io_allowed(v, dx(v), s.width, &f)) return mon_raise_fault(v, &f);
    for (uint32_t done = 0; (left = str_left(v, &s)) != 0; done += n) {
        if (done == REP_MAX || (done && (must_stop(v) || smmu_map_generation(cpu->smmu) != map)))
            return BT_NEXT_EXIT; /* eip still names this instruction */
        if (!step(v, &s, left < REP_MAX - done ? left : REP_MAX - done, &n, &f)) return mon_raise_fault(v, &f);
        if (!s.rep) break;
        str_count(v, &s, n);
    }
    bool same = smmu_map_generation(cpu->smmu) == map && cpu->debug_step == one_by_one;
    return same ? BT_NEXT_CONTINUE : op_exit_at(v, op_next(v, insn));
}

enum bt_next mon_op_ins(struct bt_cpu *cpu, const struct insn *insn) { return string_io(cpu, insn, ins_step); }
enum bt_next mon_op_outs(struct bt_cpu *cpu, const struct insn *insn) { return string_io(cpu, insn, outs_step); }
