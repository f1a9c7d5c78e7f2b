#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what) {
    fprintf(stderr, "bench: %s\n", what);
    exit(1);
}

/* ---- Services ---- */

static uint64_t now_ns(void *o) { return ((struct bench *)o)->now; }
static uint64_t tsc(void *o) { return 2 * ((struct bench *)o)->now; }
static uint64_t tsc_due_ns(void *o, uint64_t value) { return (void)o, value / 2; } /* odd values: a little early */
static int64_t wall_seconds(void *o) { return 946684800 + (int64_t)(((struct bench *)o)->now / 1000000000u); }

static void timer_cancel(void *o, struct dev_timer *t) {
    struct bench *b = o;
    if (t->slot) b->timer[t->slot - 1] = NULL;
    t->slot = 0;
}

static void timer_arm(void *o, struct dev_timer *t, uint64_t deadline) {
    struct bench *b = o;
    for (uint32_t i = 0; i < BENCH_TIMERS && !t->slot; i++)
        if (!b->timer[i]) t->slot = i + 1;
    if (!t->slot) abort(); /* a device that arms timers without end */
    b->timer[t->slot - 1] = t;
    t->deadline_ns = deadline;
}

static void request(void *o, enum dev_request what, int value) { (void)o, (void)what, (void)value; }
static void set_a20(void *o, bool on) { (void)o, (void)on; }
static void log_line(void *o, const char *device, const char *fmt, ...) { (void)o, (void)device, (void)fmt; }
static void line_set(void *o, int n, bool level) { ((struct bench *)o)->sent += (uint64_t)n + level; }
struct dev_line bench_line(struct bench *b) {
    return (struct dev_line){line_set, b, 1};
}

static void out(void *o, const uint8_t *buf, size_t len) {
    struct bench *b = o;
    for (size_t i = 0; i < len; i++) b->sent += buf[i];
}
static void nothing(void *o) { (void)o; }

/* The next timer that is due; NULL: none. */
static struct dev_timer *due(struct bench *b, uint64_t until) {
    struct dev_timer *best = NULL;
    for (int i = 0; i < BENCH_TIMERS; i++) {
        struct dev_timer *t = b->timer[i];
        if (t && t->deadline_ns <= until && (!best || t->deadline_ns < best->deadline_ns)) best = t;
    }
    return best;
}

void bench_advance(struct bench *b, uint64_t ns) {
    enum { FIRINGS = 4096 }; /* a fast timer may have more periods in this time: the rest is late, as on a busy host */
    uint64_t end = b->now + ns;
    struct dev_timer *t;
    for (int i = 0; i < FIRINGS && (t = due(b, end)); i++) {
        if (t->deadline_ns > b->now) b->now = t->deadline_ns;
        timer_cancel(b, t);
        t->fn(t->opaque, b->now);
    }
    b->now = end;
}

/* ---- Storage ---- */

static void submit(struct blk *blk, struct blk_request *r) {
    struct bench_drive *d = blk->opaque;
    if (d->count == BENCH_REQUESTS) abort(); /* a device with requests without end */
    d->pending[d->count++] = r;
}

static void take(struct bench_drive *d, unsigned i) {
    d->count--;
    memmove(d->pending + i, d->pending + i + 1, (d->count - i) * sizeof d->pending[0]);
}

static void cancel(struct blk *blk, struct blk_request *r) {
    struct bench_drive *d = blk->opaque;
    for (unsigned i = 0; i < d->count; i++)
        if (d->pending[i] == r) {
            take(d, i);
            break;
        }
    r->busy = false;
}

/* Between guest memory in pieces and the disk; the pieces are as long as they claim. */
static void move_pieces(struct bench_drive *d, const struct iovec *vec, unsigned count, uint64_t offset, uint32_t len,
                        bool read) {
    for (unsigned i = 0; i < count; i++) {
        if (vec[i].iov_len > len) abort();
        memcpy(read ? vec[i].iov_base : d->data + offset, read ? d->data + offset : vec[i].iov_base, vec[i].iov_len);
        offset += vec[i].iov_len;
        len -= (uint32_t)vec[i].iov_len;
    }
    if (len) abort();
}

/* Every other 8 KiB are what the host has in memory. */
static uint32_t read_now(struct blk *blk, uint64_t offset, const struct iovec *vec, unsigned count, uint32_t len) {
    struct bench_drive *d = blk->opaque;
    if (d->count || offset & 0x2000 || (offset & 0x1FFF) + len > 0x2000) return 0;
    move_pieces(d, vec, count, offset, len, true);
    return len;
}

static enum blk_status carry_out(struct bench_drive *d, struct blk_request *r) {
    if (r->op == BLK_FLUSH) return BLK_OK;
    if (!blk_in_range(&d->blk, r->offset, r->len)) return BLK_OUT_OF_RANGE;
    if (r->op == BLK_WRITE && d->blk.read_only) return BLK_READ_ONLY;
    if (r->op == BLK_READ)
        memcpy(r->buf, d->data + r->offset, r->len);
    else if (r->vec)
        move_pieces(d, r->vec, r->vec_count, r->offset, r->len, false);
    else
        memcpy(d->data + r->offset, r->buf, r->len);
    r->good = r->len;
    return BLK_OK;
}

bool bench_finish(struct bench_drive *d, unsigned which, bool fail) {
    if (!d->count) return false;
    struct blk_request *r = d->pending[which % d->count];
    take(d, which % d->count);
    r->status = fail ? BLK_IO_ERROR : carry_out(d, r);
    r->busy = false;
    r->done(r->opaque);
    return true;
}

static void drain(struct blk *blk) {
    while (bench_finish(blk->opaque, 0, false)) {}
}

struct blk *bench_blk(struct bench *b, int n, bool read_only) {
    static const struct blk_ops ops = {submit, cancel, drain, read_now};
    struct bench_drive *d = &b->drive[n];
    d->blk = (struct blk){.size = BENCH_DISK_BYTES, .read_only = read_only, .ops = &ops, .opaque = d};
    return &d->blk;
}

/* ---- The board ---- */

struct dev *bench_add(struct bench *b, const struct dev_class *cls, const void *cfg) {
    enum dev_status st;
    struct dev *d = dev_create(cls, &b->host, cfg, &st);
    if (!d) die(cls->name);
    if (cls->reset) cls->reset(d);
    memmove(b->device + 1, b->device, b->devices * sizeof b->device[0]);
    b->device[0] = d;
    b->devices++;
    return d;
}

static void add_region(struct bench *b, bool port, uint32_t base, uint32_t size) {
    if (b->regions == BENCH_REGIONS) die("too many regions");
    b->region[b->regions++] = (struct bench_region){port, base, size};
}
void bench_ports(struct bench *b, uint16_t base, uint32_t count) { add_region(b, true, base, count); }
void bench_memory(struct bench *b, uint32_t base, uint32_t size) { add_region(b, false, base, size); }

void bench_pci(struct bench *b, uint8_t devfn) {
    struct pci_dev *pd = pci_bus_find(b->bus, devfn);
    if (!pd) die("no device in the slot");
    b->pci_slot = devfn;
    for (unsigned n = 0; n < PCI_BARS; n++) {
        const struct pci_bar *bar = &pd->bar[n];
        bool port = bar->kind == PCI_BAR_IO;
        if (bar->kind == PCI_BAR_NONE) continue;
        uint32_t base = port ? BENCH_IO + 0x100 * n : BENCH_MMIO + (n << BENCH_MMIO_SHIFT);
        pci_bus_config_write(b->bus, devfn, PCI_BAR0 + 4 * n, 4, base);
        add_region(b, port, base, bar->size);
    }
    pci_bus_config_write(b->bus, devfn, PCI_COMMAND, 2, PCI_CMD_IO | PCI_CMD_MEM | PCI_CMD_MASTER);
}

static void make_memory(struct bench *b) {
    bool ok = smmu_mem_create(BENCH_RAM, BENCH_ROM, &b->host.mem) == SMMU_OK &&
              smmu_mem_map_frames(b->host.mem, gpa(0), BENCH_RAM, 0, 0) == SMMU_OK;
    if (!ok) die("no memory");
}

struct bench *bench_create(const struct bench_subject *subject) {
    struct bench *b = calloc(1, sizeof *b);
    if (!b) die("no memory");
    b->now = 1000000000u;
    b->host = (struct dev_host){.opaque = b,
                                .now_ns = now_ns,
                                .tsc = tsc,
                                .tsc_due_ns = tsc_due_ns,
                                .wall_seconds = wall_seconds,
                                .timer_arm = timer_arm,
                                .timer_cancel = timer_cancel,
                                .request = request,
                                .set_a20 = set_a20,
                                .log = log_line};
    b->chr = (struct dev_chr){.opaque = b, .write = out, .room_grew = nothing};
    b->net = (struct dev_net){.opaque = b, .send = out, .ready = nothing};
    make_memory(b);
    b->host.io = dev_io_create();
    if (!b->host.io) die("no memory");
    b->bus = bench_add(b, &pci_bus_class, &(struct pci_bus_cfg){.mmio_low = BENCH_RAM});
    subject->plug(b);
    return b;
}

void bench_destroy(struct bench *b) {
    for (unsigned i = 0; i < b->devices; i++) dev_destroy(b->device[i]);
    for (int i = 0; i < BENCH_TIMERS; i++)
        if (b->timer[i]) abort(); /* a device left its timer behind */
    for (int i = 0; i < BENCH_DRIVES; i++)
        if (b->drive[i].count) abort(); /* ... or a request */
    dev_io_destroy(b->host.io);
    smmu_mem_destroy(b->host.mem);
    free(b);
}
