/*
 * mgmt_run.c: commands about the run: its state, stop and go on, reset, power, the end; and what the machine is.
 */
#include <stdio.h>
#include "console/mgmt_command.h"
#include "console/mgmt_internal.h"

/* ---- State ---- */

static const char *status_name(const struct mon_run_state *s) {
    if (s->ending) return "shutdown";
    if (s->running) return "running";
    return s->begun ? "paused" : "prelaunch";
}

static json_t *query_status(struct mgmt_call *c) {
    struct mon_run_state s;
    if (!mgmt_asked(c, mon_ask_state(c->machine, &s), NULL)) return NULL;
    return json_pack("{s:b, s:b, s:s}", "running", s.running && !s.ending, "singlestep", 0, "status", status_name(&s));
}

static void print_status(json_t *r, struct mgmt_text *out) {
    mgmt_print(out, "VM status: %s\n", json_string_value(json_object_get(r, "status")));
}

static json_t *query_cpus(struct mgmt_call *c) {
    struct mon_run_state s;
    if (!mgmt_asked(c, mon_ask_state(c->machine, &s), NULL)) return NULL;
    return json_pack("[{s:i, s:s, s:i, s:s}]", "cpu-index", 0, "qom-path", "/machine/unattached/device[0]", "thread-id",
                     s.tid, "target", "i386");
}

static void print_cpus(json_t *r, struct mgmt_text *out) {
    size_t i;
    json_t *cpu;
    json_array_foreach(r, i, cpu) {
        mgmt_print(out, "* CPU #%zu: thread_id=%d\n", i, (int)json_integer_value(json_object_get(cpu, "thread-id")));
    }
}

/* ---- Orders ---- */

static json_t *done(struct mgmt_call *c, enum mon_ask a) { return mgmt_asked(c, a, NULL) ? mgmt_nothing() : NULL; }

static json_t *stop(struct mgmt_call *c) { return done(c, mon_ask_stop(c->machine)); }
static json_t *cont(struct mgmt_call *c) { return done(c, mon_ask_cont(c->machine)); }
static json_t *reset(struct mgmt_call *c) { return done(c, mon_ask_reset(c->machine)); }
static json_t *quit(struct mgmt_call *c) { return done(c, mon_ask_quit(c->machine, MON_EXIT_OK)); }

static json_t *nmi(struct mgmt_call *c) { return done(c, mon_ask_nmi(c->machine)); }

/* As QEMU, which does not tell whether somebody listens. */
static json_t *powerdown(struct mgmt_call *c) {
    bool heard;
    return done(c, mon_ask_powerdown(c->machine, &heard));
}

/* ---- What it is ---- */

static json_t *query_version(struct mgmt_call *c) { return (void)c, mgmt_version(); }

static void print_version(json_t *r, struct mgmt_text *out) {
    mgmt_print(out, "%s\n", json_string_value(json_object_get(r, "package")));
}

static json_t *query_name(struct mgmt_call *c) {
    const char *name = mgmt_vm_config(c->mgmt)->name;
    return name ? json_pack("{s:s}", "name", name) : json_object();
}

static void print_name(json_t *r, struct mgmt_text *out) {
    const char *name = json_string_value(json_object_get(r, "name"));
    mgmt_print(out, "%s\n", name ? name : "");
}

static json_t *query_uuid(struct mgmt_call *c) {
    const struct mon_smbios_config *s = &mgmt_vm_config(c->mgmt)->smbios;
    static const char dash_before[16] = {[4] = 1, [6] = 1, [8] = 1, [10] = 1};
    char text[40];
    for (int i = 0, n = 0; i < 16; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, "%s%02x", dash_before[i] ? "-" : "",
                      s->have_uuid ? s->uuid[i] : 0);
    return json_pack("{s:s}", "UUID", text);
}

static void print_uuid(json_t *r, struct mgmt_text *out) {
    mgmt_print(out, "%s\n", json_string_value(json_object_get(r, "UUID")));
}

static json_t *query_kvm(struct mgmt_call *c) {
    (void)c;
    return json_pack("{s:b, s:b}", "enabled", 0, "present", 0);
}

static void print_kvm(json_t *r, struct mgmt_text *out) {
    (void)r;
    mgmt_print(out, "kvm support: not used\n");
}

static json_t *query_target(struct mgmt_call *c) { return (void)c, json_pack("{s:s}", "arch", "i386"); }

const struct mgmt_command mgmt_run_commands[] = {
    {"query-status", "info status", NULL, "does the machine run", "{running, singlestep, status}", query_status,
     print_status},
    {"query-cpus-fast", "info cpus", NULL, "the processors and their threads", "list of CPUs", query_cpus, print_cpus},
    {"stop", "stop|s", NULL, "stop the machine; its time stands still", NULL, stop, NULL},
    {"cont", "cont|c", NULL, "let a stopped machine go on", NULL, cont, NULL},
    {"system_reset", "system_reset", NULL, "press the reset button", NULL, reset, NULL},
    {"system_powerdown", "system_powerdown", NULL, "press the power button, which the guest may hear", NULL, powerdown,
     NULL},
    {"inject-nmi", "nmi", NULL, "send the processor a non-maskable interrupt", NULL, nmi, NULL},
    {"query-kvm", "info kvm", NULL, "is KVM used: never", "{enabled, present}", query_kvm, print_kvm},
    {"query-target", NULL, NULL, "the processor's architecture", "{arch}", query_target, NULL},
    {"quit", "quit|q", NULL, "end the run at once, as by pulling the plug", NULL, quit, NULL},
    {"query-version", "info version", NULL, "version of the program, and of QEMU's protocol that it follows",
     "{qemu: {major, minor, micro}, package}", query_version, print_version},
    {"query-name", "info name", NULL, "what the machine is called", "{name}", query_name, print_name},
    {"query-uuid", "info uuid", NULL, "the machine's UUID", "{UUID}", query_uuid, print_uuid},
    {0},
};
