/*
 * atapi.c: a CD-ROM drive: the packet protocol, sense data, and the commands that do something.
 *
 * Source: SFF-8020i and ATA/ATAPI-6, 9.8 "PACKET command protocol"; MMC-4 for the packets. Replies that are only
 * data are in atapi_reply.c. A disc is one data track of 2048-byte sectors.
 */
#include "devemu/ide_internal.h"

#include <string.h>
#include "devemu/bytes.h"
#include "devemu/cd_sector.h"

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
enum { FEATURE_DMA = 0x01, LIMIT_MAX = 0xFFFE };
/* Parts of a sector, as READ CD's byte 9 names them. */
enum { F_SYNC = 0x80, F_HEADER = 0x20, F_DATA = 0x10, F_CHECKS = 0x08, F_SUBHEADER = 0x40, F_ALL = 0xF8 };
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

/* ---- Parts of sectors ---- */

static uint32_t part_start(uint8_t fields) {
    if (fields & F_SYNC) return CD_RAW_SYNC;
    if (fields & F_HEADER) return CD_RAW_HEADER;
    return fields & F_DATA ? CD_RAW_DATA : CD_RAW_CHECKS;
}

static uint32_t part_end(uint8_t fields) {
    if (fields & F_CHECKS) return CD_RAW_SECTOR;
    if (fields & F_DATA) return CD_RAW_CHECKS;
    return fields & F_HEADER ? CD_RAW_DATA : CD_RAW_HEADER;
}

static uint32_t part_bytes(uint8_t fields) { return part_end(fields) - part_start(fields); }

/* The drive reads in one run: what is asked for must have no gaps. Mode 1 sectors have no subheader. */
static bool in_one_run(uint8_t fields) {
    static const struct {
        uint8_t field;
        uint32_t bytes;
    } parts[] = {
        {F_SYNC, CD_RAW_HEADER}, {F_HEADER, CD_RAW_DATA - CD_RAW_HEADER}, {F_DATA, CD_SECTOR}, {F_CHECKS, 288}};
    uint32_t sum = 0;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        if (fields & parts[i].field) sum += parts[i].bytes;
    return sum == part_bytes(fields);
}

static void make_part(struct ide_drive *d, uint32_t i, uint32_t lba, uint32_t bytes) {
    uint8_t raw[CD_RAW_SECTOR];
    cd_sector_raw(raw, d->buf + (size_t)i * CD_SECTOR, lba);
    memcpy(d->buf + (size_t)i * bytes, raw + part_start(d->cd.fields), bytes);
}

/* The buffer's n sectors, the first of them at lba, become the parts asked for: what grows from the end. */
static void make_parts(struct ide_drive *d, uint32_t n, uint32_t lba) {
    uint32_t bytes = part_bytes(d->cd.fields);
    if (d->cd.fields == F_DATA) return;
    for (uint32_t k = 0; k < n; k++) {
        uint32_t i = bytes > CD_SECTOR ? n - 1 - k : k;
        make_part(d, i, lba + i, bytes);
    }
}

static void fetch_piece(struct ide_drive *d) {
    const uint32_t room = IDE_BUFFER / (d->cd.fields == F_DATA ? CD_SECTOR : CD_RAW_SECTOR);
    uint32_t n = d->cd.left < room ? d->cd.left : room;
    d->job = ATAPI_JOB_READ;
    ide_storage_read(d, (uint64_t)d->cd.lba * CD_SECTOR, n * CD_SECTOR);
}

void atapi_storage_done(struct ide_drive *d) {
    uint32_t n = d->req.good / CD_SECTOR;
    if (d->req.status != BLK_OK || !n || n > d->cd.left) {
        check(d, KEY_MEDIUM_ERROR, ASC_READ_ERROR, 0);
        return;
    }
    make_parts(d, n, d->cd.lba);
    d->cd.lba += n;
    d->cd.left -= n;
    give(d, n * part_bytes(d->cd.fields));
}

/* ---- Packets that read the disc ---- */

static void read_parts(struct ide_drive *d, uint32_t lba, uint32_t count, uint8_t fields) {
    uint32_t total = atapi_sectors(d);
    if (lba > total || count > total - lba) {
        check(d, KEY_ILLEGAL, ASC_LBA, 0);
    } else if (!count) {
        succeed(d);
    } else {
        d->cd.lba = lba;
        d->cd.left = count;
        d->cd.fields = fields;
        d->cd.torn = false;
        fetch_piece(d);
    }
}

static void read_sectors(struct ide_drive *d, uint32_t lba, uint32_t count) { read_parts(d, lba, count, F_DATA); }

static void read_10(struct ide_drive *d) { read_sectors(d, get_be32(d->cd.cdb + 2), get_be16(d->cd.cdb + 7)); }
static void read_12(struct ide_drive *d) { read_sectors(d, get_be32(d->cd.cdb + 2), get_be32(d->cd.cdb + 6)); }

/* A data disc: sectors are of mode 1, and there are no subchannels to be had. */
static void read_cd_at(struct ide_drive *d, uint32_t lba, uint32_t count) {
    enum { ANY_TYPE = 0, MODE_1 = 2, C2_ERRORS = 0x06 };
    const uint8_t *cdb = d->cd.cdb;
    uint8_t type = cdb[1] >> 2 & 7, fields = cdb[9] & F_ALL & (uint8_t)~F_SUBHEADER;
    if (type != ANY_TYPE && type != MODE_1)
        check(d, KEY_ILLEGAL, ASC_MODE_FOR_TRACK, 0);
    else if ((cdb[9] & C2_ERRORS) || (cdb[10] & 7) || (fields && !in_one_run(fields)))
        check(d, KEY_ILLEGAL, ASC_FIELD, 0);
    else if (!fields)
        succeed(d);
    else
        read_parts(d, lba, count, fields);
}

static void read_cd(struct ide_drive *d) {
    const uint8_t *cdb = d->cd.cdb;
    read_cd_at(d, get_be32(cdb + 2), (uint32_t)cdb[6] << 16 | get_be16(cdb + 7));
}

/* From a time on the disc up to another; what lies before the first sector is not to be read. */
static void read_cd_msf(struct ide_drive *d) {
    enum { LEAD = 150, FRAMES = 75, SECONDS = 60 };
    const uint8_t *cdb = d->cd.cdb;
    uint32_t from = (cdb[3] * SECONDS + cdb[4]) * FRAMES + cdb[5], to = (cdb[6] * SECONDS + cdb[7]) * FRAMES + cdb[8];
    if (from > to)
        check(d, KEY_ILLEGAL, ASC_FIELD, 0);
    else if (from < LEAD)
        check(d, KEY_ILLEGAL, ASC_LBA, 0);
    else
        read_cd_at(d, from - LEAD, to - from);
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
    {0x44, NEEDS_DISC, NULL, atapi_header, 7, 2},
    {0x46, IGNORES_ATTENTION, NULL, atapi_configuration, 7, 2},
    {0x4A, IGNORES_ATTENTION, NULL, atapi_event_status, 7, 2},
    {0x4E, NEEDS_DISC, succeed, NULL, 0, 0}, /* STOP PLAY/SCAN */
    {0x51, NEEDS_DISC, NULL, atapi_disc_info, 7, 2},
    {0x52, NEEDS_DISC, NULL, atapi_track_info, 7, 2},
    {0x5A, 0, NULL, atapi_mode_sense, 7, 2},
    {0xA8, NEEDS_DISC, read_12, NULL, 0, 0},
    {0xB9, NEEDS_DISC, read_cd_msf, NULL, 0, 0},
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
    d->cd = (struct atapi_state){.attention = d->blk ? ASC_RESET : 0, .limit = LIMIT_MAX, .fields = F_DATA};
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
    DEV_STATE(st, a->fields);
    if (!(a->fields & F_ALL) || !in_one_run(a->fields)) a->fields = F_DATA;
    if (a->limit < 2 || a->limit > LIMIT_MAX) a->limit = LIMIT_MAX;
}
