/*
 * syscall.c: SYSENTER and SYSEXIT between flat segments without C.
 *
 * The callout does the first one, and what it has made of the state is noted (struct bt_syscall). The code at the site
 * compares what the outcome depends on, and a thunk stores the same again. Invariants: a note is valid for one mode key
 * and one flags_sys; it is forgotten when an MSR, a jump cache or a return stack that it names changes
 * (syscall_forget), and follows the windows (syscall_sync, at every sync_mode). Registers of 64-bit flat segments
 * differ in nothing but what is stored here. Manual: SDM vol. 2 "SYSENTER", "SYSEXIT".
 */
#include "bt/translate.h"

#define NEVER (UINT64_C(1) << 32) /* plus a mode key: not zero */

enum { FLAT = MODE_CODE32 | MODE_STACK32 | MODE_CS_FLAT | MODE_SS_FLAT };

void syscall_forget(struct bt_engine *e) {
    for (int i = 0; i < 2; i++) e->cpu->p.syscall[i].minus_mode = NEVER;
}

void syscall_sync(struct bt_engine *e) {
    struct bt_syscall *s = e->cpu->p.syscall;
    s[0].view_base = (uint64_t)(uintptr_t)smmu_view_base(e->smmu, false);
    s[1].view_base = (uint64_t)(uintptr_t)smmu_view_base(e->smmu, true);
    uint32_t space =
        (smmu_space_mature(e->smmu) ? MODE_DIRECT : 0u) | (smmu_space_low(e->smmu) ? (uint32_t)MODE_LOW : 0u);
    bool other = (s[1].mode_after & (MODE_DIRECT | MODE_LOW)) != space;
    if (s[1].mode_after != e->ras[1].mode || other) s[1].minus_mode = NEVER;
}

void bt_syscall_begins(struct bt_cpu *c, bool exit) {
    struct bt_engine *e = c->engine;
    if (!e || e->cfg.no_inline_syscalls) return;
    e->syscall.kind = exit ? SYSCALL_EXIT : SYSCALL_ENTER;
    e->syscall.mode = e->mode;
    e->syscall.flags_sys = c->flags_sys;
}

void syscall_note(struct bt_engine *e) {
    struct bt_cpu *c = e->cpu;
    bool exit = e->syscall.kind == SYSCALL_EXIT;
    uint32_t mode = e->syscall.mode, flags_sys = e->syscall.flags_sys;
    struct bt_syscall *s = &c->p.syscall[exit];
    s->minus_mode = NEVER;
    if (~(mode & e->mode) & FLAT || (mode | e->mode) & (MODE_STEP | MODE_VM) || flags_sys != c->flags_sys) return;
    if (exit && flags_sys & EFL_AC) return; /* CR0.AM decides with it, and is in no key of the kernel's */
    *s = (struct bt_syscall){.minus_mode = 0 - (uint64_t)mode,
                             .minus_flags = 0 - (uint64_t)flags_sys,
                             .cs = c->seg[DEC_CS],
                             .ss = c->seg[DEC_SS],
                             .lim_r = c->p.seg_lim_r[DEC_CS],
                             .tlb_base = c->p.tlb_base,
                             .view_base = c->p.view_base,
                             .jump_cache = c->p.jump_cache,
                             .jc = (uint64_t)(uintptr_t)e->jc_cur,
                             .mode_after = e->mode,
                             .eip = c->eip,
                             .esp = c->gpr[DEC_ESP]};
}

/* ---- The site ---- */

void emit_syscall(struct translation *t) {
    struct x86_buf *b = &t->b;
    bool exit = cur(t)->mnemonic == ZYDIS_MNEMONIC_SYSEXIT;
    unsigned cpl = (t->mode & MODE_CPL) >> MODE_CPL_SHIFT;
    bool plain = t->chained && (t->mode & FLAT) == FLAT && !(t->mode & MODE_VM) && cpl == (exit ? 0 : 3);
    if (!plain || t->e->cfg.no_inline_syscalls || t->e->cfg.no_transfers) {
        emit_callout(t);
        return;
    }
    x86_mov_r64_r64(b, R_B, X86_RCX);
    x86_mov_r64_m64(b, X86_RCX, cpu_mem(CPU_OFF(p.syscall[exit].minus_mode)));
    x86_lea_r64(b, X86_RCX, x86_base(X86_RCX, (int32_t)t->mode));
    struct x86_fixup mode = x86_jrcxz8(b);
    const uint8_t *slow = b->p;
    x86_mov_r64_r64(b, X86_RCX, R_B);
    emit_callout(t);
    x86_bind(b, mode);
    x86_mov_r64_m64(b, X86_RCX, cpu_mem(CPU_OFF(p.syscall[exit].minus_flags)));
    x86_mov_r32_m32(b, R_A, cpu_mem(CPU_OFF(flags_sys)));
    x86_lea_r64(b, X86_RCX, x86_base_index(X86_RCX, R_A, 1, 0));
    struct x86_fixup flags = x86_jrcxz8(b);
    x86_jmp_to(b, slow);
    x86_bind(b, flags);
    x86_mov_r64_r64(b, X86_RCX, R_B);
    emit_jmp_thunk(t, exit ? t->e->thunk.sysexit : t->e->thunk.sysenter);
}

/* ---- The thunks: no flag changes, R8..R11 are free ---- */

static void copy64(struct x86_buf *b, int32_t to, int32_t from) {
    x86_mov_r64_m64(b, R_C, cpu_mem(from));
    x86_mov_m64_r64(b, cpu_mem(to), R_C);
}

static void copy_seg(struct x86_buf *b, int seg, int32_t from) {
    int32_t to = CPU_OFF(seg) + (int32_t)((size_t)seg * sizeof(struct bt_seg));
    copy64(b, to, from);
    x86_mov_r32_m32(b, R_C, cpu_mem(from + 8)); /* selector, attributes */
    x86_mov_m32_r32(b, cpu_mem(to + 8), R_C);
}

static struct x86_mem engine_mem(size_t off) { return x86_base(R_F, (int32_t)off); }

/* As sync_predictions: the kernel's predictions begin anew, the user's go on. */
static void switch_predictions(struct x86_buf *b, bool exit, int32_t note) {
    const size_t kernel = offsetof(struct bt_engine, ras[0]), user = offsetof(struct bt_engine, ras[1]);
    if (exit) {
        x86_mov_r64_m64(b, X86_RSP, engine_mem(user + offsetof(struct ras, rsp)));
        x86_mov_r64_m64(b, R_B, engine_mem(user + offsetof(struct ras, top)));
    } else {
        x86_mov_m64_r64(b, engine_mem(user + offsetof(struct ras, rsp)), X86_RSP);
        x86_mov_r64_m64(b, X86_RSP, engine_mem(kernel + offsetof(struct ras, top)));
        x86_mov_r64_r64(b, R_B, X86_RSP);
        x86_mov_m8_imm8(b, engine_mem(kernel + offsetof(struct ras, valid)), 1);
        x86_mov_r32_m32(b, R_C, cpu_mem(note + (int32_t)offsetof(struct bt_syscall, mode_after)));
        x86_mov_m32_r32(b, engine_mem(kernel + offsetof(struct ras, mode)), R_C);
        x86_mov_m32_imm32(b, engine_mem(kernel + offsetof(struct ras, cs_base)), 0);
        x86_mov_m32_imm32(b, engine_mem(kernel + offsetof(struct ras, cs_limit)), UINT32_MAX);
    }
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.ras_top)), R_B);
    x86_mov_m32_imm32(b, engine_mem(offsetof(struct bt_engine, ras_cur)), exit);
}

static uint8_t *build(struct bt_engine *e, struct x86_buf *b, bool exit) {
    uint8_t *at = b->p;
    const int32_t note = exit ? CPU_OFF(p.syscall[1]) : CPU_OFF(p.syscall[0]);
#define NOTE(field) (note + (int32_t)offsetof(struct bt_syscall, field))
    x86_bytes(b, (const uint8_t[]){0x49, 0xBB}, 2); /* mov r11, imm64 */
    x86_u32(b, (uint32_t)(uintptr_t)e);
    x86_u32(b, (uint32_t)((uint64_t)(uintptr_t)e >> 32));
    switch_predictions(b, exit, note);
    x86_mov_r32_m32(b, R_C, cpu_mem(NOTE(mode_after)));
    x86_mov_m32_r32(b, engine_mem(offsetof(struct bt_engine, mode)), R_C);
    x86_mov_r64_m64(b, R_C, cpu_mem(NOTE(jc)));
    x86_mov_m64_r64(b, engine_mem(offsetof(struct bt_engine, jc_cur)), R_C);
    copy_seg(b, DEC_SS, NOTE(ss));
    copy_seg(b, DEC_CS, NOTE(cs));
    struct x86_mem last = cpu_mem(CPU_OFF(p.last_cs) + (exit ? 3 : 0) * 2);
    x86_enc_mem(b, &(struct x86_enc){.prefix66 = 0x66, .opcode = 0x89}, R_C, &last); /* the selector */
    copy64(b, CPU_OFF(p.seg_lim_r) + 8 * DEC_CS, NOTE(lim_r));
    x86_mov_m8_imm8(b, cpu_mem(CPU_OFF(cpl)), exit ? 3 : 0);
    if (!exit) x86_mov_m32_imm32(b, cpu_mem(CPU_OFF(flags_if)), 0);
    copy64(b, CPU_OFF(p.tlb_base), NOTE(tlb_base));
    copy64(b, CPU_OFF(p.jump_cache), NOTE(jump_cache));
    x86_mov_r64_m64(b, R_VIEW, cpu_mem(NOTE(view_base)));
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.view_base)), R_VIEW);
    if (exit) {
        x86_mov_r32_r32(b, R_A, X86_RDX);
        x86_mov_r32_r32(b, R_ESP, X86_RCX);
    } else {
        x86_mov_r32_m32(b, R_A, cpu_mem(NOTE(eip)));
        x86_mov_r32_m32(b, R_ESP, cpu_mem(NOTE(esp)));
    }
#undef NOTE
    x86_jmp_to(b, e->thunk.lookup);
    return at;
}

void syscall_build(struct bt_engine *e, struct x86_buf *b) {
    e->thunk.sysenter = build(e, b, false);
    e->thunk.sysexit = build(e, b, true);
}
