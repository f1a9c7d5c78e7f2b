/*
 * blk.h: disk images as the machine is configured with them. Caller: drives.c.
 */
#ifndef NOVT_MONITOR_BLK_H
#define NOVT_MONITOR_BLK_H

#include "devemu/block.h"
#include "monitor/events.h"

struct blk_config {
    const char *path; /* stays the caller's, valid while it is open */
    bool read_only;
    bool snapshot; /* writes are forgotten at the end */
    unsigned unit; /* bytes of a sector of the medium: a multiple of BLK_SECTOR */
};

struct mon_blk;
/* NULL: errbuf holds one line. */
struct mon_blk *blk_open(const struct blk_config *cfg, struct mon_events *events, char *errbuf, size_t errlen);
/* Ends what is under way and flushes. NULL is nothing. */
void blk_close(struct mon_blk *b);
/* For a device; NULL stays NULL. */
struct blk *blk_dev(struct mon_blk *b);
#endif
