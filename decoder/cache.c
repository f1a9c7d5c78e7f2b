/*
 * cache.c: dec_insn with a memory of opcode, ModRM and SIB.
 *
 * Only encodings whose results depend on nothing else, but for the numbers behind: no prefixes, no
 * shifts by an immediate count (which decides what flags they write), no 16-bit code.
 */
#include "decoder/cache.h"

/* What follows the opcode; 0: not for the cache. */
enum { OK = 1, MODRM = 2, IMM8 = 4, IMM32 = 8, DISP32 = 16, GROUP3 = 32 /* /0 and /1 have the immediate */ };
enum { RM = OK | MODRM };

#define ALU(op) [op] = RM, [op + 1] = RM, [op + 2] = RM, [op + 3] = RM, [op + 4] = OK | IMM8, [op + 5] = OK | IMM32
static const uint8_t one_byte[256] = {
    ALU(0x00),
    ALU(0x08),
    ALU(0x10),
    ALU(0x18),
    ALU(0x20),
    ALU(0x28),
    ALU(0x30),
    ALU(0x38),
    [0x40 ... 0x5F] = OK,
    [0x68] = OK | IMM32,
    [0x69] = RM | IMM32,
    [0x6A] = OK | IMM8,
    [0x6B] = RM | IMM8,
    [0x70 ... 0x7F] = OK | IMM8,
    [0x80] = RM | IMM8,
    [0x81] = RM | IMM32,
    [0x83] = RM | IMM8,
    [0x84 ... 0x8B] = RM,
    [0x8D] = RM,
    [0xA0 ... 0xA3] = OK | DISP32,
    [0xA8] = OK | IMM8,
    [0xA9] = OK | IMM32,
    [0xB0 ... 0xB7] = OK | IMM8,
    [0xB8 ... 0xBF] = OK | IMM32,
    [0xC3] = OK,
    [0xC6] = RM | IMM8,
    [0xC7] = RM | IMM32,
    [0xC9] = OK,
    [0xD0 ... 0xD3] = RM,
    [0xE8 ... 0xE9] = OK | IMM32,
    [0xEB] = OK | IMM8,
    [0xF6] = RM | IMM8 | GROUP3,
    [0xF7] = RM | IMM32 | GROUP3,
    [0xFE ... 0xFF] = RM,
};
static const uint8_t two_byte[256] = {
    [0x40 ... 0x4F] = RM, [0x80 ... 0x8F] = OK | IMM32, [0x90 ... 0x9F] = RM, [0xA3] = RM,
    [0xAF] = RM,          [0xB6 ... 0xB7] = RM,         [0xBE ... 0xBF] = RM,
};

/* An instruction by its form: what the result depends on, and where its numbers are. */
struct form {
    uint32_t key;
    uint8_t disp_off, disp_size, imm_off, imm_size, len;
};

/* SDM vol. 2 "32-Bit Addressing Forms with the ModR/M Byte". */
static uint8_t disp_size(uint8_t modrm, uint8_t sib) {
    uint8_t mod = modrm >> 6, rm = modrm & 7;
    if (mod == 1) return 1;
    if (mod == 2) return 4;
    bool none = rm == 5 || (rm == 4 && (sib & 7) == 5);
    return mod == 0 && none ? 4 : 0;
}

/* False: not for the cache, or more bytes than there are. */
static bool read_form(const uint8_t *bytes, uint32_t avail, struct form *f) {
    bool two = bytes[0] == 0x0F && avail > 1;
    uint8_t n = two ? 2 : 1, opcode = bytes[n - 1], what = two ? two_byte[opcode] : one_byte[opcode];
    uint8_t modrm = 0, sib = 0;
    if (!what) return false;
    *f = (struct form){.disp_size = what & DISP32 ? 4 : 0, .imm_size = what & IMM32 ? 4 : what & IMM8 ? 1 : 0};
    if (what & MODRM) {
        if (n >= avail) return false;
        modrm = bytes[n++];
        if (modrm >> 6 != 3 && (modrm & 7) == 4) {
            if (n >= avail) return false;
            sib = bytes[n++];
        }
        f->disp_size = disp_size(modrm, sib);
        if (what & GROUP3 && (modrm >> 3 & 7) > 1) f->imm_size = 0;
    }
    f->key = 1u << 31 | (uint32_t)two << 24 | (uint32_t)opcode << 16 | (uint32_t)modrm << 8 | sib;
    f->disp_off = n;
    f->imm_off = (uint8_t)(n + f->disp_size);
    f->len = (uint8_t)(f->imm_off + f->imm_size);
    return f->len <= avail;
}

static uint32_t number(const uint8_t *p, uint8_t size) {
    if (size == 1) return (uint32_t)(int8_t)p[0];
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void take(const struct insn *known, const struct form *f, const uint8_t *bytes, struct insn *out) {
    *out = *known;
    for (unsigned i = 0; i < f->len; i++) out->bytes[i] = bytes[i];
    if (f->disp_size) out->mem.disp = number(bytes + f->disp_off, f->disp_size);
    if (f->imm_size) out->imm = number(bytes + f->imm_off, f->imm_size);
}

enum dec_status dec_insn_cached(struct dec_cache *c, const uint8_t *bytes, uint32_t avail, bool code32,
                                uint32_t features, struct insn *out) {
    struct form f;
    if (!code32 || !read_form(bytes, avail, &f)) return dec_insn(bytes, avail, code32, features, out);
    if (c->features != features) {
        for (unsigned i = 0; i < DEC_CACHE_SLOTS; i++) c->slot[i].key = 0;
        c->features = features;
    }
    struct dec_cached *s = &c->slot[(f.key * 0x9E3779B1u) >> 20];
    if (s->key == f.key) {
        take(&s->insn, &f, bytes, out);
        return DEC_OK;
    }
    enum dec_status status = dec_insn(bytes, avail, code32, features, out);
    if (status == DEC_OK && out->cls != DEC_CLASS_UD && out->len == f.len) {
        s->key = f.key;
        s->insn = *out;
    }
    return status;
}
