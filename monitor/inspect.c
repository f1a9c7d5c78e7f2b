#include "monitor/inspect_internal.h"

#include "monitor/board.h"

enum { ASK_MS = 5000, ASK_LONG_MS = 30000 };

/* ---- Asking ---- */

static enum mon_ask answer(enum mailbox_result r) {
    switch (r) {
    case MAILBOX_DONE: return MON_ASK_OK;
    case MAILBOX_LATE: return MON_ASK_LATE;
    case MAILBOX_CLOSED: return MON_ASK_ENDED;
    case MAILBOX_NO_MEMORY: break;
    }
    return MON_ASK_NO_MEMORY;
}

enum mon_ask inspect_ask(struct machine *m, mailbox_fn *fn, void *args, size_t size) {
    return answer(mailbox_ask(&m->mailbox, fn, args, size, ASK_MS));
}

enum mon_ask inspect_ask_long(struct machine *m, mailbox_fn *fn, void *args, size_t size) {
    return answer(mailbox_ask(&m->mailbox, fn, args, size, ASK_LONG_MS));
}

const char *mon_ask_text(enum mon_ask a) {
    switch (a) {
    case MON_ASK_OK:
    case MON_ASK_FAILED: return NULL;
    case MON_ASK_LATE: return "the machine does not answer: it may be waiting for a reader of its output";
    case MON_ASK_ENDED: return "the machine has ended";
    case MON_ASK_NO_MEMORY: break;
    }
    return "out of memory";
}

/* ---- State of the run ---- */

static bool do_state(struct machine *m, void *args, struct letter *l) {
    struct mon_run_state *out = args;
    (void)l;
    *out = (struct mon_run_state){.running = !m->paused,
                                  .begun = m->begun,
                                  .ending = m->exit_requested,
                                  .halted = m->vcpu.halted,
                                  .guest_ns = clock_now(&m->clock),
                                  .tid = m->events.tid};
    return true;
}

enum mon_ask mon_ask_state(struct machine *m, struct mon_run_state *out) {
    return inspect_ask(m, do_state, out, sizeof *out);
}

/* ---- Orders ---- */

static bool do_stop(struct machine *m, void *args, struct letter *l) {
    (void)args, (void)l;
    machine_pause(m);
    return true;
}

static bool do_cont(struct machine *m, void *args, struct letter *l) {
    (void)args, (void)l;
    machine_resume(m);
    return true;
}

static bool do_reset(struct machine *m, void *args, struct letter *l) {
    (void)args, (void)l;
    machine_request_reset(m, MON_CAUSE_CONSOLE);
    machine_do_reset(m);
    return true;
}

static bool do_powerdown(struct machine *m, void *args, struct letter *l) {
    bool *heard = args;
    (void)l;
    *heard = board_power_button(m->board);
    machine_tell(m, MON_EVENT_POWERDOWN, MON_CAUSE_CONSOLE);
    return true;
}

static bool do_nmi(struct machine *m, void *args, struct letter *l) {
    (void)args, (void)l;
    m->host.request(m->host.opaque, DEV_REQ_NMI, 0);
    return true;
}

static bool do_quit(struct machine *m, void *args, struct letter *l) {
    (void)l;
    machine_request_exit(m, *(int *)args, MON_CAUSE_CONSOLE);
    return true;
}

enum mon_ask mon_ask_stop(struct machine *m) { return inspect_ask(m, do_stop, NULL, 0); }
enum mon_ask mon_ask_cont(struct machine *m) { return inspect_ask(m, do_cont, NULL, 0); }
enum mon_ask mon_ask_reset(struct machine *m) { return inspect_ask(m, do_reset, NULL, 0); }
enum mon_ask mon_ask_nmi(struct machine *m) { return inspect_ask(m, do_nmi, NULL, 0); }
enum mon_ask mon_ask_powerdown(struct machine *m, bool *heard) {
    return inspect_ask(m, do_powerdown, heard, sizeof *heard);
}
enum mon_ask mon_ask_quit(struct machine *m, int code) { return inspect_ask(m, do_quit, &code, sizeof code); }
