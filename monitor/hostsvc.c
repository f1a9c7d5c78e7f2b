/*
 * hostsvc.c: what devices may ask of the machine, and what helpers may ask of
 * the devices (the "machine" section of vcpu.h).
 */
#include "monitor/hostsvc.h"

#include <time.h>
#include "monitor/board.h"
#include "monitor/machine.h"

/* ---- For devices ---- */

static uint64_t host_now(void *opaque) { return clock_now(&((struct machine *)opaque)->clock); }

static uint64_t host_tsc(void *opaque) { return mon_guest_tsc(&((struct machine *)opaque)->vcpu); }

static uint64_t host_tsc_due_ns(void *opaque, uint64_t tsc) {
    struct machine *m = opaque;
    uint64_t left = mon_ns_until_tsc(&m->vcpu, tsc); /* first: late by the time of a call rather than early */
    return clock_now(&m->clock) + left;
}

static int64_t host_wall_seconds(void *opaque) {
    (void)opaque;
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts);
    return ts.tv_sec;
}

static void host_timer_arm(void *opaque, struct dev_timer *t, uint64_t deadline_ns) {
    clock_arm(&((struct machine *)opaque)->clock, t, deadline_ns);
}

static void host_timer_cancel(void *opaque, struct dev_timer *t) {
    clock_cancel(&((struct machine *)opaque)->clock, t);
}

static void host_request(void *opaque, enum dev_request what, int value) {
    struct machine *m = opaque;
    switch (what) {
    case DEV_REQ_RESET: machine_request_reset(m, MON_CAUSE_GUEST_RESET); break;
    case DEV_REQ_POWEROFF: machine_request_exit(m, MON_EXIT_OK, MON_CAUSE_GUEST_SHUTDOWN); break;
    case DEV_REQ_EXIT: machine_request_exit(m, value, MON_CAUSE_GUEST_SHUTDOWN); break;
    case DEV_REQ_NMI: m->vcpu.nmi_pending = true; break;
    }
    machine_attention(m);
}

static void host_set_a20(void *opaque, bool enabled) {
    struct machine *m = opaque;
    if (smmu_a20(m->smmu) == enabled) return;
    smmu_set_a20(m->smmu, enabled);
    bt_state_changed(m->engine);
}

__attribute__((format(printf, 3, 4))) static void host_log(void *opaque, const char *device, const char *fmt, ...) {
    struct machine *m = opaque;
    va_list ap;
    va_start(ap, fmt);
    log_vwrite(&m->log, MON_LOG_DEVICE, device, fmt, ap);
    va_end(ap);
}

static void park(void *opaque) { bt_fpu_park(&((struct machine *)opaque)->vcpu.cpu); }
static void quit(void *opaque) { machine_request_exit(opaque, MON_EXIT_OK, MON_CAUSE_USER); }
static bool stopping(void *opaque) { return ((struct machine *)opaque)->stop_signal != 0; }

void hostsvc_init(struct machine *m) {
    m->host = (struct dev_host){.opaque = m,
                                .mem = m->mem,
                                .io = m->io,
                                .now_ns = host_now,
                                .tsc = host_tsc,
                                .tsc_due_ns = host_tsc_due_ns,
                                .wall_seconds = host_wall_seconds,
                                .timer_arm = host_timer_arm,
                                .timer_cancel = host_timer_cancel,
                                .request = host_request,
                                .set_a20 = host_set_a20,
                                .log = host_log};
    m->chr_host = (struct chr_host){
        .events = &m->events, .clock = &m->real, .opaque = m, .park = park, .quit = quit, .stopping = stopping};
    m->log.park = park;
    m->log.park_opaque = m;
}

/* ---- For helpers: vcpu.h "Services of the machine" ---- */

static void park_for(struct machine *m, uint16_t port, unsigned size) {
    if (m->park_for_ports || !dev_io_keeps_fpu(m->io, port, size)) bt_fpu_park(&m->vcpu.cpu);
}

static void note_port(struct machine *m, enum mon_seen_kind kind, uint16_t port, unsigned size, uint32_t value) {
    watch_note(m, &(struct watch_event){
                      .kind = kind, .size = size, .address = port, .value = value, .name = dev_io_name(m->io, port)});
}

uint32_t mon_io_read(struct vcpu *v, uint16_t port, unsigned size) {
    struct machine *m = v->machine;
    park_for(m, port, size);
    uint32_t value = dev_io_read(m->io, port, size);
    m->stats.io_reads++;
    if (watch_wants(m, MON_SEEN_IN)) note_port(m, MON_SEEN_IN, port, size, value);
    MON_LOG(&m->log, MON_LOG_IO, "in  %04x.%u -> %0*x", port, size, (int)size * 2, value);
    return value;
}

void mon_io_write(struct vcpu *v, uint16_t port, unsigned size, uint32_t value) {
    struct machine *m = v->machine;
    park_for(m, port, size);
    m->stats.io_writes++;
    if (watch_wants(m, MON_SEEN_OUT)) note_port(m, MON_SEEN_OUT, port, size, value);
    MON_LOG(&m->log, MON_LOG_IO, "out %04x.%u <- %0*x", port, size, (int)size * 2, value);
    dev_io_write(m->io, port, size, value);
}

void mon_note_fault(struct vcpu *v, const struct guest_fault *f) {
    struct machine *m = v->machine;
    struct watch_event e = {.kind = MON_SEEN_EXCEPTION, .pc = bt_pc(&v->cpu).v, .sub = (uint32_t)f->vector};
    bool page_fault = f->vector == VEC_PF;
    e.value = f->error;
    if (page_fault) e.address = f->cr2;
    if (watch_wants(m, MON_SEEN_EXCEPTION)) watch_note(m, &e);
    e.kind = MON_SEEN_TRUE;
    if (page_fault && watch_wants(m, MON_SEEN_TRUE)) watch_note(m, &e);
}

void mon_set_apic_base(struct vcpu *v, uint64_t value) {
    v->apic_base = value;
    board_set_apic_base(v->machine->board, value);
}

uint64_t mon_tsc_deadline(struct vcpu *v) { return board_tsc_deadline(v->machine->board); }
void mon_set_tsc_deadline(struct vcpu *v, uint64_t tsc) { board_set_tsc_deadline(v->machine->board, tsc); }
void mon_tsc_changed(struct vcpu *v) {
    if (v->machine->board) board_tsc_changed(v->machine->board);
}
void mon_fpu_error(struct vcpu *v, bool active) { board_fpu_error(v->machine->board, active); }
