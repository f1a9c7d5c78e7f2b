/*
 * vnc_protocol.c: handshake and client messages (RFC 6143, 7.1 to 7.5).
 */
#include "monitor/vnc_internal.h"

#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include "devemu/bytes.h"
#include "monitor/board.h"
#include "monitor/des.h"
#include "monitor/display.h"
#include "monitor/keymap.h"
#include "monitor/machine.h"

enum { VERSION_BYTES = 12, SECURITY_NONE = 1, SECURITY_VNC = 2, FORMAT_BYTES = 16, KEY_BYTES = 8 };
enum { SET_SIZE = 251, QEMU_MESSAGE = 255, SET_SIZE_BYTES = 8, SCREEN_BYTES = 16, KEY_CODE_BYTES = 12 };
enum { SET_FORMAT = 0, SET_ENCODINGS = 2, UPDATE_REQUEST = 3, KEY_EVENT = 4, POINTER_EVENT = 5, CUT_TEXT = 6 };
enum {
    ENCODING_ZLIB = 6,
    ENCODING_TIGHT = 7,
    ENCODING_ZRLE = 16,
    ENCODING_DESKTOP_SIZE = -223,
    ENCODING_KEY_CODES = -258,
    ENCODING_EXTENDED_SIZE = -308
};

static const struct vnc_format native_format = {4, 0, 24, false, {16, 8, 0}, {255, 255, 255}};
static const char *password(const struct vnc_client *c) { return c->server->password; }

/* ---- Handshake ---- */

void vnc_greet(struct vnc_client *c) { vnc_put(&c->out, "RFB 003.008\n", VERSION_BYTES); }

static void refuse(struct vnc_client *c, const char *why) {
    if (c->minor >= 8) {
        vnc_put32(&c->out, (uint32_t)strlen(why));
        vnc_put(&c->out, why, strlen(why));
    }
    c->closing = true;
}

static void send_challenge(struct vnc_client *c) {
    if (getrandom(c->challenge, VNC_CHALLENGE, 0) != VNC_CHALLENGE) c->closing = true;
    vnc_put(&c->out, c->challenge, VNC_CHALLENGE);
    c->phase = VNC_AUTH;
}

static bool is_version(const uint8_t *p) {
    static const uint8_t pattern[] = "RFB 003.ddd\n";
    for (int i = 0; i < VERSION_BYTES; i++)
        if (pattern[i] == 'd' ? p[i] < '0' || p[i] > '9' : p[i] != pattern[i]) return false;
    return true;
}

static size_t take_version(struct vnc_client *c) {
    if (c->in_len < VERSION_BYTES) return 0;
    bool ok = is_version(c->in);
    uint8_t type = password(c) ? SECURITY_VNC : SECURITY_NONE;
    unsigned minor = ok ? (c->in[8] - '0') * 100u + (c->in[9] - '0') * 10u + (c->in[10] - '0') : 0;
    c->minor = minor >= 8 ? 8 : minor == 7 ? 7 : 3; /* some say 003.889 */
    c->phase = VNC_SECURITY;
    if (!ok) {
        c->closing = true;
    } else if (c->minor >= 7) {
        vnc_put8(&c->out, 1);
        vnc_put8(&c->out, type);
    } else { /* the server decides */
        vnc_put32(&c->out, type);
        if (type == SECURITY_VNC)
            send_challenge(c);
        else
            c->phase = VNC_INIT;
    }
    return VERSION_BYTES;
}

static size_t take_security(struct vnc_client *c) {
    bool secret = password(c) != NULL;
    if (c->in_len < 1) return 0;
    if (c->in[0] != (secret ? SECURITY_VNC : SECURITY_NONE)) {
        vnc_put32(&c->out, 1);
        refuse(c, "this security type was not offered");
    } else if (secret) {
        send_challenge(c);
    } else {
        if (c->minor >= 8) vnc_put32(&c->out, 0);
        c->phase = VNC_INIT;
    }
    return 1;
}

static uint64_t load64(const uint8_t *p) { return (uint64_t)get_be32(p) << 32 | get_be32(p + 4); }

/* The password is the key, its bytes with their bits reversed (a quirk of the first implementation). */
static uint64_t password_key(const char *text) {
    uint64_t key = 0;
    for (int i = 0; i < KEY_BYTES; i++) {
        uint8_t ch = *text ? (uint8_t)*text++ : 0;
        for (int bit = 0; bit < 8; bit++) key = key << 1 | (ch >> bit & 1);
    }
    return key;
}

static size_t take_response(struct vnc_client *c) {
    if (c->in_len < VNC_CHALLENGE) return 0;
    uint64_t key = password_key(password(c)), wrong = 0;
    for (int i = 0; i < VNC_CHALLENGE; i += 8) wrong |= des_encrypt(key, load64(c->challenge + i)) ^ load64(c->in + i);
    vnc_put32(&c->out, wrong != 0);
    if (wrong) refuse(c, "wrong password");
    c->phase = VNC_INIT; /* never reached by a client that is closing */
    return VNC_CHALLENGE;
}

static void put_format(struct vnc_buffer *b) {
    static const uint8_t padding[3];
    vnc_put8(b, 32);
    vnc_put8(b, 24);
    vnc_put8(b, 0);
    vnc_put8(b, 1); /* true colour */
    for (int i = 0; i < 3; i++) vnc_put16(b, 255);
    vnc_put8(b, 16);
    vnc_put8(b, 8);
    vnc_put8(b, 0);
    vnc_put(b, padding, sizeof padding);
}

/* It does not want to share. */
static void drop_others(struct vnc_client *c) {
    for (int i = 0; i < VNC_CLIENTS; i++)
        if (&c->server->client[i] != c && c->server->client[i].phase == VNC_RUNNING) vnc_drop(&c->server->client[i]);
}

static size_t take_init(struct vnc_client *c) {
    const char *own = c->server->m->cfg->name;
    char name[sizeof "novt: " + MON_NAME_MAX];
    if (c->in_len < 1) return 0;
    size_t len = (size_t)snprintf(name, sizeof name, own ? "novt: %s" : "novt", own);
    if (!c->in[0]) drop_others(c);
    vga_size(board_vga(c->server->m->board), &c->width, &c->height);
    c->format = native_format;
    vnc_put16(&c->out, (uint16_t)c->width);
    vnc_put16(&c->out, (uint16_t)c->height);
    put_format(&c->out);
    vnc_put32(&c->out, (uint32_t)len);
    vnc_put(&c->out, name, len);
    c->phase = VNC_RUNNING;
    return 1;
}

/* ---- Messages ---- */

static bool format_fits(const struct vnc_format *f) {
    bool ok = f->bytes == 1 || f->bytes == 2 || f->bytes == 4;
    for (int i = 0; i < 3; i++) ok = ok && f->max[i] && f->shift[i] < 8 * f->bytes;
    return ok;
}

static void set_format(struct vnc_client *c, const uint8_t *p) {
    static const struct vnc_format map = {1, 0, 8, true, {5, 2, 0}, {7, 7, 3}};
    struct vnc_format f = {.bytes = (uint8_t)(p[0] / 8), .big_endian = p[2], .depth = p[1]};
    for (int i = 0; i < 3; i++) {
        f.max[i] = get_be16(p + 4 + 2 * i);
        f.shift[i] = p[10 + i];
    }
    if (!p[3] && p[0] == 8) f = map; /* the client has a colour map */
    c->tell_map = f.mapped;
    if (!format_fits(&f) || (!p[3] && !f.mapped))
        c->closing = true;
    else
        c->format = f;
    c->wanted_all = true;
}

static void note_encoding(struct vnc_client *c, int32_t encoding) {
    switch (encoding) {
    case ENCODING_ZLIB: c->can_zlib = true; break;
    case ENCODING_TIGHT: c->can_tight = true; break;
    case ENCODING_ZRLE: c->can_zrle = true; break;
    case ENCODING_DESKTOP_SIZE: c->can_resize = true; break;
    case ENCODING_EXTENDED_SIZE: c->can_extended_size = c->tell_size = true; break;
    case ENCODING_KEY_CODES: c->can_key_codes = c->tell_key_codes = true; break;
    default: break;
    }
}

static size_t take_encodings(struct vnc_client *c) {
    if (c->in_len < 4) return 0;
    unsigned n = get_be16(c->in + 2);
    if (n > (VNC_IN_BYTES - 4) / 4) {
        c->closing = true;
        return c->in_len;
    }
    if (c->in_len < 4 + 4 * (size_t)n) return 0;
    c->can_resize = c->can_extended_size = c->can_zlib = c->can_zrle = c->can_tight = c->can_key_codes = false;
    for (unsigned i = 0; i < n; i++) note_encoding(c, (int32_t)get_be32(c->in + 4 + 4 * i));
    return 4 + 4 * (size_t)n;
}

/* Of RFB: left, middle, right, wheel up, wheel down. */
static void pointer(struct vnc_client *c, unsigned buttons, unsigned x, unsigned y) {
    struct pointer *p = &c->server->m->pointer;
    pointer_move_abs(p, pointer_scale(x, c->width), pointer_scale(y, c->height));
    pointer_buttons(p, (buttons & 1) | (buttons & 2) << 1 | (buttons & 4) >> 1);
    unsigned turned = buttons & ~c->buttons;
    pointer_wheel(p, (turned & 8 ? 1 : 0) - (turned & 16 ? 1 : 0));
    c->buttons = buttons;
}

/* A key by its place on the keyboard, so that the guest's layout decides what it means. */
static void key_code(struct vnc_client *c, const uint8_t *p) {
    uint16_t code = keymap_xt(get_be32(p + 8));
    if (p[1] || !c->can_key_codes)
        c->closing = true;
    else if (code)
        keyboard_code(&c->server->m->keyboard, code, get_be16(p + 2));
    else
        keyboard_key(&c->server->m->keyboard, get_be32(p + 4), get_be16(p + 2));
}

/* The guest decides how large its screen is. */
static size_t take_size(struct vnc_client *c) {
    if (c->in_len < SET_SIZE_BYTES) return 0;
    c->skip = (uint64_t)c->in[6] * SCREEN_BYTES;
    c->refuse_size = c->can_extended_size;
    return SET_SIZE_BYTES;
}

static size_t fixed_length(uint8_t type) {
    switch (type) {
    case SET_FORMAT: return 4 + FORMAT_BYTES;
    case UPDATE_REQUEST: return 10;
    case KEY_EVENT: return 8;
    case POINTER_EVENT: return 6;
    case CUT_TEXT: return 8;
    case QEMU_MESSAGE: return KEY_CODE_BYTES; /* the only one that was offered */
    default: return 0;
    }
}

static void act(struct vnc_client *c) {
    const uint8_t *p = c->in;
    display_wake(c->server->display);
    switch (p[0]) {
    case SET_FORMAT: set_format(c, p + 4); break;
    case UPDATE_REQUEST:
        c->wanted = true;
        c->wanted_all |= !p[1];
        break;
    case KEY_EVENT: keyboard_key(&c->server->m->keyboard, get_be32(p + 4), p[1]); break;
    case QEMU_MESSAGE: key_code(c, p); break;
    case POINTER_EVENT: pointer(c, p[1], get_be16(p + 2), get_be16(p + 4)); break;
    default: c->skip = get_be32(p + 4); break; /* cut text */
    }
}

static size_t take_running(struct vnc_client *c) {
    if (!c->in_len) return 0;
    if (c->in[0] == SET_ENCODINGS) return take_encodings(c);
    if (c->in[0] == SET_SIZE) return take_size(c);
    size_t n = fixed_length(c->in[0]);
    if (!n) {
        c->closing = true;
        return c->in_len;
    }
    if (c->in_len < n) return 0;
    act(c);
    return n;
}

size_t vnc_take_message(struct vnc_client *c) {
    switch (c->phase) {
    case VNC_VERSION: return take_version(c);
    case VNC_SECURITY: return take_security(c);
    case VNC_AUTH: return take_response(c);
    case VNC_INIT: return take_init(c);
    case VNC_RUNNING: return take_running(c);
    }
    return 0;
}
