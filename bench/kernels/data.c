/* data.c: loads, stores and compares: sorting, tables, pointers, bytes. */
#include <stdlib.h>
#include <string.h>
#include "bench.h"

/* ---- Sorting with a compare callback ---- */

static OPAQUE int compare(const void *a, const void *b) {
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void swap(uint32_t *a, uint32_t *b) {
    uint32_t t = *a;
    *a = *b;
    *b = t;
}

static void sort(uint32_t *v, int n, int (*less)(const void *, const void *)) {
    while (n > 1) {
        swap(&v[0], &v[n / 2]);
        int last = 0;
        for (int i = 1; i < n; i++)
            if (less(&v[i], &v[0]) < 0) swap(&v[++last], &v[i]);
        swap(&v[0], &v[last]);
        sort(v, last, less);
        v += last + 1;
        n -= last + 1;
    }
}

uint32_t bench_quicksort(void) {
    enum { N = 50000 };
    static uint32_t v[N];
    uint32_t seed = 42, sum = 0;
    for (int i = 0; i < N; i++) v[i] = next_random(&seed);
    sort(v, N, compare);
    for (int i = 0; i < N; i++) sum = mix(sum, v[i]);
    return sum;
}

/* ---- CRC by table ---- */

static void crc_table(uint32_t *table) {
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t c = i;
        for (int k = 0; k < 8; k++) c = c & 1 ? c >> 1 ^ 0xEDB88320u : c >> 1;
        table[i] = c;
    }
}

uint32_t bench_crc(void) {
    static uint8_t data[1 << 20];
    uint32_t table[256], seed = 3, crc = ~0u;
    crc_table(table);
    for (size_t i = 0; i < sizeof data; i += 64) data[i] = (uint8_t)next_random(&seed);
    for (int pass = 0; pass < 3; pass++)
        for (size_t i = 0; i < sizeof data; i++) crc = crc >> 8 ^ table[(crc ^ data[i]) & 255];
    return crc;
}

/* ---- Hash table with chains ---- */

struct entry {
    struct entry *next;
    uint32_t key, value;
};
enum { BUCKETS = 1 << 14, ENTRIES = 1 << 16 };

static OPAQUE struct entry *find(struct entry *const *bucket, uint32_t key) {
    struct entry *e = bucket[(key * 2654435761u) >> 18];
    while (e && e->key != key) e = e->next;
    return e;
}

uint32_t bench_hash(void) {
    static struct entry *bucket[BUCKETS];
    static struct entry pool[ENTRIES];
    uint32_t used = 0, seed = 5, sum = 0;
    memset(bucket, 0, sizeof bucket);
    for (uint32_t i = 0; i < 4 * ENTRIES; i++) {
        uint32_t key = next_random(&seed) & (ENTRIES - 1);
        struct entry *e = find(bucket, key);
        if (!e) {
            uint32_t slot = (key * 2654435761u) >> 18;
            e = &pool[used++];
            *e = (struct entry){bucket[slot], key, 0};
            bucket[slot] = e;
        }
        sum += ++e->value;
    }
    return mix(sum, used);
}

/* ---- Pointer chasing in the first cache level: the latency of one dependent load ---- */

static OPAQUE uint32_t walk(const uint32_t *next, uint32_t steps) {
    uint32_t at = 0;
    while (steps--) at = next[at];
    return at;
}

uint32_t bench_chase(void) {
    enum { N = 4096 };
    static uint32_t next[N];
    for (uint32_t i = 0; i < N; i++) next[i] = (i * 1025 + 77) & (N - 1);
    return walk(next, 4000000);
}

/* ---- Sieve ---- */

uint32_t bench_sieve(void) {
    enum { N = 1 << 21 };
    static uint8_t composite[N];
    uint32_t primes = 0;
    memset(composite, 0, N);
    for (uint32_t i = 2; i < N; i++) {
        if (composite[i]) continue;
        primes++;
        for (uint32_t k = 2 * i; k < N; k += i) composite[k] = 1;
    }
    return primes;
}

/* ---- Bytes ---- */

uint32_t bench_copy_movsb(void) {
    enum { SIZE = 64 << 10 };
    static uint8_t from[SIZE], to[SIZE];
    memset(from, 7, SIZE);
    for (int i = 0; i < 5000; i++) {
        void *d = to;
        const void *s = from;
        size_t n = SIZE - (size_t)(i & 1023);
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    }
    return mix(to[0], to[SIZE - 1] + 1u);
}

uint32_t bench_copy_libc(void) {
    enum { SIZE = 16 << 10 };
    static uint8_t from[SIZE], to[SIZE];
    void *(*volatile copy)(void *, const void *, size_t) = memcpy;
    memset(from, 9, SIZE);
    for (unsigned i = 0; i < 60000; i++) copy(to, from, SIZE - (i & 1023));
    return mix(to[0], to[SIZE - 1] + 1u);
}

static OPAQUE uint32_t count_words(const char *text, const char *wanted) {
    char word[32];
    uint32_t n = 0, found = 0;
    for (;; text++) {
        char c = *text;
        if (c >= 'A' && c <= 'Z') c = (char)(c + 32);
        if (c >= 'a' && c <= 'z' && n < sizeof word - 1) {
            word[n++] = c;
            continue;
        }
        word[n] = 0;
        if (n && !strcmp(word, wanted)) found++;
        n = 0;
        if (!*text) return found;
    }
}

uint32_t bench_strings(void) {
    enum { SIZE = 256 << 10 };
    static const char *const words[8] = {"the ", "Quick, ", "brown ", "fox ", "jumps ", "over-", "LAZY ", "dog.\n"};
    static char text[SIZE + 16];
    uint32_t seed = 11, at = 0, sum = 0;
    while (at < SIZE) at += (uint32_t)strlen(strcpy(text + at, words[next_random(&seed) & 7]));
    for (int pass = 0; pass < 4; pass++) sum = mix(sum, count_words(text, "lazy"));
    for (const char *p = text; (p = strchr(p, '\n')); p++) sum++;
    return mix(sum, (uint32_t)strlen(text));
}
