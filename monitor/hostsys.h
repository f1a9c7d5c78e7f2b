/*
 * hostsys.h: host system calls as bare instructions.
 *
 * Callers: clock, events and helpers, on paths where the guest's x87/SSE state may still
 * be live in the registers and libc may not run. Each returns what the kernel
 * returns: a negative errno on failure. errno itself is never touched, so signal
 * handlers may use them.
 */
#ifndef NOVT_MONITOR_HOSTSYS_H
#define NOVT_MONITOR_HOSTSYS_H

#include <linux/futex.h>
#include <signal.h>
#include <stdint.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

static inline long hostsys_call6(long nr, long a, long b, long c, long d, long e, long f) {
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    long ret;
    __asm__ volatile("syscall"
                     : "=a"(ret)
                     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return ret;
}
static inline long hostsys_call4(long nr, long a, long b, long c, long d) {
    return hostsys_call6(nr, a, b, c, d, 0, 0);
}

static inline long hostsys_timer_create(clockid_t clock, struct sigevent *ev, int *id) {
    return hostsys_call4(SYS_timer_create, clock, (long)(intptr_t)ev, (long)(intptr_t)id, 0);
}
static inline long hostsys_timer_settime(int id, int flags, const struct itimerspec *when) {
    return hostsys_call4(SYS_timer_settime, id, flags, (long)(intptr_t)when, 0);
}
static inline long hostsys_timer_delete(int id) { return hostsys_call4(SYS_timer_delete, id, 0, 0, 0); }

/* Sleeps while *word == value; a signal handler or hostsys_futex_wake ends it. */
static inline long hostsys_futex_wait(uint32_t *word, uint32_t value) {
    return hostsys_call4(SYS_futex, (long)(intptr_t)word, FUTEX_WAIT_PRIVATE, (long)value, 0);
}
/* The same, until CLOCK_MONOTONIC reaches `until` at the latest: -ETIMEDOUT. NULL: no limit. */
static inline long hostsys_futex_wait_until(uint32_t *word, uint32_t value, const struct timespec *until) {
    return hostsys_call6(SYS_futex, (long)(intptr_t)word, FUTEX_WAIT_BITSET_PRIVATE, (long)value, (long)(intptr_t)until,
                         0, (long)FUTEX_BITSET_MATCH_ANY);
}
static inline long hostsys_futex_wake(uint32_t *word) {
    return hostsys_call4(SYS_futex, (long)(intptr_t)word, FUTEX_WAKE_PRIVATE, 1, 0);
}
static inline long hostsys_tgkill(int pid, int tid, int signo) { return hostsys_call4(SYS_tgkill, pid, tid, signo, 0); }
static inline int hostsys_gettid(void) { return (int)hostsys_call4(SYS_gettid, 0, 0, 0, 0); }
static inline int hostsys_getpid(void) { return (int)hostsys_call4(SYS_getpid, 0, 0, 0, 0); }
/* Without waiting for the disk: -EAGAIN, or less, what needs that. */
static inline long hostsys_preadv_now(int fd, const struct iovec *vec, unsigned count, uint64_t offset) {
    return hostsys_call6(SYS_preadv2, fd, (long)(intptr_t)vec, (long)count, (long)offset, 0, RWF_NOWAIT);
}
static inline long hostsys_write(int fd, const void *buf, size_t n) {
    return hostsys_call4(SYS_write, fd, (long)(intptr_t)buf, (long)n, 0);
}
/* Up to 256 bytes come whole, or -EAGAIN in the first moments of the host's life. */
static inline long hostsys_random_now(void *buf, size_t n) {
    return hostsys_call4(SYS_getrandom, (long)(intptr_t)buf, (long)n, GRND_NONBLOCK, 0);
}
#endif
