#include "console/parse.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool parse_digits(const char **s, int base, uint64_t *out) {
    char *end;
    if (!(base == 16 ? isxdigit((unsigned char)**s) : isdigit((unsigned char)**s))) return false;
    errno = 0;
    *out = strtoull(*s, &end, base);
    *s = end;
    return errno == 0;
}

static unsigned suffix_shift(char c) {
    switch (toupper((unsigned char)c)) {
    case 'K': return 10;
    case 'M': return 20;
    case 'G': return 30;
    case 'T': return 40;
    default: return 0;
    }
}

bool parse_size(const char *s, uint64_t unit, uint64_t *out) {
    uint64_t n;
    if (!parse_digits(&s, 10, &n)) return false;
    unsigned shift = suffix_shift(*s);
    uint64_t factor = *s ? 1ull << shift : unit;
    if (*s && (!shift || s[1])) return false;
    return !__builtin_mul_overflow(n, factor, out);
}

bool parse_seconds(const char *s, uint64_t *ms) {
    uint64_t whole, part = 0;
    if (!parse_digits(&s, 10, &whole) || whole > UINT32_MAX) return false;
    if (*s == '.') {
        const char *digits = ++s;
        if (!parse_digits(&s, 10, &part) || s - digits > 3) return false;
        for (long n = s - digits; n < 3; n++) part *= 10;
    }
    *ms = whole * 1000 + part;
    return !*s && *ms;
}

bool parse_number(const char *s, uint64_t max, uint64_t *out) {
    bool hex = s[0] == '0' && (s[1] == 'x' || s[1] == 'X');
    if (hex) s += 2;
    return parse_digits(&s, hex ? 16 : 10, out) && !*s && *out <= max;
}
