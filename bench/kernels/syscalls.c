/* syscalls.c: system calls that do little, signals, files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
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
