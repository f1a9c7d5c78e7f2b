/*
 * keyvalue.h: option values of the form VALUE,key=value,...: one parser, and a
 * table of keys for each option.
 *
 * Two commas stand for one in a value. Whatever is wrong is reported with the
 * key's name. Pure but for copies of values, which live as long as the options.
 */
#ifndef NOVT_CONSOLE_KEYVALUE_H
#define NOVT_CONSOLE_KEYVALUE_H

#include <stddef.h>
#include "console/run_options.h"

enum kv_type {
    KV_TEXT,   /* const char * */
    KV_PATH,   /* const char *; relative to the machine file, if it stands in one */
    KV_SWITCH, /* bool: on, off, or the key alone for on */
    KV_SIZE,   /* uint64_t bytes; a number alone counts MiB */
    KV_NUMBER, /* uint32_t */
    KV_CALL,   /* whatever `call` makes of it */
    KV_WORD,   /* as KV_CALL, but the key stands alone; value is NULL */
};

struct kv_key {
    const char *name;
    enum kv_type type;
    size_t at;      /* offset in the target */
    uint32_t limit; /* KV_NUMBER: the largest; 0: any */
    bool implied;   /* first row only: the first item may be its value alone, and is unless it says key=value */
    bool repeats;   /* KV_CALL only: may be given several times */
    /* NULL, or what is wrong, to be read behind the key's name ("must be ..."). */
    const char *(*call)(struct run_options *r, void *target, const char *value);
};

/* Takes text apart and stores into target; keys ends with a row without name. NULL, or what is wrong with the text. */
const char *kv_parse(struct run_options *r, const char *text, const struct kv_key *keys, void *target);
#endif
