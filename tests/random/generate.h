/*
 * generate.h: random ring-3 instruction sequences, a pure function of a seed.
 *
 * A sequence is a list of pieces. A piece is one interesting instruction with the instructions that set up its
 * operands, or a small self-contained loop or call; a forward branch skips whole pieces. So any subset of the pieces
 * is still a valid sequence, which is what makes shrinking simple.
 */
#ifndef NOVT_TESTS_GENERATE_H
#define NOVT_TESTS_GENERATE_H

#include <stdbool.h>
#include <stdint.h>
#include "case.h"

enum { MAX_PIECES = 40, MAX_PIECE = 120, MAX_CODE = MAX_PIECES * MAX_PIECE + 16, FAR_JUMP = 7 /* into 16-bit code */ };

struct piece {
    uint8_t bytes[MAX_PIECE];
    uint32_t len;
    uint32_t skip;        /* forward branch over that many pieces: the last bytes are its displacement */
    bool narrow;          /* two of them, else four */
    uint32_t self_ref[2]; /* offset of a 32-bit absolute address that is relative to the piece; 0: none */
    bool smc;
};
struct sequence {
    bool code16; /* runs in a 16-bit code segment, entered by a far jump */
    uint32_t npieces;
    struct piece pieces[MAX_PIECES];
};

void generate(uint32_t seed, bool code16, struct sequence *s);
/* Lays the pieces of `keep` (bit i: piece i) out at linear address `at`, with the final UD2. Returns the size up to it.
 */
uint32_t lay_out(const struct sequence *s, uint64_t keep, uint32_t at, uint8_t *code);
/* The initial state number `variant` of a sequence. */
void generate_state(uint32_t seed, uint32_t variant, struct state *st);
#endif
