/*
 * signal.c: host signals raised by translated code: shadow page faults, polls,
 * arithmetic exceptions; kicks and samples that interrupt it.
 *
 * The handler repairs and resumes, or points RIP at an exit thunk. Nothing here
 * runs while the engine's own C code is interrupted in a way that matters: faults
 * are synchronous, and kick and sample only set words.
 */
#include <signal.h>
#include <ucontext.h>
#include <unistd.h>

#include "bt/bt_internal.h"
#include "shadowmmu/inspect.h"

enum { VECTOR_DE = 0, VECTOR_UD = 6, VECTOR_GP = 13, VECTOR_MF = 16, VECTOR_XM = 19, HOST_PF_WRITE = 2 };

static greg_t *regs_of(void *uc) { return ((ucontext_t *)uc)->uc_mcontext.gregs; }

void bt_kick(struct bt_engine *e) {
    __atomic_store_n(&e->cpu->p.poll, (uint64_t)(uintptr_t)e->poll_bad, __ATOMIC_SEQ_CST);
    __atomic_store_n(&e->kicked, 1, __ATOMIC_SEQ_CST);
}

/* Leaves translated code with the guest at the start of the instruction that PC belongs to. */
static bool leave_at(struct bt_engine *e, greg_t *r, enum exit_reason why) {
    const uint8_t *pc = (const uint8_t *)r[REG_RIP];
    uint32_t id = block_at_host(e, pc);
    int8_t esp;
    if (id == BT_NONE || !block_pc(e, id, pc, &e->cpu->eip, &esp)) return false;
    r[REG_R14] = (greg_t)(uint32_t)(r[REG_R14] + esp);
    e->cpu->p.exit_reason = why;
    r[REG_RIP] = (greg_t)(uintptr_t)e->thunk.exit_from_signal;
    return true;
}

/* Between two iterations of a host string instruction (emit_string.c: 66h, repeat prefix, opcode). All of the guest's
 * state is in the registers then: the low halves of RSI and RDI, RCX, and RIP still at the instruction. */
static bool at_repeat(const uint8_t *pc) {
    if (*pc == 0x66) pc++;
    return (pc[0] == 0xF2 || pc[0] == 0xF3) && pc[1] >= 0xA4 && pc[1] <= 0xAF;
}

void bt_kick_in_signal(struct bt_engine *e, void *ucontext) {
    /* R13 is the poll register only between its load and the thunk that gives it back to C. */
    greg_t *r = regs_of(ucontext);
    const uint8_t *pc = (const uint8_t *)r[REG_RIP];
    if (!in_cache(e, pc)) return;
    if (at_repeat(pc) && leave_at(e, r, EXIT_POLL)) return;
    if (r[REG_R13] == (greg_t)(uintptr_t)e->poll_good) r[REG_R13] = (greg_t)(uintptr_t)e->poll_bad;
}

void bt_sample(struct bt_engine *e, void *ucontext, unsigned ms) {
    const uint8_t *pc = (const uint8_t *)regs_of(ucontext)[REG_RIP];
    uint32_t id = block_at_host(e, pc);
    sample_note(e, pc, id, ms);
    if (id == BT_NONE) return;
    bool matured = adapt_grow(e, GROW_SAMPLE);
    if (adapt_wants(e, &e->blocks[id]))
        adapt_queue(e, id);
    else if (!matured)
        return;
    bt_kick(e);
    bt_kick_in_signal(e, ucontext);
}

void bt_ripen(struct bt_engine *e, void *ucontext) {
    const uint8_t *pc = (const uint8_t *)regs_of(ucontext)[REG_RIP];
    e->ripening = false;
    if (e->cpu->cpl != 3 || block_at_host(e, pc) == BT_NONE || smmu_space_mature(e->smmu)) return;
    if (e->ripening_stamp != smmu_space_stamp(e->smmu) || !adapt_grow(e, GROW_SAMPLE)) {
        adapt_young(e);
        return;
    }
    bt_kick(e);
    bt_kick_in_signal(e, ucontext);
}

static bool leave_with_fault(struct bt_engine *e, greg_t *r, struct guest_fault f) {
    e->pending = f;
    return leave_at(e, r, EXIT_DIRECT_FAULT);
}

static bool on_poll(struct bt_engine *e, greg_t *r) {
    const uint8_t *pc = (const uint8_t *)r[REG_RIP];
    if (block_at_host(e, pc) == BT_NONE) { /* on the way to a target */
        e->cpu->eip = (uint32_t)r[REG_R8];
        e->cpu->p.exit_reason = EXIT_POLL;
        r[REG_RIP] = (greg_t)(uintptr_t)e->thunk.exit_from_signal;
        return true;
    }
    return leave_at(e, r, EXIT_POLL);
}

/* Counts the fault against the instruction's site; a verdict has the block translated again. */
static void blame_insn(struct bt_engine *e, greg_t *r, uint32_t id, uint32_t eip, unsigned weight) {
    const struct block *b = &e->blocks[id];
    uint32_t off = (b->off + (eip - b->eip)) & SMMU_PAGE_MASK;
    if (!adapt_fault(e, b->frame[0], off, weight)) return;
    e->blocks[id].demoted = true; /* the next boundary lets it go: killed now, it would run on unguarded */
    adapt_queue(e, id);
    bt_kick(e);
    r[REG_R13] = (greg_t)(uintptr_t)e->poll_bad;
}

static void blame(struct bt_engine *e, greg_t *r, unsigned weight) {
    const uint8_t *pc = (const uint8_t *)r[REG_RIP];
    uint32_t id = block_at_host(e, pc), eip;
    int8_t esp;
    if (id != BT_NONE && block_pc(e, id, pc, &eip, &esp)) blame_insn(e, r, id, eip, weight);
}

/* A check or a poll has faulted. */
static bool on_check(struct bt_engine *e, greg_t *r) {
    uint64_t rsp = (uint64_t)r[REG_RSP];
    struct check_regs k = {.pc = (const uint8_t *)r[REG_RIP], .rsp = &rsp, .r8 = &r[REG_R8], .r14 = &r[REG_R14]};
    enum check_result res = check_faulted(e, &k);
    if (res == CHECK_NONE) return on_poll(e, r);
    if (res == CHECK_POLL) {
        e->cpu->p.exit_reason = EXIT_POLL;
        r[REG_RIP] = (greg_t)(uintptr_t)e->thunk.exit_from_signal;
        return true;
    }
    if (r[REG_R13] == (greg_t)(uintptr_t)e->poll_good) { /* else it may be a kick */
        e->stats.check_faults++;
        if (k.blame != BT_NONE)
            blame_insn(e, r, k.blame, e->blocks[k.blame].eip, 1);
        else
            blame(e, r, 1);
    }
    r[REG_RSP] = (greg_t)rsp;
    r[REG_RIP] = (greg_t)(uintptr_t)k.pc;
    return true;
}

/* For an observer; translated code takes no notice. */
static void guest_registers(struct bt_engine *e, const greg_t *r) {
    static const int from[8] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_R14, REG_RBP, REG_RSI, REG_RDI};
    for (int i = 0; i < 8; i++) e->cpu->gpr[i] = (uint32_t)r[from[i]];
    e->cpu->flags_host = (uint32_t)r[REG_EFL] & EFL_HOST;
}

static void refault_note(struct bt_engine *e, uint32_t va, bool write) {
    e->refault.awaited = e->cpu->cpl == 3 && !e->cfg.no_prefault;
    e->refault.view_base = e->cpu->p.view_base;
    e->refault.eip = e->cpu->eip;
    e->refault.va = va;
    e->refault.write = write;
}

static bool on_view_fault(struct bt_engine *e, greg_t *r, uintptr_t addr, bool write) {
    struct guest_fault f = {-1, 0, 0};
    bool user = e->cpu->cpl == 3;
    uintptr_t base = e->cpu->p.view_base;
    e->stats.direct_faults++;
    enum smmu_view_result res = SMMU_VIEW_CHECKED;
    if (addr - base <= 0xffffffffu) res = smmu_view_fault(e->smmu, user, gva((uint32_t)(addr - base)), write, &f);
    if (e->probe.fn && res != SMMU_VIEW_FAULT) {
        guest_registers(e, r);
        probe_fault(e, (const uint8_t *)r[REG_RIP], (uint32_t)(addr - base), res != SMMU_VIEW_CHECKED);
    }
    blame(e, r, res == SMMU_VIEW_CHECKED ? GUILT_LIMIT : res == SMMU_VIEW_PASSING ? GUILT_PASSING : 1);
    switch (res) {
    case SMMU_VIEW_MAPPED:
    case SMMU_VIEW_PASSING: return true;
    case SMMU_VIEW_FAULT:
        if (!leave_with_fault(e, r, f)) return false;
        refault_note(e, f.cr2, write);
        return true;
    default: return leave_at(e, r, EXIT_REDO);
    }
}

static bool on_segv(struct bt_engine *e, const siginfo_t *si, greg_t *r) {
    uintptr_t addr = (uintptr_t)si->si_addr;
    if (check_address(e, addr)) return on_check(e, r);
    if (addr - (uintptr_t)e->bad_seg < SMMU_PAGE_SIZE) { /* FS or GS is not plain: the checked form knows what to do */
        blame(e, r, GUILT_LIMIT);
        return leave_at(e, r, EXIT_REDO);
    }
    const struct ras *ras = &e->ras[e->ras_cur];
    if (addr - (uintptr_t)ras->base < SMMU_PAGE_SIZE) { /* return-prediction stack is full: start again */
        r[REG_RSP] = (greg_t)ras->top;
        e->stats.ras_resets++;
        return true;
    }
    /* A general-protection fault of the host: a misaligned SSE operand, the same fault for the guest. */
    if (si->si_code == SI_KERNEL) return leave_with_fault(e, r, (struct guest_fault){VECTOR_GP, 0, 0});
    if (smmu_view_contains(e->smmu, (const void *)addr))
        return on_view_fault(e, r, addr, (r[REG_ERR] & HOST_PF_WRITE) != 0);
    return false;
}

static int fpe_vector(const greg_t *r) {
    switch (r[REG_TRAPNO]) {
    case VECTOR_MF: return VECTOR_MF;
    case VECTOR_XM: return VECTOR_XM;
    default: return VECTOR_DE;
    }
}

static bool on_fpe(struct bt_engine *e, greg_t *r) {
    const uint8_t *pc = (const uint8_t *)r[REG_RIP];
    int vector = fpe_vector(r);
    if (!leave_with_fault(e, r, (struct guest_fault){vector, 0, 0})) return false;
    if (vector == VECTOR_DE) divide_faulted(e, block_at_host(e, pc), e->cpu->eip);
    return true;
}

bool bt_handle_signal(struct bt_engine *e, int signo, void *siginfo, void *ucontext) {
    const siginfo_t *si = siginfo;
    greg_t *r = regs_of(ucontext);
    if (!in_cache(e, (const uint8_t *)r[REG_RIP])) return false;
    switch (signo) {
    case SIGSEGV: return on_segv(e, si, r);
    case SIGFPE: return on_fpe(e, r);
    case SIGILL: return leave_with_fault(e, r, (struct guest_fault){VECTOR_UD, 0, 0});
    default: return false;
    }
}

/* ---- Crash report ---- */

static void put(int fd, const char *s) {
    size_t n = 0;
    while (s[n]) n++;
    if (write(fd, s, n) < 0) return;
}
static void put_hex(int fd, const char *name, uint64_t v) {
    char out[19] = "0x0000000000000000";
    for (int i = 17; i >= 2; i--, v >>= 4) out[i] = "0123456789abcdef"[v & 15];
    put(fd, name);
    if (write(fd, out, 18) < 0) return;
    put(fd, "\n");
}

void bt_crash_report(struct bt_engine *e, int fd, void *ucontext) {
    const uint8_t *pc = (const uint8_t *)regs_of(ucontext)[REG_RIP];
    put_hex(fd, "  code cache       ", (uint64_t)(uintptr_t)e->code);
    put_hex(fd, "  code cache used  ", e->code_used);
    put_hex(fd, "  cold part used   ", e->cold_used);
    put_hex(fd, "  guest eip        ", e->cpu->eip);
    put_hex(fd, "  guest cs.base    ", e->cpu->seg[DEC_CS].base);
    put_hex(fd, "  guest cr0        ", e->cpu->cr0);
    put_hex(fd, "  view base        ", e->cpu->p.view_base);
    if (!in_cache(e, pc)) return;
    uint32_t id = block_at_host(e, pc), eip = 0;
    int8_t esp;
    put_hex(fd, "  host pc in cache ", (uint64_t)(pc - e->code));
    if (id == BT_NONE) {
        put(fd, "  in a thunk or entry stub\n");
        return;
    }
    put_hex(fd, "  block guest eip  ", e->blocks[id].eip);
    if (block_pc(e, id, pc, &eip, &esp)) put_hex(fd, "  instruction eip  ", eip);
    put_hex(fd, "  block mode key   ", e->blocks[id].mode);
    put_hex(fd, "  block host start ", (uint64_t)(uintptr_t)(e->code + e->blocks[id].host_off));
    put(fd, "  host bytes at pc ");
    for (int i = 0; i < 16; i++) {
        char two[3] = {"0123456789abcdef"[pc[i] >> 4], "0123456789abcdef"[pc[i] & 15], ' '};
        if (write(fd, two, 3) < 0) return;
    }
    put(fd, "\n");
}

_Noreturn void bt_bug(const char *file, int line, const char *what) {
    char digits[12];
    int n = 0;
    put(2, "novt: bug: ");
    put(2, file);
    put(2, ":");
    do digits[n++] = (char)('0' + line % 10);
    while ((line /= 10) != 0);
    while (n-- > 0)
        if (write(2, &digits[n], 1) < 0) break;
    put(2, ": ");
    put(2, what);
    put(2, "\n");
    __builtin_trap();
}
