/*
 * virtio_queue.c: split virtqueues (VIRTIO 1.1, 2.6 "Split Virtqueues").
 *
 * Rings and tables must be memory, buffers memory, video memory or ROM: an
 * access to device registers or to nothing breaks the device, so no transfer
 * can re-enter a device. The
 * lengths of chains are bounded by their table, hence every loop is. No event
 * index: drivers always ring and say by a flag whether they want interrupts.
 */
#include "devemu/virtio.h"

#include "devemu/bytes.h"

enum { DESC_BYTES = 16, DESC_NEXT = 1, DESC_WRITE = 2, DESC_INDIRECT = 4 };
enum { AVAIL_FLAGS = 0, AVAIL_INDEX = 2, AVAIL_RING = 4, AVAIL_NO_INTERRUPT = 1 };
enum { USED_INDEX = 2, USED_RING = 4, USED_BYTES = 8 };
#define MEMORY_END 0x100000000ull

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t flags, next;
};

/* ---- The gate ---- */

/* What an access is for. */
enum use { RING_READ, RING_WRITE, DATA_READ, DATA_WRITE };

/* Firmware passes on any address that its caller gives: the screen's, or ROM, where writes go nowhere. */
static bool may_use(const struct smmu_mem *mem, uint64_t pa, enum use use) {
    struct smmu_backing b = smmu_mem_lookup(mem, gpa(pa));
    if (b.dev) return b.dev->stores_only && (use == DATA_READ || use == DATA_WRITE);
    return (use == RING_WRITE ? b.write_frame : b.read_frame) >= 0;
}

static bool may_use_range(const struct virtio_dev *v, uint64_t pa, uint64_t len, enum use use) {
    if (pa >= MEMORY_END || len > MEMORY_END - pa) return false;
    for (uint64_t at = pa & ~(uint64_t)SMMU_PAGE_MASK; at < pa + len; at += SMMU_PAGE_SIZE)
        if (!may_use(v->pci.dev.host->mem, at, use)) return false;
    return true;
}

static bool fetch(struct virtio_dev *v, uint64_t pa, void *buf, uint32_t len, enum use use) {
    if (v->broken) return false;
    if (!may_use_range(v, pa, len, use)) {
        virtio_break(v);
        return false;
    }
    (void)smmu_mem_read(v->pci.dev.host->mem, gpa(pa), buf, len);
    return true;
}

static bool store(struct virtio_dev *v, uint64_t pa, const void *buf, uint32_t len, enum use use) {
    if (v->broken) return false;
    if (!may_use_range(v, pa, len, use)) {
        virtio_break(v);
        return false;
    }
    (void)smmu_mem_write(v->pci.dev.host->mem, gpa(pa), buf, len);
    return true;
}

/* An address in a ring or table. A base beyond memory stays there: the sum must not wrap to 0. */
static uint64_t ring_at(uint64_t base, uint32_t offset) { return base < MEMORY_END ? base + offset : MEMORY_END; }

static bool fetch16(struct virtio_dev *v, uint64_t pa, uint16_t *out) {
    uint8_t raw[2];
    if (!fetch(v, pa, raw, sizeof raw, RING_READ)) return false;
    *out = get_le16(raw);
    return true;
}

static bool store16(struct virtio_dev *v, uint64_t pa, uint16_t value) {
    uint8_t raw[2];
    put_le16(raw, value);
    return store(v, pa, raw, sizeof raw, RING_WRITE);
}

/* ---- Taking ---- */

bool virtio_queue_runs(const struct virtio_dev *v, unsigned q) {
    if (v->broken || q >= v->type->queues || !v->vq[q].enabled) return false;
    /* Drivers of the legacy interface use a disk while they still probe it, and the oldest never set the master bit. */
    if (!virtio_has(v, VIRTIO_F_VERSION_1)) return v->status != 0;
    return (v->status & VIRTIO_DRIVER_OK) && pci_may_master(&v->pci);
}

static uint16_t count_waiting(struct virtio_dev *v, unsigned q) {
    const struct virtqueue *vq = &v->vq[q];
    uint16_t index;
    if (!virtio_queue_runs(v, q) || !fetch16(v, ring_at(vq->avail, AVAIL_INDEX), &index)) return 0;
    uint16_t n = (uint16_t)(index - vq->next_avail);
    if (n <= vq->size) return n;
    virtio_break(v);
    return 0;
}

bool virtio_waiting(struct virtio_dev *v, unsigned q) { return count_waiting(v, q) > 0; }

static bool fetch_desc(struct virtio_dev *v, uint64_t table, uint32_t i, struct desc *d) {
    uint8_t raw[DESC_BYTES];
    if (!fetch(v, ring_at(table, i * DESC_BYTES), raw, sizeof raw, RING_READ)) return false;
    *d = (struct desc){get_le64(raw), get_le32(raw + 8), get_le16(raw + 12), get_le16(raw + 14)};
    return true;
}

static bool add_segment(struct virtio_chain *c, const struct desc *d) {
    bool out = !(d->flags & DESC_WRITE);
    if (!d->len) return true;
    if (c->n == VIRTIO_CHAIN_MAX || d->addr >= MEMORY_END || d->len > MEMORY_END - d->addr) return false;
    if (out && c->n > c->n_out) return false; /* the device reads first, then writes */
    c->seg[c->n++] = (struct virtio_seg){(uint32_t)d->addr, d->len};
    c->n_out = (uint16_t)(c->n_out + out);
    *(out ? &c->out_len : &c->in_len) += d->len;
    return true;
}

/* An indirect descriptor's table may be entered now, if there is one that is allowed. */
static bool indirect_table(const struct virtio_dev *v, const struct desc *d) {
    return virtio_has(v, VIRTIO_F_INDIRECT) && !(d->flags & DESC_NEXT) && d->len && d->len % DESC_BYTES == 0 &&
           d->len / DESC_BYTES <= VIRTIO_CHAIN_MAX;
}

/* Follows a chain through a table of `count` entries; more steps than entries are a loop. If it ends in an indirect
 * descriptor, that one is left in *last. */
static bool walk_table(struct virtio_dev *v, struct virtio_chain *c, uint64_t table, uint32_t count, uint32_t first,
                       struct desc *last) {
    uint32_t at = first;
    for (uint32_t steps = 0; steps < count && at < count; steps++) {
        if (!fetch_desc(v, table, at, last)) return false;
        if (last->flags & DESC_INDIRECT) return indirect_table(v, last);
        if (!add_segment(c, last)) return false;
        if (!(last->flags & DESC_NEXT)) return true;
        at = last->next;
    }
    return false;
}

static bool walk_chain(struct virtio_dev *v, const struct virtqueue *vq, struct virtio_chain *c) {
    struct desc last;
    if (!walk_table(v, c, vq->desc, vq->size, c->head, &last)) return false;
    if (!(last.flags & DESC_INDIRECT)) return true;
    return walk_table(v, c, last.addr, last.len / DESC_BYTES, 0, &last) && !(last.flags & DESC_INDIRECT);
}

bool virtio_pop(struct virtio_dev *v, unsigned q, struct virtio_chain *c) {
    struct virtqueue *vq = &v->vq[q];
    if (!virtio_waiting(v, q)) return false;
    c->n = c->n_out = 0;
    c->out_len = c->in_len = 0;
    uint32_t entry = vq->next_avail & (vq->size - 1u);
    if (!fetch16(v, ring_at(vq->avail, AVAIL_RING + 2 * entry), &c->head)) return false;
    vq->next_avail++;
    if (walk_chain(v, vq, c)) return true;
    virtio_break(v);
    return false;
}

/* ---- Bytes of a chain ---- */

/* The part of segment s that lies in [*offset, ...): advances over it, or past the whole segment. */
static uint32_t part_of(const struct virtio_seg *s, uint64_t *offset, uint32_t len, uint32_t *pa) {
    if (*offset >= s->len) {
        *offset -= s->len;
        return 0;
    }
    uint32_t room = s->len - (uint32_t)*offset;
    *pa = s->pa + (uint32_t)*offset;
    *offset = 0;
    return len < room ? len : room;
}

bool virtio_get(struct virtio_dev *v, const struct virtio_chain *c, uint64_t offset, void *buf, uint32_t len) {
    uint8_t *to = buf;
    uint32_t pa = 0;
    for (unsigned i = 0; i < c->n_out && len; i++) {
        uint32_t n = part_of(&c->seg[i], &offset, len, &pa);
        if (n && !fetch(v, pa, to, n, DATA_READ)) return false;
        to += n;
        len -= n;
    }
    return !v->broken;
}

bool virtio_put(struct virtio_dev *v, const struct virtio_chain *c, uint64_t offset, const void *buf, uint32_t len) {
    const uint8_t *from = buf;
    uint32_t pa = 0;
    for (unsigned i = c->n_out; i < c->n && len; i++) {
        uint32_t n = part_of(&c->seg[i], &offset, len, &pa);
        if (n && !store(v, pa, from, n, DATA_WRITE)) return false;
        from += n;
        len -= n;
    }
    return !v->broken;
}

/* Adds memory at pa to the pieces, as much of it as lies together. */
static uint32_t gather_part(struct virtio_dev *v, uint32_t pa, uint32_t len, bool room, struct iovec *vec, unsigned max,
                            unsigned *count) {
    uint32_t done = 0;
    while (done < len && *count < max) {
        uint8_t *host;
        uint32_t n = (uint32_t)smmu_mem_span(v->pci.dev.host->mem, gpa(pa + done), len - done, room, &host);
        if (!n) break;
        vec[(*count)++] = (struct iovec){host, n};
        done += n;
    }
    return done;
}

uint32_t virtio_gather(struct virtio_dev *v, const struct virtio_chain *c, bool room, uint64_t offset, uint32_t len,
                       struct iovec *vec, unsigned max, unsigned *count) {
    uint32_t pa = 0, total = 0;
    unsigned i = room ? c->n_out : 0, end = room ? c->n : c->n_out;
    *count = 0;
    for (; i < end && total < len; i++) {
        uint32_t want = part_of(&c->seg[i], &offset, len - total, &pa);
        uint32_t n = gather_part(v, pa, want, room, vec, max, count);
        total += n;
        if (n < want) break;
    }
    return total;
}

/* ---- Giving back ---- */

void virtio_push(struct virtio_dev *v, unsigned q, const struct virtio_chain *c, uint64_t written) {
    struct virtqueue *vq = &v->vq[q];
    uint8_t element[USED_BYTES];
    uint16_t flags;
    if (v->broken || !vq->enabled) return;
    put_le32(element, c->head);
    put_le32(element + 4, written > UINT32_MAX ? UINT32_MAX : (uint32_t)written);
    uint32_t entry = vq->next_used & (vq->size - 1u);
    if (!store(v, ring_at(vq->used, USED_RING + USED_BYTES * entry), element, sizeof element, RING_WRITE)) return;
    if (!store16(v, ring_at(vq->used, USED_INDEX), ++vq->next_used)) return;
    if (fetch16(v, ring_at(vq->avail, AVAIL_FLAGS), &flags) && !(flags & AVAIL_NO_INTERRUPT)) virtio_raise(v);
}
