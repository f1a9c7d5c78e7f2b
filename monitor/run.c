/*
 * run.c: the run loop: what happens between two pieces of guest code.
 *
 * Order at every boundary: requests (reset, exit), timers and descriptors if any were noted, NMI, interrupt, then
 * sleep (HLT) or guest code. The guest's x87/SSE state may be live in the host's registers all the
 * time; what needs libc parks it first.
 */
#include <x86intrin.h>
#include "devemu/clock.h"
#include "monitor/board.h"
#include "monitor/debug.h"
#include "monitor/ferr.h"
#include "monitor/gdb.h"
#include "monitor/machine.h"
#include "monitor/perf.h"
#include "monitor/signals.h"

/* ---- Requests ---- */

void machine_request_exit(struct machine *m, int code, enum mon_cause cause) {
    if (m->exit_requested) return;
    m->exit_requested = true;
    m->exit_code = code;
    machine_tell(m, MON_EVENT_SHUTDOWN, cause);
    machine_attention(m);
}

void machine_request_reset(struct machine *m, enum mon_cause cause) {
    m->reset_requested = true;
    m->reset_cause = cause;
    machine_attention(m);
}

void machine_tell(struct machine *m, enum mon_event_kind what, enum mon_cause cause) {
    const struct mon_observer *o = m->cfg->observer;
    if (!o) return;
    bt_fpu_park(&m->vcpu.cpu);
    o->event(o->opaque, what, cause);
}

void machine_attention(struct machine *m) {
    events_note(&m->events);
    if (m->engine) bt_kick(m->engine);
}

static void handle_triple_fault(struct machine *m) {
    m->vcpu.triple_fault = false;
    MON_LOG(&m->log, MON_LOG_EXCEPTION, "triple fault at %04x:%08x", m->vcpu.cpu.seg[DEC_CS].selector, m->vcpu.cpu.eip);
    if (!m->cfg->no_reboot) {
        machine_request_reset(m, MON_CAUSE_TRIPLE_FAULT);
        return;
    }
    machine_tell(m, MON_EVENT_PANICKED, MON_CAUSE_TRIPLE_FAULT);
    machine_request_exit(m, m->cfg->triple_fault_code, MON_CAUSE_TRIPLE_FAULT);
}

void machine_do_reset(struct machine *m) {
    m->reset_requested = false;
    if (m->exit_requested) return;
    if (m->cfg->no_reboot) {
        machine_request_exit(m, MON_EXIT_OK, m->reset_cause);
        return;
    }
    bt_fpu_park(&m->vcpu.cpu);
    m->stats.resets++;
    machine_reset(m);
    if (m->paused) m->begun = false;
    machine_tell(m, MON_EVENT_RESET, m->reset_cause);
}

/* True: the run is over. */
static bool handle_requests(struct machine *m) {
    if (m->stop_signal) machine_request_exit(m, MON_EXIT_OK, MON_CAUSE_SIGNAL);
    if (m->vcpu.triple_fault) handle_triple_fault(m);
    if (m->reset_requested) machine_do_reset(m);
    return m->exit_requested;
}

/* ---- Timers and descriptors ---- */

static void handle_events(struct machine *m) {
    m->vcpu.cpu.at = BT_AT_EVENTS;
    bt_fpu_park(&m->vcpu.cpu);
    events_dispatch(&m->events);
    clock_run_due(&m->clock);
    clock_run_due(&m->real);
    mailbox_open(&m->mailbox, m);
}

/* ---- Interrupts ---- */

static void deliver_nmi(struct machine *m) {
    struct vcpu *v = &m->vcpu;
    v->nmi_pending = false;
    v->nmi_blocked = true; /* until IRET */
    m->stats.nmis++;
    if (watch_wants(m, MON_SEEN_IRQ))
        watch_note(m, &(struct watch_event){.kind = MON_SEEN_IRQ, .sub = VEC_NMI, .name = "nmi"});
    MON_LOG(&m->log, MON_LOG_IRQ, "nmi at %04x:%08x", v->cpu.seg[DEC_CS].selector, v->cpu.eip);
    mon_interrupt(v, VEC_NMI);
}

static void deliver_interrupt(struct machine *m) {
    struct vcpu *v = &m->vcpu;
    int vector = board_ack_interrupt(m->board);
    if (vector < 0) return;
    m->stats.interrupts++;
    m->stats.vectors[vector & (MON_VECTORS - 1)]++;
    if (watch_wants(m, MON_SEEN_IRQ))
        watch_note(m, &(struct watch_event){.kind = MON_SEEN_IRQ, .sub = (uint32_t)vector});
    MON_LOG(&m->log, MON_LOG_IRQ, "vector %02x at %04x:%08x", (unsigned)vector, v->cpu.seg[DEC_CS].selector,
            v->cpu.eip);
    mon_interrupt(v, vector);
}

static void deliver_pending(struct machine *m) {
    struct vcpu *v = &m->vcpu;
    if (v->halted) v->cpu.irq_shadow = false; /* HLT was the instruction in the shadow of STI */
    if (v->cpu.irq_shadow) return;
    if (v->nmi_pending && !v->nmi_blocked)
        deliver_nmi(m);
    else if (v->cpu.intr && v->cpu.flags_if)
        deliver_interrupt(m);
}

/* ---- HLT, and a stopped machine ---- */

/* CLOCK_MONOTONIC of the next timer of either clock, 0: none. */
static uint64_t next_timer(struct machine *m) {
    uint64_t guest = clock_sleep_until(&m->clock), real = clock_sleep_until(&m->real);
    return guest && (!real || guest < real) ? guest : real;
}

static void sleep_halted(struct machine *m) {
    m->vcpu.cpu.at = BT_AT_WAIT;
    bt_fpu_park(&m->vcpu.cpu);
    perf_idle(m->perf);
    uint64_t start = __rdtsc();
    m->stats.halts++;
    if (!events_spin(&m->events)) events_sleep(&m->events, next_timer(m));
    m->stats.halted_ticks += __rdtsc() - start;
}

uint64_t machine_halted_ns(const struct machine *m) { return dev_ticks_to_ns(m->stats.halted_ticks, m->clock.tsc_hz); }

static void sleep_paused(struct machine *m) {
    m->vcpu.cpu.at = BT_AT_WAIT;
    bt_fpu_park(&m->vcpu.cpu);
    events_sleep(&m->events, next_timer(m));
}

/* ---- Guest code ---- */

/* What decides about traps and the shadow is the state before the instruction. */
struct step {
    bool tf, shadow, watching;
    uint32_t rf, held, events;
    struct mon_watch watch; /* valid if watching */
};

/* INT n clears TF instead of trapping. Where it goes through a gate that counts as an event; with VME it may not. */
static bool traps_after(struct vcpu *v) {
    if (!(v->cpu.flags_sys & EFL_TF)) return false;
    return !(vcpu_v86(v) && v->cpu.cr4 & CR4_VME && mon_debug_at_int(v));
}

/* RF lasts for one instruction: it is taken away here, and IRET or a repeat that is not through sets it anew. */
static void before_step(struct vcpu *v, struct step *s) {
    s->tf = traps_after(v);
    s->shadow = v->cpu.irq_shadow;
    s->watching = v->cpu.debug_step;
    s->rf = v->cpu.flags_sys & EFL_RF;
    s->held = s->shadow ? v->debug_held : 0;
    s->events = v->events;
    v->cpu.flags_sys &= ~(uint32_t)EFL_RF;
    v->debug_held = 0;
    v->ss_loaded = false;
    if (s->watching) mon_watch_begin(v, &s->watch);
}

/* Did the instruction just done load SS? That holds back the trap as well as interrupts (SDM vol. 3 "Masking
 * Exceptions and Interrupts When Switching Stacks"); STI, the other source of the shadow, only interrupts. */
static bool loaded_ss(const struct vcpu *v) { return v->cpu.irq_shadow && v->ss_loaded; }

static void end_shadow(struct vcpu *v, const struct step *s) {
    if (s->shadow && !loaded_ss(v)) v->cpu.irq_shadow = false;
}

/* Between two iterations the saved image has RF set: SDM vol. 3 "RF (resume) flag". */
static uint32_t watch_hits(struct vcpu *v, const struct step *s) {
    if (!s->watching) return 0;
    if (mon_watch_unfinished(v, &s->watch)) v->cpu.flags_sys |= EFL_RF;
    return mon_watch_hits(v, &s->watch);
}

/* All that the instruction caused is one #DB. Across a load of SS data breakpoints are held, the step is lost. */
static void after_instruction(struct machine *m, const struct step *s) {
    struct vcpu *v = &m->vcpu;
    end_shadow(v, s);
    uint32_t dr6 = s->held | watch_hits(v, s);
    v->ss_shadow = loaded_ss(v);
    if (v->ss_shadow) {
        v->debug_held = dr6;
        return;
    }
    if (s->tf) dr6 |= DR6_BS;
    if (dr6) mon_debug_trap(v, dr6);
}

/* A callout ended its block: it finished its instruction, or delivered an event instead, which has ended the shadow. */
static void after_op(struct machine *m, const struct step *s) {
    if (m->vcpu.events == s->events) after_instruction(m, s);
}

/* Nothing was run, or some iterations of a string instruction. */
static void after_poll(struct machine *m, const struct step *s, bool boundary) {
    struct vcpu *v = &m->vcpu;
    v->cpu.flags_sys |= s->rf;
    v->debug_held = s->held;
    if (boundary) v->cpu.irq_shadow = false;
    if (!s->watching || !mon_watch_unfinished(v, &s->watch)) return;
    uint32_t dr6 = watch_hits(v, s);
    if (dr6) mon_debug_trap(v, dr6);
}

/* SDM vol. 3 "Instruction-Breakpoint Exception Condition". A task switch or reset may have disarmed the last one. */
static bool at_breakpoint(struct vcpu *v) {
    mon_debug_update(v);
    if (!v->cpu.debug_step || v->cpu.flags_sys & EFL_RF || (v->cpu.irq_shadow && v->ss_shadow)) return false;
    uint32_t dr6 = mon_debug_at_pc(v);
    if (dr6) mon_debug_fault(v, dr6);
    return dr6 != 0;
}

enum bt_next machine_raise(struct bt_cpu *cpu, const struct guest_fault *f) {
    struct vcpu *v = vcpu_of(cpu);
    struct machine *m = v->machine;
    m->stats.faults++;
    MON_LOG(&m->log, MON_LOG_EXCEPTION, "vector %d error %x cr2 %08x at %04x:%08x cpl %u", f->vector, f->error, f->cr2,
            v->cpu.seg[DEC_CS].selector, v->cpu.eip, v->cpu.cpl);
    return mon_raise_fault(v, f);
}

static const char *exit_name(enum bt_exit reason) {
    static const char *const names[] = {"op", "poll", "exception", "step"};
    return names[reason];
}

static void run_guest(struct machine *m) {
    struct vcpu *v = &m->vcpu;
    struct step s;
    struct bt_exit_info x;
    if (v->cpu.debug_step && at_breakpoint(v)) return;
    bool ignne = v->ignne, ignored = v->ignne_masked;
    before_step(v, &s);
    m->in_guest = true;
    bt_run(m->engine, &x);
    m->in_guest = false;
    v->cpu.at = BT_AT_MONITOR;
    m->stats.exits[x.reason]++;
    if (m->gdb) gdb_after(m->gdb, x.reason, s.watching ? &s.watch : NULL);
    MON_LOG(&m->log, MON_LOG_EXIT, "%s at %04x:%08x", exit_name(x.reason), v->cpu.seg[DEC_CS].selector, v->cpu.eip);
    switch (x.reason) {
    case BT_EXIT_OP: after_op(m, &s); break;
    case BT_EXIT_EXCEPTION: machine_raise(&v->cpu, &x.fault); break;
    case BT_EXIT_STEP: after_instruction(m, &s); break;
    case BT_EXIT_POLL: after_poll(m, &s, x.boundary); break;
    }
    if (ignne) mon_ferr_after(v, ignored);
}

int machine_run(struct machine *m) {
    uint64_t start = clock_now(&m->clock);
    m->begun = !m->paused;
    for (;;) {
        m->vcpu.cpu.at = BT_AT_MONITOR;
        if (events_take(&m->events)) handle_events(m);
        if (handle_requests(m)) break;
        if (m->paused) {
            sleep_paused(m);
            continue;
        }
        if (!m->gdb || !gdb_holds_interrupts(m->gdb)) deliver_pending(m);
        if (m->vcpu.triple_fault) continue;
        if (m->vcpu.halted)
            sleep_halted(m);
        else if (!m->gdb || !gdb_before(m->gdb))
            run_guest(m);
    }
    bt_fpu_park(&m->vcpu.cpu);
    m->stats.run_ns = clock_now(&m->clock) - start;
    return m->exit_code;
}
