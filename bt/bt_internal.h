/*
 * bt_internal.h: the engine's data structures, shared by bt's files only.
 *
 * Everything is index-based in large lazily touched arenas, so that a flush is
 * a reset of counters. Invariants: a live block is in the hash, in the list of each
 * frame it was read from, and every patched jump into it is in its `in` list.
 * A dead block's host bytes stay intact until the next flush, because return
 * predictions may still point into them; its own exits lead back to the engine.
 */
#ifndef NOVT_BT_BT_INTERNAL_H
#define NOVT_BT_BT_INTERNAL_H

#include "bt/asm.h"
#include "bt/bt.h"
#include "bt/inspect.h"
#include "decoder/cache.h"

#define BT_BUG_ON(cond)                                                                                                \
    do {                                                                                                               \
        if (__builtin_expect(!!(cond), 0)) bt_bug(__FILE__, __LINE__, #cond);                                          \
    } while (0)
_Noreturn void bt_bug(const char *file, int line, const char *what);

enum { BT_NONE = 0xffffffffu };
enum { HASH_BITS = 18, HASH_SLOTS = 1 << HASH_BITS }; /* chains stay short with a full cache */
/* Neighbours in a page are neighbours in the table: code is translated in stretches, and a miss of the host's caches
 * and TLB costs as much as much of a translation. */
static inline uint32_t code_slot(uint32_t page_hash, uint32_t off) {
    return ((page_hash ^ page_hash >> 15) + (off >> 3)) & (HASH_SLOTS - 1);
}

/* Host registers with fixed roles in translated code. */
enum {
    R_ESP = X86_R14,
    R_CPU = X86_R15,
    R_VIEW = X86_R12 /* base of the window */,
    R_POLL = X86_R13,
    R_A = X86_R8,  /* effective address; target of an indirect transfer; first argument of a thunk */
    R_B = X86_R9,  /* TLB delta; second argument of a thunk */
    R_C = X86_R10, /* value carried between two accesses of one instruction */
    R_F = X86_R11, /* EAX while its place is needed for flags */
};

/* Mode key, see bt_mode(). */
enum {
    MODE_CODE32 = 1u << 0,
    MODE_STACK32 = 1u << 1,
    MODE_CPL_SHIFT = 2,
    MODE_CPL = 3u << 2,
    MODE_CR0_SHIFT = 4, /* PE MP EM TS as in CR0, OSFXSR and VM in their own places */
    MODE_PE = 1u << 4,
    MODE_MP = 1u << 5,
    MODE_EM = 1u << 6,
    MODE_TS = 1u << 7,
    MODE_FXSR = 1u << 9,
    MODE_CS_FLAT = 1u << 10,
    MODE_DS_FLAT = 1u << 11,
    MODE_ES_FLAT = 1u << 12,
    MODE_SS_FLAT = 1u << 13,
    MODE_STEP = 1u << 14, /* TF or irq_shadow: one instruction, then back to monitor */
    MODE_PAGED = 1u << 15,
    MODE_SINGLE = 1u << 16, /* one instruction, because it writes into its own block */
    MODE_VM = 1u << 17,
    MODE_DIRECT = 1u << 20, /* user code in an address space that has come of age, see adapt.c */
    MODE_LOW = 1u << 21,    /* direct accesses are to the low window: guest-linear addresses are the host's */
    MODE_TSD = 1u << 19,    /* RDTSC is for ring 0: CR4.TSD */
    MODE_AC = 1u << 18,     /* alignment checks: CR0.AM, EFLAGS.AC, CPL 3 */
};

/* Limits of one block. Guest offsets fit a byte in the PC map. */
enum { BLOCK_MAX_INSNS = 48, BLOCK_MAX_BYTES = 240, BLOCK_MAX_HOST = 48 << 10, BLOCK_LINKS = 8 };

/* A direct exit of a block: a rel32 that leads to the link's stub, or to the target once chained. */
struct link {
    uint32_t from; /* block */
    uint32_t target_eip;
    uint32_t field_off; /* cache offset of the rel32 */
    uint32_t stub_off;  /* cache offset of its stub */
    uint32_t to;        /* block chained to, or BT_NONE */
    uint32_t next_in;   /* next link into the same target */
};

/* An indirect jump or call of a block, see indirect.c. */
enum { PORT_TARGETS = 8 };
struct port {
    uint32_t from;      /* block */
    uint32_t next;      /* next port of the same block */
    uint32_t field_off; /* cache offset of the rel32 of its jump or call */
    uint32_t stub_off;  /* cache offset of the stub that reports to the engine */
    uint32_t link[PORT_TARGETS];
    uint8_t n;
    uint32_t misses; /* times that it has come to the engine */
    bool many;       /* goes by the jump cache ... */
    bool looks_up;   /* ... and the code for that is there */
};

enum { BLOCK_FRAMES = 3, READ_PC_LEN = 4 };

struct block {
    uint32_t eip, cs_base, cs_limit, mode;
    /* Second: BT_NONE unless the block's one instruction crosses a page; third: BT_NONE unless a routine there is in
     * line, at read_pc_off. */
    uint32_t frame[BLOCK_FRAMES];
    uint16_t off; /* offset of the first byte in frame[0] */
    uint16_t read_pc_off;
    uint16_t guest_len;
    uint8_t n_insns, n_links;
    bool direct, dead, single;
    bool fixed;                  /* must not be copied to another address */
    bool copy;                   /* made by copying another */
    bool demoted;                /* an access has been found guilty since: to be translated again */
    bool apart;                  /* BT_MARK_STEP: nothing leads here but the engine */
    uint32_t retry_epoch;        /* when a demoted instruction of a direct block may go direct again; 0: none */
    uint32_t host_off, host_len; /* what is executed, see "Host code" in translate.h */
    uint32_t cold_off, cold_len;
    uint16_t body;                           /* from host_off on: where it begins */
    uint32_t cross_off, ind_off;             /* checking entries, 0 until wanted */
    uint32_t map_first, map_count, map_cold; /* from map_cold on: of the cold part */
    uint32_t reloc_first, reloc_count;
    uint32_t hash_next, frame_next[BLOCK_FRAMES];
    uint32_t link_first; /* n_links of them */
    uint32_t port_head;
    uint32_t in_head;
    uint32_t samples; /* ticks that found it running */
};

/* PC map entry: host bytes from host_off (relative to the part) on belong to the instruction at guest_off, and there
 * ESP is R14 + esp. */
struct pc_entry {
    uint16_t host_off;
    uint8_t guest_off;
    int8_t esp;
};

/* A 32-bit field of a block that depends on where the block is, in the guest or on the host. */
struct reloc {
    uint16_t host_off; /* relative to the part */
    uint8_t kind;      /* enum reloc_kind */
    bool cold;         /* it is in the cold part */
};
enum reloc_kind {
    RELOC_THUNK,     /* rel32 to a thunk */
    RELOC_HOT,       /* rel32 to the hot part, from the cold one */
    RELOC_COLD,      /* rel32 to the cold part, from the hot one */
    RELOC_EIP,       /* grows with the block's EIP */
    RELOC_MINUS_EIP, /* shrinks with it */
    RELOC_PAGE,      /* address of the page's entry in the code map */
    RELOC_SITE,      /* number of a callout site */
};

/* A callout site. */
struct site {
    bt_op_fn *fn;
    uint32_t eip;
    uint16_t op; /* enum bt_op */
    bool ends;   /* nothing follows it in its block */
    struct insn insn;
};

enum { JUMP_CACHES = 8, JUMP_SLOTS = 1 << 16, JUMP_FILLED = 1 << 12 };
struct jump_cache {
    uint64_t *slot;   /* JUMP_SLOTS host addresses */
    uint16_t *filled; /* slots put since the last clear; JUMP_FILLED of them, then all count as filled */
    uint32_t n_filled;
    uint32_t mode, cs_base, cs_limit;
    bool used;
    uint64_t stamp;
};

/* Where processes began: how many did, how many came of age. */
enum { ORIGINS = 256 };
struct origin {
    uint32_t frame;
    uint8_t begun, grown, expected;
};

enum { RAS_BYTES = 128 << 10 };
struct ras {
    uint8_t *base; /* guard page below */
    uint64_t top;  /* address of the sentinel */
    uint64_t rsp;  /* while the other privilege runs */
    uint32_t mode, cs_base, cs_limit;
    bool valid;
};

/* Why translated code left; set by thunks. */
enum exit_reason {
    EXIT_LINK = 1,
    EXIT_INDIRECT,
    EXIT_PORT,
    EXIT_OP,
    EXIT_POLL,
    EXIT_EXCEPTION,
    EXIT_DIRECT_FAULT,
    EXIT_REDO,
    EXIT_STEP,
    EXIT_WINDOW,
    EXIT_BREAK
};

struct thunks {
    uint8_t *enter, *exit_link, *exit_indirect, *exit_port, *exit_exception, *exit_step, *exit_window, *exit_break,
        *exit_from_signal;
    uint8_t *callout, *callout_end, *mem_slow, *mem_slow_c /* without the assembly path */, *mem_commit,
        *mem_commit_end /* the instruction ends with it */, *seg_slow, *pad_miss, *ret_miss, *lookup, *sysenter,
        *sysexit, *pad_miss_plain, *ret_miss_plain, *pad_miss_counted, *ret_miss_counted;
    uint8_t *end;
};

/* What is known about an instruction is remembered under its physical address; 0 is nobody's key. */
static inline uint32_t insn_key(uint32_t frame, uint32_t off) { return (frame << SMMU_PAGE_SHIFT | off) + 1; }

/* Adaptation: what is known about an instruction's direct accesses. */
struct guilt {
    uint32_t key;   /* insn_key */
    uint32_t until; /* epoch in which direct access is tried again; 0: not guilty */
    uint32_t since; /* epoch in which `faults` were counted */
    uint16_t faults;
    uint8_t level;        /* each verdict doubles the sentence */
    uint8_t verdicts : 7; /* so far, 127 at most */
    uint8_t never : 1;    /* the last one was about what can never be direct */
};
/* At some 7 us a fault, GUILT_LIMIT faults in one epoch (a second of CPU time) cost about 1.4 percent. */
enum {
    GUILT_SLOTS = 1 << 14,
    GUILT_LIMIT = 2000,
    GUILT_PASSING = 32,    /* weight of a fault for a mapping that will not last */
    EPOCH_MS = 1024,       /* of CPU time */
    GROW_SAMPLE = 1 << 20, /* cycles that a sample, or BT_RIPEN_NS, counts for */
    GROW_AT_ONCE = 1 << 30,
};

enum { RETRY_QUEUE = 64, ZERO_DIVIDES = 256, ADAPT_LOG = 1024 };

struct bt_engine {
    struct bt_cpu *cpu;
    struct smmu_mem *mem;
    struct smmu *smmu;
    struct bt_config cfg;
    bool has_rorx; /* the host's BMI2 */
    uint8_t *linear;

    /* RWX: code_size bytes for what is executed, then as many for what is rarely. Together they use code_size at most.
     */
    uint8_t *code;
    size_t code_size, code_used, code_thunks, cold_used;
    struct thunks thunk;

    struct block *blocks;
    uint32_t n_blocks, max_blocks;
    struct link *links;
    uint32_t n_links, max_links;
    struct pc_entry *map;
    uint32_t n_map, max_map;
    struct dec_cache *decoded;
    struct reloc *relocs;
    uint32_t n_relocs, max_relocs;
    struct port *ports;
    uint32_t n_ports, max_ports;
    struct site *sites;
    uint32_t n_sites, max_sites;
    uint32_t *hash;
    uint32_t *kin; /* HASH_SLOTS: the latest block made from a piece of memory, whatever its address; forgets */
    uint32_t *frame_blocks; /* per frame: first block */
    uint32_t n_frames;

    struct jump_cache jc[JUMP_CACHES];
    struct jump_cache *jc_cur, *jc_last[2]; /* now; of supervisor and user code */
    struct ras ras[2];                      /* supervisor, user */
    unsigned ras_cur;
    uint64_t stamp;

    uint8_t *checks; /* checks_bytes, see check.c */
    uint64_t checks_bytes;
    uint8_t *poll_good, *poll_bad; /* where R13 points; after a kick */
    uint8_t *bad_seg;              /* PROT_NONE: seg_base_ptr of a segment that is not plain */
    volatile int kicked;
    bool code_changed; /* a block died during the current callout */
    bool force_single; /* next block: one instruction */
    bool want_flush;

    uint32_t mode;                         /* what translated code runs in now */
    struct guest_fault pending;            /* for EXIT_EXCEPTION */
    _Alignas(64) uint8_t bounce[512 + 64]; /* filled at the guest address's own alignment */
    uint8_t *bounce_at;
    struct {
        uint32_t va, size;
        struct smmu_register reg; /* dev: NULL if not known */
    } bounce_for;

    struct {
        enum { SYSCALL_NONE, SYSCALL_ENTER, SYSCALL_EXIT } kind;
        uint32_t mode, flags_sys; /* before it */
    } syscall;

    struct guilt *guilt;
    uint64_t guilt_used[GUILT_SLOTS / 64]; /* a bit a slot that has a record: mostly there is none, and this stays in
                                              the host's first cache */
    uint64_t grown_at;                     /* TSC, see adapt_grow_by_tsc */
    bool ripening;                         /* bt_ripen will be called ... */
    uint64_t ripening_stamp;               /* ... and counts if no address space has become current since */
    struct {
        uint64_t view_base;
        uint32_t eip, va;
        bool awaited, write;
    } refault; /* the last page fault of user code: when its instruction is tried again, the page will be wanted */
    uint32_t sampled[BT_AT_COUNT], sampled_ms; /* samples by what they found, in ms, and their sum: sample.c */
    struct {
        uint64_t pc, tsc;
    } fault_done; /* the last one */
    struct {
        uint32_t n; /* of all that happened */
        struct bt_inspect_change at[ADAPT_LOG];
    } adapt_log;
    struct origin origin[ORIGINS];       /* by frame, see foresight.c */
    bool ras_reset_wanted;               /* code mappings changed: predictions may lie */
    uint32_t zero_divides[ZERO_DIVIDES]; /* keys of divisions that have met a zero, see emit_divide.c */
    volatile uint32_t retry_head, retry_tail;
    uint32_t retry[RETRY_QUEUE];

    struct {
        bt_probe_fn *fn; /* NULL: nobody asks */
        void *opaque;
        bool in_access;      /* pc is of a slow access that is under way */
        bool told;           /* the write that is done again now has been told of */
        uint32_t pc, own[2]; /* frames with code that it writes to */
    } probe;

    struct bt_inspect_smc_rows smc; /* smc_log.c */
    struct bt_mark marks[BT_MARKS_MAX];
    unsigned n_marks;
    bool counting, no_joining; /* no_joining: as it was before counting */

    uint32_t breaks[BT_BREAKS_MAX];
    unsigned n_breaks;

    struct bt_stats stats;
};

/* block.c */
uint32_t block_find(struct bt_engine *e, uint32_t frame, uint32_t off, uint32_t eip, uint32_t mode);
/* The middle of a live block of the same page as `from`, where the instruction at eip begins: NULL if there is none
 * that a link of `from` can go to. */
const uint8_t *block_find_inside(struct bt_engine *e, const struct block *from, uint32_t eip, uint32_t *id);
void block_publish(struct bt_engine *e, uint32_t id);
void block_kill(struct bt_engine *e, uint32_t id);
bool block_kill_range(struct bt_engine *e, uint32_t frame, uint32_t off, uint32_t len); /* true if any died */
/* Is the block in the list of frame[i]? Several may be the same frame. */
bool block_in_list(const struct block *b, int i);
void link_chain(struct bt_engine *e, uint32_t link, uint32_t to, const uint8_t *entry);
uint32_t block_at_host(const struct bt_engine *e, const uint8_t *host); /* BT_NONE */
bool block_pc(const struct bt_engine *e, uint32_t id, const uint8_t *host, uint32_t *eip, int8_t *esp);
static inline uint8_t *block_body(const struct bt_engine *e, const struct block *b) {
    return e->code + b->host_off + b->body;
}
static inline uint8_t *cold_space(const struct bt_engine *e) { return e->code + e->code_size + e->cold_used; }
static inline bool in_cache(const struct bt_engine *e, const uint8_t *pc) {
    return (uintptr_t)pc - (uintptr_t)e->code < 2 * e->code_size;
}
/* The frame of code that the current privilege may run, if the TLB knows it: no walk, no A bit. */
static inline bool known_code_frame(const struct bt_engine *e, uint32_t lin, uint32_t *frame) {
    const uint32_t *map = (const uint32_t *)(const void *)(e->cpu->p.tlb_base + SMMU_TLB_CODE);
    uint32_t entry = map[lin >> SMMU_PAGE_SHIFT];
    if (entry) *frame = smmu_code_entry_frame(entry);
    return entry != 0;
}
/* Memory operands in the TLB of the mode's privilege: by R15 where it lies near, else through `scratch`. */
struct x86_mem tlb_operand(struct bt_engine *e, struct x86_buf *b, uint32_t mode, uint8_t scratch, uint8_t index,
                           uint8_t scale, uint32_t offset);
/* reg = the code entry of a page of the mode's code, sign-extended. */
void load_code_entry(struct bt_engine *e, struct x86_buf *b, uint32_t mode, uint8_t reg, uint32_t page);
/* ECX = 0 if the page still shows the frame. */
void emit_page_test(struct bt_engine *e, struct x86_buf *b, uint32_t mode, uint32_t page, uint32_t frame);
/* Room for a piece of code outside any block; done returns its cache offset, 0 if the cache is full. */
struct x86_buf block_stub_space(struct bt_engine *e);
uint32_t block_stub_done(struct bt_engine *e, const struct x86_buf *b);
/* May a link lead from one block to the other, as far as their modes go? */
bool link_matches(const struct block *from, const struct block *to);
/* Where a link from block `from` enters block `to`: its body, or the entry that checks the page. NULL: no room. */
const uint8_t *link_entry(struct bt_engine *e, const struct block *from, uint32_t to);
void link_forget(struct bt_engine *e, uint32_t l);
const uint8_t *block_cross_entry(struct bt_engine *e, uint32_t id);
const uint8_t *block_indirect_entry(struct bt_engine *e, uint32_t id);
void jump_cache_drop(struct bt_engine *e, uint32_t id);
void jump_cache_put(struct bt_engine *e, uint32_t id);
void jump_cache_select(struct bt_engine *e, uint32_t mode);

/* breaks.c: blocks that have a byte in the range die. */
void block_kill_linear(struct bt_engine *e, uint32_t first, uint32_t last);

/* smc_log.c: a write to a frame with code has dropped no block, or so many. */
void smc_harmless(struct bt_engine *e, uint32_t frame);
void smc_dropped(struct bt_engine *e, uint32_t frame, uint32_t blocks);

/* count.c: adds one to the counter in bt_cpu; clobbers R10. */
uint8_t *count_build(struct x86_buf *b, int32_t counter);

/* steer.c */
unsigned mark_kinds(const struct bt_engine *e, uint32_t va); /* of enum bt_mark_kind */
/* May accesses of this mode's code at va go direct? adapt_direct, and marks. */
bool mark_direct(const struct bt_engine *e, uint32_t va, uint32_t mode);

/* A poll, which a kick makes fault. */
static inline void poll_into(struct x86_buf *b, uint8_t reg) { x86_mov_r32_m32(b, reg, x86_base(R_POLL, 0)); }

/* check.c */
bool checks_create(struct bt_engine *e);
void checks_destroy(struct bt_engine *e);
/* May the checks of this mode's code trap, as far as the instruction itself is not guilty? */
bool check_may_trap(const struct bt_engine *e, uint32_t mode);
bool check_fits(uint32_t eip); /* can the address be told from others, as a displacement of 32 bits? */
void check_zero(struct x86_buf *b, uint8_t reg); /* R8 or R9 is 0 */
bool check_page_may_trap(const struct bt_engine *e, uint32_t mode, uint32_t frame);
void check_page(struct x86_buf *b, uint32_t frame); /* R8, sign-extended, is the code entry of a page with the frame */
bool check_address(const struct bt_engine *e, uintptr_t addr); /* a check, or a poll, has faulted there */
struct check_regs {
    const uint8_t *pc;
    uint64_t *rsp;
    long long *r8, *r14;
    uint32_t blame; /* the block whose entry has failed; BT_NONE: ask for the block at the old PC */
};
enum check_result {
    CHECK_NONE,   /* no check: a poll */
    CHECK_FAILED, /* goes on at pc */
    CHECK_POLL    /* a kick, at cpu->eip */
};
/* Async-signal-safe. */
enum check_result check_faulted(struct bt_engine *e, struct check_regs *r);

/* relocate.c */
/* A live block of the same bytes and mode as block `eip` in `frame` would have, at another address; BT_NONE. */
uint32_t kin_find(const struct bt_engine *e, uint32_t frame, uint32_t eip, uint32_t mode);
void kin_note(struct bt_engine *e, uint32_t id);
/* Makes a block at eip from its kin, without translating. There must be room for a block. */
uint32_t block_copy(struct bt_engine *e, uint32_t kin, uint32_t eip);
bool room_for_block(const struct bt_engine *e);

/* indirect.c */
/* Port `id` has led to block `to`: it shall go there by itself. */
void port_reached(struct bt_engine *e, uint32_t id, uint32_t to);
/* The block dies: its ports lead to the engine. */
void ports_close(struct bt_engine *e, const struct block *b);

/* thunks.c */
void thunks_build(struct bt_engine *e, struct x86_buf *b);

/* translate.c */
enum translate_result { TRANSLATED, TRANSLATE_FULL, TRANSLATE_FAULT };
enum translate_result translate(struct bt_engine *e, uint32_t eip, uint32_t mode, uint32_t frame, bool single,
                                bool cross /* its first jump comes from another page */, uint32_t *id,
                                struct guest_fault *fault);

/* sample.c: counts a tick that found the thread there, in block id or in none. */
void sample_note(struct bt_engine *e, const uint8_t *pc, uint32_t id, unsigned ms);

/* adapt_log.c */
void adapt_note(struct bt_engine *e, enum bt_change what, uint32_t physical, uint32_t until, const struct guilt *g);

/* adapt.c */
bool adapt_direct(const struct bt_engine *e, uint32_t mode); /* may accesses of this mode's code go direct? */
/* Has user code been running, its address space grows by so many cycles: true if it is mature from now on. */
bool adapt_grow(struct bt_engine *e, uint64_t cycles);
/* foresight.c */
void foresee(struct bt_engine *e); /* user code is about to run, and no translated code does */
void foresight_grown(struct bt_engine *e);
/* A block has been made. The same, by what has passed since the last one, if that is not long. */
bool adapt_grow_by_tsc(struct bt_engine *e);
/* User code of a young address space begins to run, or goes on. */
void adapt_young(struct bt_engine *e);
uint32_t adapt_guilty_until(const struct bt_engine *e, uint32_t frame, uint32_t off); /* 0: not guilty now */
/* Counts a fault of a direct access; GUILT_LIMIT as its weight: can never go direct. Returns true if now guilty. */
bool adapt_fault(struct bt_engine *e, uint32_t frame, uint32_t off, unsigned weight);
/* What is known of the instruction; NULL: nothing. */
const struct guilt *adapt_record(const struct bt_engine *e, uint32_t frame, uint32_t off);
bool adapt_wants(const struct bt_engine *e, const struct block *b); /* a sampled block is worth a retranslation */
void adapt_queue(struct bt_engine *e, uint32_t id);                 /* async-signal-safe: to be translated again */
void adapt_apply(struct bt_engine *e);                              /* does what was queued */

/* emit_divide.c: the instruction at eip of the block has raised #DE. Async-signal-safe. */
void divide_faulted(struct bt_engine *e, uint32_t id, uint32_t eip);

/* syscall.c */
void syscall_build(struct bt_engine *e, struct x86_buf *b); /* its thunks */
/* The callout of e->syscall has set up the new mode. */
void syscall_note(struct bt_engine *e);
void syscall_sync(struct bt_engine *e);
void syscall_forget(struct bt_engine *e);

/* runtime.c: called from thunks */
enum { CALLOUT_RETURN = 0, CALLOUT_LEAVE = 1, CALLOUT_JUMP = 2 /* to eip, through the jump cache */ };
uint64_t rt_callout(struct bt_cpu *c, uint32_t site);
uint64_t rt_exception(struct bt_cpu *c);
uint64_t rt_mem_slow(struct bt_cpu *c, uint32_t va, uint32_t desc, uint8_t *ret);
void rt_mem_commit(struct bt_cpu *c);
uint64_t rt_mem_commit_end(struct bt_cpu *c, uint32_t next_eip, const uint8_t *ret); /* SLOW_RETRY or SLOW_EXIT */
uint64_t rt_seg_slow(struct bt_cpu *c, uint32_t off, uint32_t desc, uint8_t *ret);

/* Descriptor of a slow access, passed in a register. */
enum {
    DESC_SIZE = 0x3ff,
    DESC_WRITE = 1u << 10,
    DESC_READ = 1u << 11,
    DESC_ALIGN = 1u << 12 /* 16-byte alignment is demanded */,
    DESC_AC = 1u << 13 /* any misalignment is #AC */,
    DESC_SEG_SHIFT = 16,
    DESC_SEG = 7u << 16,
};
/* ---- probe.c: only while somebody asks ---- */
enum bt_next probe_callout(struct bt_engine *e, const struct site *s);
/* A slow access begins; ret: where its thunk returns to. */
void probe_access(struct bt_engine *e, const uint8_t *ret);
/* A direct access of this host instruction has faulted at va. */
void probe_fault(struct bt_engine *e, const uint8_t *host, uint32_t va, bool hidden);
/* The slow access is about to write here, where code is; somebody has written here. */
void probe_own_code(struct bt_engine *e, uint32_t frame, uint32_t offset);
void probe_code_write(struct bt_engine *e, uint32_t frame, uint32_t offset);

/* rt_mem_slow, rt_seg_slow results. */
enum { SLOW_RETRY = 0, SLOW_BOUNCE = 1, SLOW_EXIT = 2, SLOW_JUMP = 3 /* to eip, through the jump cache */ };

#define CPU_OFF(field) ((int32_t)offsetof(struct bt_cpu, field))
static inline struct x86_mem cpu_mem(int32_t off) { return x86_base(R_CPU, off); }
#endif
