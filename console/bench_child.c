#include "console/bench_child.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "bench/nano/images.h"

#define MEMORY  "256M"
#define TIMEOUT "120" /* seconds */

enum { PATH = 32 };

/* The files of a life, all in memory: the child names them by descriptor. */
struct files {
    int image, serial, err;
};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void close_files(const struct files *f) {
    if (f->image >= 0) close(f->image);
    if (f->serial >= 0) close(f->serial);
    if (f->err >= 0) close(f->err);
}

static bool open_files(struct files *f, const char *image, size_t size) {
    f->image = memfd_create("novt-bench-image", 0);
    f->serial = memfd_create("novt-bench-serial", 0);
    f->err = memfd_create("novt-bench-stats", 0);
    if (f->image >= 0 && f->serial >= 0 && f->err >= 0 && write(f->image, image, size) == (ssize_t)size) return true;
    fprintf(stderr, "novt: bench: memory file: %s\n", strerror(errno));
    close_files(f);
    return false;
}

static void read_text(int fd, char *out) {
    ssize_t n = pread(fd, out, BENCH_TEXT - 1, 0);
    out[n > 0 ? n : 0] = 0;
}

static _Noreturn void become_machine(const struct files *f, const char *append) {
    char kernel[PATH], serial[PATH];
    snprintf(kernel, sizeof kernel, "/proc/self/fd/%d", f->image);
    snprintf(serial, sizeof serial, "file:/proc/self/fd/%d", f->serial);
    const char *argv[] = {"novt",         "run",
                          "--kernel",     kernel,
                          "--append",     append,
                          "--memory",     MEMORY,
                          "--net",        "none",
                          "--display",    "none",
                          "--debug-exit", "iobase=0xF4,iosize=4",
                          "--timeout",    TIMEOUT,
                          "--stats",      "--serial",
                          serial,         NULL};
    dup2(f->err, STDERR_FILENO);
    execv("/proc/self/exe", (char **)argv);
    fprintf(stderr, "novt: bench: /proc/self/exe: %s\n", strerror(errno));
    _exit(127);
}

/* Waits for the end; true if it was the wanted one. */
static bool reap(pid_t child, struct bench_life *life) {
    struct rusage use;
    int status;
    while (wait4(child, &status, 0, &use) < 0)
        if (errno != EINTR) return false;
    life->peak_kib = (uint64_t)use.ru_maxrss;
    return WIFEXITED(status) && WEXITSTATUS(status) == BENCH_DONE;
}

bool bench_live(const char *image, size_t size, const char *append, struct bench_life *life) {
    struct files f;
    if (!open_files(&f, image, size)) return false;
    uint64_t start = now_ns();
    pid_t child = fork();
    if (child == 0) become_machine(&f, append);
    bool good = child > 0 && reap(child, life);
    life->wall_ns = now_ns() - start;
    read_text(f.serial, life->serial);
    read_text(f.err, life->stats);
    close_files(&f);
    if (!good) fprintf(stderr, "novt: bench: a guest did not come to its end: %.200s\n", life->stats);
    return good;
}

/* The line that starts with name, maybe after two spaces; points behind the name. */
static const char *find_line(const char *text, const char *name) {
    size_t length = strlen(name);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        while (*line == '\n' || *line == ' ') line++;
        if (!strncmp(line, name, length) && line[length] == ' ') return line + length;
    }
    return NULL;
}

bool bench_number(const char *text, const char *name, bool hundredths, uint64_t *out) {
    const char *at = find_line(text, name);
    char *end;
    if (!at) return false;
    while (*at == ' ') at++;
    if (!isdigit((unsigned char)*at)) return false;
    *out = strtoull(at, &end, 10);
    if (!hundredths) return true;
    *out *= 100;
    if (end[0] == '.' && isdigit((unsigned char)end[1]) && isdigit((unsigned char)end[2]))
        *out += (uint64_t)(end[1] - '0') * 10 + (uint64_t)(end[2] - '0');
    return true;
}
