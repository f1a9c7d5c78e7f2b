/*
 * devices.c: bench disk DEVICE MS, bench stream HOST PORT send|receive|echo MS, bench timer COUNT: what devices of the
 * guest carry.
 *
 * A line per figure: name, value. Disks are read and written past the page cache, one request at a time.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include "bench.h"

enum { SMALL = 4 << 10, LARGE = 256 << 10 };

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void report(const char *name, double value) {
    printf("%s %.9f\n", name, value);
    fflush(stdout);
}

/* ---- Disks ---- */

struct disk {
    int fd;
    uint64_t size;
    uint8_t *buffer;
    double seconds;
};

static void transfer(const struct disk *d, bool writes, uint32_t bytes, uint64_t at) {
    ssize_t n = writes ? pwrite64(d->fd, d->buffer, bytes, (off64_t)at) : pread64(d->fd, d->buffer, bytes, (off64_t)at);
    require(n == (ssize_t)bytes, "disk");
}

/* Requests a second. */
static double disk_rate(const struct disk *d, bool writes, bool random, uint32_t bytes) {
    uint32_t seed = 99, slots = (uint32_t)(d->size / bytes), slot = 0, count = 0;
    double start = now(), end;
    do {
        transfer(d, writes, bytes, (uint64_t)slot * bytes);
        slot = random ? next_random(&seed) % slots : (slot + 1) % slots;
        count++;
        end = now();
    } while (end - start < d->seconds);
    if (writes) {
        require(fsync(d->fd) == 0, "fsync");
        end = now();
    }
    return count / (end - start);
}

static int disk_main(const char *device, double seconds) {
    struct disk d = {.fd = open(device, O_RDWR | O_DIRECT), .seconds = seconds};
    require(d.fd >= 0, device);
    require(ioctl(d.fd, BLKGETSIZE64, &d.size) == 0 && d.size >= LARGE, "size");
    require(posix_memalign((void **)&d.buffer, SMALL, LARGE) == 0, "memory");
    memset(d.buffer, 0x5a, LARGE);
    report("sequential_read", disk_rate(&d, false, false, LARGE) * LARGE);
    report("sequential_write", disk_rate(&d, true, false, LARGE) * LARGE);
    report("random_read", disk_rate(&d, false, true, SMALL));
    report("random_write", disk_rate(&d, true, true, SMALL));
    return 0;
}

/* ---- TCP ---- */

static int connect_to(const char *host, const char *port) {
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
    require(fd >= 0 && inet_pton(AF_INET, host, &a.sin_addr) == 1, "address");
    require(connect(fd, (struct sockaddr *)&a, sizeof a) == 0, "connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static int stream_main(int fd, const char *way, double seconds) {
    static uint8_t buffer[64 << 10];
    double start = now(), end = start, bytes = 0;
    bool echo = !strcmp(way, "echo"), send_it = !strcmp(way, "send");
    size_t size = echo ? 1 : sizeof buffer;
    while (end - start < seconds) {
        ssize_t n = 1;
        if (echo || send_it) n = write(fd, buffer, size);
        if (n > 0 && !send_it) n = read(fd, buffer, size);
        if (n <= 0) break;
        bytes += (double)n;
        end = now();
    }
    report(way, bytes / (end - start));
    return 0;
}

/* ---- How late a timer wakes a sleeper ---- */

static int compare_double(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static int timer_main(unsigned count) {
    enum { MAX = 2000, PERIOD_NS = 2000000 };
    static double late[MAX];
    struct timespec t;
    if (count > MAX || !count) count = MAX;
    clock_gettime(CLOCK_MONOTONIC, &t);
    for (unsigned i = 0; i < count; i++) {
        t.tv_nsec += PERIOD_NS;
        if (t.tv_nsec >= 1000000000) t.tv_sec++, t.tv_nsec -= 1000000000;
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR) continue;
        late[i] = now() - ((double)t.tv_sec + (double)t.tv_nsec * 1e-9);
    }
    qsort(late, count, sizeof late[0], compare_double);
    report("median", late[count / 2]);
    report("p99", late[count * 99 / 100]);
    return 0;
}

int devices_main(int argc, char **argv) {
    if (argc == 4 && !strcmp(argv[1], "disk")) return disk_main(argv[2], atoi(argv[3]) / 1e3);
    if (argc == 6 && !strcmp(argv[1], "stream"))
        return stream_main(connect_to(argv[2], argv[3]), argv[4], atoi(argv[5]) / 1e3);
    if (argc == 3 && !strcmp(argv[1], "timer")) return timer_main((unsigned)atoi(argv[2]));
    return -1;
}
