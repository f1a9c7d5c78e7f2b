/*
 * fdc_internal.h: the floppy controller's parts: fdc82077.c has the registers and the control commands,
 * fdc_transfer.c the commands that touch the disk, fdc_media.c the formats.
 */
#ifndef NOVT_DEVEMU_FDC_INTERNAL_H
#define NOVT_DEVEMU_FDC_INTERNAL_H

#include "devemu/fdc82077.h"

enum { FDC_UNITS = 4, FDC_PARAMS = 9, FDC_RESULTS = 10, FDC_TRACK_SECTORS = 36, FDC_DMA_CHANNEL = 2 };
enum { FDC_BUFFER = FDC_TRACK_SECTORS * BLK_SECTOR };
enum { ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_POLL = 0xC0, ST0_SEEK_END = 0x20, ST0_EQUIPMENT = 0x10 };
enum {
    ST1_END = 0x80,
    ST1_DATA_ERROR = 0x20,
    ST1_OVERRUN = 0x10,
    ST1_NO_DATA = 0x04,
    ST1_PROTECTED = 0x02,
    ST1_NO_ADDRESS = 0x01
};
enum { ST2_CONTROL_MARK = 0x40, ST2_DATA_ERROR = 0x20, ST2_WRONG_CYLINDER = 0x10 };
enum { FDC_RATE_500, FDC_RATE_300, FDC_RATE_250, FDC_RATE_1000 };

struct fdc_format {
    uint8_t cylinders, heads, sectors, rate;
    enum fdc_type type;
    bool five_inch; /* 300 kbit/s in a drive that turns faster is the same format */
};
/* NULL: no floppy is that big. */
const struct fdc_format *fdc_format_for(uint64_t bytes);

struct fdc_drive {
    bool present;
    struct blk *blk;                 /* NULL: no disk */
    const struct fdc_format *format; /* of the disk */
    uint8_t cylinder;
    bool changed; /* the change line: until the heads step with a disk in */
    bool seeking, seek_ended;
    uint8_t st0; /* of the seek that ended */
};

enum fdc_phase { FDC_IDLE, FDC_COMMAND, FDC_EXECUTION, FDC_DATA_IN, FDC_DATA_OUT, FDC_RESULT, FDC_PHASES };
enum fdc_job { FDC_JOB_NONE, FDC_JOB_READ, FDC_JOB_WRITE, FDC_JOB_VERIFY, FDC_JOB_FORMAT, FDC_JOBS };

struct fdc_transfer {
    uint8_t job;
    uint8_t c, h, r, n, eot;       /* the next sector's ID */
    bool multi_track, skip, ended; /* ended: terminal count */
    uint8_t filler;                /* FORMAT TRACK */
    uint32_t pos, fill;            /* in buf */
};

struct fdc {
    struct dev dev;
    struct dev_line irq;
    struct dev *dma;
    struct fdc_drive drive[FDC_UNITS];
    struct blk_request req;
    struct dev_timer seek_timer, reset_timer, id_timer;
    uint8_t dor, tdr, rate, phase;
    uint8_t command[FDC_PARAMS], command_len, command_pos;
    uint8_t result[FDC_RESULTS], result_len, result_pos;
    uint8_t specify[2], config, pretrack, perpendicular;
    uint8_t reset_senses; /* SENSE INTERRUPT commands that still answer for the reset */
    uint8_t id_sector;    /* passes under the head next */
    bool locked, irq_pending, irq_level;
    struct fdc_transfer t;
    uint8_t buf[FDC_BUFFER];
};

/* ---- fdc82077.c ---- */
void fdc_raise(struct fdc *s);
void fdc_give_result(struct fdc *s, unsigned len, bool interrupt); /* result[] is filled */
static inline struct fdc_drive *fdc_selected(struct fdc *s) { return &s->drive[s->command[1] & 3]; }
static inline uint8_t fdc_head(const struct fdc *s) { return s->command[1] >> 2 & 1; }
static inline bool fdc_uses_dma(const struct fdc *s) { return !(s->specify[1] & 1); }
void fdc_move_heads(struct fdc_drive *d, uint8_t cylinder);

/* ---- fdc_transfer.c ---- */
void fdc_read(struct fdc *s);
void fdc_write(struct fdc *s);
void fdc_verify(struct fdc *s);
void fdc_format(struct fdc *s);
void fdc_read_id(struct fdc *s);
void fdc_id_passed(struct fdc *s);
void fdc_data_moved(struct fdc *s); /* PIO has emptied or filled the buffer */
void fdc_abandon(struct fdc *s);    /* a reset ends the running transfer */
#endif
