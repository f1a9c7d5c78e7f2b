#include "monitor/machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <string.h>
#include <x86intrin.h>
#include "devemu/boot.h"
#include "monitor/board.h"
#include "monitor/config.h"
#include "monitor/cpuid.h"
#include "monitor/drives.h"
#include "monitor/display.h"
#include "monitor/flat.h"
#include "monitor/gdb.h"
#include "monitor/hostsvc.h"
#include "monitor/hostsys.h"
#include "monitor/nics.h"
#include "monitor/perf.h"
#include "monitor/screen.h"
#include "monitor/script.h"
#include "monitor/serial_tap.h"
#include "monitor/signals.h"
#include "monitor/symbols.h"

enum { VGA_ROM_MAX_BYTES = 64 << 10, FIRMWARE_MAX = 16 << 20, FIRMWARE_UNIT = 64 << 10, NS_PER_MS = 1000000 };

static bool fail(char *errbuf, size_t errlen, const char *text) {
    snprintf(errbuf, errlen, "%s", text);
    return false;
}

static bool fail_errno(char *errbuf, size_t errlen, const char *what) {
    snprintf(errbuf, errlen, "%s: %s", what, strerror(errno));
    return false;
}

/* ---- Images ---- */

static bool read_image(struct image *im, const char *path, size_t max, char *errbuf, size_t errlen) {
    return boot_read_file(path, max, &im->data, &im->size, errbuf, errlen) == BOOT_OK;
}

/* Whole 64-KiB units whose last bytes hold the reset vector: what firmware is made of. */
static bool load_firmware(struct machine *m, char *errbuf, size_t errlen) {
    const char *path = config_firmware(m->cfg, errbuf, errlen);
    if (!path || !read_image(&m->firmware, path, FIRMWARE_MAX, errbuf, errlen)) return false;
    if (m->firmware.size % FIRMWARE_UNIT == 0) return true;
    snprintf(errbuf, errlen, "firmware '%s' is truncated: its size is not a multiple of 64 KiB", path);
    return false;
}

/* A flat image has no firmware; the ROM is there, and empty. */
static bool load_empty_rom(struct machine *m, char *errbuf, size_t errlen) {
    m->firmware.data = malloc(FIRMWARE_UNIT);
    if (!m->firmware.data) return fail(errbuf, errlen, "out of memory");
    m->firmware.size = FIRMWARE_UNIT;
    memset(m->firmware.data, 0xFF, FIRMWARE_UNIT);
    return true;
}

/* Firmware runs the display adapter's BIOS; without firmware nobody would. */
static bool load_vga_rom(struct machine *m, char *errbuf, size_t errlen) {
    if (!m->cfg->vga) return true;
    const char *path = config_vga_rom(errbuf, errlen);
    return path && read_image(&m->vga_rom, path, VGA_ROM_MAX_BYTES, errbuf, errlen);
}

static bool load_images(struct machine *m, char *errbuf, size_t errlen) {
    if (!m->cfg->flat_image) return load_firmware(m, errbuf, errlen) && load_vga_rom(m, errbuf, errlen);
    return read_image(&m->flat, m->cfg->flat_image, (size_t)m->cfg->memory, errbuf, errlen) &&
           flat_check(m, &m->flat, errbuf, errlen) && load_empty_rom(m, errbuf, errlen);
}

/* ---- Host side: time, events, signals ---- */

static void kick_engine(void *opaque) {
    struct machine *m = opaque;
    struct bt_engine *e = __atomic_load_n(&m->engine, __ATOMIC_ACQUIRE);
    if (e) bt_kick(e);
}

static bool start_host_side(struct machine *m, char *errbuf, size_t errlen) {
    if (!log_open(&m->log, m->cfg->log, m->cfg->log_file)) {
        snprintf(errbuf, errlen, "log file %s: %s", m->cfg->log_file, strerror(errno));
        return false;
    }
    if (!signals_install(m)) return fail_errno(errbuf, errlen, "cannot install signal handlers");
    m->have_clock = clock_init(&m->clock, hostsys_gettid(), SIGNALS_KICK);
    if (!m->have_clock) return fail(errbuf, errlen, "cannot create a host timer");
    m->have_real = clock_init(&m->real, hostsys_gettid(), SIGNALS_KICK);
    if (!m->have_real) return fail(errbuf, errlen, "cannot create a host timer");
    m->have_events = events_init(&m->events, SIGNALS_KICK, kick_engine, m);
    mailbox_init(&m->mailbox, &m->events);
    return m->have_events || fail_errno(errbuf, errlen, "cannot start the I/O thread");
}

/* ---- Guest side: memory, CPU, engine ---- */

static bool create_memory(struct machine *m, char *errbuf, size_t errlen) {
    const struct mon_config *c = m->cfg;
    struct smmu_limits limits = {.max_vmas = c->max_vmas,
                                 .near = &m->vcpu.cpu,
                                 .no_code_ahead = c->bt_plain || c->bt_no_code_ahead,
                                 .no_kept_globals = c->bt_plain || c->bt_no_kept_globals,
                                 .low = c->bt_low                            ? SMMU_LOW_AT_ONCE
                                        : c->bt_plain || c->bt_no_low_window ? SMMU_LOW_NOBODY
                                                                             : SMMU_LOW_USER};
    if (smmu_mem_create(m->cfg->memory, board_rom_bytes(m->firmware.size), &m->mem) != SMMU_OK)
        return fail_errno(errbuf, errlen, "cannot create guest memory");
    if (smmu_create(m->mem, &limits, &m->smmu) != SMMU_OK)
        return fail_errno(errbuf, errlen, "cannot reserve address space for the guest");
    return true;
}

/* Names of guest code, and who wants to hear of it. */
static bool open_symbols(struct machine *m, char *errbuf, size_t errlen) {
    m->symbols = symbols_open(m->cfg->symbols, errbuf, errlen);
    if (!m->symbols || m->cfg->perf == MON_PERF_NONE) return m->symbols != NULL;
    m->perf = perf_open(m, m->cfg->perf, errbuf, errlen);
    return m->perf != NULL;
}

static bool create_engine(struct machine *m, char *errbuf, size_t errlen) {
    struct vcpu *v = &m->vcpu;
    const struct mon_config *c = m->cfg;
    if (!open_symbols(m, errbuf, errlen)) return false;
    v->machine = m;
    v->model = mon_model_find(c->cpu);
    v->cpu.smmu = m->smmu;
    v->cpu.fpu_parked = true;
    v->crossings.off = c->bt_plain || c->bt_no_crossings;
    m->park_for_ports = c->bt_plain || c->bt_no_live_fpu;
    struct bt_config cfg = {.ops = mon_ops,
                            .raise = machine_raise,
                            .features = mon_model_features(v->model),
                            .cache_bytes = c->bt_cache_bytes,
                            .one_insn = c->bt_one_insn,
                            .count = c->bt_count,
                            .single_step = c->bt_single_step,
                            .force_checked = c->bt_force_checked,
                            .force_direct = c->bt_force_direct,
                            .no_inline_caches = c->bt_plain || c->bt_no_inline_caches,
                            .no_inline_segments = c->bt_plain || c->bt_no_inline_segments,
                            .no_inline_cpuid = c->bt_plain || c->bt_no_inline_cpuid,
                            .no_inline_syscalls = c->bt_plain || c->bt_no_inline_syscalls,
                            .no_inline_tables = c->bt_plain || c->bt_no_inline_tables,
                            .no_inline_tsc = c->bt_plain || c->bt_no_inline_tsc,
                            .no_inline_random = c->bt_plain || c->bt_no_inline_random || !mon_host_has_random(),
                            .no_divide_checks = c->bt_plain || c->bt_no_divide_checks,
                            .no_quick_devices = c->bt_plain || c->bt_no_quick_devices,
                            .no_stack_folding = c->bt_plain || c->bt_no_stack_folding,
                            .no_transfers = c->bt_plain || c->bt_no_transfers,
                            .no_copies = c->bt_plain || c->bt_no_copies,
                            .no_inline_read_pc = c->bt_plain || c->bt_no_inline_read_pc,
                            .no_trap_checks = c->bt_plain || c->bt_no_trap_checks,
                            .no_foresight = c->bt_plain || c->bt_no_foresight,
                            .no_prefault = c->bt_plain || c->bt_no_prefault,
                            .no_joining = c->bt_plain || c->bt_no_joining,
                            .young = signals_ripen,
                            .young_opaque = m,
                            .made = m->perf ? perf_made : NULL,
                            .made_opaque = m->perf};
    struct bt_engine *engine = NULL;
    if (bt_create(&v->cpu, m->mem, &cfg, &engine) != BT_OK) return fail(errbuf, errlen, "cannot create the code cache");
    __atomic_store_n(&m->engine, engine, __ATOMIC_RELEASE);
    return true;
}

static bool open_script(struct machine *m, char *errbuf, size_t errlen) {
    if (!m->cfg->script) return true;
    m->script = script_open(m, m->cfg->script, chr_dev(m->backends.serial[0]), errbuf, errlen);
    return m->script != NULL;
}

/* A script stands between the first port and its backend. */
static struct dev_chr *first_line(struct machine *m) {
    return m->script ? script_serial(m->script) : chr_dev(m->backends.serial[0]);
}

static void tap_woken(void *opaque) {
    struct machine *m = opaque;
    bt_fpu_park(&m->vcpu.cpu);
    m->cfg->observer->serial(m->cfg->observer->opaque);
}

static bool open_tap(struct machine *m, char *errbuf, size_t errlen) {
    if (!m->cfg->observer || !m->cfg->serials) return true;
    m->tap = malloc(sizeof *m->tap);
    if (!m->tap) return fail(errbuf, errlen, "out of memory");
    serial_tap_init(m->tap, first_line(m), tap_woken, m);
    return true;
}

struct dev_chr *machine_serial(struct machine *m, unsigned n) {
    if (n) return chr_dev(m->backends.serial[n]);
    return m->tap ? &m->tap->front : first_line(m);
}

static bool create_devices(struct machine *m, char *errbuf, size_t errlen) {
    m->io = dev_io_create();
    if (!m->io) return fail(errbuf, errlen, "out of memory");
    hostsvc_init(m);
    if (!backends_open(&m->backends, m->cfg, &m->chr_host, errbuf, errlen)) return false;
    m->drives = drives_open(&m->cfg->drives, &m->events, errbuf, errlen);
    if (!m->drives) return false;
    m->nics = nics_open(m->cfg, &m->events, errbuf, errlen);
    if (!m->nics) return false;
    if (!open_script(m, errbuf, errlen) || !open_tap(m, errbuf, errlen)) return false;
    struct board_config bc = {.firmware = &m->firmware, .vga_rom = &m->vga_rom};
    m->board = board_create(m, &bc, errbuf, errlen);
    if (!m->board) return false;
    drives_connect(m->drives, board_ide(m->board), board_floppy(m->board));
    keyboard_init(&m->keyboard, &m->clock, board_keyboard(m->board));
    pointer_init(&m->pointer, board_keyboard(m->board), board_vga(m->board));
    struct pointer_absolute tablet;
    if (board_tablet(m->board, &tablet)) pointer_attach(&m->pointer, &tablet);
    return true;
}

static void timed_out(void *opaque, uint64_t now_ns) {
    (void)now_ns;
    machine_request_exit(opaque, MON_EXIT_TIMEOUT, MON_CAUSE_TIMEOUT);
}

static void arm_timeout(struct machine *m) {
    m->timeout.fn = timed_out;
    m->timeout.opaque = m;
    if (m->cfg->timeout_ms) clock_arm(&m->real, &m->timeout, clock_now(&m->real) + m->cfg->timeout_ms * NS_PER_MS);
}

/* ---- Life ---- */

void machine_reset(struct machine *m) {
    struct vcpu *v = &m->vcpu;
    board_reset(m->board);
    vcpu_reset(v);
    board_set_apic_base(m->board, v->apic_base); /* a model without an APIC has none */
    v->tsc_hz = m->clock.tsc_hz;
    symbols_forget(m->symbols);
    v->cpu.tsc_offset = -(int64_t)__rdtsc();
    v->cpu.tsc_as_host = true;
    m->reset_requested = false;
    machine_pause_again(m);
    if (m->cfg->flat_image) flat_enter(m, &m->flat);
    bt_state_changed(m->engine);
}

static bool build(struct machine *m, char *errbuf, size_t errlen) {
    if (!load_images(m, errbuf, errlen) || !start_host_side(m, errbuf, errlen) || !create_memory(m, errbuf, errlen) ||
        !create_engine(m, errbuf, errlen) || !create_devices(m, errbuf, errlen) ||
        !display_open(m, &m->display, errbuf, errlen))
        return false;
    clock_calibrate(&m->clock);
    machine_reset(m);
    if (m->script) script_start(m->script);
    signals_start_sampling(m); /* without it code stays in the slower form: not fatal */
    arm_timeout(m);
    events_note(&m->events);
    return true;
}

struct machine *machine_create(const struct mon_config *cfg, char *errbuf, size_t errlen) {
    struct machine *m = aligned_alloc(64, (sizeof *m + 63) / 64 * 64);
    if (!m) {
        fail(errbuf, errlen, "out of memory");
        return NULL;
    }
    memset(m, 0, sizeof *m);
    m->cfg = cfg;
    m->log.fd = m->events.epoll_fd = m->events.quit_fd = -1;
    if (build(m, errbuf, errlen)) return m;
    machine_destroy(m);
    return NULL;
}

static void destroy_engine(struct machine *m) {
    struct bt_engine *e = m->engine;
    __atomic_store_n(&m->engine, NULL, __ATOMIC_RELEASE);
    if (e) bt_destroy(e);
}

static void close_displays(struct machine *m) {
    display_close(m->display); /* gives the terminal back */
    display_close(m->sessions);
    m->display = m->sessions = NULL;
}

void machine_destroy(struct machine *m) {
    close_displays(m);
    keyboard_fini(&m->keyboard);
    if (m->board) board_destroy(m->board);
    script_close(m->script); /* the serial port is connected to it */
    drives_close(m->drives);
    nics_close(m->nics);
    backends_close(&m->backends);
    free(m->tap);
    if (m->io) dev_io_destroy(m->io);
    if (m->have_events) events_fini(&m->events);
    if (m->have_real) clock_fini(&m->real);
    if (m->have_clock) clock_fini(&m->clock);
    signals_remove(m);
    destroy_engine(m);
    perf_close(m->perf);
    symbols_close(m->symbols);
    watch_free(&m->watch);
    if (m->smmu) smmu_destroy(m->smmu);
    if (m->mem) smmu_mem_destroy(m->mem);
    log_close(&m->log);
    free(m->firmware.data);
    free(m->flat.data);
    free(m->vga_rom.data);
    free(m);
}

void machine_emergency_flush(struct machine *m) { backends_each(&m->backends, chr_emergency_flush); }

static void dump_screen(struct machine *m) {
    char error[512];
    if (m->cfg->dump_screen && !screen_dump(board_vga(m->board), m->cfg->dump_screen, error, sizeof error))
        fprintf(stderr, "novt: %s\n", error);
}

static bool observer_start(struct machine *m, char *errbuf, size_t errlen) {
    const struct mon_observer *o = m->cfg->observer;
    return !o || o->start(o->opaque, m, errbuf, errlen);
}

/* Who still asks something hears that there is nobody any more. */
static void observer_end(struct machine *m) {
    mailbox_close(&m->mailbox);
    if (m->cfg->observer) m->cfg->observer->end(m->cfg->observer->opaque);
}

int mon_run(const struct mon_config *c, char *errbuf, size_t errlen) {
    errbuf[0] = 0;
    if (!config_check(c, errbuf, errlen)) return MON_EXIT_BAD_INPUT;
    struct machine *m = machine_create(c, errbuf, errlen);
    if (!m) return MON_EXIT_BAD_INPUT;
    if (c->name) prctl(PR_SET_NAME, c->name, 0, 0, 0); /* its first 15 bytes */
    if (!observer_start(m, errbuf, errlen)) {
        machine_destroy(m);
        return MON_EXIT_BAD_INPUT;
    }
    if (c->gdb && !(m->gdb = gdb_open(m, c->gdb, errbuf, errlen))) {
        observer_end(m);
        machine_destroy(m);
        return MON_EXIT_BAD_INPUT;
    }
    if (c->start_paused) machine_pause(m);
    int code = machine_run(m);
    observer_end(m);
    gdb_close(m->gdb, code);
    m->gdb = NULL;
    close_displays(m);
    dump_screen(m);
    if (m->script) code = script_finish(m->script, code);
    backends_each(&m->backends, chr_drain); /* the guest's last words come before ours */
    if (c->stats) stats_print(m);
    machine_destroy(m);
    return code;
}
