#include "monitor/kallsyms.h"

#include <string.h>

const uint8_t kallsyms_digits[KALLSYMS_DIGITS] = {'0', 0, '1', 0, '2', 0, '3', 0, '4', 0,
                                                  '5', 0, '6', 0, '7', 0, '8', 0, '9', 0};

enum {
    TOKENS = 256,
    TOKEN_MAX = 128,
    BLOCK = 256, /* names a marker */
    COUNT_MIN = 512,
    COUNT_MAX = SYMBOLS_MAX,
    BLOCK_MIN = 2 * BLOCK, /* a name is its length, a type and a letter at least */
    BLOCK_MAX = 128 * BLOCK,
    RANGE_MAX = 512 << 20, /* a kernel's code and data */
    BUDGET = 16 << 20,     /* steps of the search: bytes made to mislead it cost no more than a tenth of a second */
};

struct image {
    const uint8_t *b;
    size_t size;
    size_t tokens, index; /* where the token table and its index begin */
    size_t markers;
    uint32_t n_markers;
    size_t names;
    uint32_t count;
    uint32_t budget;
};

static bool may_go_on(struct image *k) { return k->budget && k->budget--; }

static uint32_t word(const struct image *k, size_t at) {
    uint32_t v;
    memcpy(&v, k->b + at, sizeof v);
    return v;
}

static bool holds(const struct image *k, size_t at, size_t bytes) { return at <= k->size && bytes <= k->size - at; }
static size_t aligned(size_t n) { return (n + 3) & ~(size_t)3; }

/* ---- Tokens ---- */

static uint16_t token_offset(const struct image *k, unsigned i) {
    uint16_t v;
    memcpy(&v, k->b + k->index + 2 * i, sizeof v);
    return v;
}

static bool token_end(const struct image *k, size_t *at) {
    for (unsigned n = 0; n < TOKEN_MAX && *at < k->size; n++)
        if (!k->b[(*at)++]) return true;
    return false;
}

/* The index behind the table must say where each token is. */
static bool find_tokens(struct image *k, size_t digits) {
    size_t at = digits;
    for (unsigned i = '0'; i < TOKENS; i++)
        if (!token_end(k, &at)) return false;
    k->index = aligned(at);
    if (!holds(k, k->index, 2 * TOKENS) || token_offset(k, '0') > digits) return false;
    k->tokens = digits - token_offset(k, '0');
    size_t expected = k->tokens;
    for (unsigned i = 0; i < TOKENS; i++)
        if (k->tokens + token_offset(k, i) != expected || !token_end(k, &expected)) return false;
    return expected == at;
}

/* ---- Names ---- */

/* Lengths of 128 and more take two bytes (Linux 6.1). False: beyond `end`. */
static bool name_length(const struct image *k, size_t *at, size_t end, uint32_t *len) {
    if (*at >= end) return false;
    *len = k->b[(*at)++];
    if (*len & 0x80) {
        if (*at >= end) return false;
        *len = (*len & 0x7F) | (uint32_t)k->b[(*at)++] << 7;
    }
    return *len <= end - *at;
}

/* Walked from the start, the names meet each marker and end where the markers begin. */
static bool names_fit(struct image *k) {
    size_t at = k->names;
    for (uint32_t i = 0; i < k->count; i++) {
        uint32_t len;
        if (i % BLOCK == 0 && at - k->names != word(k, k->markers + 4 * (i / BLOCK))) return false;
        if (!may_go_on(k) || !name_length(k, &at, k->markers, &len) || !len) return false;
        at += len;
    }
    return aligned(at) == k->markers;
}

/* The count stands right before the names, whose start only the length of the last block leaves open. */
static bool find_names(struct image *k) {
    uint32_t last = word(k, k->markers + 4 * (k->n_markers - 1));
    if (last > k->markers) return false;
    size_t top = (k->markers - last) & ~(size_t)3, room = BLOCK_MAX < top ? BLOCK_MAX : top;
    for (size_t below = 0; below + 4 <= room && may_go_on(k); below += 4) {
        k->names = top - below;
        k->count = word(k, k->names - 4);
        if (k->count && (k->count - 1) / BLOCK + 1 == k->n_markers && names_fit(k)) return true;
    }
    return false;
}

/* Do the words in front of `end` look like that many markers? They begin with 0, and each block has its size. */
static bool are_markers(struct image *k, size_t end, uint32_t n) {
    if (4 * (size_t)n > end) return false;
    k->markers = end - 4 * (size_t)n;
    k->n_markers = n;
    if (word(k, k->markers)) return false;
    for (uint32_t i = 1; i < n; i++) {
        uint32_t step = word(k, k->markers + 4 * i) - word(k, k->markers + 4 * (i - 1));
        if (!may_go_on(k) || step < BLOCK_MIN || step > BLOCK_MAX) return false;
    }
    return true;
}

/* Markers right before the tokens, */
static bool find_plain(struct image *k) {
    for (uint32_t n = COUNT_MIN / BLOCK; n <= COUNT_MAX / BLOCK; n++)
        if (are_markers(k, k->tokens, n) && find_names(k)) return true;
    return false;
}

/* or with three bytes for each name between. */
static bool find_ordered(struct image *k) {
    for (uint32_t count = COUNT_MIN; count <= COUNT_MAX; count++) {
        size_t order = aligned(3 * (size_t)count);
        if (order > k->tokens) return false;
        if (are_markers(k, k->tokens - order, (count - 1) / BLOCK + 1) && find_names(k) && k->count == count)
            return true;
    }
    return false;
}

/* ---- Addresses ---- */

struct addresses {
    size_t at;
    uint32_t base;
};

static bool ascending(const struct image *k, const struct addresses *a) {
    uint32_t first = word(k, a->at), last = first;
    for (uint32_t i = 1; i < k->count; i++) {
        uint32_t v = word(k, a->at + 4 * (size_t)i);
        if (v < last) return false;
        last = v;
    }
    return last - first < RANGE_MAX && a->base <= UINT32_MAX - last && last > first;
}

static bool find_addresses(const struct image *k, struct addresses *a) {
    size_t bytes = 4 * (size_t)k->count, count_at = k->names - 4, behind = aligned(k->index + 2 * TOKENS);
    if (count_at >= bytes + 4) {
        *a = (struct addresses){count_at - 4 - bytes, word(k, count_at - 4)};
        if (a->base && !word(k, a->at) && ascending(k, a)) return true;
    }
    if (holds(k, behind, bytes + 4)) {
        *a = (struct addresses){behind, word(k, behind + bytes)};
        if (a->base && !word(k, a->at) && ascending(k, a)) return true;
    }
    if (count_at < bytes) return false;
    *a = (struct addresses){count_at - bytes, 0};
    return ascending(k, a);
}

/* ---- All of it ---- */

/* The name that starts at *at, its type first. 0: no name that a symbol can have. A disk may write here meanwhile:
 * bounds hold whatever the bytes say now. */
static size_t expand(const struct image *k, size_t *at, char *out, size_t room) {
    uint32_t len;
    size_t n = 0;
    if (!name_length(k, at, k->markers, &len)) return 0;
    for (size_t end = *at + len; *at < end; (*at)++)
        for (size_t t = k->tokens + token_offset(k, k->b[*at]); t < k->size && k->b[t]; t++) {
            if (n == room || k->b[t] <= ' ' || k->b[t] > '~') return 0;
            out[n++] = (char)k->b[t];
        }
    return n;
}

static bool fill(const struct image *k, const struct addresses *a, struct symbol_table *t) {
    char name[SYMBOL_NAME_MAX + 1];
    size_t at = k->names;
    for (uint32_t i = 0; i < k->count; i++) {
        size_t n = expand(k, &at, name, sizeof name);
        if (n < 2) return false;
        bool absolute = name[0] == 'A' || name[0] == 'a';
        uint32_t address = a->base + word(k, a->at + 4 * (size_t)i);
        if (!absolute && !symbol_table_add(t, address, name + 1, n - 1)) return false;
    }
    return true;
}

bool kallsyms_tokens(const uint8_t *bytes, size_t size, size_t digits) {
    struct image k = {.b = bytes, .size = size};
    return find_tokens(&k, digits);
}

bool kallsyms_read(const uint8_t *bytes, size_t size, size_t digits, struct symbol_table *t) {
    struct image k = {.b = bytes, .size = size, .budget = BUDGET};
    struct addresses a;
    if (!find_tokens(&k, digits) || !(find_plain(&k) || find_ordered(&k)) || !find_addresses(&k, &a)) return false;
    if (fill(&k, &a, t)) {
        symbol_table_seal(t);
        return true;
    }
    symbol_table_clear(t);
    return false;
}
