/*
 * smbios.c: see smbios.h.
 *
 * Sources: DMTF DSP0134 (SMBIOS 2.4), 7.1-7.4, for the places of the fields. SeaBIOS looks for a file "smbios/fieldT-N"
 * for the field at offset N of its table of type T, and for whole tables, which it has not, as "smbios/tableT-I".
 */
#include "monitor/smbios.h"

#include <stdio.h>
#include <string.h>
#include "devemu/fw_cfg.h"

enum { BIOS = 0, SYSTEM = 1, BOARD = 2, CHASSIS = 3, UUID_AT = 8 };
enum { BOARD_BYTES = 15, BOARD_HANDLE = 0x200, CHASSIS_HANDLE = 0x300, BOARD_HOSTING = 1, BOARD_MOTHERBOARD = 10 };

static const struct place {
    uint8_t type, at;
} places[MON_SMBIOS_TEXTS] = {
    [MON_SMBIOS_BIOS_VENDOR] = {BIOS, 4},        [MON_SMBIOS_BIOS_VERSION] = {BIOS, 5},
    [MON_SMBIOS_BIOS_DATE] = {BIOS, 8},          [MON_SMBIOS_SYSTEM_MANUFACTURER] = {SYSTEM, 4},
    [MON_SMBIOS_SYSTEM_PRODUCT] = {SYSTEM, 5},   [MON_SMBIOS_SYSTEM_VERSION] = {SYSTEM, 6},
    [MON_SMBIOS_SYSTEM_SERIAL] = {SYSTEM, 7},    [MON_SMBIOS_SYSTEM_SKU] = {SYSTEM, 25},
    [MON_SMBIOS_SYSTEM_FAMILY] = {SYSTEM, 26},   [MON_SMBIOS_BOARD_MANUFACTURER] = {BOARD, 4},
    [MON_SMBIOS_BOARD_PRODUCT] = {BOARD, 5},     [MON_SMBIOS_BOARD_VERSION] = {BOARD, 6},
    [MON_SMBIOS_BOARD_SERIAL] = {BOARD, 7},      [MON_SMBIOS_BOARD_ASSET] = {BOARD, 8},
    [MON_SMBIOS_BOARD_LOCATION] = {BOARD, 10},   [MON_SMBIOS_CHASSIS_MANUFACTURER] = {CHASSIS, 4},
    [MON_SMBIOS_CHASSIS_VERSION] = {CHASSIS, 6}, [MON_SMBIOS_CHASSIS_SERIAL] = {CHASSIS, 7},
    [MON_SMBIOS_CHASSIS_ASSET] = {CHASSIS, 8},
};

static enum dev_status add_field(struct dev *fw_cfg, int type, int at, const void *data, size_t len) {
    char name[FW_CFG_NAME_MAX + 1];
    snprintf(name, sizeof name, "smbios/field%d-%d", type, at);
    return fw_cfg_add_file(fw_cfg, name, data, len);
}

/* The firmware has no table of the base board: it gets a whole one, if there is anything to say. */
static enum dev_status add_board(struct dev *fw_cfg, const struct mon_smbios_config *cfg) {
    uint8_t table[BOARD_BYTES + MON_SMBIOS_TEXTS * (MON_SMBIOS_TEXT_MAX + 1)] = {
        [0] = BOARD,         [1] = BOARD_BYTES,          [3] = BOARD_HANDLE >> 8,
        [9] = BOARD_HOSTING, [12] = CHASSIS_HANDLE >> 8, [13] = BOARD_MOTHERBOARD};
    size_t len = BOARD_BYTES;
    uint8_t n = 0;
    for (int i = 0; i < MON_SMBIOS_TEXTS; i++) {
        if (places[i].type != BOARD || !cfg->text[i]) continue;
        size_t bytes = strnlen(cfg->text[i], MON_SMBIOS_TEXT_MAX);
        table[places[i].at] = ++n;
        memcpy(table + len, cfg->text[i], bytes);
        len += bytes + 1;
    }
    return n ? fw_cfg_add_file(fw_cfg, "smbios/table2-0", table, len) : DEV_OK;
}

enum dev_status smbios_describe(struct dev *fw_cfg, const struct mon_smbios_config *cfg) {
    enum dev_status st = DEV_OK;
    /* Byte by byte as it is written: only since SMBIOS 2.6 are its first parts little-endian. */
    if (cfg->have_uuid) st = add_field(fw_cfg, SYSTEM, UUID_AT, cfg->uuid, sizeof cfg->uuid);
    for (int i = 0; i < MON_SMBIOS_TEXTS && st == DEV_OK; i++) {
        const struct place *p = &places[i];
        if (cfg->text[i] && p->type != BOARD)
            st = add_field(fw_cfg, p->type, p->at, cfg->text[i], strlen(cfg->text[i]) + 1);
    }
    return st == DEV_OK ? add_board(fw_cfg, cfg) : st;
}
