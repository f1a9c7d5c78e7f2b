/* asm.c: see asm.h. Every emitter goes through put(), which makes overflow sticky. */
#include "bt/asm.h"

#include "bt/bt_internal.h"

void x86_byte(struct x86_buf *b, uint8_t v) {
    if (b->p >= b->end) {
        b->overflow = true;
        return;
    }
    *b->p++ = v;
}
void x86_bytes(struct x86_buf *b, const uint8_t *v, size_t n) {
    for (size_t i = 0; i < n; i++) x86_byte(b, v[i]);
}
void x86_u32(struct x86_buf *b, uint32_t v) {
    for (int i = 0; i < 4; i++) x86_byte(b, (uint8_t)(v >> (8 * i)));
}

static void prefixes(struct x86_buf *b, const struct x86_enc *e) {
    if (e->lock) x86_byte(b, 0xF0);
    if (e->prefix66) x86_byte(b, 0x66);
    if (e->rep) x86_byte(b, e->rep);
}

static void rex_and_opcode(struct x86_buf *b, const struct x86_enc *e, uint8_t rex) {
    if (e->rexw) rex |= 8;
    BT_BUG_ON(rex && e->no_rex);
    if (rex) x86_byte(b, (uint8_t)(0x40 | rex));
    if (e->map) x86_byte(b, 0x0F);
    if (e->map == 2) x86_byte(b, 0x38);
    if (e->map == 3) x86_byte(b, 0x3A);
    x86_byte(b, e->opcode);
}

static uint8_t modrm(unsigned mod, unsigned reg, unsigned rm) {
    return (uint8_t)(mod << 6 | (reg & 7) << 3 | (rm & 7));
}

static void disp_for(struct x86_buf *b, unsigned mod, int32_t disp) {
    if (mod == 1) x86_byte(b, (uint8_t)disp);
    if (mod == 2) x86_u32(b, (uint32_t)disp);
}

static uint8_t scale_bits(uint8_t scale) { return scale == 8 ? 3 : scale == 4 ? 2 : scale == 2 ? 1 : 0; }

/* ModRM, SIB and displacement. RIP-relative is never produced: no base means SIB with disp32. */
static void address(struct x86_buf *b, uint8_t reg, const struct x86_mem *m) {
    if (m->base == X86_NOREG) {
        unsigned idx = m->index == X86_NOREG ? 4 : m->index;
        x86_byte(b, modrm(0, reg, 4));
        x86_byte(b, modrm(scale_bits(m->scale), idx, 5));
        x86_u32(b, (uint32_t)m->disp);
        return;
    }
    unsigned mod = m->disp == 0 && (m->base & 7) != 5 ? 0 : m->disp >= -128 && m->disp <= 127 ? 1 : 2;
    if (m->index == X86_NOREG && (m->base & 7) != 4) {
        x86_byte(b, modrm(mod, reg, m->base));
    } else {
        x86_byte(b, modrm(mod, reg, 4));
        x86_byte(b, modrm(m->index == X86_NOREG ? 0u : scale_bits(m->scale), m->index == X86_NOREG ? 4u : m->index,
                          m->base));
    }
    disp_for(b, mod, m->disp);
}

void x86_enc_mem(struct x86_buf *b, const struct x86_enc *e, uint8_t reg, const struct x86_mem *m) {
    uint8_t rex = 0;
    if (reg & 8) rex |= 4;
    if (m->index != X86_NOREG && m->index & 8) rex |= 2;
    if (m->base != X86_NOREG && m->base & 8) rex |= 1;
    if (m->addr32) x86_byte(b, 0x67);
    prefixes(b, e);
    rex_and_opcode(b, e, rex);
    address(b, reg, m);
}

void x86_enc_reg(struct x86_buf *b, const struct x86_enc *e, uint8_t reg, uint8_t rm) {
    uint8_t rex = (uint8_t)((reg & 8 ? 4 : 0) | (rm & 8 ? 1 : 0));
    prefixes(b, e);
    rex_and_opcode(b, e, rex);
    x86_byte(b, modrm(3, reg, rm));
}

static void rr(struct x86_buf *b, uint8_t map, uint8_t op, bool w, uint8_t reg, uint8_t rm) {
    x86_enc_reg(b, &(struct x86_enc){.map = map, .opcode = op, .rexw = w}, reg, rm);
}
static void rm(struct x86_buf *b, uint8_t map, uint8_t op, bool w, uint8_t reg, const struct x86_mem *m) {
    x86_enc_mem(b, &(struct x86_enc){.map = map, .opcode = op, .rexw = w}, reg, m);
}

void x86_mov_r32_r32(struct x86_buf *b, uint8_t d, uint8_t s) { rr(b, 0, 0x8B, false, d, s); }
void x86_mov_r64_r64(struct x86_buf *b, uint8_t d, uint8_t s) { rr(b, 0, 0x8B, true, d, s); }
void x86_mov_r32_imm32(struct x86_buf *b, uint8_t d, uint32_t imm) {
    if (d & 8) x86_byte(b, 0x41);
    x86_byte(b, (uint8_t)(0xB8 | (d & 7)));
    x86_u32(b, imm);
}
void x86_mov_r32_m32(struct x86_buf *b, uint8_t d, struct x86_mem m) { rm(b, 0, 0x8B, false, d, &m); }
void x86_mov_r64_m64(struct x86_buf *b, uint8_t d, struct x86_mem m) { rm(b, 0, 0x8B, true, d, &m); }
void x86_mov_m32_r32(struct x86_buf *b, struct x86_mem m, uint8_t s) { rm(b, 0, 0x89, false, s, &m); }
void x86_mov_m64_r64(struct x86_buf *b, struct x86_mem m, uint8_t s) { rm(b, 0, 0x89, true, s, &m); }
void x86_mov_m32_imm32(struct x86_buf *b, struct x86_mem m, uint32_t imm) {
    rm(b, 0, 0xC7, false, 0, &m);
    x86_u32(b, imm);
}
void x86_mov_m8_imm8(struct x86_buf *b, struct x86_mem m, uint8_t imm) {
    rm(b, 0, 0xC6, false, 0, &m);
    x86_byte(b, imm);
}
void x86_movzx_r32_r16(struct x86_buf *b, uint8_t d, uint8_t s) { rr(b, 1, 0xB7, false, d, s); }
void x86_movzx_r32_m8(struct x86_buf *b, uint8_t d, struct x86_mem m) { rm(b, 1, 0xB6, false, d, &m); }
void x86_movzx_r32_m16(struct x86_buf *b, uint8_t d, struct x86_mem m) { rm(b, 1, 0xB7, false, d, &m); }
void x86_lea_r32(struct x86_buf *b, uint8_t d, struct x86_mem m) { rm(b, 0, 0x8D, false, d, &m); }
void x86_lea_r64(struct x86_buf *b, uint8_t d, struct x86_mem m) { rm(b, 0, 0x8D, true, d, &m); }
void x86_lea_r16(struct x86_buf *b, uint8_t d, struct x86_mem m) {
    x86_enc_mem(b, &(struct x86_enc){.prefix66 = 0x66, .opcode = 0x8D}, d, &m);
}

static void alu_imm(struct x86_buf *b, enum x86_alu op, bool w, uint8_t reg, int32_t imm) {
    bool small = imm >= -128 && imm <= 127;
    rr(b, 0, small ? 0x83 : 0x81, w, (uint8_t)op, reg);
    if (small)
        x86_byte(b, (uint8_t)imm);
    else
        x86_u32(b, (uint32_t)imm);
}
void x86_alu_r32_imm(struct x86_buf *b, enum x86_alu op, uint8_t reg, int32_t imm) { alu_imm(b, op, false, reg, imm); }
void x86_alu_r64_imm(struct x86_buf *b, enum x86_alu op, uint8_t reg, int32_t imm) { alu_imm(b, op, true, reg, imm); }
void x86_alu_r32_m32(struct x86_buf *b, enum x86_alu op, uint8_t reg, struct x86_mem m) {
    rm(b, 0, (uint8_t)(op << 3 | 3), false, reg, &m);
}
void x86_alu_r64_m64(struct x86_buf *b, enum x86_alu op, uint8_t reg, struct x86_mem m) {
    rm(b, 0, (uint8_t)(op << 3 | 3), true, reg, &m);
}
void x86_shr_r32(struct x86_buf *b, uint8_t reg, uint8_t n) {
    rr(b, 0, 0xC1, false, 5, reg);
    x86_byte(b, n);
}
void x86_sar_r32(struct x86_buf *b, uint8_t reg, uint8_t n) {
    rr(b, 0, 0xC1, false, 7, reg);
    x86_byte(b, n);
}
void x86_test_r64_r64(struct x86_buf *b, uint8_t a, uint8_t c) { rr(b, 0, 0x85, true, a, c); }
void x86_test_r32_r32(struct x86_buf *b, uint8_t a, uint8_t c) { rr(b, 0, 0x85, false, a, c); }
void x86_test_r8_imm8(struct x86_buf *b, uint8_t reg, uint8_t imm) {
    rr(b, 0, 0xF6, false, 0, reg);
    x86_byte(b, imm);
}
void x86_cmp_m8_imm8(struct x86_buf *b, struct x86_mem m, uint8_t imm) {
    rm(b, 0, 0x80, false, 7, &m);
    x86_byte(b, imm);
}

void x86_push_r64(struct x86_buf *b, uint8_t r) {
    if (r & 8) x86_byte(b, 0x41);
    x86_byte(b, (uint8_t)(0x50 | (r & 7)));
}
void x86_pop_r64(struct x86_buf *b, uint8_t r) {
    if (r & 8) x86_byte(b, 0x41);
    x86_byte(b, (uint8_t)(0x58 | (r & 7)));
}
void x86_ret(struct x86_buf *b) { x86_byte(b, 0xC3); }
void x86_jmp_mem(struct x86_buf *b, struct x86_mem m) { rm(b, 0, 0xFF, false, 4, &m); }
void x86_call_r64(struct x86_buf *b, uint8_t r) { rr(b, 0, 0xFF, false, 2, r); }
void x86_call_mem(struct x86_buf *b, struct x86_mem m) { rm(b, 0, 0xFF, false, 2, &m); }

void x86_patch_rel32(uint8_t *at, const uint8_t *target) {
    uint32_t rel = (uint32_t)(target - (at + 4));
    __atomic_store_n((uint32_t *)(void *)at, rel, __ATOMIC_RELAXED);
}
static uint8_t *rel32_field(struct x86_buf *b, const uint8_t *target) {
    uint8_t *at = b->p;
    x86_u32(b, (uint32_t)(target - (at + 4)));
    return at;
}
uint8_t *x86_jmp_to(struct x86_buf *b, const uint8_t *target) {
    x86_byte(b, 0xE9);
    return rel32_field(b, target);
}
uint8_t *x86_call_to(struct x86_buf *b, const uint8_t *target) {
    x86_byte(b, 0xE8);
    return rel32_field(b, target);
}
uint8_t *x86_jcc_to(struct x86_buf *b, enum x86_cc cc, const uint8_t *target) {
    x86_byte(b, 0x0F);
    x86_byte(b, (uint8_t)(0x80 | cc));
    return rel32_field(b, target);
}

static struct x86_fixup fixup(struct x86_buf *b, uint8_t size) {
    struct x86_fixup f = {b->p, size};
    for (unsigned i = 0; i < size; i++) x86_byte(b, 0);
    return f;
}
struct x86_fixup x86_jmp32(struct x86_buf *b) {
    x86_byte(b, 0xE9);
    return fixup(b, 4);
}
struct x86_fixup x86_call32(struct x86_buf *b) {
    x86_byte(b, 0xE8);
    return fixup(b, 4);
}
struct x86_fixup x86_jcc32(struct x86_buf *b, enum x86_cc cc) {
    x86_byte(b, 0x0F);
    x86_byte(b, (uint8_t)(0x80 | cc));
    return fixup(b, 4);
}
struct x86_fixup x86_jcc8(struct x86_buf *b, enum x86_cc cc) {
    x86_byte(b, (uint8_t)(0x70 | cc));
    return fixup(b, 1);
}
struct x86_fixup x86_jmp8(struct x86_buf *b) {
    x86_byte(b, 0xEB);
    return fixup(b, 1);
}
struct x86_fixup x86_jrcxz8(struct x86_buf *b) {
    x86_byte(b, 0xE3);
    return fixup(b, 1);
}
void x86_bind(struct x86_buf *b, struct x86_fixup f) {
    if (b->overflow) return;
    ptrdiff_t rel = b->p - (f.at + f.size);
    if (f.size == 1) {
        BT_BUG_ON(rel < -128 || rel > 127);
        *f.at = (uint8_t)rel;
        return;
    }
    x86_patch_rel32(f.at, b->p);
}
