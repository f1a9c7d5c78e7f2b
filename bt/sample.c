/*
 * sample.c: what the thread does with its time: each millisecond counts for one thing. Ticks are of one where the
 * host's timer is so fine; else each stands for the milliseconds since the last.
 *
 * Host code tells by its address that it is translated; the rest by what bt_cpu's `at` says began last, a store where
 * C begins and nothing else. Ticks wait while a fault of translated code is handled: they come when the handler
 * returns, at the very address it returns to, and soon.
 */
#include <immintrin.h>
#include <ucontext.h>

#include "bt/inspect_internal.h"

enum { SOON_CYCLES = 1 << 17 }; /* two returns from the host's kernel and one way into it */

static uint64_t pc_of(const void *uc) { return (uint64_t)((const ucontext_t *)uc)->uc_mcontext.gregs[REG_RIP]; }

void bt_sample_fault(struct bt_engine *e, const void *ucontext) {
    e->fault_done.pc = pc_of(ucontext);
    e->fault_done.tsc = __rdtsc();
}

static bool was_fault(const struct bt_engine *e, const uint8_t *pc) {
    return e->fault_done.pc == (uint64_t)(uintptr_t)pc && __rdtsc() - e->fault_done.tsc < SOON_CYCLES;
}

static unsigned what(const struct bt_engine *e, const uint8_t *pc, uint32_t id) {
    if (!in_cache(e, pc)) return e->cpu->at < BT_AT_COUNT ? e->cpu->at : BT_AT_MONITOR;
    return was_fault(e, pc) ? BT_AT_FAULT : id == BT_NONE ? BT_AT_STUB : BT_AT_BLOCK;
}

void sample_note(struct bt_engine *e, const uint8_t *pc, uint32_t id, unsigned ms) {
    unsigned at = what(e, pc, id);
    e->sampled[at] += ms;
    e->sampled_ms += ms;
    if (at == BT_AT_BLOCK) e->blocks[id].samples += ms;
}

/* ---- For consoles ---- */

/* Rows of the table that stand together. */
static bool is_port_io(unsigned op) { return op >= BT_OP_IN && op <= BT_OP_OUTSD; }

struct bt_inspect_time bt_inspect_time(const struct bt_engine *e) {
    const uint32_t *n = e->sampled;
    struct bt_inspect_time t = {.blocks = n[BT_AT_BLOCK],
                                .stubs = n[BT_AT_STUB],
                                .engine = n[BT_AT_ENGINE],
                                .translator = n[BT_AT_TRANSLATOR],
                                .exceptions = n[BT_AT_EXCEPTION],
                                .accesses = n[BT_AT_ACCESS],
                                .registers = n[BT_AT_REGISTER],
                                .faults = n[BT_AT_FAULT],
                                .monitor = n[BT_AT_MONITOR],
                                .events = n[BT_AT_EVENTS],
                                .wait = n[BT_AT_WAIT]};
    for (unsigned op = 0; op < BT_OP_COUNT; op++) *(is_port_io(op) ? &t.ports : &t.callouts) += n[op];
    return t;
}

uint64_t bt_inspect_time_sum(const struct bt_inspect_time *t) {
    return t->blocks + t->stubs + t->engine + t->translator + t->callouts + t->ports + t->exceptions + t->accesses +
           t->registers + t->faults + t->monitor + t->events + t->wait;
}
