/*
 * gdb_registers.c: the registers as gdb counts them.
 *
 * eip is guest-linear: CS base + EIP. So gdb, which knows no segments, finds the code; in flat segments it is the same.
 * No architecture is named, so that the user may choose i8086. Bases of segments and control registers are a feature of
 * ours, to read only.
 */
#include "monitor/fpu_image.h"
#include "monitor/gdb_internal.h"

const char gdb_target_xml[] = "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
                              "<feature name=\"org.gnu.gdb.i386.core\">"
#define R(name, type) "<reg name=\"" name "\" bitsize=\"32\" type=\"" type "\"/>"
#define S(name)       "<reg name=\"" name "\" bitsize=\"80\" type=\"i387_ext\"/>"
#define F(name)       "<reg name=\"" name "\" bitsize=\"32\" type=\"int\" group=\"float\"/>"
#define X(name)       "<reg name=\"" name "\" bitsize=\"128\" type=\"uint128\"/>"
    R("eax", "int32") R("ecx", "int32") R("edx", "int32") R("ebx", "int32") R("esp", "data_ptr") R("ebp", "data_ptr")
        R("esi", "int32") R("edi", "int32") R("eip", "code_ptr") R("eflags", "int32") R("cs", "int32") R("ss", "int32")
            R("ds", "int32") R("es", "int32") R("fs", "int32") R("gs", "int32") S("st0") S("st1") S("st2") S("st3")
                S("st4") S("st5") S("st6") S("st7") F("fctrl") F("fstat") F("ftag") F("fiseg") F("fioff") F("foseg")
                    F("fooff") F("fop") "</feature><feature name=\"org.gnu.gdb.i386.sse\">" X("xmm0") X("xmm1")
                        X("xmm2") X("xmm3") X("xmm4") X("xmm5") X("xmm6") X("xmm7")
                            R("mxcsr", "int32") "</feature><feature name=\"org.novt.system\">" R("es_base", "uint32")
                                R("cs_base", "uint32") R("ss_base", "uint32") R("ds_base", "uint32")
                                    R("fs_base", "uint32") R("gs_base", "uint32") R("cr0", "uint32") R("cr2", "uint32")
                                        R("cr3", "uint32") R("cr4", "uint32") "</feature></target>";

enum { EIP = 8, EFLAGS = 9, ST0 = 16, FCTRL = 24, FSTAT, FTAG, XMM0 = 32, MXCSR = 40, BASES = 41, CONTROL = 47 };
enum { MXCSR_VALID = 0xFFBF }; /* without DAZ, which not every processor has */

unsigned gdb_register_size(unsigned n) {
    if (n >= ST0 && n < FCTRL) return FX_ST_BYTES;
    return n >= XMM0 && n < MXCSR ? 16 : 4;
}

unsigned gdb_register_offset(unsigned n) {
    unsigned at = 0;
    for (unsigned i = 0; i < n; i++) at += gdb_register_size(i);
    return at;
}

static uint8_t *put32(uint8_t *at, uint32_t v) {
    memcpy(at, &v, 4);
    return at + 4;
}

static uint8_t *put_segments(uint8_t *at, const struct bt_seg *seg) {
    static const uint8_t order[] = {DEC_CS, DEC_SS, DEC_DS, DEC_ES, DEC_FS, DEC_GS};
    for (unsigned i = 0; i < sizeof order; i++) at = put32(at, seg[order[i]].selector);
    return at;
}

void gdb_get_registers(struct vcpu *v, uint8_t image[GDB_IMAGE]) {
    const struct bt_cpu *c = &v->cpu;
    struct bt_fpu_pointers p = bt_fpu_pointers(&v->cpu, true);
    const uint8_t *fx = c->fpu_area;
    uint8_t *at = image;
    for (int i = 0; i < 8; i++) at = put32(at, c->gpr[i]);
    at = put32(at, bt_pc(c).v);
    at = put32(at, bt_eflags(c));
    at = put_segments(at, c->seg);
    for (int i = 0; i < 8; i++, at += FX_ST_BYTES) memcpy(at, fx + FX_ST + i * FX_ST_STRIDE, FX_ST_BYTES);
    at = put32(at, fpu_word(fx, FX_FCW));
    at = put32(at, fpu_word(fx, FX_FSW));
    at = put32(at, fpu_full_tags(fx));
    at = put32(put32(at, p.fcs), p.fip);
    at = put32(put32(put32(at, p.fds), p.fdp), p.fop);
    memcpy(at, fx + FX_XMM, 128);
    memcpy(at + 128, fx + FX_MXCSR, 4);
    at += 132;
    static const uint8_t bases[] = {DEC_ES, DEC_CS, DEC_SS, DEC_DS, DEC_FS, DEC_GS};
    for (unsigned i = 0; i < sizeof bases; i++) at = put32(at, c->seg[bases[i]].base);
    put32(put32(put32(put32(at, c->cr0), v->cr2), v->cr3), c->cr4);
}

/* VM stays: it is a matter of more than a bit. */
static void set_eflags(struct bt_cpu *c, uint32_t value) {
    bt_set_eflags(c, (value & ~(uint32_t)EFL_VM) | (c->flags_sys & EFL_VM));
}

/* The next instruction is another: it does not wait, and no shadow lies on it. */
static void set_pc(struct vcpu *v, uint32_t linear) {
    uint32_t eip = linear - v->cpu.seg[DEC_CS].base;
    if (eip != v->cpu.eip) v->halted = v->cpu.irq_shadow = false;
    v->cpu.eip = eip;
}

static bool set_fpu(uint8_t *fx, unsigned n, uint32_t value) {
    switch (n) {
    case FCTRL: fpu_set_word(fx, FX_FCW, value); break;
    case FSTAT: fpu_set_word(fx, FX_FSW, value); break;
    case FTAG: fx[FX_FTW] = fpu_short_tags((uint16_t)value); break;
    case MXCSR:
        value &= MXCSR_VALID;
        memcpy(fx + FX_MXCSR, &value, 4);
        break;
    default: return false;
    }
    fpu_update_summary(fx);
    return true;
}

bool gdb_set_register(struct vcpu *v, unsigned n, const uint8_t *value) {
    struct bt_cpu *c = &v->cpu;
    uint32_t word;
    memcpy(&word, value, 4);
    bt_fpu_park(c);
    if (n < 8)
        c->gpr[n] = word;
    else if (n == EIP)
        set_pc(v, word);
    else if (n == EFLAGS)
        set_eflags(c, word);
    else if (n >= ST0 && n < FCTRL)
        memcpy(c->fpu_area + FX_ST + (n - ST0) * FX_ST_STRIDE, value, FX_ST_BYTES);
    else if (n >= XMM0 && n < MXCSR)
        memcpy(c->fpu_area + FX_XMM + (n - XMM0) * 16, value, 16);
    else
        return set_fpu(c->fpu_area, n, word);
    return true;
}
