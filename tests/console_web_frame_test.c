/*
 * console_web_frame_test.c: the WebSocket decoder: what a browser sends in pieces of any size, all that RFC 6455
 * forbids, and random bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "console/web_frame.h"

enum { MASKED = 0x80 };
static const uint8_t mask[4] = {0x37, 0xFA, 0x21, 0x3D};

/* ---- What a client sends ---- */

struct bytes {
    uint8_t at[300000];
    size_t len;
};
static struct bytes in;

static void put(uint8_t byte) { in.at[in.len++] = byte; }

/* length_bytes: 0, 2 or 8, as the RFC wants it or not. */
static void put_head(uint8_t first, unsigned length_bytes, uint64_t n) {
    put(first);
    put((uint8_t)(MASKED | (length_bytes == 8 ? 127 : length_bytes ? 126 : n)));
    for (unsigned i = 0; i < length_bytes; i++) put((uint8_t)(n >> 8 * (length_bytes - 1 - i)));
    for (unsigned i = 0; i < 4; i++) put(mask[i]);
}

static void put_frame(uint8_t first, const void *payload, size_t n) {
    put_head(first, n > UINT16_MAX ? 8 : n > 125 ? 2 : 0, n);
    for (size_t i = 0; i < n; i++) put(((const uint8_t *)payload)[i] ^ mask[i % 4]);
}

static void begin(void) { in.len = 0; }

/* ---- What is found in it ---- */

static char found[sizeof in.at];

/* Data as it is, "P" and the payload of a ping, "C" or "B" and a code. `step` bytes at a time. */
static void feed(size_t step) {
    struct web_decoder d = {0};
    struct web_data data;
    static uint8_t copy[sizeof in.at];
    memcpy(copy, in.at, in.len);
    size_t out = 0;
    found[0] = 0;
    for (size_t i = 0, used; i < in.len; i += used) {
        size_t n = in.len - i < step ? in.len - i : step;
        enum web_found what = web_decode(&d, copy + i, n, &used, &data);
        assert_true(used <= n && (used || what));
        out = strlen(found);
        if (what == WEB_FOUND_NOTHING) assert_int_equal(used, n);
        if (what == WEB_FOUND_DATA) {
            assert_true(data.at >= copy + i && data.at + data.len <= copy + i + used && data.len);
            memcpy(found + out, data.at, data.len), found[out + data.len] = 0;
        }
        if (what == WEB_FOUND_PING) sprintf(found + out, "P%.*s", (int)d.control_len, (const char *)d.control);
        if (what == WEB_FOUND_CLOSED) sprintf(found + out, "C%u", d.code);
        if (what == WEB_FOUND_BROKEN) sprintf(found + out, "B%u", d.code);
        if (what == WEB_FOUND_CLOSED || what == WEB_FOUND_BROKEN) return;
    }
}

static void expect(const char *result) {
    static const size_t steps[] = {sizeof in.at, 1, 2, 3, 7};
    for (unsigned i = 0; i < sizeof steps / sizeof *steps; i++) {
        feed(steps[i]);
        assert_string_equal(found, result);
    }
}

static void expect_frame(uint8_t first, const void *payload, size_t n, const char *result) {
    begin();
    put_frame(first, payload, n);
    expect(result);
}

/* ---- Tests ---- */

static void test_data(void **state) {
    static char long_text[70001];
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    expect_frame(0x82, "hello", 5, "hello");
    expect_frame(0x82, "", 0, "");
    static const size_t lengths[] = {125, 126, 127, 65535, 65536, 70000};
    for (unsigned i = 0; i < 6; i++) {
        long_text[lengths[i]] = 0;
        expect_frame(0x82, long_text, lengths[i], long_text);
        long_text[lengths[i]] = 'x';
    }
    begin();
    put_frame(0x82, "one ", 4), put_frame(0x82, "two", 3);
    expect("one two");
}

static void test_fragments(void **state) {
    (void)state;
    begin();
    put_frame(0x02, "a", 1), put_frame(0x00, "", 0), put_frame(0x89, "!", 1), put_frame(0x00, "b", 1);
    put_frame(0x80, "c", 1), put_frame(0x82, "d", 1);
    expect("aP!bcd");
}

static void test_control(void **state) {
    static char payload[WEB_CONTROL_MAX + 1];
    char result[sizeof payload + 1] = "P";
    (void)state;
    memset(payload, 'p', WEB_CONTROL_MAX);
    expect_frame(0x89, payload, WEB_CONTROL_MAX, strcat(result, payload));
    expect_frame(0x8A, "pong", 4, "");
    expect_frame(0x88, "", 0, "C1000");
    expect_frame(0x88, "\x03\xE9 going", 8, "C1001");
    expect_frame(0x88, "\x0F\xA0", 2, "C4000");
}

static void test_forbidden(void **state) {
    (void)state;
    for (unsigned bit = 0x10; bit <= 0x40; bit <<= 1) expect_frame((uint8_t)(0x82 | bit), "x", 1, "B1002");
    for (unsigned op = 3; op < 16; op++)
        if (op < 8 || op > 10) expect_frame((uint8_t)(0x80 | op), "x", 1, "B1002");
    for (unsigned op = 8; op < 11; op++) expect_frame((uint8_t)op, "", 0, "B1002"); /* in fragments */
    expect_frame(0x81, "text", 4, "B1003");
    expect_frame(0x00, "x", 1, "B1002"); /* nothing to go on with */
    begin();
    put_frame(0x02, "a", 1), put_frame(0x82, "b", 1); /* one message inside another */
    expect("aB1002");
    static const uint8_t unmasked[] = {0x82, 1, 'x'};
    begin();
    for (unsigned i = 0; i < sizeof unmasked; i++) put(unmasked[i]);
    expect("B1002");
}

static void test_bad_close(void **state) {
    static const uint16_t codes[] = {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535};
    (void)state;
    expect_frame(0x88, "\x03", 1, "B1002");
    for (unsigned i = 0; i < sizeof codes / sizeof *codes; i++)
        expect_frame(0x88, (uint8_t[]){(uint8_t)(codes[i] >> 8), (uint8_t)codes[i]}, 2, "B1002");
}

static void expect_length(uint8_t first, unsigned length_bytes, uint64_t n, const char *result) {
    begin();
    put_head(first, length_bytes, n);
    expect(result);
}

static void test_lengths(void **state) {
    (void)state;
    expect_length(0x82, 2, 125, "B1002"); /* longer than need be */
    expect_length(0x82, 8, 65535, "B1002");
    expect_length(0x82, 8, WEB_FRAME_MAX, "");
    expect_length(0x82, 8, WEB_FRAME_MAX + 1, "B1009");
    expect_length(0x82, 8, UINT64_MAX, "B1009");
    expect_length(0x82, 8, (uint64_t)1 << 63, "B1009");
    expect_length(0x89, 2, 126, "B1002"); /* control frames are short */
    expect_length(0x88, 8, 1 << 20, "B1002");
}

static void test_random(void **state) {
    (void)state;
    srand(1);
    for (unsigned round = 0; round < 20000; round++) {
        begin();
        for (unsigned i = 0; i < 64; i++) put((uint8_t)rand());
        if (round & 1) in.at[0] = (uint8_t)(0x82 + (round & 8)), in.at[1] = (uint8_t)(MASKED | round % 32);
        for (size_t i = 0; i < in.len; i++) in.at[i] |= in.at[i] == 0; /* `found` is a string; never mind */
        feed(1 + (size_t)(rand() % 64));
    }
}

static void test_heads(void **state) {
    uint8_t h[WEB_HEAD_MAX];
    (void)state;
    assert_int_equal(web_head(h, WEB_BINARY, 125), 2);
    assert_memory_equal(h, "\x82\x7D", 2);
    assert_int_equal(web_head(h, WEB_PONG, 0), 2);
    assert_memory_equal(h, "\x8A\x00", 2);
    assert_int_equal(web_head(h, WEB_BINARY, 126), 4);
    assert_memory_equal(h, "\x82\x7E\x00\x7E", 4);
    assert_int_equal(web_head(h, WEB_BINARY, 65536), 10);
    assert_memory_equal(h, "\x82\x7F\0\0\0\0\0\1\0\0", 10);
}

static void test_keys(void **state) {
    char answer[WEB_KEY + 1];
    (void)state;
    assert_true(web_key_answer("dGhlIHNhbXBsZSBub25jZQ==", answer)); /* the RFC's own example */
    assert_string_equal(answer, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_true(web_key_answer("AAAAAAAAAAAAAAAAAAAAAA==", answer));
    assert_string_equal(answer, "ICX+Yqv66kxgM0FcWaLWlFLwTAI=");
    static const char *const bad[] = {"",
                                      "dGhlIHNhbXBsZSBub25jZQ=",
                                      "dGhlIHNhbXBsZSBub25jZR==",
                                      "dGhlIHNhbXBsZSBub25jZQAA",
                                      "dGhlIHNhbXBsZSBub25j ZQ==",
                                      "dGhlIHNhbXBsZSBub25jZQ===",
                                      NULL};
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) assert_false(web_key_answer(bad[i], answer));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_data),      cmocka_unit_test(test_fragments), cmocka_unit_test(test_control),
        cmocka_unit_test(test_forbidden), cmocka_unit_test(test_bad_close), cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_random),    cmocka_unit_test(test_heads),     cmocka_unit_test(test_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
