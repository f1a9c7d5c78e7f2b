/*
 * parse.h: values of options: sizes, times, numbers. Pure functions.
 */
#ifndef NOVT_CONSOLE_PARSE_H
#define NOVT_CONSOLE_PARSE_H

#include <stdbool.h>
#include <stdint.h>

/* Decimal number with an optional suffix K, M, G or T (1024-based); without one it counts `unit` bytes. */
bool parse_size(const char *s, uint64_t unit, uint64_t *out);
/* Seconds, up to three decimals; at least one millisecond. */
bool parse_seconds(const char *s, uint64_t *ms);
/* Decimal, or hexadecimal after 0x; at most max. */
bool parse_number(const char *s, uint64_t max, uint64_t *out);
#endif
