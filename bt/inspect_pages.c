/* inspect_pages.c: blocks summed up by page. Neighbours in the list of blocks are mostly of the same page. */
#include "bt/inspect_pages.h"

#include "bt/bt_internal.h"
#include "bt/inspect.h"

enum { STEP = 2048 }; /* blocks a question */

/* NULL: there is no room. */
static struct bt_inspect_page_row *row_of(struct bt_inspect_pages *p, const struct block *b) {
    for (uint32_t i = p->n; i--;)
        if (p->row[i].frame == b->frame[0]) return &p->row[i];
    if (p->n == BT_INSPECT_PAGES) return NULL;
    p->row[p->n] =
        (struct bt_inspect_page_row){.frame = b->frame[0], .va = (b->cs_base + b->eip) & ~(uint32_t)SMMU_PAGE_MASK};
    return &p->row[p->n++];
}

static bool add(struct bt_inspect_pages *p, const struct block *b) {
    struct bt_inspect_page_row *row = row_of(p, b);
    if (!row) return false;
    row->samples += b->samples;
    if (b->dead) return true;
    row->blocks++;
    row->guest_bytes += b->guest_len;
    row->host_bytes += b->host_len + b->cold_len;
    return true;
}

void bt_inspect_pages(const struct bt_engine *e, struct bt_inspect_pages *p) {
    p->anew = !p->cursor || p->epoch != bt_inspect_epoch(e);
    p->epoch = bt_inspect_epoch(e);
    p->n = 0;
    uint32_t at = p->anew ? 0 : p->cursor, left = STEP;
    while (at < e->n_blocks && left-- && add(p, &e->blocks[at])) at++;
    p->cursor = at < e->n_blocks ? at : 0;
}
