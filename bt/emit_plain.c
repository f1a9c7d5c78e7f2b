/*
 * emit_plain.c: instructions that mean the same in 64-bit mode: the bytes are
 * respelled (prefixes, REX for ESP in R14, forms that 64-bit mode took away).
 */
#include "bt/translate.h"

/* ModRM.reg is an opcode extension, not a register. */
static bool reg_is_extension(const struct insn *insn) {
    uint8_t op = insn->opcode;
    if (insn->map == 0)
        return (op >= 0x80 && op <= 0x83) || op == 0x8F || op == 0xC0 || op == 0xC1 || op == 0xC6 || op == 0xC7 ||
               (op >= 0xD0 && op <= 0xD3) || (op >= 0xD8 && op <= 0xDF) || op == 0xF6 || op == 0xF7 || op == 0xFE ||
               op == 0xFF;
    if (insn->map == 1)
        return op == 0x00 || op == 0x01 || op == 0xBA || op == 0xC7 || op == 0xAE || (op >= 0x18 && op <= 0x1F) ||
               op == 0x0D || (op >= 0x71 && op <= 0x73);
    return false;
}

/* MMX and SSE instructions whose ModRM.reg (.rm) is a general register after all. */
static bool fpu_reg_is_gpr(const struct insn *insn) {
    if (insn->map != 1) return false;
    switch (insn->opcode) {
    case 0x50:
    case 0xD7:
    case 0xC5:
    case 0xC3: return true;
    case 0x2C:
    case 0x2D: return insn->rep != 0;
    default: return false;
    }
}
static bool fpu_rm_is_gpr(const struct insn *insn) {
    if (insn->map == 1) {
        switch (insn->opcode) {
        case 0x6E:
        case 0xC4: return true;
        case 0x7E: return insn->rep == 0;
        case 0x2A: return insn->rep != 0;
        default: return false;
        }
    }
    return insn->map == 3 &&
           ((insn->opcode >= 0x14 && insn->opcode <= 0x17) || insn->opcode == 0x20 || insn->opcode == 0x22);
}
static bool is_fpu(const struct insn *insn) {
    return insn->fpu || (insn->map == 1 && insn->opcode == 0xC3); /* MOVNTI */
}
static bool reg_is_gpr(const struct insn *insn) {
    if (reg_is_extension(insn)) return false;
    return is_fpu(insn) ? fpu_reg_is_gpr(insn) : true;
}
static bool rm_is_gpr(const struct insn *insn) {
    if (insn->map == 0 && insn->opcode >= 0xD8 && insn->opcode <= 0xDF) return false;
    return is_fpu(insn) ? fpu_rm_is_gpr(insn) : true;
}

bool insn_needs_low_regs(const struct insn *insn) {
    if (insn->has_modrm) {
        if (insn->reg_is_byte && !reg_is_extension(insn) && insn->reg >= 4) return true;
        return insn->mod == 3 && insn->rm_is_byte && insn->rm >= 4;
    }
    return false;
}

uint8_t insn_spare_low_reg(const struct insn *insn) {
    static const uint8_t candidates[] = {DEC_EBX, DEC_ESI, DEC_EDI, DEC_EDX, DEC_ECX, DEC_EAX};
    for (unsigned i = 0; i < sizeof candidates; i++)
        if (!(insn->gprs & 1u << candidates[i])) return candidates[i];
    BT_BUG_ON(true);
    return 0;
}

/* A repeat prefix is part of the encoding, not a leftover. */
static bool rep_matters(const struct insn *insn) {
    if (insn->fpu) return insn->map != 0;
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_POPCNT:
    case ZYDIS_MNEMONIC_TZCNT:
    case ZYDIS_MNEMONIC_LZCNT:
    case ZYDIS_MNEMONIC_CRC32:
    case ZYDIS_MNEMONIC_PAUSE: return true;
    default: return false;
    }
}

static struct x86_enc encoding(const struct insn *insn) {
    bool sse_like = is_fpu(insn) || (insn->map == 1 && insn->opcode == 0xAE);
    return (struct x86_enc){
        .prefix66 = (sse_like ? insn->has_66 : insn->op_size == 2) ? 0x66 : 0,
        .rep = rep_matters(insn) ? insn->rep : 0,
        .lock = insn->lock,
        .map = insn->map,
        .opcode = insn->map == 0 && insn->opcode == 0x82 ? 0x80 : insn->opcode,
        .no_rex = insn_needs_low_regs(insn),
    };
}

static void immediate(struct x86_buf *b, const struct insn *insn) {
    x86_bytes(b, insn->bytes + insn->imm_off, (size_t)(insn->len - insn->imm_off));
}

static uint8_t reg_field(const struct insn *insn) {
    return reg_is_gpr(insn) && !insn->reg_is_byte ? host_reg(insn->reg) : insn->reg;
}
static uint8_t rm_field(const struct insn *insn) {
    return rm_is_gpr(insn) && !insn->rm_is_byte ? host_reg(insn->rm) : insn->rm;
}

void emit_insn_mem(struct x86_buf *b, const struct memop *op, const struct x86_mem *m) {
    const struct insn *insn = op->insn;
    struct x86_enc e = encoding(insn);
    if (!insn->has_modrm) { /* MOV moffs: A0 A1 load, A2 A3 store the accumulator */
        e.opcode = (uint8_t)((insn->opcode < 0xA2 ? 0x8A : 0x88) | (insn->opcode & 1));
        x86_enc_mem(b, &e, X86_RAX, m);
        return;
    }
    x86_enc_mem(b, &e, op->reg_override ? op->reg : reg_field(insn), m);
    immediate(b, insn);
}

/* ESP (in R14, which needs REX) together with AH..BH (which forbid it): a low register stands in for ESP. */
static void emit_reg_mixed(struct x86_buf *b, const struct insn *insn, const struct x86_enc *e) {
    uint8_t x = insn_spare_low_reg(insn);
    uint8_t reg = reg_field(insn) == R_ESP ? x : reg_field(insn);
    uint8_t rm = rm_field(insn) == R_ESP ? x : rm_field(insn);
    x86_mov_r64_r64(b, R_C, x);
    x86_mov_r32_r32(b, x, R_ESP);
    x86_enc_reg(b, e, reg, rm);
    immediate(b, insn);
    x86_mov_r32_r32(b, R_ESP, x);
    x86_mov_r64_r64(b, x, R_C);
}

static void emit_modrm_reg(struct x86_buf *b, const struct insn *insn) {
    struct x86_enc e = encoding(insn);
    uint8_t reg = reg_field(insn), rm = rm_field(insn);
    if (e.no_rex && (reg == R_ESP || rm == R_ESP)) {
        emit_reg_mixed(b, insn, &e);
        return;
    }
    x86_enc_reg(b, &e, reg, rm);
    immediate(b, insn);
}

/* One-byte and 0F opcodes with a register in their low three bits, or none at all. */
static void emit_no_modrm(struct x86_buf *b, const struct insn *insn) {
    struct x86_enc e = encoding(insn);
    uint8_t op = insn->opcode;
    uint8_t low = host_reg(op & 7);
    if (insn->map == 0 && op >= 0x40 && op <= 0x4F) { /* INC and DEC r became REX */
        e.opcode = 0xFF;
        x86_enc_reg(b, &e, op >= 0x48, low);
        return;
    }
    bool reg_low = (insn->map == 0 && ((op >= 0x91 && op <= 0x97) || (op >= 0xB8 && op <= 0xBF))) ||
                   (insn->map == 1 && op >= 0xC8 && op <= 0xCF);
    if (e.prefix66) x86_byte(b, 0x66);
    if (e.rep) x86_byte(b, e.rep);
    if (reg_low && low & 8) x86_byte(b, 0x41);
    if (insn->map) x86_byte(b, 0x0F);
    x86_byte(b, reg_low ? (uint8_t)((op & ~7u) | (low & 7u)) : op);
    immediate(b, insn);
}

static bool is_bit_test_reg(const struct insn *insn) {
    return insn->map == 1 &&
           (insn->opcode == 0xA3 || insn->opcode == 0xAB || insn->opcode == 0xB3 || insn->opcode == 0xBB);
}

void emit_plain(struct translation *t) {
    const struct insn *insn = cur(t);
    if (insn->mnemonic == ZYDIS_MNEMONIC_LEA) {
        emit_lea(t, insn);
    } else if (emit_divide(t)) {
        return;
    } else if (insn->mem.present && !insn->mem.accessed) {
        return; /* hint NOPs and prefetches touch nothing the guest can see */
    } else if (insn->mem.present) {
        struct mref m = mref_of(insn);
        struct memop op = {.kind = MEMOP_INSN, .insn = insn};
        if (is_bit_test_reg(insn)) {
            m.bit_test = insn;
            op.reg_override = true;
            op.reg = R_C;
        }
        emit_access(t, &m, &op);
    } else if (insn->has_modrm) {
        emit_modrm_reg(&t->b, insn);
    } else {
        emit_no_modrm(&t->b, insn);
    }
}
