/*
 * mgmt_table.c: the list of all commands, and what can be told from it without running one.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include "console/mgmt_command.h"

/* A new file of commands has its array here, and is declared in mgmt_command.h. */
static const struct mgmt_command *const groups[] = {
    mgmt_run_commands,   mgmt_cpu_commands,     mgmt_memory_commands, mgmt_paging_commands, mgmt_board_commands,
    mgmt_media_commands, mgmt_user_commands,    mgmt_serial_commands, mgmt_stats_commands,  mgmt_text_commands,
    mgmt_about_commands, mgmt_cache_commands,   mgmt_block_commands,  mgmt_mmu_commands,    mgmt_pages_commands,
    mgmt_adapt_commands, mgmt_watch_commands,   mgmt_trace_commands,  mgmt_symbol_commands, mgmt_steer_commands,
    mgmt_code_commands,  mgmt_devices_commands,
};
enum { GROUPS = sizeof groups / sizeof groups[0] };

const struct mgmt_command *mgmt_command_at(unsigned i) {
    for (unsigned g = 0; g < GROUPS; g++)
        for (const struct mgmt_command *c = groups[g]; c->qmp || c->line; c++)
            if (!i--) return c;
    return NULL;
}

const struct mgmt_command *mgmt_command_find(const char *qmp) {
    const struct mgmt_command *c;
    for (unsigned i = 0; (c = mgmt_command_at(i)); i++)
        if (c->qmp && !strcmp(c->qmp, qmp)) return c;
    return NULL;
}

/* ---- Errors ---- */

json_t *mgmt_fail(struct mgmt_call *c, const char *fmt, ...) {
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(c->error, sizeof c->error, fmt, ap);
    va_end(ap);
    if (!c->error_class) c->error_class = "GenericError";
    return NULL;
}

bool mgmt_asked(struct mgmt_call *c, enum mon_ask a, const char *why) {
    const char *text = mon_ask_text(a);
    if (a != MON_ASK_OK) mgmt_fail(c, "%s", text ? text : why ? why : "the command failed");
    return a == MON_ASK_OK;
}

/* ---- Arguments ---- */

const char *mgmt_arg_text(const struct mgmt_call *c, const char *name, const char *or_else) {
    const char *s = json_string_value(json_object_get(c->args, name));
    return s ? s : or_else;
}
int64_t mgmt_arg_int(const struct mgmt_call *c, const char *name, int64_t or_else) {
    const json_t *v = json_object_get(c->args, name);
    return v ? (int64_t)json_integer_value(v) : or_else;
}
bool mgmt_arg_bool(const struct mgmt_call *c, const char *name) { return json_is_true(json_object_get(c->args, name)); }
bool mgmt_arg_given(const struct mgmt_call *c, const char *name) { return json_object_get(c->args, name) != NULL; }
json_t *mgmt_nothing(void) { return json_object(); }

static const char *type_name(enum mgmt_type t) {
    switch (t) {
    case MGMT_INT:
    case MGMT_EXPR: return "integer";
    case MGMT_BOOL: return "boolean";
    case MGMT_VALUE: return "any";
    default: return "string";
    }
}

static bool type_fits(const struct mgmt_arg *a, const json_t *v) {
    switch (a->type) {
    case MGMT_INT:
    case MGMT_EXPR: return json_is_integer(v);
    case MGMT_BOOL: return json_is_boolean(v);
    case MGMT_VALUE: return true;
    default: return json_is_string(v);
    }
}

static bool is_choice(const char *choices, const char *word) {
    size_t len = strlen(word);
    for (const char *at = choices; at; at = strchr(at, '|') ? strchr(at, '|') + 1 : NULL)
        if (len && !strncmp(at, word, len) && (at[len] == '|' || !at[len])) return true;
    return false;
}

static bool check_arg(struct mgmt_call *c, const struct mgmt_arg *a) {
    const json_t *v = json_object_get(c->args, a->name);
    if (!v && !a->optional)
        mgmt_fail(c, "Parameter '%s' is missing", a->name);
    else if (v && !type_fits(a, v))
        mgmt_fail(c, "Invalid parameter type for '%s', expected: %s", a->name, type_name(a->type));
    else if (v && a->type == MGMT_WORD && !is_choice(a->choices, json_string_value(v)))
        mgmt_fail(c, "Parameter '%s' must be one of %s", a->name, a->choices);
    return !c->error[0];
}

static const struct mgmt_arg *find_arg(const struct mgmt_command *command, const char *name) {
    for (const struct mgmt_arg *a = command->args; a && a->name; a++)
        if (!strcmp(a->name, name)) return a;
    return NULL;
}

static bool check_args(struct mgmt_call *c, const struct mgmt_command *command) {
    const char *name;
    json_t *value;
    json_object_foreach(c->args, name, value) {
        if (find_arg(command, name)) continue;
        mgmt_fail(c, "Parameter '%.200s' is unexpected", name);
        return false;
    }
    for (const struct mgmt_arg *a = command->args; a && a->name; a++)
        if (!check_arg(c, a)) return false;
    return true;
}

json_t *mgmt_command_run(struct mgmt_call *c, const struct mgmt_command *command) {
    c->error[0] = 0;
    c->error_class = NULL;
    if (!check_args(c, command)) return NULL;
    json_t *result = command->run(c);
    if (!result && !c->error[0]) mgmt_fail(c, "out of memory");
    return result;
}

/* ---- What there is ---- */

static json_t *query_commands(struct mgmt_call *call) {
    json_t *list = json_array();
    const struct mgmt_command *c;
    (void)call;
    for (unsigned i = 0; (c = mgmt_command_at(i)); i++)
        if (c->qmp) json_array_append_new(list, json_pack("{s:s}", "name", c->qmp));
    return list;
}

static json_t *describe_arg(const struct mgmt_arg *a) {
    json_t *d = json_pack("{s:s, s:s, s:b}", "name", a->name, "type", type_name(a->type), "optional", a->optional);
    if (a->choices) json_object_set_new(d, "choices", json_string(a->choices));
    if (a->help) json_object_set_new(d, "help", json_string(a->help));
    return d;
}

static json_t *describe(const struct mgmt_command *c) {
    json_t *args = json_array();
    for (const struct mgmt_arg *a = c->args; a && a->name; a++) json_array_append_new(args, describe_arg(a));
    json_t *d = json_pack("{s:s, s:s, s:o}", "name", c->qmp, "help", c->help, "arguments", args);
    if (c->line) json_object_set_new(d, "line", json_string(c->line));
    if (c->returns) json_object_set_new(d, "returns", json_string(c->returns));
    return d;
}

enum { SCHEMA_VERSION = 1 };

static json_t *query_schema(struct mgmt_call *call) {
    json_t *list = json_array();
    const struct mgmt_command *c;
    (void)call;
    for (unsigned i = 0; (c = mgmt_command_at(i)); i++)
        if (c->qmp) json_array_append_new(list, describe(c));
    return json_pack("{s:i, s:o}", "version", (int)SCHEMA_VERSION, "commands", list);
}

const struct mgmt_command mgmt_about_commands[] = {
    {"query-commands", NULL, NULL, "the names of all commands", "list of {name}", query_commands, NULL},
    {"query-schema", NULL, NULL, "all commands with their arguments; version grows when one changes its meaning",
     "{version, commands: list of {name, help, arguments, line, returns}}", query_schema, NULL},
    {0},
};
