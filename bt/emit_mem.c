/*
 * emit_mem.c: guest memory operands, direct and checked.
 *
 * Direct: R12 holds the view's base, which is 0 for the low window and left out then; the shadow page fault is the slow
 * path. Checked: R8 = guest-linear address, R9 = TLB delta, the access is [R8+R9]; unaligned, missing and special pages
 * go out of line, where the instruction may run on a bounce buffer.
 */
#include "bt/translate.h"

struct mref mref_of(const struct insn *insn) {
    const struct dec_mem *m = &insn->mem;
    return (struct mref){.seg = m->seg,
                         .base = m->base,
                         .index = m->index,
                         .scale = m->scale,
                         .disp = m->disp,
                         .addr16 = insn->addr_size == 2,
                         .size = m->size,
                         .read = m->read,
                         .write = m->write};
}

void map_here(struct translation *t, uint8_t guest_off, int esp) {
    BT_BUG_ON(t->n_map >= MAX_MAP);
    t->map[t->n_map++] = (struct pc_entry){(uint16_t)(t->b.p - t->b.start), guest_off, (int8_t)esp};
}

static struct x86_mem effective(const struct mref *m) {
    return (struct x86_mem){.base = m->base == DEC_NOREG ? X86_NOREG : host_reg(m->base),
                            .index = m->index == DEC_NOREG ? X86_NOREG : host_reg(m->index),
                            .scale = m->scale ? m->scale : 1,
                            .disp = (int32_t)m->disp};
}

/* dst = effective address, zero-extended. */
static void emit_ea(struct x86_buf *b, const struct mref *m, uint8_t dst) {
    struct x86_mem ea = effective(m);
    if (m->addr16 && ea.base == X86_NOREG && ea.index == X86_NOREG) {
        x86_mov_r32_imm32(b, dst, m->disp & 0xffff);
        return;
    }
    if (ea.base == X86_NOREG && ea.index == X86_NOREG)
        x86_mov_r32_imm32(b, dst, m->disp);
    else if (ea.index == X86_NOREG && ea.disp == 0)
        x86_mov_r32_r32(b, dst, ea.base);
    else
        x86_lea_r32(b, dst, ea);
    if (m->addr16) x86_movzx_r32_r16(b, dst, dst);
}

static bool seg_flat(const struct translation *t, uint8_t seg) {
    switch (seg) {
    case DEC_DS: return t->mode & MODE_DS_FLAT;
    case DEC_ES: return t->mode & MODE_ES_FLAT;
    case DEC_SS: return t->mode & MODE_SS_FLAT;
    default: return false;
    }
}

static void emit_memop(struct translation *t, const struct memop *op, const struct x86_mem *m) {
    struct x86_buf *b = &t->b;
    bool word = op->size == 2;
    switch (op->kind) {
    case MEMOP_INSN: emit_insn_mem(b, op, m); break;
    case MEMOP_LOAD:
        if (word)
            x86_movzx_r32_m16(b, op->reg, *m);
        else
            x86_mov_r32_m32(b, op->reg, *m);
        break;
    case MEMOP_STORE_REG:
        x86_enc_mem(b, &(struct x86_enc){.prefix66 = word ? 0x66 : 0, .opcode = 0x89}, op->reg, m);
        break;
    case MEMOP_STORE_IMM:
        x86_enc_mem(b, &(struct x86_enc){.prefix66 = word ? 0x66 : 0, .opcode = 0xC7}, 0, m);
        if (word)
            x86_bytes(b, (const uint8_t[]){(uint8_t)op->imm, (uint8_t)(op->imm >> 8)}, 2);
        else
            x86_u32(b, op->imm);
        if (op->is_eip && word) t->blk->fixed = true;
        if (op->is_eip && !word) relocate_last(t, RELOC_EIP);
        break;
    }
}

/* ---- Direct ---- */

static bool can_go_direct(const struct translation *t, const struct mref *m, const struct memop *op) {
    if (!t->direct_insn) return false;
    bool low_reg = t->low && m->base != DEC_ESP && !m->addr16 && seg_flat(t, m->seg);
    if (op->kind == MEMOP_INSN && insn_needs_low_regs(op->insn) && !low_reg) return false; /* AH..BH forbid REX */
    return m->seg == DEC_FS || m->seg == DEC_GS || seg_flat(t, m->seg);
}

/* A register of 32 bits and a displacement: a sum below 0 or beyond 4 GiB, which the guest would see wrapped, lands in
 * the guards beside the window. */
static struct x86_mem in_window(const struct translation *t, uint8_t reg, int32_t disp) {
    return t->low ? x86_base(reg, disp) : x86_base_index(R_VIEW, reg, 1, disp);
}

/* A displacement that is no offset but the address of a table in the upper half of memory, as kernels have them: the
 * sum would be below the window, so it must be cut to 32 bits with it. */
static bool is_address(int32_t disp) { return disp < -(1 << 20); }

/* FS and GS carry a base: the pointer leads to it, or to a trap where the segment is not plain. */
static struct x86_mem direct_based(struct translation *t, const struct mref *m) {
    struct x86_buf *b = &t->b;
    struct x86_mem ea = effective(m);
    x86_mov_r64_m64(b, R_A, cpu_mem(CPU_OFF(p.seg_base_ptr) + 8 * m->seg));
    x86_mov_r32_m32(b, R_A, x86_base(R_A, 0));
    if (m->addr16) {
        emit_ea(b, m, R_B);
        x86_lea_r32(b, R_A, x86_base_index(R_A, R_B, 1, 0));
        return in_window(t, R_A, 0);
    }
    int32_t inside = is_address(ea.disp) ? ea.disp : 0;
    if (ea.base != X86_NOREG) x86_lea_r32(b, R_A, x86_base_index(R_A, ea.base, 1, 0));
    if (ea.index != X86_NOREG)
        x86_lea_r32(b, R_A, x86_base_index(R_A, ea.index, ea.scale, inside));
    else if (inside)
        x86_lea_r32(b, R_A, x86_base(R_A, inside));
    return in_window(t, R_A, inside ? 0 : ea.disp);
}

/* The guest's own operand. The host cuts what may be more or less than 32 bits; a register with a small displacement
 * seldom is, and then lands in a guard. */
static struct x86_mem direct_low(const struct mref *m) {
    enum { SMALL = 1 << 16 };
    struct x86_mem ea = effective(m);
    bool base = ea.base != X86_NOREG, index = ea.index != X86_NOREG;
    if (!base && index && ea.scale == 1) {
        ea.base = ea.index;
        ea.index = X86_NOREG;
        index = false;
    }
    ea.addr32 = index || m->bit_test || ea.disp < -SMALL || (base && ea.disp > SMALL);
    return ea;
}

/* More than one register, or an address, is first cut to 32 bits by LEA. */
static struct x86_mem direct_flat(struct translation *t, const struct mref *m) {
    struct x86_mem ea = effective(m);
    bool base = ea.base != X86_NOREG, index = ea.index != X86_NOREG;
    if (m->addr16) {
        emit_ea(&t->b, m, R_A);
        return in_window(t, R_A, 0);
    }
    if (t->low) return direct_low(m);
    if (!base && !index && ea.disp >= 0) return x86_base(R_VIEW, ea.disp);
    if (!base && !index) {
        x86_mov_r32_imm32(&t->b, R_A, m->disp);
        return in_window(t, R_A, 0);
    }
    bool address = is_address(ea.disp);
    if (!index && !address) return in_window(t, ea.base, ea.disp);
    if (!base && ea.scale == 1 && !address) return in_window(t, ea.index, ea.disp);
    int32_t outside = address ? 0 : ea.disp;
    if (!address) ea.disp = 0;
    x86_lea_r32(&t->b, R_A, ea);
    return in_window(t, R_A, outside);
}

/* ---- Checked ---- */

/* saved_flags = SF ZF AF PF CF in AH's place, OF in bit 0. */
void emit_save_flags(struct x86_buf *b) {
    x86_mov_r64_r64(b, R_F, X86_RAX);
    x86_byte(b, 0x9F);                                    /* lahf */
    x86_bytes(b, (const uint8_t[]){0x0F, 0x90, 0xC0}, 3); /* seto al */
    x86_mov_m32_r32(b, cpu_mem(CPU_OFF(p.saved_flags)), X86_RAX);
    x86_mov_r64_r64(b, X86_RAX, R_F);
}
void emit_restore_flags(struct x86_buf *b) {
    x86_mov_r64_r64(b, R_F, X86_RAX);
    x86_mov_r32_m32(b, X86_RAX, cpu_mem(CPU_OFF(p.saved_flags)));
    x86_bytes(b, (const uint8_t[]){0x04, 0x7F}, 2); /* add al, 127 */
    x86_byte(b, 0x9E);                              /* sahf */
    x86_mov_r64_r64(b, X86_RAX, R_F);
}

/* Needs flags. The bit offset's words go into the address, the rest stays in R10 as register operand. */
static void emit_bit_offset(struct translation *t, const struct mref *m) {
    struct x86_buf *b = &t->b;
    const struct insn *insn = m->bit_test;
    uint8_t reg = host_reg(insn->reg);
    if (insn->op_size == 2) {
        x86_enc_reg(b, &(struct x86_enc){.map = 1, .opcode = 0xBF}, R_C, reg); /* movsx r32, r16 */
        x86_sar_r32(b, R_C, 4);
        x86_lea_r32(b, R_A, x86_base_index(R_A, R_C, 2, 0));
    } else {
        x86_mov_r32_r32(b, R_C, reg);
        x86_sar_r32(b, R_C, 5);
        x86_lea_r32(b, R_A, x86_base_index(R_A, R_C, 4, 0));
    }
    if (m->addr16) x86_movzx_r32_r16(b, R_A, R_A);
    x86_mov_r32_r32(b, R_C, reg);
    x86_alu_r32_imm(b, X86_AND, R_C, insn->op_size == 2 ? 15 : 31);
}

static struct cold *new_cold(struct translation *t, bool is_seg, bool flags_live, uint32_t desc) {
    BT_BUG_ON(t->n_cold >= MAX_COLD);
    struct cold *c = &t->cold[t->n_cold++];
    *c = (struct cold){.is_seg = is_seg,
                       .flags_live = flags_live,
                       .desc = desc,
                       .guest_off = t->offs[t->i],
                       .esp = (int8_t)t->esp_delta,
                       .next_eip = next_eip(t)};
    return c;
}

/* Offset in R8 to linear in R8, limit checked; needs flags. */
static void emit_segment(struct translation *t, const struct mref *m, uint32_t desc) {
    struct x86_buf *b = &t->b;
    struct cold *c = new_cold(t, true, false, desc);
    int32_t lim = (m->write ? CPU_OFF(p.seg_lim_w) : CPU_OFF(p.seg_lim_r)) + 8 * m->seg;
    x86_lea_r64(b, R_B, x86_base(R_A, m->size - 1));
    x86_alu_r64_m64(b, X86_CMP, R_B, cpu_mem(lim));
    c->from[c->n_from++] = x86_jcc32(b, X86_CC_AE);
    x86_alu_r32_m32(b, X86_ADD, R_A, cpu_mem(CPU_OFF(seg) + (int32_t)(m->seg * sizeof(struct bt_seg))));
    c->back = b->p;
}

static uint8_t align_mask(unsigned size) { return size <= 1 ? 0 : size <= 2 ? 1 : size <= 4 ? 3 : size <= 8 ? 7 : 15; }

static void emit_checked_op(struct translation *t, const struct memop *op) {
    struct x86_buf *b = &t->b;
    struct x86_mem m = x86_base_index(R_A, R_B, 1, 0);
    if (op->kind != MEMOP_INSN || !insn_needs_low_regs(op->insn)) {
        emit_memop(t, op, &m);
        return;
    }
    uint8_t x = insn_spare_low_reg(op->insn);
    x86_mov_r64_r64(b, R_C, x);
    x86_lea_r64(b, x, m);
    m = x86_base(x, 0);
    emit_memop(t, op, &m);
    x86_mov_r64_r64(b, x, R_C);
}

/* 16-byte operands of SSE must be aligned, but for the moves that say otherwise and the string compares. */
static bool must_align(const struct memop *op, unsigned size) {
    if (op->kind != MEMOP_INSN || size != 16 || !op->insn->sse) return false;
    switch (op->insn->mnemonic) {
    case ZYDIS_MNEMONIC_MOVUPS:
    case ZYDIS_MNEMONIC_MOVUPD:
    case ZYDIS_MNEMONIC_MOVDQU:
    case ZYDIS_MNEMONIC_LDDQU:
    case ZYDIS_MNEMONIC_PCMPESTRI:
    case ZYDIS_MNEMONIC_PCMPESTRM:
    case ZYDIS_MNEMONIC_PCMPISTRI:
    case ZYDIS_MNEMONIC_PCMPISTRM: return false;
    default: return true;
    }
}

/* The instruction itself may raise #DE, #MF, #XM or #GP, and then the true flags show. */
static bool may_trap(const struct insn *insn) {
    return insn->fpu || insn->mnemonic == ZYDIS_MNEMONIC_DIV || insn->mnemonic == ZYDIS_MNEMONIC_IDIV;
}

static void emit_checked(struct translation *t, const struct mref *m, const struct memop *op) {
    struct x86_buf *b = &t->b;
    bool live = t->live[t->i] != 0 || m->more || may_trap(cur(t));
    uint32_t desc = m->size | (m->write ? DESC_WRITE : 0u) | (m->read ? DESC_READ : 0u) |
                    (uint32_t)m->seg << DESC_SEG_SHIFT | (must_align(op, m->size) ? DESC_ALIGN : 0u) |
                    (t->mode & MODE_AC ? DESC_AC : 0u);
    emit_save_flags(b); /* dead flags too: a guest fault must show them */
    emit_ea(b, m, R_A);
    if (m->bit_test) emit_bit_offset(t, m);
    if (!seg_flat(t, m->seg)) emit_segment(t, m, desc);
    struct cold *c = new_cold(t, false, live, desc);
    uint8_t mask = align_mask(m->size);
    if (mask) {
        x86_test_r8_imm8(b, R_A, mask);
        c->from[c->n_from++] = x86_jcc32(b, X86_CC_NE);
    }
    x86_mov_r32_r32(b, R_B, R_A);
    x86_shr_r32(b, R_B, SMMU_PAGE_SHIFT);
    x86_mov_r64_m64(b, R_B, tlb_operand(t->e, b, t->mode, R_F, R_B, 8, m->write ? SMMU_TLB_WRITE : SMMU_TLB_READ));
    x86_test_r64_r64(b, R_B, R_B);
    c->from[c->n_from++] = x86_jcc32(b, X86_CC_E);
    c->back = b->p;
    if (live) emit_restore_flags(b);
    emit_checked_op(t, op);
    c->after = b->p;
    c->op = *op;
    c->last = cur(t)->cls == DEC_CLASS_PLAIN && !m->more && t->chained && !t->e->cfg.no_quick_devices;
}

/* The reference as R14 sees it. */
static struct mref by_r14(const struct translation *t, const struct mref *m) {
    struct mref r = *m;
    if (r.base == DEC_ESP) r.disp += (uint32_t)t->esp_delta;
    return r;
}

void emit_access(struct translation *t, const struct mref *guest, const struct memop *op) {
    const struct mref adjusted = by_r14(t, guest), *m = &adjusted;
    if (can_go_direct(t, m, op)) {
        bool based = m->seg == DEC_FS || m->seg == DEC_GS;
        struct memop plain = *op;
        plain.reg_override = false; /* the hardware adds the bit offset itself */
        struct x86_mem host = based ? direct_based(t, m) : direct_flat(t, m);
        emit_memop(t, m->bit_test ? &plain : op, &host);
    } else {
        emit_checked(t, m, op);
    }
}

static void emit_cold_one(struct translation *t, const struct cold *c) {
    struct x86_buf *b = &t->b;
    map_here(t, c->guest_off, c->esp);
    for (unsigned i = 0; i < c->n_from; i++) bind_from_hot(t, c->from[i]);
    x86_mov_r32_imm32(b, R_B, c->desc);
    const struct thunks *thunk = &t->e->thunk;
    emit_call_thunk(t, c->is_seg ? thunk->seg_slow : c->desc & DESC_AC ? thunk->mem_slow_c : thunk->mem_slow);
    emit_jmp_to_hot(t, c->back); /* five bytes: rt_mem_slow skips them for a bounce */
    if (c->is_seg) return;
    if (c->flags_live) emit_restore_flags(b);
    emit_checked_op(t, &c->op);
    if (c->desc & DESC_WRITE && c->last) {
        emit_eip(t, R_B, c->next_eip);
        emit_call_thunk(t, thunk->mem_commit_end);
    } else if (c->desc & DESC_WRITE) {
        emit_call_thunk(t, thunk->mem_commit);
    }
    emit_jmp_to_hot(t, c->after);
}

void emit_cold(struct translation *t) {
    for (unsigned i = 0; i < t->n_cold; i++) emit_cold_one(t, &t->cold[i]);
}

void emit_lea(struct translation *t, const struct insn *insn) {
    struct mref guest = mref_of(insn), m = by_r14(t, &guest);
    uint8_t dst = host_reg(insn->reg);
    struct x86_enc word = {.prefix66 = 0x66, .opcode = 0x8B};
    if (!m.addr16 && insn->op_size == 4) {
        emit_ea(&t->b, &m, dst);
        return;
    }
    emit_ea(&t->b, &m, R_A);
    if (insn->op_size == 4)
        x86_mov_r32_r32(&t->b, dst, R_A);
    else
        x86_enc_reg(&t->b, &word, dst, R_A);
}
