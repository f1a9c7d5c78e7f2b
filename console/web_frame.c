/* web_frame.c: frames of the WebSocket protocol (RFC 6455, 5.2). */
#include "console/web_frame.h"

#include <string.h>

enum {
    FIN = 0x80,
    RESERVED = 0x70,
    OPCODE = 0x0F,
    MASKED = 0x80,
    LENGTH = 0x7F,
    LENGTH_16 = 126,
    LENGTH_64 = 127,
    MASK = 4
};

/* ---- Heads ---- */

static unsigned opcode(const struct web_decoder *d) { return d->head[0] & OPCODE; }
static bool is_control(const struct web_decoder *d) { return opcode(d) >= WEB_CLOSE; }

static unsigned length_bytes(const struct web_decoder *d) {
    unsigned n = d->head[1] & LENGTH;
    return n == LENGTH_64 ? 8 : n == LENGTH_16 ? 2 : 0;
}

static uint64_t payload_length(const struct web_decoder *d) {
    uint64_t n = d->head[1] & LENGTH;
    if (!length_bytes(d)) return n;
    n = 0;
    for (unsigned i = 0; i < length_bytes(d); i++) n = n << 8 | d->head[2 + i];
    return n;
}

/* What can be told from the first two bytes. 0: fine, else a close code. */
static unsigned check_start(const struct web_decoder *d) {
    unsigned op = opcode(d);
    bool fin = d->head[0] & FIN;
    if (d->head[0] & RESERVED || !(d->head[1] & MASKED)) return WEB_PROTOCOL;
    if (is_control(d)) return op > WEB_PONG || !fin || length_bytes(d) ? WEB_PROTOCOL : 0;
    if (op > WEB_BINARY || (op == WEB_MORE) != d->in_message) return WEB_PROTOCOL;
    return op == WEB_TEXT ? WEB_UNSUPPORTED : 0;
}

static unsigned check_length(const struct web_decoder *d) {
    uint64_t n = payload_length(d);
    if ((length_bytes(d) == 2 && n < LENGTH_16) || (length_bytes(d) == 8 && n <= UINT16_MAX)) return WEB_PROTOCOL;
    return n > WEB_FRAME_MAX ? WEB_TOO_BIG : 0;
}

/* True: it is complete. */
static bool take_head(struct web_decoder *d, uint8_t byte) {
    d->head[d->head_len++] = byte;
    if (d->head_len < 2) return false;
    if (d->head_len == 2) d->code = check_start(d);
    if (d->code || d->head_len < 2 + length_bytes(d) + MASK) return d->code != 0;
    d->code = check_length(d);
    d->left = payload_length(d);
    d->mask_at = d->control_len = 0;
    d->in_payload = true;
    if (!is_control(d)) d->in_message = !(d->head[0] & FIN);
    return true;
}

/* ---- Payload ---- */

static void unmask(struct web_decoder *d, uint8_t *bytes, size_t n) {
    const uint8_t *mask = d->head + d->head_len - MASK;
    for (size_t i = 0; i < n; i++) bytes[i] ^= mask[d->mask_at++ % MASK];
}

static bool may_close_with(unsigned code) {
    return (code >= WEB_NORMAL && code <= WEB_UNSUPPORTED) || (code >= 1007 && code <= 1014) ||
           (code >= 3000 && code <= 4999);
}

static enum web_found take_close(struct web_decoder *d) {
    d->code = d->control_len ? d->control_len < 2 ? 0 : (unsigned)(d->control[0] << 8 | d->control[1]) : WEB_NORMAL;
    if (may_close_with(d->code)) return WEB_FOUND_CLOSED;
    d->code = WEB_PROTOCOL;
    return WEB_FOUND_BROKEN;
}

static enum web_found end_frame(struct web_decoder *d) {
    d->in_payload = false;
    d->head_len = 0;
    switch (opcode(d)) {
    case WEB_CLOSE: return take_close(d);
    case WEB_PING: return WEB_FOUND_PING;
    default: return WEB_FOUND_NOTHING;
    }
}

/* Data as far as it has come; a control frame as a whole. */
static enum web_found take_payload(struct web_decoder *d, uint8_t *bytes, size_t n, size_t *used,
                                   struct web_data *data) {
    size_t now = d->left < n ? (size_t)d->left : n;
    unmask(d, bytes, now);
    d->left -= now;
    *used += now;
    if (is_control(d)) {
        memcpy(d->control + d->control_len, bytes, now);
        d->control_len += (unsigned)now;
    }
    bool plain = !is_control(d) && now;
    if (plain) *data = (struct web_data){bytes, now};
    enum web_found found = d->left ? WEB_FOUND_NOTHING : end_frame(d);
    return plain ? WEB_FOUND_DATA : found;
}

enum web_found web_decode(struct web_decoder *d, uint8_t *bytes, size_t n, size_t *used, struct web_data *data) {
    *used = 0;
    for (;;) {
        while (!d->in_payload && *used < n && !take_head(d, bytes[(*used)++])) {}
        if (d->code) return WEB_FOUND_BROKEN;
        if (!d->in_payload || (d->left && *used == n)) return WEB_FOUND_NOTHING;
        enum web_found found = take_payload(d, bytes + *used, n - *used, used, data);
        if (found) return found;
    }
}

/* ---- Ours ---- */

size_t web_head(uint8_t out[WEB_HEAD_MAX], enum web_opcode op, uint64_t len) {
    unsigned bytes = len > UINT16_MAX ? 8 : len >= LENGTH_16 ? 2 : 0;
    out[0] = (uint8_t)(FIN | op);
    out[1] = (uint8_t)(bytes == 8 ? LENGTH_64 : bytes ? LENGTH_16 : len);
    for (unsigned i = 0; i < bytes; i++) out[2 + i] = (uint8_t)(len >> 8 * (bytes - 1 - i));
    return 2 + bytes;
}
