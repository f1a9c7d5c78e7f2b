#include "monitor/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "devemu/vga.h"
#include "monitor/png.h"

enum { UTF8_MAX = 3 };

/* ---- Code page 437 ---- */

static const uint16_t cp437_low[32] = {
    0x0020, 0x263A, 0x263B, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25D8, 0x25CB, 0x25D9,
    0x2642, 0x2640, 0x266A, 0x266B, 0x263C, 0x25BA, 0x25C4, 0x2195, 0x203C, 0x00B6, 0x00A7,
    0x25AC, 0x21A8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221F, 0x2194, 0x25B2, 0x25BC,
};
static const uint16_t cp437_high[129] = {
    /* from 7Fh */
    0x2302, 0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF,
    0x00EE, 0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9, 0x00FF,
    0x00D6, 0x00DC, 0x00A2, 0x00A3, 0x00A5, 0x20A7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA, 0x00F1, 0x00D1,
    0x00AA, 0x00BA, 0x00BF, 0x2310, 0x00AC, 0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB, 0x2591, 0x2592, 0x2593,
    0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255D, 0x255C, 0x255B, 0x2510,
    0x2514, 0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x255E, 0x255F, 0x255A, 0x2554, 0x2569, 0x2566, 0x2560,
    0x2550, 0x256C, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256B, 0x256A, 0x2518,
    0x250C, 0x2588, 0x2584, 0x258C, 0x2590, 0x2580, 0x03B1, 0x00DF, 0x0393, 0x03C0, 0x03A3, 0x03C3, 0x00B5,
    0x03C4, 0x03A6, 0x0398, 0x03A9, 0x03B4, 0x221E, 0x03C6, 0x03B5, 0x2229, 0x2261, 0x00B1, 0x2265, 0x2264,
    0x2320, 0x2321, 0x00F7, 0x2248, 0x00B0, 0x2219, 0x00B7, 0x221A, 0x207F, 0x00B2, 0x25A0, 0x0020,
};

uint16_t screen_cp437(uint8_t ch) { return ch < 0x20 ? cp437_low[ch] : ch < 0x7F ? ch : cp437_high[ch - 0x7F]; }

static char *put_utf8(char *out, uint16_t u) {
    if (u < 0x80) {
        *out++ = (char)u;
    } else if (u < 0x800) {
        *out++ = (char)(0xC0 | u >> 6);
        *out++ = (char)(0x80 | (u & 0x3F));
    } else {
        *out++ = (char)(0xE0 | u >> 12);
        *out++ = (char)(0x80 | (u >> 6 & 0x3F));
        *out++ = (char)(0x80 | (u & 0x3F));
    }
    return out;
}

/* ---- Text ---- */

/* At least the first `keep` columns. */
static char *put_row(char *out, const uint8_t (*cell)[2], unsigned cols, unsigned keep) {
    while (cols > keep && screen_cp437(cell[cols - 1][0]) == ' ') cols--;
    for (unsigned x = 0; x < cols; x++) out = put_utf8(out, screen_cp437(cell[x][0]));
    *out++ = '\n';
    return out;
}

static char *text_of(struct dev *vga, struct vga_text *t, bool to_cursor) {
    if (!vga_read_text(vga, t)) return strdup("");
    char *text = malloc((size_t)t->rows * (t->cols * UTF8_MAX + 1) + 1), *out = text;
    for (unsigned y = 0; text && y < t->rows; y++) {
        unsigned keep = to_cursor && (int)y == t->cursor_y ? (unsigned)t->cursor_x : 0;
        out = put_row(out, (const uint8_t(*)[2])t->cell[y], t->cols, keep);
    }
    if (text) *out = 0;
    return text;
}

char *screen_text(struct dev *vga, bool to_cursor) {
    struct vga_text *t = malloc(sizeof *t);
    char *text = t ? text_of(vga, t, to_cursor) : NULL;
    free(t);
    return text;
}

/* ---- Picture ---- */

bool screen_draw(struct dev *vga, struct screen_image *im, bool blink_on) {
    unsigned w, h;
    vga_size(vga, &w, &h);
    if (w != im->width || h != im->height) {
        free(im->pixels);
        *im = (struct screen_image){.pixels = calloc((size_t)w * h, sizeof(uint32_t)), .width = w, .height = h};
    }
    if (!im->pixels) {
        im->width = im->height = 0;
        return false;
    }
    vga_draw(vga, im->pixels, w, h, blink_on);
    return true;
}

void screen_image_free(struct screen_image *im) {
    free(im->pixels);
    *im = (struct screen_image){0};
}

/* ---- Files ---- */

static bool write_text(struct dev *vga, FILE *f) {
    char *text = screen_text(vga, false);
    bool ok = text && fputs(text, f) >= 0;
    free(text);
    return ok;
}

static bool write_picture(struct dev *vga, FILE *f) {
    struct screen_image im = {0};
    bool ok = screen_draw(vga, &im, true) && png_write(f, im.pixels, im.width, im.height);
    screen_image_free(&im);
    return ok;
}

bool screen_dump(struct dev *vga, const char *path, char *errbuf, size_t errlen) {
    size_t len = strlen(path);
    bool text = len > 4 && !strcmp(path + len - 4, ".txt");
    FILE *f = fopen(path, "wb");
    bool ok = f && (text ? write_text(vga, f) : write_picture(vga, f));
    if (f && fclose(f)) ok = false;
    if (!ok) snprintf(errbuf, errlen, "cannot write the screen to %s: %s", path, strerror(errno));
    return ok;
}
