/*
 * pause.c: a stopped machine: no guest code runs and guest time stands still, its TSC included.
 *
 * Descriptors are served on: disk requests end, characters are taken. Networks hold their frames back
 * (events.held), since those would change memory that somebody may be looking at.
 */
#include "monitor/board.h"
#include "monitor/machine.h"

bool machine_pause(struct machine *m) {
    if (m->paused) return false;
    m->paused = m->events.held = true;
    m->paused_tsc = mon_guest_tsc(&m->vcpu);
    clock_stop(&m->clock);
    machine_tell(m, MON_EVENT_STOP, MON_CAUSE_USER);
    return true;
}

void machine_pause_again(struct machine *m) {
    if (m->paused) m->paused_tsc = mon_guest_tsc(&m->vcpu);
}

bool machine_resume(struct machine *m) {
    if (!m->paused) return false;
    m->vcpu.cpu.tsc_offset += (int64_t)(m->paused_tsc - mon_guest_tsc(&m->vcpu));
    clock_go_on(&m->clock);
    board_tsc_changed(m->board);
    m->paused = m->events.held = false;
    m->begun = true;
    machine_attention(m);
    machine_tell(m, MON_EVENT_RESUME, MON_CAUSE_USER);
    return true;
}
