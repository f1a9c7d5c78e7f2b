#include "monitor/blk_store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

size_t blk_store_gather(struct blk_store *s, uint64_t offset, const struct iovec *vec, unsigned count, size_t len,
                        int *error) {
    uint8_t *copy = malloc(len);
    size_t at = 0;
    if (!copy) {
        *error = ENOMEM;
        return 0;
    }
    for (unsigned i = 0; i < count; at += vec[i++].iov_len) memcpy(copy + at, vec[i].iov_base, vec[i].iov_len);
    at = s->ops->write(s, offset, copy, len, error);
    free(copy);
    return at;
}
