/*
 * translate.h: the translation of one block in progress, shared by the emitters.
 *
 * translate.c decodes and drives; emit_mem.c makes memory accesses; emit_stack.c,
 * emit_branch.c, emit_string.c and emit_plain.c make instructions. An emitter may
 * use R8..R11; it keeps host flags unless it proves them dead; guest state changes
 * only after the last access that can fault.
 */
#ifndef NOVT_BT_TRANSLATE_H
#define NOVT_BT_TRANSLATE_H

#include "bt/bt_internal.h"

/* What to do with guest memory once its host address is known. */
struct memop {
    enum { MEMOP_INSN, MEMOP_LOAD, MEMOP_STORE_REG, MEMOP_STORE_IMM } kind;
    const struct insn *insn; /* INSN: this instruction with its memory operand replaced */
    bool reg_override;       /* INSN: ModRM.reg is host register `reg` (bit tests) */
    uint8_t reg;             /* host register loaded, stored or overriding */
    uint8_t size;            /* LOAD (zero-extends to 32 bits), STORE: 2 or 4 */
    bool is_eip;             /* STORE_IMM: imm is an address in this code */
    uint32_t imm;
};

/* A guest memory reference. base and index are guest registers. */
struct mref {
    uint8_t seg, base, index, scale;
    bool addr16;
    uint32_t disp;
    uint16_t size;
    bool read, write;
    bool more;                   /* another access of the same instruction follows, whose fault must show the flags */
    const struct insn *bit_test; /* BTx m,r: add the bit offset of its register operand */
};

/* Out-of-line part of a checked access. */
struct cold {
    bool is_seg;
    bool flags_live; /* the instruction or its successors read the flags that R11 holds */
    struct x86_fixup from[2];
    uint8_t n_from;
    uint8_t *back, *after;
    uint32_t desc;
    struct memop op;
    uint8_t guest_off;
    int8_t esp; /* ESP less R14 */
    bool last;  /* the instruction ends with the access */
    uint32_t next_eip;
};

/* Out-of-line part of POPF: an interrupt waits and IF has been set. */
struct window {
    struct x86_fixup from;
    uint32_t next_eip;
    uint8_t guest_off;
};

struct pending_link {
    uint8_t *field; /* rel32 */
    uint32_t target;
};

enum {
    MAX_COLD = BLOCK_MAX_INSNS * 6,
    MAX_MAP = 3 * BLOCK_MAX_INSNS + MAX_COLD,
    MAX_RELOCS = 5 * BLOCK_MAX_INSNS + 8 * MAX_COLD + 3 * BLOCK_LINKS
};

/* Host code: a block has two parts in two places. The hot one is what is executed, in guest order; the cold one holds
 * the ways out of line: slow accesses, stubs. Emitters write to `b`. */
struct translation {
    struct bt_engine *e;
    struct x86_buf b, other; /* the part in progress, and the other one */
    bool in_cold;
    struct block *blk;
    uint32_t mode;
    bool direct;        /* block policy */
    bool low;           /* direct accesses need no base */
    bool direct_insn;   /* the current instruction may use direct accesses */
    bool chained;       /* exits may be chained (not single-step) */
    unsigned marks;     /* of enum bt_mark_kind */
    unsigned uncounted; /* instructions since the last emit_count */

    struct insn insns[BLOCK_MAX_INSNS];
    uint8_t offs[BLOCK_MAX_INSNS];  /* guest offset of each in the block */
    uint16_t live[BLOCK_MAX_INSNS]; /* arithmetic flags that it or its successors need */
    unsigned n, i;
    struct x86_fixup cross_miss;
    bool cross_traps;         /* the entry for other pages has no way out of its own */
    bool at_break;            /* a breakpoint: the block only leaves */
    bool ended;               /* the block's end has been emitted */
    int esp_delta;            /* ESP less R14: pushes and pops move the offset of the accesses that follow, not R14 */
    bool polled, polled_next; /* the current (next) instruction's poll has been emitted already */

    struct cold cold[MAX_COLD];
    unsigned n_cold;
    struct window windows[BLOCK_MAX_INSNS];
    unsigned n_windows;
    struct pending_link links[BLOCK_LINKS];
    unsigned n_links;
    uint8_t *ports[BLOCK_LINKS]; /* rel32 of the indirect jumps and calls */
    unsigned n_ports;
    struct pc_entry map[MAX_MAP];
    unsigned n_map, map_cold;
    struct reloc relocs[MAX_RELOCS];
    unsigned n_relocs;
};

/* The 32-bit field that has just been emitted depends on the block's place. */
static inline void relocate_last(struct translation *t, enum reloc_kind kind) {
    BT_BUG_ON(t->n_relocs >= MAX_RELOCS);
    t->relocs[t->n_relocs++] = (struct reloc){(uint16_t)(t->b.p - t->b.start - 4), (uint8_t)kind, t->in_cold};
}
/* In the cold part: the jump of the hot part comes here. */
static inline void bind_from_hot(struct translation *t, struct x86_fixup f) {
    BT_BUG_ON(t->n_relocs >= MAX_RELOCS || !t->in_cold || f.size != 4);
    x86_bind(&t->b, f);
    t->relocs[t->n_relocs++] = (struct reloc){(uint16_t)(f.at - t->other.start), RELOC_COLD, false};
}
static inline void emit_jmp_to_hot(struct translation *t, const uint8_t *target) {
    x86_jmp_to(&t->b, target);
    relocate_last(t, RELOC_HOT);
}
static inline void emit_jmp_thunk(struct translation *t, const uint8_t *thunk) {
    x86_jmp_to(&t->b, thunk);
    relocate_last(t, RELOC_THUNK);
}
static inline void emit_call_thunk(struct translation *t, const uint8_t *thunk) {
    x86_call_to(&t->b, thunk);
    relocate_last(t, RELOC_THUNK);
}
/* reg = an address in this code. */
static inline void emit_eip(struct translation *t, uint8_t reg, uint32_t eip) {
    x86_mov_r32_imm32(&t->b, reg, eip);
    relocate_last(t, RELOC_EIP);
}

static inline uint8_t host_reg(uint8_t guest) { return guest == DEC_ESP ? R_ESP : guest; }
/* Of an instruction of class BRANCH: a conditional jump. */
static inline bool is_jcc(const struct insn *insn) {
    return insn->map == 1 || (insn->opcode >= 0x70 && insn->opcode <= 0x7F);
}
static inline const struct insn *cur(const struct translation *t) { return &t->insns[t->i]; }
static inline uint32_t cur_eip(const struct translation *t) { return t->blk->eip + t->offs[t->i]; }
/* The address after the current instruction. Sequential flow is not cut to 16 bits: past FFFFh it meets the limit. */
static inline uint32_t next_eip(const struct translation *t) { return cur_eip(t) + cur(t)->len; }

/* emit_mem.c */
struct mref mref_of(const struct insn *insn);
void emit_access(struct translation *t, const struct mref *m, const struct memop *op);
void emit_lea(struct translation *t, const struct insn *insn);
void emit_cold(struct translation *t);
/* Around what a checked access does to the arithmetic flags. */
void emit_save_flags(struct x86_buf *b);
void emit_restore_flags(struct x86_buf *b);
void map_here(struct translation *t, uint8_t guest_off, int esp);

/* emit_plain.c */
void emit_plain(struct translation *t);
void emit_insn_mem(struct x86_buf *b, const struct memop *op, const struct x86_mem *m);
bool insn_needs_low_regs(const struct insn *insn);   /* an operand is AH..BH: no REX prefix possible */
uint8_t insn_spare_low_reg(const struct insn *insn); /* one it does not use: stands in where no REX is possible */

/* emit_stack.c */
void emit_settle_esp(struct translation *t); /* R14 becomes ESP: before anything but [ESP+...] looks at it */
void emit_stack(struct translation *t);
void emit_push_imm(struct translation *t, uint32_t value, uint8_t size);
void emit_push_eip(struct translation *t, uint32_t eip, uint8_t size);
void emit_push_reg(struct translation *t, uint8_t host, uint8_t size);
void emit_peek(struct translation *t, uint8_t host, uint8_t size); /* the top of the stack, zero-extended */
void emit_drop(struct translation *t, uint32_t bytes);             /* ESP += bytes */

/* emit_branch.c */
void emit_branch(struct translation *t);
/* The poll of a backward conditional jump goes before the instruction ahead of it, so that the host can fuse the two.
 */
void emit_early_poll(struct translation *t);
void emit_count(struct translation *t); /* before an instruction: count.c */
void emit_link(struct translation *t, uint32_t target);
void emit_wrap_poll(struct translation *t); /* before an instruction: straight-line code that wraps is a loop, too */
void emit_link_stubs(struct translation *t, uint32_t id);

/* emit_readpc.c: true if the call's target was taken in line */
bool emit_read_pc(struct translation *t, uint32_t target);

/* emit_divide.c: true if the instruction was a division that looks at its divisor first */
bool emit_divide(struct translation *t);

/* emit_string.c */
void emit_string(struct translation *t);

/* emit_inline.c: true if the sensitive instruction was emitted in line */
bool emit_inline(struct translation *t);
void emit_windows(struct translation *t);

/* syscall.c */
void emit_syscall(struct translation *t);

/* emit_callout.c */
void emit_callout(struct translation *t);
void emit_exception(struct translation *t, int vector, uint32_t error);
void emit_raise(struct translation *t, int vector, uint32_t error); /* the same as one way of many; R14 is ESP */
bool callout_ends_block(const struct insn *insn);
#endif
