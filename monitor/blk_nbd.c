/*
 * blk_nbd.c: an image of any format that qemu-nbd understands, read and written through libnbd.
 *
 * Protocol: the NBD project's doc/proto.md. libnbd uses SSE: everything here runs on the worker thread that opened the
 * store, never on the vCPU thread; only give_up comes from elsewhere. A connection that breaks, and a helper that
 * is given up, end the store: all later requests fail with ENOTCONN, flushes too, so nothing is acknowledged in vain.
 */
#include <errno.h>
#include <inttypes.h>
#include <libnbd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "monitor/blk_helper.h"
#include "monitor/blk_store.h"

enum { POLL_MS = 1000, OPEN_S = 60, PIECE = 1 << 20 };

struct nbd {
    struct blk_store store;
    struct nbd_handle *h; /* NULL: the connection is over */
    struct blk_helper helper;
    char *path;
    bool can_flush, given_up;
};

static bool is_given_up(const struct nbd *n) { return __atomic_load_n(&n->given_up, __ATOMIC_ACQUIRE); }
static void give_up(struct blk_store *s) { __atomic_store_n(&((struct nbd *)s)->given_up, true, __ATOMIC_RELEASE); }

/* Frees what a request still under way would refer to. */
static void disconnect(struct nbd *n, bool kill_helper) {
    if (n->h) nbd_close(n->h);
    n->h = NULL;
    blk_helper_stop(&n->helper, n->path, kill_helper);
}

/* ---- One command ---- */

/* 0 or errno. */
static int finish(struct nbd *n, int64_t cookie) {
    while (cookie >= 0) {
        int done = nbd_aio_command_completed(n->h, (uint64_t)cookie);
        if (done > 0) return 0;
        if (done < 0 || is_given_up(n) || nbd_poll(n->h, POLL_MS) < 0) break;
    }
    int error = nbd_get_errno();
    if (is_given_up(n) || nbd_aio_is_dead(n->h) || nbd_aio_is_closed(n->h)) {
        disconnect(n, is_given_up(n));
        return ENOTCONN;
    }
    blk_helper_relay(&n->helper, n->path);
    return error ? error : EIO;
}

static size_t piece(size_t left) { return left < PIECE ? left : PIECE; }

static size_t nbd_store_read(struct blk_store *s, uint64_t offset, void *buf, size_t len, int *error) {
    struct nbd *n = (struct nbd *)s;
    size_t done = 0;
    while (done < len) {
        size_t want = piece(len - done);
        *error = n->h ? finish(n, nbd_aio_pread(n->h, (char *)buf + done, want, offset + done, NBD_NULL_COMPLETION, 0))
                      : ENOTCONN;
        if (*error) break;
        done += want;
    }
    return done;
}

static size_t nbd_store_write(struct blk_store *s, uint64_t offset, const void *buf, size_t len, int *error) {
    struct nbd *n = (struct nbd *)s;
    size_t done = 0;
    while (done < len) {
        size_t want = piece(len - done);
        *error =
            n->h
                ? finish(n, nbd_aio_pwrite(n->h, (const char *)buf + done, want, offset + done, NBD_NULL_COMPLETION, 0))
                : ENOTCONN;
        if (*error) break;
        done += want;
    }
    return done;
}

static int nbd_store_flush(struct blk_store *s) {
    struct nbd *n = (struct nbd *)s;
    if (!n->h) return ENOTCONN;
    return n->can_flush ? finish(n, nbd_aio_flush(n->h, NBD_NULL_COMPLETION, 0)) : 0;
}

/* ---- Life ---- */

static void nbd_store_close(struct blk_store *s) {
    struct nbd *n = (struct nbd *)s;
    bool polite = n->h && !is_given_up(n) && !nbd_shutdown(n->h, 0);
    disconnect(n, !polite);
    free(n->path);
    free(n);
}

static const struct blk_store_ops nbd_ops = {
    .read = nbd_store_read,
    .write = nbd_store_write,
    .flush = nbd_store_flush,
    .close = nbd_store_close,
    .give_up = give_up,
};

/* The handshake begins when the helper has opened the image. Takes fd over. */
static bool connect_to(struct nbd *n, int fd) {
    struct timespec start, now;
    clock_gettime(CLOCK_MONOTONIC, &start);
    if (nbd_aio_connect_socket(n->h, fd)) {
        close(fd);
        return false;
    }
    for (;;) {
        if (nbd_aio_is_ready(n->h) > 0) return true;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (nbd_aio_is_dead(n->h) || nbd_aio_is_closed(n->h) || now.tv_sec - start.tv_sec > OPEN_S) return false;
        if (nbd_poll(n->h, POLL_MS) < 0) return false;
    }
}

static bool learn(struct nbd *n, bool read_only, unsigned unit, char *errbuf, size_t errlen) {
    int64_t size = nbd_get_size(n->h);
    if (size < (int64_t)unit || (!read_only && nbd_is_read_only(n->h) != 0)) {
        snprintf(errbuf, errlen, "disk image %s: %s", n->path, size < (int64_t)unit ? "is empty" : "cannot be written");
        return false;
    }
    n->store.read_only = read_only;
    n->store.size = (uint64_t)size / unit * unit;
    n->can_flush = nbd_can_flush(n->h) > 0;
    return true;
}

static bool open_helper(struct nbd *n, enum mon_image_format format, bool read_only, unsigned unit, char *errbuf,
                        size_t errlen) {
    int fd = blk_helper_start(&n->helper, n->path, format, read_only, errbuf, errlen);
    if (fd < 0) return false;
    if (connect_to(n, fd)) return learn(n, read_only, unit, errbuf, errlen);
    nbd_close(n->h);
    n->h = NULL;
    blk_helper_reason(&n->helper, n->path, errbuf, errlen);
    return false;
}

struct blk_store *blk_nbd_open(const char *path, enum mon_image_format format, bool read_only, unsigned unit,
                               char *errbuf, size_t errlen) {
    struct nbd *n = calloc(1, sizeof *n);
    if (n) {
        n->store.ops = &nbd_ops;
        n->helper.error_fd = -1;
        n->path = strdup(path);
        n->h = nbd_create();
    }
    if (!n || !n->path || !n->h) {
        snprintf(errbuf, errlen, "disk image %s: out of memory", path);
    } else if (open_helper(n, format, read_only, unit, errbuf, errlen)) {
        return &n->store;
    }
    if (n) nbd_store_close(&n->store);
    return NULL;
}
