/*
 * emit_stack.c: PUSH, POP and LEAVE in line; the block forms (PUSHA, POPA, ENTER) call out.
 *
 * ESP changes only after the access, so a fault leaves the instruction restartable. R14 follows late: each
 * change of it would wait for the last, so they are added up in esp_delta, which the PC map knows at every fault.
 */
#include "bt/translate.h"

static struct mref stack_ref(const struct translation *t, int32_t disp, uint8_t size, bool write) {
    return (struct mref){.seg = DEC_SS,
                         .base = DEC_ESP,
                         .index = DEC_NOREG,
                         .scale = 1,
                         .disp = (uint32_t)disp,
                         .addr16 = !(t->mode & MODE_STACK32),
                         .size = size,
                         .read = !write,
                         .write = write};
}

void emit_settle_esp(struct translation *t) {
    if (!t->esp_delta) return;
    x86_lea_r32(&t->b, R_ESP, x86_base(R_ESP, t->esp_delta));
    t->esp_delta = 0;
    map_here(t, t->offs[t->i], 0);
}

static void adjust_esp(struct translation *t, int32_t by) {
    enum { FAR = 100 /* the map has a byte for it, with room for one more push or pop */ };
    if (!(t->mode & MODE_STACK32)) {
        x86_lea_r16(&t->b, R_ESP, x86_base(R_ESP, by));
    } else if (by > FAR || by < -FAR) {
        x86_lea_r32(&t->b, R_ESP, x86_base(R_ESP, t->esp_delta + by));
        t->esp_delta = 0;
    } else {
        t->esp_delta += by;
        if (t->e->cfg.no_stack_folding || t->esp_delta > FAR || t->esp_delta < -FAR) emit_settle_esp(t);
    }
}

static void push_imm(struct translation *t, uint32_t value, uint8_t size, bool is_eip) {
    struct mref m = stack_ref(t, -size, size, true);
    emit_access(t, &m, &(struct memop){.kind = MEMOP_STORE_IMM, .imm = value, .size = size, .is_eip = is_eip});
    adjust_esp(t, -size);
}

void emit_push_imm(struct translation *t, uint32_t value, uint8_t size) { push_imm(t, value, size, false); }
void emit_push_eip(struct translation *t, uint32_t eip, uint8_t size) { push_imm(t, eip, size, true); }

void emit_push_reg(struct translation *t, uint8_t host, uint8_t size) {
    if (host == R_ESP) emit_settle_esp(t);
    struct mref m = stack_ref(t, -size, size, true);
    emit_access(t, &m, &(struct memop){.kind = MEMOP_STORE_REG, .reg = host, .size = size});
    adjust_esp(t, -size);
}

void emit_peek(struct translation *t, uint8_t host, uint8_t size) {
    struct mref m = stack_ref(t, 0, size, false);
    emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = host, .size = size});
}

void emit_drop(struct translation *t, uint32_t bytes) { adjust_esp(t, (int32_t)bytes); }

static void emit_pop(struct translation *t, uint8_t host, uint8_t size) {
    emit_peek(t, host, size);
    emit_drop(t, size);
}

static void mov_r16(struct translation *t, uint8_t dst, uint8_t src) {
    x86_enc_reg(&t->b, &(struct x86_enc){.prefix66 = 0x66, .opcode = 0x8B}, dst, src);
}

/* A popped value replaces ESP after the increment, so there is none to see; POP SP keeps the upper half. */
static void emit_pop_reg(struct translation *t, uint8_t guest, uint8_t size) {
    uint8_t dst = host_reg(guest);
    if (size == 4 && dst != R_ESP) {
        emit_pop(t, dst, 4);
        return;
    }
    if (dst == R_ESP) emit_settle_esp(t);
    emit_pop(t, R_C, size);
    if (dst == R_ESP) emit_settle_esp(t); /* POP SP keeps the upper half */
    if (size == 4)
        x86_mov_r32_r32(&t->b, dst, R_C);
    else
        mov_r16(t, dst, R_C);
}

static void emit_push_mem(struct translation *t, const struct insn *insn) {
    struct mref m = mref_of(insn);
    m.more = true;
    emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = R_C, .size = insn->op_size});
    emit_push_reg(t, R_C, insn->op_size);
}

/* The destination's address sees the incremented ESP; ESP itself changes last. */
static void emit_pop_mem(struct translation *t, const struct insn *insn) {
    struct mref from = stack_ref(t, 0, insn->op_size, false);
    from.more = true;
    emit_access(t, &from, &(struct memop){.kind = MEMOP_LOAD, .reg = R_C, .size = insn->op_size});
    struct mref to = mref_of(insn);
    if (to.base == DEC_ESP) to.disp += insn->op_size;
    to.write = true;
    to.read = false;
    to.size = insn->op_size;
    emit_access(t, &to, &(struct memop){.kind = MEMOP_STORE_REG, .reg = R_C, .size = insn->op_size});
    adjust_esp(t, insn->op_size);
}

static void emit_leave(struct translation *t) {
    struct mref m = stack_ref(t, 0, 4, false);
    m.base = DEC_EBP;
    emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = R_C, .size = 4});
    x86_lea_r32(&t->b, R_ESP, x86_base(X86_RBP, 4));
    t->esp_delta = 0;
    x86_mov_r32_r32(&t->b, X86_RBP, R_C);
}

void emit_stack(struct translation *t) {
    const struct insn *insn = cur(t);
    uint8_t op = insn->opcode, size = insn->op_size;
    if (insn->map != 0) {
        emit_callout(t);
    } else if (op >= 0x50 && op <= 0x57) {
        emit_push_reg(t, host_reg(op & 7), size);
    } else if (op >= 0x58 && op <= 0x5F) {
        emit_pop_reg(t, op & 7, size);
    } else if (op == 0x68 || op == 0x6A) {
        emit_push_imm(t, insn->imm, size);
    } else if (op == 0xFF) {
        if (insn->mod == 3)
            emit_push_reg(t, host_reg(insn->rm), size);
        else
            emit_push_mem(t, insn);
    } else if (op == 0x8F) {
        if (insn->mod == 3)
            emit_pop_reg(t, insn->rm, size);
        else
            emit_pop_mem(t, insn);
    } else if (op == 0xC9 && size == 4 && t->mode & MODE_STACK32) {
        emit_leave(t);
    } else {
        emit_callout(t);
    }
}
