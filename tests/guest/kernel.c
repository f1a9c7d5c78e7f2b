/*
 * kernel.c: the test kernel, a flat guest image that runs a pack of cases at ring 3 or 0 and sends the results
 * to the debug console. novt enters it with --flat-image; QEMU loads the same file as a multiboot kernel.
 */
#include "run_cases.h"

/* Fixed places that ring-0 cases know too (tests/asm/case.inc). */
enum { GDT = 0x8000, LDT = 0x8800, IDT = 0x9000, TSS = 0xa000, PAGE_DIR = 0xb000, PAGE_TABLES = 0xc000 };

extern uint32_t f_gpr[8], f_vector, f_error, f_eip, f_cs, f_eflags, f_ss, f_ds, f_es, f_fs, f_gs;
extern uint32_t enter_gpr[8], enter_eflags, enter_eip, enter_ring0;
extern void enter_case(void);
extern uint8_t stubs[], boot_stack_top[];
extern const uint8_t pack[];

static inline void outb(uint16_t port, uint8_t v) { __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port)); }

static void put(const void *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) outb(0xe9, ((const uint8_t *)bytes)[i]);
}

/* ---- Tables ---- */

static void descriptor(uint32_t table, uint32_t selector, const struct case_seg *s) {
    volatile uint32_t *d = (volatile uint32_t *)(table + (selector & ~7u));
    d[0] = s->base << 16 | (s->limit & 0xffff);
    d[1] = (s->base & 0xff000000) | (s->pages * 2u + s->big) << 22 | (s->limit & 0xf0000) | s->access << 8 |
           (s->base >> 16 & 0xff);
}

static void build_segments(void) {
    static const struct case_seg flat[] = {{0, 0xfffff, 0x9b, 1, 1}, {0, 0xfffff, 0x93, 1, 1}, {0, 0xfffff, 0xfb, 1, 1},
                                           {0, 0xfffff, 0xf3, 1, 1}, {TSS, 0x67, 0x89, 0, 0},  {LDT, 0xff, 0x82, 0, 0}};
    static const uint8_t where[] = {0x08, 0x10, 0x20, 0x28, 0x40, 0x50};
    fill_words((void *)GDT, 0x1000, 0);
    for (uint32_t i = 0; i < sizeof(where); i++) descriptor(GDT, where[i], flat + i);
    for (uint32_t i = 0; i < CASE_LDT_COUNT; i++) descriptor(LDT, i * 8, case_ldt + i);
    uint32_t *tss = (void *)TSS;
    fill_words(tss, 0x68, 0);
    tss[1] = (uint32_t)boot_stack_top;
    tss[2] = 0x10;
    tss[25] = 0x680000; /* no I/O bitmap */
}

static void build_idt(void) {
    volatile uint32_t *g = (void *)IDT;
    for (uint32_t v = 0; v < 256; v++) {
        uint32_t at = (uint32_t)stubs + v * 16;
        g[v * 2] = 0x80000 | (at & 0xffff);
        g[v * 2 + 1] = (at & 0xffff0000) | (v == 3 || v == 4 ? 0xee00 : 0x8e00);
    }
}

static void map(uint32_t linear, uint32_t phys, uint32_t size, uint32_t bits) {
    for (uint32_t i = 0; i < size; i += 4096) {
        uint32_t table = *(uint32_t *)(PAGE_DIR + ((linear + i) >> 22) * 4) & ~0xfffu;
        *(uint32_t *)(table + ((linear + i) >> 12 & 0x3ff) * 4) = (phys + i) | bits;
    }
}

static void build_paging(void) {
    static const uint32_t tables[] = {CODE_BASE, CODE_BASE + 0x400000, DATA_BASE, STACK_BASE};
    fill_words((void *)PAGE_DIR, 0x5000, 0);
    uint32_t *dir = (void *)PAGE_DIR;
    for (uint32_t i = 0; i < 16; i++) dir[i] = i << 22 | 0x83; /* identity, 4-MiB supervisor pages */
    for (uint32_t i = 0; i < 4; i++) dir[tables[i] >> 22] = (PAGE_TABLES + i * 4096) | 7;
    map(CODE_BASE, CODE_PHYS, CODE_SIZE, 7);
    map(DATA_BASE, DATA_PHYS, DATA_SIZE, 7);
    map(RO_BASE, RO_PHYS, RO_SIZE, 5);
    map(STACK_BASE, STACK_PHYS, STACK_SIZE, 7);
}

/* Everything a ring-0 case may have changed; runs at its identity address, so paging may go off. */
static void set_up_cpu(void) {
    const struct {
        uint16_t limit;
        uint32_t base;
    } __attribute__((packed)) gdt = {0x7ff, GDT}, idt = {0x7ff, IDT};
    __asm__ volatile("mov %0, %%cr0; jmp 1f; 1:" : : "r"(0x33)); /* the tables may not change under paging */
    build_segments();
    build_idt();
    build_paging();
    __asm__ volatile("lgdt %0; lidt %1; ljmp $8, $1f; 1:" : : "m"(gdt), "m"(idt));
    __asm__ volatile("mov %0, %%ds; mov %0, %%es; mov %0, %%ss; mov %1, %%fs; mov %1, %%gs" : : "r"(0x10), "r"(0));
    __asm__ volatile("mov %0, %%cr4" : : "r"(0x610)); /* OSXMMEXCPT OSFXSR PSE */
    __asm__ volatile("mov %0, %%cr3" : : "r"(PAGE_DIR));
    __asm__ volatile("mov %0, %%cr0; jmp 1f; 1:" : : "r"(0x80050033)); /* PG AM WP NE ET MP PE */
    __asm__ volatile("lldt %w0; ltr %w1; mov %2, %%dr7" : : "r"(0x50), "r"(0x40), "r"(0x400));
}

/* The last frame's EFLAGS on the case's own stack: RF in it depends on the fault (and QEMU never sets it). */
static void clear_rf(void) {
    uint32_t at = f_gpr[4] - 4;
    if (!(f_cs & 3) && at >= STACK_BASE && at <= STACK_BASE + STACK_SIZE - 4) *(uint32_t *)at &= ~0x10000u;
}

static void run_one(const struct test_case *c, const struct state *s) {
    for (uint32_t i = 0; i < 8; i++) enter_gpr[i] = s->gpr[i];
    enter_ring0 = c->mode == CASE_RING0;
    enter_eflags = (s->eflags & ~(enter_ring0 ? 0x200u : 0)) | 2;
    enter_eip = c->entry;
    __asm__ volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(0));
    enter_case();
    for (uint32_t i = 0; i < 8; i++) cur.gpr[i] = f_gpr[i];
    cur.vector = f_vector;
    cur.error = f_error;
    cur.eip = f_eip;
    cur.eflags = f_eflags;
    cur.esp = f_gpr[4];
    cur.cs = f_cs & 0xffff, cur.ss = f_ss & 0xffff, cur.ds = f_ds & 0xffff, cur.es = f_es & 0xffff;
    cur.fs = f_fs & 0xffff, cur.gs = f_gs & 0xffff;
    __asm__ volatile("mov %%cr2, %0" : "=r"(cur.cr2));
    if (enter_ring0) {
        set_up_cpu();
        clear_rf();
    }
    copy_words((uint32_t)cur.fx, fx_image, 512);
}

__attribute__((used)) void kernel_main(void) {
    outb(0x21, 0xff); /* no interrupts: cases may run with IF set */
    outb(0xa1, 0xff);
    fill_words((uint32_t *)RO_PHYS, RO_SIZE, 1);
    set_up_cpu();
    run_pack((const void *)pack);
    for (;;) outb(0xf4, 0x21); /* exit code 0x43 */
}
