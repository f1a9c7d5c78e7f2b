/*
 * mgmt_command.h: the commands of the management console: what a row of the table is, and what a command may use.
 *
 * A row is a command of the protocol (QMP) and of the text console at once: its function makes JSON of JSON, a printer
 * makes text of that. query-commands, query-schema, help, completion, the checks of arguments and the reading of text
 * lines all come from the rows. Rows stand in mgmt_*_commands arrays, which mgmt_table.c lists. Commands run on the
 * console's thread; they reach the machine through monitor/inspect*.h only. docs/ARCHITECTURE.md, "How to add".
 */
#ifndef NOVT_CONSOLE_MGMT_COMMAND_H
#define NOVT_CONSOLE_MGMT_COMMAND_H

#include <jansson.h>
#include "console/mgmt_text.h"
#include "monitor/inspect.h"

struct mgmt;
struct mgmt_client;

/* ---- Arguments ---- */
enum mgmt_type {
    MGMT_STRING, /* text form: a word, or "in quotes" */
    MGMT_INT,    /* 0x or decimal */
    MGMT_BOOL,   /* text form: on or off; as an option: its presence */
    MGMT_WORD,   /* a string, one of `choices` */
    MGMT_EXPR,   /* an integer; text form: an expression of numbers and registers, $eip+4 */
    MGMT_FORMAT, /* a string; text form: what follows the command's name behind a slash, x/4xb */
    MGMT_REST,   /* a string; text form: the rest of the line */
    MGMT_VALUE,  /* any JSON; not in the text form */
};
struct mgmt_arg { /* a list ends with one that has no name */
    const char *name;
    enum mgmt_type type;
    bool optional;
    bool option;         /* text form: --name VALUE, or -n VALUE; else by its place */
    const char *choices; /* MGMT_WORD: "hot|size" */
    const char *help;
};

/* ---- A row ---- */
/* One call of a command. */
struct mgmt_call {
    struct mgmt *mgmt;
    struct mgmt_client *client; /* may be NULL: nobody to talk to later */
    struct machine *machine;
    json_t *args; /* an object; names and types are those of the row, what is not optional is there */
    const char *error_class;
    char error[512];
};
struct mgmt_command {            /* an array ends with one that has neither qmp nor line */
    const char *qmp;             /* name in the protocol; NULL: text form only */
    const char *line;            /* words that begin a text line, others behind bars ("print|p"); NULL: protocol only */
    const struct mgmt_arg *args; /* NULL: none */
    const char *help;            /* one sentence, no full stop */
    const char *returns;         /* what the result is, in words; NULL: nothing */
    json_t *(*run)(struct mgmt_call *c);                  /* a new reference; NULL: mgmt_fail has said why */
    void (*print)(json_t *result, struct mgmt_text *out); /* NULL: JSON as it is, nothing if it is empty */
};

/* ---- For the commands ---- */
/* Says why the command fails; returns NULL. */
json_t *mgmt_fail(struct mgmt_call *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* True for MON_ASK_OK; else makes the answer the call's error. why: what the question left in its errbuf, or NULL. */
bool mgmt_asked(struct mgmt_call *c, enum mon_ask a, const char *why);
/* Arguments by name; what is not given is the default. */
const char *mgmt_arg_text(const struct mgmt_call *c, const char *name, const char *or_else);
int64_t mgmt_arg_int(const struct mgmt_call *c, const char *name, int64_t or_else);
bool mgmt_arg_bool(const struct mgmt_call *c, const char *name);
bool mgmt_arg_given(const struct mgmt_call *c, const char *name);
/* The empty result. */
json_t *mgmt_nothing(void);
/* Prints a result that is {text}. */
void mgmt_print_text(json_t *result, struct mgmt_text *out);

/* ---- The table (mgmt_table.c) ---- */
extern const struct mgmt_command mgmt_run_commands[], mgmt_cpu_commands[], mgmt_memory_commands[],
    mgmt_paging_commands[], mgmt_board_commands[], mgmt_media_commands[], mgmt_user_commands[], mgmt_serial_commands[],
    mgmt_stats_commands[], mgmt_text_commands[], mgmt_about_commands[], mgmt_cache_commands[], mgmt_block_commands[],
    mgmt_mmu_commands[], mgmt_pages_commands[], mgmt_adapt_commands[], mgmt_watch_commands[], mgmt_trace_commands[],
    mgmt_symbol_commands[], mgmt_devices_commands[], mgmt_steer_commands[], mgmt_code_commands[];

/* The i-th of all commands; NULL past the end. */
const struct mgmt_command *mgmt_command_at(unsigned i);
const struct mgmt_command *mgmt_command_find(const char *qmp);
/* Checks args (an object) against the row and runs it. NULL: c->error. */
json_t *mgmt_command_run(struct mgmt_call *c, const struct mgmt_command *command);

/* What is traced from now on goes to the clients as events as well (mgmt_push.c); on the console's thread. */
void mgmt_push_begin(struct mgmt *g);
/* The machine's configuration, for commands that tell of it. */
const struct mon_config *mgmt_vm_config(const struct mgmt *g);
#endif
