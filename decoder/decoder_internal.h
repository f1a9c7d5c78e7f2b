/*
 * decoder_internal.h: what the decoder's files share with each other.
 *
 * Callers: decoder/ only. The truth about a mnemonic is its row of
 * mnemonics.def, the truth about an instruction set extension its row in
 * features.c; nothing here is written after load.
 */
#ifndef NOVT_DECODER_INTERNAL_H
#define NOVT_DECODER_INTERNAL_H

#include "decoder/decoder.h"

#include <Zydis/Zydis.h>

/* What a mnemonic's row cannot say in columns. */
enum dec_quirk {
    DEC_Q_NONE,
    DEC_Q_SHIFT,    /* writes flags only if the masked count is not 0 */
    DEC_Q_ROTATE,   /* as SHIFT, and OF only if the count is 1 */
    DEC_Q_RCROT,    /* as ROTATE; a count that is a multiple of width + 1 writes nothing */
    DEC_Q_REPFLAGS, /* a repeat count of 0 writes no flags */
    DEC_Q_MULDIV,   /* no EDX in the byte form */
    DEC_Q_IMUL,     /* EAX and EDX are implicit only in the one-operand forms */
    DEC_Q_NOACCESS, /* the memory operand is not accessed */
    DEC_Q_DTR,      /* limit and base: 6 bytes whatever the operand size */
    DEC_Q_LINE,     /* names a cache line: checked like a read of one byte */
    DEC_Q_UIMM,     /* the immediate is unsigned */
    DEC_Q_FPU,      /* FPU state though no operand shows it */
    DEC_Q_MXCSR,    /* SSE state though no operand shows it */
};

struct dec_mnemonic {
    uint8_t cls;      /* enum dec_class */
    uint8_t gprs;     /* implicit general registers */
    uint8_t quirk;    /* enum dec_quirk */
    uint16_t reads;   /* flags read */
    uint16_t writes;  /* flags written, before the quirk is applied */
    uint32_t feature; /* needed on top of what the instruction set extension needs */
};

/* Indexed by ZydisMnemonic; a mnemonic without a row is all zero, which is PLAIN. */
extern const struct dec_mnemonic dec_mnemonics[ZYDIS_MNEMONIC_MAX_VALUE + 1];

/* Opcodes of MOV, PUSH, POP, CALL, JMP and RET whose form, not mnemonic, makes them sensitive. */
enum dec_class dec_classify(const struct insn *in);

/* True if the instruction exists in a CPU with these features. */
bool dec_in_model(ZydisISASet isa, ZydisMnemonic mnemonic, uint32_t features);

/* The operand widths that the opcode alone decides: byte_op, reg_is_byte, rm_is_byte. */
void dec_byte_operands(struct insn *in);

/* flags_read and flags_written; needs the immediate, the prefixes and byte_op. */
void dec_flags(struct insn *in);

#endif
