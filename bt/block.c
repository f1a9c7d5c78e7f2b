/*
 * block.c: the life of a translated block: found, published, chained, killed; its
 * checking entries; the jump cache; host PC back to guest PC.
 *
 * A block may be entered three ways. body: the caller vouches for mode and
 * mapping (chains inside a page, the engine itself). cross: checks that the
 * block's linear page still shows the frame it was translated from (chains from
 * another page). indirect: checks the target address too (jump cache).
 */
#include "bt/bt_internal.h"

static uint32_t linear_page(const struct block *b) { return (b->cs_base + b->eip) >> SMMU_PAGE_SHIFT; }

static uint32_t hash_of(uint32_t frame, uint32_t off, uint32_t eip, uint32_t mode) {
    return code_slot(frame * 0x9E3779B1u ^ (eip - off) * 0x85EBCA6Bu ^ mode * 0xC2B2AE35u, off);
}

uint32_t block_find(struct bt_engine *e, uint32_t frame, uint32_t off, uint32_t eip, uint32_t mode) {
    const struct bt_seg *cs = &e->cpu->seg[DEC_CS];
    for (uint32_t id = e->hash[hash_of(frame, off, eip, mode)]; id != BT_NONE; id = e->blocks[id].hash_next) {
        const struct block *b = &e->blocks[id];
        if (b->frame[0] == frame && b->off == off && b->eip == eip && b->mode == mode && b->cs_base == cs->base &&
            b->cs_limit == cs->limit)
            return id;
    }
    return BT_NONE;
}

static uint32_t *frame_link(struct block *b, uint32_t frame) {
    return &b->frame_next[b->frame[0] == frame ? 0 : b->frame[1] == frame ? 1 : 2];
}

/* Where the instruction at guest_off begins in the block, if the block can be entered there: ESP must be R14. */
static const uint8_t *entry_at(const struct bt_engine *e, const struct block *b, uint32_t guest_off) {
    const struct pc_entry *m = &e->map[b->map_first];
    for (uint32_t i = 0; i < b->map_cold; i++)
        if (m[i].guest_off == guest_off) return m[i].esp == 0 ? e->code + b->host_off + m[i].host_off : NULL;
    return NULL;
}

const uint8_t *block_find_inside(struct bt_engine *e, const struct block *from, uint32_t eip, uint32_t *id) {
    enum { MOST = 20 }; /* the latest are the likeliest, and the search must stay cheap beside a translation */
    uint32_t next = e->frame_blocks[from->frame[0]];
    for (unsigned i = 0; next != BT_NONE && i < MOST; i++) {
        struct block *b = &e->blocks[next];
        uint32_t guest_off = eip - b->eip;
        bool covers = guest_off - 1 < b->guest_len - 1u && b->frame[1] == BT_NONE && b->frame[0] == from->frame[0];
        if (covers && linear_page(b) == linear_page(from) && link_matches(from, b) && !b->demoted) {
            const uint8_t *at = entry_at(e, b, guest_off);
            *id = next;
            if (at) return at;
        }
        next = *frame_link(b, from->frame[0]);
    }
    return NULL;
}

bool block_in_list(const struct block *b, int i) {
    for (int k = 0; k < i; k++)
        if (b->frame[k] == b->frame[i]) return false;
    return b->frame[i] != BT_NONE;
}

static void tell_made(const struct bt_engine *e, const struct block *b) {
    struct bt_code code = {.host = e->code + b->host_off,
                           .host_len = b->host_len,
                           .at = gva(b->cs_base + b->eip),
                           .cpl = (uint8_t)((b->mode & MODE_CPL) >> MODE_CPL_SHIFT),
                           .paged = (b->mode & MODE_PAGED) != 0,
                           .protected_mode = (b->mode & MODE_PE) != 0,
                           .v86 = (b->mode & MODE_VM) != 0,
                           .code32 = (b->mode & MODE_CODE32) != 0};
    e->cfg.made(e->cfg.made_opaque, &code);
    if (!b->cold_len) return;
    code.host = e->code + b->cold_off;
    code.host_len = b->cold_len;
    code.cold = true;
    e->cfg.made(e->cfg.made_opaque, &code);
}

void block_publish(struct bt_engine *e, uint32_t id) {
    struct block *b = &e->blocks[id];
    if (e->cfg.made) tell_made(e, b);
    kin_note(e, id);
    uint32_t *head = &e->hash[hash_of(b->frame[0], b->off, b->eip, b->mode)];
    b->hash_next = *head;
    *head = id;
    for (int i = 0; i < BLOCK_FRAMES; i++) {
        if (!block_in_list(b, i)) continue;
        uint32_t *list = &e->frame_blocks[b->frame[i]];
        if (*list == BT_NONE) smmu_code_protect(e->smmu, b->frame[i]);
        b->frame_next[i] = *list;
        *list = id;
    }
}

void link_chain(struct bt_engine *e, uint32_t l, uint32_t to, const uint8_t *entry) {
    struct link *k = &e->links[l];
    k->to = to;
    k->next_in = e->blocks[to].in_head;
    e->blocks[to].in_head = l;
    x86_patch_rel32(e->code + k->field_off, entry);
    e->stats.chains++;
}

static void link_unchain(struct bt_engine *e, struct link *k) {
    k->to = BT_NONE;
    x86_patch_rel32(e->code + k->field_off, e->code + k->stub_off);
    e->stats.unchains++;
}

/* Takes link l out of its target's list. */
void link_forget(struct bt_engine *e, uint32_t l) {
    struct link *k = &e->links[l];
    if (k->to == BT_NONE) return;
    uint32_t *at = &e->blocks[k->to].in_head;
    while (*at != l) at = &e->links[*at].next_in;
    *at = k->next_in;
    link_unchain(e, k);
}

bool link_matches(const struct block *from, const struct block *to) {
    return !from->apart && !to->apart && !(to->mode & (MODE_STEP | MODE_SINGLE)) &&
           (from->mode & ~(uint32_t)MODE_SINGLE) == to->mode && from->cs_base == to->cs_base &&
           from->cs_limit == to->cs_limit;
}

const uint8_t *link_entry(struct bt_engine *e, const struct block *from, uint32_t to) {
    const struct block *b = &e->blocks[to];
    bool same_page = from->frame[1] == BT_NONE && from->frame[0] == b->frame[0] && linear_page(from) == linear_page(b);
    return same_page ? block_body(e, b) : block_cross_entry(e, to);
}

static void hash_remove(struct bt_engine *e, uint32_t id) {
    const struct block *b = &e->blocks[id];
    uint32_t *at = &e->hash[hash_of(b->frame[0], b->off, b->eip, b->mode)];
    while (*at != id) at = &e->blocks[*at].hash_next;
    *at = b->hash_next;
}

static void frame_remove(struct bt_engine *e, uint32_t id, uint32_t frame) {
    uint32_t *at = &e->frame_blocks[frame];
    while (*at != id) at = frame_link(&e->blocks[*at], frame);
    *at = *frame_link(&e->blocks[id], frame);
    if (e->frame_blocks[frame] == BT_NONE) smmu_code_unprotect(e->smmu, frame);
}

void block_kill(struct bt_engine *e, uint32_t id) {
    struct block *b = &e->blocks[id];
    if (b->dead) return;
    b->dead = true;
    e->code_changed = true;
    for (uint32_t l = b->in_head; l != BT_NONE; l = e->links[l].next_in) link_unchain(e, &e->links[l]);
    b->in_head = BT_NONE;
    for (unsigned i = 0; i < b->n_links; i++) link_forget(e, b->link_first + i);
    ports_close(e, b);
    jump_cache_drop(e, id);
    hash_remove(e, id);
    for (int i = 0; i < BLOCK_FRAMES; i++)
        if (block_in_list(b, i)) frame_remove(e, id, b->frame[i]);
}

static bool overlaps(const struct block *b, uint32_t frame, uint32_t off, uint32_t len) {
    uint32_t first = SMMU_PAGE_SIZE - b->off < b->guest_len ? SMMU_PAGE_SIZE - b->off : b->guest_len;
    if (b->frame[0] == frame && off < b->off + first && b->off < off + len) return true;
    if (b->frame[2] == frame && off < b->read_pc_off + (uint32_t)READ_PC_LEN && b->read_pc_off < off + len) return true;
    return b->frame[1] == frame && off < b->guest_len - first;
}

bool block_kill_range(struct bt_engine *e, uint32_t frame, uint32_t off, uint32_t len) {
    uint32_t next, n = 0;
    for (uint32_t id = e->frame_blocks[frame]; id != BT_NONE; id = next) {
        struct block *b = &e->blocks[id];
        next = *frame_link(b, frame);
        if (!overlaps(b, frame, off, len)) continue;
        block_kill(e, id);
        e->stats.smc_blocks++;
        n++;
        e->ras_reset_wanted = true; /* a predicted return would go on in the old code */
    }
    if (n) smc_dropped(e, frame, n);
    return n != 0;
}

/* ---- Host PC to guest PC ---- */

/* Parts lie in the order of their blocks. */
static uint32_t part_off(const struct block *b, bool cold) { return cold ? b->cold_off : b->host_off; }
static uint32_t part_len(const struct block *b, bool cold) { return cold ? b->cold_len : b->host_len; }

uint32_t block_at_host(const struct bt_engine *e, const uint8_t *host) {
    if (!in_cache(e, host)) return BT_NONE;
    uint32_t off = (uint32_t)(host - e->code), lo = 0, hi = e->n_blocks;
    bool cold = off >= e->code_size;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (part_off(&e->blocks[mid], cold) <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == 0) return BT_NONE;
    const struct block *b = &e->blocks[lo - 1];
    return off < part_off(b, cold) + part_len(b, cold) ? lo - 1 : BT_NONE;
}

bool block_pc(const struct bt_engine *e, uint32_t id, const uint8_t *host, uint32_t *eip, int8_t *esp) {
    const struct block *b = &e->blocks[id];
    bool cold = host >= e->code + e->code_size;
    uint32_t off = (uint32_t)(host - e->code) - part_off(b, cold);
    const struct pc_entry *m = &e->map[b->map_first];
    uint32_t first = cold ? b->map_cold : 0, i = cold ? b->map_count : b->map_cold;
    while (i > first && m[i - 1].host_off > off) i--;
    if (i == first) return false;
    *eip = b->eip + m[i - 1].guest_off;
    *esp = m[i - 1].esp;
    return true;
}

/* ---- Checking entries, emitted when first wanted ---- */

struct x86_mem tlb_operand(struct bt_engine *e, struct x86_buf *b, uint32_t mode, uint8_t scratch, uint8_t index,
                           uint8_t scale, uint32_t offset) {
    int64_t away = smmu_tlb_base(e->smmu, (mode & MODE_CPL) == MODE_CPL) - (const uint8_t *)e->cpu;
    if (away >= INT32_MIN && away + SMMU_TLB_BYTES <= INT32_MAX)
        return x86_base_index(R_CPU, index, scale, (int32_t)(away + offset));
    x86_mov_r64_m64(b, scratch, cpu_mem(CPU_OFF(p.tlb_base)));
    return x86_base_index(scratch, index, scale, (int32_t)offset);
}

void load_code_entry(struct bt_engine *e, struct x86_buf *b, uint32_t mode, uint8_t reg, uint32_t page) {
    struct x86_mem entry = tlb_operand(e, b, mode, reg, X86_NOREG, 1, SMMU_TLB_CODE + page * 4);
    x86_enc_mem(b, &(struct x86_enc){.rexw = true, .opcode = 0x63}, reg, &entry); /* movsxd */
}

void emit_page_test(struct bt_engine *e, struct x86_buf *b, uint32_t mode, uint32_t page, uint32_t frame) {
    load_code_entry(e, b, mode, X86_RCX, page);
    x86_lea_r32(b, X86_RCX, x86_base(X86_RCX, (int32_t)(0u - smmu_code_entry(frame))));
}

struct x86_buf block_stub_space(struct bt_engine *e) {
    uint8_t *at = e->code + e->code_used;
    return (struct x86_buf){at, at, e->code + e->code_size, false};
}

uint32_t block_stub_done(struct bt_engine *e, const struct x86_buf *b) {
    if (b->overflow) {
        e->want_flush = true;
        return 0;
    }
    uint32_t off = (uint32_t)e->code_used;
    e->code_used = (size_t)(b->p - e->code);
    return off;
}

const uint8_t *block_cross_entry(struct bt_engine *e, uint32_t id) {
    struct block *k = &e->blocks[id];
    if (!k->cross_off) {
        struct x86_buf b = block_stub_space(e);
        if (check_page_may_trap(e, k->mode, k->frame[0]) && !adapt_guilty_until(e, k->frame[0], k->off)) {
            load_code_entry(e, &b, k->mode, R_A, linear_page(k));
            check_page(&b, k->frame[0]);
            x86_jmp_to(&b, block_body(e, k));
            k->cross_off = block_stub_done(e, &b);
            return k->cross_off ? e->code + k->cross_off : NULL;
        }
        if (check_may_trap(e, k->mode)) {
            x86_mov_r32_imm32(&b, R_A, k->eip); /* for the poll, which is outside any block */
            poll_into(&b, R_C);
        }
        x86_mov_r64_r64(&b, R_C, X86_RCX);
        emit_page_test(e, &b, k->mode, linear_page(k), k->frame[0]);
        struct x86_fixup same = x86_jrcxz8(&b);
        x86_mov_r64_r64(&b, X86_RCX, R_C);
        x86_mov_r32_imm32(&b, R_A, k->eip);
        x86_jmp_to(&b, e->thunk.exit_indirect);
        x86_bind(&b, same);
        x86_mov_r64_r64(&b, X86_RCX, R_C);
        x86_jmp_to(&b, block_body(e, k));
        k->cross_off = block_stub_done(e, &b);
        if (!k->cross_off) return NULL;
    }
    return e->code + k->cross_off;
}

const uint8_t *block_indirect_entry(struct bt_engine *e, uint32_t id) {
    struct block *k = &e->blocks[id];
    if (!k->ind_off) {
        struct x86_buf b = block_stub_space(e);
        x86_mov_r64_r64(&b, R_C, X86_RCX);
        emit_page_test(e, &b, k->mode, linear_page(k), k->frame[0]);
        /* Both differences are zero-extended, so their 64-bit sum is 0 only if both are. */
        x86_lea_r32(&b, R_B, x86_base(R_A, (int32_t)(0u - k->eip)));
        x86_lea_r64(&b, X86_RCX, x86_base_index(X86_RCX, R_B, 1, 0));
        struct x86_fixup hit = x86_jrcxz8(&b);
        x86_mov_r64_r64(&b, X86_RCX, R_C);
        x86_jmp_to(&b, e->thunk.exit_indirect);
        x86_bind(&b, hit);
        x86_mov_r64_r64(&b, X86_RCX, R_C);
        x86_jmp_to(&b, block_body(e, k));
        k->ind_off = block_stub_done(e, &b);
        if (!k->ind_off) return NULL;
    }
    return e->code + k->ind_off;
}

/* ---- Jump cache ---- */

static void jump_cache_clear(struct bt_engine *e, struct jump_cache *jc) {
    uint64_t miss = (uint64_t)(uintptr_t)e->thunk.exit_indirect;
    if (jc->n_filled > JUMP_FILLED)
        for (unsigned i = 0; i < JUMP_SLOTS; i++) jc->slot[i] = miss;
    else
        for (unsigned i = 0; i < jc->n_filled; i++) jc->slot[jc->filled[i]] = miss;
    jc->n_filled = 0;
}

void jump_cache_select(struct bt_engine *e, uint32_t mode) {
    const struct bt_seg *cs = &e->cpu->seg[DEC_CS];
    struct jump_cache *victim = &e->jc[0];
    for (unsigned i = 0; i < JUMP_CACHES; i++) {
        struct jump_cache *jc = &e->jc[i];
        if (jc->used && jc->mode == mode && jc->cs_base == cs->base && jc->cs_limit == cs->limit) {
            victim = jc;
            goto chosen;
        }
        if (!jc->used || (victim->used && jc->stamp < victim->stamp)) victim = jc;
    }
    jump_cache_clear(e, victim);
    syscall_forget(e);
    victim->mode = mode;
    victim->cs_base = cs->base;
    victim->cs_limit = cs->limit;
    victim->used = true;
chosen:
    victim->stamp = ++e->stamp;
    e->jc_cur = victim;
    e->cpu->p.jump_cache = (uint64_t)(uintptr_t)victim->slot;
}

void jump_cache_put(struct bt_engine *e, uint32_t id) {
    if (e->blocks[id].apart) return;
    const uint8_t *entry = block_indirect_entry(e, id);
    struct jump_cache *jc = e->jc_cur;
    uint16_t slot = (uint16_t)e->blocks[id].eip;
    if (!entry) return;
    if (jc->slot[slot] == (uint64_t)(uintptr_t)e->thunk.exit_indirect) {
        if (jc->n_filled < JUMP_FILLED) jc->filled[jc->n_filled] = slot;
        if (jc->n_filled <= JUMP_FILLED) jc->n_filled++;
    }
    jc->slot[slot] = (uint64_t)(uintptr_t)entry;
}

void jump_cache_drop(struct bt_engine *e, uint32_t id) {
    const struct block *b = &e->blocks[id];
    if (!b->ind_off) return;
    uint64_t entry = (uint64_t)(uintptr_t)(e->code + b->ind_off);
    for (unsigned i = 0; i < JUMP_CACHES; i++) {
        if (!e->jc[i].used) continue;
        uint64_t *slot = &e->jc[i].slot[b->eip & (JUMP_SLOTS - 1)];
        if (*slot == entry) *slot = (uint64_t)(uintptr_t)e->thunk.exit_indirect;
    }
}
