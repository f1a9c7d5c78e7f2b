/*
 * cmd_vm.c: the commands that do one thing to a machine: stop, cont, reset, powerdown, kill, screenshot, key.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "console/command.h"
#include "console/vm.h"

enum { END_MS = 10000 };

struct order {
    const char *name;
    int args;          /* behind the machine; -1: one at least */
    const char *usage; /* what they are */
    const char *help;
    int (*run)(struct vm *v, const struct order *o, char **args);
    const char *command; /* of the protocol */
};

/* ---- What they do ---- */

static int report(json_t *result) {
    json_decref(result);
    return result ? CON_OK : CON_USAGE;
}

static int run_plain(struct vm *v, const struct order *o, char **args) {
    (void)args;
    return report(vm_ask(v, o->command, NULL, NULL));
}

static int kill_process(const struct vm *v) {
    if (v->pid <= 1 || kill(v->pid, SIGKILL)) return CON_USAGE;
    fprintf(stderr, "novt: it is killed (process %d)\n", (int)v->pid);
    return CON_OK;
}

/* A machine that does not answer is ended all the same. */
static int run_kill(struct vm *v, const struct order *o, char **args) {
    const char *why;
    (void)args;
    json_t *r = vm_ask(v, o->command, NULL, &why);
    json_decref(r);
    return vm_wait_end(v, r ? END_MS : 0) ? CON_OK : kill_process(v);
}

/* The machine's process writes it, and may have another current folder. */
static char *absolute(const char *path) {
    char *here = path[0] == '/' ? NULL : getcwd(NULL, 0), *whole = NULL;
    int n = asprintf(&whole, "%s%s%s", here ? here : "", here ? "/" : "", path);
    free(here);
    return n < 0 ? NULL : whole;
}

static int run_screenshot(struct vm *v, const struct order *o, char **args) {
    char *path = absolute(args[0]);
    json_t *message = path ? json_pack("{s:s}", "filename", path) : NULL;
    free(path);
    if (!message) return con_usage_error(NULL, "'%s' is no name for a file", args[0]);
    return report(vm_ask(v, o->command, message, NULL));
}

static int run_key(struct vm *v, const struct order *o, char **args) {
    for (; *args; args++) {
        json_t *message = json_pack("{s:s}", "keys", *args);
        if (!message) return con_usage_error(NULL, "'%s' is no key", *args);
        if (report(vm_ask(v, o->command, message, NULL)) != CON_OK) return CON_USAGE;
    }
    return CON_OK;
}

static const struct order orders[] = {
    {"stop", 0, "", "Stops a machine: no guest code runs and its time stands still, until novt cont.", run_plain,
     "stop"},
    {"cont", 0, "", "Lets a stopped machine go on.", run_plain, "cont"},
    {"reset", 0, "", "Presses the reset button.", run_plain, "system_reset"},
    {"powerdown", 0, "", "Presses the power button; the guest may shut down, or not hear it.", run_plain,
     "system_powerdown"},
    {"kill", 0, "", "Ends a machine at once, as by pulling the plug.", run_kill, "quit"},
    {"screenshot", 1, " FILE", "Writes the screen to FILE.png, FILE.ppm or, as text, to FILE.txt.", run_screenshot,
     "screendump"},
    {"key", -1, " KEYS...", "Presses keys, one set after the other: novt key VM ctrl-alt-delete, novt key VM l s ret.",
     run_key, "x-novt-sendkey"},
};

static const struct order *find_order(const char *name) {
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++)
        if (!strcmp(orders[i].name, name)) return &orders[i];
    return NULL;
}

/* ---- The commands ---- */

static void print_help(FILE *out, const char *name) {
    const struct order *o = find_order(name);
    fprintf(out,
            "Usage: novt %s VM%s\n\n%s\nVM is a name, the number of a process, or the path of a socket (novt list).\n",
            o->name, o->usage, o->help);
}

int con_vm(int argc, char **argv) {
    const struct order *o = find_order(argv[0]);
    struct vm v;
    int given = argc - 2;
    if (argc == 2 && !strcmp(argv[1], "--help")) return print_help(stdout, argv[0]), con_finish_output();
    if (given < 0 || (o->args < 0 ? given < 1 : given != o->args))
        return con_usage_error(o->name, "%s needs VM%s", o->name, o->usage);
    if (!vm_open(&v, argv[1])) return o->run == run_kill ? kill_process(&v) : CON_USAGE;
    int code = o->run(&v, o, argv + 2);
    vm_close(&v);
    return code;
}

void con_stop_help(FILE *out) { print_help(out, "stop"); }
void con_cont_help(FILE *out) { print_help(out, "cont"); }
void con_reset_help(FILE *out) { print_help(out, "reset"); }
void con_powerdown_help(FILE *out) { print_help(out, "powerdown"); }
void con_kill_help(FILE *out) { print_help(out, "kill"); }
void con_screenshot_help(FILE *out) { print_help(out, "screenshot"); }
void con_key_help(FILE *out) { print_help(out, "key"); }
