/*
 * web_frame.h: frames of the WebSocket protocol, RFC 6455 section 5, and the key of its handshake, 4.2.2.
 *
 * The decoder takes what a client sends as it comes, in pieces of any size, and keeps nothing but one control frame:
 * our messages are a stream of bytes, so their ends do not matter. Anything the RFC forbids a client to send is BROKEN,
 * with the close code to answer; so are text messages, which nothing of ours understands. Callers: web_relay.c.
 */
#ifndef NOVT_CONSOLE_WEB_FRAME_H
#define NOVT_CONSOLE_WEB_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WEB_CONTROL_MAX = 125,
    WEB_FRAME_MAX = 1 << 20, /* of a client's */
    WEB_HEAD_MAX = 10,       /* of ours */
    WEB_KEY = 28,            /* characters of an answer to a key */
};
enum web_opcode { WEB_MORE = 0, WEB_TEXT = 1, WEB_BINARY = 2, WEB_CLOSE = 8, WEB_PING = 9, WEB_PONG = 10 };
/* Close codes, RFC 6455 7.4.1 and its registry. */
enum web_code {
    WEB_NORMAL = 1000,
    WEB_GOING = 1001,
    WEB_PROTOCOL = 1002,
    WEB_UNSUPPORTED = 1003,
    WEB_TOO_BIG = 1009,
    WEB_FAILED = 1011
};

struct web_decoder { /* zeroed: at the beginning */
    uint8_t head[14];
    unsigned head_len;
    uint64_t left; /* of the payload */
    unsigned mask_at;
    bool in_payload, in_message; /* in_message: of several frames */
    uint8_t control[WEB_CONTROL_MAX];
    unsigned control_len;
    unsigned code; /* BROKEN: why; CLOSED: the client's code, or WEB_NORMAL if it gave none */
};

enum web_found {
    WEB_FOUND_NOTHING, /* all was taken */
    WEB_FOUND_DATA,    /* `data` */
    WEB_FOUND_PING,    /* control, control_len: to be sent back */
    WEB_FOUND_CLOSED,
    WEB_FOUND_BROKEN
};
struct web_data {
    const uint8_t *at;
    size_t len;
};
/* Takes bytes up to the end of one thing that is found; *used of n. Data is unmasked in place. After CLOSED and BROKEN
 * it must not be called again. */
enum web_found web_decode(struct web_decoder *d, uint8_t *bytes, size_t n, size_t *used, struct web_data *data);

/* Writes the head of a frame of ours with `len` bytes of payload; its length. */
size_t web_head(uint8_t out[WEB_HEAD_MAX], enum web_opcode op, uint64_t len);

/* The answer to a client's key. False: that is none. */
bool web_key_answer(const char *key, char out[WEB_KEY + 1]);
#endif
