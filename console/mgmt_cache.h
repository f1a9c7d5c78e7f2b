/*
 * mgmt_cache.h: what the commands about the code cache and the shadow MMU share.
 */
#ifndef NOVT_CONSOLE_MGMT_CACHE_H
#define NOVT_CONSOLE_MGMT_CACHE_H

#include "console/mgmt_command.h"
#include "monitor/inspect_cache.h"

/* A block as JSON, without its symbol. */
json_t *mgmt_block_json(const struct bt_inspect_block *b);
/* Gives each object of the list, which has a kernel address in `member`, a "symbol" where one is known. */
bool mgmt_add_symbols(struct mgmt_call *c, json_t *list, const char *member);
/* Members by name; 0 and "" where there is none. */
int64_t mgmt_int(const json_t *o, const char *name);
const char *mgmt_string(const json_t *o, const char *name);
bool mgmt_true(const json_t *o, const char *name);
/* FIRST or FIRST-LAST, as info mem writes addresses, or with 0x. */
bool mgmt_parse_range(struct mgmt_call *c, const char *text, uint32_t *first, uint32_t *last);
/* The argument "limit": 1 to 100. */
bool mgmt_parse_limit(struct mgmt_call *c, uint32_t *limit);
json_t *mgmt_run_list(struct mgmt_call *c, struct bt_inspect_list *l);
void mgmt_print_list(json_t *r, struct mgmt_text *out);
void mgmt_put(json_t *o, const char *name, uint64_t v);
/* a / b in a column of so many characters, with one digit behind the point: no floating point in this program. */
void mgmt_print_ratio(struct mgmt_text *out, int width, int64_t a, int64_t b);

/* ---- mgmt_parts.c ---- */
struct mgmt_parts {
    enum mon_ask (*ask)(struct machine *m, void *question);
    void *question;
    const uint32_t *cursor;                         /* in the question; 0 when its answer is complete */
    bool (*take)(const void *question, void *into); /* what a part has brought; false: enough. NULL: all stays there */
};
/* Asks until the answer is complete, or taken enough of. False: a question has failed, and the call with it. */
bool mgmt_ask_parts(struct mgmt_call *c, const struct mgmt_parts *p, void *into);

/* ---- mgmt_watch.c: by enum mon_seen ---- */
extern const char *const mgmt_seen_names[];

/* ---- mgmt_trace.c ---- */
struct mon_trace_entry;
json_t *mgmt_trace_entry_json(const struct mon_trace_entry *e, uint64_t number);

/* ---- mgmt_time.c: where time goes ---- */
json_t *mgmt_time_json(const struct bt_inspect_totals *t, uint64_t halted_ms);
void mgmt_print_time(const json_t *time, struct mgmt_text *out);
/* As tc stat prints it. */
void mgmt_print_cache(json_t *stat, struct mgmt_text *out);
#endif
