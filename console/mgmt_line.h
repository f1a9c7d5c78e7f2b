/*
 * mgmt_line.h: commands as lines of text: from a line to a row and its arguments, completion, help. All from the table.
 *
 *     COMMAND[/FORMAT] ARGUMENT... --option VALUE --flag
 *
 * Words are separated by blanks; a word in "quotes" may hold some. Callers: the commands of mgmt_about.c, tests.
 */
#ifndef NOVT_CONSOLE_MGMT_LINE_H
#define NOVT_CONSOLE_MGMT_LINE_H

#include "console/mgmt_command.h"
#include "monitor/expr.h"

/* Finds the row, and sets c->args to a new object. NULL: c->error. Expressions may ask c->machine for registers. */
const struct mgmt_command *mgmt_line_parse(struct mgmt_call *c, const char *line);
/* What a command prints of its result, as {text}; takes the result (mgmt_about.c). */
json_t *mgmt_result_text(const struct mgmt_command *row, json_t *result);
/* What the last word of the line (maybe empty) may become: an array of strings. */
json_t *mgmt_line_complete(const char *line);
/* One line a command, or all about one of them. False: there is none. */
bool mgmt_line_help(const char *command, struct mgmt_text *out);

/* The value of an expression (mgmt_expr.c): numbers, $registers, symbols, + - * / % & | ^ ~ ! == != < <= > >= && || (
 * ). False: c->error. */
bool mgmt_expr(struct mgmt_call *c, const char *text, int64_t *value);
/* The same to be evaluated later; event: it may use $address and what else an event has. */
bool mgmt_expr_parse(struct mgmt_call *c, const char *text, bool event, struct mon_expr *out);
#endif
