/*
 * emit_readpc.c: calls of the routine "mov reg, [esp]; ret", in line.
 *
 * Position-independent 32-bit code has no other way to learn where it is, so most functions begin with such a call.
 * What the guest can see of it is the return address below the stack, and in the register. The block depends on the
 * routine's bytes (block.frame[2]); where they are in another page, it checks that the page still shows them, and goes
 * on in the routine itself where it does not (check.c).
 */
#include "bt/translate.h"

struct routine {
    uint8_t reg;
    uint32_t frame;
    uint16_t off;
    bool elsewhere; /* in another page than the block */
};

/* In another page only if checks may trap: the way without is hardly shorter than the call. */
static bool frame_of(struct translation *t, uint32_t target, struct routine *r) {
    struct guest_fault ignored;
    r->elsewhere = (target ^ t->blk->eip) >> SMMU_PAGE_SHIFT != 0;
    r->frame = t->blk->frame[0];
    if (!r->elsewhere) return true;
    if (!t->direct_insn || !check_may_trap(t->e, t->mode)) return false;
    bool user = (t->mode & MODE_CPL) == MODE_CPL;
    bool known = known_code_frame(t->e, target, &r->frame) ||
                 smmu_code_fill(t->e->smmu, user, gva(target), &r->frame, &ignored) == SMMU_FILL_OK;
    return known && check_page_may_trap(t->e, t->mode, r->frame);
}

static bool find(struct translation *t, uint32_t target, struct routine *r) {
    const struct block *k = t->blk;
    const struct insn *insn = cur(t);
    enum { CALL_LEN = 5 };
    bool plain = t->chained && !k->single && k->frame[1] == BT_NONE && insn->len == CALL_LEN && insn->op_size == 4 &&
                 t->mode & MODE_CODE32 && t->mode & MODE_STACK32 && t->mode & MODE_CS_FLAT && !t->e->n_breaks &&
                 !t->e->n_marks && !t->e->counting;
    r->off = (uint16_t)(target & SMMU_PAGE_MASK);
    if (!plain || t->e->cfg.no_inline_read_pc || r->off > SMMU_PAGE_SIZE - READ_PC_LEN) return false;
    if (!frame_of(t, target, r)) return false;
    const uint8_t *code = t->e->linear + (size_t)r->frame * SMMU_PAGE_SIZE + r->off;
    r->reg = code[1] >> 3;
    if (code[0] != 0x8B || code[1] != (r->reg << 3 | 4) || r->reg > 7 || r->reg == DEC_ESP) return false;
    if (code[2] != 0x24 || code[3] != 0xC3) return false;
    return k->frame[2] == BT_NONE || (k->frame[2] == r->frame && k->read_pc_off == r->off);
}

bool emit_read_pc(struct translation *t, uint32_t target) {
    struct routine r;
    if (!find(t, target, &r)) return false;
    t->blk->frame[2] = r.frame;
    t->blk->read_pc_off = r.off;
    emit_push_eip(t, next_eip(t), 4);
    if (r.elsewhere) {
        map_here(t, t->offs[t->i], t->esp_delta);
        load_code_entry(t->e, &t->b, t->mode, R_A, target >> SMMU_PAGE_SHIFT);
        relocate_last(t, RELOC_PAGE);
        check_page(&t->b, r.frame);
    }
    emit_eip(t, host_reg(r.reg), next_eip(t));
    emit_drop(t, 4);
    return true;
}
