/*
 * asm.h: the host assembler, one small function per encoding shape.
 *
 * Callers: the emitters of bt. Writes through the cache's writable mapping;
 * branch displacements are relative, so they hold in the executable one too.
 * Overflow is sticky: once the buffer is full nothing is written, and the
 * translator checks once at block end. Intel SDM vol. 2 ch. 2.
 */
#ifndef NOVT_BT_ASM_H
#define NOVT_BT_ASM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum x86_reg {
    X86_RAX,
    X86_RCX,
    X86_RDX,
    X86_RBX,
    X86_RSP,
    X86_RBP,
    X86_RSI,
    X86_RDI,
    X86_R8,
    X86_R9,
    X86_R10,
    X86_R11,
    X86_R12,
    X86_R13,
    X86_R14,
    X86_R15,
    X86_NOREG = 0xff,
};

struct x86_buf {
    uint8_t *start, *p, *end;
    bool overflow;
};

/* [base + index*scale + disp]; addr32: the sum cut to 32 bits */
struct x86_mem {
    uint8_t base, index, scale;
    bool addr32;
    int32_t disp;
};

enum x86_cc {
    X86_CC_O,
    X86_CC_NO,
    X86_CC_B,
    X86_CC_AE,
    X86_CC_E,
    X86_CC_NE,
    X86_CC_BE,
    X86_CC_A,
    X86_CC_S,
    X86_CC_NS,
    X86_CC_P,
    X86_CC_NP,
    X86_CC_L,
    X86_CC_GE,
    X86_CC_LE,
    X86_CC_G,
};

/* How an instruction with ModRM is spelled. */
struct x86_enc {
    uint8_t prefix66, rep;   /* 0x66 or 0; 0xF2, 0xF3 or 0 */
    bool lock, rexw, no_rex; /* no_rex: an operand is AH..BH; asserts that none is needed */
    uint8_t map;             /* 0, 1 (0F), 2 (0F38), 3 (0F3A) */
    uint8_t opcode;
};

/* A forward jump to be bound later. */
struct x86_fixup {
    uint8_t *at;
    uint8_t size;
};

static inline struct x86_mem x86_base(uint8_t base, int32_t disp) {
    return (struct x86_mem){.base = base, .index = X86_NOREG, .scale = 1, .disp = disp};
}
static inline struct x86_mem x86_base_index(uint8_t base, uint8_t index, uint8_t scale, int32_t disp) {
    return (struct x86_mem){.base = base, .index = index, .scale = scale, .disp = disp};
}

void x86_byte(struct x86_buf *b, uint8_t v);
void x86_bytes(struct x86_buf *b, const uint8_t *v, size_t n);
void x86_u32(struct x86_buf *b, uint32_t v);

/* The general shapes. reg and rm are host registers, or the opcode extension in reg. */
void x86_enc_mem(struct x86_buf *b, const struct x86_enc *e, uint8_t reg, const struct x86_mem *m);
void x86_enc_reg(struct x86_buf *b, const struct x86_enc *e, uint8_t reg, uint8_t rm);

/* Flag-preserving moves. */
void x86_mov_r32_r32(struct x86_buf *b, uint8_t dst, uint8_t src);
void x86_mov_r64_r64(struct x86_buf *b, uint8_t dst, uint8_t src);
void x86_mov_r32_imm32(struct x86_buf *b, uint8_t dst, uint32_t imm);
void x86_mov_r32_m32(struct x86_buf *b, uint8_t dst, struct x86_mem m);
void x86_mov_r64_m64(struct x86_buf *b, uint8_t dst, struct x86_mem m);
void x86_mov_m32_r32(struct x86_buf *b, struct x86_mem m, uint8_t src);
void x86_mov_m64_r64(struct x86_buf *b, struct x86_mem m, uint8_t src);
void x86_mov_m32_imm32(struct x86_buf *b, struct x86_mem m, uint32_t imm);
void x86_mov_m8_imm8(struct x86_buf *b, struct x86_mem m, uint8_t imm);
void x86_movzx_r32_r16(struct x86_buf *b, uint8_t dst, uint8_t src);
void x86_movzx_r32_m8(struct x86_buf *b, uint8_t dst, struct x86_mem m);
void x86_movzx_r32_m16(struct x86_buf *b, uint8_t dst, struct x86_mem m);
void x86_lea_r32(struct x86_buf *b, uint8_t dst, struct x86_mem m);
void x86_lea_r64(struct x86_buf *b, uint8_t dst, struct x86_mem m);
void x86_lea_r16(struct x86_buf *b, uint8_t dst, struct x86_mem m);

/* ALU: opcode extension 0 ADD 1 OR 4 AND 5 SUB 6 XOR 7 CMP. These write flags. */
enum x86_alu { X86_ADD, X86_OR, X86_ADC, X86_SBB, X86_AND, X86_SUB, X86_XOR, X86_CMP };
void x86_alu_r32_imm(struct x86_buf *b, enum x86_alu op, uint8_t reg, int32_t imm);
void x86_alu_r64_imm(struct x86_buf *b, enum x86_alu op, uint8_t reg, int32_t imm);
void x86_alu_r32_m32(struct x86_buf *b, enum x86_alu op, uint8_t reg, struct x86_mem m);
void x86_alu_r64_m64(struct x86_buf *b, enum x86_alu op, uint8_t reg, struct x86_mem m);
void x86_shr_r32(struct x86_buf *b, uint8_t reg, uint8_t n);
void x86_sar_r32(struct x86_buf *b, uint8_t reg, uint8_t n);
void x86_test_r64_r64(struct x86_buf *b, uint8_t a, uint8_t c);
void x86_test_r8_imm8(struct x86_buf *b, uint8_t reg, uint8_t imm); /* reg R8..R11 */
void x86_test_r32_r32(struct x86_buf *b, uint8_t a, uint8_t c);
void x86_cmp_m8_imm8(struct x86_buf *b, struct x86_mem m, uint8_t imm);

void x86_push_r64(struct x86_buf *b, uint8_t reg);
void x86_pop_r64(struct x86_buf *b, uint8_t reg);
void x86_ret(struct x86_buf *b);
void x86_jmp_mem(struct x86_buf *b, struct x86_mem m);
void x86_call_r64(struct x86_buf *b, uint8_t reg);
void x86_call_mem(struct x86_buf *b, struct x86_mem m);

/* Jumps to a known place in the same cache. Return the address of the 32-bit displacement. */
uint8_t *x86_jmp_to(struct x86_buf *b, const uint8_t *target);
uint8_t *x86_call_to(struct x86_buf *b, const uint8_t *target);
uint8_t *x86_jcc_to(struct x86_buf *b, enum x86_cc cc, const uint8_t *target);
/* Jumps to a place not known yet. */
struct x86_fixup x86_jmp32(struct x86_buf *b);
struct x86_fixup x86_call32(struct x86_buf *b);
struct x86_fixup x86_jcc32(struct x86_buf *b, enum x86_cc cc);
struct x86_fixup x86_jcc8(struct x86_buf *b, enum x86_cc cc);
struct x86_fixup x86_jmp8(struct x86_buf *b);
struct x86_fixup x86_jrcxz8(struct x86_buf *b);
void x86_bind(struct x86_buf *b, struct x86_fixup f); /* here */
void x86_patch_rel32(uint8_t *at,
                     const uint8_t *target); /* writable address of the field; target in the same mapping */
#endif
