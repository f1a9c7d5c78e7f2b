/* opt_debug.c: looking inside. */
#include <stddef.h>
#include <string.h>
#include "console/keyvalue.h"
#include "console/options.h"
#include "console/parse.h"

const char *opt_log(struct run_options *r, const char *v) {
    r->config.log = mon_log_parse(v);
    return r->config.log ? NULL : "must be log categories (see --help) separated by commas";
}

const char *opt_log_file(struct run_options *r, const char *v) { return r->config.log_file = opt_path(r, v), NULL; }
const char *opt_stats(struct run_options *r, const char *v) { return (void)v, r->config.stats = true, NULL; }

const char *opt_symbols(struct run_options *r, const char *v) { return r->config.symbols = opt_path(r, v), NULL; }

const char *opt_gdb(struct run_options *r, const char *v) {
    if (strncmp(v, "tcp:", 4) && strncmp(v, "unix:", 5)) return "must be tcp:ADDRESS:PORT or unix:PATH";
    r->config.gdb = v;
    return NULL;
}

const char *opt_perf(struct run_options *r, const char *v) {
    bool map = !strcmp(v, "map");
    if (!map && strcmp(v, "jitdump")) return "must be map or jitdump";
    r->config.perf = map ? MON_PERF_MAP : MON_PERF_JITDUMP;
    return NULL;
}

const char *opt_max_vmas(struct run_options *r, const char *v) {
    uint64_t n;
    if (!parse_number(v, UINT32_MAX, &n) || !n) return "must be a number of host mappings";
    r->config.max_vmas = (uint32_t)n;
    return NULL;
}

#define AT(field) offsetof(struct mon_config, field)

static const struct kv_key bt_keys[] = {
    {.name = "one-insn", .type = KV_SWITCH, .at = AT(bt_one_insn)},
    {.name = "checked", .type = KV_SWITCH, .at = AT(bt_force_checked)},
    {.name = "count", .type = KV_SWITCH, .at = AT(bt_count)},
    {.name = "single-step", .type = KV_SWITCH, .at = AT(bt_single_step)},
    {.name = "direct", .type = KV_SWITCH, .at = AT(bt_force_direct)},
    {.name = "low", .type = KV_SWITCH, .at = AT(bt_low)},
    {.name = "plain", .type = KV_SWITCH, .at = AT(bt_plain)},
    {.name = "no-code-ahead", .type = KV_SWITCH, .at = AT(bt_no_code_ahead)},
    {.name = "no-crossings", .type = KV_SWITCH, .at = AT(bt_no_crossings)},
    {.name = "no-divide-checks", .type = KV_SWITCH, .at = AT(bt_no_divide_checks)},
    {.name = "no-foresight", .type = KV_SWITCH, .at = AT(bt_no_foresight)},
    {.name = "no-inline-caches", .type = KV_SWITCH, .at = AT(bt_no_inline_caches)},
    {.name = "no-inline-cpuid", .type = KV_SWITCH, .at = AT(bt_no_inline_cpuid)},
    {.name = "no-inline-random", .type = KV_SWITCH, .at = AT(bt_no_inline_random)},
    {.name = "no-inline-read-pc", .type = KV_SWITCH, .at = AT(bt_no_inline_read_pc)},
    {.name = "no-inline-segments", .type = KV_SWITCH, .at = AT(bt_no_inline_segments)},
    {.name = "no-inline-syscalls", .type = KV_SWITCH, .at = AT(bt_no_inline_syscalls)},
    {.name = "no-inline-tables", .type = KV_SWITCH, .at = AT(bt_no_inline_tables)},
    {.name = "no-inline-tsc", .type = KV_SWITCH, .at = AT(bt_no_inline_tsc)},
    {.name = "no-kept-globals", .type = KV_SWITCH, .at = AT(bt_no_kept_globals)},
    {.name = "no-low-window", .type = KV_SWITCH, .at = AT(bt_no_low_window)},
    {.name = "no-live-fpu", .type = KV_SWITCH, .at = AT(bt_no_live_fpu)},
    {.name = "no-prefault", .type = KV_SWITCH, .at = AT(bt_no_prefault)},
    {.name = "no-quick-devices", .type = KV_SWITCH, .at = AT(bt_no_quick_devices)},
    {.name = "no-stack-folding", .type = KV_SWITCH, .at = AT(bt_no_stack_folding)},
    {.name = "no-transfers", .type = KV_SWITCH, .at = AT(bt_no_transfers)},
    {.name = "no-trap-checks", .type = KV_SWITCH, .at = AT(bt_no_trap_checks)},
    {.name = "no-joining", .type = KV_SWITCH, .at = AT(bt_no_joining)},
    {.name = "no-copies", .type = KV_SWITCH, .at = AT(bt_no_copies)},
    {.name = "cache", .type = KV_SIZE, .at = AT(bt_cache_bytes)},
    {0},
};

const char *opt_bt(struct run_options *r, const char *v) { return kv_parse(r, v, bt_keys, &r->config); }
