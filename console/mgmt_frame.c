#include "console/mgmt_frame.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 512 };

static void begin(struct mgmt_frame *f) {
    f->len = 0;
    f->depth = 0;
    f->in_string = f->escaped = false;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static enum mgmt_frame_found wrong(struct mgmt_frame *f, char at, enum mgmt_frame_found what) {
    begin(f);
    f->skipping = at != '\n';
    return what;
}

static bool keep(struct mgmt_frame *f, char c) {
    if (f->len == f->room) {
        size_t room = f->room ? 2 * f->room : FIRST_ROOM;
        char *text = realloc(f->text, room);
        if (!text) return false;
        f->text = text;
        f->room = room;
    }
    f->text[f->len++] = c;
    return true;
}

static void in_string(struct mgmt_frame *f, char c) {
    if (f->escaped)
        f->escaped = false;
    else if (c == '\\')
        f->escaped = true;
    else if (c == '"')
        f->in_string = false;
}

/* What this byte means for where the message ends. */
static void follow(struct mgmt_frame *f, char c) {
    if (f->in_string)
        in_string(f, c);
    else if (c == '"')
        f->in_string = true;
    else if (c == '{' || c == '[')
        f->depth++;
    else if (c == '}' || c == ']')
        f->depth--;
}

/* One byte inside of a message, or the first of one. */
static enum mgmt_frame_found take_byte(struct mgmt_frame *f, char c) {
    if (!f->depth) begin(f);
    if (!f->depth && c != '{' && c != '[') return wrong(f, c, MGMT_FRAME_BROKEN);
    if (c == '\n') return wrong(f, c, MGMT_FRAME_BROKEN);
    if (f->len == MGMT_FRAME_MAX) return wrong(f, c, MGMT_FRAME_LONG);
    if (!keep(f, c)) return wrong(f, c, MGMT_FRAME_NO_MEMORY);
    follow(f, c);
    if (f->depth > MGMT_FRAME_DEPTH) return wrong(f, c, MGMT_FRAME_DEEP);
    return f->depth ? MGMT_FRAME_NONE : MGMT_FRAME_MESSAGE;
}

enum mgmt_frame_found mgmt_frame_take(struct mgmt_frame *f, const char *bytes, size_t n, size_t *used) {
    enum mgmt_frame_found found = MGMT_FRAME_NONE;
    size_t i = 0;
    for (; i < n && !found; i++) {
        if (f->skipping)
            f->skipping = bytes[i] != '\n';
        else if (f->depth || !is_space(bytes[i]))
            found = take_byte(f, bytes[i]);
    }
    *used = i;
    return found;
}

void mgmt_frame_free(struct mgmt_frame *f) {
    free(f->text);
    memset(f, 0, sizeof *f);
}
