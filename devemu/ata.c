/*
 * ata.c: the command set of a disk (ATA/ATAPI-6, 8 "Command descriptions", and the old codes of ATA-1).
 */
#include "devemu/ide_internal.h"

#include <string.h>

enum { POWER_STANDBY = 0x00, POWER_ACTIVE = 0xFF };

static void aborted(struct ide_drive *d, unsigned arg) {
    (void)arg;
    ide_failed(d, ATA_ABRT, 0);
}

/* ---- Single sectors that are not the medium's ---- */

void ata_give_sector(struct ide_drive *d) {
    d->job = ATA_JOB_DATA_IN;
    ide_data_in(d, BLK_SECTOR, BLK_SECTOR);
    ide_interrupt(d);
}

static void identify(struct ide_drive *d, unsigned arg) {
    (void)arg;
    ata_identify(d, d->buf);
    ata_give_sector(d);
}

static void read_buffer(struct ide_drive *d, unsigned arg) {
    (void)arg;
    memcpy(d->buf, d->ata.scratch, BLK_SECTOR);
    ata_give_sector(d);
}

static void write_buffer(struct ide_drive *d, unsigned arg) {
    (void)arg;
    d->job = ATA_JOB_DATA_OUT;
    ide_data_out(d, BLK_SECTOR, BLK_SECTOR);
}

/* ---- Positions ---- */

static void recalibrate(struct ide_drive *d, unsigned arg) {
    (void)arg;
    d->reg.lba1 = d->reg.lba2 = 0;
    ide_done(d);
}

static void seek(struct ide_drive *d, unsigned arg) {
    uint64_t lba;
    (void)arg;
    if (ata_address(d, 0, &lba))
        ide_done(d);
    else
        ide_failed(d, ATA_IDNF, 0);
}

static void set_parameters(struct ide_drive *d, unsigned arg) {
    (void)arg;
    if (ata_set_geometry(d, (uint8_t)((d->device & ATA_HEAD) + 1), d->reg.count))
        ide_done(d);
    else
        ide_failed(d, ATA_ABRT, 0);
}

/* ---- Cache and power ---- */

static void flush(struct ide_drive *d, unsigned arg) {
    (void)arg;
    d->job = ATA_JOB_FLUSH;
    ide_storage_flush(d);
}

static void standby(struct ide_drive *d, unsigned arg) {
    d->ata.standby = true;
    flush(d, arg);
}

static void idle(struct ide_drive *d, unsigned arg) {
    (void)arg;
    d->ata.standby = false;
    ide_done(d);
}

static void check_power(struct ide_drive *d, unsigned arg) {
    (void)arg;
    d->reg.count = d->ata.standby ? POWER_STANDBY : POWER_ACTIVE;
    ide_done(d);
}

/* ---- Settings ---- */

static bool power_of_two(uint8_t n) { return n && !(n & (n - 1)); }

static void set_multiple(struct ide_drive *d, unsigned arg) {
    uint8_t n = d->reg.count;
    (void)arg;
    d->ata.multiple = 0; /* also what an invalid count leaves */
    if (n && (n > ATA_MULTIPLE_MAX || !power_of_two(n))) {
        ide_failed(d, ATA_ABRT, 0);
        return;
    }
    d->ata.multiple = n;
    ide_done(d);
}

/* Count register: 0xxxb kind of mode in 7..3, its number in 2..0. */
static bool set_transfer_mode(struct ata_state *a, uint8_t mode) {
    enum { KIND_PIO = 0x00, KIND_PIO_FLOW = 0x08, KIND_MWDMA = 0x20, KIND_UDMA = 0x40, PIO_MAX = 4, DMA_MAX = 2 };
    uint8_t kind = mode & 0xF8, n = mode & 7;
    if (kind == KIND_PIO) return n <= 1;
    if (kind == KIND_PIO_FLOW) return n <= PIO_MAX;
    if ((kind != KIND_MWDMA && kind != KIND_UDMA) || n > DMA_MAX) return false;
    a->mwdma = (uint8_t)(kind == KIND_MWDMA ? 1u << n : 0);
    a->udma = (uint8_t)(kind == KIND_UDMA ? 1u << n : 0);
    return true;
}

static void set_features(struct ide_drive *d, unsigned arg) {
    enum {
        CACHE_ON = 0x02,
        MODE = 0x03,
        KEEP = 0x66,
        AHEAD_OFF = 0x55,
        CACHE_OFF = 0x82,
        AHEAD_ON = 0xAA,
        REVERT = 0xCC
    };
    switch (d->reg.feature) {
    case CACHE_ON: d->ata.write_cache = true; break;
    case CACHE_OFF: /* what is in the cache goes out first */
        d->ata.write_cache = false;
        flush(d, arg);
        return;
    case MODE:
        if (set_transfer_mode(&d->ata, d->reg.count)) break;
        ide_failed(d, ATA_ABRT, 0);
        return;
    case KEEP:
    case REVERT:
    case AHEAD_OFF:
    case AHEAD_ON: break;
    default: ide_failed(d, ATA_ABRT, 0); return;
    }
    ide_done(d);
}

/* ---- The table; an empty row is a command the drive does not have ---- */

struct command {
    void (*run)(struct ide_drive *d, unsigned arg);
    unsigned arg;
};
#define ROW(fn, arg)                                                                                                   \
    { (fn), (arg) }

static const struct command commands[256] = {
    [0x00] = ROW(aborted, 0), /* NOP */
    [0x10 ... 0x1F] = ROW(recalibrate, 0),
    [0x20] = ROW(ata_read, 0),
    [0x21] = ROW(ata_read, 0),
    [0x24] = ROW(ata_read, ATA_EXT),
    [0x25] = ROW(ata_read, ATA_EXT | ATA_DMA),
    [0x29] = ROW(ata_read, ATA_EXT | ATA_MULTI),
    [0x30] = ROW(ata_write, 0),
    [0x31] = ROW(ata_write, 0),
    [0x34] = ROW(ata_write, ATA_EXT),
    [0x35] = ROW(ata_write, ATA_EXT | ATA_DMA),
    [0x39] = ROW(ata_write, ATA_EXT | ATA_MULTI),
    [0x3C] = ROW(ata_write, 0), /* WRITE VERIFY */
    [0x3D] = ROW(ata_write, ATA_EXT | ATA_DMA | ATA_FUA),
    [0x40] = ROW(ata_verify, 0),
    [0x41] = ROW(ata_verify, 0),
    [0x42] = ROW(ata_verify, ATA_EXT),
    [0x70 ... 0x7F] = ROW(seek, 0),
    [0x91] = ROW(set_parameters, 0),
    [0x94] = ROW(standby, 0), /* 94h-99h: ATA-1's codes of E0h-E6h */
    [0x95] = ROW(idle, 0),
    [0x96] = ROW(standby, 0),
    [0x97] = ROW(idle, 0),
    [0x98] = ROW(check_power, 0),
    [0x99] = ROW(standby, 0),
    [0xB0] = ROW(ata_smart, 0),
    [0xC4] = ROW(ata_read, ATA_MULTI),
    [0xC5] = ROW(ata_write, ATA_MULTI),
    [0xC6] = ROW(set_multiple, 0),
    [0xC8] = ROW(ata_read, ATA_DMA),
    [0xC9] = ROW(ata_read, ATA_DMA),
    [0xCA] = ROW(ata_write, ATA_DMA),
    [0xCB] = ROW(ata_write, ATA_DMA),
    [0xCE] = ROW(ata_write, ATA_EXT | ATA_MULTI | ATA_FUA),
    [0xE0] = ROW(standby, 0), /* STANDBY IMMEDIATE */
    [0xE1] = ROW(idle, 0),    /* IDLE IMMEDIATE */
    [0xE2] = ROW(standby, 0),
    [0xE3] = ROW(idle, 0),
    [0xE4] = ROW(read_buffer, 0),
    [0xE5] = ROW(check_power, 0),
    [0xE6] = ROW(standby, 0), /* SLEEP; leaving it needs no reset here */
    [0xE7] = ROW(flush, 0),
    [0xE8] = ROW(write_buffer, 0),
    [0xEA] = ROW(flush, 0), /* FLUSH CACHE EXT */
    [0xEC] = ROW(identify, 0),
    [0xEF] = ROW(set_features, 0),
};

static bool touches_medium(const struct command *c) {
    return c->run == ata_read || c->run == ata_write || c->run == ata_verify || c->run == seek;
}

void ata_command(struct ide_drive *d, uint8_t code) {
    const struct command *c = &commands[code];
    if (!c->run) {
        ide_failed(d, ATA_ABRT, 0);
        return;
    }
    if (touches_medium(c)) d->ata.standby = false;
    c->run(d, c->arg);
}

void ata_reset(struct ide_drive *d, bool hard) {
    d->ata.multiple = 0;
    d->ata.standby = false;
    if (!hard) return;
    d->ata.sectors = d->blk->size / BLK_SECTOR;
    d->ata.write_cache = d->ata.smart = true;
    d->ata.mwdma = d->ata.udma = 0;
    memset(d->ata.scratch, 0, sizeof d->ata.scratch);
    ata_set_default_geometry(d);
}

/* ---- Saved state ---- */

static void make_plausible(struct ata_state *a) {
    if (!a->cur_heads) a->cur_heads = 1;
    if (!a->cur_sectors) a->cur_sectors = 1;
    if (a->multiple > ATA_MULTIPLE_MAX) a->multiple = 0;
    if (!a->block) a->block = 1;
    if (a->lba > a->sectors) a->lba = a->sectors;
    if (a->left > a->sectors - a->lba) a->left = (uint32_t)(a->sectors - a->lba);
}

void ata_state_rw(struct ata_state *a, struct dev_state *st) {
    DEV_STATE(st, a->lba);
    DEV_STATE(st, a->left);
    DEV_STATE(st, a->cur_cylinders);
    DEV_STATE(st, a->cur_heads);
    DEV_STATE(st, a->cur_sectors);
    DEV_STATE(st, a->multiple);
    DEV_STATE(st, a->udma);
    DEV_STATE(st, a->mwdma);
    DEV_STATE(st, a->block);
    DEV_STATE(st, a->deferred);
    dev_state_bool(st, &a->write_cache);
    dev_state_bool(st, &a->durable);
    dev_state_bool(st, &a->standby);
    dev_state_bool(st, &a->dma);
    dev_state_bool(st, &a->ext);
    dev_state_bool(st, &a->smart);
    DEV_STATE(st, a->scratch);
    if (!st->saving) make_plausible(a);
}
