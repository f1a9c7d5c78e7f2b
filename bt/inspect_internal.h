/*
 * inspect_internal.h: what the files behind inspect.h share.
 */
#ifndef NOVT_BT_INSPECT_INTERNAL_H
#define NOVT_BT_INSPECT_INTERNAL_H

#include "bt/bt_internal.h"

/* Of the hot code of one instruction. */
enum bt_inspect_flags inspect_flags(const uint8_t *host, uint32_t len);
struct bt_inspect_time bt_inspect_time(const struct bt_engine *e);
/* The linear address at which a live block has the code at this address of the frames (frame and offset). Looks at a
 * bounded number of blocks; BT_INSPECT_NO_VA: found none. */
uint32_t inspect_va(const struct bt_engine *e, uint32_t physical);
/* How long an epoch is, on the average. */
/* Where to go on: *cursor 0 begins, a flush begins anew. True: anew. */
bool inspect_begin(const struct bt_engine *e, uint32_t *epoch, uint32_t *cursor);
#endif
