/*
 * terminal.h: the user's terminal in raw mode, and the Ctrl-A escape.
 *
 * Callers: chr (stdio), signals (restore at a crash). Whatever way the process
 * ends, the terminal gets its old settings back: atexit, crash handler, and
 * again after a stop and continue.
 */
#ifndef NOVT_MONITOR_TERMINAL_H
#define NOVT_MONITOR_TERMINAL_H

#include <stdbool.h>
#include <stdint.h>

/* Puts fd into raw mode if it is a terminal of which we are the foreground process. False: left alone. */
bool terminal_raw(int fd);
/* Async-signal-safe, idempotent. */
void terminal_restore(void);
/* Raw mode again after SIGCONT, if it was on. Async-signal-safe. */
void terminal_continue(void);

/* What a typed byte means. */
enum terminal_key { TERMINAL_PASS, TERMINAL_SWALLOWED, TERMINAL_QUIT, TERMINAL_HELP, TERMINAL_BREAK };
struct terminal_escape {
    bool pending;
}; /* the last byte was Ctrl-A */
enum terminal_key terminal_key(struct terminal_escape *e, uint8_t byte);

extern const char terminal_help[];
#endif
