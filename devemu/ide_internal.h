/*
 * ide_internal.h: what the files of the IDE controller share: a drive, a
 * channel, and the data path between them.
 *
 * ide.c is the PCI function, ide_channel.c the registers and the data port,
 * ide_bm.c the bus master, ata*.c and atapi*.c the two kinds of drives.
 * A command fills or empties the drive's buffer through the storage backend
 * (ide_storage_*) and hands it to the data path (ide_data_*), which calls
 * ide_data_moved when the guest has moved all of it.
 */
#ifndef NOVT_DEVEMU_IDE_INTERNAL_H
#define NOVT_DEVEMU_IDE_INTERNAL_H

#include "devemu/ide.h"

enum { ATA_BSY = 0x80, ATA_DRDY = 0x40, ATA_DF = 0x20, ATA_DSC = 0x10, ATA_DRQ = 0x08, ATA_ERR = 0x01 }; /* status */
enum { ATA_UNC = 0x40, ATA_IDNF = 0x10, ATA_ABRT = 0x04 };                                               /* error */
enum { ATA_NIEN = 0x02, ATA_SRST = 0x04, ATA_HOB = 0x80 };                                               /* control */
enum { ATA_LBA = 0x40, ATA_DEV = 0x10, ATA_HEAD = 0x0F };                                                /* device */
enum { ATAPI_CD = 0x01, ATAPI_IO = 0x02 }; /* interrupt reason */

enum { IDE_BUFFER = 256 * BLK_SECTOR, ATAPI_CDB = 12, CD_SECTOR = 2048 };

/* What moves through the buffer. Numbers are part of saved state. */
enum ide_job {
    JOB_NONE,
    ATA_JOB_READ,
    ATA_JOB_WRITE,
    ATA_JOB_VERIFY,
    ATA_JOB_FLUSH,
    ATA_JOB_DATA_IN,
    ATA_JOB_DATA_OUT, /* a single sector that is not the medium's */
    ATAPI_JOB_CDB,
    ATAPI_JOB_DATA,
    ATAPI_JOB_READ,
    IDE_JOBS
};
enum ide_path {
    PATH_IDLE,
    PATH_STORAGE,
    PATH_PIO_IN,
    PATH_PIO_OUT,
    PATH_DMA_IN,
    PATH_DMA_OUT,
    PATH_DMA_DISK, /* a disk's sectors, by the bus master: not in the buffer yet */
    IDE_PATHS
};

struct ide_regs {
    uint8_t feature, count, lba0, lba1, lba2;
};

struct ata_state {
    uint64_t sectors; /* capacity */
    uint64_t lba;     /* next sector of the running command */
    uint32_t left;    /* sectors not yet in or out of the buffer */
    uint32_t cur_cylinders;
    uint8_t cur_heads, cur_sectors; /* INITIALIZE DEVICE PARAMETERS */
    uint8_t multiple, udma, mwdma;  /* SET MULTIPLE; bits of the selected mode */
    uint8_t block;                  /* sectors a DRQ block has */
    uint8_t deferred;               /* enum blk_status: follows the good sectors of the buffer */
    bool write_cache, durable, standby, dma, ext, smart;
    uint8_t scratch[BLK_SECTOR]; /* READ BUFFER, WRITE BUFFER */
};

struct atapi_state {
    uint8_t cdb[ATAPI_CDB];
    uint8_t key, asc, ascq; /* sense data */
    uint8_t attention;      /* ASC of a unit attention to be reported; 0: none */
    uint8_t media_event;    /* GET EVENT STATUS: event of the media class */
    bool locked, open, dma;
    bool torn;          /* the disc that is being read is not there any more */
    uint8_t fields;     /* of READ CD: which parts of a sector */
    uint32_t lba, left; /* sectors not yet in the buffer */
    uint32_t limit;     /* bytes of a PIO block */
};

struct ide_drive {
    struct ide_channel *channel;
    uint8_t unit; /* 0 or 1 */
    enum ide_kind kind;
    struct blk *blk; /* NULL: no disc */
    struct blk_request req;
    uint8_t *buf;              /* IDE_BUFFER bytes */
    struct iovec vec[BLK_VEC]; /* guest memory of a transfer without a copy */
    char serial[21];
    struct ide_geometry geometry; /* that a disk claims */
    /* Registers. */
    struct ide_regs reg, hob; /* hob: what they held before */
    uint8_t device, status, error;
    bool intrq;
    /* The running command. */
    uint8_t job, path;
    uint32_t pos, block_end, fill; /* in buf: next byte, end of this DRQ block, end of data */
    struct ata_state ata;
    struct atapi_state cd;
};

struct ide_bm {
    uint8_t command, status;
    uint32_t table;
    uint32_t next, addr, left; /* next descriptor; the rest of the present region */
    bool last;                 /* the present region is the last */
};

struct ide_channel {
    struct ide *ide;
    struct dev_line irq;
    struct ide_drive drive[IDE_UNITS];
    struct ide_bm bm;
    uint8_t selected, control;
    bool irq_level, mapped;
    uint16_t base, control_port;
};

struct ide {
    struct pci_dev pci; /* first */
    struct ide_channel channel[IDE_CHANNELS];
};

/* ---- ide_channel.c ---- */
extern const struct dev_io_ops ide_command_ops, ide_control_ops;
void ide_channel_reset(struct ide_channel *c); /* as RESET# does */
void ide_update_irq(struct ide_channel *c);
void ide_drive_reset(struct ide_drive *d); /* signature and idle registers; ends what was running */
void ide_stop(struct ide_drive *d);        /* forgets the running command */
/* The command is over. */
void ide_done(struct ide_drive *d);
void ide_failed(struct ide_drive *d, uint8_t error, uint8_t status_bits);
void ide_interrupt(struct ide_drive *d);
/* Data path: the buffer holds `bytes` for the guest, or wants them. */
void ide_data_in(struct ide_drive *d, uint32_t bytes, uint32_t block);
void ide_data_out(struct ide_drive *d, uint32_t bytes, uint32_t block);
void ide_data_dma(struct ide_drive *d, uint32_t bytes, bool to_memory);
void ide_data_disk(struct ide_drive *d);  /* ata_dma moves sectors as soon as the bus master is ready */
void ide_data_moved(struct ide_drive *d); /* called by PIO and the bus master */
/* Storage: the end arrives at ata_storage_done or atapi_storage_done. */
void ide_storage_read(struct ide_drive *d, uint64_t offset, uint32_t bytes);
void ide_storage_write(struct ide_drive *d, uint64_t offset, uint32_t bytes, bool durable);
void ide_storage_writev(struct ide_drive *d, uint64_t offset, unsigned count, uint32_t bytes, bool durable);
void ide_storage_flush(struct ide_drive *d);
void ide_channel_state(struct ide_channel *c, struct dev_state *st);

/* ---- ide_bm.c ---- */
extern const struct dev_io_ops ide_bm_ops; /* opaque: struct ide */
void ide_bm_run(struct ide_channel *c);    /* moves what both sides are ready for */
void ide_bm_reset(struct ide_bm *bm);
/* The next regions as pieces of host memory, in d->vec: whole sectors, at most `bytes`. 0: they are no such pieces. */
uint32_t ide_bm_gather(struct ide_drive *d, bool to_memory, uint32_t bytes, unsigned *count);
void ide_bm_skip(struct ide_channel *c, uint32_t bytes); /* they have been moved */

/* ---- ata.c, ata_transfer.c, ata_dma.c, ata_identify.c ---- */
void ata_reset(struct ide_drive *d, bool hard);
void ata_command(struct ide_drive *d, uint8_t code);
void ata_data_moved(struct ide_drive *d);
void ata_storage_done(struct ide_drive *d);
void ata_dma(struct ide_drive *d);
/* Steps of ata_transfer.c for ata_dma. */
void ata_advance(struct ide_drive *d, uint32_t sectors);
void ata_finish(struct ide_drive *d);
void ata_fetch_piece(struct ide_drive *d); /* into the buffer */
void ata_want_piece(struct ide_drive *d);
void ata_identify(struct ide_drive *d, uint8_t out[BLK_SECTOR]);
void ata_set_default_geometry(struct ide_drive *d);
bool ata_set_geometry(struct ide_drive *d, uint8_t heads, uint8_t sectors);
enum { ATA_EXT = 1, ATA_MULTI = 2, ATA_DMA = 4, ATA_FUA = 8 };
void ata_read(struct ide_drive *d, unsigned flags);
void ata_write(struct ide_drive *d, unsigned flags);
void ata_verify(struct ide_drive *d, unsigned flags);
void ata_give_sector(struct ide_drive *d);                            /* buf has a sector that is not the medium's */
void ata_smart(struct ide_drive *d, unsigned arg);                    /* ata_smart.c */
bool ata_address(struct ide_drive *d, unsigned flags, uint64_t *lba); /* false: no such sector */
void ata_state_rw(struct ata_state *a, struct dev_state *st);
enum { ATA_MULTIPLE_MAX = 16 };

/* ---- atapi.c, atapi_reply.c ---- */
void atapi_reset(struct ide_drive *d, bool hard);
void atapi_command(struct ide_drive *d, uint8_t code);
void atapi_data_moved(struct ide_drive *d);
void atapi_storage_done(struct ide_drive *d);
void atapi_state_rw(struct atapi_state *a, struct dev_state *st);
void atapi_identify(struct ide_drive *d, uint8_t out[BLK_SECTOR]);
bool atapi_change(struct ide_drive *d, struct blk *disc, bool force);
static inline bool atapi_has_disc(const struct ide_drive *d) { return d->blk && !d->cd.open; }
static inline uint32_t atapi_sectors(const struct ide_drive *d) { return (uint32_t)(d->blk->size / CD_SECTOR); }
/* Replies: each fills out (zeroed, IDE_BUFFER bytes) and returns its length; 0: invalid field in the CDB. */
uint32_t atapi_inquiry(struct ide_drive *d, uint8_t *out);
uint32_t atapi_sense(struct ide_drive *d, uint8_t *out);
uint32_t atapi_mode_sense(struct ide_drive *d, uint8_t *out);
uint32_t atapi_capacity(struct ide_drive *d, uint8_t *out);
uint32_t atapi_toc(struct ide_drive *d, uint8_t *out);
uint32_t atapi_configuration(struct ide_drive *d, uint8_t *out);
uint32_t atapi_event_status(struct ide_drive *d, uint8_t *out);
uint32_t atapi_disc_info(struct ide_drive *d, uint8_t *out);
uint32_t atapi_track_info(struct ide_drive *d, uint8_t *out);
uint32_t atapi_mechanism(struct ide_drive *d, uint8_t *out);
uint32_t atapi_subchannel(struct ide_drive *d, uint8_t *out);
uint32_t atapi_header(struct ide_drive *d, uint8_t *out);

/* Identify data: words are little-endian, text has its bytes swapped. */
static inline void ide_word(uint8_t *out, unsigned n, uint32_t v) {
    out[2 * n] = (uint8_t)v;
    out[2 * n + 1] = (uint8_t)(v >> 8);
}
void ide_text(uint8_t *out, unsigned first_word, unsigned words, const char *text);
void ide_checksum(uint8_t out[BLK_SECTOR]);
#endif
