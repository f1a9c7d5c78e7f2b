/*
 * check.c: checks that trap: they cost a load where they hold, and a host fault where they do not.
 *
 * A compare without flags needs JRCXZ, and a jump that is always taken costs as much as the call it guards. Mature user
 * code has another way: R13 leads to the last four bytes of a page amid 4 GiB below and above that are not mapped,
 * so a load from R13 + x passes only if x is 0, or a little less. Each such load is a poll, too: a kick moves R13.
 *  - a landing pad: R8 = popped address - own, unsigned; load [R13+R8]
 *  - the one target of an indirect jump: R9 = target - known, unsigned; load [R13+R9]
 *  - an entry from another page: R8 = code entry of the page, signed; load [R13 + R8 - entry of the block's frame],
 *    where different entries differ by pages; and so before a routine in line (emit_readpc.c)
 * An instruction whose checks fail often is found guilty like one whose accesses do, and gets the jumps.
 */
#include <sys/mman.h>

#include "bt/bt_internal.h"

#define GUARD (UINT64_C(1) << 32)
#define SPAN  (4 * GUARD + 2 * SMMU_PAGE_SIZE) /* a guard, the good place, two guards, the bad place, a guard */

enum { POLL_AT = SMMU_PAGE_SIZE - 4, SMALL = 3 * SMMU_PAGE_SIZE };

/* load r32, [r13 + ...] */
static const uint8_t pad_load[] = {0x47, 0x8B, 0x44, 0x05, 0x00}, port_load[] = {0x47, 0x8B, 0x4C, 0x0D, 0x00},
                     page_load[] = {0x47, 0x8B, 0x84, 0x05};
enum { PAGE_LOAD = 8, JMP = 5 };
/* lea r8d, [r8 + disp32]; lea ecx, [r8 + disp32] */
static const uint8_t pad_lea[] = {0x45, 0x8D, 0x80}, jump_pad_lea[] = {0x41, 0x8D, 0x88};
enum { JUMP_PAD_LEA = 3 /* behind mov r9, rcx */ };

static bool is(const uint8_t *pc, const uint8_t *bytes, size_t n) { return __builtin_memcmp(pc, bytes, n) == 0; }

static uint8_t *reserve(size_t bytes) {
    void *p = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

bool checks_create(struct bt_engine *e) {
    e->checks_bytes = SPAN;
    e->checks = e->cfg.no_trap_checks ? NULL : reserve(SPAN);
    uint8_t *good = e->checks + GUARD;
    if (e->checks) {
        e->poll_bad = good + 2 * GUARD + POLL_AT;
    } else { /* polls alone */
        e->cfg.no_trap_checks = true;
        e->checks_bytes = SMALL;
        e->checks = good = reserve(SMALL);
        if (!good) return false;
        e->poll_bad = good + 2 * SMMU_PAGE_SIZE;
    }
    e->poll_good = good + POLL_AT;
    return mprotect(good, SMMU_PAGE_SIZE, PROT_READ) == 0;
}

void checks_destroy(struct bt_engine *e) {
    if (e->checks) munmap(e->checks, e->checks_bytes);
}

bool check_may_trap(const struct bt_engine *e, uint32_t mode) {
    return !e->cfg.no_trap_checks && (mode & MODE_DIRECT || e->cfg.force_direct) && !(mode & MODE_STEP);
}

bool check_fits(uint32_t eip) { return (int8_t)(0u - eip) != (int32_t)(0u - eip); }

void check_zero(struct x86_buf *b, uint8_t reg) { x86_mov_r32_m32(b, reg, x86_base_index(R_POLL, reg, 1, 0)); }

/* -2 GiB has no positive counterpart. */
bool check_page_may_trap(const struct bt_engine *e, uint32_t mode, uint32_t frame) {
    return check_may_trap(e, mode) && smmu_code_entry(frame) != 1u << 31;
}

void check_page(struct x86_buf *b, uint32_t frame) {
    x86_mov_r32_m32(b, R_A, x86_base_index(R_POLL, R_A, 1, (int32_t)(0u - smmu_code_entry(frame))));
}

/* ---- What traps ---- */

bool check_address(const struct bt_engine *e, uintptr_t addr) { return addr - (uintptr_t)e->checks < e->checks_bytes; }

static int32_t disp_at(const uint8_t *at) {
    int32_t disp;
    __builtin_memcpy(&disp, at, sizeof disp);
    return disp;
}

/* The guest address that the landing pad at `host` stands for; false: it is none. */
static bool pad_of(const struct bt_engine *e, const uint8_t *host, uint32_t *eip) {
    if (!in_cache(e, host)) return false;
    const uint8_t *disp = host + sizeof pad_lea;
    if (!is(host, pad_lea, sizeof pad_lea)) {
        if (!is(host + JUMP_PAD_LEA, jump_pad_lea, sizeof jump_pad_lea)) return false;
        disp = host + JUMP_PAD_LEA + sizeof jump_pad_lea;
    }
    *eip = 0u - (uint32_t)disp_at(disp);
    return true;
}

/* The guest has left frames without returning from them (longjmp, exceptions): go on with the call that fits. */
static const uint8_t *find_return(const struct bt_engine *e, uint64_t *rsp, uint32_t target) {
    enum { MOST = 256 };
    const struct ras *ras = &e->ras[e->ras_cur];
    uint64_t at = *rsp;
    uint32_t eip;
    for (unsigned i = 0; i < MOST && at < ras->top; i++, at += 8) {
        const uint8_t *host = *(const uint8_t *const *)(uintptr_t)at;
        if (!pad_of(e, host, &eip)) return NULL;
        if (eip != target) continue;
        *rsp = at + 8;
        return host;
    }
    return NULL;
}

static enum check_result pad_failed(struct bt_engine *e, struct check_regs *r) {
    uint32_t off = (uint32_t)*r->r8, own = 0u - (uint32_t)disp_at(r->pc - sizeof(int32_t));
    *r->r8 = own + off;
    if (off == 0) { /* a kick, at the boundary behind the call */
        e->cpu->eip = own;
        return CHECK_POLL;
    }
    if (e->counting) e->cpu->p.return_misses++;
    const uint8_t *pad = find_return(e, r->rsp, own + off);
    r->pc = pad ? pad : e->thunk.lookup;
    if (!pad) *r->rsp = e->ras[e->ras_cur].top;
    return CHECK_FAILED;
}

/* In the middle of a block: a called routine is not where it was. The address to return to has been pushed. */
static void routine_moved(struct bt_engine *e, uint32_t id, struct check_regs *r) {
    const struct block *b = &e->blocks[id];
    uint32_t eip = 0;
    int8_t esp = 0;
    BT_BUG_ON(!block_pc(e, id, r->pc, &eip, &esp));
    const uint8_t *call = e->linear + (size_t)b->frame[0] * SMMU_PAGE_SIZE + b->off + (eip - b->eip);
    *r->r14 = (uint32_t)(*r->r14 + esp);
    *r->r8 = eip + JMP + (uint32_t)disp_at(call + 1);
}

/* The page is not the one it was, or not known now. */
static enum check_result page_failed(struct bt_engine *e, struct check_regs *r) {
    uint32_t id = block_at_host(e, r->pc);
    if (id != BT_NONE && r->pc >= block_body(e, &e->blocks[id])) {
        routine_moved(e, id, r);
    } else {
        /* The check stands in front of its block, there or by a jump. */
        const uint8_t *jmp = r->pc + PAGE_LOAD;
        r->blame = id != BT_NONE ? id : block_at_host(e, jmp + JMP + disp_at(jmp + 1));
        BT_BUG_ON(r->blame == BT_NONE);
        *r->r8 = e->blocks[r->blame].eip;
    }
    r->pc = e->thunk.exit_indirect;
    return CHECK_FAILED;
}

enum check_result check_faulted(struct bt_engine *e, struct check_regs *r) {
    r->blame = BT_NONE;
    if (is(r->pc, pad_load, sizeof pad_load)) return pad_failed(e, r);
    if (is(r->pc, port_load, sizeof port_load)) { /* behind the jump to the target stands the one to the stub */
        r->pc += sizeof port_load + JMP;
        return CHECK_FAILED;
    }
    return is(r->pc, page_load, sizeof page_load) ? page_failed(e, r) : CHECK_NONE;
}
