/*
 * fw_cfg.h: the firmware configuration device: numbered items and named files
 * that firmware and boot ROMs read by port (510h/511h) or by DMA (514h).
 *
 * Source: QEMU docs/specs/fw_cfg. The board creates it, adds files before the
 * run, and does not change them while the guest runs. Items are machine
 * configuration: saved state holds only the read position.
 */
#ifndef NOVT_DEVEMU_FW_CFG_H
#define NOVT_DEVEMU_FW_CFG_H

#include "devemu/dev.h"

/* Item keys. */
enum {
    FW_CFG_SIGNATURE = 0x00,
    FW_CFG_ID = 0x01,
    FW_CFG_UUID = 0x02,
    FW_CFG_RAM_SIZE = 0x03,
    FW_CFG_NOGRAPHIC = 0x04,
    FW_CFG_NB_CPUS = 0x05,
    FW_CFG_NUMA = 0x0D,
    FW_CFG_BOOT_MENU = 0x0E,
    FW_CFG_MAX_CPUS = 0x0F,
    FW_CFG_FILE_DIR = 0x19,
    FW_CFG_FILE_FIRST = 0x20,
    FW_CFG_ARCH_LOCAL = 0x8000,
    FW_CFG_IRQ0_OVERRIDE = 0x8002,
    FW_CFG_MAX_FILES = 64,
    FW_CFG_NAME_MAX = 55,
};

struct fw_cfg_cfg {
    unsigned cpus; /* 0 means 1 */
    bool boot_menu;
};
extern const struct dev_class fw_cfg_class;

/* Items by key (not files). The bytes are copied; a second call replaces. DEV_BAD_CONFIG: key out of range. */
enum dev_status fw_cfg_add_bytes(struct dev *d, uint16_t key, const void *data, size_t len);
enum dev_status fw_cfg_add_u16(struct dev *d, uint16_t key, uint16_t value);
enum dev_status fw_cfg_add_u32(struct dev *d, uint16_t key, uint32_t value);
enum dev_status fw_cfg_add_u64(struct dev *d, uint16_t key, uint64_t value);

/* Files. DEV_CONFLICT: the name exists; DEV_BAD_CONFIG: name too long; DEV_NO_MEMORY: directory full. */
enum dev_status fw_cfg_add_file(struct dev *d, const char *name, const void *data, size_t len); /* copies */
/* Takes a malloc'd block over without a copy; on failure it stays the caller's. */
enum dev_status fw_cfg_give_file(struct dev *d, const char *name, void *data, size_t len);
/* A file that holds a little-endian number of 1..8 bytes, as firmware reads its "etc/..." options. */
enum dev_status fw_cfg_add_number(struct dev *d, const char *name, uint64_t value, unsigned bytes);
/* The bytes of a file, or NULL. */
const void *fw_cfg_find_file(struct dev *d, const char *name, size_t *len);
#endif
