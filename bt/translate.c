/*
 * translate.c: one block: fetch and decode, flag liveness, emission, publication.
 *
 * A block is straight-line guest code inside one page, with side exits at conditional
 * jumps and calls in the middle; an instruction that crosses into the next page is a
 * block of its own, tied to both frames.
 */
#include "bt/translate.h"

enum { VECTOR_DE = 0, VECTOR_UD = 6, VECTOR_NM = 7, VECTOR_GP = 13 };

/* ---- Decode ---- */

/* Does the exception of a disabled FPU replace the instruction? -1: no. */
static int fpu_trap(uint32_t mode, const struct insn *insn) {
    bool wait = insn->map == 0 && insn->opcode == 0x9B;
    bool x87 = insn->map == 0 && insn->opcode >= 0xD8 && insn->opcode <= 0xDF;
    if (wait) return mode & MODE_MP && mode & MODE_TS ? VECTOR_NM : -1;
    if (!insn->fpu && insn->cls != DEC_CLASS_FPU_STATE) return -1;
    if (x87 || insn->cls == DEC_CLASS_FPU_STATE) return mode & (MODE_TS | MODE_EM) ? VECTOR_NM : -1;
    if (mode & MODE_EM) return VECTOR_UD;
    if (insn->sse && !(mode & MODE_FXSR)) return VECTOR_UD;
    return mode & MODE_TS ? VECTOR_NM : -1;
}

static bool ends_block(const struct translation *t, const struct insn *insn) {
    switch (insn->cls) {
    case DEC_CLASS_BRANCH:
    case DEC_CLASS_UD:
    case DEC_CLASS_TOO_LONG: return true;
    case DEC_CLASS_SYSTEM: return callout_ends_block(insn);
    default: return fpu_trap(t->mode, insn) >= 0;
    }
}

/* Branches that a block may go on after: a conditional jump is a side exit, a call comes back through its landing
 * pad. CALL $+0 never returns. */
static bool may_go_on(const struct translation *t, const struct insn *insn, unsigned exits) {
    if (insn->cls != DEC_CLASS_BRANCH || !t->chained || exits + 2 > BLOCK_LINKS) return false;
    bool call_rel = insn->map == 0 && insn->opcode == 0xE8 && insn->imm != 0;
    bool call_indirect = insn->map == 0 && insn->opcode == 0xFF && insn->reg == 2;
    return is_jcc(insn) || call_rel || call_indirect;
}

struct fetch {
    const uint8_t *page; /* first byte of the first page */
    uint32_t off;        /* of the block's start */
    bool code32;
    uint32_t features;
};

/* Code that ends beyond CS.limit raises #GP(0), as an instruction that is too long does. */
static bool beyond_limit(const struct translation *t, uint32_t end) {
    return (uint64_t)t->blk->eip + end - 1 > t->blk->cs_limit;
}

/* A breakpoint begins a block of its own. */
static bool breaks_at(const struct translation *t, uint32_t off) {
    return t->e->n_breaks && t->chained && bt_break_at(t->e, gva(t->blk->cs_base + t->blk->eip + off));
}

/* A marked range begins or ends here. */
static bool marks_change_at(const struct translation *t, uint32_t off) {
    return t->e->n_marks && mark_kinds(t->e, t->blk->cs_base + t->blk->eip + off) != t->marks;
}

/* Decodes the straight line from the start; stops at a branch that does not come back, a limit or the page's end.
 * Leaves n == 0 if the first instruction crosses the page. */
static void decode_block(struct translation *t, const struct fetch *f, unsigned max) {
    uint32_t at = f->off;
    unsigned exits = 0;
    t->n = 0;
    while (t->n < max && at < SMMU_PAGE_SIZE && at - f->off < BLOCK_MAX_BYTES - DEC_MAX_LEN) {
        if (t->n && (breaks_at(t, at - f->off) || marks_change_at(t, at - f->off))) return;
        uint32_t avail = SMMU_PAGE_SIZE - at < DEC_MAX_LEN ? SMMU_PAGE_SIZE - at : DEC_MAX_LEN;
        struct insn *insn = &t->insns[t->n];
        if (dec_insn_cached(t->e->decoded, f->page + at, avail, f->code32, f->features, insn) != DEC_OK) return;
        if (beyond_limit(t, at - f->off + insn->len)) {
            if (t->n > 0) return; /* the next block begins with the fault */
            insn->cls = DEC_CLASS_TOO_LONG;
        }
        t->offs[t->n++] = (uint8_t)(at - f->off);
        at += insn->len;
        if (insn->cls == DEC_CLASS_BRANCH) exits++;
        if (ends_block(t, insn) && !may_go_on(t, insn, exits)) return;
    }
    /* What follows STI belongs to it: no boundary between them. */
    if (t->n > 1 && t->insns[t->n - 1].mnemonic == ZYDIS_MNEMONIC_STI) t->n--;
}

/* The one instruction of a page-crossing block: bytes from both pages. */
static bool decode_crossing(struct translation *t, const struct fetch *f, const uint8_t *second) {
    uint8_t bytes[DEC_MAX_LEN];
    uint32_t first = SMMU_PAGE_SIZE - f->off;
    for (uint32_t i = 0; i < DEC_MAX_LEN; i++) bytes[i] = i < first ? f->page[f->off + i] : second[i - first];
    if (dec_insn(bytes, DEC_MAX_LEN, f->code32, f->features, &t->insns[0]) != DEC_OK) return false;
    if (beyond_limit(t, t->insns[0].len)) t->insns[0].cls = DEC_CLASS_TOO_LONG;
    t->offs[0] = 0;
    t->n = 1;
    return true;
}

/* A fault or a callout shows the guest every flag. */
static bool sees_all_flags(const struct insn *insn) {
    if (insn->cls != DEC_CLASS_PLAIN) return true;
    return insn->mem.accessed || insn->fpu || insn->mnemonic == ZYDIS_MNEMONIC_DIV ||
           insn->mnemonic == ZYDIS_MNEMONIC_IDIV;
}

/* live[i]: flags that the instruction itself or its successors need; what it needs at its own fault the access saves.
 */
static void flag_liveness(struct translation *t) {
    uint16_t live = DEC_ARITH;
    for (unsigned i = t->n; i-- > 0;) {
        const struct insn *insn = &t->insns[i];
        bool known = insn->cls == DEC_CLASS_PLAIN || insn->cls == DEC_CLASS_STACK || insn->cls == DEC_CLASS_STRING;
        live = known ? (uint16_t)((insn->flags_read | (live & ~insn->flags_written)) & DEC_ARITH) : DEC_ARITH;
        t->live[i] = live;
        if (sees_all_flags(insn)) live = DEC_ARITH;
    }
}

/* ---- Emission ---- */

/* Does the instruction use ESP other than in [ESP+...]? Rather too often yes than too seldom. */
static bool names_esp(const struct insn *insn) {
    if (insn->cls == DEC_CLASS_STACK || insn->cls == DEC_CLASS_BRANCH) return false; /* their emitters know */
    if (insn->cls != DEC_CLASS_PLAIN) return true;
    if (!(insn->gprs & 1u << DEC_ESP)) return false;
    return !insn->has_modrm || insn->reg == DEC_ESP || (insn->mod == 3 && insn->rm == DEC_ESP);
}

static void emit_insn(struct translation *t) {
    const struct insn *insn = cur(t);
    int trap = fpu_trap(t->mode, insn);
    if (trap >= 0) {
        emit_exception(t, trap, 0);
        return;
    }
    if (names_esp(insn)) emit_settle_esp(t);
    switch (insn->cls) {
    case DEC_CLASS_PLAIN: emit_plain(t); break;
    case DEC_CLASS_STACK: emit_stack(t); break;
    case DEC_CLASS_BRANCH: emit_branch(t); break;
    case DEC_CLASS_STRING: emit_string(t); break;
    case DEC_CLASS_UD: emit_exception(t, VECTOR_UD, 0); break;
    case DEC_CLASS_TOO_LONG: emit_exception(t, VECTOR_GP, 0); break;
    default:
        if (!emit_inline(t)) emit_callout(t);
        break;
    }
}

/* A page-crossing block vouches for its second page itself. */
static void emit_second_page_check(struct translation *t) {
    struct x86_buf *b = &t->b;
    uint32_t page = ((t->blk->cs_base + t->blk->eip) >> SMMU_PAGE_SHIFT) + 1;
    x86_mov_r64_r64(b, R_C, X86_RCX);
    emit_page_test(t->e, b, t->mode, page & 0xfffff, t->blk->frame[1]);
    struct x86_fixup same = x86_jrcxz8(b);
    x86_mov_r64_r64(b, X86_RCX, R_C);
    emit_eip(t, R_A, t->blk->eip);
    emit_jmp_thunk(t, t->e->thunk.exit_indirect);
    x86_bind(b, same);
    x86_mov_r64_r64(b, X86_RCX, R_C);
}

static bool may_go_direct(struct translation *t) {
    if (!t->direct) return false;
    uint32_t until = adapt_guilty_until(t->e, t->blk->frame[0], (t->blk->off + t->offs[t->i]) & SMMU_PAGE_MASK);
    if (until && (!t->blk->retry_epoch || until < t->blk->retry_epoch)) t->blk->retry_epoch = until;
    bool pinned = t->marks & BT_MARK_DIRECT && until;
    return !until ||
           (pinned && !adapt_record(t->e, t->blk->frame[0], (t->blk->off + t->offs[t->i]) & SMMU_PAGE_MASK)->never);
}

/* A block that is reached from another page first has the entry for that in front of it, see block_cross_entry. */
static void emit_cross_entry(struct translation *t) {
    struct x86_buf *b = &t->b;
    uint32_t page = (t->blk->cs_base + t->blk->eip) >> SMMU_PAGE_SHIFT;
    t->blk->cross_off = t->blk->host_off;
    t->cross_traps = check_page_may_trap(t->e, t->mode, t->blk->frame[0]) && may_go_direct(t);
    if (t->cross_traps) {
        load_code_entry(t->e, b, t->mode, R_A, page);
        relocate_last(t, RELOC_PAGE);
        check_page(b, t->blk->frame[0]);
        t->blk->body = (uint16_t)(b->p - b->start);
        return;
    }
    map_here(t, 0, 0);
    if (check_may_trap(t->e, t->mode)) poll_into(b, R_C);
    x86_mov_r64_r64(b, R_C, X86_RCX);
    load_code_entry(t->e, b, t->mode, X86_RCX, page);
    relocate_last(t, RELOC_PAGE);
    x86_lea_r32(b, X86_RCX, x86_base(X86_RCX, (int32_t)(0u - smmu_code_entry(t->blk->frame[0]))));
    struct x86_fixup same = x86_jrcxz8(b);
    t->cross_miss = x86_jmp32(b);
    x86_bind(b, same);
    x86_mov_r64_r64(b, X86_RCX, R_C);
    t->blk->body = (uint16_t)(b->p - b->start);
}

static void emit_cross_miss(struct translation *t) {
    if (!t->blk->body || t->cross_traps) return;
    bind_from_hot(t, t->cross_miss);
    x86_mov_r64_r64(&t->b, X86_RCX, R_C);
    emit_eip(t, R_A, t->blk->eip);
    emit_jmp_thunk(t, t->e->thunk.exit_indirect);
}

static void begin_cold(struct translation *t) {
    struct x86_buf hot = t->b;
    t->b = t->other;
    t->other = hot;
    t->in_cold = true;
    t->map_cold = t->n_map;
}

static void emit_break(struct translation *t) {
    t->blk->fixed = true;
    map_here(t, 0, 0);
    x86_mov_r32_imm32(&t->b, R_A, t->blk->eip);
    emit_jmp_thunk(t, t->e->thunk.exit_break);
    t->ended = true;
}

static void emit_block(struct translation *t, uint32_t id, bool cross) {
    if (cross && t->blk->frame[1] == BT_NONE) emit_cross_entry(t);
    if (t->blk->frame[1] != BT_NONE) emit_second_page_check(t);
    if (t->at_break) emit_break(t);
    for (t->i = 0; t->i < t->n && !t->ended; t->i++) {
        map_here(t, t->offs[t->i], t->esp_delta);
        t->direct_insn = may_go_direct(t);
        if (t->e->counting) emit_count(t);
        emit_wrap_poll(t);
        emit_early_poll(t);
        emit_insn(t);
    }
    t->i = t->n - 1;
    if (!t->ended) {
        emit_settle_esp(t);
        emit_link(t, next_eip(t));
    }
    begin_cold(t);
    emit_cross_miss(t);
    emit_cold(t);
    emit_windows(t);
    emit_link_stubs(t, id);
}

bool room_for_block(const struct bt_engine *e) {
    return e->n_blocks < e->max_blocks && e->n_links + BLOCK_LINKS < e->max_links && e->n_map + MAX_MAP < e->max_map &&
           e->n_sites + BLOCK_MAX_INSNS < e->max_sites && e->n_ports + BLOCK_LINKS < e->max_ports &&
           e->n_relocs + MAX_RELOCS < e->max_relocs && e->code_used + e->cold_used + 2 * BLOCK_MAX_HOST < e->code_size;
}

static void finish_block(struct translation *t, uint32_t id) {
    struct bt_engine *e = t->e;
    struct block *k = t->blk;
    const struct insn *last = &t->insns[t->n - 1];
    k->guest_len = (uint16_t)(t->offs[t->n - 1] + last->len);
    k->n_insns = (uint8_t)t->n;
    k->host_len = (uint32_t)(t->other.p - t->other.start);
    k->cold_len = (uint32_t)(t->b.p - t->b.start);
    k->map_first = e->n_map;
    k->map_count = t->n_map;
    k->map_cold = t->map_cold;
    for (unsigned i = 0; i < t->n_map; i++) e->map[e->n_map++] = t->map[i];
    k->reloc_first = e->n_relocs;
    k->reloc_count = t->n_relocs;
    for (unsigned i = 0; i < t->n_relocs; i++) e->relocs[e->n_relocs++] = t->relocs[i];
    e->code_used += k->host_len;
    e->cold_used += k->cold_len;
    e->n_blocks++;
    block_publish(e, id);
    e->stats.blocks++;
    e->stats.insns += t->n;
    e->stats.host_bytes += k->host_len + k->cold_len;
    e->stats.translations_direct += k->direct;
}

static enum translate_result fetch_second_page(struct bt_engine *e, uint32_t eip, uint32_t *frame,
                                               struct guest_fault *fault) {
    struct gva next = gva(((e->cpu->seg[DEC_CS].base + eip) | SMMU_PAGE_MASK) + 1);
    switch (smmu_code_fill(e->smmu, e->cpu->cpl == 3, next, frame, fault)) {
    case SMMU_FILL_OK: return TRANSLATED;
    case SMMU_FILL_SLOW: *fault = (struct guest_fault){VECTOR_UD, 0, 0}; return TRANSLATE_FAULT;
    default: return TRANSLATE_FAULT;
    }
}

enum translate_result translate(struct bt_engine *e, uint32_t eip, uint32_t mode, uint32_t frame, bool single,
                                bool cross, uint32_t *id, struct guest_fault *fault) {
    static struct translation t; /* large, and the engine is single-threaded */
    if (!room_for_block(e)) return TRANSLATE_FULL;
    const struct bt_seg *cs = &e->cpu->seg[DEC_CS];
    uint32_t off = (cs->base + eip) & SMMU_PAGE_MASK;
    uint8_t *start = e->code + e->code_used, *cold = cold_space(e);
    t.e = e;
    t.b = (struct x86_buf){start, start, start + BLOCK_MAX_HOST, false};
    t.other = (struct x86_buf){cold, cold, cold + BLOCK_MAX_HOST, false};
    t.in_cold = false;
    t.mode = mode;
    t.marks = mark_kinds(e, cs->base + eip);
    t.direct = mark_direct(e, cs->base + eip, mode);
    t.low = t.direct && mode & MODE_LOW;
    t.uncounted = 0;
    t.chained = !(mode & MODE_STEP);
    t.n = t.i = t.n_cold = t.n_windows = t.n_links = t.n_ports = t.n_map = t.n_relocs = 0;
    t.ended = t.polled = t.polled_next = false;
    t.esp_delta = 0;

    uint32_t new_id = e->n_blocks;
    t.blk = &e->blocks[new_id];
    *t.blk = (struct block){.eip = eip,
                            .cs_base = cs->base,
                            .cs_limit = cs->limit,
                            .mode = mode,
                            .frame = {frame, BT_NONE, BT_NONE},
                            .off = (uint16_t)off,
                            .direct = t.direct,
                            .single = single,
                            .fixed = t.marks != 0,
                            .apart = (t.marks & BT_MARK_STEP) != 0,
                            .port_head = BT_NONE,
                            .in_head = BT_NONE,
                            .hash_next = BT_NONE,
                            .frame_next = {BT_NONE, BT_NONE, BT_NONE},
                            .host_off = (uint32_t)e->code_used,
                            .cold_off = (uint32_t)(cold - e->code)};
    struct fetch f = {e->linear + (size_t)frame * SMMU_PAGE_SIZE, off, (mode & MODE_CODE32) != 0, e->cfg.features};
    t.at_break = !single && breaks_at(&t, 0);
    decode_block(&t, &f, t.at_break || single || !t.chained || t.blk->apart || e->cfg.one_insn ? 1 : BLOCK_MAX_INSNS);
    if (t.n == 0) {
        uint32_t second = 0;
        enum translate_result r = fetch_second_page(e, eip, &second, fault);
        if (r != TRANSLATED) return r;
        t.blk->frame[1] = second;
        if (!decode_crossing(&t, &f, e->linear + (size_t)second * SMMU_PAGE_SIZE)) BT_BUG_ON(true);
    }
    flag_liveness(&t);
    emit_block(&t, new_id, cross);
    if (t.b.overflow || t.other.overflow) return TRANSLATE_FULL;
    finish_block(&t, new_id);
    *id = new_id;
    return TRANSLATED;
}
