/*
 * emit_divide.c: DIV and IDIV that have met a zero before look for the next one.
 *
 * The host's #DE is the guest's (signal.c), exact and free until it comes, but then it costs a signal.
 * A division that has raised one is translated again with a test of its divisor, which no flag is
 * needed for. What overflows, and what has a byte in memory or in AH..BH, goes on by the signal.
 * The memory of them forgets by collision, which costs time alone.
 */
#include "bt/translate.h"

enum { VECTOR_DE = 0, GROUP3_DIV = 6 /* IDIV: 7; SDM vol. 2 "Opcode Extensions" */ };

static uint32_t *slot_of(struct bt_engine *e, uint32_t key) {
    return &e->zero_divides[key * 0x9E3779B1u >> 24 & (ZERO_DIVIDES - 1)];
}

void divide_faulted(struct bt_engine *e, uint32_t id, uint32_t eip) {
    struct block *b = &e->blocks[id];
    uint32_t key = insn_key(b->frame[0], (b->off + (eip - b->eip)) & SMMU_PAGE_MASK);
    bool full = e->retry_head - e->retry_tail >= RETRY_QUEUE;
    if (e->cfg.no_divide_checks || *slot_of(e, key) == key || full) return;
    *slot_of(e, key) = key;
    b->demoted = true;
    adapt_queue(e, id);
}

static bool has_met_zero(struct translation *t) {
    uint32_t key = insn_key(t->blk->frame[0], (t->blk->off + t->offs[t->i]) & SMMU_PAGE_MASK);
    return *slot_of(t->e, key) == key;
}

/* R10 = divisor, zero-extended. */
static void load_divisor(struct translation *t, const struct insn *insn) {
    struct x86_buf *b = &t->b;
    if (insn->mem.present) {
        struct mref m = mref_of(insn);
        emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = R_C, .size = insn->op_size});
    } else if (insn->byte_op) {
        x86_enc_reg(b, &(struct x86_enc){.map = 1, .opcode = 0xB6}, R_C, insn->rm); /* movzx r32, r8 */
    } else if (insn->op_size == 2) {
        x86_movzx_r32_r16(b, R_C, host_reg(insn->rm));
    } else {
        x86_mov_r32_r32(b, R_C, host_reg(insn->rm));
    }
}

bool emit_divide(struct translation *t) {
    const struct insn *insn = cur(t);
    struct x86_buf *b = &t->b;
    bool divides = insn->map == 0 && (insn->opcode & 0xFE) == 0xF6 && insn->reg >= GROUP3_DIV;
    if (!divides || t->e->cfg.no_divide_checks || !has_met_zero(t)) return false;
    if (insn->byte_op && (insn->mem.present || insn->rm >= 4)) return false;
    emit_settle_esp(t);
    load_divisor(t, insn);
    x86_mov_r64_r64(b, R_B, X86_RCX);
    x86_mov_r32_r32(b, X86_RCX, R_C);
    struct x86_fixup zero = x86_jrcxz8(b);
    x86_mov_r64_r64(b, X86_RCX, R_B);
    x86_enc_reg(b,
                &(struct x86_enc){.prefix66 = !insn->byte_op && insn->op_size == 2 ? 0x66 : 0, .opcode = insn->opcode},
                insn->reg, R_C);
    struct x86_fixup done = x86_jmp8(b);
    x86_bind(b, zero);
    x86_mov_r64_r64(b, X86_RCX, R_B);
    emit_raise(t, VECTOR_DE, 0);
    x86_bind(b, done);
    return true;
}
