#include "monitor/symbols.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "monitor/kallsyms.h"

enum {
    SYMBOL_REACH = 64 << 10,      /* code further behind a symbol belongs to something that has no name */
    LOW_MEMORY_MAX = 896 << 20,   /* where a 32-bit Linux can lie */
    CANDIDATES = 8,               /* per look: tables that are searched for */
    DIGITS_MAX = 4096,            /* per look: places that hold the digits; each costs some microseconds */
    PATIENCE_FIRST_NS = 50000000, /* between looks, doubled each time */
};
#define PATIENCE_MAX_NS UINT64_C(10000000000)

struct symbols {
    struct symbol_table file, guest;
    uint32_t slide;                   /* added to what the file says */
    uint32_t file_first, guest_first; /* where their code begins */
    uint64_t next_look_ns, patience_ns;
};

/* A symbol that both tables have tells how far the kernel has moved. */
static const char *const anchors[] = {"_stext", "_text", "startup_32"};
enum { ANCHORS = sizeof anchors / sizeof anchors[0] };

/* Where a kernel's code begins; of something else the lowest symbol. */
static uint32_t first_of(const struct symbol_table *t) {
    uint32_t first = UINT32_MAX;
    for (size_t i = 0; i < ANCHORS; i++) {
        const struct symbol_entry *e = symbol_table_named(t, anchors[i]);
        if (e && e->address < first) first = e->address;
    }
    return first == UINT32_MAX && t->n ? t->entry[0].address : first;
}

/* ---- Life ---- */

struct symbols *symbols_open(const char *file, char *errbuf, size_t errlen) {
    struct symbols *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    s->patience_ns = PATIENCE_FIRST_NS;
    if (!file || symbols_read_file(file, &s->file, errbuf, errlen)) {
        s->file_first = first_of(&s->file);
        return s;
    }
    symbols_close(s);
    return NULL;
}

void symbols_close(struct symbols *s) {
    if (!s) return;
    symbol_table_clear(&s->file);
    symbol_table_clear(&s->guest);
    free(s);
}

void symbols_forget(struct symbols *s) {
    symbol_table_clear(&s->guest);
    s->slide = 0;
    s->next_look_ns = 0;
    s->patience_ns = PATIENCE_FIRST_NS;
}

/* ---- The guest's own ---- */

/* What is left of a look. */
struct patience {
    unsigned digits, candidates;
};

static bool read_around(struct symbols *s, const uint8_t *memory, size_t size, size_t digits, struct patience *p) {
    size_t from = digits > KALLSYMS_BEFORE ? (digits - KALLSYMS_BEFORE) & ~(size_t)SMMU_PAGE_MASK : 0;
    size_t to = size - digits > KALLSYMS_BEHIND ? digits + KALLSYMS_BEHIND : size;
    if (!kallsyms_tokens(memory + from, to - from, digits - from)) return false;
    p->candidates--;
    return kallsyms_read(memory + from, to - from, digits - from, &s->guest);
}

static bool search(struct symbols *s, const uint8_t *memory, size_t size, size_t from, size_t to, struct patience *p) {
    while (p->candidates && p->digits && to - from >= KALLSYMS_DIGITS) {
        const uint8_t *hit = memmem(memory + from, to - from, kallsyms_digits, KALLSYMS_DIGITS);
        if (!hit) return false;
        size_t at = (size_t)(hit - memory);
        p->digits--;
        if (read_around(s, memory, size, at, p)) return true;
        from = at + 1;
    }
    return false;
}

/* Memory that the guest never touched has no page yet, and shall get none by a look. */
static bool look(struct symbols *s, const uint8_t *memory, size_t size) {
    enum { BATCH = 4096 };
    static unsigned char present[BATCH];
    struct patience p = {DIGITS_MAX, CANDIDATES};
    size_t pages = size / SMMU_PAGE_SIZE, from = 0; /* from: start of the run of pages that are there */
    for (size_t at = 0; at < pages; at += BATCH) {
        size_t n = pages - at < BATCH ? pages - at : BATCH;
        if (mincore((void *)(uintptr_t)(memory + at * SMMU_PAGE_SIZE), n * SMMU_PAGE_SIZE, present)) return false;
        for (size_t i = 0; i < n; i++) {
            if (present[i] & 1) continue;
            if (search(s, memory, size, from * SMMU_PAGE_SIZE, (at + i) * SMMU_PAGE_SIZE, &p)) return true;
            from = at + i + 1;
        }
    }
    return from < pages && search(s, memory, size, from * SMMU_PAGE_SIZE, size, &p);
}

static uint32_t find_slide(const struct symbols *s) {
    for (size_t i = 0; i < ANCHORS; i++) {
        const struct symbol_entry *f = symbol_table_named(&s->file, anchors[i]);
        const struct symbol_entry *g = symbol_table_named(&s->guest, anchors[i]);
        if (f && g) return g->address - f->address;
    }
    return 0;
}

void symbols_look(struct symbols *s, const struct smmu_mem *mem, uint64_t now_ns) {
    if (s->guest.n || now_ns < s->next_look_ns) return;
    uint64_t ram = smmu_mem_ram_size(mem);
    if (look(s, smmu_mem_linear(mem), ram < LOW_MEMORY_MAX ? (size_t)ram : LOW_MEMORY_MAX)) {
        s->slide = find_slide(s);
        s->guest_first = first_of(&s->guest);
    }
    s->next_look_ns = now_ns + s->patience_ns;
    if (s->patience_ns < PATIENCE_MAX_NS) s->patience_ns *= 2;
}

/* ---- Questions ---- */

static bool at(const struct symbol_table *t, uint32_t address, const char **name, uint32_t *offset) {
    const struct symbol_entry *e = symbol_table_below(t, address);
    if (!e || address - e->address >= SYMBOL_REACH) return false;
    *name = symbol_table_name(t, e);
    *offset = address - e->address;
    return true;
}

bool symbols_at(const struct symbols *s, uint32_t address, const char **name, uint32_t *offset) {
    return at(&s->guest, address, name, offset) || at(&s->file, address - s->slide, name, offset);
}

bool symbols_cover(const struct symbols *s, uint32_t address) {
    return (s->guest.n && address >= s->guest_first) || (s->file.n && address >= s->file_first + s->slide);
}

bool symbols_find(const struct symbols *s, const char *name, uint32_t *address) {
    const struct symbol_entry *e = symbol_table_named(&s->guest, name);
    if (e) {
        *address = e->address;
        return true;
    }
    e = symbol_table_named(&s->file, name);
    if (e) *address = e->address + s->slide;
    return e != NULL;
}

/* To the next symbol of another address. */
static struct symbol_range range_at(const struct symbol_table *t, uint32_t i) {
    uint32_t first = t->entry[i].address, next = i;
    while (next < t->n && t->entry[next].address == first) next++;
    uint32_t size = next < t->n ? t->entry[next].address - first : SYMBOL_REACH;
    return (struct symbol_range){first, first + (size < SYMBOL_REACH ? size : SYMBOL_REACH) - 1};
}

static bool fits(const char *name, const char *pattern) {
    size_t n = strlen(pattern);
    return n && pattern[n - 1] == '*' ? !strncmp(name, pattern, n - 1) : !strcmp(name, pattern);
}

uint32_t symbols_ranges(const struct symbols *s, const char *pattern, struct symbol_range *out, uint32_t most) {
    const struct symbol_table *t = s->guest.n ? &s->guest : &s->file;
    uint32_t n = 0, slide = s->guest.n ? 0 : s->slide;
    for (uint32_t i = 0; i < t->n && n <= most; i++) {
        if (!fits(symbol_table_name(t, &t->entry[i]), pattern)) continue;
        struct symbol_range r = range_at(t, i);
        r.first += slide;
        r.last += slide;
        if (n && out[n - 1].first == r.first) continue; /* two names of one thing */
        if (n < most) out[n] = r;
        n++;
    }
    return n;
}

void symbols_count(const struct symbols *s, uint32_t *file, uint32_t *guest) {
    *file = s->file.n;
    *guest = s->guest.n;
}

uint32_t symbols_slide(const struct symbols *s) { return s->slide; }
