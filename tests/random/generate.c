/*
 * generate.c: see generate.h. Each gen_* function emits one piece; the table at the end gives their weights.
 */
#include "generate.h"

#include <string.h>

enum { EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI };
enum { SEL_CODE16 = 0x17 };
enum { NEAR_END = 3 }; /* per cent of the operands that touch unmapped or read-only memory */

struct gen {
    uint32_t rng;
    struct piece *p;
    uint32_t avoid; /* registers that must not be written now (bits) */
    bool code16;    /* CS.D is clear */
    bool in_call;   /* the return address is on the stack: leave that alone */
};

/* The r/m side of an instruction: prefixes and ModRM with an empty reg field. */
struct rm {
    uint8_t prefix[2], nprefix, bytes[6], len;
};

static uint32_t rnd(struct gen *g, uint32_t n) { return (next_random(&g->rng) >> 3) % n; }
static bool chance(struct gen *g, uint32_t percent) { return rnd(g, 100) < percent; }

static void b1(struct gen *g, uint32_t v) {
    if (g->p->len < MAX_PIECE) g->p->bytes[g->p->len++] = (uint8_t)v;
}
static void bn(struct gen *g, uint32_t v, uint32_t n) {
    for (; n; n--, v >>= 8) b1(g, v);
}
static void bytes(struct gen *g, const char *s, uint32_t n) {
    for (uint32_t i = 0; i < n; i++) b1(g, (uint8_t)s[i]);
}
#define EMIT(g, literal) bytes(g, literal, sizeof(literal) - 1)

static uint32_t pick_reg(struct gen *g) {
    uint32_t r;
    do r = rnd(g, 8);
    while (r == ESP || g->avoid >> r & 1);
    return r;
}
/* 8-bit register whose 32-bit register may be written. */
static uint32_t pick_reg8(struct gen *g) {
    uint32_t r;
    do r = rnd(g, 8);
    while (g->avoid >> (r & 3) & 1);
    return r;
}
static uint32_t imm(struct gen *g) {
    static const uint32_t special[] = {0,      1,      2,      0x7f,       0x80,       0xff,
                                       0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff};
    return chance(g, 50) ? special[rnd(g, 12)] : next_random(&g->rng);
}
/* What 32-bit operands and addresses need in 16-bit code. */
static void operand32(struct gen *g) {
    if (g->code16) b1(g, 0x66);
}
static void address32(struct gen *g) {
    if (g->code16) b1(g, 0x67);
}
static void mov_imm(struct gen *g, uint32_t r, uint32_t v) { operand32(g), b1(g, 0xb8 + r), bn(g, v, 4); }
static void set_arith_flags(struct gen *g) { EMIT(g, "\x38\xe2"); } /* cmp dl, ah: defines all six */

/* ---- Memory operands ---- */

/* Where an access goes: inside the data area, or now and then over an edge of it. */
static uint32_t place(struct gen *g, uint32_t align) {
    static const uint32_t edges[] = {DATA_BASE + DATA_SIZE - 3, DATA_BASE - 2, RO_BASE + 0x40,
                                     DATA_BASE + DATA_SIZE - 16};
    if (chance(g, NEAR_END)) return edges[rnd(g, 4)] & ~(align - 1);
    uint32_t page = chance(g, 15) ? 0x1000 - rnd(g, 8) : 0x40 + rnd(g, 0xf00); /* now and then across a page boundary */
    return (DATA_BASE + page + rnd(g, 2) * 0x1000) & ~(align - 1);
}

static void put32(uint8_t *p, uint32_t v) { memcpy(p, &v, 4); }

static struct rm rm_disp32(uint32_t at) {
    struct rm m = {.bytes = {5}, .len = 5};
    put32(m.bytes + 1, at);
    return m;
}

static struct rm rm_base(struct gen *g, uint32_t at) {
    uint32_t r = pick_reg(g), form = rnd(g, 3), disp = form == 0 ? 0 : form == 1 ? (uint32_t)(int8_t)imm(g) : imm(g);
    if (form == 0 && r == EBP) form = 1;
    mov_imm(g, r, at - disp);
    struct rm m = {.bytes = {(uint8_t)(form << 6 | r)}, .len = (uint8_t)(1 + (form == 2 ? 4 : form))};
    put32(m.bytes + 1, disp);
    return m;
}

static struct rm rm_sib(struct gen *g, uint32_t at) {
    uint32_t base = pick_reg(g), index = pick_reg(g), scale = rnd(g, 4), value = imm(g), form = 1 + rnd(g, 2);
    uint32_t disp = form == 1 ? (uint32_t)(int8_t)imm(g) : imm(g);
    if (base == index) { /* r + r * 2^scale */
        value = rnd(g, 64);
        form = 2, disp = at - value - (value << scale);
    }
    mov_imm(g, index, value);
    if (base != index) mov_imm(g, base, at - disp - (value << scale));
    struct rm m = {.bytes = {(uint8_t)(form << 6 | 4), (uint8_t)(scale << 6 | index << 3 | base)},
                   .len = form == 2 ? 6 : 3};
    put32(m.bytes + 2, disp);
    return m;
}

static struct rm rm_index(struct gen *g, uint32_t at) { /* [index * scale + disp32] */
    uint32_t index = pick_reg(g), scale = rnd(g, 4), value = imm(g);
    mov_imm(g, index, value);
    struct rm m = {.bytes = {4, (uint8_t)(scale << 6 | index << 3 | 5)}, .len = 6};
    put32(m.bytes + 2, at - (value << scale));
    return m;
}

static struct rm rm_stack(struct gen *g) { /* [esp + disp8] */
    return (struct rm){.bytes = {0x44, 0x24, (uint8_t)(rnd(g, 32) * 4)}, .len = 3};
}

/* FS or GS with the data area's LDT segment, in 32- or 16-bit addressing. */
static struct rm rm_segment(struct gen *g, uint32_t at) {
    uint32_t offset = at - DATA_BASE, fs = rnd(g, 2);
    EMIT(g, "\x6a\x07\x0f");
    b1(g, fs ? 0xa1 : 0xa9); /* push 7; pop fs/gs */
    struct rm m = {.prefix = {fs ? 0x64 : 0x65}, .nprefix = 1};
    if (chance(g, 50) || g->avoid) {
        struct rm d = rm_disp32(offset);
        memcpy(m.bytes, d.bytes, m.len = d.len);
    } else { /* [bx + si + disp16], wrapping at 64 KiB */
        uint32_t bx = imm(g), si = imm(g);
        mov_imm(g, EBX, bx), mov_imm(g, ESI, si);
        m.prefix[m.nprefix++] = 0x67;
        m.bytes[0] = 0x80, m.len = 3;
        put32(m.bytes + 1, (offset - bx - si) & 0xffff);
    }
    return m;
}

static struct rm memory(struct gen *g, uint32_t align) {
    uint32_t at = place(g, align), k = rnd(g, 100);
    if (k < 15) return rm_disp32(at);
    if (k < 50) return rm_base(g, at);
    if (k < 75) return rm_sib(g, at);
    if (k < 85) return rm_index(g, at);
    if (k < 94 && align <= 4 && !g->in_call) return rm_stack(g);
    return rm_segment(g, at);
}

static struct rm direct(uint32_t r) { return (struct rm){.bytes = {(uint8_t)(0xc0 | r)}, .len = 1}; }

/* Prefixes, opcode (escape included, most significant byte first), ModRM. */
static void insn(struct gen *g, uint32_t mandatory, uint32_t opcode, struct rm m, uint32_t reg) {
    bool address16 = false;
    for (uint32_t i = 0; i < m.nprefix; i++) {
        address16 |= m.prefix[i] == 0x67;
        if (m.prefix[i] != 0x67 || !g->code16) b1(g, m.prefix[i]);
    }
    if (m.bytes[0] < 0xc0 && !address16) address32(g);
    if (mandatory) b1(g, mandatory);
    if (opcode > 0xffff) b1(g, opcode >> 16);
    if (opcode > 0xff) b1(g, opcode >> 8);
    b1(g, opcode);
    b1(g, m.bytes[0] | reg << 3);
    for (uint32_t i = 1; i < m.len; i++) b1(g, m.bytes[i]);
}

/* An operand size: 0 byte, 1 word (66h), 2 dword. */
static uint32_t size(struct gen *g) {
    uint32_t k = rnd(g, 10);
    return k < 3 ? 0 : k < 5 ? 1 : 2;
}
/* The operand-size prefix for it. */
static uint32_t p66(const struct gen *g, uint32_t size) { return size == (g->code16 ? 2 : 1) ? 0x66 : 0; }
static uint32_t reg_of(struct gen *g, uint32_t size) { return size ? pick_reg(g) : pick_reg8(g); }
static struct rm reg_or_memory(struct gen *g, uint32_t size) {
    return chance(g, 45) ? direct(reg_of(g, size)) : memory(g, 1);
}
/* LOCK in front of a read-modify-write of memory. */
static void maybe_lock(struct gen *g, const struct rm *m) {
    if (m->bytes[0] < 0xc0 && chance(g, 10)) b1(g, 0xf0);
}

/* ---- Integer instructions ---- */

static void gen_alu(struct gen *g) {
    uint32_t op = rnd(g, 8), s = size(g), form = rnd(g, 4);
    if (form == 3) { /* accumulator, imm */
        if (g->avoid & 1) return;
        if (p66(g, s)) b1(g, 0x66);
        b1(g, op * 8 + 4 + !!s), bn(g, imm(g), s ? s * 2 : 1);
        return;
    }
    struct rm m = reg_or_memory(g, s);
    if (form == 2) { /* imm */
        bool short_imm = s && chance(g, 50);
        if (op != 7) maybe_lock(g, &m);
        insn(g, p66(g, s), 0x80 + !!s + 2 * short_imm, m, op);
        bn(g, imm(g), s == 0 || short_imm ? 1 : s * 2);
        return;
    }
    if (form == 0 && op != 7) maybe_lock(g, &m);
    insn(g, p66(g, s), op * 8 + form * 2 + !!s, m, reg_of(g, s));
}

static void gen_mov(struct gen *g) {
    uint32_t s = size(g), k = rnd(g, 8);
    if (k == 0) {
        mov_imm(g, pick_reg(g), imm(g));
    } else if (k == 1) {
        struct rm m = reg_or_memory(g, s);
        insn(g, p66(g, s), 0xc6 + !!s, m, 0);
        bn(g, imm(g), s ? s * 2 : 1);
    } else if (k == 2) {
        struct rm m = memory(g, 1);
        insn(g, p66(g, s), 0x8b, m, pick_reg(g));
    } else if (k == 3) { /* moffs */
        if (g->avoid & 1) return;
        if (p66(g, s)) b1(g, 0x66);
        address32(g);
        b1(g, 0xa0 + rnd(g, 2) * 2 + !!s), bn(g, place(g, 1), 4);
    } else {
        struct rm m = reg_or_memory(g, s);
        insn(g, p66(g, s), (k & 1 ? 0x88 : 0x8a) + !!s, m, reg_of(g, s));
    }
}

static void gen_lea(struct gen *g) {
    struct rm m = memory(g, 1);
    insn(g, chance(g, 20) ? 0x66 : 0, 0x8d, m, pick_reg(g));
}

static void gen_inc_dec(struct gen *g) {
    uint32_t s = size(g), k = rnd(g, 3);
    if (k == 0) {
        b1(g, 0x40 + rnd(g, 2) * 8 + pick_reg(g));
        return;
    }
    struct rm m = reg_or_memory(g, s);
    maybe_lock(g, &m);
    insn(g, p66(g, s), 0xfe + !!s, m, rnd(g, 2));
}

static void gen_unary(struct gen *g) { /* NOT, NEG, TEST imm */
    uint32_t s = size(g), op = rnd(g, 3);
    struct rm m = reg_or_memory(g, s);
    if (op) maybe_lock(g, &m);
    insn(g, p66(g, s), 0xf6 + !!s, m, op ? op + 1 : 0);
    if (!op) bn(g, imm(g), s ? s * 2 : 1);
}

static void gen_mul(struct gen *g) {
    uint32_t s = size(g), k = rnd(g, 4);
    if (k < 2) {
        if (g->avoid & 5) return;
        struct rm m = reg_or_memory(g, s);
        insn(g, p66(g, s), 0xf6 + !!s, m, 4 + k);
        return;
    }
    s = s ? s : 2;
    struct rm m = reg_or_memory(g, s);
    if (k == 2) {
        insn(g, p66(g, s), 0x0faf, m, pick_reg(g));
        return;
    }
    bool short_imm = chance(g, 50);
    insn(g, p66(g, s), short_imm ? 0x6b : 0x69, m, pick_reg(g));
    bn(g, imm(g), short_imm ? 1 : s * 2);
}

static void gen_div(struct gen *g) {
    if (g->avoid & 7) return;
    uint32_t s = size(g), idiv = rnd(g, 2), r = s ? ECX : 1; /* by (E)CX or CL, with a small dividend: mostly no #DE */
    mov_imm(g, ECX, imm(g) | (chance(g, 97) ? 0x41 : 0));
    if (s == 0)
        EMIT(g, "\xb4\x00");
    else if (chance(g, 95))
        operand32(g), EMIT(g, "\x31\xd2");
    insn(g, p66(g, s), 0xf6 + !!s, direct(r), 6 + idiv);
}

static void gen_shift(struct gen *g) {
    static const uint8_t counts[] = {0, 1, 2, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 63, 255};
    uint32_t s = size(g), op = rnd(g, 8), k = rnd(g, 3), avoid = g->avoid;
    if (k == 2 && !(g->avoid & 2)) {
        b1(g, 0xb1), b1(g, counts[rnd(g, 15)]); /* mov cl, count */
    }
    g->avoid |= 2u;
    struct rm m = reg_or_memory(g, s);
    g->avoid = avoid;
    insn(g, p66(g, s), (k == 0 ? 0xd0 : k == 1 ? 0xc0 : 0xd2) + !!s, m, op);
    if (k == 1) b1(g, counts[rnd(g, 15)]);
}

static void gen_double_shift(struct gen *g) {
    uint32_t s = 1 + rnd(g, 2), by_cl = rnd(g, 2);
    struct rm m = reg_or_memory(g, s);
    insn(g, p66(g, s), (rnd(g, 2) ? 0x0fa4 : 0x0fac) + by_cl, m, rnd(g, 8));
    if (!by_cl) b1(g, rnd(g, s == 1 ? 17 : 40));
}

static void gen_bit(struct gen *g) {
    uint32_t s = 1 + rnd(g, 2), op = rnd(g, 4), k = rnd(g, 4);
    if (k == 0) { /* BSF, BSR */
        struct rm m = reg_or_memory(g, s);
        insn(g, p66(g, s), 0x0fbc + rnd(g, 2), m, pick_reg(g));
    } else if (k == 1) {
        struct rm m = reg_or_memory(g, s);
        if (op) maybe_lock(g, &m);
        insn(g, p66(g, s), 0x0fba, m, 4 + op);
        b1(g, rnd(g, 80));
    } else if (k == 2) {
        insn(g, p66(g, s), 0x0fa3 + op * 8, direct(pick_reg(g)), rnd(g, 8));
    } else { /* the bit offset reaches far from the operand; 16-bit offsets reach from -4096 to 4095 bytes */
        uint32_t r = pick_reg(g), far = rnd(g, 0x7000);
        struct rm m = rm_disp32(DATA_BASE + 0x1c00);
        mov_imm(g, r, chance(g, 50) ? far : -far);
        if (op) maybe_lock(g, &m);
        insn(g, p66(g, s), 0x0fa3 + op * 8, m, r);
    }
}

static void gen_extend(struct gen *g) {
    uint32_t k = rnd(g, 6);
    if (k == 0) {
        operand32(g), b1(g, 0x0f), b1(g, 0xc8 + pick_reg(g)); /* BSWAP */
    } else if (k == 1) {
        if (g->avoid & 5) return;
        if (chance(g, 50)) b1(g, 0x66);
        b1(g, 0x98 + rnd(g, 2));
    } else {
        uint32_t word = rnd(g, 2);
        struct rm m = reg_or_memory(g, word);
        insn(g, word || chance(g, 70) ? 0 : 0x66, (k & 1 ? 0x0fb6 : 0x0fbe) + word, m, pick_reg(g));
    }
}

static void gen_conditional(struct gen *g) {
    uint32_t cc = rnd(g, 16);
    if (chance(g, 50)) {
        struct rm m = reg_or_memory(g, 0);
        insn(g, 0, 0x0f90 + cc, m, rnd(g, 8));
    } else {
        uint32_t s = 1 + rnd(g, 2);
        struct rm m = reg_or_memory(g, s);
        insn(g, p66(g, s), 0x0f40 + cc, m, pick_reg(g));
    }
}

static void gen_exchange(struct gen *g) {
    static const uint16_t ops[] = {0x86, 0x0fc0, 0x0fb0};
    uint32_t s = size(g), k = rnd(g, 5);
    if (k == 3) {
        if (g->avoid & 1) return;
        b1(g, 0x90 + pick_reg(g));
    } else if (k == 4) { /* CMPXCHG8B */
        if (g->avoid & 5) return;
        struct rm m = memory(g, 1);
        maybe_lock(g, &m);
        insn(g, 0, 0x0fc7, m, 1);
    } else {
        if (g->avoid & 1) return;
        struct rm m = reg_or_memory(g, s);
        maybe_lock(g, &m);
        insn(g, p66(g, s), (uint32_t)ops[k] + !!s, m, reg_of(g, s));
    }
}

static void gen_flags(struct gen *g) {
    static const char ops[] = {'\xf8', '\xf9', '\xf5', '\x9e', '\x9f'}; /* CLC STC CMC SAHF LAHF */
    uint32_t k = rnd(g, 7);
    if (k < 4 || (k == 4 && !(g->avoid & 1))) {
        b1(g, (uint8_t)ops[k]);
    } else { /* push imm; popf */
        b1(g, 0x68), bn(g, next_random(&g->rng) & 0x8d5, g->code16 ? 2 : 4), b1(g, 0x9d);
    }
}

static void gen_bcd(struct gen *g) {
    static const uint8_t ops[] = {0x27, 0x2f, 0x37, 0x3f, 0xd4, 0xd5, 0xd6};
    if (g->avoid & 1) return;
    uint32_t k = rnd(g, 7);
    b1(g, ops[k]);
    if (k == 4 || k == 5) b1(g, chance(g, 80) ? 10 : imm(g)); /* AAM, AAD; AAM 0 faults */
    if (k != 6) set_arith_flags(g);                           /* the undefined ones do not go on */
}

static void gen_xlat(struct gen *g) {
    if (g->avoid & 9) return;
    mov_imm(g, EBX, place(g, 1) & ~0xffu);
    address32(g), b1(g, 0xd7);
}

/* ---- Stack ---- */

static void gen_stack(struct gen *g) {
    uint32_t k = rnd(g, 9), r = pick_reg(g), wide = chance(g, 15) ? 0x66 : 0;
    struct rm m;
    if (g->in_call) return;
    switch (k) {
    case 0:
    case 1: b1(g, 0x50 + rnd(g, 8)); break;
    case 2: b1(g, 0x58 + r); break;
    case 3: b1(g, 0x6a), b1(g, imm(g)); break;
    case 4: m = memory(g, 1), insn(g, 0, 0xff, m, 6); break;
    case 5: m = memory(g, 1), insn(g, 0, 0x8f, m, 0); break;
    case 6: /* a 16-bit pair keeps ESP aligned */ b1(g, 0x66), b1(g, 0x50 + r), b1(g, 0x66), b1(g, 0x58 + r); break;
    case 7: /* PUSHA and POPA, PUSHF */
        if (wide) b1(g, wide);
        b1(g, 0x60);
        if (g->avoid || chance(g, 30))
            operand32(g), address32(g), EMIT(g, "\x8d\x64\x24\x20");
        else {
            if (wide) b1(g, wide);
            b1(g, 0x61);
        }
        break;
    default: EMIT(g, "\x9c"); break;
    }
}

static void gen_frame(struct gen *g) {
    if (g->avoid >> EBP & 1) return;
    b1(g, 0xc8), bn(g, rnd(g, 64), 2), b1(g, chance(g, 70) ? 0 : rnd(g, 4)); /* ENTER; levels copy from EBP */
    EMIT(g, "\x50\xc9");                                                     /* push eax; leave */
}

static void gen_frame_setup(struct gen *g) { /* a valid EBP for ENTER's levels */
    if (g->avoid >> EBP & 1) return;
    mov_imm(g, EBP, STACK_BASE + 0x800 + rnd(g, 64) * 4);
    gen_frame(g);
}

/* ---- Strings ---- */

/* Far enough from the edges for the longest repeat either way. A repeated compare that faults leaves flags that
 * processors do not agree on: Intel's are those from before it, AMD's those of the last element. */
static uint32_t place_of_compare(struct gen *g) { return DATA_BASE + 0x1000 + rnd(g, 0x800); }

static void gen_string(struct gen *g) {
    static const uint8_t ops[] = {0xa4, 0xaa, 0xac, 0xae, 0xa6};
    if (g->avoid & ~(1u << EBX)) return;
    uint32_t op = rnd(g, 5), wide = rnd(g, 3), rep = rnd(g, 3), down = chance(g, 25);
    bool compares = rep && op >= 3;
    mov_imm(g, ESI, compares ? place_of_compare(g) : place(g, 1));
    mov_imm(g, EDI, compares ? place_of_compare(g) : place(g, 1));
    mov_imm(g, ECX, chance(g, 90) ? rnd(g, 20) : rnd(g, 600));
    if (chance(g, 30) && op >= 3) address32(g), EMIT(g, "\x8a\x07"); /* mov al, [edi]: let SCAS find something */
    if (down) b1(g, 0xfd);
    if (rep) b1(g, 0xf1 + rep);
    if (wide == 1) b1(g, 0x66);
    address32(g);
    b1(g, ops[op] + !!wide);
    if (down) b1(g, 0xfc);
}

/* ---- x87 ---- */

static void gen_x87(struct gen *g) {
    static const uint8_t d9[] = {0xd0, 0xe0, 0xe1, 0xe4, 0xe5, 0xe8, 0xe9, 0xea, 0xeb, 0xec, 0xed, 0xee, 0xf0, 0xf1,
                                 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf7, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe, 0xff};
    uint32_t k = rnd(g, 8), esc = 0xd8 + rnd(g, 8), reg = rnd(g, 8);
    if (k == 0) {
        b1(g, 0xd9), b1(g, d9[rnd(g, sizeof(d9))]);
    } else if (k < 3) { /* register forms; D9 E0.. and DB E0.. have holes and control instructions */
        if (esc == 0xd9) reg &= 1;
        if (esc == 0xdb && reg == 4) reg = 5;
        if ((esc == 0xdf && reg == 4) || (esc == 0xda && reg > 3) || (esc == 0xdb && reg == 7)) reg = 0;
        b1(g, esc), b1(g, 0xc0 | reg << 3 | rnd(g, 8));
    } else if (k == 3) {
        if (g->avoid & 1) return;
        bytes(g, chance(g, 80) ? "\xdf\xe0" : "\xdb\xe2", 2); /* FNSTSW AX, FNCLEX */
    } else if (k == 4 && chance(g, 30)) {                     /* control word: any rounding and precision, all masked */
        uint32_t at = DATA_BASE + 0x2100;
        b1(g, g->code16 ? 0x67 : 0x66), EMIT(g, "\xc7\x05"), bn(g, at, 4), bn(g, 0x7f | (rnd(g, 16) << 8), 2);
        address32(g), EMIT(g, "\xd9\x2d"), bn(g, at, 4);
    } else {
        /* not the state images, and control words only from above */
        if (esc == 0xd9 && reg >= 4) reg = reg == 7 ? 7 : rnd(g, 2) * 2;
        if (esc == 0xdd && (reg == 4 || reg == 6)) reg = 0;
        struct rm m = memory(g, 1);
        insn(g, 0, esc, m, reg);
    }
}

/* ---- MMX and SSE ---- */

struct vec {
    uint8_t op, prefixes, kind;
}; /* prefixes: bit 0 none, 1 66h, 2 F3h, 3 F2h */
enum { V_ANY, V_STORE, V_MEM, V_IMM, V_TO_GPR, V_FROM_GPR, V_REG };
static const struct vec sse_ops[] = {
    {0x10, 15, V_ANY},      {0x11, 15, V_STORE},  {0x12, 1, V_ANY},     {0x13, 3, V_MEM},   {0x14, 3, V_ANY},
    {0x15, 3, V_ANY},       {0x16, 1, V_ANY},     {0x17, 3, V_MEM},     {0x28, 3, V_ANY},   {0x29, 3, V_STORE},
    {0x2a, 15, V_FROM_GPR}, {0x2c, 12, V_TO_GPR}, {0x2d, 12, V_TO_GPR}, {0x2e, 3, V_ANY},   {0x2f, 3, V_ANY},
    {0x51, 15, V_ANY},      {0x52, 5, V_ANY},     {0x53, 5, V_ANY},     {0x54, 3, V_ANY},   {0x55, 3, V_ANY},
    {0x56, 3, V_ANY},       {0x57, 3, V_ANY},     {0x58, 15, V_ANY},    {0x59, 15, V_ANY},  {0x5a, 15, V_ANY},
    {0x5b, 7, V_ANY},       {0x5c, 15, V_ANY},    {0x5d, 15, V_ANY},    {0x5e, 15, V_ANY},  {0x5f, 15, V_ANY},
    {0x6c, 2, V_ANY},       {0x6d, 2, V_ANY},     {0x6f, 7, V_ANY},     {0x70, 15, V_IMM},  {0x7f, 7, V_STORE},
    {0xc2, 15, V_IMM},      {0xc6, 3, V_IMM},     {0xe6, 14, V_ANY},    {0xd6, 2, V_STORE}, {0x7e, 4, V_ANY},
    {0x50, 3, V_TO_GPR},    {0xc3, 1, V_MEM},     {0xe7, 3, V_MEM},     {0x2b, 3, V_MEM},   {0x7e, 3, V_STORE},
    {0x6e, 3, V_FROM_GPR},  {0xd7, 3, V_REG},
};
/* Packed integer instructions that exist for MMX (no prefix) and SSE2 (66h). */
static const uint8_t packed_ops[] = {
    0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x74, 0x75, 0x76, 0xd1, 0xd2, 0xd3, 0xd4,
    0xd5, 0xd8, 0xd9, 0xda, 0xdb, 0xdc, 0xdd, 0xde, 0xdf, 0xe0, 0xe1, 0xe2, 0xe3, 0xe4, 0xe5, 0xe8, 0xe9, 0xea, 0xeb,
    0xec, 0xed, 0xee, 0xef, 0xf1, 0xf2, 0xf3, 0xf4, 0xf5, 0xf6, 0xf8, 0xf9, 0xfa, 0xfb, 0xfc, 0xfd, 0xfe,
};

static struct rm vector_rm(struct gen *g) {
    return chance(g, 50) ? direct(rnd(g, 8)) : memory(g, chance(g, 85) ? 16 : 4);
}

/* Some CPUs reset TOP even if an MMX access to memory then faults: let it be 0 before. */
static void mmx_first(struct gen *g, const struct rm *m) {
    if (m->bytes[0] < 0xc0) EMIT(g, "\x0f\x6f\xc0"); /* movq mm0, mm0 */
}

static void gen_packed(struct gen *g) {
    uint32_t prefix = chance(g, 65) ? 0x66 : 0, op = packed_ops[rnd(g, sizeof(packed_ops))];
    struct rm m = vector_rm(g);
    if (!prefix) mmx_first(g, &m);
    insn(g, prefix, 0x0f00 | op, m, rnd(g, 8));
    if (!prefix && chance(g, 25)) EMIT(g, "\x0f\x77"); /* EMMS */
}

static void gen_sse(struct gen *g) {
    static const uint8_t prefixes[] = {0, 0x66, 0xf3, 0xf2};
    const struct vec *v = sse_ops + rnd(g, sizeof(sse_ops) / sizeof(*sse_ops));
    uint32_t p;
    do p = rnd(g, 4);
    while (!(v->prefixes >> p & 1));
    uint32_t reg = v->kind == V_TO_GPR || v->kind == V_REG ? pick_reg(g) : rnd(g, 8);
    struct rm m;
    if (v->op == 0x50 || v->kind == V_REG)
        m = direct(rnd(g, 8));
    else if (v->kind == V_MEM)
        m = memory(g, 16);
    else if (v->kind == V_FROM_GPR || (v->op == 0x7e && v->kind == V_STORE))
        m = direct(pick_reg(g));
    else
        m = vector_rm(g);
    if (v->op == 0x2a && p < 2) m = vector_rm(g); /* from MMX registers */
    if (!p) mmx_first(g, &m);
    insn(g, prefixes[p], 0x0f00u | v->op, m, reg);
    if (v->kind == V_IMM) b1(g, v->op == 0xc2 ? rnd(g, 8) : imm(g));
}

static void gen_mxcsr(struct gen *g) {
    uint32_t at = DATA_BASE + 0x2200;
    if (chance(g, 50)) {
        address32(g), EMIT(g, "\x0f\xae\x1d"), bn(g, at, 4); /* STMXCSR */
        return;
    }
    operand32(g), address32(g), EMIT(g, "\xc7\x05"), bn(g, at, 4),
        bn(g, 0x1f80 | rnd(g, 4) << 13 | (chance(g, 20) ? 0x8040 : 0), 4);
    address32(g), EMIT(g, "\x0f\xae\x15"), bn(g, at, 4);
}

/* ---- Control flow ---- */

static void gen_branch(struct gen *g) {
    uint32_t k = rnd(g, 10);
    g->p->skip = 1 + rnd(g, 4);
    g->p->narrow = g->code16 && chance(g, 70);
    if (!g->p->narrow) operand32(g);
    if (k == 0)
        b1(g, 0xe9);
    else
        b1(g, 0x0f), b1(g, 0x80 + rnd(g, 16));
    bn(g, 0, g->p->narrow ? 2 : 4);
}

static void gen_simple(struct gen *g);

/* A loop of a few rounds around simple instructions that leave its counter alone. */
static void gen_loop(struct gen *g) {
    static const uint8_t counters[] = {ECX, EBX, EBP};
    uint32_t r = counters[rnd(g, 3)], rounds = chance(g, 80) ? 1 + rnd(g, 6) : 1 + rnd(g, 60),
             with_loop = r == ECX && chance(g, 60);
    if (g->avoid) return;
    mov_imm(g, r, rounds);
    uint32_t top = g->p->len;
    g->avoid = 1u << r;
    for (uint32_t n = 1 + rnd(g, 2); n; n--) gen_simple(g);
    g->avoid = 0;
    if (!with_loop) b1(g, 0x48 + r);
    b1(g, with_loop ? 0xe2 : 0x75), b1(g, top - (g->p->len + 1));
}

/* call over; jmp done; over: ...; ret */
static void gen_call(struct gen *g) {
    if (g->avoid) return;
    uint32_t indirect = chance(g, 30), start = g->p->len + g->code16; /* of the MOV without its prefix */
    bool wide = g->code16 && !indirect && chance(g, 30);
    if (indirect) { /* mov edx, target; call edx, or of DX: the code's base has no low bits */
        mov_imm(g, EDX, 0), EMIT(g, "\xff\xd2\xeb");
    } else {
        if (wide) operand32(g);
        b1(g, 0xe8), bn(g, 2, g->code16 && !wide ? 2 : 4), b1(g, 0xeb);
    }
    uint32_t jump = g->p->len;
    b1(g, 0);
    uint32_t target = g->p->len;
    g->in_call = true;
    gen_simple(g);
    g->in_call = false;
    if (wide) operand32(g);
    if (chance(g, 30))
        EMIT(g, "\xc2\x04\x00"); /* takes a word of the caller's with it */
    else
        b1(g, 0xc3);
    if (indirect) {
        put32(g->p->bytes + start + 1, target);
        g->p->self_ref[0] = start + 1;
    }
    g->p->bytes[jump] = (uint8_t)(g->p->len - jump - 1);
}

/* Changes the immediate of an instruction just ahead. */
static void gen_smc(struct gen *g) {
    if (g->avoid) return;
    uint32_t store, r = pick_reg(g), gap = rnd(g, 3);
    address32(g);
    store = g->p->len;
    EMIT(g, "\xc6\x05"), bn(g, 0, 4), b1(g, imm(g));
    for (uint32_t i = 0; i < gap; i++) b1(g, 0x90);
    put32(g->p->bytes + store + 2, g->p->len + g->code16 + 1 + rnd(g, 4));
    g->p->self_ref[0] = store + 2;
    g->p->smc = true;
    mov_imm(g, r, imm(g));
}

/* Raises some fault, which ends the sequence. */
static void gen_fault(struct gen *g) {
    /* Not INT1: hosts that are virtual machines may report its trap as a fault (tests/asm/privileged.asm has it). */
    static const char *const ops[] = {"\xfa\x90", "\xf4\x90", "\xcc\x90", "\xce\x90", "\xcd\x21", "\xe4\x60",
                                      "\xec\x90", "\x0f\x0b", "\x0f\x06", "\xd4\x00", "\x0f\x09"};
    bytes(g, ops[rnd(g, sizeof(ops) / sizeof(*ops))], 2);
}

/* ---- Putting it together ---- */

struct weight {
    void (*gen)(struct gen *);
    uint32_t weight;
};
static const struct weight simple[] = {
    {gen_alu, 30},     {gen_mov, 20},   {gen_lea, 6},          {gen_inc_dec, 8}, {gen_unary, 6},  {gen_mul, 6},
    {gen_div, 2},      {gen_shift, 14}, {gen_double_shift, 4}, {gen_bit, 8},     {gen_extend, 8}, {gen_conditional, 8},
    {gen_exchange, 6}, {gen_flags, 5},  {gen_bcd, 4},          {gen_xlat, 1},    {gen_stack, 14}, {gen_frame_setup, 1},
    {gen_string, 6},   {gen_x87, 14},   {gen_packed, 12},      {gen_sse, 16},    {gen_mxcsr, 1},
};
static const struct weight whole[] = {{gen_simple, 78}, {gen_branch, 11}, {gen_loop, 5},
                                      {gen_call, 4},    {gen_smc, 1},     {gen_fault, 1}};

static void weighted(struct gen *g, const struct weight *w, uint32_t total) {
    uint32_t k = rnd(g, total);
    for (; k >= w->weight; w++) k -= w->weight;
    w->gen(g);
}

static uint32_t total(const struct weight *w, uint32_t n) {
    uint32_t sum = 0;
    for (uint32_t i = 0; i < n; i++) sum += w[i].weight;
    return sum;
}

static void gen_simple(struct gen *g) { weighted(g, simple, total(simple, sizeof(simple) / sizeof(*simple))); }

/* Near seeds must give unlike streams. */
static uint32_t scramble(uint32_t seed) {
    seed = (seed ^ 0x2545f491u) * 0x9e3779b1u;
    seed ^= seed >> 15;
    seed *= 0x85ebca77u;
    return (seed ^ seed >> 13) | 1u;
}

void generate(uint32_t seed, bool code16, struct sequence *s) {
    struct gen g = {.rng = scramble(seed), .code16 = code16};
    memset(s, 0, sizeof(*s));
    s->code16 = code16;
    for (uint32_t i = 0; i < 4; i++) next_random(&g.rng);
    s->npieces = 5 + rnd(&g, MAX_PIECES - 4);
    for (uint32_t i = 0; i < s->npieces; i++) {
        g.p = s->pieces + i;
        weighted(&g, whole, total(whole, sizeof(whole) / sizeof(*whole)));
        if (g.p->len >= MAX_PIECE) memset(g.p, 0, sizeof(*g.p)); /* cut off: drop it */
    }
}

uint32_t lay_out(const struct sequence *s, uint64_t keep, uint32_t at, uint8_t *code) {
    uint32_t start[MAX_PIECES + 1], n = 0;
    if (s->code16) { /* jmp SEL_CODE16:behind it */
        code[0] = 0xea;
        put32(code + 1, at + FAR_JUMP - CODE_BASE);
        code[5] = SEL_CODE16, code[6] = 0;
        n = FAR_JUMP;
    }
    for (uint32_t i = 0; i < s->npieces; i++) {
        start[i] = n;
        n += keep >> i & 1 ? s->pieces[i].len : 0;
    }
    start[s->npieces] = n;
    for (uint32_t i = 0; i < s->npieces; i++) {
        const struct piece *p = s->pieces + i;
        if (!(keep >> i & 1) || !p->len) continue;
        uint8_t *to = code + start[i];
        memcpy(to, p->bytes, p->len);
        for (uint32_t j = 0; j < 2 && p->self_ref[j]; j++) {
            uint32_t v;
            memcpy(&v, to + p->self_ref[j], 4);
            put32(to + p->self_ref[j], v + at + start[i]);
        }
        uint32_t target = i + 1 + p->skip;
        if (!p->skip) continue;
        uint32_t distance = start[target < s->npieces ? target : s->npieces] - (start[i] + p->len),
                 width = p->narrow ? 2 : 4;
        memcpy(to + p->len - width, &distance, width);
    }
    code[n] = 0x0f, code[n + 1] = 0x0b;
    return n;
}

void generate_state(uint32_t seed, uint32_t variant, struct state *st) {
    struct gen g = {.rng = scramble(seed * 16 + variant + 0x1234567)};
    memset(st, 0, sizeof(*st));
    for (uint32_t i = 0; i < 8; i++) st->gpr[i] = chance(&g, 30) ? place(&g, 4) : imm(&g);
    st->gpr[ESP] = STACK_BASE + 0x1800 + rnd(&g, 0x100) * 4;
    st->eflags = 0x202 | (next_random(&g.rng) & 0x8d5);
    st->mxcsr = 0x1f80;
    st->fx_seed = 1 + rnd(&g, 200);
    st->data_seed = 1 + rnd(&g, 4);
}
