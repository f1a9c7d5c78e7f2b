/*
 * block.h: what a disk device asks of the storage behind it.
 *
 * A device embeds its requests, fills one with blk_read, blk_write or blk_flush
 * and hears of its end through `done`, on the vCPU thread and never from inside
 * the call that submitted it. Between the two the request and its buffer belong
 * to the backend, which may use them on another thread. Requests of one blk run
 * in the order of their submission. Backends (monitor) fill struct blk.
 * Transfers without a copy use guest memory in place (smmu_mem_span): blk_read_now, on the vCPU thread, and
 * blk_writev, which only reads it.
 */
#ifndef NOVT_DEVEMU_BLOCK_H
#define NOVT_DEVEMU_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum { BLK_SECTOR = 512 };
enum { BLK_VEC = 128, BLK_VEC_BYTES = 1 << 20 }; /* most pieces, most bytes, of a transfer without a copy */

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH };
enum blk_status { BLK_OK, BLK_IO_ERROR, BLK_NO_SPACE, BLK_READ_ONLY, BLK_OUT_OF_RANGE };

struct blk_request {
    enum blk_op op;
    bool durable;    /* a write that is on stable storage when it is done */
    uint64_t offset; /* bytes; a multiple of BLK_SECTOR, as is len */
    uint32_t len;
    uint8_t *buf;
    const struct iovec *vec; /* NULL: buf; else a write's pieces, the caller's until it is done */
    unsigned vec_count;
    void (*done)(void *opaque);
    void *opaque;
    /* Results. */
    enum blk_status status;
    uint32_t good; /* bytes from the start that were transferred */
    /* The backend's. */
    bool busy;
    struct blk_request *next;
};

struct blk;
struct blk_ops {
    void (*submit)(struct blk *b, struct blk_request *r);
    void (*cancel)(struct blk *b, struct blk_request *r);
    void (*drain)(struct blk *b);
    /* NULL: never. */
    uint32_t (*read_now)(struct blk *b, uint64_t offset, const struct iovec *vec, unsigned count, uint32_t len);
};
struct blk {
    uint64_t size;  /* bytes; a multiple of BLK_SECTOR, never 0 */
    bool read_only; /* writes fail with BLK_READ_ONLY */
    const struct blk_ops *ops;
    void *opaque; /* the backend's */
    /* Told of each request and each read that needs none, on the vCPU thread; general registers only. NULL: nobody. */
    void (*seen)(void *opaque, const char *name, int op /* enum blk_op */, uint64_t offset, uint32_t len);
    void *seen_opaque;
    const char *seen_name;
    /* Counted by block.c: requests by enum blk_op, reads that need none among them; bytes asked for by BLK_READ and
     * BLK_WRITE. */
    uint64_t operations[BLK_FLUSH + 1], moved[BLK_WRITE + 1];
};

/* r->done and r->opaque are set by the caller; r is not busy. */
void blk_read(struct blk *b, struct blk_request *r, uint64_t offset, void *buf, uint32_t len);
void blk_write(struct blk *b, struct blk_request *r, uint64_t offset, void *buf, uint32_t len, bool durable);
/* A write of pieces of len bytes in all, at most BLK_VEC_BYTES. */
void blk_writev(struct blk *b, struct blk_request *r, uint64_t offset, const struct iovec *vec, unsigned count,
                uint32_t len, bool durable);
/* Reads without waiting what the host has in memory, if no request is under way: whole sectors from the start, in
 * bytes. Less than len: the rest needs blk_read. */
uint32_t blk_read_now(struct blk *b, uint64_t offset, const struct iovec *vec, unsigned count, uint32_t len);
/* Everything acknowledged before is on stable storage when it is done. */
void blk_flush(struct blk *b, struct blk_request *r);
/* After the call `done` does not come any more; a write has happened, or not. Free if r is not busy. b may be NULL. */
void blk_cancel(struct blk *b, struct blk_request *r);
/* Ends all requests, and those their `done` submits: before state is saved. */
void blk_drain(struct blk *b);
/* Does [offset, offset+len) lie within the medium? */
bool blk_in_range(const struct blk *b, uint64_t offset, uint64_t len);
#endif
