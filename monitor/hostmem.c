/*
 * hostmem.c: memcpy, memmove, memset, memcmp and bcmp in general registers only.
 *
 * They take the place of libc's in the executable, because the compiler emits
 * calls to them by itself and libc's versions use SSE, which may hold guest
 * state. Callers: everyone, mostly unaware. Small sizes go by eight bytes,
 * large ones by the string instructions. Not in the sanitizer build, which
 * must see libc's.
 */
#ifndef NOVT_ASAN
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The compiler must not turn the loops below into calls to the functions they implement. */
#define NO_IDIOMS __attribute__((optimize("no-tree-loop-distribute-patterns"), noinline))

enum { STRING_MIN = 64 /* below it the start-up cost of REP is more than the loop */ };

typedef uint64_t unaligned64 __attribute__((aligned(1), may_alias));
typedef uint32_t unaligned32 __attribute__((aligned(1), may_alias));

static inline uint64_t get8(const uint8_t *p) { return *(const unaligned64 *)p; }
static inline void put8(uint8_t *p, uint64_t v) { *(unaligned64 *)p = v; }

/* 8..63 bytes, upwards; the last eight may overlap what was stored, so they are read first. */
static inline void copy_words_up(uint8_t *d, const uint8_t *s, size_t n) {
    uint64_t last = get8(s + n - 8);
    uint8_t *tail = d + n - 8;
    for (; n > 8; n -= 8, d += 8, s += 8) put8(d, get8(s));
    put8(tail, last);
}

static inline void copy_words_down(uint8_t *d, const uint8_t *s, size_t n) {
    uint64_t first = get8(s);
    for (; n > 8; n -= 8) put8(d + n - 8, get8(s + n - 8));
    put8(d, first);
}

/* 0..7 bytes: everything is read before anything is written, so either direction is right. */
static inline void copy_small(uint8_t *d, const uint8_t *s, size_t n) {
    if (n >= 4) {
        uint32_t a = *(const unaligned32 *)s, b = *(const unaligned32 *)(s + n - 4);
        *(unaligned32 *)d = a;
        *(unaligned32 *)(d + n - 4) = b;
    } else if (n) {
        uint8_t a = s[0], b = s[n / 2], c = s[n - 1];
        d[0] = a;
        d[n / 2] = b;
        d[n - 1] = c;
    }
}

NO_IDIOMS void *memcpy(void *restrict dst, const void *restrict src, size_t n) {
    uint8_t *d = dst;
    const uint8_t *s = src;
    if (n < 8)
        copy_small(d, s, n);
    else if (n < STRING_MIN)
        copy_words_up(d, s, n);
    else
        __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    return dst;
}

NO_IDIOMS void *memmove(void *dst, const void *src, size_t n) {
    uint8_t *d = dst;
    const uint8_t *s = src;
    if (n < 8) {
        copy_small(d, s, n);
    } else if ((uintptr_t)d - (uintptr_t)s >= n) { /* no overlap that an upward copy would trip over */
        if (n < STRING_MIN)
            copy_words_up(d, s, n);
        else
            __asm__ volatile("rep movsb" : "+D"(d), "+S"(s), "+c"(n) : : "memory");
    } else {
        copy_words_down(d, s, n); /* a loop for every size: REP with DF set is byte by byte on the hardware */
    }
    return dst;
}

NO_IDIOMS void *memset(void *dst, int value, size_t n) {
    uint8_t *d = dst;
    uint64_t v = (uint8_t)value * 0x0101010101010101ull;
    if (n >= STRING_MIN) {
        __asm__ volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(v) : "memory");
    } else if (n >= 8) {
        put8(d + n - 8, v);
        for (; n > 8; n -= 8, d += 8) put8(d, v);
    } else {
        for (; n; n--) *d++ = (uint8_t)value;
    }
    return dst;
}

NO_IDIOMS int memcmp(const void *a, const void *b, size_t n) {
    const uint8_t *p = a, *q = b;
    for (; n >= 8 && get8(p) == get8(q); n -= 8, p += 8, q += 8) {}
    for (; n; n--, p++, q++)
        if (*p != *q) return *p - *q;
    return 0;
}

NO_IDIOMS int bcmp(const void *a, const void *b, size_t n) { return memcmp(a, b, n); }
#else
typedef int hostmem_not_used; /* a translation unit may not be empty */
#endif
