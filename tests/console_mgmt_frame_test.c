/*
 * console_mgmt_frame_test.c: which bytes of a client's are a message.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "console/mgmt_frame.h"

static struct mgmt_frame f;
static char found[1024]; /* what was found: messages in <>, errors as a letter */

static void note(const char *s, size_t n) {
    size_t len = strlen(found);
    assert_true(len + n < sizeof found);
    memcpy(found + len, s, n);
    found[len + n] = 0;
}

/* Hands over `step` bytes at a time. */
static const char *feed(const char *bytes, size_t n, size_t step) {
    found[0] = 0;
    for (size_t i = 0, used; i < n; i += used) {
        size_t part = n - i < step ? n - i : step;
        enum mgmt_frame_found what = mgmt_frame_take(&f, bytes + i, part, &used);
        assert_true(used > 0 && used <= part);
        if (what == MGMT_FRAME_MESSAGE) note("<", 1), note(f.text, f.len), note(">", 1);
        if (what == MGMT_FRAME_BROKEN) note("B", 1);
        if (what == MGMT_FRAME_LONG) note("L", 1);
        if (what == MGMT_FRAME_DEEP) note("D", 1);
    }
    mgmt_frame_free(&f);
    return found;
}

static void expect(const char *bytes, const char *result) {
    assert_string_equal(feed(bytes, strlen(bytes), 1000), result);
    assert_string_equal(feed(bytes, strlen(bytes), 1), result);
}

static void messages(void **state) {
    (void)state;
    expect("{}", "<{}>");
    expect(" \r\n\t{\"a\":1}{\"b\":[{}]}\r\n{}", "<{\"a\":1}><{\"b\":[{}]}><{}>");
    expect("{\"a\":\"}{\\\"}\\\\\"}x", "<{\"a\":\"}{\\\"}\\\\\"}>B");
    expect("[1]", "<[1]>");
    expect("{\"a\":]", "<{\"a\":]>"); /* the parser's business */
}

static void broken(void **state) {
    (void)state;
    expect("{\"a\":\n{}", "B<{}>");
    expect("{\"a\":\"x\n{}\"\n{}", "B<{}>B<{}>");
    expect("hello {}\n{}", "B<{}>");
    expect("}\n{}", "B<{}>");
    expect("\xff{}\n{}", "B<{}>");
    expect("{", "");
}

static void bounded(void **state) {
    (void)state;
    enum { N = 10 << 20 };
    char *long_line = malloc(N + 4);
    memset(long_line, 'x', N);
    memcpy(long_line, "{\"", 2);
    memcpy(long_line + N, "\n{}", 4);
    assert_string_equal(feed(long_line, N + 3, 4096), "L<{}>");
    memset(long_line, '[', N);
    assert_string_equal(feed(long_line, N + 3, 4096), "D<{}>");
    free(long_line);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(messages), cmocka_unit_test(broken), cmocka_unit_test(bounded)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
