/*
 * symbol_table.h: names of addresses, sorted, looked up both ways.
 *
 * Filled in any order, then sealed. Bounded: what does not fit is refused. Callers: symbols.c, symbols_file.c,
 * kallsyms.c. Uses libc: FPU parked.
 */
#ifndef NOVT_MONITOR_SYMBOL_TABLE_H
#define NOVT_MONITOR_SYMBOL_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SYMBOLS_MAX = 1 << 20, SYMBOL_NAME_MAX = 511, SYMBOL_TEXT_MAX = 64 << 20 };

struct symbol_entry {
    uint32_t address, name; /* offset in text */
};

struct symbol_table { /* zeroed: empty */
    struct symbol_entry *entry;
    uint32_t n, room;
    char *text; /* names, each ended by a zero byte */
    uint32_t text_len, text_room;
};

/* False: too many, too long or no memory. A name of no or of more than SYMBOL_NAME_MAX bytes is left out. */
bool symbol_table_add(struct symbol_table *t, uint32_t address, const char *name, size_t len);
/* Sorts; of several names of one address the first one added comes first. */
void symbol_table_seal(struct symbol_table *t);
void symbol_table_clear(struct symbol_table *t);

/* The last entry at or below address: its first name. NULL: none. */
const struct symbol_entry *symbol_table_below(const struct symbol_table *t, uint32_t address);
/* The entry of that name with the lowest address; NULL: none. */
const struct symbol_entry *symbol_table_named(const struct symbol_table *t, const char *name);
static inline const char *symbol_table_name(const struct symbol_table *t, const struct symbol_entry *e) {
    return t->text + e->name;
}
#endif
