/*
 * op_fpu_state.c: FNSTENV, FLDENV, FNSAVE, FRSTOR, FXSAVE, FXRSTOR on the
 * parked FPU state.
 *
 * SDM-DEVIATION: the operand's selector and the base that its offset counts from are those
 * of its segment register now. Pointers are lost where the host does not keep them (bt/fpu.c).
 * Manual: SDM vol. 1 "Saving the x87 FPU's State", vol. 2 "FXSAVE", "FXRSTOR".
 */
#include "monitor/fpu_image.h"
#include "monitor/ops.h"

enum { ENV16 = 14, ENV32 = 28, ENV_WORDS = 7, STACK_BYTES = 8 * FX_ST_BYTES, FX_BYTES = 512, FX_ALIGN = 16 };
enum { MXCSR_MASK = 0xFFFF, FOP_BITS = 0x7FF };

/* Not available, or TS: the next task's. All six instructions raise #NM for either. */
static bool fpu_absent(const struct bt_cpu *cpu) { return (cpu->cr0 & (CR0_EM | CR0_TS)) != 0; }

static unsigned env_size(const struct insn *insn) { return insn->op_size == 2 ? ENV16 : ENV32; }

enum { PTR_FIP, PTR_FCS, PTR_FDP, PTR_FDS, PTRS };

/* Real and v8086 mode have linear addresses instead of selectors and offsets. */
static bool linear_format(const struct vcpu *v) { return !vcpu_protected(v) || vcpu_v86(v); }

/* The four fields after the tag word, see the figures "Protected Mode x87 FPU State Image in Memory" and so on. */
static void pointer_fields(const struct vcpu *v, const struct bt_fpu_pointers *p, unsigned step, uint32_t *field) {
    uint32_t fip = p->fip, fdp = p->fdp, code = p->fcs, data = p->fds;
    if (linear_format(v)) {
        fip += (uint32_t)p->fcs << 4;
        fdp += (uint32_t)p->fds << 4;
        /* The upper bits of an address stand where they do in 20-bit addresses: from bit 12 on. */
        code = step == 4 ? fip >> 16 << 12 | p->fop : (fip >> 16 & 0xF) << 12 | p->fop;
        data = step == 4 ? fdp >> 16 << 12 : (fdp >> 16 & 0xF) << 12;
        if (step == 4) fip &= 0xFFFF, fdp &= 0xFFFF;
    } else if (step == 4) {
        code |= (uint32_t)p->fop << 16;
    }
    field[PTR_FIP] = fip, field[PTR_FCS] = code, field[PTR_FDP] = fdp, field[PTR_FDS] = data;
}

static struct bt_fpu_pointers pointers_of_fields(const struct vcpu *v, unsigned step, const uint32_t *field) {
    struct bt_fpu_pointers p = {.fip = field[PTR_FIP], .fdp = field[PTR_FDP]};
    if (linear_format(v)) {
        p.fop = (uint16_t)(field[PTR_FCS] & FOP_BITS);
        p.fip = (p.fip & 0xFFFF) | field[PTR_FCS] >> 12 << 16;
        p.fdp = (p.fdp & 0xFFFF) | field[PTR_FDS] >> 12 << 16;
    } else {
        p.fcs = (uint16_t)field[PTR_FCS];
        p.fds = (uint16_t)field[PTR_FDS];
        if (step == 4) p.fop = (uint16_t)(field[PTR_FCS] >> 16 & FOP_BITS);
    }
    return p;
}

/* Control, status, tag word, then four pointer fields. In the 32-bit format what is left of the first three and the
 * last is reserved and ones. */
static void build_env(struct vcpu *v, unsigned size, uint8_t *env) {
    const struct bt_fpu_pointers p = bt_fpu_pointers(&v->cpu, true);
    const uint8_t *image = v->cpu.fpu_area;
    uint32_t field[PTRS];
    const uint16_t words[] = {fpu_word(image, FX_FCW), fpu_word(image, FX_FSW), fpu_full_tags(image)};
    unsigned step = size / ENV_WORDS;
    memset(env, 0, size);
    for (unsigned i = 0; i < 3; i++) {
        fpu_set_word(env, i * step, words[i]);
        if (step == 4) fpu_set_word(env, i * step + 2, 0xFFFF);
    }
    pointer_fields(v, &p, step, field);
    for (unsigned i = 0; i < PTRS; i++) memcpy(env + (3 + i) * step, &field[i], step);
    if (step == 4 && !linear_format(v)) fpu_set_word(env, ENV32 - 2, 0xFFFF);
}

static void take_env(struct vcpu *v, unsigned size, const uint8_t *env) {
    unsigned step = size / ENV_WORDS;
    uint8_t *image = v->cpu.fpu_area;
    uint32_t field[PTRS] = {0};
    for (unsigned i = 0; i < PTRS; i++) memcpy(&field[i], env + (3 + i) * step, step);
    const struct bt_fpu_pointers p = pointers_of_fields(v, step, field);
    memset(image, 0, FX_MXCSR);
    /* Bit 6 of the control word is reserved and reads as 1. */
    fpu_set_word(image, FX_FCW, (fpu_word(env, 0) & 0x1F3Fu) | 0x40);
    fpu_set_word(image, FX_FSW, fpu_word(env, step));
    image[FX_FTW] = fpu_short_tags(fpu_word(env, 2 * step));
    fpu_update_summary(image);
    bt_fpu_load_pointers(&v->cpu, &p);
}

/* FXSAVE's images have been looked at; the others are fields of the operand size. */
static unsigned alignment(const struct insn *insn) { return insn->map ? 1 : insn->op_size; }

static bool store(struct vcpu *v, const struct insn *insn, const void *buf, unsigned size, struct guest_fault *f) {
    return mon_seg_write_as(v, insn->mem.seg, mon_ea(v, insn), buf, size, alignment(insn), f);
}
static bool load(struct vcpu *v, const struct insn *insn, void *buf, unsigned size, struct guest_fault *f) {
    return mon_seg_read_as(v, insn->mem.seg, mon_ea(v, insn), buf, size, alignment(insn), f);
}

enum bt_next mon_op_fnstenv(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t env[ENV32], *image = cpu->fpu_area;
    unsigned size = env_size(insn);
    if (fpu_absent(cpu)) return mon_raise(v, VEC_NM, 0);
    build_env(v, size, env);
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
    build_env(v, size, buf);
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
    take_env(v, size, buf);
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

static void fx_put_pointers(uint8_t *image, const struct bt_fpu_pointers *p) {
    memset(image + FX_FOP, 0, FX_MXCSR - FX_FOP);
    memcpy(image + FX_FOP, &p->fop, 2);
    memcpy(image + FX_FIP, &p->fip, 4);
    memcpy(image + FX_FCS, &p->fcs, 2);
    memcpy(image + FX_FDP, &p->fdp, 4);
    memcpy(image + FX_FDS, &p->fds, 2);
}

static struct bt_fpu_pointers fx_get_pointers(const uint8_t *image) {
    struct bt_fpu_pointers p;
    memcpy(&p.fop, image + FX_FOP, 2);
    memcpy(&p.fip, image + FX_FIP, 4);
    memcpy(&p.fcs, image + FX_FCS, 2);
    memcpy(&p.fdp, image + FX_FDP, 4);
    memcpy(&p.fds, image + FX_FDS, 2);
    p.fop &= FOP_BITS;
    return p;
}

enum bt_next mon_op_fxsave(struct bt_cpu *cpu, const struct insn *insn) {
    struct vcpu *v = vcpu_of(cpu);
    struct guest_fault f;
    uint8_t image[FX_XMM_END];
    const uint32_t mask = MXCSR_MASK;
    struct gva lin;
    if (fpu_absent(cpu)) return mon_raise(v, VEC_NM, 0);
    if (misaligned(v, insn)) return op_gp0(v);
    if (!mon_seg_check(v, insn->mem.seg, mon_ea(v, insn), FX_BYTES, true, &lin, &f)) return mon_raise_fault(v, &f);
    const struct bt_fpu_pointers p = bt_fpu_pointers(cpu, false);
    memcpy(image, cpu->fpu_area, sizeof image);
    fx_put_pointers(image, &p);
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
    const struct bt_fpu_pointers p = fx_get_pointers(image);
    image[FX_FTW + 1] = 0;
    memcpy(cpu->fpu_area, image, FX_FOP);
    bt_fpu_load_pointers(cpu, &p);
    memcpy(cpu->fpu_area + FX_ST, image + FX_ST, FX_XMM - FX_ST);
    if (cpu->cr4 & CR4_OSFXSR) {
        memcpy(cpu->fpu_area + FX_MXCSR, &mxcsr, sizeof mxcsr);
        memcpy(cpu->fpu_area + FX_XMM, image + FX_XMM, FX_XMM_END - FX_XMM);
    }
    return BT_NEXT_CONTINUE;
}
