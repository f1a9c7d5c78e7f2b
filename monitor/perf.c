#include "monitor/perf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include "monitor/hostsys.h"
#include "monitor/machine.h"
#include "monitor/symbols.h"

enum { BUFFER = 1 << 20, NS_PER_S = 1000000000, NAME_MAX_BYTES = 600, IDLE_NS = 500000000 };
#define KERNEL_SPACE 0x80000000u /* user code of a 32-bit kernel lies below, wherever its own half begins */

/* One block, in the buffer; behind it its host code for a jitdump, padded to 8 bytes. */
struct note {
    uint64_t ns;
    struct bt_code code;
    uint32_t bytes;      /* with what lies behind */
    const char *of_ours; /* code that translates none of the guest's: its name */
};

struct perf {
    struct machine *m;
    enum mon_perf kind;
    int fd;
    char path[PATH_MAX];
    void *marker; /* perf record sees the dump by this mapping */
    size_t used;
    uint64_t first_ns;        /* of the oldest note in the buffer */
    const uint8_t *cache_end; /* end of the latest block: a lower one tells of a flush */
    uint64_t index;
    bool failed, nameless; /* nameless: a kernel's block had no name */
    char out[64 << 10];
    size_t out_len;
    _Alignas(8) uint8_t buffer[BUFFER];
};

static uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t); /* perf record -k mono */
    return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* ---- Output ---- */

static void write_all(struct perf *p, const char *bytes, size_t n) {
    while (n && !p->failed) {
        ssize_t w = write(p->fd, bytes, n);
        if (w < 0 && errno == EINTR) continue;
        if (w <= 0) {
            p->failed = true;
            fprintf(stderr, "novt: perf: %s: %s\n", p->path, strerror(errno));
            return;
        }
        bytes += w;
        n -= (size_t)w;
    }
}

static void flush_out(struct perf *p) {
    write_all(p, p->out, p->out_len);
    p->out_len = 0;
}

static void put(struct perf *p, const void *bytes, size_t n) {
    if (n > sizeof p->out - p->out_len) flush_out(p);
    if (n > sizeof p->out) {
        write_all(p, bytes, n);
        return;
    }
    memcpy(p->out + p->out_len, bytes, n);
    p->out_len += n;
}

/* ---- Names ---- */

static const char *mode_name(const struct bt_code *c) {
    static const char *const rings[4][2] = {
        {"ring0/16", "ring0"}, {"ring1/16", "ring1"}, {"ring2/16", "ring2"}, {"user/16", "user"}};
    if (c->v86) return "v86";
    if (!c->protected_mode) return "real";
    return rings[c->cpl & 3][c->code32];
}

/* A process may run at addresses that the kernel's symbols name, but not the kernel at a process's. */
static int name_block(struct perf *p, const struct note *n, char *out, size_t room) {
    const struct bt_code *c = &n->code;
    const char *symbol;
    uint32_t offset;
    if (n->of_ours) return snprintf(out, room, "%s", n->of_ours);
    if (c->cpl != 3 && symbols_at(p->m->symbols, c->at.v, &symbol, &offset))
        return snprintf(out, room, "%s+0x%x [%s]", symbol, offset, mode_name(c));
    return snprintf(out, room, "0x%08x [%s]", c->at.v, mode_name(c));
}

/* ---- Perf map ---- */

static void map_line(struct perf *p, const struct note *n) {
    char name[NAME_MAX_BYTES], line[NAME_MAX_BYTES + 64];
    name_block(p, n, name, sizeof name);
    int len =
        snprintf(line, sizeof line, "%lx %x %s\n", (unsigned long)(uintptr_t)n->code.host, n->code.host_len, name);
    put(p, line, (size_t)len);
}

/* The cache has been flushed: what the map said is no longer so. */
static void map_restart(struct perf *p) {
    p->used = p->out_len = 0;
    if (ftruncate(p->fd, 0) || lseek(p->fd, 0, SEEK_SET)) p->failed = true;
}

/* ---- Jitdump ---- */

enum { JIT_MAGIC = 0x4A695444, JIT_VERSION = 1, JIT_CODE_LOAD = 0, JIT_CODE_CLOSE = 3, ELF_X86_64 = 62 };

struct jit_header {
    uint32_t magic, version, size, machine, pad, pid;
    uint64_t ns, flags;
};
struct jit_record {
    uint32_t id, size;
    uint64_t ns;
};
struct jit_load {
    struct jit_record head;
    uint32_t pid, tid;
    uint64_t vma, address, size, index;
};

static void jit_begin(struct perf *p) {
    struct jit_header h = {.magic = JIT_MAGIC,
                           .version = JIT_VERSION,
                           .size = sizeof h,
                           .machine = ELF_X86_64,
                           .pid = (uint32_t)hostsys_getpid(),
                           .ns = now_ns()};
    put(p, &h, sizeof h);
    flush_out(p);
}

static void jit_end(struct perf *p) {
    struct jit_record r = {JIT_CODE_CLOSE, sizeof r, now_ns()};
    put(p, &r, sizeof r);
}

static void jit_load(struct perf *p, const struct note *n) {
    char name[NAME_MAX_BYTES];
    size_t len = (size_t)name_block(p, n, name, sizeof name) + 1;
    uint64_t host = (uint64_t)(uintptr_t)n->code.host;
    struct jit_load l = {.head = {JIT_CODE_LOAD, (uint32_t)(sizeof l + len + n->code.host_len), n->ns},
                         .pid = (uint32_t)hostsys_getpid(),
                         .tid = (uint32_t)p->m->events.tid,
                         .vma = host,
                         .address = host,
                         .size = n->code.host_len,
                         .index = p->index++};
    put(p, &l, sizeof l);
    put(p, name, len);
    put(p, n + 1, n->code.host_len);
}

/* ---- Notes ---- */

static bool of_kernel(const struct bt_code *c) { return c->paged && c->cpl != 3 && c->at.v >= KERNEL_SPACE; }

static void write_notes(struct perf *p) {
    if (p->nameless) symbols_look(p->m->symbols, p->m->mem, now_ns());
    for (size_t at = 0; at < p->used;) {
        const struct note *n = (const struct note *)(const void *)(p->buffer + at);
        if (p->kind == MON_PERF_MAP)
            map_line(p, n);
        else
            jit_load(p, n);
        at += n->bytes;
    }
    flush_out(p);
    p->used = 0;
    p->nameless = false;
}

static void take_note(struct perf *p, const struct bt_code *code, const char *of_ours) {
    bool with_code = p->kind == MON_PERF_JITDUMP;
    size_t bytes = sizeof(struct note) + (with_code ? (code->host_len + 7u) & ~7u : 0u);
    if (bytes > BUFFER) return;
    if (bytes > BUFFER - p->used) write_notes(p);
    struct note *n = (struct note *)(void *)(p->buffer + p->used);
    *n = (struct note){now_ns(), *code, (uint32_t)bytes, of_ours};
    if (with_code) memcpy(n + 1, code->host, code->host_len);
    if (!p->used) p->first_ns = n->ns;
    p->nameless |= !of_ours && of_kernel(code);
    p->used += bytes;
}

/* Thunks lie at the begin of the cache, entries of blocks between blocks. */
static void note_gap(struct perf *p, const uint8_t *block) {
    bool first = !p->cache_end;
    const uint8_t *from = first ? (const uint8_t *)((uintptr_t)block & ~(uintptr_t)SMMU_PAGE_MASK) : p->cache_end;
    if (from >= block) return;
    struct bt_code gap = {.host = from, .host_len = (uint32_t)(block - from)};
    take_note(p, &gap, first ? "novt thunks" : "novt entry");
}

void perf_made(void *opaque, const struct bt_code *code) {
    struct perf *p = opaque;
    bt_fpu_park(&p->m->vcpu.cpu);
    if (code->cold) {
        take_note(p, code, NULL);
        return;
    }
    if (code->host < p->cache_end && p->kind == MON_PERF_MAP) map_restart(p);
    note_gap(p, code->host);
    take_note(p, code, NULL);
    p->cache_end = code->host + code->host_len;
}

void perf_idle(struct perf *p) {
    if (p && p->used && now_ns() - p->first_ns > IDLE_NS) write_notes(p);
}

/* ---- Life ---- */

/* Never through a link that somebody has laid out in /tmp; what a former process of this number left is replaced. */
static bool create(struct perf *p) {
    p->fd = open(p->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (p->fd < 0 && errno == EEXIST && !unlink(p->path))
        p->fd = open(p->path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return p->fd >= 0;
}

static bool begin(struct perf *p) {
    const char *dir = getenv("JITDUMPDIR");
    bool map = p->kind == MON_PERF_MAP;
    int n = map ? snprintf(p->path, sizeof p->path, "/tmp/perf-%d.map", hostsys_getpid())
                : snprintf(p->path, sizeof p->path, "%s/jit-%d.dump", dir && *dir ? dir : "/tmp", hostsys_getpid());
    if (n < 0 || n >= (int)sizeof p->path) {
        errno = ENAMETOOLONG;
        return false;
    }
    if (!create(p) || map) return p->fd >= 0;
    jit_begin(p);
    p->marker = mmap(NULL, SMMU_PAGE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE, p->fd, 0);
    if (p->marker == MAP_FAILED) p->marker = NULL;
    return !p->failed && p->marker;
}

struct perf *perf_open(struct machine *m, enum mon_perf kind, char *errbuf, size_t errlen) {
    struct perf *p = calloc(1, sizeof *p);
    if (!p) {
        snprintf(errbuf, errlen, "out of memory");
        return NULL;
    }
    p->m = m;
    p->kind = kind;
    p->fd = -1;
    if (begin(p)) return p;
    snprintf(errbuf, errlen, "perf: %s: %s", p->path, strerror(errno));
    perf_close(p);
    return NULL;
}

void perf_close(struct perf *p) {
    if (!p) return;
    if (p->fd >= 0) {
        write_notes(p);
        if (p->kind == MON_PERF_JITDUMP) jit_end(p);
        flush_out(p);
        close(p->fd);
    }
    if (p->marker) munmap(p->marker, SMMU_PAGE_SIZE);
    free(p);
}
