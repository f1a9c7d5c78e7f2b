/*
 * op_string.c: MOVS, STOS, LODS, SCAS, CMPS in every form.
 *
 * Runs of elements inside one page of plain memory are done in bulk, by the
 * host's own string instruction of the same width, which gives overlapping
 * moves their element-by-element result. Anything else goes one element at a
 * time, so a fault finds the registers at the faulting element. Work per call is
 * bounded: eip stays at the instruction and it goes on after interrupts.
 * Manual: SDM vol. 2 pages of the instructions, "REP/REPE/REPZ/REPNE/REPNZ".
 */
#include "monitor/strop.h"

enum { BUDGET = 64 * 1024 }; /* bytes per call */

static unsigned user_bit(const struct vcpu *v) { return v->cpu.cpl == 3 ? SMMU_USER : 0; }

/* ---- Bulk ---- */

/* Elements from `index` that neither pass the index register's wrap nor leave the page at lin. */
static uint32_t run_length(const struct str *s, uint32_t index, uint32_t page_bytes, uint32_t want) {
    uint32_t wrap = s->addr == 2 ? 0x10000 - index : UINT32_MAX - index;
    uint32_t bytes = page_bytes < wrap ? page_bytes : wrap, n = bytes / s->width;
    return n < want ? n : want;
}

void *str_bulk(struct vcpu *v, const struct str *s, int seg, uint32_t index, bool write, uint32_t want, uint32_t *n) {
    struct guest_fault f;
    struct gva lin;
    uint32_t run;
    uint32_t page_bytes = SMMU_PAGE_SIZE - ((v->cpu.seg[seg].base + index) & SMMU_PAGE_MASK);
    *n = run_length(s, index, page_bytes, want);
    if (!mon_aligned(v, v->cpu.seg[seg].base + index, s->width)) return NULL;
    if (*n < 2 || s->backward || !mon_seg_check(v, seg, index, *n * s->width, write, &lin, &f)) return NULL;
    void *p = smmu_span(v->cpu.smmu, lin, (write ? SMMU_WRITE : SMMU_READ) | user_bit(v), &run, &f);
    return p && run >= *n * s->width ? p : NULL;
}

static void host_movs(unsigned width, void *dst, const void *src, uint64_t n) {
    if (width == 1)
        __asm__ volatile("rep movsb" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
    else if (width == 2)
        __asm__ volatile("rep movsw" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
    else
        __asm__ volatile("rep movsl" : "+D"(dst), "+S"(src), "+c"(n) : : "memory");
}

static void host_stos(unsigned width, void *dst, uint32_t value, uint64_t n) {
    if (width == 1)
        __asm__ volatile("rep stosb" : "+D"(dst), "+c"(n) : "a"(value) : "memory");
    else if (width == 2)
        __asm__ volatile("rep stosw" : "+D"(dst), "+c"(n) : "a"(value) : "memory");
    else
        __asm__ volatile("rep stosl" : "+D"(dst), "+c"(n) : "a"(value) : "memory");
}

/* ---- MOVS, STOS, LODS: each step does at least one element and says how many ---- */

static bool movs_step(struct vcpu *v, const struct str *s, uint32_t want, uint32_t *n, struct guest_fault *f) {
    uint32_t src = str_index(v, s, DEC_ESI), dst = str_index(v, s, DEC_EDI), value = 0, n_dst;
    void *from = str_bulk(v, s, s->seg, src, false, want, n);
    void *to = from ? str_bulk(v, s, DEC_ES, dst, true, *n, &n_dst) : NULL;
    if (to) {
        *n = n_dst;
        host_movs(s->width, to, from, *n);
    } else {
        *n = 1;
        if (!mon_seg_read(v, s->seg, src, &value, s->width, f) || !mon_seg_write(v, DEC_ES, dst, &value, s->width, f))
            return false;
    }
    str_step(v, s, DEC_ESI, *n);
    str_step(v, s, DEC_EDI, *n);
    return true;
}

static bool stos_step(struct vcpu *v, const struct str *s, uint32_t want, uint32_t *n, struct guest_fault *f) {
    uint32_t dst = str_index(v, s, DEC_EDI), value = v->cpu.gpr[DEC_EAX];
    void *to = str_bulk(v, s, DEC_ES, dst, true, want, n);
    if (to) {
        host_stos(s->width, to, value, *n);
    } else {
        *n = 1;
        if (!mon_seg_write(v, DEC_ES, dst, &value, s->width, f)) return false;
    }
    str_step(v, s, DEC_EDI, *n);
    return true;
}

static bool lods_step(struct vcpu *v, const struct str *s, uint32_t want, uint32_t *n, struct guest_fault *f) {
    uint32_t value = 0;
    (void)want;
    *n = 1;
    if (!mon_seg_read(v, s->seg, str_index(v, s, DEC_ESI), &value, s->width, f)) return false;
    mon_set_reg(v, DEC_EAX, s->width, value);
    str_step(v, s, DEC_ESI, 1);
    return true;
}

typedef bool str_step_fn(struct vcpu *v, const struct str *s, uint32_t want, uint32_t *n, struct guest_fault *f);

static enum bt_next run_string(struct bt_cpu *cpu, const struct insn *insn, str_step_fn *step) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct str s = str_begin(v, insn);
    uint32_t left, n, budget = cpu->flags_sys & EFL_TF ? 1 : BUDGET / s.width;
    while ((left = str_left(v, &s)) != 0) {
        if (!budget) return BT_NEXT_EXIT;
        if (!step(v, &s, left < budget ? left : budget, &n, &f)) return mon_raise_fault(v, &f);
        if (!s.rep) break;
        str_count(v, &s, n);
        budget -= n;
    }
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_movs(struct bt_cpu *cpu, const struct insn *insn) { return run_string(cpu, insn, movs_step); }
enum bt_next mon_op_stos(struct bt_cpu *cpu, const struct insn *insn) { return run_string(cpu, insn, stos_step); }
enum bt_next mon_op_lods(struct bt_cpu *cpu, const struct insn *insn) { return run_string(cpu, insn, lods_step); }

/* ---- SCAS, CMPS ---- */

static bool even_parity(uint32_t byte) {
    byte ^= byte >> 4;
    return !(0x6996u >> (byte & 15) & 1);
}

/* Flags of a - b in `width` bytes, SDM vol. 2 "CMP". */
static uint32_t compare_flags(uint32_t a, uint32_t b, unsigned width) {
    uint32_t mask = width == 4 ? UINT32_MAX : (1u << width * 8) - 1, sign = 1u << (width * 8 - 1);
    a &= mask, b &= mask;
    uint32_t r = (a - b) & mask, flags = 0;
    if (a < b) flags |= DEC_CF;
    if (even_parity(r & 0xFF)) flags |= DEC_PF;
    if ((a ^ b ^ r) & 0x10) flags |= DEC_AF;
    if (!r) flags |= DEC_ZF;
    if (r & sign) flags |= DEC_SF;
    if ((a ^ b) & (a ^ r) & sign) flags |= DEC_OF;
    return flags;
}

/* Compares one pair; flags change only when both operands could be read. */
static bool scan_step(struct vcpu *v, const struct str *s, bool two_strings, struct guest_fault *f) {
    uint32_t a = v->cpu.gpr[DEC_EAX], b = 0;
    if (two_strings) {
        a = 0;
        if (!mon_seg_read(v, s->seg, str_index(v, s, DEC_ESI), &a, s->width, f)) return false;
    }
    if (!mon_seg_read(v, DEC_ES, str_index(v, s, DEC_EDI), &b, s->width, f)) return false;
    v->cpu.flags_host = (v->cpu.flags_host & ~(uint32_t)DEC_ARITH) | compare_flags(a, b, s->width);
    if (two_strings) str_step(v, s, DEC_ESI, 1);
    str_step(v, s, DEC_EDI, 1);
    return true;
}

/* REPE (F3) goes on while equal, REPNE (F2) while not. */
static bool condition_ends(const struct vcpu *v, uint8_t rep) {
    bool equal = (v->cpu.flags_host & DEC_ZF) != 0;
    return equal != (rep == 0xF3);
}

static enum bt_next run_scan(struct bt_cpu *cpu, const struct insn *insn, bool two_strings) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    struct str s = str_begin(v, insn);
    uint32_t budget = cpu->flags_sys & EFL_TF ? 1 : BUDGET / 8;
    uint32_t flags = cpu->flags_host; /* a repeat that stops half-way has not changed them yet */
    while (str_left(v, &s)) {
        if (!budget--) {
            cpu->flags_host = flags;
            return BT_NEXT_EXIT;
        }
        if (!scan_step(v, &s, two_strings, &f)) {
            cpu->flags_host = flags;
            return mon_raise_fault(v, &f);
        }
        if (!s.rep) break;
        str_count(v, &s, 1);
        if (condition_ends(v, insn->rep)) break;
    }
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_scas(struct bt_cpu *cpu, const struct insn *insn) { return run_scan(cpu, insn, false); }
enum bt_next mon_op_cmps(struct bt_cpu *cpu, const struct insn *insn) { return run_scan(cpu, insn, true); }
