/*
 * ata_identify.c: what a disk says about itself (ATA/ATAPI-6, 8.15 "IDENTIFY DEVICE"), and the geometry it claims.
 */
#include "devemu/ide_internal.h"

#include <string.h>

enum { MAX_CYLINDERS = 16383, HEADS = 16, SECTORS = 63 };
enum { LBA28_MAX = 0x0FFFFFFF, CURRENT_CYLINDERS_MAX = 65535 };

/* ---- Geometry ---- */

struct ide_geometry ide_geometry(uint64_t bytes) {
    uint64_t total = bytes / BLK_SECTOR, cylinders = total / (HEADS * SECTORS);
    if (cylinders > MAX_CYLINDERS) cylinders = MAX_CYLINDERS;
    if (cylinders) return (struct ide_geometry){(uint32_t)cylinders, HEADS, SECTORS};
    if (total >= SECTORS) return (struct ide_geometry){1, (uint8_t)(total / SECTORS), SECTORS};
    return (struct ide_geometry){1, 1, (uint8_t)total};
}

static uint32_t current_cylinders(const struct ata_state *a) {
    uint64_t n = a->sectors / ((uint32_t)a->cur_heads * a->cur_sectors);
    return n > CURRENT_CYLINDERS_MAX ? CURRENT_CYLINDERS_MAX : (uint32_t)n;
}

void ata_set_default_geometry(struct ide_drive *d) {
    const struct ide_geometry g = d->geometry;
    d->ata.cur_cylinders = g.cylinders;
    d->ata.cur_heads = g.heads;
    d->ata.cur_sectors = g.sectors;
}

bool ata_set_geometry(struct ide_drive *d, uint8_t heads, uint8_t sectors) {
    if (!heads || !sectors) return false;
    d->ata.cur_heads = heads;
    d->ata.cur_sectors = sectors;
    d->ata.cur_cylinders = current_cylinders(&d->ata);
    return true;
}

/* ---- Pieces of identify data, for both kinds of drives ---- */

void ide_text(uint8_t *out, unsigned first_word, unsigned words, const char *text) {
    size_t len = strlen(text);
    for (unsigned i = 0; i < 2 * words; i++) out[(2 * first_word + i) ^ 1] = (uint8_t)(i < len ? text[i] : ' ');
}

void ide_checksum(uint8_t out[BLK_SECTOR]) {
    uint8_t sum = 0;
    out[BLK_SECTOR - 2] = 0xA5;
    for (unsigned i = 0; i < BLK_SECTOR - 1; i++) sum = (uint8_t)(sum + out[i]);
    out[BLK_SECTOR - 1] = (uint8_t)-sum;
}

static void number(uint8_t *out, unsigned word, unsigned words, uint64_t v) {
    for (unsigned i = 0; i < words; i++) ide_word(out, word + i, (uint32_t)(v >> (16 * i) & 0xFFFF));
}

/* ---- The disk ---- */

static void put_geometry(const struct ide_drive *d, uint8_t *out) {
    const struct ata_state *a = &d->ata;
    const struct ide_geometry g = d->geometry;
    ide_word(out, 1, g.cylinders);
    ide_word(out, 3, g.heads);
    ide_word(out, 4, BLK_SECTOR * g.sectors);
    ide_word(out, 5, BLK_SECTOR);
    ide_word(out, 6, g.sectors);
    ide_word(out, 54, a->cur_cylinders);
    ide_word(out, 55, a->cur_heads);
    ide_word(out, 56, a->cur_sectors);
    number(out, 57, 2, (uint64_t)a->cur_cylinders * a->cur_heads * a->cur_sectors);
    number(out, 60, 2, a->sectors > LBA28_MAX ? LBA28_MAX : a->sectors);
    number(out, 100, 4, a->sectors);
}

static void put_names(const struct ide_drive *d, uint8_t *out) {
    ide_text(out, 10, 10, d->serial);
    ide_word(out, 20, 3); /* buffer: dual ported, caching */
    ide_word(out, 21, IDE_BUFFER / BLK_SECTOR);
    ide_word(out, 22, 4); /* bytes of ECC in READ LONG, as all drives said */
    ide_text(out, 23, 4, "1.0");
    ide_text(out, 27, 20, "NOVT HARDDISK");
}

static void put_modes(const struct ide_drive *d, uint8_t *out) {
    ide_word(out, 47, 0x8000 | ATA_MULTIPLE_MAX);
    ide_word(out, 48, 1);      /* doubleword I/O */
    ide_word(out, 49, 0x0F00); /* IORDY, may be disabled; LBA; DMA */
    ide_word(out, 50, 0x4000);
    ide_word(out, 51, 0x0200);
    ide_word(out, 52, 0x0200);
    ide_word(out, 53, 7); /* words 54-58, 64-70 and 88 are valid */
    ide_word(out, 59, d->ata.multiple ? 0x100 | d->ata.multiple : 0);
    ide_word(out, 63, (uint32_t)d->ata.mwdma << 8 | 0x07);
    ide_word(out, 64, 3);                                      /* PIO 3 and 4 */
    for (unsigned w = 65; w <= 68; w++) ide_word(out, w, 120); /* cycle times, ns */
    ide_word(out, 88, (uint32_t)d->ata.udma << 8 | 0x07);
    ide_word(out, 93, d->unit ? 0x4100 : 0x4001); /* reset result; a 40-wire cable */
}

static void put_features(const struct ide_drive *d, uint8_t *out) {
    enum {
        BUFFERS_NOP_POWER = 0x7008,
        WRITE_CACHE = 0x0020,
        SMART = 1,
        FLUSH_LBA48 = 0x3400,
        FUA = 0x0040,
        VALID = 0x4000
    };
    ide_word(out, 80, 0x007E); /* ATA-1 to ATA/ATAPI-6 */
    ide_word(out, 82, BUFFERS_NOP_POWER | WRITE_CACHE | SMART);
    ide_word(out, 83, VALID | FLUSH_LBA48);
    ide_word(out, 84, VALID | FUA);
    ide_word(out, 85, BUFFERS_NOP_POWER | (d->ata.write_cache ? WRITE_CACHE : 0) | (d->ata.smart ? SMART : 0));
    ide_word(out, 86, FLUSH_LBA48);
    ide_word(out, 87, VALID | FUA);
}

void ata_identify(struct ide_drive *d, uint8_t out[BLK_SECTOR]) {
    memset(out, 0, BLK_SECTOR);
    ide_word(out, 0, 0x0040); /* ATA, fixed */
    put_geometry(d, out);
    put_names(d, out);
    put_modes(d, out);
    put_features(d, out);
    ide_checksum(out);
}
