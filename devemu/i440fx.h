/*
 * i440fx.h: Intel 82441FX host bridge, guest memory map and firmware ROM.
 *
 * Source: Intel 440FX PCIset datasheet (290549), "Host Bridge Registers".
 * Lays out guest-physical memory at init: RAM below A0000h and from 1 MiB up,
 * a hole at A0000h-BFFFFh, firmware below 4 GiB and its last 128 KiB below
 * 1 MiB; PAM then decides per segment of C0000h-FFFFFh.
 * Invariant: frame f of RAM backs physical address f * 4 KiB.
 */
#ifndef NOVT_DEVEMU_I440FX_H
#define NOVT_DEVEMU_I440FX_H

#include "devemu/pci.h"

enum { I440FX_BIOS_MAX = 1 << 24 };
#define I440FX_RAM_MAX 0xE0000000ull /* the PCI hole starts here at the latest */

struct i440fx_cfg {
    struct dev *bus;
    const void *bios; /* copied to ROM frames (bios_size of smmu_mem_create's rom_size) */
    size_t bios_size; /* a multiple of 64 KiB, at most I440FX_BIOS_MAX */
};
extern const struct dev_class i440fx_class;
#endif
