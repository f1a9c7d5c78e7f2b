/*
 * vga_draw_graphics.c: one scan line of a VGA graphics mode, and linear VBE frames.
 *
 * Source: Ferraro, "The Graphics Controller", mode register: the shift
 * registers take the planes one dot a bit (16 colours), two bits a dot (CGA's 4 colours), or a
 * byte a dot (256 colours).
 */
#include "devemu/vga_internal.h"

/* ---- Eight dots, or four wide ones, of one address ---- */

static void dots_16(const uint8_t *c, uint8_t out[8]) {
    for (int i = 0; i < 8; i++)
        out[i] = (uint8_t)((c[0] >> (7 - i) & 1) | (c[1] >> (7 - i) & 1) << 1 | (c[2] >> (7 - i) & 1) << 2 |
                           (c[3] >> (7 - i) & 1) << 3);
}

static void dots_4(const uint8_t *c, uint8_t out[8]) {
    for (int i = 0; i < 4; i++) {
        out[i] = (uint8_t)((c[0] >> (6 - 2 * i) & 3) | (c[2] >> (6 - 2 * i) & 3) << 2);
        out[i + 4] = (uint8_t)((c[1] >> (6 - 2 * i) & 3) | (c[3] >> (6 - 2 * i) & 3) << 2);
    }
}

static unsigned put(const struct vga_line *l, unsigned x, uint32_t colour, unsigned times) {
    for (; times && x < l->width; times--) l->out[x++] = colour;
    return x;
}

static void draw_256(const struct vga *s, const struct vga_frame *f, const struct vga_line *l, const uint32_t *dac) {
    unsigned skip = l->pan;
    for (uint32_t x = 0, counter = l->counter; x < l->width; counter++, skip = 0) {
        const uint8_t *c = vga_cell(s, vga_crtc_address(s, counter, l->row_scan));
        for (unsigned i = skip; i < 4; i++) x = put(l, x, dac[c[i]], 2 * f->wide);
    }
}

static void draw_16(const struct vga *s, const struct vga_frame *f, const struct vga_line *l, const uint32_t *palette) {
    bool interleave = s->gc[GC_MODE] & GC_MODE_INTERLEAVE;
    unsigned skip = l->pan;
    for (uint32_t x = 0, counter = l->counter; x < l->width; counter++, skip = 0) {
        const uint8_t *c = vga_cell(s, vga_crtc_address(s, counter, l->row_scan));
        uint8_t dots[8];
        if (interleave)
            dots_4(c, dots);
        else
            dots_16(c, dots);
        for (unsigned i = skip; i < 8; i++) x = put(l, x, palette[dots[i]], f->wide);
    }
}

void vga_draw_graphics_line(const struct vga *s, const struct vga_frame *f, const struct vga_line *l,
                            const uint32_t *palette, const uint32_t *dac) {
    if (s->gc[GC_MODE] & GC_MODE_256)
        draw_256(s, f, l, dac);
    else
        draw_16(s, f, l, palette);
}

/* ---- VBE ---- */

static uint32_t scale(unsigned v, unsigned bits) { return (v << (8 - bits) | v >> (2 * bits - 8)) & 0xFF; }

static uint32_t rgb_15(unsigned v) {
    return scale(v >> 10 & 31, 5) << 16 | scale(v >> 5 & 31, 5) << 8 | scale(v & 31, 5);
}
static uint32_t rgb_16(unsigned v) {
    return scale(v >> 11 & 31, 5) << 16 | scale(v >> 5 & 63, 6) << 8 | scale(v & 31, 5);
}

static uint32_t pixel(const uint8_t *p, unsigned bpp, const uint32_t *dac) {
    switch (bpp) {
    case 8: return dac[p[0]];
    case 15: return rgb_15(p[0] | (unsigned)p[1] << 8);
    case 16: return rgb_16(p[0] | (unsigned)p[1] << 8);
    default: return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16;
    }
}

static void linear_line(const uint8_t *p, uint32_t *out, const struct vga_linear *m, const uint32_t *dac) {
    unsigned step = (m->bpp + 7) / 8;
    for (unsigned x = 0; x < m->width; x++, p += step) out[x] = pixel(p, m->bpp, dac);
}

static void planar_line(const uint8_t *p, uint32_t *out, const struct vga_linear *m, const uint32_t *palette) {
    for (unsigned x = 0; x < m->width; p += 4) {
        uint8_t dots[8];
        dots_16(p, dots);
        for (unsigned i = 0; i < 8; i++) out[x++] = palette[dots[i]]; /* the width is a multiple of 8 */
    }
}

void vga_draw_linear(const struct vga *s, uint32_t *pixels, const uint32_t *palette, const uint32_t *dac) {
    struct vga_linear m = vga_vbe_mode(s);
    for (unsigned y = 0; y < m.height; y++, pixels += m.width) {
        size_t at = m.start + (size_t)y * m.pitch;
        if (m.bpp == 4)
            planar_line(s->vram + at * 4, pixels, &m, palette);
        else
            linear_line(s->vram + at, pixels, &m, dac);
    }
}
