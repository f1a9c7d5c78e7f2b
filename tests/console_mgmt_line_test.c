/*
 * console_mgmt_line_test.c: the table of console commands is well-formed, and lines become rows and arguments.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "console/mgmt_line.h"

/* ---- The table ---- */

static bool plain(const char *s) { return strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-_") == strlen(s); }

static void check_args(const struct mgmt_command *c) {
    bool optional = false;
    for (const struct mgmt_arg *a = c->args; a && a->name; a++) {
        assert_true(plain(a->name));
        assert_true((a->type == MGMT_WORD) == (a->choices != NULL));
        bool by_place = !a->option && a->type != MGMT_FORMAT && a->type != MGMT_VALUE && c->line;
        bool by_id =
            c->qmp && !strcmp(c->qmp, "blockdev-change-medium");        /* device or id, whichever QEMU's client says */
        if (by_place && !by_id) assert_false(optional && !a->optional); /* a required one could not be told from it */
        if (by_place) optional |= a->optional;
        if (a->option) assert_true(a->optional);
    }
}

static void rows(void **state) {
    const struct mgmt_command *c, *other;
    (void)state;
    for (unsigned i = 0; (c = mgmt_command_at(i)); i++) {
        assert_true(c->qmp || c->line);
        assert_non_null(c->run);
        assert_true(c->help && c->help[0] && c->help[strlen(c->help) - 1] != '.');
        if (c->qmp) assert_true(plain(c->qmp));
        check_args(c);
        for (unsigned j = 0; j < i; j++) {
            other = mgmt_command_at(j);
            if (c->qmp && other->qmp) assert_string_not_equal(c->qmp, other->qmp);
            if (c->line && other->line) assert_string_not_equal(c->line, other->line);
        }
        if (c->qmp) assert_ptr_equal(mgmt_command_find(c->qmp), c);
    }
    assert_null(mgmt_command_find("fly"));
    assert_null(mgmt_command_find(""));
}

/* ---- Lines ---- */

/* The arguments as JSON; an error behind "! ". */
static void expect(const char *line, const char *command, const char *args) {
    struct mgmt_call c = {0};
    const struct mgmt_command *row = mgmt_line_parse(&c, line);
    char *text = json_dumps(c.args, JSON_COMPACT | JSON_SORT_KEYS | JSON_ENSURE_ASCII);
    if (command) {
        if (!row) print_error("%s: %s\n", line, c.error);
        assert_non_null(row);
        assert_true(!strncmp(row->line, command, strlen(command)));
        assert_string_equal(text, args);
    } else {
        assert_null(row);
        if (!strstr(c.error, args)) print_error("%s: %s\n", line, c.error);
        assert_non_null(strstr(c.error, args));
    }
    free(text);
    json_decref(c.args);
}

static void lines(void **state) {
    (void)state;
    expect("stop", "stop", "{}");
    expect("  info \t status\r\n", "info status", "{}");
    expect("x/4xb 0x10+2", "x", "{\"address\":18,\"format\":\"4xb\"}");
    expect("p 1 + 2", "print", "{\"value\":3}");
    expect("screendump /tmp/x.png", "screendump", "{\"filename\":\"/tmp/x.png\"}");
    expect("screendump \"a b\\\"c\" --format txt", "screendump", "{\"filename\":\"a b\\\"c\",\"format\":\"txt\"}");
    expect("eject -f cdrom", "eject", "{\"device\":\"cdrom\",\"force\":true}");
    expect("eject cdrom --force", "eject", "{\"device\":\"cdrom\",\"force\":true}");
    expect("change floppy0 f.img raw read-only", "change",
           "{\"device\":\"floppy0\",\"filename\":\"f.img\",\"format\":\"raw\",\"read-only-mode\":\"read-only\"}");
    expect("help info status", "help", "{\"command\":\"info status\"}");
    expect("screendump x --format", NULL, "needs a value");
    expect("screendump x y", NULL, "unexpected argument 'y'");
    expect("stop -x", NULL, "unknown option '-x'");
    expect("sendkey a ten", NULL, "must be a number");
    expect("sendkey a 99999999999999999999", NULL, "must be a number");
    expect("info", NULL, "unknown command");
    expect("inf status", NULL, "unknown command");
    expect("stopp", NULL, "unknown command");
    expect("", NULL, "no command");
    expect("screendump \xff", NULL, "not UTF-8");
}

/* Whatever comes: an answer, and no access out of bounds (sanitizers look). */
static void any_bytes(void **state) {
    uint32_t seed = 1;
    (void)state;
    for (int i = 0; i < 20000; i++) {
        static const char some[] = "info x/8 \"\\-p$eip+(*stop\t\r1e9f\xff\xc3\xa9help?|";
        char line[40];
        size_t n = 0;
        for (; n < sizeof line - 1 && (seed = seed * 1103515245 + 12345) >> 27; n++)
            line[n] = some[(seed >> 8) % (sizeof some - 1)];
        line[n] = 0;
        while (strchr(line, '$')) *strchr(line, '$') = 'x'; /* registers are a machine's */
        struct mgmt_call c = {0};
        struct mgmt_text help = {0};
        mgmt_line_parse(&c, line);
        json_decref(c.args);
        json_decref(mgmt_line_complete(line));
        mgmt_line_help(line, &help);
        mgmt_text_free(&help);
    }
}

static void complete(const char *line, const char *expected) {
    json_t *list = mgmt_line_complete(line);
    char *text = json_dumps(list, JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
    json_decref(list);
}

static void completion(void **state) {
    (void)state;
    complete("sto", "[\"stop\"]");
    complete("info regi", "[\"registers\"]");
    complete("fly ", "[]");
    complete("screendump x --", "[\"--format\"]");
    complete("screendump x --format p", "[\"png\",\"ppm\"]");
    complete("change floppy0 x raw re", "[\"retain\",\"read-only\",\"read-write\"]");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows), cmocka_unit_test(lines), cmocka_unit_test(any_bytes),
                                       cmocka_unit_test(completion)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
