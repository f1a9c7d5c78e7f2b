/*
 * fuzz_device.c: plays an input against one device: --device=NAME, a row of subjects.c.
 *
 * An input is a sequence of steps. A step's first byte is the operation (low 3 bits) and its variant (the rest);
 * operands follow. What runs out reads as 0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "bench.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STEPS_MAX = 2000, PAGE_UNIT = 16, FRAME_ROOM = 2048 };

struct input {
    const uint8_t *p;
    size_t left;
};

static const struct bench_subject *subject;

static uint8_t next8(struct input *in) {
    if (!in->left) return 0;
    in->left--;
    return *in->p++;
}
static uint32_t next(struct input *in, unsigned bytes) {
    uint32_t v = 0;
    for (unsigned i = 0; i < bytes; i++) v |= (uint32_t)next8(in) << (8 * i);
    return v;
}

/* ---- Accesses ---- */

static uint32_t place(struct input *in, const struct bench_region *r, unsigned size) {
    uint32_t at = next(in, r->size > 256 ? 2 : 1);
    if (r->size > 0x10000) at <<= 4; /* a large range is reached in steps */
    return r->size <= size ? 0 : at % (r->size - size + 1);
}

static void write_once(struct bench *b, const struct bench_region *r, uint32_t at, unsigned size, uint32_t v) {
    if (r->port)
        dev_io_write(b->host.io, (uint16_t)(r->base + at), size, v);
    else
        smmu_mem_write(b->host.mem, gpa(r->base + at), &v, size);
}

static void read_once(struct bench *b, const struct bench_region *r, uint32_t at, unsigned size) {
    uint32_t v = 0;
    if (r->port)
        v = dev_io_read(b->host.io, (uint16_t)(r->base + at), size);
    else
        smmu_mem_read(b->host.mem, gpa(r->base + at), &v, size);
    b->sent += v;
}

static void do_access(struct bench *b, struct input *in, unsigned variant, bool write, unsigned times) {
    unsigned size = 1u << (variant & 3) % 3;
    const struct bench_region *r = &b->region[(variant >> 2) % b->regions];
    uint32_t at = place(in, r, size), v = write ? next(in, size) : 0;
    for (unsigned i = 0; i < times; i++) {
        if (write)
            write_once(b, r, at, size, v + i);
        else
            read_once(b, r, at, size);
    }
}

/* ---- Memory ---- */

static void do_bytes(struct bench *b, struct input *in, unsigned variant) {
    uint8_t buf[32];
    uint32_t at = next(in, 2) * PAGE_UNIT;
    for (unsigned i = 0; i <= variant; i++) buf[i] = next8(in);
    smmu_mem_write(b->host.mem, gpa(at), buf, variant + 1);
}

/* A pointer into memory, most likely of use in a descriptor. */
static void do_pointer(struct bench *b, struct input *in, unsigned variant) {
    uint32_t at = next(in, 2) * PAGE_UNIT + 4 * (variant & 3), v = next(in, 2) * PAGE_UNIT | variant >> 2;
    smmu_mem_write(b->host.mem, gpa(at), &v, 4);
}

/* ---- Events from outside ---- */

static void do_net(struct bench *b, struct input *in) {
    uint8_t frame[FRAME_ROOM];
    size_t len = NET_FRAME_MIN + next(in, 2) % (NET_FRAME_MAX - NET_FRAME_MIN + 1);
    uint8_t fill = next8(in);
    if (!b->net.receive || !b->net.can_receive(b->net.dev_opaque)) return;
    memset(frame, fill & 1 ? 0xFF : fill, len);
    b->net.receive(b->net.dev_opaque, frame, len);
}

static void do_chr(struct bench *b, struct input *in) {
    uint8_t byte = next8(in);
    if (!b->chr.receive) return;
    if (byte == 0 && b->chr.event_break) b->chr.event_break(b->chr.dev_opaque);
    if (b->chr.room(b->chr.dev_opaque)) b->chr.receive(b->chr.dev_opaque, &byte, 1);
}

static void do_event(struct bench *b, struct input *in, unsigned variant) {
    unsigned what = next8(in);
    switch (variant & 3) {
    case 0: bench_finish(&b->drive[what % BENCH_DRIVES], what >> 4, variant & 4); break;
    case 1: do_net(b, in); break;
    case 2: do_chr(b, in); break;
    default:
        if (b->user) b->user(b, (uint8_t)what, next8(in));
    }
}

/* ---- Life ---- */

static void reload(struct bench *b, struct input *in) {
    enum { STATE_MAX = 1 << 20 };
    struct dev *d = b->device[next8(in) % b->devices];
    if (!d->cls->state) return;
    struct dev_state measure = {.saving = true};
    d->cls->state(d, &measure);
    if (measure.failed || measure.pos > STATE_MAX) abort();
    uint8_t *buf = malloc(measure.pos + 1);
    if (!buf) abort();
    struct dev_state save = {.buf = buf, .cap = measure.pos, .saving = true}, load = {.buf = buf, .cap = measure.pos};
    d->cls->state(d, &save);
    for (unsigned i = 0, n = next8(in) & 15; i < n && measure.pos; i++) buf[next(in, 2) % measure.pos] = next8(in);
    d->cls->state(d, &load);
    free(buf);
}

static void do_life(struct bench *b, struct input *in, unsigned variant) {
    const struct dev *d = b->device[0];
    if (variant == 31 && d->cls->reset) d->cls->reset(b->device[0]);
    if (variant == 30) reload(b, in);
    bench_advance(b, variant >= 30 ? 1 : 8ull << variant); /* 8 ns to 4 s */
}

static void step(struct bench *b, struct input *in) {
    uint8_t op = next8(in);
    unsigned variant = op >> 3;
    switch (op & 7) {
    case 0: do_access(b, in, variant, true, 1); break;
    case 1: do_access(b, in, variant, false, 1); break;
    case 2: do_access(b, in, variant, variant & 16, 256); break;
    case 3: do_bytes(b, in, variant); break;
    case 4: do_pointer(b, in, variant); break;
    case 5: do_life(b, in, variant); break;
    case 6: do_event(b, in, variant); break;
    default: pci_bus_config_write(b->bus, b->pci_slot, next8(in), 1, next8(in));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct bench *b = bench_create(subject);
    struct input in = {data, size};
    for (int i = 0; i < STEPS_MAX && in.left; i++) step(b, &in);
    bench_destroy(b);
    return 0;
}

static void list(void) {
    for (const struct bench_subject *s = bench_subjects; s->name; s++) puts(s->name);
    exit(0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv) {
    for (int i = 1; i < *argc; i++) {
        const char *arg = (*argv)[i];
        if (!strcmp(arg, "--list")) list();
        if (strncmp(arg, "--device=", 9)) continue;
        for (const struct bench_subject *s = bench_subjects; s->name; s++)
            if (!strcmp(s->name, arg + 9)) subject = s;
    }
    if (subject) return 0;
    fprintf(stderr, "fuzz_device: --device=NAME (--list names them)\n");
    exit(1);
}
