/*
 * vnc_update.c: framebuffer updates: tiles that have changed, raw or zlib encoded.
 */
#include "monitor/vnc_internal.h"

#include <stdlib.h>
#include <string.h>

enum { TILE = 64, ENCODING_RAW = 0, ENCODING_ZLIB = 6, ENCODING_DESKTOP_SIZE = -223 };

struct rect {
    unsigned x, y, w, h;
};

/* ---- Pixels in the client's format ---- */

static void put_pixel(struct vnc_buffer *b, const struct vnc_format *f, uint32_t rgb) {
    uint32_t v = 0;
    uint8_t bytes[4];
    for (int i = 0; i < 3; i++) v |= (((rgb >> (16 - 8 * i) & 0xFF) * f->max[i] + 127) / 255) << f->shift[i];
    for (int i = 0; i < f->bytes; i++) bytes[i] = (uint8_t)(v >> 8 * (f->big_endian ? f->bytes - 1 - i : i));
    vnc_put(b, bytes, f->bytes);
}

static bool is_native(const struct vnc_format *f) {
    return f->bytes == 4 && !f->big_endian && f->shift[0] == 16 && f->shift[1] == 8 && f->shift[2] == 0 &&
           f->max[0] == 255 && f->max[1] == 255 && f->max[2] == 255;
}

static void put_pixels(struct vnc_buffer *b, const struct vnc_format *f, const struct screen_image *im,
                       const struct rect *r) {
    for (unsigned y = r->y; y < r->y + r->h; y++) {
        const uint32_t *p = im->pixels + (size_t)y * im->width + r->x;
        if (is_native(f))
            vnc_put(b, p, r->w * sizeof *p);
        else
            for (unsigned x = 0; x < r->w; x++) put_pixel(b, f, p[x]);
    }
}

/* ---- Rectangles ---- */

static void put_header(struct vnc_buffer *b, const struct rect *r, int32_t encoding) {
    vnc_put16(b, (uint16_t)r->x);
    vnc_put16(b, (uint16_t)r->y);
    vnc_put16(b, (uint16_t)r->w);
    vnc_put16(b, (uint16_t)r->h);
    vnc_put32(b, (uint32_t)encoding);
}

/* One zlib stream lasts as long as the connection. */
static void put_packed(struct vnc_client *c, const struct vnc_buffer *raw) {
    uLong bound = deflateBound(&c->zlib, raw->len) + 64;
    uint8_t *packed = malloc(bound);
    if (!packed || raw->failed) {
        c->out.failed = true;
        free(packed);
        return;
    }
    c->zlib.next_in = raw->data;
    c->zlib.avail_in = (uInt)raw->len;
    c->zlib.next_out = packed;
    c->zlib.avail_out = (uInt)bound;
    deflate(&c->zlib, Z_SYNC_FLUSH);
    size_t n = bound - c->zlib.avail_out;
    vnc_put32(&c->out, (uint32_t)n);
    vnc_put(&c->out, packed, n);
    free(packed);
}

static bool start_zlib(struct vnc_client *c) {
    if (c->can_zlib && !c->zlib_on) c->zlib_on = deflateInit(&c->zlib, Z_BEST_SPEED) == Z_OK;
    return c->can_zlib && c->zlib_on;
}

static void put_rect(struct vnc_client *c, const struct screen_image *im, const struct rect *r) {
    if (!start_zlib(c)) {
        put_header(&c->out, r, ENCODING_RAW);
        put_pixels(&c->out, &c->format, im, r);
        return;
    }
    struct vnc_buffer raw = {0};
    put_pixels(&raw, &c->format, im, r);
    put_header(&c->out, r, ENCODING_ZLIB);
    put_packed(c, &raw);
    free(raw.data);
}

/* ---- What has changed ---- */

static bool differs(const struct screen_image *a, const struct screen_image *b, const struct rect *r) {
    for (unsigned y = r->y; y < r->y + r->h; y++) {
        size_t at = (size_t)y * a->width + r->x;
        if (memcmp(a->pixels + at, b->pixels + at, r->w * sizeof *a->pixels)) return true;
    }
    return false;
}

static void remember(struct screen_image *to, const struct screen_image *from, const struct rect *r) {
    for (unsigned y = r->y; y < r->y + r->h; y++) {
        size_t at = (size_t)y * from->width + r->x;
        memcpy(to->pixels + at, from->pixels + at, r->w * sizeof *from->pixels);
    }
}

/* The copy of what the client has; a new one if the size is not its size any more. */
static bool fit_shown(struct vnc_client *c, const struct screen_image *im) {
    if (c->shown.pixels && c->shown.width == im->width && c->shown.height == im->height) return true;
    screen_image_free(&c->shown);
    c->shown = (struct screen_image){calloc((size_t)im->width * im->height, sizeof(uint32_t)), im->width, im->height};
    c->wanted_all = true;
    return c->shown.pixels != NULL;
}

static unsigned put_tiles(struct vnc_client *c, const struct screen_image *im) {
    unsigned count = 0, w = im->width < c->width ? im->width : c->width,
             h = im->height < c->height ? im->height : c->height;
    for (unsigned y = 0; y < h; y += TILE) {
        for (unsigned x = 0; x < w; x += TILE) {
            struct rect r = {x, y, w - x < TILE ? w - x : TILE, h - y < TILE ? h - y : TILE};
            if (!c->wanted_all && !differs(im, &c->shown, &r)) continue;
            remember(&c->shown, im, &r);
            put_rect(c, im, &r);
            count++;
        }
    }
    return count;
}

static unsigned put_size(struct vnc_client *c, const struct screen_image *im) {
    if (!c->can_resize || (c->width == im->width && c->height == im->height)) return 0;
    struct rect r = {0, 0, im->width, im->height};
    c->width = im->width, c->height = im->height;
    c->wanted_all = true;
    put_header(&c->out, &r, ENCODING_DESKTOP_SIZE);
    return 1;
}

void vnc_send_update(struct vnc_client *c, const struct screen_image *im) {
    if (c->phase != VNC_RUNNING || !c->wanted || c->out.len || !fit_shown(c, im)) return;
    vnc_put32(&c->out, 0); /* type, padding, number of rectangles: filled in below */
    unsigned count = put_size(c, im);
    count += put_tiles(c, im);
    if (!count) {
        c->out.len = 0;
        return;
    }
    if (!c->out.failed) {
        c->out.data[2] = (uint8_t)(count >> 8);
        c->out.data[3] = (uint8_t)count;
    }
    c->wanted = c->wanted_all = false;
}
