/*
 * ide.h: the IDE function of the PIIX3 (00:01.1) with its two channels, and
 * the disks and CD-ROM drives on them.
 *
 * Data sheets: Intel 82371SB (290550) 2.3 "PCI Configuration Registers - IDE
 * Interface" and "Bus Master IDE"; T13 1410D (ATA/ATAPI-6); SFF-8020i and
 * MMC-4 for CD-ROM. Channels: 1F0h/3F6h with IRQ 14, 170h/376h with IRQ 15;
 * compatibility mode only, as the chip.
 */
#ifndef NOVT_DEVEMU_IDE_H
#define NOVT_DEVEMU_IDE_H

#include "devemu/block.h"
#include "devemu/pci.h"

enum { IDE_CHANNELS = 2, IDE_UNITS = 2, IDE_DRIVES = IDE_CHANNELS * IDE_UNITS };
enum ide_kind { IDE_ABSENT, IDE_DISK, IDE_CDROM };

/* CHS addresses that BIOSes know a disk of this size by. */
struct ide_geometry {
    uint32_t cylinders;
    uint8_t heads, sectors;
};
struct ide_geometry ide_geometry(uint64_t bytes);

struct ide_drive_config {
    enum ide_kind kind;
    struct blk *blk;              /* a disk's is never NULL; a CD-ROM drive may be empty. Outlives the device */
    const char *serial;           /* copied; NULL: one by position */
    struct ide_geometry geometry; /* cylinders 0: by the size. 1..65535 cylinders, 1..16 heads, 1..63 sectors */
};
struct ide_config {
    struct dev *bus; /* PCI */
    struct dev_line irq[IDE_CHANNELS];
    struct ide_drive_config drive[IDE_DRIVES]; /* primary master, primary slave, secondary master, secondary slave */
};
extern const struct dev_class ide_class;

/* Puts another disc (NULL: none) into a CD-ROM drive. False: the guest has locked the tray and is now asked to
 * give it free; the old disc stays in. With force it is taken out nevertheless. */
bool ide_cd_change(struct dev *d, int drive, struct blk *disc, bool force);
/* The tray of a CD-ROM drive: is it open, does the guest keep it closed? For the console. */
void ide_cd_tray(struct dev *d, int drive, bool *open, bool *locked);
#endif
