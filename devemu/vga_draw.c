/*
 * vga_draw.c: the picture as a whole: size, palette, and the walk over the scan lines.
 *
 * Source: Ferraro, "The CRT Controller" (start address, offset, line compare,
 * preset row scan, double scanning, address modes); "The Attribute Controller".
 */
#include "devemu/vga_internal.h"

#include <string.h>

enum { DEFAULT_WIDTH = 640, DEFAULT_HEIGHT = 400 };
enum {
    CMODE_ROW_BIT0 = 0x01,
    CMODE_ROW_BIT1 = 0x02,
    CMODE_COUNT2 = 0x08,
    CMODE_WRAP = 0x20,
    CMODE_BYTE = 0x40,
    UNDERLINE_DWORD = 0x40
};
enum { BLANK_COLOUR = 0x000000 };

bool vga_is_graphics(const struct vga *s) { return s->gc[GC_MISC] & GC_MISC_GRAPHICS; }

/* ---- Timing ---- */

struct vga_frame vga_frame_of(const struct vga *s) {
    const uint8_t *c = s->crtc;
    struct vga_frame f = {.columns = c[CRTC_H_END] + 1u};
    f.lines = 1 + (c[CRTC_V_END] | (c[CRTC_OVERFLOW] & 0x02u) << 7 | (c[CRTC_OVERFLOW] & 0x40u) << 3);
    f.dots = !vga_is_graphics(s) && !(s->seq[SEQ_CLOCKING] & CLOCKING_8_DOTS) ? 9 : 8;
    f.wide = s->seq[SEQ_CLOCKING] & CLOCKING_HALF ? 2 : 1;
    f.doubled = c[CRTC_MAX_SCAN] & 0x80;
    f.row_height = (c[CRTC_MAX_SCAN] & 0x1Fu) + 1;
    f.start = vga_start_shown(s);
    f.byte_pan = c[CRTC_PRESET] >> 5 & 3;
    f.start += f.byte_pan;
    f.pitch = c[CRTC_OFFSET] * 2u;
    f.line_compare = c[CRTC_LINE_COMPARE] | (c[CRTC_OVERFLOW] & 0x10u) << 4 | (c[CRTC_MAX_SCAN] & 0x40u) << 3;
    return f;
}

uint32_t vga_crtc_address(const struct vga *s, uint32_t counter, unsigned row_scan) {
    uint8_t mode = s->crtc[CRTC_MODE];
    uint32_t a = counter;
    if (mode & CMODE_COUNT2) a >>= 1;
    /* Doubleword addresses are multiples of 4, and video memory keeps four bytes at one offset: see vga_internal.h. */
    if (!(s->crtc[CRTC_UNDERLINE] & UNDERLINE_DWORD) && !(mode & CMODE_BYTE))
        a = a << 1 | (a >> (mode & CMODE_WRAP ? 15 : 13) & 1);
    if (!(mode & CMODE_ROW_BIT0)) a = (a & ~0x2000u) | (row_scan & 1) << 13;
    if (!(mode & CMODE_ROW_BIT1)) a = (a & ~0x4000u) | (row_scan & 2) << 13;
    return a & PLANE_MASK;
}

/* ---- Colours ---- */

static uint32_t to_rgb(const struct vga *s, const uint8_t c[3]) {
    if (s->vbe[VBE_ENABLE] & VBE_8BIT_DAC) return (uint32_t)c[0] << 16 | (uint32_t)c[1] << 8 | c[2];
    uint32_t v = 0;
    for (int i = 0; i < 3; i++) v = v << 8 | (uint32_t)((c[i] << 2 | c[i] >> 4) & 0xFF);
    return v;
}

static void make_dac(const struct vga *s, uint32_t dac[256]) {
    for (unsigned i = 0; i < 256; i++) dac[i] = to_rgb(s, s->dac[i & s->dac_mask]);
}

/* The 16 colours behind the attribute controller's palette. Blinking graphics toggle bit 3 of what comes in, which is
 * how mode 0Fh blinks. */
static void make_palette(const struct vga *s, bool blink_on, const uint32_t dac[256], uint32_t palette[16]) {
    unsigned select = s->attr[ATTR_COLOR];
    bool toggle = vga_is_graphics(s) && !vga_vbe_on(s) && (s->attr[ATTR_MODE] & AMODE_BLINK) && !blink_on;
    for (unsigned i = 0; i < 16; i++) {
        unsigned v = s->attr[(i & s->attr[ATTR_PLANES] & 0xF) ^ (toggle ? 8 : 0)] & 0x3F;
        if (s->attr[ATTR_MODE] & AMODE_P54) v = (v & 0x0F) | (select & 3) << 4;
        palette[i] = dac[v | (select & 0xC) << 4];
    }
}

/* ---- The picture ---- */

static bool screen_is_off(const struct vga *s) {
    return (s->seq[SEQ_CLOCKING] & CLOCKING_OFF) || !(s->attr_index & ATTR_SOURCE);
}

void vga_size(struct dev *d, unsigned *width, unsigned *height) {
    const struct vga *s = to_vga(d);
    struct vga_frame f = vga_frame_of(s);
    if (vga_vbe_on(s)) {
        struct vga_linear m = vga_vbe_mode(s);
        *width = m.width, *height = m.height;
    } else if (f.columns < 4 || f.lines < 16) { /* nobody has set a mode */
        *width = DEFAULT_WIDTH, *height = DEFAULT_HEIGHT;
    } else {
        *width = f.columns * f.dots * f.wide, *height = f.lines;
    }
}

static void fill(uint32_t *pixels, size_t n, uint32_t colour) {
    for (size_t i = 0; i < n; i++) pixels[i] = colour;
}

/* Dots to the left of what is shown. In 9-dot text 8 means none. */
static unsigned dots_panned(const struct vga *s, const struct vga_frame *f) {
    unsigned pan = s->attr[ATTR_PAN] & 0xF;
    if (f->dots == 9) return pan >= 8 ? 0 : pan + 1;
    if (s->gc[GC_MODE] & GC_MODE_256) return pan / 2 & 3;
    return pan & 7;
}

/* Below the line of line compare the picture starts again at address 0. */
struct walk {
    uint32_t counter;
    unsigned row_scan, pan;
    bool again;
};

static void next_line(const struct vga_frame *f, struct walk *w) {
    if (f->doubled && !w->again) {
        w->again = true;
        return;
    }
    w->again = false;
    if (w->row_scan++ < f->row_height - 1) return;
    w->row_scan = 0;
    w->counter += f->pitch;
}

static void split(const struct vga *s, const struct vga_frame *f, struct walk *w) {
    bool keep_pan = !(s->attr[ATTR_MODE] & AMODE_PAN_TOP);
    *w = (struct walk){.counter = keep_pan ? f->byte_pan : 0, .pan = keep_pan ? w->pan : 0};
}

static void draw_lines(const struct vga *s, uint32_t *pixels, unsigned width, unsigned height, bool blink_on,
                       const uint32_t *dac, const uint32_t *palette) {
    struct vga_frame f = vga_frame_of(s);
    struct walk w = {.counter = f.start, .row_scan = s->crtc[CRTC_PRESET] & 0x1F, .pan = dots_panned(s, &f)};
    for (unsigned y = 0; y < height; y++) {
        struct vga_line l = {pixels + (size_t)y * width, width, w.counter, w.row_scan, w.pan, blink_on};
        if (vga_is_graphics(s))
            vga_draw_graphics_line(s, &f, &l, palette, dac);
        else
            vga_draw_text_line(s, &f, &l, palette);
        if (y == f.line_compare)
            split(s, &f, &w);
        else
            next_line(&f, &w);
    }
}

void vga_draw(struct dev *d, uint32_t *pixels, unsigned width, unsigned height, bool blink_on) {
    struct vga *s = to_vga(d);
    uint32_t dac[256], palette[16];
    unsigned w, h;
    vga_size(d, &w, &h);
    if (w != width || h != height || screen_is_off(s)) {
        fill(pixels, (size_t)width * height, BLANK_COLOUR);
        return;
    }
    vga_mem_settle(s);
    make_dac(s, dac);
    make_palette(s, blink_on, dac, palette);
    if (!vga_vbe_on(s))
        draw_lines(s, pixels, width, height, blink_on, dac, palette);
    else
        vga_draw_linear(s, pixels, palette, dac);
}
