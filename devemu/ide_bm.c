/*
 * ide_bm.c: bus master IDE: physical region descriptors and the DMA engine.
 *
 * Source: 82371SB, "Bus Master IDE Interface"; SFF-8038i. A descriptor is {address, count}, count 0 is 64 KiB,
 * bit 31 of the second word ends the table. The table does not cross a 64-KiB boundary: its address wraps there,
 * so a table without an end is walked round and round, but never longer than the drive has data.
 */
#include "devemu/ide_internal.h"

#include "devemu/bytes.h"

enum { BM_COMMAND = 0, BM_STATUS = 2, BM_TABLE = 4, BM_SIZE = 8 };
enum { BM_START = 0x01, BM_TO_MEMORY = 0x08 };
enum { BM_ACTIVE = 0x01, BM_ERROR = 0x02, BM_INTERRUPT = 0x04, BM_DRIVE_CAPABLE = 0x60 };
enum { PRD_BYTES = 8, PRD_MAX = 0x10000 };
#define PRD_END 0x80000000u

/* ---- The engine ---- */

static void stop_with_error(struct ide_bm *bm) { bm->status = (uint8_t)((bm->status & ~BM_ACTIVE) | BM_ERROR); }

/* False: the table is not in memory. */
static bool fetch_region(const struct ide_channel *c, struct ide_bm *bm) {
    uint8_t prd[PRD_BYTES];
    if (!smmu_mem_read(c->ide->pci.dev.host->mem, gpa(bm->next), prd, sizeof prd)) return false;
    bm->next = (bm->next & 0xFFFF0000u) | ((bm->next + PRD_BYTES) & 0xFFFFu);
    bm->addr = get_le32(prd) & ~1u;
    bm->left = get_le32(prd + 4) & 0xFFFE;
    if (!bm->left) bm->left = PRD_MAX;
    bm->last = get_le32(prd + 4) & PRD_END;
    return true;
}

/* Is there memory to go on with? bm: the channel's, or a copy that looks ahead. */
static bool have_region(const struct ide_channel *c, struct ide_bm *bm) {
    if (bm->left) return true;
    if (bm->last) {
        bm->status &= (uint8_t)~BM_ACTIVE;
        return false;
    }
    if (fetch_region(c, bm)) return true;
    stop_with_error(bm);
    return false;
}

static void use_region(struct ide_bm *bm, uint32_t n) {
    bm->addr += n;
    bm->left -= n;
    if (!bm->left && bm->last) bm->status &= (uint8_t)~BM_ACTIVE;
}

static void move(struct ide_channel *c, struct ide_drive *d) {
    struct ide_bm *bm = &c->bm;
    struct smmu_mem *mem = c->ide->pci.dev.host->mem;
    uint32_t n = d->fill - d->pos < bm->left ? d->fill - d->pos : bm->left;
    if (d->path == PATH_DMA_IN)
        (void)smmu_mem_write(mem, gpa(bm->addr), d->buf + d->pos, n);
    else
        (void)smmu_mem_read(mem, gpa(bm->addr), d->buf + d->pos, n);
    d->pos += n;
    use_region(bm, n);
}

/* ---- Transfers without a copy ---- */

/* Cuts a list of pieces to its first `bytes`. */
static unsigned cut(struct iovec *vec, unsigned count, uint32_t excess) {
    while (excess) {
        struct iovec *last = &vec[count - 1];
        if (last->iov_len > excess) {
            last->iov_len -= excess;
            break;
        }
        excess -= (uint32_t)last->iov_len;
        count--;
    }
    return count;
}

/* Adds a piece, to the one before it if they lie together. False: no room. */
static bool add_piece(struct iovec *vec, unsigned *count, uint8_t *host, size_t len) {
    struct iovec *last = *count ? &vec[*count - 1] : NULL;
    if (last && (uint8_t *)last->iov_base + last->iov_len == host) {
        last->iov_len += len;
        return true;
    }
    if (*count == BLK_VEC) return false;
    vec[(*count)++] = (struct iovec){host, len};
    return true;
}

uint32_t ide_bm_gather(struct ide_drive *d, bool to_memory, uint32_t bytes, unsigned *count) {
    struct ide_bm ahead = d->channel->bm;
    struct smmu_mem *mem = d->channel->ide->pci.dev.host->mem;
    uint32_t total = 0;
    *count = 0;
    while (total < bytes && have_region(d->channel, &ahead)) {
        uint8_t *host;
        uint32_t want = bytes - total < ahead.left ? bytes - total : ahead.left;
        uint32_t n = (uint32_t)smmu_mem_span(mem, gpa(ahead.addr), want, to_memory, &host);
        if (!n || !add_piece(d->vec, count, host, n)) break;
        use_region(&ahead, n);
        total += n;
    }
    *count = cut(d->vec, *count, total % BLK_SECTOR);
    return total - total % BLK_SECTOR;
}

void ide_bm_skip(struct ide_channel *c, uint32_t bytes) {
    struct ide_bm *bm = &c->bm;
    while (bytes && have_region(c, bm)) {
        uint32_t n = bytes < bm->left ? bytes : bm->left;
        use_region(bm, n);
        bytes -= n;
    }
}

/* ---- What both sides are ready for ---- */

static bool uses_bus_master(const struct ide_drive *d) {
    return d->path == PATH_DMA_IN || d->path == PATH_DMA_OUT || d->path == PATH_DMA_DISK;
}

static struct ide_drive *requester(struct ide_channel *c) {
    for (int u = 0; u < IDE_UNITS; u++)
        if (uses_bus_master(&c->drive[u])) return &c->drive[u];
    return NULL;
}

static bool direction_fits(const struct ide_bm *bm, const struct ide_drive *d) {
    bool in = d->path == PATH_DMA_IN || (d->path == PATH_DMA_DISK && d->job == ATA_JOB_READ);
    return !!(bm->command & BM_TO_MEMORY) == in;
}

void ide_bm_run(struct ide_channel *c) {
    struct ide_bm *bm = &c->bm;
    struct ide_drive *d = requester(c);
    if (!d || !(bm->status & BM_ACTIVE) || !(bm->command & BM_START) || !pci_may_master(&c->ide->pci)) return;
    if (!direction_fits(bm, d)) {
        stop_with_error(bm);
        return;
    }
    if (d->path == PATH_DMA_DISK) {
        ata_dma(d);
        return;
    }
    while (d->pos < d->fill && have_region(c, bm)) move(c, d);
    if (d->pos == d->fill) ide_data_moved(d);
}

/* ---- Registers: eight bytes a channel ---- */

static void write_command(struct ide_channel *c, uint8_t v) {
    struct ide_bm *bm = &c->bm;
    bool started = (v & BM_START) && !(bm->command & BM_START);
    bm->command = v & (BM_START | BM_TO_MEMORY);
    if (!(v & BM_START)) bm->status &= (uint8_t)~BM_ACTIVE;
    if (!started) return;
    bm->next = bm->table;
    bm->left = 0;
    bm->last = false;
    bm->status |= BM_ACTIVE;
    ide_bm_run(c);
}

static void write_status(struct ide_bm *bm, uint8_t v) {
    bm->status &= (uint8_t) ~(v & (BM_ERROR | BM_INTERRUPT));
    bm->status = (uint8_t)((bm->status & ~BM_DRIVE_CAPABLE) | (v & BM_DRIVE_CAPABLE));
}

static void write_table(struct ide_bm *bm, unsigned byte, uint8_t v) {
    uint32_t mask = 0xFFu << (8 * byte);
    bm->table = ((bm->table & ~mask) | (uint32_t)v << (8 * byte)) & ~3u;
}

static uint32_t bm_read(void *opaque, uint16_t port, unsigned size) {
    struct ide *s = opaque;
    unsigned offset = (port - pci_bar_base(&s->pci, 4)) & (2 * BM_SIZE - 1), reg = offset % BM_SIZE;
    const struct ide_bm *bm = &s->channel[offset / BM_SIZE].bm;
    (void)size;
    if (reg == BM_COMMAND) return bm->command;
    if (reg == BM_STATUS) return bm->status;
    return reg < BM_TABLE ? 0 : (uint8_t)(bm->table >> (8 * (reg - BM_TABLE)));
}

static void bm_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct ide *s = opaque;
    unsigned offset = (port - pci_bar_base(&s->pci, 4)) & (2 * BM_SIZE - 1), reg = offset % BM_SIZE;
    struct ide_channel *c = &s->channel[offset / BM_SIZE];
    (void)size;
    if (reg == BM_COMMAND)
        write_command(c, (uint8_t)value);
    else if (reg == BM_STATUS)
        write_status(&c->bm, (uint8_t)value);
    else if (reg >= BM_TABLE)
        write_table(&c->bm, reg - BM_TABLE, (uint8_t)value);
}

const struct dev_io_ops ide_bm_ops = {.name = "ide-bm", .read = bm_read, .write = bm_write, .byte_only = true};

void ide_bm_reset(struct ide_bm *bm) { *bm = (struct ide_bm){0}; }
