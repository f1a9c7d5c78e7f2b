/*
 * cmd_list.c: novt list.
 */
#include <stdlib.h>
#include <string.h>
#include "console/command.h"
#include "console/vm.h"

void con_list_help(FILE *out) {
    fputs("Usage: novt list [--json]\n\n"
          "Lists your machines that run: name, process, state, socket. A machine is called by any of the three in\n"
          "other commands: novt stop NAME, novt monitor PID.\n",
          out);
}

/* The value of a member that is a string; "" if there is none. */
static char *ask_text(struct vm *v, const char *command, const char *member) {
    const char *why;
    json_t *r = vm_ask(v, command, NULL, &why);
    const char *text = json_string_value(json_object_get(r, member));
    char *copy = strdup(text ? text : "");
    json_decref(r);
    return copy;
}

static void add(void *opaque, const char *path, const char *name) {
    struct vm v;
    bool answers = vm_open_path(&v, path);
    char *own = answers ? ask_text(&v, "query-name", "name") : NULL;
    char *state = answers ? ask_text(&v, "query-status", "status") : NULL;
    json_array_append_new(opaque,
                          json_pack("{s:s, s:i, s:s, s:s}", "name", own && own[0] ? own : name, "pid", (int)v.pid,
                                    "status", state && state[0] ? state : "does not answer", "socket", path));
    free(own);
    free(state);
    vm_close(&v);
}

static void print_table(const json_t *list) {
    size_t i;
    json_t *m;
    if (json_array_size(list)) printf("%-20s %8s %-10s %s\n", "NAME", "PID", "STATE", "SOCKET");
    json_array_foreach(list, i, m) {
        printf("%-20s %8d %-10s %s\n", json_string_value(json_object_get(m, "name")),
               (int)json_integer_value(json_object_get(m, "pid")), json_string_value(json_object_get(m, "status")),
               json_string_value(json_object_get(m, "socket")));
    }
}

static void print_json(const json_t *list) {
    json_dumpf(list, stdout, JSON_INDENT(2));
    puts("");
}

int con_list(int argc, char **argv) {
    bool as_json = argc == 2 && !strcmp(argv[1], "--json");
    if (argc == 2 && !strcmp(argv[1], "--help")) return con_list_help(stdout), con_finish_output();
    if (argc > 1 && !as_json) return con_usage_error("list", "list: unexpected argument '%s'", argv[1]);
    json_t *list = json_array();
    bool ok = vm_each(add, list);
    if (ok && as_json)
        print_json(list);
    else if (ok)
        print_table(list);
    json_decref(list);
    return ok ? con_finish_output() : CON_USAGE;
}
