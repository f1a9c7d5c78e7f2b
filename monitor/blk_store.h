/*
 * blk_store.h: storage as the worker thread of a blk_queue sees it: plain
 * blocking reads and writes. One file per kind of storage.
 *
 * Private to the blk_*.c files. After it is open, a store is used by one thread at a time.
 */
#ifndef NOVT_MONITOR_BLK_STORE_H
#define NOVT_MONITOR_BLK_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>
#include "monitor/guess.h"

struct blk_store;
struct blk_store_ops {
    /* Bytes transferred from the start; less than len: *error is the errno of the rest. */
    size_t (*read)(struct blk_store *s, uint64_t offset, void *buf, size_t len, int *error);
    size_t (*write)(struct blk_store *s, uint64_t offset, const void *buf, size_t len, int *error);
    /* The same of pieces; NULL: they are put together for write. */
    size_t (*writev)(struct blk_store *s, uint64_t offset, const struct iovec *vec, unsigned count, size_t len,
                     int *error);
    /* Reads what needs no waiting, on the vCPU thread while nothing else is under way. Bytes from the start, any number
     * of them. NULL: never. */
    size_t (*read_now)(struct blk_store *s, uint64_t offset, const struct iovec *vec, unsigned count);
    int (*flush)(struct blk_store *s); /* 0 or errno */
    void (*close)(struct blk_store *s);
    /* From another thread: what is under way is to fail soon, as all that follows. NULL: it cannot hang for ever. */
    void (*give_up)(struct blk_store *s);
};
struct blk_store { /* first member of every kind */
    const struct blk_store_ops *ops;
    uint64_t size; /* bytes, a multiple of the unit asked for */
    bool read_only;
};

/* What all kinds ask of the file that is the image. -1: errbuf holds one line. */
int blk_file_open(const char *path, bool read_only, char *errbuf, size_t errlen);
/* A file or block device, from which whole units are visible. Takes fd over, also on failure. guarded: the guest must
 * not turn the image into one of another format. NULL: errbuf holds one line. */
struct blk_store *blk_raw_open(int fd, const char *path, bool read_only, bool guarded, unsigned unit, char *errbuf,
                               size_t errlen);
/* Any other format, through a qemu-nbd of its own. The calling thread is the one to use the store, and must outlive it.
 */
struct blk_store *blk_nbd_open(const char *path, enum mon_image_format format, bool read_only, unsigned unit,
                               char *errbuf, size_t errlen);
/* Takes base over, also on failure. Writes go to a temporary file that vanishes with the process. */
struct blk_store *blk_overlay_open(struct blk_store *base, char *errbuf, size_t errlen);

/* Pieces through s->ops->write, by a copy of them. */
size_t blk_store_gather(struct blk_store *s, uint64_t offset, const struct iovec *vec, unsigned count, size_t len,
                        int *error);

/* struct blk_store_ops' read_now of a descriptor. *waits is set if it can never. */
size_t blk_fd_read_now(int fd, uint64_t offset, const struct iovec *vec, unsigned count, bool *waits);
/* Whole transfers on a descriptor, as struct blk_store_ops has them. The end of the file is an error. */
size_t blk_fd_read(int fd, uint64_t offset, void *buf, size_t len, int *error);
size_t blk_fd_write(int fd, uint64_t offset, const void *buf, size_t len, int *error);
#endif
