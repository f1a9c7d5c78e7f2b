/*
 * debug.c: DR0 to DR7 against the addresses that one instruction uses.
 *
 * While a breakpoint is armed, cpu.debug_step has every instruction run on its
 * own; otherwise nothing here is called. Operands are computed from the decoded
 * instruction. SDM-DEVIATION: the frames of interrupts, call gates and task
 * switches, and descriptor table accesses, hit no data breakpoint.
 *
 * Manual: SDM vol. 3 "Breakpoint Field Recognition", "Data Memory and I/O
 * Breakpoint Exception Conditions".
 */
#include "monitor/debug.h"
#include "monitor/cpuid.h"
#include "monitor/ops.h"
#include "monitor/strop.h"

/* ---- DR7 ---- */

enum { BREAKPOINTS = 4, PAGE_MASK = 0xFFF };
enum break_on { BREAK_EXECUTE, BREAK_WRITE, BREAK_IO, BREAK_READ_WRITE };

static enum break_on break_condition(const struct vcpu *v, unsigned i) { return v->dr[7] >> (16 + 4 * i) & 3; }

/* LEN is 00, 01, 11 or 10 for 1, 2, 4 or 8 bytes. */
static uint32_t break_length(const struct vcpu *v, unsigned i) {
    static const uint8_t lengths[] = {1, 2, 8, 4};
    return lengths[v->dr[7] >> (18 + 4 * i) & 3];
}

/* L or G is set, and the condition means something: I/O needs CR4.DE. */
static bool armed(const struct vcpu *v, unsigned i) {
    if (!(v->dr[7] >> 2 * i & 3)) return false;
    return break_condition(v, i) != BREAK_IO || v->cpu.cr4 & CR4_DE;
}

static bool any_armed(const struct vcpu *v) {
    for (unsigned i = 0; i < BREAKPOINTS; i++)
        if (armed(v, i)) return true;
    return false;
}

void mon_debug_update(struct vcpu *v) { v->cpu.debug_step = any_armed(v) || v->ignne || v->debugged; }

uint32_t mon_debug_at_pc(const struct vcpu *v) {
    uint32_t hits = 0, pc = bt_pc(&v->cpu).v;
    for (unsigned i = 0; i < BREAKPOINTS; i++)
        if (armed(v, i) && break_condition(v, i) == BREAK_EXECUTE && v->dr[i] == pc) hits |= 1u << i;
    return hits;
}

/* ---- Matching ---- */

static bool condition_wants(enum break_on on, unsigned kind) {
    switch (on) {
    case BREAK_WRITE: return kind & ACCESS_WRITE;
    case BREAK_READ_WRITE: return kind & (ACCESS_READ | ACCESS_WRITE);
    case BREAK_IO: return kind & ACCESS_IO;
    default: return false;
    }
}

/* Low address bits under the length are ignored; one common byte is enough. Both ranges may wrap. */
static bool overlaps(const struct vcpu *v, unsigned i, const struct mon_access *a) {
    uint32_t length = break_length(v, i), first = v->dr[i] & ~(length - 1);
    return a->size && (first - a->at < a->size || a->at - first < length);
}

static uint32_t access_hits(const struct vcpu *v, const struct mon_access *a) {
    uint32_t hits = 0;
    for (unsigned i = 0; i < BREAKPOINTS; i++)
        if (armed(v, i) && condition_wants(break_condition(v, i), a->kind) && overlaps(v, i, a)) hits |= 1u << i;
    return hits;
}

/* ---- Fetch ---- */

static uint32_t fetch(struct vcpu *v, uint32_t lin, uint8_t *to, uint32_t size) {
    struct guest_fault f;
    unsigned access = SMMU_READ | (v->cpu.cpl == 3 ? SMMU_USER : 0);
    return smmu_read(v->cpu.smmu, gva(lin), to, size, access, &f) ? size : 0;
}

/* The following page is touched only if the instruction reaches into it. */
static bool decode_at_pc(struct vcpu *v, struct insn *insn) {
    uint8_t bytes[DEC_MAX_LEN];
    uint32_t lin = bt_pc(&v->cpu).v, room = PAGE_MASK + 1 - (lin & PAGE_MASK), features = mon_model_features(v->model);
    bool code32 = v->cpu.seg[DEC_CS].attr & BT_ATTR_DB;
    uint32_t got = fetch(v, lin, bytes, room < DEC_MAX_LEN ? room : DEC_MAX_LEN);
    if (!got) return false;
    if (dec_insn(bytes, got, code32, features, insn) == DEC_OK) return true;
    if (got == DEC_MAX_LEN || !fetch(v, lin + got, bytes + got, DEC_MAX_LEN - got)) return false;
    return dec_insn(bytes, DEC_MAX_LEN, code32, features, insn) == DEC_OK;
}

bool mon_debug_at_int(struct vcpu *v) {
    struct insn insn;
    bt_fpu_park(&v->cpu);
    return decode_at_pc(v, &insn) && insn.mnemonic == ZYDIS_MNEMONIC_INT;
}

/* ---- Operands ---- */

static void add_access(struct mon_watch *w, uint32_t at, uint32_t size, unsigned kind) {
    if (w->n < WATCH_MAX) w->access[w->n++] = (struct mon_access){at, size, kind};
}

static uint32_t address_mask(const struct insn *insn) { return insn->addr_size == 2 ? 0xFFFF : UINT32_MAX; }

static bool is_bit_test(const struct insn *insn) {
    return insn->map == 1 && (insn->opcode & ~0x18u) == 0xA3; /* BT A3, BTS AB, BTR B3, BTC BB */
}

/* BT m, r and its kin: the register selects a word anywhere around the operand. */
static uint32_t bit_word(const struct vcpu *v, const struct insn *insn) {
    uint32_t bit = mon_get_reg(v, insn->reg, insn->op_size);
    int32_t index = insn->op_size == 2 ? (int16_t)bit >> 4 : (int32_t)bit >> 5;
    return (uint32_t)index * insn->op_size;
}

/* POP m computes its address with ESP already moved. */
static uint32_t popped_before_address(const struct insn *insn) {
    bool pop = insn->mnemonic == ZYDIS_MNEMONIC_POP && insn->mem.base == DEC_ESP;
    return pop ? insn->op_size : 0;
}

static void add_explicit(struct vcpu *v, struct mon_watch *w) {
    const struct insn *insn = &w->insn;
    const struct dec_mem *m = &insn->mem;
    if (!m->present || !m->accessed) return;
    uint32_t off = mon_ea(v, insn) + popped_before_address(insn);
    if (is_bit_test(insn)) off += bit_word(v, insn);
    unsigned kind = (m->read ? ACCESS_READ : 0u) | (m->write ? ACCESS_WRITE : 0u);
    add_access(w, v->cpu.seg[m->seg].base + (off & address_mask(insn)), m->size == DEC_MEM_512 ? 512 : m->size, kind);
}

static void add_stack(struct vcpu *v, struct mon_watch *w, uint32_t from, uint32_t size, unsigned kind) {
    uint32_t mask = v->cpu.seg[DEC_SS].attr & BT_ATTR_DB ? UINT32_MAX : 0xFFFF;
    add_access(w, v->cpu.seg[DEC_SS].base + (from & mask), size, kind);
}

static bool is_far(const struct insn *insn) {
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_CALL: return insn->opcode == 0x9A || (insn->opcode == 0xFF && insn->reg == 3);
    case ZYDIS_MNEMONIC_RET: return insn->opcode == 0xCA || insn->opcode == 0xCB;
    default: return false;
    }
}

/* Stack words that the instruction pushes (negative) or pops (positive). */
static int stack_words(const struct insn *insn) {
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_PUSH:
    case ZYDIS_MNEMONIC_PUSHF:
    case ZYDIS_MNEMONIC_PUSHFD: return -1;
    case ZYDIS_MNEMONIC_PUSHA:
    case ZYDIS_MNEMONIC_PUSHAD: return -8;
    case ZYDIS_MNEMONIC_ENTER: return -1 - (int)(insn->imm2 & 31u);
    case ZYDIS_MNEMONIC_CALL: return is_far(insn) ? -2 : -1;
    case ZYDIS_MNEMONIC_POP:
    case ZYDIS_MNEMONIC_POPF:
    case ZYDIS_MNEMONIC_POPFD: return 1;
    case ZYDIS_MNEMONIC_POPA:
    case ZYDIS_MNEMONIC_POPAD: return 8;
    case ZYDIS_MNEMONIC_RET: return is_far(insn) ? 2 : 1;
    case ZYDIS_MNEMONIC_IRET:
    case ZYDIS_MNEMONIC_IRETD: return 3;
    default: return 0;
    }
}

static void add_implicit_stack(struct vcpu *v, struct mon_watch *w) {
    int words = stack_words(&w->insn);
    uint32_t esp = v->cpu.gpr[DEC_ESP], unit = w->insn.op_size;
    if (words < 0) add_stack(v, w, esp - (uint32_t)-words * unit, (uint32_t)-words * unit, ACCESS_WRITE);
    if (words > 0) add_stack(v, w, esp, (uint32_t)words * unit, ACCESS_READ);
    if (w->insn.mnemonic == ZYDIS_MNEMONIC_LEAVE) add_stack(v, w, v->cpu.gpr[DEC_EBP], unit, ACCESS_READ);
}

/* Memory named by registers without a ModRM operand. */
static void add_register_named(struct vcpu *v, struct mon_watch *w) {
    const struct insn *insn = &w->insn;
    uint32_t base = v->cpu.seg[insn->mem.seg].base, mask = address_mask(insn);
    switch (insn->mnemonic) {
    case ZYDIS_MNEMONIC_XLAT:
        add_access(w, base + ((v->cpu.gpr[DEC_EBX] + (v->cpu.gpr[DEC_EAX] & 0xFF)) & mask), 1, ACCESS_READ);
        break;
    case ZYDIS_MNEMONIC_MASKMOVQ: add_access(w, base + (v->cpu.gpr[DEC_EDI] & mask), 8, ACCESS_WRITE); break;
    case ZYDIS_MNEMONIC_MASKMOVDQU: add_access(w, base + (v->cpu.gpr[DEC_EDI] & mask), 16, ACCESS_WRITE); break;
    default: break;
    }
}

/* ---- String instructions: SDM vol. 2 opcode map, 6C..6F, A4..A7, AA..AF ---- */

enum { INS = 0x6C, OUTS = 0x6E, MOVS = 0xA4, CMPS = 0xA6, STOS = 0xAA, LODS = 0xAC, SCAS = 0xAE };

static unsigned string_op(const struct insn *insn) {
    unsigned op = insn->opcode & ~1u;
    bool is_string = op == INS || op == OUTS || op == MOVS || op == CMPS || op == STOS || op == LODS || op == SCAS;
    return insn->map == 0 && is_string ? op : 0;
}

static unsigned source_kind(unsigned op) {
    return op == OUTS || op == MOVS || op == CMPS || op == LODS ? ACCESS_READ : 0;
}
static unsigned destination_kind(unsigned op) {
    if (op == INS || op == MOVS || op == STOS) return ACCESS_WRITE;
    return op == CMPS || op == SCAS ? ACCESS_READ : 0;
}

/* The bytes that an index register has passed since `start`. */
static struct mon_access passed(const struct vcpu *v, const struct insn *insn, int seg, unsigned reg, uint32_t start,
                                unsigned kind) {
    struct str s = str_begin(v, insn);
    uint32_t mask = address_mask(insn), now = v->cpu.gpr[reg] & mask;
    uint32_t size = (s.backward ? start - now : now - start) & mask;
    uint32_t low = s.backward ? now + s.width : start & mask;
    return (struct mon_access){v->cpu.seg[seg].base + low, size, kind};
}

static uint32_t string_hits(const struct vcpu *v, const struct mon_watch *w) {
    unsigned op = string_op(&w->insn), from = source_kind(op), to = destination_kind(op);
    uint32_t hits = 0;
    if (from) {
        struct mon_access a = passed(v, &w->insn, w->insn.mem.seg, DEC_ESI, w->esi, from);
        hits |= access_hits(v, &a);
    }
    if (to) {
        struct mon_access a = passed(v, &w->insn, DEC_ES, DEC_EDI, w->edi, to);
        hits |= access_hits(v, &a);
    }
    return hits;
}

/* ---- Ports ---- */

static bool is_port_io(const struct insn *insn) {
    unsigned op = string_op(insn);
    return op == INS || op == OUTS || insn->mnemonic == ZYDIS_MNEMONIC_IN || insn->mnemonic == ZYDIS_MNEMONIC_OUT;
}

/* A repeat count of zero does no I/O. */
static bool zero_count(const struct vcpu *v, const struct insn *insn) {
    return string_op(insn) && insn->rep && !(v->cpu.gpr[DEC_ECX] & address_mask(insn));
}

static void add_port(struct vcpu *v, struct mon_watch *w) {
    const struct insn *insn = &w->insn;
    if (!is_port_io(insn) || zero_count(v, insn)) return;
    bool immediate = insn->opcode >= 0xE4 && insn->opcode < 0xE8;
    uint32_t port = immediate ? insn->imm & 0xFF : v->cpu.gpr[DEC_EDX] & 0xFFFF;
    add_access(w, port, insn->opcode & 1 ? insn->op_size : 1, ACCESS_IO);
}

/* ---- One instruction ---- */

void mon_watch_begin(struct vcpu *v, struct mon_watch *w) {
    bt_fpu_park(&v->cpu);
    w->n = 0;
    w->pc = bt_pc(&v->cpu).v;
    w->esi = v->cpu.gpr[DEC_ESI], w->edi = v->cpu.gpr[DEC_EDI];
    w->decoded = decode_at_pc(v, &w->insn);
    if (!w->decoded) return;
    add_explicit(v, w);
    add_implicit_stack(v, w);
    add_register_named(v, w);
    add_port(v, w);
}

uint32_t mon_watch_hits(const struct vcpu *v, const struct mon_watch *w) {
    uint32_t hits = 0;
    if (!w->decoded) return 0;
    for (unsigned i = 0; i < w->n; i++) hits |= access_hits(v, &w->access[i]);
    return string_op(&w->insn) ? hits | string_hits(v, w) : hits;
}

static bool touches(const struct mon_access *a, uint32_t at, uint32_t len, unsigned kind) {
    return a->size && a->kind & kind && (at - a->at < a->size || a->at - at < len);
}

bool mon_watch_touched(const struct vcpu *v, const struct mon_watch *w, uint32_t at, uint32_t len, unsigned kind) {
    if (!w->decoded) return false;
    for (unsigned i = 0; i < w->n; i++)
        if (touches(&w->access[i], at, len, kind)) return true;
    unsigned op = string_op(&w->insn), from = source_kind(op), to = destination_kind(op);
    struct mon_access a = {0}, b = {0};
    if (from) a = passed(v, &w->insn, w->insn.mem.seg, DEC_ESI, w->esi, from);
    if (to) b = passed(v, &w->insn, DEC_ES, DEC_EDI, w->edi, to);
    return touches(&a, at, len, kind) || touches(&b, at, len, kind);
}

bool mon_watch_unfinished(const struct vcpu *v, const struct mon_watch *w) {
    bool moved = v->cpu.gpr[DEC_ESI] != w->esi || v->cpu.gpr[DEC_EDI] != w->edi;
    return w->decoded && w->insn.rep && string_op(&w->insn) && moved && bt_pc(&v->cpu).v == w->pc;
}
