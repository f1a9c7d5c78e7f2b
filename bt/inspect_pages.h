/*
 * inspect_pages.h: translated code by pages of guest memory, for consoles: inspect.h goes on, by its rules.
 */
#ifndef NOVT_BT_INSPECT_PAGES_H
#define NOVT_BT_INSPECT_PAGES_H

#include <stdbool.h>
#include <stdint.h>

struct bt_engine;
enum { BT_INSPECT_PAGES = 256 };
struct bt_inspect_pages {
    uint32_t epoch, cursor; /* cursor 0: begin; 0 afterwards: done */
    bool anew;              /* what was given before does not count */
    uint32_t n;
    struct bt_inspect_page_row {                  /* of the blocks that were looked at; a page comes in several parts */
        uint32_t frame, va;                       /* va: of the page, as one of the blocks has it */
        uint32_t blocks, guest_bytes, host_bytes; /* of live ones */
        uint32_t samples;                         /* of dead ones too */
    } row[BT_INSPECT_PAGES];
};
/* Looks at the next blocks. A block belongs to the page of its first byte. */
void bt_inspect_pages(const struct bt_engine *e, struct bt_inspect_pages *p);
#endif
