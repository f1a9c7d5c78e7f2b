/*
 * exec.c: bench exec MS PROGRAM ARGUMENT...: runs a program again and again for that long, and once at least.
 *
 * One line as of any benchmark, by the name exec; the checksum is that of what the program prints. It prints into
 * memory and is timed alone: with a pipe, somebody who reads on another processor would count for the native run only.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
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

static void exec_child(char **argv, int out) {
    dup2(out, STDOUT_FILENO);
    execv(argv[0], argv);
    perror(argv[0]);
    _exit(127);
}

static uint32_t checksum(int out) {
    static uint8_t buffer[64 << 10];
    uint32_t sum = 0;
    ssize_t n;
    require(lseek(out, 0, SEEK_SET) == 0, "lseek");
    while ((n = read(out, buffer, sizeof buffer)) > 0)
        for (ssize_t i = 0; i < n; i++) sum = mix(sum, buffer[i]);
    require(n == 0, "read");
    return sum;
}

/* Returns the seconds from before the fork to the end. */
static double run_once(char **argv, uint32_t *sum) {
    int status, out = memfd_create("stdout", MFD_CLOEXEC);
    require(out >= 0, "memfd_create");
    double start = now();
    pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) exec_child(argv, out);
    require(waitpid(child, &status, 0) == child && status == 0, argv[0]);
    double seconds = now() - start;
    *sum = checksum(out);
    close(out);
    return seconds;
}

int exec_main(int argc, char **argv) {
    if (argc < 4) return -1;
    double limit = atoi(argv[2]) / 1e3, total = 0, best = 1e9, first = 0;
    uint32_t sum = 0;
    unsigned reps = 0;
    do {
        uint32_t got;
        double seconds = run_once(argv + 3, &got);
        if (!reps) sum = got, first = seconds;
        if (got != sum) sum = 0xbadbad;
        if (seconds < best) best = seconds;
        total += seconds;
        reps++;
    } while (total < limit);
    printf("exec %.9f %.9f %.9f %.9f %u %08x\n", best, first, total / reps, cpu_of_children() / reps, reps, sum);
    return 0;
}
