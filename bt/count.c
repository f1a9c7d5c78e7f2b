/*
 * count.c: translated code that counts the instructions it executes, the returns and indirect jumps among them.
 *
 * Off, which is the rule, there is not a trace of it in translated code. On, each straight line of instructions adds
 * its number before the branch or callout that ends it: what runs before an instruction in the middle that faults is
 * not counted, the one at the end counts each time it is begun. A repeated string instruction is one.
 */
#include "bt/translate.h"

static void add(struct x86_buf *b, int32_t counter, unsigned n) {
    x86_mov_r64_m64(b, R_C, cpu_mem(counter));
    x86_lea_r64(b, R_C, x86_base(R_C, (int32_t)n));
    x86_mov_m64_r64(b, cpu_mem(counter), R_C);
}

static bool goes_on(const struct insn *insn) {
    return insn->cls == DEC_CLASS_PLAIN || insn->cls == DEC_CLASS_STACK || insn->cls == DEC_CLASS_STRING;
}

static bool is_return(const struct insn *insn) {
    return insn->cls == DEC_CLASS_BRANCH && insn->map == 0 && (insn->opcode & 0xFE) == 0xC2;
}

static bool is_indirect(const struct insn *insn) {
    return insn->cls == DEC_CLASS_BRANCH && insn->map == 0 && insn->opcode == 0xFF;
}

void emit_count(struct translation *t) {
    const struct insn *insn = cur(t);
    t->uncounted++;
    if (t->i + 1 < t->n && goes_on(insn)) return;
    add(&t->b, CPU_OFF(p.insns), t->uncounted);
    t->uncounted = 0;
    if (is_return(insn)) add(&t->b, CPU_OFF(p.returns), 1);
    if (is_indirect(insn)) add(&t->b, CPU_OFF(p.indirects), 1);
}

uint8_t *count_build(struct x86_buf *b, int32_t counter) {
    uint8_t *at = b->p;
    add(b, counter, 1);
    return at;
}

/* Nobody may come to the middle of a line: its number would be wrong. */
void bt_count(struct bt_engine *e, bool on) {
    struct bt_private *p = &e->cpu->p;
    if (on == e->counting) return;
    if (on) e->no_joining = e->cfg.no_joining;
    e->counting = on;
    e->cfg.no_joining = on || e->no_joining;
    e->thunk.pad_miss = on ? e->thunk.pad_miss_counted : e->thunk.pad_miss_plain;
    e->thunk.ret_miss = on ? e->thunk.ret_miss_counted : e->thunk.ret_miss_plain;
    for (int i = 0; i < 2; i++) *(uint64_t *)(uintptr_t)e->ras[i].top = (uint64_t)(uintptr_t)e->thunk.ret_miss;
    p->insns = p->returns = p->indirects = p->return_misses = 0;
    bt_flush(e);
}

bool bt_counts(const struct bt_engine *e) { return e->counting; }
