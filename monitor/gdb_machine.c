/* gdb_machine.c: the debugger's part on the vCPU thread: points, stops, steps, memory. */
#include <string.h>
#include <sys/eventfd.h>
#include "monitor/gdb_internal.h"

/* ---- Stopping ---- */

static void stop(struct gdb *g, int watch, uint32_t at) {
    g->stop = (struct gdb_stop){GDB_SIGTRAP, watch, at};
    g->stepping = g->skipping = false;
    bt_fpu_park(&g->m->vcpu.cpu);
    machine_pause(g->m);
    eventfd_write(g->stop_fd, 1);
}

bool gdb_holds_interrupts(const struct gdb *g) { return (g->stepping || g->skipping) && !g->m->vcpu.halted; }

bool gdb_before(struct gdb *g) {
    struct vcpu *v = &g->m->vcpu;
    struct gva pc = bt_pc(&v->cpu);
    bool point = bt_break_at(g->m->engine, pc), skip = g->skipping && pc.v == g->skip_at;
    if (point && !skip && !g->stepping) {
        stop(g, 0, 0);
        return true;
    }
    v->debugged = g->stepping || g->n_watches || skip;
    mon_debug_update(v);
    return false;
}

static unsigned kinds(unsigned type) {
    return type == 2 ? ACCESS_WRITE : type == 3 ? ACCESS_READ : ACCESS_READ | ACCESS_WRITE;
}

static const struct gdb_point *touched(const struct gdb *g, const struct mon_watch *w) {
    for (unsigned i = 0; i < g->n_points; i++) {
        const struct gdb_point *p = &g->points[i];
        if (p->type >= 2 && mon_watch_touched(&g->m->vcpu, w, p->at, p->len, kinds(p->type))) return p;
    }
    return NULL;
}

/* A poll has run nothing, or some iterations of a string instruction. */
void gdb_after(struct gdb *g, enum bt_exit reason, const struct mon_watch *watch) {
    bool part = reason == BT_EXIT_POLL && !(watch && mon_watch_unfinished(&g->m->vcpu, watch));
    if (part || (!g->stepping && !g->n_watches && !g->skipping)) return;
    const struct gdb_point *p = g->n_watches && watch && reason != BT_EXIT_EXCEPTION ? touched(g, watch) : NULL;
    g->skipping = false;
    if (p)
        stop(g, (int)p->type, p->at);
    else if (g->stepping)
        stop(g, 0, 0);
    else if (!g->n_watches) {
        g->m->vcpu.debugged = false;
        mon_debug_update(&g->m->vcpu);
    }
}

static bool go_on(struct gdb *g, bool step) {
    g->stepping = step;
    g->skip_at = bt_pc(&g->m->vcpu.cpu).v;
    g->skipping = bt_break_at(g->m->engine, gva(g->skip_at));
    machine_resume(g->m);
    return true;
}

/* ---- Memory: by the guest's tables, without changing their bits; never a device's ---- */

static bool access_memory(struct gdb *g, struct gdb_request *r, bool write) {
    struct machine *m = g->m;
    for (uint32_t done = 0; done < r->len;) {
        uint32_t at = r->at + done, run = SMMU_PAGE_SIZE - (at & SMMU_PAGE_MASK);
        struct smmu_xlat x;
        if (run > r->len - done) run = r->len - done;
        if (!smmu_probe(m->smmu, gva(at), &x)) return false;
        struct smmu_backing b = smmu_mem_lookup(m->mem, x.pa);
        if ((write ? b.write_frame : b.read_frame) < 0) return false;
        if (write)
            smmu_mem_write(m->mem, x.pa, r->data + done, run);
        else
            smmu_mem_read(m->mem, x.pa, r->data + done, run);
        done += run;
    }
    return true;
}

/* ---- Points ---- */

static unsigned find(const struct gdb *g, unsigned type, uint32_t at, uint32_t len) {
    unsigned i = 0;
    while (i < g->n_points &&
           (g->points[i].type != type || g->points[i].at != at || (type >= 2 && g->points[i].len != len)))
        i++;
    return i;
}

static bool insert(struct gdb *g, const struct gdb_request *r) {
    bool watch = r->type >= 2;
    if (r->type > 4 || find(g, r->type, r->at, r->len) < g->n_points) return r->type <= 4;
    if (g->n_points == GDB_POINTS) return false;
    if (watch && (g->n_watches == GDB_WATCHES || !r->len || r->len > GDB_WATCH_LEN_MAX)) return false;
    if (!watch && !bt_break_add(g->m->engine, gva(r->at))) return false;
    g->points[g->n_points++] = (struct gdb_point){r->type, r->at, r->len};
    g->n_watches += watch;
    return true;
}

static void remove_point(struct gdb *g, unsigned i) {
    struct gdb_point p = g->points[i];
    g->points[i] = g->points[--g->n_points];
    if (p.type >= 2)
        g->n_watches--;
    else if (find(g, !p.type, p.at, 0) == g->n_points)
        bt_break_remove(g->m->engine, gva(p.at));
}

static bool remove_named(struct gdb *g, const struct gdb_request *r) {
    unsigned i = find(g, r->type, r->at, r->len);
    if (i < g->n_points) remove_point(g, i);
    return r->type <= 4;
}

static bool detach(struct gdb *g, bool go) {
    while (g->n_points) remove_point(g, g->n_points - 1);
    g->stepping = g->skipping = g->m->vcpu.debugged = false;
    mon_debug_update(&g->m->vcpu);
    if (go) machine_resume(g->m);
    return true;
}

/* ---- Requests ---- */

static bool write_registers(struct vcpu *v, const uint8_t *image, uint32_t len) {
    for (unsigned n = 0, at = 0; n < GDB_REGISTERS; at += gdb_register_size(n), n++)
        if (at + gdb_register_size(n) <= len) gdb_set_register(v, n, image + at);
    return true;
}

static bool stop_now(struct gdb *g, struct gdb_request *r) {
    r->go = !g->m->paused; /* it ran until now */
    g->stepping = g->skipping = false;
    machine_pause(g->m);
    return true;
}

static bool perform(struct gdb *g, struct gdb_request *r) {
    struct vcpu *v = &g->m->vcpu;
    switch (r->op) {
    case GDB_STOP: return stop_now(g, r);
    case GDB_CONTINUE: return go_on(g, false);
    case GDB_STEP: return go_on(g, true);
    case GDB_READ_REGISTERS: gdb_get_registers(v, r->data); return true;
    case GDB_WRITE_REGISTERS: return write_registers(v, r->data, r->len);
    case GDB_WRITE_REGISTER: return gdb_set_register(v, r->at, r->data);
    case GDB_READ: return access_memory(g, r, false);
    case GDB_WRITE: return access_memory(g, r, true);
    case GDB_INSERT: return insert(g, r);
    case GDB_REMOVE: return remove_named(g, r);
    case GDB_DETACH: return detach(g, r->go);
    case GDB_KILL: machine_request_exit(g->m, MON_EXIT_OK, MON_CAUSE_CONSOLE); return true;
    }
    return false;
}

bool gdb_do(struct machine *m, void *args, struct letter *letter) {
    struct gdb_request *r = args;
    (void)m, (void)letter;
    r->ok = perform(r->g, r);
    return true;
}
