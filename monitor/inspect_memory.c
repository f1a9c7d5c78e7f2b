/* inspect_memory.c: guest memory, and what is where in its address spaces. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "monitor/inspect_internal.h"

/* ---- Bytes ---- */

struct read {
    bool physical, ok;
    uint64_t at;
    size_t size;
    char error[128];
    uint8_t bytes[MON_MEMORY_MAX];
};

/* Reading video memory changes no more than it; other devices may take a read as a command. */
static bool readable(const struct machine *m, struct read *r, uint64_t pa) {
    struct smmu_backing b = smmu_mem_lookup(m->mem, gpa(pa));
    if (pa >> 32 || (b.read_frame < 0 && !b.dev))
        snprintf(r->error, sizeof r->error, "there is no memory at physical address %#" PRIx64, pa);
    else if (b.read_frame < 0 && !b.dev->stores_only)
        snprintf(r->error, sizeof r->error,
                 "physical address %#" PRIx64 " belongs to the device %s: reading it might change something", pa,
                 b.dev->name);
    return !r->error[0];
}

static bool translate(const struct machine *m, struct read *r, uint64_t at, uint64_t *pa) {
    struct smmu_xlat x;
    *pa = at;
    if (r->physical) return true;
    if (at >> 32 || !smmu_probe(m->smmu, gva((uint32_t)at), &x)) {
        snprintf(r->error, sizeof r->error, "linear address %#" PRIx64 " is not mapped", at);
        return false;
    }
    *pa = x.pa.v;
    return true;
}

static bool do_read(struct machine *m, void *args, struct letter *l) {
    struct read *r = args;
    (void)l;
    for (size_t done = 0, part; done < r->size; done += part) {
        uint64_t pa, at = r->at + done;
        part = SMMU_PAGE_SIZE - (at & SMMU_PAGE_MASK);
        if (part > r->size - done) part = r->size - done;
        if (!translate(m, r, at, &pa) || !readable(m, r, pa)) return true;
        smmu_mem_read(m->mem, gpa(pa), r->bytes + done, part);
    }
    r->ok = true;
    return true;
}

enum mon_ask mon_ask_memory(struct machine *m, bool physical, uint64_t at, void *buf, size_t size, char *errbuf,
                            size_t errlen) {
    struct read *r = calloc(1, sizeof *r);
    errbuf[0] = 0;
    if (!r) return MON_ASK_NO_MEMORY;
    r->physical = physical;
    r->at = at;
    r->size = size < MON_MEMORY_MAX ? size : MON_MEMORY_MAX;
    enum mon_ask a = inspect_ask(m, do_read, r, sizeof *r);
    if (a == MON_ASK_OK && r->ok) memcpy(buf, r->bytes, r->size);
    if (a == MON_ASK_OK && !r->ok) a = MON_ASK_FAILED, snprintf(errbuf, errlen, "%s", r->error);
    free(r);
    return a;
}

/* ---- Maps ---- */

enum { PAGES_A_LETTER = 1 << 15, PORTS_A_LETTER = 1 << 14, PORTS = 1 << 16, PAGES = 1 << 20 };

struct map {
    uint32_t next; /* page or port to begin with; then, to go on with */
    bool goes_on;
    unsigned n;
    struct mon_range range[MON_RANGES];
};

/* The page: of a kind, and of which thing. Equal and neighbours: one range. */
static struct mon_range page_range(const struct machine *m, uint32_t page) {
    uint64_t at = (uint64_t)page << SMMU_PAGE_SHIFT;
    struct smmu_backing b = smmu_mem_lookup(m->mem, gpa(at));
    struct mon_range r = {.first = at, .last = at + SMMU_PAGE_MASK};
    uint64_t rams = smmu_mem_ram_size(m->mem) >> SMMU_PAGE_SHIFT;
    if (b.read_frame >= 0) {
        r.kind = (uint64_t)b.read_frame < rams ? MON_RANGE_RAM : MON_RANGE_ROM;
        r.read_only = b.write_frame < 0;
    } else if (b.dev) {
        r.kind = MON_RANGE_DEVICE;
        snprintf(r.name, sizeof r.name, "%s", b.dev->name);
    }
    return r;
}

static struct mon_range port_range(const struct machine *m, uint32_t port) {
    const char *name = dev_io_name(m->io, (uint16_t)port);
    struct mon_range r = {.first = port, .last = port, .kind = name ? MON_RANGE_DEVICE : MON_RANGE_NONE};
    if (name) snprintf(r.name, sizeof r.name, "%s", name);
    return r;
}

static bool joins(const struct mon_range *a, const struct mon_range *b) {
    return a->last + 1 == b->first && a->kind == b->kind && a->read_only == b->read_only && !strcmp(a->name, b->name);
}

/* False: there is no room for it. */
static bool add_range(struct map *map, const struct mon_range *r) {
    if (map->n && joins(&map->range[map->n - 1], r)) {
        map->range[map->n - 1].last = r->last;
        return true;
    }
    if (r->kind == MON_RANGE_NONE) return true;
    if (map->n == MON_RANGES) return false;
    map->range[map->n++] = *r;
    return true;
}

static void fill_map(const struct machine *m, struct map *map, uint32_t at_once, uint32_t end,
                     struct mon_range (*range)(const struct machine *m, uint32_t at)) {
    uint32_t stop = end - map->next < at_once ? end : map->next + at_once;
    for (; map->next < stop; map->next++) {
        struct mon_range r = range(m, map->next);
        if (!add_range(map, &r)) break;
    }
    map->goes_on = map->next < end;
}

static bool do_pages(struct machine *m, void *args, struct letter *l) {
    (void)l;
    fill_map(m, args, PAGES_A_LETTER, PAGES, page_range);
    return true;
}

static bool do_ports(struct machine *m, void *args, struct letter *l) {
    (void)l;
    fill_map(m, args, PORTS_A_LETTER, PORTS, port_range);
    return true;
}

static enum mon_ask ask_map(struct machine *m, mailbox_fn *fn, uint32_t *next, struct mon_range *out, unsigned *n) {
    struct map map = {.next = *next};
    enum mon_ask a = inspect_ask(m, fn, &map, sizeof map);
    *n = map.n;
    *next = map.goes_on ? map.next : 0;
    memcpy(out, map.range, map.n * sizeof *out);
    return a;
}

enum mon_ask mon_ask_memory_map(struct machine *m, uint64_t from, struct mon_range out[MON_RANGES], unsigned *n,
                                uint64_t *next) {
    uint32_t page = (uint32_t)(from >> SMMU_PAGE_SHIFT);
    enum mon_ask a = ask_map(m, do_pages, &page, out, n);
    *next = (uint64_t)page << SMMU_PAGE_SHIFT;
    return a;
}

enum mon_ask mon_ask_port_map(struct machine *m, uint32_t from, struct mon_range out[MON_RANGES], unsigned *n,
                              uint32_t *next) {
    *next = from;
    return ask_map(m, do_ports, next, out, n);
}
