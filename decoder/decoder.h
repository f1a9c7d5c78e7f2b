/*
 * decoder.h: guest bytes to `struct insn`, for 16- and 32-bit code.
 *
 * Callers: bt (translator), monitor (the helpers of sensitive instructions),
 * console (listings). No state, no allocation: a pure function of the bytes,
 * the code size and the CPU model's feature set. Every byte string gives an
 * answer. Manual: Intel SDM vol. 2, "Instruction Format" and "Opcode Map".
 */
#ifndef NOVT_DECODER_DECODER_H
#define NOVT_DECODER_DECODER_H

#include <Zydis/Mnemonic.h>
#include <stdbool.h>
#include <stdint.h>

enum { DEC_MAX_LEN = 15 };

/* Segment registers in the manual's encoding (SDM vol. 2, "Segment register (sreg) field"). */
enum dec_seg { DEC_ES, DEC_CS, DEC_SS, DEC_DS, DEC_FS, DEC_GS, DEC_SEG_COUNT };

/* General registers in the manual's encoding; DEC_NOREG where there is none. */
enum dec_gpr { DEC_EAX, DEC_ECX, DEC_EDX, DEC_EBX, DEC_ESP, DEC_EBP, DEC_ESI, DEC_EDI, DEC_NOREG };

/* What kind of work an instruction is for the translator. */
enum dec_class {
    DEC_CLASS_PLAIN,  /* same meaning in 64-bit mode: copied, memory operand rewritten */
    DEC_CLASS_STACK,  /* implicit stack access: PUSH POP PUSHA POPA PUSHF POPF ENTER LEAVE, near CALL/RET are BRANCH */
    DEC_CLASS_BRANCH, /* near JMP Jcc JCXZ LOOPx CALL RET */
    DEC_CLASS_STRING, /* MOVS STOS LODS SCAS CMPS (not INS/OUTS, which are SYSTEM) */
    DEC_CLASS_LEGACY, /* unprivileged but absent from or different in 64-bit mode: AAA AAS DAA DAS AAM AAD BOUND SALC
                         XLAT ... */
    DEC_CLASS_FPU_STATE, /* saves or loads FPU state with pointers in it: FNSTENV FLDENV FNSAVE FRSTOR FXSAVE FXRSTOR */
    DEC_CLASS_SYSTEM,    /* sensitive or privileged, far transfers, segment loads, I/O, INT n, CPUID, RDTSC, RDRAND, HLT
                            ... */
    DEC_CLASS_UD,        /* #UD: illegal, excluded from the CPU model, or LOCK where it is not allowed */
    DEC_CLASS_TOO_LONG,  /* more than 15 bytes: #GP(0), SDM vol. 3 "Interrupt 13" */
};

/* How the bytes ran out. */
enum dec_status {
    DEC_OK,        /* insn is valid (its class may be UD or TOO_LONG) */
    DEC_NEED_MORE, /* the `avail` bytes are a proper prefix of an instruction: fetch more (page boundary) */
};

/* Features that decide which encodings exist; a set bit means present. */
enum dec_feature {
    DEC_F_CMOV = 1u << 0,
    DEC_F_MMX = 1u << 1,
    DEC_F_SSE = 1u << 2,
    DEC_F_SSE2 = 1u << 3,
    DEC_F_SSE3 = 1u << 4,
    DEC_F_SSSE3 = 1u << 5,
    DEC_F_SSE41 = 1u << 6,
    DEC_F_SSE42 = 1u << 7,
    DEC_F_POPCNT = 1u << 8,
    DEC_F_CX8 = 1u << 9,
    DEC_F_FXSR = 1u << 10,
    DEC_F_SYSENTER = 1u << 11,
    DEC_F_CLFLUSH = 1u << 12,
    DEC_F_AES = 1u << 13,
    DEC_F_PCLMUL = 1u << 14,
    DEC_F_MOVBE = 1u << 15,
    DEC_F_RDTSCP = 1u << 16,
    DEC_F_FPU = 1u << 17,
    DEC_F_TSC = 1u << 18,
    DEC_F_MSR = 1u << 19,
    DEC_F_LZCNT = 1u << 20, /* else F3 BD is BSR */
    DEC_F_BMI1 = 1u << 21,  /* TZCNT only (VEX forms never exist): else F3 BC is BSF */
    DEC_F_3DNOWPREFETCH = 1u << 22,
    DEC_F_NOPL = 1u << 23, /* 0F 1F and the other hint NOPs (P6 and later) */
    DEC_F_RDRAND = 1u << 24,
    DEC_F_SSE4A = 1u << 25,
    DEC_F_RDSEED = 1u << 26,
};

/* EFLAGS bits that flag analysis tracks. */
enum {
    DEC_CF = 1u << 0,
    DEC_PF = 1u << 2,
    DEC_AF = 1u << 4,
    DEC_ZF = 1u << 6,
    DEC_SF = 1u << 7,
    DEC_DF = 1u << 10,
    DEC_OF = 1u << 11,
    DEC_ARITH = DEC_CF | DEC_PF | DEC_AF | DEC_ZF | DEC_SF | DEC_OF,
};

/* A memory operand's address: seg:[base + index*scale + disp], cut to addr_size. */
struct dec_mem {
    bool present;  /* an explicit ModRM/moffs memory operand, LEA's and NOP's included */
    bool accessed; /* false for LEA, hint NOPs, PREFETCHx, INVLPG: address computed or ignored, no access */
    bool read, write;
    uint8_t size;  /* bytes accessed; 0 where not accessed; FXSAVE's 512 is given as 255, see DEC_MEM_512 */
    uint8_t seg;   /* enum dec_seg, override applied; valid without `present` too: the source segment of string
                      instructions, XLAT and MASKMOVQ */
    uint8_t base;  /* enum dec_gpr or DEC_NOREG; 16-bit forms too (BX+SI is base BX, index SI, scale 1) */
    uint8_t index; /* enum dec_gpr or DEC_NOREG */
    uint8_t scale; /* 1, 2, 4 or 8 */
    uint32_t disp; /* sign-extended to 32 bits; a 16-bit address without registers is zero-extended */
};
enum { DEC_MEM_512 = 255 };

struct insn {
    uint8_t bytes[DEC_MAX_LEN];
    uint8_t len;       /* 1..15 */
    uint8_t cls;       /* enum dec_class */
    uint16_t mnemonic; /* ZydisMnemonic */

    /* Prefixes as present in the bytes. */
    bool lock;
    uint8_t rep; /* 0, 0xF2 or 0xF3: the last of them, as a repeat or mandatory prefix */
    bool has_66, has_67;
    bool seg_override;

    uint8_t op_size;   /* effective operand size: 2 or 4 (from D and 66h); for byte forms see byte_op */
    uint8_t addr_size; /* effective address size: 2 or 4 (from D and 67h) */
    bool byte_op;      /* the integer operand is 8 bits wide (opcode's w bit clear); false for MOVZX and MOVSX, see
                          rm_is_byte */

    uint8_t map;        /* 0: one byte; 1: 0F; 2: 0F38; 3: 0F3A */
    uint8_t opcode;     /* last opcode byte */
    uint8_t opcode_off; /* offset in bytes[] of the first opcode byte (the 0F where map > 0), after all prefixes */
    bool has_modrm;
    uint8_t modrm_off;    /* offset of ModRM in bytes[] */
    uint8_t mod, reg, rm; /* ModRM fields; mod is 3 for MOV CR and DR, which ignore it */
    uint8_t imm_off;      /* offset of the immediate(s): everything from here to len is immediate bytes */
    uint8_t imm_size;     /* of the first immediate: 0, 1, 2, 4 */
    uint32_t imm;         /* first immediate, sign-extended from imm_size to 32 bits; near branch displacement.
                             Zero-extended: far pointer offset, ENTER, RET, INT, IN, OUT, AAM, AAD */
    uint16_t imm2;        /* far pointer's selector; ENTER's level; any second immediate */

    struct dec_mem mem;

    uint8_t reg_is_byte; /* ModRM.reg names an 8-bit register (4..7 are AH CH DH BH) */
    uint8_t rm_is_byte;  /* ModRM.rm (mod 3) or the opcode's low 3 bits name an 8-bit register */
    uint8_t gprs;        /* bit i: general register i may be read or written, explicit, address or implicit */

    uint16_t flags_read;    /* EFLAGS bits (DEC_xF, DF included) the instruction may read */
    uint16_t flags_written; /* bits it surely writes with a value that does not depend on their old value,
                               whatever the operands (shifts by CL: none; by imm 0: none); which undefined
                               results are counted is said in mnemonics.def */
    bool fpu;               /* x87, MMX or SSE: subject to CR0.TS/EM */
    bool sse;               /* uses XMM state: needs CR4.OSFXSR */
};

/*
 * Decodes one instruction.
 * bytes: `avail` guest bytes (1..15) from the instruction's start. code32: CS.D.
 * features: enum dec_feature bits. Fills *out wholly when DEC_OK is returned
 * (for UD, len is the bytes consumed until the encoding was known to be bad, at least 1).
 */
enum dec_status dec_insn(const uint8_t *bytes, uint32_t avail, bool code32, uint32_t features, struct insn *out);

/* Name of a class, for listings. */
const char *dec_class_name(enum dec_class cls);

#endif
