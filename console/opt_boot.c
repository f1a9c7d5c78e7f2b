/* opt_boot.c: what to boot, raw test images included. */
#include <stddef.h>
#include "console/keyvalue.h"
#include "console/options.h"
#include "console/parse.h"

const char *opt_kernel(struct run_options *r, const char *v) { return r->config.kernel = opt_path(r, v), NULL; }
const char *opt_append(struct run_options *r, const char *v) { return r->config.append = v, NULL; }
const char *opt_firmware(struct run_options *r, const char *v) { return r->config.firmware = opt_path(r, v), NULL; }

const char *opt_initrd(struct run_options *r, const char *v) {
    if (r->n_initrds == RUN_MAX_INITRDS) return "is one too many";
    r->initrds[r->n_initrds++] = opt_path(r, v);
    r->config.initrds = r->initrds;
    return NULL;
}

const char *opt_flat_image(struct run_options *r, const char *v) { return r->config.flat_image = opt_path(r, v), NULL; }
const char *opt_flat_real(struct run_options *r, const char *v) {
    return (void)v, r->config.flat_real_mode = true, NULL;
}

const char *opt_flat_address(struct run_options *r, const char *v) {
    uint64_t n;
    if (!parse_number(v, UINT32_MAX, &n)) return "must be an address such as 0x100000";
    r->config.flat_address = (uint32_t)n;
    return NULL;
}

static const char *take_menu_time(struct run_options *r, void *target, const char *v) {
    uint64_t ms;
    (void)r;
    if (!parse_number(v, UINT16_MAX, &ms)) return "must be milliseconds, up to 65535";
    ((struct mon_config *)target)->boot.menu_ms = (uint16_t)ms;
    return NULL;
}

#define AT(field) offsetof(struct mon_config, field)

static const struct kv_key boot_keys[] = {
    {.name = "order", .type = KV_TEXT, .at = AT(drives.boot), .implied = true},
    {.name = "once", .type = KV_TEXT, .at = AT(boot.once)},
    {.name = "menu", .type = KV_SWITCH, .at = AT(boot.menu)},
    {.name = "menu-time", .type = KV_CALL, .call = take_menu_time},
    {0},
};

const char *opt_boot(struct run_options *r, const char *v) { return kv_parse(r, v, boot_keys, &r->config); }
