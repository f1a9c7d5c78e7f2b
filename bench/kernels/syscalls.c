/* syscalls.c: system calls that do little, signals, files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "bench.h"

uint32_t bench_getpid_int80(void) {
    int pid = 0;
    for (int i = 0; i < 4000; i++) __asm__ volatile("int $0x80" : "=a"(pid) : "0"(SYS_getpid) : "memory");
    return pid == getpid();
}

/* The kernel's own entry in the vDSO: SYSENTER where the CPU has it. */
uint32_t bench_getpid_sysenter(void) {
    uint32_t entry = (uint32_t)getauxval(AT_SYSINFO);
    int pid = 0;
    require(entry != 0, "AT_SYSINFO");
    for (int i = 0; i < 4000; i++) __asm__ volatile("call *%2" : "=a"(pid) : "0"(SYS_getpid), "r"(entry) : "memory");
    return pid == getpid();
}

static volatile uint32_t signals;
static void on_signal(int signo) { (void)signo, signals++; }

uint32_t bench_signal(void) {
    signals = 0;
    signal(SIGUSR1, on_signal);
    int self = getpid();
    for (int i = 0; i < 400; i++) kill(self, SIGUSR1);
    return signals;
}

uint32_t bench_open_close(void) {
    for (int i = 0; i < 400; i++) {
        int fd = open("/dev/null", O_RDONLY);
        require(fd >= 0 && close(fd) == 0, "/dev/null");
    }
    return 1;
}

uint32_t bench_read_zero_64k(void) {
    static uint8_t buffer[64 << 10];
    int fd = open("/dev/zero", O_RDONLY);
    require(fd >= 0, "/dev/zero");
    for (int i = 0; i < 100; i++) require(read(fd, buffer, sizeof buffer) == sizeof buffer, "read");
    close(fd);
    return buffer[0];
}

/* ---- A file that is in memory: 4 KiB at a time ---- */

enum { FILE_BLOCK = 4 << 10, FILE_BLOCKS = 256, FILE_CALLS = 1000 };
static uint8_t block[FILE_BLOCK];
static char file_name[] = "/tmp/bench.XXXXXX";

static void remove_work_file(void) { unlink(file_name); }

static int work_file(void) {
    static int fd = -1;
    if (fd >= 0) return fd;
    fd = mkstemp(file_name);
    require(fd >= 0, file_name);
    memset(block, 1, sizeof block);
    for (int i = 0; i < FILE_BLOCKS; i++) require(write(fd, block, FILE_BLOCK) == FILE_BLOCK, "write");
    atexit(remove_work_file);
    return fd;
}

uint32_t bench_read_file(void) {
    int fd = work_file();
    for (int i = 0; i < FILE_CALLS; i++)
        require(pread(fd, block, FILE_BLOCK, i % FILE_BLOCKS * FILE_BLOCK) == FILE_BLOCK, "pread");
    return block[0];
}

uint32_t bench_write_file(void) {
    int fd = work_file();
    for (int i = 0; i < FILE_CALLS; i++)
        require(pwrite(fd, block, FILE_BLOCK, i % FILE_BLOCKS * FILE_BLOCK) == FILE_BLOCK, "pwrite");
    return block[0];
}

uint32_t bench_stat_file(void) {
    struct stat s;
    work_file();
    for (int i = 0; i < FILE_CALLS; i++) require(stat(file_name, &s) == 0, "stat");
    return (uint32_t)s.st_size;
}
