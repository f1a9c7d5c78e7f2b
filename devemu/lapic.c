/*
 * lapic.c: local APIC (xAPIC).
 *
 * Source: Intel SDM vol. 3, "Advanced Programmable Interrupt Controller (APIC)".
 * Registers, priorities, messages between APICs, the register page; the timer is in lapic_timer.c.
 */
#include "devemu/lapic_internal.h"
#include <string.h>

enum { /* register offsets */
       R_ID = 0x20,
       R_VERSION = 0x30,
       R_TPR = 0x80,
       R_APR = 0x90,
       R_PPR = 0xA0,
       R_EOI = 0xB0,
       R_LDR = 0xD0,
       R_DFR = 0xE0,
       R_SVR = 0xF0,
       R_ISR = 0x100,
       R_TMR = 0x180,
       R_IRR = 0x200,
       R_ESR = 0x280,
       R_ICR_LOW = 0x300,
       R_ICR_HIGH = 0x310,
       R_LVT = 0x320,
       R_TIMER_INITIAL = 0x380,
       R_TIMER_CURRENT = 0x390,
       R_TIMER_DIVIDE = 0x3E0,
};
enum {
    SVR_ENABLE = 1 << 8,
    ESR_SEND_VECTOR = 1 << 5,
    ESR_RECEIVE_VECTOR = 1 << 6,
    ESR_REGISTER = 1 << 7,
    ICR_LOGICAL = 1 << 11,
    ICR_ASSERT = 1 << 14,
    ICR_LEVEL = 1 << 15,
    BROADCAST = 0xFF,
};
/* Bits of each LVT entry that can be written; the timer's has one more where the CPU has the TSC-deadline mode. */
static const uint32_t lvt_mask[LVT_COUNT] = {0x300FF, 0x107FF, 0x107FF, 0x1A7FF, 0x1A7FF, 0x100FF};

/* ---- Vector sets ---- */

static void set_bit(uint32_t *set, uint8_t v) { set[v >> 5] |= 1u << (v & 31); }
static void clear_bit(uint32_t *set, uint8_t v) { set[v >> 5] &= ~(1u << (v & 31)); }
static int highest(const uint32_t *set) {
    for (int i = 7; i >= 0; i--) {
        if (set[i]) return i * 32 + 31 - __builtin_clz(set[i]);
    }
    return -1;
}

/* ---- Priority and the CPU's interrupt line ---- */

/* A store that did not come by here has left more bits than there are. */
static uint32_t tpr(const struct lapic *s) { return s->tpr & 0xFF; }

static uint32_t ppr(const struct lapic *s) {
    int v = highest(s->isr);
    uint32_t in_service = v < 0 ? 0 : (uint32_t)v & 0xF0;
    return (s->tpr & 0xF0) >= in_service ? tpr(s) : in_service;
}

static bool software_enabled(const struct lapic *s) { return (s->svr & SVR_ENABLE) && (s->base & APIC_BASE_ENABLE); }

/* The vector that may interrupt the CPU now, or -1. */
static int deliverable(const struct lapic *s) {
    if (!software_enabled(s)) return -1;
    int v = highest(s->irr);
    return v >= 0 && ((uint32_t)v & 0xF0) > (ppr(s) & 0xF0) ? v : -1;
}

bool lapic_extint_enabled(struct dev *d) {
    const struct lapic *s = to_lapic(d);
    if (!(s->base & APIC_BASE_ENABLE)) return s->cpu == 0;
    return !(s->lvt[LVT_LINT0] & LVT_MASKED) && (s->lvt[LVT_LINT0] >> 8 & 7) == APIC_EXTINT;
}

bool lapic_pending(struct dev *d) {
    const struct lapic *s = to_lapic(d);
    return deliverable(s) >= 0 || (s->lint[0] && s->pic_ack && lapic_extint_enabled(d));
}

static void update_line(struct lapic *s) {
    bool level = lapic_pending(&s->dev);
    if (level == s->intr_level) return;
    s->intr_level = level;
    dev_line_set(&s->intr, level);
}

static void raise_error(struct lapic *s, uint32_t bit);

void lapic_deliver(struct dev *d, uint8_t vector, bool level) {
    struct lapic *s = to_lapic(d);
    if (vector < 16) {
        raise_error(s, ESR_RECEIVE_VECTOR);
        return;
    }
    if (!software_enabled(s)) return;
    set_bit(s->irr, vector);
    s->waiting = 1;
    if (level)
        set_bit(s->tmr, vector);
    else
        clear_bit(s->tmr, vector);
    update_line(s);
}

int lapic_ack(struct dev *d) {
    struct lapic *s = to_lapic(d);
    int v = deliverable(s);
    if (v >= 0) {
        clear_bit(s->irr, (uint8_t)v);
        set_bit(s->isr, (uint8_t)v);
        s->waiting = highest(s->irr) >= 0;
    } else if (s->lint[0] && s->pic_ack && lapic_extint_enabled(d)) {
        v = s->pic_ack(s->pic_opaque);
    }
    update_line(s);
    return v;
}

/* A level-triggered LINT pin that is still asserted asks again. */
static void end_of_lint(struct lapic *s, int vector) {
    for (int pin = 0; pin < 2; pin++) {
        uint32_t *e = &s->lvt[LVT_LINT0 + pin];
        if (!(*e & LVT_REMOTE_IRR) || (int)(*e & 0xFF) != vector) continue;
        *e &= ~(uint32_t)LVT_REMOTE_IRR;
        if (s->lint[pin]) lapic_set_lint(s, pin, true);
    }
}

static void end_of_interrupt(struct lapic *s) {
    int v = highest(s->isr);
    if (v < 0) return;
    clear_bit(s->isr, (uint8_t)v);
    s->eois[v & 255]++;
    if (lapic_test_bit(s->tmr, (uint8_t)v)) {
        end_of_lint(s, v);
        if (s->bus->eoi) s->bus->eoi(s->bus->eoi_opaque, (uint8_t)v);
    }
    lapic_timer_eoi(s, v);
    update_line(s);
}

/* ---- Local sources ---- */

static void event(struct lapic *s, enum lapic_event what, uint8_t vector) {
    struct dev_host *h = s->dev.host;
    if (s->bus->event)
        s->bus->event(s->bus->event_opaque, s->cpu, what, vector);
    else if (what == LAPIC_EVENT_NMI)
        h->request(h->opaque, DEV_REQ_NMI, s->cpu);
}

/* ExtINT is a level, seen by lapic_pending. */
void lapic_fire_lvt(struct lapic *s, int n, bool level) {
    uint32_t e = s->lvt[n];
    if (e & LVT_MASKED) return;
    switch (n == LVT_TIMER || n == LVT_ERROR ? APIC_FIXED : e >> 8 & 7) {
    case APIC_FIXED: lapic_deliver(&s->dev, (uint8_t)e, level); break;
    case APIC_NMI: event(s, LAPIC_EVENT_NMI, 0); break;
    case APIC_INIT: event(s, LAPIC_EVENT_INIT, 0); break;
    default: break;
    }
}

static void raise_error(struct lapic *s, uint32_t bit) {
    bool first = !(s->esr_pending & bit);
    s->esr_pending |= bit;
    /* The error entry's own vector may be the bad one: report once. */
    if (first && (s->lvt[LVT_ERROR] & 0xF0)) lapic_fire_lvt(s, LVT_ERROR, false);
}

void lapic_set_lint(void *d, int n, bool level) {
    struct lapic *s = d;
    bool was = s->lint[n];
    uint32_t *e = &s->lvt[LVT_LINT0 + n];
    s->lint[n] = level;
    bool by_level = (*e & LVT_LEVEL) && (*e >> 8 & 7) == APIC_FIXED;
    if (level && by_level && !(*e & LVT_REMOTE_IRR)) {
        if (!(*e & LVT_MASKED)) *e |= LVT_REMOTE_IRR;
        lapic_fire_lvt(s, LVT_LINT0 + n, true);
    } else if (level && !was && !by_level) {
        lapic_fire_lvt(s, LVT_LINT0 + n, false);
    }
    update_line(s);
}

/* ---- Messages ---- */

static bool matches_logical(const struct lapic *s, uint8_t dest) {
    uint8_t mine = (uint8_t)(s->ldr >> 24);
    if (s->dfr >> 28 == 0xF) return mine & dest; /* flat */
    return (dest >> 4 == 0xF || dest >> 4 == mine >> 4) && (mine & dest & 0xF);
}

static bool is_addressed(const struct lapic *s, const struct apic_message *m) {
    if (!(s->base & APIC_BASE_ENABLE)) return false;
    if (m->dest == BROADCAST) return true;
    return m->logical ? matches_logical(s, m->dest) : m->dest == s->id >> 24;
}

static void accept(struct lapic *s, const struct apic_message *m) {
    switch (m->mode) {
    case APIC_FIXED:
    case APIC_LOWEST: lapic_deliver(&s->dev, m->vector, m->level); break;
    case APIC_NMI: event(s, LAPIC_EVENT_NMI, 0); break;
    case APIC_INIT: event(s, LAPIC_EVENT_INIT, 0); break;
    case APIC_SIPI: event(s, LAPIC_EVENT_SIPI, m->vector); break;
    case APIC_SMI:
    case APIC_EXTINT: break;
    }
}

/* Of several addressed CPUs the one that does the least important work. */
static bool send_lowest(struct apic_bus *bus, const struct apic_message *m) {
    struct lapic *best = NULL;
    for (int i = 0; i < bus->cpus; i++) {
        struct lapic *s = bus->lapic[i] ? to_lapic(bus->lapic[i]) : NULL;
        if (s && is_addressed(s, m) && software_enabled(s) && (!best || ppr(s) < ppr(best))) best = s;
    }
    if (best) accept(best, m);
    return best;
}

bool apic_bus_send(struct apic_bus *bus, const struct apic_message *m) {
    bool any = false;
    if (m->mode == APIC_LOWEST) return send_lowest(bus, m);
    for (int i = 0; i < bus->cpus; i++) {
        struct lapic *s = bus->lapic[i] ? to_lapic(bus->lapic[i]) : NULL;
        if (!s || !is_addressed(s, m)) continue;
        accept(s, m);
        any = true;
    }
    return any;
}

static void send_to_all(struct lapic *s, const struct apic_message *m, bool self) {
    for (int i = 0; i < s->bus->cpus; i++) {
        struct dev *d = s->bus->lapic[i];
        if (d && (self || d != &s->dev) && (to_lapic(d)->base & APIC_BASE_ENABLE)) accept(to_lapic(d), m);
    }
}

static void send_ipi(struct lapic *s) {
    uint32_t v = s->icr_low;
    struct apic_message m = {
        .dest = (uint8_t)(s->icr_high >> 24),
        .logical = v & ICR_LOGICAL,
        .mode = (enum apic_mode)(v >> 8 & 7),
        .vector = (uint8_t)v,
    };
    bool vectored = m.mode == APIC_FIXED || m.mode == APIC_LOWEST;
    if (vectored && m.vector < 16) {
        raise_error(s, ESR_SEND_VECTOR);
        return;
    }
    if (m.mode == APIC_INIT && (v & ICR_LEVEL) && !(v & ICR_ASSERT))
        return; /* INIT level de-assert: arbitration ids only */
    switch (v >> 18 & 3) {
    case 0: (void)apic_bus_send(s->bus, &m); break;
    case 1: accept(s, &m); break;
    case 2: send_to_all(s, &m, true); break;
    case 3: send_to_all(s, &m, false); break;
    }
}

/* ---- Registers ---- */

/* False: there is none there. */
static bool find_register(const struct lapic *s, uint32_t at, uint32_t *v) {
    switch (at) {
    case R_ID: return *v = s->id, true;
    case R_VERSION: return *v = LAPIC_VERSION, true;
    case R_TPR: return *v = tpr(s), true;
    case R_APR: return *v = 0, true; /* no arbitration on this bus */
    case R_PPR: return *v = ppr(s), true;
    case R_LDR: return *v = s->ldr, true;
    case R_DFR: return *v = s->dfr, true;
    case R_SVR: return *v = s->svr, true;
    case R_ESR: return *v = s->esr, true;
    case R_ICR_LOW: return *v = s->icr_low, true;
    case R_ICR_HIGH: return *v = s->icr_high, true;
    case R_TIMER_INITIAL: return *v = s->initial, true;
    case R_TIMER_CURRENT: return *v = lapic_timer_count(s), true;
    case R_TIMER_DIVIDE: return *v = s->divide_reg, true;
    case R_EOI: return *v = 0, true;
    default: break;
    }
    if (at >= R_ISR && at < R_ISR + 0x80) return *v = s->isr[(at - R_ISR) >> 4], true;
    if (at >= R_TMR && at < R_TMR + 0x80) return *v = s->tmr[(at - R_TMR) >> 4], true;
    if (at >= R_IRR && at < R_IRR + 0x80) return *v = s->irr[(at - R_IRR) >> 4], true;
    if (at >= R_LVT && at < R_LVT + 0x10 * LVT_COUNT) return *v = s->lvt[(at - R_LVT) >> 4], true;
    return false;
}

static uint32_t read_register(struct lapic *s, uint32_t at) {
    uint32_t v = 0;
    if (!find_register(s, at, &v)) raise_error(s, ESR_REGISTER);
    return v;
}

void lapic_eois(struct dev *d, uint64_t out[256]) { memcpy(out, to_lapic(d)->eois, sizeof to_lapic(d)->eois); }

void lapic_inspect(struct dev *d, uint32_t out[LAPIC_REGISTERS]) {
    for (uint32_t i = 0; i < LAPIC_REGISTERS; i++)
        if (!find_register(to_lapic(d), i << 4, &out[i])) out[i] = 0;
}

static void write_svr(struct lapic *s, uint32_t v) {
    s->svr = v & 0x3FF;
    if (v & SVR_ENABLE) return;
    for (int i = 0; i < LVT_COUNT; i++) s->lvt[i] |= LVT_MASKED;
    lapic_timer_arm(s);
}

static void write_lvt(struct lapic *s, int n, uint32_t v) {
    uint32_t mask = lvt_mask[n] | (n == LVT_TIMER && s->tsc_deadline ? LVT_TIMER_MODE_HIGH : 0);
    v = (v & mask) | (s->lvt[n] & LVT_REMOTE_IRR);
    if (!(s->svr & SVR_ENABLE)) v |= LVT_MASKED;
    if (n == LVT_TIMER) {
        lapic_timer_write_lvt(s, v);
        return;
    }
    s->lvt[n] = v;
    if (n == LVT_LINT0 || n == LVT_LINT1) {
        int pin = n - LVT_LINT0;
        if ((v & LVT_LEVEL) && s->lint[pin]) lapic_set_lint(s, pin, true); /* the level is there already */
    }
}

static void write_register(struct lapic *s, uint32_t at, uint32_t v) {
    switch (at) {
    case R_ID: s->id = v & 0xFF000000u; break;
    case R_TPR: s->tpr = v; break;
    case R_EOI: end_of_interrupt(s); return;
    case R_LDR: s->ldr = v & 0xFF000000u; break;
    case R_DFR: s->dfr = v | 0x0FFFFFFFu; break;
    case R_SVR: write_svr(s, v); break;
    case R_ESR:
        s->esr = s->esr_pending;
        s->esr_pending = 0;
        break;
    case R_ICR_LOW:
        s->icr_low = v & 0x000CCFFFu;
        send_ipi(s);
        break;
    case R_ICR_HIGH: s->icr_high = v & 0xFF000000u; break;
    case R_TIMER_INITIAL: lapic_timer_write_initial(s, v); break;
    case R_TIMER_DIVIDE: lapic_timer_write_divide(s, v); break;
    case R_VERSION:
    case R_APR:
    case R_PPR:
    case R_TIMER_CURRENT: break;
    default:
        if (at >= R_LVT && at < R_LVT + 0x10 * LVT_COUNT)
            write_lvt(s, (int)(at - R_LVT) >> 4, v);
        else if (at < R_ISR || at >= R_ESR)
            raise_error(s, ESR_REGISTER);
        break;
    }
    update_line(s);
}

static struct lapic *current(void *bus) {
    struct apic_bus *b = bus;
    return to_lapic(b->lapic[b->current]);
}

/* Registers lie at multiples of 16, 32 bits wide; the rest of each 16 bytes is reserved. */
static uint64_t mmio_read(void *opaque, uint32_t offset, unsigned size) {
    if (offset & 0xC) return 0;
    uint32_t v = read_register(current(opaque), offset & ~0xFu);
    v >>= 8 * (offset & 3);
    return size >= 4 ? v : v & ((1u << (8 * size)) - 1);
}
static void mmio_write(void *opaque, uint32_t offset, unsigned size, uint64_t value) {
    if ((offset & 0xF) || size < 4) return;
    write_register(current(opaque), offset, (uint32_t)value);
}

/* ---- The register page ---- */

static void unmap_page(struct lapic *s) {
    struct smmu_mem *mem = s->dev.host->mem;
    if (!s->mapped) return;
    struct gpa at = gpa(s->mapped);
    s->mapped = 0;
    if (s->under.dev)
        (void)smmu_mem_unmap(mem, at, SMMU_PAGE_SIZE); /* another device's page: not given back */
    else
        (void)smmu_mem_map_frames(mem, at, SMMU_PAGE_SIZE, s->under.read_frame, s->under.write_frame);
}

/* CPU 0's base decides for all: no system gives each CPU an address of its own. */
static void place_page(struct lapic *s) {
    struct smmu_mem *mem = s->dev.host->mem;
    uint32_t want = s->base & APIC_BASE_ENABLE ? (uint32_t)s->base & ~(uint32_t)SMMU_PAGE_MASK : 0;
    if (s->cpu != 0 || want == s->mapped) return;
    unmap_page(s);
    if (!want) return;
    s->under = smmu_mem_lookup(mem, gpa(want));
    if (smmu_mem_map_mmio(mem, gpa(want), SMMU_PAGE_SIZE, &s->page) == SMMU_OK) s->mapped = want;
}

uint64_t lapic_base(struct dev *d) { return to_lapic(d)->base; }

void lapic_set_base(struct dev *d, uint64_t value) {
    struct lapic *s = to_lapic(d);
    bool was = s->base & APIC_BASE_ENABLE;
    s->base = (value & (0xFFFFF000u | APIC_BASE_ENABLE)) | (s->cpu == 0 ? APIC_BASE_BSP : 0);
    if (was && !(s->base & APIC_BASE_ENABLE)) lapic_init_reset(d);
    place_page(s);
    update_line(s);
}

/* ---- The device ---- */

void lapic_init_reset(struct dev *d) {
    struct lapic *s = to_lapic(d);
    s->tpr = s->ldr = s->esr = s->esr_pending = s->icr_low = s->icr_high = 0;
    s->dfr = 0xFFFFFFFFu;
    s->svr = 0xFF;
    memset(s->isr, 0, sizeof s->isr);
    memset(s->tmr, 0, sizeof s->tmr);
    memset(s->irr, 0, sizeof s->irr);
    s->waiting = 0;
    for (int i = 0; i < LVT_COUNT; i++) s->lvt[i] = LVT_MASKED;
    lapic_timer_reset(s);
    update_line(s);
}

static void reset(struct dev *d) {
    struct lapic *s = to_lapic(d);
    lapic_init_reset(d);
    s->id = (uint32_t)s->cpu << 24;
    s->base = LAPIC_DEFAULT_BASE | APIC_BASE_ENABLE | (s->cpu == 0 ? APIC_BASE_BSP : 0);
    /* Virtual wire from power-on, as boards without firmware help have it: the PIC works before POST gets here. */
    if (s->cpu == 0) s->lvt[LVT_LINT0] = (uint32_t)APIC_EXTINT << 8;
    place_page(s);
    update_line(s);
}

static enum dev_status init(struct dev *d, const void *cfg) {
    struct lapic *s = to_lapic(d);
    const struct lapic_cfg *c = cfg;
    if (!c || !c->bus || c->cpu < 0 || c->cpu >= APIC_MAX_CPUS) return DEV_BAD_CONFIG;
    if (c->bus->lapic[c->cpu]) return DEV_CONFLICT;
    s->bus = c->bus;
    s->cpu = c->cpu;
    s->intr = c->intr;
    s->pic_ack = c->pic_ack;
    s->pic_opaque = c->pic_opaque;
    s->tsc_deadline = c->tsc_deadline;
    lapic_timer_init(s);
    s->page = (struct smmu_mmio){.name = "lapic", .opaque = s->bus, .read = mmio_read, .write = mmio_write};
    s->quick = (struct smmu_quick){.offset = R_TPR, .value = &s->tpr, .busy = &s->waiting};
    if (c->quick_tpr) s->page.quick = &s->quick;
    s->bus->lapic[s->cpu] = d;
    if (s->bus->cpus <= s->cpu) s->bus->cpus = s->cpu + 1;
    reset(d);
    return DEV_OK;
}

static void state_registers(struct lapic *s, struct dev_state *st) {
    DEV_STATE(st, s->id);
    s->tpr = tpr(s);
    DEV_STATE(st, s->tpr);
    DEV_STATE(st, s->ldr);
    DEV_STATE(st, s->dfr);
    DEV_STATE(st, s->svr);
    DEV_STATE(st, s->esr);
    DEV_STATE(st, s->esr_pending);
    DEV_STATE(st, s->icr_low);
    DEV_STATE(st, s->icr_high);
    DEV_STATE(st, s->lvt);
    DEV_STATE(st, s->isr);
    DEV_STATE(st, s->tmr);
    DEV_STATE(st, s->irr);
    dev_state_bool(st, &s->lint[0]);
    dev_state_bool(st, &s->lint[1]);
    dev_state_bool(st, &s->intr_level);
}

static void state(struct dev *d, struct dev_state *st) {
    struct lapic *s = to_lapic(d);
    DEV_STATE(st, s->base);
    state_registers(s, st);
    lapic_timer_state(s, st);
    if (st->saving || st->failed) return;
    s->waiting = highest(s->irr) >= 0;
    place_page(s);
    lapic_timer_loaded(s);
}

static void destroy(struct dev *d) {
    struct lapic *s = to_lapic(d);
    d->host->timer_cancel(d->host->opaque, &s->timer);
    unmap_page(s);
    s->bus->lapic[s->cpu] = NULL;
}

const struct dev_class lapic_class = {
    .name = "lapic",
    .instance_size = sizeof(struct lapic),
    .init = init,
    .reset = reset,
    .state = state,
    .destroy = destroy,
};
