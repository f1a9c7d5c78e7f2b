/* compare.c: see compare.h. */
#include "compare.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { EXIT_DONE = 0x43 };

struct buffer {
    uint8_t *bytes;
    size_t size;
};

static void path_of(const struct setup *su, const char *name, char *out, size_t size) {
    snprintf(out, size, "%s/%s", su->dir, name);
}

static struct buffer read_file(const char *path) {
    struct buffer b = {NULL, 0};
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return b;
    if (fstat(fd, &st) == 0 && (b.bytes = malloc((size_t)st.st_size + 1))) {
        ssize_t n = read(fd, b.bytes, (size_t)st.st_size);
        b.size = n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return b;
}

static bool write_file(const char *path, const struct buffer *parts, int n) {
    FILE *f = fopen(path, "wb");
    if (!f) return false;
    bool good = true;
    for (int i = 0; i < n; i++) good &= fwrite(parts[i].bytes, 1, parts[i].size, f) == parts[i].size;
    return !fclose(f) && good;
}

/* ---- Packs ---- */

static uint32_t put_cases(const struct item *items, uint32_t n, uint8_t *code, struct state *states,
                          struct test_case *cases) {
    uint32_t at = 0;
    struct sequence s;
    for (uint32_t i = 0; i < n; i++) {
        generate(items[i].seed, items[i].code16, &s);
        uint32_t base = CODE_BASE + at, size = lay_out(&s, items[i].keep, base, code + at);
        bool smc = false;
        for (uint32_t j = 0; j < s.npieces; j++) smc |= s.pieces[j].smc && (items[i].keep >> j & 1);
        for (uint32_t v = 0; v < VARIANTS; v++) {
            uint32_t k = i * VARIANTS + v;
            generate_state(items[i].seed, v, states + k);
            cases[k] = (struct test_case){
                0, k, CASE_NATIVE, smc ? CASE_SMC : 0, base, base + size, base, base + size + 2, ~0u, 1};
        }
        at += size + 2 + items[i].seed % 5; /* any alignment */
        at = (at + 3) & ~3u;
        at += items[i].seed % 4;
    }
    return at;
}

static struct buffer make_pack(const struct item *items, uint32_t n, uint32_t flags) {
    uint32_t count = n * VARIANTS, images = sizeof(struct pack), states = images + sizeof(struct image);
    uint32_t cases = states + count * (uint32_t)sizeof(struct state);
    uint32_t code = (cases + count * (uint32_t)sizeof(struct test_case) + 4095) & ~4095u;
    struct buffer b = {calloc(1, code + CODE_SIZE), 0};
    if (!b.bytes) return b;
    uint32_t size = put_cases(items, n, b.bytes + code, (void *)(b.bytes + states), (void *)(b.bytes + cases));
    size = (size + 64 + 4095) & ~4095u;
    *(struct pack *)(void *)b.bytes = (struct pack){PACK_MAGIC, flags, 0, count, cases, states, images, count};
    *(struct image *)(void *)(b.bytes + images) = (struct image){code, size};
    b.size = code + size;
    return b;
}

/* ---- Running ---- */

/* Waits for a child, killing it after the timeout. Returns its exit code, 128 + signal, or 124. */
static int wait_child(pid_t pid, uint32_t timeout) {
    int status;
    for (uint32_t ms = 0; ms < timeout * 1000; ms += ms < 100 ? 1 : 10) {
        pid_t done = waitpid(pid, &status, WNOHANG);
        if (done == pid) return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        poll(NULL, 0, ms < 100 ? 1 : 10);
    }
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    return 124;
}

static int run_program(struct setup *su, char *const argv[], const char *out) {
    char err[128];
    path_of(su, "stderr", err, sizeof(err));
    pid_t pid = fork();
    if (pid == 0) {
        int in = open("/dev/null", O_RDONLY), o = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        int e = open(err, O_WRONLY | O_CREAT | O_TRUNC, 0600);
        dup2(in, 0), dup2(o, 1), dup2(e, 2);
        execvp(argv[0], argv);
        fprintf(stderr, "%s: %s\n", argv[0], strerror(errno));
        _exit(127);
    }
    int code = wait_child(pid, su->timeout);
    struct buffer b = read_file(err);
    if (b.bytes) b.bytes[b.size] = 0;
    int shown = b.size > 400 ? 400 : (int)b.size;
    snprintf(su->error, sizeof(su->error), "%s: exit code %d: %.*s", argv[0], code, shown,
             b.bytes ? (char *)b.bytes : "");
    free(b.bytes);
    return code;
}

/* Runs a pack file natively; results in `out`. */
static bool run_native(struct setup *su, const struct buffer *pack, const char *out) {
    char program[512], file[128], log[128];
    snprintf(program, sizeof(program), "%s/native32", su->tools);
    path_of(su, "pack", file, sizeof(file));
    path_of(su, "log", log, sizeof(log));
    if (!write_file(file, pack, 1)) return false;
    char *argv[] = {program, file, (char *)(uintptr_t)out, NULL};
    return run_program(su, argv, log) == 0;
}

static const char *bt_option(const char *mode) { return strncmp(mode, "bt-", 3) ? NULL : mode + 3; }

static bool run_tested(struct setup *su, const struct buffer *pack, const char *out) {
    if (!strcmp(su->mode, "native")) return run_native(su, pack, out);
    char kernel[512], image[128], log[128], debugcon[160];
    snprintf(kernel, sizeof(kernel), "%s/kernel.bin", su->tools);
    path_of(su, "image", image, sizeof(image));
    path_of(su, "log", log, sizeof(log));
    snprintf(debugcon, sizeof(debugcon), "file:%s", out);
    struct buffer parts[2] = {read_file(kernel), *pack};
    bool good = parts[0].bytes && write_file(image, parts, 2);
    free(parts[0].bytes);
    if (!good) return false;
    char *bt = (char *)(uintptr_t)bt_option(su->mode), *novt = (char *)(uintptr_t)su->novt;
    char *in_novt[] = {novt,       "run",  "--flat-image", image,   "--flat-address",   "0x100000", "--display", "none",
                       "--serial", "none", "--debugcon",   "stdio", bt ? "--bt" : NULL, bt,         NULL};
    char *in_qemu[] = {"qemu-system-i386",
                       "-accel",
                       "tcg",
                       "-cpu",
                       "max,-umip,-smep,-smap,-la57",
                       "-m",
                       "128",
                       "-display",
                       "none",
                       "-nodefaults",
                       "-no-reboot",
                       "-debugcon",
                       debugcon,
                       "-device",
                       "isa-debug-exit,iobase=0xf4,iosize=4",
                       "-kernel",
                       image,
                       NULL};
    bool qemu = !strcmp(su->mode, "qemu");
    return run_program(su, qemu ? in_qemu : in_novt, qemu ? log : out) == EXIT_DONE;
}

/* ---- Comparing ---- */

static void compare_briefs(const struct buffer *a, const struct buffer *b, uint32_t first, uint32_t count,
                           enum verdict *verdicts) {
    const struct brief *x = (const void *)a->bytes, *y = (const void *)b->bytes;
    for (uint32_t i = first; i < count; i++)
        if (x[i].hash != y[i - first].hash) verdicts[i / VARIANTS] = DIFFERENT;
}

/* Runs the tested program from case `first` on; returns the first case without a result. */
static uint32_t run_rest(struct setup *su, struct buffer *pack, uint32_t first, uint32_t count,
                         const struct buffer *native, enum verdict *verdicts) {
    char out[128];
    path_of(su, "tested", out, sizeof(out));
    struct pack *p = (void *)pack->bytes;
    p->first = first, p->count = count - first;
    run_tested(su, pack, out);
    struct buffer got = read_file(out);
    uint32_t done = (uint32_t)(got.size / sizeof(struct brief));
    if (done > count - first) done = count - first;
    compare_briefs(native, &got, first, first + done, verdicts);
    free(got.bytes);
    return first + done;
}

bool compare(struct setup *su, const struct item *items, uint32_t n, enum verdict *verdicts) {
    char out[128];
    uint32_t count = n * VARIANTS, lost = 0;
    struct buffer pack = make_pack(items, n, 0);
    path_of(su, "native", out, sizeof(out));
    for (uint32_t i = 0; i < n; i++) verdicts[i] = SAME;
    su->lost[0] = 0;
    if (!pack.bytes || !run_native(su, &pack, out)) return free(pack.bytes), false;
    struct buffer native = read_file(out);
    bool good = native.size == count * sizeof(struct brief) + 4;
    for (uint32_t at = 0; good && at < count && lost < 20; lost++) {
        at = run_rest(su, &pack, at, count, &native, verdicts);
        if (at < count) {
            verdicts[at / VARIANTS] = LOST;
            if (!su->lost[0]) memcpy(su->lost, su->error, sizeof(su->lost));
            at = (at / VARIANTS + 1) * VARIANTS;
            if (lost == 19)
                for (; at < count; at++) verdicts[at / VARIANTS] = LOST;
        }
    }
    free(native.bytes);
    free(pack.bytes);
    return good;
}

/* ---- Explaining ---- */

static void differ(const char *what, uint32_t a, uint32_t b) {
    if (a != b) printf("    %-10s native %08x, here %08x\n", what, a, b);
}

static void print_differences(const struct result *a, const struct result *b) {
    static const char *const gpr[] = {"eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi"};
    char name[32];
    differ("vector", a->vector, b->vector), differ("error", a->error, b->error), differ("cr2", a->cr2, b->cr2);
    differ("eip", a->eip, b->eip), differ("eflags", a->eflags, b->eflags);
    differ("cs", a->cs, b->cs), differ("ss", a->ss, b->ss), differ("ds", a->ds, b->ds), differ("es", a->es, b->es);
    differ("fs", a->fs, b->fs), differ("gs", a->gs, b->gs);
    for (uint32_t i = 0; i < 8; i++) differ(gpr[i], a->gpr[i], b->gpr[i]);
    differ("data hash", a->data_hash, b->data_hash), differ("stack hash", a->stack_hash, b->stack_hash);
    differ("code hash", a->code_hash, b->code_hash);
    for (uint32_t i = 0; i < 128; i++) {
        uint32_t x, y;
        memcpy(&x, a->fx + i * 4, 4), memcpy(&y, b->fx + i * 4, 4);
        snprintf(name, sizeof(name),
                 i < 8    ? "fx+%u"
                 : i < 40 ? "st+%u"
                          : "xmm+%u",
                 (i - (i < 8    ? 0
                       : i < 40 ? 8
                                : 40)) *
                     4);
        differ(name, x, y);
    }
}

static void print_code(struct setup *su, const struct item *item) {
    static uint8_t code[MAX_CODE + 16];
    char file[128], command[256];
    struct sequence s;
    generate(item->seed, item->code16, &s);
    uint32_t size = lay_out(&s, item->keep, CODE_BASE, code) + 2, skip = item->code16 ? FAR_JUMP : 0;
    struct buffer b = {code + skip, size - skip};
    path_of(su, "code", file, sizeof(file));
    printf("  code:");
    for (size_t i = 0; i < b.size; i++) printf(" %02x", b.bytes[i]);
    printf("\n");
    fflush(stdout);
    snprintf(command, sizeof(command), "objdump -D -b binary -m %s -M intel --adjust-vma=%#x %s | tail -n +8",
             item->code16 ? "i8086" : "i386", CODE_BASE + skip, file);
    if (write_file(file, &b, 1) && system(command))
        printf("  (no objdump: install binutils to see the instructions)\n");
}

void explain(struct setup *su, const struct item *item) {
    char native[128], tested[128];
    path_of(su, "native", native, sizeof(native));
    path_of(su, "tested", tested, sizeof(tested));
    print_code(su, item);
    struct buffer pack = make_pack(item, 1, PACK_FULL);
    bool good = run_native(su, &pack, native);
    for (uint32_t v = 0; good && v < VARIANTS; v++) {
        struct pack *p = (void *)pack.bytes;
        p->first = v, p->count = 1;
        bool ended = run_tested(su, &pack, tested);
        struct buffer a = read_file(native), b = read_file(tested);
        struct state st;
        generate_state(item->seed, v, &st);
        printf("  state %u: eflags %08x eax %08x ecx %08x edx %08x ebx %08x esp %08x ebp %08x esi %08x edi %08x\n", v,
               st.eflags, st.gpr[0], st.gpr[1], st.gpr[2], st.gpr[3], st.gpr[4], st.gpr[5], st.gpr[6], st.gpr[7]);
        if (a.size < (v + 1) * sizeof(struct result) || b.size < sizeof(struct result) || !ended)
            printf("    %s\n", su->error);
        else
            print_differences((const struct result *)(const void *)a.bytes + v, (const void *)b.bytes);
        free(a.bytes), free(b.bytes);
    }
    free(pack.bytes);
}
