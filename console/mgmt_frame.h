/*
 * mgmt_frame.h: finds the messages in what a client sends: JSON texts, one after the other.
 *
 * A message ends with its closing brace, whether or not a line ends there, and no message goes on over the end of a
 * line: what is incomplete there is an error. After an error all is skipped to the end of the line. Length and depth
 * are bounded before any parser sees the text. Pure but for memory. Caller: mgmt_client.c, tests.
 */
#ifndef NOVT_CONSOLE_MGMT_FRAME_H
#define NOVT_CONSOLE_MGMT_FRAME_H

#include <stdbool.h>
#include <stddef.h>

enum { MGMT_FRAME_MAX = 1 << 20, MGMT_FRAME_DEPTH = 64 };

struct mgmt_frame { /* zeroed: empty */
    char *text;
    size_t len, room;
    unsigned depth;
    bool in_string, escaped, skipping;
};

enum mgmt_frame_found {
    MGMT_FRAME_NONE,    /* all bytes are used */
    MGMT_FRAME_MESSAGE, /* text and len are a message, until the next call */
    MGMT_FRAME_BROKEN,  /* not JSON, or incomplete at the end of the line */
    MGMT_FRAME_LONG,
    MGMT_FRAME_DEEP,
    MGMT_FRAME_NO_MEMORY,
};

/* Looks at n bytes until something is found; *used of them are done with. */
enum mgmt_frame_found mgmt_frame_take(struct mgmt_frame *f, const char *bytes, size_t n, size_t *used);
void mgmt_frame_free(struct mgmt_frame *f);
#endif
