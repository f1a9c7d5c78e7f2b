/*
 * blk_overlay.c: writes kept aside: the image stays as it is.
 *
 * What the guest writes goes to the same offset of a sparse temporary file without a name;
 * one bit a sector says which of the two holds it. Both grow only where the guest writes.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include "devemu/block.h"
#include "monitor/blk_store.h"

struct overlay {
    struct blk_store store;
    struct blk_store *base;
    int fd;
    bool waits;   /* fd knows no reading without waiting */
    uint8_t *map; /* one bit a sector: in the temporary file */
    size_t map_bytes;
};

static bool is_written(const struct overlay *o, uint64_t sector) { return o->map[sector / 8] >> (sector % 8) & 1; }

/* Bytes from offset on that are all in one place, at most len. */
static size_t run_length(const struct overlay *o, uint64_t offset, size_t len) {
    uint64_t first = offset / BLK_SECTOR, n = 1, sectors = len / BLK_SECTOR;
    while (n < sectors && is_written(o, first + n) == is_written(o, first)) n++;
    return (size_t)(n * BLK_SECTOR);
}

static size_t read_run(struct overlay *o, uint64_t offset, void *buf, size_t len, int *error) {
    if (is_written(o, offset / BLK_SECTOR)) return blk_fd_read(o->fd, offset, buf, len, error);
    return o->base->ops->read(o->base, offset, buf, len, error);
}

static size_t overlay_read(struct blk_store *s, uint64_t offset, void *buf, size_t len, int *error) {
    struct overlay *o = (struct overlay *)s;
    size_t done = 0;
    while (done < len) {
        size_t want = run_length(o, offset + done, len - done);
        size_t got = read_run(o, offset + done, (uint8_t *)buf + done, want, error);
        done += got;
        if (got < want) break;
    }
    return done;
}

/* What lies in both files is left to the worker. */
static size_t overlay_read_now(struct blk_store *s, uint64_t offset, const struct iovec *vec, unsigned count) {
    struct overlay *o = (struct overlay *)s;
    size_t len = 0;
    for (unsigned i = 0; i < count; i++) len += vec[i].iov_len;
    if (run_length(o, offset, len) < len) return 0;
    if (is_written(o, offset / BLK_SECTOR)) return blk_fd_read_now(o->fd, offset, vec, count, &o->waits);
    return o->base->ops->read_now ? o->base->ops->read_now(o->base, offset, vec, count) : 0;
}

static size_t overlay_write(struct blk_store *s, uint64_t offset, const void *buf, size_t len, int *error) {
    struct overlay *o = (struct overlay *)s;
    size_t put = blk_fd_write(o->fd, offset, buf, len, error) / BLK_SECTOR * BLK_SECTOR;
    for (uint64_t n = offset / BLK_SECTOR; n < (offset + put) / BLK_SECTOR; n++)
        o->map[n / 8] |= (uint8_t)(1u << n % 8);
    return put;
}

/* Nothing outlives the process. */
static int overlay_flush(struct blk_store *s) { return (void)s, 0; }

static void overlay_close(struct blk_store *s) {
    struct overlay *o = (struct overlay *)s;
    if (o->map) munmap(o->map, o->map_bytes);
    if (o->fd >= 0) close(o->fd);
    o->base->ops->close(o->base);
    free(o);
}

static void overlay_give_up(struct blk_store *s) {
    struct blk_store *base = ((struct overlay *)s)->base;
    if (base->ops->give_up) base->ops->give_up(base);
}

static const struct blk_store_ops overlay_ops = {
    .read = overlay_read,
    .write = overlay_write,
    .read_now = overlay_read_now,
    .flush = overlay_flush,
    .close = overlay_close,
    .give_up = overlay_give_up,
};

static int named_temporary(const char *dir) {
    char path[4096];
    int n = snprintf(path, sizeof path, "%s/novt-XXXXXX", dir);
    int fd = n > 0 && (size_t)n < sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
    if (fd >= 0) unlink(path);
    return fd;
}

/* /var/tmp: /tmp is often memory. */
static int temporary_file(void) {
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir) dir = "/var/tmp";
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    return fd >= 0 ? fd : named_temporary(dir);
}

static bool make_map(struct overlay *o) {
    o->map_bytes = (size_t)(o->store.size / BLK_SECTOR / 8 + 1);
    void *p = mmap(NULL, o->map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    o->map = p == MAP_FAILED ? NULL : p;
    return o->map != NULL;
}

struct blk_store *blk_overlay_open(struct blk_store *base, char *errbuf, size_t errlen) {
    struct overlay *o = calloc(1, sizeof *o);
    if (!o) {
        snprintf(errbuf, errlen, "snapshot: out of memory");
        base->ops->close(base);
        return NULL;
    }
    o->store = (struct blk_store){.ops = &overlay_ops, .size = base->size};
    o->base = base;
    o->fd = temporary_file();
    if (o->fd >= 0 && make_map(o)) return &o->store;
    snprintf(errbuf, errlen, "snapshot: no temporary file: %s", strerror(errno));
    overlay_close(&o->store);
    return NULL;
}
