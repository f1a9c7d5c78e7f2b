/*
 * ide_channel.c: a cable with up to two drives: the task file, the data port,
 * device selection, resets and the interrupt line.
 *
 * Source: ATA/ATAPI-6, 7 "Interface register definitions and descriptions" and
 * 9 "Protocol". Both drives hear every write; the selected one answers. For an
 * absent drive 1, drive 0 answers, with status 00h; an empty cable floats.
 */
#include "devemu/ide_internal.h"

#include <string.h>

enum { R_DATA, R_ERROR_FEATURE, R_COUNT, R_LBA0, R_LBA1, R_LBA2, R_DEVICE, R_STATUS_COMMAND };
enum { FLOATING = 0xFF, DIAGNOSTIC_PASSED = 0x01 };
enum { C_DEVICE_RESET = 0x08, C_DIAGNOSTIC = 0x90 };
enum { BM_INTERRUPT = 0x04 };

static struct ide_drive *selected(struct ide_channel *c) { return &c->drive[c->selected]; }
static bool present(const struct ide_drive *d) { return d->kind != IDE_ABSENT; }
static bool empty(const struct ide_channel *c) { return !present(&c->drive[0]) && !present(&c->drive[1]); }

/* ---- Interrupts ---- */

void ide_update_irq(struct ide_channel *c) {
    bool level = selected(c)->intrq && !(c->control & ATA_NIEN);
    if (level == c->irq_level) return;
    c->irq_level = level;
    if (level) c->bm.status |= BM_INTERRUPT;
    dev_line_set(&c->irq, level);
}

void ide_interrupt(struct ide_drive *d) {
    d->intrq = true;
    ide_update_irq(d->channel);
}

static void clear_interrupt(struct ide_drive *d) {
    d->intrq = false;
    ide_update_irq(d->channel);
}

/* ---- Ends of commands ---- */

void ide_stop(struct ide_drive *d) {
    blk_cancel(d->blk, &d->req);
    d->job = JOB_NONE;
    d->path = PATH_IDLE;
    d->pos = d->block_end = d->fill = 0;
}

void ide_done(struct ide_drive *d) {
    ide_stop(d);
    d->error = 0;
    d->status = ATA_DRDY | ATA_DSC;
    ide_interrupt(d);
}

void ide_failed(struct ide_drive *d, uint8_t error, uint8_t status_bits) {
    ide_stop(d);
    d->error = error;
    d->status = (uint8_t)(ATA_DRDY | ATA_DSC | ATA_ERR | status_bits);
    ide_interrupt(d);
}

/* ---- Data path ---- */

static void start_block(struct ide_drive *d, uint32_t block) {
    uint32_t left = d->fill - d->pos;
    d->block_end = d->pos + (block < left ? block : left);
    d->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
}

/* A full buffer starts at 0; the next block of the same buffer goes on at pos. */
static void start_pio(struct ide_drive *d, uint8_t path, uint32_t bytes, uint32_t block) {
    if (d->path != path) d->pos = 0;
    d->path = path;
    d->fill = bytes;
    start_block(d, block);
}

void ide_data_in(struct ide_drive *d, uint32_t bytes, uint32_t block) { start_pio(d, PATH_PIO_IN, bytes, block); }
void ide_data_out(struct ide_drive *d, uint32_t bytes, uint32_t block) { start_pio(d, PATH_PIO_OUT, bytes, block); }

void ide_data_dma(struct ide_drive *d, uint32_t bytes, bool to_memory) {
    d->path = to_memory ? PATH_DMA_IN : PATH_DMA_OUT;
    d->pos = 0;
    d->fill = bytes;
    d->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
    ide_bm_run(d->channel);
}

void ide_data_disk(struct ide_drive *d) {
    d->path = PATH_DMA_DISK;
    d->pos = d->fill = 0;
    d->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
    ide_bm_run(d->channel);
}

void ide_data_moved(struct ide_drive *d) {
    if (d->kind == IDE_DISK)
        ata_data_moved(d);
    else
        atapi_data_moved(d);
}

static uint32_t read_data(struct ide_drive *d, unsigned size) {
    uint32_t v = 0;
    if (d->path != PATH_PIO_IN) return 0xFFFFFFFFu;
    for (unsigned i = 0; i < size && d->pos < d->block_end; i++) v |= (uint32_t)d->buf[d->pos++] << (8 * i);
    if (d->pos == d->block_end) ide_data_moved(d);
    return v;
}

static void write_data(struct ide_drive *d, unsigned size, uint32_t v) {
    if (d->path != PATH_PIO_OUT) return;
    for (unsigned i = 0; i < size && d->pos < d->block_end; i++, v >>= 8) d->buf[d->pos++] = (uint8_t)v;
    if (d->pos == d->block_end) ide_data_moved(d);
}

/* ---- Storage ---- */

static void storage_done(void *opaque) {
    struct ide_drive *d = opaque;
    if (d->kind == IDE_DISK)
        ata_storage_done(d);
    else
        atapi_storage_done(d);
}

static void begin_storage(struct ide_drive *d) {
    d->path = PATH_STORAGE;
    d->status = ATA_BSY;
    d->req.done = storage_done;
    d->req.opaque = d;
}

void ide_storage_read(struct ide_drive *d, uint64_t offset, uint32_t bytes) {
    begin_storage(d);
    blk_read(d->blk, &d->req, offset, d->buf, bytes);
}

void ide_storage_write(struct ide_drive *d, uint64_t offset, uint32_t bytes, bool durable) {
    begin_storage(d);
    blk_write(d->blk, &d->req, offset, d->buf, bytes, durable);
}

void ide_storage_writev(struct ide_drive *d, uint64_t offset, unsigned count, uint32_t bytes, bool durable) {
    begin_storage(d);
    blk_writev(d->blk, &d->req, offset, d->vec, count, bytes, durable);
}

void ide_storage_flush(struct ide_drive *d) {
    begin_storage(d);
    blk_flush(d->blk, &d->req);
}

/* ---- Resets ---- */

static void set_signature(struct ide_drive *d) {
    bool cd = d->kind == IDE_CDROM;
    d->reg = (struct ide_regs){.count = 1, .lba0 = 1, .lba1 = cd ? 0x14 : 0, .lba2 = cd ? 0xEB : 0};
    d->hob = (struct ide_regs){0};
    d->device = 0;
    d->error = DIAGNOSTIC_PASSED;
    d->status = cd ? 0 : ATA_DRDY | ATA_DSC;
}

void ide_drive_reset(struct ide_drive *d) {
    if (!present(d)) return;
    ide_stop(d);
    d->intrq = false;
    set_signature(d);
}

static void kind_reset(struct ide_drive *d, bool hard) {
    if (d->kind == IDE_DISK)
        ata_reset(d, hard);
    else if (d->kind == IDE_CDROM)
        atapi_reset(d, hard);
}

static void reset_drives(struct ide_channel *c, bool hard) {
    c->selected = 0;
    for (int u = 0; u < IDE_UNITS; u++) {
        ide_drive_reset(&c->drive[u]);
        kind_reset(&c->drive[u], hard);
    }
    ide_update_irq(c);
}

void ide_channel_reset(struct ide_channel *c) {
    c->control = 0;
    reset_drives(c, true);
    ide_bm_reset(&c->bm);
}

static void write_control(struct ide_channel *c, uint8_t v) {
    bool was = c->control & ATA_SRST, now = v & ATA_SRST;
    c->control = v;
    if (!was && now) {
        reset_drives(c, false);
        for (int u = 0; u < IDE_UNITS; u++)
            if (present(&c->drive[u])) c->drive[u].status = ATA_BSY;
    } else if (was && !now) {
        reset_drives(c, false);
    }
    ide_update_irq(c);
}

/* ---- Task file ---- */

static void diagnose(struct ide_channel *c) {
    reset_drives(c, false);
    ide_interrupt(present(&c->drive[0]) ? &c->drive[0] : &c->drive[1]);
}

/* A packet drive leaves this state by itself whatever it does. */
static bool obeys(const struct ide_drive *d, uint8_t code) {
    if (!present(d)) return false;
    return !(d->status & ATA_BSY) || (d->kind == IDE_CDROM && code == C_DEVICE_RESET);
}

static void write_command(struct ide_channel *c, uint8_t code) {
    struct ide_drive *d = selected(c);
    if (c->control & ATA_SRST) return;
    if (code == C_DIAGNOSTIC) {
        if (!empty(c)) diagnose(c);
        return;
    }
    if (!obeys(d, code)) return;
    ide_stop(d);
    clear_interrupt(d);
    d->error = 0;
    d->status = ATA_DRDY | ATA_DSC;
    if (d->kind == IDE_DISK)
        ata_command(d, code);
    else
        atapi_command(d, code);
}

static uint8_t *reg_at(struct ide_regs *r, unsigned reg) {
    switch (reg) {
    case R_ERROR_FEATURE: return &r->feature;
    case R_COUNT: return &r->count;
    case R_LBA0: return &r->lba0;
    case R_LBA1: return &r->lba1;
    default: return &r->lba2;
    }
}

static void push(struct ide_drive *d, unsigned reg, uint8_t v) {
    *reg_at(&d->hob, reg) = *reg_at(&d->reg, reg);
    *reg_at(&d->reg, reg) = v;
}

/* Drives that are busy do not listen. */
static void write_register(struct ide_channel *c, unsigned reg, uint8_t v) {
    if (reg == R_STATUS_COMMAND) {
        c->control &= (uint8_t)~ATA_HOB;
        write_command(c, v);
        return;
    }
    if (selected(c)->status & ATA_BSY) return;
    c->control &= (uint8_t)~ATA_HOB;
    for (int u = 0; u < IDE_UNITS; u++) {
        if (reg == R_DEVICE)
            c->drive[u].device = v;
        else
            push(&c->drive[u], reg, v);
    }
    if (reg == R_DEVICE) c->selected = v & ATA_DEV ? 1 : 0;
    ide_update_irq(c);
}

/* Drive 0 answers for an absent drive 1. */
static struct ide_drive *answering(struct ide_channel *c) {
    struct ide_drive *d = selected(c);
    if (present(d)) return d;
    return c->selected == 1 && present(&c->drive[0]) ? &c->drive[0] : NULL;
}

static uint8_t status_of(struct ide_channel *c) {
    if (present(selected(c))) return selected(c)->status;
    return answering(c) ? 0 : FLOATING;
}

static uint8_t read_register(struct ide_channel *c, unsigned reg) {
    struct ide_drive *d = answering(c);
    if (!d) return FLOATING;
    switch (reg) {
    case R_STATUS_COMMAND: clear_interrupt(selected(c)); return status_of(c);
    case R_DEVICE: return selected(c)->device | 0xA0;
    case R_ERROR_FEATURE: return d->error;
    default: return *reg_at(c->control & ATA_HOB ? &d->hob : &d->reg, reg);
    }
}

/* ---- Ports ---- */

static uint32_t command_read(void *opaque, uint16_t port, unsigned size) {
    struct ide_channel *c = opaque;
    unsigned reg = port - c->base;
    uint32_t v = 0;
    if (reg == R_DATA) return read_data(selected(c), size);
    for (unsigned i = 0; i < size && reg + i <= R_STATUS_COMMAND; i++)
        v |= (uint32_t)read_register(c, reg + i) << (8 * i);
    return v;
}

static void command_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct ide_channel *c = opaque;
    unsigned reg = port - c->base;
    if (reg == R_DATA) {
        write_data(selected(c), size, value);
        return;
    }
    for (unsigned i = 0; i < size && reg + i <= R_STATUS_COMMAND; i++)
        write_register(c, reg + i, (uint8_t)(value >> (8 * i)));
}

static uint32_t control_read(void *opaque, uint16_t port, unsigned size) {
    (void)port, (void)size;
    return status_of(opaque);
}

static void control_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    (void)port, (void)size;
    write_control(opaque, (uint8_t)value);
}

const struct dev_io_ops ide_command_ops = {.name = "ide", .read = command_read, .write = command_write};
const struct dev_io_ops ide_control_ops = {
    .name = "ide-control", .read = control_read, .write = control_write, .byte_only = true};

/* ---- Saved state: what was loaded may be anything ---- */

static bool path_has_data(const struct ide_drive *d) { return d->path >= PATH_PIO_IN && d->path <= PATH_DMA_OUT; }

static bool disk_plausible(const struct ide_drive *d) {
    return d->kind == IDE_DISK && (d->job == ATA_JOB_READ || d->job == ATA_JOB_WRITE) && d->ata.dma && d->ata.left &&
           !d->fill;
}

static bool plausible(const struct ide_drive *d) {
    return d->job < IDE_JOBS && d->path < IDE_PATHS && d->fill <= IDE_BUFFER && d->block_end <= d->fill &&
           d->pos <= d->fill && (d->path > PATH_PIO_OUT || d->pos <= d->block_end) &&
           (d->job == JOB_NONE) == (d->path == PATH_IDLE) && (d->path != PATH_DMA_DISK || disk_plausible(d));
}

/* The backend has been drained: nothing is with it. A command that waited for it all the same ends in an error. */
static void after_load(struct ide_drive *d) {
    bool stuck = d->path == PATH_STORAGE || (path_has_data(d) && d->pos == d->fill);
    if (present(d) && plausible(d) && !stuck) return;
    d->job = JOB_NONE;
    d->path = PATH_IDLE;
    d->pos = d->block_end = d->fill = 0;
    if (!present(d)) return;
    d->status = ATA_DRDY | ATA_DSC | ATA_ERR;
    d->error = ATA_ABRT;
}

static void drive_state(struct ide_drive *d, struct dev_state *st) {
    DEV_STATE(st, d->reg);
    DEV_STATE(st, d->hob);
    DEV_STATE(st, d->device);
    DEV_STATE(st, d->status);
    DEV_STATE(st, d->error);
    dev_state_bool(st, &d->intrq);
    DEV_STATE(st, d->job);
    DEV_STATE(st, d->path);
    DEV_STATE(st, d->pos);
    DEV_STATE(st, d->block_end);
    DEV_STATE(st, d->fill);
    ata_state_rw(&d->ata, st);
    atapi_state_rw(&d->cd, st);
    bool ok = plausible(d);
    if (!st->saving && (st->failed || !ok)) after_load(d);
    if (present(d) && ok) dev_state_bytes(st, d->buf, d->fill);
}

void ide_channel_state(struct ide_channel *c, struct dev_state *st) {
    for (int u = 0; u < IDE_UNITS; u++) {
        if (!st->saving) blk_cancel(c->drive[u].blk, &c->drive[u].req);
        drive_state(&c->drive[u], st);
    }
    DEV_STATE(st, c->bm.command);
    DEV_STATE(st, c->bm.status);
    DEV_STATE(st, c->bm.table);
    DEV_STATE(st, c->bm.next);
    DEV_STATE(st, c->bm.addr);
    DEV_STATE(st, c->bm.left);
    dev_state_bool(st, &c->bm.last);
    DEV_STATE(st, c->selected);
    DEV_STATE(st, c->control);
    dev_state_bool(st, &c->irq_level);
    c->selected &= 1;
    c->bm.table &= ~3u;
    for (int u = 0; u < IDE_UNITS && !st->saving; u++) after_load(&c->drive[u]);
}
