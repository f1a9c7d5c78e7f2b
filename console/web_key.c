/*
 * web_key.c: the key of a WebSocket handshake (RFC 6455, 4.2.2): its SHA-1 (FIPS 180-4) with a fixed text behind it, in
 * base64. It proves nothing but that the server speaks the protocol.
 */
#include <string.h>
#include "console/web_frame.h"

enum { KEY_CHARS = 24, BLOCK = 64, DIGEST = 20, MESSAGE = 2 * BLOCK };

/* ---- SHA-1 ---- */

static uint32_t rol(uint32_t v, unsigned n) { return v << n | v >> (32 - n); }

static uint32_t round_function(unsigned t, const uint32_t s[5]) {
    if (t < 20) return ((s[1] & s[2]) | (~s[1] & s[3])) + 0x5A827999;
    if (t < 40) return (s[1] ^ s[2] ^ s[3]) + 0x6ED9EBA1;
    if (t < 60) return ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3])) + 0x8F1BBCDC;
    return (s[1] ^ s[2] ^ s[3]) + 0xCA62C1D6;
}

static void add_block(uint32_t hash[5], const uint8_t *p) {
    uint32_t w[80], s[5];
    for (unsigned t = 0; t < 16; t++, p += 4)
        w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    for (unsigned t = 16; t < 80; t++) w[t] = rol(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
    memcpy(s, hash, sizeof s);
    for (unsigned t = 0; t < 80; t++) {
        uint32_t next = rol(s[0], 5) + round_function(t, s) + s[4] + w[t];
        s[4] = s[3], s[3] = s[2], s[2] = rol(s[1], 30), s[1] = s[0], s[0] = next;
    }
    for (unsigned i = 0; i < 5; i++) hash[i] += s[i];
}

/* Of a text that leaves room for its padding in two blocks, and fills more than one. */
static void sha1(const char *text, size_t n, uint8_t digest[DIGEST]) {
    uint32_t hash[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
    uint8_t message[MESSAGE] = {0};
    memcpy(message, text, n);
    message[n] = 0x80;
    message[MESSAGE - 2] = (uint8_t)(8 * n >> 8);
    message[MESSAGE - 1] = (uint8_t)(8 * n);
    for (unsigned i = 0; i < MESSAGE; i += BLOCK) add_block(hash, message + i);
    for (unsigned i = 0; i < DIGEST; i++) digest[i] = (uint8_t)(hash[i / 4] >> (24 - 8 * (i % 4)));
}

/* ---- Base64 ---- */

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* 20 bytes are 26 digits and two bits. */
static void base64(const uint8_t digest[DIGEST], char out[WEB_KEY + 1]) {
    for (unsigned i = 0; i < WEB_KEY - 1; i++) {
        unsigned bit = 6 * i, byte = bit / 8;
        unsigned two = (unsigned)digest[byte] << 8 | (byte + 1 < DIGEST ? digest[byte + 1] : 0);
        out[i] = digits[two >> (10 - bit % 8) & 63];
    }
    out[WEB_KEY - 1] = '=';
    out[WEB_KEY] = 0;
}

/* 16 bytes in base64: 21 digits, one of the two bits that are left, padding. */
static bool is_key(const char *key) {
    return key && strlen(key) == KEY_CHARS && strspn(key, digits) == KEY_CHARS - 2 &&
           strchr("AQgw", key[KEY_CHARS - 3]) && !strcmp(key + KEY_CHARS - 2, "==");
}

bool web_key_answer(const char *key, char out[WEB_KEY + 1]) {
    static const char fixed[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
    char text[KEY_CHARS + sizeof fixed];
    uint8_t digest[DIGEST];
    if (!is_key(key)) return false;
    memcpy(text, key, KEY_CHARS);
    memcpy(text + KEY_CHARS, fixed, sizeof fixed);
    sha1(text, sizeof text - 1, digest);
    base64(digest, out);
    return true;
}
