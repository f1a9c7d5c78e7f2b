/*
 * emit_branch.c: near jumps, calls and returns; links and their stubs.
 *
 * A guest CALL is a host CALL and a guest RET a host RET, so the host predicts
 * returns; the landing pad after the host CALL compares the popped guest address
 * with its own, without touching a flag. Backward branches and indirect
 * transfers poll, the latter in their stubs: a load through R13, which a kick makes fault.
 */
#include "bt/translate.h"

enum { VECTOR_GP = 13 };

static void emit_poll(struct translation *t) { poll_into(&t->b, R_A); }

void emit_wrap_poll(struct translation *t) {
    if (t->chained && next_eip(t) <= cur_eip(t)) emit_poll(t);
}

static void pend_link(struct translation *t, uint8_t *field, uint32_t target) {
    BT_BUG_ON(t->n_links >= BLOCK_LINKS);
    t->links[t->n_links++] = (struct pending_link){field, target};
}

void emit_link(struct translation *t, uint32_t target) {
    struct x86_fixup f = x86_jmp32(&t->b);
    pend_link(t, f.at, target);
}

static void emit_jcc_link(struct translation *t, enum x86_cc cc, uint32_t target) {
    struct x86_fixup f = x86_jcc32(&t->b, cc);
    pend_link(t, f.at, target);
}

/* R8D has the target. */
static void emit_port_stub(struct translation *t, uint32_t id, uint8_t *field) {
    struct bt_engine *e = t->e;
    uint8_t *stub = t->b.p;
    uint32_t p = e->n_ports++;
    e->ports[p] = (struct port){.from = id,
                                .next = t->blk->port_head,
                                .field_off = (uint32_t)(field - e->code),
                                .stub_off = (uint32_t)(stub - e->code)};
    t->blk->port_head = p;
    x86_mov_r32_imm32(&t->b, R_B, p);
    emit_jmp_thunk(t, e->thunk.exit_port);
    if (!t->b.overflow) x86_patch_rel32(field, stub);
}

void emit_link_stubs(struct translation *t, uint32_t id) {
    struct bt_engine *e = t->e;
    t->blk->link_first = e->n_links;
    for (unsigned i = 0; i < t->n_links; i++) {
        uint8_t *stub = t->b.p;
        uint32_t l = e->n_links++;
        e->links[l] = (struct link){.from = id,
                                    .target_eip = t->links[i].target,
                                    .to = BT_NONE,
                                    .next_in = BT_NONE,
                                    .field_off = (uint32_t)(t->links[i].field - e->code),
                                    .stub_off = (uint32_t)(stub - e->code)};
        x86_mov_r32_imm32(&t->b, R_A, t->chained ? l : t->links[i].target);
        emit_jmp_thunk(t, t->chained ? e->thunk.exit_link : e->thunk.exit_step);
        if (!t->b.overflow) x86_patch_rel32(t->links[i].field, stub);
    }
    t->blk->n_links = (uint8_t)t->n_links;
    for (unsigned i = 0; i < t->n_ports; i++) emit_port_stub(t, id, t->ports[i]);
}

/* The block goes on with the next instruction, or ends here. */
static void go_on_at(struct translation *t, uint32_t eip) {
    if (t->i + 1 < t->n)
        t->ended = false;
    else
        emit_link(t, eip);
}

/* Where a host RET arrives: R8D is what the guest popped. */
static void emit_landing_pad(struct translation *t, uint32_t return_eip) {
    struct x86_buf *b = &t->b;
    if (t->direct_insn && check_may_trap(t->e, t->mode) && check_fits(return_eip)) {
        x86_lea_r32(b, R_A, x86_base(R_A, (int32_t)(0u - return_eip)));
        relocate_last(t, RELOC_MINUS_EIP);
        check_zero(b, R_A);
        go_on_at(t, return_eip);
        return;
    }
    x86_mov_r64_r64(b, R_B, X86_RCX);
    x86_lea_r32(b, X86_RCX, x86_base(R_A, (int32_t)(0u - return_eip)));
    relocate_last(t, RELOC_MINUS_EIP);
    struct x86_fixup hit = x86_jrcxz8(b);
    emit_jmp_thunk(t, t->e->thunk.pad_miss);
    x86_bind(b, hit);
    x86_mov_r64_r64(b, X86_RCX, R_B);
    go_on_at(t, return_eip);
}

/* ---- CS limit: SDM vol. 2 "JMP", "CALL", "RET": a target beyond it is #GP(0) at the branch ---- */

static bool beyond_limit(const struct translation *t, uint32_t target) { return target > t->blk->cs_limit; }

static void emit_gp(struct translation *t) { emit_exception(t, VECTOR_GP, 0); }

/* R_A or R_C holds a target that only the run knows. The sign of limit - target is told by its top byte, since NOT, LEA
 * and moves leave the flags alone. Flat code and 16-bit targets in 64 KiB cannot fail. */
static void emit_check_limit(struct translation *t, uint8_t target) {
    struct x86_buf *b = &t->b;
    uint32_t limit = t->blk->cs_limit;
    if (limit >= (cur(t)->op_size == 2 ? 0xffff : UINT32_MAX)) return;
    x86_mov_r64_r64(b, R_B, target);
    x86_enc_reg(b, &(struct x86_enc){.opcode = 0xF7, .rexw = true}, 2, R_B); /* not */
    x86_mov_r32_imm32(b, R_F, limit);
    x86_lea_r64(b, R_B, x86_base_index(R_B, R_F, 1, 1));
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.exit_arg2)), R_B);
    x86_mov_r64_r64(b, R_F, X86_RCX);
    x86_movzx_r32_m8(b, X86_RCX, cpu_mem(CPU_OFF(p.exit_arg2) + 7));
    struct x86_fixup inside = x86_jrcxz8(b);
    x86_mov_r64_r64(b, X86_RCX, R_F);
    emit_gp(t);
    x86_bind(b, inside);
    x86_mov_r64_r64(b, X86_RCX, R_F);
}

static uint32_t target_of(const struct translation *t, unsigned i) {
    const struct insn *insn = &t->insns[i];
    uint32_t target = t->blk->eip + t->offs[i] + insn->len + insn->imm;
    return insn->op_size == 2 ? target & 0xffff : target;
}

static uint32_t branch_target(const struct translation *t) { return target_of(t, t->i); }

/* An entry from another page polls where checks may trap. */
static void poll_if_backward(struct translation *t, uint32_t target) {
    bool elsewhere = ((t->blk->cs_base + target) ^ (t->blk->cs_base + t->blk->eip)) >> SMMU_PAGE_SHIFT != 0;
    if (elsewhere && check_may_trap(t->e, t->mode)) return;
    if (t->chained && target <= cur_eip(t) && !t->polled) emit_poll(t);
}

static bool is_backward_jcc(const struct translation *t, unsigned i) {
    const struct insn *insn = &t->insns[i];
    /* Not one to itself: a jump into the middle of the block would pass its poll by for ever. */
    return insn->cls == DEC_CLASS_BRANCH && is_jcc(insn) && target_of(t, i) < t->blk->eip + t->offs[i];
}

void emit_early_poll(struct translation *t) {
    t->polled = t->polled_next;
    t->polled_next = t->chained && t->i + 1 < t->n && cur(t)->cls == DEC_CLASS_PLAIN && is_backward_jcc(t, t->i + 1);
    if (t->polled_next) emit_poll(t);
}

static void emit_call_rel(struct translation *t) {
    uint32_t target = branch_target(t), next = next_eip(t);
    if (beyond_limit(t, target)) {
        emit_gp(t);
        return;
    }
    if (emit_read_pc(t, target)) {
        t->ended = false;
        return;
    }
    poll_if_backward(t, target);
    emit_push_eip(t, next, cur(t)->op_size);
    emit_settle_esp(t);
    if (!t->chained || target == next) { /* CALL $+5 only reads the program counter: it never returns */
        emit_link(t, target);
        return;
    }
    pend_link(t, x86_call32(&t->b).at, target);
    emit_landing_pad(t, next);
}

/* dst = target from register or memory, zero-extended to the operand size. */
static void emit_indirect_target(struct translation *t, uint8_t dst) {
    const struct insn *insn = cur(t);
    if (insn->mod == 3) {
        if (insn->op_size == 2)
            x86_movzx_r32_r16(&t->b, dst, host_reg(insn->rm));
        else
            x86_mov_r32_r32(&t->b, dst, host_reg(insn->rm));
        return;
    }
    struct mref m = mref_of(insn);
    m.more = true;
    emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = dst, .size = insn->op_size});
}

static void emit_indirect(struct translation *t, bool call) {
    uint8_t target = call ? R_C : R_A; /* a push may use R8 */
    emit_indirect_target(t, target);
    emit_check_limit(t, target);
    if (call) emit_push_eip(t, next_eip(t), cur(t)->op_size);
    emit_settle_esp(t);
    if (call) x86_mov_r32_r32(&t->b, R_A, R_C);
    if (!t->chained) {
        emit_jmp_thunk(t, t->e->thunk.exit_step);
        return;
    }
    BT_BUG_ON(t->n_ports >= BLOCK_LINKS);
    struct x86_fixup f = call ? x86_call32(&t->b) : x86_jmp32(&t->b);
    t->ports[t->n_ports++] = f.at;
    if (call) emit_landing_pad(t, next_eip(t));
}

/* The pushed value crosses the access in R10, which emit_push_imm's slow path keeps. */
static void emit_ret(struct translation *t) {
    const struct insn *insn = cur(t);
    uint32_t extra = insn->imm_size ? insn->imm & 0xffff : 0;
    emit_peek(t, R_A, insn->op_size);
    emit_check_limit(t, R_A);
    emit_drop(t, insn->op_size + extra);
    emit_settle_esp(t);
    if (t->chained)
        x86_ret(&t->b);
    else
        emit_jmp_thunk(t, t->e->thunk.exit_step);
}

/* Taken and fall-through exits; the caller has emitted the condition's jumps. */
static void emit_jcc(struct translation *t) {
    uint32_t target = branch_target(t);
    enum x86_cc cc = (enum x86_cc)(cur(t)->opcode & 15);
    if (beyond_limit(t, target)) {
        struct x86_fixup not_taken = x86_jcc8(&t->b, cc ^ 1u);
        emit_gp(t);
        x86_bind(&t->b, not_taken);
    } else {
        poll_if_backward(t, target);
        emit_jcc_link(t, cc, target);
    }
    go_on_at(t, next_eip(t));
}

static void count(struct translation *t, int by) {
    if (cur(t)->addr_size == 4)
        x86_lea_r32(&t->b, X86_RCX, x86_base(X86_RCX, by));
    else
        x86_lea_r16(&t->b, X86_RCX, x86_base(X86_RCX, by));
}

/* A counted jump is taken; one that cannot be has not counted. */
static void emit_counted_taken(struct translation *t, bool loop) {
    uint32_t target = branch_target(t);
    if (!beyond_limit(t, target)) {
        emit_link(t, target);
        return;
    }
    if (loop) count(t, 1);
    emit_gp(t);
}

/* JCXZ/JECXZ jumps when the counter is 0; LOOP counts first and jumps when it is not, LOOPE/LOOPNE look at ZF too. */
static void emit_counted(struct translation *t) {
    struct x86_buf *b = &t->b;
    const struct insn *insn = cur(t);
    uint32_t target = branch_target(t);
    bool wide = insn->addr_size == 4, loop = insn->opcode != 0xE3;
    poll_if_backward(t, target);
    if (loop) count(t, -1);
    struct x86_fixup zero;
    if (wide) {
        zero = x86_jrcxz8(b);
    } else { /* only CX counts: test a zero-extended copy */
        x86_mov_r64_r64(b, R_C, X86_RCX);
        x86_movzx_r32_r16(b, X86_RCX, X86_RCX);
        struct x86_fixup cx_zero = x86_jrcxz8(b);
        x86_mov_r64_r64(b, X86_RCX, R_C);
        struct x86_fixup nonzero = x86_jmp8(b);
        x86_bind(b, cx_zero);
        x86_mov_r64_r64(b, X86_RCX, R_C);
        zero = x86_jmp8(b);
        x86_bind(b, nonzero);
    }
    if (!loop) {
        emit_link(t, next_eip(t));
        x86_bind(b, zero);
        emit_counted_taken(t, loop);
        return;
    }
    struct x86_fixup not_taken = {0};
    if (insn->opcode != 0xE2) not_taken = x86_jcc8(b, insn->opcode == 0xE1 ? X86_CC_NE : X86_CC_E);
    emit_counted_taken(t, loop);
    x86_bind(b, zero);
    if (insn->opcode != 0xE2) x86_bind(b, not_taken);
    emit_link(t, next_eip(t));
}

static bool is_near(const struct insn *insn) {
    if (insn->map == 1) return insn->opcode >= 0x80 && insn->opcode <= 0x8F;
    switch (insn->opcode) {
    case 0xE0:
    case 0xE1:
    case 0xE2:
    case 0xE3:
    case 0xE8:
    case 0xE9:
    case 0xEB:
    case 0xC2:
    case 0xC3: return true;
    case 0xFF: return insn->reg == 2 || insn->reg == 4;
    default: return insn->opcode >= 0x70 && insn->opcode <= 0x7F;
    }
}

void emit_branch(struct translation *t) {
    const struct insn *insn = cur(t);
    uint8_t op = insn->opcode;
    BT_BUG_ON(!is_near(insn));
    bool folds = op == 0xE8 || op == 0xC2 || op == 0xC3 || op == 0xFF; /* they move ESP themselves */
    bool esp_is_target = op == 0xFF && insn->mod == 3 && insn->rm == DEC_ESP;
    if (!folds || esp_is_target || t->blk->cs_limit != UINT32_MAX) emit_settle_esp(t);
    t->ended = true;
    if (is_jcc(insn)) {
        emit_jcc(t);
    } else if (op >= 0xE0 && op <= 0xE3) {
        emit_counted(t);
    } else if (op == 0xE8) {
        emit_call_rel(t);
    } else if (op == 0xE9 || op == 0xEB) {
        if (beyond_limit(t, branch_target(t))) {
            emit_gp(t);
            return;
        }
        poll_if_backward(t, branch_target(t));
        emit_link(t, branch_target(t));
    } else if (op == 0xC2 || op == 0xC3) {
        emit_ret(t);
    } else {
        emit_indirect(t, insn->reg == 2);
    }
}
