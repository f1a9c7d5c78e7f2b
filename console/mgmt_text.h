/*
 * mgmt_text.h: text that grows: what a command prints, what waits for a client. Running out of memory is sticky.
 */
#ifndef NOVT_CONSOLE_MGMT_TEXT_H
#define NOVT_CONSOLE_MGMT_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct mgmt_text { /* zeroed: empty */
    char *at;
    size_t len, room;
    bool failed;
};

void mgmt_text_add(struct mgmt_text *t, const void *bytes, size_t n);
void mgmt_print(struct mgmt_text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Takes away the first n bytes. */
void mgmt_text_drop(struct mgmt_text *t, size_t n);
void mgmt_text_free(struct mgmt_text *t);
#endif
