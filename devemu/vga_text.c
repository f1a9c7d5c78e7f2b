/*
 * vga_text.c: what a text mode shows, as characters.
 */
#include "devemu/vga_internal.h"

enum { CURSOR_OFF = 0x20 };

static void find_cursor(const struct vga *s, const struct vga_frame *f, struct vga_text *t) {
    uint32_t at = ((uint32_t)s->crtc[CRTC_CURSOR_HIGH] << 8 | s->crtc[CRTC_CURSOR_LOW]) - f->start;
    t->cursor_x = t->cursor_y = -1;
    if ((s->crtc[CRTC_CURSOR_START] & CURSOR_OFF) || !f->pitch || at / f->pitch >= t->rows || at % f->pitch >= t->cols)
        return;
    t->cursor_x = (int)(at % f->pitch);
    t->cursor_y = (int)(at / f->pitch);
}

static void read_row(const struct vga *s, uint32_t counter, unsigned cols, uint8_t (*cell)[2]) {
    for (unsigned x = 0; x < cols; x++) {
        const uint8_t *at = vga_cell(s, vga_crtc_address(s, counter + x, 0));
        cell[x][0] = at[0];
        cell[x][1] = at[1];
    }
}

bool vga_read_text(struct dev *d, struct vga_text *t) {
    struct vga *s = to_vga(d);
    struct vga_frame f = vga_frame_of(s);
    if (vga_vbe_on(s) || vga_is_graphics(s) || f.columns < 4 || f.lines < 16) return false;
    vga_mem_settle(s);
    f.start = vga_start_written(s) + f.byte_pan; /* who reads text wants the newest */
    t->cols = f.columns;
    t->rows = f.lines / (f.row_height << f.doubled);
    if (t->rows > VGA_TEXT_ROWS) t->rows = VGA_TEXT_ROWS;
    t->blink = s->attr[ATTR_MODE] & AMODE_BLINK;
    for (unsigned y = 0; y < t->rows; y++) read_row(s, f.start + y * f.pitch, t->cols, t->cell[y]);
    find_cursor(s, &f, t);
    return true;
}
