#include "monitor/signals.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include "monitor/crash.h"
#include "monitor/hostsys.h"
#include "monitor/machine.h"
#include "monitor/terminal.h"

enum { ALT_STACK_BYTES = 256 << 10, SAMPLE_NS = 1000000 };
enum { SAMPLE, RIPEN }; /* whose SIGPROF it is */

/* Global because a handler has no argument: the machine whose vCPU thread takes the signals. */
static struct machine *signal_machine;
/* How many synchronous faults are being handled: a second one is a bug in the handling of the first. */
static volatile sig_atomic_t fault_depth;

/* ---- Handlers ---- */

static void on_fault(int signo, siginfo_t *si, void *uc) {
    int saved = errno;
    struct machine *m = signal_machine;
    bool ours = !fault_depth++ && m && m->engine && bt_handle_signal(m->engine, signo, si, uc);
    if (!ours) crash_report(m, signo, si, uc);
    fault_depth--;
    if (ours) bt_sample_fault(m->engine, uc);
    errno = saved;
}

static void on_abort(int signo, siginfo_t *si, void *uc) {
    (void)si;
    crash_report(signal_machine, signo, NULL, uc);
}

/* A timer is due, or the I/O thread has something. */
static void on_kick(int signo, siginfo_t *si, void *uc) {
    (void)signo, (void)si;
    struct machine *m = signal_machine;
    if (!m) return;
    events_note(&m->events);
    if (!m->engine) return;
    bt_kick(m->engine);
    bt_kick_in_signal(m->engine, uc);
}

static void on_stop(int signo, siginfo_t *si, void *uc) {
    if (signal_machine) signal_machine->stop_signal = signo;
    on_kick(signo, si, uc);
}

static void on_continue(int signo, siginfo_t *si, void *uc) {
    (void)signo, (void)si, (void)uc;
    terminal_continue();
}

static void on_sample(int signo, siginfo_t *si, void *uc) {
    struct machine *m = signal_machine;
    if (m && m->engine && si->si_value.sival_int == RIPEN) {
        bt_ripen(m->engine, uc);
        return;
    }
    /* A timer of the thread's time is only looked at in the host's clock ticks. */
    unsigned ms = 1 + (si->si_overrun > 0 ? (unsigned)si->si_overrun : 0);
    if (!m || !m->engine) return;
    bt_sample(m->engine, uc, ms);
    if (clock_demand(&m->clock)) on_kick(signo, si, uc);
}

/* ---- Installation ---- */

static const struct {
    int signo, flags;
    void (*fn)(int, siginfo_t *, void *);
} handlers[] = {
    {SIGSEGV, SA_NODEFER, on_fault},
    {SIGBUS, SA_NODEFER, on_fault},
    {SIGFPE, SA_NODEFER, on_fault},
    {SIGILL, SA_NODEFER, on_fault},
    {SIGTRAP, SA_NODEFER, on_fault},
    {SIGABRT, 0, on_abort},
    {SIGNALS_KICK, SA_RESTART, on_kick},
    {SIGPROF, SA_RESTART, on_sample},
    {SIGCONT, SA_RESTART, on_continue},
    /* No SA_RESTART: a wait for a slow reader of our output must end. */
    {SIGTERM, 0, on_stop},
    {SIGINT, 0, on_stop},
    {SIGHUP, 0, on_stop},
};
enum { HANDLER_COUNT = sizeof handlers / sizeof handlers[0] };

/* Signals that interrupt guest code wait while a fault of guest code is handled, and the other way round. */
static void asynchronous(sigset_t *set) {
    sigemptyset(set);
    static const int list[] = {SIGNALS_KICK, SIGPROF, SIGCONT, SIGTERM, SIGINT, SIGHUP};
    for (size_t i = 0; i < sizeof list / sizeof list[0]; i++) sigaddset(set, list[i]);
}

static bool install_stack(struct machine *m) {
    m->alt_stack = mmap(NULL, ALT_STACK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (m->alt_stack == MAP_FAILED) m->alt_stack = NULL;
    stack_t ss = {.ss_sp = m->alt_stack, .ss_size = ALT_STACK_BYTES};
    return m->alt_stack && !sigaltstack(&ss, NULL);
}

bool signals_install(struct machine *m) {
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (!install_stack(m)) return false;
    signal_machine = m;
    fault_depth = 0;
    sigaction(SIGPIPE, &ignore, NULL);
    sigaction(SIGTTOU, &ignore, NULL); /* restoring the terminal from the background must not stop us */
    for (int i = 0; i < HANDLER_COUNT; i++) {
        struct sigaction sa = {.sa_sigaction = handlers[i].fn, .sa_flags = handlers[i].flags | SA_SIGINFO | SA_ONSTACK};
        asynchronous(&sa.sa_mask);
        if (sigaction(handlers[i].signo, &sa, NULL)) return false;
    }
    return true;
}

bool signals_start_sampling(struct machine *m) {
    struct sigevent ev;
    memset(&ev, 0, sizeof ev);
    ev.sigev_notify = SIGEV_THREAD_ID;
    ev.sigev_signo = SIGPROF;
    ev._sigev_un._tid = hostsys_gettid();
    ev.sigev_value.sival_int = RIPEN;
    m->ripening = hostsys_timer_create(CLOCK_MONOTONIC, &ev, &m->ripen_timer) == 0;
    ev.sigev_value.sival_int = SAMPLE;
    m->sampling = hostsys_timer_create(CLOCK_THREAD_CPUTIME_ID, &ev, &m->sample_timer) == 0;
    struct itimerspec every = {.it_interval.tv_nsec = SAMPLE_NS, .it_value.tv_nsec = SAMPLE_NS};
    m->clock.lazy = m->sampling && hostsys_timer_settime(m->sample_timer, 0, &every) == 0;
    return m->clock.lazy;
}

void signals_ripen(void *machine) {
    static const struct itimerspec once = {.it_value.tv_nsec = BT_RIPEN_NS};
    struct machine *m = machine;
    if (m->ripening) hostsys_timer_settime(m->ripen_timer, 0, &once);
}

void signals_remove(struct machine *m) {
    if (m->ripening) hostsys_timer_delete(m->ripen_timer);
    m->ripening = false;
    if (m->sampling) hostsys_timer_delete(m->sample_timer);
    m->sampling = false;
    for (int i = 0; i < HANDLER_COUNT; i++) {
        /* A late tick must not end the process. */
        bool tick = handlers[i].signo == SIGNALS_KICK || handlers[i].signo == SIGPROF;
        struct sigaction sa = {.sa_handler = tick ? SIG_IGN : SIG_DFL};
        sigaction(handlers[i].signo, &sa, NULL);
    }
    signal_machine = NULL;
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, NULL);
    if (m->alt_stack) munmap(m->alt_stack, ALT_STACK_BYTES);
    m->alt_stack = NULL;
}
