/*
 * opt_smbios.c: the machine's name plates: type=N,key=text,... with the keys of
 * that type of SMBIOS table.
 */
#include <ctype.h>
#include <stddef.h>
#include <string.h>
#include "console/keyvalue.h"
#include "console/options.h"

enum { TYPES = 4, UUID_BYTES = 16 };

static int hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    c = (char)tolower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* 8-4-4-4-12 digits. */
static bool parse_uuid(const char *v, uint8_t out[UUID_BYTES]) {
    for (int i = 0; i < UUID_BYTES; i++) {
        if ((i == 4 || i == 6 || i == 8 || i == 10) && *v++ != '-') return false;
        int high = hex_digit(v[0]), low = high < 0 ? -1 : hex_digit(v[1]);
        if (low < 0) return false;
        out[i] = (uint8_t)(high << 4 | low);
        v += 2;
    }
    return !*v;
}

static const char *take_uuid(struct run_options *r, void *target, const char *v) {
    struct mon_smbios_config *s = target;
    (void)r;
    s->have_uuid = parse_uuid(v, s->uuid);
    return s->have_uuid ? NULL : "must be like 12345678-1234-1234-1234-123456789abc";
}

/* "type" only chooses the table. */
static const char *take_type(struct run_options *r, void *target, const char *v) {
    (void)r, (void)target, (void)v;
    return NULL;
}

#define TEXT(key, which)                                                                                               \
    { .name = key, .type = KV_TEXT, .at = offsetof(struct mon_smbios_config, text[which]) }
#define TYPE                                                                                                           \
    { .name = "type", .type = KV_CALL, .call = take_type }

static const struct kv_key bios_keys[] = {TYPE,
                                          TEXT("vendor", MON_SMBIOS_BIOS_VENDOR),
                                          TEXT("version", MON_SMBIOS_BIOS_VERSION),
                                          TEXT("date", MON_SMBIOS_BIOS_DATE),
                                          {0}};
static const struct kv_key system_keys[] = {TYPE,
                                            TEXT("manufacturer", MON_SMBIOS_SYSTEM_MANUFACTURER),
                                            TEXT("product", MON_SMBIOS_SYSTEM_PRODUCT),
                                            TEXT("version", MON_SMBIOS_SYSTEM_VERSION),
                                            TEXT("serial", MON_SMBIOS_SYSTEM_SERIAL),
                                            TEXT("sku", MON_SMBIOS_SYSTEM_SKU),
                                            TEXT("family", MON_SMBIOS_SYSTEM_FAMILY),
                                            {.name = "uuid", .type = KV_CALL, .call = take_uuid},
                                            {0}};
static const struct kv_key board_keys[] = {TYPE,
                                           TEXT("manufacturer", MON_SMBIOS_BOARD_MANUFACTURER),
                                           TEXT("product", MON_SMBIOS_BOARD_PRODUCT),
                                           TEXT("version", MON_SMBIOS_BOARD_VERSION),
                                           TEXT("serial", MON_SMBIOS_BOARD_SERIAL),
                                           TEXT("asset", MON_SMBIOS_BOARD_ASSET),
                                           TEXT("location", MON_SMBIOS_BOARD_LOCATION),
                                           {0}};
static const struct kv_key chassis_keys[] = {TYPE,
                                             TEXT("manufacturer", MON_SMBIOS_CHASSIS_MANUFACTURER),
                                             TEXT("version", MON_SMBIOS_CHASSIS_VERSION),
                                             TEXT("serial", MON_SMBIOS_CHASSIS_SERIAL),
                                             TEXT("asset", MON_SMBIOS_CHASSIS_ASSET),
                                             {0}};
static const struct kv_key *const tables[TYPES] = {bios_keys, system_keys, board_keys, chassis_keys};

/* An empty text is none; a text too long for a table is refused. */
static const char *check_texts(struct mon_smbios_config *s) {
    for (int i = 0; i < MON_SMBIOS_TEXTS; i++) {
        if (s->text[i] && strlen(s->text[i]) > MON_SMBIOS_TEXT_MAX) return "has a text longer than 200 bytes";
        if (s->text[i] && !*s->text[i]) s->text[i] = NULL;
    }
    return NULL;
}

const char *opt_smbios(struct run_options *r, const char *v) {
    struct mon_smbios_config *s = &r->config.smbios;
    bool typed = !strncmp(v, "type=", 5) && v[5] >= '0' && v[5] < '0' + TYPES && (!v[6] || v[6] == ',');
    if (!typed) return "must start with type=0 (BIOS), 1 (system), 2 (base board) or 3 (chassis)";
    const char *wrong = kv_parse(r, v, tables[v[5] - '0'], s);
    return wrong ? wrong : check_texts(s);
}

const char *opt_uuid(struct run_options *r, const char *v) { return take_uuid(r, &r->config.smbios, v); }
