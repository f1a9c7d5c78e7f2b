/*
 * emit_inline.c: the sensitive instructions that kernels execute all the time, in
 * a few host instructions on struct bt_cpu: CLI STI PUSHF POPF, reads and loads of segment registers, RDTSC, RDRAND,
 * RDSEED; CPUID, LGDT and LIDT that bring what is known.
 *
 * Only forms whose privilege the mode key decides; everything else is a callout.
 * System bits of EFLAGS live in flags_if and flags_sys, the others in the host's RFLAGS.
 */
#include "bt/translate.h"

enum { HOST_FIXED = 0x202 /* RFLAGS as user code sees it: bit 1 and IF */ };

static bool kernel_mode(const struct translation *t) { return !(t->mode & (MODE_CPL | MODE_VM)); }

/* SDM vol. 2 "CLI": at CPL 0 nothing can refuse it. */
static bool emit_cli(struct translation *t) {
    if (!kernel_mode(t)) return false;
    x86_mov_m32_imm32(&t->b, cpu_mem(CPU_OFF(flags_if)), 0);
    return true;
}

/* "STI": while an interrupt waits the callout does it, which knows the shadow. */
static bool emit_sti(struct translation *t) {
    struct x86_buf *b = &t->b;
    if (!kernel_mode(t) || !t->chained) return false;
    if (t->i + 1 == t->n)
        return false; /* between blocks there may be a poll, or a debugger: the callout sets the shadow */
    x86_mov_r64_r64(b, R_B, X86_RCX);
    x86_movzx_r32_m8(b, X86_RCX, cpu_mem(CPU_OFF(intr)));
    struct x86_fixup quiet = x86_jrcxz8(b);
    x86_mov_r64_r64(b, X86_RCX, R_B);
    emit_callout(t);
    struct x86_fixup done = x86_jmp8(b);
    x86_bind(b, quiet);
    x86_mov_r64_r64(b, X86_RCX, R_B);
    x86_mov_m32_imm32(b, cpu_mem(CPU_OFF(flags_if)), EFL_IF);
    x86_bind(b, done);
    return true;
}

/* "PUSHF": host flags plus the virtual bits, which are disjoint, so LEA adds them without touching a flag. */
static bool emit_pushf(struct translation *t) {
    struct x86_buf *b = &t->b;
    if (t->mode & MODE_VM || !t->chained) return false;
    x86_byte(b, 0x9C); /* pushfq */
    x86_pop_r64(b, R_C);
    x86_mov_r32_m32(b, R_A, cpu_mem(CPU_OFF(flags_if)));
    x86_mov_r32_m32(b, R_B, cpu_mem(CPU_OFF(flags_sys)));
    x86_lea_r32(b, R_A, x86_base_index(R_A, R_B, 1, EFL_FIXED - HOST_FIXED));
    x86_lea_r32(b, R_C, x86_base_index(R_C, R_A, 1, 0));
    emit_push_reg(t, R_C, cur(t)->op_size);
    return true;
}

static void test_r32_imm(struct x86_buf *b, uint8_t reg, uint32_t imm) {
    x86_enc_reg(b, &(struct x86_enc){.opcode = 0xF7}, 0, reg);
    x86_u32(b, imm);
}

static void load_host_flags(struct x86_buf *b) {
    x86_push_r64(b, R_C);
    x86_byte(b, 0x9D); /* popfq */
}

/* "POPF" at CPL 0: arithmetic bits, DF and IF in line; a change of any other bit is the callout's. The image is
 * read first, and read again by the callout, so ESP moves only on the fast side. */
static bool emit_popf(struct translation *t) {
    struct x86_buf *b = &t->b;
    if (!kernel_mode(t) || !t->chained || cur(t)->op_size != 4 || !(t->mode & MODE_STACK32)) return false;
    const uint32_t system = EFL_TF | EFL_IOPL | EFL_NT | EFL_AC | EFL_ID, virtual = EFL_VIF | EFL_VIP;
    struct mref m = {.seg = DEC_SS, .base = DEC_ESP, .index = DEC_NOREG, .scale = 1, .size = 4, .read = true};
    emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = R_C, .size = 4});
    x86_mov_r32_m32(b, R_A, cpu_mem(CPU_OFF(flags_sys)));
    test_r32_imm(b, R_A, virtual);
    struct x86_fixup slow1 = x86_jcc32(b, X86_CC_NE);
    x86_enc_reg(b, &(struct x86_enc){.opcode = 0x33}, R_A, R_C); /* xor */
    test_r32_imm(b, R_A, system);
    struct x86_fixup slow2 = x86_jcc32(b, X86_CC_NE);
    x86_lea_r32(b, R_ESP, x86_base(R_ESP, 4));
    x86_mov_r32_r32(b, R_A, R_C);
    x86_alu_r32_imm(b, X86_AND, R_A, EFL_IF);
    x86_mov_m32_r32(b, cpu_mem(CPU_OFF(flags_if)), R_A);
    x86_alu_r32_imm(b, X86_AND, R_C, EFL_HOST);
    x86_alu_r32_imm(b, X86_OR, R_C, HOST_FIXED);
    x86_shr_r32(b, R_A, 9);
    struct x86_mem intr = cpu_mem(CPU_OFF(intr));
    x86_enc_mem(b, &(struct x86_enc){.opcode = 0x84}, R_A, &intr); /* test intr, r8b */
    t->windows[t->n_windows++] = (struct window){x86_jcc32(b, X86_CC_NE), next_eip(t), t->offs[t->i]};
    load_host_flags(b);
    struct x86_fixup done = x86_jmp32(b);
    x86_bind(b, slow1);
    x86_bind(b, slow2);
    emit_callout(t);
    x86_bind(b, done);
    return true;
}

void emit_windows(struct translation *t) {
    struct x86_buf *b = &t->b;
    for (unsigned i = 0; i < t->n_windows; i++) {
        const struct window *w = &t->windows[i];
        map_here(t, w->guest_off, 0);
        bind_from_hot(t, w->from);
        load_host_flags(b);
        emit_eip(t, R_A, w->next_eip);
        emit_jmp_thunk(t, t->e->thunk.exit_window);
    }
}

static void load_selector(struct translation *t, unsigned seg) {
    int32_t off = CPU_OFF(seg) + (int32_t)(seg * sizeof(struct bt_seg) + offsetof(struct bt_seg, selector));
    x86_movzx_r32_m16(&t->b, R_C, cpu_mem(off));
}

/* "PUSH sreg" with 32-bit operands stores the selector zero-extended, as monitor's helper does. */
static bool emit_push_seg(struct translation *t) {
    const struct insn *insn = cur(t);
    if (t->mode & MODE_VM || !t->chained) return false;
    unsigned seg = insn->map == 0 ? insn->opcode >> 3 & 3u : insn->opcode == 0xA0 ? DEC_FS : DEC_GS;
    load_selector(t, seg);
    emit_push_reg(t, R_C, insn->op_size);
    return true;
}

/* "MOV r32, sreg"; other forms are rare. */
static bool emit_mov_from_seg(struct translation *t) {
    const struct insn *insn = cur(t);
    if (insn->map != 0 || insn->opcode != 0x8C || insn->mod != 3 || insn->op_size != 4 || insn->reg > DEC_GS)
        return false;
    load_selector(t, insn->reg);
    x86_mov_r32_r32(&t->b, host_reg(insn->rm), R_C);
    return true;
}

static int32_t same_off(int seg, size_t field) {
    return CPU_OFF(p.seg_same) + (int32_t)((size_t)seg * sizeof(struct bt_seg_same) + field);
}

static bool keeps_state(int seg) { return seg == DEC_FS || seg == DEC_GS; }

static int32_t seg_off(int seg) { return CPU_OFF(seg) + (int32_t)((size_t)seg * sizeof(struct bt_seg)); }

/* FS or GS becomes what it was when this selector was last loaded. */
static void emit_take_state(struct x86_buf *b, int seg) {
    const struct {
        int32_t to;
        size_t from;
    } words[] = {
        {CPU_OFF(p.seg_lim_r) + 8 * seg, offsetof(struct bt_seg_same, lim_r)},
        {CPU_OFF(p.seg_lim_w) + 8 * seg, offsetof(struct bt_seg_same, lim_w)},
        {CPU_OFF(p.seg_base_ptr) + 8 * seg, offsetof(struct bt_seg_same, base_ptr)},
        {seg_off(seg), offsetof(struct bt_seg_same, seg)}, /* base and limit */
    };
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        x86_mov_r64_m64(b, R_B, cpu_mem(same_off(seg, words[i].from)));
        x86_mov_m64_r64(b, cpu_mem(words[i].to), R_B);
    }
    const size_t selector = offsetof(struct bt_seg, selector);
    x86_mov_r32_m32(b, R_B, cpu_mem(same_off(seg, offsetof(struct bt_seg_same, seg) + selector)));
    x86_mov_m32_r32(b, cpu_mem(seg_off(seg) + (int32_t)selector), R_B);
}

/* The null selector 0 in FS or GS. */
static void emit_take_null(struct x86_buf *b, int seg) {
    x86_mov_r32_imm32(b, R_B, 0);
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.seg_lim_r) + 8 * seg), R_B);
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.seg_lim_w) + 8 * seg), R_B);
    x86_mov_m64_r64(b, cpu_mem(seg_off(seg)), R_B);
    x86_mov_m32_r32(b, cpu_mem(seg_off(seg) + (int32_t)offsetof(struct bt_seg, selector)), R_B);
    x86_mov_r64_m64(b, R_B, cpu_mem(CPU_OFF(p.bad_seg)));
    x86_mov_m64_r64(b, cpu_mem(CPU_OFF(p.seg_base_ptr) + 8 * seg), R_B);
}

/* Loads of DS, ES, FS and GS by the kernel, of which most bring nothing new: R10 is the selector. DS and ES: if it is
 * what the register has, and its descriptor still is what it was loaded from, that is all. FS and GS change at every
 * entry to a kernel, so they remember. The callout does the rest. R14 += pop. */
static void emit_load_same(struct translation *t, int seg, int pop) {
    struct x86_buf *b = &t->b;
    struct x86_fixup null = {0}, nulled = {0};
    x86_mov_r64_r64(b, R_A, X86_RCX);
    if (keeps_state(seg)) {
        x86_mov_r64_r64(b, X86_RCX, R_C);
        null = x86_jrcxz8(b);
    }
    x86_mov_r64_m64(b, R_B, cpu_mem(same_off(seg, offsetof(struct bt_seg_same, minus_selector))));
    x86_lea_r64(b, X86_RCX, x86_base_index(R_C, R_B, 1, 0));
    struct x86_fixup same_selector = x86_jrcxz8(b);
    const uint8_t *slow = b->p;
    x86_mov_r64_r64(b, X86_RCX, R_A);
    emit_callout(t);
    struct x86_fixup done = x86_jmp32(b);
    if (keeps_state(seg)) {
        x86_bind(b, null);
        emit_take_null(b, seg);
        nulled = x86_jmp32(b);
    }
    x86_bind(b, same_selector);
    x86_mov_r64_r64(b, X86_RCX, R_A); /* the table may fault */
    x86_mov_r64_m64(b, R_B, cpu_mem(same_off(seg, offsetof(struct bt_seg_same, lin))));
    x86_mov_r64_m64(b, R_F, x86_base_index(R_VIEW, R_B, 1, 0));
    x86_mov_r64_m64(b, R_B, cpu_mem(same_off(seg, offsetof(struct bt_seg_same, minus_desc))));
    x86_lea_r64(b, X86_RCX, x86_base_index(R_F, R_B, 1, 0));
    struct x86_fixup same = x86_jrcxz8(b);
    x86_jmp_to(b, slow);
    x86_bind(b, same);
    if (keeps_state(seg)) {
        emit_take_state(b, seg);
        x86_bind(b, nulled);
    }
    x86_mov_r64_r64(b, X86_RCX, R_A);
    if (pop) x86_lea_r32(b, R_ESP, x86_base(R_ESP, pop));
    x86_bind(b, done);
}

static bool may_load_same(const struct translation *t, int seg) {
    bool data = seg == DEC_DS || seg == DEC_ES || seg == DEC_FS || seg == DEC_GS;
    return data && kernel_mode(t) && t->mode & MODE_PE && t->chained && t->direct_insn && !t->e->cfg.no_inline_segments;
}

/* "MOV sreg, r/m16"; the callout reads memory again. */
static bool emit_mov_to_seg(struct translation *t) {
    const struct insn *insn = cur(t);
    if (insn->map != 0 || insn->opcode != 0x8E || !may_load_same(t, insn->reg)) return false;
    if (insn->mem.present) {
        struct mref m = mref_of(insn);
        m.size = 2;
        emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = R_C, .size = 2});
    } else {
        x86_movzx_r32_r16(&t->b, R_C, host_reg(insn->rm));
    }
    emit_load_same(t, insn->reg, 0);
    return true;
}

/* "POP sreg" with 32-bit operands on a 32-bit stack; the callout reads the stack again. */
static bool emit_pop_seg(struct translation *t) {
    const struct insn *insn = cur(t);
    int seg = insn->opcode >> 3 & 7;
    if (!may_load_same(t, seg) || insn->op_size != 4 || !(t->mode & MODE_STACK32)) return false;
    emit_peek(t, R_C, 4);
    x86_movzx_r32_r16(&t->b, R_C, R_C);
    emit_load_same(t, seg, 4);
    return true;
}

enum { HIGH_HALF = 32, RORX_RM_RDX = 0xE3, RORX_RM_R8 = 0xC3 /* second byte of VEX */, RM_RDX = 0xD2, RM_R8 = 0xD0 };

/* RORX rdx, rdx or r8, 32: turns without a flag. */
static void emit_rorx_rdx(struct x86_buf *b, uint8_t vex, uint8_t modrm) {
    x86_bytes(b, (const uint8_t[]){0xC4, vex, 0xFB, 0xF0, modrm, HIGH_HALF}, 6);
}

/* EDX:EAX += R9. Every shift writes flags: where the host has no RORX (BMI2) the halves meet in memory. */
static void emit_add_to_tsc(struct translation *t) {
    struct x86_buf *b = &t->b;
    const struct x86_mem low = cpu_mem(CPU_OFF(p.exit_arg)), high = cpu_mem(CPU_OFF(p.exit_arg) + 4);
    if (t->e->has_rorx) {
        emit_rorx_rdx(b, RORX_RM_RDX, RM_RDX);
        x86_lea_r64(b, R_A, x86_base_index(X86_RAX, X86_RDX, 1, 0));
        x86_lea_r64(b, R_A, x86_base_index(R_A, R_B, 1, 0));
        x86_mov_r32_r32(b, X86_RAX, R_A);
        emit_rorx_rdx(b, RORX_RM_R8, RM_R8);
        x86_mov_r32_r32(b, X86_RDX, X86_RDX);
        return;
    }
    x86_mov_m32_r32(b, low, X86_RAX);
    x86_mov_m32_r32(b, high, X86_RDX);
    x86_mov_r64_m64(b, R_A, low);
    x86_lea_r64(b, R_A, x86_base_index(R_A, R_B, 1, 0));
    x86_mov_m64_r64(b, low, R_A);
    x86_mov_r32_r32(b, X86_RAX, R_A);
    x86_mov_r32_m32(b, X86_RDX, high);
}

/* "RDTSC". */
static bool emit_rdtsc(struct translation *t) {
    struct x86_buf *b = &t->b;
    bool denied = t->mode & MODE_TSD && t->mode & (MODE_CPL | MODE_VM);
    if (denied || !t->chained || !t->e->cpu->tsc_as_host || t->e->cfg.no_inline_tsc) return false;
    x86_bytes(b, (const uint8_t[]){0x0F, 0x31}, 2);
    x86_mov_r64_m64(b, R_B, cpu_mem(CPU_OFF(tsc_offset)));
    emit_add_to_tsc(t);
    return true;
}

/* "CPUID" of one of the latest two leaves; others are the callout's, which remembers them. */
static bool emit_cpuid(struct translation *t) {
    struct x86_buf *b = &t->b;
    enum { KNOWN = 2 };
    static const uint8_t regs[] = {X86_RAX, X86_RBX, X86_RCX, X86_RDX};
    struct x86_fixup known[KNOWN], done[KNOWN];
    if (!t->chained || t->e->cfg.no_inline_cpuid) return false;
    x86_mov_r64_r64(b, R_B, X86_RCX);
    for (unsigned i = 0; i < KNOWN; i++) {
        x86_mov_r64_m64(b, X86_RCX, cpu_mem(CPU_OFF(p.cpuid_same[i].minus_leaf)));
        x86_lea_r64(b, X86_RCX, x86_base_index(X86_RCX, X86_RAX, 1, 0));
        known[i] = x86_jrcxz8(b);
    }
    x86_mov_r64_r64(b, X86_RCX, R_B);
    emit_callout(t);
    struct x86_fixup end = x86_jmp32(b);
    for (unsigned i = 0; i < KNOWN; i++) {
        x86_bind(b, known[i]);
        for (unsigned r = 0; r < sizeof regs; r++)
            x86_mov_r32_m32(b, regs[r], cpu_mem(CPU_OFF(p.cpuid_same[i].out) + 4 * (int32_t)r));
        done[i] = x86_jmp32(b);
    }
    for (unsigned i = 0; i < KNOWN; i++) x86_bind(b, done[i]);
    x86_bind(b, end);
    return true;
}

/* "LGDT/LIDT" with what is there already, as code does that goes to and fro between modes; else the callout, which
 * reads the operand again. */
static bool emit_load_table(struct translation *t, enum bt_table which) {
    struct x86_buf *b = &t->b;
    const struct insn *insn = cur(t);
    if (!kernel_mode(t) || !t->chained || !insn->mem.present || insn->op_size != 4 || t->e->cfg.no_inline_tables)
        return false;
    struct mref m = mref_of(insn);
    m.size = 2;
    m.more = true;
    emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = R_C, .size = 2});
    m.size = 4;
    m.more = false;
    m.disp += 2;
    emit_access(t, &m, &(struct memop){.kind = MEMOP_LOAD, .reg = R_B, .size = 4});
    x86_mov_r64_r64(b, R_A, X86_RCX);
    x86_mov_r64_m64(b, X86_RCX, cpu_mem(CPU_OFF(p.table_same[which].minus_limit)));
    x86_lea_r64(b, X86_RCX, x86_base_index(X86_RCX, R_C, 1, 0));
    struct x86_fixup limit = x86_jrcxz8(b);
    const uint8_t *slow = b->p;
    x86_mov_r64_r64(b, X86_RCX, R_A);
    emit_callout(t);
    struct x86_fixup done = x86_jmp32(b);
    x86_bind(b, limit);
    x86_mov_r64_m64(b, X86_RCX, cpu_mem(CPU_OFF(p.table_same[which].minus_base)));
    x86_lea_r64(b, X86_RCX, x86_base_index(X86_RCX, R_B, 1, 0));
    struct x86_fixup same = x86_jrcxz8(b);
    x86_jmp_to(b, slow);
    x86_bind(b, same);
    x86_mov_r64_r64(b, X86_RCX, R_A);
    x86_bind(b, done);
    return true;
}

bool emit_inline(struct translation *t) {
    switch (cur(t)->mnemonic) {
    case ZYDIS_MNEMONIC_CLI: return emit_cli(t);
    case ZYDIS_MNEMONIC_STI: return emit_sti(t);
    case ZYDIS_MNEMONIC_PUSHFD:
    case ZYDIS_MNEMONIC_PUSHF: return emit_pushf(t);
    case ZYDIS_MNEMONIC_POPFD: return emit_popf(t);
    case ZYDIS_MNEMONIC_PUSH: return emit_push_seg(t);
    case ZYDIS_MNEMONIC_MOV: return emit_mov_from_seg(t) || emit_mov_to_seg(t);
    case ZYDIS_MNEMONIC_POP: return emit_pop_seg(t);
    case ZYDIS_MNEMONIC_RDTSC: return emit_rdtsc(t);
    case ZYDIS_MNEMONIC_RDRAND:
    case ZYDIS_MNEMONIC_RDSEED: return !t->e->cfg.no_inline_random && (emit_plain(t), true);
    case ZYDIS_MNEMONIC_SYSENTER:
    case ZYDIS_MNEMONIC_SYSEXIT: return emit_syscall(t), true;
    case ZYDIS_MNEMONIC_CPUID: return emit_cpuid(t);
    case ZYDIS_MNEMONIC_LGDT: return emit_load_table(t, BT_GDTR);
    case ZYDIS_MNEMONIC_LIDT: return emit_load_table(t, BT_IDTR);
    default: return false;
    }
}
