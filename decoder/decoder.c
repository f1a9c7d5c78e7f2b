/*
 * decoder.c: one instruction's bytes to `struct insn`.
 *
 * Callers: see decoder.h. Zydis finds the length, the mnemonic, the offsets
 * and the visible operands; addresses, prefixes, implicit registers, flags
 * and classes are ours. Decoders are constant, one for each code size and
 * each choice of LZCNT and TZCNT, so nothing is ever initialised at run time.
 * Manual: SDM vol. 2, "Instruction Format".
 */
#include "decoder_internal.h"

/* A register's bit in gprs; DEC_NOREG's falls off the top. */
#define GPR(r) (uint8_t)(1u << (r))

/* Zydis publishes no constant initialiser; this is what its ZydisDecoderInit would set. */
#define DECODER(bits, lzcnt, tzcnt)                                                                                    \
    {                                                                                                                  \
        .machine_mode = ZYDIS_MACHINE_MODE_LEGACY_##bits, .stack_width = ZYDIS_STACK_WIDTH_##bits, .decoder_mode = {   \
            [ZYDIS_DECODER_MODE_LZCNT] = (lzcnt),                                                                      \
            [ZYDIS_DECODER_MODE_TZCNT] = (tzcnt)                                                                       \
        }                                                                                                              \
    }

static const ZydisDecoder decoders[2][2][2] = {
    {{DECODER(16, 0, 0), DECODER(16, 0, 1)}, {DECODER(16, 1, 0), DECODER(16, 1, 1)}},
    {{DECODER(32, 0, 0), DECODER(32, 0, 1)}, {DECODER(32, 1, 0), DECODER(32, 1, 1)}},
};

static const ZydisDecoder *decoder_for(bool code32, uint32_t features) {
    return &decoders[code32][(features & DEC_F_LZCNT) != 0][(features & DEC_F_BMI1) != 0];
}

/* What a prefix byte is; 0 for a byte that is none. A segment's value is P_SEG plus its number. */
enum { P_NONE, P_LOCK, P_REP, P_66, P_67, P_SEG };

static const uint8_t prefix_kind[256] = {
    [0xf0] = P_LOCK,         [0xf2] = P_REP,          [0xf3] = P_REP,          [0x66] = P_66,
    [0x67] = P_67,           [0x26] = P_SEG + DEC_ES, [0x2e] = P_SEG + DEC_CS, [0x36] = P_SEG + DEC_SS,
    [0x3e] = P_SEG + DEC_DS, [0x64] = P_SEG + DEC_FS, [0x65] = P_SEG + DEC_GS,
};

static void one_prefix(struct insn *in, uint8_t byte) {
    uint8_t kind = prefix_kind[byte];
    switch (kind) {
    case P_LOCK: in->lock = true; break;
    case P_REP: in->rep = byte; break;
    case P_66: in->has_66 = true; break;
    case P_67: in->has_67 = true; break;
    default:
        in->seg_override = true;
        in->mem.seg = (uint8_t)(kind - P_SEG);
        break;
    }
}

/* Sets the prefix fields, opcode_off and the effective sizes. */
static void read_prefixes(struct insn *in, const uint8_t *bytes, uint32_t avail, bool code32) {
    uint8_t n = 0;
    in->mem.seg = DEC_DS;
    while (n < avail && prefix_kind[bytes[n]]) one_prefix(in, bytes[n++]);
    in->opcode_off = n;
    in->op_size = code32 != in->has_66 ? 4 : 2;
    in->addr_size = code32 != in->has_67 ? 4 : 2;
}

static void clear(struct insn *in) { *in = (struct insn){.mem = {.base = DEC_NOREG, .index = DEC_NOREG, .scale = 1}}; }

static void copy_bytes(struct insn *in, const uint8_t *bytes, unsigned len) {
    in->len = (uint8_t)len;
    for (unsigned i = 0; i < len; i++) in->bytes[i] = bytes[i];
}

static uint32_t read_le(const uint8_t *p, unsigned size) {
    uint32_t value = 0;
    for (unsigned i = 0; i < size; i++) value |= (uint32_t)p[i] << (8 * i);
    return value;
}

static uint32_t sign_extend(uint32_t value, unsigned size) {
    unsigned shift = 32 - 8 * size;
    return size ? (uint32_t)((int32_t)(value << shift) >> shift) : 0;
}

static void fill_opcode(struct insn *in, const ZydisDecodedInstruction *zi) {
    static const uint8_t map_of[] = {
        [ZYDIS_OPCODE_MAP_0F] = 1, [ZYDIS_OPCODE_MAP_0F38] = 2, [ZYDIS_OPCODE_MAP_0F3A] = 3};
    in->map = (unsigned)zi->opcode_map < sizeof(map_of) ? map_of[zi->opcode_map] : 0;
    in->opcode = zi->opcode;
    in->mnemonic = (uint16_t)zi->mnemonic;
}

/* MOV to and from CR and DR ignores ModRM.mod: the operands are always registers. */
static bool mod_is_ignored(const struct insn *in) { return in->map == 1 && in->opcode >= 0x20 && in->opcode <= 0x23; }

static void fill_modrm(struct insn *in, const ZydisDecodedInstruction *zi) {
    if (!(zi->attributes & ZYDIS_ATTRIB_HAS_MODRM)) return;
    in->has_modrm = true;
    in->modrm_off = zi->raw.modrm.offset;
    in->mod = mod_is_ignored(in) ? 3 : zi->raw.modrm.mod;
    in->reg = zi->raw.modrm.reg;
    in->rm = zi->raw.modrm.rm;
}

static bool is_far_direct(const struct insn *in) { return in->map == 0 && (in->opcode == 0x9a || in->opcode == 0xea); }

static void fill_immediates(struct insn *in, const ZydisDecodedInstruction *zi) {
    in->imm_off = in->len;
    if (!zi->raw.imm[0].size) return;
    in->imm_off = zi->raw.imm[0].offset;
    in->imm_size = zi->raw.imm[0].size / 8;
    uint32_t raw = read_le(in->bytes + in->imm_off, in->imm_size);
    bool is_unsigned = dec_mnemonics[in->mnemonic].quirk == DEC_Q_UIMM || is_far_direct(in);
    in->imm = is_unsigned ? raw : sign_extend(raw, in->imm_size);
    if (zi->raw.imm[1].size) in->imm2 = (uint16_t)read_le(in->bytes + zi->raw.imm[1].offset, zi->raw.imm[1].size / 8);
}

/* SDM vol. 2, "16-Bit Addressing Forms with the ModR/M Byte". */
static void address_16(struct insn *in) {
    static const uint8_t base[8] = {DEC_EBX, DEC_EBX, DEC_EBP, DEC_EBP, DEC_ESI, DEC_EDI, DEC_EBP, DEC_EBX};
    static const uint8_t index[8] = {DEC_ESI, DEC_EDI, DEC_ESI, DEC_EDI, DEC_NOREG, DEC_NOREG, DEC_NOREG, DEC_NOREG};
    if (in->mod == 0 && in->rm == 6) return;
    in->mem.base = base[in->rm];
    in->mem.index = index[in->rm];
}

static void address_sib(struct insn *in) {
    uint8_t sib = in->bytes[in->modrm_off + 1];
    uint8_t base = sib & 7, index = sib >> 3 & 7;
    if (base != DEC_EBP || in->mod != 0) in->mem.base = base;
    if (index != DEC_ESP) {
        in->mem.index = index;
        in->mem.scale = (uint8_t)(1u << (sib >> 6));
    }
}

/* SDM vol. 2, "32-Bit Addressing Forms with the ModR/M Byte". */
static void address_32(struct insn *in) {
    if (in->rm == 4)
        address_sib(in);
    else if (in->mod != 0 || in->rm != 5)
        in->mem.base = in->rm;
}

static bool is_moffs(const struct insn *in) { return in->map == 0 && in->opcode >= 0xa0 && in->opcode <= 0xa3; }

/* The address, and the registers it uses. */
static void fill_address(struct insn *in, const ZydisDecodedInstruction *zi) {
    if (!is_moffs(in) && (!in->has_modrm || in->mod == 3)) return;
    in->mem.present = true;
    if (in->has_modrm) {
        if (in->addr_size == 4)
            address_32(in);
        else
            address_16(in);
    }
    in->mem.disp = (uint32_t)zi->raw.disp.value;
    bool absolute = in->mem.base == DEC_NOREG && in->mem.index == DEC_NOREG;
    if (absolute && in->addr_size == 2) in->mem.disp &= 0xffff;
    if (!in->seg_override && (in->mem.base == DEC_EBP || in->mem.base == DEC_ESP)) in->mem.seg = DEC_SS;
    in->gprs |= GPR(in->mem.base);
    in->gprs |= GPR(in->mem.index);
}

/* What a register operand says about the instruction: its bit in gprs, and whose state it is. */
struct reg_info {
    uint8_t gprs;
    bool fpu, sse;
};

#define R8_16_32(l, h, x, n)                                                                                           \
    [ZYDIS_REGISTER_##l] = {.gprs = 1u << (n)}, [ZYDIS_REGISTER_##h] = {.gprs = 1u << (n)},                            \
    [ZYDIS_REGISTER_##x] = {.gprs = 1u << (n)}, [ZYDIS_REGISTER_E##x] = {.gprs = 1u << (n)}
#define R16_32(x, n) [ZYDIS_REGISTER_##x] = {.gprs = 1u << (n)}, [ZYDIS_REGISTER_E##x] = {.gprs = 1u << (n)}

static const struct reg_info reg_info[ZYDIS_REGISTER_MAX_VALUE + 1] = {
    R8_16_32(AL, AH, AX, DEC_EAX),
    R8_16_32(CL, CH, CX, DEC_ECX),
    R8_16_32(DL, DH, DX, DEC_EDX),
    R8_16_32(BL, BH, BX, DEC_EBX),
    R16_32(SP, DEC_ESP),
    R16_32(BP, DEC_EBP),
    R16_32(SI, DEC_ESI),
    R16_32(DI, DEC_EDI),
    [ZYDIS_REGISTER_MM0... ZYDIS_REGISTER_MM7] = {.fpu = true},
    [ZYDIS_REGISTER_XMM0... ZYDIS_REGISTER_XMM7] = {.fpu = true, .sse = true},
};

static void register_operand(struct insn *in, ZydisRegister reg) {
    const struct reg_info *info = &reg_info[reg];
    in->gprs |= info->gprs;
    in->fpu |= info->fpu;
    in->sse |= info->sse;
}

/* Bytes the instruction accesses, where the operand's own size is not it. */
static unsigned access_size(const ZydisDecodedOperand *op, uint8_t quirk) {
    if (quirk == DEC_Q_DTR) return 6;
    if (quirk == DEC_Q_LINE) return 1;
    return op->size / 8u;
}

static void memory_operand(struct insn *in, const ZydisDecodedOperand *op) {
    uint8_t quirk = dec_mnemonics[in->mnemonic].quirk;
    if (!in->mem.present || quirk == DEC_Q_NOACCESS) return;
    unsigned size = access_size(op, quirk);
    in->mem.accessed = true;
    in->mem.read = (op->actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    in->mem.write = (op->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    in->mem.size = (uint8_t)(size < DEC_MEM_512 ? size : DEC_MEM_512);
}

static void fill_operands(struct insn *in, const ZydisDecoder *zd, const ZydisDecoderContext *ctx,
                          const ZydisDecodedInstruction *zi) {
    ZydisDecodedOperand ops[ZYDIS_MAX_OPERAND_COUNT_VISIBLE];
    uint8_t count = zi->operand_count_visible;
    if (!count || !ZYAN_SUCCESS(ZydisDecoderDecodeOperands(zd, ctx, zi, ops, count))) return;
    for (unsigned i = 0; i < count; i++) {
        if (ops[i].type == ZYDIS_OPERAND_TYPE_REGISTER)
            register_operand(in, ops[i].reg.value);
        else if (ops[i].type == ZYDIS_OPERAND_TYPE_MEMORY)
            memory_operand(in, &ops[i]);
    }
}

static bool is_string_io(const struct insn *in) { return in->map == 0 && in->opcode >= 0x6c && in->opcode <= 0x6f; }

/* Registers that no operand shows. */
static void implicit_gprs(struct insn *in) {
    const struct dec_mnemonic *row = &dec_mnemonics[in->mnemonic];
    uint8_t gprs = row->gprs;
    if (row->quirk == DEC_Q_IMUL && (in->map != 0 || (in->opcode & 0xfe) != 0xf6)) gprs = 0;
    if ((row->quirk == DEC_Q_IMUL || row->quirk == DEC_Q_MULDIV) && in->byte_op) gprs = GPR(DEC_EAX);
    if (in->rep && (in->cls == DEC_CLASS_STRING || is_string_io(in))) gprs |= GPR(DEC_ECX);
    in->gprs |= gprs;
}

/* x87, MMX and SSE state that no operand shows. */
static void implicit_fpu(struct insn *in) {
    uint8_t quirk = dec_mnemonics[in->mnemonic].quirk;
    bool x87 = in->map == 0 && ((in->opcode & 0xf8) == 0xd8 || in->opcode == 0x9b);
    in->fpu |= x87 || quirk == DEC_Q_FPU || quirk == DEC_Q_MXCSR;
    in->sse |= quirk == DEC_Q_MXCSR;
}

/* MOVSD and CMPSD are strings in the one-byte map and SSE2 in the other. */
static bool is_sse_homonym(const struct insn *in) {
    return in->map == 1 && dec_mnemonics[in->mnemonic].cls == DEC_CLASS_STRING;
}

static void fill_semantics(struct insn *in) {
    if (is_sse_homonym(in)) return;
    in->cls = (uint8_t)dec_classify(in);
    dec_byte_operands(in);
    dec_flags(in);
    implicit_gprs(in);
    implicit_fpu(in);
}

/* Zydis knows no such encoding: report what can be told from the bytes alone. */
static void undefined(struct insn *in, const uint8_t *bytes, uint32_t avail) {
    uint32_t len = in->opcode_off;
    if (len + 1 < avail && bytes[len] == 0x0f) {
        in->map = 1;
        len++;
    }
    in->opcode = bytes[len++];
    copy_bytes(in, bytes, len);
    in->imm_off = in->len;
    in->cls = DEC_CLASS_UD;
}

static enum dec_status no_instruction(struct insn *in, const uint8_t *bytes, uint32_t avail, ZyanStatus status) {
    bool ran_out = status == ZYDIS_STATUS_NO_MORE_DATA || status == ZYDIS_STATUS_INSTRUCTION_TOO_LONG;
    if (ran_out && avail < DEC_MAX_LEN) return DEC_NEED_MORE;
    if (!ran_out) {
        undefined(in, bytes, avail);
        return DEC_OK;
    }
    copy_bytes(in, bytes, avail);
    in->imm_off = in->len;
    in->cls = DEC_CLASS_TOO_LONG;
    return DEC_OK;
}

enum dec_status dec_insn(const uint8_t *bytes, uint32_t avail, bool code32, uint32_t features, struct insn *out) {
    const ZydisDecoder *zd = decoder_for(code32, features);
    ZydisDecodedInstruction zi;
    ZydisDecoderContext ctx;
    if (avail > DEC_MAX_LEN) avail = DEC_MAX_LEN;
    clear(out);
    read_prefixes(out, bytes, avail, code32);
    ZyanStatus status = ZydisDecoderDecodeInstruction(zd, &ctx, bytes, avail, &zi);
    if (!ZYAN_SUCCESS(status)) return no_instruction(out, bytes, avail, status);
    copy_bytes(out, bytes, zi.length);
    fill_opcode(out, &zi);
    fill_modrm(out, &zi);
    fill_immediates(out, &zi);
    if (zi.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY || !dec_in_model(zi.meta.isa_set, zi.mnemonic, features)) {
        out->cls = DEC_CLASS_UD;
        return DEC_OK;
    }
    fill_address(out, &zi);
    fill_operands(out, zd, &ctx, &zi);
    fill_semantics(out);
    return DEC_OK;
}
