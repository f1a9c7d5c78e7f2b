/*
 * blk_raw.c: a raw image: byte n of the file is byte n of the medium.
 *
 * The image is locked as long as it is open (fcntl "open file description" locks): one writer, or
 * any number of readers. Hosts whose file system has no locks are trusted. An image that is raw because nothing else
 * was recognized is guarded: a write that would make it look like another format is refused, so that the next run sees
 * the same disk, and no header of the guest's making names files of the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "monitor/blk_store.h"
#include "monitor/hostsys.h"

struct raw {
    struct blk_store store;
    int fd;
    uint64_t file_size;
    bool guarded;
    bool waits; /* this file knows no reading without waiting */
    int lost;   /* errno of a flush that failed: the kernel may have dropped the data, so no later one succeeds */
};

/* ---- Transfers ---- */

size_t blk_fd_read(int fd, uint64_t offset, void *buf, size_t len, int *error) {
    size_t got = 0;
    while (got < len) {
        ssize_t n = pread(fd, (char *)buf + got, len - got, (off_t)(offset + got));
        if (n > 0)
            got += (size_t)n;
        else if (n == 0 || errno != EINTR) {
            *error = n == 0 ? ENODATA : errno;
            break;
        }
    }
    return got;
}

size_t blk_fd_write(int fd, uint64_t offset, const void *buf, size_t len, int *error) {
    size_t put = 0;
    while (put < len) {
        ssize_t n = pwrite(fd, (const char *)buf + put, len - put, (off_t)(offset + put));
        if (n > 0)
            put += (size_t)n;
        else if (n == 0 || errno != EINTR) {
            *error = n == 0 ? ENOSPC : errno;
            break;
        }
    }
    return put;
}

static size_t raw_read(struct blk_store *s, uint64_t offset, void *buf, size_t len, int *error) {
    return blk_fd_read(((struct raw *)s)->fd, offset, buf, len, error);
}

size_t blk_fd_read_now(int fd, uint64_t offset, const struct iovec *vec, unsigned count, bool *waits) {
    if (*waits) return 0;
    long n = hostsys_preadv_now(fd, vec, count, offset);
    if (n == -EOPNOTSUPP) *waits = true;
    return n < 0 ? 0 : (size_t)n;
}

static size_t raw_read_now(struct blk_store *s, uint64_t offset, const struct iovec *vec, unsigned count) {
    struct raw *r = (struct raw *)s;
    return blk_fd_read_now(r->fd, offset, vec, count, &r->waits);
}

/* ---- The guard ---- */

/* The part of [at, at+size) that a write replaces. */
static void lay_over(uint8_t *out, uint64_t at, size_t size, uint64_t offset, const uint8_t *buf, size_t len) {
    for (size_t i = 0; i < size; i++)
        if (at + i >= offset && at + i - offset < len) out[i] = buf[at + i - offset];
}

static uint64_t tail_start(const struct raw *r) {
    return r->file_size < MON_PROBE_TAIL ? 0 : r->file_size - MON_PROBE_TAIL;
}

static bool needs_guard(const struct raw *r, uint64_t offset, size_t len) {
    return r->guarded && (offset < MON_PROBE_HEAD || offset + len > tail_start(r));
}

static bool changes_format(struct raw *r, uint64_t offset, const void *buf, size_t len) {
    uint8_t head[MON_PROBE_HEAD] = {0}, tail[MON_PROBE_TAIL] = {0};
    uint64_t tail_at = tail_start(r);
    int ignored;
    (void)blk_fd_read(r->fd, 0, head, sizeof head, &ignored);
    (void)blk_fd_read(r->fd, tail_at, tail, sizeof tail, &ignored);
    lay_over(head, 0, sizeof head, offset, buf, len);
    lay_over(tail, tail_at, sizeof tail, offset, buf, len);
    return mon_format_probe(head, sizeof head, tail, sizeof tail, r->file_size) != MON_FORMAT_RAW;
}

static size_t raw_write(struct blk_store *s, uint64_t offset, const void *buf, size_t len, int *error) {
    struct raw *r = (struct raw *)s;
    if (needs_guard(r, offset, len) && changes_format(r, offset, buf, len)) {
        *error = EBADMSG;
        return 0;
    }
    return blk_fd_write(((struct raw *)s)->fd, offset, buf, len, error);
}

/* What the guard looks at must be what is written: the guest may change its memory meanwhile. */
static size_t raw_writev(struct blk_store *s, uint64_t offset, const struct iovec *vec, unsigned count, size_t len,
                         int *error) {
    struct raw *r = (struct raw *)s;
    if (needs_guard(r, offset, len)) return blk_store_gather(s, offset, vec, count, len, error);
    ssize_t n;
    do n = pwritev(r->fd, vec, (int)count, (off_t)offset);
    while (n < 0 && errno == EINTR);
    if (n == (ssize_t)len) return len;
    return blk_store_gather(s, offset, vec, count, len, error); /* which finds out what the matter is */
}

static int raw_flush(struct blk_store *s) {
    struct raw *r = (struct raw *)s;
    if (!s->read_only && !r->lost && fdatasync(r->fd)) r->lost = errno;
    return r->lost;
}

static void raw_close(struct blk_store *s) {
    close(((struct raw *)s)->fd);
    free(s);
}

static const struct blk_store_ops raw_ops = {
    .read = raw_read,
    .write = raw_write,
    .writev = raw_writev,
    .read_now = raw_read_now,
    .flush = raw_flush,
    .close = raw_close,
};

/* ---- Opening ---- */

static bool fail(const char *path, const char *why, char *errbuf, size_t errlen) {
    snprintf(errbuf, errlen, "disk image %s: %s", path, why);
    return false;
}

static bool check_type(const char *path, const struct stat *st, char *errbuf, size_t errlen) {
    if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode)) return true;
    return fail(path, S_ISDIR(st->st_mode) ? "is a directory" : "is neither a file nor a block device", errbuf, errlen);
}

static bool lock(int fd, bool read_only, const char *path, char *errbuf, size_t errlen) {
    struct flock fl = {.l_type = read_only ? F_RDLCK : F_WRLCK, .l_whence = SEEK_SET};
    if (!fcntl(fd, F_OFD_SETLK, &fl) || (errno != EAGAIN && errno != EACCES)) return true;
    return fail(path, "is in use by another program", errbuf, errlen);
}

/* Open without waiting: what the path names may be a pipe. */
static int open_quickly(const char *path, bool read_only, char *errbuf, size_t errlen) {
    int fd = open(path, (read_only ? O_RDONLY : O_RDWR) | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd >= 0) return fd;
    bool refused = !read_only && (errno == EACCES || errno == EROFS || errno == EPERM) && !access(path, R_OK);
    if (refused)
        fail(path, "cannot be written; readonly=on or snapshot=on leaves it unchanged", errbuf, errlen);
    else if (errno == EISDIR)
        fail(path, "is a directory", errbuf, errlen);
    else
        fail(path, strerror(errno), errbuf, errlen);
    return -1;
}

static bool measure(struct raw *r, const char *path, unsigned unit, char *errbuf, size_t errlen) {
    off_t end = lseek(r->fd, 0, SEEK_END);
    if (end < 0) return fail(path, strerror(errno), errbuf, errlen);
    if (end == 0) return fail(path, "is empty", errbuf, errlen);
    r->file_size = (uint64_t)end;
    r->store.size = (uint64_t)end / unit * unit;
    if (!r->store.size) return fail(path, "is smaller than one sector", errbuf, errlen);
    if (r->store.size != (uint64_t)end)
        fprintf(stderr, "novt: disk image %s: the last %" PRIu64 " bytes are no whole sector and cannot be seen\n",
                path, (uint64_t)end - r->store.size);
    return true;
}

int blk_file_open(const char *path, bool read_only, char *errbuf, size_t errlen) {
    struct stat st;
    int fd = open_quickly(path, read_only, errbuf, errlen);
    if (fd < 0) return -1;
    bool ok = fstat(fd, &st) ? fail(path, strerror(errno), errbuf, errlen) : check_type(path, &st, errbuf, errlen);
    if (ok) return fd;
    close(fd);
    return -1;
}

struct blk_store *blk_raw_open(int fd, const char *path, bool read_only, bool guarded, unsigned unit, char *errbuf,
                               size_t errlen) {
    struct raw *r = calloc(1, sizeof *r);
    if (!r) {
        fail(path, "out of memory", errbuf, errlen);
        close(fd);
        return NULL;
    }
    *r = (struct raw){.store = {.ops = &raw_ops, .read_only = read_only}, .fd = fd, .guarded = guarded && !read_only};
    if (lock(fd, read_only, path, errbuf, errlen) && measure(r, path, unit, errbuf, errlen)) return &r->store;
    raw_close(&r->store);
    return NULL;
}
