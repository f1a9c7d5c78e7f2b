/*
 * vnc_update.c: framebuffer updates: tiles that have changed, raw, zlib, Tight or ZRLE encoded.
 */
#include "monitor/vnc_internal.h"

#include <stdlib.h>
#include <string.h>

enum { TILE = 64, ENCODING_RAW = 0, ENCODING_ZLIB = 6, ENCODING_TIGHT = 7, ENCODING_ZRLE = 16 };
enum { ENCODING_DESKTOP_SIZE = -223, ENCODING_KEY_CODES = -258, ENCODING_EXTENDED_SIZE = -308 };
enum { SIZE_OF_SERVER = 0, SIZE_OF_CLIENT = 1, SIZE_OK = 0, SIZE_PROHIBITED = 1, COLOUR_MAP = 1, COLOURS = 256 };

/* ---- Pixels in the client's format ---- */

void vnc_put_pixel(struct vnc_buffer *b, const struct vnc_format *f, uint32_t rgb) {
    uint32_t v = 0;
    uint8_t bytes[4];
    for (int i = 0; i < 3; i++) v |= (((rgb >> (16 - 8 * i) & 0xFF) * f->max[i] + 127) / 255) << f->shift[i];
    for (int i = 0; i < f->bytes; i++) bytes[i] = (uint8_t)(v >> 8 * (f->big_endian ? f->bytes - 1 - i : i));
    vnc_put(b, bytes, f->bytes);
}

static bool is_native(const struct vnc_format *f) {
    return f->bytes == 4 && !f->big_endian && !f->mapped && f->shift[0] == 16 && f->shift[1] == 8 && f->shift[2] == 0 &&
           f->max[0] == 255 && f->max[1] == 255 && f->max[2] == 255;
}

static void put_pixels(struct vnc_buffer *b, const struct vnc_format *f, const struct screen_image *im,
                       const struct vnc_rect *r) {
    for (unsigned y = r->y; y < r->y + r->h; y++) {
        const uint32_t *p = im->pixels + (size_t)y * im->width + r->x;
        if (is_native(f))
            vnc_put(b, p, r->w * sizeof *p);
        else
            for (unsigned x = 0; x < r->w; x++) vnc_put_pixel(b, f, p[x]);
    }
}

/* ---- Rectangles ---- */

static void put_header(struct vnc_buffer *b, const struct vnc_rect *r, int32_t encoding) {
    vnc_put16(b, (uint16_t)r->x);
    vnc_put16(b, (uint16_t)r->y);
    vnc_put16(b, (uint16_t)r->w);
    vnc_put16(b, (uint16_t)r->h);
    vnc_put32(b, (uint32_t)encoding);
}

/* A zlib stream lasts as long as the connection, one for each encoding. */
void vnc_pack(struct vnc_buffer *b, z_stream *z, const struct vnc_buffer *raw) {
    uLong bound = deflateBound(z, raw->len) + 64;
    uint8_t *packed = malloc(bound);
    if (!packed || raw->failed) {
        b->failed = true;
        free(packed);
        return;
    }
    z->next_in = raw->data;
    z->avail_in = (uInt)raw->len;
    z->next_out = packed;
    z->avail_out = (uInt)bound;
    deflate(z, Z_SYNC_FLUSH);
    vnc_put(b, packed, bound - z->avail_out);
    free(packed);
}

static void put_packed(struct vnc_buffer *b, z_stream *z, const struct vnc_buffer *raw) {
    size_t head = b->len;
    vnc_put32(b, 0);
    vnc_pack(b, z, raw);
    if (!b->failed) vnc_set32(b->data + head, (uint32_t)(b->len - head - 4));
}

static bool start_stream(struct vnc_client *c, enum vnc_stream which) {
    if (!c->stream_on[which]) c->stream_on[which] = deflateInit(&c->stream[which], Z_BEST_SPEED) == Z_OK;
    return c->stream_on[which];
}

static void put_rect(struct vnc_client *c, const struct screen_image *im, const struct vnc_rect *r) {
    const struct vnc_coding *k = &c->coding;
    bool zrle = k->zrle && start_stream(c, VNC_STREAM_ZRLE);
    bool tight = !zrle && k->tight && vnc_tight_fits(&k->format) && start_stream(c, VNC_STREAM_TIGHT);
    bool zlib = !zrle && !tight && k->zlib && start_stream(c, VNC_STREAM_ZLIB);
    put_header(&c->out, r, zrle ? ENCODING_ZRLE : tight ? ENCODING_TIGHT : zlib ? ENCODING_ZLIB : ENCODING_RAW);
    if (tight) {
        vnc_put_tight(&c->out, &c->stream[VNC_STREAM_TIGHT], im, r);
        return;
    }
    if (!zrle && !zlib) {
        put_pixels(&c->out, &k->format, im, r);
        return;
    }
    struct vnc_buffer raw = {0};
    if (zrle)
        vnc_put_zrle(&raw, &k->format, im, r);
    else
        put_pixels(&raw, &k->format, im, r);
    put_packed(&c->out, &c->stream[zrle ? VNC_STREAM_ZRLE : VNC_STREAM_ZLIB], &raw);
    free(raw.data);
}

/* ---- What has changed ---- */

static bool differs(const struct screen_image *a, const struct screen_image *b, const struct vnc_rect *r) {
    for (unsigned y = r->y; y < r->y + r->h; y++) {
        size_t at = (size_t)y * a->width + r->x;
        if (memcmp(a->pixels + at, b->pixels + at, r->w * sizeof *a->pixels)) return true;
    }
    return false;
}

static void remember(struct screen_image *to, const struct screen_image *from, const struct vnc_rect *r) {
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

void vnc_encode(struct vnc_client *c, const struct screen_image *im) {
    struct vnc_coding *k = &c->coding;
    unsigned w = im->width < k->width ? im->width : k->width, h = im->height < k->height ? im->height : k->height;
    for (unsigned y = 0; y < h; y += TILE) {
        for (unsigned x = 0; x < w; x += TILE) {
            struct vnc_rect r = {x, y, w - x < TILE ? w - x : TILE, h - y < TILE ? h - y : TILE};
            if (!k->all && !differs(im, &c->shown, &r)) continue;
            remember(&c->shown, im, &r);
            put_rect(c, im, &r);
            k->count++;
        }
    }
}

/* One screen that covers everything. reason and status go where others have a position. */
static void put_extended_size(struct vnc_client *c, unsigned reason, unsigned status) {
    struct vnc_rect r = {reason, status, c->width, c->height};
    put_header(&c->out, &r, ENCODING_EXTENDED_SIZE);
    vnc_put32(&c->out, 1u << 24); /* number of screens, padding */
    vnc_put32(&c->out, 0);        /* id */
    vnc_put32(&c->out, 0);        /* position */
    vnc_put16(&c->out, (uint16_t)c->width);
    vnc_put16(&c->out, (uint16_t)c->height);
    vnc_put32(&c->out, 0); /* flags */
}

static unsigned put_size(struct vnc_client *c, const struct screen_image *im) {
    bool other = c->width != im->width || c->height != im->height;
    bool resize = other && (c->can_resize || c->can_extended_size);
    if (resize) {
        c->width = im->width, c->height = im->height;
        c->wanted_all = true;
    }
    if (c->can_extended_size && (resize || c->tell_size)) {
        put_extended_size(c, SIZE_OF_SERVER, SIZE_OK);
        c->tell_size = false;
        return 1;
    }
    if (!resize) return 0;
    put_header(&c->out, &(struct vnc_rect){0, 0, im->width, im->height}, ENCODING_DESKTOP_SIZE);
    return 1;
}

/* Rectangles that are no pictures. */
static unsigned put_answers(struct vnc_client *c) {
    unsigned count = c->refuse_size + c->tell_key_codes;
    if (c->refuse_size) put_extended_size(c, SIZE_OF_CLIENT, SIZE_PROHIBITED);
    if (c->tell_key_codes) put_header(&c->out, &(struct vnc_rect){0}, ENCODING_KEY_CODES);
    c->refuse_size = c->tell_key_codes = false;
    return count;
}

static void put_map(struct vnc_client *c) {
    vnc_put16(&c->out, COLOUR_MAP << 8);
    vnc_put16(&c->out, 0);
    vnc_put16(&c->out, COLOURS);
    for (unsigned v = 0; v < COLOURS; v++)
        for (int i = 0; i < 3; i++)
            vnc_put16(&c->out, (uint16_t)((v >> c->format.shift[i] & c->format.max[i]) * 0xFFFFu / c->format.max[i]));
    c->tell_map = false;
}

static bool has_news(const struct vnc_client *c) {
    return c->version != c->server->version || c->wanted_all || c->tell_size || c->refuse_size || c->tell_key_codes;
}

void vnc_begin_update(struct vnc_client *c, const struct screen_image *im) {
    if (c->phase != VNC_RUNNING || c->gone || !c->wanted || c->out.len || !has_news(c) || !fit_shown(c, im)) return;
    if (c->tell_map) put_map(c);
    struct vnc_coding k = {
        .format = c->format, .zlib = c->can_zlib, .zrle = c->can_zrle, .tight = c->can_tight, .head = c->out.len};
    vnc_put32(&c->out, 0); /* type, padding, number of rectangles: filled in at the end */
    k.count = put_answers(c);
    k.count += put_size(c, im);
    k.width = c->width, k.height = c->height;
    k.all = c->wanted_all;
    c->coding = k;
    c->version = c->server->version;
    c->wanted = c->wanted_all = false;
    c->encoding = true;
}

void vnc_end_update(struct vnc_client *c) {
    const struct vnc_coding *k = &c->coding;
    c->encoding = false;
    if (!k->count) {
        c->out.len = k->head;
        c->wanted = true; /* it still waits */
        c->wanted_all |= k->all;
    } else if (!c->out.failed) {
        c->out.data[k->head + 2] = (uint8_t)(k->count >> 8);
        c->out.data[k->head + 3] = (uint8_t)k->count;
    }
}
