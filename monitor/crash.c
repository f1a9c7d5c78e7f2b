#include "monitor/crash.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>
#include "monitor/hostsys.h"
#include "monitor/machine.h"
#include "monitor/terminal.h"

/* A text under construction; what does not fit is cut off. */
struct text {
    size_t len;
    char buf[4096];
};

static void put(struct text *t, const char *s) {
    while (*s && t->len < sizeof t->buf) t->buf[t->len++] = *s++;
}

static void put_hex(struct text *t, uint64_t v, int digits) {
    char s[17];
    s[digits] = 0;
    for (int i = digits; i-- > 0; v >>= 4) s[i] = "0123456789abcdef"[v & 15];
    put(t, s);
}

static void put_named(struct text *t, const char *name, uint64_t v, int digits) {
    put(t, " ");
    put(t, name);
    put(t, "=");
    put_hex(t, v, digits);
}

static const char *signal_name(int signo) {
    switch (signo) {
    case SIGSEGV: return "SIGSEGV";
    case SIGBUS: return "SIGBUS";
    case SIGFPE: return "SIGFPE";
    case SIGILL: return "SIGILL";
    case SIGTRAP: return "SIGTRAP";
    case SIGABRT: return "SIGABRT";
    default: return "signal";
    }
}

static void put_host(struct text *t, const ucontext_t *uc) {
    static const struct {
        const char *name;
        int reg;
    } regs[] = {
        {"rax", REG_RAX}, {"rcx", REG_RCX}, {"rdx", REG_RDX}, {"rbx", REG_RBX}, {"rsp", REG_RSP}, {"rbp", REG_RBP},
        {"rsi", REG_RSI}, {"rdi", REG_RDI}, {"r8", REG_R8},   {"r9", REG_R9},   {"r10", REG_R10}, {"r11", REG_R11},
        {"r12", REG_R12}, {"r13", REG_R13}, {"r14", REG_R14}, {"r15", REG_R15}, {"rip", REG_RIP}, {"efl", REG_EFL},
    };
    for (size_t i = 0; i < sizeof regs / sizeof regs[0]; i++) {
        put(t, i % 4 ? "" : i ? "\nhost:" : "host:");
        put_named(t, regs[i].name, (uint64_t)uc->uc_mcontext.gregs[regs[i].reg], 16);
    }
    put(t, "\n");
}

/* As last stored: while translated code runs, the general registers are the host's above. */
static void put_guest(struct text *t, const struct vcpu *v) {
    static const char *const gpr[8] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    static const char *const seg[DEC_SEG_COUNT] = {"es", "cs", "ss", "ds", "fs", "gs"};
    put(t, "guest:");
    for (int i = 0; i < 8; i++) put_named(t, gpr[i], v->cpu.gpr[i], 8);
    put(t, "\nguest:");
    put_named(t, "eip", v->cpu.eip, 8);
    put_named(t, "efl", bt_eflags(&v->cpu), 8);
    put_named(t, "cr0", v->cpu.cr0, 8);
    put_named(t, "cr2", v->cr2, 8);
    put_named(t, "cr3", v->cr3, 8);
    put_named(t, "cr4", v->cpu.cr4, 8);
    put_named(t, "cpl", v->cpu.cpl, 1);
    put(t, "\nguest:");
    for (int i = 0; i < DEC_SEG_COUNT; i++) put_named(t, seg[i], v->cpu.seg[i].selector, 4);
    put(t, "\n");
}

static void put_head(struct text *t, const struct machine *m, int signo, const siginfo_t *si) {
    put(t, "\nnovt ");
    put(t, m && m->cfg->version ? m->cfg->version : "(unknown version)");
    put(t, ": internal error: ");
    put(t, signal_name(signo));
    if (si) put_named(t, "address", (uint64_t)(uintptr_t)si->si_addr, 16);
    put(t, "\nThis is a bug in novt. Please report it with the lines below.\n");
}

static void emit(const struct text *t) {
    for (size_t done = 0; done < t->len;) {
        long n = hostsys_write(STDERR_FILENO, t->buf + done, t->len - done);
        if (n <= 0) return;
        done += (size_t)n;
    }
}

_Noreturn void crash_report(struct machine *m, int signo, const void *siginfo, void *ucontext) {
    struct text t = {.len = 0};
    terminal_restore();
    if (m) machine_emergency_flush(m);
    put_head(&t, m, signo, siginfo);
    if (ucontext) put_host(&t, ucontext);
    if (m) put_guest(&t, &m->vcpu);
    emit(&t);
    if (m && m->engine) bt_crash_report(m->engine, STDERR_FILENO, ucontext);
    _exit(MON_EXIT_BUG);
}
