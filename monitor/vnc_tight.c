/*
 * vnc_tight.c: one tile in Tight encoding, as the RFB protocol's registry describes it: for noVNC, which knows no ZRLE.
 *
 * Solid, two colours by bits, up to 16 by bytes, or plain, whose pixels are three bytes. All in one zlib stream;
 * without JPEG, so nothing is lost.
 */
#include <stdlib.h>
#include "monitor/vnc_internal.h"

enum { FILL = 0x80, FILTER = 0x40, PALETTE = 1, COMPRESSED_FROM = 12 };

bool vnc_tight_fits(const struct vnc_format *f) {
    return f->bytes == 4 && f->depth == 24 && !f->mapped && f->max[0] == 255 && f->max[1] == 255 && f->max[2] == 255;
}

/* "TPIXEL". */
static void put_colour(struct vnc_buffer *b, uint32_t rgb) {
    vnc_put(b, (uint8_t[]){(uint8_t)(rgb >> 16), (uint8_t)(rgb >> 8), (uint8_t)rgb}, 3);
}

static void put_row(struct vnc_buffer *b, const struct vnc_palette *p, const uint32_t *at, unsigned w) {
    unsigned byte = 0;
    for (unsigned x = 0; x < w; x++) {
        if (p->n > VNC_PALETTE_MAX) {
            put_colour(b, at[x]);
        } else if (p->n > 2) {
            vnc_put8(b, (uint8_t)vnc_palette_find(p, at[x]));
        } else {
            byte |= vnc_palette_find(p, at[x]) << (7 - x % 8);
            if (x % 8 == 7 || x == w - 1) vnc_put8(b, (uint8_t)byte), byte = 0;
        }
    }
}

/* Seven bits a byte, the last one eight. */
static void put_length(struct vnc_buffer *b, size_t n) {
    vnc_put8(b, (uint8_t)((n & 0x7F) | (n > 0x7F ? 0x80 : 0)));
    if (n > 0x7F) vnc_put8(b, (uint8_t)((n >> 7 & 0x7F) | (n > 0x3FFF ? 0x80 : 0)));
    if (n > 0x3FFF) vnc_put8(b, (uint8_t)(n >> 14));
}

static void put_data(struct vnc_buffer *b, z_stream *z, const struct vnc_buffer *raw) {
    struct vnc_buffer packed = {0};
    if (raw->len < COMPRESSED_FROM) {
        vnc_put(b, raw->data, raw->len);
        return;
    }
    vnc_pack(&packed, z, raw);
    put_length(b, packed.len);
    vnc_put(b, packed.data, packed.len);
    b->failed |= packed.failed;
    free(packed.data);
}

void vnc_put_tight(struct vnc_buffer *b, z_stream *z, const struct screen_image *im, const struct vnc_rect *r) {
    struct vnc_palette p;
    struct vnc_buffer raw = {0};
    vnc_palette_collect(&p, im, r);
    if (p.n == 1) {
        vnc_put8(b, FILL);
        put_colour(b, p.colour[0]);
        return;
    }
    bool few = p.n <= VNC_PALETTE_MAX;
    vnc_put8(b, few ? FILTER : 0);
    if (few) {
        vnc_put8(b, PALETTE);
        vnc_put8(b, (uint8_t)(p.n - 1));
    }
    for (unsigned i = 0; few && i < p.n; i++) put_colour(b, p.colour[i]);
    for (unsigned y = r->y; y < r->y + r->h; y++) put_row(&raw, &p, im->pixels + (size_t)y * im->width + r->x, r->w);
    b->failed |= raw.failed;
    put_data(b, z, &raw);
    free(raw.data);
}
