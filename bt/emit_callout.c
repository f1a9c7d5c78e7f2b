/*
 * emit_callout.c: sensitive instructions as calls to monitor's helpers, and
 * exceptions known at translation time.
 */
#include "bt/sensitive.h"
#include "bt/translate.h"

/* The instruction always leaves, or what follows is another world. */
bool callout_ends_block(const struct insn *insn) {
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_CALL:
    case ZYDIS_MNEMONIC_JMP:
    case ZYDIS_MNEMONIC_RET:
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD:
    case ZYDIS_MNEMONIC_INT:
    case ZYDIS_MNEMONIC_INT1:
    case ZYDIS_MNEMONIC_INT3:
    case ZYDIS_MNEMONIC_SYSENTER:
    case ZYDIS_MNEMONIC_SYSEXIT:
    case ZYDIS_MNEMONIC_HLT:
    case ZYDIS_MNEMONIC_LMSW:
    case ZYDIS_MNEMONIC_CLTS: return true;
    case ZYDIS_MNEMONIC_MOV: return insn->map == 1 && insn->opcode == 0x22; /* MOV CR */
    default: return false;
    }
}

void emit_raise(struct translation *t, int vector, uint32_t error) {
    x86_mov_r32_imm32(&t->b, R_A, (uint32_t)vector | error << 8);
    emit_eip(t, R_B, cur_eip(t));
    emit_jmp_thunk(t, t->e->thunk.exit_exception);
}

void emit_exception(struct translation *t, int vector, uint32_t error) {
    emit_settle_esp(t);
    emit_raise(t, vector, error);
    t->ended = true;
}

void emit_callout(struct translation *t) {
    struct bt_engine *e = t->e;
    const struct insn *insn = cur(t);
    enum bt_op op = bt_op_find(insn);
    BT_BUG_ON(op == BT_OP_COUNT);
    if (e->n_sites >= e->max_sites) {
        t->b.overflow = true;
        return;
    }
    emit_settle_esp(t);
    uint32_t id = e->n_sites++;
    bool ends = callout_ends_block(insn) && t->chained;
    e->sites[id] =
        (struct site){.fn = e->cfg.ops[op], .op = (uint16_t)op, .ends = ends, .eip = cur_eip(t), .insn = *insn};
    x86_mov_r32_imm32(&t->b, R_A, id);
    relocate_last(t, RELOC_SITE);
    if (ends) { /* by a jump: a call that does not return would put the host's return predictions out of step */
        emit_jmp_thunk(t, e->thunk.callout_end);
        t->ended = true;
        return;
    }
    emit_call_thunk(t, e->thunk.callout);
    if (callout_ends_block(insn)) {
        emit_link(t, next_eip(t));
        t->ended = true;
    }
}
