/*
 * atapi_reply.c: what a CD-ROM drive answers: data formats of MMC-4 and SPC-3.
 *
 * Each function fills a zeroed buffer and returns the whole length; the caller cuts it to what the guest allows.
 */
#include "devemu/ide_internal.h"

#include <string.h>
#include "devemu/bytes.h"

enum { LEAD_OUT = 0xAA, TRACK_DATA = 0x14 /* ADR 1, data track */, MSF_OFFSET = 150, FRAMES = 75, SECONDS = 60 };
/* No CD holds more: 80 minutes. */
#define CD_MAX_SECTORS (90u * SECONDS * FRAMES)

static void put16(uint8_t *p, uint32_t v) {
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v) {
    put16(p, v >> 16);
    put16(p + 2, v);
}

static void put_address(uint8_t *p, uint32_t lba, bool msf) {
    if (!msf) {
        put32(p, lba);
        return;
    }
    lba += MSF_OFFSET;
    p[1] = (uint8_t)(lba / FRAMES / SECONDS);
    p[2] = (uint8_t)(lba / FRAMES % SECONDS);
    p[3] = (uint8_t)(lba % FRAMES);
}

/* ---- Who it is ---- */

static void put_text(uint8_t *p, size_t len, const char *text) {
    size_t n = strlen(text);
    memset(p, ' ', len);
    memcpy(p, text, n < len ? n : len);
}

uint32_t atapi_inquiry(struct ide_drive *d, uint8_t *out) {
    enum { LENGTH = 36, TYPE_CD = 5, REMOVABLE = 0x80, FORMAT = 0x21 /* ATAPI */, VITAL_DATA = 1 };
    if (d->cd.cdb[1] & VITAL_DATA) return 0;
    out[0] = TYPE_CD;
    out[1] = REMOVABLE;
    out[3] = FORMAT;
    out[4] = LENGTH - 5;
    put_text(out + 8, 8, "NOVT");
    put_text(out + 16, 16, "NOVT CD-ROM");
    put_text(out + 32, 4, "1.0");
    return LENGTH;
}

void atapi_identify(struct ide_drive *d, uint8_t out[BLK_SECTOR]) {
    memset(out, 0, BLK_SECTOR);
    ide_word(out, 0, 0x85C0); /* ATAPI, CD-ROM, removable, DRQ within 50 us, 12-byte packets */
    ide_text(out, 10, 10, d->serial);
    ide_text(out, 23, 4, "1.0");
    ide_text(out, 27, 20, "NOVT CD-ROM");
    ide_word(out, 49, 0x0F00);
    ide_word(out, 51, 0x0200);
    ide_word(out, 53, 6);
    ide_word(out, 63, (uint32_t)d->ata.mwdma << 8 | 0x07);
    ide_word(out, 64, 3);
    for (unsigned w = 65; w <= 68; w++) ide_word(out, w, 120);
    ide_word(out, 80, 0x007E);
    ide_word(out, 82, 0x4210); /* NOP, DEVICE RESET, PACKET */
    ide_word(out, 83, 0x4000);
    ide_word(out, 84, 0x4000);
    ide_word(out, 85, 0x4210);
    ide_word(out, 87, 0x4000);
    ide_word(out, 88, (uint32_t)d->ata.udma << 8 | 0x07);
    ide_word(out, 93, d->unit ? 0x4100 : 0x4001);
    ide_checksum(out);
}

/* ---- How it is ---- */

/* A unit attention that waits is told here, and is then over. */
uint32_t atapi_sense(struct ide_drive *d, uint8_t *out) {
    enum { LENGTH = 18, CURRENT_FIXED = 0x70, KEY_ATTENTION = 6 };
    struct atapi_state *a = &d->cd;
    if (!a->key && a->attention) {
        a->key = KEY_ATTENTION;
        a->asc = a->attention;
        a->attention = 0;
    }
    out[0] = CURRENT_FIXED;
    out[2] = a->key;
    out[7] = LENGTH - 8;
    out[12] = a->asc;
    out[13] = a->ascq;
    return LENGTH;
}

uint32_t atapi_event_status(struct ide_drive *d, uint8_t *out) {
    enum { POLLED = 1, MEDIA_CLASS = 4, MEDIA_BIT = 1 << MEDIA_CLASS, NO_EVENT = 0x80, TRAY_OPEN = 1, PRESENT = 2 };
    const uint8_t *cdb = d->cd.cdb;
    if (!(cdb[1] & POLLED)) return 0;
    out[3] = MEDIA_BIT;
    if (!(cdb[4] & MEDIA_BIT)) {
        out[1] = 2;
        out[2] = NO_EVENT;
        return 4;
    }
    out[1] = 6;
    out[2] = MEDIA_CLASS;
    out[4] = d->cd.media_event;
    out[5] = (uint8_t)((d->cd.open ? TRAY_OPEN : 0) | (atapi_has_disc(d) ? PRESENT : 0));
    d->cd.media_event = 0;
    return 8;
}

uint32_t atapi_mechanism(struct ide_drive *d, uint8_t *out) {
    out[1] = d->cd.open ? 0x10 : 0;
    return 8;
}

static uint32_t page_errors(uint8_t *p) {
    p[0] = 0x01;
    p[1] = 6;
    p[3] = 5; /* retries */
    return 8;
}

static uint32_t page_capabilities(const struct ide_drive *d, uint8_t *p) {
    enum { SPEED = 706 /* kB/s: 4x */, LOCK = 1, LOCKED = 2, EJECT = 8, TRAY = 0x20 };
    p[0] = 0x2A;
    p[1] = 0x12;
    p[2] = 0x08; /* reads DVD-ROM */
    p[4] = 0x70; /* mode 2 forms, multi-session */
    p[6] = (uint8_t)(TRAY | EJECT | LOCK | (d->cd.locked ? LOCKED : 0));
    put16(p + 8, SPEED);
    put16(p + 12, IDE_BUFFER >> 10);
    put16(p + 14, SPEED);
    return 20;
}

static uint32_t page_cd(uint8_t *p) {
    p[0] = 0x0D;
    p[1] = 6;
    put16(p + 4, SECONDS); /* in a minute */
    put16(p + 6, FRAMES);
    return 8;
}

/* The audio output that nothing is ever heard of. */
static uint32_t page_audio(uint8_t *p) {
    enum { IMMEDIATE = 4, LEFT = 1, RIGHT = 2, LOUD = 0xFF };
    p[0] = 0x0E;
    p[1] = 14;
    p[2] = IMMEDIATE;
    p[8] = LEFT;
    p[10] = RIGHT;
    p[9] = p[11] = LOUD;
    return 16;
}

/* Nothing can be changed: the mask of what may be has only the pages' heads. */
static void clear_bodies(uint8_t *p, const uint8_t *end) {
    for (; p < end; p += 2 + p[1]) memset(p + 2, 0, p[1]);
}

uint32_t atapi_mode_sense(struct ide_drive *d, uint8_t *out) {
    enum { HEADER = 8, ALL = 0x3F, CHANGEABLE = 1, SAVED = 3, DISC_DATA = 0x01, DISC_NONE = 0x70, TRAY_OPEN = 0x71 };
    uint8_t page = d->cd.cdb[2] & 0x3F, control = d->cd.cdb[2] >> 6;
    uint32_t n = HEADER;
    if (control == SAVED) return 0;
    if (page == 0x01 || page == ALL) n += page_errors(out + n);
    if (page == 0x0D || page == ALL) n += page_cd(out + n);
    if (page == 0x0E || page == ALL) n += page_audio(out + n);
    if (page == 0x2A || page == ALL) n += page_capabilities(d, out + n);
    if (n == HEADER) return 0;
    if (control == CHANGEABLE) clear_bodies(out + HEADER, out + n);
    put16(out, n - 2);
    out[2] = d->cd.open ? TRAY_OPEN : d->blk ? DISC_DATA : DISC_NONE;
    return n;
}

/* ---- What it can do ---- */

enum { CURRENT = 1, PERSISTENT = 2, VERSION_1 = 4, VERSION_2 = 8 }; /* a feature's third byte */

static uint8_t *feature(uint8_t *p, uint32_t code, unsigned flags, uint8_t bytes) {
    put16(p, code);
    p[2] = (uint8_t)flags;
    p[3] = bytes;
    return p + 4;
}

/* The features from `first` on: all, those that are current, or that one only. */
static uint32_t choose_features(uint8_t *out, uint32_t header, uint32_t end, uint8_t which, uint32_t first) {
    enum { ALL, CURRENT_ONES, ONE };
    uint32_t to = header;
    for (uint32_t at = header, bytes; at < end; at += bytes) {
        uint32_t code = (uint32_t)out[at] << 8 | out[at + 1];
        bool take = code >= first && (which == ALL || (which == CURRENT_ONES && (out[at + 2] & CURRENT)) ||
                                      (which == ONE && code == first));
        bytes = 4u + out[at + 3];
        if (!take) continue;
        memmove(out + to, out + at, bytes);
        to += bytes;
    }
    return to;
}

uint32_t atapi_configuration(struct ide_drive *d, uint8_t *out) {
    enum { PROFILE_CD = 0x08, PROFILE_DVD = 0x10, HEADER = 8 };
    bool disc = atapi_has_disc(d), dvd = disc && atapi_sectors(d) > CD_MAX_SECTORS, cd = disc && !dvd;
    uint8_t *p = out + HEADER;
    put16(out + 6, dvd ? PROFILE_DVD : cd ? PROFILE_CD : 0);
    p = feature(p, 0x0000, PERSISTENT | CURRENT, 8); /* profile list */
    put16(p, PROFILE_DVD);
    p[2] = dvd;
    put16(p + 4, PROFILE_CD);
    p[6] = cd;
    p = feature(p + 8, 0x0001, VERSION_1 | PERSISTENT | CURRENT, 8); /* core: ATAPI */
    put32(p, 2);
    p[4] = 1;                                                        /* DBEvent */
    p = feature(p + 8, 0x0002, VERSION_1 | PERSISTENT | CURRENT, 4); /* morphing */
    p = feature(p + 4, 0x0003, PERSISTENT | CURRENT, 4);             /* removable: tray, eject, lock */
    p[0] = 0x29;
    p = feature(p + 4, 0x0010, disc ? CURRENT : 0, 8); /* random readable */
    put32(p, CD_SECTOR);
    put16(p + 4, 1);
    p = feature(p + 8, 0x001E, VERSION_2 | (cd ? CURRENT : 0), 4); /* CD read */
    p = feature(p + 4, 0x001F, dvd ? CURRENT : 0, 0);              /* DVD read */
    if ((d->cd.cdb[1] & 3) == 3) return 0;
    uint32_t n = choose_features(out, HEADER, (uint32_t)(p - out), d->cd.cdb[1] & 3, get_be16(d->cd.cdb + 2));
    put32(out, n - 4);
    return n;
}

/* ---- What is on the disc ---- */

uint32_t atapi_capacity(struct ide_drive *d, uint8_t *out) {
    put32(out, atapi_sectors(d) - 1);
    put32(out + 4, CD_SECTOR);
    return 8;
}

/* READ HEADER: which mode a sector is of. */
uint32_t atapi_header(struct ide_drive *d, uint8_t *out) {
    uint32_t lba = get_be32(d->cd.cdb + 2);
    if (lba >= atapi_sectors(d)) return 0;
    out[0] = 1;
    put_address(out + 4, lba, d->cd.cdb[1] & 2);
    return 8;
}

static uint8_t *toc_track(uint8_t *p, uint8_t track, uint32_t lba, bool msf) {
    p[1] = TRACK_DATA;
    p[2] = track;
    put_address(p + 4, lba, msf);
    return p + 8;
}

static uint32_t toc_tracks(struct ide_drive *d, uint8_t *out, uint8_t from, bool msf) {
    uint8_t *p = out + 4;
    if (from > 1 && from != LEAD_OUT) return 0;
    if (from <= 1) p = toc_track(p, 1, 0, msf);
    p = toc_track(p, LEAD_OUT, atapi_sectors(d), msf);
    return (uint32_t)(p - out);
}

static uint8_t *full_toc_point(uint8_t *p, uint8_t point, uint32_t lba) {
    p[0] = 1; /* session */
    p[1] = TRACK_DATA;
    p[3] = point;
    put_address(p + 7, lba, true);
    return p + 11;
}

static uint32_t full_toc(struct ide_drive *d, uint8_t *out) {
    uint8_t *p = out + 4;
    for (uint8_t point = 0xA0; point <= 0xA1; point++) { /* first and last track */
        p = full_toc_point(p, point, 0);
        p[-3] = 1;
        p[-2] = p[-1] = 0;
    }
    p = full_toc_point(p, 0xA2, atapi_sectors(d));
    p = full_toc_point(p, 1, 0);
    return (uint32_t)(p - out);
}

/* The format is in byte 2, or as old drives had it in the control byte. */
uint32_t atapi_toc(struct ide_drive *d, uint8_t *out) {
    const uint8_t *cdb = d->cd.cdb;
    bool msf = cdb[1] & 2;
    uint8_t format = cdb[2] & 0x0F ? cdb[2] & 0x0F : cdb[9] >> 6;
    uint32_t n = 0;
    out[2] = out[3] = 1; /* first and last track or session */
    if (format == 0)
        n = toc_tracks(d, out, cdb[6], msf);
    else if (format == 1)
        n = (uint32_t)(toc_track(out + 4, 1, 0, msf) - out);
    else if (format == 2)
        n = full_toc(d, out);
    if (n) put16(out, n - 2);
    return n;
}

uint32_t atapi_subchannel(struct ide_drive *d, uint8_t *out) {
    enum { NO_AUDIO_STATUS = 0x15, WANT_DATA = 0x40, POSITION = 1 };
    out[1] = NO_AUDIO_STATUS;
    if (!(d->cd.cdb[2] & WANT_DATA)) return 4;
    if (d->cd.cdb[3] != POSITION) return 0;
    out[3] = 12;
    out[4] = POSITION;
    out[5] = TRACK_DATA;
    out[6] = out[7] = 1;
    put_address(out + 8, d->cd.lba, d->cd.cdb[1] & 2);
    put_address(out + 12, d->cd.lba, false);
    return 16;
}

uint32_t atapi_disc_info(struct ide_drive *d, uint8_t *out) {
    enum { LENGTH = 34, COMPLETE = 0x0E, TYPE_CDROM = 0x00, UNRESTRICTED = 0x20 };
    if (d->cd.cdb[1] & 7) return 0;
    put16(out, LENGTH - 2);
    out[2] = COMPLETE;
    out[3] = out[4] = out[5] = out[6] = 1;
    out[7] = UNRESTRICTED;
    out[8] = TYPE_CDROM;
    memset(out + 16, 0xFF, 8); /* no more lead-in and lead-out */
    return LENGTH;
}

uint32_t atapi_track_info(struct ide_drive *d, uint8_t *out) {
    enum { LENGTH = 28, DATA_TRACK = 4, MODE_1 = 1 };
    put16(out, LENGTH - 2);
    out[2] = out[3] = 1;
    out[5] = DATA_TRACK;
    out[6] = MODE_1;
    put32(out + 24, atapi_sectors(d));
    return LENGTH;
}
