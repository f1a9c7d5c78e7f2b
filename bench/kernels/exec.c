/*
 * exec.c: bench exec MS PROGRAM ARGUMENT...: runs a program again and again for that long, and once at least.
 *
 * One line as of any benchmark, by the name exec; the checksum is that of what the program prints.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static double cpu_of_children(void) {
    struct rusage u;
    getrusage(RUSAGE_CHILDREN, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) * 1e-6;
}

static void exec_child(char **argv, const int pipe_fds[2]) {
    dup2(pipe_fds[1], STDOUT_FILENO);
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    execv(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

/* The checksum of what it printed. */
static uint32_t run_once(char **argv) {
    static uint8_t buffer[64 << 10];
    int fds[2], status;
    uint32_t sum = 0;
    ssize_t n;
    require(pipe(fds) == 0, "pipe");
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) exec_child(argv, fds);
    close(fds[1]);
    while ((n = read(fds[0], buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < n; i++) sum = mix(sum, buffer[i]);
    close(fds[0]);
    require(waitpid(child, &status, 0) == child && status == 0, argv[0]);
    return sum;
}

int exec_main(int argc, char **argv) {
    if (argc < 4) return -1;
    double limit = atoi(argv[2]) / 1e3, start = now(), last = start, best = 1e9, first = 0;
    uint32_t sum = 0;
    unsigned reps = 0;
    do {
        uint32_t got = run_once(argv + 3);
        double end = now();
        if (!reps) sum = got, first = end - last;
        if (got != sum) sum = 0xbadbad;
        if (end - last < best) best = end - last;
        last = end;
        reps++;
    } while (last - start < limit);
    printf("exec %.9f %.9f %.9f %.9f %u %08x\n", best, first, (last - start) / reps, cpu_of_children() / reps, reps,
           sum);
    return 0;
}
