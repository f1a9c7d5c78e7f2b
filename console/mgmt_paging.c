/*
 * mgmt_paging.c: the guest's page tables, read by this thread out of guest memory: what is mapped where.
 *
 * Tables are copied one by one, so a running guest may change them in between; a stopped one cannot. SDM vol. 3,
 * "Paging": 32-bit and PAE formats.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include "console/mgmt_command.h"

enum { P = 1, RW = 2, US = 4, PWT = 8, PCD = 16, A = 32, D = 64, PS = 128, G = 256 };
enum { CR0_PG = 1 << 31, CR4_PSE = 1 << 4, CR4_PAE = 1 << 5, TABLE = 4096, RANGES_MAX = 20000 };
#define NX      (UINT64_C(1) << 63)
#define ADDRESS UINT64_C(0x000FFFFFFFFFF000)

/* A page, or pages in a row with the same rights. */
struct mapping {
    uint64_t va, size, pa, flags; /* flags: of the leaf, US and RW of all levels */
};
struct walk {
    struct mgmt_call *c;
    bool pae, pse;
    unsigned entry; /* bytes */
    bool (*found)(struct walk *w, const struct mapping *m);
    json_t *list;
    struct mapping run; /* size 0: none */
};

/* False: enough. */
static bool read_table(struct walk *w, uint64_t pa, void *table, size_t size) {
    char why[160];
    enum mon_ask a = mon_ask_memory(w->c->machine, true, pa, table, size, why, sizeof why);
    if (a == MON_ASK_FAILED) memset(table, 0, size); /* a table where no memory is maps nothing */
    return a == MON_ASK_FAILED || mgmt_asked(w->c, a, why);
}

static uint64_t entry_at(const struct walk *w, const uint8_t *table, unsigned i) {
    uint64_t v = 0;
    memcpy(&v, table + (size_t)i * w->entry, w->entry);
    return v;
}

static uint64_t combine(uint64_t upper, uint64_t leaf) {
    return (leaf & ~(uint64_t)(RW | US)) | (leaf & upper & (RW | US)) | (upper & NX);
}

static bool walk_table(struct walk *w, uint64_t va, uint64_t upper) {
    uint8_t table[TABLE];
    if (!read_table(w, upper & ADDRESS, table, TABLE)) return false;
    for (unsigned i = 0; i < TABLE / w->entry; i++) {
        uint64_t e = entry_at(w, table, i);
        struct mapping m = {va + (uint64_t)i * TABLE, TABLE, e & ADDRESS, combine(upper, e)};
        if (e & P && !w->found(w, &m)) return false;
    }
    return true;
}

/* PSE-36 keeps address bits 32 up in bits 13 up of a 4-MiB entry. */
static uint64_t large_address(const struct walk *w, uint64_t e) {
    return w->pae ? e & ADDRESS & ~UINT64_C(0x1FFFFF) : (e & 0xFFC00000) | (e >> 13 & 0xF) << 32;
}

static bool walk_directory(struct walk *w, uint64_t va, uint64_t pa) {
    uint8_t table[TABLE];
    uint64_t reach = w->pae ? 2 << 20 : 4 << 20;
    if (!read_table(w, pa, table, TABLE)) return false;
    for (unsigned i = 0; i < TABLE / w->entry; i++) {
        uint64_t e = entry_at(w, table, i);
        struct mapping m = {va + i * reach, reach, large_address(w, e), e};
        if (!(e & P)) continue;
        bool large = e & PS && (w->pae || w->pse);
        if (large ? !w->found(w, &m) : !walk_table(w, m.va, e)) return false;
    }
    return true;
}

static bool walk_pae(struct walk *w, uint32_t cr3) {
    uint8_t pdpt[32];
    if (!read_table(w, cr3 & ~31u, pdpt, sizeof pdpt)) return false;
    for (unsigned i = 0; i < 4; i++) {
        uint64_t e = entry_at(w, pdpt, i);
        if (e & P && !walk_directory(w, (uint64_t)i << 30, e & ADDRESS)) return false;
    }
    return true;
}

/* ---- Results ---- */

static bool flush_run(struct walk *w) {
    const struct mapping *r = &w->run;
    if (!r->size) return true;
    json_array_append_new(w->list, json_pack("{s:I, s:I, s:b, s:b, s:b}", "first", (json_int_t)r->va, "last",
                                             (json_int_t)(r->va + r->size - 1), "user", (r->flags & US) != 0,
                                             "writable", (r->flags & RW) != 0, "no-execute", (r->flags & NX) != 0));
    w->run.size = 0;
    return json_array_size(w->list) < RANGES_MAX;
}

static bool add_to_run(struct walk *w, const struct mapping *m) {
    const uint64_t rights = US | RW | NX;
    if (w->run.size && w->run.va + w->run.size == m->va && !((w->run.flags ^ m->flags) & rights)) {
        w->run.size += m->size;
        return true;
    }
    bool more = flush_run(w);
    w->run = *m;
    return more;
}

static bool add_page(struct walk *w, const struct mapping *m) {
    json_array_append_new(w->list, json_pack("{s:I, s:I, s:I, s:I}", "va", (json_int_t)m->va, "pa", (json_int_t)m->pa,
                                             "size", (json_int_t)m->size, "flags", (json_int_t)(m->flags & 0x1FF)));
    return json_array_size(w->list) < RANGES_MAX;
}

static json_t *walk(struct mgmt_call *c, bool (*found)(struct walk *w, const struct mapping *m)) {
    struct mon_registers r;
    if (!mgmt_asked(c, mon_ask_registers(c->machine, &r), NULL)) return NULL;
    if (!(r.cr0 & CR0_PG)) return mgmt_fail(c, "paging is off");
    struct walk w = {.c = c, .pae = r.cr4 & CR4_PAE, .pse = r.cr4 & CR4_PSE, .found = found, .list = json_array()};
    w.entry = w.pae ? 8 : 4;
    bool all = w.pae ? walk_pae(&w, r.cr3) : walk_directory(&w, 0, r.cr3 & ~(uint32_t)(TABLE - 1));
    if (!c->error[0]) {
        flush_run(&w);
        return json_pack("{s:o, s:b}", "list", w.list, "complete", all);
    }
    json_decref(w.list);
    return NULL;
}

static json_t *mem(struct mgmt_call *c) { return walk(c, add_to_run); }
static json_t *tlb(struct mgmt_call *c) { return walk(c, add_page); }

/* ---- As text ---- */

static uint64_t get(const json_t *o, const char *name) {
    return (uint64_t)json_integer_value(json_object_get(o, name));
}
static bool is(const json_t *o, const char *name) { return json_is_true(json_object_get(o, name)); }

static void print_end(const json_t *r, struct mgmt_text *out) {
    if (!is(r, "complete")) mgmt_print(out, "... and more\n");
}

static void print_mem(json_t *r, struct mgmt_text *out) {
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(r, "list"), i, m) {
        uint64_t first = get(m, "first"), end = get(m, "last") + 1;
        mgmt_print(out, "%08" PRIx64 "-%08" PRIx64 " %08" PRIx64 " %cr%c%c\n", first, end, end - first,
                   is(m, "user") ? 'u' : '-', is(m, "writable") ? 'w' : '-', is(m, "no-execute") ? '-' : 'x');
    }
    print_end(r, out);
}

static void print_tlb(json_t *r, struct mgmt_text *out) {
    static const struct {
        unsigned bit;
        char letter;
    } flags[] = {{G, 'G'}, {PS, 'P'}, {D, 'D'}, {A, 'A'}, {PCD, 'C'}, {PWT, 'T'}, {US, 'U'}, {RW, 'W'}};
    size_t i;
    json_t *m;
    json_array_foreach(json_object_get(r, "list"), i, m) {
        bool small = get(m, "size") == TABLE; /* bit 7 is PAT there */
        mgmt_print(out, "%08" PRIx64 ": %09" PRIx64 " ", get(m, "va"), get(m, "pa"));
        for (int f = 0; f < 8; f++) {
            bool set = get(m, "flags") & flags[f].bit && !(small && flags[f].bit == PS);
            mgmt_print(out, "%c", set ? flags[f].letter : '-');
        }
        mgmt_print(out, "\n");
    }
    print_end(r, out);
}

const struct mgmt_command mgmt_paging_commands[] = {
    {"x-novt-mem", "info mem", NULL, "ranges that the guest's page tables map, with their rights", "{list, complete}",
     mem, print_mem},
    {"x-novt-tlb", "info tlb", NULL, "each page that the guest's page tables map", "{list, complete}", tlb, print_tlb},
    {0},
};
