#include "monitor/cmos.h"

#include "devemu/mc146818.h"

enum {
    CMOS_FLOPPY = 0x10, CMOS_DISK = 0x12, CMOS_EQUIPMENT = 0x14, CMOS_BASE_KB = 0x15, CMOS_EXT_KB = 0x17,
    CMOS_EXT_KB_POST = 0x30, CMOS_ABOVE_16M = 0x34, CMOS_BOOT_3 = 0x38, CMOS_BOOT_1_2 = 0x3D, CMOS_ABOVE_4G = 0x5B,
    CMOS_CPUS = 0x5F,
    EQUIPMENT_FPU = 1 << 1, EQUIPMENT_MOUSE = 1 << 2,
    BOOT_FLOPPY = 1, BOOT_DISK = 2, BOOT_CD = 3,
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

void cmos_fill(struct dev *rtc, uint64_t ram_bytes, unsigned cpus) {
    fill_memory(rtc, ram_bytes);
    mc146818_set(rtc, CMOS_FLOPPY, 0);
    mc146818_set(rtc, CMOS_DISK, 0);
    mc146818_set(rtc, CMOS_EQUIPMENT, EQUIPMENT_FPU | EQUIPMENT_MOUSE);
    mc146818_set(rtc, CMOS_BOOT_1_2, BOOT_DISK | BOOT_CD << 4);
    mc146818_set(rtc, CMOS_BOOT_3, BOOT_FLOPPY << 4 | BOOT_ANY_FLOPPY);
    mc146818_set(rtc, CMOS_CPUS, (uint8_t)(cpus - 1));
}
