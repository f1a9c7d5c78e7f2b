/*
 * symbols.h: names for guest addresses: from a file of the user's (--symbols), and from the guest's own kernel where
 * its symbols can be found in memory (kallsyms.c), which win: they are where the kernel has put itself.
 *
 * vCPU thread, FPU parked: questions of other threads come as letters (mailbox.h). Names live until the next
 * symbols_look, symbols_forget or symbols_close. Callers: perf.c, gdb_*.c, machine.c.
 */
#ifndef NOVT_MONITOR_SYMBOLS_H
#define NOVT_MONITOR_SYMBOLS_H

#include "monitor/symbol_table.h"
#include "shadowmmu/memory.h"

struct symbols;

/* file: an ELF image with symbols (vmlinux), or a list as System.map and nm write it; NULL: none. NULL: errbuf says
 * why. */
struct symbols *symbols_open(const char *file, char *errbuf, size_t errlen);
void symbols_close(struct symbols *s);

/* Looks for the guest's own, unless they are known or the last vain look was a short time ago. now_ns: any clock. */
void symbols_look(struct symbols *s, const struct smmu_mem *mem, uint64_t now_ns);
/* The guest has been reset: its own are no longer valid. */
void symbols_forget(struct symbols *s);

/* The symbol that address belongs to: its name and the distance from its start. False: none. */
bool symbols_at(const struct symbols *s, uint32_t address, const char **name, uint32_t *offset);
/* Does the address lie where the symbols' owner does, not below its first code? A kernel's lists have absolute symbols
 * there, which are no places. */
bool symbols_cover(const struct symbols *s, uint32_t address);
/* The ranges of the symbols of this name, sorted; of all whose names begin so, if it ends with `*`. How many: at most
 * `most`, or more than that: too many. */
struct symbol_range {
    uint32_t first, last;
};
uint32_t symbols_ranges(const struct symbols *s, const char *pattern, struct symbol_range *out, uint32_t most);
bool symbols_find(const struct symbols *s, const char *name, uint32_t *address);
/* How many are known from the file, from the guest. */
void symbols_count(const struct symbols *s, uint32_t *file, uint32_t *guest);
/* Where the guest's kernel lies, less where the file says: address space randomization. */
uint32_t symbols_slide(const struct symbols *s);

/* ---- symbols_file.c ---- */
bool symbols_read_file(const char *path, struct symbol_table *t, char *errbuf, size_t errlen);
#endif
