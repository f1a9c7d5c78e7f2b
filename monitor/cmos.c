#include "monitor/cmos.h"

#include <string.h>
#include <time.h>
#include "devemu/mc146818.h"

enum {
    CMOS_FLOPPY = 0x10,
    CMOS_DISK = 0x12,
    CMOS_EQUIPMENT = 0x14,
    CMOS_BASE_KB = 0x15,
    CMOS_EXT_KB = 0x17,
    CMOS_DISK_TYPE = 0x19,
    CMOS_DISK_GEOMETRY = 0x1B,
    CMOS_TRANSLATION = 0x39,
    CMOS_EXT_KB_POST = 0x30,
    CMOS_ABOVE_16M = 0x34,
    CMOS_BOOT_3 = 0x38,
    CMOS_BOOT_1_2 = 0x3D,
    CMOS_ABOVE_4G = 0x5B,
    CMOS_CPUS = 0x5F,
    EQUIPMENT_FPU = 1 << 1,
    EQUIPMENT_MOUSE = 1 << 2,
    EQUIPMENT_FLOPPY = 1 << 0,
    EQUIPMENT_FLOPPIES_SHIFT = 6,
    BOOT_FLOPPY = 1,
    BOOT_DISK = 2,
    BOOT_CD = 3,
    BOOT_NETWORK = 4,
    BOOT_CHOICES = 3,
    DISK_TYPE_EXTENDED = 0x0F,
    DISK_TYPE_USER = 47,
    DISK_MANY_HEADS = 0x08,
    GEOMETRY_BYTES = 9,
    INT13_CYLINDERS = 1024,
    BOOT_ANY_FLOPPY = 1, /* in BOOT_3: a boot sector without signature will do */
    BASE_KB = 640,
};
#define KIB UINT64_C(1024)
#define MIB (1024 * KIB)

static void set16(struct dev *rtc, uint8_t index, uint64_t value) {
    uint16_t v = value > 0xFFFF ? 0xFFFF : (uint16_t)value;
    mc146818_set(rtc, index, (uint8_t)v);
    mc146818_set(rtc, (uint8_t)(index + 1), (uint8_t)(v >> 8));
}

static void fill_memory(struct dev *rtc, uint64_t ram) {
    uint64_t ext = ram > MIB ? ram - MIB : 0, above16 = ram > 16 * MIB ? ram - 16 * MIB : 0;
    set16(rtc, CMOS_BASE_KB, BASE_KB);
    set16(rtc, CMOS_EXT_KB, ext / KIB);
    set16(rtc, CMOS_EXT_KB_POST, ext / KIB);
    set16(rtc, CMOS_ABOVE_16M, above16 / (64 * KIB));
    for (uint8_t i = 0; i < 3; i++) mc146818_set(rtc, (uint8_t)(CMOS_ABOVE_4G + i), 0); /* nothing is above 4 GiB */
}

/* ---- Drives ---- */

static uint8_t fill_floppies(struct dev *rtc, const enum fdc_type type[FDC_DRIVES]) {
    int n = (type[0] != FDC_NONE) + (type[1] != FDC_NONE);
    mc146818_set(rtc, CMOS_FLOPPY, (uint8_t)(type[0] << 4 | type[1]));
    return (uint8_t)(n ? EQUIPMENT_FLOPPY | (n - 1) << EQUIPMENT_FLOPPIES_SHIFT : 0);
}

/* Type 47, "user defined", with its geometry in nine bytes, as AMI's BIOS laid them out. */
static void fill_disk(struct dev *rtc, int n, const struct ide_geometry *g) {
    uint8_t at = (uint8_t)(CMOS_DISK_GEOMETRY + n * GEOMETRY_BYTES);
    mc146818_set(rtc, (uint8_t)(CMOS_DISK_TYPE + n), DISK_TYPE_USER);
    set16(rtc, at, g->cylinders);
    mc146818_set(rtc, (uint8_t)(at + 2), g->heads);
    set16(rtc, (uint8_t)(at + 3), 0xFFFF); /* no write precompensation */
    mc146818_set(rtc, (uint8_t)(at + 5), g->heads > 8 ? DISK_MANY_HEADS : 0);
    set16(rtc, (uint8_t)(at + 6), g->cylinders); /* landing zone */
    mc146818_set(rtc, (uint8_t)(at + 8), g->sectors);
}

/* SeaBIOS reads two bits a disk: 0 no translation, 1 LBA-assisted. */
static void fill_disks(struct dev *rtc, const struct ide_geometry disk[IDE_DRIVES]) {
    uint8_t types = 0, translation = 0;
    for (int i = 0, n = 0; i < IDE_DRIVES; i++) {
        if (!disk[i].cylinders) continue;
        if (disk[i].cylinders > INT13_CYLINDERS) translation |= (uint8_t)(1 << 2 * i);
        if (n < 2) {
            fill_disk(rtc, n, &disk[i]);
            types |= (uint8_t)(n ? DISK_TYPE_EXTENDED : DISK_TYPE_EXTENDED << 4);
        }
        n++;
    }
    mc146818_set(rtc, CMOS_DISK, types);
    mc146818_set(rtc, CMOS_TRANSLATION, translation);
}

static uint8_t boot_choice(char letter) {
    switch (letter) {
    case 'a': return BOOT_FLOPPY;
    case 'c': return BOOT_DISK;
    case 'd': return BOOT_CD;
    default: return BOOT_NETWORK;
    }
}

bool cmos_boot_order_ok(const char *order) {
    for (const char *p = order; p && *p; p++)
        if (!strchr("acdn", *p) || strchr(p + 1, *p)) return false;
    return true;
}

void cmos_fill_boot_order(struct dev *rtc, const char *order) {
    char all[16] = "";
    uint8_t choice[BOOT_CHOICES];
    for (const char *p = order; p && *p && strlen(all) < 4; p++) all[strlen(all)] = *p;
    for (const char *p = "cda"; *p; p++)
        if (!strchr(all, *p)) all[strlen(all)] = *p;
    for (int i = 0; i < BOOT_CHOICES; i++) choice[i] = boot_choice(all[i]);
    mc146818_set(rtc, CMOS_BOOT_1_2, (uint8_t)(choice[0] | choice[1] << 4));
    mc146818_set(rtc, CMOS_BOOT_3, (uint8_t)(choice[2] << 4 | BOOT_ANY_FLOPPY));
}

void cmos_fill(struct dev *rtc, uint64_t ram_bytes, unsigned cpus, const struct cmos_drives *drives) {
    fill_memory(rtc, ram_bytes);
    fill_disks(rtc, drives->disk);
    mc146818_set(rtc, CMOS_EQUIPMENT, EQUIPMENT_FPU | EQUIPMENT_MOUSE | fill_floppies(rtc, drives->floppy));
    mc146818_set(rtc, CMOS_CPUS, (uint8_t)(cpus - 1));
}

/* Local time stays as far from UTC as it is now: a PC's clock knows no daylight saving. */
int64_t cmos_rtc_offset(const struct mon_rtc_config *rtc, int64_t now) {
    time_t t = (time_t)now;
    struct tm local;
    switch (rtc->base) {
    case MON_RTC_LOCAL: return localtime_r(&t, &local) ? local.tm_gmtoff : 0;
    case MON_RTC_AT: return rtc->at - now;
    default: return 0;
    }
}
