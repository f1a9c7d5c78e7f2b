/*
 * devemu_fake_blk.h: storage for device tests: a block of memory whose requests end when the test says so, and
 * fail where it says so.
 */
#ifndef NOVT_TESTS_DEVEMU_FAKE_BLK_H
#define NOVT_TESTS_DEVEMU_FAKE_BLK_H

#include "devemu/block.h"
#include "devemu_fake.h"

struct fake_blk {
    struct blk blk;
    uint8_t *data;
    struct blk_request *first, *last;
    uint64_t bad_from; /* bytes from here on cannot be read or written */
    enum blk_status bad_status;
    uint64_t cached; /* bytes from the start that blk_read_now finds; at most now_max of them a call */
    uint32_t now_max;
    int submitted, flushes, durable_writes, reads_now, writes_in_place;
};

/* Copies to, or from, the pieces of guest memory. */
static inline void fake_blk_copy(const struct iovec *vec, unsigned count, uint8_t *data, size_t n, bool to_guest) {
    for (unsigned i = 0; i < count && n; i++) {
        size_t part = vec[i].iov_len < n ? vec[i].iov_len : n;
        memcpy(to_guest ? vec[i].iov_base : data, to_guest ? data : vec[i].iov_base, part);
        data += part;
        n -= part;
    }
}
static inline uint32_t fake_blk_read_now(struct blk *b, uint64_t offset, const struct iovec *vec, unsigned count,
                                         uint32_t len) {
    struct fake_blk *s = b->opaque;
    uint64_t end = s->cached < s->bad_from ? s->cached : s->bad_from, n = end > offset ? end - offset : 0;
    size_t sum = 0;
    for (unsigned i = 0; i < count; i++) sum += vec[i].iov_len;
    assert_int_equal(sum, len);
    if (s->first || !n) return 0;
    if (n > len) n = len;
    if (s->now_max && n > s->now_max) n = s->now_max;
    fake_blk_copy(vec, count, s->data + offset, n, true);
    s->reads_now++;
    return (uint32_t)n;
}

static inline void fake_blk_submit(struct blk *b, struct blk_request *r) {
    struct fake_blk *s = b->opaque;
    assert_true(r->op == BLK_FLUSH || (r->len && r->len % BLK_SECTOR == 0 && r->offset % BLK_SECTOR == 0));
    s->submitted++;
    if (s->first)
        s->last->next = r;
    else
        s->first = r;
    s->last = r;
}
static inline void fake_blk_cancel(struct blk *b, struct blk_request *r) {
    struct fake_blk *s = b->opaque;
    struct blk_request *before = NULL, *at = s->first;
    for (; at && at != r; at = at->next) before = at;
    assert_ptr_equal(at, r);
    if (before)
        before->next = r->next;
    else
        s->first = r->next;
    if (s->last == r) s->last = before;
    r->busy = false;
}
static inline void fake_blk_run(struct fake_blk *s, struct blk_request *r) {
    uint64_t n = r->len;
    if (r->op == BLK_FLUSH) {
        s->flushes++;
        return;
    }
    if (!blk_in_range(&s->blk, r->offset, r->len)) {
        r->status = BLK_OUT_OF_RANGE;
        return;
    }
    if (r->op == BLK_WRITE && s->blk.read_only) {
        r->status = BLK_READ_ONLY;
        return;
    }
    if (r->offset + n > s->bad_from) {
        n = s->bad_from > r->offset ? s->bad_from - r->offset : 0;
        r->status = s->bad_status;
    }
    if (r->op == BLK_READ)
        memcpy(r->buf, s->data + r->offset, n);
    else if (!r->vec)
        memcpy(s->data + r->offset, r->buf, n);
    else
        fake_blk_copy(r->vec, r->vec_count, s->data + r->offset, n, false);
    s->writes_in_place += r->op == BLK_WRITE && r->vec;
    s->durable_writes += r->op == BLK_WRITE && r->durable;
    r->good = (uint32_t)n;
}
/* Ends the oldest request. */
static inline bool fake_blk_step(struct fake_blk *s) {
    struct blk_request *r = s->first;
    if (!r) return false;
    s->first = r->next;
    fake_blk_run(s, r);
    r->busy = false;
    r->done(r->opaque);
    return true;
}
static inline void fake_blk_pump(struct fake_blk *s) {
    while (fake_blk_step(s)) {}
}
static inline void fake_blk_drain(struct blk *b) { fake_blk_pump(b->opaque); }

/* Byte i of sector n is a mix of both. */
static inline uint8_t fake_blk_byte(uint64_t n, unsigned i) { return (uint8_t)(n * 7 + i + (i >> 8) * 3 + (n >> 8)); }
static inline struct fake_blk *fake_blk_create(uint64_t size) {
    static const struct blk_ops ops = {fake_blk_submit, fake_blk_cancel, fake_blk_drain, fake_blk_read_now};
    struct fake_blk *s = calloc(1, sizeof *s);
    assert_non_null(s);
    s->data = malloc(size);
    assert_non_null(s->data);
    s->blk = (struct blk){.size = size, .ops = &ops, .opaque = s};
    s->bad_from = UINT64_MAX;
    s->bad_status = BLK_IO_ERROR;
    for (uint64_t at = 0; at < size; at++) s->data[at] = fake_blk_byte(at / BLK_SECTOR, (unsigned)(at % BLK_SECTOR));
    return s;
}
static inline void fake_blk_destroy(struct fake_blk *s) {
    assert_null(s->first); /* a destroyed device leaves no request behind */
    free(s->data);
    free(s);
}
#endif
