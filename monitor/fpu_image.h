/*
 * fpu_image.h: the parked FPU state, an FXSAVE image, field by field.
 *
 * ST(i) lie in stack order, tags in register order. Manual: SDM vol. 1
 * "x87 FPU Programming", vol. 2 "FXSAVE" (image layout).
 */
#ifndef NOVT_MONITOR_FPU_IMAGE_H
#define NOVT_MONITOR_FPU_IMAGE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    FX_FCW = 0,
    FX_FSW = 2,
    FX_FTW = 4,
    FX_FOP = 6,
    FX_FIP = 8, /* while parked 64 bits, see bt_fpu_pointers */
    FX_FCS = 12,
    FX_FDP = 16,
    FX_FDS = 20,
    FX_MXCSR = 24,
    FX_MXCSR_MASK = 28,
    FX_ST = 32,
    FX_XMM = 160,
    FX_XMM_END = 288,
    FX_ST_STRIDE = 16,
    FX_ST_BYTES = 10,
};
enum { FPU_EXCEPTIONS = 0x3F, FSW_ES = 1u << 7, FSW_B = 1u << 15, FSW_TOP = 7u << 11, FSW_TOP_SHIFT = 11 };

static inline uint16_t fpu_word(const uint8_t *image, unsigned off) {
    uint16_t value;
    memcpy(&value, image + off, 2);
    return value;
}
static inline void fpu_set_word(uint8_t *image, unsigned off, uint32_t value) {
    uint16_t word = (uint16_t)value;
    memcpy(image + off, &word, 2);
}
static inline unsigned fpu_top(const uint8_t *image) { return fpu_word(image, FX_FSW) >> FSW_TOP_SHIFT & 7u; }

static inline const uint8_t *fpu_xmm(const uint8_t *image, unsigned reg) { return image + FX_XMM + reg * 16; }
/* Only after fpu_enter_mmx: then TOP is 0 and MMi lies where ST(i) does. */
static inline const uint8_t *fpu_mm(const uint8_t *image, unsigned reg) { return image + FX_ST + reg * FX_ST_STRIDE; }

/* An unmasked x87 exception waits for the next waiting instruction. */
static inline bool fpu_error_pending(const uint8_t *image) {
    return (fpu_word(image, FX_FSW) & ~fpu_word(image, FX_FCW) & FPU_EXCEPTIONS) != 0;
}

/* The x87 to MMX transition: TOP 0, every register valid. */
void fpu_enter_mmx(uint8_t *image);
/* The two-bit tags of FSTENV, from the image's one-bit tags and the register contents; and back. */
uint16_t fpu_full_tags(const uint8_t *image);
uint8_t fpu_short_tags(uint16_t full);
/* ES and B follow from the exception flags and masks. */
void fpu_update_summary(uint8_t *image);
/* FNINIT; registers keep their contents. */
void fpu_init(uint8_t *image);
#endif
