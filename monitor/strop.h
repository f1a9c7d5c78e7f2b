/*
 * strop.h: what all string instructions share: index registers, count, direction.
 *
 * Manual: SDM vol. 1 "String Instructions"; vol. 2 "REP/REPE/REPZ/REPNE/REPNZ".
 */
#ifndef NOVT_MONITOR_STROP_H
#define NOVT_MONITOR_STROP_H

#include "monitor/ops.h"

/* One string instruction. */
struct str {
    unsigned width; /* bytes of an element */
    unsigned addr;  /* 2 or 4: SI/DI/CX or ESI/EDI/ECX */
    int seg;        /* of the source; the destination is always ES */
    bool rep, backward;
};

static inline struct str str_begin(const struct vcpu *v, const struct insn *insn) {
    return (struct str){.width = insn->opcode & 1 ? insn->op_size : 1,
                        .addr = insn->addr_size,
                        .seg = insn->mem.seg,
                        .rep = insn->rep != 0,
                        .backward = (v->cpu.flags_host & DEC_DF) != 0};
}

static inline uint32_t str_index(const struct vcpu *v, const struct str *s, unsigned reg) {
    return mon_get_reg(v, reg, s->addr);
}

/* Moves an index register by n elements in the direction of DF. */
static inline void str_step(struct vcpu *v, const struct str *s, unsigned reg, uint32_t n) {
    uint32_t delta = n * s->width;
    mon_set_reg(v, reg, s->addr, str_index(v, s, reg) + (s->backward ? -delta : delta));
}

/* Elements still to be done. */
static inline uint32_t str_left(const struct vcpu *v, const struct str *s) {
    return s->rep ? mon_get_reg(v, DEC_ECX, s->addr) : 1;
}
static inline void str_count(struct vcpu *v, const struct str *s, uint32_t n) {
    mon_set_reg(v, DEC_ECX, s->addr, str_left(v, s) - n);
}

/* Host pointer for up to `want` elements at seg:index, *n of them inside one page of plain memory, segment and paging
 * checked; NULL: go element by element. Good until the paging state or the memory map changes (op_string.c). */
void *str_bulk(struct vcpu *v, const struct str *s, int seg, uint32_t index, bool write, uint32_t want, uint32_t *n);
#endif
