/*
 * fuzz_console.c: the management console's readers: the first byte of the input says which. Nothing is run.
 *
 * Messages: whatever the bytes are and however they are cut, the reader takes them all and what it calls a message has
 * its bounds. Lines: parsed, completed, explained. Expressions: parsed and evaluated; programs of any bytes evaluated.
 */
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_command.h"
#include "console/mgmt_frame.h"
#include "console/mgmt_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool ok) {
    if (!ok) abort();
}

static void take_message(const struct mgmt_frame *f) {
    json_error_t error;
    require(f->len <= MGMT_FRAME_MAX);
    json_t *message = json_loadb(f->text, f->len, JSON_REJECT_DUPLICATES, &error);
    const char *name = json_string_value(json_object_get(message, "execute"));
    if (name) mgmt_command_find(name);
    json_decref(message);
}

/* In pieces of the size that comes first. */
static void messages(const uint8_t *data, size_t size) {
    struct mgmt_frame f = {0};
    size_t piece = size ? data[0] + 1u : 1;
    for (size_t at = size != 0, n; at < size; at += n) {
        size_t used, part = size - at < piece ? size - at : piece;
        for (n = 0; n < part; n += used) {
            enum mgmt_frame_found found = mgmt_frame_take(&f, (const char *)data + at + n, part - n, &used);
            require(used && used <= part - n);
            if (found == MGMT_FRAME_MESSAGE) take_message(&f);
        }
    }
    mgmt_frame_free(&f);
}

static void line(const char *text) {
    struct mgmt_call c = {0};
    struct mgmt_text out = {0};
    const struct mgmt_command *row = mgmt_line_parse(&c, text);
    require(row || c.error[0]);
    json_decref(c.args);
    json_decref(mgmt_line_complete(text));
    mgmt_line_help(text, &out);
    mgmt_text_free(&out);
}

static void expression(const char *text) {
    const uint64_t var[MON_VARS] = {0};
    struct mgmt_call c = {0};
    struct mon_expr e;
    uint64_t v;
    require(mgmt_expr_parse(&c, text, true, &e) || c.error[0]);
    require(e.n <= MON_EXPR_OPS);
    mon_expr_eval(&e, var, &v);
}

static void program(const uint8_t *data, size_t size) {
    const uint64_t var[MON_VARS] = {0};
    struct mon_expr e = {0};
    uint64_t v;
    for (; size >= 2 && e.n < MON_EXPR_OPS; data += 2, size -= 2, e.n++) {
        e.at[e.n].op = data[0] & 31;
        e.at[e.n].value = data[1];
    }
    mon_expr_eval(&e, var, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    if (!size) return 0;
    char *text = malloc(size);
    memcpy(text, data + 1, size - 1);
    text[size - 1] = 0;
    switch (data[0] & 3) {
    case 0: messages(data + 1, size - 1); break;
    case 1: line(text); break;
    case 2: expression(text); break;
    default: program(data + 1, size - 1);
    }
    free(text);
    return 0;
}
