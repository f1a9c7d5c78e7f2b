#include "devemu/block.h"

static void tell(struct blk *b, enum blk_op op, uint64_t offset, uint32_t len) {
    b->operations[op]++;
    if (op != BLK_FLUSH) b->moved[op] += len;
    if (b->seen) b->seen(b->seen_opaque, b->seen_name, op, offset, len);
}

static void submit(struct blk *b, struct blk_request *r) {
    r->status = BLK_OK;
    r->good = 0;
    r->busy = true;
    r->next = NULL;
    tell(b, r->op, r->offset, r->len);
    b->ops->submit(b, r);
}

static void submit_buf(struct blk *b, struct blk_request *r, void *buf) {
    r->buf = buf;
    r->vec = NULL;
    r->vec_count = 0;
    submit(b, r);
}

void blk_read(struct blk *b, struct blk_request *r, uint64_t offset, void *buf, uint32_t len) {
    r->op = BLK_READ;
    r->durable = false;
    r->offset = offset;
    r->len = len;
    submit_buf(b, r, buf);
}

void blk_write(struct blk *b, struct blk_request *r, uint64_t offset, void *buf, uint32_t len, bool durable) {
    r->op = BLK_WRITE;
    r->durable = durable;
    r->offset = offset;
    r->len = len;
    submit_buf(b, r, buf);
}

void blk_writev(struct blk *b, struct blk_request *r, uint64_t offset, const struct iovec *vec, unsigned count,
                uint32_t len, bool durable) {
    r->op = BLK_WRITE;
    r->durable = durable;
    r->offset = offset;
    r->len = len;
    r->buf = NULL;
    r->vec = vec;
    r->vec_count = count;
    submit(b, r);
}

uint32_t blk_read_now(struct blk *b, uint64_t offset, const struct iovec *vec, unsigned count, uint32_t len) {
    if (!b->ops->read_now || !blk_in_range(b, offset, len)) return 0;
    uint32_t got = b->ops->read_now(b, offset, vec, count, len) / BLK_SECTOR * BLK_SECTOR;
    if (got) tell(b, BLK_READ, offset, got);
    return got;
}

void blk_flush(struct blk *b, struct blk_request *r) {
    r->op = BLK_FLUSH;
    r->durable = true;
    r->offset = 0;
    r->len = 0;
    submit_buf(b, r, NULL);
}

void blk_cancel(struct blk *b, struct blk_request *r) {
    if (b && r->busy) b->ops->cancel(b, r);
}

void blk_drain(struct blk *b) {
    if (b) b->ops->drain(b);
}

bool blk_in_range(const struct blk *b, uint64_t offset, uint64_t len) {
    return offset <= b->size && len <= b->size - offset;
}
