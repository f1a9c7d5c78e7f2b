/*
 * fdc82077.h: floppy disk controller of the PC/AT: 3F0h-3F5h and 3F7h, IRQ 6, DMA channel 2.
 *
 * Data sheet: Intel 82077AA CHMOS Single-Chip Floppy Disk Controller (290166), AT mode. Drives have the
 * formats of the PC, told from the size of their image; an image shorter than its format has no
 * sectors behind its end. Motors are always up to speed; seeks are quick.
 */
#ifndef NOVT_DEVEMU_FDC82077_H
#define NOVT_DEVEMU_FDC82077_H

#include "devemu/block.h"
#include "devemu/dev.h"

enum { FDC_DRIVES = 2, FDC_MAX_BYTES = 2880 * 1024 };
/* As CMOS byte 10h names them. */
enum fdc_type { FDC_NONE, FDC_360K, FDC_1200K, FDC_720K, FDC_1440K, FDC_2880K };

struct fdc_drive_config {
    bool present;
    struct blk *blk; /* NULL: empty. Outlives the device */
};
struct fdc_config {
    struct dev_line irq;
    struct dev *dma; /* dma8237 */
    struct fdc_drive_config drive[FDC_DRIVES];
};
extern const struct dev_class fdc82077_class;

/* The drive that reads an image of this size; FDC_NONE: no floppy is that big. */
enum fdc_type fdc_type_for(uint64_t bytes);
/* Is this exactly the size of one of the PC's floppies? */
bool fdc_is_format(uint64_t bytes);
/* Does a drive of this type read, and write, an image of this size? */
bool fdc_drive_reads(enum fdc_type drive, uint64_t bytes);
/* Puts another disk (NULL: none) into a drive; the guest sees the change line. */
void fdc_change(struct dev *d, int drive, struct blk *disk);
#endif
