/*
 * cmd_attach.c: novt console: the first serial line of a running machine at this terminal.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "console/command.h"
#include "console/vm.h"
#include "monitor/terminal.h"

enum { CHUNK = 4096 };

void con_console_help(FILE *out) {
    fputs(
        "Usage: novt console VM [--no-history]\n\n"
        "Connects this terminal with the machine's first serial line, beside what it is connected to anyway, "
        "beginning\n"
        "with the last 64 KiB that were sent there. Ctrl-A x leaves, Ctrl-A h lists the keys; without a terminal the\n"
        "end of the input leaves.\n"
        "VM is a name, the number of a process, or the path of a socket (novt list).\n",
        out);
}

static bool write_all(int fd, const char *bytes, size_t n) {
    while (n) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        bytes += done;
        n -= (size_t)done;
    }
    return true;
}

static const char keys[] = "\r\nCtrl-A x  leave the console\r\nCtrl-A h  this help\r\nCtrl-A Ctrl-A  send Ctrl-A\r\n";

/* False: the user leaves, or the machine is gone. */
static bool type(const struct vm *v, struct terminal_escape *escape, bool raw, const char *bytes, size_t n) {
    char out[CHUNK];
    size_t m = 0;
    for (size_t i = 0; i < n; i++) {
        switch (raw ? terminal_key(escape, (uint8_t)bytes[i]) : TERMINAL_PASS) {
        case TERMINAL_PASS: out[m++] = bytes[i]; break;
        case TERMINAL_QUIT: return false;
        case TERMINAL_HELP: write_all(STDOUT_FILENO, keys, sizeof keys - 1); break;
        case TERMINAL_BREAK:
        case TERMINAL_SWALLOWED: break;
        }
    }
    return write_all(v->fd, out, m);
}

static bool from_machine(const struct vm *v) {
    char bytes[CHUNK];
    ssize_t n = read(v->fd, bytes, sizeof bytes);
    if (n < 0 && errno == EINTR) return true;
    return n > 0 && write_all(STDOUT_FILENO, bytes, (size_t)n);
}

/* Until the user leaves or the machine ends. What the machine still sends after the input's end is waited for a moment.
 */
static void serve(const struct vm *v, bool raw) {
    enum { LAST_WORDS_MS = 500 };
    struct terminal_escape escape = {0};
    struct pollfd p[] = {{.fd = v->fd, .events = POLLIN}, {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        char bytes[CHUNK];
        int n = poll(p, 2, p[1].fd < 0 ? LAST_WORDS_MS : -1);
        if (n == 0 || (n < 0 && errno != EINTR)) return;
        if (n > 0 && p[0].revents && !from_machine(v)) return;
        if (n <= 0 || !p[1].revents) continue;
        ssize_t got = read(STDIN_FILENO, bytes, sizeof bytes);
        if (got > 0 && !type(v, &escape, raw, bytes, (size_t)got)) return;
        if (got == 0 || (got < 0 && errno != EINTR)) p[1].fd = -1;
    }
}

static bool attach(struct vm *v, bool history) {
    json_t *r = vm_ask(v, "x-novt-serial-attach", json_pack("{s:b}", "history", history), NULL);
    json_decref(r);
    return r != NULL;
}

int con_console(int argc, char **argv) {
    struct vm v;
    bool history = !(argc == 3 && !strcmp(argv[2], "--no-history"));
    if (argc == 2 && !strcmp(argv[1], "--help")) return con_console_help(stdout), con_finish_output();
    if (argc < 2 || argc > 3 || (argc == 3 && history)) return con_usage_error("console", "console needs VM");
    if (!vm_open(&v, argv[1])) return CON_USAGE;
    if (!attach(&v, history)) {
        vm_close(&v);
        return CON_USAGE;
    }
    bool raw = terminal_raw(STDIN_FILENO);
    if (raw) fprintf(stderr, "novt: console of %s; Ctrl-A x leaves it\r\n", argv[1]);
    if (write_all(STDOUT_FILENO, v.text, v.len)) serve(&v, raw); /* what came right behind the answer */
    terminal_restore();
    if (raw) fputs("\n", stderr);
    vm_close(&v);
    return CON_OK;
}
