/*
 * bt.h: the translation engine's public face.
 *
 * monitor owns the vCPU and embeds `struct bt_cpu`, the part of it that
 * translated code touches, as its first member. bt translates and runs guest
 * code until something needs monitor: an exception, an interrupt, a callout
 * that changed the mode. Single-threaded: everything but bt_kick runs on the vCPU thread.
 */
#ifndef NOVT_BT_BT_H
#define NOVT_BT_BT_H

#include <stddef.h>
#include "decoder/decoder.h"
#include "shadowmmu/shadowmmu.h"

/* ---- The CPU state that translated code touches ---- */

/* Descriptor cache of a segment register. attr holds the descriptor's bits 40..55 as one word:
 * bits 0-3 type, 4 S, 5-6 DPL, 7 P, 12 AVL, 13 L, 14 D/B, 15 G (SDM vol. 3 "Segment Descriptors"). */
enum {
    BT_ATTR_ACCESSED = 1u << 0,
    BT_ATTR_RW = 1u << 1,
    BT_ATTR_EXPAND_DOWN = 1u << 2 /* conforming for code */,
    BT_ATTR_CODE = 1u << 3,
    BT_ATTR_S = 1u << 4,
    BT_ATTR_DPL_SHIFT = 5,
    BT_ATTR_P = 1u << 7,
    BT_ATTR_DB = 1u << 14,
    BT_ATTR_G = 1u << 15,
};
struct bt_seg {
    uint32_t base;
    uint32_t limit; /* in bytes, granularity applied */
    uint16_t selector;
    uint16_t attr; /* 0: unusable (null selector in protected mode) */
};

/* System bits of EFLAGS live here, arithmetic bits and DF in the host's RFLAGS while guest code runs. */
enum {
    EFL_TF = 1u << 8,
    EFL_IF = 1u << 9,
    EFL_IOPL = 3u << 12,
    EFL_IOPL_SHIFT = 12,
    EFL_NT = 1u << 14,
    EFL_RF = 1u << 16,
    EFL_VM = 1u << 17,
    EFL_AC = 1u << 18,
    EFL_VIF = 1u << 19,
    EFL_VIP = 1u << 20,
    EFL_ID = 1u << 21,
    EFL_HOST = DEC_ARITH | DEC_DF, /* the bits that live in the host's flags */
    EFL_FIXED = 1u << 1,
};

/* The last x87 instruction and its operand: offsets, selectors, opcode. */
struct bt_fpu_pointers {
    uint32_t fip, fdp;
    uint16_t fcs, fds, fop;
};

struct bt_cpu {
    uint32_t gpr[8];     /* enum dec_gpr order; current only outside translated code */
    uint32_t eip;        /* offset in CS; in a callout: of the instruction itself */
    uint32_t flags_host; /* EFL_HOST bits */
    uint32_t flags_if;   /* 0 or EFL_IF */
    uint32_t flags_sys;  /* every other bit, EFL_FIXED excluded */
    struct bt_seg seg[DEC_SEG_COUNT];
    uint32_t cr0, cr4;  /* the mode key depends on them; monitor owns the writes */
    uint8_t cpl;        /* 0..3; 3 in v8086 mode, 0 in real mode */
    bool intr;          /* the interrupt controllers' INTR line; monitor sets it, code that sets IF looks at it */
    bool irq_shadow;    /* STI, MOV SS, POP SS: no interrupt before the next instruction ends */
    bool debug_step;    /* a breakpoint is armed in DR7: monitor looks at every instruction */
    bool leave;         /* monitor has something to do before guest code goes on; bt_run clears it */
    bool fpu_parked;    /* guest FPU state is in fpu_area, not in the host's registers */
    bool tsc_as_host;   /* the guest's TSC runs as fast as the host's: RDTSC may be done in line */
    int64_t tsc_offset; /* guest TSC = host's (scaled, unless tsc_as_host) + offset */
    struct smmu *smmu;
    _Alignas(64) uint8_t fpu_area[512]; /* FXSAVE64 image while parked; pointers as bt_fpu_pointers says */
    struct bt_fpu_pointers fpu_loaded;  /* what the guest loaded, or bt_fpu_pointers found, last */
    struct bt_engine *engine;
    uint32_t at; /* for samples: what ran last outside translated code; enum bt_op or bt_at */
    /* engine's own, offsets known to emitted code only */
    struct bt_private {
        uint64_t tlb_base, view_base, poll, ras_top, ras_rsp, host_rsp, jump_cache, exit_arg, exit_arg2, target;
        uint64_t seg_lim_r[6], seg_lim_w[6]; /* limit+1 of what may be read/written without a callout, 0: none */
        uint64_t seg_base_ptr[6];          /* &seg[].base, or an unmapped address when the fast form must not be used */
        uint64_t host_flags;               /* RFLAGS image to load at entry */
        uint32_t exit_reason, saved_flags; /* saved_flags: AH and OF of a checked access, see emit_mem.c */
        struct bt_seg_same {
            uint64_t minus_selector, minus_desc; /* negated, so that LEA compares */
            uint64_t lin;                        /* guest-linear address of the descriptor */
            /* FS and GS: what the register was then; it may have changed since */
            uint64_t lim_r, lim_w, base_ptr;
            struct bt_seg seg;
        } seg_same[6];
        struct bt_table_same {
            uint64_t minus_base, minus_limit;
        } table_same[2]; /* GDTR, IDTR */
        struct bt_cpuid_same {
            uint64_t minus_leaf;
            uint32_t out[4];
        } cpuid_same[2];    /* latest first */
        struct bt_syscall { /* SYSENTER, SYSEXIT: see syscall.c */
            uint64_t minus_mode, minus_flags;
            struct bt_seg cs, ss;
            uint64_t lim_r, tlb_base, view_base, jump_cache, jc;
            uint32_t mode_after, eip, esp;
        } syscall[2];
        uint64_t bad_seg;                                  /* seg_base_ptr of a segment that is not plain */
        uint64_t insns, returns, indirects, return_misses; /* bt_count: executed so far */
        uint32_t seg_mode;                                 /* the mode key's bits that depend on segment registers */
        uint16_t last_cs[4];                               /* latest CS selector of each privilege */
    } p;
};

static inline uint32_t bt_eflags(const struct bt_cpu *c) {
    return c->flags_host | c->flags_if | c->flags_sys | EFL_FIXED;
}
static inline void bt_set_eflags(struct bt_cpu *c, uint32_t v) {
    c->flags_host = v & EFL_HOST;
    c->flags_if = v & EFL_IF;
    c->flags_sys = v & (EFL_TF | EFL_IOPL | EFL_NT | EFL_RF | EFL_VM | EFL_AC | EFL_VIF | EFL_VIP | EFL_ID);
}
static inline struct gva bt_pc(const struct bt_cpu *c) { return gva(c->seg[DEC_CS].base + c->eip); }

/* Moves the guest's x87/SSE state from the host's registers to fpu_area, if it is not there yet.
 * Call before anything that may use SSE or x87 (libc, system calls through libc are safe). Idempotent. */
void bt_fpu_park(struct bt_cpu *c);
/* Parks, and makes the pointers in fpu_area the guest's (offsets of 32 bits) if they are addresses of translated code.
 * `env`: as FNSTENV reports them; else as FXSAVE does, which on AMD processors is 0 while no error is pending. */
struct bt_fpu_pointers bt_fpu_pointers(struct bt_cpu *c, bool env);
/* The guest loads pointers: they last until its next x87 instruction. Parked only. */
void bt_fpu_load_pointers(struct bt_cpu *c, const struct bt_fpu_pointers *p);

/* ---- Sensitive instructions: callouts into monitor ---- */
enum bt_next {
    BT_NEXT_CONTINUE, /* done; go on with the following instruction (eip untouched); no mode-key input changed */
    BT_NEXT_EXIT, /* eip is where to resume (a fault has been delivered, control transferred, mode changed, interrupt
                     window opened). The engine goes on there by itself, unless bt_cpu's `leave` is set, an interrupt
                     can be delivered or instructions are looked at one by one */
};
typedef enum bt_next bt_op_fn(struct bt_cpu *cpu, const struct insn *insn);

enum bt_op {
#define SENSITIVE(name, mnemonic, map, opcode, reason, handling, helper, title) BT_OP_##name,
#include "bt/sensitive.def"
#undef SENSITIVE
    BT_OP_COUNT
};

/* What the thread does, beside the callouts of each row. Whoever begins notes it in bt_cpu's `at`; nobody notes the
 * end, for outside translated code it is always the last one that began. */
enum bt_at {
    BT_AT_ENGINE = BT_OP_COUNT, /* finds, copies and links blocks */
    BT_AT_TRANSLATOR,
    BT_AT_ACCESS,    /* a checked access: page walks, TLB */
    BT_AT_REGISTER,  /* of a device, in memory */
    BT_AT_EXCEPTION, /* of the guest, found by translated code */
    BT_AT_MONITOR,   /* between two pieces of guest code: interrupts */
    BT_AT_EVENTS,    /* timers, descriptors, questions of consoles */
    BT_AT_WAIT,      /* HLT, or stopped: the little that takes processor time */
    /* by where the sample found it */
    BT_AT_BLOCK,
    BT_AT_STUB,  /* translated code outside blocks */
    BT_AT_FAULT, /* of a direct access, or a poll, by signal: with the host's kernel */
    BT_AT_COUNT
};

/* The translation mode for the current state: equal keys mean that the same translations are valid. Inputs: CS.D,
 * SS.B, CPL, PE, VM, TS/EM/MP where it matters, OSFXSR, flatness of CS DS ES SS, TF. A helper that may change any of
 * these compares before and after, and returns BT_NEXT_EXIT if the key changed. After a load of any segment register
 * call bt_seg_loaded: what the key and emitted code need of it is derived there. */
uint32_t bt_mode(const struct bt_cpu *c);
/* The register has just been loaded from a descriptor in a table (after bt_seg_loaded). Loading the same selector again
 * has the same result, until bt_tables_changed is called, as long as the descriptor's eight bytes at lin are these. Not
 * for SS. */
void bt_seg_from_table(struct bt_cpu *c, int seg, uint32_t lin, uint64_t desc);
/* What CS or SS is, with all that is derived of it; to be put back in the same mode (protected or not, v8086 or not).
 */
struct bt_seg_state {
    struct bt_seg seg;
    uint32_t mode_bits, mode_mask;
    uint64_t lim_r, lim_w, base_ptr;
};
void bt_seg_save(const struct bt_cpu *c, int seg, struct bt_seg_state *s);
void bt_seg_restore(struct bt_cpu *c, int seg, const struct bt_seg_state *s);
/* GDTR or LDTR has changed. */
void bt_tables_changed(struct bt_cpu *c);
/* What GDTR or IDTR is now: LGDT and LIDT of the same do nothing. After every change. */
enum bt_table { BT_GDTR, BT_IDTR };
void bt_table_loaded(struct bt_cpu *c, enum bt_table which, uint32_t base, uint16_t limit);
/* CPUID of this leaf gives out (EAX, EBX, ECX, EDX) whatever ECX was, until bt_msrs_changed. */
void bt_cpuid_known(struct bt_cpu *c, uint32_t leaf, const uint32_t out[4]);
/* SYSENTER (or SYSEXIT) is about to change the state, and nothing can go wrong any more. */
void bt_syscall_begins(struct bt_cpu *c, bool exit);
/* What CPUID and SYSENTER depend on. */
void bt_msrs_changed(struct bt_cpu *c);
void bt_seg_loaded(struct bt_cpu *c, int seg);

/* A piece of host code that has just been made. Host addresses are used again after a flush. */
struct bt_code {
    const uint8_t *host;
    uint32_t host_len;
    struct gva at; /* of the first guest instruction */
    uint8_t cpl;   /* 0 in real mode, 3 in v8086 mode */
    bool paged, protected_mode, v86, code32;
    bool cold; /* the part of a block that is seldom run, which lies elsewhere */
};

/* ---- Life ---- */
enum { BT_RIPEN_NS = 400000 };
enum { BT_CACHE_MAX = 512 << 20 }; /* jumps inside the cache reach 2 GiB, and it is reserved twice */
struct bt_config {
    bt_op_fn *const *ops; /* BT_OP_COUNT entries */
    /* Delivers a fault of the instruction at cpu->eip, as a helper does that raises one. NULL: faults leave bt_run. */
    enum bt_next (*raise)(struct bt_cpu *cpu, const struct guest_fault *f);
    uint32_t features;  /* enum dec_feature bits of the CPU model */
    size_t cache_bytes; /* code cache limit, up to BT_CACHE_MAX; 0: default */
    bool one_insn;      /* one instruction per block, no chaining (tests, bisection) */
    bool force_checked; /* never use direct accesses */
    bool force_direct;  /* use direct accesses at once (tests) */
    /* optimizations that can be left out, to bisect */
    bool no_inline_caches;   /* indirect jumps and calls go by the jump cache */
    bool no_inline_segments; /* every load of a segment register is a callout */
    bool no_inline_cpuid;    /* CPUID is a callout */
    bool no_inline_syscalls; /* SYSENTER and SYSEXIT are callouts */
    bool no_inline_tables;   /* LGDT and LIDT are callouts */
    bool no_inline_tsc;      /* RDTSC is a callout */
    bool no_inline_random;   /* RDRAND and RDSEED are callouts; a host that lacks one needs it */
    bool no_divide_checks;   /* a division by zero is a signal of the host each time */
    bool no_quick_devices;   /* every access to a device walks; the interrupt it causes waits for a poll */
    bool no_stack_folding;   /* every push and pop changes R14 */
    bool no_trap_checks;     /* checks jump where they fail */
    bool no_inline_read_pc;  /* "mov reg, [esp]; ret" is called */
    bool no_foresight;       /* address spaces that are expected to come of age do so at once */
    bool no_prefault;        /* a page that the guest has mapped after a fault is mapped at the next fault */
    bool no_joining;         /* no jump leads to the middle of a block */
    bool no_copies;          /* code at another address is translated anew */
    bool no_transfers;       /* a callout that transfers control leaves bt_run */
    /* bt_count, bt_mark_add over everything, from the start (tests) */
    bool count, single_step;
    /* User code has begun to run in an address space that is not mature, on the vCPU thread (the FPU may be live): a
     * signal on that thread is to call bt_ripen once, BT_RIPEN_NS later. NULL: ticks of bt_sample alone decide. */
    void (*young)(void *opaque);
    void *young_opaque;
    /* Told of each new block, on the vCPU thread; the FPU may be live. NULL: nobody wants to know. */
    void (*made)(void *opaque, const struct bt_code *code);
    void *made_opaque;
};
enum bt_status { BT_OK, BT_NO_MEMORY, BT_HOST_ERROR };
enum bt_status bt_create(struct bt_cpu *cpu, struct smmu_mem *mem, const struct bt_config *cfg, struct bt_engine **out);
void bt_destroy(struct bt_engine *e);

/* ---- Running ---- */
enum bt_exit {
    BT_EXIT_OP,        /* a callout returned BT_NEXT_EXIT */
    BT_EXIT_POLL,      /* bt_kick was seen at a boundary */
    BT_EXIT_EXCEPTION, /* exit->fault: raised by an instruction; eip is that instruction's. Not yet delivered */
    BT_EXIT_STEP,      /* single-step block done (TF, irq_shadow): #DB trap is monitor's business */
};
struct bt_exit_info {
    enum bt_exit reason;
    struct guest_fault fault;
    bool boundary; /* irq_shadow was consumed */
};
/* Runs guest code from the state in *cpu until an exit. All state in *cpu is current on return. */
void bt_run(struct bt_engine *e, struct bt_exit_info *out);

/* Asks the running guest to leave at the next boundary with BT_EXIT_POLL. Async-signal-safe, any thread may
 * call it; from another thread it is followed by a signal to the vCPU thread (the caller's business). */
void bt_kick(struct bt_engine *e);
/* In a signal handler on the vCPU thread: makes the interrupted translated code (if it was that) see the kick. */
void bt_kick_in_signal(struct bt_engine *e, void *ucontext);

/* Signal entry for SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP: true when translated code raised it and it has been dealt
 * with (ucontext may be changed); false: not ours, the caller reports a crash. */
bool bt_handle_signal(struct bt_engine *e, int signo, void *siginfo, void *ucontext);
/* Sampling tick (SIGPROF handler), after so many milliseconds of the thread's time: see adapt.c, sample.c. */
void bt_sample(struct bt_engine *e, void *ucontext, unsigned ms);
/* Signal handler on the vCPU thread, after bt_config.young. */
void bt_ripen(struct bt_engine *e, void *ucontext);
/* A signal that bt_handle_signal has dealt with is about to return: what the tick finds there was the fault's time. */
void bt_sample_fault(struct bt_engine *e, const void *ucontext);

/* ---- A debugger's breakpoints: guest-linear addresses; outside bt_run only ----
 * bt_run comes back with BT_EXIT_POLL before the instruction at such an address, except in step mode: then its caller
 * looks. Guest memory is not changed. */
enum { BT_BREAKS_MAX = 256 };
bool bt_break_add(struct bt_engine *e, struct gva at); /* false: too many */
void bt_break_remove(struct bt_engine *e, struct gva at);
bool bt_break_at(const struct bt_engine *e, struct gva at);

/* ---- Single events, for somebody who asks (probe.c); nobody: a test each ----
 * Told on the vCPU thread, FPU live, at times in a signal handler: general registers only. The registers in bt_cpu
 * are the guest's then, but for ESP in the middle of pushes and pops. */
enum bt_probe {
    BT_PROBE_CALLOUT,    /* done; address: enum bt_op */
    BT_PROBE_HIDDEN,     /* a direct access has found no mapping, and got one; address: linear */
    BT_PROBE_CHECKED,    /* a direct access goes the checked way from now on: a device, say; address: linear */
    BT_PROBE_CODE_WRITE, /* bytes of a page with translations are written; address: frame and offset */
};
struct bt_probed {
    enum bt_probe what;
    uint32_t pc, address; /* pc: guest-linear */
    uint64_t cycles;      /* CALLOUT: of the host's time stamp counter, with all that it caused */
};
typedef void bt_probe_fn(void *opaque, const struct bt_probed *p);
/* fn NULL: nobody asks any more. Outside bt_run only. */
void bt_probe_set(struct bt_engine *e, bt_probe_fn *fn, void *opaque);
/* While an access to a device or to code is under way: its instruction; else the current one. Needs bt_probe_set. */
struct gva bt_probe_pc(const struct bt_engine *e);

/* ---- Orders of a user's about translations; outside bt_run only (steer.c, count.c) ----
 * Marks hold for all code at guest-linear addresses, until they are removed. */
enum bt_mark_kind {
    BT_MARK_STEP = 1,    /* one instruction a block, which nothing leads to but the engine */
    BT_MARK_CHECKED = 2, /* no direct accesses */
    BT_MARK_DIRECT = 4   /* direct accesses at once and whatever they cost, as far as they can be direct at all */
};
enum { BT_MARKS_MAX = 32 };
struct bt_mark {
    uint32_t first, last;
    enum bt_mark_kind kind;
};
/* Of CHECKED and DIRECT the latest counts. False: too many. */
bool bt_mark_add(struct bt_engine *e, struct bt_mark mark);
/* The range of a live block, and how its accesses go. False: no such block. */
bool bt_mark_of_block(const struct bt_engine *e, uint32_t block, struct bt_mark *out);
/* Removes marks of these kinds that have a byte in common with the range; how many. */
unsigned bt_mark_remove(struct bt_engine *e, uint32_t first, uint32_t last, unsigned kinds);
unsigned bt_marks(const struct bt_engine *e, struct bt_mark out[BT_MARKS_MAX]);
/* Undoes all jumps to the block and from it; they are made again when they are wanted. False: no such live block. */
struct bt_unlinked {
    uint32_t in, out, targets; /* links; targets of indirect jumps and calls */
};
bool bt_unlink(struct bt_engine *e, uint32_t block, struct bt_unlinked *out);
/* Translated code counts what it executes: from zero; with a flush. Off: it is as before. */
void bt_count(struct bt_engine *e, bool on);
bool bt_counts(const struct bt_engine *e);

/* Throws all translations away (safe outside bt_run only). */
void bt_flush(struct bt_engine *e);
/* Paging, privilege or segment state changed outside an op (reset, load): recompute everything derived. */
void bt_state_changed(struct bt_engine *e);

struct bt_stats {
    uint64_t blocks, insns, host_bytes, translate_cycles, translations_direct, flushes, chains, unchains;
    uint64_t copies; /* blocks made by copying a translation of the same code at another address; not in `blocks` */
    uint64_t exits_op, exits_link, exits_indirect, exits_poll, exits_fault;
    uint64_t slow_accesses, tlb_misses, direct_faults, matured, foreseen, demotions, smc_writes, smc_blocks, ras_resets,
        check_faults;
    uint64_t cache_used, cache_committed;
    uint64_t callouts[BT_OP_COUNT]; /* by row of sensitive.def */
};
void bt_get_stats(const struct bt_engine *e, struct bt_stats *out);
/* A row of sensitive.def by name, "?" outside the table. */
const char *bt_op_name(enum bt_op op);
/* Writes a crash report's engine part (host PC to block, guest PC) to fd; async-signal-safe. */
void bt_crash_report(struct bt_engine *e, int fd, void *ucontext);
#endif
