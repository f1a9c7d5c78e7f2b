/*
 * blk.h: disk images as the machine is configured with them. Caller: drives.c.
 */
#ifndef NOVT_MONITOR_BLK_H
#define NOVT_MONITOR_BLK_H

#include "devemu/block.h"
#include "monitor/events.h"
#include "monitor/guess.h"

struct blk_config {
    const char *path;
    enum mon_image_format format; /* AUTO: probed */
    bool read_only;
    bool snapshot; /* writes are forgotten at the end */
    unsigned unit; /* bytes of a sector of the medium: a multiple of BLK_SECTOR */
};

struct mon_blk;
/* Waits until it is open: before the machine runs. NULL: errbuf holds one line. */
struct mon_blk *blk_open(const struct blk_config *cfg, struct mon_events *events, char *errbuf, size_t errlen);
/* Opens without waiting: done is called on the vCPU thread, and may close it. NULL: errno tells. */
struct mon_blk *blk_open_start(const struct blk_config *cfg, struct mon_events *events, void (*done)(void *opaque),
                               void *opaque);
/* In or after done: did it succeed? False: errbuf holds one line. */
bool blk_is_open(struct mon_blk *b, char *errbuf, size_t errlen);
/* Ends what is under way and flushes, without waiting: gone is called on the vCPU thread, and has to close it. */
void blk_retire(struct mon_blk *b, void (*gone)(void *opaque), void *opaque);
/* Ends what is under way and flushes. NULL is nothing. */
void blk_close(struct mon_blk *b);
/* What it was opened with; format: what it is kept in. Once it is open. */
const struct blk_config *blk_config(const struct mon_blk *b);
enum mon_image_format blk_format(const struct mon_blk *b);
/* For a device; NULL stays NULL. */
struct blk *blk_dev(struct mon_blk *b);
#endif
