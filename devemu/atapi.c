/*
 * atapi.c: a CD-ROM drive: the packet protocol, sense data, and the commands that do something.
 *
 * Source: SFF-8020i and ATA/ATAPI-6, 9.8 "PACKET command protocol"; MMC-4 for the packets. Replies that are only
 * data are in atapi_reply.c. A disc is one data track of 2048-byte sectors.
 */
#include "devemu/ide_internal.h"

#include <string.h>
#include "devemu/bytes.h"

enum { KEY_NOT_READY = 2, KEY_MEDIUM_ERROR = 3, KEY_ILLEGAL = 5, KEY_ATTENTION = 6 };
enum {
    ASC_READ_ERROR = 0x11,
    ASC_OPCODE = 0x20,
    ASC_LBA = 0x21,
    ASC_FIELD = 0x24,
    ASC_CHANGED = 0x28,
    ASC_RESET = 0x29,
    ASC_NO_MEDIUM = 0x3A,
    ASC_REMOVAL = 0x53,
    ASC_MODE_FOR_TRACK = 0x64,
    ASCQ_CLOSED = 1,
    ASCQ_OPEN = 2,
    ASCQ_PREVENTED = 2,
};
enum { EVENT_NONE, EVENT_EJECT_REQUEST, EVENT_NEW_MEDIA, EVENT_REMOVED };
enum { FEATURE_DMA = 0x01, LIMIT_MAX = 0xFFFE, BUFFER_SECTORS = IDE_BUFFER / CD_SECTOR };
enum { SENSE_KEY_SHIFT = 4 };

/* ---- Ends of a packet ---- */

static void set_sense(struct ide_drive *d, uint8_t key, uint8_t asc, uint8_t ascq) {
    d->cd.key = key;
    d->cd.asc = asc;
    d->cd.ascq = ascq;
}

static void succeed(struct ide_drive *d) {
    set_sense(d, 0, 0, 0);
    d->reg.count = ATAPI_CD | ATAPI_IO;
    ide_done(d);
}

static void check(struct ide_drive *d, uint8_t key, uint8_t asc, uint8_t ascq) {
    set_sense(d, key, asc, ascq);
    d->reg.count = ATAPI_CD | ATAPI_IO;
    ide_failed(d, (uint8_t)(key << SENSE_KEY_SHIFT | (key == KEY_ILLEGAL ? ATA_ABRT : 0)), 0);
}

static void check_no_disc(struct ide_drive *d) {
    check(d, KEY_NOT_READY, ASC_NO_MEDIUM, d->cd.open ? ASCQ_OPEN : ASCQ_CLOSED);
}

/* ---- Data to the guest ---- */

/* The next block of what is in the buffer. */
static void give_block(struct ide_drive *d) {
    uint32_t left = d->path == PATH_PIO_IN ? d->fill - d->pos : d->fill;
    uint32_t n = left < d->cd.limit ? left : d->cd.limit;
    d->reg.count = ATAPI_IO;
    d->reg.lba1 = (uint8_t)n;
    d->reg.lba2 = (uint8_t)(n >> 8);
    ide_data_in(d, d->fill, n);
    ide_interrupt(d);
}

static void give(struct ide_drive *d, uint32_t bytes) {
    if (d->cd.dma) {
        d->reg.count = ATAPI_IO;
        ide_data_dma(d, bytes, true);
    } else {
        d->pos = 0;
        d->fill = bytes;
        give_block(d);
    }
}

static void fetch_piece(struct ide_drive *d) {
    uint32_t n = d->cd.left < BUFFER_SECTORS ? d->cd.left : BUFFER_SECTORS;
    d->job = ATAPI_JOB_READ;
    ide_storage_read(d, (uint64_t)d->cd.lba * CD_SECTOR, n * CD_SECTOR);
}

void atapi_storage_done(struct ide_drive *d) {
    uint32_t n = d->req.good / CD_SECTOR;
    if (d->req.status != BLK_OK || !n || n > d->cd.left) {
        check(d, KEY_MEDIUM_ERROR, ASC_READ_ERROR, 0);
        return;
    }
    d->cd.lba += n;
    d->cd.left -= n;
    give(d, n * CD_SECTOR);
}

/* ---- Packets that read the disc ---- */

static void read_sectors(struct ide_drive *d, uint32_t lba, uint32_t count) {
    uint32_t total = atapi_sectors(d);
    if (lba > total || count > total - lba) {
        check(d, KEY_ILLEGAL, ASC_LBA, 0);
    } else if (!count) {
        succeed(d);
    } else {
        d->cd.lba = lba;
        d->cd.left = count;
        d->cd.torn = false;
        fetch_piece(d);
    }
}

static void read_10(struct ide_drive *d) { read_sectors(d, get_be32(d->cd.cdb + 2), get_be16(d->cd.cdb + 7)); }
static void read_12(struct ide_drive *d) { read_sectors(d, get_be32(d->cd.cdb + 2), get_be32(d->cd.cdb + 6)); }

/* Only what a data disc has: the user data of its sectors. */
static void read_cd(struct ide_drive *d) {
    enum { NOTHING = 0x00, USER_DATA = 0x10, FIELDS = 0xF8 };
    const uint8_t *cdb = d->cd.cdb;
    uint8_t fields = cdb[9] & FIELDS;
    if (fields == NOTHING)
        succeed(d);
    else if (fields != USER_DATA)
        check(d, KEY_ILLEGAL, ASC_MODE_FOR_TRACK, 0);
    else
        read_sectors(d, get_be32(cdb + 2), (uint32_t)cdb[6] << 16 | get_be16(cdb + 7));
}

static void seek(struct ide_drive *d) {
    if (get_be32(d->cd.cdb + 2) >= atapi_sectors(d))
        check(d, KEY_ILLEGAL, ASC_LBA, 0);
    else
        succeed(d);
}

/* ---- Tray ---- */

static void close_tray(struct ide_drive *d) {
    if (!d->cd.open) return;
    d->cd.open = false;
    if (!d->blk) return;
    d->cd.attention = ASC_CHANGED;
    d->cd.media_event = EVENT_NEW_MEDIA;
}

static void open_tray(struct ide_drive *d) {
    if (d->cd.open) return;
    d->cd.open = true;
    d->cd.media_event = EVENT_REMOVED;
}

static void start_stop(struct ide_drive *d) {
    enum { START = 1, LOAD_EJECT = 2 };
    uint8_t what = d->cd.cdb[4];
    bool eject = (what & LOAD_EJECT) && !(what & START);
    if (eject && d->cd.locked && !d->cd.open) {
        check(d, KEY_ILLEGAL, ASC_REMOVAL, ASCQ_PREVENTED);
        return;
    }
    if (eject)
        open_tray(d);
    else if (what & LOAD_EJECT)
        close_tray(d);
    succeed(d);
}

static void prevent_removal(struct ide_drive *d) {
    d->cd.locked = d->cd.cdb[4] & 1;
    succeed(d);
}

/* What is in the buffer already still gets to the guest. */
static void end_pending_read(struct ide_drive *d) {
    d->cd.torn = true;
    if (d->path != PATH_STORAGE) return;
    blk_cancel(d->blk, &d->req);
    check_no_disc(d);
}

bool atapi_change(struct ide_drive *d, struct blk *disc, bool force) {
    if (d->cd.locked && !d->cd.open && !force) {
        d->cd.media_event = EVENT_EJECT_REQUEST;
        return false;
    }
    end_pending_read(d);
    d->blk = disc;
    if (disc) d->cd.open = false; /* an open tray that is emptied stays open */
    d->cd.media_event = disc ? EVENT_NEW_MEDIA : EVENT_REMOVED;
    d->cd.attention = disc ? ASC_CHANGED : 0;
    return true;
}

/* ---- The table ---- */

enum { NEEDS_DISC = 1, IGNORES_ATTENTION = 2 };

struct packet {
    uint8_t code, flags;
    void (*run)(struct ide_drive *d); /* one of these two */
    uint32_t (*reply)(struct ide_drive *d, uint8_t *out);
    uint8_t length_at, length_bytes; /* of a reply: the allocation length in the CDB */
};

static const struct packet packets[] = {
    {0x00, NEEDS_DISC, succeed, NULL, 0, 0}, /* TEST UNIT READY */
    {0x03, IGNORES_ATTENTION, NULL, atapi_sense, 4, 1},
    {0x12, IGNORES_ATTENTION, NULL, atapi_inquiry, 4, 1},
    {0x1B, 0, start_stop, NULL, 0, 0},
    {0x1E, 0, prevent_removal, NULL, 0, 0},
    {0x25, NEEDS_DISC, NULL, atapi_capacity, 0, 0},
    {0x28, NEEDS_DISC, read_10, NULL, 0, 0},
    {0x2B, NEEDS_DISC, seek, NULL, 0, 0},
    {0x42, NEEDS_DISC, NULL, atapi_subchannel, 7, 2},
    {0x43, NEEDS_DISC, NULL, atapi_toc, 7, 2},
    {0x46, IGNORES_ATTENTION, NULL, atapi_configuration, 7, 2},
    {0x4A, IGNORES_ATTENTION, NULL, atapi_event_status, 7, 2},
    {0x4E, NEEDS_DISC, succeed, NULL, 0, 0}, /* STOP PLAY/SCAN */
    {0x51, NEEDS_DISC, NULL, atapi_disc_info, 7, 2},
    {0x52, NEEDS_DISC, NULL, atapi_track_info, 7, 2},
    {0x5A, 0, NULL, atapi_mode_sense, 7, 2},
    {0xA8, NEEDS_DISC, read_12, NULL, 0, 0},
    {0xBB, 0, succeed, NULL, 0, 0}, /* SET CD SPEED */
    {0xBD, 0, NULL, atapi_mechanism, 8, 2},
    {0xBE, NEEDS_DISC, read_cd, NULL, 0, 0},
};

static const struct packet *find_packet(uint8_t code) {
    for (size_t i = 0; i < sizeof packets / sizeof *packets; i++)
        if (packets[i].code == code) return &packets[i];
    return NULL;
}

static void run_reply(struct ide_drive *d, const struct packet *p) {
    const uint8_t *cdb = d->cd.cdb;
    memset(d->buf, 0, IDE_BUFFER);
    uint32_t n = p->reply(d, d->buf), room = n;
    if (p->length_bytes == 1)
        room = cdb[p->length_at];
    else if (p->length_bytes == 2)
        room = get_be16(cdb + p->length_at);
    if (!n) {
        check(d, KEY_ILLEGAL, ASC_FIELD, 0);
    } else if (!room) {
        succeed(d);
    } else {
        d->job = ATAPI_JOB_DATA;
        give(d, n < room ? n : room);
    }
}

/* True: the packet is not done because of it. */
static bool report_attention(struct ide_drive *d, const struct packet *p) {
    uint8_t asc = d->cd.attention;
    if (!asc || (p->flags & IGNORES_ATTENTION)) return false;
    d->cd.attention = 0;
    check(d, KEY_ATTENTION, asc, 0);
    return true;
}

static void run_packet(struct ide_drive *d) {
    memcpy(d->cd.cdb, d->buf, ATAPI_CDB);
    const struct packet *p = find_packet(d->cd.cdb[0]);
    if (!p) {
        check(d, KEY_ILLEGAL, ASC_OPCODE, 0);
        return;
    }
    if (report_attention(d, p)) return;
    if ((p->flags & NEEDS_DISC) && !atapi_has_disc(d))
        check_no_disc(d);
    else if (p->run)
        p->run(d);
    else
        run_reply(d, p);
}

/* ---- Data path ---- */

static void data_moved(struct ide_drive *d) {
    if (d->pos < d->fill)
        give_block(d);
    else if (d->job == ATAPI_JOB_READ && d->cd.left)
        fetch_piece(d);
    else
        succeed(d);
}

void atapi_data_moved(struct ide_drive *d) {
    if (d->job == ATAPI_JOB_CDB) {
        d->path = PATH_IDLE;
        run_packet(d);
    } else if (d->job == ATA_JOB_DATA_IN) {
        ide_stop(d);
        d->status = ATA_DRDY | ATA_DSC;
    } else if ((d->job == ATAPI_JOB_READ && d->cd.left) && (d->cd.torn || !atapi_has_disc(d))) {
        check_no_disc(d);
    } else {
        data_moved(d);
    }
}

/* ---- ATA commands of a packet drive ---- */

static void packet(struct ide_drive *d) {
    uint32_t limit = d->reg.lba1 | (uint32_t)d->reg.lba2 << 8;
    d->cd.dma = d->reg.feature & FEATURE_DMA;
    d->cd.limit = limit < 2 || limit > LIMIT_MAX ? LIMIT_MAX : limit & ~1u;
    d->cd.left = 0;
    d->job = ATAPI_JOB_CDB;
    d->reg.count = ATAPI_CD;
    ide_data_out(d, ATAPI_CDB, ATAPI_CDB);
}

static void identify(struct ide_drive *d) {
    atapi_identify(d, d->buf);
    d->job = ATA_JOB_DATA_IN;
    ide_data_in(d, BLK_SECTOR, BLK_SECTOR);
    ide_interrupt(d);
}

/* Disk commands are refused with the signature in place: so drivers tell the kinds apart. */
static void refuse(struct ide_drive *d, bool signature) {
    if (signature) ide_drive_reset(d);
    ide_failed(d, ATA_ABRT, 0);
}

/* A drive has one transfer mode a time, and any will do. */
static void set_features(struct ide_drive *d) {
    enum { MODE = 0x03, KIND_MWDMA = 0x20, KIND_UDMA = 0x40 };
    uint8_t kind = d->reg.count & 0xF8, n = d->reg.count & 7;
    bool dma = kind == KIND_MWDMA || kind == KIND_UDMA;
    if (d->reg.feature == MODE && dma && n <= 2) {
        d->ata.mwdma = (uint8_t)(kind == KIND_MWDMA ? 1u << n : 0);
        d->ata.udma = (uint8_t)(kind == KIND_UDMA ? 1u << n : 0);
    }
    if (d->reg.feature == MODE && kind > KIND_UDMA)
        refuse(d, false);
    else
        ide_done(d);
}

void atapi_command(struct ide_drive *d, uint8_t code) {
    enum {
        DEVICE_RESET = 0x08,
        READ_SECTORS = 0x20,
        PACKET = 0xA0,
        IDENTIFY_PACKET = 0xA1,
        STANDBY_IMMEDIATE = 0xE0,
        IDLE_IMMEDIATE = 0xE1,
        CHECK_POWER = 0xE5,
        SLEEP = 0xE6,
        IDENTIFY = 0xEC,
        SET_FEATURES = 0xEF,
    };
    switch (code) {
    case DEVICE_RESET: ide_drive_reset(d); break;
    case READ_SECTORS:
    case IDENTIFY: refuse(d, true); break;
    case PACKET: packet(d); break;
    case IDENTIFY_PACKET: identify(d); break;
    case STANDBY_IMMEDIATE:
    case IDLE_IMMEDIATE:
    case SLEEP: ide_done(d); break;
    case CHECK_POWER:
        d->reg.count = 0xFF;
        ide_done(d);
        break;
    case SET_FEATURES: set_features(d); break;
    default: refuse(d, false);
    }
}

void atapi_reset(struct ide_drive *d, bool hard) {
    if (!hard) return;
    d->cd = (struct atapi_state){.attention = d->blk ? ASC_RESET : 0, .limit = LIMIT_MAX};
    d->ata.mwdma = d->ata.udma = 0;
}

/* ---- Saved state ---- */

void atapi_state_rw(struct atapi_state *a, struct dev_state *st) {
    DEV_STATE(st, a->cdb);
    DEV_STATE(st, a->key);
    DEV_STATE(st, a->asc);
    DEV_STATE(st, a->ascq);
    DEV_STATE(st, a->attention);
    DEV_STATE(st, a->media_event);
    dev_state_bool(st, &a->locked);
    dev_state_bool(st, &a->open);
    dev_state_bool(st, &a->dma);
    dev_state_bool(st, &a->torn);
    DEV_STATE(st, a->lba);
    DEV_STATE(st, a->left);
    DEV_STATE(st, a->limit);
    if (a->limit < 2 || a->limit > LIMIT_MAX) a->limit = LIMIT_MAX;
}
