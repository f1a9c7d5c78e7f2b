#include "monitor/blk.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include "monitor/blk_queue.h"

/* A struct mon_blk is a blk_queue; other kinds of images are other stores. */
static struct blk_queue *to_queue(struct mon_blk *b) { return (struct blk_queue *)b; }

static struct blk_store *open_store(const struct blk_config *cfg, char *errbuf, size_t errlen) {
    bool overlay = cfg->snapshot && !cfg->read_only;
    struct blk_store *s = blk_raw_open(cfg->path, cfg->read_only || overlay, cfg->unit, errbuf, errlen);
    return s && overlay ? blk_overlay_open(s, errbuf, errlen) : s;
}

struct mon_blk *blk_open(const struct blk_config *cfg, struct mon_events *events, char *errbuf, size_t errlen) {
    struct blk_store *s = open_store(cfg, errbuf, errlen);
    if (!s) return NULL;
    struct blk_queue *q = blk_queue_create(s, cfg->path, events);
    if (q) return (struct mon_blk *)q;
    snprintf(errbuf, errlen, "disk image %s: cannot start its worker: %s", cfg->path, strerror(errno));
    s->ops->close(s);
    return NULL;
}

void blk_close(struct mon_blk *b) {
    if (b) blk_queue_destroy(to_queue(b));
}

struct blk *blk_dev(struct mon_blk *b) {
    return b ? blk_queue_dev(to_queue(b)) : NULL;
}
