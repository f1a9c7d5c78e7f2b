/*
 * fpu.c: parking the guest's x87/MMX/SSE state in memory while C may use the
 * registers, and the pointers to the last x87 instruction in it.
 *
 * Translated code runs the guest's x87 instructions, so the processor's own
 * pointers are addresses of translated code and of windows: the PC map leads back
 * to the guest's. Only done for an instruction that stores them, and for a flush,
 * which would forget what the addresses mean. Manual: SDM vol. 1 "x87 FPU Instruction
 * and Data (Operand) Pointers"; APM vol. 5 "FXSAVE" (pointers only with an error pending).
 */
#include <string.h>

#include "bt/bt_internal.h"

enum { AREA_FOP = 6, AREA_FIP = 8, AREA_FDP = 16, FOP_BITS = 0x7FF };
/* Parts of the opcode that translation keeps: not how memory is addressed. */
enum { FOP_KEPT = 0x738, FOP_REGISTER = 0xC0 };

void bt_fpu_park(struct bt_cpu *c) {
    if (c->fpu_parked) return;
    static const uint32_t clean_mxcsr = 0x1F80;
    __asm__ volatile("fxsave64 %0\n\tfninit\n\tldmxcsr %1" : "=m"(c->fpu_area) : "m"(clean_mxcsr) : "memory");
    c->fpu_parked = true;
}

/* ---- The host's pointers ---- */

struct host_pointers {
    uint64_t fip, fdp;
    uint16_t fop;
};

static struct host_pointers area_pointers(const struct bt_cpu *c) {
    struct host_pointers h;
    memcpy(&h.fip, c->fpu_area + AREA_FIP, 8);
    memcpy(&h.fdp, c->fpu_area + AREA_FDP, 8);
    memcpy(&h.fop, c->fpu_area + AREA_FOP, 2);
    return h;
}

static void set_area_pointers(struct bt_cpu *c, const struct host_pointers *h) {
    memcpy(c->fpu_area + AREA_FIP, &h->fip, 8);
    memcpy(c->fpu_area + AREA_FDP, &h->fdp, 8);
    memcpy(c->fpu_area + AREA_FOP, &h->fop, 2);
}

static bool is_code(const struct bt_engine *e, uint64_t at) { return in_cache(e, (const uint8_t *)(uintptr_t)at); }

static bool in_memory(const struct bt_engine *e, uint64_t at) {
    return at - (uint64_t)(uintptr_t)e->linear < (uint64_t)e->n_frames * SMMU_PAGE_SIZE;
}

/* The address with these low halves that lies at or above base. */
static uint64_t complete(uint64_t base, uint32_t low) { return base + (uint32_t)(low - (uint32_t)base); }

/* FNSTENV tells what FXSAVE hides, but only its low half. What the guest itself loaded is below 4 GiB. */
static void park_with_env(struct bt_cpu *c) {
    struct {
        uint32_t control, status, tags, fip, fcs_fop, fdp, fds;
    } env;
    const struct bt_engine *e = c->engine;
    if (c->fpu_parked) return;
    __asm__ volatile("fnstenv %0\n\tfldcw %0" : "=m"(env) : : "memory");
    bt_fpu_park(c);
    struct host_pointers h = area_pointers(c);
    if (h.fip || h.fdp || !(env.fip || env.fdp)) return;
    bool loaded = env.fip == c->fpu_loaded.fip && env.fdp == c->fpu_loaded.fdp;
    h.fip = loaded ? env.fip : complete((uint64_t)(uintptr_t)e->code, env.fip);
    if (!loaded && !is_code(e, h.fip)) return;
    h.fdp = env.fdp;
    h.fop = (uint16_t)(env.fcs_fop >> 16 & FOP_BITS);
    set_area_pointers(c, &h);
}

/* ---- To the guest's ---- */

/* The guest bytes at the instruction, from memory: no fault can come of it. False: they are no longer this
 * instruction's. */
static bool decode_at(const struct bt_engine *e, const struct block *b, uint32_t eip, uint16_t fop, struct insn *insn) {
    uint32_t off = b->off + (eip - b->eip), n = 0;
    uint8_t bytes[DEC_MAX_LEN];
    for (; n < DEC_MAX_LEN && off + n < 2 * SMMU_PAGE_SIZE; n++) {
        uint32_t frame = b->frame[off + n >= SMMU_PAGE_SIZE];
        if (frame == BT_NONE) break;
        bytes[n] = e->linear[(size_t)frame * SMMU_PAGE_SIZE + (off + n) % SMMU_PAGE_SIZE];
    }
    if (!n || dec_insn(bytes, n, (b->mode & MODE_CODE32) != 0, e->cfg.features, insn) != DEC_OK) return false;
    if (insn->map != 0 || (insn->opcode & 0xF8) != 0xD8) return false;
    unsigned guest = (insn->opcode & 7u) << 8 | insn->bytes[insn->modrm_off];
    return !fop || ((guest ^ fop) & (insn->mod == 3 ? FOP_BITS : FOP_KEPT)) == 0;
}

static uint16_t code_selector(const struct bt_cpu *c, const struct block *b) {
    if (!(b->mode & MODE_PE) || b->mode & MODE_VM) return (uint16_t)(b->cs_base >> 4);
    if (b->cs_base == c->seg[DEC_CS].base && (b->mode & MODE_CPL) >> MODE_CPL_SHIFT == c->cpl)
        return c->seg[DEC_CS].selector;
    return c->p.last_cs[(b->mode & MODE_CPL) >> MODE_CPL_SHIFT];
}

static uint32_t base_of(const struct bt_cpu *c, const struct block *b, int seg) {
    static const uint32_t flat[DEC_SEG_COUNT] = {
        [DEC_DS] = MODE_DS_FLAT, [DEC_ES] = MODE_ES_FLAT, [DEC_SS] = MODE_SS_FLAT, [DEC_CS] = MODE_CS_FLAT};
    return b->mode & flat[seg] ? 0 : c->seg[seg].base;
}

/* Guest-linear address of an operand: direct accesses have it in the low half, checked ones found it by the TLB. */
static bool operand_linear(const struct bt_engine *e, const struct block *b, uint64_t fdp, uint32_t *lin) {
    uint64_t bounced = fdp - (uint64_t)(uintptr_t)e->bounce_at;
    *lin = (uint32_t)fdp;
    if (e->bounce_at && bounced < e->bounce_for.size) {
        *lin = e->bounce_for.va + (uint32_t)bounced;
        return true;
    }
    if (in_memory(e, fdp)) return smmu_tlb_find(e->smmu, (b->mode & MODE_CPL) == MODE_CPL, (void *)(uintptr_t)fdp, lin);
    return true;
}

static void to_guest(struct bt_cpu *c, struct host_pointers *h) {
    const struct bt_engine *e = c->engine;
    const uint8_t *pc = (const uint8_t *)(uintptr_t)h->fip;
    struct bt_fpu_pointers *g = &c->fpu_loaded;
    uint32_t id = block_at_host(e, pc), lin;
    struct insn insn;
    int8_t esp;
    *g = (struct bt_fpu_pointers){0};
    if (id != BT_NONE && block_pc(e, id, pc, &g->fip, &esp)) {
        const struct block *b = &e->blocks[id];
        bool known = decode_at(e, b, g->fip, h->fop, &insn);
        int seg = known && insn.mem.present ? insn.mem.seg : DEC_DS;
        g->fcs = code_selector(c, b);
        g->fop = h->fop;
        if (known && h->fop) g->fop = (uint16_t)((insn.opcode & 7u) << 8 | insn.bytes[insn.modrm_off]);
        if (h->fdp && operand_linear(e, b, h->fdp, &lin)) {
            g->fdp = lin - base_of(c, b, seg);
            g->fds = c->seg[seg].selector;
        }
    }
    *h = (struct host_pointers){g->fip, g->fdp, g->fop};
}

struct bt_fpu_pointers bt_fpu_pointers(struct bt_cpu *c, bool env) {
    if (env) park_with_env(c);
    bt_fpu_park(c);
    struct host_pointers h = area_pointers(c);
    if (is_code(c->engine, h.fip))
        to_guest(c, &h);
    else if ((h.fip | h.fdp) > UINT32_MAX) /* left by other code on this processor */
        h = (struct host_pointers){0};
    set_area_pointers(c, &h);
    struct bt_fpu_pointers p = {.fip = (uint32_t)h.fip, .fdp = (uint32_t)h.fdp, .fop = h.fop & FOP_BITS};
    if (p.fip == c->fpu_loaded.fip) p.fcs = c->fpu_loaded.fcs;
    if (p.fdp == c->fpu_loaded.fdp) p.fds = c->fpu_loaded.fds;
    return p;
}

void bt_fpu_load_pointers(struct bt_cpu *c, const struct bt_fpu_pointers *p) {
    struct host_pointers h = {p->fip, p->fdp, p->fop & FOP_BITS};
    c->fpu_loaded = *p;
    set_area_pointers(c, &h);
}
