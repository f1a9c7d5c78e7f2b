#include "monitor/blk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "monitor/blk_queue.h"

struct mon_blk {
    struct blk_config cfg;
    char *path;
    enum mon_image_format format; /* found by the worker */
    struct blk_queue *queue;
    void (*opened)(void *opaque);
    void *opaque;
};

/* ---- On the worker ---- */

/* The format is decided here, by us: qemu-nbd is always told which it is. */
static struct blk_store *open_image(struct mon_blk *b, bool read_only, char *errbuf, size_t errlen) {
    const struct blk_config *c = &b->cfg;
    int fd = blk_file_open(c->path, read_only, errbuf, errlen);
    if (fd < 0) return NULL;
    b->format = c->format == MON_FORMAT_AUTO ? mon_format_probe_fd(fd) : c->format;
    if (b->format == MON_FORMAT_RAW)
        return blk_raw_open(fd, c->path, read_only, c->format == MON_FORMAT_AUTO, c->unit, errbuf, errlen);
    close(fd);
    return blk_nbd_open(c->path, b->format, read_only, c->unit, errbuf, errlen);
}

static struct blk_store *open_store(void *opaque, char *errbuf, size_t errlen) {
    struct mon_blk *b = opaque;
    const struct blk_config *c = &b->cfg;
    bool overlay = c->snapshot && !c->read_only;
    struct blk_store *s = open_image(b, c->read_only || overlay, errbuf, errlen);
    return s && overlay ? blk_overlay_open(s, errbuf, errlen) : s;
}

/* ---- On the vCPU thread ---- */

static void opened(void *opaque) {
    struct mon_blk *b = opaque;
    b->opened(b->opaque);
}

struct mon_blk *blk_open_start(const struct blk_config *cfg, struct mon_events *events, void (*done)(void *opaque),
                               void *opaque) {
    struct mon_blk *b = calloc(1, sizeof *b);
    if (!b) return NULL;
    *b = (struct mon_blk){.cfg = *cfg, .path = strdup(cfg->path), .opened = done, .opaque = opaque};
    b->cfg.path = b->path;
    struct blk_opener opener = {.open = open_store, .opened = done ? opened : NULL, .opaque = b};
    if (b->path) b->queue = blk_queue_create(&opener, b->path, events);
    if (b->queue) return b;
    int saved = errno;
    blk_close(b);
    errno = saved;
    return NULL;
}

bool blk_is_open(struct mon_blk *b, char *errbuf, size_t errlen) {
    return blk_queue_is_open(b->queue, false, errbuf, errlen);
}

struct mon_blk *blk_open(const struct blk_config *cfg, struct mon_events *events, char *errbuf, size_t errlen) {
    struct mon_blk *b = blk_open_start(cfg, events, NULL, NULL);
    if (!b) {
        snprintf(errbuf, errlen, "disk image %s: cannot start its worker: %s", cfg->path, strerror(errno));
        return NULL;
    }
    if (blk_queue_is_open(b->queue, true, errbuf, errlen)) return b;
    blk_close(b);
    return NULL;
}

void blk_retire(struct mon_blk *b, void (*gone)(void *opaque), void *opaque) {
    blk_queue_retire(b->queue, gone, opaque);
}

void blk_close(struct mon_blk *b) {
    if (!b) return;
    if (b->queue) blk_queue_destroy(b->queue);
    free(b->path);
    free(b);
}

const struct blk_config *blk_config(const struct mon_blk *b) { return &b->cfg; }
enum mon_image_format blk_format(const struct mon_blk *b) { return b->format; }

struct blk *blk_dev(struct mon_blk *b) {
    return b ? blk_queue_dev(b->queue) : NULL;
}
