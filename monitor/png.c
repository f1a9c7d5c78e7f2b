/*
 * png.c: Portable Network Graphics (W3C recommendation, second edition): IHDR, one IDAT, IEND.
 */
#include "monitor/png.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { BYTES_PER_PIXEL = 3, FILTER_NONE = 0 };

static void put32(uint8_t *p, uint32_t v) {
    for (int i = 0; i < 4; i++) p[i] = (uint8_t)(v >> (24 - 8 * i));
}

static void write_chunk(FILE *f, const char *type, const uint8_t *data, uint32_t len) {
    uint8_t head[8], tail[4];
    put32(head, len);
    memcpy(head + 4, type, 4);
    uLong crc = crc32(0, head + 4, 4);
    if (len) crc = crc32(crc, data, len); /* without data it would start anew */
    put32(tail, (uint32_t)crc);
    fwrite(head, 1, sizeof head, f);
    if (len) fwrite(data, 1, len, f);
    fwrite(tail, 1, sizeof tail, f);
}

/* Every line begins with its filter type. */
static void fill_lines(uint8_t *out, const uint32_t *pixels, unsigned width, unsigned height) {
    for (unsigned y = 0; y < height; y++) {
        *out++ = FILTER_NONE;
        for (unsigned x = 0; x < width; x++, pixels++) {
            *out++ = (uint8_t)(*pixels >> 16);
            *out++ = (uint8_t)(*pixels >> 8);
            *out++ = (uint8_t)*pixels;
        }
    }
}

/* The zlib stream of the picture; the caller frees it. */
static uint8_t *pack(const uint32_t *pixels, unsigned width, unsigned height, uLongf *len) {
    size_t raw_len = ((size_t)width * BYTES_PER_PIXEL + 1) * height;
    uint8_t *raw = malloc(raw_len);
    *len = compressBound(raw_len);
    uint8_t *packed = raw ? malloc(*len) : NULL;
    if (packed) {
        fill_lines(raw, pixels, width, height);
        if (compress2(packed, len, raw, raw_len, Z_BEST_SPEED) != Z_OK) {
            free(packed);
            packed = NULL;
        }
    }
    free(raw);
    return packed;
}

bool png_write(FILE *f, const uint32_t *pixels, unsigned width, unsigned height) {
    static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
    uint8_t header[13] = {[8] = 8 /* bits a sample */, [9] = 2 /* RGB */};
    uLongf len;
    uint8_t *data = pack(pixels, width, height, &len);
    if (!data) {
        errno = ENOMEM;
        return false;
    }
    put32(header, width);
    put32(header + 4, height);
    fwrite(signature, 1, sizeof signature, f);
    write_chunk(f, "IHDR", header, sizeof header);
    write_chunk(f, "IDAT", data, (uint32_t)len);
    write_chunk(f, "IEND", NULL, 0);
    free(data);
    return !ferror(f);
}
