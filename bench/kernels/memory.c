/* memory.c: page faults and mappings. Every page is small: huge pages would hide the faults natively. */
#define _GNU_SOURCE
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

enum { PAGE = 4096 };

static volatile uint8_t *map(size_t size, int flags, int fd) {
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
    require(p != MAP_FAILED, "mmap");
    madvise(p, size, MADV_NOHUGEPAGE);
    return p;
}

uint32_t bench_fault_anon(void) {
    enum { PAGES = 1024 };
    volatile uint8_t *p = map(PAGES * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    for (size_t i = 0; i < PAGES; i++) p[i * PAGE] = 1;
    uint32_t sum = p[0] + p[(PAGES - 1) * PAGE];
    munmap((void *)p, PAGES * PAGE);
    return sum;
}

/* Reads every page of a file in memory through a mapping; the kernel maps some around each fault. */
uint32_t bench_fault_file(void) {
    enum { PAGES = 1024 };
    static int fd = -1;
    static const uint8_t page[PAGE] = {3};
    if (fd < 0) {
        fd = (int)syscall(SYS_memfd_create, "bench", 0);
        for (int i = 0; i < PAGES; i++) require(write(fd, page, PAGE) == PAGE, "memfd");
    }
    volatile uint8_t *p = map(PAGES * PAGE, MAP_PRIVATE, fd);
    uint32_t sum = 0;
    for (size_t i = 0; i < PAGES; i++) sum += p[i * PAGE];
    munmap((void *)p, PAGES * PAGE);
    return sum;
}

uint32_t bench_mmap_touch_munmap(void) {
    for (int i = 0; i < 400; i++) {
        volatile uint8_t *p = map(PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        p[0] = 1;
        munmap((void *)p, PAGE);
    }
    return 1;
}

/* Read-only, writable, and the write that shows it. */
uint32_t bench_mprotect(void) {
    volatile uint8_t *p = map(4 * PAGE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    p[PAGE] = 0;
    for (int i = 0; i < 200; i++) {
        require(mprotect((void *)p, 4 * PAGE, PROT_READ) == 0, "mprotect");
        require(mprotect((void *)p, 4 * PAGE, PROT_READ | PROT_WRITE) == 0, "mprotect");
        p[PAGE]++;
    }
    uint32_t sum = p[PAGE];
    munmap((void *)p, 4 * PAGE);
    return sum;
}

uint32_t bench_memcpy_32m(void) {
    enum { SIZE = 32 << 20 };
    static uint8_t *from, *to;
    if (!from) {
        from = (uint8_t *)map(SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        to = (uint8_t *)map(SIZE, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        memset(from, 5, SIZE);
    }
    memcpy(to, from, SIZE);
    return to[0] + to[SIZE - 1];
}
