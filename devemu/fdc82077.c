/*
 * fdc82077.c: registers, phases, and the commands that do not touch the disk.
 *
 * Source: 82077AA, 2 "Microprocessor Interface" and 5 "Controller Phases", 6.2 "Control Commands". In AT mode status
 * registers A and B are not there, and PART ID is a later chip's command: both answer as unknown.
 */
#include "devemu/fdc_internal.h"

#include <string.h>

enum { PORT = 0x3F0, R_DOR = 2, R_TDR, R_MSR_DSR, R_FIFO, R_DIR_CCR = 7 };
enum { DOR_DRIVE = 3, DOR_NOT_RESET = 4, DOR_GATE = 8 };
enum { MSR_READY = 0x80, MSR_TO_CPU = 0x40, MSR_NON_DMA = 0x20, MSR_BUSY = 0x10 };
enum { DSR_RESET = 0x80, DIR_CHANGED = 0x80, CHIP_VERSION = 0x90, LAST_TRACK = 85 };
enum { SEEK_NS = 500000, RESET_NS = 100000 };

/* ---- Interrupt ---- */

static void update_irq(struct fdc *s) {
    bool level = s->irq_pending && (s->dor & DOR_GATE);
    if (level == s->irq_level) return;
    s->irq_level = level;
    dev_line_set(&s->irq, level);
}

void fdc_raise(struct fdc *s) {
    s->irq_pending = true;
    update_irq(s);
}

static void lower(struct fdc *s) {
    s->irq_pending = false;
    update_irq(s);
}

/* ---- Phases ---- */

static void go_idle(struct fdc *s) {
    s->phase = FDC_IDLE;
    s->command_pos = s->command_len = 0;
    s->result_pos = s->result_len = 0;
}

void fdc_give_result(struct fdc *s, unsigned len, bool interrupt) {
    s->phase = FDC_RESULT;
    s->result_len = (uint8_t)len;
    s->result_pos = 0;
    if (interrupt) fdc_raise(s);
}

static void give_byte(struct fdc *s, uint8_t v) {
    s->result[0] = v;
    fdc_give_result(s, 1, false);
}

/* ---- Reset ---- */

static void arm(struct fdc *s, struct dev_timer *t, uint64_t delay_ns) {
    struct dev_host *h = s->dev.host;
    h->timer_arm(h->opaque, t, h->now_ns(h->opaque) + delay_ns);
}

static void cancel(struct fdc *s, struct dev_timer *t) { s->dev.host->timer_cancel(s->dev.host->opaque, t); }

/* What is not protected by LOCK goes back to its default. */
static void software_reset(struct fdc *s) {
    fdc_abandon(s);
    cancel(s, &s->seek_timer);
    cancel(s, &s->id_timer);
    go_idle(s);
    lower(s);
    for (int i = 0; i < FDC_UNITS; i++) s->drive[i].seeking = s->drive[i].seek_ended = false;
    s->reset_senses = 0;
    s->perpendicular &= 0x3C;
    if (!s->locked) s->config = s->pretrack = 0;
}

static void reset_ended(void *opaque, uint64_t now_ns) {
    struct fdc *s = opaque;
    (void)now_ns;
    s->reset_senses = FDC_UNITS;
    fdc_raise(s);
}

/* ---- Heads ---- */

void fdc_move_heads(struct fdc_drive *d, uint8_t cylinder) {
    if (d->cylinder != cylinder && d->blk) d->changed = false;
    d->cylinder = cylinder;
}

static void seek_ended(void *opaque, uint64_t now_ns) {
    struct fdc *s = opaque;
    (void)now_ns;
    for (int i = 0; i < FDC_UNITS; i++) {
        if (!s->drive[i].seeking) continue;
        s->drive[i].seeking = false;
        s->drive[i].seek_ended = true;
    }
    fdc_raise(s);
}

static void start_seek(struct fdc *s, unsigned cylinder) {
    struct fdc_drive *d = fdc_selected(s);
    d->st0 = (uint8_t)(ST0_SEEK_END | (s->command[1] & 7));
    d->seeking = true;
    if (d->present) fdc_move_heads(d, (uint8_t)(cylinder > LAST_TRACK ? LAST_TRACK : cylinder));
    go_idle(s);
    arm(s, &s->seek_timer, SEEK_NS);
}

static void seek(struct fdc *s) { start_seek(s, s->command[2]); }

/* An absent drive never shows track 0. */
static void recalibrate(struct fdc *s) {
    s->command[1] &= 3;
    start_seek(s, 0);
    struct fdc_drive *d = fdc_selected(s);
    if (!d->present) d->st0 |= ST0_ABNORMAL | ST0_EQUIPMENT;
}

static void relative_seek(struct fdc *s) {
    enum { INWARD = 0x40 };
    unsigned at = fdc_selected(s)->cylinder, steps = s->command[2];
    start_seek(s, s->command[0] & INWARD ? at + steps : at > steps ? at - steps : 0);
}

/* ---- Status and settings ---- */

static void sense_interrupt(struct fdc *s) {
    uint8_t st0 = ST0_INVALID;
    struct fdc_drive *d = NULL;
    if (s->reset_senses) {
        d = &s->drive[FDC_UNITS - s->reset_senses];
        st0 = (uint8_t)(ST0_POLL | (FDC_UNITS - s->reset_senses));
        s->reset_senses--;
    }
    for (int i = 0; !d && i < FDC_UNITS; i++) {
        if (!s->drive[i].seek_ended) continue;
        d = &s->drive[i];
        d->seek_ended = false;
        st0 = d->st0;
    }
    lower(s);
    s->result[0] = st0;
    s->result[1] = d ? d->cylinder : 0;
    fdc_give_result(s, d ? 2 : 1, false);
    for (int i = 0; i < FDC_UNITS; i++)
        if (s->drive[i].seek_ended) fdc_raise(s);
}

static void sense_drive(struct fdc *s) {
    enum { PROTECTED = 0x40, READY = 0x20, TRACK_0 = 0x10, ALWAYS = 0x08 };
    const struct fdc_drive *d = fdc_selected(s);
    uint8_t st3 = ALWAYS | READY | (s->command[1] & 7);
    if (d->present && !d->cylinder) st3 |= TRACK_0;
    if (d->blk && d->blk->read_only) st3 |= PROTECTED;
    give_byte(s, st3);
}

static void specify(struct fdc *s) {
    s->specify[0] = s->command[1];
    s->specify[1] = s->command[2];
    go_idle(s);
}

static void configure(struct fdc *s) {
    s->config = s->command[2];
    s->pretrack = s->command[3];
    go_idle(s);
}

static void perpendicular_mode(struct fdc *s) {
    enum { OVERWRITE = 0x80 };
    uint8_t v = s->command[1];
    s->perpendicular = v & OVERWRITE ? v & 0x3F : (uint8_t)((s->perpendicular & 0x3C) | (v & 3));
    go_idle(s);
}

static void lock(struct fdc *s) {
    s->locked = s->command[0] & 0x80;
    give_byte(s, (uint8_t)(s->locked << 4));
}

static void version(struct fdc *s) { give_byte(s, CHIP_VERSION); }
static void invalid(struct fdc *s) { give_byte(s, ST0_INVALID); }

static void dump_registers(struct fdc *s) {
    for (int i = 0; i < FDC_UNITS; i++) s->result[i] = s->drive[i].cylinder;
    s->result[4] = s->specify[0];
    s->result[5] = s->specify[1];
    s->result[6] = s->t.eot;
    s->result[7] = (uint8_t)(s->locked << 7 | s->perpendicular);
    s->result[8] = s->config;
    s->result[9] = s->pretrack;
    fdc_give_result(s, FDC_RESULTS, false);
}

/* ---- Commands ---- */

struct command {
    uint8_t mask, code, params;
    void (*run)(struct fdc *s);
};
static const struct command commands[] = {
    {0x1F, 0x06, 8, fdc_read},        /* READ DATA */
    {0x3F, 0x05, 8, fdc_write},       /* WRITE DATA */
    {0x1F, 0x0C, 8, fdc_read},        /* READ DELETED DATA */
    {0x3F, 0x09, 8, fdc_write},       /* WRITE DELETED DATA */
    {0x9F, 0x02, 8, fdc_read},        /* READ TRACK */
    {0x1F, 0x16, 8, fdc_verify},      /* VERIFY */
    {0xBF, 0x0D, 5, fdc_format},      /* FORMAT TRACK */
    {0xBF, 0x0A, 1, fdc_read_id},     /* READ ID */
    {0xFF, 0x07, 1, recalibrate},     /* RECALIBRATE */
    {0xFF, 0x0F, 2, seek},            /* SEEK */
    {0xBF, 0x8F, 2, relative_seek},   /* RELATIVE SEEK */
    {0xFF, 0x08, 0, sense_interrupt}, /* SENSE INTERRUPT STATUS */
    {0xFF, 0x04, 1, sense_drive},     /* SENSE DRIVE STATUS */
    {0xFF, 0x03, 2, specify},         /* SPECIFY */
    {0xFF, 0x0E, 0, dump_registers},  /* DUMPREG */
    {0xFF, 0x10, 0, version},         /* VERSION */
    {0xFF, 0x13, 3, configure},       /* CONFIGURE */
    {0xFF, 0x12, 1, perpendicular_mode},
    {0x7F, 0x14, 0, lock},    /* LOCK, UNLOCK */
    {0x00, 0x00, 0, invalid}, /* all others */
};

static const struct command *find_command(uint8_t code) {
    const struct command *c = commands;
    while ((code & c->mask) != c->code) c++;
    return c;
}

static void take_command_byte(struct fdc *s, uint8_t v) {
    if (s->phase == FDC_IDLE) {
        s->command_pos = 0;
        s->command_len = (uint8_t)(find_command(v)->params + 1);
        s->phase = FDC_COMMAND;
    }
    s->command[s->command_pos++] = v;
    if (s->command_pos < s->command_len) return;
    find_command(s->command[0])->run(s);
}

/* ---- The FIFO ---- */

static void take_data_byte(struct fdc *s, uint8_t v) {
    lower(s);
    s->buf[s->t.pos++] = v;
    if (s->t.pos == s->t.fill) fdc_data_moved(s);
}

static void write_fifo(struct fdc *s, uint8_t v) {
    if (!(s->dor & DOR_NOT_RESET)) return;
    if (s->phase == FDC_IDLE || s->phase == FDC_COMMAND)
        take_command_byte(s, v);
    else if (s->phase == FDC_DATA_OUT)
        take_data_byte(s, v);
}

static uint8_t give_data_byte(struct fdc *s) {
    uint8_t v = s->buf[s->t.pos++];
    lower(s);
    if (s->t.pos == s->t.fill) fdc_data_moved(s);
    return v;
}

static uint8_t give_result_byte(struct fdc *s) {
    uint8_t v = s->result[s->result_pos++];
    bool more_seeks = false;
    for (int i = 0; i < FDC_UNITS; i++) more_seeks |= s->drive[i].seek_ended;
    if (!more_seeks) lower(s);
    if (s->result_pos == s->result_len) go_idle(s);
    return v;
}

static uint8_t read_fifo(struct fdc *s) {
    if (s->phase == FDC_DATA_IN) return give_data_byte(s);
    return s->phase == FDC_RESULT ? give_result_byte(s) : 0;
}

/* ---- Registers ---- */

static uint8_t main_status(const struct fdc *s) {
    static const uint8_t of_phase[FDC_PHASES] = {
        [FDC_IDLE] = MSR_READY,
        [FDC_COMMAND] = MSR_READY | MSR_BUSY,
        [FDC_EXECUTION] = MSR_BUSY,
        [FDC_DATA_IN] = MSR_READY | MSR_TO_CPU | MSR_NON_DMA | MSR_BUSY,
        [FDC_DATA_OUT] = MSR_READY | MSR_NON_DMA | MSR_BUSY,
        [FDC_RESULT] = MSR_READY | MSR_TO_CPU | MSR_BUSY,
    };
    if (!(s->dor & DOR_NOT_RESET)) return 0;
    uint8_t v = of_phase[s->phase];
    for (int i = 0; i < FDC_UNITS; i++) v |= (uint8_t)(s->drive[i].seeking << i);
    return v;
}

static uint8_t digital_input(const struct fdc *s) {
    const struct fdc_drive *d = &s->drive[s->dor & DOR_DRIVE];
    return d->present && (d->changed || !d->blk) ? DIR_CHANGED : 0;
}

static void write_dor(struct fdc *s, uint8_t v) {
    bool was = s->dor & DOR_NOT_RESET, now = v & DOR_NOT_RESET;
    s->dor = v;
    if (was && !now) {
        software_reset(s);
        cancel(s, &s->reset_timer);
    } else if (!was && now) {
        arm(s, &s->reset_timer, RESET_NS);
    }
    update_irq(s);
}

static void write_dsr(struct fdc *s, uint8_t v) {
    s->rate = v & 3;
    if (!(v & DSR_RESET) || !(s->dor & DOR_NOT_RESET)) return;
    software_reset(s);
    arm(s, &s->reset_timer, RESET_NS);
}

static uint32_t port_read(void *opaque, uint16_t port, unsigned size) {
    struct fdc *s = opaque;
    (void)size;
    switch (port - PORT) {
    case R_DOR: return s->dor;
    case R_TDR: return s->tdr;
    case R_MSR_DSR: return main_status(s);
    case R_FIFO: return read_fifo(s);
    case R_DIR_CCR: return digital_input(s);
    default: return 0xFF;
    }
}

static void port_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct fdc *s = opaque;
    uint8_t v = (uint8_t)value;
    (void)size;
    switch (port - PORT) {
    case R_DOR: write_dor(s, v); break;
    case R_TDR: s->tdr = v & 3; break;
    case R_MSR_DSR: write_dsr(s, v); break;
    case R_FIFO: write_fifo(s, v); break;
    case R_DIR_CCR: s->rate = v & 3; break;
    default: break;
    }
}

static const struct dev_io_ops ops = {.name = "fdc", .read = port_read, .write = port_write, .byte_only = true};

/* ---- Drives ---- */

static void insert(struct fdc_drive *d, struct blk *disk) {
    d->format = disk ? fdc_format_for(disk->size) : NULL;
    d->blk = d->format ? disk : NULL;
    d->changed = true;
}

void fdc_change(struct dev *dev, int drive, struct blk *disk) {
    struct fdc *s = (struct fdc *)dev;
    if (s->t.job && (s->command[1] & 3) == drive) {
        fdc_abandon(s);
        s->phase = FDC_EXECUTION; /* it waits for an index mark that does not come, until the guest resets it */
    }
    insert(&s->drive[drive], disk);
}

/* ---- Life ---- */

static void id_passed(void *opaque, uint64_t now_ns) {
    (void)now_ns;
    fdc_id_passed(opaque);
}

static enum dev_status init(struct dev *dev, const void *cfg) {
    struct fdc *s = (struct fdc *)dev;
    const struct fdc_config *c = cfg;
    if (!c || !c->dma) return DEV_BAD_CONFIG;
    s->irq = c->irq;
    s->dma = c->dma;
    s->seek_timer = (struct dev_timer){.fn = seek_ended, .opaque = s};
    s->reset_timer = (struct dev_timer){.fn = reset_ended, .opaque = s};
    s->id_timer = (struct dev_timer){.fn = id_passed, .opaque = s};
    for (int i = 0; i < FDC_DRIVES; i++) {
        s->drive[i].present = c->drive[i].present;
        insert(&s->drive[i], c->drive[i].blk);
    }
    enum dev_status st = dev_io_map(dev->host->io, PORT, 6, &ops, s);
    return st == DEV_OK ? dev_io_map(dev->host->io, PORT + R_DIR_CCR, 1, &ops, s) : st;
}

static void reset(struct dev *dev) {
    struct fdc *s = (struct fdc *)dev;
    s->locked = false;
    s->perpendicular = 0;
    software_reset(s);
    cancel(s, &s->reset_timer);
    s->dor = s->tdr = s->id_sector = 0;
    s->rate = FDC_RATE_250;
    memset(s->specify, 0, sizeof s->specify);
    s->t = (struct fdc_transfer){.job = FDC_JOB_NONE};
    update_irq(s);
}

static void destroy(struct dev *dev) {
    struct fdc *s = (struct fdc *)dev;
    if (!s->dma) return;
    fdc_abandon(s);
    cancel(s, &s->seek_timer);
    cancel(s, &s->reset_timer);
    cancel(s, &s->id_timer);
    dev_io_unmap(dev->host->io, PORT, 6);
    dev_io_unmap(dev->host->io, PORT + R_DIR_CCR, 1);
}

/* ---- Saved state ---- */

static void timer_state(struct fdc *s, struct dev_timer *t, struct dev_state *st) {
    bool armed = t->slot != 0;
    uint64_t deadline = armed ? t->deadline_ns : 0;
    dev_state_bool(st, &armed);
    DEV_STATE(st, deadline);
    if (st->saving || st->failed) return;
    cancel(s, t);
    if (armed) s->dev.host->timer_arm(s->dev.host->opaque, t, deadline);
}

static void drive_state(struct fdc_drive *d, struct dev_state *st) {
    DEV_STATE(st, d->cylinder);
    DEV_STATE(st, d->st0);
    dev_state_bool(st, &d->changed);
    dev_state_bool(st, &d->seeking);
    dev_state_bool(st, &d->seek_ended);
}

static void transfer_state(struct fdc_transfer *t, struct dev_state *st) {
    DEV_STATE(st, t->job);
    DEV_STATE(st, t->c);
    DEV_STATE(st, t->h);
    DEV_STATE(st, t->r);
    DEV_STATE(st, t->n);
    DEV_STATE(st, t->eot);
    dev_state_bool(st, &t->multi_track);
    dev_state_bool(st, &t->skip);
    dev_state_bool(st, &t->ended);
    DEV_STATE(st, t->filler);
    DEV_STATE(st, t->pos);
    DEV_STATE(st, t->fill);
}

static bool moves_data(const struct fdc *s) { return s->phase == FDC_DATA_IN || s->phase == FDC_DATA_OUT; }

/* What was loaded may be anything: a state the chip cannot be in becomes an idle one. */
static bool plausible(struct fdc *s) {
    const struct fdc_transfer *t = &s->t;
    if (s->phase >= FDC_PHASES || t->job >= FDC_JOBS || t->fill > FDC_BUFFER || t->pos > t->fill) return false;
    if (s->phase == FDC_COMMAND)
        return s->command_pos && s->command_len == find_command(s->command[0])->params + 1 &&
               s->command_pos < s->command_len;
    if (s->phase == FDC_RESULT) return s->result_len <= FDC_RESULTS && s->result_pos < s->result_len;
    return !moves_data(s) || (t->job && t->pos < t->fill && fdc_selected(s)->blk);
}

static void state(struct dev *dev, struct dev_state *st) {
    struct fdc *s = (struct fdc *)dev;
    if (!st->saving) fdc_abandon(s);
    for (int i = 0; i < FDC_UNITS; i++) drive_state(&s->drive[i], st);
    uint8_t *const bytes[] = {&s->dor,           &s->tdr,          &s->rate,       &s->phase,  &s->command_len,
                              &s->command_pos,   &s->result_len,   &s->result_pos, &s->config, &s->pretrack,
                              &s->perpendicular, &s->reset_senses, &s->id_sector};
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) dev_state_bytes(st, bytes[i], 1);
    DEV_STATE(st, s->command);
    DEV_STATE(st, s->result);
    DEV_STATE(st, s->specify);
    dev_state_bool(st, &s->locked);
    dev_state_bool(st, &s->irq_pending);
    dev_state_bool(st, &s->irq_level);
    transfer_state(&s->t, st);
    timer_state(s, &s->seek_timer, st);
    timer_state(s, &s->reset_timer, st);
    timer_state(s, &s->id_timer, st);
    DEV_STATE(st, s->buf);
    if (st->saving) return;
    s->rate &= 3;
    if (s->reset_senses > FDC_UNITS) s->reset_senses = 0;
    s->id_sector %= FDC_TRACK_SECTORS;
    if (!st->failed && plausible(s)) return;
    go_idle(s);
    s->t = (struct fdc_transfer){.job = FDC_JOB_NONE};
}

const struct dev_class fdc82077_class = {
    .name = "fdc82077",
    .instance_size = sizeof(struct fdc),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
