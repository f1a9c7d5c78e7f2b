#include "monitor/watch.h"

#include <stdlib.h>
#include <string.h>
#include "monitor/board.h"
#include "monitor/drives.h"
#include "monitor/machine.h"

#define BIT(kind) (UINT32_C(1) << MON_SEEN_##kind)
static const uint32_t groups[MON_WATCH_GROUPS] = {
    [MON_WATCH_EXITS] = BIT(CALLOUT) | BIT(EXCEPTION) | BIT(IRQ),
    [MON_WATCH_FAULTS] = BIT(HIDDEN) | BIT(TRUE) | BIT(CHECKED) | BIT(CODE),
    [MON_WATCH_IO] = BIT(IN) | BIT(OUT) | BIT(READ) | BIT(WRITE),
};
enum {
    PROBED = BIT(CALLOUT) | BIT(HIDDEN) | BIT(CHECKED) | BIT(CODE),
    DEVICES = BIT(READ) | BIT(WRITE),
    NEAR = 16, /* slots in which a row may lie */
};

/* ---- Counting ---- */

static uint32_t hash_of(uint32_t kind, uint32_t sub, uint32_t pc, uint32_t where) {
    uint64_t h = (uint64_t)pc << 32 | where;
    h = (h ^ (kind << 16 | sub)) * UINT64_C(0x9E3779B97F4A7C15);
    h = (h ^ h >> 29) * UINT64_C(0xBF58476D1CE4E5B9);
    return (uint32_t)(h >> 40);
}

static struct watch_slot *count_row(struct watch_table *t, const struct watch_event *e, uint32_t sub, uint32_t pc,
                                    uint32_t where) {
    uint32_t at = hash_of(e->kind, sub, pc, where);
    for (uint32_t i = 0; i < NEAR; i++) {
        struct watch_slot *s = &t->slot[(at + i) % WATCH_SLOTS];
        if (!s->count) *s = (struct watch_slot){0, 0, pc, where, (uint16_t)e->kind, (uint16_t)sub};
        if (s->pc != pc || s->where != where || s->kind != e->kind || s->sub != sub) continue;
        s->count++;
        s->cycles += e->cycles;
        return s;
    }
    return NULL;
}

/* In both rows, or in none: what is counted is the same by page and by instruction. */
static bool count_fault(struct watch_table *t, const struct watch_event *e, uint32_t pc) {
    struct watch_slot *page = count_row(t, e, 1, 0, (uint32_t)e->address & ~(uint32_t)SMMU_PAGE_MASK);
    if (page && !count_row(t, e, 0, pc, 0)) {
        page->count--;
        page = NULL;
    }
    return page != NULL;
}

static void count(struct watch *w, const struct watch_event *e, uint32_t pc) {
    for (unsigned g = 0; g < MON_WATCH_GROUPS; g++) {
        struct watch_table *t = w->table[g];
        if (!(groups[g] >> e->kind & 1) || !(w->counted >> e->kind & 1) || !t) continue;
        bool room;
        t->total[e->kind]++;
        if (g == MON_WATCH_FAULTS)
            room = count_fault(t, e, pc);
        else
            room = count_row(t, e, e->sub, pc, g == MON_WATCH_IO ? (uint32_t)e->address : 0) != NULL;
        t->lost[e->kind] += !room;
    }
}

/* ---- Tracing ---- */

static void variables(const struct machine *m, const struct watch_event *e, uint32_t pc, uint64_t var[MON_VARS]) {
    const struct vcpu *v = &m->vcpu;
    for (int i = 0; i < 8; i++) var[MON_VAR_EAX + i] = v->cpu.gpr[i];
    for (int i = 0; i < DEC_SEG_COUNT; i++) var[MON_VAR_ES + i] = v->cpu.seg[i].selector;
    var[MON_VAR_EIP] = pc - v->cpu.seg[DEC_CS].base;
    var[MON_VAR_PC] = pc;
    var[MON_VAR_EFLAGS] = bt_eflags(&v->cpu);
    var[MON_VAR_CR0] = v->cpu.cr0;
    var[MON_VAR_CR2] = v->cr2;
    var[MON_VAR_CR3] = v->cr3;
    var[MON_VAR_CR4] = v->cpu.cr4;
    var[MON_VAR_CPL] = v->cpu.cpl;
    var[MON_VAR_ADDRESS] = e->address;
    var[MON_VAR_VALUE] = e->value;
    var[MON_VAR_SIZE] = e->size;
    var[MON_VAR_VECTOR] = e->sub;
}

static bool meets(const struct machine *m, struct watch_ring *r, const struct watch_event *e, uint32_t pc) {
    uint64_t var[MON_VARS], v = 0;
    if (!r->condition.n) return true;
    variables(m, e, pc, var);
    r->judged++;
    bool ok = mon_expr_eval(&r->condition, var, &v);
    r->failed += !ok;
    return ok && v;
}

static void put_name(char *to, size_t size, const char *from) {
    size_t i = 0;
    for (; from && from[i] && i + 1 < size; i++) to[i] = from[i];
    to[i] = 0;
}

static void trace(const struct machine *m, struct watch_ring *r, const struct watch_event *e, uint32_t pc) {
    if (!meets(m, r, e, pc)) return;
    struct mon_trace_entry *t = &r->at[r->seen++ % MON_TRACE_RING];
    t->kind = e->kind;
    t->sub = e->sub;
    t->pc = pc;
    t->size = e->size;
    t->cpl = m->vcpu.cpu.cpl;
    t->ns = clock_now(&m->clock);
    t->address = e->address;
    t->value = e->value;
    put_name(t->name, sizeof t->name, e->kind == MON_SEEN_CALLOUT ? bt_op_name((enum bt_op)e->sub) : e->name);
}

void watch_note(struct machine *m, const struct watch_event *e) {
    struct watch *w = &m->watch;
    uint32_t pc = e->pc ? e->pc : bt_probe_pc(m->engine).v;
    if (w->counted >> e->kind & 1) count(w, e, pc);
    if (w->traced >> e->kind & 1) trace(m, w->ring, e, pc);
}

/* ---- Hooks of the rooms below ---- */

static void on_probe(void *opaque, const struct bt_probed *p) {
    static const enum mon_seen_kind kinds[] = {[BT_PROBE_CALLOUT] = MON_SEEN_CALLOUT,
                                               [BT_PROBE_HIDDEN] = MON_SEEN_HIDDEN,
                                               [BT_PROBE_CHECKED] = MON_SEEN_CHECKED,
                                               [BT_PROBE_CODE_WRITE] = MON_SEEN_CODE};
    struct machine *m = opaque;
    enum mon_seen_kind kind = kinds[p->what];
    struct watch_event e = {.kind = kind, .pc = p->pc, .cycles = p->cycles};
    if (!watch_wants(m, kind)) return;
    if (kind == MON_SEEN_CALLOUT)
        e.sub = p->address;
    else
        e.address = p->address;
    watch_note(m, &e);
}

static void on_device(void *opaque, const struct smmu_mmio *dev, struct gpa pa, unsigned size, bool write,
                      uint64_t value) {
    struct machine *m = opaque;
    enum mon_seen_kind kind = write ? MON_SEEN_WRITE : MON_SEEN_READ;
    if (watch_wants(m, kind))
        watch_note(
            m, &(struct watch_event){.kind = kind, .size = size, .address = pa.v, .value = value, .name = dev->name});
}

static void on_disk(void *opaque, const char *name, int op, uint64_t offset, uint32_t len) {
    struct machine *m = opaque;
    if (watch_wants(m, MON_SEEN_DISK))
        watch_note(m, &(struct watch_event){
                          .kind = MON_SEEN_DISK, .sub = (uint32_t)op, .address = offset, .value = len, .name = name});
}

/* ---- On and off ---- */

static void apply(struct machine *m) {
    struct watch *w = &m->watch;
    bool devices = ((w->mask | w->counted | w->traced) & DEVICES) != 0;
    w->mask = w->counted | w->traced;
    /* The address of an instruction that makes an access is known only while the engine is probed. */
    bt_probe_set(m->engine, w->mask & (PROBED | DEVICES) ? on_probe : NULL, m);
    smmu_mem_on_device(m->mem, w->mask & DEVICES ? on_device : NULL, m);
    if (devices) smmu_forget_devices(m->smmu);
    drives_watch(m->drives, w->mask & BIT(DISK) ? on_disk : NULL, m);
}

bool watch_count(struct machine *m, enum mon_watch_group g, bool on) {
    struct watch *w = &m->watch;
    if (on && !w->table[g]) w->table[g] = malloc(sizeof *w->table[g]);
    if (on && !w->table[g]) return false;
    if (on) memset(w->table[g], 0, sizeof *w->table[g]), w->table[g]->begun_ns = clock_now(&m->clock);
    w->counted = on ? w->counted | groups[g] : w->counted & ~groups[g];
    apply(m);
    return true;
}

bool watch_trace(struct machine *m, const struct mon_trace_order *o) {
    struct watch *w = &m->watch;
    if (o->kinds && !w->ring) w->ring = calloc(1, sizeof *w->ring);
    if (o->kinds && !w->ring) return false;
    if (o->kinds) {
        w->ring->order++;
        w->ring->seen = w->ring->judged = w->ring->failed = 0;
        w->ring->condition = o->condition;
    }
    w->traced = o->kinds & ((UINT32_C(1) << MON_SEEN_KINDS) - 1);
    apply(m);
    return true;
}

void watch_free(struct watch *w) {
    for (unsigned g = 0; g < MON_WATCH_GROUPS; g++) free(w->table[g]);
    free(w->ring);
}
