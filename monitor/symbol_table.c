#include "monitor/symbol_table.h"

#include <stdlib.h>
#include <string.h>

static bool more_text(struct symbol_table *t, size_t len) {
    if (t->text_len + len + 1 <= t->text_room) return true;
    if (t->text_len + len + 1 > SYMBOL_TEXT_MAX) return false;
    uint32_t room = t->text_room ? 2 * t->text_room : 64 << 10; /* a name is shorter than that */
    char *text = realloc(t->text, room);
    if (!text) return false;
    t->text = text;
    t->text_room = room;
    return true;
}

static bool more_entries(struct symbol_table *t) {
    if (t->n < t->room) return true;
    if (t->n >= SYMBOLS_MAX) return false;
    uint32_t room = t->room ? 2 * t->room : 4096;
    struct symbol_entry *entry = realloc(t->entry, room * sizeof *entry);
    if (!entry) return false;
    t->entry = entry;
    t->room = room;
    return true;
}

bool symbol_table_add(struct symbol_table *t, uint32_t address, const char *name, size_t len) {
    if (!len || len > SYMBOL_NAME_MAX) return true;
    if (!more_text(t, len) || !more_entries(t)) return false;
    memcpy(t->text + t->text_len, name, len);
    t->text[t->text_len + len] = 0;
    t->entry[t->n++] = (struct symbol_entry){address, t->text_len};
    t->text_len += (uint32_t)len + 1;
    return true;
}

/* Names lie in the order they were added. */
static int compare(const void *a, const void *b) {
    const struct symbol_entry *x = a, *y = b;
    if (x->address != y->address) return x->address < y->address ? -1 : 1;
    return x->name < y->name ? -1 : x->name > y->name;
}

void symbol_table_seal(struct symbol_table *t) {
    if (t->n) qsort(t->entry, t->n, sizeof *t->entry, compare);
}

void symbol_table_clear(struct symbol_table *t) {
    free(t->entry);
    free(t->text);
    *t = (struct symbol_table){0};
}

/* How many entries lie below address. */
static uint32_t count_below(const struct symbol_table *t, uint32_t address) {
    uint32_t lo = 0, hi = t->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (t->entry[mid].address < address)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

const struct symbol_entry *symbol_table_below(const struct symbol_table *t, uint32_t address) {
    uint32_t at = count_below(t, address);
    if (at < t->n && t->entry[at].address == address) return &t->entry[at];
    return at ? &t->entry[count_below(t, t->entry[at - 1].address)] : NULL;
}

const struct symbol_entry *symbol_table_named(const struct symbol_table *t, const char *name) {
    for (uint32_t i = 0; i < t->n; i++)
        if (!strcmp(symbol_table_name(t, &t->entry[i]), name)) return &t->entry[i];
    return NULL;
}
