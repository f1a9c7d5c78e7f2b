/*
 * cd_sector.h: a CD's mode 1 sector as it lies on the disc: sync, header, data, EDC and ECC around 2048 bytes of data.
 *
 * Source: ECMA-130, 14 "Digital data structure in an information track", annex A (Reed-Solomon product code),
 * annex B is the scrambler, which no drive shows. Caller: atapi.c.
 */
#ifndef NOVT_DEVEMU_CD_SECTOR_H
#define NOVT_DEVEMU_CD_SECTOR_H

#include <stdint.h>

/* Where the parts of a raw sector begin. */
enum { CD_RAW_SYNC = 0, CD_RAW_HEADER = 12, CD_RAW_DATA = 16, CD_RAW_CHECKS = 2064, CD_RAW_SECTOR = 2352 };

/* Makes the sector at lba of 2048 bytes of data, which may not lie in out. */
void cd_sector_raw(uint8_t out[CD_RAW_SECTOR], const uint8_t *data, uint32_t lba);
#endif
