/*
 * mc146818.c: the clock is computed, not ticked.
 *
 * While it runs, RTC time is base_s + (now - base_ns): the register bytes are
 * made from it when read, and set it when written. With SET=1 or the divider
 * held in reset the bytes stand still and are what the guest wrote. Flags of
 * register C are brought up to date lazily (catch_up); a timer runs only when
 * an enabled interrupt needs it. Periodic ticks that came due while one was
 * still unread are delivered later, a quarter period after each read of C.
 */
#include "devemu/mc146818.h"
#include "devemu/clock.h"

enum reg {
    R_SEC = 0,
    R_SEC_ALARM,
    R_MIN,
    R_MIN_ALARM,
    R_HOUR,
    R_HOUR_ALARM,
    R_WDAY,
    R_MDAY,
    R_MONTH,
    R_YEAR,
    R_A,
    R_B,
    R_C,
    R_D,
    R_CENTURY = 0x32,
};
enum { A_UIP = 0x80, A_DV = 0x70, A_DV_RESET = 0x60, A_RS = 0x0F };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_SQWE = 0x08, B_BINARY = 0x04, B_24H = 0x02 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10, C_FLAGS = C_PF | C_AF | C_UF };
enum { D_VRT = 0x80 };
enum { HOUR_PM = 0x80, ALARM_ANY = 0xC0 };

enum { CRYSTAL_HZ = 32768, DAY_S = 86400 };
/* Update cycle (1984 us) and the warning before it (244 us): UIP is set for both. */
enum { UIP_NS = (1984 + 244) * 1000 };
/* The first update comes half a second after the divider leaves reset. */
#define DIVIDER_START_NS (DEV_NS_PER_S / 2)

struct mc146818 {
    struct dev dev;
    struct mc146818_config cfg;
    struct dev_timer timer;
    uint8_t cmos[256];
    uint8_t index, index_high;
    uint8_t wday_shift;    /* the guest's day of week - the calendar's, mod 7 */
    uint64_t base_ns;      /* guest time at which the clock showed base_s */
    int64_t base_s;        /* seconds since 1970 as the clock shows it */
    int64_t offset_s;      /* clock - host wall clock */
    uint64_t updates_seen; /* seconds since base_ns that are accounted in register C */
    uint64_t ticks_seen;   /* periodic ticks since base_ns, likewise */
    uint64_t backlog;      /* periodic ticks still to be delivered */
    uint64_t redeliver_ns; /* not before; 0: no backlog waiting */
};

static uint64_t now_ns(const struct mc146818 *s) { return s->dev.host->now_ns(s->dev.host->opaque); }
static int64_t wall(const struct mc146818 *s) { return s->dev.host->wall_seconds(s->dev.host->opaque); }

static bool divider_runs(const struct mc146818 *s) { return (s->cmos[R_A] & A_DV_RESET) != A_DV_RESET; }
static bool running(const struct mc146818 *s) { return !(s->cmos[R_B] & B_SET) && divider_runs(s); }

/* Length of a periodic tick in crystal cycles; 0: off. RS 1 and 2 are as 8 and 9. */
static uint32_t tick_cycles(const struct mc146818 *s) {
    uint32_t rs = s->cmos[R_A] & A_RS;
    if (!rs || !divider_runs(s)) return 0;
    return 1u << ((rs < 3 ? rs + 7 : rs) - 1);
}

/* ---- Calendar ---- */

struct civil {
    int64_t year;
    unsigned month, day;
};

/* Days since 1970-01-01 of a proleptic Gregorian date; years counted from March. */
static int64_t days_from_civil(struct civil t) {
    int64_t y = t.year - (t.month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (int64_t)((t.month + 9) % 12) + 2) / 5 + t.day - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static struct civil civil_from_days(int64_t days) {
    int64_t z = days + 719468;
    int64_t era = (z >= 0 ? z : z - 146096) / 146097;
    int64_t doe = z - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    unsigned month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
    return (struct civil){yoe + era * 400 + (month <= 2), month, (unsigned)(doy - (153 * mp + 2) / 5 + 1)};
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* ---- Register formats ---- */

static uint8_t encode(const struct mc146818 *s, unsigned v) {
    return (uint8_t)(s->cmos[R_B] & B_BINARY ? v : v / 10 % 10 << 4 | v % 10);
}

static unsigned decode(const struct mc146818 *s, uint8_t v) {
    return s->cmos[R_B] & B_BINARY ? v : (v >> 4) * 10u + (v & 15u);
}

static uint8_t encode_hour(const struct mc146818 *s, unsigned h) {
    if (s->cmos[R_B] & B_24H) return encode(s, h);
    return (uint8_t)(encode(s, h % 12 ? h % 12 : 12) | (h >= 12 ? HOUR_PM : 0));
}

static unsigned decode_hour(const struct mc146818 *s, uint8_t v) {
    if (s->cmos[R_B] & B_24H) return decode(s, v);
    return decode(s, v & 0x7F) % 12 + (v & HOUR_PM ? 12 : 0);
}

static unsigned calendar_wday(int64_t days) { return (unsigned)(floor_div(days, 7) * -7 + days + 4) % 7; }

/* ---- Clock ---- */

static uint64_t seconds_run(const struct mc146818 *s) {
    uint64_t now = now_ns(s);
    return now > s->base_ns ? (now - s->base_ns) / DEV_NS_PER_S : 0;
}

static int64_t clock_seconds(const struct mc146818 *s) { return s->base_s + (int64_t)seconds_run(s); }

/* The VM was stopped or the host's clock was set: follow it, but not for a second of phase. */
static void follow_wall(struct mc146818 *s) {
    int64_t off = wall(s) + s->offset_s - clock_seconds(s);
    if (running(s) && (off > 1 || off < -1)) s->base_s += off;
}

/* Register bytes <- clock. */
static void show_time(struct mc146818 *s) {
    if (!running(s)) return;
    int64_t t = clock_seconds(s), days = floor_div(t, DAY_S);
    unsigned of_day = (unsigned)(t - days * DAY_S);
    struct civil c = civil_from_days(days);
    unsigned year = (unsigned)(c.year < 0 ? 0 : c.year);
    s->cmos[R_SEC] = encode(s, of_day % 60);
    s->cmos[R_MIN] = encode(s, of_day / 60 % 60);
    s->cmos[R_HOUR] = encode_hour(s, of_day / 3600);
    s->cmos[R_WDAY] = encode(s, (calendar_wday(days) + s->wday_shift) % 7 + 1);
    s->cmos[R_MDAY] = encode(s, c.day);
    s->cmos[R_MONTH] = encode(s, c.month);
    s->cmos[R_YEAR] = encode(s, year % 100);
    s->cmos[R_CENTURY] = encode(s, year / 100 % 100);
}

/* Clock <- register bytes; nonsense is taken as the nearest date that exists. */
static void take_time(struct mc146818 *s) {
    unsigned month = decode(s, s->cmos[R_MONTH]), day = decode(s, s->cmos[R_MDAY]);
    struct civil c = {
        .year = decode(s, s->cmos[R_CENTURY]) * 100 + decode(s, s->cmos[R_YEAR]),
        .month = month < 1    ? 1
                 : month > 12 ? 12
                              : month,
        .day = day < 1 ? 1 : day,
    };
    int64_t days = days_from_civil(c);
    int64_t t = days * DAY_S + decode_hour(s, s->cmos[R_HOUR]) * 3600 + decode(s, s->cmos[R_MIN]) * 60 +
                decode(s, s->cmos[R_SEC]);
    unsigned wday = decode(s, s->cmos[R_WDAY]);
    s->wday_shift = (uint8_t)((wday + 6 + 7 - calendar_wday(days)) % 7);
    s->base_s = t - (int64_t)seconds_run(s);
    s->offset_s = t - wall(s);
}

/* ---- Register C and the interrupt ---- */

static void update_irq(struct mc146818 *s) {
    if (s->cmos[R_C] & s->cmos[R_B] & C_FLAGS)
        s->cmos[R_C] |= C_IRQF;
    else
        s->cmos[R_C] &= (uint8_t)~C_IRQF;
    dev_line_set(&s->cfg.irq8, s->cmos[R_C] & C_IRQF);
}

static bool field_matches(uint8_t alarm, unsigned alarm_value, unsigned value) {
    return (alarm & ALARM_ANY) == ALARM_ANY || alarm_value == value;
}

static bool alarm_at(const struct mc146818 *s, int64_t t) {
    unsigned of_day = (unsigned)(t - floor_div(t, DAY_S) * DAY_S);
    const uint8_t *r = s->cmos;
    return field_matches(r[R_SEC_ALARM], decode(s, r[R_SEC_ALARM]), of_day % 60) &&
           field_matches(r[R_MIN_ALARM], decode(s, r[R_MIN_ALARM]), of_day / 60 % 60) &&
           field_matches(r[R_HOUR_ALARM], decode_hour(s, r[R_HOUR_ALARM]), of_day / 3600);
}

static void count_updates(struct mc146818 *s) {
    uint64_t total = seconds_run(s), n = total - s->updates_seen;
    s->updates_seen = total;
    if (!n || !running(s)) return;
    s->cmos[R_C] |= C_UF;
    int64_t now_s = s->base_s + (int64_t)total;
    for (uint64_t i = 0; i < n && i < DAY_S && !(s->cmos[R_C] & C_AF); i++)
        if (alarm_at(s, now_s - (int64_t)i)) s->cmos[R_C] |= C_AF;
}

static uint64_t ticks_run(const struct mc146818 *s, uint32_t cycles) {
    uint64_t now = now_ns(s);
    return now > s->base_ns ? dev_ns_to_ticks(now - s->base_ns, CRYSTAL_HZ) / cycles : 0;
}

static void count_ticks(struct mc146818 *s) {
    uint32_t cycles = tick_cycles(s);
    if (!cycles) return;
    uint64_t total = ticks_run(s, cycles), n = total - s->ticks_seen;
    s->ticks_seen = total;
    if (s->cmos[R_B] & B_PIE) {
        bool redeliver = s->backlog && s->redeliver_ns && now_ns(s) >= s->redeliver_ns;
        s->backlog += n;
        if (s->backlog && (n || redeliver) && !(s->cmos[R_C] & C_PF)) {
            s->cmos[R_C] |= C_PF;
            s->backlog--;
            s->redeliver_ns = 0;
        }
        uint64_t most = CRYSTAL_HZ / 2 / cycles; /* half a second's worth */
        s->backlog = s->backlog < most ? s->backlog : most;
    } else if (n) {
        s->cmos[R_C] |= C_PF;
    }
}

static void catch_up(struct mc146818 *s) {
    follow_wall(s);
    count_updates(s);
    count_ticks(s);
    update_irq(s);
}

static void arm(struct mc146818 *s) {
    struct dev_host *h = s->dev.host;
    uint64_t at = UINT64_MAX;
    uint32_t cycles = tick_cycles(s);
    if (running(s) && (s->cmos[R_B] & (B_AIE | B_UIE))) at = s->base_ns + (s->updates_seen + 1) * DEV_NS_PER_S;
    if (cycles && (s->cmos[R_B] & B_PIE)) {
        uint64_t tick = s->base_ns + dev_ticks_to_ns((s->ticks_seen + 1) * cycles, CRYSTAL_HZ);
        at = tick < at ? tick : at;
        at = s->redeliver_ns && s->redeliver_ns < at ? s->redeliver_ns : at;
    }
    if (at != UINT64_MAX)
        h->timer_arm(h->opaque, &s->timer, at);
    else
        h->timer_cancel(h->opaque, &s->timer);
}

static void timer_fired(void *opaque, uint64_t now) {
    struct mc146818 *s = opaque;
    (void)now;
    catch_up(s);
    arm(s);
}

static uint8_t read_c(struct mc146818 *s) {
    catch_up(s);
    uint8_t v = s->cmos[R_C];
    s->cmos[R_C] = 0;
    update_irq(s);
    uint32_t cycles = tick_cycles(s);
    if (s->backlog && cycles && (v & C_PF)) {
        s->redeliver_ns = now_ns(s) + dev_ticks_to_ns(cycles, CRYSTAL_HZ) / 4;
        arm(s);
    }
    return v;
}

/* ---- Register writes ---- */

/* Moves the origin of seconds and ticks to `origin` (which may lie ahead), with the clock at t. */
static void restart_clock(struct mc146818 *s, uint64_t origin, int64_t t) {
    s->base_ns = origin;
    s->base_s = t;
    s->updates_seen = s->ticks_seen = 0;
}

static void write_a(struct mc146818 *s, uint8_t v) {
    bool ran = divider_runs(s);
    show_time(s);
    s->cmos[R_A] = v & (uint8_t)~A_UIP;
    if (!ran && divider_runs(s)) {
        /* base_ns + 1 s is the first update: half a second from now. */
        uint64_t now = now_ns(s);
        restart_clock(s, now > DIVIDER_START_NS ? now - DIVIDER_START_NS : 0, 0);
        if (running(s)) take_time(s);
    }
    uint32_t cycles = tick_cycles(s);
    s->ticks_seen = cycles ? ticks_run(s, cycles) : 0;
    s->backlog = 0;
    s->redeliver_ns = 0;
}

static void write_b(struct mc146818 *s, uint8_t v) {
    bool ran = running(s);
    show_time(s);
    if (v & B_SET) v &= (uint8_t)~B_UIE; /* data sheet, "SET": UIE is cleared */
    uint8_t formats = (s->cmos[R_B] ^ v) & (B_BINARY | B_24H);
    s->cmos[R_B] = v;
    if (!ran && running(s)) {
        take_time(s);
        s->updates_seen = seconds_run(s);
    }
    if (formats) show_time(s);
    if (!(v & B_PIE)) {
        s->backlog = 0;
        s->redeliver_ns = 0;
    }
    update_irq(s);
}

static bool is_time(uint8_t reg) { return reg <= R_YEAR ? !(reg & 1) || reg >= R_WDAY : reg == R_CENTURY; }

static void write_reg(struct mc146818 *s, uint8_t reg, uint8_t v) {
    catch_up(s);
    if (reg == R_A) {
        write_a(s, v);
    } else if (reg == R_B) {
        write_b(s, v);
    } else if (reg == R_C || reg == R_D) {
        return; /* read only */
    } else if (is_time(reg) && running(s)) {
        show_time(s);
        s->cmos[reg] = v;
        take_time(s);
    } else {
        s->cmos[reg] = v;
    }
    arm(s);
}

static bool update_in_progress(const struct mc146818 *s) {
    if (!running(s)) return false;
    uint64_t now = now_ns(s);
    return now >= s->base_ns && (now - s->base_ns) % DEV_NS_PER_S >= DEV_NS_PER_S - UIP_NS;
}

static uint8_t read_reg(struct mc146818 *s, uint8_t reg) {
    if (reg == R_A) return (uint8_t)(s->cmos[R_A] | (update_in_progress(s) ? A_UIP : 0));
    if (reg == R_C) return read_c(s);
    if (reg == R_D) return D_VRT;
    if (is_time(reg)) {
        follow_wall(s);
        show_time(s);
    }
    return s->cmos[reg];
}

/* ---- Ports ---- */

static uint32_t rtc_read(void *opaque, uint16_t port, unsigned size) {
    struct mc146818 *s = opaque;
    (void)size;
    switch (port & 3) {
    case 1: return read_reg(s, s->index);
    case 2: return s->index_high;
    case 3: return s->cmos[0x80 | s->index_high];
    default: return 0xFF; /* the index at 70h is write only */
    }
}

static void rtc_write(void *opaque, uint16_t port, unsigned size, uint32_t value) {
    struct mc146818 *s = opaque;
    (void)size;
    switch (port & 3) {
    case 0: s->index = value & 0x7F; break; /* bit 7 masks NMI, which nothing raises in a way that could be masked */
    case 1: write_reg(s, s->index, (uint8_t)value); break;
    case 2: s->index_high = value & 0x7F; break;
    default: s->cmos[0x80 | s->index_high] = (uint8_t)value; break;
    }
}

static const struct dev_io_ops rtc_ops = {
    .name = "mc146818", .read = rtc_read, .write = rtc_write, .byte_only = true, .keeps_fpu = true};

void mc146818_set(struct dev *d, uint8_t index, uint8_t value) {
    struct mc146818 *s = (struct mc146818 *)d;
    if (index <= R_D || index == R_CENTURY) return;
    s->cmos[index] = value;
}

uint8_t mc146818_get(struct dev *d, uint8_t index) {
    struct mc146818 *s = (struct mc146818 *)d;
    if (is_time(index)) show_time(s);
    return s->cmos[index];
}

/* ---- Class ---- */

static void mc146818_reset(struct dev *d) {
    struct mc146818 *s = (struct mc146818 *)d;
    catch_up(s);
    s->cmos[R_B] &= (uint8_t) ~(B_PIE | B_AIE | B_UIE | B_SQWE);
    s->cmos[R_C] = 0;
    s->backlog = 0;
    s->redeliver_ns = 0;
    s->index = s->index_high = 0;
    update_irq(s);
    arm(s);
}

static enum dev_status mc146818_init(struct dev *d, const void *cfg) {
    struct mc146818 *s = (struct mc146818 *)d;
    if (cfg) s->cfg = *(const struct mc146818_config *)cfg;
    s->timer.fn = timer_fired;
    s->timer.opaque = s;
    s->cmos[R_A] = 0x26; /* 32768 Hz crystal, 1024 Hz periodic rate */
    s->cmos[R_B] = B_24H;
    s->offset_s = s->cfg.offset_seconds;
    restart_clock(s, now_ns(s), wall(s) + s->offset_s);
    enum dev_status st = dev_io_map(d->host->io, 0x70, 4, &rtc_ops, s);
    if (st == DEV_OK) mc146818_reset(d);
    return st;
}

static void mc146818_destroy(struct dev *d) {
    struct mc146818 *s = (struct mc146818 *)d;
    d->host->timer_cancel(d->host->opaque, &s->timer);
}

/* The register bytes hold less than 17000 years; so must a loaded state, or the calendar overflows. */
static int64_t sane_seconds(int64_t s) {
    const int64_t most = 17000ll * 366 * DAY_S;
    return s > most ? most : s < -most ? -most : s;
}

static void mc146818_state(struct dev *d, struct dev_state *st) {
    struct mc146818 *s = (struct mc146818 *)d;
    if (st->saving) show_time(s);
    DEV_STATE(st, s->cmos);
    DEV_STATE(st, s->index);
    DEV_STATE(st, s->index_high);
    DEV_STATE(st, s->wday_shift);
    DEV_STATE(st, s->base_ns);
    DEV_STATE(st, s->base_s);
    DEV_STATE(st, s->offset_s);
    DEV_STATE(st, s->updates_seen);
    DEV_STATE(st, s->ticks_seen);
    DEV_STATE(st, s->backlog);
    DEV_STATE(st, s->redeliver_ns);
    if (st->saving) return;
    s->index &= 0x7F;
    s->index_high &= 0x7F;
    s->base_ns = s->base_ns < now_ns(s) ? s->base_ns : now_ns(s);
    s->base_s = sane_seconds(s->base_s);
    s->offset_s = sane_seconds(s->offset_s);
    update_irq(s);
    arm(s);
}

const struct dev_class mc146818_class = {
    .name = "mc146818",
    .instance_size = sizeof(struct mc146818),
    .init = mc146818_init,
    .reset = mc146818_reset,
    .state = mc146818_state,
    .destroy = mc146818_destroy,
};
