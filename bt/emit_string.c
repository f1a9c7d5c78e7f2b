/*
 * emit_string.c: MOVS STOS LODS SCAS CMPS.
 *
 * Direct: RSI and RDI are widened by the view's base (if it is not 0) and the host's
 * own string instruction runs; the window is aligned to 4 GiB, so the low halves stay the
 * guest's values at every point. Otherwise a callout does the work.
 */
#include "bt/translate.h"

static bool uses_rsi(uint8_t op) {
    return op == 0xA4 || op == 0xA5 || op == 0xA6 || op == 0xA7 || op == 0xAC || op == 0xAD;
}
static bool uses_rdi(uint8_t op) { return op != 0xAC && op != 0xAD; }

static bool source_flat(const struct translation *t, uint8_t seg) {
    return (seg == DEC_DS && t->mode & MODE_DS_FLAT) || (seg == DEC_ES && t->mode & MODE_ES_FLAT) ||
           (seg == DEC_SS && t->mode & MODE_SS_FLAT);
}

static void widen(struct x86_buf *b, uint8_t reg) { x86_lea_r64(b, reg, x86_base_index(R_A, reg, 1, 0)); }
static void narrow(struct x86_buf *b, uint8_t reg) { x86_mov_r32_r32(b, reg, reg); }

void emit_string(struct translation *t) {
    const struct insn *insn = cur(t);
    struct x86_buf *b = &t->b;
    bool si = uses_rsi(insn->opcode), di = uses_rdi(insn->opcode);
    if (!t->direct_insn || !t->chained || insn->addr_size != 4 || (di && !(t->mode & MODE_ES_FLAT)) ||
        (si && !source_flat(t, insn->mem.seg))) {
        emit_callout(t);
        return;
    }
    if (!t->low) x86_mov_r64_m64(b, R_A, cpu_mem(CPU_OFF(p.view_base)));
    if (si && !t->low) widen(b, X86_RSI);
    if (di && !t->low) widen(b, X86_RDI);
    if (insn->op_size == 2) x86_byte(b, 0x66);
    if (insn->rep) x86_byte(b, insn->rep);
    x86_byte(b, insn->opcode);
    if (si) narrow(b, X86_RSI);
    if (di) narrow(b, X86_RDI);
}
