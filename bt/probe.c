/*
 * probe.c: single events of translated code, for somebody who asks.
 *
 * Callers: the slow paths (runtime.c, signal.c, engine.c), only while somebody does.
 */
#include "bt/bt_internal.h"

#include <x86intrin.h>

void bt_probe_set(struct bt_engine *e, bt_probe_fn *fn, void *opaque) {
    e->probe.fn = fn;
    e->probe.opaque = opaque;
    e->probe.in_access = e->probe.told = false;
}

struct gva bt_probe_pc(const struct bt_engine *e) {
    return e->probe.in_access ? gva(e->probe.pc) : bt_pc(e->cpu);
}

static void tell(const struct bt_engine *e, enum bt_probe what, uint32_t pc, uint32_t address, uint64_t cycles) {
    e->probe.fn(e->probe.opaque, &(struct bt_probed){what, pc, address, cycles});
}

enum bt_next probe_callout(struct bt_engine *e, const struct site *s) {
    uint32_t pc = bt_pc(e->cpu).v, op = s->op;
    uint64_t start = __rdtsc();
    enum bt_next next = s->fn(e->cpu, &s->insn);
    if (e->probe.fn) tell(e, BT_PROBE_CALLOUT, pc, op, __rdtsc() - start);
    return next;
}

/* ---- Accesses ---- */

void probe_access(struct bt_engine *e, const uint8_t *ret) {
    uint32_t id = block_at_host(e, ret - 1), eip;
    int8_t esp;
    if (id == BT_NONE || !block_pc(e, id, ret - 1, &eip, &esp)) return;
    e->probe.pc = e->cpu->seg[DEC_CS].base + eip;
    e->probe.in_access = true;
    e->probe.own[0] = e->probe.own[1] = BT_NONE;
}

void probe_fault(struct bt_engine *e, const uint8_t *host, uint32_t va, bool hidden) {
    uint32_t id = block_at_host(e, host), eip;
    int8_t esp;
    if (id == BT_NONE || !block_pc(e, id, host, &eip, &esp)) return;
    tell(e, hidden ? BT_PROBE_HIDDEN : BT_PROBE_CHECKED, e->cpu->seg[DEC_CS].base + eip, va, 0);
}

/* A store finds the code it hits before it writes, and may have to be done again: told once. */
void probe_own_code(struct bt_engine *e, uint32_t frame, uint32_t offset) {
    e->probe.own[1] = e->probe.own[0];
    e->probe.own[0] = frame;
    if (!e->probe.told) tell(e, BT_PROBE_CODE_WRITE, bt_probe_pc(e).v, frame << SMMU_PAGE_SHIFT | offset, 0);
}

void probe_code_write(struct bt_engine *e, uint32_t frame, uint32_t offset) {
    bool own = e->probe.in_access && (frame == e->probe.own[0] || frame == e->probe.own[1]);
    if (!own) tell(e, BT_PROBE_CODE_WRITE, bt_probe_pc(e).v, frame << SMMU_PAGE_SHIFT | offset, 0);
}
