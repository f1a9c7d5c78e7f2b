/*
 * runtime.c: the engine's loop, and the C functions that thunks call.
 *
 * Everything that depends on the mode (TLB, view, jump cache, predictions) is set when
 * bt_run begins, and again after a callout that transfers control: nothing else changes the mode.
 */
#include <immintrin.h>

#include "bt/bt_internal.h"

enum { VECTOR_UD = 6, VECTOR_SS = 12, VECTOR_GP = 13, VECTOR_MF = 16, VECTOR_AC = 17 };

typedef void enter_fn(struct bt_cpu *, const uint8_t *);

/* ---- What depends on the mode ---- */

static void sync_predictions(struct bt_engine *e, uint32_t mode) {
    struct bt_cpu *c = e->cpu;
    unsigned slot = c->cpl == 3;
    struct ras *r = &e->ras[slot];
    if (e->ras_reset_wanted) {
        e->ras[0].valid = e->ras[1].valid = e->ras_reset_wanted = false;
        syscall_forget(e);
    }
    bool entering_kernel = e->ras_cur != slot && slot == 0;
    if (e->ras_cur != slot) {
        e->ras[e->ras_cur].rsp = c->p.ras_rsp;
        e->ras_cur = slot;
        c->p.ras_rsp = r->rsp;
    }
    if (!r->valid || entering_kernel || r->mode != mode || r->cs_base != c->seg[DEC_CS].base ||
        r->cs_limit != c->seg[DEC_CS].limit)
        c->p.ras_rsp = r->top;
    r->valid = true;
    r->mode = mode;
    r->cs_base = c->seg[DEC_CS].base;
    r->cs_limit = c->seg[DEC_CS].limit;
    c->p.ras_top = r->top;
}

/* Mostly it is the one that this privilege used last. */
static void sync_jump_cache(struct bt_engine *e, uint32_t mode, bool user) {
    struct jump_cache *jc = e->jc_last[user];
    const struct bt_seg *cs = &e->cpu->seg[DEC_CS];
    if (!jc || !jc->used || jc->mode != mode || jc->cs_base != cs->base || jc->cs_limit != cs->limit) {
        jump_cache_select(e, mode);
        e->jc_last[user] = e->jc_cur;
    } else if (e->jc_cur != jc) {
        e->jc_cur = jc;
        e->cpu->p.jump_cache = (uint64_t)(uintptr_t)jc->slot;
        jc->stamp = ++e->stamp;
    }
}

/* The guest has dealt with a page fault: the page is mapped without another fault of the host. */
static void prefault(struct bt_engine *e) {
    e->refault.awaited = false;
    if (e->cpu->eip == e->refault.eip && e->cpu->p.view_base == e->refault.view_base)
        smmu_view_prefault(e->smmu, true, gva(e->refault.va), e->refault.write);
}

static uint32_t sync_mode(struct bt_engine *e) {
    struct bt_cpu *c = e->cpu;
    bool user = c->cpl == 3;
    if (user) foresee(e);
    uint32_t mode = bt_mode(c);
    sync_jump_cache(e, mode, user);
    c->p.tlb_base = (uint64_t)(uintptr_t)smmu_tlb_base(e->smmu, user);
    c->p.view_base = (uint64_t)(uintptr_t)smmu_view_base(e->smmu, user);
    sync_predictions(e, mode);
    syscall_sync(e);
    e->mode = mode;
    if (user && (mode & (MODE_DIRECT | MODE_PAGED)) == MODE_PAGED) adapt_young(e);
    if (user && e->refault.awaited) prefault(e);
    return mode;
}

/* ---- Thunk callbacks ---- */

/* Predictions may lie: restart the stack, keeping the thunk's own return address. */
static void ras_restart(struct bt_engine *e) {
    struct bt_cpu *c = e->cpu;
    const struct ras *r = &e->ras[e->ras_cur];
    uint64_t back = *(uint64_t *)(uintptr_t)c->p.ras_rsp;
    c->p.ras_rsp = r->top - 8;
    *(uint64_t *)(uintptr_t)c->p.ras_rsp = back;
    e->ras[!e->ras_cur].valid = false;
    syscall_forget(e);
    e->ras_reset_wanted = false;
    e->stats.ras_resets++;
}

static uint64_t leave(struct bt_engine *e, enum exit_reason why, uint64_t answer) {
    e->cpu->p.exit_reason = why;
    e->cpu->p.ras_rsp += 8; /* the thunk's return address */
    return answer;
}

/* After a transfer of control by a callout: may guest code go on without monitor's looking? Kicks are seen by the poll
 * on the way to the target. */
static bool may_go_on(const struct bt_engine *e) {
    const struct bt_cpu *c = e->cpu;
    return !c->leave && !(c->intr && c->flags_if) && !(e->mode & MODE_STEP) && !e->want_flush && !e->cfg.one_insn &&
           !e->cfg.no_transfers;
}

static uint64_t go_on(struct bt_engine *e) {
    if (!may_go_on(e)) return leave(e, EXIT_OP, CALLOUT_LEAVE);
    e->cpu->p.ras_rsp += 8; /* the thunk's return address */
    if (!(sync_mode(e) & MODE_STEP)) return CALLOUT_JUMP;
    e->cpu->p.exit_reason = EXIT_OP;
    return CALLOUT_LEAVE;
}

static enum bt_next call(struct bt_engine *e, const struct site *s) {
    return __builtin_expect(e->probe.fn != NULL, 0) ? probe_callout(e, s) : s->fn(e->cpu, &s->insn);
}

uint64_t rt_callout(struct bt_cpu *c, uint32_t site) {
    struct bt_engine *e = c->engine;
    const struct site *s = &e->sites[site];
    e->stats.callouts[s->op]++;
    e->code_changed = false;
    c->at = s->op;
    c->eip = s->eip;
    if (call(e, s) == BT_NEXT_EXIT) {
        uint64_t answer = go_on(e);
        if (e->syscall.kind && answer == CALLOUT_JUMP) syscall_note(e);
        e->syscall.kind = SYSCALL_NONE;
        return answer;
    }
    /* What follows may not be what memory holds now; and an interrupt that the instruction has caused is cheaper taken
     * here than through the fault of the next poll. */
    bool stale = e->code_changed || e->ras_reset_wanted, interrupted = c->intr && c->flags_if;
    if (s->ends || stale || interrupted) {
        c->eip = s->eip + s->insn.len;
        return go_on(e);
    }
    return CALLOUT_RETURN;
}

/* Flags as translated code had put them aside, see save_flags in emit_mem.c. */
static void unsave_flags(struct bt_cpu *c) {
    uint32_t ax = c->p.saved_flags;
    c->flags_host = (c->flags_host & DEC_DF) | (ax >> 8 & 0xD5) | (ax & 1 ? DEC_OF : 0u);
}

/* The instruction a thunk was called from: state back to its start. */
static uint32_t rewind_to_insn(struct bt_cpu *c, const uint8_t *ret) {
    struct bt_engine *e = c->engine;
    uint32_t id = block_at_host(e, ret - 1);
    int8_t esp;
    BT_BUG_ON(id == BT_NONE || !block_pc(e, id, ret - 1, &c->eip, &esp));
    c->gpr[DEC_ESP] += (uint32_t)esp;
    unsave_flags(c);
    return id;
}

/* Not an x87 error, which may mean to do the instruction again, alone. */
static bool may_raise(const struct bt_engine *e, const struct guest_fault *f) {
    return e->cfg.raise && !e->cfg.no_transfers && !(e->mode & MODE_STEP) && f->vector != VECTOR_MF;
}

static uint64_t slow_fault(struct bt_cpu *c, const uint8_t *ret, struct guest_fault f) {
    struct bt_engine *e = c->engine;
    rewind_to_insn(c, ret);
    if (may_raise(e, &f)) {
        e->cfg.raise(c, &f);
        return go_on(e) == CALLOUT_JUMP ? SLOW_JUMP : SLOW_EXIT;
    }
    e->pending = f;
    return leave(e, EXIT_DIRECT_FAULT, SLOW_EXIT);
}

/* The guest fault that translated code has found: where eip, which in exit_arg and exit_arg2. */
static struct guest_fault decode_exception(struct bt_cpu *c) {
    c->eip = (uint32_t)c->p.exit_arg2;
    return (struct guest_fault){(int)(c->p.exit_arg & 0xff), (uint32_t)(c->p.exit_arg >> 8) & 0xffff, 0};
}

uint64_t rt_exception(struct bt_cpu *c) {
    struct bt_engine *e = c->engine;
    struct guest_fault f = decode_exception(c);
    c->at = BT_AT_EXCEPTION;
    if (!may_raise(e, &f)) return leave(e, EXIT_EXCEPTION, CALLOUT_LEAVE);
    e->cfg.raise(c, &f);
    return go_on(e);
}

/* Leaves before the instruction, to come back to it in a fresh translation. */
static uint64_t redo(struct bt_cpu *c, const uint8_t *ret) {
    rewind_to_insn(c, ret);
    return leave(c->engine, EXIT_REDO, SLOW_EXIT);
}

/* A write is about to hit code: kill what it overlaps; true if that includes the running block. */
static bool kill_own_code(struct bt_cpu *c, uint32_t va, uint32_t size, uint32_t running) {
    struct bt_engine *e = c->engine;
    for (uint32_t done = 0; done < size;) {
        uint32_t off = (va + done) & SMMU_PAGE_MASK, run = SMMU_PAGE_SIZE - off;
        if (run > size - done) run = size - done;
        struct smmu_xlat x;
        if (smmu_probe(e->smmu, gva(va + done), &x)) {
            struct smmu_backing k = smmu_mem_lookup(e->mem, x.pa);
            if (k.write_frame >= 0 && smmu_mem_frame_is_code(e->mem, (uint32_t)k.write_frame)) {
                if (e->probe.fn) probe_own_code(e, (uint32_t)k.write_frame, off);
                block_kill_range(e, (uint32_t)k.write_frame, off, run);
            }
        }
        done += run;
    }
    return e->blocks[running].dead && !e->blocks[running].single;
}

/* SDM vol. 3 "Alignment Check Exception", table of types: 10-byte reals align to 8, everything else to its size. */
static bool misaligned(uint32_t va, uint32_t size) {
    uint32_t to = size >= 16 ? 16 : size >= 8 ? 8 : size >= 4 ? 4 : size;
    return (va & (to - 1)) != 0;
}

/* The instruction shall run on the bounce buffer, which has been filled. */
static uint64_t bounce(struct bt_engine *e, uint32_t va, uint32_t size) {
    struct bt_cpu *c = e->cpu;
    if (e->ras_reset_wanted) ras_restart(e);
    e->bounce_for.va = va;
    e->bounce_for.size = size;
    c->p.exit_arg2 = (uint64_t)(uintptr_t)e->bounce_at - va;
    *(uint64_t *)(uintptr_t)c->p.ras_rsp += 5; /* over the jump back to the fast path */
    return SLOW_BOUNCE;
}

/* A register that was found before: no walk, and no code can be near it. */
static bool register_access(struct bt_engine *e, uint32_t va, uint32_t desc, uint64_t *answer) {
    struct smmu_register *reg = &e->bounce_for.reg;
    uint32_t size = desc & DESC_SIZE;
    if (e->cfg.no_quick_devices ||
        !smmu_register_at(e->smmu, e->cpu->cpl == 3, gva(va), size, desc & DESC_WRITE, reg)) {
        reg->dev = NULL;
        return false;
    }
    e->bounce_at = e->bounce + (va & 63);
    e->cpu->at = BT_AT_REGISTER;
    if (desc & DESC_READ) {
        uint64_t value = reg->dev->read(reg->dev->opaque, reg->offset, size);
        __builtin_memcpy(e->bounce_at, &value, sizeof value);
    }
    *answer = bounce(e, va, size);
    return true;
}

static uint64_t mem_slow(struct bt_cpu *c, uint32_t va, uint32_t desc, uint8_t *ret) {
    struct bt_engine *e = c->engine;
    bool user = c->cpl == 3, write = desc & DESC_WRITE;
    uint32_t size = desc & DESC_SIZE;
    unsigned access = (write ? SMMU_WRITE : SMMU_READ) | (user ? SMMU_USER : 0u);
    struct guest_fault f = {-1, 0, 0};
    e->stats.slow_accesses++;
    c->at = BT_AT_ACCESS;
    e->code_changed = false;
    if (desc & DESC_AC && misaligned(va, size)) return slow_fault(c, ret, (struct guest_fault){VECTOR_AC, 0, 0});
    if (desc & DESC_ALIGN && va & 15) return slow_fault(c, ret, (struct guest_fault){VECTOR_GP, 0, 0});
    if ((va & SMMU_PAGE_MASK) + size <= SMMU_PAGE_SIZE) {
        uint64_t delta, answer;
        if (register_access(e, va, desc, &answer)) return answer;
        switch (smmu_tlb_fill(e->smmu, user, gva(va), write, &delta, &f)) {
        case SMMU_FILL_OK:
            e->stats.tlb_misses++;
            c->p.exit_arg2 = delta;
            return e->code_changed ? redo(c, ret) : SLOW_RETRY;
        case SMMU_FILL_FAULT: return slow_fault(c, ret, f);
        default: break;
        }
    }
    if (write && !smmu_probe_write(e->smmu, gva(va), size, access, &f)) return slow_fault(c, ret, f);
    if (write) {
        uint32_t running = block_at_host(e, ret - 1);
        if (kill_own_code(c, va, size, running)) {
            e->force_single = true;
            return redo(c, ret);
        }
    }
    e->bounce_at = e->bounce + (va & 63);
    if (desc & DESC_READ && !smmu_read(e->smmu, gva(va), e->bounce_at, size, access & ~SMMU_WRITE, &f))
        return slow_fault(c, ret, f);
    e->bounce_for.reg.dev = NULL;
    return bounce(e, va, size);
}

uint64_t rt_mem_slow(struct bt_cpu *c, uint32_t va, uint32_t desc, uint8_t *ret) {
    struct bt_engine *e = c->engine;
    if (__builtin_expect(!e->probe.fn, 1)) return mem_slow(c, va, desc, ret);
    probe_access(e, ret);
    uint64_t answer = mem_slow(c, va, desc, ret);
    e->probe.told = answer == SLOW_EXIT && e->force_single;
    e->probe.in_access = false;
    return answer;
}

static void register_write(const struct bt_engine *e) {
    const struct smmu_register *reg = &e->bounce_for.reg;
    uint64_t value = 0;
    switch (e->bounce_for.size) {
    case 1: __builtin_memcpy(&value, e->bounce_at, 1); break;
    case 2: __builtin_memcpy(&value, e->bounce_at, 2); break;
    default: __builtin_memcpy(&value, e->bounce_at, 4); break;
    }
    reg->dev->write(reg->dev->opaque, reg->offset, e->bounce_for.size, value);
}

void rt_mem_commit(struct bt_cpu *c) {
    struct bt_engine *e = c->engine;
    struct guest_fault f;
    unsigned access = SMMU_WRITE | (c->cpl == 3 ? SMMU_USER : 0u);
    c->at = e->bounce_for.reg.dev ? BT_AT_REGISTER : BT_AT_ACCESS;
    e->probe.in_access = e->probe.fn != NULL; /* its instruction is known from before */
    if (e->bounce_for.reg.dev)
        register_write(e);
    else
        BT_BUG_ON(!smmu_write(e->smmu, gva(e->bounce_for.va), e->bounce_at, e->bounce_for.size, access, &f));
    e->probe.in_access = false;
    if (e->ras_reset_wanted) ras_restart(e);
}

uint64_t rt_mem_commit_end(struct bt_cpu *c, uint32_t next_eip, const uint8_t *ret) {
    struct bt_engine *e = c->engine;
    int8_t esp;
    rt_mem_commit(c);
    /* An interrupt that the store has caused is cheaper taken here than through the fault of the next poll. */
    if (!c->intr || !c->flags_if) return SLOW_RETRY;
    uint32_t id = block_at_host(e, ret - 1);
    BT_BUG_ON(id == BT_NONE || !block_pc(e, id, ret - 1, &c->eip, &esp));
    c->gpr[DEC_ESP] += (uint32_t)esp;
    c->eip = next_eip;
    return leave(e, EXIT_OP, SLOW_EXIT);
}

/* SDM vol. 3 "Limit Checking", "Type Checking". The fast path has seen a reason to look closer. */
static bool seg_allows(const struct bt_cpu *c, int n, uint32_t off, uint32_t size, bool write) {
    const struct bt_seg *s = &c->seg[n];
    bool code = s->attr & BT_ATTR_CODE;
    if ((s->attr & (BT_ATTR_P | BT_ATTR_S)) != (BT_ATTR_P | BT_ATTR_S)) return false;
    bool typeless = !(c->cr0 & 1) || c->flags_sys & EFL_VM;
    if (!typeless && write && (code || !(s->attr & BT_ATTR_RW))) return false;
    if (!typeless && !write && code && !(s->attr & BT_ATTR_RW)) return false;
    uint64_t last = (uint64_t)off + size - 1;
    /* With a 4-GiB limit an access may wrap: "behavior is implementation-specific". */
    bool whole = s->limit == 0xffffffffu;
    if (!code && s->attr & BT_ATTR_EXPAND_DOWN) {
        uint64_t top = s->attr & BT_ATTR_DB ? 0xffffffffu : 0xffffu;
        return off > s->limit && last <= top;
    }
    return whole || last <= s->limit;
}

uint64_t rt_seg_slow(struct bt_cpu *c, uint32_t off, uint32_t desc, uint8_t *ret) {
    int seg = (int)((desc & DESC_SEG) >> DESC_SEG_SHIFT);
    c->at = BT_AT_ACCESS;
    if (!seg_allows(c, seg, off, desc & DESC_SIZE, desc & DESC_WRITE))
        return slow_fault(c, ret, (struct guest_fault){seg == DEC_SS ? VECTOR_SS : VECTOR_GP, 0, 0});
    c->p.exit_arg2 = (uint32_t)(c->seg[seg].base + off);
    return SLOW_RETRY;
}

/* ---- Finding the block to run ---- */

static bool code_frame(struct bt_engine *e, uint32_t lin, uint32_t *frame, struct guest_fault *f) {
    if (known_code_frame(e, lin, frame)) return true;
    switch (smmu_code_fill(e->smmu, e->cpu->cpl == 3, gva(lin), frame, f)) {
    case SMMU_FILL_OK: return true;
    case SMMU_FILL_SLOW: *f = (struct guest_fault){VECTOR_UD, 0, 0}; return false; /* an empty bus reads FF FF */
    default: return false;
    }
}

/* A page-crossing block is usable only while its second page shows the same frame. */
static bool second_page_holds(struct bt_engine *e, uint32_t id, uint32_t lin, bool *fault, struct guest_fault *f) {
    uint32_t frame;
    if (e->blocks[id].frame[1] == BT_NONE) return true;
    if (!code_frame(e, (lin | SMMU_PAGE_MASK) + 1, &frame, f)) {
        *fault = true;
        return true;
    }
    return frame == e->blocks[id].frame[1];
}

/* How control has come to where it is, and where it goes on. */
struct way {
    uint32_t link, port;   /* BT_NONE: not by one */
    bool indirect;         /* by the jump cache, which did not know */
    uint32_t id;           /* the block ... */
    const uint8_t *inside; /* ... and where in its middle, NULL: from its start */
};

/* Does the link or port that led here lie in another page? */
static bool from_elsewhere(const struct bt_engine *e, const struct way *w) {
    uint32_t from = w->link != BT_NONE ? e->links[w->link].from : w->port != BT_NONE ? e->ports[w->port].from : BT_NONE;
    return from != BT_NONE && (e->blocks[from].eip ^ e->cpu->eip) >> SMMU_PAGE_SHIFT != 0;
}

/* A link leads to the middle of a block that is there already: no second translation of what follows. */
static bool join(struct bt_engine *e, uint32_t frame, uint32_t eip, uint32_t mode, struct way *w) {
    if (w->link == BT_NONE || e->cfg.no_joining || e->cfg.one_insn) return false;
    const struct block *from = &e->blocks[e->links[w->link].from];
    bool same_page = (from->eip ^ eip) >> SMMU_PAGE_SHIFT == 0 && from->cs_base == 0 && from->frame[0] == frame;
    if (!same_page || from->dead || from->frame[1] != BT_NONE || from->mode != mode) return false;
    w->inside = block_find_inside(e, from, eip, &w->id);
    return w->inside != NULL;
}

static enum translate_result resolve(struct bt_engine *e, uint32_t eip, uint32_t mode, struct way *w,
                                     struct guest_fault *f) {
    const struct bt_seg *cs = &e->cpu->seg[DEC_CS];
    uint32_t lin = cs->base + eip, frame;
    if (eip > cs->limit) {
        *f = (struct guest_fault){VECTOR_GP, 0, 0};
        return TRANSLATE_FAULT;
    }
    if (!code_frame(e, lin, &frame, f)) return TRANSLATE_FAULT;
    uint32_t off = lin & SMMU_PAGE_MASK;
    w->inside = NULL;
    w->id = block_find(e, frame, off, eip, mode);
    bool fault = false;
    if (w->id != BT_NONE && !second_page_holds(e, w->id, lin, &fault, f)) {
        block_kill(e, w->id);
        w->id = BT_NONE;
    }
    if (fault) return TRANSLATE_FAULT;
    if (w->id != BT_NONE || join(e, frame, eip, mode, w)) return TRANSLATED;
    e->cpu->at = BT_AT_TRANSLATOR;
    uint32_t kin = kin_find(e, frame, eip, mode);
    if (kin != BT_NONE && room_for_block(e)) {
        w->id = block_copy(e, kin, eip);
        return TRANSLATED;
    }
    bt_fpu_park(e->cpu);
    uint64_t t0 = __rdtsc();
    enum translate_result r =
        translate(e, eip, mode, frame, (mode & MODE_SINGLE) != 0, from_elsewhere(e, w), &w->id, f);
    e->stats.translate_cycles += __rdtsc() - t0;
    return r;
}

/* ---- The loop ---- */

static bool take_kick(struct bt_engine *e) {
    __atomic_store_n(&e->cpu->p.poll, (uint64_t)(uintptr_t)e->poll_good, __ATOMIC_SEQ_CST);
    return __atomic_exchange_n(&e->kicked, 0, __ATOMIC_SEQ_CST) != 0;
}

/* `inside`: an entry of block `to` in its middle, or NULL. */
static void try_chain(struct bt_engine *e, uint32_t l, uint32_t to, const uint8_t *inside) {
    const struct link *k = &e->links[l];
    const struct block *from = &e->blocks[k->from], *b = &e->blocks[to];
    if (e->cfg.one_insn || from->dead || b->dead || k->to != BT_NONE) return;
    if (!inside && (!link_matches(from, b) || k->target_eip != b->eip)) return;
    const uint8_t *entry = inside ? inside : link_entry(e, from, to);
    if (entry) link_chain(e, l, to, entry);
}

static void flush_if_wanted(struct bt_engine *e, struct way *w) {
    if (!e->want_flush) return;
    bt_flush(e);
    w->link = w->port = BT_NONE;
    sync_mode(e);
}

/* Translated code has been left: where to go on, or true: with `out` to the caller. */
static bool take_exit(struct bt_engine *e, struct way *w, struct bt_exit_info *out) {
    struct bt_cpu *c = e->cpu;
    switch ((enum exit_reason)c->p.exit_reason) {
    case EXIT_LINK:
        w->link = (uint32_t)c->p.exit_arg;
        c->eip = e->links[w->link].target_eip;
        e->stats.exits_link++;
        break;
    case EXIT_INDIRECT:
        c->eip = (uint32_t)c->p.exit_arg;
        w->indirect = true;
        e->stats.exits_indirect++;
        break;
    case EXIT_PORT:
        c->eip = (uint32_t)c->p.exit_arg;
        w->port = (uint32_t)c->p.exit_arg2;
        e->ports[w->port].misses++;
        e->stats.exits_indirect++;
        break;
    case EXIT_OP:
        /* The caller delivers it at once: the kick that announced it has nothing more to say. */
        if (c->intr && c->flags_if && !c->irq_shadow) (void)take_kick(e);
        out->reason = BT_EXIT_OP;
        e->stats.exits_op++;
        return true;
    case EXIT_WINDOW:
        c->eip = (uint32_t)c->p.exit_arg;
        out->reason = BT_EXIT_OP;
        e->stats.exits_op++;
        return true;
    case EXIT_STEP:
        c->eip = (uint32_t)c->p.exit_arg;
        out->reason = BT_EXIT_STEP;
        return true;
    case EXIT_BREAK:
        c->eip = (uint32_t)c->p.exit_arg;
        out->reason = BT_EXIT_POLL;
        return true;
    case EXIT_POLL: break;
    case EXIT_REDO: e->stats.exits_fault++; break;
    case EXIT_EXCEPTION:
        out->fault = decode_exception(c);
        out->reason = BT_EXIT_EXCEPTION;
        return true;
    case EXIT_DIRECT_FAULT:
        out->fault = e->pending;
        out->reason = BT_EXIT_EXCEPTION;
        e->stats.exits_fault++;
        return true;
    }
    return false;
}

void bt_run(struct bt_engine *e, struct bt_exit_info *out) {
    struct bt_cpu *c = e->cpu;
    struct way w = {.link = BT_NONE, .port = BT_NONE};
    *out = (struct bt_exit_info){.fault = {-1, 0, 0}};
    c->leave = false;
    smmu_space_settle(e->smmu);
    sync_mode(e);
    for (;;) {
        c->at = BT_AT_ENGINE;
        adapt_apply(e);
        if (!c->irq_shadow && take_kick(e)) {
            out->reason = BT_EXIT_POLL;
            e->stats.exits_poll++;
            return;
        }
        flush_if_wanted(e, &w);
        if (e->ras_reset_wanted) sync_predictions(e, e->mode);
        uint32_t key = e->mode | (e->force_single ? (uint32_t)MODE_SINGLE : 0u);
        uint32_t blocks = e->n_blocks;
        enum translate_result r = resolve(e, c->eip, key, &w, &out->fault);
        if (r == TRANSLATE_FULL) {
            e->want_flush = true;
            continue;
        }
        if (r == TRANSLATE_FAULT) {
            out->reason = BT_EXIT_EXCEPTION;
            if (out->fault.vector != 14) out->fault.cr2 = 0;
            return;
        }
        if (e->n_blocks != blocks && adapt_grow_by_tsc(e)) {
            smmu_space_settle(e->smmu);
            sync_mode(e);
            continue;
        }
        e->force_single = false;
        bool may_remember = !(key & (MODE_STEP | MODE_SINGLE)) && !e->cfg.one_insn;
        if (w.link != BT_NONE) try_chain(e, w.link, w.id, w.inside);
        if (w.indirect && may_remember) jump_cache_put(e, w.id);
        if (w.port != BT_NONE && may_remember) port_reached(e, w.port, w.id);
        const uint8_t *entry = w.inside ? w.inside : block_body(e, &e->blocks[w.id]);
        w = (struct way){.link = BT_NONE, .port = BT_NONE};
        ((enter_fn *)(uintptr_t)e->thunk.enter)(c, entry);
        if (take_exit(e, &w, out)) return;
    }
}
