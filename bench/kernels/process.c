/* process.c: processes, and switching between two of them. */
#define _GNU_SOURCE
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
