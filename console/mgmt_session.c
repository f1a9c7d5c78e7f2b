/*
 * mgmt_session.c: the protocol: the greeting, the negotiation, commands and their answers.
 *
 * Follows the QEMU Machine Protocol (QEMU documentation, "QMP Protocol Specification"): classes of errors, what is
 * echoed, what must come first. Texts of errors are ours but where clients are known to look at them.
 */
#include <stdio.h>
#include <string.h>
#include "console/mgmt_internal.h"

/* The version of QEMU whose command set this follows, for clients that look. */
enum { QEMU_MAJOR = 7, QEMU_MINOR = 2, QEMU_MICRO = 0 };

json_t *mgmt_version(void) {
    return json_pack("{s:{s:i, s:i, s:i}, s:s}", "qemu", "major", (int)QEMU_MAJOR, "minor", (int)QEMU_MINOR, "micro",
                     (int)QEMU_MICRO, "package", "novt " NOVT_VERSION);
}

static void send_new(struct mgmt_client *c, json_t *message) {
    mgmt_client_send(c, message);
    json_decref(message);
}

void mgmt_session_greet(struct mgmt_client *c) {
    send_new(c, json_pack("{s:{s:o, s:[]}}", "QMP", "version", mgmt_version(), "capabilities"));
}

/* ---- Answers ---- */

static void answer(struct mgmt_client *c, json_t *message, json_t *id) {
    if (id) json_object_set(message, "id", id);
    send_new(c, message);
}

static void refuse(struct mgmt_client *c, json_t *id, const char *class, const char *why) {
    json_t *desc = json_string(why);
    if (!desc) desc = json_string("the command failed"); /* not UTF-8 */
    answer(c, json_pack("{s:{s:s, s:o}}", "error", "class", class, "desc", desc), id);
}

static const char generic[] = "GenericError", not_found[] = "CommandNotFound";

void mgmt_session_broken(struct mgmt_client *c, enum mgmt_frame_found why) {
    static const char *const texts[] = {[MGMT_FRAME_BROKEN] =
                                            "JSON parse error: not a complete JSON object in one line",
                                        [MGMT_FRAME_LONG] = "JSON parse error: the message is longer than 1 MiB",
                                        [MGMT_FRAME_DEEP] = "JSON parse error: nested too deeply",
                                        [MGMT_FRAME_NO_MEMORY] = "out of memory"};
    refuse(c, NULL, generic, texts[why]);
    if (c->strict) mgmt_client_drop(c);
}

/* ---- One request ---- */

struct request {
    json_t *id; /* borrowed; NULL: none */
    const char *name;
    json_t *args; /* owned */
};

/* NULL, or what is wrong with it. */
static const char *check(json_t *message, struct request *r, char *buf, size_t size) {
    const char *key;
    json_t *value;
    json_object_foreach(message, key, value) {
        bool known = !strcmp(key, "execute") || !strcmp(key, "arguments") || !strcmp(key, "id");
        if (known) continue;
        snprintf(buf, size, "QMP input member '%.100s' is unexpected", key);
        return buf;
    }
    json_t *name = json_object_get(message, "execute"), *args = json_object_get(message, "arguments");
    if (!name) return "QMP input lacks member 'execute'";
    if (!json_is_string(name)) return "QMP input member 'execute' must be a string";
    if (args && !json_is_object(args)) return "QMP input member 'arguments' must be an object";
    r->name = json_string_value(name);
    r->args = args ? json_incref(args) : json_object();
    return NULL;
}

static void negotiate(struct mgmt_client *c, const struct request *r) {
    const json_t *enable = json_object_get(r->args, "enable");
    if (c->negotiated) {
        refuse(c, r->id, not_found, "Capabilities negotiation is already complete, command ignored");
    } else if (json_array_size(enable)) {
        refuse(c, r->id, generic, "there are no capabilities to enable");
    } else {
        c->negotiated = true;
        answer(c, json_pack("{s:{}}", "return"), r->id);
    }
}

static void execute(struct mgmt_client *c, const struct request *r) {
    const struct mgmt_command *command = mgmt_command_find(r->name);
    char why[200];
    if (!strcmp(r->name, "qmp_capabilities")) {
        negotiate(c, r);
    } else if (!c->negotiated) {
        refuse(c, r->id, not_found, "Expecting capabilities negotiation with 'qmp_capabilities'");
    } else if (!command) {
        snprintf(why, sizeof why, "The command %.100s has not been found", r->name);
        refuse(c, r->id, not_found, why);
    } else {
        struct mgmt_call call = {.mgmt = c->g, .client = c, .machine = c->g->machine, .args = r->args};
        json_t *result = mgmt_command_run(&call, command);
        mgmt_events_send(c->g); /* what it caused comes first, as QEMU has it */
        if (result)
            answer(c, json_pack("{s:o}", "return", result), r->id);
        else
            refuse(c, r->id, call.error_class, call.error);
        if (c->mode != MGMT_LINE_SOON) return;
        c->mode = MGMT_LINE;
        mgmt_serial_pump(c);
    }
}

void mgmt_session_message(struct mgmt_client *c, const char *text, size_t len) {
    json_error_t error;
    char why[200];
    json_t *message = json_loadb(text, len, JSON_REJECT_DUPLICATES, &error);
    struct request r = {0};
    if (!message) {
        snprintf(why, sizeof why, "JSON parse error: %.150s", error.text);
        refuse(c, NULL, generic, why);
        return;
    }
    const char *wrong = json_is_object(message) ? NULL : "QMP input must be a JSON object";
    r.id = json_object_get(message, "id");
    if (!wrong) wrong = check(message, &r, why, sizeof why);
    if (wrong)
        refuse(c, r.id, generic, wrong);
    else
        execute(c, &r);
    json_decref(r.args);
    json_decref(message);
}
