/*
 * classify.c: the class of an instruction and the width of its byte operands.
 *
 * Callers: decoder.c. The class comes from the mnemonic's row; the few
 * mnemonics with sensitive and harmless forms are told apart by opcode.
 * Manual: SDM vol. 2, "Opcode Map".
 */
#include "decoder_internal.h"

#define EAX   (1u << DEC_EAX)
#define ECX   (1u << DEC_ECX)
#define EDX   (1u << DEC_EDX)
#define EBX   (1u << DEC_EBX)
#define ESP   (1u << DEC_ESP)
#define EBP   (1u << DEC_EBP)
#define ESI   (1u << DEC_ESI)
#define EDI   (1u << DEC_EDI)
#define ALL   0xffu
#define ARITH (uint16_t) DEC_ARITH

const struct dec_mnemonic dec_mnemonics[ZYDIS_MNEMONIC_MAX_VALUE + 1] = {
#define M(name, class, rd, wr, regs, q, need)                                                                          \
    [ZYDIS_MNEMONIC_##name] = {.cls = DEC_CLASS_##class,                                                               \
                               .reads = (rd),                                                                          \
                               .writes = (wr),                                                                         \
                               .gprs = (regs),                                                                         \
                               .quirk = DEC_Q_##q,                                                                     \
                               .feature = (need)},
#include "mnemonics.def"
#undef M
};

/* Properties of an opcode that its mnemonic does not tell. */
enum {
    SENS = 1u << 0, /* sensitive form of MOV, PUSH, POP, CALL, JMP, RET */
    BYTE = 1u << 1, /* w bit clear: the operand is a byte */
    REG8 = 1u << 2, /* ModRM.reg is a byte register */
    RM8 = 1u << 3,  /* ModRM.rm, or the opcode's low bits, can be a byte register */
    EB_GB = BYTE | REG8 | RM8,
    EB = BYTE | RM8,
};

#define ALU_ROWS(col, what)                                                                                            \
    [0x00 + (col)] = (what), [0x08 + (col)] = (what), [0x10 + (col)] = (what), [0x18 + (col)] = (what),                \
            [0x20 + (col)] = (what), [0x28 + (col)] = (what), [0x30 + (col)] = (what), [0x38 + (col)] = (what)

static const uint8_t opcode_1[256] = {
    ALU_ROWS(0, EB_GB), ALU_ROWS(2, EB_GB), ALU_ROWS(4, BYTE), [0x06] = SENS,  [0x07] = SENS,  [0x0e] = SENS,
    [0x16] = SENS,      [0x17] = SENS,      [0x1e] = SENS,     [0x1f] = SENS,  [0x6c] = BYTE,  [0x6e] = BYTE,
    [0x80] = EB,        [0x82] = EB,        [0x84] = EB_GB,    [0x86] = EB_GB, [0x88] = EB_GB, [0x8a] = EB_GB,
    [0x8c] = SENS,      [0x8e] = SENS,      [0x9a] = SENS,     [0xa0] = BYTE,  [0xa2] = BYTE,  [0xa4] = BYTE,
    [0xa6] = BYTE,      [0xa8] = BYTE,      [0xaa] = BYTE,     [0xac] = BYTE,  [0xae] = BYTE,  [0xb0 ... 0xb7] = EB,
    [0xc0] = EB,        [0xc6] = EB,        [0xca] = SENS,     [0xcb] = SENS,  [0xd0] = EB,    [0xd2] = EB,
    [0xd6] = BYTE,      [0xe4] = BYTE,      [0xe6] = BYTE,     [0xea] = SENS,  [0xec] = BYTE,  [0xee] = BYTE,
    [0xf6] = EB,        [0xfe] = EB,
};

static const uint8_t opcode_2[256] = {
    [0x20 ... 0x23] = SENS, [0x90 ... 0x9f] = EB, [0xa0] = SENS, [0xa1] = SENS, [0xa8] = SENS,
    [0xa9] = SENS,          [0xb0] = EB_GB,       [0xb6] = RM8,  [0xbe] = RM8,  [0xc0] = EB_GB,
};

static bool is_crc32_byte(const struct insn *in) {
    return in->map == 2 && in->opcode == 0xf0 && in->mnemonic == ZYDIS_MNEMONIC_CRC32;
}

static unsigned opcode_bits(const struct insn *in) {
    if (in->map == 0) return opcode_1[in->opcode];
    if (in->map == 1) return opcode_2[in->opcode];
    return is_crc32_byte(in) ? RM8 : 0;
}

/* FF /3 and /5: CALL and JMP through a far pointer in memory. */
static bool is_far_indirect(const struct insn *in) {
    return in->map == 0 && in->opcode == 0xff && (in->reg == 3 || in->reg == 5);
}

enum dec_class dec_classify(const struct insn *in) {
    if ((opcode_bits(in) & SENS) || is_far_indirect(in)) return DEC_CLASS_SYSTEM;
    return (enum dec_class)dec_mnemonics[in->mnemonic].cls;
}

void dec_byte_operands(struct insn *in) {
    unsigned bits = opcode_bits(in);
    in->byte_op = (bits & BYTE) != 0;
    in->reg_is_byte = (bits & REG8) != 0;
    in->rm_is_byte = (bits & RM8) != 0 && (!in->has_modrm || in->mod == 3);
}

const char *dec_class_name(enum dec_class cls) {
    static const char *const names[] = {
        [DEC_CLASS_PLAIN] = "plain",   [DEC_CLASS_STACK] = "stack",   [DEC_CLASS_BRANCH] = "branch",
        [DEC_CLASS_STRING] = "string", [DEC_CLASS_LEGACY] = "legacy", [DEC_CLASS_FPU_STATE] = "fpu-state",
        [DEC_CLASS_SYSTEM] = "system", [DEC_CLASS_UD] = "ud",         [DEC_CLASS_TOO_LONG] = "too-long",
    };
    return (unsigned)cls < sizeof(names) / sizeof(names[0]) ? names[cls] : "?";
}
