/*
 * debug.h: the debug registers: which breakpoints are armed, and which of them
 * an instruction hits. run.c asks before and after each instruction while any is armed.
 *
 * Manual: SDM vol. 3 chapter "Debug, Branch Profile, TSC ...", sections "Debug
 * Registers", "Debug Exceptions".
 */
#ifndef NOVT_MONITOR_DEBUG_H
#define NOVT_MONITOR_DEBUG_H

#include "monitor/vcpu.h"

/* SDM vol. 3 "Debug Status Register (DR6)", "Debug Control Register (DR7)". */
enum { DR6_BD = 1u << 13, DR6_BS = 1u << 14, DR7_GD = 1u << 13 };

/* What an instruction reads or writes, by linear address or port. */
enum mon_access_kind { ACCESS_READ = 1, ACCESS_WRITE = 2, ACCESS_IO = 4 };
struct mon_access {
    uint32_t at, size;
    unsigned kind; /* mask of enum mon_access_kind */
};

enum { WATCH_MAX = 4 };

/* One instruction under observation. Operands are found before it runs, while registers name them; how far a repeated
 * string instruction came is seen afterwards. */
struct mon_watch {
    struct insn insn;
    bool decoded; /* false: its bytes cannot be read, it will fault */
    uint32_t pc, esi, edi;
    struct mon_access access[WATCH_MAX];
    unsigned n;
};

/* Makes cpu.debug_step follow DR7 and CR4.DE. */
void mon_debug_update(struct vcpu *v);
/* DR6 bits of the execution breakpoints at CS:EIP. */
uint32_t mon_debug_at_pc(const struct vcpu *v);
void mon_watch_begin(struct vcpu *v, struct mon_watch *w);
/* DR6 bits of the data and I/O breakpoints that the completed instruction, or its iterations so far, hit. */
uint32_t mon_watch_hits(const struct vcpu *v, const struct mon_watch *w);
/* Has it read or written (mask of enum mon_access_kind) a byte of [at, at+len)? */
bool mon_watch_touched(const struct vcpu *v, const struct mon_watch *w, uint32_t at, uint32_t len, unsigned kind);
/* A repeated string instruction stopped between iterations, after one at least. */
bool mon_watch_unfinished(const struct vcpu *v, const struct mon_watch *w);
/* Is the instruction at CS:EIP an INT n? */
bool mon_debug_at_int(struct vcpu *v);
#endif
