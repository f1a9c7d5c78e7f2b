/*
 * ata_dma.c: a disk's sectors by DMA without a copy: between the host's page cache and the guest's memory.
 *
 * Called when a command and the bus master are both ready. What the host has in memory is read at once, so the command
 * is over when the write that started it returns; other sectors, and regions that are not memory, go by the drive's
 * buffer. A write is read from the guest's memory by the storage's own thread.
 */
#include "devemu/ide_internal.h"

static uint32_t limit(const struct ide_drive *d, uint32_t bytes) {
    return d->ata.left < bytes / BLK_SECTOR ? d->ata.left * BLK_SECTOR : bytes;
}

/* All of it: there may be bytes of a sector that does not count as read. */
static void announce(const struct ide_drive *d, unsigned count) {
    for (unsigned i = 0; i < count; i++)
        smmu_mem_span_written(d->channel->ide->pci.dev.host->mem, d->vec[i].iov_base, d->vec[i].iov_len);
}

/* At most `budget` bytes, lest the guest's processor stands still for long. */
static uint32_t read_now(struct ide_drive *d, uint32_t budget) {
    unsigned count;
    uint32_t want = ide_bm_gather(d, true, limit(d, budget), &count);
    uint32_t got = want ? blk_read_now(d->blk, d->ata.lba * BLK_SECTOR, d->vec, count, want) : 0;
    announce(d, count);
    ide_bm_skip(d->channel, got);
    ata_advance(d, got / BLK_SECTOR);
    return got;
}

static void dma_read(struct ide_drive *d) {
    uint32_t budget = BLK_VEC_BYTES, got;
    while (d->ata.left && budget && (got = read_now(d, budget)) > 0) budget -= got;
    if (d->ata.left)
        ata_fetch_piece(d);
    else
        ata_finish(d);
}

static void dma_write(struct ide_drive *d) {
    unsigned count;
    uint32_t bytes = ide_bm_gather(d, false, limit(d, BLK_VEC_BYTES), &count);
    if (!bytes) {
        ata_want_piece(d);
        return;
    }
    ide_bm_skip(d->channel, bytes);
    ide_storage_writev(d, d->ata.lba * BLK_SECTOR, count, bytes, d->ata.durable);
}

void ata_dma(struct ide_drive *d) {
    if (d->job == ATA_JOB_READ)
        dma_read(d);
    else
        dma_write(d);
}
