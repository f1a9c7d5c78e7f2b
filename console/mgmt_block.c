/*
 * mgmt_block.c: tc show, graph: one block, guest code beside what it was translated to.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "console/disasm.h"
#include "console/mgmt_cache.h"

enum { INSN_MAX = 15, GRAPH_DEFAULT = 30, GRAPH_MAX = 200, NO_BLOCK = -1 };

/* ---- Listings ---- */

static json_t *hex(const uint8_t *bytes, size_t n) {
    static const char digits[] = "0123456789abcdef";
    char text[2 * INSN_MAX + 1];
    size_t used = n < INSN_MAX ? n : INSN_MAX;
    for (size_t i = 0; i < used; i++) {
        text[2 * i] = digits[bytes[i] >> 4];
        text[2 * i + 1] = digits[bytes[i] & 15];
    }
    return json_stringn(text, 2 * used);
}

static json_t *line(unsigned bits, uint64_t at, const uint8_t *bytes, size_t n, size_t *len) {
    char text[DISASM_TEXT];
    *len = disasm_insn(bits, at, bytes, n, text);
    json_t *o = json_pack("{s:I, s:s}", "at", (json_int_t)at, "text", *len ? text : "(bad)");
    if (!*len) *len = 1;
    json_object_set_new(o, "bytes", hex(bytes, *len));
    return o;
}

/* The host code of a piece of a part, as far as it was given. */
static void add_host(json_t *lines, const struct bt_inspect_detail *d, bool cold, uint32_t at, uint32_t end) {
    uint32_t given = cold ? d->n_cold : d->n_hot;
    const uint8_t *bytes = cold ? d->cold : d->hot;
    uint64_t base = cold ? d->block.cold_host : d->block.hot_host;
    if (end > given) end = given;
    for (size_t len; at < end; at += (uint32_t)len)
        json_array_append_new(lines, line(64, base + at, bytes + at, end - at, &len));
}

static json_t *host_of(const struct bt_inspect_detail *d, const struct bt_inspect_insn *n, bool cold) {
    json_t *lines = json_array();
    for (uint32_t i = 0; i < d->n_pieces; i++) {
        const struct bt_inspect_piece *p = &d->piece[i];
        if (p->guest_off == n->off && p->cold == cold) add_host(lines, d, cold, p->at, p->at + p->len);
    }
    return lines;
}

static void set_text(json_t *o, const char *name, const char *text) {
    if (text) json_object_set_new(o, name, json_string(text));
}

static const char *const flags_names[] = {"untouched", "saved", "elided"};

static json_t *insn_json(const struct bt_inspect_detail *d, const struct bt_inspect_insn *n, unsigned bits) {
    size_t len;
    json_t *o = line(bits, (uint64_t)d->block.va + n->off, d->guest + n->off, n->len, &len);
    json_object_set_new(o, "class", json_string(n->cls));
    set_text(o, "row", n->row);
    set_text(o, "reason", n->reason);
    set_text(o, "title", n->title);
    json_object_set_new(o, "flags", json_string(flags_names[n->flags]));
    json_object_set_new(o, "identical", json_boolean(n->identical));
    json_object_set_new(o, "guilty-until", json_integer(n->guilty_until));
    json_object_set_new(o, "hot", host_of(d, n, false));
    json_object_set_new(o, "cold", host_of(d, n, true));
    return o;
}

/* ---- The fault map ---- */

static json_t *range_json(const struct bt_inspect_detail *d, bool cold, uint32_t at, uint32_t len) {
    json_t *o = json_pack("{s:s}", "part", cold ? "cold" : "hot");
    mgmt_put(o, "host", (cold ? d->block.cold_host : d->block.hot_host) + at);
    mgmt_put(o, "bytes", len);
    return o;
}

/* The ranges of a part in order, those that no instruction owns too: they cannot fault. */
static void add_map(json_t *map, const struct bt_inspect_detail *d, bool cold) {
    uint32_t end = 0, len = cold ? d->block.cold_len : d->block.hot_len;
    for (uint32_t i = 0; i < d->n_pieces; i++) {
        const struct bt_inspect_piece *p = &d->piece[i];
        if (p->cold != cold || !p->len) continue;
        if (p->at > end) json_array_append_new(map, range_json(d, cold, end, p->at - end));
        json_t *o = range_json(d, cold, p->at, p->len);
        mgmt_put(o, "va", (uint64_t)d->block.va + p->guest_off);
        json_object_set_new(o, "esp", json_integer(p->esp));
        json_array_append_new(map, o);
        end = p->at + p->len;
    }
    if (end < len) json_array_append_new(map, range_json(d, cold, end, len - end));
}

static json_t *map_json(const struct bt_inspect_detail *d) {
    json_t *map = json_array();
    add_map(map, d, false);
    add_map(map, d, true);
    return map;
}

/* What no instruction owns: entries in front of the first, stubs at the end of the cold part. */
static json_t *rest_of(const struct bt_inspect_detail *d, bool cold) {
    uint32_t first = cold ? d->n_cold : d->n_hot;
    for (uint32_t i = 0; i < d->n_pieces; i++)
        if (d->piece[i].cold == cold && d->piece[i].at < first) first = d->piece[i].at;
    json_t *lines = json_array();
    add_host(lines, d, cold, 0, first);
    return lines;
}

static json_t *ways_json(const struct bt_inspect_detail *d) {
    json_t *ways = json_array();
    for (uint32_t i = 0; i < d->n_ways; i++) {
        const struct bt_inspect_way *w = &d->way[i];
        uint32_t va = d->block.va - d->block.eip + w->target;
        json_array_append_new(ways, json_pack("{s:s, s:I, s:I}", "kind",
                                              !w->port  ? "link"
                                              : w->many ? "port with many targets"
                                                        : "port",
                                              "va", (json_int_t)va, "to",
                                              w->to == UINT32_MAX ? (json_int_t)NO_BLOCK : (json_int_t)w->to));
    }
    return ways;
}

/* ---- Show ---- */

static struct bt_inspect_detail *ask_block(struct mgmt_call *c, uint32_t id) {
    struct bt_inspect_detail *d = calloc(1, sizeof *d);
    if (!d) return mgmt_fail(c, "out of memory"), NULL;
    d->id = id;
    bool asked = mgmt_asked(c, mon_ask_cache_block(c->machine, d), NULL);
    if (asked && !d->found) mgmt_fail(c, "there is no block %" PRIu32, id);
    if (asked && d->found) return d;
    free(d);
    return NULL;
}

static bool block_number(struct mgmt_call *c, uint32_t *id) {
    int64_t n = mgmt_arg_int(c, "block", 0);
    *id = (uint32_t)n;
    if (n < 0 || n >= UINT32_MAX) return mgmt_fail(c, "there is no block %" PRId64, n), false;
    return true;
}

static unsigned bits_of(const struct bt_inspect_block *b) { return b->kind % 2 ? 32 : 16; }

static json_t *detail_json(const struct bt_inspect_detail *d) {
    json_t *o = mgmt_block_json(&d->block), *insns = json_array();
    for (uint32_t i = 0; i < d->n_insns; i++)
        json_array_append_new(insns, insn_json(d, &d->insn[i], bits_of(&d->block)));
    json_object_set_new(o, "code", insns);
    json_object_set_new(o, "hot-entry", rest_of(d, false));
    json_object_set_new(o, "cold-entry", rest_of(d, true));
    json_object_set_new(o, "map", map_json(d));
    json_object_set_new(o, "ways", ways_json(d));
    json_object_set_new(o, "complete", json_boolean(d->n_hot == d->block.hot_len && d->n_cold == d->block.cold_len));
    return o;
}

static bool name_it(struct mgmt_call *c, json_t *o) {
    json_t *one = json_array();
    json_array_append(one, o);
    bool ok = mgmt_add_symbols(c, one, "va") && mgmt_add_symbols(c, json_object_get(o, "ways"), "va");
    json_decref(one);
    return ok;
}

static json_t *show(struct mgmt_call *c) {
    uint32_t id;
    struct bt_inspect_detail *d = block_number(c, &id) ? ask_block(c, id) : NULL;
    if (!d) return NULL;
    json_t *o = detail_json(d);
    free(d);
    if (name_it(c, o)) return o;
    json_decref(o);
    return NULL;
}

static void print_head(const json_t *r, struct mgmt_text *out) {
    const char *symbol = mgmt_string(r, "symbol");
    mgmt_print(out, "block %" PRId64 " at %08" PRIx64 "%s%s, %s%s%s%s, %" PRId64 " samples\n", mgmt_int(r, "block"),
               (uint64_t)mgmt_int(r, "va"), symbol[0] ? " " : "", symbol, mgmt_string(r, "kind"),
               mgmt_true(r, "direct") ? ", direct" : ", checked", mgmt_true(r, "copy") ? ", copied" : "",
               mgmt_true(r, "dead") ? ", dead" : "", mgmt_int(r, "samples"));
    mgmt_print(out,
               "%" PRId64 " instructions, %" PRId64 " bytes, to %" PRId64 " hot at %" PRIx64 " and %" PRId64
               " cold at %" PRIx64 "\n",
               mgmt_int(r, "instructions"), mgmt_int(r, "guest-bytes"), mgmt_int(r, "hot-bytes"),
               (uint64_t)mgmt_int(r, "hot-host"), mgmt_int(r, "cold-bytes"), (uint64_t)mgmt_int(r, "cold-host"));
}

enum { LEFT = 42 };

static void print_insn(const json_t *n, struct mgmt_text *out) {
    const json_t *hot = json_object_get(n, "hot");
    const char *flags = mgmt_string(n, "flags");
    char left[DISASM_TEXT + 16], why[128];
    size_t rows = json_array_size(hot);
    snprintf(left, sizeof left, "%08" PRIx64 "  %s", (uint64_t)mgmt_int(n, "at"), mgmt_string(n, "text"));
    snprintf(why, sizeof why, "          %s%s%s%s%s%s", mgmt_string(n, "class"),
             mgmt_string(n, "reason")[0] ? ", " : "", mgmt_string(n, "reason"),
             mgmt_true(n, "identical") ? ", identical" : "", mgmt_int(n, "guilty-until") ? ", guilty" : "",
             strcmp(flags, "saved") == 0    ? ", flags saved"
             : strcmp(flags, "elided") == 0 ? ", flags elided"
                                            : "");
    for (size_t i = 0; i < rows || i < 2; i++) {
        const char *text = i == 0 ? left : i == 1 ? why : "";
        const json_t *host = json_array_get(hot, i);
        if (host)
            mgmt_print(out, "%-*.*s | %s\n", LEFT, LEFT, text, mgmt_string(host, "text"));
        else
            mgmt_print(out, "%-*.*s |\n", LEFT, LEFT, text);
    }
}

static void print_cold(const json_t *n, struct mgmt_text *out) {
    const json_t *l, *cold = json_object_get(n, "cold");
    size_t i;
    if (json_array_size(cold)) mgmt_print(out, "  of %08" PRIx64 "\n", (uint64_t)mgmt_int(n, "at"));
    json_array_foreach(cold, i, l)
        mgmt_print(out, "    %" PRIx64 "  %s\n", (uint64_t)mgmt_int(l, "at"), mgmt_string(l, "text"));
}

static void print_ways(const json_t *ways, struct mgmt_text *out) {
    const json_t *w;
    size_t i;
    if (json_array_size(ways)) mgmt_print(out, "leads to\n");
    json_array_foreach(ways, i, w) {
        mgmt_print(out, "  %s %08" PRIx64 " %s", mgmt_string(w, "kind"), (uint64_t)mgmt_int(w, "va"),
                   mgmt_string(w, "symbol"));
        if (mgmt_int(w, "to") == NO_BLOCK)
            mgmt_print(out, " (by the engine)\n");
        else
            mgmt_print(out, " block %" PRId64 "\n", mgmt_int(w, "to"));
    }
}

static void print_map(const json_t *map, struct mgmt_text *out) {
    const json_t *m;
    size_t i;
    mgmt_print(out, "\nfault map: host bytes, whose fault it is there, ESP\n");
    json_array_foreach(map, i, m) {
        int64_t esp = mgmt_int(m, "esp");
        mgmt_print(out, "  %-4s %" PRIx64 " %4" PRId64, mgmt_string(m, "part"), (uint64_t)mgmt_int(m, "host"),
                   mgmt_int(m, "bytes"));
        if (!json_object_get(m, "va"))
            mgmt_print(out, "  nobody's\n");
        else if (esp)
            mgmt_print(out, "  %08" PRIx64 "  r14%+" PRId64 "\n", (uint64_t)mgmt_int(m, "va"), esp);
        else
            mgmt_print(out, "  %08" PRIx64 "  r14\n", (uint64_t)mgmt_int(m, "va"));
    }
}

static void print_show(json_t *r, struct mgmt_text *out) {
    const json_t *n, *code = json_object_get(r, "code");
    size_t i;
    print_head(r, out);
    if (mgmt_true(r, "dead")) mgmt_print(out, "it is dead: guest memory may hold other code by now\n");
    mgmt_print(out, "\n%-*s | host\n", LEFT, "guest");
    json_array_foreach(json_object_get(r, "hot-entry"), i, n) {
        mgmt_print(out, "%-*s | %s\n", LEFT, i ? "" : "(entry from other pages)", mgmt_string(n, "text"));
    }
    json_array_foreach(code, i, n) print_insn(n, out);
    mgmt_print(out, "\nout of line\n");
    json_array_foreach(json_object_get(r, "cold-entry"), i, n)
        mgmt_print(out, "    %" PRIx64 "  %s\n", (uint64_t)mgmt_int(n, "at"), mgmt_string(n, "text"));
    json_array_foreach(code, i, n) print_cold(n, out);
    print_map(json_object_get(r, "map"), out);
    print_ways(json_object_get(r, "ways"), out);
}

/* ---- Graph ---- */

struct graph {
    struct mgmt_call *c;
    uint32_t node[GRAPH_MAX], n, limit;
    json_t *nodes, *edges;
};

static void visit(struct graph *g, uint32_t id) {
    for (uint32_t i = 0; i < g->n; i++)
        if (g->node[i] == id) return;
    if (g->n < g->limit) g->node[g->n++] = id;
}

static bool expand(struct graph *g, uint32_t id) {
    struct bt_inspect_detail *d = ask_block(g->c, id);
    if (!d) return false;
    json_array_append_new(g->nodes, mgmt_block_json(&d->block));
    for (uint32_t i = 0; i < d->n_ways; i++) {
        if (d->way[i].to == UINT32_MAX) continue;
        visit(g, d->way[i].to);
        json_array_append_new(g->edges, json_pack("{s:I, s:I, s:b}", "from", (json_int_t)id, "to",
                                                  (json_int_t)d->way[i].to, "port", d->way[i].port));
    }
    free(d);
    return true;
}

static json_t *graph(struct mgmt_call *c) {
    struct graph g = {.c = c};
    int64_t limit = mgmt_arg_int(c, "limit", GRAPH_DEFAULT);
    uint32_t id;
    if (limit < 1 || limit > GRAPH_MAX) return mgmt_fail(c, "the limit must be 1 to %d", GRAPH_MAX);
    if (!block_number(c, &id)) return NULL;
    g.limit = (uint32_t)limit;
    g.nodes = json_array();
    g.edges = json_array();
    visit(&g, id);
    bool ok = true;
    for (uint32_t i = 0; i < g.n && ok; i++) ok = expand(&g, g.node[i]);
    if (ok && mgmt_add_symbols(c, g.nodes, "va"))
        return json_pack("{s:o, s:o, s:b}", "nodes", g.nodes, "edges", g.edges, "dot", mgmt_arg_bool(c, "dot"));
    json_decref(g.nodes);
    json_decref(g.edges);
    return NULL;
}

/* A symbol is the guest's text: letters, digits and the like only. */
static void print_label(const json_t *n, struct mgmt_text *out) {
    mgmt_print(out, "%08" PRIx64 "\\n", (uint64_t)mgmt_int(n, "va"));
    for (const char *s = mgmt_string(n, "symbol"); *s; s++) mgmt_print(out, "%c", strchr("\"\\\n", *s) ? '_' : *s);
    mgmt_print(out, "\\n%s %s, %" PRId64 " samples", mgmt_string(n, "kind"),
               mgmt_true(n, "direct") ? "direct" : "checked", mgmt_int(n, "samples"));
}

static void print_graph(json_t *r, struct mgmt_text *out) {
    bool dot = mgmt_true(r, "dot");
    const json_t *o;
    size_t i;
    if (dot) mgmt_print(out, "digraph blocks {\n  node [shape=box, fontname=monospace];\n");
    json_array_foreach(json_object_get(r, "nodes"), i, o) {
        mgmt_print(out, dot ? "  b%" PRId64 " [label=\"" : "block %" PRId64 " at ", mgmt_int(o, "block"));
        if (dot)
            print_label(o, out);
        else
            mgmt_print(out, "%08" PRIx64 " %s", (uint64_t)mgmt_int(o, "va"), mgmt_string(o, "symbol"));
        mgmt_print(out, dot ? "\"];\n" : "\n");
    }
    json_array_foreach(json_object_get(r, "edges"), i, o) {
        const char *style = !dot ? "" : mgmt_true(o, "port") ? " [style=dashed];" : ";";
        mgmt_print(out, dot ? "  b%" PRId64 " -> b%" PRId64 "%s\n" : "  %" PRId64 " -> %" PRId64 "%s\n",
                   mgmt_int(o, "from"), mgmt_int(o, "to"), style);
    }
    if (dot) mgmt_print(out, "}\n");
}

static const struct mgmt_arg show_args[] = {{.name = "block", .type = MGMT_INT, .help = "its number in tc list"}, {0}};
static const struct mgmt_arg graph_args[] = {
    {.name = "block", .type = MGMT_INT, .help = "where to begin"},
    {.name = "dot", .type = MGMT_BOOL, .optional = true, .option = true, .help = "as Graphviz reads it"},
    {.name = "limit", .type = MGMT_INT, .optional = true, .option = true, .help = "blocks, 1 to 200"},
    {0}};

const struct mgmt_command mgmt_block_commands[] = {
    {"x-novt-tc-show", "tc show", show_args, "a block: guest code beside host code, instruction by instruction",
     "the block, with {code, map, ways, ...}", show, print_show},
    {"x-novt-tc-graph", "tc graph", graph_args, "the blocks that a block leads to", "{nodes, edges}", graph,
     print_graph},
    {0},
};
