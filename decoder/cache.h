/*
 * cache.h: decoding by what has been decoded before.
 *
 * Most instructions are a one-byte or 0F opcode, ModRM, SIB, and then numbers. What the first three say
 * is remembered; the numbers are read anew. The memory is the caller's: DEC_CACHE_SLOTS results, direct-mapped.
 */
#ifndef NOVT_DECODER_CACHE_H
#define NOVT_DECODER_CACHE_H

#include "decoder/decoder.h"

enum { DEC_CACHE_SLOTS = 1 << 12 };
/* All zero: empty. Not to be shared by threads. */
struct dec_cache {
    uint32_t features; /* of the results in it */
    struct dec_cached {
        uint32_t key; /* 0: empty */
        struct insn insn;
    } slot[DEC_CACHE_SLOTS];
};

/* As dec_insn, with the same results. */
enum dec_status dec_insn_cached(struct dec_cache *c, const uint8_t *bytes, uint32_t avail, bool code32,
                                uint32_t features, struct insn *out);
#endif
