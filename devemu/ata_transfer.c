/*
 * ata_transfer.c: commands that move or verify sectors, in pieces of the buffer's size.
 *
 * Source: ATA/ATAPI-6, 6.2 "Register delivered addressing", 9.5 "PIO data-in", 9.6 "PIO data-out", 9.7 "DMA".
 * A read error in the middle first delivers the good sectors. A write is acknowledged when the host has taken
 * it, or with the write cache off (or FUA) when it is on stable storage.
 */
#include "devemu/ide_internal.h"

enum { BUFFER_SECTORS = IDE_BUFFER / BLK_SECTOR };

/* ---- Addresses ---- */

static bool chs_address(const struct ide_drive *d, uint64_t *lba) {
    const struct ata_state *a = &d->ata;
    uint32_t cylinder = (uint32_t)d->reg.lba2 << 8 | d->reg.lba1, head = d->device & ATA_HEAD, sector = d->reg.lba0;
    if (head >= a->cur_heads || !sector || sector > a->cur_sectors || cylinder >= a->cur_cylinders) return false;
    *lba = ((uint64_t)cylinder * a->cur_heads + head) * a->cur_sectors + sector - 1;
    return true;
}

static uint64_t low24(const struct ide_regs *r) { return r->lba0 | (uint32_t)r->lba1 << 8 | (uint32_t)r->lba2 << 16; }

bool ata_address(struct ide_drive *d, unsigned flags, uint64_t *lba) {
    if (flags & ATA_EXT)
        *lba = low24(&d->hob) << 24 | low24(&d->reg);
    else if (d->device & ATA_LBA)
        *lba = (uint64_t)(d->device & ATA_HEAD) << 24 | low24(&d->reg);
    else if (!chs_address(d, lba))
        return false;
    return *lba < d->ata.sectors;
}

static uint32_t sector_count(const struct ide_drive *d, unsigned flags) {
    uint32_t n = flags & ATA_EXT ? (uint32_t)d->hob.count << 8 | d->reg.count : d->reg.count;
    if (n) return n;
    return flags & ATA_EXT ? 65536 : 256;
}

static void set_low24(struct ide_regs *r, uint64_t v) {
    r->lba0 = (uint8_t)v;
    r->lba1 = (uint8_t)(v >> 8);
    r->lba2 = (uint8_t)(v >> 16);
}

static void show_chs(struct ide_drive *d, uint64_t lba) {
    const struct ata_state *a = &d->ata;
    uint64_t track = lba / a->cur_sectors, cylinder = track / a->cur_heads;
    set_low24(&d->reg, cylinder << 8 | (lba % a->cur_sectors + 1));
    d->device = (uint8_t)((d->device & ~ATA_HEAD) | (uint8_t)(track % a->cur_heads));
}

/* Leaves a sector's address in the registers. */
static void show_address(struct ide_drive *d, uint64_t lba) {
    if (d->ata.ext) {
        set_low24(&d->hob, lba >> 24);
        set_low24(&d->reg, lba);
    } else if (d->device & ATA_LBA) {
        set_low24(&d->reg, lba);
        d->device = (uint8_t)((d->device & ~ATA_HEAD) | (lba >> 24 & ATA_HEAD));
    } else {
        show_chs(d, lba);
    }
}

/* ---- Ends ---- */

static void fail(struct ide_drive *d, enum blk_status status, uint8_t medium_error) {
    show_address(d, d->ata.lba);
    if (status == BLK_OUT_OF_RANGE)
        ide_failed(d, ATA_IDNF, 0);
    else if (status == BLK_READ_ONLY)
        ide_failed(d, ATA_ABRT, 0);
    else
        ide_failed(d, medium_error, medium_error == ATA_ABRT ? ATA_DF : 0);
}

void ata_finish(struct ide_drive *d) {
    bool quiet = d->job == ATA_JOB_READ && !d->ata.dma; /* the interrupt came with the last block */
    show_address(d, d->ata.lba - 1);
    d->reg.count = d->hob.count = 0;
    if (!quiet) {
        ide_done(d);
        return;
    }
    ide_stop(d);
    d->status = ATA_DRDY | ATA_DSC;
}

/* ---- Starts ---- */

static bool begin(struct ide_drive *d, unsigned flags, enum ide_job job) {
    struct ata_state *a = &d->ata;
    if ((flags & ATA_MULTI) && !a->multiple) {
        ide_failed(d, ATA_ABRT, 0);
        return false;
    }
    a->left = sector_count(d, flags);
    if (!ata_address(d, flags, &a->lba) || a->left > a->sectors - a->lba) {
        ide_failed(d, ATA_IDNF, 0);
        return false;
    }
    a->dma = flags & ATA_DMA;
    a->ext = flags & ATA_EXT;
    a->block = flags & ATA_MULTI ? a->multiple : 1;
    a->durable = (flags & ATA_FUA) || !a->write_cache;
    a->deferred = BLK_OK;
    d->job = (uint8_t)job;
    return true;
}

static uint32_t piece(const struct ide_drive *d) { return d->ata.left < BUFFER_SECTORS ? d->ata.left : BUFFER_SECTORS; }
static uint32_t block_bytes(const struct ide_drive *d) { return (uint32_t)d->ata.block * BLK_SECTOR; }

void ata_fetch_piece(struct ide_drive *d) { ide_storage_read(d, d->ata.lba * BLK_SECTOR, piece(d) * BLK_SECTOR); }

void ata_want_piece(struct ide_drive *d) {
    uint32_t bytes = piece(d) * BLK_SECTOR;
    if (d->ata.dma)
        ide_data_dma(d, bytes, false);
    else
        ide_data_out(d, bytes, block_bytes(d));
}

static void next_read(struct ide_drive *d) {
    if (d->ata.dma)
        ide_data_disk(d);
    else
        ata_fetch_piece(d);
}

static void next_write(struct ide_drive *d) {
    if (d->ata.dma)
        ide_data_disk(d);
    else
        ata_want_piece(d);
}

void ata_read(struct ide_drive *d, unsigned flags) {
    if (begin(d, flags, ATA_JOB_READ)) next_read(d);
}

void ata_verify(struct ide_drive *d, unsigned flags) {
    if (begin(d, flags, ATA_JOB_VERIFY)) ata_fetch_piece(d);
}

void ata_write(struct ide_drive *d, unsigned flags) {
    if (!begin(d, flags, ATA_JOB_WRITE)) return;
    if (d->blk->read_only)
        fail(d, BLK_READ_ONLY, ATA_ABRT);
    else
        next_write(d);
}

/* ---- The storage has done its part ---- */

void ata_advance(struct ide_drive *d, uint32_t sectors) {
    if (sectors > d->ata.left) sectors = d->ata.left;
    d->ata.lba += sectors;
    d->ata.left -= sectors;
}

static void fetched(struct ide_drive *d) {
    uint32_t good = d->req.good / BLK_SECTOR;
    ata_advance(d, good);
    d->ata.deferred = (uint8_t)d->req.status;
    if (!good) {
        fail(d, d->req.status, ATA_UNC);
    } else if (d->ata.dma) {
        ide_data_dma(d, good * BLK_SECTOR, true);
    } else {
        ide_data_in(d, good * BLK_SECTOR, block_bytes(d));
        ide_interrupt(d);
    }
}

static void verified(struct ide_drive *d) {
    ata_advance(d, d->req.good / BLK_SECTOR);
    if (d->req.status != BLK_OK)
        fail(d, d->req.status, ATA_UNC);
    else if (d->ata.left)
        ata_fetch_piece(d);
    else
        ata_finish(d);
}

static void stored(struct ide_drive *d) {
    ata_advance(d, d->req.good / BLK_SECTOR);
    if (d->req.status != BLK_OK) {
        fail(d, d->req.status, ATA_ABRT);
    } else if (!d->ata.left) {
        ata_finish(d);
    } else {
        next_write(d);
        if (!d->ata.dma) ide_interrupt(d);
    }
}

static void flushed(struct ide_drive *d) {
    if (d->req.status == BLK_OK)
        ide_done(d);
    else
        ide_failed(d, ATA_ABRT, ATA_DF);
}

void ata_storage_done(struct ide_drive *d) {
    switch (d->job) {
    case ATA_JOB_READ: fetched(d); break;
    case ATA_JOB_VERIFY: verified(d); break;
    case ATA_JOB_WRITE: stored(d); break;
    case ATA_JOB_FLUSH: flushed(d); break;
    default: break;
    }
}

/* ---- The guest has moved a block, or with DMA the buffer ---- */

static void read_moved(struct ide_drive *d) {
    if (d->pos < d->fill) {
        ide_data_in(d, d->fill, block_bytes(d));
        ide_interrupt(d);
    } else if (d->ata.deferred != BLK_OK) {
        fail(d, d->ata.deferred, ATA_UNC);
    } else if (d->ata.left) {
        next_read(d);
    } else {
        ata_finish(d);
    }
}

static void write_moved(struct ide_drive *d) {
    if (d->pos < d->fill) {
        ide_data_out(d, d->fill, block_bytes(d));
        ide_interrupt(d);
    } else {
        ide_storage_write(d, d->ata.lba * BLK_SECTOR, d->fill, d->ata.durable);
    }
}

void ata_data_moved(struct ide_drive *d) {
    switch (d->job) {
    case ATA_JOB_READ: read_moved(d); break;
    case ATA_JOB_WRITE: write_moved(d); break;
    case ATA_JOB_DATA_OUT:
        for (unsigned i = 0; i < BLK_SECTOR; i++) d->ata.scratch[i] = d->buf[i];
        ide_done(d);
        break;
    default: /* the interrupt came with the data */ ide_stop(d); d->status = ATA_DRDY | ATA_DSC;
    }
}
