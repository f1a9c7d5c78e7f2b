/*
 * vnc_zrle.c: one tile in ZRLE encoding, before its compression (RFC 6143, 7.7.6).
 *
 * Solid, packed palette of up to 16 colours, or plain: what a PC's screens are made of. Run lengths are left to zlib.
 */
#include "monitor/vnc_internal.h"

enum { PLAIN = 0, SOLID = 1 };

unsigned vnc_palette_find(const struct vnc_palette *p, uint32_t colour) {
    unsigned i = 0;
    while (i < p->n && p->colour[i] != colour) i++;
    return i;
}

void vnc_palette_collect(struct vnc_palette *p, const struct screen_image *im, const struct vnc_rect *r) {
    p->n = 0;
    for (unsigned y = r->y; y < r->y + r->h; y++) {
        const uint32_t *at = im->pixels + (size_t)y * im->width + r->x;
        for (unsigned x = 0; x < r->w; x++) {
            if ((x && at[x] == at[x - 1]) || vnc_palette_find(p, at[x]) < p->n) continue;
            if (p->n == VNC_PALETTE_MAX) {
                p->n++;
                return;
            }
            p->colour[p->n++] = at[x];
        }
    }
}

/* "CPIXEL": without the byte of a true-colour pixel of 4 that holds no colour. */
static void put_compact(struct vnc_buffer *b, const struct vnc_format *f, uint32_t rgb) {
    uint32_t used = 0;
    for (int i = 0; i < 3; i++) used |= (uint32_t)f->max[i] << f->shift[i];
    size_t at = b->len;
    vnc_put_pixel(b, f, rgb);
    bool low = !(used & 0xFF000000u), high = !(used & 0xFFu);
    if (b->failed || f->bytes != 4 || f->depth > 24 || (!low && !high)) return;
    bool drop_first = low == (f->big_endian != 0);
    for (size_t i = at; drop_first && i < at + 3; i++) b->data[i] = b->data[i + 1];
    b->len--;
}

static void put_packed_row(struct vnc_buffer *b, const struct vnc_palette *p, const uint32_t *at, unsigned w,
                           unsigned bits) {
    unsigned byte = 0, filled = 0;
    for (unsigned x = 0; x < w; x++) {
        byte = byte << bits | vnc_palette_find(p, at[x]);
        filled += bits;
        if (filled < 8) continue;
        vnc_put8(b, (uint8_t)byte);
        byte = filled = 0;
    }
    if (filled) vnc_put8(b, (uint8_t)(byte << (8 - filled)));
}

void vnc_put_zrle(struct vnc_buffer *b, const struct vnc_format *f, const struct screen_image *im,
                  const struct vnc_rect *r) {
    struct vnc_palette p;
    vnc_palette_collect(&p, im, r);
    bool plain = p.n > VNC_PALETTE_MAX;
    unsigned bits = p.n <= 2 ? 1 : p.n <= 4 ? 2 : 4;
    vnc_put8(b, (uint8_t)(plain ? PLAIN : p.n));
    for (unsigned i = 0; !plain && i < p.n; i++) put_compact(b, f, p.colour[i]);
    if (p.n == SOLID) return;
    for (unsigned y = r->y; y < r->y + r->h; y++) {
        const uint32_t *at = im->pixels + (size_t)y * im->width + r->x;
        for (unsigned x = 0; plain && x < r->w; x++) put_compact(b, f, at[x]);
        if (!plain) put_packed_row(b, &p, at, r->w, bits);
    }
}
