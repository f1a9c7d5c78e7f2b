/*
 * native32.c: runs a pack of cases on the real CPU: `native32 PACK RESULTS`.
 *
 * A static 32-bit program without a C library, so that cases may load any segment register. A case ends in a
 * signal, whose frame holds the whole state; the handler stores it and returns to the loop.
 */
#include "run_cases.h"

enum {
    SYS_EXIT = 1,
    SYS_WRITE = 4,
    SYS_OPEN = 5,
    SYS_SETITIMER = 104,
    SYS_MODIFY_LDT = 123,
    SYS_MPROTECT = 125,
    SYS_SIGACTION = 174,
    SYS_SIGALTSTACK = 186,
    SYS_MMAP2 = 192
};

static int32_t sys(int32_t nr, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e) {
    int32_t r;
    /* EBP, the sixth argument, is mmap's offset: 0 */
    __asm__ volatile("push %%ebp; xor %%ebp, %%ebp; int $0x80; pop %%ebp"
                     : "=a"(r)
                     : "a"(nr), "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
                     : "memory");
    return r;
}

static void fail(const char *what) {
    uint32_t n = 0;
    while (what[n]) n++;
    sys(SYS_WRITE, 2, (uint32_t)what, n, 0, 0);
    sys(SYS_EXIT, 3, 0, 0, 0, 0);
}

/* ---- The signal frame of a 32-bit process ---- */

struct sigctx {
    uint32_t gs, fs, es, ds, edi, esi, ebp, esp, ebx, edx, ecx, eax, trapno, err, eip, cs, eflags, esp_at_signal, ss;
    uint8_t *fpstate; /* FSAVE image of 112 bytes, then the FXSAVE image */
    uint32_t oldmask, cr2;
};
struct ucontext {
    uint32_t flags, link, stack[3];
    struct sigctx mc;
};

extern void enter_case(void);
extern void sig_restorer(void);
extern void back_from_case(void);
uint32_t enter_gpr[8], enter_eflags, enter_eip, saved_esp;

/* Loads the state and jumps; the handler comes back to back_from_case with the saved stack. */
__asm__(".text\n"
        "enter_case: pusha\n"
        "  mov %esp, saved_esp\n"
        "  fxrstor fx_image\n"
        "  pushl enter_eflags\n"
        "  popf\n"
        "  mov enter_gpr+0, %eax\n  mov enter_gpr+4, %ecx\n  mov enter_gpr+8, %edx\n  mov enter_gpr+12, %ebx\n"
        "  mov enter_gpr+16, %esp\n  mov enter_gpr+20, %ebp\n  mov enter_gpr+24, %esi\n  mov enter_gpr+28, %edi\n"
        "  jmp *enter_eip\n"
        "back_from_case: cld\n  fninit\n  popa\n  ret\n"
        "sig_restorer: mov $173, %eax\n  int $0x80\n"
        ".globl _start\n"
        "_start: mov %esp, %eax\n  and $-16, %esp\n  sub $12, %esp\n  push %eax\n  call main32\n  ud2\n");

__attribute__((force_align_arg_pointer)) static void on_signal(int signo, void *info, void *context) {
    (void)info;
    struct sigctx *m = &((struct ucontext *)context)->mc;
    const uint32_t gpr[8] = {m->eax, m->ecx, m->edx, m->ebx, m->esp, m->ebp, m->esi, m->edi};
    for (uint32_t i = 0; i < 8; i++) cur.gpr[i] = gpr[i];
    cur.vector = signo == 27 ? TIMEOUT_VECTOR : m->trapno;
    cur.error = m->err;
    cur.cr2 = m->cr2;
    cur.eip = m->eip;
    cur.eflags = m->eflags;
    cur.esp = m->esp;
    cur.cs = m->cs & 0xffff, cur.ss = m->ss & 0xffff, cur.ds = m->ds & 0xffff, cur.es = m->es & 0xffff;
    cur.fs = m->fs & 0xffff, cur.gs = m->gs & 0xffff;
    copy_words((uint32_t)cur.fx, m->fpstate + 112, 512);
    m->esp = saved_esp;
    m->eip = (uint32_t)back_from_case;
    m->eflags = 0x202;
    m->cs = 0x23, m->ss = m->ds = m->es = 0x2b, m->fs = m->gs = 0;
}

static void run_one(const struct test_case *c, const struct state *s) {
    if (c->mode != CASE_NATIVE) {
        cur.vector = NO_VECTOR;
        return;
    }
    for (uint32_t i = 0; i < 8; i++) enter_gpr[i] = s->gpr[i];
    enter_eflags = s->eflags | 2;
    enter_eip = c->entry;
    /* Ten seconds of this process's CPU time end a case that loops. */
    const uint32_t on[4] = {0, 0, 10, 0};
    sys(SYS_SETITIMER, 2 /* ITIMER_PROF */, (uint32_t)on, 0, 0, 0);
    enter_case();
}

/* ---- Output ---- */

static uint8_t out[1 << 16];
static uint32_t out_used;
static int32_t out_fd;

static void flush(void) {
    for (uint32_t done = 0; done < out_used;) {
        int32_t n = sys(SYS_WRITE, out_fd, (uint32_t)out + done, out_used - done, 0, 0);
        if (n <= 0) fail("native32: cannot write the results\n");
        done += n;
    }
    out_used = 0;
}
static void put(const void *bytes, uint32_t size) {
    if (out_used + size > sizeof(out)) flush();
    for (uint32_t i = 0; i < size; i++) out[out_used++] = ((const uint8_t *)bytes)[i];
}

/* ---- Setting up ---- */

enum { PROT_RO = 1, PROT_RWX = 7, MAP_PRIVATE = 2, MAP_FIXED_POPULATED_ANON = 0x8032 };

static void map_area(uint32_t base, uint32_t size) {
    if ((uint32_t)sys(SYS_MMAP2, base, size, PROT_RWX, MAP_FIXED_POPULATED_ANON, -1) != base) fail("native32: mmap\n");
    fill_words((uint32_t *)base, size, 0);
}

static void set_signals(void) {
    static uint8_t alt[65536];
    const uint32_t ss[3] = {(uint32_t)alt, 0, sizeof(alt)};
    sys(SYS_SIGALTSTACK, (uint32_t)ss, 0, 0, 0, 0);
    /* SA_SIGINFO, SA_RESTORER, SA_ONSTACK, SA_NODEFER */
    const uint32_t sa[5] = {(uint32_t)on_signal, 4 | 0x04000000 | 0x08000000 | 0x40000000, (uint32_t)sig_restorer};
    static const uint8_t signals[] = {4, 5, 7, 8, 11, 27}; /* ILL TRAP BUS FPE SEGV PROF */
    for (uint32_t i = 0; i < sizeof(signals); i++) sys(SYS_SIGACTION, signals[i], (uint32_t)sa, 0, 8, 0);
}

static void set_ldt(void) {
    for (uint32_t i = 0; i < CASE_LDT_COUNT; i++) {
        const struct case_seg *s = case_ldt + i;
        uint32_t flags =
            s->big | (s->access >> 2 & 3) << 1 | !(s->access & 2) << 3 | s->pages << 4 | !(s->access >> 7) << 5;
        const uint32_t desc[4] = {i, s->base, s->limit, flags};
        if (sys(SYS_MODIFY_LDT, 1, (uint32_t)desc, sizeof(desc), 0, 0)) fail("native32: modify_ldt\n");
    }
}

static const struct pack *read_pack(const char *path) {
    int32_t fd = sys(SYS_OPEN, (uint32_t)path, 0, 0, 0, 0);
    if (fd < 0) fail("native32: cannot open the pack\n");
    uint32_t p = sys(SYS_MMAP2, 0, 512 << 20, PROT_RO, MAP_PRIVATE, fd);
    if (p > -4096u || ((const struct pack *)p)->magic != PACK_MAGIC) fail("native32: not a pack\n");
    return (const struct pack *)p;
}

__attribute__((used)) static void main32(uint32_t *args) {
    if (args[0] != 3) fail("usage: native32 PACK RESULTS\n");
    const struct pack *p = read_pack((const char *)args[2]);
    out_fd = sys(SYS_OPEN, args[3], 01 | 0100 | 01000, 0644, 0, 0);
    if (out_fd < 0) fail("native32: cannot create the results\n");
    map_area(CODE_BASE, CODE_SIZE);
    map_area(DATA_BASE, DATA_SIZE);
    map_area(STACK_BASE, STACK_SIZE);
    map_area(RO_BASE, RO_SIZE);
    fill_words((uint32_t *)RO_BASE, RO_SIZE, 1);
    sys(SYS_MPROTECT, RO_BASE, RO_SIZE, PROT_RO, 0, 0);
    set_signals();
    set_ldt();
    __asm__ volatile("mov %0, %%fs; mov %0, %%gs" : : "r"(0));
    run_pack(p);
    flush();
    sys(SYS_EXIT, 0, 0, 0, 0, 0);
}
