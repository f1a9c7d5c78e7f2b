/*
 * dev.c: creating and destroying device instances, and the flat state stream.
 *
 * Callers: the board (monitor). The state stream has a sticky error: once a
 * byte did not fit, nothing more is moved and `failed` tells it at the end.
 * Saving with buf == NULL only measures: pos is then the size needed.
 */
#include "devemu/dev.h"

#include <stdlib.h>
#include <string.h>

struct dev *dev_create(const struct dev_class *cls, struct dev_host *host, const void *cfg, enum dev_status *status) {
    enum dev_status st = DEV_NO_MEMORY;
    struct dev *d = calloc(1, cls->instance_size);
    if (d) {
        d->cls = cls;
        d->host = host;
        st = cls->init(d, cfg);
        if (st != DEV_OK) {
            free(d);
            d = NULL;
        }
    }
    if (status) *status = st;
    return d;
}

void dev_destroy(struct dev *d) {
    if (!d) return;
    if (d->cls->destroy) d->cls->destroy(d);
    free(d);
}

void dev_state_bytes(struct dev_state *st, void *field, size_t size) {
    if (st->failed) return;
    if (st->saving && !st->buf) {
        st->pos += size;
        return;
    }
    if (st->pos > st->cap || size > st->cap - st->pos) {
        st->failed = true;
        return;
    }
    if (st->saving)
        memcpy(st->buf + st->pos, field, size);
    else
        memcpy(field, st->buf + st->pos, size);
    st->pos += size;
}
