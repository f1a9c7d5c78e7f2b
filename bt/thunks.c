/*
 * thunks.c: the hand-made code at the start of the cache: the way into translated
 * code, the ways out, and the calls from it into C.
 *
 * C runs on the thread's own stack (host_rsp); the return-prediction stack
 * (RSP in translated code) is never pushed to here, because a push that meets its
 * guard page resets it. C may clobber R8..R11 and the flags; DF must be clear for it.
 */
#include "bt/bt_internal.h"

static void save_gprs(struct x86_buf *b) {
    for (uint8_t r = 0; r < 8; r++) x86_mov_m32_r32(b, cpu_mem(CPU_OFF(gpr) + 4 * r), r == DEC_ESP ? R_ESP : r);
}
static void load_gprs(struct x86_buf *b) {
    for (uint8_t r = 0; r < 8; r++) x86_mov_r32_m32(b, r == DEC_ESP ? R_ESP : r, cpu_mem(CPU_OFF(gpr) + 4 * r));
}

/* The sanitizer build's C code uses SSE, so the guest's FPU state waits in fpu_area, as bt_fpu_park leaves it.
 * Clobbers RAX. */
static void park_for_sanitizer(struct x86_buf *b) {
#ifdef NOVT_ASAN
    enum { MXCSR_DEFAULT = 0x1F80 };
    x86_cmp_m8_imm8(b, cpu_mem(CPU_OFF(fpu_parked)), 0);
    struct x86_fixup parked = x86_jcc8(b, X86_CC_NE);
    struct x86_mem area = cpu_mem(CPU_OFF(fpu_area)), top = x86_base(X86_RSP, 0);
    x86_enc_mem(b, &(struct x86_enc){.rexw = true, .map = 1, .opcode = 0xAE}, 0, &area); /* fxsave64 */
    x86_mov_m8_imm8(b, cpu_mem(CPU_OFF(fpu_parked)), 1);
    x86_bytes(b, (const uint8_t[]){0xDB, 0xE3}, 2); /* fninit */
    x86_mov_r32_imm32(b, X86_RAX, MXCSR_DEFAULT);
    x86_push_r64(b, X86_RAX);
    x86_enc_mem(b, &(struct x86_enc){.map = 1, .opcode = 0xAE}, 2, &top); /* ldmxcsr */
    x86_pop_r64(b, X86_RAX);
    x86_bind(b, parked);
#else
    (void)b;
#endif
}

/* Guest registers saved: RSP to the C stack, flags to flags_host, DF clear. Clobbers RAX. */
static void switch_to_c(struct x86_buf *b) {
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.ras_rsp)), X86_RSP);
    x86_mov_r64_m64(b, X86_RSP, cpu_mem(CPU_OFF(p.host_rsp)));
    x86_byte(b, 0x9C); /* pushfq */
    x86_pop_r64(b, X86_RAX);
    x86_alu_r32_imm(b, X86_AND, X86_RAX, EFL_HOST);
    x86_mov_m32_r32(b, cpu_mem(CPU_OFF(flags_host)), X86_RAX);
    x86_byte(b, 0xFC); /* cld */
    park_for_sanitizer(b);
}

/* Flags from flags_host; DF is clear. POPFQ takes as long as all else in a thunk. Clobbers RAX and RCX. */
static void load_flags(struct x86_buf *b) {
    static const uint8_t test_eax[] = {0xA9}, set_of[] = {0x80, 0xC1, 127}, std_[] = {0xFD},
                         sahf[] = {0x88, 0xC4, 0x9E};
    enum { OF_BIT = 11 };
    x86_mov_r32_m32(b, X86_RAX, cpu_mem(CPU_OFF(flags_host)));
    x86_mov_r32_r32(b, X86_RCX, X86_RAX);
    x86_bytes(b, test_eax, sizeof test_eax);
    x86_u32(b, DEC_DF);
    struct x86_fixup upwards = x86_jcc8(b, X86_CC_E);
    x86_bytes(b, std_, sizeof std_);
    x86_bind(b, upwards);
    x86_shr_r32(b, X86_RCX, OF_BIT);
    x86_bytes(b, set_of, sizeof set_of); /* add cl, 127: overflows if CL is 1 */
    x86_bytes(b, sahf, sizeof sahf);     /* mov ah, al; sahf */
}

/* The reverse: everything live again, RSP on the return-prediction stack. */
static void switch_to_guest(struct x86_buf *b) {
    x86_cmp_m8_imm8(b, cpu_mem(CPU_OFF(fpu_parked)), 0);
    struct x86_fixup live = x86_jcc8(b, X86_CC_E);
    struct x86_mem area = cpu_mem(CPU_OFF(fpu_area));
    x86_enc_mem(b, &(struct x86_enc){.rexw = true, .map = 1, .opcode = 0xAE}, 1, &area); /* fxrstor64 */
    x86_mov_m8_imm8(b, cpu_mem(CPU_OFF(fpu_parked)), 0);
    x86_bind(b, live);
    load_flags(b);
    load_gprs(b);
    x86_mov_r64_m64(b, R_VIEW, cpu_mem(CPU_OFF(p.view_base)));
    x86_mov_r64_m64(b, R_POLL, cpu_mem(CPU_OFF(p.poll)));
    x86_mov_r64_m64(b, X86_RSP, cpu_mem(CPU_OFF(p.ras_rsp)));
}

static const uint8_t saved_regs[] = {X86_RBX, X86_RBP, X86_R12, X86_R13, X86_R14, X86_R15};

static void build_enter(struct x86_buf *b) {
    for (unsigned i = 0; i < sizeof saved_regs; i++) x86_push_r64(b, saved_regs[i]);
    x86_alu_r64_imm(b, X86_SUB, X86_RSP, 8);
    x86_mov_r64_r64(b, R_CPU, X86_RDI);
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.target)), X86_RSI);
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.host_rsp)), X86_RSP);
    switch_to_guest(b);
    x86_jmp_mem(b, cpu_mem(CPU_OFF(p.target)));
}

/* Back to the C caller of enter; RSP is host_rsp. */
static uint8_t *build_leave(struct x86_buf *b) {
    uint8_t *at = b->p;
    x86_alu_r64_imm(b, X86_ADD, X86_RSP, 8);
    for (unsigned i = sizeof saved_regs; i-- > 0;) x86_pop_r64(b, saved_regs[i]);
    x86_ret(b);
    return at;
}

static void call_c(struct x86_buf *b, uintptr_t fn) {
    x86_byte(b, 0x48);
    x86_byte(b, 0xB8); /* mov rax, imm64 */
    x86_u32(b, (uint32_t)fn);
    x86_u32(b, (uint32_t)(fn >> 32));
    x86_call_r64(b, X86_RAX);
}

/* After a transfer of control in C: to the guest code at eip. */
static void go_to_eip(struct x86_buf *b, const uint8_t *lookup) {
    switch_to_guest(b);
    x86_mov_r32_m32(b, R_A, cpu_mem(CPU_OFF(eip)));
    x86_jmp_to(b, lookup);
}

/* R8D names the site. Behind the call: the next instruction, the C caller of enter, or where eip says. */
static uint8_t *build_callout(struct x86_buf *b, const uint8_t *leave, const uint8_t *lookup) {
    uint8_t *at = b->p;
    save_gprs(b);
    switch_to_c(b);
    x86_mov_r64_r64(b, X86_RDI, R_CPU);
    x86_mov_r32_r32(b, X86_RSI, R_A);
    call_c(b, (uintptr_t)rt_callout);
    x86_test_r32_r32(b, X86_RAX, X86_RAX);
    struct x86_fixup elsewhere = x86_jcc32(b, X86_CC_NE);
    switch_to_guest(b);
    x86_ret(b);
    x86_bind(b, elsewhere);
    x86_alu_r32_imm(b, X86_CMP, X86_RAX, CALLOUT_LEAVE);
    x86_jcc_to(b, X86_CC_E, leave);
    go_to_eip(b, lookup);
    return at;
}

/* R8D: vector and error code of a fault, R9D: eip. Reached by a jump, as callout_end is. */
static uint8_t *build_exception(struct x86_buf *b, const uint8_t *leave, const uint8_t *lookup) {
    uint8_t *at = b->p;
    x86_lea_r64(b, X86_RSP, x86_base(X86_RSP, -8));
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.exit_arg)), R_A);
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.exit_arg2)), R_B);
    save_gprs(b);
    switch_to_c(b);
    x86_mov_r64_r64(b, X86_RDI, R_CPU);
    call_c(b, (uintptr_t)rt_exception);
    x86_alu_r32_imm(b, X86_CMP, X86_RAX, CALLOUT_LEAVE);
    x86_jcc_to(b, X86_CC_E, leave);
    go_to_eip(b, lookup);
    return at;
}

/* For a callout that ends its block: as if it had been called. */
static uint8_t *build_callout_end(struct x86_buf *b, const uint8_t *callout) {
    uint8_t *at = b->p;
    x86_lea_r64(b, X86_RSP, x86_base(X86_RSP, -8));
    x86_jmp_to(b, callout);
    return at;
}

/* An unaligned access that stays in its page needs no C: look the page up and return with the delta. */
static struct x86_fixup build_unaligned_fast_path(struct x86_buf *b, struct x86_fixup *miss) {
    x86_alu_r32_imm(b, X86_AND, R_B, DESC_SIZE);
    x86_lea_r32(b, R_B, x86_base_index(R_A, R_B, 1, -1));
    x86_enc_reg(b, &(struct x86_enc){.opcode = 0x33}, R_B, R_A); /* xor */
    x86_alu_r32_imm(b, X86_AND, R_B, ~SMMU_PAGE_MASK);
    struct x86_fixup crossing = x86_jcc32(b, X86_CC_NE);
    x86_mov_r32_r32(b, R_B, R_A);
    x86_shr_r32(b, R_B, SMMU_PAGE_SHIFT);
    x86_mov_r64_m64(b, R_F, cpu_mem(CPU_OFF(p.tlb_base)));
    struct x86_mem desc = cpu_mem(CPU_OFF(p.exit_arg2));
    x86_enc_mem(b, &(struct x86_enc){.opcode = 0xF7}, 0, &desc); /* test desc, DESC_WRITE */
    x86_u32(b, DESC_WRITE);
    struct x86_fixup write = x86_jcc8(b, X86_CC_NE);
    x86_mov_r64_m64(b, R_B, x86_base_index(R_F, R_B, 8, SMMU_TLB_READ));
    struct x86_fixup test = x86_jmp8(b);
    x86_bind(b, write);
    x86_mov_r64_m64(b, R_B, x86_base_index(R_F, R_B, 8, SMMU_TLB_WRITE));
    x86_bind(b, test);
    x86_test_r64_r64(b, R_B, R_B);
    *miss = x86_jcc32(b, X86_CC_E);
    x86_ret(b);
    return crossing;
}

/* A store to a quick register (smmu_quick_at) while nothing depends on it: return with its delta. */
static void build_quick_path(const struct bt_engine *e, struct x86_buf *b, struct x86_fixup slow[3]) {
    const struct smmu_quick_at *q = smmu_quick_at(e->smmu);
    uint64_t at = (uint64_t)(uintptr_t)q;
    struct x86_mem busy = x86_base(R_B, 0);
    x86_bytes(b, (const uint8_t[]){0x49, 0xBB}, 2); /* mov r11, imm64 */
    x86_u32(b, (uint32_t)at);
    x86_u32(b, (uint32_t)(at >> 32));
    x86_alu_r64_m64(b, X86_CMP, R_A, x86_base(R_F, offsetof(struct smmu_quick_at, va)));
    struct x86_fixup other = x86_jcc8(b, X86_CC_NE);
    x86_alu_r32_imm(b, X86_AND, R_B, DESC_SIZE | DESC_READ | DESC_WRITE);
    x86_alu_r32_imm(b, X86_CMP, R_B, sizeof(uint32_t) | DESC_WRITE);
    slow[0] = x86_jcc32(b, X86_CC_NE);
    x86_cmp_m8_imm8(b, cpu_mem(CPU_OFF(cpl)), 3);
    slow[1] = x86_jcc32(b, X86_CC_E);
    x86_mov_r64_m64(b, R_B, x86_base(R_F, offsetof(struct smmu_quick_at, busy)));
    x86_enc_mem(b, &(struct x86_enc){.opcode = 0x83}, X86_CMP, &busy);
    x86_byte(b, 0);
    slow[2] = x86_jcc32(b, X86_CC_NE);
    x86_mov_r64_m64(b, R_B, x86_base(R_F, offsetof(struct smmu_quick_at, delta)));
    x86_ret(b);
    x86_bind(b, other);
}

/* R8D: address or offset, R9D: descriptor. Returns the C function's answer in `result`; R8, R10 and all
 * guest registers are kept. The caller's flags are in saved_flags. */
static uint8_t *build_slow(const struct bt_engine *e, struct x86_buf *b, const uint8_t *leave, uintptr_t fn,
                           uint8_t result, bool fast_path) {
    uint8_t *at = b->p;
    struct x86_fixup crossing = {0}, miss = {0}, slow[3];
    bool quick = fast_path && !e->cfg.no_quick_devices;
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.exit_arg2)), R_B);
    if (quick) build_quick_path(e, b, slow);
    if (fast_path) {
        crossing = build_unaligned_fast_path(b, &miss);
        x86_bind(b, crossing);
        x86_bind(b, miss);
    }
    for (unsigned i = 0; quick && i < sizeof slow / sizeof *slow; i++) x86_bind(b, slow[i]);
    save_gprs(b);
    switch_to_c(b);
    x86_push_r64(b, R_A);
    x86_push_r64(b, R_C);
    x86_mov_r64_r64(b, X86_RDI, R_CPU);
    x86_mov_r32_r32(b, X86_RSI, R_A);
    x86_mov_r32_m32(b, X86_RDX, cpu_mem(CPU_OFF(p.exit_arg2)));
    x86_mov_r64_m64(b, X86_RCX, cpu_mem(CPU_OFF(p.ras_rsp)));
    x86_mov_r64_m64(b, X86_RCX, x86_base(X86_RCX, 0));
    call_c(b, fn);
    x86_pop_r64(b, R_C);
    x86_pop_r64(b, R_A);
    x86_alu_r32_imm(b, X86_CMP, X86_RAX, SLOW_EXIT);
    x86_jcc_to(b, X86_CC_E, leave);
    struct x86_fixup jump = x86_jcc32(b, X86_CC_A);
    switch_to_guest(b);
    x86_mov_r64_m64(b, result, cpu_mem(CPU_OFF(p.exit_arg2)));
    x86_ret(b);
    x86_bind(b, jump);
    go_to_eip(b, e->thunk.lookup);
    return at;
}

/* After an instruction ran on the bounce buffer: its flags are real, keep everything. */
static uint8_t *build_commit(struct x86_buf *b) {
    uint8_t *at = b->p;
    save_gprs(b);
    switch_to_c(b);
    x86_push_r64(b, R_A);
    x86_push_r64(b, R_C);
    x86_mov_r64_r64(b, X86_RDI, R_CPU);
    call_c(b, (uintptr_t)rt_mem_commit);
    x86_pop_r64(b, R_C);
    x86_pop_r64(b, R_A);
    switch_to_guest(b);
    x86_ret(b);
    return at;
}

/* The same at the end of its instruction, with the next one's address in R9D: an interrupt may be taken there. */
static uint8_t *build_commit_end(struct x86_buf *b, const uint8_t *leave) {
    uint8_t *at = b->p;
    save_gprs(b);
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.exit_arg2)), R_B);
    switch_to_c(b);
    x86_mov_r64_r64(b, X86_RDI, R_CPU);
    x86_mov_r32_m32(b, X86_RSI, cpu_mem(CPU_OFF(p.exit_arg2)));
    x86_mov_r64_m64(b, X86_RDX, cpu_mem(CPU_OFF(p.ras_rsp)));
    x86_mov_r64_m64(b, X86_RDX, x86_base(X86_RDX, 0));
    call_c(b, (uintptr_t)rt_mem_commit_end);
    x86_alu_r32_imm(b, X86_CMP, X86_RAX, SLOW_EXIT);
    x86_jcc_to(b, X86_CC_E, leave);
    switch_to_guest(b);
    x86_ret(b);
    return at;
}

static uint8_t *build_save_and_leave(struct x86_buf *b, const uint8_t *leave) {
    uint8_t *at = b->p;
    save_gprs(b);
    switch_to_c(b);
    x86_jmp_to(b, leave);
    return at;
}

static uint8_t *build_exit(struct x86_buf *b, enum exit_reason why, const uint8_t *save_and_leave) {
    uint8_t *at = b->p;
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.exit_arg)), R_A);
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.exit_arg2)), R_B);
    x86_mov_m32_imm32(b, cpu_mem(CPU_OFF(p.exit_reason)), why);
    x86_jmp_to(b, save_and_leave);
    return at;
}

/* A landing pad of another call than the guest's: R9 holds RCX. */
static uint8_t *build_pad_miss(struct x86_buf *b, const uint8_t *lookup) {
    uint8_t *at = b->p;
    x86_mov_r64_r64(b, X86_RCX, R_B);
    x86_jmp_to(b, lookup);
    return at;
}

/* A guest return whose prediction did not hold. */
static uint8_t *build_ret_miss(struct x86_buf *b) {
    uint8_t *at = b->p;
    x86_mov_r64_m64(b, X86_RSP, cpu_mem(CPU_OFF(p.ras_top)));
    return at;
}

/* To the address in R8D: poll, then the jump cache. */
static uint8_t *build_lookup(struct x86_buf *b) {
    uint8_t *at = b->p;
    poll_into(b, R_B);
    x86_movzx_r32_r16(b, R_C, R_A);
    x86_mov_r64_m64(b, R_B, cpu_mem(CPU_OFF(p.jump_cache)));
    x86_jmp_mem(b, x86_base_index(R_B, R_C, 8, 0));
    return at;
}

void thunks_build(struct bt_engine *e, struct x86_buf *b) {
    struct thunks *t = &e->thunk;
    uint8_t *leave = build_leave(b);
    t->enter = b->p;
    build_enter(b);
    uint8_t *save = build_save_and_leave(b, leave);
    t->exit_from_signal = save;
    t->exit_link = build_exit(b, EXIT_LINK, save);
    t->exit_indirect = build_exit(b, EXIT_INDIRECT, save);
    t->exit_port = build_exit(b, EXIT_PORT, save);
    t->exit_step = build_exit(b, EXIT_STEP, save);
    t->exit_window = build_exit(b, EXIT_WINDOW, save);
    t->exit_break = build_exit(b, EXIT_BREAK, save);
    t->ret_miss = t->ret_miss_plain = build_ret_miss(b);
    t->lookup = build_lookup(b);
    t->pad_miss = t->pad_miss_plain = build_pad_miss(b, t->lookup);
    t->pad_miss_counted = count_build(b, CPU_OFF(p.return_misses));
    build_pad_miss(b, t->lookup);
    t->ret_miss_counted = count_build(b, CPU_OFF(p.return_misses));
    build_ret_miss(b);
    x86_jmp_to(b, t->lookup);
    t->callout = build_callout(b, leave, t->lookup);
    t->callout_end = build_callout_end(b, t->callout);
    t->exit_exception = build_exception(b, leave, t->lookup);
    syscall_build(e, b);
    t->mem_slow = build_slow(e, b, leave, (uintptr_t)rt_mem_slow, R_B, true);
    t->mem_slow_c = build_slow(e, b, leave, (uintptr_t)rt_mem_slow, R_B, false);
    t->seg_slow = build_slow(e, b, leave, (uintptr_t)rt_seg_slow, R_A, false);
    t->mem_commit = build_commit(b);
    t->mem_commit_end = build_commit_end(b, leave);
    t->end = b->p;
    BT_BUG_ON(b->overflow);
}
