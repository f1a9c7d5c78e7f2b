/*
 * op_fpu_state.c: FNSTENV, FLDENV, FNSAVE, FRSTOR, FXSAVE, FXRSTOR on the
 * parked FPU state.
 *
 * SDM-DEVIATION: instruction and operand pointers and the last opcode are
 * stored as 0 and ignored on load, since the host's are addresses of translated code.
 * Manual: SDM vol. 1 "Saving the x87 FPU's State", vol. 2 "FXSAVE", "FXRSTOR".
 */
#include "monitor/fpu_image.h"
#include "monitor/ops.h"

enum { ENV16 = 14, ENV32 = 28, ENV_WORDS = 7, STACK_BYTES = 8 * FX_ST_BYTES, FX_BYTES = 512, FX_ALIGN = 16 };
enum { MXCSR_MASK = 0xFFFF };

/* Not available, or TS: the next task's. All six instructions raise #NM for either. */
static bool fpu_absent(const struct bt_cpu *cpu) { return (cpu->cr0 & (CR0_EM | CR0_TS)) != 0; }

static unsigned env_size(const struct insn *insn) { return insn->op_size == 2 ? ENV16 : ENV32; }

/* Control, status, tag word, then four pointer fields that stay 0. In the 32-bit format each word has a reserved
 * upper half of ones. */
static void build_env(const uint8_t *image, unsigned size, uint8_t *env) {
    const uint16_t words[] = {fpu_word(image, FX_FCW), fpu_word(image, FX_FSW), fpu_full_tags(image)};
    unsigned step = size / ENV_WORDS;
    memset(env, 0, size);
    for (unsigned i = 0; i < 3; i++) {
        fpu_set_word(env, i * step, words[i]);
        if (step == 4) fpu_set_word(env, i * step + 2, 0xFFFF);
    }
    if (step == 4) fpu_set_word(env, ENV32 - 2, 0xFFFF);
}

static void take_env(uint8_t *image, unsigned size, const uint8_t *env) {
    unsigned step = size / ENV_WORDS;
    memset(image, 0, FX_MXCSR);
    /* Bit 6 of the control word is reserved and reads as 1. */
    fpu_set_word(image, FX_FCW, (fpu_word(env, 0) & 0x1F3Fu) | 0x40);
    fpu_set_word(image, FX_FSW, fpu_word(env, step));
    image[FX_FTW] = fpu_short_tags(fpu_word(env, 2 * step));
    fpu_update_summary(image);
}

static bool store(struct vcpu *v, const struct insn *insn, const void *buf, unsigned size, struct guest_fault *f) {
    return mon_seg_write(v, insn->mem.seg, mon_ea(v, insn), buf, size, f);
}
static bool load(struct vcpu *v, const struct insn *insn, void *buf, unsigned size, struct guest_fault *f) {
    return mon_seg_read(v, insn->mem.seg, mon_ea(v, insn), buf, size, f);
}

enum bt_next mon_op_fnstenv(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t env[ENV32], *image = cpu->fpu_area;
    unsigned size = env_size(insn);
    if (fpu_absent(cpu)) return mon_raise(v, VEC_NM, 0);
    bt_fpu_park(cpu);
    build_env(image, size, env);
    if (!store(v, insn, env, size, &f)) return mon_raise_fault(v, &f);
    /* All exceptions are masked afterwards. */
    fpu_set_word(image, FX_FCW, fpu_word(image, FX_FCW) | FPU_EXCEPTIONS);
    fpu_update_summary(image);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_fnsave(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t buf[ENV32 + STACK_BYTES], *image = cpu->fpu_area;
    unsigned size = env_size(insn);
    if (fpu_absent(cpu)) return mon_raise(v, VEC_NM, 0);
    bt_fpu_park(cpu);
    build_env(image, size, buf);
    for (unsigned i = 0; i < 8; i++)
        memcpy(buf + size + i * FX_ST_BYTES, image + FX_ST + i * FX_ST_STRIDE, FX_ST_BYTES);
    if (!store(v, insn, buf, size + STACK_BYTES, &f)) return mon_raise_fault(v, &f);
    fpu_init(image);
    return BT_NEXT_CONTINUE;
}

/* FLDENV and FRSTOR are waiting instructions: a pending error comes first. */
static enum bt_next load_state(struct bt_cpu *cpu, const struct insn *insn, bool registers) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t buf[ENV32 + STACK_BYTES], *image = cpu->fpu_area;
    unsigned size = env_size(insn);
    if (fpu_absent(cpu)) return mon_raise(v, VEC_NM, 0);
    bt_fpu_park(cpu);
    if (fpu_error_pending(image)) return mon_raise(v, VEC_MF, 0);
    if (!load(v, insn, buf, size + (registers ? STACK_BYTES : 0), &f)) return mon_raise_fault(v, &f);
    unsigned old_top = fpu_top(image);
    uint8_t old[8 * FX_ST_STRIDE];
    memcpy(old, image + FX_ST, sizeof old);
    take_env(image, size, buf);
    unsigned shift = fpu_top(image) - old_top;
    for (unsigned i = 0; i < 8; i++) {
        uint8_t *st = image + FX_ST + i * FX_ST_STRIDE;
        if (registers)
            memcpy(st, buf + size + i * FX_ST_BYTES, FX_ST_BYTES);
        else /* the registers stay where they are; ST(i) names another one when TOP has moved */
            memcpy(st, old + ((i + shift) & 7) * FX_ST_STRIDE, FX_ST_STRIDE);
    }
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_fldenv(struct bt_cpu *cpu, const struct insn *insn) { return load_state(cpu, insn, false); }
enum bt_next mon_op_frstor(struct bt_cpu *cpu, const struct insn *insn) { return load_state(cpu, insn, true); }

/* ---- FXSAVE, FXRSTOR ---- */

static bool misaligned(struct vcpu *v, const struct insn *insn) {
    return ((v->cpu.seg[insn->mem.seg].base + mon_ea(v, insn)) & (FX_ALIGN - 1)) != 0;
}

/* Bytes the image has without and with SSE state. The rest of the 512 is reserved and not touched. */
static unsigned fx_used(const struct bt_cpu *cpu) { return cpu->cr4 & CR4_OSFXSR ? FX_XMM_END : FX_XMM; }

enum bt_next mon_op_fxsave(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t image[FX_XMM_END];
    const uint32_t mask = MXCSR_MASK;
    struct gva lin;
    if (fpu_absent(cpu)) return mon_raise(v, VEC_NM, 0);
    if (misaligned(v, insn)) return op_gp0(v);
    if (!mon_seg_check(v, insn->mem.seg, mon_ea(v, insn), FX_BYTES, true, &lin, &f)) return mon_raise_fault(v, &f);
    bt_fpu_park(cpu);
    memcpy(image, cpu->fpu_area, sizeof image);
    memset(image + FX_FOP, 0, FX_MXCSR - FX_FOP);
    memcpy(image + FX_MXCSR_MASK, &mask, sizeof mask);
    if (!store(v, insn, image, fx_used(cpu), &f)) return mon_raise_fault(v, &f);
    return BT_NEXT_CONTINUE;
}

enum bt_next mon_op_fxrstor(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t image[FX_BYTES];
    uint32_t mxcsr;
    if (fpu_absent(cpu)) return mon_raise(v, VEC_NM, 0);
    if (misaligned(v, insn)) return op_gp0(v);
    if (!load(v, insn, image, sizeof image, &f)) return mon_raise_fault(v, &f);
    memcpy(&mxcsr, image + FX_MXCSR, sizeof mxcsr);
    if (mxcsr & ~(uint32_t)MXCSR_MASK) return op_gp0(v);
    bt_fpu_park(cpu);
    memset(image + FX_FOP, 0, FX_MXCSR - FX_FOP);
    image[FX_FTW + 1] = 0;
    memcpy(cpu->fpu_area, image, FX_MXCSR);
    memcpy(cpu->fpu_area + FX_ST, image + FX_ST, FX_XMM - FX_ST);
    if (cpu->cr4 & CR4_OSFXSR) {
        memcpy(cpu->fpu_area + FX_MXCSR, &mxcsr, sizeof mxcsr);
        memcpy(cpu->fpu_area + FX_XMM, image + FX_XMM, FX_XMM_END - FX_XMM);
    }
    return BT_NEXT_CONTINUE;
}
