#include "devemu/cd_sector.h"

#include <string.h>

enum { EDC_AT = 2064, P_AT = 2076, Q_AT = 2248, CODED_AT = 12 };
enum { EDC_POLYNOMIAL = 0xD8018001u /* (x^16+x^15+x^2+1)(x^16+x^2+x+1), reversed */, FIELD = 0x11D };
enum { SECONDS = 60, FRAMES = 75, LEAD = 150 };

static uint8_t bcd(uint32_t v) { return (uint8_t)(v / 10 % 10 << 4 | v % 10); }

static void put_head(uint8_t *out, uint32_t lba) {
    uint32_t at = lba + LEAD;
    memset(out, 0xFF, 12);
    out[0] = out[11] = 0;
    out[12] = bcd(at / FRAMES / SECONDS);
    out[13] = bcd(at / FRAMES % SECONDS);
    out[14] = bcd(at % FRAMES);
    out[15] = 1; /* mode 1 */
}

static void put_edc(uint8_t *out) {
    uint32_t edc = 0;
    for (int i = 0; i < EDC_AT; i++) {
        edc ^= out[i];
        for (int bit = 0; bit < 8; bit++) edc = edc >> 1 ^ (edc & 1 ? EDC_POLYNOMIAL : 0);
    }
    for (int i = 0; i < 4; i++) out[EDC_AT + i] = (uint8_t)(edc >> (8 * i));
    memset(out + EDC_AT + 4, 0, P_AT - EDC_AT - 4);
}

/* ---- Parity: ECMA-130, annex A. A code word's bytes sum to 0, and so do their products with powers of x ---- */

static uint8_t times_x(uint8_t v) { return (uint8_t)(v << 1 ^ (v & 0x80 ? FIELD : 0)); }

/* v / (x + 1): the field has 255 elements but 0, so the inverse is found by going round. */
static uint8_t divide_by_x_plus_1(uint8_t v) {
    uint8_t q = 0;
    for (int bit = 7; bit >= 0; bit--) { /* (x + 1)^-1 is F4h in this field */
        q = times_x(q);
        if (0xF4 >> bit & 1) q ^= v;
    }
    return q;
}

/* A code word: `rows` bytes, the next `step` further in the coded part, which goes round at `size`. */
static void put_parity(uint8_t *coded, unsigned first, unsigned rows, unsigned step, unsigned size, uint8_t *parity,
                       unsigned words) {
    uint8_t sum = 0, weighted = 0;
    for (unsigned i = 0, at = first; i < rows; i++, at = (at + step) % size) {
        weighted = times_x(weighted ^ coded[at]);
        sum ^= coded[at];
    }
    /* a + b = sum and a x + b = weighted x, the parity being the last two of the word */
    uint8_t a = divide_by_x_plus_1((uint8_t)(times_x(weighted) ^ sum));
    parity[0] = a;
    parity[words] = a ^ sum;
}

static void put_ecc(uint8_t *out) {
    enum { P_WORDS = 86, P_ROWS = 24, Q_WORDS = 52, Q_ROWS = 43, Q_SIZE = 2236 };
    uint8_t *coded = out + CODED_AT;
    for (unsigned i = 0; i < P_WORDS; i++)
        put_parity(coded, i, P_ROWS, P_WORDS, P_ROWS * P_WORDS, out + P_AT + i, P_WORDS);
    for (unsigned i = 0; i < Q_WORDS; i++)
        put_parity(coded, i / 2 * P_WORDS + i % 2, Q_ROWS, P_WORDS + 2, Q_SIZE, out + Q_AT + i, Q_WORDS);
}

void cd_sector_raw(uint8_t out[CD_RAW_SECTOR], const uint8_t *data, uint32_t lba) {
    put_head(out, lba);
    memcpy(out + CD_RAW_DATA, data, CD_RAW_CHECKS - CD_RAW_DATA);
    put_edc(out);
    put_ecc(out);
}
