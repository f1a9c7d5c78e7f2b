#include "console/mgmt_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool make_room(struct mgmt_text *t, size_t n) {
    if (t->failed || t->room - t->len > n) return !t->failed;
    size_t room = t->room ? t->room : 256;
    while (room - t->len <= n) room *= 2;
    char *at = realloc(t->at, room);
    t->failed = !at;
    if (!at) return false;
    t->at = at;
    t->room = room;
    return true;
}

void mgmt_text_add(struct mgmt_text *t, const void *bytes, size_t n) {
    if (!make_room(t, n)) return;
    memcpy(t->at + t->len, bytes, n);
    t->len += n;
    t->at[t->len] = 0;
}

void mgmt_print(struct mgmt_text *t, const char *fmt, ...) {
    char *line = NULL;
    va_list ap;
    va_start(ap, fmt);
    int n = vasprintf(&line, fmt, ap);
    va_end(ap);
    if (n < 0) {
        t->failed = true;
        return;
    }
    mgmt_text_add(t, line, (size_t)n);
    free(line);
}

void mgmt_text_drop(struct mgmt_text *t, size_t n) {
    if (n < t->len) memmove(t->at, t->at + n, t->len - n);
    t->len -= n;
    if (!t->len) mgmt_text_free(t);
}

void mgmt_text_free(struct mgmt_text *t) {
    free(t->at);
    memset(t, 0, sizeof *t);
}
