/*
 * mgmt_symbol.c: names of the guest's for addresses, and where they show.
 */
#include "console/mgmt_symbol.h"

#include <inttypes.h>
#include <stdio.h>
#include "monitor/inspect_cache.h"

bool mgmt_symbol(struct mgmt_call *c, uint32_t address, char text[MGMT_SYMBOL]) {
    struct mon_symbols s = {.n = 1, .at[0].address = address};
    text[0] = 0;
    if (!mgmt_asked(c, mon_ask_symbols(c->machine, &s), NULL)) return false;
    if (s.at[0].name[0]) snprintf(text, MGMT_SYMBOL, "%s+0x%" PRIx32, s.at[0].name, s.at[0].offset);
    return true;
}

static json_t *symbol(struct mgmt_call *c) {
    uint32_t at = (uint32_t)mgmt_arg_int(c, "address", 0);
    char text[MGMT_SYMBOL];
    if (!mgmt_symbol(c, at, text)) return NULL;
    json_t *o = json_pack("{s:I}", "address", (json_int_t)at);
    if (text[0]) json_object_set_new(o, "symbol", json_string(text));
    return o;
}

static void print_symbol(json_t *r, struct mgmt_text *out) {
    const char *name = json_string_value(json_object_get(r, "symbol"));
    mgmt_print(out, "%08" PRIx64 " %s\n", (uint64_t)json_integer_value(json_object_get(r, "address")),
               name ? name : "(no symbol)");
}

static const struct mgmt_arg symbol_args[] = {{.name = "address", .type = MGMT_EXPR}, {0}};

const struct mgmt_command mgmt_symbol_commands[] = {
    {"x-novt-symbol", "info symbol", symbol_args, "the guest's name for a linear address", "{address, symbol}", symbol,
     print_symbol},
    {0},
};
