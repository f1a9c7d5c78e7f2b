/*
 * fdc_transfer.c: the commands that touch the disk.
 *
 * Sectors move in runs: what is left of a track up to EOT. Source: 82077AA, 6.1 "Data Transfer Commands" and
 * table 6-1..6-4 for the sector ID left behind. Without DMA nobody says terminal count, so a
 * transfer ends at EOT with "end of cylinder", as on the chip. Only 512-byte MFM sectors exist on these disks.
 */
#include "devemu/fdc_internal.h"

#include <string.h>
#include "devemu/dma8237.h"

enum { SIZE_512 = 2, CMD_MT = 0x80, CMD_MFM = 0x40, CMD_SK = 0x20, CONFIG_IMPLIED_SEEK = 0x40, FORMAT_ID_BYTES = 4 };
enum { ID_DELAY_NS = 200000 };

/* ---- Result ---- */

static void finish(struct fdc *s, uint8_t st0, uint8_t st1, uint8_t st2) {
    struct fdc_transfer *t = &s->t;
    const uint8_t result[] = {(uint8_t)(st0 | (s->command[1] & 7)), st1, st2, t->c, t->h, t->r, t->n};
    t->job = FDC_JOB_NONE;
    t->pos = t->fill = 0;
    memcpy(s->result, result, sizeof result);
    fdc_give_result(s, sizeof result, true);
}

static void fail(struct fdc *s, uint8_t st1, uint8_t st2) { finish(s, ST0_ABNORMAL, st1, st2); }

void fdc_abandon(struct fdc *s) {
    for (int i = 0; i < FDC_UNITS; i++) blk_cancel(s->drive[i].blk, &s->req);
    s->t.job = FDC_JOB_NONE;
    s->t.pos = s->t.fill = 0;
}

/* ---- Can the disk be read at all, and is the sector there? ---- */

static bool rate_fits(const struct fdc *s, const struct fdc_format *f) {
    return s->rate == f->rate || (f->five_inch && f->rate == FDC_RATE_250 && s->rate == FDC_RATE_300);
}

static bool readable(struct fdc *s) {
    const struct fdc_drive *d = fdc_selected(s);
    return d->present && d->blk && (s->command[0] & CMD_MFM) && rate_fits(s, d->format) &&
           fdc_head(s) < d->format->heads && d->cylinder < d->format->cylinders;
}

static uint64_t sector_offset(const struct fdc_drive *d, uint8_t head, uint8_t sector) {
    return (((uint64_t)d->cylinder * d->format->heads + head) * d->format->sectors + sector - 1u) * BLK_SECTOR;
}

static bool sector_exists(const struct fdc_drive *d, uint8_t head, uint8_t sector) {
    return head < d->format->heads && sector && sector <= d->format->sectors &&
           blk_in_range(d->blk, sector_offset(d, head, sector), BLK_SECTOR);
}

/* False: the command has failed. */
static bool find_sector(struct fdc *s) {
    struct fdc_drive *d = fdc_selected(s);
    struct fdc_transfer *t = &s->t;
    if ((s->config & CONFIG_IMPLIED_SEEK) && d->present) fdc_move_heads(d, t->c);
    if (!readable(s))
        fail(s, ST1_NO_ADDRESS, 0);
    else if (t->c != d->cylinder)
        fail(s, ST1_NO_DATA, ST2_WRONG_CYLINDER);
    else if (t->h != fdc_head(s) || t->n != SIZE_512 || !sector_exists(d, t->h, t->r))
        fail(s, ST1_NO_DATA, 0);
    else
        return true;
    return false;
}

static uint8_t run_sectors(struct fdc *s) {
    const struct fdc_drive *d = fdc_selected(s);
    const struct fdc_transfer *t = &s->t;
    uint8_t n = 1;
    while (t->r + n <= t->eot && n < FDC_TRACK_SECTORS && sector_exists(d, t->h, (uint8_t)(t->r + n))) n++;
    return n;
}

static uint64_t run_offset(struct fdc *s) { return sector_offset(fdc_selected(s), s->t.h, s->t.r); }

/* ---- From sector to sector ---- */

/* The ID after the last sector that moved, as the chip leaves it. */
static void next_id(struct fdc_transfer *t) {
    if (t->r != t->eot) {
        t->r++;
        return;
    }
    t->r = 1;
    if (!t->multi_track)
        t->c++;
    else if (!(t->h & 1))
        t->h |= 1;
    else
        t->c++, t->h &= (uint8_t)~1u;
}

static void start_run(struct fdc *s);

/* `sectors` of the run have moved; the last may be in part. */
static void advance(struct fdc *s, uint32_t sectors) {
    struct fdc_transfer *t = &s->t;
    bool turned = false, at_end = false;
    while (sectors--) {
        at_end = t->r == t->eot;
        turned = at_end && t->multi_track && !(t->h & 1);
        next_id(t);
    }
    if (t->ended) {
        finish(s, 0, 0, 0);
    } else if (at_end && !turned) {
        fail(s, ST1_END, 0);
    } else {
        if (turned) s->command[1] |= 4;
        if (find_sector(s)) start_run(s);
    }
}

static uint32_t whole_sectors(uint32_t bytes) { return (bytes + BLK_SECTOR - 1) / BLK_SECTOR; }

/* ---- Storage ---- */

static void storage_done(void *opaque);

static void start_storage(struct fdc *s, enum blk_op op, uint32_t bytes) {
    struct blk *b = fdc_selected(s)->blk;
    s->phase = FDC_EXECUTION;
    s->t.fill = bytes;
    s->req.done = storage_done;
    s->req.opaque = s;
    if (op == BLK_READ)
        blk_read(b, &s->req, run_offset(s), s->buf, bytes);
    else
        blk_write(b, &s->req, run_offset(s), s->buf, bytes, false);
}

static void wait_for_pio(struct fdc *s, enum fdc_phase phase, uint32_t bytes) {
    s->phase = (uint8_t)phase;
    s->t.pos = 0;
    s->t.fill = bytes;
    fdc_raise(s);
}

static void dma_in(struct fdc *s) {
    uint32_t moved = (uint32_t)dma8237_transfer(s->dma, FDC_DMA_CHANNEL, s->buf, s->t.fill, true);
    s->t.ended = dma8237_at_end(s->dma, FDC_DMA_CHANNEL);
    if (moved < s->t.fill && !s->t.ended)
        fail(s, ST1_OVERRUN, 0);
    else if (!moved)
        finish(s, 0, 0, 0);
    else
        advance(s, whole_sectors(moved));
}

static void run_fetched(struct fdc *s) {
    s->t.fill = s->req.good / BLK_SECTOR * BLK_SECTOR;
    if (!s->t.fill)
        fail(s, ST1_DATA_ERROR, ST2_DATA_ERROR);
    else if (fdc_uses_dma(s))
        dma_in(s);
    else
        wait_for_pio(s, FDC_DATA_IN, s->t.fill);
}

static void run_verified(struct fdc *s) {
    if (s->req.status != BLK_OK) {
        fail(s, ST1_DATA_ERROR, ST2_DATA_ERROR);
        return;
    }
    uint32_t n = s->t.fill / BLK_SECTOR;
    bool turns = s->t.multi_track && !(s->t.h & 1);
    s->t.ended = s->t.r + n > s->t.eot && !turns; /* nobody says terminal count to VERIFY */
    advance(s, n);
}

static void storage_done(void *opaque) {
    struct fdc *s = opaque;
    if (s->t.job == FDC_JOB_READ)
        run_fetched(s);
    else if (s->t.job == FDC_JOB_VERIFY)
        run_verified(s);
    else if (s->req.status != BLK_OK)
        fail(s, s->req.status == BLK_READ_ONLY ? ST1_PROTECTED : ST1_DATA_ERROR, 0);
    else if (s->t.job == FDC_JOB_FORMAT)
        finish(s, 0, 0, 0);
    else
        advance(s, s->t.fill / BLK_SECTOR);
}

static void dma_out(struct fdc *s, uint32_t want) {
    uint32_t moved = (uint32_t)dma8237_transfer(s->dma, FDC_DMA_CHANNEL, s->buf, want, false);
    s->t.ended = dma8237_at_end(s->dma, FDC_DMA_CHANNEL);
    if (!moved && s->t.ended) {
        finish(s, 0, 0, 0);
    } else if (!moved || (moved < want && !s->t.ended)) {
        fail(s, ST1_OVERRUN, 0);
    } else {
        uint32_t bytes = whole_sectors(moved) * BLK_SECTOR;
        memset(s->buf + moved, 0, bytes - moved); /* the chip fills up the sector */
        start_storage(s, BLK_WRITE, bytes);
    }
}

static void start_run(struct fdc *s) {
    uint32_t bytes = (uint32_t)run_sectors(s) * BLK_SECTOR;
    if (s->t.job != FDC_JOB_WRITE)
        start_storage(s, BLK_READ, bytes);
    else if (fdc_uses_dma(s))
        dma_out(s, bytes);
    else
        wait_for_pio(s, FDC_DATA_OUT, bytes);
}

/* ---- Commands ---- */

static void begin(struct fdc *s, enum fdc_job job) {
    const uint8_t *p = s->command;
    s->t = (struct fdc_transfer){.job = (uint8_t)job,
                                 .c = p[2],
                                 .h = p[3],
                                 .r = p[4],
                                 .n = p[5],
                                 .eot = p[6],
                                 .multi_track = p[0] & CMD_MT,
                                 .skip = p[0] & CMD_SK};
    s->phase = FDC_EXECUTION;
}

/* READ DELETED DATA: these disks have no deleted sectors. It skips all of them, or reads them as they are.
 * DEVIATION: the chip stops after the first and sets the control mark in ST2. */
static void read_deleted(struct fdc *s) {
    if (s->t.skip)
        fail(s, ST1_NO_DATA, ST2_CONTROL_MARK);
    else
        start_run(s);
}

void fdc_read(struct fdc *s) {
    enum { CODE = 0x1F, READ_TRACK = 0x02, READ_DELETED = 0x0C };
    uint8_t code = s->command[0] & CODE;
    begin(s, FDC_JOB_READ);
    if (code == READ_TRACK) s->t.r = 1;
    if (!find_sector(s)) return;
    if (code == READ_DELETED)
        read_deleted(s);
    else
        start_run(s);
}

void fdc_verify(struct fdc *s) {
    begin(s, FDC_JOB_VERIFY);
    if (find_sector(s)) start_run(s);
}

void fdc_write(struct fdc *s) {
    begin(s, FDC_JOB_WRITE);
    if (!find_sector(s)) return;
    if (fdc_selected(s)->blk->read_only)
        fail(s, ST1_PROTECTED, 0);
    else
        start_run(s);
}

/* ---- FORMAT TRACK: a raw image holds its own format only ---- */

static void write_track(struct fdc *s) {
    const struct fdc_format *f = fdc_selected(s)->format;
    s->t.h = fdc_head(s);
    s->t.r = 1;
    if (!sector_exists(fdc_selected(s), s->t.h, f->sectors)) {
        fail(s, ST1_NO_ADDRESS, 0);
        return;
    }
    memset(s->buf, s->t.filler, (size_t)f->sectors * BLK_SECTOR);
    start_storage(s, BLK_WRITE, (uint32_t)f->sectors * BLK_SECTOR);
}

void fdc_format(struct fdc *s) {
    const uint8_t *p = s->command;
    s->t = (struct fdc_transfer){.job = FDC_JOB_FORMAT, .n = p[2], .filler = p[5]};
    s->phase = FDC_EXECUTION;
    uint32_t ids = (uint32_t)p[3] * FORMAT_ID_BYTES;
    if (!readable(s))
        fail(s, ST1_NO_ADDRESS, 0);
    else if (fdc_selected(s)->blk->read_only)
        fail(s, ST1_PROTECTED, 0);
    else if (p[2] != SIZE_512 || p[3] != fdc_selected(s)->format->sectors)
        fail(s, ST1_NO_ADDRESS, 0);
    else if (!fdc_uses_dma(s))
        wait_for_pio(s, FDC_DATA_OUT, ids);
    else if (dma8237_transfer(s->dma, FDC_DMA_CHANNEL, s->buf, ids, false) != ids)
        fail(s, ST1_OVERRUN, 0);
    else
        write_track(s);
}

/* ---- PIO ---- */

void fdc_data_moved(struct fdc *s) {
    switch (s->t.job) {
    case FDC_JOB_READ: advance(s, s->t.fill / BLK_SECTOR); break;
    case FDC_JOB_WRITE: start_storage(s, BLK_WRITE, s->t.fill); break;
    case FDC_JOB_FORMAT: write_track(s); break;
    default: fail(s, ST1_OVERRUN, 0);
    }
}

/* ---- READ ID: what comes by next ---- */

void fdc_read_id(struct fdc *s) {
    struct dev_host *h = s->dev.host;
    s->t = (struct fdc_transfer){.job = FDC_JOB_NONE};
    s->phase = FDC_EXECUTION;
    h->timer_arm(h->opaque, &s->id_timer, h->now_ns(h->opaque) + ID_DELAY_NS);
}

void fdc_id_passed(struct fdc *s) {
    const struct fdc_drive *d = fdc_selected(s);
    if (!readable(s)) {
        fail(s, ST1_NO_ADDRESS, 0);
        return;
    }
    s->id_sector = (uint8_t)(s->id_sector % d->format->sectors + 1);
    s->t.c = d->cylinder;
    s->t.h = fdc_head(s);
    s->t.r = s->id_sector;
    s->t.n = SIZE_512;
    finish(s, 0, 0, 0);
}
