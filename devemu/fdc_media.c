/*
 * fdc_media.c: the formats of PC floppies, smallest first: an image belongs to the first that holds it.
 */
#include "devemu/fdc_internal.h"

static const struct fdc_format formats[] = {
    {40, 1, 8, FDC_RATE_250, FDC_360K, true},     /* 160 K */
    {40, 1, 9, FDC_RATE_250, FDC_360K, true},     /* 180 K */
    {40, 2, 8, FDC_RATE_250, FDC_360K, true},     /* 320 K */
    {40, 2, 9, FDC_RATE_250, FDC_360K, true},     /* 360 K */
    {80, 2, 9, FDC_RATE_250, FDC_1440K, false},   /* 720 K: a 1.44-MB drive reads it */
    {80, 2, 15, FDC_RATE_500, FDC_1200K, true},   /* 1.2 M */
    {80, 2, 18, FDC_RATE_500, FDC_1440K, false},  /* 1.44 M */
    {80, 2, 21, FDC_RATE_500, FDC_1440K, false},  /* 1.68 M */
    {82, 2, 21, FDC_RATE_500, FDC_1440K, false},  /* 1.72 M */
    {80, 2, 36, FDC_RATE_1000, FDC_2880K, false}, /* 2.88 M */
};
enum { FORMATS = sizeof formats / sizeof formats[0] };

static uint64_t capacity(const struct fdc_format *f) {
    return (uint64_t)f->cylinders * f->heads * f->sectors * BLK_SECTOR;
}

bool fdc_is_format(uint64_t bytes) {
    for (int i = 0; i < FORMATS; i++)
        if (capacity(&formats[i]) == bytes) return true;
    return false;
}

/* A size that is no format's is a truncated image, more likely of a 3.5-inch disk. */
const struct fdc_format *fdc_format_for(uint64_t bytes) {
    for (int i = 0; i < FORMATS; i++)
        if (capacity(&formats[i]) == bytes) return &formats[i];
    for (int i = 0; i < FORMATS; i++)
        if (capacity(&formats[i]) > bytes && !formats[i].five_inch) return &formats[i];
    return NULL;
}

/* The larger drive of each size reads what the smaller one writes. */
bool fdc_drive_reads(enum fdc_type drive, uint64_t bytes) {
    const struct fdc_format *f = fdc_format_for(bytes);
    if (!f) return false;
    switch (drive) {
    case FDC_360K: return f->type == FDC_360K;
    case FDC_1200K: return f->five_inch;
    case FDC_720K: return !f->five_inch && f->rate == FDC_RATE_250;
    case FDC_1440K: return !f->five_inch && f->rate != FDC_RATE_1000;
    case FDC_2880K: return !f->five_inch;
    default: return false;
    }
}

enum fdc_type fdc_type_for(uint64_t bytes) {
    const struct fdc_format *f = fdc_format_for(bytes);
    return f ? f->type : FDC_NONE;
}
