/* process.c: processes, and switching between two of them. */
#define _GNU_SOURCE
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include "bench.h"

/* Waits for a child that must have ended well. */
static void reap(pid_t child) {
    int status;
    require(waitpid(child, &status, 0) == child && status == 0, "child");
}

uint32_t bench_fork_wait(void) {
    for (int i = 0; i < 8; i++) {
        pid_t child = fork();
        require(child >= 0, "fork");
        if (child == 0) _exit(0);
        reap(child);
    }
    return 1;
}

uint32_t bench_fork_exec_wait(void) {
    for (int i = 0; i < 4; i++) {
        pid_t child = fork();
        require(child >= 0, "fork");
        if (child == 0) {
            execl("/proc/self/exe", "bench", "exit", (char *)0);
            _exit(1);
        }
        reap(child);
    }
    return 1;
}

/* Ends at the end of its input. */
static void echo_bytes(int in, int out) {
    char c;
    while (read(in, &c, 1) == 1)
        if (write(out, &c, 1) != 1) _exit(1);
    _exit(0);
}

uint32_t bench_pipe_ping_pong(void) {
    int there[2], back[2];
    char c = 1;
    require(pipe(there) == 0 && pipe(back) == 0, "pipe");
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) {
        close(there[1]);
        echo_bytes(there[0], back[1]);
    }
    for (int i = 0; i < 100; i++) require(write(there[1], &c, 1) == 1 && read(back[0], &c, 1) == 1, "pipe");
    for (int i = 0; i < 2; i++) close(there[i]), close(back[i]);
    reap(child);
    return 1;
}

uint32_t bench_socket_ping_pong(void) {
    int pair[2];
    char c = 1;
    require(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) {
        close(pair[0]);
        echo_bytes(pair[1], pair[1]);
    }
    close(pair[1]);
    for (int i = 0; i < 100; i++) require(write(pair[0], &c, 1) == 1 && read(pair[0], &c, 1) == 1, "socket");
    close(pair[0]);
    reap(child);
    return 1;
}

/* ---- Many senders and receivers: each of SIDES processes sends LETTERS letters to each of as many receivers ---- */

enum { SIDES = 8, LETTERS = 25, LETTER = 100 };

static void receive_letters(int from) {
    char letter[LETTER];
    for (int left = SIDES * LETTERS * LETTER; left;) {
        ssize_t n = read(from, letter, sizeof letter);
        if (n <= 0) _exit(1);
        left -= (int)n;
    }
    _exit(0);
}

static void send_letters(const int *to) {
    static const char letter[LETTER];
    for (int i = 0; i < LETTERS; i++)
        for (int k = 0; k < SIDES; k++)
            for (int done = 0; done < LETTER;) {
                ssize_t n = write(to[k], letter, (size_t)(LETTER - done));
                if (n <= 0) _exit(1);
                done += (int)n;
            }
    _exit(0);
}

uint32_t bench_hackbench(void) {
    int out[SIDES], in[SIDES];
    pid_t child[2 * SIDES];
    for (int k = 0; k < SIDES; k++) {
        int pair[2];
        require(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
        out[k] = pair[0], in[k] = pair[1];
    }
    for (int k = 0; k < 2 * SIDES; k++) {
        child[k] = fork();
        require(child[k] >= 0, "fork");
        if (child[k]) continue;
        if (k < SIDES) receive_letters(in[k]);
        send_letters(out);
    }
    for (int k = 0; k < SIDES; k++) close(out[k]), close(in[k]);
    for (int k = 0; k < 2 * SIDES; k++) reap(child[k]);
    return SIDES;
}
