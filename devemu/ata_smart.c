/*
 * ata_smart.c: SMART, as a disk that has no troubles: enable, disable, status, data, thresholds.
 *
 * Source: ATA/ATAPI-6, 8.54 "SMART"; the layout of the attributes is the vendors' common one (SFF-8035i). Logs and
 * self-tests are not there, and the data say so.
 */
#include "devemu/ide_internal.h"

#include <string.h>

enum { KEY_LBA1 = 0x4F, KEY_LBA2 = 0xC2 };
enum { READ_DATA = 0xD0, READ_THRESHOLDS = 0xD1, AUTOSAVE = 0xD2, SAVE = 0xD3 };
enum { ENABLE = 0xD8, DISABLE = 0xD9, RETURN_STATUS = 0xDA };
enum { REVISION = 0x10, FIRST = 2, ROW_BYTES = 12, CAPABILITY = 368 };
enum { PRE_FAIL = 1, ONLINE = 2, SAVES_BEFORE_STANDBY = 1, AUTOSAVES = 2, BEST = 100 };

static const struct attribute {
    uint8_t id, flags, threshold;
} attributes[] = {
    {1, PRE_FAIL | ONLINE, 50}, /* read errors */
    {5, PRE_FAIL | ONLINE, 10}, /* sectors put elsewhere */
    {9, ONLINE, 0},             /* hours */
};

static void give(struct ide_drive *d) {
    uint8_t sum = 0;
    for (unsigned i = 0; i < BLK_SECTOR - 1; i++) sum = (uint8_t)(sum + d->buf[i]);
    d->buf[BLK_SECTOR - 1] = (uint8_t)-sum;
    ata_give_sector(d);
}

static void tell(struct ide_drive *d, bool thresholds) {
    uint8_t *p = d->buf;
    memset(p, 0, BLK_SECTOR);
    p[0] = REVISION;
    for (size_t i = 0; i < sizeof attributes / sizeof *attributes; i++) {
        uint8_t *row = p + FIRST + ROW_BYTES * i;
        row[0] = attributes[i].id;
        row[1] = thresholds ? attributes[i].threshold : attributes[i].flags;
        if (!thresholds) row[3] = row[4] = BEST; /* now, and at its worst */
    }
    if (!thresholds) p[CAPABILITY] = SAVES_BEFORE_STANDBY | AUTOSAVES;
    give(d);
}

/* The key in the registers stays as it is while no attribute is below its threshold. */
void ata_smart(struct ide_drive *d, unsigned arg) {
    uint8_t what = d->reg.feature;
    (void)arg;
    if (d->reg.lba1 != KEY_LBA1 || d->reg.lba2 != KEY_LBA2 || (!d->ata.smart && what != ENABLE)) {
        ide_failed(d, ATA_ABRT, 0);
        return;
    }
    switch (what) {
    case READ_DATA:
    case READ_THRESHOLDS: tell(d, what == READ_THRESHOLDS); return;
    case ENABLE:
    case DISABLE: d->ata.smart = what == ENABLE; break;
    case AUTOSAVE:
    case SAVE:
    case RETURN_STATUS: break;
    default: ide_failed(d, ATA_ABRT, 0); return;
    }
    ide_done(d);
}
