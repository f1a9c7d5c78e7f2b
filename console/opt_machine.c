/* opt_machine.c: memory, CPU, clock, and when the run ends. */
#include <stddef.h>
#include <string.h>
#include <time.h>
#include "console/keyvalue.h"
#include "console/options.h"
#include "console/parse.h"

enum { MIB = 1 << 20 };

const char *opt_memory(struct run_options *r, const char *v) {
    return parse_size(v, MIB, &r->config.memory) ? NULL : "must be a size such as 256M or 1G";
}

const char *opt_cpu(struct run_options *r, const char *v) { return r->config.cpu = v, NULL; }
const char *opt_no_reboot(struct run_options *r, const char *v) { return (void)v, r->config.no_reboot = true, NULL; }
const char *opt_script(struct run_options *r, const char *v) { return r->config.script = opt_path(r, v), NULL; }

const char *opt_usb(struct run_options *r, const char *v) {
    r->config.usb_tablet = !strcmp(v, "tablet");
    r->config.usb = r->config.usb_tablet || !strcmp(v, "on");
    return r->config.usb || !strcmp(v, "off") ? NULL : "must be off, on or tablet";
}

const char *opt_timeout(struct run_options *r, const char *v) {
    return parse_seconds(v, &r->config.timeout_ms) ? NULL : "must be seconds such as 30 or 2.5";
}

/* ---- Clock ---- */

/* A calendar date, with or without a time; the clock simply shows it. */
static bool parse_date(const char *v, int64_t *at) {
    struct tm t = {0};
    const char *end = strptime(v, "%Y-%m-%d", &t);
    if (end && *end == 'T') end = strptime(end, "T%H:%M:%S", &t);
    *at = timegm(&t);
    return end && !*end;
}

static const char *take_base(struct run_options *r, void *target, const char *v) {
    struct mon_rtc_config *rtc = target;
    (void)r;
    *rtc = (struct mon_rtc_config){.base = MON_RTC_UTC};
    if (!strcmp(v, "utc")) return NULL;
    rtc->base = strcmp(v, "localtime") ? MON_RTC_AT : MON_RTC_LOCAL;
    if (rtc->base == MON_RTC_LOCAL || parse_date(v, &rtc->at)) return NULL;
    return "must be utc, localtime, YYYY-MM-DD or YYYY-MM-DDTHH:MM:SS";
}

static const struct kv_key rtc_keys[] = {{.name = "base", .type = KV_CALL, .call = take_base, .implied = true}, {0}};

const char *opt_rtc(struct run_options *r, const char *v) { return kv_parse(r, v, rtc_keys, &r->config.rtc); }

/* ---- The port that ends the run ---- */

static const char *take_port(uint16_t *out, const char *v, uint64_t max) {
    uint64_t n;
    if (!parse_number(v, max, &n) || !n) return "must be a number such as 0xF4, and not too large";
    *out = (uint16_t)n;
    return NULL;
}

static const char *take_none(struct run_options *r, void *target, const char *v) {
    (void)r, (void)v;
    return ((struct mon_debug_exit_config *)target)->present = false, NULL;
}

static const char *take_iobase(struct run_options *r, void *target, const char *v) {
    (void)r;
    return take_port(&((struct mon_debug_exit_config *)target)->base, v, UINT16_MAX);
}

static const char *take_iosize(struct run_options *r, void *target, const char *v) {
    (void)r;
    return take_port(&((struct mon_debug_exit_config *)target)->size, v, 256);
}

static const struct kv_key debug_exit_keys[] = {
    {.name = "none", .type = KV_WORD, .call = take_none},
    {.name = "iobase", .type = KV_CALL, .call = take_iobase},
    {.name = "iosize", .type = KV_CALL, .call = take_iosize},
    {0},
};

const char *opt_debug_exit(struct run_options *r, const char *v) {
    r->config.debug_exit = (struct mon_debug_exit_config){.present = true, .base = 0xF4, .size = 4};
    return kv_parse(r, v, debug_exit_keys, &r->config.debug_exit);
}

const char *opt_hpet(struct run_options *r, const char *v) {
    r->config.hpet = !strcmp(v, "on");
    return r->config.hpet || !strcmp(v, "off") ? NULL : "must be on or off";
}

/* ---- Its name ---- */

const char *opt_name(struct run_options *r, const char *v) {
    size_t len = strlen(v);
    if (!len || len > MON_NAME_MAX) return "must be 1 to 60 characters";
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)v[i] < ' ' || v[i] == 0x7F) return "must not have control characters";
    r->config.name = opt_copy(r, v, len);
    return NULL;
}
