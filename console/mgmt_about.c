/*
 * mgmt_about.c: commands about commands: text lines in the protocol, completion, help.
 */
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_internal.h"
#include "console/mgmt_line.h"

/* ---- Running a line ---- */

/* Runs it with the arguments in a call of its own. NULL: c->error. */
static json_t *run_line(struct mgmt_call *c, const char *line, const struct mgmt_command **row) {
    struct mgmt_call inner = {.mgmt = c->mgmt, .client = c->client, .machine = c->machine};
    *row = mgmt_line_parse(&inner, line);
    json_t *result = *row ? mgmt_command_run(&inner, *row) : NULL;
    json_decref(inner.args);
    if (!result) memcpy(c->error, inner.error, sizeof c->error), c->error_class = inner.error_class;
    return result;
}

static void print_result(const struct mgmt_command *row, json_t *result, struct mgmt_text *out) {
    if (row->print) {
        row->print(result, out);
        return;
    }
    bool empty = json_is_object(result) && !json_object_size(result);
    char *text = empty ? NULL : json_dumps(result, JSON_INDENT(2));
    if (text) mgmt_print(out, "%s\n", text);
    free(text);
}

/* A text as a JSON string; what is not UTF-8 in it becomes question marks. */
static json_t *text_value(struct mgmt_text *t) {
    if (!t->at) return json_string("");
    json_t *s = json_stringn(t->at, t->len);
    for (size_t i = 0; !s && i < t->len; i++)
        if (t->at[i] & 0x80) t->at[i] = '?';
    if (!s) s = json_stringn(t->at, t->len);
    mgmt_text_free(t);
    return s;
}

json_t *mgmt_result_text(const struct mgmt_command *row, json_t *result) {
    struct mgmt_text out = {0};
    print_result(row, result, &out);
    json_decref(result);
    return json_pack("{s:o}", "text", text_value(&out));
}

static void run_as_text(struct mgmt_call *c, const char *line, struct mgmt_text *out) {
    const struct mgmt_command *row;
    json_t *result = run_line(c, line, &row);
    if (result)
        print_result(row, result, out);
    else
        mgmt_print(out, "Error: %s\n", c->error);
    json_decref(result);
}

void mgmt_line_text(struct mgmt *g, struct mgmt_client *c, const char *line, struct mgmt_text *out) {
    struct mgmt_call call = {.mgmt = g, .client = c, .machine = g->machine};
    run_as_text(&call, line, out);
}

void mgmt_line_say(void *opaque, const char *line, void (*say)(void *to, const char *text, size_t n), void *to) {
    struct mgmt_text out = {0};
    if (line[strspn(line, " \t")]) mgmt_line_text(opaque, NULL, line, &out);
    if (out.len) say(to, out.at, out.len);
    mgmt_text_free(&out);
}

/* As QEMU: what goes wrong is text as well. */
static json_t *human_monitor_command(struct mgmt_call *c) {
    struct mgmt_text out = {0};
    run_as_text(c, mgmt_arg_text(c, "command-line", ""), &out);
    c->error[0] = 0;
    return text_value(&out);
}

static json_t *novt_line(struct mgmt_call *c) {
    const struct mgmt_command *row;
    json_t *result = run_line(c, mgmt_arg_text(c, "line", ""), &row);
    if (!result) return NULL;
    return mgmt_arg_bool(c, "json") ? json_pack("{s:o}", "result", result) : mgmt_result_text(row, result);
}

/* ---- Completion, help ---- */

static json_t *novt_complete(struct mgmt_call *c) { return mgmt_line_complete(mgmt_arg_text(c, "line", "")); }

static json_t *help(struct mgmt_call *c) {
    struct mgmt_text out = {0};
    const char *command = mgmt_arg_text(c, "command", NULL);
    if (mgmt_line_help(command, &out)) return json_pack("{s:o}", "text", text_value(&out));
    return mgmt_fail(c, "there is no command '%.100s'", command);
}

void mgmt_print_text(json_t *r, struct mgmt_text *out) {
    const char *text = json_string_value(json_object_get(r, "text"));
    if (text) mgmt_text_add(out, text, strlen(text));
}

static json_t *nothing(struct mgmt_call *c) { return (void)c, mgmt_nothing(); }

static const struct mgmt_arg hmp_args[] = {
    {.name = "command-line", .type = MGMT_STRING, .help = "the line"},
    {.name = "cpu-index", .type = MGMT_INT, .optional = true, .help = "for QEMU's clients; there is one CPU"},
    {0}};
static const struct mgmt_arg line_args[] = {
    {.name = "line", .type = MGMT_STRING, .help = "the line"},
    {.name = "json", .type = MGMT_BOOL, .optional = true, .help = "the result as the protocol has it"},
    {0}};
static const struct mgmt_arg complete_args[] = {{.name = "line", .type = MGMT_STRING, .help = "up to the cursor"}, {0}};
static const struct mgmt_arg help_args[] = {
    {.name = "command", .type = MGMT_REST, .optional = true, .help = "all about this one"}, {0}};

const struct mgmt_command mgmt_text_commands[] = {
    {NULL, "help|?", help_args, "list the commands, or explain one", "{text}", help, mgmt_print_text},
    {"qmp_capabilities", NULL, NULL, "begin, after the greeting", NULL, nothing, NULL},
    {"human-monitor-command", NULL, hmp_args, "run a line of text; errors are text too", "string",
     human_monitor_command, NULL},
    {"x-novt-line", NULL, line_args, "run a line of text", "{text} or {result}", novt_line, NULL},
    {"x-novt-complete", NULL, complete_args, "what the last word of a line may become", "list of strings",
     novt_complete, NULL},
    {0},
};
