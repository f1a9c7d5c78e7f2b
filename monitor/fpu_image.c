/*
 * fpu_image.c: see fpu_image.h.
 */
#include "monitor/fpu_image.h"

enum { FCW_INIT = 0x37F };
enum { TAG_VALID, TAG_ZERO, TAG_SPECIAL, TAG_EMPTY };

/* Registers stay where they are, so that other ones are at the stack's top. */
static void top_to_zero(uint8_t *image) {
    uint8_t old[8 * FX_ST_STRIDE];
    unsigned top = fpu_top(image);
    if (top) {
        memcpy(old, image + FX_ST, sizeof old);
        for (unsigned r = 0; r < 8; r++)
            memcpy(image + FX_ST + r * FX_ST_STRIDE, old + ((r - top) & 7) * FX_ST_STRIDE, FX_ST_STRIDE);
    }
    fpu_set_word(image, FX_FSW, fpu_word(image, FX_FSW) & ~(uint32_t)FSW_TOP);
}

void fpu_enter_mmx(uint8_t *image) {
    top_to_zero(image);
    image[FX_FTW] = 0xFF;
}

/* SDM vol. 1 "x87 FPU Tag Word": zero, valid, or special (NaN, infinity, denormal, unsupported). */
static unsigned classify(const uint8_t *st) {
    uint64_t mantissa;
    uint16_t exponent;
    memcpy(&mantissa, st, 8);
    memcpy(&exponent, st + 8, 2);
    exponent &= 0x7FFF;
    if (exponent == 0x7FFF) return TAG_SPECIAL;
    if (exponent == 0) return mantissa ? TAG_SPECIAL : TAG_ZERO;
    return mantissa >> 63 ? TAG_VALID : TAG_SPECIAL;
}

uint16_t fpu_full_tags(const uint8_t *image) {
    unsigned top = fpu_top(image), full = 0;
    for (unsigned r = 0; r < 8; r++) {
        bool used = image[FX_FTW] >> r & 1;
        unsigned tag = used ? classify(image + FX_ST + ((r - top) & 7) * FX_ST_STRIDE) : TAG_EMPTY;
        full |= tag << 2 * r;
    }
    return (uint16_t)full;
}

uint8_t fpu_short_tags(uint16_t full) {
    unsigned tags = 0;
    for (unsigned r = 0; r < 8; r++)
        if ((full >> 2 * r & 3) != TAG_EMPTY) tags |= 1u << r;
    return (uint8_t)tags;
}

void fpu_update_summary(uint8_t *image) {
    uint32_t fsw = fpu_word(image, FX_FSW) & ~(uint32_t)(FSW_ES | FSW_B);
    fpu_set_word(image, FX_FSW, fpu_error_pending(image) ? fsw | FSW_ES | FSW_B : fsw);
}

void fpu_init(uint8_t *image) {
    top_to_zero(image);
    memset(image, 0, FX_MXCSR);
    fpu_set_word(image, FX_FCW, FCW_INIT);
}
