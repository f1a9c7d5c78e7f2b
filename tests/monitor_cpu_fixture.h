/*
 * monitor_cpu_fixture.h: a CPU with real memory and no run loop, on which the monitor_*_test programs call sensitive
 * instructions one at a time: bytes -> decoder -> row of sensitive.def -> helper.
 *
 * Physical memory layout: GDT at 1000, IDT at 2000, TSSs at 3000, code at 10000, stacks below 80000.
 */
#ifndef NOVT_TESTS_MONITOR_CPU_FIXTURE_H
#define NOVT_TESTS_MONITOR_CPU_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "bt/sensitive.h"
#include "monitor/cpuid.h"
#include "monitor/desc.h"
#include "monitor/machine.h"

enum {
    GDT = 0x1000,
    IDT = 0x2000,
    TSS = 0x3000,
    TSS2 = 0x3400,
    TSS16_AT = 0x3800,
    CODE = 0x10000,
    STACK0 = 0x80000,
    STACK3 = 0x70000,
    RAM_BYTES = 8 << 20
};
/* Selectors of the fixture's GDT. */
enum {
    CODE0 = 0x08,
    DATA0 = 0x10,
    CODE3 = 0x1B,
    DATA3 = 0x23,
    TSS_SEL = 0x28,
    CODE16 = 0x30,
    DATA16 = 0x38,
    TSS2_SEL = 0x40,
    TSS16_SEL = 0x48,
    CONFORMING0 = 0x50,
    READONLY0 = 0x58,
    ABSENT0 = 0x60,
    EXPAND_DOWN0 = 0x68,
    EXEC_ONLY0 = 0x70,
    LDT_SEL = 0x78,
    FREE = 0x80,
    GDT_BYTES = 0x100
};

static struct machine *machine;
static struct vcpu *v;

static void poke(uint32_t pa, uint32_t value, unsigned size) { smmu_mem_write(machine->mem, gpa(pa), &value, size); }
static uint32_t peek(uint32_t pa, unsigned size) {
    uint32_t value = 0;
    smmu_mem_read(machine->mem, gpa(pa), &value, size);
    return value;
}

static inline void poke_desc(uint32_t pa, uint32_t base, uint32_t limit, uint32_t attr) {
    poke(pa, (limit & 0xFFFF) | base << 16, 4);
    poke(pa + 4, (base >> 16 & 0xFF) | (attr & 0xF0FF) << 8 | (limit & 0xF0000) | (base & 0xFF000000), 4);
}
static inline void gdt_entry(unsigned sel, uint32_t base, uint32_t limit, uint32_t attr) {
    poke_desc(GDT + (sel & 0xFFF8), base, limit, attr);
}
/* A gate of any kind; low: parameter count. */
static inline void poke_gate(uint32_t pa, unsigned sel, uint32_t offset, unsigned type_attr, unsigned low) {
    poke(pa, (offset & 0xFFFF) | sel << 16, 4);
    poke(pa + 4, (offset & 0xFFFF0000) | type_attr << 8 | low, 4);
}
static inline void idt_gate(unsigned vector, unsigned sel, uint32_t offset, unsigned type_attr) {
    poke_gate(IDT + vector * 8, sel, offset, type_attr, 0);
}

static inline void build_gdt(void) {
    gdt_entry(CODE0, 0, 0xFFFFF, 0xC09B);
    gdt_entry(DATA0, 0, 0xFFFFF, 0xC093);
    gdt_entry(CODE3, 0, 0xFFFFF, 0xC0FB);
    gdt_entry(DATA3, 0, 0xFFFFF, 0xC0F3);
    gdt_entry(TSS_SEL, TSS, 0x3FF, 0x8B);
    gdt_entry(CODE16, CODE, 0xFFFF, 0x9B);
    gdt_entry(DATA16, 0x60000, 0xFFFF, 0x93);
    gdt_entry(TSS2_SEL, TSS2, 0x67, 0x89);
    gdt_entry(TSS16_SEL, TSS16_AT, 0x2B, 0x81);
    gdt_entry(CONFORMING0, 0, 0xFFFFF, 0xC09F);
    gdt_entry(READONLY0, 0, 0xFFFFF, 0xC091);
    gdt_entry(ABSENT0, 0, 0xFFFFF, 0xC013);
    gdt_entry(EXPAND_DOWN0, 0, 0xF, 0xC097);
    gdt_entry(EXEC_ONLY0, 0, 0xFFFFF, 0xC099);
    gdt_entry(LDT_SEL, GDT, 0xFF, 0x82);
}

static inline struct bt_seg seg_of(unsigned sel) {
    struct mon_desc d;
    smmu_mem_read(machine->mem, gpa(GDT + (sel & 0xFFF8)), &d, sizeof d);
    return (struct bt_seg){
        .base = desc_base(&d), .limit = desc_limit(&d), .selector = (uint16_t)sel, .attr = desc_attr(&d)};
}

/* Real mode as after reset, but at 1000:0000 with a small stack. */
static inline void enter_real(void) {
    vcpu_reset(v);
    for (int i = 0; i < DEC_SEG_COUNT; i++) v->cpu.seg[i] = (struct bt_seg){.limit = 0xFFFF, .attr = ATTR_REAL};
    v->cpu.seg[DEC_CS].selector = CODE >> 4;
    v->cpu.seg[DEC_CS].base = CODE;
    v->cpu.seg[DEC_SS].selector = 0x7000;
    v->cpu.seg[DEC_SS].base = 0x70000;
    v->cpu.gpr[DEC_ESP] = 0x1000;
    v->cpu.eip = 0x100;
    bt_state_changed(v->cpu.engine);
}

/* Flat 32-bit protected mode in ring `cpl`, paging off. */
static inline void enter_protected(unsigned cpl) {
    vcpu_reset(v);
    v->cpu.cr0 |= CR0_PE | CR0_NE;
    v->gdt = (struct vcpu_table){GDT, GDT_BYTES - 1};
    v->idt = (struct vcpu_table){IDT, 0x7FF};
    build_gdt();
    poke(TSS + 4, STACK0, 4);
    poke(TSS + 8, DATA0, 2);
    poke(TSS + 0x66, 0x88, 2);
    v->tr = seg_of(TSS_SEL);
    unsigned cs = cpl ? CODE3 : CODE0, ds = cpl ? DATA3 : DATA0;
    for (int i = 0; i < DEC_SEG_COUNT; i++) v->cpu.seg[i] = seg_of(i == DEC_CS ? cs : ds);
    v->cpu.cpl = (uint8_t)cpl;
    v->cpu.gpr[DEC_ESP] = cpl ? STACK3 : STACK0;
    v->cpu.eip = CODE + 0x100;
    mon_update_paging(v, true);
    bt_state_changed(v->cpu.engine);
}

static inline void enter_v86(unsigned iopl) {
    enter_protected(3);
    v->cpu.flags_sys = EFL_VM | iopl << EFL_IOPL_SHIFT;
    static const uint16_t sel[] = {0x2000, CODE >> 4, 0x7000, 0x3000, 0x4000, 0x5000};
    for (int i = 0; i < DEC_SEG_COUNT; i++)
        v->cpu.seg[i] = (struct bt_seg){.base = sel[i] * 16u, .limit = 0xFFFF, .selector = sel[i], .attr = ATTR_V86};
    v->cpu.gpr[DEC_ESP] = 0x1000;
    v->cpu.eip = 0x100;
    bt_state_changed(v->cpu.engine);
}

/* Executes one instruction given as bytes through the table. */
static inline enum bt_next run_bytes(const uint8_t *bytes, unsigned len) {
    struct insn insn;
    uint8_t buf[15] = {0};
    memcpy(buf, bytes, len);
    bool code32 = v->cpu.seg[DEC_CS].attr & BT_ATTR_DB;
    assert_int_equal(dec_insn(buf, 15, code32, mon_model_features(v->model), &insn), DEC_OK);
    assert_int_equal(insn.len, len);
    enum bt_op op = bt_op_find(&insn);
    assert_true(op < BT_OP_COUNT);
    return mon_ops[op](&v->cpu, &insn);
}
#define RUN(...) run_bytes((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* Every vector goes to CODE0:(F0000 + vector), so that eip tells what was delivered. */
enum { HANDLERS = 0xF0000 };
static inline void idt_all(unsigned type_attr) {
    for (unsigned i = 0; i < 256; i++) idt_gate(i, CODE0, HANDLERS + i, type_attr);
}
/* The frame word at ESP + 4*i of the present stack. */
static inline uint32_t frame(unsigned i) { return peek(v->cpu.seg[DEC_SS].base + v->cpu.gpr[DEC_ESP] + 4 * i, 4); }
static inline uint32_t frame16(unsigned i) {
    return peek(v->cpu.seg[DEC_SS].base + (v->cpu.gpr[DEC_ESP] & 0xFFFF) + 2 * i, 2);
}

static inline void assert_fault(unsigned vector, uint32_t error) {
    assert_int_equal(v->cpu.eip, HANDLERS + vector);
    assert_int_equal(frame(0), error);
}

static inline int fixture_setup(void **state) {
    (void)state;
    machine = aligned_alloc(64, (sizeof *machine + 63) / 64 * 64);
    memset(machine, 0, sizeof *machine);
    v = &machine->vcpu;
    if (smmu_mem_create(RAM_BYTES, 0, &machine->mem) != SMMU_OK) return -1;
    if (smmu_mem_map_frames(machine->mem, gpa(0), RAM_BYTES, 0, 0) != SMMU_OK) return -1;
    if (smmu_create(machine->mem, NULL, &machine->smmu) != SMMU_OK) return -1;
    machine->log.fd = -1;
    machine->io = dev_io_create();
    v->machine = machine;
    v->model = mon_model_find("max32");
    v->cpu.smmu = machine->smmu;
    v->cpu.fpu_parked = true;
    struct bt_config cfg = {.ops = mon_ops, .features = mon_model_features(v->model)};
    if (bt_create(&v->cpu, machine->mem, &cfg, &machine->engine) != BT_OK) return -1;
    return 0;
}

static inline int fixture_teardown(void **state) {
    (void)state;
    bt_destroy(machine->engine);
    dev_io_destroy(machine->io);
    smmu_destroy(machine->smmu);
    smmu_mem_destroy(machine->mem);
    free(machine);
    return 0;
}
#define CPU_TEST(fn) cmocka_unit_test_setup_teardown(fn, fixture_setup, fixture_teardown)
#endif
