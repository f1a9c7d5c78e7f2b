#include "monitor/terminal.h"

#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

enum { CTRL_A = 1 };

/* Global because atexit and signal handlers have no argument; one terminal a process. */
static struct {
    bool active, registered;
    int fd;
    struct termios saved, raw;
} terminal;

const char terminal_help[] = "\r\nCtrl-A x  quit\r\nCtrl-A h  this help\r\nCtrl-A b  send a break\r\n"
                             "Ctrl-A Ctrl-A  send Ctrl-A\r\n";

bool terminal_raw(int fd) {
    if (!isatty(fd) || tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &terminal.saved)) return false;
    terminal.fd = fd;
    terminal.raw = terminal.saved;
    /* Output processing stays as the user had it, so that our own messages still look right. */
    terminal.raw.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    terminal.raw.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | ISIG | IEXTEN);
    terminal.raw.c_cc[VMIN] = 1;
    terminal.raw.c_cc[VTIME] = 0;
    if (!terminal.registered) terminal.registered = atexit(terminal_restore) == 0;
    terminal.active = tcsetattr(fd, TCSANOW, &terminal.raw) == 0;
    return terminal.active;
}

void terminal_restore(void) {
    if (!terminal.active) return;
    terminal.active = false;
    tcsetattr(terminal.fd, TCSANOW, &terminal.saved);
}

void terminal_continue(void) {
    if (terminal.active) tcsetattr(terminal.fd, TCSANOW, &terminal.raw);
}

enum terminal_key terminal_key(struct terminal_escape *e, uint8_t byte) {
    if (!e->pending) {
        e->pending = byte == CTRL_A;
        return e->pending ? TERMINAL_SWALLOWED : TERMINAL_PASS;
    }
    e->pending = false;
    switch (byte) {
    case CTRL_A: return TERMINAL_PASS;
    case 'x':
    case 'X': return TERMINAL_QUIT;
    case 'b':
    case 'B': return TERMINAL_BREAK;
    case 'h':
    case 'H':
    case '?': return TERMINAL_HELP;
    default: return TERMINAL_SWALLOWED;
    }
}
