/*
 * cmd_monitor.c: novt monitor: the management console at a terminal, or one command.
 *
 * Lines, completion and help are the machine's: this end knows no command.
 */
#include <errno.h>
#include <histedit.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "console/command.h"
#include "console/vm.h"

enum { HISTORY = 1000, QUIT_MS = 5000 };

void con_monitor_help(FILE *out) {
    fputs(
        "Usage: novt monitor VM [COMMAND...] [--json] [--watch[=SECONDS] [--count=N]]\n\n"
        "Runs a command of the machine's management console, or reads commands from the terminal: with a history\n"
        "(arrow keys, Ctrl-R), completion (Tab) and help. Words of a command may come as one argument or as several.\n"
        "--watch runs it again and again, every two seconds, until q and Enter, or N times; tc stat --watch tells what "
        "has\n"
        "happened in between.\n"
        "With --json the result is what the protocol has. A machine's commands: novt monitor VM help.\n"
        "VM is a name, the number of a process, or the path of a socket (novt list).\n\n"
        "Examples:\n"
        "  novt monitor VM info registers\n"
        "  novt monitor VM 'x/8i $eip'\n"
        "  novt monitor VM info status --json\n",
        out);
}

/* ---- One line ---- */

static void print_value(const json_t *value) {
    json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY);
    puts("");
}

bool con_run_line(struct vm *v, const char *line, bool as_json) {
    json_t *args = json_pack("{s:s, s:b}", "line", line, "json", as_json);
    json_t *r = args ? vm_ask(v, "x-novt-line", args, NULL) : NULL;
    if (!args) fputs("novt: a command must be UTF-8\n", stderr);
    const char *text = json_string_value(json_object_get(r, "text"));
    if (text) fputs(text, stdout);
    if (r && !text) print_value(json_object_get(r, "result"));
    json_decref(r);
    fflush(stdout);
    return r != NULL;
}

/* ---- The terminal ---- */

struct session {
    struct vm *v;
    EditLine *el;
    History *history;
};

static char *prompt(EditLine *el) {
    static char text[] = "(novt) ";
    return (void)el, text;
}

/* What all candidates begin with. */
static size_t common(const json_t *list) {
    const char *first = json_string_value(json_array_get(list, 0));
    size_t n = first ? strlen(first) : 0, i;
    json_t *other;
    json_array_foreach(list, i, other) {
        size_t same = 0;
        while (same < n && json_string_value(other)[same] == first[same]) same++;
        n = same;
    }
    return n;
}

static void show(const json_t *list) {
    size_t i;
    json_t *word;
    puts("");
    json_array_foreach(list, i, word) { printf("%s  ", json_string_value(word)); }
    puts("");
    fflush(stdout);
}

static json_t *ask_completion(struct session *s, char *line) {
    const char *why;
    json_t *args = json_pack("{s:s}", "line", line);
    return args ? vm_ask(s->v, "x-novt-complete", args, &why) : NULL;
}

/* Puts in what is certain; shows what is not. */
static unsigned char insert(EditLine *el, const json_t *list, size_t begun) {
    size_t n = common(list), count = json_array_size(list);
    char text[256];
    snprintf(text, sizeof text, "%.*s%s", (int)(n > begun ? n - begun : 0),
             n > begun ? json_string_value(json_array_get(list, 0)) + begun : "", count == 1 ? " " : "");
    if (text[0] && el_insertstr(el, text)) return CC_ERROR;
    if (count > 1 && n <= begun) {
        show(list);
        return CC_REDISPLAY;
    }
    return text[0] ? CC_REFRESH : CC_ERROR;
}

static unsigned char complete(EditLine *el, int key) {
    struct session *s;
    const LineInfo *info = el_line(el);
    size_t len = (size_t)(info->cursor - info->buffer), begun = 0;
    char *line = strndup(info->buffer, len);
    (void)key;
    el_get(el, EL_CLIENTDATA, &s);
    while (line && begun < len && line[len - begun - 1] != ' ') begun++;
    json_t *list = line ? ask_completion(s, line) : NULL;
    unsigned char result = json_array_size(list) ? insert(el, list, begun) : CC_ERROR;
    json_decref(list);
    free(line);
    return result;
}

static bool open_terminal(struct session *s) {
    HistEvent e;
    s->el = el_init("novt", stdin, stdout, stderr);
    s->history = history_init();
    if (!s->el || !s->history) return false;
    history(s->history, &e, H_SETSIZE, HISTORY);
    history(s->history, &e, H_SETUNIQUE, 1);
    el_set(s->el, EL_CLIENTDATA, s);
    el_set(s->el, EL_PROMPT, prompt);
    el_set(s->el, EL_EDITOR, "emacs");
    el_set(s->el, EL_SIGNAL, 1);
    el_set(s->el, EL_HIST, history, s->history);
    el_set(s->el, EL_ADDFN, "novt-complete", "complete a command", complete);
    el_set(s->el, EL_BIND, "^I", "novt-complete", NULL);
    el_set(s->el, EL_BIND, "^R", "em-inc-search-prev", NULL);
    return true;
}

static void close_terminal(struct session *s) {
    if (s->el) el_end(s->el);
    if (s->history) history_end(s->history);
}

static bool ended(const struct vm *v) {
    char byte;
    ssize_t n = recv(v->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR);
}

static bool is_quit(const char *line) {
    size_t n = strcspn(line += strspn(line, " \t"), " \t");
    return (n == 4 && !memcmp(line, "quit", n)) || (n == 1 && *line == 'q');
}

/* What was typed here: the machine knows nothing of it. */
static void show_history(struct session *s) {
    HistEvent e;
    int i = 0;
    for (int more = history(s->history, &e, H_LAST); more >= 0; more = history(s->history, &e, H_PREV))
        printf("%d: '%s'\n", i++, e.str);
    fflush(stdout);
}

static void take_command(struct session *s, const char *line) {
    HistEvent e;
    history(s->history, &e, H_ENTER, line);
    if (!strcmp(line, "info history")) return show_history(s);
    if (con_run_line(s->v, line, false) && is_quit(line)) vm_wait_end(s->v, QUIT_MS);
}

/* False: no more lines. */
static bool take_line(struct session *s) {
    int n;
    const char *got = el_gets(s->el, &n);
    char *line = got && n > 0 ? strndup(got, (size_t)n) : NULL;
    if (!line) return false;
    line[strcspn(line, "\r\n")] = 0;
    bool leave = !strcmp(line, "exit"), blank = !line[strspn(line, " \t")];
    if (!leave && !blank) take_command(s, line);
    free(line);
    return !leave;
}

static int interact(struct vm *v) {
    struct session s = {.v = v};
    bool more = open_terminal(&s);
    puts("Console of the machine; 'help' lists its commands, 'exit' or Ctrl-D leaves it running.");
    fflush(stdout);
    while (more && take_line(&s) && !ended(v)) {}
    close_terminal(&s);
    return CON_OK;
}

static int run_one(struct vm *v, const char *line, bool as_json) {
    return con_run_line(v, line, as_json) ? con_finish_output() : CON_USAGE;
}

/* Commands from a pipe: all are run, and one that fails is the exit code. */
static int run_lines(struct vm *v) {
    char *line = NULL;
    size_t size = 0;
    bool ok = true;
    while (getline(&line, &size, stdin) > 0) {
        line[strcspn(line, "\r\n")] = 0;
        if (line[strspn(line, " \t")]) ok &= con_run_line(v, line, false);
    }
    free(line);
    return ok ? con_finish_output() : CON_USAGE;
}

/* ---- The command ---- */

struct options {
    bool as_json, watch, bad;
    struct con_watch how;
};

static bool value_of(const char *arg, const char *name, unsigned most, uint64_t *value) {
    size_t n = strlen(name);
    char *end;
    if (strncmp(arg, name, n) || arg[n] != '=') return false;
    *value = arg[n + 1] >= '0' && arg[n + 1] <= '9' ? strtoull(arg + n + 1, &end, 10) : 0;
    if (*value && (*end || *value > most)) *value = 0;
    return true;
}

/* True: the argument is one of ours. */
static bool take_option(const char *arg, struct options *o) {
    enum { SECONDS_MAX = 3600, COUNT_MAX = 1000000 };
    uint64_t n;
    if (!strcmp(arg, "--json")) {
        o->as_json = true;
    } else if (!strcmp(arg, "--watch")) {
        o->watch = true;
    } else if (value_of(arg, "--watch", SECONDS_MAX, &n)) {
        o->watch = true;
        o->bad |= !n;
        o->how.seconds = (int)n;
    } else if (value_of(arg, "--count", COUNT_MAX, &n)) {
        o->bad |= !n;
        o->how.count = n;
    } else {
        return false;
    }
    return true;
}

/* The arguments with blanks in between, less the options. */
static char *join(int argc, char **argv, struct options *o) {
    size_t n = 1;
    for (int i = 0; i < argc; i++) n += strlen(argv[i]) + 1;
    char *line = calloc(1, n);
    for (int i = 0; line && i < argc; i++) {
        if (take_option(argv[i], o)) continue;
        if (line[0]) strcat(line, " ");
        strcat(line, argv[i]);
    }
    return line;
}

int con_monitor(int argc, char **argv) {
    struct options o = {.how.seconds = 2};
    struct vm v;
    if (argc == 2 && !strcmp(argv[1], "--help")) return con_monitor_help(stdout), con_finish_output();
    if (argc < 2) return con_usage_error("monitor", "monitor needs VM");
    char *line = join(argc - 2, argv + 2, &o);
    if (o.bad || (o.how.count && !o.watch) || (o.watch && line && !line[0])) {
        free(line);
        return con_usage_error("monitor",
                               "monitor: --watch[=SECONDS] and --count=N belong to a command, and are at least 1");
    }
    if (!line || !vm_open(&v, argv[1])) {
        free(line);
        return CON_USAGE;
    }
    int code = o.watch                ? con_watch(&v, line, o.as_json, &o.how)
               : line[0]              ? run_one(&v, line, o.as_json)
               : isatty(STDIN_FILENO) ? interact(&v)
                                      : run_lines(&v);
    free(line);
    vm_close(&v);
    return code;
}
