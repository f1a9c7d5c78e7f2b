/*
 * case.h: the pack of test cases and the results, shared by everything that makes, runs or compares them.
 *
 * A case is guest code that is entered with a given state and ends in a fault: normally the UD2 at its `end`. The
 * native runner (a 32-bit process) and the test kernel (a flat guest image) run the same pack at the same linear
 * addresses and with the same selectors, so their results must be equal byte for byte.
 * A pack: struct pack, then images (page-aligned code), states, cases; offsets count from struct pack.
 */
#ifndef NOVT_TESTS_CASE_H
#define NOVT_TESTS_CASE_H

#include <stdint.h>

enum {
    PACK_MAGIC = 0x4b434150, /* "PACK" */
    /* linear addresses and sizes that every case sees */
    CODE_BASE = 0x10000000,
    CODE_SIZE = 0x800000, /* RWX */
    DATA_BASE = 0x20000000,
    DATA_SIZE = 0x4000, /* RW, unmapped on both sides */
    RO_BASE = 0x20008000,
    RO_SIZE = 0x1000, /* read-only copy of the data pattern */
    STACK_BASE = 0x30000000,
    STACK_SIZE = 0x2000, /* RW, unmapped on both sides */
    /* test kernel only: where the above are in guest-physical memory */
    CODE_PHYS = 0x3000000,
    DATA_PHYS = 0x3900000,
    RO_PHYS = 0x3908000,
    STACK_PHYS = 0x3910000,
};

/* How a case runs. */
enum case_mode {
    CASE_NATIVE, /* ring 3, defined by the real CPU */
    CASE_RING3,  /* ring 3, only where the test kernel runs (tells privileged state) */
    CASE_RING0,
};

enum { PACK_FULL = 1 /* struct result for every case, else struct brief */ };
struct pack {
    uint32_t magic, flags;
    uint32_t first, count;                  /* cases to run */
    uint32_t cases, states, images, ncases; /* offsets of the tables; number of all cases */
};

struct image {
    uint32_t offset, size;
}; /* copied to CODE_BASE when the case before used another one */

struct state {
    uint32_t eflags, mxcsr;
    uint32_t gpr[8];  /* EAX ECX EDX EBX ESP EBP ESI EDI */
    uint32_t fx_seed; /* x87/XMM contents, see fill_fx */
    uint32_t data_seed;
};

enum { CASE_SMC = 1 /* writes code in [lo, hi): restore it afterwards */ };
struct test_case {
    uint32_t image, state, mode, flags;
    uint32_t entry, end; /* linear */
    uint32_t lo, hi;     /* linear range of its code, for CASE_SMC */
    uint32_t flag_mask;  /* EFLAGS bits that count */
    uint32_t fx_mask;    /* bit 0: compare x87/SSE state */
};

/* EFLAGS bits that are never compared: RF depends on how the CPU reports the fault. */
enum { EFLAGS_NEVER = 1 << 16, NO_VECTOR = 0xff, TIMEOUT_VECTOR = 0xfe };

struct result {
    uint32_t index, vector, error, cr2; /* cr2: 0 unless #PF */
    uint32_t eip, eflags, esp;
    uint32_t cs, ss, ds, es, fs, gs;
    uint32_t gpr[8]; /* gpr[4] is ESP too */
    uint32_t data_hash, stack_hash, code_hash;
    uint32_t data[64], stack[32]; /* first of the data area; the 128 bytes below the asm cases' first ESP */
    uint8_t fx[512];              /* FXSAVE image, pointers cleared */
};
/* The LDT of every case, natively through modify_ldt: selector = index << 3 | 7. access: P, DPL, S, type byte. */
#define CASE_LDT_COUNT 11
struct case_seg {
    uint32_t base, limit;
    uint8_t access, big, pages;
};
static const struct case_seg case_ldt[CASE_LDT_COUNT] = {
    {DATA_BASE, DATA_SIZE - 1, 0xf3, 1, 0},        /* 07h data */
    {CODE_BASE, CODE_SIZE / 4096 - 1, 0xfb, 1, 1}, /* 0fh 32-bit code */
    {CODE_BASE, 0xffff, 0xfb, 0, 0},               /* 17h 16-bit code */
    {DATA_BASE, 0x1fff, 0xf7, 1, 0},               /* 1fh expand-down data: offsets from 2000h */
    {STACK_BASE, STACK_SIZE - 1, 0xf3, 0, 0},      /* 27h 16-bit stack */
    {DATA_BASE, DATA_SIZE - 1, 0xf1, 1, 0},        /* 2fh read-only data */
    {DATA_BASE - 0x1000, 0xfffff, 0xf3, 1, 1},     /* 37h flat limit, base below the data */
    {DATA_BASE, DATA_SIZE - 1, 0x73, 1, 0},        /* 3fh not present */
    {CODE_BASE, 0xffff, 0xf9, 1, 0},               /* 47h execute-only code */
    {STACK_BASE, 0xfffff, 0xf3, 1, 1},             /* 4fh 32-bit stack with a base */
    {CODE_BASE, 0x7ff, 0xfb, 0, 0},                /* 57h 16-bit code with a limit */
};

/* A page fault's error code, less what differs for a reason: the fetch bit (NX), presence outside the case's areas. */
static inline uint32_t clean_error(uint32_t vector, uint32_t error, uint32_t cr2) {
    if (vector != 14) return error;
    uint32_t area = cr2 >> 20;
    return error & (area == CODE_BASE >> 20 || area == DATA_BASE >> 20 || area == STACK_BASE >> 20 ? 7 : 6);
}

struct brief {
    uint32_t index, hash;
};

#define HASH_INIT 0x9e3779b9u
static inline uint32_t hash_words(uint32_t h, const void *p, uint32_t bytes) {
    const uint32_t *w = (const uint32_t *)p;
    for (uint32_t i = 0; i < bytes / 4; i++) {
        h = (h ^ w[i]) * 0x01000193u;
        h ^= h >> 15;
    }
    return h;
}

static inline uint32_t next_random(uint32_t *s) {
    *s ^= *s << 13;
    *s ^= *s >> 17;
    return *s ^= *s << 5;
}

static inline void zero_words(uint32_t *w, uint32_t bytes) {
    uint32_t *to = w;
    unsigned long n = bytes / 4;
    __asm__ volatile("cld; rep stosl" : "+D"(to), "+c"(n) : "a"(0) : "memory", "cc");
}

/* Pseudo-random words; seed 0 is all zeros. */
static inline void fill_words(uint32_t *w, uint32_t bytes, uint32_t seed) {
    if (!seed)
        zero_words(w, bytes);
    else
        for (uint32_t i = 0; i < bytes / 4; i++) w[i] = next_random(&seed);
}

/* An FXSAVE image. Seed 0: as after FNINIT, XMM zero. Else: XMM0-7 hold random bits, half of them small floats;
 * the x87 stack holds finite numbers of moderate size with a seed-chosen depth. */
static inline void fill_fx(uint8_t *fx, uint32_t seed, uint32_t mxcsr) {
    uint32_t *w = (uint32_t *)(void *)fx;
    fill_words(w, 512, 0);
    w[0] = 0x037f;
    w[6] = mxcsr;
    if (!seed) return;
    uint32_t depth = next_random(&seed) % 8;
    w[0] |= (8 - depth) % 8 << 11 << 16;           /* TOP */
    w[1] = depth ? 0xffu & (0xff00u >> depth) : 0; /* abridged tags of the occupied registers */
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t *st = w + 8 + i * 4, *xmm = w + 40 + i * 4;
        st[0] = next_random(&seed) & (seed & 64 ? 0 : ~0u);
        st[1] = next_random(&seed) | 0x80000000u;
        st[2] = 0x3fff - 20 + next_random(&seed) % 40 + (seed & 0x8000u);
        for (uint32_t j = 0; j < 4; j++) {
            xmm[j] = next_random(&seed);
            if (i < 4) xmm[j] = (xmm[j] & 0x80ffffffu) | 0x3f000000u; /* floats near 1 */
        }
    }
}

/* Clears what legitimately differs: x87 instruction and data pointers and opcode, the software-reserved bytes. */
static inline void clean_fx(uint8_t *fx) {
    uint32_t *w = (uint32_t *)(void *)fx;
    w[1] &= 0xff;
    w[2] = w[3] = w[4] = w[5] = w[7] = 0;
    for (uint32_t i = 0; i < 8; i++) {
        w[8 + i * 4 + 2] &= 0xffff;
        w[8 + i * 4 + 3] = 0;
    }
    zero_words(w + 72, 512 - 288);
}
#endif
