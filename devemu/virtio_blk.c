/*
 * virtio_blk.c: see its header.
 *
 * A request lives in a slot from its chain's taking to its giving back. Its
 * data passes piece by piece, so a request of any length needs no memory: in place where it is memory (what the
 * host can read at once, and all writes), else through the slot's buffer. Writes are durable before they are
 * acknowledged unless the driver knows the flush command. When all slots are busy, chains wait in the guest's queue.
 */
#include "devemu/virtio_blk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "devemu/bytes.h"
#include "devemu/ide.h"

enum { SLOTS = 16, PIECE = 128 * 1024, QUEUE = 128, SEG_MAX = QUEUE - 2 /* header and status */ };
enum { F_SEG_MAX = 2, F_GEOMETRY = 4, F_RO = 5, F_BLK_SIZE = 6, F_FLUSH = 9 };
enum { T_IN = 0, T_OUT = 1, T_FLUSH = 4, T_GET_ID = 8 };
enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };
enum { HEADER_BYTES = 16, HEADER_SECTOR = 8, ID_BYTES = 20 };
/* struct virtio_blk_config of the specification. */
enum { CAPACITY = 0, SEG_MAX_AT = 12, CYLINDERS = 16, HEADS = 18, SECTORS = 19, BLK_SIZE = 20, CONFIG_BYTES = 36 };

struct slot {
    struct virtio_blk *owner;
    bool busy; /* a chain is in it */
    uint32_t type;
    uint64_t offset;    /* on the disk */
    uint64_t pos, size; /* bytes of data: done; all */
    uint8_t *buf;       /* PIECE bytes */
    struct iovec vec[BLK_VEC];
    struct blk_request req;
    struct virtio_chain chain;
};

struct virtio_blk {
    struct virtio_dev v; /* first */
    struct blk *blk;
    uint8_t id[ID_BYTES];
    uint8_t *buffers;
    uint32_t budget; /* bytes still to be read at once, lest the guest's processor stands still for long */
    struct slot slot[SLOTS];
};

static struct virtio_blk *to_blk(struct virtio_dev *v) { return (struct virtio_blk *)v; }

/* ---- The end of a request ---- */

/* The status is the last byte of the room; before it the data, or what was there. */
static void complete(struct slot *s, uint8_t status) {
    struct virtio_dev *v = &s->owner->v;
    s->busy = false;
    if (virtio_put(v, &s->chain, s->chain.in_len - 1, &status, 1)) virtio_push(v, 0, &s->chain, s->chain.in_len);
}

/* ---- Data ---- */

static uint32_t at_most(const struct slot *s, uint32_t limit) {
    uint64_t left = s->size - s->pos;
    return left < limit ? (uint32_t)left : limit;
}

static uint32_t piece(const struct slot *s) { return at_most(s, PIECE); }

/* False: the device is broken, and the slot is free. */
static bool fetch_piece(struct slot *s) {
    if (virtio_get(&s->owner->v, &s->chain, HEADER_BYTES + s->pos, s->buf, piece(s))) return true;
    s->busy = false;
    return false;
}

/* Whole sectors of the pieces, which end anywhere. */
static uint32_t gather(struct slot *s, bool room, uint64_t offset, uint32_t limit, unsigned *count) {
    uint32_t n = virtio_gather(&s->owner->v, &s->chain, room, offset, at_most(s, limit), s->vec, BLK_VEC, count);
    uint32_t excess = n % BLK_SECTOR;
    for (; excess; (*count)--) {
        struct iovec *last = &s->vec[*count - 1];
        if (last->iov_len > excess) {
            last->iov_len -= excess;
            break;
        }
        excess -= (uint32_t)last->iov_len;
    }
    return n - n % BLK_SECTOR;
}

/* All of the pieces are announced: there may be bytes of a sector that does not count as read. */
static uint32_t read_some_now(struct slot *s) {
    struct virtio_blk *b = s->owner;
    unsigned count;
    uint32_t want = gather(s, true, s->pos, b->budget, &count);
    uint32_t got = want ? blk_read_now(b->blk, s->offset + s->pos, s->vec, count, want) : 0;
    for (unsigned i = 0; i < count; i++)
        smmu_mem_span_written(b->v.pci.dev.host->mem, s->vec[i].iov_base, s->vec[i].iov_len);
    s->pos += got;
    b->budget -= got;
    return got;
}

static void read_piece(struct slot *s) {
    while (s->pos < s->size && s->owner->budget && read_some_now(s)) {}
    if (s->pos == s->size)
        complete(s, S_OK);
    else
        blk_read(s->owner->blk, &s->req, s->offset + s->pos, s->buf, piece(s));
}

static void write_piece(struct slot *s) {
    struct virtio_blk *b = s->owner;
    uint64_t at = s->offset + s->pos;
    bool durable = !virtio_has(&b->v, VIRTIO_F(F_FLUSH));
    unsigned count;
    uint32_t n = gather(s, false, HEADER_BYTES + s->pos, BLK_VEC_BYTES, &count);
    if (n)
        blk_writev(b->blk, &s->req, at, s->vec, count, n, durable);
    else if (fetch_piece(s))
        blk_write(b->blk, &s->req, at, s->buf, piece(s), durable);
}

static void move_piece(struct slot *s) {
    if (s->pos == s->size)
        complete(s, S_OK);
    else if (s->type == T_IN)
        read_piece(s);
    else
        write_piece(s);
}

/* What was read before an error is the guest's all the same. */
static bool deliver_piece(struct slot *s) {
    if (s->type != T_IN || virtio_put(&s->owner->v, &s->chain, s->pos, s->buf, s->req.good)) return true;
    s->busy = false;
    return false;
}

static void run_queue(struct virtio_blk *b);

static void storage_done(void *opaque) {
    struct slot *s = opaque;
    struct virtio_blk *b = s->owner;
    b->budget = BLK_VEC_BYTES;
    if (s->type == T_FLUSH) {
        complete(s, s->req.status == BLK_OK ? S_OK : S_IOERR);
    } else if (deliver_piece(s)) {
        s->pos += s->req.good;
        if (s->req.status == BLK_OK)
            move_piece(s);
        else
            complete(s, S_IOERR);
    }
    run_queue(b);
}

/* ---- The start of a request ---- */

static bool data_fits(const struct slot *s, uint64_t sector) {
    const struct blk *blk = s->owner->blk;
    return s->size % BLK_SECTOR == 0 && sector <= blk->size / BLK_SECTOR &&
           blk_in_range(blk, sector * BLK_SECTOR, s->size);
}

static void start_transfer(struct slot *s, uint64_t sector) {
    bool write = s->type == T_OUT;
    s->size = write ? s->chain.out_len - HEADER_BYTES : s->chain.in_len - 1;
    if (!data_fits(s, sector) || (write && s->owner->blk->read_only)) {
        complete(s, S_IOERR);
        return;
    }
    s->offset = sector * BLK_SECTOR;
    move_piece(s);
}

static void identify(struct slot *s) {
    uint64_t room = s->chain.in_len - 1;
    uint32_t n = room < ID_BYTES ? (uint32_t)room : ID_BYTES;
    if (virtio_put(&s->owner->v, &s->chain, 0, s->owner->id, n))
        complete(s, S_OK);
    else
        s->busy = false;
}

/* A chain without a header, or without room for a status, cannot be answered at all. */
static void start(struct slot *s) {
    struct virtio_dev *v = &s->owner->v;
    uint8_t header[HEADER_BYTES];
    if (s->chain.out_len < HEADER_BYTES || s->chain.in_len < 1) {
        virtio_break(v);
        return;
    }
    if (!virtio_get(v, &s->chain, 0, header, sizeof header)) return;
    s->busy = true;
    s->pos = s->size = 0;
    s->type = get_le32(header);
    switch (s->type) {
    case T_IN:
    case T_OUT: start_transfer(s, get_le64(header + HEADER_SECTOR)); break;
    case T_FLUSH: blk_flush(s->owner->blk, &s->req); break;
    case T_GET_ID: identify(s); break;
    default: complete(s, S_UNSUPP);
    }
}

static struct slot *free_slot(struct virtio_blk *b) {
    for (int i = 0; i < SLOTS; i++)
        if (!b->slot[i].busy) return &b->slot[i];
    return NULL;
}

/* No more than a queue holds, even if answers keep changing what it holds. */
static void run_queue(struct virtio_blk *b) {
    struct slot *s;
    for (int n = 0; n < QUEUE && (s = free_slot(b)) && virtio_pop(&b->v, 0, &s->chain); n++) start(s);
}

/* ---- The device ---- */

static void notify(struct virtio_dev *v, unsigned q) {
    (void)q;
    to_blk(v)->budget = BLK_VEC_BYTES;
    run_queue(to_blk(v));
}

static void stop(struct virtio_dev *v) {
    struct virtio_blk *b = to_blk(v);
    for (int i = 0; i < SLOTS; i++) {
        blk_cancel(b->blk, &b->slot[i].req);
        b->slot[i].busy = false;
    }
}

static const struct virtio_type type = {.name = "virtio-blk",
                                        .id = VIRTIO_ID_BLOCK,
                                        .class_code = 0x010000,
                                        .queues = 1,
                                        .queue_size = {QUEUE},
                                        .config_len = CONFIG_BYTES,
                                        .notify = notify,
                                        .stop = stop};

static void describe(struct virtio_blk *b) {
    struct ide_geometry g = ide_geometry(b->blk->size);
    uint64_t sectors = b->blk->size / BLK_SECTOR;
    uint8_t *config = b->v.config;
    put_le32(config + CAPACITY, (uint32_t)sectors);
    put_le32(config + CAPACITY + 4, (uint32_t)(sectors >> 32));
    put_le32(config + SEG_MAX_AT, SEG_MAX);
    put_le16(config + CYLINDERS, (uint16_t)g.cylinders);
    config[HEADS] = g.heads;
    config[SECTORS] = g.sectors;
    put_le32(config + BLK_SIZE, BLK_SECTOR);
}

static void name_disk(struct virtio_blk *b, const struct virtio_blk_config *c) {
    char name[ID_BYTES + 1];
    int n = c->serial ? snprintf(name, sizeof name, "%s", c->serial)
                      : snprintf(name, sizeof name, "NV%05d", 100 + (c->devfn >> 3));
    memcpy(b->id, name, n < ID_BYTES ? (size_t)n : ID_BYTES);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct virtio_blk *b = (struct virtio_blk *)d;
    const struct virtio_blk_config *c = cfg;
    if (!c || !c->blk) return DEV_BAD_CONFIG;
    b->blk = c->blk;
    b->buffers = calloc(SLOTS, PIECE);
    if (!b->buffers) return DEV_NO_MEMORY;
    for (int i = 0; i < SLOTS; i++) {
        struct slot *s = &b->slot[i];
        s->owner = b;
        s->buf = b->buffers + (size_t)i * PIECE;
        s->req.done = storage_done;
        s->req.opaque = s;
    }
    describe(b);
    name_disk(b, c);
    uint64_t features = VIRTIO_F(F_SEG_MAX) | VIRTIO_F(F_GEOMETRY) | VIRTIO_F(F_BLK_SIZE) | VIRTIO_F(F_FLUSH);
    if (b->blk->read_only) features |= VIRTIO_F(F_RO);
    return virtio_init(&b->v, &type, c->bus, c->devfn, c->mode, features);
}

static void reset(struct dev *d) { virtio_reset((struct virtio_dev *)d); }

/* Saved at rest: the storage has done all that was in the slots, and what waited behind them. */
static void state(struct dev *d, struct dev_state *st) {
    struct virtio_blk *b = (struct virtio_blk *)d;
    if (st->saving) blk_drain(b->blk);
    virtio_state(&b->v, st);
}

static void destroy(struct dev *d) {
    struct virtio_blk *b = (struct virtio_blk *)d;
    if (b->v.type) virtio_fini(&b->v);
    free(b->buffers);
}

const struct dev_class virtio_blk_class = {.name = "virtio-blk",
                                           .instance_size = sizeof(struct virtio_blk),
                                           .init = init,
                                           .reset = reset,
                                           .state = state,
                                           .destroy = destroy};
