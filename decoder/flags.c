/*
 * flags.c: which EFLAGS bits an instruction reads and surely writes.
 *
 * Callers: decoder.c. The mnemonic's row gives the general answer; counts and
 * repeat prefixes that can make the instruction leave flags alone are here.
 * Manual: SDM vol. 1, "EFLAGS Cross-Reference"; vol. 2, the shift pages.
 */
#include "decoder_internal.h"

enum { COUNT_UNKNOWN = 0xff };

/* The shift or rotate count, masked as the CPU does. */
static unsigned shift_count(const struct insn *in) {
    if (in->imm_size) return in->imm & 31;
    bool by_one = in->map == 0 && (in->opcode == 0xd0 || in->opcode == 0xd1);
    return by_one ? 1 : COUNT_UNKNOWN;
}

static uint16_t shift_writes(const struct insn *in, uint16_t writes) {
    unsigned count = shift_count(in);
    return count == 0 || count == COUNT_UNKNOWN ? 0 : writes;
}

/* OF is undefined, and kept by some CPUs, unless the count is 1. */
static uint16_t rotate_writes(const struct insn *in, uint16_t writes) {
    return shift_count(in) == 1 ? writes : shift_writes(in, writes) & (uint16_t)~DEC_OF;
}

/* RCL and RCR turn width + 1 bits: a whole turn leaves CF, and OF, alone. */
static uint16_t carry_rotate_writes(const struct insn *in, uint16_t writes) {
    unsigned bits = in->byte_op ? 8 : in->op_size * 8u;
    return shift_count(in) % (bits + 1) == 0 ? 0 : rotate_writes(in, writes);
}

void dec_flags(struct insn *in) {
    const struct dec_mnemonic *row = &dec_mnemonics[in->mnemonic];
    in->flags_read = row->reads;
    in->flags_written = row->writes;
    switch (row->quirk) {
    case DEC_Q_SHIFT: in->flags_written = shift_writes(in, row->writes); break;
    case DEC_Q_ROTATE: in->flags_written = rotate_writes(in, row->writes); break;
    case DEC_Q_RCROT: in->flags_written = carry_rotate_writes(in, row->writes); break;
    case DEC_Q_REPFLAGS: in->flags_written = in->rep ? 0 : row->writes; break;
    default: break;
    }
    /* A far JMP or CALL through a task gate saves EFLAGS in the old TSS. */
    if (in->cls == DEC_CLASS_SYSTEM && (in->mnemonic == ZYDIS_MNEMONIC_JMP || in->mnemonic == ZYDIS_MNEMONIC_CALL))
        in->flags_read = DEC_ARITH | DEC_DF;
}
