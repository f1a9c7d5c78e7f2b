/*
 * kallsyms.h: the symbols that a Linux kernel carries with it, found in its memory without its help.
 *
 * The kernel keeps its own symbols compressed: 256 tokens, names as sequences of tokens, an address each. There is no
 * pointer to them that an outsider could know, but the tokens '0' to '9' lie in a row. Layouts known: Linux 2.6.10 to
 * 4.5 (addresses), 4.6 on (offsets from a base), 6.2 on (order of names), 6.4 on (offsets at the end).
 * Bytes are hostile: everything is checked against everything else before it is believed. Caller: symbols.c.
 */
#ifndef NOVT_MONITOR_KALLSYMS_H
#define NOVT_MONITOR_KALLSYMS_H

#include "monitor/symbol_table.h"

/* What a candidate looks like, to find one quickly. */
enum { KALLSYMS_DIGITS = 20 };
extern const uint8_t kallsyms_digits[KALLSYMS_DIGITS];
/* How far from the digits the tables may lie. */
enum { KALLSYMS_BEFORE = 16 << 20, KALLSYMS_BEHIND = 8 << 20 };

/* Do these digits lie among 256 tokens, and an index that says where each is? Tables of characters in 16 bits, which
 * systems have many of, hold the digits as well. Costs little. */
bool kallsyms_tokens(const uint8_t *bytes, size_t size, size_t digits);
/* `bytes` holds the digits at `digits`, and memory around them. True: t, empty before, holds the symbols, sealed. */
bool kallsyms_read(const uint8_t *bytes, size_t size, size_t digits, struct symbol_table *t);
#endif
