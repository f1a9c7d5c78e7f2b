/*
 * command.h: the subcommands of novt. One file each (cmd_*.c), one row each in
 * the table of command.c, which is also what help prints.
 */
#ifndef NOVT_CONSOLE_COMMAND_H
#define NOVT_CONSOLE_COMMAND_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum { CON_OK = 0, CON_USAGE = 1 };

struct con_command {
    const char *name;
    const char *summary;
    int (*run)(int argc, char **argv); /* argv[0] is the subcommand; returns the exit code */
    void (*help)(FILE *out);
};

/* Ends with an entry without name. */
extern const struct con_command con_commands[];
/* NULL if there is none. */
const struct con_command *con_find(const char *name);

/* The whole command line; returns the exit code. */
int con_main(int argc, char **argv);

/* One line on stderr, with a hint where to read on. Returns CON_USAGE. */
int con_usage_error(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Flushes stdout; a full disk or closed pipe is an error of commands whose output is the result. */
int con_finish_output(void);

int con_run(int argc, char **argv);
void con_run_help(FILE *out);
int con_list(int argc, char **argv);
void con_list_help(FILE *out);
int con_top(int argc, char **argv);
/* Waits; true: q was typed, or the input of a terminal has ended. */
bool con_wait_or_quit(bool terminal, int ms);
struct vm;
struct con_watch {
    int seconds;
    uint64_t count; /* pictures; 0: until q or the end */
};
/* A line of the machine's console, printed. False: it went wrong, as reported. */
bool con_run_line(struct vm *v, const char *line, bool as_json);
/* Runs the line again and again; tc stat with what has happened meanwhile. Returns the exit code. */
int con_watch(struct vm *v, const char *line, bool as_json, const struct con_watch *w);
void con_top_help(FILE *out);
int con_monitor(int argc, char **argv);
void con_monitor_help(FILE *out);
int con_console(int argc, char **argv);
void con_console_help(FILE *out);
/* Those of cmd_vm.c, told apart by argv[0]. */
int con_vm(int argc, char **argv);
void con_stop_help(FILE *out);
void con_cont_help(FILE *out);
void con_reset_help(FILE *out);
void con_powerdown_help(FILE *out);
void con_kill_help(FILE *out);
void con_screenshot_help(FILE *out);
void con_key_help(FILE *out);
int con_bench(int argc, char **argv);
void con_bench_help(FILE *out);
int con_version(int argc, char **argv);
void con_version_help(FILE *out);
int con_help(int argc, char **argv);
void con_help_help(FILE *out);
/* What plain `novt` and `novt --help` print. */
void con_overview(FILE *out);
#endif
