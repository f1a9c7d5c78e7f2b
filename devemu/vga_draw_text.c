/*
 * vga_draw_text.c: one scan line of a text mode.
 *
 * Source: IBM VGA Technical Reference, "Alphanumeric Modes", "RAM-Loadable
 * Character Generator"; Ferraro, "The Character Attribute". Characters are in
 * plane 0, attributes in plane 1, fonts in plane 2.
 */
#include "devemu/vga_internal.h"

enum {
    ATTR_BLINK = 0x80,
    ATTR_BRIGHT = 0x08,
    LINE_FIRST = 0xC0,
    LINE_LAST = 0xDF,
    GLYPH_BYTES = 32,
    CURSOR_OFF = 0x20
};

/* The two fonts that attribute bit 3 chooses between. */
struct fonts {
    uint32_t base[2];
};

static uint32_t font_base(unsigned select) { return ((select & 3) << 14) + ((select & 4) << 11); }

static struct fonts fonts_of(const struct vga *s) {
    unsigned v = s->seq[SEQ_FONT];
    return (struct fonts){{font_base((v & 3) | (v >> 2 & 4)), font_base((v >> 2 & 3) | (v >> 3 & 4))}};
}

static bool cursor_in_line(const struct vga *s, const struct vga_line *l) {
    unsigned start = s->crtc[CRTC_CURSOR_START], end = s->crtc[CRTC_CURSOR_END] & 0x1Fu;
    return l->blink_on && !(start & CURSOR_OFF) && l->row_scan >= (start & 0x1F) && l->row_scan <= end;
}

/* The dots of a character in this scan line, leftmost in bit 8. */
static unsigned glyph(const struct vga *s, const struct vga_frame *f, const struct vga_line *l, uint32_t font,
                      uint8_t ch) {
    unsigned bits = (unsigned)vga_cell(s, font + ch * GLYPH_BYTES + l->row_scan)[2] << 1;
    bool line_graphics = f->dots == 9 && (s->attr[ATTR_MODE] & AMODE_LINE) && ch >= LINE_FIRST && ch <= LINE_LAST;
    return line_graphics ? bits | (bits >> 1 & 1) : bits;
}

struct cell {
    unsigned bits;
    uint32_t fg, bg;
};

static struct cell text_cell(const struct vga *s, const struct vga_frame *f, const struct vga_line *l,
                             const struct fonts *fonts, const uint8_t *c, const uint32_t *palette) {
    uint8_t ch = c[0], attr = c[1];
    bool blinks = s->attr[ATTR_MODE] & AMODE_BLINK;
    struct cell out = {.bits = glyph(s, f, l, fonts->base[attr >> 3 & 1], ch)};
    out.fg = palette[attr & 0xF];
    out.bg = palette[blinks ? attr >> 4 & 7 : attr >> 4];
    if (blinks && (attr & ATTR_BLINK) && !l->blink_on) out.bits = 0;
    bool underlined = (s->attr[ATTR_MODE] & AMODE_MONO) && (attr & 7) == 1;
    if (underlined && l->row_scan == (s->crtc[CRTC_UNDERLINE] & 0x1F)) out.bits = 0x1FF;
    return out;
}

/* Dots, of which the first `skip` were panned out of sight. */
static unsigned put_cell(const struct vga_frame *f, const struct vga_line *l, unsigned x, unsigned skip,
                         const struct cell *c) {
    for (unsigned i = skip; i < f->dots; i++)
        for (unsigned n = 0; n < f->wide && x < l->width; n++) l->out[x++] = c->bits & (0x100u >> i) ? c->fg : c->bg;
    return x;
}

void vga_draw_text_line(const struct vga *s, const struct vga_frame *f, const struct vga_line *l,
                        const uint32_t *palette) {
    struct fonts fonts = fonts_of(s);
    uint32_t cursor = (uint32_t)s->crtc[CRTC_CURSOR_HIGH] << 8 | s->crtc[CRTC_CURSOR_LOW];
    cursor = (cursor + (s->crtc[CRTC_CURSOR_END] >> 5 & 3)) & PLANE_MASK; /* skew */
    bool has_cursor = cursor_in_line(s, l);
    uint32_t counter = l->counter;
    for (unsigned x = 0, skip = l->pan; x < l->width; skip = 0, counter++) {
        const uint8_t *at = vga_cell(s, vga_crtc_address(s, counter, l->row_scan));
        struct cell c = text_cell(s, f, l, &fonts, at, palette);
        if (has_cursor && (counter & PLANE_MASK) == cursor) c.bits = 0x1FF;
        x = put_cell(f, l, x, skip, &c);
    }
}
